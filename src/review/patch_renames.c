/*
 * A function that a patch deletes and one that it adds are the same when their
 * texts are, but for the name: two thirds of the tokens that follow each other,
 * the signature among them, and neither has a better partner. A new leak that
 * takes the place of an old one has another text. Looks are compared pair by
 * pair, so that there is a limit to what is looked at; beyond it nothing is
 * taken for renamed.
 */
#include "review/patch_renames_private.h"

#include "base/sort.h"
#include "profile/profile.h"
#include "review/go_source_private.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/banned.h"

/* A large change of sources has some thousand functions of some hundred
   tokens; what all pairs of them cost is bounded apart. */
enum { FUNCTIONS_MAX = 1 << 14, LOOKS_MAX = 1 << 22 };
static const uint64_t steps_max = UINT64_C(1) << 28;

static const double least_alike = 2.0 / 3;

void patch_renames_release(struct patch_renames *r)
{
    declared_functions_release(&r->items);
    vec_u32_release(&r->looks);
}

static bool nomem(struct err *err)
{
    return err_nomem(err, "functions of the patch");
}

/* --- how a function looks --- */

/* Its own name and that of its receiver are what may have changed. */
static uint32_t token_hash(const struct go_function *f, struct span token)
{
    if (span_eq(token, f->name)) {
        return 1;
    }
    if (f->receiver.len != 0 && span_eq(token, f->receiver)) {
        return 2;
    }
    return (uint32_t)XXH3_64bits(token.p, token.len);
}

static int by_value(const void *pa, const void *pb, const void *ctx)
{
    const uint32_t a = *(const uint32_t *)pa;
    const uint32_t b = *(const uint32_t *)pb;
    (void)ctx;
    return (a > b) - (a < b);
}

static bool add_looks(struct patch_renames *r, const struct go_function *f,
                      struct span text, struct declared *out)
{
    struct go_scan scan;
    struct span token;
    uint32_t last[3] = {0};
    out->first_look = (uint32_t)r->looks.n;
    go_scan_begin(&scan, text);
    while (go_scan_token(&scan, &token)) {
        if (r->looks.n >= LOOKS_MAX) {
            r->is_cut = true;
            break;
        }
        last[0] = last[1];
        last[1] = last[2];
        last[2] = token_hash(f, token);
        if (!vec_u32_push(&r->looks,
                          (uint32_t)XXH3_64bits(last, sizeof last))) {
            return false;
        }
    }
    out->n_looks = (uint32_t)r->looks.n - out->first_look;
    sort_items(r->looks.items + out->first_look, out->n_looks,
               sizeof *r->looks.items, by_value, NULL);
    return true;
}

/* --- what one version declares alone --- */

struct side_function {
    struct go_function function;
    struct span text;
    bool is_new;
};
VEC_TYPE(side_functions, struct side_function)

static bool collect(struct span text, bool is_new, struct side_functions *out)
{
    struct go_scan scan;
    struct go_function f;
    go_scan_begin(&scan, text);
    while (go_scan_next(&scan, &f)) {
        const struct side_function one = {f, go_function_text(&f, text),
                                          is_new};
        if (!side_functions_push(out, one)) {
            return false;
        }
    }
    return true;
}

static int compare_names(struct span receiver_a, struct span name_a,
                         struct span receiver_b, struct span name_b)
{
    const int order = span_compare(name_a, name_b);
    return order != 0 ? order : span_compare(receiver_a, receiver_b);
}

static int by_side(const void *pa, const void *pb, const void *ctx)
{
    const struct side_function *a = pa;
    const struct side_function *b = pb;
    (void)ctx;
    const int order = compare_names(a->function.receiver, a->function.name,
                                    b->function.receiver, b->function.name);
    return order != 0 ? order
                      : (a->is_new > b->is_new) - (a->is_new < b->is_new);
}

static bool copy_span(struct arena *arena, struct span *s)
{
    s->p = arena_strdup(arena, *s);
    return s->p != NULL;
}

