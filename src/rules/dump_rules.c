/*
 * From dumps to findings: candidates (dump_held.c, dump_goroutines.c), grades
 * and texts (dump_findings.c), the verdict. Pure: the same dumps give the same
 * findings.
 */
#include "rules/dump_rules.h"

#include "rules/compose_private.h"
#include "rules/dump_private.h"

#include <math.h>

#include "base/banned.h"

static bool add_findings(struct dump_judge *j, struct findings *out,
                         struct err *err)
{
    size_t cap = 0;
    for (size_t i = 0; i < j->candidates.n; i++) {
        struct finding f;
        if (!dump_has_room(j, 2 * sizeof f * (uint64_t)cap, err) ||
            !dump_finding_of(j, &j->candidates.items[i], &f, err) ||
            (f.rule && !findings_push(out, &cap, &f, err))) {
            return false;
        }
    }
    findings_sort(out);
    return true;
}

/* One dump says nothing about growth: what is not suspect is not proven
   healthy, but there is nothing to say against it. */
static enum verdict verdict_of(const struct dump_judge *j,
                               const struct findings *f)
{
    if (f->n > 0 && f->items[0].grade > GRADE_INFO) {
        return f->items[0].grade >= GRADE_STRONG ? VERDICT_LEAK
                                                 : VERDICT_GROWTH;
    }
    return j->e->facts->types ? VERDICT_CLEAN : VERDICT_INCONCLUSIVE;
}

/* A profile that is on misses this much, at the default rate, once in ten
   million times. */
static const uint64_t sampled_bytes = UINT64_C(16) * 512 * 1024;

static const char *why_no_samples(const struct dump_judge *j)
{
    const struct heap_about *about = heap_graph_about(j->e->facts->graph);
    return about->has_memstats && about->memstats->total_alloc < sampled_bytes
               ? "no allocation was sampled, so that no lines can be named: "
                 "the program has not allocated enough for that, or the heap "
                 "profile was off"
               : "the dump has no allocation samples, so that no lines can be "
                 "named: the heap profile was off. The linker turns it off in "
                 "programs that use neither runtime/pprof nor "
                 "net/http/pprof";
}

static bool add_notes(struct dump_judge *j, struct findings *out,
                      struct err *err)
{
    enum { NOTES_MAX = 3 };
    const char **notes = arena_new(j->arena, const char *, NOTES_MAX);
    if (!notes) {
        return err_nomem(err, "notes");
    }
    out->notes = notes;
    if (!j->e->facts->types) {
        notes[out->n_notes++] =
            "without the binary (--exe) nothing tells a map from a table, nor "
            "what goroutines wait for: most suspects cannot be named";
    }
    if (j->before && !rules_dump_is_whole(j->before)) {
        notes[out->n_notes++] =
            "the first dump is not whole: what it lacks would look like "
            "growth, so that none is reported";
    }
    /* They are at the end of a dump: one that was cut off cannot tell. */
    if (!dump_has_samples(j->e) && rules_dump_is_whole(j->e)) {
        notes[out->n_notes++] = why_no_samples(j);
    }
    return true;
}

static bool finish(struct dump_judge *j, struct findings *out, bool ok,
                   struct err *err)
{
    ok = ok && add_findings(j, out, err) && add_notes(j, out, err);
    if (ok && out->arena.has_failed) {
        ok = err_nomem(err, "judging a heap dump");
    }
    out->limits = (struct limits){.heap_bytes = NAN, .goroutines = NAN};
    if (ok) {
        out->verdict = verdict_of(j, out);
        rules_see_damage(j->e, out);
        if (j->before) {
            rules_see_damage(j->before, out);
        }
    }
    dump_judge_end(j);
    if (!ok) {
        findings_release(out);
        return false;
    }
    out->kinds = PROFILE_BIT(KIND_HEAPDUMP);
    out->is_comparison = j->before != NULL;
    out->oom = (struct out_of_memory){
        .seconds = NAN, .seconds_low = NAN, .seconds_high = NAN};
    return true;
}

bool rules_judge_dump(const struct dump_evidence *e,
                      const struct dump_options *options, struct findings *out,
                      struct err *err)
{
    struct dump_judge j;
    struct dump_rows rows;
    *out = (struct findings){0};
    bool ok = dump_judge_begin(&j, e, options, &out->arena, err);
    ok = ok && dump_rows_read(&j, e, j.options.min_share, &rows, err) &&
         dump_add_held(&j, &rows, j.options.min_share * j.total_bytes, err) &&
         dump_add_goroutines(&j, err);
    dump_drop_told(&j);
    ok = ok && dump_add_pinned(&j, err) && dump_add_duplicates(&j, err);
    return finish(&j, out, ok, err);
}

/* Rows of less are left out of a comparison. */
static const double share_compared = 0.002;

bool rules_judge_dump_growth(const struct dump_evidence *before,
                             const struct dump_evidence *after,
                             const struct dump_options *options,
                             struct findings *out, struct err *err)
{
    struct dump_judge j;
    struct dump_rows rows;
    struct dump_rows rows_before;
    *out = (struct findings){0};
    bool ok = dump_judge_begin(&j, after, options, &out->arena, err);
    j.before = before;
    ok = ok && dump_rows_read(&j, after, share_compared, &rows, err) &&
         dump_rows_read(&j, before, share_compared / 10, &rows_before, err) &&
         dump_rows_compare(&j, &rows, &rows_before, err);
    const double growth = j.total_bytes - (double)heap_retained_bytes(
                                              before->facts->dominators, 0);
    const double least =
        fmin(j.options.min_bytes, fmax(growth * j.options.min_share, 65536));
    ok = ok && dump_add_held(&j, &rows, least, err) &&
         dump_add_goroutines(&j, err);
    dump_drop_told(&j);
    return finish(&j, out, ok, err);
}
