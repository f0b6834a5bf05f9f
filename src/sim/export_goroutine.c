/* Goroutine profiles: goroutines counted by stack and labels, most frequent
   first (runtime/pprof's printCountProfile). */
#include "sim/export_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/sort.h"

#include "base/banned.h"

/* --- groups --- */

/* A line's text, which also is Go's key: "@ 0x1 0x2\n# labels: {..}". */
static bool group_text(struct sim_world *w, const struct sim_group *g,
                       struct vec_u32 *frames, struct buf *out, struct err *err)
{
    buf_clear(out);
    if (!sim_raw_frames(w, g->stack, frames, err)) {
        return false;
    }
    buf_char(out, '@');
    sim_text_pcs(w, frames, out);
    if (g->label_key != NULL) {
        buf_str(out, "\n# labels: {");
        sim_text_quoted(out, g->label_key);
        buf_char(out, ':');
        sim_text_quoted(out, g->label_value);
        buf_char(out, '}');
    }
    return buf_check(out, "a goroutine profile", err);
}

struct grouping {
    struct sim_world *world;
    struct sim_groups *groups;
    struct buf text;
    struct vec_u32 frames;
};

static bool has_label(const struct sim_goroutine *g)
{
    return g->label_key != NULL && g->label_value != NULL;
}

/* The group of a goroutine by what the model knows it by; a new one when there
   is none yet. */
static bool group_of(struct grouping *s, const struct sim_goroutine *g,
                     uint32_t *id, struct err *err)
{
    struct sim_groups *groups = s->groups;
    buf_clear(&s->text);
    buf_add(&s->text, &g->stack.i, sizeof(g->stack.i));
    if (has_label(g)) {
        buf_printf(&s->text, "%s\n%s", g->label_key, g->label_value);
    }
    if (!buf_check(&s->text, "a goroutine profile", err) ||
        !intern_add(&groups->shorts, buf_view(&s->text), id, err)) {
        return false;
    }
    if (*id < groups->list.n) {
        return true;
    }
    struct sim_group group = {.stack = g->stack};
    if (has_label(g)) {
        group.label_key = g->label_key;
        group.label_value = g->label_value;
    }
    if (!group_text(s->world, &group, &s->frames, &s->text, err) ||
        !intern_add(&groups->texts, buf_view(&s->text), &group.key, err)) {
        return false;
    }
    return sim_group_list_push(&groups->list, group) ||
           err_nomem(err, "groups of goroutines");
}

static int most_first(const void *a, const void *b, const void *ctx)
{
    const struct sim_group *x = a;
    const struct sim_group *y = b;
    const struct intern *texts = ctx;
    if (x->n != y->n) {
        return x->n > y->n ? -1 : 1;
    }
    return strcmp(intern_text(texts, x->key), intern_text(texts, y->key));
}

static void groups_release(struct sim_groups *g)
{
    sim_group_list_release(&g->list);
    intern_release(&g->texts);
    intern_release(&g->shorts);
}

static bool fill_groups(struct grouping *s,
                        const struct sim_goroutine_list *list, bool is_leak,
                        struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct sim_goroutine *g = &list->items[i];
        uint32_t id;
        if (is_leak && !g->is_provable) {
            continue;
        }
        if (!group_of(s, g, &id, err)) {
            return false;
        }
        s->groups->list.items[id].n++;
        s->groups->total++;
    }
    return true;
}

/* Goroutines of now by stack and labels; with `is_leak` those that the leak
   detector proves. */
static bool make_groups(struct sim_world *w, bool is_leak,
                        struct sim_groups *out, struct err *err)
{
    struct sim_goroutine_list list = {0};
    struct grouping s = {
        .world = w, .groups = out, .text = BUF_LIMIT(SIM_TEXT_LIMIT_BYTES)};
    const bool ok =
        sim_goroutines(w, &list, err) && fill_groups(&s, &list, is_leak, err);
    sort_items(out->list.items, out->list.n, sizeof(*out->list.items),
               most_first, &out->texts);
    buf_release(&s.text);
    vec_u32_release(&s.frames);
    sim_goroutine_list_release(&list);
    return ok;
}

/* --- forms --- */

static bool fill_proto(struct sim_proto *s, const char *name,
                       const struct sim_groups *groups, struct err *err)
{
    struct profile_builder *b = s->builder;
    profile_builder_period(b, name, "count", 1);
    profile_builder_type(b, name, "count");
    for (size_t i = 0; i < groups->list.n; i++) {
        const struct sim_group *g = &groups->list.items[i];
        struct profile_label label = {0};
        if (g->label_key != NULL) {
            label.key = profile_builder_string(b, span_of(g->label_key));
            label.str = profile_builder_string(b, span_of(g->label_value));
        }
        if (!sim_proto_stack(s, g->stack, false, err)) {
            return false;
        }
        const int64_t value = (int64_t)g->n;
        sim_proto_sample(s, &value, 1, g->label_key != NULL ? &label : NULL);
    }
    return true;
}

bool sim_goroutine_proto(struct sim_world *w, enum sim_profile p,
                         struct profile **out, struct err *err)
{
    struct sim_groups groups = {0};
    struct sim_proto s;
    bool ok = make_groups(w, p == SIM_GOROUTINELEAK, &groups, err) &&
              sim_proto_begin(&s, w, err);
    if (ok) {
        const bool is_full = fill_proto(&s, sim_profile_name(p), &groups, err);
        ok = sim_proto_finish(&s, is_full, out, err);
    }
    groups_release(&groups);
    return ok;
}

static bool add_text(struct sim_world *w, enum sim_profile p,
                     const struct sim_groups *groups, struct buf *out,
                     struct err *err)
{
    struct vec_u32 frames = {0};
    buf_printf(out, "%s profile: total %" PRIu64 "\n", sim_profile_name(p),
               groups->total);
    for (size_t i = 0; i < groups->list.n; i++) {
        const struct sim_group *g = &groups->list.items[i];
        buf_printf(out, "%" PRIu64 " %s\n", g->n,
                   intern_text(&groups->texts, g->key));
        if (!sim_raw_frames(w, g->stack, &frames, err)) {
            vec_u32_release(&frames);
            return false;
        }
        sim_text_record(w, &frames, out);
    }
    vec_u32_release(&frames);
    return true;
}

bool sim_goroutine_text(struct sim_world *w, enum sim_profile p,
                        struct buf *out, struct err *err)
{
    struct sim_groups groups = {0};
    const bool ok = make_groups(w, p == SIM_GOROUTINELEAK, &groups, err) &&
                    add_text(w, p, &groups, out, err);
    groups_release(&groups);
    return ok;
}
