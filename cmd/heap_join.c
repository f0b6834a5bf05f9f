/* See heap_join.h. */
#include "heap_join.h"

#include "heap_words.h"

#include "base/buf.h"
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

bool heap_join_note(struct analysis *a, const struct heap_join *j,
                    struct err *err)
{
    if (j->dump == NULL || j->is_joined) {
        return true;
    }
    const char *note = arena_printf(
        a->session->arena,
        j->fit == DUMP_OTHER_BUILD
            ? "%.200s was not joined: it is of another build of the program "
              "than the profiles judged, by the build ids"
            : "%.200s was not joined: it is of another run of the program than "
              "the profiles judged, since some lines had allocated less than "
              "at the first of them and others more than at the last",
        j->dump);
    return note != NULL ? analysis_note(a, note, err)
                        : err_nomem(err, "joining a heap dump");
}

void heap_join_release(struct heap_join *j)
{
    heap_view_free(j->view);
    heap_loaded_release(&j->loaded);
    *j = (struct heap_join){.dump = NULL};
}
