#include "leaks_store.h"

#include "base/num.h"
#include "base/vec.h"
#include "store/store.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* A thousand moments say all that more would, and are judged in a second. */
enum { SNAPSHOTS_MAX = 2048, LIST_BYTES = 150 };

struct choice {
    int64_t id;
    const char *name, *labels;
    uint64_t n_snapshots;
};
VEC_TYPE(choices, struct choice)

struct reading {
    struct session *session;
    const struct leaks_store_options *options;
    struct choices choices;
    struct series *series;
    uint64_t stride; /* only moments that are multiples of it */
    uint64_t n_points, n_left_out;
};

/* --- which target --- */

static bool take_choice(void *ctx, const struct store_target_about *a,
                        struct err *err)
{
    struct reading *r = ctx;
    struct arena *arena = r->session->arena;
    const struct choice c = {a->id.i, arena_strdup(arena, span_of(a->name)),
                             arena_strdup(arena, span_of(a->labels)),
                             a->n_snapshots};
    return (c.name != NULL && c.labels != NULL &&
            choices_push(&r->choices, c)) ||
           err_nomem(err, "targets of the store");
}

static bool is_meant(const struct choice *c, const char *asked)
{
    return asked == NULL || span_has(span_of(c->name), asked);
}

/* "a, b, c, and 17 more": those that `asked` fits. */
static void list(const struct choices *all, const char *asked, struct buf *out)
{
    size_t n_more = 0;
    for (size_t i = 0; i < all->n; i++) {
        const char *name = all->items[i].name;
        if (!is_meant(&all->items[i], asked)) {
            continue;
        }
        if (n_more > 0 || out->len + strlen(name) > LIST_BYTES) {
            n_more++;
            continue;
        }
        buf_printf(out, "%s%s", out->len > 0 ? ", " : "", name);
    }
    if (n_more > 0) {
        buf_printf(out, "%s%zu more", out->len > 0 ? ", and " : "", n_more);
    }
}

static bool refuse(const struct reading *r, const char *asked, size_t n,
                   struct err *err)
{
    struct buf names = BUF_LIMIT(4096);
    list(&r->choices, n > 0 ? asked : NULL, &names);
    const bool ok = buf_check(&names, "targets of the store", err);
    if (ok && n == 0) {
        err_set(err, ERR_USAGE, "--target: no target '%.60s'; there are %s",
                asked, names.data != NULL ? names.data : "none");
    } else if (ok) {
        err_set(err, ERR_USAGE, "%zu targets; choose one with --target: %s", n,
                names.data != NULL ? names.data : "");
    }
    buf_release(&names);
    return false;
}

static bool choose(const struct reading *r, const struct choice **out,
                   struct err *err)
{
    const char *asked = r->options->target;
    size_t n = 0;
    for (size_t i = 0; i < r->choices.n; i++) {
        const struct choice *c = &r->choices.items[i];
        if (asked != NULL && strcmp(c->name, asked) == 0) {
            *out = c;
            return true;
        }
        if (is_meant(c, asked)) {
            *out = c;
            n++;
        }
    }
    if (n == 1) {
        return true;
    }
    return r->choices.n == 0
               ? err_set(err, ERR_UNKNOWN, "nothing was watched into it yet")
               : refuse(r, asked, n, err);
}

static bool read_labels(struct arena *arena, const char *text,
                        struct leaks_store_history *out, struct err *err)
{
    json_t *object = json_loads(text, 0, NULL);
    const size_t n = json_object_size(object);
    out->labels = arena_new(arena, struct report_label, n + 1);
    bool ok = out->labels != NULL;
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(object, name, value)
    {
        if (!ok || !json_is_string(value)) {
            continue;
        }
        struct report_label *l = &out->labels[out->n_labels++];
        l->name = arena_strdup(arena, span_of(name));
        l->value = arena_strdup(arena, span_of(json_string_value(value)));
        ok = l->name != NULL && l->value != NULL;
    }
    json_decref(object);
    return ok || err_nomem(err, "labels");
}

/* --- its points --- */

/* As a directory would name it: digits pair what was taken at one moment. */
static bool source_of(const struct store_point *p, struct buf *out,
                      struct err *err)
{
    const char *ending = ".pb.gz";
    switch (p->point->form) {
    case FORM_TEXT:
        ending = ".debug1.txt";
        break;
    case FORM_DUMP:
        ending = ".debug2.txt";
        break;
    case FORM_PROTO:
    case FORM_OTHER:
        break;
    }
    buf_clear(out);
    buf_printf(out, "%06" PRIu64 ".%s%s", p->moment,
               profile_kind_name(p->point->kind), ending);
    return buf_check(out, "name of a snapshot", err);
}

static bool take_point(void *ctx, const struct store_point *p, struct err *err)
{
    struct reading *r = ctx;
    if (p->moment % r->stride != 0) {
        r->n_left_out++;
        return true;
    }
    struct buf source = BUF_LIMIT(256);
    const bool ok = source_of(p, &source, err) &&
                    series_add_point(r->series, source.data, p->point, err);
    buf_release(&source);
    r->n_points++;
    return ok;
}

static int64_t since(const struct leaks_store_options *o)
{
    if (o->since_ns == 0) {
        return INT64_MIN;
    }
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return sub_sat_i64((int64_t)now.tv_sec * 1000000000 + now.tv_nsec,
                       o->since_ns);
}

static bool read_points(struct reading *r, struct store *store,
                        struct stack_table *t, const struct choice *c,
                        struct leaks_store_history *out, struct err *err)
{
    const store_target target = {c->id};
    const int64_t since_nanos = since(r->options);
    uint64_t n = 0;
    if (!store_count_points(store, target, since_nanos, &n, err)) {
        return false;
    }
    for (r->stride = 1; n / r->stride > SNAPSHOTS_MAX;) {
        r->stride *= 2;
    }
    if (!store_each_point(store, target, since_nanos, t, take_point, r, err)) {
        return false;
    }
    if (r->n_points == 0) {
        return err_set(err, ERR_UNKNOWN, "no snapshots of %.120s%s", c->name,
                       r->options->since_ns != 0 ? " since then" : "");
    }
    if (r->n_left_out > 0) {
        out->note = arena_printf(
            r->session->arena,
            "of %" PRIu64 " snapshots those of every %" PRIu64
            "%s moment are used; --since takes in fewer, and all of them",
            n, r->stride, r->stride == 2 ? "nd" : "th");
        return out->note != NULL || err_nomem(err, "notes");
    }
    return true;
}

bool leaks_store_read(struct session *session,
                      const struct leaks_store_options *o,
                      struct stack_table *t, struct series *series,
                      struct leaks_store_history *out, struct err *err)
{
    struct store *store = NULL;
    struct reading r = {.session = session, .options = o, .series = series};
    const struct choice *c = NULL;
    *out = (struct leaks_store_history){0};
    bool ok = store_open(o->path, &(struct store_options){.is_read_only = true},
                         &store, err) &&
              store_each_target(store, take_choice, &r, err) &&
              choose(&r, &c, err);
    if (ok && c != NULL) {
        out->target = c->name;
        ok = read_labels(session->arena, c->labels, out, err) &&
             read_points(&r, store, t, c, out, err);
    }
    choices_release(&r.choices);
    store_close(store);
    return ok;
}
