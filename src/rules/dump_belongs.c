/*
 * Does a heap dump belong to the profiles it is given with? A dump names no
 * program, but its binary has a build id and all functions of package main.
 * Without it functions on stacks are compared with those of the profiles; and
 * always how often each was sampled since the process began, which only grows.
 */
#include "rules/dump_private.h"

#include "base/intern.h"
#include "series/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

/* Names of a program's own functions, of their packages, and of those in
   package main. */
struct names {
    struct intern functions, packages, mains;
};

struct comparison {
    struct names profiles, dump;
    size_t n_same_functions, n_same_packages, n_same_mains;
    struct buf word;
};

static bool is_own(struct span function, struct span file)
{
    return name_origin(function, file, SPAN_LIT("")) <= ORIGIN_DEP &&
           !span_eq(function, SPAN_LIT("main.main")) &&
           !span_starts(function, "main.init");
}

/* A name in package main that no two programs have by chance: the compiler
   gives main.main and its closures theirs. */
static bool is_mains(struct span function)
{
    return span_starts(function, "main.") &&
           !span_starts(function, "main.main.") &&
           is_own(function, SPAN_LIT(""));
}

static bool add_text(struct intern *names, struct span text, struct err *err)
{
    uint32_t id = 0;
    return intern_add(names, text, &id, err);
}

static bool add_function(struct comparison *c, struct names *to,
                         struct span function, struct span file,
                         struct err *err)
{
    const struct span package = name_package(function);
    if (!is_own(function, file)) {
        return true;
    }
    buf_clear(&c->word);
    name_normalise(&c->word, function);
    return add_text(&to->functions, buf_view(&c->word), err) &&
           (!is_mains(function) ||
            add_text(&to->mains, buf_view(&c->word), err)) &&
           (span_eq(package, SPAN_LIT("main")) ||
            add_text(&to->packages, package, err));
}

static bool add_dump(struct comparison *c, const struct heap_graph *g,
                     struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < heap_n_buckets(g); i++) {
        const struct heap_bucket *b = heap_bucket_at(g, i);
        for (size_t k = 0; ok && k < b->n_calls; k++) {
            ok = add_function(c, &c->dump, b->calls[k].function,
                              b->calls[k].file, err);
        }
    }
    for (uint32_t i = 0; ok && i < heap_n_goroutines(g); i++) {
        const struct graph_goroutine *r = heap_goroutine_at(g, i);
        for (uint32_t k = 0; ok && k < r->n_frames; k++) {
            const char *name = heap_frame_at(g, r->first_frame + k)->function;
            ok = add_function(c, &c->dump, span_of(name ? name : ""),
                              SPAN_LIT(""), err);
        }
    }
    return ok;
}

static size_t count_same(const struct intern *a, const struct intern *b)
{
    size_t n_same = 0;
    for (uint32_t i = 0; i < intern_count(a); i++) {
        uint32_t id = 0;
        n_same += intern_find(b, span_of(intern_text(a, i)), &id);
    }
    return n_same;
}

static bool compare(struct comparison *c, const struct heap_graph *g,
                    const struct series *s, struct err *err)
{
    bool ok = add_dump(c, g, err);
    for (uint32_t i = 0; ok && i < series_n_funcs(s); i++) {
        ok = add_function(c, &c->profiles, span_of(series_func_name(s, i)),
                          SPAN_LIT(""), err);
    }
    c->n_same_functions =
        count_same(&c->dump.functions, &c->profiles.functions);
    c->n_same_packages = count_same(&c->dump.packages, &c->profiles.packages);
    c->n_same_mains = count_same(&c->dump.mains, &c->profiles.mains);
    return ok;
}

static void release(struct comparison *c)
{
    intern_release(&c->dump.functions);
    intern_release(&c->dump.packages);
    intern_release(&c->dump.mains);
    intern_release(&c->profiles.functions);
    intern_release(&c->profiles.packages);
    intern_release(&c->profiles.mains);
    buf_release(&c->word);
}

static size_t least_of(const struct intern *a, const struct intern *b)
{
    const size_t n_a = intern_count(a);
    const size_t n_b = intern_count(b);
    return n_a < n_b ? n_a : n_b;
}

