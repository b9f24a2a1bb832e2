//! Plants one known bug after another in a copy of the core and reports what catches it.
//!
//! `drill [--only 04,11a] [--histories N] [--dir DIR]`: the copy holds nothing but the pure modules
//! of the core and this crate, and keeps its build between runs of the same directory.

use bridge_simulation::drill::{apply, patches};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Modules of the core that decide; the others would only cost building time.
const PURE: [&str; 12] = [
    "capture",
    "condition",
    "consent",
    "entity",
    "merge",
    "plan",
    "review",
    "schema",
    "settle",
    "shared",
    "undo",
    "value",
];

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool, String> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|a| a == name)?;
        args.get(at + 1).cloned()
    };
    let histories = value("--histories").unwrap_or_else(|| "3000".into());
    let only: Option<Vec<String>> = value("--only").map(|o| o.split(',').map(String::from).collect());
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = crate_dir.join("../..");
    let copy = value("--dir").map_or_else(|| std::env::temp_dir().join("bridge-drill"), PathBuf::from);
    let planted = patches(&crate_dir.join("drill"))?;
    prepare(&root, &copy)?;
    build(&copy)?.map_err(|e| format!("the unpatched copy does not build:\n{e}"))?;
    let clean = play(&copy, &histories)?;
    if !clean.starts_with("nothing") {
        return Err(format!("without a planted bug: {clean}"));
    }
    println!("without a planted bug: {clean}");
    let (mut caught, mut missed) = (0, vec![]);
    let begun = Instant::now();
    for bug in planted
        .iter()
        .filter(|b| only.as_ref().is_none_or(|o| o.contains(&b.bug)))
    {
        let files = apply(bug, &root)?;
        for (file, text) in &files {
            write(&copy.join(file), text)?;
        }
        let result = match build(&copy)? {
            Ok(()) => play(&copy, &histories)?,
            Err(e) => format!("DOES NOT BUILD: {e}"),
        };
        if result.starts_with("caught") {
            caught += 1;
        } else {
            missed.push(bug.bug.clone());
        }
        println!("{:<4} {:<75} {result}", bug.bug, bug.what);
        for file in files.keys() {
            std::fs::copy(root.join(file), copy.join(file)).map_err(|e| format!("{file}: {e}"))?;
            touch(&copy.join(file))?;
        }
    }
    let seconds = begun.elapsed().as_secs();
    println!(
        "{caught} caught, {} not caught {missed:?}, in {seconds} s",
        missed.len()
    );
    Ok(missed.is_empty())
}

/// A workspace of two crates: the pure part of the core, and this one.
fn prepare(root: &Path, copy: &Path) -> Result<(), String> {
    for dir in ["bridge/core/src", "tests/simulation/src/bin"] {
        std::fs::create_dir_all(copy.join(dir)).map_err(|e| format!("{dir}: {e}"))?;
    }
    let manifest = read(&root.join("Cargo.toml"))?;
    let mut table: toml::Table = manifest.parse().map_err(|e: toml::de::Error| e.to_string())?;
    if let Some(workspace) = table.get_mut("workspace").and_then(|w| w.as_table_mut()) {
        let members = ["bridge/core", "tests/simulation"].map(|m| toml::Value::String(m.into()));
        workspace.insert("members".into(), toml::Value::Array(members.to_vec()));
        workspace.remove("default-members");
    }
    let profile = "[dev]\nopt-level = 1\ndebug = false\nincremental = true";
    let profile: toml::Table = profile.parse().map_err(|e: toml::de::Error| e.to_string())?;
    table.insert("profile".into(), toml::Value::Table(profile));
    write(
        &copy.join("Cargo.toml"),
        &toml::to_string(&table).map_err(|e| e.to_string())?,
    )?;
    for file in ["Cargo.lock", "tests/simulation/Cargo.toml"] {
        write(&copy.join(file), &read(&root.join(file))?)?;
    }
    let core = "bridge/core/Cargo.toml";
    let mut manifest: toml::Table = read(&root.join(core))?
        .parse()
        .map_err(|e: toml::de::Error| e.to_string())?;
    // Benchmarks are no part of the copy.
    manifest.remove("bench");
    write(
        &copy.join(core),
        &toml::to_string(&manifest).map_err(|e| e.to_string())?,
    )?;
    for module in PURE {
        let file = format!("bridge/core/src/{module}.rs");
        write(&copy.join(&file), &read(&root.join(&file))?)?;
    }
    write(
        &copy.join("bridge/core/src/lib.rs"),
        &pure_lib(&read(&root.join("bridge/core/src/lib.rs"))?),
    )?;
    for dir in ["tests/simulation/src", "tests/simulation/src/bin"] {
        let entries = std::fs::read_dir(root.join(dir)).map_err(|e| format!("{dir}: {e}"))?;
        for entry in entries.filter_map(Result::ok).filter(|e| e.path().is_file()) {
            let name = entry.file_name();
            write(&copy.join(dir).join(&name), &read(&entry.path())?)?;
        }
    }
    Ok(())
}

/// The core's root without modules that decide nothing.
fn pure_lib(text: &str) -> String {
    let named = |line: &str, word: &str| {
        let rest = line.trim_start().strip_prefix(word)?;
        Some(rest.split([';', ':', ' ']).next()?.to_string())
    };
    let (mut out, mut skipping) = (String::new(), false);
    for line in text.lines() {
        let module = named(line, "pub mod ").or_else(|| named(line, "mod "));
        let reexport = named(line, "pub use ");
        let foreign = |name: &String| !PURE.contains(&name.as_str());
        if module.as_ref().is_some_and(foreign) {
            continue;
        }
        skipping = skipping || reexport.as_ref().is_some_and(foreign);
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
        skipping = skipping && !line.contains(';');
    }
    out
}

fn build(copy: &Path) -> Result<Result<(), String>, String> {
    let output = Command::new("cargo")
        .args([
            "build",
            "--offline",
            "--quiet",
            "-p",
            "bridge-simulation",
            "--bin",
            "simulate",
        ])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .env("RUSTFLAGS", "--cap-lints allow")
        .output()
        .map_err(|e| format!("cargo: {e}"))?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(if output.status.success() {
        Ok(())
    } else {
        Err(text.lines().take(12).collect::<Vec<_>>().join("\n"))
    })
}

fn play(copy: &Path, histories: &str) -> Result<String, String> {
    let output = Command::new(copy.join("target/debug/simulate"))
        .args(["--until-broken", histories])
        .stderr(Stdio::null())
        .output()
        .map_err(|e| format!("simulate: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().last().unwrap_or("ended without a word").to_string())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Writes only what changed, so that nothing else is built again.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if read(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn touch(path: &Path) -> Result<(), String> {
    let file = std::fs::File::options()
        .append(true)
        .open(path)
        .map_err(|e| e.to_string())?;
    file.set_modified(std::time::SystemTime::now())
        .map_err(|e| e.to_string())
}
