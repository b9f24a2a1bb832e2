//! `demo`: the whole bridge at work between stand-ins, with nothing to configure.

use super::sandbox::PeopleArgs;
use super::sync;
use crate::exit::{Exit, Failure};
use crate::output::{Output, count, thousands};
use crate::report::Report;
use crate::story::hands::Hands;
use crate::story::practice::Practice;
use crate::story::scenes::{self, Running};
use crate::story::stage::Stage;
use crate::story::{books, links_out, office};
use crate::{commands, signals, wiring};
use bridge_engine::Engine;
use clap::Args;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Linked people that the scenes need.
const CAST: usize = 40;

/// What `demo` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge demo
  halaxy-bridge demo --manners nasty
  halaxy-bridge demo --exit-when-settled --json
  halaxy-bridge demo --patients left.csv --contacts right.csv --links-out pairs.csv --exit-when-settled

The stand-ins listen on this machine only and are spoken to over real HTTP. The store lies in a
temporary folder that goes away at the end.")]
pub struct DemoArgs {
    /// The people.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Write the pairs that were linked or left to a person, by the files' ids.
    #[arg(long, value_name = "FILE.csv")]
    pub links_out: Option<PathBuf>,
    /// End once everything is in step; otherwise the story goes on until Ctrl-C.
    #[arg(long)]
    pub exit_when_settled: bool,
    /// Where the stand-ins listen: this machine only.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Where the admin app listens: this machine only.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    pub admin: SocketAddr,
}

/// Plays the story.
///
/// # Errors
/// [`Failure`] if something does not go as it should.
pub async fn run(args: DemoArgs, out: &Output) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() || !args.admin.ip().is_loopback() {
        return Err(Failure::Usage(
            "the demo listens on this machine only: give a loopback address such as 127.0.0.1:8700".into(),
        ));
    }
    let started = Instant::now();
    let people = args.people.people()?;
    let (patients, contacts) = (people.patients.len() as u64, people.contacts.len() as u64);
    let stop = signals::stop();
    let served = CancellationToken::new();
    let stage = Stage::open(
        people,
        args.people.crm,
        args.people.manners,
        args.people.seed,
        args.listen,
        None,
        &served,
    )
    .await?;
    let practice = Practice::new(&stage.endpoints, args.people.crm)?;
    out.heading("Two systems, connected over real HTTP");
    out.line(format!(
        "  halaxy  {:<52} {}",
        stage.endpoints.halaxy.base_url,
        count(patients, "patient")
    ));
    out.line(format!(
        "  crm     {:<52} {}",
        stage.endpoints.crm.base_url,
        count(contacts, "contact")
    ));

    let engine = wiring::engine(&practice.config).await?;
    prepare(&engine, out).await?;
    let tracker = TaskTracker::new();
    let exit = play(&args, &stage, &practice, engine, started, (&stop, &tracker), out).await;
    let interrupted = stop.is_cancelled();
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    served.cancel();
    // Who ends it in the middle of a scene has seen enough; that is no failure.
    exit.or_else(|failure| if interrupted { Ok(Exit::Done) } else { Err(failure) })
}

async fn play(
    args: &DemoArgs,
    stage: &Stage,
    practice: &Practice,
    engine: Engine,
    started: Instant,
    (stop, tracker): (&CancellationToken, &TaskTracker),
    out: &Output,
) -> Result<Exit, Failure> {
    backfill_plan(&engine, stop, out).await?;
    let pass = sync::settle(&engine, stop, true, out).await?;
    let report = Report::of(&engine, &pass, started.elapsed()).await?;
    if let Some(path) = &args.links_out {
        let rows = links_out::write(engine.store(), &stage.sandbox.ids(), path).await?;
        out.remark(format!("{} written to {}.", count(rows as u64, "pair"), path.display()));
    }
    if args.exit_when_settled {
        return Ok(sync::ended(&report, &pass, stop, out));
    }
    report.tell(out);
    tell_matches(&engine, out).await?;
    let cast = scenes::pairs(&engine, CAST).await?;
    let hands = |system: &str| {
        Hands::at(system, &engine, &stage.sandbox)
            .ok_or_else(|| Failure::Failed(format!("the demo has no system {system}")))
    };
    let (halaxy, crm) = (hands("halaxy")?, hands("crm")?);
    let mut running = Running::start(engine, stop, tracker);
    let story = async {
        scenes::live_edits(&cast, &halaxy, &crm, out).await?;
        if let Some(pair) = cast.get(3) {
            scenes::conflict(&running.engine, pair, &halaxy, &crm, out).await?;
        }
        if cast.len() > 5 {
            running = scenes::crash(
                running,
                &practice.config,
                &cast[4..],
                &stage.sandbox,
                (&halaxy, &crm),
                (stop, tracker),
                out,
            )
            .await?;
        }
        Ok::<Running, Failure>(running)
    };
    let running = tokio::select! {
        running = story => running?,
        () = stop.cancelled() => return Ok(Exit::Done),
    };
    let link = office::open(&practice.config, &running.engine, args.admin, stop, tracker).await?;
    books::open(running.engine.store(), stop, tracker);
    let config = practice.folder().join("bridge.toml");
    out.heading("\nNow it is yours");
    out.line("  The bridge keeps running. Change something, in another terminal:");
    out.line(format!(
        "    curl {}/records/crm/contacts | head -c 600",
        stage.endpoints.control_url
    ));
    out.line(format!(
        "    curl -X PATCH {}/records/halaxy/Patient/ID -d '{{\"birthDate\":\"1980-12-31\"}}'",
        stage.endpoints.control_url
    ));
    out.line(format!("    halaxy-bridge status -c {}", config.display()));
    out.line(format!("    halaxy-bridge conflicts list -c {}", config.display()));
    out.line("  The admin app is there too. This link makes you its administrator, once, with an authenticator app:");
    out.line(format!("    {link}"));
    out.line("  Ctrl-C ends it, and removes everything it made.");
    let engine = std::sync::Arc::clone(&running.engine);
    running.ended().await?;
    let pass = crate::drive::Pass {
        converged: engine.settled().await?,
        ..Default::default()
    };
    out.document(&Report::of(&engine, &pass, started.elapsed()).await?);
    Ok(Exit::Done)
}

