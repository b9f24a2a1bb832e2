//! `run -c FOLDER`: practices side by side, each in a process of its own (promise 21). Reads `/proc`: Linux only.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Control, Service, arrives, digits, practice, program, run_in, stand_ins, telecom, terminate};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// One practice: stand-ins of its own, and a file in the folder whose secrets are in the environment.
struct Site {
    name: &'static str,
    _stand_ins: Service,
    control: Control,
    variables: Vec<(String, String)>,
    file: PathBuf,
    _own: tempfile::TempDir,
}

impl Site {
    /// Prepared and brought in step once. It reads the variables that begin with `reads`.
    fn new(name: &'static str, reads: &str, folder: &Path) -> Site {
        let own = tempfile::tempdir().unwrap();
        let dir = own.path();
        let (stand_ins, ends) = stand_ins(dir, "plain");
        let file = practice(dir, &ends, "example-crm");
        std::fs::write(dir.join("bridge.key"), KEY).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let store = format!("sqlite:{}", dir.join("bridge.db").display());
        let text = text
            .replace("Sampleton Clinic", &format!("Clinic {name}"))
            .replace("sqlite:bridge.db", &store);
        std::fs::write(&file, &text).unwrap();
        assert_eq!(run_in(dir, &["prepare", "crm", "--yes"]).code, 0);
        let report = run_in(dir, &["sync", "--yes", "--json"]);
        assert_eq!(report.json()["converged"], true, "{report:?}");

        let secrets = [
            (
                "file:halaxy-id.secret",
                "ID",
                ends["halaxy"]["client_id"].as_str().unwrap(),
            ),
            (
                "file:halaxy.secret",
                "SECRET",
                ends["halaxy"]["client_secret"].as_str().unwrap(),
            ),
            ("file:crm.secret", "TOKEN", ends["crm"]["token"].as_str().unwrap()),
            ("file:bridge.key", "KEY", KEY),
        ];
        let text = secrets.iter().fold(text, |text, (reference, variable, _)| {
            text.replace(reference, &format!("env:{reads}_{variable}"))
        });
        let file = folder.join(format!("{name}.toml"));
        std::fs::write(&file, text).unwrap();
        let variables =
            secrets.map(|(_, variable, value)| (format!("{}_{variable}", name.to_uppercase()), value.to_string()));
        Site {
            name,
            _stand_ins: stand_ins,
            control: Control::of(&ends),
            variables: variables.into(),
            file,
            _own: own,
        }
    }

    /// Somebody changes Beatrix's mobile in Halaxy.
    async fn edit(&self, mobile: &str) {
        let patient = format!("records/halaxy/Patient/{}", self.control.id("P2").await);
        let shown = self.control.get(&patient).await;
        self.control.patch(&patient, telecom(&shown, mobile)).await;
    }

    async fn contact(&self) -> String {
        format!("records/crm/contacts/{}", self.control.id("C2").await)
    }

    async fn shows(&self, mobile: &str) {
        arrives(&self.control, &self.contact().await, |contact| has(contact, mobile)).await;
    }
}

fn has(contact: &Json, mobile: &str) -> bool {
    digits(contact["mobile"].as_str().unwrap_or_default()).ends_with(&digits(mobile)[2..])
}

/// The process of a practice, child of the one that keeps all.
fn child(keeper: u32, file: &Path) -> Option<u32> {
    let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children")).ok()?;
    children
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .find(|pid: &u32| {
            let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split('\0').any(|arg| Path::new(arg) == file)
        })
}