static bool declare(struct patch_renames *r, const char *file,
                    const struct side_function *from, struct arena *arena)
{
    struct declared d = {.file = file,
                         .receiver = from->function.receiver,
                         .name = from->function.name,
                         .partner = DECLARED_NONE,
                         .is_new = from->is_new};
    if (r->items.n >= FUNCTIONS_MAX) {
        r->is_cut = true;
        return true;
    }
    return add_looks(r, &from->function, from->text, &d) &&
           copy_span(arena, &d.receiver) && copy_span(arena, &d.name) &&
           declared_functions_push(&r->items, d);
}

static bool declare_alone(struct patch_renames *r, const char *const files[2],
                          struct side_functions *all, struct arena *arena)
{
    sort_items(all->items, all->n, sizeof *all->items, by_side, NULL);
    size_t end = 0;
    for (size_t i = 0; i < all->n; i = end) {
        const struct go_function *f = &all->items[i].function;
        bool has[2] = {false, false};
        for (end = i; end < all->n; end++) {
            const struct go_function *g = &all->items[end].function;
            if (compare_names(f->receiver, f->name, g->receiver, g->name) !=
                0) {
                break;
            }
            has[all->items[end].is_new] = true;
        }
        if (has[0] != has[1] &&
            !declare(r, files[has[1]], &all->items[i], arena)) {
            return false;
        }
    }
    return true;
}

bool patch_renames_add(struct patch_renames *r, const char *old_file,
                       const char *new_file, struct span old_text,
                       struct span new_text, struct arena *arena,
                       struct err *err)
{
    const char *const files[2] = {old_file, new_file};
    struct side_functions all = {0};
    const bool ok = r->is_cut || (collect(old_text, false, &all) &&
                                  collect(new_text, true, &all) &&
                                  declare_alone(r, files, &all, arena));
    side_functions_release(&all);
    return ok || nomem(err);
}

/* --- partners --- */

struct span patch_folder(const char *file)
{
    const struct span path = span_of(file);
    const size_t slash = span_rfind_char(path, '/');
    return span_first(path, slash < path.len ? slash : 0);
}

/* One build of a package has one of a name; files for several systems may have
   one each. */
static int compare_symbols(const struct declared *a, const struct declared *b)
{
    const int folder =
        span_compare(patch_folder(a->file), patch_folder(b->file));
    return folder != 0
               ? folder
               : compare_names(a->receiver, a->name, b->receiver, b->name);
}

static int by_symbol(const void *pa, const void *pb, const void *ctx)
{
    const struct declared *a = pa;
    const struct declared *b = pb;
    (void)ctx;
    const int symbol = compare_symbols(a, b);
    if (symbol != 0) {
        return symbol;
    }
    return a->is_new != b->is_new ? (a->is_new ? 1 : -1)
                                  : strcmp(a->file, b->file);
}

/* What moved from file to file of a package is there before and after. */
static void drop_moved(struct patch_renames *r)
{
    size_t n = 0;
    size_t end = 0;
    struct declared *all = r->items.items;
    sort_items(all, r->items.n, sizeof *all, by_symbol, NULL);
    for (size_t i = 0; i < r->items.n; i = end) {
        bool has[2] = {false, false};
        const struct declared first = all[i];
        for (end = i;
             end < r->items.n && compare_symbols(&first, &all[end]) == 0;
             end++) {
            has[all[end].is_new] = true;
        }
        for (size_t k = i; has[0] != has[1] && k < end; k++) {
            all[n++] = all[k];
        }
    }
    r->items.n = n;
}

/* Share of looks that both have, of those of the longer one. */
static double alike(const struct patch_renames *r, const struct declared *a,
                    const struct declared *b, uint64_t *steps)
{
    const uint32_t *x = r->looks.items + a->first_look;
    const uint32_t *y = r->looks.items + b->first_look;
    const uint32_t most = a->n_looks > b->n_looks ? a->n_looks : b->n_looks;
    const uint32_t least = a->n_looks > b->n_looks ? b->n_looks : a->n_looks;
    uint32_t n = 0;
    *steps += 1;
    if (most == 0 || least < least_alike * most) {
        return 0;
    }
    *steps += most;
    for (uint32_t i = 0, k = 0; i < a->n_looks && k < b->n_looks;) {
        const uint32_t left = x[i];
        const uint32_t right = y[k];
        n += left == right;
        i += left <= right;
        k += right <= left;
    }
    return (double)n / most;
}

