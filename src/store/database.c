/*
 * SQLite as the store uses it: opened with care, since the file may come from
 * anywhere; statements kept; every failure one line that names the file and
 * the reason, in our words where people meet it.
 */
#include "base/library.h"
#include "base/num.h"
#include "store/store_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/banned.h"

/* Long enough for somebody's backup to begin, short enough for a watch. */
enum { BUSY_MS = 5000 };

static const char *const statement_sql[] = {
#define X(name, sql) [STATEMENT_##name] = (sql),
    STATEMENTS(X)
#undef X
};

/* --- failures --- */

struct failure {
    int code; /* SQLite's, without its extension */
    enum err_code err;
    bool has_errno; /* the system said why */
    const char *text;
};

static const struct failure failures[] = {
    {SQLITE_FULL,     ERR_IO,       false, "no space left on the disk"       },
    {SQLITE_READONLY, ERR_IO,       false, "cannot be written to"            },
    {SQLITE_PERM,     ERR_IO,       false, "permission denied"               },
    {SQLITE_CANTOPEN, ERR_IO,       true,  "cannot be opened"                },
    {SQLITE_IOERR,    ERR_IO,       true,  "cannot be read or written"       },
    {SQLITE_NOTADB,   ERR_FORMAT,   false, "not a store of seep"             },
    {SQLITE_CORRUPT,  ERR_FORMAT,   false, "damaged"                         },
    {SQLITE_BUSY,     ERR_MISMATCH, false, "locked by another process"       },
    {SQLITE_LOCKED,   ERR_MISMATCH, false, "locked by another process"       },
    {SQLITE_TOOBIG,   ERR_LIMIT,    false, "holds a value beyond all measure"},
    {SQLITE_SCHEMA,   ERR_FORMAT,   false, "changed while it was read"       },
};

/* Only what has another cause than those above is told in SQLite's words. */
static const struct failure *failure_of(int code)
{
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].code == (code & 0xff)) {
            return &failures[i];
        }
    }
    return NULL;
}

bool database_fail(struct store *s, int code, struct err *err)
{
    if ((code & 0xff) == SQLITE_NOMEM) {
        return err_nomem(err, "store");
    }
    const struct failure *f = failure_of(code);
    if (f == NULL) {
        return err_set(err, ERR_FORMAT, "%.120s: damaged: %.90s", s->path,
                       s->db != NULL ? s->lib.errmsg(s->db)
                                     : s->lib.errstr(code));
    }
    const int number =
        f->has_errno && s->db != NULL ? s->lib.system_errno(s->db) : 0;
    if (number == 0) {
        return err_set(err, f->err, "%.150s: %s", s->path, f->text);
    }
    return err_set(err, f->err, "%.120s: %s: %s", s->path, f->text,
                   err_system(number).text);
}

/* --- statements --- */

sqlite3_stmt *database_statement(struct store *s, enum statement which,
                                 struct err *err)
{
    sqlite3_stmt **q = &s->statements[which];
    if (*q == NULL) {
        const int code = s->lib.prepare_v3(s->db, statement_sql[which], -1,
                                           SQLITE_PREPARE_PERSISTENT, q, NULL);
        if (code != SQLITE_OK) {
            database_fail(s, code, err);
            return NULL;
        }
    }
    return *q;
}

void database_end(struct store *s, sqlite3_stmt *q)
{
    (void)s->lib.reset(q); /* repeats the failure that step told */
}

bool database_row(struct store *s, sqlite3_stmt *q, bool *has_row,
                  struct err *err)
{
    const int code = s->lib.step(q);
    *has_row = code == SQLITE_ROW;
    if (*has_row) {
        return true;
    }
    const bool ok = code == SQLITE_DONE || database_fail(s, code, err);
    database_end(s, q);
    return ok;
}

bool database_run(struct store *s, sqlite3_stmt *q, struct err *err)
{
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    if (has_row) {
        database_end(s, q);
    }
    return true;
}

bool database_number(struct store *s, enum statement which, int64_t if_none,
                     int64_t *out, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, which, err);
    bool has_row = false;
    if (q == NULL || !database_row(s, q, &has_row, err)) {
        return false;
    }
    *out = if_none;
    if (has_row) {
        /* min() of nothing is NULL. */
        if (s->lib.column_text(q, 0) != NULL) {
            *out = s->lib.column_int64(q, 0);
        }
        database_end(s, q);
    }
    return true;
}

