/* See heap_join.h. */
#include "heap_join.h"

#include "heap_words.h"

#include "base/buf.h"
#include "series/series.h"

static bool check_fit(struct analysis *a, const struct dump_evidence *e,
                      const struct series *series, const char *dump,
                      bool *is_joined, struct err *err)
{
    enum dump_fit fit = DUMP_FITS;
    if (!rules_dump_fit(e, series, &fit, err)) {
        return false;
    }
    *is_joined = fit == DUMP_FITS;
    const char *program = series_about(series)->program;
    if (fit == DUMP_OTHER_PROGRAM) {
        return err_set(err, ERR_MISMATCH,
                       "%.200s is of another program than the profiles%s%.100s:"
                       " they have hardly a function in common",
                       dump, program != NULL ? " of " : "",
                       program != NULL ? program : "");
    }
    if (fit == DUMP_FITS) {
        return true;
    }
    const char *note = arena_printf(
        a->session->arena,
        "%.200s was not joined: it is of another run of the program than the "
        "profiles judged, since some lines had allocated less than at the "
        "first "
        "of them and others more than at the last",
        dump);
    return note != NULL ? analysis_note(a, note, err)
                        : err_nomem(err, "joining a heap dump");
}

bool heap_join_run(struct analysis *a, const struct series *series,
                   const char *dump, const char *exe, struct heap_join *out,
                   struct findings *findings, struct err *err)
{
    if (dump == NULL) {
        return true;
    }
    const struct heap_load_options how = {.dump = dump, .exe = exe};
    if (!heap_load(a->session, &how, &out->loaded, err)) {
        a->where = out->loaded.where;
        return false;
    }
    if (!heap_view_new(&out->loaded.facts, &out->view, err)) {
        return false;
    }
    const struct dump_evidence e = {.facts = &out->loaded.facts,
                                    .view = out->view};
    const struct heap_words words = {.dump = dump, .exe = exe};
    bool is_joined = false;
    return check_fit(a, &e, series, dump, &is_joined, err) &&
           (!is_joined || (rules_join_dump(&e, NULL, findings, err) &&
                           heap_fill_words(a->session, &words, findings, err)));
}

void heap_join_release(struct heap_join *j)
{
    heap_view_free(j->view);
    heap_loaded_release(&j->loaded);
    *j = (struct heap_join){.view = NULL};
}
