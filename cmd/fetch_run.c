#include "fetch_run.h"

#include "console.h"
#include "fetch_profiles.h"
#include "fetch_words.h"

#include <string.h>
#include <time.h>
#include <xxhash.h>

enum { MISSED_IN_A_ROW_MAX = 10, PATH_BYTES_MAX = 64 << 10, TRIES_MAX = 3 };

#define SECOND_NS INT64_C(1000000000)

static int64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* --- beginning --- */

static void count_past(struct fetch_run *r)
{
    const struct fetch_moments *past = fetch_manifest_moments(r->manifest);
    const uint32_t all = (UINT32_C(1) << r->plan.n) - 1;
    for (size_t i = 0; i < past->n; i++) {
        const struct fetch_moment *m = &past->items[i];
        r->n_before += m->saved == all;
        r->n_missed_before += m->is_missed && m->saved != all;
        for (uint32_t bits = m->saved; bits != 0; bits &= bits - 1) {
            r->n_files_before++;
        }
        r->nth = m->nth + 1;
    }
}

static bool begin(struct fetch_run *r, bool resume, struct err *err)
{
    const char *directory = r->directory.data;
    if (!fetch_manifest_open(directory, resume, &r->manifest, err)) {
        return false;
    }
    const struct fetch_begun *begun = fetch_manifest_begun(r->manifest);
    if (resume) {
        fetch_place_tidy(directory);
    }
    if (begun == NULL && !fetch_place_check_free(directory, false, err)) {
        return false; /* files, and no manifest that speaks of them */
    }
    if ((begun != NULL && !fetch_plan_resume(&r->plan, begun, err)) ||
        !fetch_manifest_begin(r->manifest, &r->plan, clock_ns(CLOCK_REALTIME),
                              err)) {
        return false;
    }
    count_past(r);
    return true;
}

void fetch_run_abandon(struct fetch_run *r)
{
    if (r->manifest != NULL && fetch_manifest_begun(r->manifest) == NULL) {
        fetch_manifest_remove(r->manifest);
    }
    fetch_manifest_free(r->manifest);
    r->manifest = NULL;
    fetch_place_undo(&r->place);
}

bool fetch_run_open(struct fetch_run *r, bool resume, struct err *err)
{
    r->line = BUF_LIMIT(4096);
    r->path = BUF_LIMIT(PATH_BYTES_MAX);
    r->url = BUF_LIMIT((size_t)4 * PATH_BYTES_MAX);
    if (!fetch_place_open(r->directory.data, resume, &r->place, err)) {
        return false;
    }
    if (!begin(r, resume, err)) {
        fetch_run_abandon(r);
        return false;
    }
    r->step = fetch_run_is_over(r) ? FETCH_ENDED : FETCH_DUE;
    r->due_ns = clock_ns(CLOCK_MONOTONIC);
    r->begun_ns = r->due_ns;
    fetch_say_resumed(r);
    return true;
}

/* --- what becomes of an answer --- */

static void end_failed(struct fetch_run *r, const struct err *err)
{
    r->step = FETCH_ENDED;
    r->has_failed = true;
    /* At once: others may go on for hours. */
    r->status = console_fail(NULL, err);
}

/* Never to catch up: snapshots in a heap say less than those with time in
   between. */
static void next_snapshot(struct fetch_run *r)
{
    const int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    const int64_t due_ns = r->begun_ns + r->plan.interval_ns;
    r->nth++;
    r->i = 0;
    r->attempt = 0;
    r->is_second = false;
    buf_clear(&r->line);
    r->due_ns = due_ns > now_ns ? due_ns : now_ns;
    r->begun_ns = r->due_ns;
    r->step = fetch_run_is_over(r) ? FETCH_ENDED : FETCH_DUE;
}

static void next_profile(struct fetch_run *r)
{
    r->step = FETCH_DUE;
    r->due_ns = clock_ns(CLOCK_MONOTONIC);
    r->attempt = 0;
    if (r->i < r->plan.n) {
        return;
    }
    r->n_saved++;
    r->n_in_a_row = 0;
    fetch_say_snapshot(r, true);
    next_snapshot(r);
}

static void miss(struct fetch_run *r, enum fetch_failure failure,
                 const char *why, const struct err *err)
{
    struct err failed = {0};
    r->n_missed++;
    r->n_in_a_row++;
    r->last = *err;
    fetch_say_snapshot(r, false);
    if (!fetch_manifest_missed(r->manifest, r->nth, r->plan.names[r->i],
                               fetch_failure_name(failure), why,
                               clock_ns(CLOCK_REALTIME), &failed)) {
        end_failed(r, &failed);
        return;
    }
    next_snapshot(r);
    if (r->n_in_a_row == MISSED_IN_A_ROW_MAX) {
        r->step = FETCH_ENDED;
    }
}

