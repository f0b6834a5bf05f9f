/*
 * A point as a pprof profile again. What a point does not keep is not made up:
 * no addresses, no numeric labels but the size of the blocks. That it was
 * collected is a comment, so that the file is judged as the point was.
 */
#include "series/points_private.h"

static bool nomem(struct err *err)
{
    return err_nomem(err, "making a profile");
}

struct sample_type {
    const char *type, *unit;
};

/* As Go's own profiles have them. */
static const struct sample_type heap_types[] = {
    {"alloc_objects", "count"},
    {"alloc_space",   "bytes"},
    {"inuse_objects", "count"},
    {"inuse_space",   "bytes"}
};
enum { N_HEAP_TYPES = sizeof heap_types / sizeof heap_types[0] };

static bool is_heap(const struct series_point *p)
{
    return p->kind == KIND_HEAP || p->kind == KIND_ALLOCS;
}

/* The header; the string of KIND_ALLOCS is what tells it from a heap's. */
static void put_head(struct profile_builder *b, const struct series_point *p)
{
    struct profile *head = profile_builder_profile(b);
    if (is_heap(p)) {
        for (size_t i = 0; i < N_HEAP_TYPES; i++) {
            profile_builder_type(b, heap_types[i].type, heap_types[i].unit);
        }
        profile_builder_period(b, "space", "bytes", p->period_bytes);
        if (p->kind == KIND_ALLOCS) {
            head->default_type =
                profile_builder_string(b, SPAN_LIT("alloc_space"));
        }
    } else {
        const char *type = profile_kind_name(p->kind);
        profile_builder_type(b, type, "count");
        profile_builder_period(b, type, "count", p->period_bytes);
    }
    head->time_nanos = p->time_nanos;
    /* How long is not kept: a nanosecond says that it is a difference. */
    head->duration_nanos = p->is_delta ? 1 : 0;
    head->memstats = p->memstats;
    if (*p->program || *p->build_id) {
        profile_builder_mapping(b, 0, 0, 0, span_of(p->program),
                                span_of(p->build_id));
    }
}

struct scratch {
    struct vec_u32 locs;
    struct builder_frame *lines;
    size_t n_lines;
    struct profile_label *labels;
    size_t n_labels;
};

static void scratch_release(struct scratch *s)
{
    vec_u32_release(&s->locs);
    free(s->lines);
    free(s->labels);
}

/* Rooms for the largest location and label set of the point. */
static bool scratch_init(struct scratch *s, const struct stack_table *t,
                         const struct series_point *p, struct err *err)
{
    size_t n_locs = 0;
    for (size_t i = 0; i < p->cells.n; i++) {
        const struct stack_row *r = &t->rows.items[p->cells.items[i].row];
        n_locs = r->n_locs > n_locs ? r->n_locs : n_locs;
        s->n_labels =
            r->n_labels + 1u > s->n_labels ? r->n_labels + 1u : s->n_labels;
        for (uint32_t k = 0; k < r->n_locs; k++) {
            const size_t n = t->locs.items[t->keys.items[r->key + k]].n;
            s->n_lines = n > s->n_lines ? n : s->n_lines;
        }
    }
    s->lines = calloc(s->n_lines + 1, sizeof *s->lines);
    s->labels = calloc(s->n_labels + 1, sizeof *s->labels);
    return (s->lines && s->labels && vec_u32_reserve(&s->locs, n_locs + 1)) ||
           nomem(err);
}

static uint32_t put_location(struct profile_builder *b,
                             const struct stack_table *t, uint32_t loc,
                             struct builder_frame *lines, uint32_t mapping)
{
    const struct stack_loc l = t->locs.items[loc];
    for (uint32_t i = 0; i < l.n; i++) {
        const struct stack_frame *f = &t->frames.items[l.first + i];
        lines[i] =
            (struct builder_frame){intern_span(&t->names, f->name),
                                   intern_span(&t->names, f->file), f->line};
    }
    return profile_builder_location(b, 0, mapping, lines, l.n);
}

static size_t put_labels(struct profile_builder *b, const struct stack_table *t,
                         const struct stack_row *r, struct profile_label *out)
{
    size_t n = 0;
    const uint32_t *key = t->keys.items + r->key + r->n_locs;
    for (size_t i = 0; i < r->n_labels; i++) {
        out[n++] = (struct profile_label){
            .key =
                profile_builder_string(b, intern_span(&t->names, key[2 * i])),
            .str = profile_builder_string(
                b, intern_span(&t->names, key[2 * i + 1]))};
    }
    if (r->block_bytes != 0) {
        out[n++] = (struct profile_label){
            .key = profile_builder_string(b, SPAN_LIT("bytes")),
            .unit = profile_builder_string(b, SPAN_LIT("bytes")),
            .is_num = true,
            .num = r->block_bytes};
    }
    return n;
}

static void put_sample(struct profile_builder *b, const struct stack_table *t,
                       const struct series_point *p, struct scratch *s,
                       const struct series_cell *c)
{
    const struct stack_row *r = &t->rows.items[c->row];
    const bool has_mapping = *p->program || *p->build_id;
    s->locs.n = 0;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        s->locs.items[s->locs.n++] =
            put_location(b, t, t->keys.items[r->key + i], s->lines,
                         has_mapping ? 0 : PROFILE_NONE);
    }
    const size_t n_labels = put_labels(b, t, r, s->labels);
    const int64_t heap[N_HEAP_TYPES] = {c->alloc_objects, c->alloc_bytes,
                                        c->in_use, c->in_use_bytes};
    if (is_heap(p)) {
        profile_builder_sample(b, s->locs.items, s->locs.n, heap, N_HEAP_TYPES,
                               s->labels, n_labels);
    } else {
        profile_builder_sample(b, s->locs.items, s->locs.n, &c->in_use, 1,
                               s->labels, n_labels);
    }
}

static bool put_comment(struct profile *p, str_id comment, struct err *err)
{
    p->comments = malloc(sizeof(*p->comments));
    if (!p->comments) {
        return nomem(err);
    }
    p->comments[0] = comment;
    p->n_comments = 1;
    return true;
}

bool series_point_profile(const struct stack_table *t,
                          const struct series_point *p, struct profile **out,
                          struct err *err)
{
    if (p->form == FORM_DUMP || !series_takes_part(p->kind)) {
        return err_set(err, ERR_INTERNAL, "no profile can be made of a %s",
                       p->form == FORM_DUMP ? "goroutine dump"
                                            : profile_kind_name(p->kind));
    }
    struct profile_builder *b = profile_builder_new();
    if (!b) {
        return nomem(err);
    }
    struct scratch s = {.lines = NULL};
    put_head(b, p);
    const str_id comment = profile_builder_string(
        b, p->is_collected ? SPAN_LIT(POINT_COLLECTED_COMMENT) : SPAN_LIT(""));
    const bool ok = scratch_init(&s, t, p, err);
    for (size_t i = 0; ok && i < p->cells.n; i++) {
        put_sample(b, t, p, &s, &p->cells.items[i]);
    }
    scratch_release(&s);
    if (!ok) {
        profile_builder_free(b);
        return false;
    }
    if (!profile_builder_finish(b, out, err)) {
        return false;
    }
    if (p->is_collected && !put_comment(*out, comment, err)) {
        profile_free(*out);
        *out = NULL;
        return false;
    }
    return true;
}
