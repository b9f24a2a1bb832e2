//! Runs: the backfill as a project, and everything that ran. Counts and ids only.

use super::call::Call;
use super::render::{Answer, page, to};
use super::words::{Clockwork, Moment, capital, system, thousands, unit};
use super::{App, Refused, sentence};
use crate::access::role::Role;
use crate::desk::DeskError;
use crate::desk::backfill::{Lane, PlannedGroup, Stage};
use crate::desk::undo_run::UndoStage;
use bridge_engine::kept_back::Group;
use bridge_engine::{Approval, PutBack};
use bridge_store::Run;
use serde::Serialize;
use std::collections::BTreeSet;

/// Runs on the page.
const RUNS: usize = 50;
/// What the names of check boxes begin with.
const GROUP: &str = "group:";

#[derive(Serialize)]
struct Runs {
    admin: bool,
    drives: bool,
    approval: &'static str,
    stage: &'static str,
    why: Option<String>,
    since: Option<Moment>,
    plan: Option<PlanLine>,
    lanes: Vec<LaneLine>,
    left: u64,
    runs: Vec<RunLine>,
    braked: Vec<String>,
}

#[derive(Serialize)]
struct PlanLine {
    at: Moment,
    digest: String,
    groups: Vec<GroupLine>,
    asks: String,
    nothing: bool,
}

#[derive(Serialize)]
struct GroupLine {
    name: String,
    title: String,
    writes: u64,
    calls: u64,
    may_be_held: u64,
    units: Vec<String>,
    reasons: Vec<String>,
    people: Vec<String>,
}

#[derive(Serialize)]
struct LaneLine {
    key: String,
    name: String,
    paused: Option<String>,
    creates: u64,
    updates: u64,
    /// Groups that wait for an approval: their names and how much each is.
    kept: Vec<(String, String)>,
    pace: Option<String>,
    budget: Option<String>,
    ends: String,
}

#[derive(Serialize)]
struct RunLine {
    id: String,
    kind: String,
    started: Moment,
    took: String,
    under_way: bool,
    counts: Vec<String>,
}

pub(super) async fn show(app: &App, call: &Call) -> Answer {
    let desk = call.desk()?;
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let vitals = app.watch.vitals().ok();
    let lanes = desk.lanes(vitals.as_deref()).await?;
    let left = lanes.iter().map(|lane| lane.creates + lane.updates).sum();
    let runs = desk.runs(RUNS).await?;
    let mut content = Runs {
        admin: call.role() == Some(Role::Admin),
        drives: matches!(call.role(), Some(Role::Admin | Role::Operator)),
        approval: match desk.approval().await? {
            Approval::Given => "given",
            Approval::Missing => "missing",
            Approval::Outdated => "outdated",
        },
        stage: "nothing",
        why: None,
        since: None,
        plan: None,
        lanes: lanes.iter().map(|lane| lane_line(lane, &clock)).collect(),
        left,
        runs: runs.iter().map(|run| run_line(run, &clock)).collect(),
        braked: desk
            .engine()
            .brakes()
            .await
            .map_err(DeskError::from)?
            .iter()
            .map(|brake| {
                format!(
                    "{}: {} writes wait, for {} linked records",
                    system(&brake.system),
                    thousands(brake.writes),
                    thousands(brake.linked)
                )
            })
            .collect(),
    };
    match desk.plan() {
        Stage::Nothing => {}
        Stage::Working { since } => {
            content.stage = "working";
            content.since = Some(clock.moment(since));
        }
        Stage::Failed { why } => {
            content.stage = "failed";
            content.why = Some(sentence(&why));
        }
        Stage::Approved { .. } => content.stage = "approved",
        Stage::Ready(plan) => {
            content.stage = "ready";
            content.plan = Some(PlanLine {
                at: clock.moment(plan.at),
                digest: plan.digest.clone(),
                nothing: plan.groups.is_empty(),
                asks: format!(
                    "{} records would be linked; people would be asked about {} possible matches and {} values that differ.",
                    thousands(plan.links as u64),
                    thousands(plan.candidates as u64),
                    thousands(plan.conflicts as u64)
                ),
                groups: plan.groups.iter().map(group_line).collect(),
            });
        }
    }
    page(app, call, "runs.html", content)
}

