//! `warehouse`: a PostgreSQL schema of the user's that is kept as an export would show it.

use crate::args::ConfigArg;
use crate::exit::{Exit, Failure};
use crate::exports;
use crate::output::{Output, thousands};
use crate::{commands, wiring};
use bridge_export::warehouse::{Warehouse, setup};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde_json::json;

/// What `warehouse` takes.
#[derive(Debug, Args)]
pub struct WarehouseArgs {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigArg,
    /// What to do.
    #[command(subcommand)]
    pub command: WarehouseCommand,
}

/// The commands about the warehouse.
#[derive(Debug, Subcommand)]
pub enum WarehouseCommand {
    /// What an administrator of the database runs once: a role that may do nothing elsewhere.
    #[command(after_help = "\
Examples:
  halaxy-bridge warehouse setup --sql | psql postgres://admin@db.example/reports

The role gets its password at the prompt of psql. Put the address, password included, where [warehouse] url says.")]
    Setup {
        /// Print the statements. Nothing is run.
        #[arg(long, required = true)]
        sql: bool,
        /// Name of the role.
        #[arg(long, value_name = "NAME", default_value = "halaxy_bridge_warehouse")]
        role: String,
    },
    /// Bring it up to date now, beside the service or without it.
    #[command(after_help = "\
Examples:
  halaxy-bridge warehouse once
  halaxy-bridge warehouse once --json | jq .rows

Writes what changed since the last time; how far it is stands in the warehouse itself, in the table bridge_state.
`halaxy-bridge run` does the same every so often. While the mirror has not read everything once, it says what is missing
and ends with code 3.")]
    Once,
    /// How far each table is.
    Status,
}

/// Does what was asked.
///
/// # Errors
/// [`Failure`] if the configuration, the store or the warehouse fails.
pub async fn run(args: &WarehouseArgs, out: &Output) -> Result<Exit, Failure> {
    let config = commands::load(&args.config)?;
    let settings = exports::warehouse_of(&config)?;
    let plan = exports::plan(&config, settings);
    match &args.command {
        WarehouseCommand::Setup { role, .. } => {
            let sql = setup(&plan, role);
            out.document(&json!({ "sql": sql }));
            out.line(sql.trim_end());
        }
        WarehouseCommand::Once => {
            let url = exports::address(&config, settings)?;
            let store = wiring::store(&config).await?;
            let incomplete = exports::incomplete(&config, &store, &plan.entities).await?;
            let rows = exports::once(url.expose_secret(), plan, &store).await?;
            out.document(&json!({ "rows": rows, "incomplete": incomplete }));
            let lines = rows.iter().map(|(entity, rows)| vec![entity.clone(), thousands(*rows)]);
            out.table(
                &["table", "rows written"],
                lines.collect(),
                "[warehouse] names no entities.",
            );
            if !incomplete.is_empty() {
                out.remark(exports::warning(&config, &incomplete));
                return Ok(Exit::Waiting);
            }
        }
        WarehouseCommand::Status => {
            let url = exports::address(&config, settings)?;
            let mut warehouse = Warehouse::connect(url.expose_secret(), plan).await?;
            let all = warehouse.progress().await?;
            let document = all
                .iter()
                .map(|table| json!({ "entity": table.entity, "cursor": table.cursor, "synced_at": table.synced_at }));
            out.document(&document.collect::<Vec<_>>());
            let never = || "never".to_string();
            let line = |table: &bridge_export::warehouse::Progress| {
                vec![
                    table.entity.clone(),
                    table.synced_at.clone().unwrap_or_else(never),
                    table.cursor.clone().unwrap_or_default(),
                ]
            };
            let header = ["table", "last written", "cursor"];
            out.table(
                &header,
                all.iter().map(line).collect(),
                "[warehouse] names no entities.",
            );
        }
    }
    Ok(Exit::Done)
}
