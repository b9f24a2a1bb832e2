//! `completions`: scripts that let a shell complete the command line.

use crate::args::Cli;
use crate::exit::Exit;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// What `completions` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge completions bash > ~/.local/share/bash-completion/completions/halaxy-bridge
  halaxy-bridge completions fish > ~/.config/fish/completions/halaxy-bridge.fish")]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Exit {
    clap_complete::generate(args.shell, &mut Cli::command(), "halaxy-bridge", &mut std::io::stdout());
    Exit::Done
}