async fn until<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        if let Some(found) = look() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_21_practices_of_a_folder_share_nothing_and_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let (north, south, mut west) = tokio::task::block_in_place(|| {
        (
            Site::new("north", "NORTH", dir),
            Site::new("south", "SOUTH", dir),
            // Names the secrets of another practice, which are set, and which it must not see.
            Site::new("west", "NORTH", dir),
        )
    });
    std::fs::write(dir.join("east.toml"), "[practice]\nname = 7\n").unwrap();

    let said = std::fs::File::create(dir.join("said")).unwrap();
    let mut command = program();
    command.arg("run").arg("-c").arg(dir).stdout(Stdio::null()).stderr(said);
    for site in [&north, &south, &west] {
        command.envs(site.variables.iter().cloned());
    }
    command.env("EVERYBODYS_PASSWORD", "not-for-practices");
    let mut keeper = Service(command.spawn().unwrap());
    let id = keeper.0.id();
    let said = || std::fs::read_to_string(dir.join("said")).unwrap();

    // an edit reaches the CRM of its own practice, and nothing of the other is called for it
    let before = (
        south.control.writes().await,
        south.control.get(&south.contact().await).await,
    );
    north.edit("+61491570444").await;
    north.shows("+61491570444").await;
    assert_eq!(
        (
            south.control.writes().await,
            south.control.get(&south.contact().await).await
        ),
        before
    );
    south.edit("+61491570555").await;
    south.shows("+61491570555").await;
    assert!(has(&north.control.get(&north.contact().await).await, "+61491570444"));

    // the two that cannot be used said so, and nobody calls for them
    for name in ["east", "west"] {
        let line = format!("{name}: cannot be used as it is");
        until(&line, || said().contains(&line).then_some(())).await;
    }
    assert!(
        said().contains("NORTH_ID is not set") || said().contains("NORTH_KEY is not set"),
        "{}",
        said()
    );

    // what a process sees
    for (site, other) in [(&north, &south), (&south, &north)] {
        let pid = child(id, &site.file).unwrap();
        let seen = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
        let seen = String::from_utf8_lossy(&seen);
        for (name, value) in &site.variables {
            assert!(seen.contains(&format!("{name}={value}")), "{} lacks {name}", site.name);
        }
        for (name, _) in &other.variables {
            assert!(!seen.contains(&format!("{name}=")), "{} sees {name}", site.name);
        }
        assert!(!seen.contains("EVERYBODYS_PASSWORD"));
    }

    // one that is killed comes back, while the other never stopped
    let (killed, kept) = (child(id, &north.file).unwrap(), child(id, &south.file).unwrap());
    let done = std::process::Command::new("kill")
        .args(["-KILL", &killed.to_string()])
        .status()
        .unwrap();
    assert!(done.success());
    north.edit("+61491570666").await;
    let again = until("north starts again", || {
        child(id, &north.file).filter(|pid| *pid != killed)
    })
    .await;
    north.shows("+61491570666").await;
    assert_eq!(child(id, &south.file), Some(kept));

    // one that is mended is taken up
    let text = std::fs::read_to_string(&west.file).unwrap();
    std::fs::write(&west.file, text.replace("env:NORTH_", "env:WEST_")).unwrap();
    west.edit("+61491570777").await;
    west.shows("+61491570777").await;
    west.variables.clear();

    terminate(&keeper.0);
    assert_eq!(keeper.0.wait().unwrap().code(), Some(0), "{}", said());
    for pid in [again, kept] {
        assert!(
            !Path::new(&format!("/proc/{pid}")).exists(),
            "it is gone with its keeper"
        );
    }

    // a keeper that is killed leaves nobody behind
    for site in [&north, &south] {
        command.envs(site.variables.iter().cloned());
    }
    let mut keeper = Service(command.spawn().unwrap());
    let id = keeper.0.id();
    let left = until("all are there", || {
        let all = [&north, &south].map(|site| child(id, &site.file));
        Some([all[0]?, all[1]?])
    })
    .await;
    keeper.0.kill().unwrap();
    keeper.0.wait().unwrap();
    for pid in left {
        until("it ends after its keeper", || {
            (!Path::new(&format!("/proc/{pid}/exe")).exists()).then_some(())
        })
        .await;
    }
}
