/* What really leaks: told from populations, never from samples. */
#include "sim/world_private.h"

#include <jansson.h>
#include <string.h>

#include "base/banned.h"

static double bucket_bytes(const struct sim_world *w, uint32_t bucket)
{
    return bucket == UINT32_MAX ? 0.0 : (double)w->buckets.items[bucket].bytes;
}

static double sampled_of(const struct sim_population *p)
{
    uint64_t n = p->arrays_sampled;
    for (size_t i = 0; i < p->cohorts.n; i++) {
        for (unsigned m = 0; m < p->spec.n_members; m++) {
            n += p->cohorts.items[i].sampled[m];
        }
    }
    for (size_t i = 0; i < p->ones.n; i++) {
        for (unsigned m = 0; m < p->spec.n_members; m++) {
            n += p->ones.items[i].sampled[m];
        }
    }
    return (double)n;
}

static void add_leaking(const struct sim_world *w,
                        const struct sim_population *p, struct sim_truth *out)
{
    const double n = (double)p->n;
    for (unsigned i = 0; i < p->spec.n_members; i++) {
        const double objects = n * (double)p->spec.members[i].count;
        out->leaked_objects += objects;
        out->leaked_bytes += objects * bucket_bytes(w, p->buckets[i]);
    }
    const double arrays = (double)p->n_arrays;
    out->leaked_objects += arrays;
    out->leaked_bytes += arrays * bucket_bytes(w, p->array_bucket);
    out->leaked_goroutines += n * (double)p->spec.n_goroutines;
    out->leaked_sampled += sampled_of(p);
}

void sim_world_truth(const struct sim_world *w, struct sim_truth *out)
{
    *out = (struct sim_truth){.goroutines = (double)w->n_goroutines + 2};
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        out->live_bytes += (double)b->live * (double)b->bytes;
    }
    for (size_t i = 0; i < w->populations.n; i++) {
        if (w->populations.items[i].spec.is_leak) {
            add_leaking(w, &w->populations.items[i], out);
        }
    }
}

/* --- by site --- */

/* Is `function` the innermost frame of the stack outside the standard
   library? */
static bool is_site(const struct sim_world *w, sim_stack_id stack,
                    const char *function)
{
    size_t n = 0;
    const uint32_t *frames = sim_code_frames(&w->code, stack, &n);
    for (size_t i = 0; i < n; i++) {
        const char *name = sim_frame_function(&w->code, frames[i])->name;
        if (!sim_function_is_std(name)) {
            return strcmp(name, function) == 0;
        }
    }
    return false;
}

static bool is_on_stack(const struct sim_world *w, sim_stack_id stack,
                        const char *function)
{
    size_t n = 0;
    const uint32_t *frames = sim_code_frames(&w->code, stack, &n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(sim_frame_function(&w->code, frames[i])->name, function) ==
            0) {
            return true;
        }
    }
    return false;
}

double sim_truth_site_bytes(const struct sim_world *w, const char *function)
{
    double bytes = 0;
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        if (b->live > 0 && is_site(w, b->stack, function)) {
            bytes += (double)b->live * (double)b->bytes;
        }
    }
    return bytes;
}

double sim_truth_site_published(const struct sim_world *w, const char *function)
{
    double bytes = 0;
    for (size_t i = 0; i < w->buckets.n; i++) {
        const struct sim_bucket *b = &w->buckets.items[i];
        const uint64_t n = b->active.all_allocs - b->active.all_frees;
        if (n > 0 && is_site(w, b->stack, function)) {
            bytes += (double)n * (double)b->bytes;
        }
    }
    return bytes;
}

double sim_truth_site_goroutines(const struct sim_world *w,
                                 const char *function)
{
    double n = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned g = 0; g < p->spec.n_goroutines; g++) {
            const struct sim_goroutine_spec *spec = &p->spec.goroutines[g];
            if (is_on_stack(w, spec->poses[0].stack, function)) {
                n += (double)p->n;
            }
        }
    }
    return n;
}

/* --- means --- */

/* Arrivals behind the state of the heap that a profile shows; before the
   second collection it shows all. */
static double expected_shown(const struct sim_world *w,
                             const struct sim_population *p)
{
    return w->n_gc < 2 ? p->expected : p->expected_shown;
}

/* The backing array as the profile shows it: it follows the entries. */
static double array_shown(const struct sim_world *w,
                          const struct sim_population *p, const char *function)
{
    if (p->array_bucket == UINT32_MAX) {
        return 0.0;
    }
    const struct sim_bucket *b = &w->buckets.items[p->array_bucket];
    return is_site(w, b->stack, function)
               ? (double)(b->active.all_allocs - b->active.all_frees) *
                     (double)b->bytes
               : 0.0;
}

double sim_truth_site_expected_bytes(const struct sim_world *w,
                                     const char *function)
{
    double bytes = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        bytes += array_shown(w, p, function);
        for (unsigned m = 0;
             p->spec.life.kind == SIM_FOREVER && m < p->spec.n_members; m++) {
            if (is_site(w, p->spec.members[m].stack, function)) {
                bytes += expected_shown(w, p) *
                         (double)p->spec.members[m].count *
                         bucket_bytes(w, p->buckets[m]);
            }
        }
    }
    return bytes;
}

double sim_truth_site_expected_goroutines(const struct sim_world *w,
                                          const char *function)
{
    double n = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned g = 0;
             p->spec.life.kind == SIM_FOREVER && g < p->spec.n_goroutines;
             g++) {
            if (is_on_stack(w, p->spec.goroutines[g].poses[0].stack,
                            function)) {
                n += p->expected;
            }
        }
    }
    return n;
}

/* --- scenario.json --- */

static json_t *texts(const char *const *items, size_t n)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < n && items[i] != NULL; i++) {
        (void)json_array_append_new(array, json_string(items[i]));
    }
    return array;
}

static json_t *truth_object(const struct sim_options *o,
                            const char *const *runs, size_t n_runs)
{
    const struct sim_scenario *s = o->scenario;
    const double interval_s = (double)o->interval_ns / (double)SIM_SECOND;
    const bool leaks = s->label == SIM_LEAK;
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:f, s:I, s:s, s:b, s:i, s:s, "
        "s:o, s:o}",
        "scenario", s->name, "number", s->number, "label",
        leaks ? "leak" : "healthy", "kind", s->kind, "culprit",
        texts(s->culprits, SIM_CULPRITS_MAX), "hold", s->hold ? s->hold : "",
        "service", s->service, "interval_s", interval_s, "mem_profile_rate",
        (json_int_t)o->rate_bytes, "notes",
        s->undecidable ? s->undecidable : "", "manifested", leaks, "snapshots",
        (int)o->n_snapshots, "go", sim_go_text(o->go), "visible_growing_frames",
        texts(s->culprits, SIM_CULPRITS_MAX), "runs", texts(runs, n_runs));
}

bool sim_truth_write(const struct sim_options *o, const char *const *runs,
                     size_t n_runs, struct buf *out, struct err *err)
{
    json_t *truth = truth_object(o, runs, n_runs);
    char *text = truth == NULL ? NULL : json_dumps(truth, JSON_INDENT(1));
    json_decref(truth);
    if (text == NULL) {
        return err_nomem(err, "the truth of a scenario");
    }
    buf_str(out, text);
    buf_char(out, '\n');
    free(text);
    return buf_check(out, "the truth of a scenario", err);
}
