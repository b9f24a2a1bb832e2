//! `halaxy`: every endpoint of Halaxy as a command, made from the table of the adapter.

mod line;
mod settle;
mod write;

pub use line::{Asked, HalaxyArgs};

use crate::commands;
use crate::config::{Config, HALAXY, SystemConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::wiring::{self, WiringError};
use adapter_halaxy::endpoints::{ENDPOINTS, Inputs, Request};
use adapter_halaxy::{HalaxyClient, Reply, advice};
use adapter_kit::{CallError, Network, NetworkOptions, Priority, SystemClock, with_priority};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Lists the actions, shows a request, or sends it.
///
/// # Errors
/// [`Failure`]: bad input with what to do about it, or what Halaxy answered.
pub async fn run(args: &HalaxyArgs, out: &Output) -> Result<Exit, Failure> {
    if let Some(unknown) = &args.settle {
        let config = commands::load(&args.config)?;
        return settle::run(&config, &unknown.key, &unknown.word, &unknown.by, out).await;
    }
    let Some(asked) = &args.asked else {
        out.document(&listed());
        out.line(line::groups());
        return Ok(Exit::Done);
    };
    let config = commands::load(&args.config)?;
    let system = account(&config)?;
    let base = wiring::halaxy_base(system)?;
    let request = request(asked, &base)?;
    let writes = request.endpoint.writes();
    if request.endpoint.action == "create-note" && !system.clinical_notes {
        return Err(Failure::Usage(format!(
            "clinical notes are not written unless the practice allows it: add clinical_notes = true to [systems.{}]",
            system.name
        )));
    }
    if asked.dry_run {
        shown(&request, &base, out);
        return Ok(Exit::Done);
    }
    if writes {
        return write::run(asked, &config, system, &request, out).await;
    }
    let client = client(system)?;
    let answer = with_priority(Priority::Interactive, async {
        match asked.all {
            true => client.call_all(&request).await,
            false => client.call(&request).await,
        }
    });
    let reply = answer.await.map_err(|failed| failure(&request, &failed))?;
    told(&request, reply, out);
    Ok(Exit::Done)
}

/// The Halaxy account of a configuration.
fn account(config: &Config) -> Result<&SystemConfig, Failure> {
    let home = config.systems.get(&config.home);
    home.filter(|system| system.connector == HALAXY)
        .ok_or_else(|| Failure::Usage("the home system is not Halaxy; name one with connector = \"halaxy\"".into()))
}

fn client(system: &SystemConfig) -> Result<HalaxyClient, Failure> {
    let options = NetworkOptions {
        allow_private: system.allow_private,
        ..NetworkOptions::default()
    };
    let network = Arc::new(Network::new(options).map_err(WiringError::Network)?);
    let adapter = wiring::halaxy(system, network, Arc::new(SystemClock::new()), false)?;
    Ok(adapter.client().clone())
}

fn request(asked: &Asked, base: &str) -> Result<Request, Failure> {
    let mut inputs = Inputs::new(base);
    for (name, value) in &asked.inputs {
        inputs = inputs.with(name, value);
    }
    if let Some(path) = &asked.body {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Usage(format!(
                "--body {}: {error}; name a file that can be read",
                path.display()
            ))
        })?;
        let body = serde_json::from_str(&text).map_err(|error| {
            // Where, not what: the text is somebody's.
            let place = format!("line {}, column {}", error.line(), error.column());
            Failure::Usage(format!(
                "--body {}: no JSON at {place}; correct the file",
                path.display()
            ))
        })?;
        inputs = inputs.body(body);
    }
    asked
        .endpoint
        .request(&inputs)
        .map_err(|bad| Failure::Usage(bad.to_string()))
}

fn failure(request: &Request, failed: &CallError) -> Failure {
    Failure::Failed(format!("{}; {}", failed.error, advice(request.endpoint, failed)))
}

/// The request that would be sent.
fn shown(request: &Request, base: &str, out: &Output) {
    let url = format!("{}/{}", base.trim_end_matches('/'), request.path);
    out.document(&json!({
        "dry_run": true, "action": request.endpoint.action, "method": request.method.as_str(), "url": url,
        "query": request.query, "body": request.body,
    }));
    out.line(format!("{} {url}", request.method));
    for (name, value) in &request.query {
        out.line(format!("  {name}={value}"));
    }
    if let Some(body) = &request.body {
        out.line(pretty(body));
    }
    out.line("Nothing was sent.");
}

/// What a read found.
fn told(request: &Request, reply: Reply, out: &Output) {
    let action = request.endpoint.action;
    for (input, count) in &reply.foreign {
        out.remark(format!(
            "Halaxy passed over --{input}: {count} rows about something else are left out"
        ));
    }
    if !request.endpoint.lists() {
        out.line(pretty(&reply.record));
        out.document(&json!({ "action": action, "id": reply.id, "record": reply.record }));
        return;
    }
    if reply.more {
        out.remark("there are further pages: --page shows one, --all shows every one");
    }
    reply.rows.iter().for_each(|row| out.line(pretty(row)));
    out.line(crate::output::count(reply.rows.len() as u64, "record"));
    out.document(&json!({
        "action": action, "rows": reply.rows, "included": reply.included, "more": reply.more, "left_out": reply.foreign,
    }));
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// The table for programs.
fn listed() -> Json {
    let rows = ENDPOINTS.iter().map(|row| {
        json!({ "action": row.action, "group": row.group, "method": row.method, "path": row.path, "writes": row.writes(),
            "about": row.about, "note": row.note })
    });
    json!({ "actions": rows.collect::<Vec<_>>() })
}