/* Of this run: it finds out whether the target is right. */
static bool is_first_snapshot(const struct fetch_run *r)
{
    return r->n_saved + r->n_missed == 0;
}

/* The very first request finds out whether the target is right; those after
   it in the first snapshot, whether it has the profile at all. */
static bool is_hopeless(const struct fetch_run *r, enum fetch_failure failure)
{
    const bool may_pass =
        failure == FETCH_FAILURE_BROKEN || failure == FETCH_FAILURE_SERVER;
    const bool may_be_busy =
        failure == FETCH_FAILURE_CONNECT || failure == FETCH_FAILURE_SLOW;
    if (failure == FETCH_FAILURE_HERE || r->plan.count == 1) {
        return true;
    }
    return is_first_snapshot(r) && !may_pass && (r->i == 0 || !may_be_busy);
}

/* A while before asking again; false when the next snapshot is due by then. */
static bool will_retry(struct fetch_run *r, enum fetch_failure failure)
{
    const int64_t interval_ns = r->plan.interval_ns;
    const struct fetch_retry policy = {
        .tries_max = TRIES_MAX,
        .first_ns = interval_ns < 4 * SECOND_NS ? interval_ns / 4 : SECOND_NS,
        .max_ns = 10 * SECOND_NS,
    };
    if (!fetch_retry_is_worth(failure, r->has_answered) ||
        r->attempt + 1 >= policy.tries_max) {
        return false;
    }
    const int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    const int64_t due_ns =
        now_ns + fetch_retry_delay_ns(&policy, r->attempt + 1,
                                      XXH3_64bits(&now_ns, sizeof(now_ns)));
    if (due_ns >= r->begun_ns + interval_ns) {
        return false;
    }
    r->attempt++;
    r->due_ns = due_ns;
    r->step = FETCH_DUE;
    return true;
}

/* Not every process has Go's proof of leaks: the others go on without. */
static bool is_absent(const struct fetch_run *r, long status)
{
    return status == 404 && fetch_plan_is_proof(&r->plan, r->i) &&
           is_first_snapshot(r) && r->plan.n > 1;
}

static void leave_out(struct fetch_run *r)
{
    struct err err = {0};
    fetch_say_absent(r, r->i);
    if (!fetch_manifest_absent(r->manifest, r->plan.names[r->i],
                               clock_ns(CLOCK_REALTIME), &err)) {
        end_failed(r, &err);
        return;
    }
    fetch_plan_drop(&r->plan, r->i);
    next_profile(r);
}

static void handle_failure(struct fetch_run *r, enum fetch_failure failure,
                           long status, struct err *err)
{
    r->has_answered |= failure != FETCH_FAILURE_CONNECT;
    if (err->code == ERR_FORMAT) {
        err_wrap(err, "not a whole profile");
    }
    if (is_absent(r, status)) {
        leave_out(r);
        return;
    }
    if (will_retry(r, failure)) {
        return;
    }
    if (status == 404 && fetch_plan_is_proof(&r->plan, r->i)) {
        err_set(err, err->code, "HTTP status 404; " FETCH_PROOF_HINT);
    }
    struct err named = *err;
    /* What fails here has nothing to do with who was asked. */
    if (failure != FETCH_FAILURE_HERE) {
        err_wrap(&named, "%s%s", r->plan.shown.data, r->plan.names[r->i]);
    }
    if (is_hopeless(r, failure)) {
        end_failed(r, &named);
    } else {
        miss(r, failure, err->text, &named);
    }
}

/* The answer is what was asked for: it takes its place, and then has a line
   in the manifest. */
static bool keep(struct fetch_run *r, const struct snapshot *s, struct err *err)
{
    const char *slash = strrchr(r->path.data, '/');
    struct fetch_saved saved = {
        .file = slash + 1,
        .profile = r->plan.names[r->i],
        .nth = r->nth,
        .taken_ns = r->asked_unix_ns,
        .took_ns = clock_ns(CLOCK_MONOTONIC) - r->asked_ns,
        .n_bytes = fetch_answer_bytes(r->answer),
    };
    fetch_answer_digest(r->answer, saved.digest);
    struct fetch_answer *answer = r->answer;
    r->answer = NULL;
    if (!fetch_answer_end(answer, true, err)) {
        return false;
    }
    r->n_files++;
    if (fetch_plan_is_trace(&r->plan, r->i)) {
        fetch_describe_trace(saved.n_bytes, &r->line);
    } else {
        fetch_describe(s, saved.profile, &r->line);
    }
    return fetch_manifest_saved(r->manifest, &saved, err);
}

static void drop_answer(struct fetch_run *r)
{
    struct err ignored = {0};
    const bool ok = fetch_answer_end(r->answer, false, &ignored);
    (void)ok;
    r->answer = NULL;
}

