//! `export`: records as files, whole or as a feed of changes.

use crate::args::ConfigArg;
use crate::config::Config;
use crate::exit::{Exit, Failure};
use crate::exports::{self, TOLD};
use crate::output::{Output, count, thousands};
use crate::{commands, times, wiring};
use bridge_core::config_problem::suggestion;
use bridge_export::entities::{Entity, NAMES};
use bridge_export::format::{Format, Writer};
use bridge_export::{Cursor, Draft, Grant, Place, Reader, Row, word};
use bridge_store::{Store, Telling};
use clap::Args;
use serde_json::json;
use std::collections::BTreeSet;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

/// What `export` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  halaxy-bridge export --list
  halaxy-bridge export people --classes identity,contact --out people.csv
  halaxy-bridge export appointments --format parquet --out appointments.parquet
  halaxy-bridge export invoices --format ndjson --since start --cursor-file invoices.cursor --out new.ndjson

Columns have privacy classes. Only classes that [export] classes in the configuration grants are exported, fewer if
--classes asks for fewer; columns that are left out are named on stderr. Health information is never exported.

A file has its name only when it is whole, and only its owner can read it. With --since rows begin with what became of
them, put or removed; applied by key, again and again, they come to what a full export shows. The cursor to go on
from is written to --cursor-file after the file is on the disk, and read from there the next time; it is on stderr
otherwise, and in the last line of NDJSON. An existing --out is then refused: take it first.

In CSV, text that a spreadsheet would run as a formula has an apostrophe in front, telephone numbers among it (+61...);
NDJSON and Parquet hold everything as it is. Appointments, invoices and other records of Halaxy are exported as the
mirror keeps them: [mirror] kinds. While it has not read all of them once, the export says so and ends with code 3.")]
pub struct ExportArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to export; --list names everything.
    #[arg(value_name = "ENTITY", required_unless_present = "list")]
    pub entity: Option<String>,
    /// csv, ndjson or parquet.
    #[arg(long, value_name = "FORMAT", default_value = "csv")]
    pub format: Format,
    /// The file; - for standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,
    /// Only what changed after this cursor, removals included; `start` for everything there is or was.
    #[arg(long, value_name = "CURSOR")]
    pub since: Option<String>,
    /// Keep the cursor in this file: go on from it, and move it when all is written.
    #[arg(long, value_name = "FILE")]
    pub cursor_file: Option<PathBuf>,
    /// Privacy classes to export, of those that are granted.
    #[arg(long, value_name = "CLASSES")]
    pub classes: Option<Grant>,
    /// What can be exported, or the columns of ENTITY.
    #[arg(long)]
    pub list: bool,
}

/// Exports.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the output fails, or what was asked for is not possible.
pub async fn run(args: &ExportArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let mut all = exports::all(&config);
    let entity = match &args.entity {
        None => {
            list(&all, out);
            return Ok(Exit::Done);
        }
        Some(name) => match all.iter().position(|entity| entity.name == *name) {
            Some(place) => all.swap_remove(place),
            None => {
                let near = suggestion(name, &NAMES);
                return Err(Failure::Usage(format!(
                    "`{name}` cannot be exported.{near} `halaxy-bridge export --list` names what can be"
                )));
            }
        },
    };
    if args.list {
        columns(&entity, &config.export.classes, out);
        return Ok(Exit::Done);
    }
    export(args, &config, entity, out).await
}

async fn export(args: &ExportArgs, config: &Config, entity: Entity, out: &Output) -> Result<Exit, Failure> {
    let to_stdout = args.out == Path::new("-");
    if to_stdout && out.json() {
        return Err(Failure::Usage(
            "with --json standard output holds the report: name a file with --out".into(),
        ));
    }
    let granted = &config.export.classes;
    let asked = args.classes.as_ref().unwrap_or(granted);
    let beyond = asked.beyond(granted);
    if !beyond.is_empty() {
        return Err(Failure::Usage(format!(
            "class {} is not granted: add it to classes in [export] of {} if it may leave the bridge",
            beyond.join(", "),
            config.path.display()
        )));
    }
    if let Some(kind) = entity.mirrored.filter(|kind| !config.mirror.kinds.contains(*kind)) {
        return Err(Failure::Usage(format!(
            "{} are not mirrored: add [mirror] kinds = [\"{kind}\"], and let `halaxy-bridge run` read them",
            entity.name
        )));
    }
    let since = cursor(args, &entity)?;
    if since.is_some() && args.cursor_file.is_some() && !to_stdout && args.out.exists() {
        return Err(Failure::Usage(format!(
            "{} is still there: take its changes, and move it away; the next ones would stand in its place",
            args.out.display()
        )));
    }
    let store = wiring::store(config).await?;
    let incomplete = exports::incomplete(config, &store, [&entity]).await?;
    let (mut reader, left_out) = Reader::new(&store, &exports::practice(config), entity, asked);
    let (mut place, next) = match &since {
        None => (reader.all(), None),
        Some(cursor) => {
            let (place, next) = reader.since(cursor).await?;
            (place, Some(next.to_string()))
        }
    };
    let target = if to_stdout {
        Target::Stdout(BufWriter::new(io::stdout()))
    } else {
        Target::File(Draft::of(&args.out)?)
    };
    let shown = reader.entity();
    let mut writer = Writer::new(args.format, &shown.columns, shown.keys, since.is_some(), target)?;
    let (mut put, mut removed) = (0u64, 0u64);
    while place != Place::End {
        let (rows, then) = reader.page(&place).await?;
        if let Some(telling) = reader.telling(TOLD) {
            told(&store, telling).await?;
        }
        for row in &rows {
            match row {
                Row::Put(_) => put += 1,
                Row::Removed(_) => removed += 1,
            }
            writer.row(row)?;
        }
        place = then;
    }
    told(&store, whole(reader.entity(), put, args)).await?;
    if let Target::File(draft) = writer.end(next.as_deref())? {
        draft.keep()?;
    }
    if let (Some(path), Some(next)) = (&args.cursor_file, &next) {
        let mut draft = Draft::of(path)?;
        writeln!(draft, "{next}")?;
        draft.keep()?;
    }
    out.document(&json!({
        "entity": reader.entity().name, "rows": put, "removed": removed, "left_out": left_out,
        "unreadable": reader.unreadable(), "next": next, "out": args.out, "incomplete": incomplete,
    }));
    let mut told = count(put, "row");
    if removed > 0 {
        told += &format!(", {} removed", thousands(removed));
    }
    out.remark(told);
    for (class, columns) in &left_out {
        let why = if granted.beyond(asked).contains(class) {
            "not asked for"
        } else {
            "not granted"
        };
        out.remark(format!(
            "Left out: {} of class {class}, {why}.",
            count(*columns as u64, "column")
        ));
    }
    for (column, values) in reader.unreadable() {
        out.remark(format!(
            "{} of column {column} are not what it holds, and empty.",
            thousands(*values)
        ));
    }
    if let (Some(next), None) = (&next, &args.cursor_file) {
        out.remark(format!("Go on with --since {next}"));
    }
    if incomplete.is_empty() {
        return Ok(Exit::Done);
    }
    out.remark(exports::warning(config, &incomplete));
    Ok(Exit::Waiting)
}

