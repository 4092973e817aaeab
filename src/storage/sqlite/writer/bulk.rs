//! Inserts of many rows by few prepared statements.
//!
//! Rows passed as JSON are encoded, parsed, and parsed again for each column: a seventh of the server's time under a
//! load of posts. Bound parameters need none of that, but a prepared statement has a fixed number of rows. So each
//! power of two has a statement, whose surplus rows are bound to NULL and skipped; all of them stay prepared.
use crate::{
    domain::Fact,
    storage::{
        StoreResult,
        sqlite::{failed, signed},
    },
};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection, sqlite::SqliteArguments};

/// Rows of the largest statement, a power of two. More rows take several statements.
pub(super) const ROWS_MAX: usize = 256;
const SIZES: usize = ROWS_MAX.ilog2() as usize + 1;

pub(crate) type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

/// Binds the columns of a fact in their order: kind, member, post, comment, target.
pub(crate) fn with_fact(query: Query, fact: &Fact) -> Query {
    query
        .bind(fact.kind.code())
        .bind(signed(fact.member.0))
        .bind(fact.post.map(|id| signed(id.0)))
        .bind(fact.comment.map(|id| signed(id.0)))
        .bind(fact.target.map(|id| signed(id.0)))
}

/// The statements of one insert.
pub(crate) struct Bulk {
    columns: usize,
    /// Indexed by the logarithm of their rows.
    statements: [String; SIZES],
}

impl Bulk {
    /// Makes the statements. `insert` ends with the list of its columns; the first one is never NULL. `suffix` follows
    /// the rows of each statement.
    pub(crate) fn new(insert: &str, columns: usize, suffix: &str) -> Self {
        let row = format!("(?{})", ",?".repeat(columns - 1));
        let statements = std::array::from_fn(|size| {
            let other_rows = format!(",{row}").repeat((1 << size) - 1);
            format!("{insert} SELECT * FROM (VALUES {row}{other_rows}) WHERE column1 IS NOT NULL {suffix}")
        });
        Self { columns, statements }
    }

    /// Inserts the rows; `bind` binds the columns of one row in order. Without rows, the suffix of a statement still
    /// runs.
    pub(crate) async fn run<R>(
        &'static self,
        connection: &mut SqliteConnection,
        rows: &[R],
        bind: impl Fn(Query, &R) -> Query,
    ) -> StoreResult<()> {
        let mut rest = rows;
        loop {
            let (chunk, others) = rest.split_at(rest.len().min(ROWS_MAX));
            let size = chunk.len().next_power_of_two();
            let statement = AssertSqlSafe(self.statements[size.ilog2() as usize].as_str());
            let mut query = chunk.iter().fold(sqlx::query(statement), &bind);
            for _ in 0..(size - chunk.len()) * self.columns {
                query = query.bind(None::<i64>);
            }
            query.execute(&mut *connection).await.map_err(failed)?;
            rest = others;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{Connection, Row};
    use std::sync::LazyLock;

    static ROWS: LazyLock<Bulk> = LazyLock::new(|| Bulk::new("INSERT INTO t (a, b)", 2, "ON CONFLICT DO NOTHING"));

    #[tokio::test]
    async fn every_number_of_rows_is_stored_whole() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)").execute(&mut connection).await.unwrap();
        let mut stored = 0;
        for count in (0..70).chain([127, 128, 129, 255, 256, 257, 600]) {
            let rows: Vec<i64> = (stored..stored + count).collect();
            ROWS.run(&mut connection, &rows, |query, row| query.bind(*row).bind(row.to_string())).await.unwrap();
            stored += count;
            let select = "SELECT count(*), coalesce(sum(a = b), 0) FROM t";
            let row = sqlx::query(select).fetch_one(&mut connection).await.unwrap();
            assert_eq!((row.get::<i64, _>(0), row.get::<i64, _>(1)), (stored, stored), "{count} rows");
        }
        ROWS.run(&mut connection, &[3], |query, row| query.bind(*row).bind("again")).await.unwrap();
    }
}
