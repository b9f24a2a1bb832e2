//! A practice of its own for the demo: configuration, key and store in a temporary folder, made
//! and read the way a user's are.

use super::stage::CrmArg;
use crate::commands::key::write_own;
use crate::config::{self, Config};
use crate::exit::Failure;
use adapter_sandbox::Endpoints;
use bridge_store::Key;
use std::path::Path;
use tempfile::TempDir;

/// The folder with everything; gone when dropped.
pub struct Practice {
    folder: TempDir,
    /// What the folder's bridge.toml says.
    pub config: Config,
}

impl Practice {
    /// Writes the folder for these stand-ins, and reads it.
    ///
    /// # Errors
    /// [`Failure`] if the folder cannot be written.
    pub fn new(endpoints: &Endpoints, crm: CrmArg) -> Result<Practice, Failure> {
        Practice::with(endpoints, crm, SYNC, &[])
    }

    /// The same with other sections after those of the accounts, and with further files.
    ///
    /// # Errors
    /// As [`Practice::new`].
    pub fn with(
        endpoints: &Endpoints,
        crm: CrmArg,
        sections: &str,
        files: &[(&str, &str)],
    ) -> Result<Practice, Failure> {
        let folder = tempfile::Builder::new().prefix("halaxy-bridge-demo-").tempdir()?;
        let own = |name: &str, text: &str| write_own(&folder.path().join(name), text);
        own("bridge.key", &Key::generate().to_hex())?;
        own("halaxy-id.secret", &endpoints.halaxy.client_id)?;
        own("halaxy.secret", &endpoints.halaxy.client_secret)?;
        own("crm.secret", &endpoints.crm.token)?;
        for (name, text) in files {
            own(name, text)?;
        }
        let path = folder.path().join("bridge.toml");
        std::fs::write(&path, accounts(endpoints, crm) + sections)?;
        let config = config::load(&path)?;
        Ok(Practice { folder, config })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// What is kept in step.
const SYNC: &str = r#"
[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "1s"
"#;

/// Calls live five seconds at most: the stand-ins land what they delay within three.
fn accounts(endpoints: &Endpoints, crm: CrmArg) -> String {
    format!(
        r#"[practice]
name = "Demonstration practice"
country = "AU"
time_zone = "Australia/Melbourne"

[store]
url = "sqlite:bridge.db"
key = "file:bridge.key"

[systems.halaxy]
connector = "halaxy"
base_url = "{halaxy}"
client_id = "file:halaxy-id.secret"
client_secret = "file:halaxy.secret"
user_agent = "BridgeDemo (demo@example.org)"
call_life = "5s"

[systems.crm]
connector = "{connector}"
base_url = "{crm}"
token = "file:crm.secret"
may_receive = ["identity", "contact"]
call_life = "5s"
"#,
        halaxy = endpoints.halaxy.base_url,
        connector = crm.connector(),
        crm = endpoints.crm.base_url,
    )
}
