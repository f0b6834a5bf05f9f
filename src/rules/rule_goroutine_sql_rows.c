/* database/sql goroutines that stand for something not closed. */
#include "rules/match_private.h"

#include "base/banned.h"

struct sql_row {
    const char *pattern;
    const char *headline;
    const char *doing;
    const char *fix; /* NULL: the rule's */
};

static const struct sql_row rows[] = {
    {"database/sql.(*Rows).awaitDone",      "sql.Rows are not closed",
     "belong to query results that were not closed",      NULL                                                                    },
    {"database/sql.(*Tx).awaitDone",        "sql transactions are not ended",
     "belong to transactions without Commit or Rollback", "defer tx.Rollback() right after Begin; after a Commit it does nothing."},
    {"database/sql.(*DB).connectionOpener", "sql.DB handles are not closed",
     "belong to one sql.DB each, opened again and again", "Open the database once, keep the *sql.DB for the life of the program "
     "and pass it on; it is a pool, not a connection."                   },
    {"database/sql.(*DB).conn",             "callers wait for a database connection",
     "wait for a free connection: the pool is used up",   "Close what holds the connections (rows.Close, tx.Rollback); then give "
     "the wait a context with a timeout."                                  },
};

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!evidence_any_frame(e, rows[i].pattern)) {
            continue;
        }
        out->headline = rows[i].headline;
        out->fix = rows[i].fix;
        return match_goroutines(e, out, rows[i].doing);
    }
    return false;
}

const struct rule rule_goroutine_sql_rows = {
    .id = "goroutine-sql-rows",
    .title = "sql.Rows, Tx or DB that is never closed",
    .headline = "sql.Rows are not closed",
    .what = "Goroutines of database/sql: one per open Rows or Tx with a "
            "context, one per sql.DB.",
    .why = "An open result or transaction keeps its connection; the pool runs "
           "dry and callers wait. A sql.DB made per call keeps its opener "
           "goroutine and its connections.",
    .infers = "From the functions of database/sql on the stack: awaitDone, "
              "connectionOpener or conn. The query is not on these stacks.",
    .decides = "db.Stats() (InUse, WaitCount) and a goroutine dump (debug=2): "
               "awaitDone minutes old is a result nobody closed.",
    .alternatives = {"long queries or transactions in flight",
                     "several databases in one program, by design"},
    .fix = "defer rows.Close() right after the error check of Query, and look "
           "at rows.Err() at the end; QueryRow closes by itself.",
    .confirm = "seep fetch HOST --profile goroutine --debug 2   "
               "(minutes in awaitDone)",
    .leaking = "rows, err := db.QueryContext(ctx, q)\n"
               "if err != nil {\n"
               "    return err\n"
               "}\n"
               "if rows.Next() {\n"
               "    return rows.Scan(&v) // rows stay open\n"
               "}\n",
    .mended = "defer rows.Close()\n",
    .worst = GRADE_STRONG,
    .needs = NEED_GOROUTINE,
    .kinds = RULE_KIND(EVIDENCE_GOROUTINE),
    .check = check,
};
