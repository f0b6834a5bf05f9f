#include "fetch_words.h"

#include "console.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

enum { LINE_BYTES_MAX = 64 << 10 };

/* In front of each line, when there are several runs. */
static const char *prefix(const struct fetch_run *r)
{
    return r->is_one_of_many ? r->plan.label.data : "";
}

static const char *colon(const struct fetch_run *r)
{
    return r->is_one_of_many ? ": " : "";
}

/* The sum of a column, or of the first when none has that name. */
static double sum_of(const struct profile *p, const char *type)
{
    double sum = 0;
    uint32_t column = 0;
    for (uint32_t t = 0; t < p->n_types; t++) {
        if (strcmp(p->strings[p->types[t].type.i].p, type) == 0) {
            column = t;
        }
    }
    for (uint32_t s = 0; s < p->n_samples; s++) {
        sum += (double)p->values[(size_t)s * p->n_types + column];
    }
    return sum;
}

void fetch_describe(const struct snapshot *s, const char *name,
                    struct buf *line)
{
    const struct profile *p = s->profile;
    if (s->dump != NULL) {
        buf_str(line, ", goroutines ");
        num_count(line, (int64_t)s->dump->goroutines.n);
    } else if (p == NULL || p->n_types == 0) {
        buf_printf(line, ", %s", name);
    } else if (s->kind == KIND_GOROUTINE || s->kind == KIND_GOROUTINELEAK) {
        buf_str(line, s->kind == KIND_GOROUTINE ? ", goroutines "
                                                : ", leaked goroutines ");
        num_count(line, (int64_t)sum_of(p, profile_kind_name(s->kind)));
    } else if (s->kind == KIND_HEAP && strcmp(name, "heap") == 0) {
        buf_printf(line, ", %s ", name);
        num_bytes(line, sum_of(p, "inuse_space"));
    } else {
        buf_printf(line, ", %s with %u stack%s", name, p->n_samples,
                   p->n_samples == 1 ? "" : "s");
    }
}

void fetch_describe_trace(uint64_t n_bytes, struct buf *line)
{
    buf_str(line, ", trace ");
    num_bytes(line, (double)n_bytes);
}

void fetch_say_resumed(const struct fetch_run *r)
{
    if (r->n_files_before > 0 && !r->session->common.quiet) {
        console_say("%s%s%llu of %llu snapshots are there already", prefix(r),
                    colon(r), (unsigned long long)r->n_before,
                    (unsigned long long)r->plan.count);
    }
}

void fetch_say_absent(const struct fetch_run *r, size_t i)
{
    if (!r->session->common.quiet) {
        console_say("%s%s is left out, the process has none: " FETCH_PROOF_HINT,
                    r->plan.shown.data, r->plan.names[i]);
    }
}

void fetch_say_snapshot(const struct fetch_run *r, bool is_saved)
{
    const unsigned long long n = fetch_run_done(r);
    const unsigned long long count = r->plan.count;
    if (r->session->common.quiet) {
        return;
    }
    if (is_saved) {
        console_say("%s%s%llu of %llu%s", prefix(r), colon(r), n, count,
                    r->line.data != NULL ? r->line.data : "");
    } else {
        console_say("%s%ssnapshot %llu of %llu missed: %s", prefix(r), colon(r),
                    n, count, r->last.text);
    }
}

/* "7 of 10 snapshots saved in DIR", and why not all. */
static void say_summary(const struct fetch_run *r, const char *more)
{
    const unsigned long long count = r->plan.count;
    const uint64_t n_saved = r->n_before + r->n_saved;
    const uint64_t n_files = r->n_files_before + r->n_files;
    const bool has_parts = n_files > n_saved * r->plan.n;
    console_say("%s%s%llu of %llu snapshot%s saved%s%s%s%s", prefix(r),
                colon(r), (unsigned long long)n_saved, count,
                count == 1 ? "" : "s", n_files > 0 ? " in " : "",
                n_files > 0 ? r->directory.data : "",
                has_parts ? ", and part of one" : "", more);
}

static void say_missed(const struct fetch_run *r)
{
    char more[ERR_TEXT_MAX + 64];
    if (r->n_missed == 0) {
        (void)snprintf(more, sizeof(more), "; %llu missed before",
                       (unsigned long long)r->n_missed_before);
    } else {
        (void)snprintf(more, sizeof(more), "%s the last failure: %s",
                       fetch_run_is_over(r)
                           ? ";"
                           : "; given up after 10 failures in a row,",
                       r->last.text);
    }
    say_summary(r, more);
}

static void say_saved(const struct fetch_run *r)
{
    struct buf more = BUF_LIMIT(LINE_BYTES_MAX);
    if (fetch_plan_is_judged(&r->plan)) {
        buf_printf(&more, "; the verdict: seep leaks %s", r->directory.data);
    }
    if (!r->session->common.quiet) {
        say_summary(r, more.data != NULL ? more.data : "");
    }
    buf_release(&more);
}

const char *fetch_say_end(const struct fetch_run *r)
{
    const uint64_t n_files = r->n_files + r->n_files_before;
    if (r->has_failed) {
        if (r->n_files + r->n_missed > 0) {
            say_summary(r, "");
        }
        return "failed";
    }
    if (r->step != FETCH_ENDED) {
        say_summary(r, n_files > 0 ? "; interrupted, --resume goes on with it"
                                   : "; interrupted");
        return "interrupted";
    }
    if (r->n_missed + r->n_missed_before > 0) {
        say_missed(r);
        return fetch_run_is_over(r) ? "missed" : "given up";
    }
    say_saved(r);
    return "complete";
}
