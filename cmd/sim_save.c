/* `seep sim NAME -o DIR`: a series of snapshots with the truth beside it. */
#include "sim_modes.h"

#include "console.h"
#include "files.h"

#include "base/limits.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is written at each moment, heap and goroutine first. */
static const struct {
    enum sim_profile profile;
    int debug;
    const char *suffix;
} forms[] = {
    {SIM_HEAP,          0, "heap.pb.gz"          },
    {SIM_GOROUTINE,     0, "goroutine.pb.gz"     },
    {SIM_ALLOCS,        0, "allocs.pb.gz"        },
    {SIM_HEAP,          1, "heap.debug1.txt"     },
    {SIM_GOROUTINE,     1, "goroutine.debug1.txt"},
    {SIM_GOROUTINE,     2, "goroutine.debug2.txt"},
    {SIM_GOROUTINELEAK, 0, "goroutineleak.pb.gz" },
};
enum { N_FORMS = sizeof(forms) / sizeof(forms[0]), RUNS_MAX = 1000 };

struct saving {
    struct session *session;
    const struct sim_cmd_options *options;
    struct sim_options model;
    struct sim_world *world;
    const char *folder; /* DIR/NAME */
    const char *run;    /* DIR/NAME/seed-7 */
    unsigned digits;    /* of the snapshots' numbers, for sorting */
};

static char *path_in(struct session *s, const char *folder, const char *name,
                     struct err *err)
{
    char *path = arena_printf(s->arena, "%s/%s", folder, name);
    if (path == NULL) {
        (void)err_nomem(err, "a path");
    }
    return path;
}

static bool save_form(struct saving *v, unsigned number, size_t form,
                      struct err *err)
{
    struct buf out = BUF_LIMIT(LIMIT_FILE_BYTES);
    char *path = arena_printf(v->session->arena, "%s/%0*u.%s", v->run,
                              (int)v->digits, number, forms[form].suffix);
    if (path == NULL) {
        return err_nomem(err, "a path");
    }
    const bool ok = sim_profile_write(v->world, forms[form].profile,
                                      forms[form].debug, &out, err) &&
                    file_write(path, buf_view(&out), err);
    buf_release(&out);
    return ok;
}

static bool save_moment(struct saving *v, unsigned number, struct err *err)
{
    const int64_t at = (int64_t)(number + 1) * v->model.interval_ns;
    const bool is_last = number + 1 == v->model.n_snapshots;
    if (!sim_world_run(v->world, at, err)) {
        return false;
    }
    /* A heap dump comes after a collection; its profiles are of that state. */
    if ((v->options->collects || (is_last && v->options->heap_dump)) &&
        !sim_world_collect(v->world, err)) {
        return false;
    }
    for (size_t i = 0; i < N_FORMS; i++) {
        if (sim_world_offers(v->world, forms[i].profile) &&
            !save_form(v, number, i, err)) {
            return false;
        }
    }
    return true;
}

static bool save_dump(struct saving *v, struct err *err)
{
    struct buf program = BUF_LIMIT(LIMIT_FILE_BYTES);
    struct file_writer *file = NULL;
    char *dump = path_in(v->session, v->run, "end.heapdump", err);
    char *binary = path_in(v->session, v->run, v->model.scenario->service, err);
    if (dump == NULL || binary == NULL || !file_writer_new(dump, &file, err)) {
        return false;
    }
    struct sink sink = file_writer_sink(file);
    bool ok = sim_dump_write(v->world, &sink, err);
    ok = file_writer_end(file, ok, err);
    ok = ok && sim_program_write(v->world, &program, err) &&
         file_write(binary, buf_view(&program), err);
    buf_release(&program);
    return ok;
}

/* --- the truth --- */

