//! Many practices by one command: each has a process of its own, which sees nothing of the others.

use crate::commands::run::RunArgs;
use crate::config;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use crate::signals;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// First pause before a process that ended is started again; doubled each time up to the longest.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A process that ran for so long is started again after the first pause.
const RAN_WELL: Duration = Duration::from_secs(300);
/// Variables every process sees. All others must begin with the practice's name.
const SHARED: [&str; 16] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TZ",
    "TMPDIR",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "NO_COLOR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
];

/// One practice of the folder.
struct Practice {
    file: PathBuf,
    /// Of the file, without its ending.
    name: String,
}

/// Runs every practice of a folder until asked to stop. One that fails is started again after a while; one
/// whose configuration cannot be used waits until it is changed. The others go on.
///
/// # Errors
/// [`Failure::Usage`] if two of them get in each other's way.
pub async fn run(files: &[PathBuf], args: &RunArgs, out: &Output) -> Result<Exit, Failure> {
    if args.listen.is_some() {
        let text = "--listen is for one practice; several have their own [serve]".to_string();
        return Err(Failure::Usage(text));
    }
    let practices: Vec<Practice> = files.iter().map(|file| Practice::of(file)).collect();
    apart(&practices)?;
    let stop = signals::stop();
    out.remark(format!("{} practices, each in a process of its own.", practices.len()));
    let kept = practices.iter().map(|practice| keep(practice, args, &stop, out));
    futures::future::join_all(kept).await;
    out.remark("Stopped.");
    Ok(Exit::Done)
}

impl Practice {
    fn of(file: &Path) -> Self {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Self {
            file: file.to_path_buf(),
            name,
        }
    }

    /// What its own environment variables begin with: `north-side.toml` has `NORTH_SIDE_`.
    fn prefix(&self) -> String {
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        self.name.chars().map(plain).chain(['_']).collect()
    }

    /// The variables its process sees, of all there are: its own, those of everybody, and what telemetry reads.
    fn environment(&self, all: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
        let own = self.prefix();
        let seen = |name: &str| {
            SHARED.contains(&name) || name.starts_with("LC_") || name.starts_with("OTEL_") || name.starts_with(&own)
        };
        all.filter(|(name, _)| seen(name)).collect()
    }
}

/// Refuses practices with one name in one store, with one address to listen on, or with variables in common.
fn apart(practices: &[Practice]) -> Result<(), Failure> {
    let mut taken: BTreeMap<String, &Path> = BTreeMap::new();
    let mut claim = |what: String, file| match taken.insert(what.clone(), file) {
        Some(other) => Err(Failure::Usage(format!(
            "{} and {} both have {what}; give each its own",
            other.display(),
            file.display()
        ))),
        None => Ok(()),
    };
    for practice in practices {
        claim(format!("environment variables {}*", practice.prefix()), &practice.file)?;
        // One that cannot be used says so when it is started.
        let Ok(config) = config::load(&practice.file) else {
            continue;
        };
        claim(format!("[practice] name = \"{}\"", config.practice), &practice.file)?;
        if let Some(serve) = &config.serve {
            claim(format!("[serve] listen = \"{}\"", serve.listen), &practice.file)?;
        }
    }
    for one in practices {
        for other in practices.iter().filter(|other| other.prefix() != one.prefix()) {
            if one.prefix().starts_with(&other.prefix()) {
                return Err(Failure::Usage(format!(
                    "{} would see the environment variables of {}, since its name begins alike; rename one",
                    other.file.display(),
                    one.file.display()
                )));
            }
        }
    }
    Ok(())
}

/// Keeps the process of a practice running.
async fn keep(practice: &Practice, args: &RunArgs, stop: &CancellationToken, out: &Output) {
    let mut pause = PAUSE;
    while !stop.is_cancelled() {
        let begun = Instant::now();
        let ended = match start(practice, args) {
            Ok(child) => ended(child, stop).await,
            Err(error) => Err(error),
        };
        if stop.is_cancelled() {
            return;
        }
        let changed = changed(&practice.file);
        match ended {
            Ok(Some(2)) => {
                out.remark(format!(
                    "{}: cannot be used as it is; waiting for a change of the file.",
                    practice.name
                ));
                while changed == self::changed(&practice.file) && !stop.is_cancelled() {
                    rest(Duration::from_secs(2), stop).await;
                }
                pause = PAUSE;
                continue;
            }
            Ok(code) => {
                let code = code.map_or("a signal".to_string(), |code| format!("code {code}"));
                out.remark(format!(
                    "{}: ended with {code}; started again in {} s.",
                    practice.name,
                    pause.as_secs()
                ));
            }
            Err(error) => out.remark(format!("{}: cannot be started: {error}", practice.name)),
        }
        if begun.elapsed() >= RAN_WELL {
            pause = PAUSE;
        }
        rest(pause, stop).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn changed(file: &Path) -> Option<std::time::SystemTime> {
    std::fs::metadata(file).and_then(|about| about.modified()).ok()
}

async fn rest(time: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stop.cancelled() => {}
    }
}

fn start(practice: &Practice, args: &RunArgs) -> std::io::Result<Child> {
    let role = clap::ValueEnum::to_possible_value(&args.role);
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("run").arg("--kept").arg("-c").arg(&practice.file);
    if let Some(role) = &role {
        command.arg("--role").arg(role.get_name());
    }
    command
        .args(log_format(std::env::args()))
        .env_clear()
        .envs(practice.environment(std::env::vars()))
        // Held open as long as this process lives, however it ends.
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        // The terminal's Ctrl-C reaches this process alone, which passes it on once.
        .process_group(0)
        .kill_on_drop(true);
    command.spawn()
}

/// What this process was told about its log, for the others.
fn log_format(args: impl Iterator<Item = String>) -> Vec<String> {
    let mut args = args.skip_while(|arg| !arg.starts_with("--log-format"));
    let first = args.next();
    let value = first
        .as_ref()
        .filter(|arg| !arg.contains('='))
        .and_then(|_| args.next());
    first.into_iter().chain(value).collect()
}

/// Waits for the end of a process; asks it to end when `stop` is cancelled. The exit code, if it has one.
async fn ended(mut child: Child, stop: &CancellationToken) -> std::io::Result<Option<i32>> {
    // Waiting would close it.
    let _held = child.stdin.take();
    tokio::select! {
        status = child.wait() => return Ok(status?.code()),
        () = stop.cancelled() => {}
    }
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id.and_then(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(id, Signal::TERM);
    }
    Ok(child.wait().await?.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_practice_sees_its_own_variables_and_those_of_everybody() {
        let north = Practice::of(Path::new("practices/north-side.toml"));
        let all = [
            "NORTH_SIDE_KEY",
            "SOUTH_KEY",
            "BRIDGE_KEY",
            "PATH",
            "OTEL_SERVICE_NAME",
            "NORTH_KEY",
        ];
        let all = all.map(|name| (name.to_string(), "x".to_string()));
        let seen: Vec<String> = north.environment(all.into_iter()).into_keys().collect();
        assert_eq!(seen, ["NORTH_SIDE_KEY", "OTEL_SERVICE_NAME", "PATH"]);
    }

    #[test]
    fn practices_that_would_see_each_others_variables_are_refused() {
        let of = |names: &[&str]| -> Vec<Practice> { names.iter().map(|name| Practice::of(Path::new(name))).collect() };
        assert!(apart(&of(&["north.toml", "south.toml"])).is_ok());
        assert!(apart(&of(&["north.toml", "north-side.toml"])).is_err());
        assert!(apart(&of(&["north-side.toml", "north_side.toml"])).is_err());
    }
}