/* The partner with the most in common, unless it is one of several. */
struct best {
    double score;
    uint32_t at;
    bool is_shared;
};

/* Texts that are alike are told apart by what of the name stayed. */
static double score_of(const struct patch_renames *r, const struct declared *a,
                       const struct declared *b, uint64_t *steps)
{
    const double score = alike(r, a, b, steps);
    return score < least_alike ? 0
                               : score + 1e-3 * span_eq(a->name, b->name) +
                                     1e-4 * span_eq(a->receiver, b->receiver) +
                                     1e-5 * (strcmp(a->file, b->file) == 0);
}

static void take_best(struct best *b, double score, uint32_t at)
{
    if (score > b->score) {
        *b = (struct best){score, at, false};
    } else if (score > 0 && score >= b->score) {
        b->is_shared = true;
    }
}

/* False: too many to look at. */
static bool find_best(const struct patch_renames *r, struct best *best)
{
    uint64_t steps = 0;
    for (uint32_t i = 0; i < r->items.n; i++) {
        for (uint32_t k = i + 1; k < r->items.n; k++) {
            const struct declared *a = &r->items.items[i];
            const struct declared *b = &r->items.items[k];
            if (a->is_new == b->is_new) {
                continue;
            }
            const double score = score_of(r, a, b, &steps);
            take_best(&best[i], score, k);
            take_best(&best[k], score, i);
            if (steps > steps_max) {
                return false;
            }
        }
    }
    return true;
}

static int by_file(const void *pa, const void *pb, const void *ctx)
{
    const struct declared *a = pa;
    const struct declared *b = pb;
    (void)ctx;
    const int order = strcmp(a->file, b->file);
    return order != 0 ? order : by_symbol(a, b, ctx);
}

bool patch_renames_resolve(struct patch_renames *r, struct err *err)
{
    drop_moved(r);
    sort_items(r->items.items, r->items.n, sizeof *r->items.items, by_file,
               NULL);
    struct best *best = calloc(r->items.n + 1, sizeof *best);
    if (best == NULL) {
        return nomem(err);
    }
    const bool is_known = !r->is_cut && find_best(r, best);
    for (uint32_t i = 0; is_known && i < r->items.n; i++) {
        const struct best *b = &best[i];
        if (b->score > 0 && !b->is_shared && best[b->at].at == i &&
            !best[b->at].is_shared) {
            r->items.items[i].partner = b->at;
        }
    }
    free(best);
    return true;
}

/* --- asking --- */

/* "T" of "(*T[...])", "f" of "f[...]". */
static struct span bare(struct span part)
{
    if (span_starts(part, "(*")) {
        part = span_from(part, 2);
    }
    size_t n = 0;
    while (n < part.len && part.p[n] != '[' && part.p[n] != ')') {
        n++;
    }
    return span_first(part, n);
}

static bool is_function(const struct declared *d, struct span local)
{
    const struct span first = name_part(&local);
    if (d->receiver.len == 0) {
        return !span_starts(first, "(") && span_eq(bare(first), d->name);
    }
    return span_eq(bare(first), d->receiver) && local.len != 0 &&
           span_eq(bare(name_part(&local)), d->name);
}

const struct declared *patch_renames_find(const struct patch_renames *r,
                                          const char *file, struct span local)
{
    size_t low = 0;
    size_t high = r->items.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(r->items.items[middle].file, file) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < r->items.n && strcmp(r->items.items[low].file, file) == 0;
         low++) {
        const struct declared *d = &r->items.items[low];
        if (d->is_new && is_function(d, local)) {
            return d;
        }
    }
    return NULL;
}

bool patch_renames_deletes(const struct patch_renames *r, struct span local)
{
    bool deletes = r->is_cut;
    for (size_t i = 0; !deletes && i < r->items.n; i++) {
        const struct declared *d = &r->items.items[i];
        deletes = !d->is_new && is_function(d, local);
    }
    return deletes;
}
