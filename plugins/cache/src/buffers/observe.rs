//! The questions to one PostgreSQL server: up to four queries, each of which can fail alone.

use pgreeve_sdk::{Answer, Database, Server, recall, remember};

use super::memory::Memory;
use super::rows::Life;
use super::seen::{Buffercache, Seen};
use crate::remembered;
use crate::settings::Settings;

/// One scope: what was seen, or why nothing could be.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) scope: String,
    pub(crate) seen: Answer<Seen>,
    pub(crate) memory: Memory,
}

/// Looks at one server, and remembers for the next run.
pub(crate) fn observe(scope: &str, settings: &Settings) -> Observed {
    let key = format!("buffers/{scope}");
    let before: Option<Memory> = remembered(&key, recall(&key));
    let mut seen = look(scope, settings);
    let memory = match &mut seen {
        Ok(seen) => {
            let mut memory = Memory::advance(before, seen, settings);
            if memory.wants_tables(seen) {
                seen.tables = Some(Database::named(scope).rows(include_str!("sql/tables.sql")));
                memory.take_tables(seen);
            }
            crate::keep(&key, remember(&key, &memory));
            memory
        }
        Err(_) => before.unwrap_or_default(),
    };
    Observed { scope: scope.to_owned(), seen, memory }
}

fn look(scope: &str, settings: &Settings) -> Answer<Seen> {
    let database = Database::named(scope);
    let server = database.identify()?;
    let life: Life = database.row(include_str!("sql/server.sql"))?;
    let databases = database.rows(include_str!("sql/databases.sql"));
    let pool = buffercache(&database, &server, &life, settings);
    Ok(Seen { server, life, databases, tables: None, pool })
}

fn buffercache(database: &Database, server: &Server, life: &Life, settings: &Settings) -> Buffercache {
    let Some(extension) = server.extensions.iter().find(|extension| extension.name == "pg_buffercache") else {
        return Buffercache::Absent;
    };
    let schema = format!("\"{}\"", extension.schema.replace('"', "\"\""));
    // 1.4, of PostgreSQL 16, has a summary that takes no locks and returns one row.
    let number = |part: Option<&str>| part.and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let mut parts = extension.version.split('.');
    let sql = if (number(parts.next()), number(parts.next())) >= (1, 4) {
        format!(
            "SELECT buffers_used::int8 AS used, buffers_unused::int8 AS unused, buffers_dirty::int8 AS dirty, \
             usagecount_avg AS usage FROM {schema}.pg_buffercache_summary()"
        )
    } else if life.shared_buffers > 0 && life.shared_buffers as u64 > settings.buffercache_scan.0 {
        return Buffercache::TooLarge;
    } else {
        format!(
            "SELECT count(relfilenode) AS used, count(*) - count(relfilenode) AS unused, \
             count(*) FILTER (WHERE isdirty) AS dirty, avg(usagecount)::float8 AS usage FROM {schema}.pg_buffercache"
        )
    };
    Buffercache::Asked(database.row(&sql))
}
