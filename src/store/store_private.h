/*
 * Shared by the files of store/: the open store, its statements, and what
 * turns SQLite's codes into one line for people.
 */
#ifndef SEEP_STORE_STORE_PRIVATE_H
#define SEEP_STORE_STORE_PRIVATE_H

#include "store/id_table_private.h"
#include "store/sqlite_private.h"
#include "store/store.h"

#include "base/buf.h"
#include "base/vec.h"

/* Of one blob, written or read: an encoded point of five million stacks has
   about 60 MB. */
#define STORE_BLOB_MAX ((size_t)256 << 20)

/* Statements, prepared when first used and kept. */
#define STATEMENTS(X)                                                          \
    X(BEGIN, "BEGIN IMMEDIATE")                                                \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(PAGE_BYTES, "PRAGMA page_size")                                          \
    X(PAGES, "PRAGMA page_count")                                              \
    X(FREE_PAGES, "PRAGMA freelist_count")                                     \
    X(TARGET_PUT, "INSERT INTO target(name, labels) VALUES(?1, ?2) "           \
                  "ON CONFLICT(name) DO UPDATE SET labels = excluded.labels "  \
                  "WHERE labels <> excluded.labels")                           \
    X(TARGET_FIND, "SELECT id FROM target WHERE name = ?1")                    \
    X(TARGET_NAME, "SELECT name FROM target WHERE id = ?1")                    \
    X(TARGETS, "SELECT t.id, t.name, t.labels, s.n, s.first, s.last "          \
               "FROM target t LEFT JOIN (SELECT target, count(*) AS n, "       \
               "min(taken) AS first, max(taken) AS last FROM snapshot "        \
               "GROUP BY target) s ON s.target = t.id ORDER BY t.name")        \
    X(STACK_PUT, "INSERT INTO stack(hash, used, bytes) VALUES(?1, ?2, ?3)")    \
    X(STACK_FIND, "SELECT id, used FROM stack WHERE hash = ?1")                \
    X(STACK_GET, "SELECT hash, used, bytes FROM stack WHERE id = ?1")          \
    X(STACK_USED, "UPDATE stack SET used = ?2 WHERE id = ?1 AND used < ?2")    \
    X(SNAPSHOT_PUT,                                                            \
      "INSERT INTO snapshot(target, moment, kind, form, taken, own, sum, "     \
      "point) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")                         \
    X(SNAPSHOTS,                                                               \
      "SELECT moment, taken, sum, point FROM snapshot WHERE target = ?1 "      \
      "AND moment >= (SELECT moment FROM snapshot WHERE target = ?1 "          \
      "AND taken >= ?2 ORDER BY moment LIMIT 1) ORDER BY moment, kind, form")  \
    X(SNAPSHOTS_COUNT,                                                         \
      "SELECT count(*) FROM snapshot WHERE target = ?1 "                       \
      "AND moment >= (SELECT moment FROM snapshot WHERE target = ?1 "          \
      "AND taken >= ?2 ORDER BY moment LIMIT 1)")                              \
    X(STATE_PUT, "INSERT OR REPLACE INTO state(target, bytes) VALUES(?1, ?2)") \
    X(STATE_GET, "SELECT bytes FROM state WHERE target = ?1")                  \
    X(FINDING_FIND, "SELECT worst, first_seen FROM finding "                   \
                    "WHERE target = ?1 AND id = ?2")                           \
    X(FINDING_PUT,                                                             \
      "INSERT OR REPLACE INTO finding(target, id, rule, grade, worst, open, "  \
      "first_seen, last_seen, document) "                                      \
      "VALUES(?1, ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8)")                             \
    X(FINDINGS_CLOSE, "UPDATE finding SET open = 0 "                           \
                      "WHERE target = ?1 AND open <> 0")                       \
    X(FINDINGS, "SELECT id, rule, grade, worst, open, first_seen, last_seen, " \
                "document FROM finding WHERE target = ?1 ORDER BY id")         \
    X(OLDEST, "SELECT min(taken) FROM snapshot")                               \
    X(LATEST_MOMENT, "SELECT max(moment) FROM snapshot WHERE target = ?1")     \
    X(WALK, "SELECT taken, target, moment FROM snapshot "                      \
            "WHERE (taken, target, moment) > (?1, ?2, ?3) AND taken <= ?4 "    \
            "ORDER BY taken, target, moment LIMIT ?5")                         \
    X(MOMENT_DROP, "DELETE FROM snapshot WHERE target = ?1 AND moment = ?2")   \
    X(STACK_WALK, "SELECT id, used FROM stack WHERE id > ?1 ORDER BY id "      \
                  "LIMIT ?2")                                                  \
    X(STACK_DROP, "DELETE FROM stack WHERE id = ?1")                           \
    X(TARGET_WALK,                                                             \
      "SELECT t.id, EXISTS(SELECT 1 FROM snapshot WHERE target = t.id) "       \
      "OR EXISTS(SELECT 1 FROM finding WHERE target = t.id "                   \
      "AND last_seen >= ?2) FROM target t WHERE t.id > ?1 "                    \
      "ORDER BY t.id LIMIT ?3")                                                \
    X(TARGET_DROP, "DELETE FROM target WHERE id = ?1")                         \
    X(STATE_DROP, "DELETE FROM state WHERE target = ?1")                       \
    X(FINDINGS_DROP, "DELETE FROM finding WHERE target = ?1")

enum statement {
#define X(name, sql) STATEMENT_##name,
    STATEMENTS(X)
#undef X
        N_STATEMENTS
};

