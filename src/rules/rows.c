/*
 * Facts of every row: where it allocates or blocks, whose code that is. The
 * user's module is found from main.main when the program was built from the
 * module cache, where every file looks like a dependency's.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "rules/memory_private.h"

#include <string.h>

enum { ORIGIN_UNKNOWN = 255 };

static enum frame_origin origin_of(struct judge *j,
                                   const struct series_frame *f)
{
    if (j->origin[f->func] == ORIGIN_UNKNOWN) {
        j->origin[f->func] = (uint8_t)name_origin(span_of(f->function),
                                                  span_of(f->file), j->module);
    }
    return (enum frame_origin)j->origin[f->func];
}

/* The frame the user answers for: innermost of user code, else of a
   dependency; n when there is neither. */
static size_t find_site(struct judge *j, size_t n, bool *is_user)
{
    size_t dep = n;
    for (size_t i = 0; i < n; i++) {
        const enum frame_origin o = origin_of(j, &j->frames.items[i]);
        if (o == ORIGIN_USER) {
            *is_user = true;
            return i;
        }
        if (o == ORIGIN_DEP && dep == n) {
            dep = i;
        }
    }
    *is_user = false;
    return dep;
}

static void find_operation(struct judge *j, struct row_facts *r, size_t site,
                           size_t n)
{
    const struct series_frame *f = j->frames.items;
    r->operation = f[site].func;
    for (size_t i = site; i < n; i++) {
        const enum frame_origin o = origin_of(j, &f[i]);
        const bool is_own =
            o == ORIGIN_USER || (!r->is_user && o == ORIGIN_DEP);
        if (!is_own && o != ORIGIN_DEP) {
            return;
        }
        if (is_own) {
            r->operation = f[i].func;
        }
    }
}

static bool is_profiler(const struct series_frame *f, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (series_is_profiler_function(f[i].function)) {
            return true;
        }
    }
    return false;
}

