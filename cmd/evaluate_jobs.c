/*
 * Processes that run the tasks, and the file of their results. Each worker has
 * one task at a time, so that the death of one costs that task only; results
 * come back as lines and are appended to the file whole, so that a run that
 * was stopped goes on where it was. A few workers that died are replaced.
 */
#include "evaluation.h"

#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    DEAD_MAX = 16,
    JOBS_MAX = 256,
    CHUNK_BYTES = 64 * 1024,
    KEY_BYTES = 1024
};

#define LINE_LIMIT_BYTES    ((size_t)16 << 20)
#define RESULTS_LIMIT_BYTES ((size_t)4 << 30)

static const uint32_t no_task = UINT32_MAX;

struct worker {
    pid_t pid;
    int to, from; /* pipes; -1 closed */
    uint32_t task;
    struct buf line;
};

struct jobs {
    struct session *session;
    const struct evaluation_tasks *tasks;
    json_t **results;
    const char *build;
    struct worker workers[JOBS_MAX];
    size_t n_workers, n_dead;
    size_t next, n_done, n_total;
    int file; /* -1 none */
};

static bool fail(struct err *err, const char *what)
{
    return err_set(err, ERR_IO, "%s: %s", what, err_system(errno).text);
}

/* --- keys --- */

const char *evaluation_build(struct arena *arena)
{
    char block[CHUNK_BYTES];
    XXH64_state_t *state = XXH64_createState();
    FILE *f = fopen("/proc/self/exe", "rb");
    const char *text = SEEP_VERSION;

    if (state != NULL && f != NULL && XXH64_reset(state, 0) == XXH_OK) {
        size_t n = 0;

        while ((n = fread(block, 1, sizeof(block), f)) > 0) {
            (void)XXH64_update(state, block, n);
        }
        text = arena_printf(arena, "%s-%016llx", SEEP_VERSION,
                            (unsigned long long)XXH64_digest(state));
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    (void)XXH64_freeState(state);
    return text != NULL ? text : SEEP_VERSION;
}

void evaluation_key(const struct evaluation_task *t, const char *build,
                    struct buf *out)
{
    const struct sim_options *x = &t->setting->model;

    buf_printf(out,
               "%s seed %llu, %u x %lld ns, rate %lld, background %u, go %s, "
               "load %s, noise %g, gogc %g, %s, %s, seep %s",
               t->scenario->name, (unsigned long long)t->seed, x->n_snapshots,
               (long long)x->interval_ns, (long long)x->rate_bytes,
               x->n_background, sim_go_text(x->go),
               x->has_load ? sim_load_names[x->load] : "own", x->noise, x->gogc,
               t->setting->collects ? "gc" : "plain",
               t->judges_all ? "all prefixes" : "few prefixes", build);
}

static json_t *head_of(const struct evaluation_task *t, const char *build)
{
    struct buf key = BUF_LIMIT(KEY_BYTES);

    evaluation_key(t, build, &key);

    json_t *head =
        json_pack("{s:s, s:s, s:s, s:I}", "key", key.data ? key.data : "",
                  "scenario", t->scenario->name, "label",
                  t->scenario->label == SIM_LEAK ? "leak" : "healthy", "seed",
                  (json_int_t)t->seed);

    buf_release(&key);
    return head;
}

/* --- the file --- */

/* A line of the file is the result of a task that has none yet. */
static size_t take_line(struct jobs *j, char *const *keys, const char *line,
                        size_t len)
{
    json_t *result = json_loadb(line, len, 0, NULL);
    const char *key = json_string_value(json_object_get(result, "key"));
    size_t taken = 0;

    for (size_t i = 0; key != NULL && i < j->tasks->n; i++) {
        if (j->results[i] == NULL && strcmp(keys[i], key) == 0) {
            j->results[i] = json_incref(result);
            taken = 1;
            break;
        }
    }
    json_decref(result);
    return taken;
}

/* What a results file begins with; nothing else is written to. */
static bool is_results(struct span text)
{
    return text.len == 0 || span_starts(text, "{\"key\":");
}

static bool read_whole(const char *path, struct buf *out, struct err *err)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    char block[4096];
    size_t n = 0;

    if (f == NULL) {
        return errno == ENOENT || fail(err, path);
    }
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        (void)fclose(f);
        return err_set(err, ERR_USAGE, "--results: %s is no regular file",
                       path);
    }
    while ((n = fread(block, 1, sizeof(block), f)) > 0) {
        buf_add(out, block, n);
    }
    (void)fclose(f);
    return buf_check(out, path, err);
}