fn group_line(group: &PlannedGroup) -> GroupLine {
    let of = |(name, n): &(String, u64)| format!("{name} ({})", thousands(*n));
    GroupLine {
        name: group.name.clone(),
        title: match group.create {
            true => format!("Create in {}", system(&group.system)),
            false => format!("Change in {}", system(&group.system)),
        },
        writes: group.writes,
        calls: group.calls,
        may_be_held: group.may_be_held,
        units: group.units.iter().map(|(name, n)| of(&(unit(name), *n))).collect(),
        reasons: group.reasons.iter().map(of).collect(),
        // People who are not there yet have no page.
        people: group.people.iter().filter(|id| !id.contains(':')).cloned().collect(),
    }
}

fn lane_line(lane: &Lane, clock: &Clockwork) -> LaneLine {
    let kept = [
        (true, lane.creates_kept, lane.creates),
        (false, lane.updates_kept, lane.updates),
    ];
    let due = [(lane.creates, lane.creates_kept), (lane.updates, lane.updates_kept)];
    let due: u64 = due.iter().filter(|(_, kept)| !kept).map(|(n, _)| n).sum();
    LaneLine {
        name: system(&lane.system),
        paused: lane.paused.as_ref().map(|pause| {
            let when = clock.moment(pause.at).ago;
            format!("paused {when} by {}: {}", pause.by, pause.why)
        }),
        creates: lane.creates,
        updates: lane.updates,
        kept: kept
            .into_iter()
            .filter(|(_, kept, _)| *kept)
            .map(|(create, _, n)| {
                let group = Group {
                    system: lane.system.clone(),
                    create,
                };
                let what = if create { "to create" } else { "to change" };
                (group.name(), format!("{} {what}", thousands(n)))
            })
            .collect(),
        pace: lane.pace.map(|pace| format!("{pace:.0} writes a minute while writing")),
        budget: lane
            .budget
            .map(|(used, limit)| format!("{} of {} calls today", thousands(used), thousands(limit))),
        ends: match (&lane.forecast, due, &lane.paused) {
            (_, 0, _) => "nothing to send".into(),
            (_, _, Some(_)) => "waits while it is paused".into(),
            (Some(of), ..) if of.by_budget => format!("ends {}, as the day’s calls allow", clock.day_and_time(of.ends)),
            (Some(of), ..) => format!("ends {}", clock.day_and_time(of.ends)),
            (None, ..) => "when it ends is not known before something was sent".into(),
        },
        key: lane.system.clone(),
    }
}

fn run_line(run: &Run, clock: &Clockwork) -> RunLine {
    let line = super::vitals::run_line(run, clock);
    RunLine {
        id: run.id.clone(),
        kind: capital(&run.kind),
        started: clock.moment(run.started),
        took: line.took,
        under_way: run.ended.is_none(),
        counts: line.counts,
    }
}

#[derive(Serialize)]
struct One {
    run: RunLine,
    stopped_by: Option<String>,
    written: Vec<String>,
    undo: Option<Undo>,
    admin: bool,
    drives: bool,
    current: bool,
}

#[derive(Serialize)]
struct Undo {
    /// It is or was done; else only looked at.
    takes: bool,
    ended: bool,
    /// How far it is, in hundredths.
    share: u64,
    by: String,
    begun: Moment,
    changed: bool,
    back: u64,
    stay: u64,
    put_back: Vec<UndoLine>,
    refused: Vec<UndoLine>,
    more: bool,
}

#[derive(Serialize)]
struct UndoLine {
    entity: String,
    system: String,
    /// Its number there, while it is this person's.
    record: Option<String>,
    units: Vec<String>,
    why: Option<String>,
}

pub(super) async fn one(app: &App, call: &Call) -> Answer {
    let (desk, id) = (call.desk()?, call.part());
    let taking = desk.undo_of(id).await?;
    let going = taking.as_ref().is_some_and(|stage| !stage.ended);
    let undo = match call.query.contains_key("undo") && !going {
        true if call.role() == Some(Role::Admin) => Some(desk.look_at_undo(id, call.by()?).await?),
        _ => taking,
    };
    run_page(app, call, undo, false).await
}

