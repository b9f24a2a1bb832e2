//! What answers mean, by the connector's rules and, failing those, by HTTP itself.

use crate::connector::{Answers, ErrorRule, Means};
use crate::place::Place;
use adapter_kit::{HttpResponse, Refusal, RefusalKind, StatusVerdicts, Verdict, Verdicts, retry_after};
use bridge_core::Time;
use serde_json::Value as Json;
use std::time::Duration;

/// The rules of one product, as the HTTP client asks for them.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    answers: Answers,
    /// The member that holds mapped values; names of members at fault stand below it.
    under: Option<String>,
}

/// What is looked at to find the meaning of an answer, or of one error in an answer.
struct Facts<'a> {
    status: Option<u16>,
    response: Option<&'a HttpResponse>,
    body: &'a Json,
}

impl Rules {
    pub fn new(answers: Answers, under: Option<String>) -> Rules {
        Rules { answers, under }
    }

    /// What one error among the results of a batch means.
    pub fn of_item(&self, error: &Json) -> (Means, Refusal) {
        let status = error["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let facts = Facts {
            status,
            response: None,
            body: error,
        };
        let rule = self.rule(&facts, |_| true);
        let means = rule.map_or(Means::Invalid, |rule| rule.means);
        (means, self.refusal(means, rule, &facts))
    }

    /// Why an answer that refuses a write does so.
    pub fn refusal_of(&self, response: &HttpResponse) -> Refusal {
        let body = response.json().unwrap_or(Json::Null);
        let facts = Facts {
            status: Some(response.status.as_u16()),
            response: Some(response),
            body: &body,
        };
        let rule = self.rule(&facts, |_| true);
        let by_status = if response.status.as_u16() == 403 {
            Means::Forbidden
        } else {
            Means::Invalid
        };
        self.refusal(rule.map_or(by_status, |rule| rule.means), rule, &facts)
    }

    /// Whether a rule (and not just the status, which a wrong address has too) says that a record
    /// is not there.
    pub fn says_gone(&self, response: &HttpResponse) -> bool {
        let body = response.json().unwrap_or(Json::Null);
        let facts = Facts {
            status: Some(response.status.as_u16()),
            response: Some(response),
            body: &body,
        };
        self.rule(&facts, |_| true)
            .is_some_and(|rule| rule.means == Means::Gone)
    }

    fn refusal(&self, means: Means, rule: Option<&ErrorRule>, facts: &Facts<'_>) -> Refusal {
        let kind = match means {
            Means::Taken => RefusalKind::Taken,
            Means::Forbidden | Means::Scope | Means::Auth => RefusalKind::Forbidden,
            _ => RefusalKind::Invalid,
        };
        let member = rule
            .and_then(|rule| rule.member.as_ref())
            .and_then(|member| member.text(facts.body))
            .map(|member| match &self.under {
                Some(under) => format!("{under}.{member}"),
                None => member,
            });
        let says = rule.and_then(|rule| rule.says.clone());
        let path = rule
            .and_then(|rule| rule.path.clone())
            .or(member)
            .filter(|path| is_code(path));
        Refusal {
            kind,
            code: says.unwrap_or_else(|| self.code(facts)),
            path,
        }
    }

    /// The product's code, if it looks like one: a text that could hold a person's data is none.
    fn code(&self, facts: &Facts<'_>) -> String {
        code_at(&self.answers.code, facts.body)
            .or_else(|| facts.status.map(|status| status.to_string()))
            .unwrap_or_else(|| "refused".into())
    }

    fn rule(&self, facts: &Facts<'_>, counts: impl Fn(&ErrorRule) -> bool) -> Option<&ErrorRule> {
        self.answers.rules.iter().filter(|rule| counts(rule)).find(|rule| {
            let status = match facts.status {
                Some(status) => {
                    rule.status.is_empty()
                        || rule
                            .status
                            .iter()
                            .any(|(first, last)| (*first..=*last).contains(&status))
                }
                // An error among results has no status of its own: its words must do.
                None => rule.status.is_empty() || !rule.body.tests.is_empty(),
            };
            let header = |name: &str| facts.response.and_then(|response| response.header(name));
            status
                && rule.body.holds(facts.body)
                && rule.headers.iter().all(|(name, values)| match header(name) {
                    Some(value) => values.is_empty() || values.iter().any(|known| known.eq_ignore_ascii_case(value)),
                    None => false,
                })
        })
    }

