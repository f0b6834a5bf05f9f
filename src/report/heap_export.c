/* Profiles of a heap dump: chains of holders as stacks, and allocation
   sites. */
#include "report/heap_export.h"

#include "base/gz.h"
#include "profile/profile.h"
#include "report/heap_export_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* --- common to all --- */

/* That of gzip itself and of google/pprof. */
enum { GZIP_LEVEL = 6 };

/* The default of pprof is the last type. */
static struct profile_builder *begin(struct err *err)
{
    struct profile_builder *b = profile_builder_new();
    if (!b) {
        (void)err_nomem(err, "profile of a heap dump");
        return NULL;
    }
    profile_builder_type(b, "inuse_objects", "count");
    profile_builder_type(b, "inuse_space", "bytes");
    profile_builder_period(b, "space", "bytes", 1);
    return b;
}

/* A name that differs from the linker's is taken for one that was demangled;
   pprof would drop what is in parentheses in others. */
static void keep_names(struct profile *p)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        p->functions[i].system_name = (str_id){0};
    }
}

/* Takes the builder over. */
static bool end(struct profile_builder *b, struct buf *out, struct err *err)
{
    struct profile *p = NULL;
    struct buf raw = BUF_LIMIT(SIZE_MAX / 4);
    if (!profile_builder_finish(b, &p, err)) {
        return false;
    }
    keep_names(p);
    const bool ok =
        profile_encode(p, &raw, err) &&
        gz_compress((const uint8_t *)raw.data, raw.len, GZIP_LEVEL, out, err);
    buf_release(&raw);
    profile_free(p);
    return ok;
}

static uint32_t location(struct profile_builder *b, const char *name)
{
    const struct builder_frame frame = {.function = span_of(name)};
    return profile_builder_location(b, 0, PROFILE_NONE, &frame, 1);
}

/* --- chains --- */

static void add_chain(struct profile_builder *b, const struct view_chain *all,
                      const uint32_t *locations, uint32_t chain,
                      struct vec_u32 *stack)
{
    stack->n = 0;
    for (uint32_t at = chain; at != UINT32_MAX; at = all[at].parent) {
        stack->items[stack->n++] = locations[at];
    }
    const int64_t values[] = {(int64_t)all[chain].n_objects,
                              (int64_t)all[chain].bytes};
    profile_builder_sample(b, stack->items, stack->n, values, 2, NULL, 0);
}

static bool write_chains(const struct view_chain *all, size_t n,
                         struct buf *out, struct err *err)
{
    enum { STACK_MAX = 256 }; /* more than a chain ever has */
    struct vec_u32 stack = {0};
    uint32_t *locations = malloc((n + 1) * sizeof *locations);
    struct profile_builder *b = begin(err);
    if (!b || !locations || !vec_u32_reserve(&stack, STACK_MAX)) {
        profile_builder_free(b);
        free(locations);
        vec_u32_release(&stack);
        return err_nomem(err, "profile of a heap dump");
    }
    for (size_t i = 0; i < n; i++) {
        locations[i] = location(b, all[i].frame);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (all[i].n_objects > 0) {
            add_chain(b, all, locations, i, &stack);
        }
    }
    free(locations);
    vec_u32_release(&stack);
    return end(b, out, err);
}

static bool write_paths(struct heap_view *v, const struct heap_facts *facts,
                        const struct heap_export_options *o, struct buf *out,
                        struct err *err)
{
    const struct view_chain *chains = NULL;
    size_t n = 0;
    (void)facts;
    (void)o;
    return heap_view_path_chains(v, &chains, &n, err) &&
           write_chains(chains, n, out, err);
}

static bool write_dominators(struct heap_view *v,
                             const struct heap_facts *facts,
                             const struct heap_export_options *o,
                             struct buf *out, struct err *err)
{
    const struct view_chain *chains = NULL;
    size_t n = 0;
    (void)facts;
    (void)o;
    return heap_view_dominator_chains(v, &chains, &n, err) &&
           write_chains(chains, n, out, err);
}

/* --- allocation sites --- */

/* Where the program asked for memory: frames below are the allocator's own in
   every stack. */
static size_t first_call(const struct heap_bucket *bucket)
{
    const struct span none = {0};
    size_t i = 0;
    while (i < bucket->n_calls &&
           name_origin(bucket->calls[i].function, bucket->calls[i].file,
                       none) == ORIGIN_RUNTIME) {
        i++;
    }
    return i < bucket->n_calls ? i : 0;
}

static void add_site(struct profile_builder *b, struct heap_view *v,
                     const struct view_site *s, struct vec_u32 *stack)
{
    const struct heap_bucket *bucket = s->bucket;
    assert(stack->items);
    stack->n = 0;
    for (size_t i = first_call(bucket); i < bucket->n_calls; i++) {
        const struct heap_call *c = &bucket->calls[i];
        const struct builder_frame frame = {
            .function = span_of(heap_view_function(v, c)),
            .file = c->file,
            .line = c->line < INT64_MAX ? (int64_t)c->line : 0};
        stack->items[stack->n++] =
            profile_builder_location(b, 0, PROFILE_NONE, &frame, 1);
    }
    const int64_t values[] = {(int64_t)s->n_objects, (int64_t)s->bytes};
    profile_builder_sample(b, stack->items, stack->n, values, 2, NULL, 0);
}

static bool write_sites(struct heap_view *v, const struct heap_facts *facts,
                        const struct heap_export_options *o, struct buf *out,
                        struct err *err)
{
    const struct view_site *sites = NULL;
    size_t n = 0;
    uint64_t rate = o->sample_rate;
    struct vec_u32 stack = {0};
    (void)facts;
    if (!heap_view_sites(v, &rate, &sites, &n, err)) {
        return false;
    }
    struct profile_builder *b = begin(err);
    if (!b) {
        return false;
    }
    profile_builder_period(b, "space", "bytes", (int64_t)rate);
    for (size_t i = 0; i < n; i++) {
        if (!vec_u32_reserve(&stack, sites[i].bucket->n_calls + 1)) {
            profile_builder_free(b);
            vec_u32_release(&stack);
            return err_nomem(err, "profile of a heap dump");
        }
        add_site(b, v, &sites[i], &stack);
    }
    vec_u32_release(&stack);
    return end(b, out, err);
}

/* --- the list --- */

static const struct heap_export exports[] = {
    {"pprof",            "shortest ways from roots as stacks, a profile", write_paths    },
    {"pprof-dominators", "the dominator tree as stacks, a profile",
     write_dominators                                                                    },
    {"pprof-sites",      "where what is live was allocated, a profile",   write_sites    },
    {"dot",              "the top of the dominator tree, for Graphviz",   heap_export_dot},
};

const struct heap_export *heap_exports(size_t *n)
{
    *n = sizeof exports / sizeof exports[0];
    return exports;
}

const struct heap_export *heap_export_find(struct span name)
{
    for (size_t i = 0; i < sizeof exports / sizeof exports[0]; i++) {
        if (span_is(name, exports[i].name)) {
            return &exports[i];
        }
    }
    return NULL;
}