async fn run_page(app: &App, call: &Call, undo: Option<UndoStage>, changed: bool) -> Answer {
    let desk = call.desk()?;
    let clock = Clockwork::new(call.now, &app.settings.time_zone);
    let run = desk
        .engine()
        .run(call.part())
        .await
        .map_err(DeskError::from)?
        .ok_or(Refused::Missing)?;
    let written = match run.ended {
        None => desk
            .engine()
            .written_since(run.started)
            .await
            .map_err(DeskError::from)?,
        Some(_) => std::collections::BTreeMap::new(),
    };
    let current = desk.engine().current_run().await.map_err(DeskError::from)?;
    let mut records = Records::new();
    if let Some(stage) = &undo {
        let rows = stage.undo.put_back.iter().chain(&stage.undo.refused);
        let ids: BTreeSet<String> = rows.map(|row| row.entity.clone()).collect();
        let ids: Vec<String> = ids.into_iter().collect();
        let found = desk.engine().store().entities(&ids).await.map_err(DeskError::from)?;
        for entity in found {
            let links = entity
                .links
                .iter()
                .map(|(name, link)| (name.clone(), link.remote_id.clone()));
            records.extend(links.map(|(name, record)| ((entity.id.clone(), name), record)));
        }
    }
    let content = One {
        current: current.as_deref() == Some(run.id.as_str()),
        stopped_by: run.counts["stopped_by"].as_str().map(str::to_string),
        written: written
            .iter()
            .map(|(name, n)| format!("{} in {}", thousands(*n), system(name)))
            .collect(),
        run: run_line(&run, &clock),
        undo: undo.as_ref().map(|stage| listed(stage, changed, &records, &clock)),
        admin: call.role() == Some(Role::Admin),
        drives: matches!(call.role(), Some(Role::Admin | Role::Operator)),
    };
    page(app, call, "run.html", content)
}

/// Numbers of records, by person and system.
type Records = std::collections::BTreeMap<(String, String), String>;

fn listed(stage: &UndoStage, changed: bool, records: &Records, clock: &Clockwork) -> Undo {
    let line = |row: &PutBack| UndoLine {
        record: records.get(&(row.entity.clone(), row.system.clone())).cloned(),
        entity: row.entity.clone(),
        system: system(&row.system),
        units: row.units.iter().map(|name| unit(name)).collect(),
        why: row.refused.as_deref().map(sentence),
    };
    let undo = &stage.undo;
    let share = (stage.done * 100).checked_div(stage.all);
    Undo {
        takes: stage.takes,
        ended: stage.ended,
        share: share.unwrap_or(100),
        by: stage.by.clone(),
        begun: clock.moment(stage.begun),
        changed,
        back: undo.back,
        stay: undo.stay,
        put_back: undo.put_back.iter().map(line).collect(),
        refused: undo.refused.iter().map(line).collect(),
        more: undo.back > undo.put_back.len() as u64 || undo.stay > undo.refused.len() as u64,
    }
}

/// Begins to take a whole run back, if that still is what was looked at.
pub(super) async fn undo(app: &App, call: &Call) -> Answer {
    let count = |name: &str| call.typed(name).parse::<u64>().unwrap_or(u64::MAX);
    let shown = (count("back"), count("stay"));
    let stage = call.desk()?.take_run_back(call.part(), call.by()?, Some(shown)).await?;
    if stage.takes && !stage.ended {
        return Ok(to(&format!("/runs/{}", super::review::item::path(call.part()))));
    }
    let changed = !stage.takes && stage.ended;
    run_page(app, call, Some(stage), changed).await
}

pub(super) async fn plan(_app: &App, call: &Call) -> Answer {
    call.desk()?.make_plan().await?;
    Ok(to("/runs"))
}

/// Approves what was looked at, but for groups that were not ticked.
pub(super) async fn approve(_app: &App, call: &Call) -> Answer {
    let desk = call.desk()?;
    let Stage::Ready(plan) = desk.plan() else {
        return Ok(to("/runs"));
    };
    let ticked: BTreeSet<&str> = call.form.keys().filter_map(|name| name.strip_prefix(GROUP)).collect();
    let rest = plan.groups.iter().filter(|group| !ticked.contains(group.name.as_str()));
    let kept: BTreeSet<Group> = rest.filter_map(|group| Group::parse(&group.name)).collect();
    desk.approve_plan(call.typed("digest"), kept, call.by()?).await?;
    Ok(to("/runs"))
}

pub(super) async fn group(_app: &App, call: &Call) -> Answer {
    call.desk()?.approve_group(call.typed("group"), call.by()?).await?;
    Ok(to("/runs"))
}

pub(super) async fn pause(_app: &App, call: &Call) -> Answer {
    let desk = call.desk()?;
    desk.pause(call.typed("system"), Some(call.typed("why")), call.by()?)
        .await?;
    Ok(to("/runs"))
}

pub(super) async fn resume(_app: &App, call: &Call) -> Answer {
    call.desk()?.pause(call.typed("system"), None, call.by()?).await?;
    Ok(to("/runs"))
}

pub(super) async fn stop(_app: &App, call: &Call) -> Answer {
    let desk = call.desk()?;
    desk.engine()
        .stop_run(call.part(), call.by()?)
        .await
        .map_err(DeskError::from)?;
    Ok(to("/runs"))
}
