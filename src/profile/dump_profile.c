/*
 * From one record a goroutine to one sample a stack. Frames are told apart by
 * the numbers they have in the dump, and goroutines by a key of numbers, so
 * no text is looked at twice.
 */
#include "profile/dump.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "profile/builder.h"

static const char what[] = "goroutine dump";

VEC_TYPE(dump_sample_labels, struct profile_label)

/* A key is this, then the labels, then the locations. */
struct key_head {
    uint32_t n_labels, n_locations, state;
};

struct summary {
    const struct goroutine_dump *dump;
    struct profile_builder *builder;
    struct intern frames; /* struct frame_key -> location index */
    struct intern keys;   /* -> index of counts */
    struct vec_i64 counts;
    struct buf key; /* scratch, as are the rest */
    struct vec_u32 locations;
    struct dump_sample_labels labels;
};

struct frame_key {
    int64_t line;
    uint32_t function, file;
};

static void key_add(struct buf *key, uint32_t v)
{
    buf_add(key, &v, sizeof(v));
}

static bool add_goroutine(struct summary *s, const struct dump_goroutine *g,
                          struct err *err)
{
    const struct key_head head = {g->n_labels, g->n_frames, g->status};
    buf_clear(&s->key);
    buf_add(&s->key, &head, sizeof(head));
    for (uint32_t i = 0; i < g->n_labels; i++) {
        const struct dump_label *const l =
            &s->dump->labels.items[g->first_label + i];
        key_add(&s->key, l->key);
        key_add(&s->key, l->value);
    }
    for (uint32_t i = 0; i < g->n_frames; i++) {
        const struct dump_frame *const f =
            &s->dump->frames.items[g->first_frame + i];
        const struct frame_key frame = {f->line, f->function, f->file};
        const struct span bytes = {(const char *)&frame, sizeof(frame)};
        uint32_t location;
        if (!intern_add(&s->frames, bytes, &location, err)) {
            return false;
        }
        key_add(&s->key, location);
    }
    uint32_t at;
    if (!buf_check(&s->key, what, err) ||
        !intern_add(&s->keys, buf_view(&s->key), &at, err)) {
        return false;
    }
    if (at == s->counts.n && !vec_i64_push(&s->counts, 0)) {
        return err_nomem(err, what);
    }
    s->counts.items[at]++;
    return true;
}

static void make_locations(struct summary *s)
{
    const struct intern *const names = &s->dump->names;
    for (uint32_t i = 0; i < intern_count(&s->frames); i++) {
        struct frame_key key;
        memcpy(&key, intern_text(&s->frames, i), sizeof(key));
        const struct builder_frame frame = {
            .function = intern_span(names, key.function),
            .file = intern_span(names, key.file),
            .line = key.line};
        (void)profile_builder_location(s->builder, 0, PROFILE_NONE, &frame, 1);
    }
}

static str_id text_of(struct summary *s, uint32_t name)
{
    return profile_builder_string(s->builder,
                                  intern_span(&s->dump->names, name));
}

static bool make_sample(struct summary *s, uint32_t i, struct err *err)
{
    const char *at = intern_text(&s->keys, i);
    struct key_head head;
    memcpy(&head, at, sizeof(head));
    at += sizeof(head);
    s->labels.n = 0;
    s->locations.n = 0;
    if (!dump_sample_labels_reserve(&s->labels, (size_t)head.n_labels + 1) ||
        !vec_u32_reserve(&s->locations, head.n_locations)) {
        return err_nomem(err, what);
    }
    for (uint32_t k = 0; k < head.n_labels; k++) {
        uint32_t pair[2];
        memcpy(pair, at, sizeof(pair));
        at += sizeof(pair);
        s->labels.items[s->labels.n++] = (struct profile_label){
            .key = text_of(s, pair[0]), .str = text_of(s, pair[1])};
    }
    s->labels.items[s->labels.n++] = (struct profile_label){
        .key = profile_builder_string(s->builder, SPAN_LIT("state")),
        .str = text_of(s, head.state)};
    if (head.n_locations > 0) {
        memcpy(s->locations.items, at,
               head.n_locations * sizeof(*s->locations.items));
    }
    profile_builder_sample(s->builder, s->locations.items, head.n_locations,
                           &s->counts.items[i], 1, s->labels.items,
                           s->labels.n);
    return true;
}

static bool summarise(struct summary *s, struct err *err)
{
    profile_builder_type(s->builder, "goroutine", "count");
    profile_builder_period(s->builder, "goroutine", "count", 1);
    for (size_t i = 0; i < s->dump->goroutines.n; i++) {
        if (!add_goroutine(s, &s->dump->goroutines.items[i], err)) {
            return false;
        }
    }
    make_locations(s);
    for (uint32_t i = 0; i < s->counts.n; i++) {
        if (!make_sample(s, i, err)) {
            return false;
        }
    }
    return true;
}

bool goroutine_dump_profile(const struct goroutine_dump *d,
                            struct profile **out, struct err *err)
{
    struct summary s = {.dump = d,
                        .builder = profile_builder_new(),
                        .key = BUF_LIMIT((size_t)LIMIT_TEXT_BYTES)};
    bool ok = s.builder ? summarise(&s, err) : err_nomem(err, what);
    if (ok) {
        ok = profile_builder_finish(s.builder, out, err);
    } else {
        profile_builder_free(s.builder);
    }
    intern_release(&s.frames);
    intern_release(&s.keys);
    vec_i64_release(&s.counts);
    buf_release(&s.key);
    vec_u32_release(&s.locations);
    dump_sample_labels_release(&s.labels);
    return ok;
}