/* Of few names it is no wonder that none is in both; and one or two, such as
   closures of a shared kit, any two programs may have. Packages that both
   import say nothing where package main is another. */
static bool is_other_program(const struct comparison *c)
{
    enum { NAMES_MIN = 3, ONE_IN = 10 };
    const size_t n = least_of(&c->dump.functions, &c->profiles.functions);
    const size_t n_mains = least_of(&c->dump.mains, &c->profiles.mains);
    return (n >= NAMES_MIN && c->n_same_packages == 0 &&
            c->n_same_functions * ONE_IN < n) ||
           (n_mains >= NAMES_MIN && c->n_same_mains == 0);
}

/* --- the binary --- */

enum build { BUILD_UNKNOWN, BUILD_SAME, BUILD_OTHER };

static enum build compare_builds(const struct dump_evidence *e,
                                 const struct series *s)
{
    const char *of_profiles = series_about(s)->build_id;
    const struct binary *b = e->facts->binary;
    const char *of_dump = b ? binary_build_id(b) : "";
    if (!of_profiles || *of_dump == '\0') {
        return BUILD_UNKNOWN;
    }
    return strcmp(of_profiles, of_dump) == 0 ? BUILD_SAME : BUILD_OTHER;
}

/* Package main is one program's alone, what it imports may be many programs':
   a binary with none of its functions is another's. */
static bool lacks_mains(const struct dump_evidence *e, const struct series *s)
{
    const struct binary *b = e->facts->binary;
    bool has_any = false;
    if (!b || !(binary_parts(b) & BINARY_FUNCTIONS)) {
        return false;
    }
    for (uint32_t i = 0; i < series_n_funcs(s); i++) {
        const char *name = series_func_name(s, i);
        if (!is_mains(span_of(name))) {
            continue;
        }
        if (binary_has_function(b, name)) {
            return false;
        }
        has_any = true;
    }
    return has_any;
}

/* --- one run --- */

/* Samples of one function's blocks of one size, ever: a process counts them up,
   and no two processes take the same. */
struct counts {
    double first, last, dump;
};

struct counting {
    struct intern names;
    struct counts *items; /* by name */
    size_t n_max;
    struct buf word;
};

static struct counts *counts_of(struct counting *c, const char *name,
                                uint64_t block_bytes, struct err *err)
{
    uint32_t id = 0;
    buf_clear(&c->word);
    name_normalise(&c->word, span_of(name));
    buf_printf(&c->word, " %llu", (unsigned long long)block_bytes);
    if (!buf_check(&c->word, "names of functions", err) ||
        !intern_add(&c->names, buf_view(&c->word), &id, err)) {
        return NULL;
    }
    if (id >= c->n_max) {
        (void)err_set(err, ERR_INTERNAL, "more functions than were counted");
        return NULL;
    }
    return &c->items[id];
}

static const char *site_of_row(const struct series *s,
                               const struct series_frames *frames)
{
    for (size_t i = 0; i < frames->n; i++) {
        const char *name = series_func_name(s, frames->items[i].func);
        if (name_origin(span_of(name), SPAN_LIT(""), SPAN_LIT("")) <=
            ORIGIN_DEP) {
            return name;
        }
    }
    return NULL;
}

static bool count_profiles(struct counting *c, const struct series *s,
                           const struct series_matrix *m, struct err *err)
{
    struct series_frames frames = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->n_groups; i++) {
        const double *born = &m->born[i * m->n_points];
        if (born[m->n_points - 1] <= 0) {
            continue;
        }
        frames.n = 0;
        ok = series_row_frames(s, i, &frames, err);
        const char *name = ok ? site_of_row(s, &frames) : NULL;
        struct counts *at =
            name ? counts_of(c, name, (uint64_t)series_row_block_bytes(s, i),
                             err)
                 : NULL;
        ok = ok && (!name || at);
        if (at) {
            at->first += born[0];
            at->last += born[m->n_points - 1];
        }
    }
    series_frames_release(&frames);
    return ok;
}

