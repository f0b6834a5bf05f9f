/* See heap_compare.h. Both dumps are in memory at once: what is new is told by
   looking each object up in the other. */
#include "heap_compare.h"

#include "console.h"

#include "report/report.h"

#include <math.h>
#include <string.h>

static const char *undecided(const struct findings *f)
{
    const bool is_open =
        f->verdict == VERDICT_INCONCLUSIVE && f->limits.advice == NULL;
    return is_open ? "the dump could not show enough" : NULL;
}

void heap_gate_into(const struct heap_gate *g, const struct findings *f,
                    struct report *r)
{
    r->has_patch = g->has_patch;
    r->anchor = review_anchor(g->review);
    r->gate = &g->gate.report;
    r->undecided = gate_undecided(f, &g->gate, undecided(f));
}

bool heap_gate_note(const struct heap_gate *g, struct findings *f,
                    struct err *err)
{
    const struct config *c = review_config(g->review);
    if (isnan(c->min_bytes) && isnan(c->min_goroutines) &&
        isnan(c->min_growth)) {
        return true;
    }
    return findings_note(f,
                         "min-bytes, min-goroutines and min-growth of "
                         ".seep.yml are not for heap dumps: the options "
                         "--min-bytes and --min-goroutines are",
                         err);
}

int heap_gate_status(const struct heap_gate *g, const struct findings *f,
                     const struct outputs *outputs)
{
    return gate_status(f, &g->gate, undecided(f), outputs);
}

/* A binary that was forced is of another program, as like as not. */
const char *heap_program(const struct heap_loaded *l,
                         const struct heap_words *w)
{
    size_t n = 0;
    if (w->exe == NULL || l->binary == NULL || l->note != NULL) {
        return NULL;
    }
    (void)binary_symbols(l->binary, &n);
    return n > 0 ? text_base_name(w->exe) : NULL;
}

const char *heap_report_program(const struct heap_words *w)
{
    return w->exe != NULL ? text_base_name(w->exe) : "dump";
}

struct compared {
    struct heap_loaded loaded;
    struct heap_report report;
};

static bool load(struct session *s, const struct heap_load_options *how,
                 size_t n_max, struct compared *out, struct err *err)
{
    if (!heap_load(s, how, &out->loaded, err)) {
        return false;
    }
    out->report =
        (struct heap_report){.facts = &out->loaded.facts, .n_max = n_max};
    return heap_report_new(&out->report, err);
}

static struct dump_evidence evidence_of(const struct compared *c)
{
    return (struct dump_evidence){.facts = &c->loaded.facts,
                                  .view = c->report.view};
}

/* Two dumps of one service, the earlier one first. */
static bool check_order(const struct heap_compare_options *o,
                        const struct compared *before,
                        const struct compared *after, struct err *err)
{
    const struct dump_evidence a = evidence_of(before);
    const struct dump_evidence b = evidence_of(after);
    bool is_other = false;
    if (heap_is_same_process(b.facts->graph, a.facts->graph) &&
        !heap_is_same_process(a.facts->graph, b.facts->graph)) {
        return err_set(err, ERR_USAGE,
                       "heap diff: %.200s was taken before %.200s: name the "
                       "earlier one first",
                       o->after.dump, o->before.dump);
    }
    if (o->after.is_forced) {
        return true;
    }
    return rules_dumps_differ(&a, &b, &is_other, err) &&
           (!is_other ||
            err_set(err, ERR_MISMATCH,
                    "%.200s and %.200s are of two programs: they have hardly "
                    "a variable in common (--force compares them)",
                    o->before.dump, o->after.dump));
}

static int show(struct session *s, const struct heap_compare_options *o,
                struct compared *before, struct compared *after)
{
    struct err err = {0};
    struct findings findings = {0};
    const struct dump_evidence a = evidence_of(before);
    const struct dump_evidence b = evidence_of(after);
    const struct heap_words words = {
        .dump = o->after.dump, .exe = o->after.exe, .is_compared = true};
    bool ok = check_order(o, before, after, &err) &&
              heap_report_diff(&before->report, &after->report, &err) &&
              rules_judge_dump_growth(&a, &b, &o->judge, &findings, &err) &&
              heap_fill_words(s, &words, &findings, &err);
    findings.program = heap_program(&after->loaded, &words);
    ok = ok && review_mark(o->gate->review, &findings, NULL, &err) &&
         heap_gate_note(o->gate, &findings, &err);
    if (ok) {
        const struct series_input inputs[] = {heap_input(o->before.dump),
                                              heap_input(o->after.dump)};
        struct report report = {.tool_version = SEEP_VERSION,
                                .command = "heap diff",
                                .target = o->after.dump,
                                .inputs = inputs,
                                .n_inputs = 2,
                                .program = heap_report_program(&words),
                                .findings = &findings};
        heap_gate_into(o->gate, &findings, &report);
        heap_report_note(&after->report, before->loaded.note);
        heap_report_note(&after->report, after->loaded.note);
        heap_report_into(&after->report, &report);
        ok = outputs_write_report(o->outputs, s, &report, &err);
    }
    const int status = ok ? heap_gate_status(o->gate, &findings, o->outputs)
                          : console_fail(NULL, &err);
    findings_release(&findings);
    return status;
}

int heap_compare_run(struct session *s, const struct heap_compare_options *o)
{
    struct err err = {0};
    struct compared before = {.report = {.n_max = 0}};
    struct compared after = {.report = {.n_max = 0}};
    int status = STATUS_FAILED;
    if (!load(s, &o->before, o->n_max, &before, &err)) {
        status = console_fail(before.loaded.where, &err);
    } else if (!load(s, &o->after, o->n_max, &after, &err)) {
        status = console_fail(after.loaded.where, &err);
    } else {
        status = show(s, o, &before, &after);
    }
    heap_report_release(&after.report);
    heap_report_release(&before.report);
    heap_loaded_release(&after.loaded);
    heap_loaded_release(&before.loaded);
    return status;
}
