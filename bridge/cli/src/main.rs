//! The `halaxy-bridge` program.

use clap::Parser;
use halaxy_bridge::args::{Cli, Command};
use halaxy_bridge::output::Output;
use halaxy_bridge::telemetry::{Options, Telemetry};
use halaxy_bridge::{commands, config};
use std::process::ExitCode;

/// The C library's keeps for each thread what it once used; this one gives it back, and takes less time.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The practice that a long-lived command works for. What is wrong with its configuration is said later.
fn practice(command: &Command) -> Option<String> {
    let arg = match command {
        Command::Run(args) => &args.config,
        Command::Sync(args) => &args.config,
        _ => return None,
    };
    if arg.practices().is_some() {
        return None;
    }
    Some(config::load(&arg.path()).ok()?.practice)
}

fn main() -> ExitCode {
    // Nothing else in the process chooses a TLS provider, so this cannot be too late.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let cli = Cli::parse();
    let out = Output::new(cli.json, cli.log_format);
    // The demo tells its own story; the faults it meets on the way are part of the play.
    let usual = if matches!(cli.command, Command::Demo(_)) {
        "error"
    } else {
        "warn"
    };
    // Only the service has a page that shows metrics.
    let page = matches!(cli.command, Command::Run(_));
    let practice = practice(&cli.command);
    let telemetry = Telemetry::start(Options::from_env(cli.log_format, usual, page, practice));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.error(format!("cannot start: {error}"));
            return ExitCode::from(1);
        }
    };
    let done = runtime.block_on(async {
        let done = commands::run(cli.command, &out, &telemetry).await;
        bridge_queue::connections_closed().await;
        done
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    telemetry.end();
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            out.failure(&failure);
            failure.exit().into()
        }
    }
}
