//! Workers that share a practice: each a process with ways of its own to the servers, over a private database.

pub mod postgres;
pub mod way;

use crate::common::{Service, program, run_in};
use adapter_sandbox::Sandbox;
use postgres::Postgres;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use way::{Passed, State, Way};

/// Notes in the database who begins to drive, and when, in the transaction that makes it so.
const NOTE_DRIVERS: &str = "\
CREATE TABLE driven (epoch bigint NOT NULL, holder text NOT NULL, at bigint NOT NULL);
CREATE FUNCTION note_driver() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO driven VALUES (NEW.epoch, NEW.holder, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  RETURN NEW;
END $$;
CREATE TRIGGER note_driver AFTER INSERT OR UPDATE ON lease FOR EACH ROW EXECUTE FUNCTION note_driver();";

/// How long something that works again may take on a busy machine.
const LONG: Duration = Duration::from_secs(40);

/// One worker's place: a folder with its configuration, and its ways. Processes come and go in it.
pub struct Place {
    folder: tempfile::TempDir,
    pub store: Way,
    pub queue: Way,
    pub accounts: Way,
    process: Option<Service>,
    /// How much the processes before this one said.
    said: usize,
}

impl Place {
    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// An epoch of the lease that says who drives.
#[derive(Clone, Debug)]
pub struct Epoch {
    pub number: i64,
    /// Process.
    pub driver: u32,
    /// Since when, microseconds since 1970.
    pub since: i64,
}

/// Three workers, and the folder of a person who looks at the practice.
pub struct Fleet {
    pub places: Vec<Place>,
    pub desk: tempfile::TempDir,
    /// The place in which each process ran.
    placed: BTreeMap<u32, usize>,
}

impl Fleet {
    /// Prepares and approves the practice, and starts the workers. `accounts` is where the stand-ins listen.
    pub async fn start(sandbox: &Sandbox, accounts: u16, database: &Postgres, broker: u16, life: Duration) -> Fleet {
        let desk = tempfile::tempdir().unwrap();
        configure(desk.path(), sandbox, [accounts, database.port, broker], life);
        let prepared = run_in(desk.path(), &["prepare", "crm", "--yes"]);
        assert_eq!(prepared.code, 0, "{prepared:?}");
        let report = run_in(desk.path(), &["sync", "--yes", "--json"]);
        assert_eq!(report.json()["converged"], true, "{report:?}");
        database.ask(NOTE_DRIVERS);
        let mut fleet = Fleet {
            places: vec![],
            desk,
            placed: BTreeMap::new(),
        };
        for place in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let [store, queue, accounts] = [
                Way::to(database.port).await,
                Way::to(broker).await,
                Way::to(accounts).await,
            ];
            let ports = [accounts.port, store.port, queue.port];
            configure(folder.path(), sandbox, ports, life);
            fleet.places.push(Place {
                folder,
                store,
                queue,
                accounts,
                process: None,
                said: 0,
            });
            fleet.run(place).await;
        }
        fleet
    }

    /// Starts a worker in its place, and returns when it drives or knows that another does. Until then it is like
    /// any command: what it cannot reach ends it.
    pub async fn run(&mut self, place: usize) {
        self.begin(place);
        let (begun, place) = (Instant::now(), &self.places[place]);
        let up = |log: &str| {
            ["Keeping ", "Another worker drives"]
                .iter()
                .any(|line| log.contains(line))
        };
        while !up(&place.log()[place.said..]) {
            assert!(begun.elapsed() < LONG, "a worker does not start: {}", place.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn begin(&mut self, place: usize) {
        self.places[place].said = self.places[place].log().len();
        let folder = self.places[place].folder.path();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        let mut command = program();
        command
            .args(["run", "--listen", "none", "-c"])
            .arg(folder.join("bridge.toml"))
            .env("RUST_LOG", "warn,halaxy_bridge=info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = Service(command.spawn().unwrap());
        self.placed.insert(process.0.id(), place);
        self.places[place].process = Some(process);
    }

    /// SIGKILL.
    pub fn kill(&mut self, place: usize) {
        self.places[place].process = None;
    }

    /// Who began to drive when.
    pub fn epochs(&self, database: &Postgres) -> Vec<Epoch> {
        let rows = database.ask("SELECT epoch, holder, at FROM driven ORDER BY at");
        let epoch = |row: Vec<String>| Epoch {
            number: row[0].parse().unwrap(),
            driver: row[1].split(' ').nth(1).unwrap().parse().unwrap(),
            since: row[2].parse().unwrap(),
        };
        rows.into_iter().map(epoch).collect()
    }

    /// The place that began to drive last, as soon as its process is alive.
    pub async fn driver(&self, database: &Postgres) -> usize {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            let last = self.epochs(database).pop();
            let place = last.and_then(|last| Some((last.driver, *self.placed.get(&last.driver)?)));
            if let Some((pid, place)) = place
                && self.places[place].process.as_ref().is_some_and(|p| p.0.id() == pid)
            {
                return place;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody drives: {}", self.logs());
    }

    /// The place of a process of this fleet.
    pub fn place_of(&self, pid: u32) -> Option<usize> {
        self.placed.get(&pid).copied()
    }

    /// Requests that left for the accounts, by place.
    pub fn requests(&self) -> Vec<Vec<Passed>> {
        self.places.iter().map(|place| place.accounts.passed()).collect()
    }

    /// Ends all in good order.
    pub fn stop(&mut self) {
        let mut processes: Vec<Service> = self.places.iter_mut().filter_map(|p| p.process.take()).collect();
        processes.iter().for_each(|p| crate::common::terminate(&p.0));
        for process in &mut processes {
            assert_eq!(process.0.wait().unwrap().code(), Some(0), "{}", self.logs());
        }
    }

    /// Whether every process that was started still runs.
    pub fn all_run(&mut self) -> bool {
        self.places
            .iter_mut()
            .filter_map(|place| place.process.as_mut())
            .all(|process| process.0.try_wait().unwrap().is_none())
    }

    /// The end of what the workers said.
    pub fn logs(&self) -> String {
        let said = |(place, at): (usize, &Place)| {
            let text = at.log();
            let lines: Vec<&str> = text.lines().collect();
            format!(
                "--- worker {place}\n{}\n",
                lines[lines.len().saturating_sub(40)..].join("\n")
            )
        };
        self.places.iter().enumerate().map(said).collect()
    }

    /// Opens every way.
    pub fn mend(&self) {
        for place in &self.places {
            for way in [&place.store, &place.queue, &place.accounts] {
                way.set(State::Open);
            }
        }
    }
}

/// Configuration and secrets of a worker that reaches the accounts, the store and the queue at these ports.
fn configure(folder: &Path, sandbox: &Sandbox, [accounts, store, queue]: [u16; 3], life: Duration) {
    let ends: Json = serde_json::to_value(sandbox.endpoints(&format!("http://127.0.0.1:{accounts}"))).unwrap();
    let secret = |name: &str, value: &str| std::fs::write(folder.join(name), value).unwrap();
    secret("id", ends["halaxy"]["client_id"].as_str().unwrap());
    secret("secret", ends["halaxy"]["client_secret"].as_str().unwrap());
    secret("token", ends["crm"]["token"].as_str().unwrap());
    secret("key", &"00112233445566778899aabbccddeeff".repeat(2));
    secret("queue", "guest");
    let (store, life) = (Postgres::url(store), life.as_millis());
    let text = format!(
        r#"
[practice]
name = "Sampleton Clinic"
country = "AU"
time_zone = "Australia/Melbourne"
[store]
url = "{store}"
key = "file:key"
[queue]
url = "amqp://127.0.0.1:{queue}/%2f"
user = "guest"
password = "file:queue"
[systems.halaxy]
connector = "halaxy"
base_url = {}
client_id = "file:id"
client_secret = "file:secret"
user_agent = "SampletonBridge (it@sampleton.example)"
call_life = "{life}ms"
[systems.crm]
connector = "example-crm"
base_url = {}
token = "file:token"
call_life = "{life}ms"
[sync.person]
systems = ["halaxy", "crm"]
create_in = ["crm"]
create_when = "status in ['current', 'contact']"
poll_every = "1s"
"#,
        ends["halaxy"]["base_url"], ends["crm"]["base_url"],
    );
    std::fs::write(folder.join("bridge.toml"), text).unwrap();
}
