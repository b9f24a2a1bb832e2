//! Tables of a PostgreSQL schema of the user's, kept as an export would show them: rows upserted by key, removals marked.
//!
//! How far a table is stands in the same database and moves in the transaction of the rows it covers. So a crash
//! between two transactions repeats nothing and misses nothing, and a warehouse that was restored from a backup goes on
//! from where the backup was. What is there is only ever added to: tables, columns, rows.

mod forget;
mod probe;
mod schema;
mod step;

pub use forget::{Keys, deletions};
pub use probe::{Obstacle, probe};
pub use schema::{Layout, STATE, setup};
pub use step::{Progress, Step, TOLD};

use crate::entities::{Entity, Practice};
use crate::grant::Grant;
use crate::read::ReadError;
use bridge_core::mapping::EntityFile;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// What every session is told: a server that stands still is given up, and waits for nobody else's lock for long.
const SETTINGS: [(&str, &str); 4] = [
    ("statement_timeout", "120s"),
    ("lock_timeout", "20s"),
    ("idle_in_transaction_session_timeout", "120s"),
    ("client_min_messages", "warning"),
];

/// What a warehouse is to be.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The schema, which must exist.
    pub schema: String,
    /// The entities, of the catalogue.
    pub entities: Vec<Entity>,
    /// Which classes may go there.
    pub grant: Grant,
    /// The practice whose rows these are.
    pub practice: String,
    /// Units of people, with their classes.
    pub units: EntityFile,
    /// Systems that hold people.
    pub systems: Vec<String>,
    /// The system that Halaxy is.
    pub home: String,
}

impl Plan {
    fn about(&self) -> Practice<'_> {
        Practice {
            units: &self.units,
            systems: self.systems.clone(),
            home: self.home.clone(),
        }
    }
}

/// Why a warehouse is not kept now. Carries codes and names, never a value of a row, nor the address.
#[derive(Debug, thiserror::Error)]
pub enum WarehouseError {
    /// The address is of no use.
    #[error(
        "[warehouse] url is no address of a PostgreSQL database: write it like postgres://USER:PASSWORD@HOST/DATABASE"
    )]
    Address,
    /// The bridge's own tables are there.
    #[error(
        "schema {0} holds the bridge's own tables: give the warehouse a schema of its own, best in another database"
    )]
    Own(String),
    /// There is no such schema.
    #[error(
        "there is no schema {0}, or the user may not use it: `halaxy-bridge warehouse setup --sql` prints what makes it"
    )]
    NoSchema(String),
    /// A table of that name is there that we did not make.
    #[error("table {0} was not made by the bridge: rename it, or give the warehouse a schema of its own")]
    Taken(String),
    /// Another practice's rows are there.
    #[error("schema {0} holds another practice: give each practice a schema of its own")]
    OfAnother(String),
    /// The server cannot be reached.
    #[error("the warehouse's server cannot be reached")]
    Unreachable,
    /// The server refused; its code (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
    #[error("the warehouse's server refused, with code {0}")]
    Refused(String),
    /// What was to go there cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl From<sqlx::Error> for WarehouseError {
    fn from(error: sqlx::Error) -> Self {
        // What a server says of an error may quote the row.
        match error {
            sqlx::Error::Database(said) => match said.code() {
                // Class 57P: it is shutting down, or starting.
                Some(code) if code.starts_with("57P") => WarehouseError::Unreachable,
                Some(code) => WarehouseError::Refused(code.into_owned()),
                None => WarehouseError::Refused("unknown".into()),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => {
                WarehouseError::Unreachable
            }
            _ => WarehouseError::Refused("of the client".into()),
        }
    }
}

impl WarehouseError {
    /// Whether it may pass without anybody doing anything.
    pub fn passes(&self) -> bool {
        matches!(self, WarehouseError::Unreachable)
    }
}

/// Whether two addresses name one database: there the bridge's own tables are, or may come to be.
pub fn same_database(one: &str, other: &str) -> bool {
    let place = |url: &str| {
        let options = PgConnectOptions::from_str(url).ok()?;
        let database = options.get_database().unwrap_or(options.get_username()).to_string();
        Some((options.get_host().to_string(), options.get_port(), database))
    };
    let (one, other) = (place(one), place(other));
    one.is_some() && one == other
}

/// A session at the user's database.
pub struct Warehouse {
    session: PgConnection,
    plan: Plan,
}

impl Warehouse {
    /// Connects, and looks whether the schema may be used.
    ///
    /// # Errors
    /// [`WarehouseError`].
    pub async fn connect(url: &str, plan: Plan) -> Result<Warehouse, WarehouseError> {
        let mut warehouse = Warehouse::enter(url, plan).await?;
        warehouse.look().await?;
        Ok(warehouse)
    }

    /// A session; nothing was looked at.
    async fn enter(url: &str, plan: Plan) -> Result<Warehouse, WarehouseError> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| WarehouseError::Address)?
            .application_name("halaxy-bridge warehouse")
            .options(SETTINGS)
            .disable_statement_logging();
        let Ok(session) = timeout(CONNECT, PgConnection::connect_with(&options)).await else {
            return Err(WarehouseError::Unreachable);
        };
        Ok(Warehouse {
            session: session?,
            plan,
        })
    }

    /// Ends the session.
    ///
    /// # Errors
    /// [`WarehouseError::Unreachable`] if the server is gone; nothing is lost by that.
    pub async fn close(self) -> Result<(), WarehouseError> {
        Ok(self.session.close().await?)
    }
}