static bool has_function(const struct series_frame *f, size_t n,
                         const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(f[i].function, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_ticker(const struct series_frame *f, size_t n)
{
    return has_function(f, n, "time.NewTicker") ||
           has_function(f, n, "time.Tick");
}

/* Runs once in the life of each Transport, in all versions of Go with HTTP/2,
   and what it makes lives as long. */
static bool is_transport(const struct series_frame *f, size_t n)
{
    return has_function(f, n, "net/http.(*Transport).onceSetNextProtoDefaults");
}

static struct frame frame_of(struct judge *j, const struct series_frame *f)
{
    return (struct frame){.function = f->function,
                          .file = f->file,
                          .package = "",
                          .line = f->line,
                          .origin = origin_of(j, f)};
}

/* Wait states and baselines are read from frames; a scratch copy serves. */
static bool classify(struct judge *j, struct row_facts *r, uint32_t row,
                     size_t n, struct err *err)
{
    struct frame *frames = calloc(n + 1, sizeof *frames);
    if (!frames) {
        return err_nomem(err, "classifying stacks");
    }
    for (size_t i = 0; i < n; i++) {
        frames[i] = frame_of(j, &j->frames.items[i]);
    }
    const char *key = NULL;
    const char *status = NULL;
    const bool has_status = series_row_label(j->s, row, 0, &key, &status) &&
                            strcmp(key, SERIES_STATUS) == 0;
    r->primitive = (uint8_t)(has_status ? primitive_of_status(status, frames, n)
                                        : primitive_of(frames, n));
    r->is_baseline = evidence_is_baseline(frames, n) != NULL;
    r->is_listener = evidence_is_listener(frames, n);
    r->is_pool = evidence_is_pool(frames, n) != NULL;
    r->is_idle_client = evidence_is_idle_client(frames, n);
    free(frames);
    return true;
}

/* --- from judgement to judgement --- */

static uint32_t with_id(const struct judge *j, uint32_t func)
{
    return func == NO_FUNC ? NO_FUNC : series_func_id(j->s, func);
}

static uint32_t without_id(const struct judge *j, uint32_t id)
{
    return id == NO_FUNC ? NO_FUNC : series_func_of_id(j->s, id);
}

/* What is remembered of a row, if that is enough: false when it must be looked
   at. Of a row of the heap what goroutines wait in is not asked. */
static bool recall(const struct judge *j, uint32_t row, bool is_goroutine)
{
    const struct memory_row *m =
        j->memory ? memory_find_row(j->memory, series_row_id(j->s, row)) : NULL;
    if (!m || (is_goroutine && !m->is_classified)) {
        return false;
    }
    struct row_facts *r = &j->rows[row];
    *r = m->facts;
    r->site = without_id(j, r->site);
    r->operation = without_id(j, r->operation);
    r->leaf = without_id(j, r->leaf);
    r->outermost = without_id(j, r->outermost);
    if (!is_goroutine) {
        r->primitive = PRIMITIVE_OTHER;
        r->is_baseline = r->is_listener = false;
        r->is_pool = r->is_idle_client = false;
    }
    return true;
}

static bool is_among(const struct vec_u32 *ids, size_t first, uint32_t id)
{
    for (size_t i = first; i < ids->n; i++) {
        if (ids->items[i] == id) {
            return true;
        }
    }
    return false;
}

/* The user functions of the row in j->frames, from its site outwards. */
static bool remember_parents(const struct judge *j, const struct row_facts *r,
                             struct memory_row *m, struct err *err)
{
    struct vec_u32 *ids = &j->memory->parents;
    m->first_parent = (uint32_t)ids->n;
    for (size_t i = r->site_at; r->site != NO_FUNC && i < j->frames.n; i++) {
        const uint32_t func = j->frames.items[i].func;
        const uint32_t id = series_func_id(j->s, func);
        if (j->origin[func] == ORIGIN_USER &&
            !is_among(ids, m->first_parent, id) && !vec_u32_push(ids, id)) {
            return err_nomem(err, "remembering stacks");
        }
    }
    m->n_parents = (uint32_t)ids->n - m->first_parent;
    return true;
}

static bool remember(const struct judge *j, uint32_t row, bool is_goroutine,
                     struct err *err)
{
    if (!j->memory) {
        return true;
    }
    const struct row_facts *r = &j->rows[row];
    struct memory_row m = {.facts = *r, .is_classified = is_goroutine};
    m.facts.site = with_id(j, r->site);
    m.facts.operation = with_id(j, r->operation);
    m.facts.leaf = with_id(j, r->leaf);
    m.facts.outermost = with_id(j, r->outermost);
    for (size_t i = 0; i < j->frames.n; i++) {
        const uint32_t func = j->frames.items[i].func;
        if (!memory_put_origin(j->memory, series_func_id(j->s, func),
                               j->origin[func], err)) {
            return false;
        }
    }
    return remember_parents(j, r, &m, err) &&
           memory_put_row(j->memory, series_row_id(j->s, row), &m, err);
}

static void recall_origins(const struct judge *j)
{
    const uint32_t n = series_n_funcs(j->s);
    for (uint32_t f = 0; j->memory && f < n; f++) {
        uint8_t origin = ORIGIN_UNKNOWN;
        if (memory_find_origin(j->memory, series_func_id(j->s, f), &origin)) {
            j->origin[f] = origin;
        }
    }
}

/* --- filling --- */

static bool look_at_row(struct judge *j, uint32_t row, bool is_goroutine,
                        struct err *err)
{
    struct row_facts *r = &j->rows[row];
    j->frames.n = 0;
    if (!series_row_frames(j->s, row, &j->frames, err)) {
        return false;
    }
    const struct series_frame *f = j->frames.items;
    const size_t n = j->frames.n;
    *r = (struct row_facts){.site = NO_FUNC,
                            .operation = NO_FUNC,
                            .leaf = NO_FUNC,
                            .outermost = NO_FUNC,
                            .is_known = true};
    r->is_profiler = is_profiler(f, n);
    r->is_ticker = is_ticker(f, n);
    r->is_transport = is_transport(f, n);
    for (size_t i = 0; i < n; i++) {
        (void)origin_of(j, &f[i]); /* of every function, for j->origin */
    }
    const size_t site = find_site(j, n, &r->is_user);
    if (site < n) {
        r->site = f[site].func;
        r->site_at = (uint32_t)site;
        r->site_line = (uint32_t)f[site].line;
        find_operation(j, r, site, n);
        r->is_context =
            site > 0 && strncmp(f[site - 1].function, "context.With", 12) == 0;
    }
    for (size_t i = 0; i < n && r->leaf == NO_FUNC; i++) {
        if (origin_of(j, &f[i]) != ORIGIN_RUNTIME) {
            r->leaf = f[i].func;
        }
    }
    if (n > 0) {
        r->outermost = f[n - 1].func;
    }
    return (!is_goroutine || classify(j, r, row, n, err)) &&
           remember(j, row, is_goroutine, err);
}

static bool fill_row(struct judge *j, uint32_t row, bool is_goroutine,
                     struct err *err)
{
    return j->rows[row].is_known || recall(j, row, is_goroutine) ||
           look_at_row(j, row, is_goroutine, err);
}

static bool fill_plane(struct judge *j, enum series_plane plane,
                       struct err *err)
{
    for (size_t i = 0; i < series_n_points(j->s, plane); i++) {
        size_t n = 0;
        const struct series_cell *c = series_cells(j->s, plane, i, &n);
        for (size_t k = 0; k < n; k++) {
            if (!fill_row(j, c[k].row, plane != PLANE_HEAP, err)) {
                return false;
            }
        }
    }
    return true;
}

static bool fill_dumps(struct judge *j, struct err *err)
{
    size_t n = 0;
    const struct series_dump *dumps = series_dumps(j->s, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < dumps[i].n; k++) {
            if (!fill_row(j, dumps[i].items[k].row, true, err)) {
                return false;
            }
        }
    }
    return true;
}

/* "/root/go/pkg/mod/github.com/!foo/bar@v1.2.3/cmd/x/main.go" ->
   "github.com/Foo/bar"; empty when the file is in no module cache. */
static bool module_of_file(struct judge *j, struct span file, struct err *err)
{
    const size_t at = span_find_char(file, '@');
    const size_t mod = span_find(file, "/pkg/mod/");
    if (at == file.len) {
        return true;
    }
    struct span path = span_first(file, at);
    if (mod < path.len) {
        path = span_from(path, mod + strlen("/pkg/mod/"));
    }
    struct buf b = BUF_LIMIT(4096);
    for (size_t i = 0; i < path.len; i++) {
        if (path.p[i] == '!' && i + 1 < path.len && path.p[i + 1] >= 'a' &&
            path.p[i + 1] <= 'z') {
            i++;
            buf_char(&b, (char)(path.p[i] - 'a' + 'A'));
        } else {
            buf_char(&b, path.p[i]);
        }
    }
    const char *module = arena_strdup(j->arena, buf_view(&b));
    const bool ok = module && buf_check(&b, "module path", err);
    buf_release(&b);
    j->module = span_of(module);
    return ok || err_nomem(err, "finding the module");
}

/* No file is called so: the row has no main.main. */
static const char no_main[] = "\n";

/* The file of the row's main.main, or no_main. */
static bool main_file(struct judge *j, struct rules_memory *memory,
                      uint32_t row, const char **file, struct err *err)
{
    bool known = false;
    *file = memory_main_file(memory, j->s, row, &known);
    if (known) {
        return true;
    }
    *file = no_main;
    j->frames.n = 0;
    if (!series_row_frames(j->s, row, &j->frames, err)) {
        return false;
    }
    for (size_t k = 0; k < j->frames.n; k++) {
        const struct series_frame *f = &j->frames.items[k];
        if (strcmp(f->function, "main.main") == 0) {
            *file = f->file;
            break;
        }
    }
    return memory_put_main_file(memory, j->s, row, *file, err);
}

static bool find_module(struct judge *j, struct rules_memory *memory,
                        struct err *err)
{
    j->module = span_of(series_module(j->s));
    if (j->module.len > 0) {
        return true;
    }
    for (int plane = 0; plane < N_PLANES; plane++) {
        const size_t points = series_n_points(j->s, (enum series_plane)plane);
        if (points == 0) {
            continue;
        }
        size_t n = 0;
        const struct series_cell *c =
            series_cells(j->s, (enum series_plane)plane, points - 1, &n);
        for (size_t i = 0; i < n; i++) {
            const char *file = no_main;
            if (!main_file(j, memory, c[i].row, &file, err)) {
                return false;
            }
            if (*file != *no_main) {
                return module_of_file(j, span_of(file), err);
            }
        }
    }
    return true;
}

static bool open_memory(struct judge *j, struct rules_memory *memory,
                        struct err *err)
{
    struct err own = {0};
    j->memory = memory_open(memory, j->s, j->module, &own);
    if (own.code == ERR_NOMEM) {
        return err_nomem(err, "remembering stacks");
    }
    recall_origins(j);
    return true;
}

bool judge_rows(struct judge *j, struct err *err)
{
    j->n_rows = series_n_rows(j->s);
    const size_t n_funcs = series_n_funcs(j->s);
    j->origin = malloc(n_funcs + 1);
    j->rows = calloc((size_t)j->n_rows + 1, sizeof *j->rows);
    if (!j->origin || !j->rows) {
        return err_nomem(err, "looking at stacks");
    }
    memset(j->origin, ORIGIN_UNKNOWN, n_funcs + 1);
    struct rules_memory *memory = j->options ? j->options->memory : NULL;
    return find_module(j, memory, err) && open_memory(j, memory, err) &&
           fill_plane(j, PLANE_GOROUTINE, err) &&
           fill_plane(j, PLANE_LEAK, err) && fill_dumps(j, err) &&
           fill_plane(j, PLANE_HEAP, err);
}

bool judge_frames(struct judge *j, uint32_t row, struct frame **out, size_t *n,
                  struct err *err)
{
    j->frames.n = 0;
    if (!series_row_frames(j->s, row, &j->frames, err)) {
        return false;
    }
    *n = j->frames.n;
    *out = arena_new(j->arena, struct frame, j->frames.n + 1);
    if (!*out) {
        return err_nomem(err, "copying a stack");
    }
    for (size_t i = 0; i < *n; i++) {
        const struct series_frame *f = &j->frames.items[i];
        struct frame *o = &(*out)[i];
        *o = frame_of(j, f);
        o->function = arena_strdup(j->arena, span_of(f->function));
        o->file = arena_strdup(j->arena, span_of(f->file));
        o->package = arena_strdup(j->arena, name_package(span_of(f->function)));
        if (!o->function || !o->file || !o->package) {
            return err_nomem(err, "copying a stack");
        }
    }
    return true;
}