/* True: all of it is there, and is what was asked for. */
static bool take(struct fetch_run *r, enum fetch_failure *failure,
                 struct err *err)
{
    struct snapshot s = {0};
    bool ok = *failure == FETCH_FAILURE_NONE &&
              fetch_answer_read(r->answer, &s, err) &&
              (fetch_plan_is_trace(&r->plan, r->i) ||
               fetch_profile_check(r->plan.names[r->i], &s, err));
    if (!ok) {
        *failure = fetch_answer_failure(r->answer, *failure, err);
    } else if (r->path.len > 0 && !keep(r, &s, err)) {
        *failure = FETCH_FAILURE_HERE;
        ok = false;
    }
    drop_answer(r);
    snapshot_release(&s);
    return ok;
}

static void on_answer(void *ctx, const struct fetch_result *result)
{
    struct fetch_run *r = ctx;
    struct err err = result->err;
    enum fetch_failure failure = result->failure;
    if (!take(r, &failure, &err)) {
        handle_failure(r, failure, result->status, &err);
        return;
    }
    r->has_answered = true;
    if (r->path.len == 0) {
        r->is_second = true;
    } else {
        r->is_second = false;
        r->i++;
    }
    next_profile(r);
}

/* --- asking --- */

/* The first proof may be incomplete, and is not kept. */
static bool make_names(struct fetch_run *r, struct err *err)
{
    buf_clear(&r->path);
    buf_clear(&r->url);
    fetch_plan_url(&r->plan, r->i, &r->url);
    if (!fetch_plan_is_proof(&r->plan, r->i) || r->is_second) {
        buf_printf(&r->path, "%s/", r->directory.data);
        fetch_plan_file(&r->plan, r->i, r->nth, &r->path);
    }
    return buf_check(&r->path, "name", err) && buf_check(&r->url, "URL", err);
}

static void ask(struct fetch_run *r)
{
    struct err err = {0};
    r->asked_ns = clock_ns(CLOCK_MONOTONIC);
    r->asked_unix_ns = clock_ns(CLOCK_REALTIME);
    bool ok =
        make_names(r, &err) &&
        fetch_answer_new(r->path.len > 0 ? r->path.data : NULL,
                         fetch_plan_is_trace(&r->plan, r->i), &r->answer, &err);
    if (ok) {
        const struct fetch_request request = {
            .url = r->url.data,
            .sink = fetch_answer_sink(r->answer),
            .more_ns = fetch_plan_lasts_ns(&r->plan, r->i),
            .has_secrets = fetch_plan_has_secrets(&r->plan),
            .ctx = r,
            .done = on_answer,
        };
        r->step = FETCH_ASKED;
        ok = fetch_pool_start(r->pool, &request, &err);
    }
    if (!ok) {
        drop_answer(r);
        end_failed(r, &err);
    }
}

void fetch_run_step(struct fetch_run *r, int64_t now_ns)
{
    if (r->step == FETCH_DUE && r->due_ns <= now_ns) {
        ask(r);
    }
}

int64_t fetch_run_due_ns(const struct fetch_run *r)
{
    return r->step == FETCH_DUE ? r->due_ns : INT64_MAX;
}

bool fetch_run_is_over(const struct fetch_run *r)
{
    return fetch_run_done(r) >= r->plan.count;
}

uint64_t fetch_run_done(const struct fetch_run *r)
{
    return r->n_before + r->n_missed_before + r->n_saved + r->n_missed;
}

void fetch_run_fail(struct fetch_run *r, const struct err *err)
{
    if (r->step != FETCH_ENDED) {
        end_failed(r, err);
    }
}

/* --- the end --- */

static int status_of(const struct fetch_run *r, int signal)
{
    if (r->has_failed) {
        return r->status;
    }
    if (r->step != FETCH_ENDED) {
        return 128 + signal;
    }
    return r->n_missed + r->n_missed_before > 0 ? STATUS_FAILED : STATUS_OK;
}

int fetch_run_close(struct fetch_run *r, int signal)
{
    struct err err = {0};
    int status = status_of(r, signal);
    drop_answer(r);
    const char *how = fetch_say_end(r);
    if (r->n_files + r->n_files_before == 0) {
        fetch_manifest_remove(r->manifest);
    } else if (!fetch_manifest_ended(r->manifest, how, r->n_before + r->n_saved,
                                     r->n_missed_before + r->n_missed,
                                     clock_ns(CLOCK_REALTIME), &err) &&
               !r->has_failed) {
        status = console_fail(NULL, &err);
    }
    fetch_manifest_free(r->manifest);
    r->manifest = NULL;
    fetch_place_undo(&r->place);
    return status;
}

void fetch_run_release(struct fetch_run *r)
{
    fetch_plan_release(&r->plan);
    buf_release(&r->directory);
    buf_release(&r->path);
    buf_release(&r->url);
    buf_release(&r->line);
}