    /// Whether a 2xx answer has to be read before it can be believed.
    fn doubts_success(&self) -> bool {
        let on_success = |rule: &ErrorRule| rule.status.iter().any(|(first, last)| *first < 300 && *last >= 200);
        self.answers.good.is_some() || self.answers.rules.iter().any(on_success)
    }
}

impl Verdicts for Rules {
    fn of(&self, response: &HttpResponse, now: Time) -> Verdict {
        let status = response.status.as_u16();
        let success = (200..300).contains(&status) || status == 304;
        if success && !self.doubts_success() {
            return Verdict::Fine;
        }
        let body = response.json();
        let body = match &body {
            Ok(body) => body,
            Err(_) if success => return Verdict::Protocol,
            Err(_) => &Json::Null,
        };
        let facts = Facts {
            status: Some(status),
            response: Some(response),
            body,
        };
        let named = |rule: &ErrorRule| !success || !rule.status.is_empty();
        let bad = success
            && self
                .answers
                .good
                .as_ref()
                .is_some_and(|good| !body.is_null() && !good.holds(body));
        let rule = self.rule(&facts, |rule| bad || named(rule));
        let Some(rule) = rule else {
            return match (success, bad) {
                (true, false) => Verdict::Fine,
                (true, true) => Verdict::Refused(self.code(&facts)),
                (false, _) => match StatusVerdicts.of(response, now) {
                    Verdict::Refused(_) => Verdict::Refused(self.code(&facts)),
                    verdict => verdict,
                },
            };
        };
        let wait = || told_wait(rule, &facts, now);
        match rule.means {
            Means::Throttled => Verdict::Throttled(wait()),
            Means::Day => Verdict::DayBudget(wait()),
            Means::Expired => Verdict::Expired,
            Means::Auth => Verdict::Auth,
            Means::Scope => Verdict::Scope,
            Means::Moved => Verdict::Moved,
            Means::Gone => Verdict::Missing,
            Means::Unavailable => Verdict::Transient,
            Means::NotNow => Verdict::NotNow(wait()),
            Means::Taken | Means::Invalid | Means::Forbidden => {
                Verdict::Refused(rule.says.clone().unwrap_or_else(|| self.code(&facts)))
            }
        }
    }
}

/// How long to wait: `Retry-After`, a header or a member of the rule, else the rule's own time.
fn told_wait(rule: &ErrorRule, facts: &Facts<'_>, now: Time) -> Option<Duration> {
    let by_header = facts.response.and_then(|response| {
        retry_after(response, now).or_else(|| {
            let text = response.header(rule.wait_header.as_deref()?)?;
            seconds(text.parse().ok()?, now)
        })
    });
    let by_body = || seconds(rule.wait_at.as_ref()?.text(facts.body)?.parse().ok()?, now);
    by_header.or_else(by_body).or(rule.wait)
}

/// Seconds from now; large numbers are a moment (seconds since 1970).
fn seconds(number: f64, now: Time) -> Option<Duration> {
    const A_MOMENT: f64 = 1e9;
    let micros = if number >= A_MOMENT {
        number * 1e6 - now as f64
    } else {
        number * 1e6
    };
    (micros.is_finite() && micros >= 0.0).then(|| Duration::from_micros(micros.min(8.64e10) as u64))
}

/// The first text among places, if it looks like a code.
pub(crate) fn code_at(places: &[Place], body: &Json) -> Option<String> {
    let told = places.iter().find_map(|place| place.text(body));
    told.filter(|code| is_code(code))
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.len() <= 60 && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))
}
