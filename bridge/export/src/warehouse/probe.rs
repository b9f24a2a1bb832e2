//! Whether a warehouse can be kept, found out without changing anything there.

use super::schema::{STATE, quoted};
use super::{Plan, Warehouse, WarehouseError};
use sqlx::{AssertSqlSafe, Row};

/// PostgreSQL before this one lacks nothing that is used, but is maintained by nobody and tested by us with nothing.
const OLDEST: i32 = 130_000;

/// Something that is in the way, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

fn remedy_of(error: &WarehouseError) -> &'static str {
    match error {
        WarehouseError::Address => "Write it as shown; the file or variable that [warehouse] url names holds it.",
        WarehouseError::Unreachable => {
            "Look whether the server runs, whether its address and port are right, and whether its pg_hba.conf lets the role in."
        }
        WarehouseError::Refused(code) if code.starts_with("28") => {
            "Correct user and password in the address; `warehouse setup --sql` makes the role."
        }
        WarehouseError::Refused(code) if code == "3D000" => "Make the database, or correct its name in the address.",
        WarehouseError::Refused(_) => "Look the code up in PostgreSQL's list of error codes.",
        _ => "Do as it says, then run `check` again.",
    }
}

impl From<WarehouseError> for Obstacle {
    fn from(error: WarehouseError) -> Obstacle {
        Obstacle {
            remedy: remedy_of(&error).into(),
            what: error.to_string(),
        }
    }
}

/// What keeps the bridge from keeping this warehouse: unreachable, too old, no schema, no rights in it, another practice's.
/// Nothing is made there.
pub async fn probe(url: &str, plan: Plan) -> Vec<Obstacle> {
    match looked(url, plan).await {
        Ok(found) => found,
        Err(error) => vec![error.into()],
    }
}

async fn looked(url: &str, plan: Plan) -> Result<Vec<Obstacle>, WarehouseError> {
    let mut warehouse = Warehouse::enter(url, plan).await?;
    let mut found = vec![];
    let version = "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    let row = sqlx::query(version).fetch_one(&mut warehouse.session).await?;
    if row.try_get::<i32, _>(0)? < OLDEST {
        found.push(Obstacle {
            what: format!("the warehouse's server is PostgreSQL {}", row.try_get::<String, _>(1)?),
            remedy: "Use PostgreSQL 13 or newer.".into(),
        });
    }
    warehouse.usable().await?;
    let schema = warehouse.plan.schema.clone();
    let rights = "SELECT has_schema_privilege(current_user, $1, 'CREATE')";
    let row = sqlx::query(rights)
        .bind(&schema)
        .fetch_one(&mut warehouse.session)
        .await?;
    if !row.try_get::<bool, _>(0)? {
        found.push(Obstacle {
            what: format!("the role may make no tables in schema {schema}"),
            remedy: format!(
                "Let an administrator run: GRANT CREATE ON SCHEMA {} TO the role.",
                quoted(&schema)
            ),
        });
    }
    if warehouse.tables().await?.contains(STATE) {
        let place = format!("{}.{STATE}", quoted(&schema));
        for right in ["SELECT", "INSERT", "UPDATE"] {
            let sql = format!(
                "SELECT has_table_privilege(current_user, '{}', '{right}')",
                place.replace('\'', "''")
            );
            let row = sqlx::query(AssertSqlSafe(sql))
                .fetch_one(&mut warehouse.session)
                .await?;
            if !row.try_get::<bool, _>(0)? {
                found.push(Obstacle {
                    what: format!("the role may not {right} in table {STATE} of schema {schema}"),
                    remedy: "The tables were made by another role: give them to this one (ALTER TABLE .. OWNER TO)."
                        .into(),
                });
                return Ok(found);
            }
        }
        warehouse.ours().await?;
    }
    let _ = warehouse.close().await;
    Ok(found)
}