/* Results that are there already; a line without an end is cut off. */
static bool resume(struct jobs *j, const char *path, char *const *keys,
                   struct err *err)
{
    struct buf old = BUF_LIMIT(RESULTS_LIMIT_BYTES);
    bool ok = read_whole(path, &old, err);
    struct span rest = buf_view(&old);
    off_t whole = 0;

    while (ok && rest.len > 0) {
        const size_t len = span_find_char(rest, '\n');

        if (!is_results(rest)) {
            ok = err_set(err, ERR_USAGE,
                         "--results: %s holds other things than results; "
                         "choose another file",
                         path);
            break;
        }

        if (len == rest.len) {
            break;
        }
        j->n_done += take_line(j, keys, rest.p, len);
        rest = span_from(rest, len + 1);
        whole += (off_t)len + 1;
    }
    buf_release(&old);
    if (!ok) {
        return false;
    }
    j->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (j->file < 0 || ftruncate(j->file, whole) != 0) {
        return fail(err, path);
    }
    return true;
}

static bool write_whole(int fd, const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t done = write(fd, p, n);

        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* --- a worker --- */

static bool read_task(int fd, uint32_t *task)
{
    ssize_t n = 0;

    do {
        n = read(fd, task, sizeof(*task));
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*task);
}

static bool answer(const struct jobs *j, uint32_t task, int to)
{
    struct err err = {0};
    json_t *result = NULL;
    json_t *line = head_of(&j->tasks->items[task], j->build);
    bool ok = line != NULL &&
              evaluation_run(&j->tasks->items[task], &result, &err) &&
              json_object_update_missing(line, result) == 0;
    char *text = ok ? json_dumps(line, JSON_COMPACT) : NULL;

    ok = text != NULL && write_whole(to, text, strlen(text)) &&
         write_whole(to, "\n", 1);
    free(text);
    json_decref(result);
    json_decref(line);
    return ok;
}

static void work(const struct jobs *j, int from, int to)
{
    uint32_t task = 0;

    while (read_task(from, &task) && answer(j, task, to)) {
    }
}

static void close_end(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
    *fd = -1;
}

static bool start(struct jobs *j, struct worker *w, struct err *err)
{
    int to[2] = {-1, -1}, from[2] = {-1, -1};

    *w = (struct worker){.to = -1, .from = -1, .task = no_task};
    w->line.limit_bytes = LINE_LIMIT_BYTES;
    w->pid = pipe(to) == 0 && pipe(from) == 0 ? fork() : -1;
    if (w->pid < 0) {
        close_end(&to[0]);
        close_end(&to[1]);
        close_end(&from[0]);
        close_end(&from[1]);
        return fail(err, "cannot start a process");
    }
    if (w->pid == 0) {
        /* The other workers' pipes must not stay open here, else they would
           not see their end. */
        for (size_t i = 0; i < j->n_workers; i++) {
            close_end(&j->workers[i].to);
            close_end(&j->workers[i].from);
        }
        close_end(&to[1]);
        close_end(&from[0]);
        work(j, to[0], from[1]);
        _exit(0);
    }
    close_end(&to[0]);
    close_end(&from[1]);
    w->to = to[1];
    w->from = from[0];
    return true;
}

/* --- the parent --- */

static void hand_out(struct jobs *j, struct worker *w)
{
    while (j->next < j->tasks->n && j->results[j->next] != NULL) {
        j->next++;
    }
    w->task = no_task;
    if (j->next < j->tasks->n && w->to >= 0) {
        w->task = (uint32_t)j->next++;
        if (!write_whole(w->to, (const char *)&w->task, sizeof(w->task))) {
            close_end(&w->to); /* its end is seen when its pipe is read */
        }
    } else {
        close_end(&w->to);
    }
}

static bool finish_line(struct jobs *j, struct worker *w, struct err *err)
{
    json_t *result = json_loadb(w->line.data, w->line.len - 1, 0, NULL);

    if (result == NULL || w->task == no_task) {
        json_decref(result);
        return err_set(err, ERR_INTERNAL, "a worker's answer is not JSON");
    }
    j->results[w->task] = result;
    j->n_done++;
    console_progress(j->session, j->n_done, j->n_total,
                     j->tasks->items[w->task].scenario->name);
    if (j->file >= 0 && !write_whole(j->file, w->line.data, w->line.len)) {
        return fail(err, "cannot write results");
    }
    buf_clear(&w->line);
    hand_out(j, w);
    return true;
}

/* A worker that ended. When it died with a task and more are left, another
   takes its place. */
static bool replace(struct jobs *j, struct worker *w, struct err *err)
{
    const bool has_died = w->task != no_task;

    close_end(&w->from);
    close_end(&w->to);
    if (!has_died || j->n_dead > DEAD_MAX || j->next >= j->tasks->n) {
        return true;
    }
    while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    buf_release(&w->line);
    if (!start(j, w, err)) {
        return false;
    }
    hand_out(j, w);
    return true;
}

/* One line an answer, one answer a task: nothing follows its newline. */
static bool listen(struct jobs *j, struct worker *w, struct err *err)
{
    char block[4096];
    const ssize_t n = read(w->from, block, sizeof(block));

    if (n < 0 && errno == EINTR) {
        return true;
    }
    if (n <= 0) {
        if (w->task != no_task) {
            const struct evaluation_task *t = &j->tasks->items[w->task];

            console_say("sim: the process of %s, seed %llu, died",
                        t->scenario->name, (unsigned long long)t->seed);
            j->n_dead++;
        }
        return replace(j, w, err);
    }
    buf_add(&w->line, block, (size_t)n);
    if (!buf_check(&w->line, "a worker's answer", err)) {
        return false;
    }
    return w->line.data[w->line.len - 1] != '\n' || finish_line(j, w, err);
}

static bool wait_once(struct jobs *j, bool *is_over, struct err *err)
{
    struct pollfd polls[JOBS_MAX];
    struct worker *of[JOBS_MAX];
    nfds_t n = 0;

    for (size_t i = 0; i < j->n_workers; i++) {
        if (j->workers[i].from >= 0) {
            polls[n] = (struct pollfd){j->workers[i].from, POLLIN, 0};
            of[n++] = &j->workers[i];
        }
    }
    *is_over = n == 0;
    if (n == 0 || (poll(polls, n, -1) < 0 && errno == EINTR)) {
        return true;
    }
    for (nfds_t i = 0; i < n; i++) {
        if (polls[i].revents != 0 && !listen(j, of[i], err)) {
            return false;
        }
    }
    return true;
}

static size_t n_jobs(const struct evaluate_options *o, size_t n_left)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n = o->n_jobs > 0 ? o->n_jobs : cores > 0 ? (size_t)cores : 1;

    n = n < JOBS_MAX ? n : JOBS_MAX;
    return n < n_left ? n : n_left;
}

