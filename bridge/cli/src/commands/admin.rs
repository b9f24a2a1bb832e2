//! `admin`: who may use the admin app. Works beside the running service, and whoever may read the store's key may do it.

use crate::args::{ByArg, ConfigArg};
use crate::config::{Config, ServeConfig};
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::{commands, pages, times, wiring};
use bridge_admin::access::invitation::Purpose;
use bridge_admin::access::role::Role;
use bridge_admin::access::user::User;
use bridge_admin::access::{Access, AccessError, HOUR};
use bridge_admin::app::routes::{Need, ROUTES};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// What `admin` takes.
#[derive(Debug, Args)]
pub struct AdminArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: AdminAction,
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// What can be done about people.
#[derive(Debug, Subcommand)]
pub enum AdminAction {
    /// Print the link that the first administrator comes in by.
    #[command(after_help = "\
Example:
  halaxy-bridge admin setup

The link works once, for an hour, and only while nobody is an administrator. A new one ends the one before.")]
    Setup {
        /// Who makes it.
        #[command(flatten)]
        by: ByArg,
    },
    /// Print a link for somebody new.
    #[command(after_help = "\
Example:
  halaxy-bridge admin invite dana@practice.example --name 'Dana Fox' --role reviewer

Roles: admin, reviewer, bookkeeper, auditor, operator. The link works once, for three days.")]
    Invite {
        /// The e-mail address that is signed in with.
        email: String,
        /// The name that others see.
        #[arg(long)]
        name: String,
        /// What the person may do.
        #[arg(long, value_name = "ROLE", value_parser = role)]
        role: Role,
        /// Who makes it.
        #[command(flatten)]
        by: ByArg,
    },
    /// Print a link by which somebody gets a new password and second factor.
    #[command(after_help = "Example:\n  halaxy-bridge admin reset dana@practice.example")]
    Reset {
        /// The e-mail address.
        email: String,
        /// Who makes it.
        #[command(flatten)]
        by: ByArg,
    },
    /// End somebody's access and every session of theirs.
    #[command(after_help = "Example:\n  halaxy-bridge admin end dana@practice.example")]
    End {
        /// The e-mail address.
        email: String,
        /// Who ends it.
        #[command(flatten)]
        by: ByArg,
    },
    /// List who may use the app, and which links are open.
    Users,
    /// List every page and form of the app, and who may take it.
    Routes,
}

fn role(text: &str) -> Result<Role, String> {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.key()).collect();
    Role::parse(text).ok_or_else(|| format!("name one of {}", names.join(", ")))
}

/// Does it.
///
/// # Errors
/// [`Failure`] if it is refused, or the store cannot be opened.
pub async fn run(args: &AdminArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let serve = served(&config)?;
    let access = pages::access(wiring::store(&config).await?);
    match &args.action {
        AdminAction::Setup { by } => {
            let token = access.found(&by.name()).await.map_err(refused)?;
            link(&config, serve, &token, &Purpose::Found, "the first administrator", out)
        }
        AdminAction::Invite { email, name, role, by } => {
            let token = access.invite((name, email), *role, &by.name()).await.map_err(refused)?;
            let purpose = Purpose::Join {
                name: name.clone(),
                email: email.clone(),
                role: *role,
            };
            link(&config, serve, &token, &purpose, name, out)
        }
        AdminAction::Reset { email, by } => {
            let user = known(&access, email).await?;
            let token = access.renew(&user.id, &by.name()).await.map_err(refused)?;
            link(
                &config,
                serve,
                &token,
                &Purpose::Renew { user: user.id },
                &user.name,
                out,
            )
        }
        AdminAction::End { email, by } => {
            let user = known(&access, email).await?;
            access.end(&user.id, &by.name()).await.map_err(refused)?;
            out.document(&json!({ "user": user.id, "ended": true }));
            out.line(format!("{} may not sign in any more.", user.name));
            Ok(Exit::Done)
        }
        AdminAction::Users => users(&access, out).await,
        AdminAction::Routes => routes(out),
    }
}

