//! Charts drawn on the server, from samples: one line each, no script and no style of their own.

use super::words::{Clockwork, duration, system, thousands};
use bridge_core::Time;
use bridge_engine::vitals::Vitals;
use bridge_engine::vitals::samples::{AGE, APPLIED, CALLS, LAG, LEFT, WAITING};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The picture, in its own units.
const WIDE: f64 = 300.0;
const HIGH: f64 = 80.0;
/// Steps of time in a picture.
const STEPS: i64 = 96;

/// One chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chart {
    title: String,
    /// The latest.
    now: String,
    /// The whole in words, for whoever does not see it.
    words: String,
    /// The line as an SVG path; broken where nothing was measured.
    line: String,
    /// What is below it.
    area: String,
    /// The height of a limit.
    limit: Option<String>,
    /// The greatest, in words.
    top: String,
    from: String,
    until: String,
    /// What it comes to, in words.
    note: Option<String>,
}

/// What a number counts.
#[derive(Clone, Copy)]
enum Unit {
    Seconds,
    Things,
}

impl Unit {
    fn words(self, n: i64) -> String {
        match self {
            Unit::Seconds => duration(n.unsigned_abs()),
            Unit::Things => thousands(n.unsigned_abs()),
        }
    }
}

struct Wanted<'a> {
    title: String,
    unit: Unit,
    samples: Option<&'a Vec<(Time, i64)>>,
    /// Samples of a step are added up; else the greatest counts.
    adds: bool,
    limit: Option<i64>,
    note: Option<String>,
}

/// The charts of a stretch of time up to now.
pub fn charts(
    samples: &BTreeMap<String, Vec<(Time, i64)>>,
    stretch: Time,
    vitals: Option<&Vitals>,
    clock: &Clockwork,
    now: Time,
) -> Vec<Chart> {
    let plain = |title: &str, name: &str, unit| Wanted {
        title: title.into(),
        unit,
        samples: samples.get(name),
        adds: false,
        limit: None,
        note: None,
    };
    let mut wanted = vec![
        plain("Longest wait", LAG, Unit::Seconds),
        plain("Left for the bridge", LEFT, Unit::Things),
        plain("Waits for a person", WAITING, Unit::Things),
    ];
    let names = samples.keys().filter_map(|name| name.strip_prefix(CALLS));
    for name in names {
        let of = vitals.and_then(|vitals| vitals.systems.get(name));
        let budget = of.and_then(|of| of.budget);
        let title = system(name);
        wanted.push(Wanted {
            limit: of.map(|of| i64::try_from(of.allowed_seconds).unwrap_or(i64::MAX)),
            ..plain(
                &format!("{title}: since the last look"),
                &format!("{AGE}{name}"),
                Unit::Seconds,
            )
        });
        wanted.push(Wanted {
            adds: true,
            ..plain(
                &format!("{title}: writes taken"),
                &format!("{APPLIED}{name}"),
                Unit::Things,
            )
        });
        wanted.push(Wanted {
            limit: budget.map(|of| i64::try_from(of.limit).unwrap_or(i64::MAX)),
            note: budget.map(|of| {
                format!(
                    "{} of {} calls today; about {} by midnight UTC",
                    thousands(of.used),
                    thousands(of.limit),
                    thousands(of.forecast)
                )
            }),
            ..plain(
                &format!("{title}: calls of the day"),
                &format!("{CALLS}{name}"),
                Unit::Things,
            )
        });
    }
    wanted
        .into_iter()
        .map(|wanted| drawn(wanted, stretch, clock, now))
        .collect()
}

fn drawn(wanted: Wanted<'_>, stretch: Time, clock: &Clockwork, now: Time) -> Chart {
    let (start, step) = (now - stretch, stretch / STEPS);
    let mut steps: Vec<Option<i64>> = vec![None; STEPS as usize];
    for (at, n) in wanted.samples.into_iter().flatten() {
        let place = usize::try_from((at - start).max(0) / step)
            .unwrap_or(0)
            .min(steps.len() - 1);
        let held = steps[place];
        steps[place] = Some(match held {
            Some(held) if wanted.adds => held + n,
            Some(held) => held.max(*n),
            None => *n,
        });
    }
    let greatest = steps.iter().flatten().copied().max();
    // A limit far above what happens would flatten the line: it is drawn if it is near.
    let near = wanted
        .limit
        .filter(|limit| greatest.is_some_and(|top| top * 4 >= *limit));
    let top = greatest.unwrap_or(0).max(near.unwrap_or(0)).max(1);
    let y = |n: i64| HIGH - n as f64 / top as f64 * HIGH;
    let x = |place: usize| (place as f64 + 0.5) / STEPS as f64 * WIDE;
    let (mut line, mut area) = (String::new(), String::new());
    let mut place = 0;
    while place < steps.len() {
        let run: Vec<(usize, i64)> = steps[place..]
            .iter()
            .enumerate()
            .map_while(|(n, of)| Some((place + n, (*of)?)))
            .collect();
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            for (n, (at, value)) in run.iter().enumerate() {
                let word = if n == 0 { 'M' } else { 'L' };
                let _ = write!(line, "{word}{:.1} {:.1}", x(*at), y(*value));
            }
            // A single step would be a line of no length.
            let _ = write!(line, "h0.8");
            let _ = write!(area, "M{:.1} {HIGH}", x(first.0));
            for (at, value) in &run {
                let _ = write!(area, "L{:.1} {:.1}", x(*at), y(*value));
            }
            let _ = write!(area, "L{:.1} {HIGH}Z", x(last.0));
        }
        place += run.len().max(1);
    }
    let latest = wanted.samples.and_then(|all| all.last()).map(|(_, n)| *n);
    let now_words = latest.map_or("not measured".into(), |n| wanted.unit.words(n));
    let top_words = wanted.unit.words(greatest.unwrap_or(0));
    Chart {
        words: format!(
            "{}: {}; at most {top_words} since {}",
            wanted.title,
            now_words,
            clock.local(start)
        ),
        limit: near.map(|limit| format!("{:.1}", y(limit))),
        top: format!("at most {top_words}"),
        from: clock.local(start),
        until: "now".into(),
        title: wanted.title,
        now: now_words,
        line,
        area,
        note: wanted.note,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Time = 3_600_000_000;

    #[test]
    fn gaps_stay_gaps_and_peaks_are_kept() {
        let now = 500 * HOUR;
        let at = |hours_ago: i64, n| (now - hours_ago * HOUR, n);
        let lag = vec![at(20, 5), at(20, 60), at(19, 30), at(2, 120), at(1, 7)];
        let samples = BTreeMap::from([(LAG.to_string(), lag), ("calls/crm".into(), vec![at(1, 40)])]);
        let clock = Clockwork::new(now, "UTC");
        let all = charts(&samples, 24 * HOUR, None, &clock, now);
        assert_eq!(all.len(), 6, "three of all, three of the system");
        let lag = &all[0];
        assert_eq!(lag.line.matches('M').count(), 4, "{}", lag.line);
        assert_eq!((lag.now.as_str(), lag.top.as_str()), ("7 seconds", "at most 2 minutes"));
        assert!(lag.line.contains(" 40.0"), "60 of 120 is half the height");
        let none = &all[1];
        assert_eq!((none.line.as_str(), none.now.as_str()), ("", "not measured"));
    }
}
