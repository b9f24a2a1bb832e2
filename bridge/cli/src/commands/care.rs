//! Referrals, claim details and notes as people use them: what the raw actions of `halaxy` send, after looking whether it
//! is there already.

pub mod coverage;
pub mod files;
mod introduced;
pub mod note;
pub mod referral;
pub mod telehealth;

use crate::commands::halaxy;
use crate::config::{Config, SystemConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{marks, times, wiring};
use adapter_halaxy::HalaxyClient;
use adapter_halaxy::endpoints::{Endpoint, Inputs, Request, endpoint};
use bridge_admin::actions::read;
use bridge_admin::receipts;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use marks::Mark;
use serde_json::Value as Json;

/// How a write is asked for.
#[derive(Clone, Debug, Default, Args)]
pub struct WriteArgs {
    /// What this write is known by; made and printed unless given. Never sent twice.
    #[arg(long, value_name = "KEY")]
    pub request_key: Option<String>,
    /// Show the request that would be sent, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// The practice's Halaxy account, for looking and writing.
pub(super) struct Desk<'a> {
    pub config: &'a Config,
    system: &'a SystemConfig,
    base: String,
    client: HalaxyClient,
}

impl<'a> Desk<'a> {
    pub fn open(config: &'a Config) -> Result<Desk<'a>, Failure> {
        let system = halaxy::account(config)?;
        Ok(Desk {
            config,
            system,
            base: wiring::halaxy_base(system)?,
            client: wiring::halaxy_client(system)?,
        })
    }

    /// The practice's day.
    pub fn today(&self) -> Date {
        let zone = TimeZone::get(&self.config.time_zone).unwrap_or(TimeZone::UTC);
        Timestamp::now().to_zoned(zone).date()
    }

    pub fn request(
        &self,
        action: &str,
        inputs: &[(&str, Option<&str>)],
        body: Option<Json>,
    ) -> Result<Request, Failure> {
        let mut all = Inputs::new(&self.base);
        for (name, value) in inputs {
            if let Some(value) = value {
                all = all.with(*name, *value);
            }
        }
        if let Some(body) = body {
            all = all.body(body);
        }
        let row = known(action)?;
        row.request(&all).map_err(|bad| Failure::Usage(bad.to_string()))
    }

    /// Every row of a list, or the one record of a read.
    pub async fn look(&self, action: &str, inputs: &[(&str, Option<&str>)]) -> Result<Vec<Json>, Failure> {
        let request = self.request(action, inputs, None)?;
        let lists = request.endpoint.lists();
        let reply = read(&self.client, &request, lists).await?;
        Ok(match lists {
            true => reply.rows,
            false => vec![reply.record],
        })
    }

    /// Shows a request without the files and texts in it, and sends nothing.
    pub fn shown(&self, request: &Request, out: &Output) -> Exit {
        halaxy::shown(request, &self.base, out);
        Exit::Done
    }

    /// Sends a write under its key, once.
    pub async fn send(&self, request: &Request, key: Option<String>, out: &Output) -> Result<Exit, Failure> {
        let store = wiring::store(self.config).await?;
        let actions = wiring::actions(self.system, self.client.clone(), store);
        halaxy::write::run(key.as_deref(), &actions, request, out).await
    }

    /// As [`Desk::send`], unless another key was used for the same thing.
    pub async fn send_once(&self, request: &Request, key: String, mark: &str, out: &Output) -> Result<Sent, Failure> {
        let store = wiring::store(self.config).await?;
        if let Mark::Earlier(earlier) = marks::claim(&store, mark, &key, times::now()).await? {
            return Ok(Sent::Earlier(earlier));
        }
        let sent = self.send(request, Some(key.clone()), out).await;
        marks::settle(&store, mark, &key).await?;
        sent.map(Sent::Now)
    }
}

/// What became of something that is made once.
pub(super) enum Sent {
    /// It was asked for now.
    Now(Exit),
    /// It was asked for before, under another key.
    Earlier(marks::Earlier),
}

fn known(action: &str) -> Result<&'static Endpoint, Failure> {
    endpoint(action).ok_or_else(|| Failure::Failed(format!("there is no action `{action}`")))
}

/// The key that was given, or a new one, which is told.
pub(super) fn key_of(given: &WriteArgs, out: &Output) -> String {
    given.request_key.clone().unwrap_or_else(|| {
        let key = uuid::Uuid::now_v7().to_string();
        out.remark(format!("request key: {key}"));
        key
    })
}

/// Whether a key was used before: what became of it is told then, whatever else is there by now.
pub(super) async fn used_before(config: &Config, key: Option<&str>) -> Result<bool, Failure> {
    let Some(key) = key else { return Ok(false) };
    Ok(receipts::one(&wiring::store(config).await?, key).await?.is_some())
}
