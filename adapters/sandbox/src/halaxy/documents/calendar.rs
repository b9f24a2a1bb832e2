//! Free times and the slots they are found in (halaxy-api.md sections 7.3 and 7.4).

use jiff::ToSpan;
use jiff::civil::{Date, Weekday, time};
use serde_json::{Value, json};

use super::booking::times;
use super::kinds::{ROLE, SCHEDULE, SLOT};
use super::search::{links, moment, points};
use super::shape;
use crate::answer::{Answer, Call, Context};
use crate::clock::{practice_instant, practice_zone};
use crate::halaxy::Halaxy;
use crate::halaxy::bundle::{fhir, outcome, searchset};
use crate::halaxy::search::{BadSearch, Page, Search};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// What a schedule fills when it is generated: the hours of a working day. \[inferred\]
const HOURS: std::ops::Range<i8> = 9..17;

impl Halaxy {
    /// `GET /Appointment/$find`: pieces of free slots, in order.
    pub(in crate::halaxy) fn find(&mut self, call: &Call, cx: &mut Context<'_>) -> Answer {
        let bad = |parameter: &str| outcome(400, "invalid", "the parameter cannot be read", parameter);
        let search = match Search::parse(call, &self.switches) {
            Ok(search) => search,
            Err(BadSearch { status, parameter }) => {
                return outcome(status, "invalid", "the parameter cannot be read", &parameter);
            }
        };
        let at = |name: &str| call.param(name).and_then(|text| moment(&text.into()));
        let (Some(start), Some(end)) = (at("start"), at("end")) else {
            return bad("start");
        };
        let minutes = call.param("duration").and_then(|text| text.parse::<i64>().ok());
        let Some(length) = minutes
            .filter(|minutes| (1..=1440).contains(minutes))
            .map(|minutes| minutes * MINUTE)
        else {
            return bad("duration");
        };
        let mut free: Vec<(i64, String)> = Vec::new();
        for slot in self.documents.shelf(SLOT).rows().iter().filter(|row| !row.removed) {
            let slot = slot.body();
            let (Some((first, last)), Some(role)) = (times(&slot), self.role_of_slot(&slot)) else {
                continue;
            };
            if slot["status"] != "free" || slot["overbooked"] == true || !self.is_wanted(&role, call) {
                continue;
            }
            let mut begin = first;
            while begin + length <= last {
                let piece = (begin, begin + length);
                if piece.0 >= start && piece.1 <= end && !self.is_taken(&role, piece, None) {
                    free.push((begin, role.clone()));
                }
                begin += length;
            }
        }
        free.sort();
        if call.param("_sort") == Some("-start") {
            free.reverse();
        }
        if call.param("show") == Some("first-available") {
            free.truncate(1);
        }
        let total = free.len();
        let first = (search.page - 1).saturating_mul(search.count).min(total);
        let rows = free.into_iter().skip(first).take(search.count).map(|(begin, role)| {
            let link = format!("{}/{role}", call.base);
            json!({"resourceType": "Appointment", "start": practice_instant(begin, false),
                "end": practice_instant(begin + length, false), "minutesDuration": length / MINUTE,
                "participant": [{"actor": {"reference": link, "type": "PractitionerRole"}}]})
        });
        let rows = rows.collect();
        let page = Page { ids: Vec::new(), total };
        fhir(200, searchset(call, cx, &search, &page, rows))
    }

    /// Whether the search asks for somebody's times.
    fn is_wanted(&self, role: &str, call: &Call) -> bool {
        if call
            .param("practitioner-role")
            .is_some_and(|asked| !points(role, asked))
        {
            return false;
        }
        let id = role.rsplit('/').next().unwrap_or_default();
        let body = self.documents.body(ROLE, id).unwrap_or(Value::Null);
        ["practitioner", "organization"].iter().all(|member| {
            let asked = call.param(member);
            asked.is_none_or(|asked| links(&body[*member]).any(|link| points(link, asked)))
        })
    }

    /// `POST /Schedule/{id}/$generate`: slots of an hour on the working days of the period, within the schedule.
    pub(in crate::halaxy) fn generate(&mut self, id: &str, call: &Call, cx: &mut Context<'_>) -> Answer {
        let Some(mut schedule) = self.documents.body(SCHEDULE, id) else {
            return outcome(404, "not-found", "no such schedule", "");
        };
        let Some(sent) = call.json().filter(Value::is_object) else {
            return outcome(400, "structure", "the body is not JSON", "");
        };
        let day = |value: &Value| value.as_str().and_then(|text| text.get(..10)?.parse::<Date>().ok());
        let horizon = &schedule["planningHorizon"];
        let (Some(from), Some(to)) = (day(&horizon["start"]), day(&horizon["end"])) else {
            return outcome(422, "invalid", "the schedule has no end", "planningHorizon");
        };
        let period = &sent["period"];
        let asked = (moment(&period["start"]), moment(&period["end"]));
        let asked = match asked {
            (None, None) if period.is_null() => None,
            (Some(start), Some(end)) if end - start >= DAY => Some((start, end)),
            _ => return outcome(422, "invalid", "the period is less than a day", "period"),
        };
        let mut to = to;
        if sent["updatePlanningHorizon"] == true
            && let Some(end) = day(&period["end"])
        {
            to = to.max(end);
            schedule["planningHorizon"]["end"] = to.to_string().into();
            self.documents.store(SCHEDULE, id, &schedule, cx.now, true);
        }
        let mine = format!("Schedule/{id}");
        let there: Vec<Option<i64>> = self
            .documents
            .shelf(SLOT)
            .rows()
            .iter()
            .filter(|row| !row.removed)
            .map(|row| row.body())
            .filter(|slot| slot["schedule"]["reference"] == mine.as_str())
            .map(|slot| moment(&slot["start"]))
            .collect();
        let mut made = Vec::new();
        for begin in hours(from, to)
            .into_iter()
            .filter(|begin| !there.contains(&Some(*begin)))
        {
            let end = begin + 60 * MINUTE;
            if asked.is_some_and(|(start, last)| begin < start || end > last) {
                continue;
            }
            let mut slot = json!({"status": "free", "overbooked": false, "start": practice_instant(begin, false),
                "end": practice_instant(end, false), "schedule": {"reference": mine, "type": "Schedule"},
                "actor": schedule["actor"]});
            shape::relative(&mut slot);
            let slot_id = self.documents.next_id(SLOT);
            self.documents.add(SLOT, &slot_id, &slot, cx.now, cx.now);
            made.extend(self.document_record(SLOT, &slot_id, &call.base));
        }
        let entries: Vec<Value> = made.into_iter().map(|slot| json!({"resource": slot})).collect();
        fhir(
            200,
            json!({"resourceType": "Bundle", "type": "collection", "total": entries.len(), "entry": entries}),
        )
    }
}

/// The beginnings of all working hours from one day to another.
fn hours(from: Date, to: Date) -> Vec<i64> {
    let days = from.series(1.day()).take_while(|day| *day <= to);
    let working = days.filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
    working
        .flat_map(|day| HOURS.map(move |hour| day.to_datetime(time(hour, 0, 0, 0))))
        .filter_map(|at| at.to_zoned(practice_zone()).ok())
        .map(|at| at.timestamp().as_microsecond())
        .collect()
}