static int by_name(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* Runs of the scenario that lie in its folder already, this one among them. */
static bool save_truth(struct saving *v, struct err *err)
{
    const char *runs[RUNS_MAX];
    size_t n = 0;
    struct buf out = BUF_LIMIT((size_t)1 << 20);
    DIR *d = opendir(v->folder);
    if (d == NULL) {
        return err_set(err, ERR_IO, "%s: cannot read: %s", v->folder,
                       err_system(errno).text);
    }
    const struct dirent *e = NULL;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread reads `d` */
    while (n < RUNS_MAX && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "seed-", 5) == 0) {
            runs[n] = arena_strdup(v->session->arena, span_of(e->d_name));
            n += runs[n] != NULL;
        }
    }
    closedir(d);
    qsort(runs, n, sizeof(runs[0]), by_name);
    char *path = path_in(v->session, v->folder, "scenario.json", err);
    const bool ok = path != NULL &&
                    sim_truth_write(&v->model, runs, n, &out, err) &&
                    file_write(path, buf_view(&out), err);
    buf_release(&out);
    return ok;
}

/* --- one scenario --- */

static bool has_files(const char *folder)
{
    DIR *d = opendir(folder);
    bool has = false;
    const struct dirent *e = NULL;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread reads `d` */
    while (d != NULL && !has && (e = readdir(d)) != NULL) {
        has = e->d_name[0] != '.';
    }
    if (d != NULL) {
        closedir(d);
    }
    return has;
}

static bool save_series(struct saving *v, struct err *err)
{
    const char *name = v->model.scenario->name;
    for (unsigned i = 0; i < v->model.n_snapshots; i++) {
        console_progress(v->session, i, v->model.n_snapshots, name);
        if (!save_moment(v, i, err)) {
            return false;
        }
    }
    return !v->options->heap_dump || save_dump(v, err);
}

static bool save_one(struct session *s, const struct sim_cmd_options *o,
                     const struct sim_scenario *scenario, struct err *err)
{
    struct saving v = {.session = s, .options = o, .digits = 2};
    sim_cmd_model(o, scenario, &v.model);
    for (unsigned n = v.model.n_snapshots - 1; n >= 100; n /= 10) {
        v.digits++;
    }
    v.folder =
        arena_printf(s->arena, "%s/%s", sim_cmd_place(o), scenario->name);
    v.run = v.folder == NULL
                ? NULL
                : arena_printf(s->arena, "%s/seed-%" PRIu64, v.folder, o->seed);
    if (v.run == NULL) {
        return err_nomem(err, "a path");
    }
    if (has_files(v.run)) {
        return err_set(err, ERR_USAGE,
                       "%s has files already; remove it, or choose another "
                       "--seed or -o",
                       v.run);
    }
    bool ok = file_make_directory(v.run, err) &&
              sim_world_new(&v.model, &v.world, err) && save_series(&v, err) &&
              save_truth(&v, err);
    sim_world_free(v.world);
    console_progress_end(s);
    if (ok && !s->common.quiet) {
        console_say("%s: %u snapshot%s, %s", v.run, v.model.n_snapshots,
                    v.model.n_snapshots == 1 ? "" : "s",
                    scenario->label == SIM_LEAK ? "leaking" : "healthy");
    }
    return ok;
}

int sim_save(struct session *s, const struct sim_cmd_options *o,
             const struct words *names)
{
    struct err err = {0};
    const bool all = names->n == 1 && strcmp(names->items[0], "all") == 0;
    size_t n = 0;
    const struct sim_scenario *const *list = sim_scenarios(&n);
    if (sim_cmd_place(o) == NULL) {
        console_say("sim: where to? give a directory with -o DIR");
        return STATUS_FAILED;
    }
    for (size_t i = 0; i < (all ? n : names->n); i++) {
        const struct sim_scenario *one = all ? list[i] : NULL;
        if (!(all || sim_cmd_scenario(names->items[i], &one, &err)) ||
            !save_one(s, o, one, &err)) {
            return console_fail("sim", &err);
        }
    }
    return STATUS_OK;
}
