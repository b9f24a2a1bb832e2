//! `halaxy`: every endpoint of Halaxy as a command, made from the table of the adapter.

mod line;
mod settle;
pub(super) mod write;

pub use line::{Asked, HalaxyArgs};

pub(super) use crate::booking::account;

use crate::commands;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::wiring;
use adapter_halaxy::Reply;
use adapter_halaxy::endpoints::{Inputs, Request};
use bridge_admin::actions::{allowed, found, preview, read, without_contents};
use bridge_admin::api::table;
use serde_json::Value as Json;

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
        out.document(&table(None));
        out.line(line::groups());
        return Ok(Exit::Done);
    };
    let config = commands::load(&args.config)?;
    let system = account(&config)?;
    let base = wiring::halaxy_base(system)?;
    let request = request(asked, &base)?;
    allowed(&request, system.clinical_notes)?;
    if request.endpoint.action == "create-note" && asked.request_key.is_none() && !asked.dry_run {
        return Err(Failure::Usage(
            "create-note: --request-key is missing; give what the note is known by, e.g. the number of the form it \
             comes from, so that it is never written twice"
                .into(),
        ));
    }
    if asked.dry_run {
        shown(&request, &base, out);
        return Ok(Exit::Done);
    }
    let client = wiring::halaxy_client(system)?;
    if request.endpoint.writes() {
        let actions = wiring::actions(system, client, wiring::store(&config).await?);
        return write::run(asked.request_key.as_deref(), &actions, &request, out).await;
    }
    told(&request, read(&client, &request, asked.all).await?, out);
    Ok(Exit::Done)
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

/// The request that would be sent.
pub(super) fn shown(request: &Request, base: &str, out: &Output) {
    let url = format!("{}/{}", base.trim_end_matches('/'), request.path);
    out.document(&preview(request, base));
    out.line(format!("{} {url}", request.method));
    for (name, value) in &request.query {
        out.line(format!("  {name}={value}"));
    }
    if let Some(body) = request.body.clone().map(without_contents) {
        out.line(pretty(&body));
    }
    out.line("Nothing was sent.");
}

/// What a read found.
fn told(request: &Request, reply: Reply, out: &Output) {
    for (input, count) in &reply.foreign {
        out.remark(format!(
            "Halaxy passed over --{input}: {count} rows about something else are left out"
        ));
    }
    if !request.endpoint.lists() {
        out.line(pretty(&reply.record));
        out.document(&found(request, &reply));
        return;
    }
    if reply.more {
        out.remark("there are further pages: --page shows one, --all shows every one");
    }
    reply.rows.iter().for_each(|row| out.line(pretty(row)));
    out.line(crate::output::count(reply.rows.len() as u64, "record"));
    out.document(&found(request, &reply));
}

fn pretty(value: &Json) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}