/* Fails for wrong indices only, which are ours. */
void database_bind(struct store *s, sqlite3_stmt *q, int at, int64_t v)
{
    const int code = s->lib.bind_int64(q, at, v);
    assert(code == SQLITE_OK);
    (void)code;
}

/* What is bound is borrowed: it outlives the step that uses it. */
bool database_bind_text(struct store *s, sqlite3_stmt *q, int at,
                        const char *text, struct err *err)
{
    const int code = s->lib.bind_text(q, at, text, -1, SQLITE_STATIC);
    return code == SQLITE_OK || database_fail(s, code, err);
}

bool database_bind_blob(struct store *s, sqlite3_stmt *q, int at,
                        struct span bytes, struct err *err)
{
    const int code = s->lib.bind_blob64(q, at, bytes.len > 0 ? bytes.p : "",
                                        bytes.len, SQLITE_STATIC);
    return code == SQLITE_OK || database_fail(s, code, err);
}

const char *database_text(struct store *s, sqlite3_stmt *q, int column)
{
    const unsigned char *text = s->lib.column_text(q, column);
    return text != NULL ? (const char *)text : "";
}

struct span database_blob(struct store *s, sqlite3_stmt *q, int column)
{
    const char *p = s->lib.column_blob(q, column);
    const int n = s->lib.column_bytes(q, column);
    return (struct span){p, p != NULL && n > 0 ? (size_t)n : 0};
}

/* --- transactions --- */

static bool run_statement(struct store *s, enum statement which,
                          struct err *err)
{
    sqlite3_stmt *q = database_statement(s, which, err);
    return q != NULL && database_run(s, q, err);
}

bool database_enter(struct store *s, bool *is_own, struct err *err)
{
    *is_own = !s->is_writing;
    if (s->options.is_read_only) {
        return err_set(err, ERR_USAGE, "%.150s: opened for reading only",
                       s->path);
    }
    return !*is_own || run_statement(s, STATEMENT_BEGIN, err);
}

static void undo(struct store *s)
{
    if (s->lib.get_autocommit(s->db) == 0) {
        struct err ignored = {0}; /* there is nothing left to undo then */
        (void)run_statement(s, STATEMENT_ROLLBACK, &ignored);
    }
    stored_stacks_forget(s);
    s->was_undone = s->is_writing;
    s->is_writing = false;
}

bool database_leave(struct store *s, bool is_own, bool ok, struct err *err)
{
    if (ok && is_own) {
        ok = run_statement(s, STATEMENT_COMMIT, err);
    }
    if (!ok) {
        undo(s);
    }
    return ok;
}

/* --- opening --- */

static bool load(struct store *s, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"sqlite3_" #name, &s->lib.name},
        SQLITE_FUNCTIONS(X)
#undef X
    };
    return library_load(SQLITE_LIBRARY, functions,
                        sizeof(functions) / sizeof(functions[0]), err);
}

bool database_check_path(const struct store *s, struct err *err)
{
    struct stat st;
    if (stat(s->path, &st) == 0) {
        return S_ISREG(st.st_mode) ||
               err_set(err, ERR_IO, "%.150s: %s", s->path,
                       S_ISDIR(st.st_mode) ? "is a directory, not a store"
                                           : "is not a regular file");
    }
    if (errno == ENOENT && !s->options.is_read_only && *s->path != '\0') {
        return true; /* it will be made */
    }
    return err_set(err, ERR_IO, "%.120s: %s", s->path, err_system(errno).text);
}

/* "file:" and ":memory:" are names of files here: a path that begins with a
   slash or a dot has no other meaning to SQLite. */
static void put_path(struct buf *out, const char *path, bool is_uri)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789/._-";
    buf_str(out, is_uri ? "file:" : "");
    if (*path != '/') {
        buf_str(out, "./");
    }
    for (; *path != '\0'; path++) {
        if (!is_uri || strchr(plain, *path) != NULL) {
            buf_char(out, *path);
        } else {
            buf_printf(out, "%%%02x", (unsigned)(unsigned char)*path);
        }
    }
    buf_str(out, is_uri ? "?immutable=1" : "");
}

