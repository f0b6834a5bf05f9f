/*
 * Lines become runs while they come, so that a patch takes no more memory than
 * its text. Functions are kept by name: the line of a frame decides between
 * them where it can.
 */
#include "review/patch_private.h"

#include "base/sort.h"

#include <stdlib.h>

#include "base/banned.h"

/* Of one file; generated ones have some thousands. */
enum { FUNCTIONS_MAX = 1 << 16 };

/* --- making one --- */

struct patch *patch_new(void)
{
    return calloc(1, sizeof(struct patch));
}

static void release_file(struct patch_file *f)
{
    line_runs_release(&f->added);
    line_runs_release(&f->deleted);
    touched_functions_release(&f->functions);
}

void patch_free(struct patch *p)
{
    if (p == NULL) {
        return;
    }
    for (size_t i = 0; i < p->files.n; i++) {
        release_file(&p->files.items[i]);
    }
    patch_files_release(&p->files);
    patch_renames_release(&p->renames);
    free(p->by_name);
    arena_release(&p->arena);
    free(p);
}

struct patch_file *patch_add_file(struct patch *p, struct span name,
                                  struct span old_name, struct err *err)
{
    struct patch_file f = {.name = arena_strdup(&p->arena, name)};
    f.old_name = old_name.len != 0 ? arena_strdup(&p->arena, old_name) : f.name;
    if (f.name == NULL || f.old_name == NULL ||
        !patch_files_push(&p->files, f)) {
        (void)err_nomem(err, "files of the patch");
        return NULL;
    }
    return &p->files.items[p->files.n - 1];
}

bool patch_add_line(struct patch_file *f, char sign, uint32_t line,
                    struct err *err)
{
    struct line_runs *runs = sign == '+' ? &f->added : &f->deleted;
    if (!line_runs_reserve(runs, runs->n + 1)) {
        return err_nomem(err, "lines of the patch");
    }
    struct line_run *next = &runs->items[runs->n];
    if (runs->n != 0 && line == next[-1].last + 1) {
        next[-1].last = line;
    } else {
        *next = (struct line_run){line, line};
        runs->n++;
    }
    return true;
}

static int by_name(const void *a, const void *b, const void *ctx)
{
    const struct patch *p = ctx;
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    const int order =
        strcmp(p->files.items[left].name, p->files.items[right].name);
    return order != 0 ? order : (left > right) - (left < right);
}

static int by_line(const void *a, const void *b, const void *ctx)
{
    const struct line_run *left = a;
    const struct line_run *right = b;
    (void)ctx;
    return left->first != right->first
               ? (left->first > right->first) - (left->first < right->first)
               : (left->last > right->last) - (left->last < right->last);
}

/* In rising order, none within another. */
static void merge_runs(struct line_runs *runs)
{
    size_t n = 0;
    sort_items(runs->items, runs->n, sizeof(*runs->items), by_line, NULL);
    for (size_t i = 0; i < runs->n; i++) {
        const struct line_run next = runs->items[i];
        if (n != 0 && next.first <= runs->items[n - 1].last) {
            struct line_run *last = &runs->items[n - 1];
            last->last = next.last > last->last ? next.last : last->last;
        } else {
            runs->items[n++] = next;
        }
    }
    runs->n = n;
}

static int by_function(const void *a, const void *b, const void *ctx)
{
    const struct go_function *left = a;
    const struct go_function *right = b;
    (void)ctx;
    const int name = span_compare(left->name, right->name);
    const int receiver = span_compare(left->receiver, right->receiver);
    if (name != 0 || receiver != 0) {
        return name != 0 ? name : receiver;
    }
    return left->first_line != right->first_line
               ? (left->first_line > right->first_line) -
                     (left->first_line < right->first_line)
               : (left->last_line > right->last_line) -
                     (left->last_line < right->last_line);
}

static void merge_functions(struct touched_functions *f)
{
    size_t n = 0;
    sort_items(f->items, f->n, sizeof(*f->items), by_function, NULL);
    for (size_t i = 0; i < f->n; i++) {
        if (n == 0 || by_function(&f->items[n - 1], &f->items[i], NULL) != 0) {
            f->items[n++] = f->items[i];
        }
    }
    f->n = n < FUNCTIONS_MAX ? n : FUNCTIONS_MAX;
}

