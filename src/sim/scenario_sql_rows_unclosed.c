/*
 * Leak L12: a query whose loop returns on a scan error without closing the
 * rows. Every one keeps a database connection, a goroutine of database/sql
 * that waits for the end of the rows, and one of the driver.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define BALANCE                                                                \
    "acme.dev/billing/internal/ledger.(*Ledger).Balance ledger.go:36",         \
        "main.(*Biller).run biller.go:61"
#define MYSQL "github.com/go-sql-driver/mysql."

static const char lesson_leaks[] =
    "Rows own a connection from the query until Close or the end of the\n"
    "result. A NULL makes Scan fail, Balance returns in the middle, and the\n"
    "connection is neither free nor broken: the pool opens another.\n"
    "database/sql starts a goroutine for each Rows that waits for a context\n"
    "to end; the biller's context lives as long as the process.";

static const char lesson_code[] =
    "func (l *Ledger) Balance(ctx context.Context, id int) (int64, error) {\n"
    "\trows, err := l.db.QueryContext(ctx, balanceQuery, id)\n"
    "\tif err != nil {\n"
    "\t\treturn 0, err\n"
    "\t}\n"
    "\tvar sum, cents int64\n"
    "\tfor rows.Next() {\n"
    "\t\tif err := rows.Scan(&cents); err != nil {\n"
    "\t\t\treturn 0, err // rows stay open\n"
    "\t\t}\n"
    "\t\tsum += cents\n"
    "\t}\n"
    "\treturn sum, rows.Err()\n"
    "}";

static const char lesson_fix[] =
    "func (l *Ledger) Balance(ctx context.Context, id int) (int64, error) {\n"
    "\trows, err := l.db.QueryContext(ctx, balanceQuery, id)\n"
    "\tif err != nil {\n"
    "\t\treturn 0, err\n"
    "\t}\n"
    "\tdefer rows.Close() // harmless when they have been read to the end\n"
    "\tvar sum, cents int64\n"
    "\tfor rows.Next() {\n"
    "\t\tif err := rows.Scan(&cents); err != nil {\n"
    "\t\t\treturn 0, err\n"
    "\t\t}\n"
    "\t\tsum += cents\n"
    "\t}\n"
    "\treturn sum, rows.Err()\n"
    "}";

static const char lesson_shows[] =
    "database/sql.(*Rows).awaitDone in a select: one goroutine for each\n"
    "open Rows, about 18 more a minute, and as many of the driver's\n"
    "startWatcher. In a healthy process awaitDone lives as long as a query;\n"
    "minutes in a dump are the proof. The heap grows by some 5 KiB for\n"
    "each: the driver's buffer below (*connector).Connect, the rows and a\n"
    "context below (*Ledger).Balance.";

static const char lesson_cannot[] =
    "The goroutines do not name the query; the allocation of the Rows does.\n"
    "With SetMaxOpenConns the same fault looks different: the number stops\n"
    "at the limit and callers pile up in database/sql.(*DB).conn. In a\n"
    "handler that passes r.Context() the rows are closed when the request\n"
    "ends, and nothing grows at all.";

static void query_members(struct sim_world *w, struct sim_population_spec *p)
{
    const sim_stack_id query = sim_stack(w, "@sql-query", BALANCE, NULL);
    p->members[p->n_members++] =
        (struct sim_member){query, 208, 1, "sql.Rows", -1};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, "@context-with-cancel", "@sql-query", BALANCE, NULL), 80,
        1, "context.cancelCtx", 0};
}

static void connection_members(struct sim_world *w,
                               struct sim_population_spec *p)
{
    const int rows = (int)p->n_members - 2;
    const int connection = (int)p->n_members;
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, MYSQL "(*connector).Connect connector.go:66", "@sql-query",
                  BALANCE, NULL),
        304, 1, "mysql.mysqlConn", rows};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, MYSQL "newBuffer buffer.go:36",
                  MYSQL "(*connector).Connect connector.go:126", "@sql-query",
                  BALANCE, NULL),
        4096, 1, NULL, connection};
    p->members[p->n_members++] = (struct sim_member){
        sim_stack(w, MYSQL "(*mysqlConn).startWatcher connection.go:748",
                  MYSQL "(*connector).Connect connector.go:124", "@sql-query",
                  BALANCE, NULL),
        112, 1, "chan context.Context", connection};
}

static struct sim_goroutine_spec await(struct sim_world *w)
{
    const struct sim_pose waits = {
        "select", sim_stack(w, "@sql-awaitdone-rows", NULL), 1.0};
    return (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = "@by-sql-rows",
        .has_sudog = true,
    };
}

static struct sim_goroutine_spec watcher(struct sim_world *w)
{
    const struct sim_pose waits = {
        "select",
        sim_stack(w, "@select",
                  MYSQL "(*mysqlConn).startWatcher.func1 connection.go:763",
                  NULL),
        1.0};
    return (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = MYSQL "(*mysqlConn).startWatcher connection.go:752",
        .has_sudog = true,
    };
}

static void build_queries(struct sim_world *w)
{
    struct sim_population_spec leak = {
        .name = "open rows",
        .per_second = 0.3,
        .is_leak = true,
    };
    query_members(w, &leak);
    connection_members(w, &leak);
    leak.goroutines[leak.n_goroutines++] = await(w);
    leak.goroutines[leak.n_goroutines++] = watcher(w);
    sim_population(w, &leak);

    struct sim_population_spec done = {
        .name = "rows read to the end",
        .per_second = 22.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.05,
    };
    query_members(w, &done);
    done.goroutines[done.n_goroutines++] = await(w);
    sim_population(w, &done);
}

/* Eight at work at any time: they query or wait for the next customer. */
static void build_billers(struct sim_world *w)
{
    const struct sim_pose queries = {
        "IO wait",
        sim_stack(w, "@net-read", MYSQL "(*mysqlConn).readPacket packets.go:67",
                  "@sql-query", BALANCE, NULL),
        0.7};
    const struct sim_pose waits = {
        "chan receive",
        sim_stack(w, "@chan-receive2", "main.(*Biller).run biller.go:58", NULL),
        0.3};
    struct sim_population_spec p = {.name = "billers", .n_start = 8};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {queries, waits},
        .n_poses = 2,
        .created_by = "main.(*Biller).Start biller.go:44",
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 10);
    build_queries(w);
    build_billers(w);
    sim_workers(w, "connection opener", "select",
                sim_stack(w, "@sql-opener", NULL), "@by-sql-open", 1);
    struct sim_population_spec pool = {.name = "pooled", .n_start = 10};
    pool.goroutines[pool.n_goroutines++] = watcher(w);
    sim_population(w, &pool);
    sim_garbage(w, "packets",
                sim_stack(w, MYSQL "(*mysqlConn).readPacket packets.go:51",
                          "@sql-query", BALANCE, NULL),
                512, 200.0);
}

const struct sim_scenario sim_scenario_sql_rows_unclosed = {
    .name = "sql-rows-unclosed",
    .number = "L12",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "rows of a query stay open on an error path",
    .service = "billing",
    .hold = "open sql.Rows, each with its connection, its context and the "
            "goroutine that waits for it",
    .culprits[0] = "database/sql.(*Rows).awaitDone",
    .culprits[1] = "database/sql.(*Rows).initContextClose",
    .culprits[2] =
        "github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1",
    .culprits[3] = "github.com/go-sql-driver/mysql.(*connector).Connect",
    .culprits[4] = "acme.dev/billing/internal/ledger.(*Ledger).Balance",
    .culprits[5] = "main.(*Biller).run",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