/// Makes what the CRM must have.
async fn prepare(engine: &Engine, out: &Output) -> Result<(), Failure> {
    for system in &engine.settings().systems {
        let steps = retried(|| system.adapter.prepare(system.kind(), false)).await?;
        if steps.iter().any(|step| !step.present) {
            retried(|| system.adapter.prepare(system.kind(), true)).await?;
        }
        for step in steps.iter().filter(|s| !s.present) {
            out.line(format!("  {:<7} prepared: {}", system.name, step.what));
        }
    }
    Ok(())
}

/// Nasty manners spoil a call now and then; preparation looks before it creates, so it may be repeated.
async fn retried<T, F>(call: impl Fn() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, adapter_kit::AdapterError>>,
{
    let mut tries = 0;
    loop {
        match call().await {
            Ok(done) => return Ok(done),
            Err(error) if tries >= 8 => return Err(Failure::Failed(error.to_string())),
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(100 << tries)).await,
        }
        tries += 1;
    }
}

/// Reads both sides, shows what would happen, and approves it: that is the demo's own to do.
async fn backfill_plan(engine: &Engine, stop: &CancellationToken, out: &Output) -> Result<(), Failure> {
    out.heading("\nFirst backfill: planned, shown, approved");
    let begun = Instant::now();
    let preview = commands::plan::read_and_plan(engine, stop, out).await?;
    let sum = |counts: &std::collections::BTreeMap<String, usize>| {
        let each: Vec<String> = counts
            .iter()
            .filter(|(_, n)| **n > 0)
            .map(|(s, n)| format!("{} in {s}", thousands(*n as u64)))
            .collect();
        if each.is_empty() {
            "none".into()
        } else {
            each.join(", ")
        }
    };
    out.line(format!(
        "  read and planned in {:.1} s; nothing was sent",
        begun.elapsed().as_secs_f64()
    ));
    out.line(format!("  link    {}", count(preview.would.links as u64, "pair")));
    out.line(format!("  create  {}", sum(&preview.would.created)));
    out.line(format!("  update  {}", sum(&preview.would.updated)));
    out.line(format!(
        "  ask     {}, {}, {}",
        count(preview.would.candidates as u64, "possible match"),
        count(preview.would.twice as u64, "person entered twice"),
        count(preview.would.conflicts as u64, "value conflict")
    ));
    out.line(format!("  The demo approves its own plan, {}.\n", preview.digest));
    engine.approve_plan(&BTreeSet::new(), "the demo").await?;
    Ok(())
}

async fn tell_matches(engine: &Engine, out: &Output) -> Result<(), Failure> {
    let open = commands::matches::open(engine.store()).await?;
    out.heading("\nWho is who");
    out.line("  Linked by themselves: only people whose records agree beyond doubt, with no rival on either side.");
    for candidate in open.iter().take(3) {
        out.line(format!(
            "  Waits: {}:{} and {}:{} ({})",
            candidate.a.system,
            candidate.a.remote_id,
            candidate.b.system,
            candidate.b.remote_id,
            candidate.reasons.join("; ")
        ));
    }
    if !open.is_empty() {
        out.line(format!(
            "  {} in all; nobody is created for them while they wait.",
            count(open.len() as u64, "possible match")
        ));
    }
    Ok(())
}
