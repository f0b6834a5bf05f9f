/*
 * What a store looks like inside, as steps: version n is what the first n
 * steps made. Steps are never changed once released; a new layout is a new
 * step behind them. `application_id` tells stores from other SQLite files.
 */
#include "store/store_private.h"

#include <inttypes.h>

#include "base/banned.h"

/*
 * stack: what was seen as a call stack, once for all targets. `hash` is the
 * XXH3-128 of `bytes`; `used` the last day, counted from 1970, of a snapshot
 * that has it. Ids are never used twice, so that a reader may remember them.
 * snapshot: `point` names stacks by id; `taken` is the watcher's clock, `own`
 * what the snapshot says, `sum` the XXH3-64 of `point`.
 * finding: `document` is its JSON; times are nanoseconds since 1970.
 */
const char *const store_steps[] = {
    "CREATE TABLE target("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  name TEXT NOT NULL UNIQUE,"
    "  labels TEXT NOT NULL);"
    "CREATE TABLE stack("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  hash BLOB NOT NULL UNIQUE,"
    "  used INTEGER NOT NULL,"
    "  bytes BLOB NOT NULL);"
    "CREATE TABLE snapshot("
    "  target INTEGER NOT NULL,"
    "  moment INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  form TEXT NOT NULL,"
    "  taken INTEGER NOT NULL,"
    "  own INTEGER NOT NULL,"
    "  sum INTEGER NOT NULL,"
    "  point BLOB NOT NULL,"
    "  PRIMARY KEY(target, moment, kind, form)) WITHOUT ROWID;"
    "CREATE INDEX snapshot_taken ON snapshot(taken, target, moment);"
    "CREATE TABLE state("
    "  target INTEGER PRIMARY KEY,"
    "  bytes BLOB NOT NULL);"
    "CREATE TABLE finding("
    "  target INTEGER NOT NULL,"
    "  id TEXT NOT NULL,"
    "  rule TEXT NOT NULL,"
    "  grade TEXT NOT NULL,"
    "  worst TEXT NOT NULL,"
    "  open INTEGER NOT NULL,"
    "  first_seen INTEGER NOT NULL,"
    "  last_seen INTEGER NOT NULL,"
    "  document TEXT NOT NULL,"
    "  PRIMARY KEY(target, id)) WITHOUT ROWID;",
};
const size_t store_n_steps = sizeof(store_steps) / sizeof(store_steps[0]);

/* A pragma or a count, outside of the kept statements: the tables need not be
   there yet. */
static bool ask(struct store *s, const char *sql, int64_t *out, struct err *err)
{
    sqlite3_stmt *q = NULL;
    int code = s->lib.prepare_v3(s->db, sql, -1, 0, &q, NULL);
    if (code == SQLITE_OK) {
        code = s->lib.step(q);
        *out = code == SQLITE_ROW ? s->lib.column_int64(q, 0) : 0;
    }
    s->lib.finalize(q);
    return code == SQLITE_ROW || database_fail(s, code, err);
}

static bool run(struct store *s, const char *sql, struct err *err)
{
    const int code = s->lib.exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || database_fail(s, code, err);
}

/* One step and its number, whole or not at all. */
static bool take_step(struct store *s, const char *const *steps, size_t i,
                      struct err *err)
{
    struct buf sql = BUF_LIMIT(1 << 16);
    buf_printf(&sql,
               "BEGIN IMMEDIATE; %s PRAGMA application_id = %d; "
               "PRAGMA user_version = %zu; COMMIT",
               steps[i], STORE_APPLICATION_ID, i + 1);
    const bool ok = buf_check(&sql, "schema", err) && run(s, sql.data, err);
    buf_release(&sql);
    if (!ok) {
        (void)s->lib.exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return ok;
}

static bool prepare_new(struct store *s, struct err *err)
{
    /* Before anything else is written: later it would change nothing. A moment
       of a target changes one page, and a commit writes pages whole: small ones
       cost less. But a point has 0.1 to 2 KB, and one of more than a quarter of
       a page takes pages of its own. */
    return run(s,
               "PRAGMA page_size = 8192;"
               "PRAGMA auto_vacuum = INCREMENTAL",
               err);
}

static bool use_wal(struct store *s, struct err *err)
{
    sqlite3_stmt *q = NULL;
    int code =
        s->lib.prepare_v3(s->db, "PRAGMA journal_mode = WAL", -1, 0, &q, NULL);
    bool is_wal = false;
    if (code == SQLITE_OK) {
        code = s->lib.step(q);
        is_wal = code == SQLITE_ROW &&
                 span_is(span_of(database_text(s, q, 0)), "wal");
    }
    s->lib.finalize(q);
    if (code != SQLITE_ROW) {
        return database_fail(s, code, err);
    }
    return is_wal ||
           err_set(err, ERR_IO,
                   "%.120s: this file system cannot share memory between "
                   "processes, which a store needs; keep it on a local disk",
                   s->path);
}

bool schema_check(struct store *s, const char *const *steps, size_t n_steps,
                  struct err *err)
{
    int64_t id = 0;
    int64_t version = 0;
    int64_t n_tables = 0;
    if (!ask(s, "PRAGMA application_id", &id, err) ||
        !ask(s, "PRAGMA user_version", &version, err) ||
        !ask(s, "SELECT count(*) FROM sqlite_master", &n_tables, err)) {
        return false;
    }
    const bool is_new = id == 0 && version == 0 && n_tables == 0;
    if (is_new && s->options.is_read_only) {
        return err_set(err, ERR_FORMAT, "%.150s: holds no store yet", s->path);
    }
    if (!is_new && id != STORE_APPLICATION_ID) {
        return err_set(err, ERR_FORMAT,
                       "%.120s: an SQLite database, but not a store of seep",
                       s->path);
    }
    if (version < 0 || (uint64_t)version > n_steps) {
        return err_set(err, ERR_MISMATCH,
                       "%.120s: made by a later version of seep (layout "
                       "%" PRId64 ", this one knows up to %zu)",
                       s->path, version, n_steps);
    }
    if (s->options.is_read_only) {
        return (uint64_t)version == n_steps ||
               err_set(err, ERR_MISMATCH,
                       "%.120s: made by an earlier version of seep (layout "
                       "%" PRId64 " of %zu); seep watch --store brings it up "
                       "to date",
                       s->path, version, n_steps);
    }
    if ((is_new && !prepare_new(s, err)) || !use_wal(s, err)) {
        return false;
    }
    for (size_t i = (size_t)version; i < n_steps; i++) {
        if (!take_step(s, steps, i, err)) {
            return false;
        }
    }
    return true;
}