/// The link, for whoever runs the command to pass on.
fn link(
    config: &Config,
    serve: &ServeConfig,
    token: &SecretString,
    purpose: &Purpose,
    whom: &str,
    out: &Output,
) -> Result<Exit, Failure> {
    let url = pages::url(config, serve.listen);
    let link = format!("{url}/invitation/{}", token.expose_secret());
    let hours = purpose.life() / HOUR;
    out.document(&json!({ "link": link, "hours": hours }));
    out.line(format!("A link for {whom}, which works once within {hours} h:"));
    out.line(format!("  {link}"));
    out.line(format!("The service must run: {}", config.command("run")));
    if let Some(why) = pages::unreachable(serve) {
        out.remark(why);
    }
    Ok(Exit::Done)
}

/// Where the app is served.
fn served(config: &Config) -> Result<&ServeConfig, Failure> {
    let serve = config.serve.as_ref().ok_or_else(|| {
        Failure::Usage(
            "the admin app needs an address: add [serve] with listen = \"127.0.0.1:8600\" to bridge.toml".into(),
        )
    })?;
    if !serve.admin {
        return Err(Failure::Usage(
            "the admin app is not served: remove admin = false from [serve]".into(),
        ));
    }
    Ok(serve)
}

async fn known(access: &Access, email: &str) -> Result<User, Failure> {
    let users = access.users().await.map_err(refused)?;
    let email = email.trim().to_lowercase();
    let user = users.into_iter().find(|user| user.active() && user.email == email);
    user.ok_or_else(|| {
        Failure::Usage("nobody signs in with this address; `halaxy-bridge admin users` lists them".into())
    })
}

async fn users(access: &Access, out: &Output) -> Result<Exit, Failure> {
    let (users, open) = (
        access.users().await.map_err(refused)?,
        access.invitations().await.map_err(refused)?,
    );
    let document: Vec<_> = users
        .iter()
        .map(|user| {
            json!({
                "id": user.id, "name": user.name, "email": user.email, "role": user.role, "since": times::iso(user.since),
                "signed_in": user.signed_in.map(times::iso), "ended": user.ended.map(times::iso),
            })
        })
        .collect();
    out.document(&json!({ "users": document, "open_links": open.len() }));
    let now = times::now();
    let rows = users.iter().map(|user| {
        let last = user.signed_in.map_or("never".into(), |at| times::ago(at, now));
        let state = if user.active() { last } else { "access ended".into() };
        vec![user.name.clone(), user.email.clone(), user.role.key().into(), state]
    });
    out.table(
        &["name", "e-mail", "role", "last signed in"],
        rows.collect(),
        "Nobody yet: `halaxy-bridge admin setup` prints a link for the first administrator.",
    );
    if !open.is_empty() {
        out.line(format!("{} open.", crate::output::count(open.len() as u64, "link")));
    }
    Ok(Exit::Done)
}

/// The table that the app's router is made of.
fn routes(out: &Output) -> Result<Exit, Failure> {
    let who = |need: Need| match need {
        Need::Nothing => vec!["anybody"],
        Need::Half => vec!["whoever has given a password, and not the code yet"],
        Need::Roles(roles) => roles.iter().map(|role| role.key()).collect(),
    };
    let document: Vec<_> = ROUTES
        .iter()
        .map(|route| json!({ "method": route.method.as_str(), "path": route.path, "who": who(route.need) }))
        .collect();
    out.document(&json!({ "routes": document }));
    let rows = ROUTES.iter().map(|route| {
        let who = who(route.need).join(", ");
        vec![route.method.to_string(), route.path.into(), who]
    });
    out.table(&["method", "path", "who"], rows.collect(), "");
    Ok(Exit::Done)
}

fn refused(error: AccessError) -> Failure {
    match error {
        AccessError::Store(error) => error.into(),
        AccessError::SetUp => Failure::Usage(
            "an administrator is there already: `halaxy-bridge admin users` shows who, `admin reset` lets them in anew"
                .into(),
        ),
        AccessError::Damaged(_) => Failure::Failed(error.to_string()),
        error => Failure::Usage(error.to_string()),
    }
}
