//! The built program, as a user runs it: folders, processes, answers.
#![allow(dead_code)]

use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a run of the program came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// The one JSON document on stdout.
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// The program with a quiet environment.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_halaxy-bridge"));
    command.env_remove("RUST_LOG").env("NO_COLOR", "1").env("USER", "riley");
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Ran {
    ended(program().args(args))
}

/// Runs it on the configuration of a folder.
pub fn run_in(folder: &Path, args: &[&str]) -> Ran {
    ended(program().args(args).arg("-c").arg(folder.join("bridge.toml")))
}

/// Runs it where that folder is the current one.
pub fn run_at(folder: &Path, args: &[&str]) -> Ran {
    ended(program().current_dir(folder).args(args))
}

fn ended(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A program that runs on its own; killed when dropped.
pub struct Service(pub Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asks a process to end in good order.
pub fn terminate(child: &Child) {
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// A client for the control API.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Stand-ins in a process of their own, and the line they print when ready.
pub fn sandbox(args: &[&str]) -> (Service, Json) {
    let mut child = program()
        .arg("sandbox")
        .args(args)
        .arg("--json")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Service(child), serde_json::from_str(&line).unwrap())
}

/// Polite stand-ins with a CRM of that kind and [`people`] of a folder on both sides.
pub fn stand_ins(folder: &Path, crm: &str) -> (Service, Json) {
    let (patients, contacts) = people(folder);
    let (patients, contacts) = (patients.to_str().unwrap(), contacts.to_str().unwrap());
    sandbox(&[
        "--patients",
        patients,
        "--contacts",
        contacts,
        "--manners",
        "polite",
        "--crm",
        crm,
    ])
}

/// A folder made by `init` for these stand-ins, edited as a user edits it.
pub fn practice(folder: &Path, ends: &Json, crm: &str) -> PathBuf {
    let made = run(&["init", folder.to_str().unwrap(), "--crm", crm]);
    assert_eq!(made.code, 0, "{made:?}");
    let path = folder.join("bridge.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text: Vec<String> = text
        .lines()
        .filter(|line| !line.starts_with("base_url"))
        .map(|line| match line.split_whitespace().next() {
            Some("region") => format!("base_url = {}", ends["halaxy"]["base_url"]),
            Some("client_id") => "client_id = \"file:halaxy-id.secret\"".into(),
            Some("client_secret") => "client_secret = \"file:halaxy.secret\"".into(),
            Some("token") => format!("base_url = {}\ntoken = \"file:crm.secret\"", ends["crm"]["base_url"]),
            Some("poll_every") => "poll_every = \"500ms\"".into(),
            _ => line.to_string(),
        })
        .collect();
    std::fs::write(&path, text.join("\n")).unwrap();
    for (name, secret) in [
        ("halaxy-id.secret", &ends["halaxy"]["client_id"]),
        ("halaxy.secret", &ends["halaxy"]["client_secret"]),
        ("crm.secret", &ends["crm"]["token"]),
    ] {
        std::fs::write(folder.join(name), secret.as_str().unwrap()).unwrap();
    }
    let key = run(&["key", "new", "--out", folder.join("bridge.key").to_str().unwrap()]);
    assert_eq!(key.code, 0, "{key:?}");
    path
}

/// People with a CSV file each side: three pairs, one patient without a contact, one look-alike.
pub fn people(folder: &Path) -> (PathBuf, PathBuf) {
    let header = "id,given_name,surname,date_of_birth,sex,phone,email,street,suburb,state,postcode\n";
    let row = |id: &str, given: &str, born: &str, phone: &str, email: &str| {
        format!("{id},{given},Samplewood,{born},F,{phone},{email},1 Test Street,Sampleton,VIC,3999\n")
    };
    let left = [
        row("P1", "Miriam", "1980-01-01", "0491570001", "miriam@example.org"),
        row("P2", "Beatrix", "1981-02-02", "0491570002", "beatrix@example.org"),
        row("P3", "Coralie", "1982-03-03", "0491570003", "coralie@example.org"),
        row("P4", "Dunja", "1983-04-04", "0491570004", "dunja@example.org"),
        row("P5", "Edwina", "1984-05-05", "0491570005", "edwina@example.org"),
    ];
    let right = [
        row("C1", "Miriam", "1980-01-01", "0491 570 001", "miriam@example.org"),
        row("C2", "Beatrix", "1981-02-02", "+61491570002", "beatrix@example.org"),
        row("C3", "Coralie", "1982-03-03", "0491570003", "coralie@example.org"),
        row("C5", "E", "", "0491570005", "edwina@example.org"),
    ];
    let (patients, contacts) = (folder.join("left.csv"), folder.join("right.csv"));
    std::fs::write(&patients, format!("{header}{}", left.concat())).unwrap();
    std::fs::write(&contacts, format!("{header}{}", right.concat())).unwrap();
    (patients, contacts)
}

/// The PostgreSQL server that tests may fill.
pub fn server() -> String {
    const SERVER: &str = "HALAXY_BRIDGE_TEST_POSTGRES";
    std::env::var(SERVER).unwrap_or_else(|_| {
        panic!(
            "{SERVER} is not set: tests/run starts a server and sets it; or name one that may be filled, like \
             postgres://bridge@127.0.0.1:5432/postgres"
        )
    })
}

/// The control API of the stand-ins.
pub struct Control {
    client: reqwest::Client,
    url: String,
}

impl Control {
    pub fn of(ends: &Json) -> Control {
        let client = client();
        Control {
            client,
            url: ends["control_url"].as_str().unwrap().to_string(),
        }
    }

    pub async fn get(&self, path: &str) -> Json {
        let answer = self.client.get(format!("{}/{path}", self.url)).send().await.unwrap();
        answer.json().await.unwrap()
    }

    pub async fn patch(&self, path: &str, body: Json) {
        let answer = self
            .client
            .patch(format!("{}/{path}", self.url))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// The record that a row of a CSV file became.
    pub async fn id(&self, csv: &str) -> String {
        let ids = self.get("ids").await;
        let row = ids.as_array().unwrap().iter().find(|row| row["csv_id"] == csv).unwrap();
        row["id"].as_str().unwrap().to_string()
    }

    pub async fn writes(&self) -> usize {
        let calls = self.get("calls").await;
        let reading = |path: &str| {
            path.ends_with("/search")
                || path.ends_with("/read")
                || path.contains("token")
                || path.contains("properties")
        };
        let write = |c: &&Json| c["method"] != "GET" && !reading(c["path"].as_str().unwrap());
        calls.as_array().unwrap().iter().filter(write).count()
    }
}

pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

pub fn telecom(patient: &Json, mobile: &str) -> Json {
    let mut telecom = patient["telecom"].as_array().unwrap().clone();
    telecom.retain(|t| t["system"] != "sms");
    telecom.push(json!({"system": "sms", "use": "mobile", "value": mobile}));
    json!({ "telecom": telecom })
}

pub async fn arrives(control: &Control, path: &str, holds: impl Fn(&Json) -> bool) -> Duration {
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(20) {
        if holds(&control.get(path).await) {
            return started.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{path} did not get there: {}", control.get(path).await);
}

pub fn service(dir: &Path) -> Service {
    let mut command = program();
    command
        .arg("run")
        .arg("-c")
        .arg(dir.join("bridge.toml"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Service(command.spawn().unwrap())
}

/// Signs in to the books: the stand-in's page says yes at once.
pub async fn connect(folder: &Path) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let mut child = program()
        .args(["connect", "books", "--port", &port, "-c"])
        .arg(folder.join("bridge.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.trim().starts_with("http://") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "no address");
    }
    client().get(line.trim()).send().await.unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success(), "{rest}");
}