/// Notes in the history what leaves with an export: before it does, so that a line may be one too many, never missing.
async fn told(store: &Store, telling: Telling) -> Result<(), Failure> {
    let mut tx = store.begin().await?;
    tx.append_told(&[telling], times::now()).await?;
    Ok(tx.commit().await?)
}

/// The line of the export as a whole, about nobody by itself.
fn whole(entity: &Entity, rows: u64, args: &ExportArgs) -> Telling {
    let columns = entity
        .columns
        .iter()
        .map(|column| format!("{}.{}", entity.name, column.name));
    let to = if args.out == Path::new("-") {
        "standard output"
    } else {
        "a file"
    };
    Telling {
        system: TOLD.into(),
        remote_id: None,
        units: columns.collect(),
        purpose: format!("export: {}, {} to {to}", entity.name, count(rows, "row")),
        certain: true,
        about: BTreeSet::new(),
    }
}

/// Where to go on from: what was said, else what the cursor's file holds, else from the start if there is to be such a file.
fn cursor(args: &ExportArgs, entity: &Entity) -> Result<Option<Cursor>, Failure> {
    let parse = |text: &str| match text.trim() {
        "start" => Ok(Cursor::start(&entity.name)),
        text => text.parse().map_err(|error| Failure::Usage(format!("{error}"))),
    };
    if let Some(path) = &args.cursor_file {
        match std::fs::read_to_string(path) {
            Ok(text) => return parse(&text).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Failed(format!("cannot read {}: {error}", path.display()))),
        }
    }
    match (&args.since, &args.cursor_file) {
        (Some(text), _) => parse(text).map(Some),
        (None, Some(_)) => Ok(Some(Cursor::start(&entity.name))),
        (None, None) => Ok(None),
    }
}

fn list(all: &[Entity], out: &Output) {
    let one = |entity: &Entity| {
        let columns = entity.columns.iter().map(|column| {
            json!({ "name": column.name, "type": column.shape.word(), "class": word(column.class), "about": column.about })
        });
        let keys = entity.columns.iter().take(entity.keys).map(|column| &column.name);
        json!({
            "entity": entity.name, "about": entity.about, "mirrored": entity.mirrored,
            "keys": keys.collect::<Vec<_>>(), "columns": columns.collect::<Vec<_>>(),
        })
    };
    out.document(&all.iter().map(one).collect::<Vec<_>>());
    let rows = all.iter().map(|entity| {
        let columns = entity.columns.len().to_string();
        vec![entity.name.clone(), columns, entity.about.clone()]
    });
    out.table(&["entity", "columns", "what it is"], rows.collect(), "");
    out.line("The columns of one: halaxy-bridge export ENTITY --list");
}

fn columns(entity: &Entity, granted: &Grant, out: &Output) {
    let rows = entity.columns.iter().map(|column| {
        let shown = if granted.allows(column.class) { "yes" } else { "no" };
        [
            column.name.as_str(),
            column.shape.word(),
            word(column.class),
            shown,
            &column.about,
        ]
    });
    let rows: Vec<[&str; 5]> = rows.collect();
    let document = rows.iter().map(
        |row| json!({ "name": row[0], "type": row[1], "class": row[2], "granted": row[3] == "yes", "about": row[4] }),
    );
    out.document(&document.collect::<Vec<_>>());
    let rows = rows.iter().map(|row| row.map(str::to_string).to_vec()).collect();
    out.table(&["column", "type", "class", "granted", "what it is"], rows, "");
}

/// Where rows are written.
enum Target {
    Stdout(BufWriter<Stdout>),
    File(Draft),
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::Stdout(stdout) => stdout.write(bytes),
            Target::File(draft) => draft.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::Stdout(stdout) => stdout.flush(),
            Target::File(draft) => draft.flush(),
        }
    }
}