/* A file that is not ours may hold anything: no code of its own runs. */
static bool configure(struct store *s, struct err *err)
{
    static const int off[] = {SQLITE_DBCONFIG_ENABLE_TRIGGER,
                              SQLITE_DBCONFIG_ENABLE_VIEW,
                              SQLITE_DBCONFIG_TRUSTED_SCHEMA};
    for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++) {
        (void)s->lib.db_config(s->db, off[i], 0, (int *)NULL);
    }
    (void)s->lib.db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)s->lib.limit(s->db, SQLITE_LIMIT_LENGTH, (int)STORE_BLOB_MAX);
    (void)s->lib.busy_timeout(s->db, BUSY_MS);
    /* A checkpoint syncs the disk, and writes each page once however often it
       was changed: one every 32 MiB of writes. What is deleted is not
       overwritten with zeros, as Debian's SQLite would. The cache holds the
       page that is written to next of 4,000 targets. */
    const int code = s->lib.exec(s->db,
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA synchronous = NORMAL;"
                                 "PRAGMA wal_autocheckpoint = 4096;"
                                 "PRAGMA journal_size_limit = 67108864;"
                                 "PRAGMA secure_delete = OFF;"
                                 "PRAGMA cache_size = -32768",
                                 NULL, NULL, NULL);
    return code == SQLITE_OK || database_fail(s, code, err);
}

static bool open_as(struct store *s, bool is_immutable, struct err *err)
{
    struct buf path = BUF_LIMIT(1 << 16);
    put_path(&path, s->path, is_immutable);
    if (!buf_check(&path, "path of the store", err)) {
        buf_release(&path);
        return false;
    }
    const int flags =
        SQLITE_OPEN_NOMUTEX | (is_immutable ? SQLITE_OPEN_URI : 0) |
        (s->options.is_read_only ? SQLITE_OPEN_READONLY
                                 : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    const int code = s->lib.open_v2(path.data, &s->db, flags, NULL);
    buf_release(&path);
    if (code != SQLITE_OK) {
        return database_fail(
            s, s->db != NULL ? s->lib.extended_errcode(s->db) : code, err);
    }
    if (!s->options.is_read_only && s->lib.db_readonly(s->db, "main") != 0) {
        return err_set(err, ERR_IO, "%.150s: no permission to write to it",
                       s->path);
    }
    return configure(s, err) &&
           schema_check(s, store_steps, store_n_steps, err);
}

/* Are there writes that have not been carried over into the file? */
static bool has_wal(const struct store *s)
{
    struct buf name = BUF_LIMIT(1 << 16);
    buf_printf(&name, "%s-wal", s->path);
    struct stat st;
    const bool has =
        !buf_ok(&name) || (stat(name.data, &st) == 0 && st.st_size > 0);
    buf_release(&name);
    return has;
}

/* Readers share memory with the writer through a file beside the store. Where
   that cannot be made, because the file system or the directory is read-only,
   nobody writes either: the file is read as it is. */
static bool open_unshared(struct store *s, struct err *err)
{
    if (has_wal(s)) {
        return err_set(err, ERR_IO,
                       "%.60s: its latest writes are in %.60s-wal, which "
                       "cannot be read in a read-only directory; copy both "
                       "to another",
                       s->path, s->path);
    }
    database_close(s);
    err_clear(err);
    return open_as(s, true, err);
}

bool database_open(struct store *s, struct err *err)
{
    if (!load(s, err)) {
        return false;
    }
    if (open_as(s, false, err)) {
        return true;
    }
    const int code =
        s->db != NULL ? s->lib.extended_errcode(s->db) & 0xff : SQLITE_OK;
    if (s->options.is_read_only &&
        (code == SQLITE_CANTOPEN || code == SQLITE_READONLY)) {
        return open_unshared(s, err);
    }
    return false;
}

void database_close(struct store *s)
{
    for (size_t i = 0; i < N_STATEMENTS; i++) {
        if (s->statements[i] != NULL) {
            (void)s->lib.finalize(s->statements[i]);
            s->statements[i] = NULL;
        }
    }
    if (s->db != NULL) {
        (void)s->lib.close_v2(s->db);
        s->db = NULL;
    }
}
