//! What a match of two files came to: counts for the terminal, and a page for a practice.

use bridge_core::matching::compare::GivenLevel;
use bridge_core::matching::decide::{Decision, Obstacle, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts of a match.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Records of the left file.
    pub left: usize,
    /// Records of the right file; the same for one file against itself.
    pub right: usize,
    /// Rows that could not be read.
    pub skipped: usize,
    /// Pairs linked.
    pub links: usize,
    /// Pairs for a person.
    pub reviews: usize,
    /// Pairs of each file that are probably one person twice.
    pub duplicates: [usize; 2],
    /// What the links rest on.
    pub by_evidence: BTreeMap<&'static str, usize>,
    /// Why pairs wait for a person.
    pub by_reason: BTreeMap<&'static str, usize>,
    /// The table of weights.
    pub weights: String,
    /// Whether the records show households.
    pub households: bool,
}

impl Summary {
    /// Counts a verdict.
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict.decision {
            Decision::Link => {
                self.links += 1;
                let names = match verdict.comparison.given {
                    GivenLevel::Same => "the same given name",
                    GivenLevel::Form | GivenLevel::WideForm | GivenLevel::Sisters | GivenLevel::Loose => {
                        "a known short form or spelling of the given name"
                    }
                    GivenLevel::Initial => "an initial, with birth date and contact",
                    _ => "a given name with a slip",
                };
                *self.by_evidence.entry(names).or_default() += 1;
            }
            Decision::Review => {
                self.reviews += 1;
                let why = match verdict.obstacle {
                    Some(Obstacle::Guard(guard)) => guard.words(),
                    Some(Obstacle::Twice) => "the same person seems to stand in one file twice",
                    Some(Obstacle::Rival) => "somebody else fits nearly as well",
                    Some(Obstacle::Weak) | None => "too little agrees to be sure",
                };
                *self.by_reason.entry(why).or_default() += 1;
            }
        }
    }

    /// A page of its own: no scripts, no outside files, no personal values.
    pub fn page(&self, left: &str, right: &str) -> String {
        let share = |n: usize| format!("{:.1} %", 100.0 * n as f64 / self.left.max(1) as f64);
        let rows = |counts: &BTreeMap<&'static str, usize>| -> String {
            let mut counts: Vec<_> = counts.iter().collect();
            counts.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            let most = counts.first().map_or(1, |(_, n)| **n).max(1);
            counts
                .into_iter()
                .map(|(why, n)| {
                    let width = 100 * n / most;
                    format!(
                        "<tr><td>{}</td><td class=n>{n}</td><td><i style=\"width:{width}%\"></i></td></tr>",
                        escape(why)
                    )
                })
                .collect()
        };
        format!(
            r#"<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Who is who: {left} and {right}</title>
<style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#1d2733}}
h1{{font-size:1.5rem}}h2{{font-size:1.1rem;margin-top:2rem}}
.big{{display:flex;gap:1rem;flex-wrap:wrap}}.big div{{flex:1;min-width:11rem;border:1px solid #d5dce4;border-radius:.5rem;padding:1rem}}
.big b{{display:block;font-size:1.8rem}}table{{border-collapse:collapse;width:100%}}td{{padding:.3rem .5rem;border-top:1px solid #e5eaf0;vertical-align:top}}
.n{{text-align:right;white-space:nowrap}}td:last-child{{width:30%}}i{{display:block;height:.9rem;margin-top:.3rem;background:#4d7ea8;border-radius:.2rem}}
.small{{color:#556372;font-size:.9rem}}
@media(prefers-color-scheme:dark){{body{{background:#12181f;color:#e2e8ef}}.big div,td{{border-color:#33404e}}.small{{color:#9aa8b7}}}}
</style>
<h1>Who is who: {left} and {right}</h1>
<p>Nothing has been changed anywhere. This page says what would happen if the two lists were joined today.</p>
<div class="big">
<div><b>{links}</b>would be linked by themselves<br><span class="small">{links_share} of {left_n} records on the left</span></div>
<div><b>{reviews}</b>pairs need a person to look<br><span class="small">about {minutes} of work at fifteen seconds a pair</span></div>
<div><b>{alone}</b>have nobody on the other side<br><span class="small">left records neither linked nor in question, at least</span></div>
</div>
<h2>What the links rest on</h2>
<p>A link needs a name that agrees, a third thing beside it (birth date, phone, e-mail, address or card), and nobody else who fits nearly as well. A phone or e-mail alone never links.</p>
<table>{evidence}</table>
<h2>Why pairs wait for a person</h2>
<table>{reasons}</table>
<h2>Probably the same person twice</h2>
<p>{dup_left} pairs within {left}, {dup_right} pairs within {right}. Only one record of such a pair is linked; the others wait. It is best to merge them in their own system first.</p>
<p class="small">{left_n} and {right_n} records read, {skipped} rows left out because they could not be read. Weights: {weights}. {households}</p>
</html>
"#,
            left = escape(left),
            right = escape(right),
            links = self.links,
            links_share = share(self.links),
            left_n = self.left,
            right_n = self.right,
            reviews = self.reviews,
            minutes = time(self.reviews),
            alone = self.left.saturating_sub(self.links + self.reviews),
            evidence = rows(&self.by_evidence),
            reasons = rows(&self.by_reason),
            dup_left = self.duplicates[0],
            dup_right = self.duplicates[1],
            skipped = self.skipped,
            weights = escape(&self.weights),
            households = if self.households {
                "The lists show households, so that what relatives share counts for little."
            } else {
                "The lists show no households."
            },
        )
    }
}

fn time(pairs: usize) -> String {
    let minutes = pairs.div_ceil(4);
    if minutes < 120 {
        format!("{minutes} minutes")
    } else {
        format!("{} hours", minutes.div_ceil(60))
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
