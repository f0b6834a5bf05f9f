/* Findings of the store: when first seen, when last, how bad at worst. Grades
   are kept by name, which never changes. */
#include "store/store_private.h"

#include <string.h>

#include "base/banned.h"

static enum grade grade_of(const char *name)
{
    for (int g = 0; g < N_GRADES; g++) {
        if (strcmp(grade_name((enum grade)g), name) == 0) {
            return (enum grade)g;
        }
    }
    return GRADE_INFO;
}

struct before {
    enum grade worst;
    int64_t first_seen_nanos;
};

/* What is known of it; left alone when nothing is. */
static bool find(struct store *s, store_target target, const char *id,
                 struct before *out, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_FINDING_FIND, err);
    if (q == NULL || !database_bind_text(s, q, 2, id, err)) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    bool has_row = false;
    if (!database_row(s, q, &has_row, err)) {
        return false;
    }
    if (has_row) {
        const enum grade worst = grade_of(database_text(s, q, 0));
        out->worst = worst > out->worst ? worst : out->worst;
        out->first_seen_nanos = s->lib.column_int64(q, 1);
        database_end(s, q);
    }
    return true;
}

static bool put(struct store *s, store_target target, int64_t now_nanos,
                const struct store_finding *f, struct err *err)
{
    struct before b = {
        .worst = f->grade_worst > f->grade ? f->grade_worst : f->grade,
        .first_seen_nanos =
            f->first_seen_nanos != 0 ? f->first_seen_nanos : now_nanos};
    if (!find(s, target, f->id, &b, err)) {
        return false;
    }
    sqlite3_stmt *q = database_statement(s, STATEMENT_FINDING_PUT, err);
    if (q == NULL || !database_bind_text(s, q, 2, f->id, err) ||
        !database_bind_text(s, q, 3, f->rule, err) ||
        !database_bind_text(s, q, 4, grade_name(f->grade), err) ||
        !database_bind_text(s, q, 5, grade_name(b.worst), err) ||
        !database_bind_text(s, q, 8, f->document, err)) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    database_bind(s, q, 6, b.first_seen_nanos);
    database_bind(s, q, 7, now_nanos);
    return database_run(s, q, err);
}

static bool close_all(struct store *s, store_target target, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_FINDINGS_CLOSE, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    return database_run(s, q, err);
}

bool store_put_findings(struct store *s, store_target target, int64_t now_nanos,
                        const struct store_finding *items, size_t n,
                        struct err *err)
{
    bool is_own = false;
    if (!database_enter(s, &is_own, err)) {
        return false;
    }
    bool ok = close_all(s, target, err);
    for (size_t i = 0; ok && i < n; i++) {
        ok = put(s, target, now_nanos, &items[i], err);
    }
    return database_leave(s, is_own, ok, err);
}

bool store_each_finding(struct store *s, store_target target,
                        bool (*take)(void *ctx, const struct store_finding *f,
                                     struct err *err),
                        void *ctx, struct err *err)
{
    sqlite3_stmt *q = database_statement(s, STATEMENT_FINDINGS, err);
    if (q == NULL) {
        return false;
    }
    database_bind(s, q, 1, target.i);
    for (bool has_row = true;;) {
        if (!database_row(s, q, &has_row, err)) {
            return false;
        }
        if (!has_row) {
            return true;
        }
        const struct store_finding f = {
            .id = database_text(s, q, 0),
            .rule = database_text(s, q, 1),
            .grade = grade_of(database_text(s, q, 2)),
            .grade_worst = grade_of(database_text(s, q, 3)),
            .is_open = s->lib.column_int64(q, 4) != 0,
            .first_seen_nanos = s->lib.column_int64(q, 5),
            .last_seen_nanos = s->lib.column_int64(q, 6),
            .document = database_text(s, q, 7),
        };
        if (!take(ctx, &f, err)) {
            database_end(s, q);
            return false;
        }
    }
}
