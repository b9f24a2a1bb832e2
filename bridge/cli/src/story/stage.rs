//! The stand-ins, served over real HTTP.

use crate::exit::Failure;
use adapter_sandbox::{CrmKind, CsvPerson, Endpoints, Manners, Sandbox, SandboxOptions, invented_people, load_csv};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use clap::ValueEnum;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Patients that are invented when no file is given.
const INVENTED: usize = 120;

/// Which CRM stands beside Halaxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CrmArg {
    /// Shaped like HubSpot.
    #[default]
    Hubspot,
    /// The plain CRM that connectors/example-crm.toml describes.
    Plain,
}

impl CrmArg {
    /// The connector that talks to it.
    pub fn connector(self) -> &'static str {
        match self {
            CrmArg::Hubspot => "hubspot",
            CrmArg::Plain => "example-crm",
        }
    }
}

/// How the stand-ins behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MannersArg {
    /// No faults, no lag, no limits worth mentioning.
    Polite,
    /// As the real products are documented to.
    #[default]
    Real,
    /// Every known quirk, and one call in forty fails.
    Nasty,
}

impl From<MannersArg> for Manners {
    fn from(manners: MannersArg) -> Self {
        match manners {
            MannersArg::Polite => Manners::Polite,
            MannersArg::Real => Manners::Real,
            MannersArg::Nasty => Manners::Nasty,
        }
    }
}

/// Who is there at first.
pub struct People {
    /// Halaxy's.
    pub patients: Vec<CsvPerson>,
    /// The CRM's.
    pub contacts: Vec<CsvPerson>,
}

impl People {
    /// Reads them from files, or invents them if neither file is given.
    ///
    /// # Errors
    /// [`Failure::Usage`] with file, line and remedy.
    pub fn load(patients: Option<&Path>, contacts: Option<&Path>, seed: u64) -> Result<People, Failure> {
        if patients.is_none() && contacts.is_none() {
            let (patients, contacts) = invented_people(seed, INVENTED);
            return Ok(People { patients, contacts });
        }
        let read = |path: Option<&Path>| {
            path.map_or(Ok(vec![]), load_csv)
                .map_err(|e| Failure::Usage(e.to_string()))
        };
        Ok(People {
            patients: read(patients)?,
            contacts: read(contacts)?,
        })
    }
}

/// Stand-ins that are being served.
pub struct Stage {
    /// What people and faults act on.
    pub sandbox: Arc<Sandbox>,
    /// Where everything is and how to sign in.
    pub endpoints: Endpoints,
    server: JoinHandle<std::io::Result<()>>,
}

impl Stage {
    /// Serves stand-ins until `stop` is cancelled. With a token the control API asks for it.
    ///
    /// # Errors
    /// [`Failure::Failed`] if the address cannot be listened on.
    pub async fn open(
        people: People,
        crm: CrmArg,
        manners: MannersArg,
        seed: u64,
        listen: SocketAddr,
        token: Option<String>,
        stop: &CancellationToken,
    ) -> Result<Stage, Failure> {
        let kind = match crm {
            CrmArg::Hubspot => CrmKind::Hubspot,
            CrmArg::Plain => CrmKind::Plain,
        };
        let sandbox = Sandbox::new(SandboxOptions {
            seed,
            manners: manners.into(),
            crm: kind,
            patients: people.patients,
            contacts: people.contacts,
            ..SandboxOptions::default()
        });
        let trouble = |error: std::io::Error| Failure::Failed(format!("cannot listen on {listen}: {error}"));
        let listener = TcpListener::bind(listen).await.map_err(trouble)?;
        let address = listener.local_addr().map_err(trouble)?;
        let endpoints = sandbox.endpoints(&format!("http://{address}"));
        let router = match token {
            None => sandbox.router(),
            Some(token) => {
                let expected: Arc<str> = format!("Bearer {token}").into();
                sandbox.router().layer(from_fn(move |request, next| {
                    guarded(Arc::clone(&expected), request, next)
                }))
            }
        };
        let stopped = stop.clone().cancelled_owned();
        let server = tokio::spawn(Arc::clone(&sandbox).serve_as(router, listener, stopped));
        Ok(Stage {
            sandbox,
            endpoints,
            server,
        })
    }

    /// Waits until serving ends.
    ///
    /// # Errors
    /// What the listener reports.
    pub async fn served(self) -> Result<(), Failure> {
        match self.server.await {
            Ok(ended) => Ok(ended?),
            Err(error) => Err(Failure::Failed(error.to_string())),
        }
    }
}

/// The products ask for their own credentials; the control API has none but this.
async fn guarded(expected: Arc<str>, request: Request, next: Next) -> Response {
    let control = request.uri().path().trim_start_matches('/').starts_with("control");
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok());
    if control && given != Some(&*expected) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    next.run(request).await
}
