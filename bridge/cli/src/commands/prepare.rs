//! `prepare`: what a product must have before it is synchronised, e.g. properties of our own.

use crate::args::ConfigArg;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, wiring};
use adapter_kit::PrepareStep;
use clap::Args;
use serde_json::{Value, json};
use std::io::{BufRead, IsTerminal};

/// What `prepare` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge prepare crm           shows what is missing, and asks before it creates anything
  halaxy-bridge prepare crm --yes     creates it")]
pub struct PrepareArgs {
    /// The system's name in bridge.toml.
    pub system: String,
    /// Create what is missing without asking.
    #[arg(long)]
    pub yes: bool,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Shows, asks, creates.
///
/// # Errors
/// [`Failure`] for an unknown system, or if the product refuses.
pub async fn run(args: &PrepareArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let adapters = wiring::adapters(&config, &wiring::store(&config).await?)?;
    let (Some(adapter), Some(system)) = (adapters.get(&args.system), config.systems.get(&args.system)) else {
        let names: Vec<&str> = adapters.keys().map(String::as_str).collect();
        return Err(Failure::Usage(format!(
            "there is no system `{}`; name one of {}",
            args.system,
            names.join(", ")
        )));
    };
    let kinds = config.kinds_of(system);
    let trouble = |error: adapter_kit::AdapterError| Failure::Failed(error.to_string());
    let prepare = async |apply: bool| {
        let mut steps = Vec::new();
        for kind in &kinds {
            steps.extend(adapter.prepare(kind, apply).await.map_err(trouble)?);
        }
        Ok::<_, Failure>(steps)
    };
    let steps = prepare(false).await?;
    let missing = steps.iter().filter(|s| !s.present).count();
    // What is created without asking is told once it is there.
    if missing == 0 || !args.yes {
        tell(&steps, |present| if present { "there  " } else { "missing" }, out);
    }
    if missing == 0 {
        out.document(&json!({ "ready": true, "steps": shown(&steps, &steps) }));
        out.line(format!("{} has everything it needs.", args.system));
        return Ok(Exit::Done);
    }
    if !args.yes && !asked(out, missing) {
        out.document(&json!({ "ready": false, "steps": shown(&steps, &steps) }));
        out.line("Nothing was created. Run it again with --yes to create what is missing.");
        return Ok(Exit::Waiting);
    }
    let done = prepare(true).await?;
    out.document(&json!({ "ready": true, "steps": shown(&steps, &done) }));
    let created: Vec<PrepareStep> = steps.iter().filter(|step| !step.present).cloned().collect();
    tell(
        if args.yes { &steps } else { &created },
        |present| if present { "there  " } else { "created" },
        out,
    );
    out.line(format!("{missing} created; {} has everything it needs.", args.system));
    Ok(Exit::Done)
}

fn tell(steps: &[PrepareStep], word: impl Fn(bool) -> &'static str, out: &Output) {
    for step in steps {
        out.line(format!("{}  {}", word(step.present), step.what));
    }
}

fn shown(before: &[PrepareStep], after: &[PrepareStep]) -> Vec<Value> {
    after
        .iter()
        .map(|step| {
            let was = before.iter().find(|b| b.what == step.what).is_none_or(|b| b.present);
            json!({ "what": step.what, "present": step.present, "created": step.present && !was })
        })
        .collect()
}

fn asked(out: &Output, missing: usize) -> bool {
    if out.json() || !std::io::stdin().is_terminal() {
        return false;
    }
    out.question(format!("Create the missing {missing}? [y/N]"));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}