static bool take_runs(struct line_runs *to, const struct line_runs *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (!line_runs_push(to, from->items[i])) {
            return false;
        }
    }
    return true;
}

static bool take_functions(struct touched_functions *to,
                           const struct touched_functions *from)
{
    for (size_t i = 0; i < from->n; i++) {
        if (!touched_functions_push(to, from->items[i])) {
            return false;
        }
    }
    return true;
}

/* All of one name become the first of them: a patch may name one file a
   million times, and each frame asks for all of its file. */
static bool merge_file(struct patch *p, size_t start, size_t end)
{
    struct patch_file *f = &p->files.items[p->by_name[start]];
    for (size_t i = start + 1; i < end; i++) {
        struct patch_file *next = &p->files.items[p->by_name[i]];
        if (!take_runs(&f->added, &next->added) ||
            !take_runs(&f->deleted, &next->deleted) ||
            !take_functions(&f->functions, &next->functions)) {
            return false;
        }
        f->is_unfit |= next->is_unfit;
        f->is_deleted = next->is_deleted; /* as the last one leaves it */
        release_file(next);
        *next = (struct patch_file){.name = NULL};
    }
    if (end > start + 1) {
        merge_runs(&f->added);
        merge_runs(&f->deleted);
        merge_functions(&f->functions);
    }
    return true;
}

