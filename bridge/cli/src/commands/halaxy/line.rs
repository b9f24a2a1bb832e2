//! The command line of `halaxy`: one subcommand for each row of the table, with its inputs and an example.

use super::settle::Word;
use crate::args::{ByArg, ConfigArg};
use adapter_halaxy::endpoints::{Check, ENDPOINTS, Endpoint, GROUPS, Input, endpoint};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::path::PathBuf;

/// What `halaxy` takes.
#[derive(Clone, Debug)]
pub struct HalaxyArgs {
    /// What is asked for; nothing lists the actions.
    pub asked: Option<Asked>,
    /// A write whose outcome is to be found out.
    pub settle: Option<Settle>,
    /// Which configuration.
    pub config: ConfigArg,
}

/// A write whose outcome nobody knows.
#[derive(Clone, Debug)]
pub struct Settle {
    /// Its request key.
    pub key: String,
    /// What a person says of it.
    pub word: Word,
    /// Who says so.
    pub by: ByArg,
}

/// One action with its inputs.
#[derive(Clone)]
pub struct Asked {
    /// The endpoint.
    pub endpoint: &'static Endpoint,
    /// Inputs by name.
    pub inputs: Vec<(String, String)>,
    /// A file with the body to start from.
    pub body: Option<PathBuf>,
    /// Only show what would be sent.
    pub dry_run: bool,
    /// All pages of a list.
    pub all: bool,
    /// What the write is known by.
    pub request_key: Option<String>,
}

/// Inputs are somebody's data.
impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asked")
            .field("action", &self.endpoint.action)
            .finish_non_exhaustive()
    }
}

impl Args for HalaxyArgs {
    fn augment_args(command: Command) -> Command {
        let command = ConfigArg::augment_args(command)
            .override_usage("halaxy-bridge halaxy [ACTION] [--INPUT VALUE].. [OPTIONS]")
            .after_help(format!(
                "{}\nExamples:\n  halaxy-bridge halaxy list-patients --family Samplewood\n  \
                 halaxy-bridge halaxy book-appointment --help\n\n\
                 Writes are sent once: with the same --request-key again the first answer is told, and nothing is sent.\n\
                 `halaxy settle KEY` finds out what became of one that was not answered.",
                groups()
            ));
        ENDPOINTS
            .iter()
            .fold(command, |all, row| all.subcommand(subcommand(row)))
            .subcommand(settling())
    }

    fn augment_args_for_update(command: Command) -> Command {
        HalaxyArgs::augment_args(command)
    }
}

impl FromArgMatches for HalaxyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let config = ConfigArg::from_arg_matches(matches)?;
        let asked = matches
            .subcommand()
            .and_then(|(action, matches)| Some(asked(endpoint(action)?, matches)));
        let settle = matches.subcommand_matches(SETTLE).map(settle).transpose()?;
        Ok(HalaxyArgs { asked, settle, config })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = HalaxyArgs::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The subcommand that is no endpoint.
const SETTLE: &str = "settle";

fn settling() -> Command {
    let command = Command::new(SETTLE)
        .about("Find out what became of a write that nobody knows of")
        .hide(true)
        .after_help(
            "Examples:\n  halaxy-bridge halaxy settle order-17\n  halaxy-bridge halaxy settle order-17 --done 900123\n  \
             halaxy-bridge halaxy settle order-17 --not-done\n\n\
             Records that were made are looked for among those made since, changed ones by what they show. What cannot be \
             looked up (notes, files, generated slots, joined appointments) takes a person's word.",
        )
        .arg(Arg::new("key").value_name("KEY").required(true).help("The request key"))
        .arg(
            Arg::new("done")
                .long("done")
                .value_name("ID")
                .num_args(0..=1)
                .default_missing_value("")
                .conflicts_with("not-done")
                .help("It was done; the id of the record, if one was made"),
        )
        .arg(
            Arg::new("not-done")
                .long("not-done")
                .action(ArgAction::SetTrue)
                .help("It was not done"),
        );
    ByArg::augment_args(command)
}

fn settle(matches: &ArgMatches) -> Result<Settle, clap::Error> {
    let done = matches.get_one::<String>("done");
    Ok(Settle {
        key: matches.get_one::<String>("key").cloned().unwrap_or_default(),
        word: match done {
            Some(id) => Word::Done(Some(id.clone()).filter(|id| !id.is_empty())),
            None if matches.get_flag("not-done") => Word::NotDone,
            None => Word::Look,
        },
        by: ByArg::from_arg_matches(matches)?,
    })
}

fn asked(endpoint: &'static Endpoint, matches: &ArgMatches) -> Asked {
    let of = |input: &'static Input| {
        let values = matches.get_many::<String>(input.name).into_iter().flatten();
        values.map(|value| (input.name.to_string(), value.clone()))
    };
    let writes = endpoint.writes();
    Asked {
        inputs: endpoint.inputs().flat_map(of).collect(),
        body: writes.then(|| matches.get_one::<PathBuf>("body").cloned()).flatten(),
        dry_run: matches.get_flag("dry-run"),
        all: endpoint.lists() && matches.get_flag("all"),
        request_key: writes
            .then(|| matches.get_one::<String>("request-key").cloned())
            .flatten(),
        endpoint,
    }
}

fn subcommand(row: &'static Endpoint) -> Command {
    let input = |input: &'static Input| {
        let must = if input.required { " [must be given]" } else { "" };
        Arg::new(input.name)
            .long(input.name)
            .value_name("VALUE")
            .action(ArgAction::Append)
            .allow_hyphen_values(matches!(input.check, Check::Sort(_)))
            .help(format!("{}{must}: {}", capital(input.about), input.check.remedy()))
    };
    let mut command = Command::new(row.action)
        .about(row.about)
        .hide(true)
        .after_help(example(row))
        .args(row.inputs().map(input))
        .arg(
            Arg::new("dry-run")
                .long("dry-run")
                .action(ArgAction::SetTrue)
                .help("Show the request that would be sent, and send nothing"),
        );
    if row.lists() {
        command = command.arg(
            Arg::new("all")
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Every page, not only one"),
        );
    }
    if row.writes() {
        command = command
            .arg(
                Arg::new("body")
                    .long("body")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help("A JSON file to start from; the inputs are laid over it"),
            )
            .arg(
                Arg::new("request-key")
                    .long("request-key")
                    .value_name("KEY")
                    .help("What this write is known by; made and printed unless given. Never sent twice"),
            );
    }
    command
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

fn example(row: &Endpoint) -> String {
    let mut text = format!("Example:\n  halaxy-bridge halaxy {}", row.action);
    for (name, value) in row.example {
        match value.contains(' ') {
            true => text.push_str(&format!(" --{name} \"{value}\"")),
            false => text.push_str(&format!(" --{name} {value}")),
        }
    }
    if !row.example_body.is_empty() {
        text.push_str(&format!(" --body body.json\n\n  body.json: {}", row.example_body));
    }
    let kind = if row.writes() { "Writes" } else { "Reads" };
    text.push_str(&format!("\n\n{kind}: {} {}", row.method, row.path));
    if !row.note.is_empty() {
        text.push_str(&format!("\n{}", row.note));
    }
    text
}

/// All actions in the groups that people know.
pub(super) fn groups() -> String {
    let mut text = String::new();
    for group in GROUPS {
        text.push_str(&format!("{group}:\n"));
        for row in ENDPOINTS.iter().filter(|row| row.group == group) {
            text.push_str(&format!("  {:<30} {}\n", row.action, row.about));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