static bool run_workers(struct jobs *j, size_t n, struct err *err)
{
    bool ok = true, is_over = false;

    for (size_t i = 0; ok && i < n; i++) {
        ok = start(j, &j->workers[i], err);
        if (ok) {
            j->n_workers++;
            hand_out(j, &j->workers[i]);
        }
    }
    while (ok && !is_over) {
        ok = wait_once(j, &is_over, err);
    }
    for (size_t i = 0; i < j->n_workers; i++) {
        close_end(&j->workers[i].to);
        close_end(&j->workers[i].from);
        buf_release(&j->workers[i].line);
        while (j->workers[i].pid > 0 &&
               waitpid(j->workers[i].pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    console_progress_end(j->session);
    return ok;
}

/* In the session's arena. */
static char **all_keys(const struct jobs *j)
{
    const size_t n = j->tasks->n;
    char **keys = arena_new(j->session->arena, char *, n + 1);
    struct buf key = BUF_LIMIT(KEY_BYTES);

    for (size_t i = 0; keys != NULL && i < n; i++) {
        buf_clear(&key);
        evaluation_key(&j->tasks->items[i], j->build, &key);
        keys[i] =
            arena_printf(j->session->arena, "%s", key.data ? key.data : "");
        keys = keys[i] != NULL ? keys : NULL;
    }
    buf_release(&key);
    return keys;
}

bool evaluation_run_all(struct session *s, const struct evaluate_options *o,
                        const struct evaluation_tasks *tasks, json_t **results,
                        struct err *err)
{
    struct jobs *j = calloc(1, sizeof(*j));
    bool ok = true;

    if (j == NULL) {
        return err_nomem(err, "jobs");
    }
    *j = (struct jobs){.session = s,
                       .tasks = tasks,
                       .results = results,
                       .build = evaluation_build(s->arena),
                       .n_total = tasks->n,
                       .file = -1};
    if (o->results != NULL) {
        char **keys = all_keys(j);

        ok = keys != NULL ? resume(j, o->results, keys, err)
                          : err_nomem(err, "jobs");
    }
    ok = ok && run_workers(j, n_jobs(o, tasks->n - j->n_done), err);
    close_end(&j->file);
    free(j);
    return ok;
}