static bool count_dump(struct counting *c, const struct dump_evidence *e,
                       struct err *err)
{
    const struct heap_graph *g = e->facts->graph;
    for (size_t i = 0; i < heap_n_buckets(g); i++) {
        const struct heap_bucket *b = heap_bucket_at(g, i);
        const struct heap_call *site = rules_dump_site(b);
        if (!site) {
            continue;
        }
        struct counts *at = counts_of(c, heap_view_function(e->view, site),
                                      b->object_bytes, err);
        if (!at) {
            return false;
        }
        at->dump += (double)b->allocs;
    }
    return true;
}

/* Some counted less than at the first profile, others more than at the last: no
   one process does both, whenever the dump was taken. A function that only one
   of them knows may have been inlined. */
static bool counts_contradict(const struct counting *c)
{
    enum { AT_LEAST = 2 };
    size_t n_below = 0;
    size_t n_above = 0;
    for (size_t i = 0; i < intern_count(&c->names); i++) {
        const struct counts *at = &c->items[i];
        if (at->dump > 0 && at->last > 0) {
            n_below += at->dump < at->first - 0.5;
            n_above += at->dump > at->last + 0.5;
        }
    }
    return n_below >= AT_LEAST && n_above >= AT_LEAST;
}

static bool is_other_run(const struct dump_evidence *e, const struct series *s,
                         bool *out, struct err *err)
{
    const uint32_t n_rows = series_n_rows(s);
    const struct series_grouping each = {.n_groups = n_rows};
    struct series_matrix m;
    *out = false;
    if (series_n_points(s, PLANE_HEAP) == 0) {
        return true;
    }
    if (!series_accumulate_ends(s, PLANE_HEAP, &each, &m, err)) {
        return false;
    }
    struct counting c = {.n_max = n_rows + heap_n_buckets(e->facts->graph),
                         .word = BUF_LIMIT(1 << 16)};
    c.items = calloc(c.n_max + 1, sizeof *c.items);
    const bool ok = (c.items || err_nomem(err, "joining a heap dump")) &&
                    count_profiles(&c, s, &m, err) && count_dump(&c, e, err);
    *out = ok && counts_contradict(&c);
    series_matrix_release(&m);
    intern_release(&c.names);
    buf_release(&c.word);
    free(c.items);
    return ok;
}

bool rules_dump_fit(const struct dump_evidence *e, const struct series *s,
                    enum dump_fit *out, struct err *err)
{
    struct comparison c = {.word = BUF_LIMIT(1 << 16)};
    const enum build build = compare_builds(e, s);
    bool is_again = false;
    const bool ok = compare(&c, e->facts->graph, s, err) &&
                    is_other_run(e, s, &is_again, err);
    const bool is_other =
        build != BUILD_SAME && (lacks_mains(e, s) || is_other_program(&c));
    *out = is_other               ? DUMP_OTHER_PROGRAM
           : build == BUILD_OTHER ? DUMP_OTHER_BUILD
           : is_again             ? DUMP_OTHER_RUN
                                  : DUMP_FITS;
    release(&c);
    return ok;
}

/* --- two dumps --- */

static bool add_variables(const struct heap_graph *g, struct intern *names,
                          struct err *err)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < heap_n_groups(g); i++) {
        const struct root_group *group = heap_group(g, i);
        const struct span name = span_of(group->name);
        if (group->kind == ROOT_GLOBAL && !strchr(group->name, '+') &&
            is_own(name, SPAN_LIT(""))) {
            ok = add_text(names, name, err);
        }
    }
    return ok;
}

bool rules_dumps_differ(const struct dump_evidence *before,
                        const struct dump_evidence *after, bool *out,
                        struct err *err)
{
    struct intern a = {0};
    struct intern b = {0};
    const bool ok = add_variables(before->facts->graph, &a, err) &&
                    add_variables(after->facts->graph, &b, err);
    const size_t n_a = intern_count(&a);
    const size_t n_b = intern_count(&b);
    const size_t n_less = n_a < n_b ? n_a : n_b;
    /* Versions of one program share most; main.mu any two may have. */
    *out = ok && n_less > 0 && count_same(&a, &b) * 2 < n_less;
    intern_release(&a);
    intern_release(&b);
    return ok;
}