/* False: out of memory. */
static bool merge_files(struct patch *p)
{
    for (size_t start = 0, end = 0; start < p->files.n; start = end) {
        const char *name = p->files.items[p->by_name[start]].name;
        for (end = start + 1; end < p->files.n; end++) {
            if (strcmp(p->files.items[p->by_name[end]].name, name) != 0) {
                break;
            }
        }
        if (!merge_file(p, start, end)) {
            return false;
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < p->files.n; i++) {
        if (p->files.items[i].name != NULL) {
            p->files.items[n++] = p->files.items[i];
        }
    }
    p->files.n = n;
    return true;
}

static void sort_names(struct patch *p)
{
    for (size_t i = 0; i < p->files.n; i++) {
        p->by_name[i] = (uint32_t)i;
    }
    sort_items(p->by_name, p->files.n, sizeof(*p->by_name), by_name, p);
}

static void count_unfit(struct patch *p)
{
    for (size_t i = p->files.n; i > 0; i--) {
        const struct patch_file *f = &p->files.items[i - 1];
        p->unfit.n += f->is_unfit;
        p->unfit.first = f->is_unfit ? f->name : p->unfit.first;
    }
}

bool patch_finish(struct patch *p, struct err *err)
{
    p->by_name = calloc(p->files.n + 1, sizeof(*p->by_name));
    if (p->by_name == NULL) {
        return err_nomem(err, "files of the patch");
    }
    const size_t n = p->files.n;
    sort_names(p);
    if (!merge_files(p)) {
        return err_nomem(err, "files of the patch");
    }
    if (p->files.n < n) {
        sort_names(p);
    }
    count_unfit(p);
    return patch_renames_resolve(&p->renames, err);
}

/* --- functions --- */

/* Index of the first run that does not end before `line`. */
static size_t first_from(const struct line_runs *runs, uint32_t line)
{
    size_t low = 0;
    size_t high = runs->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (runs->items[middle].last < line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool has_line_in(const struct line_runs *runs,
                        const struct go_function *f)
{
    const size_t i = first_from(runs, f->first_line);
    return i < runs->n && runs->items[i].first <= f->last_line;
}

static bool copy_name(struct arena *arena, struct span *name)
{
    const char *copy = arena_strdup(arena, *name);
    name->p = copy;
    return copy != NULL;
}

bool patch_add_function(struct patch *p, struct patch_file *f,
                        const struct go_function *function, struct err *err)
{
    struct go_function kept = *function;
    if (f->functions.n >= FUNCTIONS_MAX) {
        return true;
    }
    return (copy_name(&p->arena, &kept.receiver) &&
            copy_name(&p->arena, &kept.name) &&
            touched_functions_push(&f->functions, kept)) ||
           err_nomem(err, "functions of the patch");
}

/* Lines of the old version say nothing about the new one: there the name alone
   is kept. */
static bool add_functions_of(struct patch *p, struct patch_file *f,
                             struct span text, bool is_new, struct err *err)
{
    struct go_scan scan;
    struct go_function function;
    go_scan_begin(&scan, text);
    while (go_scan_next(&scan, &function)) {
        if (!has_line_in(is_new ? &f->added : &f->deleted, &function)) {
            continue;
        }
        if (!is_new) {
            function.first_line = function.last_line = 0;
        }
        if (!patch_add_function(p, f, &function, err)) {
            return false;
        }
    }
    return true;
}

bool patch_add_functions(struct patch *p, struct patch_file *f,
                         struct span old_text, struct span new_text,
                         struct err *err)
{
    return add_functions_of(p, f, new_text, true, err) &&
           add_functions_of(p, f, old_text, false, err) &&
           patch_renames_add(&p->renames, f->old_name, f->name, old_text,
                             new_text, &p->arena, err);
}

/* --- asking --- */

size_t patch_n_files(const struct patch *p)
{
    return p->files.n;
}

const char *patch_file(const struct patch *p, size_t i)
{
    return p->files.items[i].name;
}

bool patch_has_lines(const struct patch *p)
{
    bool has = false;
    for (size_t i = 0; i < p->files.n; i++) {
        has |= p->files.items[i].added.n > 0 || p->files.items[i].deleted.n > 0;
    }
    return has;
}

struct patch_unfit patch_unfit(const struct patch *p)
{
    return p->unfit;
}

bool patch_takes_back(const struct patch *p)
{
    return p->takes_back;
}

bool patch_is_foreign(const struct patch *p, const struct paths_files *files)
{
    enum { ASKED_MAX = 1000 }; /* enough to tell, of whatever a patch names */
    size_t n_asked = 0;
    for (size_t i = 0; i < p->files.n && n_asked < ASKED_MAX; i++) {
        const struct patch_file *f = &p->files.items[i];
        if (f->is_deleted || !span_ends(span_of(f->name), ".go")) {
            continue;
        }
        if (files->has(files->ctx, f->name)) {
            return false;
        }
        n_asked++;
    }
    return n_asked != 0;
}

static bool is_added(const struct patch_file *f, int64_t line)
{
    if (line <= 0 || line > UINT32_MAX) {
        return false;
    }
    const size_t i = first_from(&f->added, (uint32_t)line);
    return i < f->added.n && f->added.items[i].first <= line;
}

static bool is_around(const struct go_function *f, int64_t line)
{
    return f->first_line != 0 && f->first_line <= line && line <= f->last_line;
}

/* A line that was changed in another function than the frame's is another
   version's line. */
static bool is_line_of(const struct patch_file *f, struct span symbol,
                       int64_t line)
{
    bool is_of_another = false;
    for (size_t i = 0; i < f->functions.n; i++) {
        const struct go_function *function = &f->functions.items[i];
        if (is_around(function, line)) {
            if (go_function_is(function, symbol, true)) {
                return true;
            }
            is_of_another = true;
        }
    }
    return !is_of_another;
}

static bool is_function_touched(const struct patch_file *f, struct span symbol,
                                int64_t line)
{
    for (size_t i = 0; i < f->functions.n; i++) {
        const struct go_function *function = &f->functions.items[i];
        if (go_function_is(function, symbol, is_around(function, line))) {
            return true;
        }
    }
    return false;
}

static enum frame_touch touch_of(const struct patch_file *f,
                                 const char *function, int64_t line)
{
    const struct span symbol = span_of(function);
    if (is_added(f, line) && is_line_of(f, symbol, line)) {
        return TOUCH_LINE;
    }
    return is_function_touched(f, symbol, line) ? TOUCH_FUNCTION : TOUCH_NONE;
}

/* Index into by_name of the file of that name, or of the one behind it. */
static size_t find_file(const struct patch *p, const char *path)
{
    size_t low = 0;
    size_t high = p->files.n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (strcmp(p->files.items[p->by_name[middle]].name, path) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct patch_file *patch_file_find(const struct patch *p,
                                         const char *path)
{
    const size_t i = find_file(p, path);
    if (i == p->files.n) {
        return NULL;
    }
    const struct patch_file *f = &p->files.items[p->by_name[i]];
    return strcmp(f->name, path) == 0 ? f : NULL;
}

enum frame_touch patch_touch(const struct patch *p, const char *path,
                             const char *function, int64_t line)
{
    const struct patch_file *f = path != NULL ? patch_file_find(p, path) : NULL;
    return f != NULL ? touch_of(f, function, line) : TOUCH_NONE;
}
