//! A practice for end-to-end tests: the real engine, accounts and store against the stand-ins over
//! real HTTP, wired by the same code as the program.
#![allow(clippy::unwrap_used)]

use adapter_kit::Clock;
use adapter_sandbox::{CrmKind, CsvPerson, Manners, Sandbox, SandboxOptions, SystemClock};
use bridge_engine::{Engine, Step};
use halaxy_bridge::besides::Besides;
use halaxy_bridge::{config, drive, wiring};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

mod acts;
pub mod diary;
mod hooks;
mod killed;
pub mod ledger;
pub mod referrers;
pub use acts::{Purpose, fault, kind, purpose, writing};
pub use hooks::{Hooks, Storm};
pub use killed::killed_after;

/// A practice with its stand-ins.
pub struct Practice {
    /// The stand-ins.
    pub sandbox: Arc<Sandbox>,
    /// The loop.
    pub engine: Engine,
    /// Its folder.
    pub folder: TempDir,
    /// Which CRM it has.
    pub crm: CrmKind,
    stop: CancellationToken,
}

impl Drop for Practice {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One person of a test.
pub fn person(id: &str, given: &str, family: &str, born: &str, mobile: &str, email: &str) -> CsvPerson {
    CsvPerson {
        id: id.into(),
        given_name: given.into(),
        surname: family.into(),
        date_of_birth: born.into(),
        sex: "F".into(),
        phone: mobile.into(),
        email: email.into(),
        ..CsvPerson::default()
    }
}

impl Practice {
    /// Starts stand-ins and engine; nothing is approved yet.
    pub async fn start(crm: CrmKind, manners: Manners, patients: Vec<CsvPerson>, contacts: Vec<CsvPerson>) -> Self {
        let options = SandboxOptions {
            seed: 7,
            manners,
            crm,
            patients,
            contacts,
            clock: Arc::new(SystemClock),
        };
        let sandbox = Sandbox::new(options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let (served, until) = (Arc::clone(&sandbox), stop.clone());
        tokio::spawn(async move { served.serve(listener, async move { until.cancelled().await }).await });
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), &sandbox, &base, crm);
        let engine = open(folder.path()).await;
        let practice = Self {
            sandbox,
            engine,
            folder,
            crm,
            stop,
        };
        for system in practice.engine.settings().systems.iter() {
            system.adapter.prepare(system.kind(), true).await.unwrap();
        }
        practice
    }

    /// Approves and runs until everything has settled.
    pub async fn sync(&self) -> Step {
        self.engine.approve().await.unwrap();
        let pass = drive::until_settled(&self.engine, &CancellationToken::new(), |_| ())
            .await
            .unwrap();
        assert!(pass.converged, "the sync did not settle: {pass:?}");
        pass.sum
    }

    /// A crash: the engine is gone between two effects, and a new one opens the same store.
    pub async fn reopen(&mut self) {
        let config = config::load(&self.folder.path().join("bridge.toml")).unwrap();
        self.engine = wiring::desk(&config).await.unwrap(); // lets the lock go
        self.engine = open(self.folder.path()).await;
    }

    /// Another file of the configuration; the engine starts with it.
    pub async fn configure(&mut self, file: &str, text: &str) {
        self.write(file, text);
        self.reopen().await;
    }

    /// What is done beside the engine, by the configuration as it stands, until nothing is left of it.
    pub async fn besides(&self) {
        let config = config::load(&self.folder.path().join("bridge.toml")).unwrap();
        let besides = Besides::new(&config, &self.engine).unwrap();
        besides.settle(&CancellationToken::new()).await.unwrap();
    }

    /// HubSpot's search may lag half a minute behind; the polite stand-in's does not.
    pub async fn without_lag(&mut self) {
        let shipped = include_str!("../../adapters/rest/connectors/hubspot.toml");
        let hasty = shipped.replace("lag       = \"30s\"", "lag       = \"0s\"");
        assert_ne!(shipped, hasty);
        self.configure("connectors/hubspot.toml", &hasty).await;
    }

    /// What is wrong with the configuration as its files now stand.
    ///
    /// # Panics
    /// If nothing is.
    pub fn problems(&self) -> String {
        match config::load(&self.folder.path().join("bridge.toml")) {
            Ok(_) => panic!("nothing is wrong with the configuration"),
            Err(problems) => problems.iter().map(|p| format!("{p:?}\n")).collect(),
        }
    }

    /// Writes a file of the configuration; the engine goes on as it is.
    pub fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The store's files are lost; the engine starts with an empty one.
    pub async fn forget(&mut self) {
        let config = config::load(&self.folder.path().join("bridge.toml")).unwrap();
        self.engine = wiring::desk(&config).await.unwrap(); // lets the lock go
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            let path = file.unwrap().path();
            if path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("bridge.db"))
            {
                std::fs::remove_file(path).unwrap();
            }
        }
        self.engine = open(self.folder.path()).await;
    }

    /// Records of a system as its product shows them.
    pub fn records(&self, system: &str) -> Vec<Json> {
        let kind = if system == "halaxy" { "Patient" } else { "contacts" };
        self.sandbox.records(system, kind).unwrap()
    }
}

async fn open(folder: &Path) -> Engine {
    let config = config::load(&folder.join("bridge.toml")).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(|p| format!("{p:?}\n")).collect::<String>());
    });
    wiring::engine(&config).await.unwrap()
}

fn write_config(folder: &Path, sandbox: &Sandbox, base: &str, crm: CrmKind) {
    let ends = serde_json::to_value(sandbox.endpoints(base)).unwrap();
    let secret = |name: &str, value: &str| std::fs::write(folder.join(name), value).unwrap();
    secret("id", ends["halaxy"]["client_id"].as_str().unwrap());
    secret("secret", ends["halaxy"]["client_secret"].as_str().unwrap());
    secret("token", ends["crm"]["token"].as_str().unwrap());
    secret("key", &"0123456789abcdef".repeat(4));
    let (connector, token) = match crm {
        CrmKind::Hubspot => ("hubspot", "token"),
        CrmKind::Plain => ("example-crm", "token"),
    };
    let text = format!(
        r#"
[practice]
name = "Sampleton Clinic"
country = "AU"
time_zone = "Australia/Melbourne"
[store]
url = "sqlite:bridge.db"
key = "file:key"
[systems.halaxy]
connector = "halaxy"
base_url = {halaxy}
client_id = "file:id"
client_secret = "file:secret"
user_agent = "SampletonBridge (it@sampleton.example)"
call_life = "1s"
[systems.crm]
connector = "{connector}"
base_url = {crm}
{token} = "file:token"
may_receive = ["identity", "contact"]
call_life = "1s"
[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "1s"
"#,
        halaxy = ends["halaxy"]["base_url"],
        crm = ends["crm"]["base_url"],
    );
    std::fs::write(folder.join("bridge.toml"), text).unwrap();
}

/// Now, on the machine's clock, microseconds.
pub fn now() -> i64 {
    adapter_kit::SystemClock::new().now()
}
