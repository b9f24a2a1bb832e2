//! `connect`: a person signs in to an account once, and chooses the organisation.

use crate::args::ConfigArg;
use crate::config::BooksConfig;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{books, commands, landing, wiring};
use adapter_kit::{AdapterError, Clock, SystemClock, TokenStore, TokenStoreError};
use adapter_rest::connect::{self, Tenant};
use adapter_rest::connector::TenantsTold;
use bridge_store::Store;
use clap::Args;
use secrecy::SecretString;
use serde_json::json;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

/// What `connect` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge connect books                  prints an address; sign in there with a browser on this machine
  halaxy-bridge connect books --paste          sign in anywhere, and paste the address it ended at
  halaxy-bridge connect books --tenant ID      if the sign-in opens several organisations

The sign-in is kept sealed in the store. Connecting anew replaces it; a running service must be started
again only if the organisation changed.")]
pub struct ConnectArgs {
    /// The accounting system's name in bridge.toml.
    pub system: String,
    /// Listen on this port of 127.0.0.1 for the end of the sign-in; the product may want one that is registered.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Do not listen: read the address that the sign-in ended at from standard input.
    #[arg(long)]
    pub paste: bool,
    /// The organisation, by its id.
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// Signs in, keeps the sign-in, and chooses the organisation.
///
/// # Errors
/// [`Failure`] if nobody signs in, access is refused, or the organisation is none of those that were opened.
pub async fn run(args: &ConnectArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let Some(system) = config.books.get(&args.system) else {
        let names: Vec<&str> = config.books.keys().map(String::as_str).collect();
        return Err(Failure::Usage(match names.as_slice() {
            [] => "no accounting system is configured; add [systems.books] with connector = \"xero\"".into(),
            names => format!(
                "there is no accounting system `{}`; name one of {}",
                args.system,
                names.join(", ")
            ),
        }));
    };
    if system.connector.authorize().is_none() {
        return Err(Failure::Usage(format!(
            "{} needs no sign-in: its credentials stand in bridge.toml",
            system.connector.title
        )));
    }
    let store = wiring::store(&config).await?;
    let access = signed_in(system, &store, args, out).await?;
    let chosen = choose(system, &store, args, &access, out).await?;
    let Some(tenant) = chosen else { return Ok(Exit::Bad) };
    if let Some(tenant) = &tenant {
        books::keep_tenant(system, &store, tenant).await?;
    }
    let name = tenant.as_ref().map(|tenant| tenant.name.as_str());
    out.document(&json!({
        "connected": system.name,
        "organisation": tenant.as_ref().map(|tenant| json!({ "id": tenant.id, "name": tenant.name })),
    }));
    out.line(match name {
        Some(name) => format!("{} is connected to {name}.", system.name),
        None => format!("{} is connected.", system.name),
    });
    Ok(Exit::Done)
}

/// A fresh sign-in, and what the address it ended at says of the organisation.
struct Access {
    token: SecretString,
    tenant: Option<String>,
}

async fn signed_in(system: &BooksConfig, store: &Store, args: &ConnectArgs, out: &Output) -> Result<Access, Failure> {
    let kept = books::kept_token(system, store, true);
    let clock = SystemClock::new();
    // Somebody who was asked to name the organisation has just signed in: once is enough.
    if args.tenant.is_some()
        && books::kept_tenant(system, store).await?.is_none()
        && let Some((token, until)) = kept.access().await
        && until > clock.now()
    {
        return Ok(Access { token, tenant: None });
    }
    let (_, authorize) = system
        .connector
        .authorize()
        .ok_or_else(|| Failure::Usage("the connector knows no sign-in".into()))?;
    let landing = landing::open(authorize.redirect.as_deref(), args.port, !args.paste).await;
    let landing =
        landing.map_err(|error| Failure::Failed(format!("{error}; choose another --port, or use --paste")))?;
    let options = books::options(system)?;
    let failed = |error: String| Failure::Failed(format!("{}: {error}", system.name));
    let sign_in = connect::sign_in(&system.connector, &options, &landing.redirect_uri);
    let sign_in = sign_in.map_err(|error| failed(error.to_string()))?;
    let begun = sign_in.begin().map_err(|error| failed(error.to_string()))?;
    say(
        out,
        &format!(
            "Open this address and sign in to {}:\n\n  {}\n",
            system.connector.title, begun.address
        ),
    );
    let parameter = match authorize.tenants.as_ref().map(|tenants| &tenants.told) {
        Some(TenantsTold::Redirect(parameter)) => Some(parameter.as_str()),
        _ => None,
    };
    let (code, tenant) = if args.paste {
        say(
            out,
            "Then paste the address that it ended at, even if that page could not be shown:",
        );
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        read.map_err(|error| failed(error.to_string()))?;
        begun
            .code(&line, parameter)
            .map_err(|error| failed(error.to_string()))?
    } else {
        say(out, &format!("Waiting at {} ...", landing.redirect_uri));
        let ended = landing.wait(|address| begun.code(address, parameter)).await;
        ended.map_err(|error| failed(error.to_string()))?
    };
    let transport = books::transport(system)?;
    let agent = system.user_agent.as_deref().unwrap_or("halaxy-bridge");
    let granted = sign_in.redeem(&begun, &code, transport.as_ref(), agent).await;
    let granted = granted.map_err(|error| failed(error.to_string()))?;
    // Before anything else is done with it: from here on a kill loses nothing.
    let unkept = |error: TokenStoreError| failed(format!("the sign-in could not be kept: {error}"));
    kept.store(&granted.refresh_token).await.map_err(unkept)?;
    let life = i64::try_from(granted.access_life.as_micros()).unwrap_or(0);
    kept.keep_access(&granted.access_token, clock.now().saturating_add(life))
        .await;
    Ok(Access {
        token: granted.access_token,
        tenant,
    })
}

/// The organisation: `None` if somebody must name one first, `Some(None)` if the product has no such thing.
async fn choose(
    system: &BooksConfig,
    store: &Store,
    args: &ConnectArgs,
    access: &Access,
    out: &Output,
) -> Result<Option<Option<Tenant>>, Failure> {
    let Some(setting) = system.connector.tenant_setting() else {
        return Ok(Some(None));
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let options = books::options(system)?;
    let tenants = connect::tenants(
        &system.name,
        &system.connector,
        &options,
        access.token.clone(),
        books::transport(system)?,
        clock,
    );
    let tenants = tenants
        .await
        .map_err(|error: AdapterError| Failure::Failed(error.to_string()))?;
    // What bridge.toml says wins over everything.
    let wanted = system.settings.get(setting).or(args.tenant.as_ref());
    let Some(mut tenants) = tenants else {
        let id = access.tenant.clone().or_else(|| wanted.cloned());
        let id = id.ok_or_else(|| Failure::Usage("the sign-in named no company; give it with --tenant".into()))?;
        return Ok(Some(Some(Tenant { name: id.clone(), id })));
    };
    let kept = books::kept_tenant(system, store).await?;
    if let Some(wanted) = wanted {
        let known = tenants.iter().position(|tenant| tenant.id == *wanted);
        return match known {
            Some(at) => Ok(Some(Some(tenants.swap_remove(at)))),
            None => {
                list(&tenants, out);
                Err(Failure::Usage(format!(
                    "the sign-in does not open the organisation {wanted}"
                )))
            }
        };
    }
    match tenants.len() {
        0 => Err(Failure::Failed("the sign-in opens no organisation".into())),
        1 => Ok(tenants.pop().map(Some)),
        _ if out.json() || !std::io::stdin().is_terminal() || args.paste => {
            out.document(&json!({
                "connected": null,
                "organisations": tenants.iter().map(|t| json!({ "id": t.id, "name": t.name })).collect::<Vec<_>>(),
            }));
            list(&tenants, out);
            out.line("The sign-in opens several organisations. Run it again with --tenant and one of these ids.");
            Ok(None)
        }
        count => {
            for (at, tenant) in tenants.iter().enumerate() {
                let now = kept.as_ref().is_some_and(|kept| kept.id == tenant.id);
                out.line(format!(
                    "{}  {}{}",
                    at + 1,
                    tenant.name,
                    if now { "  (as before)" } else { "" }
                ));
            }
            out.question(format!("Which organisation? [1-{count}]"));
            let mut answer = String::new();
            let read = std::io::stdin().lock().read_line(&mut answer);
            let number = read.ok().and_then(|_| answer.trim().parse::<usize>().ok());
            match number.filter(|number| (1..=count).contains(number)) {
                Some(number) => Ok(Some(Some(tenants.swap_remove(number - 1)))),
                None => Err(Failure::Usage("that is none of them".into())),
            }
        }
    }
}

fn list(tenants: &[Tenant], out: &Output) {
    for tenant in tenants {
        out.line(format!("{}  {}", tenant.id, tenant.name));
    }
}

/// Where one JSON document is asked for, what a person reads meanwhile goes to stderr.
fn say(out: &Output, text: &str) {
    if out.json() {
        out.remark(text);
    } else {
        out.line(text);
    }
}
