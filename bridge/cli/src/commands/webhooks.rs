//! `webhooks`: the addresses to enter in the products.

use crate::args::ConfigArg;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, serving};
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;

/// What `webhooks` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge webhooks
  halaxy-bridge webhooks --json | jq -r '.[].url'

Enter each address in its product as it stands. Whoever knows one can make the bridge look at a
request, not believe it: keep them to yourself all the same. Calls nobody and changes nothing.")]
pub struct WebhooksArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Prints the addresses.
///
/// # Errors
/// [`Failure`] if the configuration is bad or a secret is missing.
pub fn run(args: &WebhooksArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let public_url = config.serve.as_ref().map_or("", serving::public_url);
    let (mut document, mut rows) = (vec![], vec![]);
    let mut shown = BTreeSet::new();
    for door in serving::doors(&config)? {
        // While a secret is being replaced there are two addresses: the new one is to be entered.
        if !shown.insert(door.system.clone()) {
            continue;
        }
        for (event, path) in door.paths() {
            let url = format!("{public_url}{path}");
            document.push(json!({ "system": door.system, "event": event, "url": url }));
            rows.push(vec![
                door.system.clone(),
                event.unwrap_or_else(|| "all events".into()),
                url,
            ]);
        }
    }
    out.document(&document);
    out.table(
        &["system", "event", "address"],
        rows,
        "No system has webhooks: give one a webhook_secret, and [serve] a listen and a public_url.",
    );
    Ok(Exit::Done)
}