/* Where a walk over all moments, oldest first, has come to. */
struct store_place {
    int64_t taken, target, moment;
};

/* Ages at which thinning takes the next step; see retention.c. */
enum { RETENTION_BANDS = 4 };

struct retention {
    struct store_place bands[RETENTION_BANDS];
    unsigned level;    /* of every target, multiples of 1 << level are kept */
    bool is_thinning;  /* a pass of this level is not at its end */
    bool is_shrinking; /* too large, not yet small enough */
    struct store_place place; /* of that pass */
    int64_t swept_day;        /* stacks last used before it are gone */
    bool is_sweeping;
    int64_t sweeping_day, sweep_id;
    int64_t target_id;     /* of the walk over targets */
    int64_t targets_nanos; /* when it last reached the end */
};

struct store {
    struct sqlite_library lib;
    sqlite3 *db;
    sqlite3_stmt *statements[N_STATEMENTS];
    char *path;
    struct store_options options;
    int lock_fd;
    bool is_writing;        /* between store_begin() and store_commit() */
    bool was_undone;        /* what it began was rolled back */
    struct id_table opened; /* targets that this process uses */

    /* Stacks: ids of this store and rows of the one table. */
    const struct stack_table *table; /* NULL until first used */
    struct vec_u32 id_of_row;        /* 0: not known to the store */
    struct vec_u32 day_of_row;       /* as stack.used has it */
    struct id_table row_of_id;
    struct buf scratch;

    struct retention retention;
};

/* --- database.c --- */

/* Is it a file, or may one be made there? */
bool database_check_path(const struct store *s, struct err *err) MUST_USE;

/* Loads SQLite, opens or makes the file, checks that it is a store, migrates.
   On failure database_close() is still to be called. */
bool database_open(struct store *s, struct err *err) MUST_USE;
void database_close(struct store *s);

/* The statement, ready for binding; NULL when it cannot be prepared, which on
   a file that is ours means damage. */
sqlite3_stmt *database_statement(struct store *s, enum statement which,
                                 struct err *err);

/* One more row? False with `err` set on failure. Ends by itself at the last
   row; who stops before resets with database_end(). */
bool database_row(struct store *s, sqlite3_stmt *q, bool *has_row,
                  struct err *err) MUST_USE;
void database_end(struct store *s, sqlite3_stmt *q);

/* A statement without rows. */
bool database_run(struct store *s, sqlite3_stmt *q, struct err *err) MUST_USE;

/* A statement without parameters that gives one number; `if_none` where there
   is none. */
bool database_number(struct store *s, enum statement which, int64_t if_none,
                     int64_t *out, struct err *err) MUST_USE;

/* Says what SQLite's latest failure means, with the path. Returns false. */
bool database_fail(struct store *s, int code, struct err *err);

void database_bind(struct store *s, sqlite3_stmt *q, int at, int64_t v);
bool database_bind_text(struct store *s, sqlite3_stmt *q, int at,
                        const char *text, struct err *err) MUST_USE;
bool database_bind_blob(struct store *s, sqlite3_stmt *q, int at,
                        struct span bytes, struct err *err) MUST_USE;
/* Valid until the statement is stepped. Texts are "" where there is none. */
const char *database_text(struct store *s, sqlite3_stmt *q, int column);
struct span database_blob(struct store *s, sqlite3_stmt *q, int column);

/* --- database.c: writes are whole --- */

/* Joins what store_begin() began, or begins (`*is_own`). Fails on a store that
   is open for reading. */
bool database_enter(struct store *s, bool *is_own, struct err *err) MUST_USE;

/* Commits what is its own. Where the writes failed, undoes all since the
   beginning, whoever began. Returns whether all went well. */
bool database_leave(struct store *s, bool is_own, bool ok,
                    struct err *err) MUST_USE;

/* --- schema.c --- */

#define STORE_APPLICATION_ID 0x53454550 /* "SEEP" */

/* SQL that leads from version i to i + 1, from i = 0. */
extern const char *const store_steps[];
extern const size_t store_n_steps;

/* A file of ours, at the latest version: makes, migrates or refuses it. */
bool schema_check(struct store *s, const char *const *steps, size_t n_steps,
                  struct err *err) MUST_USE;

/* --- stored_stacks.c --- */

/* Every row of the point gets an id: afterwards s->id_of_row has it. */
bool stored_stacks_put(struct store *s, const struct stack_table *t,
                       const struct series_point *p, int64_t taken_nanos,
                       struct err *err) MUST_USE;

/* The row of an id, read from the store when first seen. */
bool stored_stacks_row(struct store *s, struct stack_table *t, uint64_t id,
                       uint32_t *row, struct err *err) MUST_USE;

/* After rolling back: ids may be another stack's next time. */
void stored_stacks_forget(struct store *s);
void stored_stacks_forget_one(struct store *s, uint32_t id);
int64_t stored_stacks_day(int64_t nanos);

/* --- retention.c, leftovers.c --- */

/* Looked at in one call of store_prune(): some milliseconds. */
enum { PRUNE_ROWS = 1024 };

bool leftovers_drop_stacks(struct store *s, int64_t now_nanos, size_t *budget,
                           struct err *err) MUST_USE;
bool leftovers_drop_targets(struct store *s, int64_t now_nanos, size_t *budget,
                            struct err *err) MUST_USE;

/* A moment was appended: the one that leaves the newest goes at once when it
   is none that thinning keeps. */
bool retention_appended(struct store *s, store_target target, uint64_t moment,
                        struct err *err) MUST_USE;

#endif
