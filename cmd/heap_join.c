/* See heap_join.h. */
#include "heap_join.h"

#include "heap_words.h"

#include "base/buf.h"
#include "report/report.h"
#include "series/series.h"

bool heap_join_load(struct analysis *a, const char *dump, const char *exe,
                    struct heap_join *out, struct err *err)
{
    const struct heap_load_options how = {.dump = dump, .exe = exe};
    *out = (struct heap_join){.dump = dump, .exe = exe};
    if (dump == NULL) {
        return true;
    }
    if (!heap_load(a->session, &how, &out->loaded, err)) {
        a->where = out->loaded.where;
        return false;
    }
    return heap_view_new(&out->loaded.facts, &out->view, err);
}

bool heap_join_run(struct session *session, struct heap_join *j,
                   const struct series *series, struct findings *findings,
                   struct err *err)
{
    const struct dump_evidence e = {.facts = &j->loaded.facts, .view = j->view};
    const struct heap_words words = {.dump = j->dump, .exe = j->exe};
    enum dump_fit fit = DUMP_FITS;
    if (j->dump == NULL) {
        return true;
    }
    if (!rules_dump_fit(&e, series, &fit, err)) {
        return false;
    }
    const char *program = series_about(series)->program;
    if (fit == DUMP_OTHER_PROGRAM) {
        return err_set(err, ERR_MISMATCH,
                       "%.200s is of another program than the profiles%s%.100s:"
                       " they have hardly a function of their own in common",
                       j->dump, program != NULL ? " of " : "",
                       program != NULL ? program : "");
    }
    j->fit = fit;
    if (fit != DUMP_FITS) {
        return true;
    }
    j->is_joined = true;
    return rules_join_dump(&e, NULL, findings, err) &&
           heap_fill_words(session, &words, findings, err);
}

void heap_join_mark(const struct heap_join *j, struct findings *findings)
{
    const struct dump_evidence e = {.facts = &j->loaded.facts};
    if (j->is_joined) {
        rules_see_damage(&e, findings);
    }
}

static const char *reason_left_out(enum dump_fit fit)
{
    return fit == DUMP_OTHER_BUILD
               ? "it is of another build of the program than the profiles "
                 "judged, by the build ids"
               : "it is of another run of the program than the profiles "
                 "judged, "
                 "since some lines had allocated less than at the first of "
                 "them "
                 "and others more than at the last";
}

static bool note_left_out(struct analysis *a, const struct heap_join *j,
                          struct err *err)
{
    const char *note =
        arena_printf(a->session->arena, "%.200s was not joined: %s", j->dump,
                     reason_left_out(j->fit));
    return note != NULL ? analysis_note(a, note, err)
                        : err_nomem(err, "joining a heap dump");
}

static bool note_damage(struct analysis *a, const struct heap_join *j,
                        struct err *err)
{
    struct buf text = BUF_LIMIT(4096);
    heap_report_damage(j->loaded.graph, &text);
    bool ok = buf_check(&text, "damage of a heap dump", err);
    if (ok && text.len > 0) {
        const char *note =
            arena_printf(a->session->arena, "%.200s: %s", j->dump, text.data);
        ok = note != NULL ? analysis_note(a, note, err)
                          : err_nomem(err, "joining a heap dump");
    }
    buf_release(&text);
    return ok;
}

bool heap_join_note(struct analysis *a, const struct heap_join *j,
                    struct err *err)
{
    if (j->dump == NULL) {
        return true;
    }
    return j->is_joined ? note_damage(a, j, err) : note_left_out(a, j, err);
}

bool heap_join_inputs(struct session *session, const struct heap_join *j,
                      const struct series_input **inputs, size_t *n,
                      struct err *err)
{
    if (j->dump == NULL) {
        return true;
    }
    struct series_input *all =
        arena_new(session->arena, struct series_input, *n + 1);
    if (all == NULL) {
        return err_nomem(err, "list of inputs");
    }
    for (size_t i = 0; i < *n; i++) {
        all[i] = (*inputs)[i];
    }
    all[*n] = heap_input(j->dump);
    all[*n].used = j->is_joined;
    all[*n].why = j->is_joined ? NULL
                  : j->fit == DUMP_OTHER_BUILD
                      ? "it is of another build"
                      : "it is of another run of the program";
    *inputs = all;
    *n += 1;
    return true;
}

void heap_join_release(struct heap_join *j)
{
    heap_view_free(j->view);
    heap_loaded_release(&j->loaded);
    *j = (struct heap_join){.dump = NULL};
}
