//! The books of the demo: last month's billing of a second pair of stand-ins, posted and proved, for the admin app to show.

use super::practice::Practice;
use super::stage::{CrmArg, MannersArg, People, Stage};
use crate::commands::sandbox::{furnish, last_month};
use crate::exit::Failure;
use crate::{books, ledger, times, wiring};
use adapter_kit::TokenStore;
use adapter_sandbox::Endpoints;
use bridge_core::ledger::month::Month;
use bridge_engine::ledger::office::keeper::Keeper;
use bridge_engine::ledger::office::{Office, Wish};
use bridge_store::Store;
use secrecy::SecretString;
use std::net::SocketAddr;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Invoices of the month: enough to look at, and few enough for a minute's calls.
const INVOICES: usize = 60;
const BY: &str = "The demo";

/// Keeps the books in that store until `stop` is cancelled. What goes wrong is logged: the demo has other things to show.
pub fn open(store: &Store, stop: &CancellationToken, tracker: &TaskTracker) {
    let (store, stop, runtime) = (store.clone(), stop.clone(), Handle::current());
    // What the ledger does cannot move between threads.
    tracker.spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                kept = keep(&store, &stop) => {
                    if let Err(failure) = kept {
                        tracing::warn!(%failure, "the demo has no books to show");
                    }
                }
                () = stop.cancelled() => {}
            }
        });
    });
}

async fn keep(store: &Store, stop: &CancellationToken) -> Result<(), Failure> {
    let month = last_month(INVOICES, 7);
    let people = People {
        patients: month.patients.clone(),
        contacts: vec![],
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let stage = Stage::open(people, CrmArg::Plain, MannersArg::Polite, 7, listen, None, stop).await?;
    furnish(&stage, &month).map_err(|error| Failure::Failed(error.to_string()))?;
    let month = Month::of(month.days.0);
    let made = practice(&stage.endpoints, month)?;
    let config = &made.config;
    let settings = ledger::settings_of(config)?;
    let refresh: SecretString = stage.endpoints.books.refresh_token.clone().into();
    for account in config.books.values() {
        let kept = books::kept_token(account, store, true);
        kept.store(&refresh)
            .await
            .map_err(|error| Failure::Failed(error.to_string()))?;
    }
    let adapters = wiring::adapters(config, store)?;
    let Some(home) = adapters.get(&config.home).cloned() else {
        return Err(Failure::Failed("the demo's books have no Halaxy".into()));
    };
    let ledger = ledger::over(config, settings, store.clone(), home, true).await?;
    ledger.approve_rules().await?;
    let office = Office::new(store.clone());
    office.ask(Wish::Month(month), BY, times::now()).await?;
    let keeper = Keeper::new(office, &ledger, &config.practice);
    Ok(ledger::serve(&ledger, settings, keeper, stop).await?)
}

/// A configuration of its own, gone when its folder is dropped.
fn practice(endpoints: &Endpoints, month: Month) -> Result<Practice, Failure> {
    let books = &endpoints.books;
    let sections = format!(
        r#"
[systems.books]
connector = "xero"
client_id = "{client}"
client_secret = "file:books.secret"
tenant_id = "{tenant}"
base_url = "{base}"
token_url = "{token}"
authorize_url = "{authorize}"
tenants_url = "{tenants}"
call_life = "5s"

[ledger]
every = "5m"

[sync.person]
systems = ["halaxy", "crm"]
"#,
        client = books.client_id,
        tenant = books.tenant_id,
        base = books.base_url,
        token = books.token_url,
        authorize = books.authorize_url,
        tenants = books.connections_url,
    );
    let rules = crate::commands::init::LEDGER.replace("2026-10-01", &month.first().to_string());
    let files = [("books.secret", books.client_secret.as_str()), ("ledger.toml", &rules)];
    Practice::with(endpoints, CrmArg::Plain, &sections, &files)
}
