/*
 * -tagroot and -tagleaf: the values of a label become a frame, so that a call
 * graph divides by them. A frame's function is the values, its file the key;
 * a sample without the label has a frame without a name. Each pair of both is
 * one function and one location, made where a sample first has it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/limits.h"
#include "base/measure.h"
#include "base/vec.h"
#include "profile/columns_private.h"
#include "profile/select.h"
#include "profile/strings_private.h"

/* A label's key, and its id in `texts`. */
struct frame_key {
    struct span text;
    uint32_t id;
};
VEC_TYPE(key_vec, struct frame_key)

/* A location to be: function name and file as ids in `texts`. */
struct new_frame {
    uint32_t name, file;
};
VEC_TYPE(new_frames, struct new_frame)

struct framing {
    struct profile *p;
    struct span output_unit;
    struct key_vec roots, leaves; /* innermost first */
    struct intern texts;          /* of functions and files */
    struct intern pairs;          /* new_frame as bytes -> index in frames */
    struct new_frames frames;
    uint32_t *locs; /* the new stacks */
    uint32_t *off;
    size_t n_locs;
    struct buf name;     /* scratch */
    uint64_t name_bytes; /* of all samples */
    bool root_matched, leaf_matched;
};

static void reverse(struct key_vec *keys)
{
    for (size_t i = 0; i < keys->n / 2; i++) {
        const struct frame_key other = keys->items[keys->n - 1 - i];
        keys->items[keys->n - 1 - i] = keys->items[i];
        keys->items[i] = other;
    }
}

/* The keys of a list, the last one first. */
static bool split(struct framing *f, struct span list, struct key_vec *keys,
                  struct err *err)
{
    while (list.len != 0) {
        const size_t end = span_find_char(list, ',');
        struct frame_key key = {span_first(list, end), 0};
        if (end != 0 && !intern_add(&f->texts, key.text, &key.id, err)) {
            return false;
        }
        if (end != 0 && !key_vec_push(keys, key)) {
            return err_nomem(err, "frames of labels");
        }
        list = span_from(list, end + 1);
    }
    reverse(keys);
    return true;
}

static bool has_key(const struct profile *p, const struct profile_label *l,
                    struct span key)
{
    return span_eq(profile_span(p, l->key), key);
}

/* The labels of a sample. */
struct label_range {
    const struct profile_label *first, *end;
};

static struct label_range labels_of(const struct profile *p, uint32_t s)
{
    if (p->label_off == NULL || p->label_off[s] == p->label_off[s + 1]) {
        return (struct label_range){NULL, NULL};
    }
    return (struct label_range){p->labels + p->label_off[s],
                                p->labels + p->label_off[s + 1]};
}

static void put_strings(struct framing *f, struct label_range labels,
                        struct span key, size_t *n)
{
    for (const struct profile_label *l = labels.first; l < labels.end; l++) {
        if (!l->is_num && has_key(f->p, l, key)) {
            buf_str(&f->name, (*n)++ != 0 ? "," : "");
            buf_span(&f->name, profile_span(f->p, l->str));
        }
    }
}

/* Numbers of the key and sample; does one of them say its unit? */
static size_t count_numbers(const struct profile *p, struct label_range labels,
                            struct span key, bool *has_unit)
{
    size_t n = 0;
    for (const struct profile_label *l = labels.first; l < labels.end; l++) {
        if (l->is_num && has_key(p, l, key)) {
            n++;
            *has_unit = *has_unit || profile_span(p, l->unit).len != 0;
        }
    }
    return n;
}

/* In the unit of the output only when one of the sample's numbers has a unit
   of its own. */
static void put_numbers(struct framing *f, struct label_range labels,
                        struct span key, size_t *n)
{
    const struct span none = SPAN_LIT("");
    bool has_unit = false;
    if (count_numbers(f->p, labels, key, &has_unit) == 0) {
        return;
    }
    const struct span to = has_unit ? f->output_unit : none;
    for (const struct profile_label *l = labels.first; l < labels.end; l++) {
        if (l->is_num && has_key(f->p, l, key)) {
            buf_str(&f->name, (*n)++ != 0 ? "," : "");
            measure_label(&f->name, l->num, profile_span(f->p, l->unit), to);
        }
    }
}

/* The values of `key` into the scratch: strings first, then numbers. Are there
   any? */
static bool put_values(struct framing *f, struct label_range labels,
                       struct span key)
{
    size_t n = 0;
    buf_clear(&f->name);
    put_strings(f, labels, key, &n);
    put_numbers(f, labels, key, &n);
    f->name_bytes += f->name.len;
    return n != 0;
}

static bool add_frame(struct framing *f, struct label_range labels,
                      const struct frame_key *key, bool *matched,
                      struct err *err)
{
    struct new_frame frame = {.file = key->id};
    uint32_t index = 0;
    *matched = put_values(f, labels, key->text) || *matched;
    if (f->name_bytes > LIMIT_PROFILE_BYTES) {
        return err_set(err, ERR_LIMIT, "values of labels are too long");
    }
    const struct span bytes = {(const char *)&frame, sizeof(frame)};
    if (!buf_check(&f->name, "values of labels", err) ||
        !intern_add(&f->texts, buf_view(&f->name), &frame.name, err) ||
        !intern_add(&f->pairs, bytes, &index, err)) {
        return false;
    }
    if (index == f->frames.n && !new_frames_push(&f->frames, frame)) {
        return err_nomem(err, "frames of labels");
    }
    f->locs[f->n_locs++] = f->p->n_locations + index;
    return true;
}

static bool add_frames(struct framing *f, uint32_t s,
                       const struct key_vec *keys, bool *matched,
                       struct err *err)
{
    const struct label_range labels = labels_of(f->p, s);
    for (size_t i = 0; i < keys->n; i++) {
        if (!add_frame(f, labels, &keys->items[i], matched, err)) {
            return false;
        }
    }
    return true;
}

/* Frames are numbered in the order root, leaf, though leaves come first. */
static bool frame_sample(struct framing *f, uint32_t s, struct err *err)
{
    const uint32_t first = f->p->sample_off[s];
    const uint32_t n = f->p->sample_off[s + 1] - first;
    const size_t start = f->n_locs;
    f->n_locs = start + f->leaves.n + n;
    if (!add_frames(f, s, &f->roots, &f->root_matched, err)) {
        return false;
    }
    const size_t end = f->n_locs;
    f->n_locs = start;
    if (!add_frames(f, s, &f->leaves, &f->leaf_matched, err)) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        f->locs[f->n_locs++] = f->p->sample_locs[first + i];
    }
    f->n_locs = end;
    f->off[s + 1] = (uint32_t)end;
    return true;
}

static bool init(struct framing *f, struct span roots, struct span leaves,
                 struct err *err)
{
    const struct profile *p = f->p;
    if (!split(f, roots, &f->roots, err) ||
        !split(f, leaves, &f->leaves, err)) {
        return false;
    }
    const uint64_t n_keys = f->roots.n + f->leaves.n;
    const uint64_t n_old = p->n_samples != 0 ? p->sample_off[p->n_samples] : 0;
    const uint64_t n_most = LIMIT_PROFILE_BYTES / sizeof(*f->locs);
    if (n_keys > n_most || n_old + p->n_samples * n_keys > n_most) {
        (void)err_set(err, ERR_LIMIT,
                      "%" PRIu64 " frames of labels for each of %" PRIu32
                      " samples",
                      n_keys, p->n_samples);
        return false;
    }
    f->locs = calloc(n_old + p->n_samples * n_keys + 1, sizeof(*f->locs));
    f->off = calloc((size_t)p->n_samples + 1, sizeof(*f->off));
    return (f->locs != NULL && f->off != NULL) ||
           err_nomem(err, "frames of labels");
}

/* --- What the profile gets --- */

static uint64_t next_function_id(const struct profile *p)
{
    uint64_t id = 0;
    for (uint32_t i = 0; i < p->n_functions; i++) {
        id = p->functions[i].id > id ? p->functions[i].id : id;
    }
    return id + 1;
}

static uint64_t next_location_id(const struct profile *p)
{
    uint64_t id = 0;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        id = p->locations[i].id > id ? p->locations[i].id : id;
    }
    return id + 1;
}

/* Room for `n` more items behind `n_old`. */
static bool grow(void **items, uint32_t n_old, size_t n, size_t unit_bytes)
{
    if (n > UINT32_MAX - (size_t)n_old) {
        return false;
    }
    void *grown = realloc(*items, (n_old + n) * unit_bytes);
    if (grown == NULL) {
        return false;
    }
    *items = grown;
    return true;
}

#define GROW(p, column, n_old, n)                                              \
    do {                                                                       \
        void *items = (p)->column;                                             \
        if (!grow(&items, (p)->n_old, (n), sizeof(*(p)->column))) {            \
            return false;                                                      \
        }                                                                      \
        (p)->column = items;                                                   \
    } while (0)

static bool reserve(struct profile *p, size_t n)
{
    GROW(p, functions, n_functions, n);
    GROW(p, locations, n_locations, n);
    GROW(p, lines, n_lines, n);
    return true;
}

static void append_frames(struct framing *f, const str_id *ids)
{
    struct profile *p = f->p;
    uint64_t function_id = next_function_id(p);
    uint64_t location_id = next_location_id(p);
    for (size_t i = 0; i < f->frames.n; i++) {
        const struct new_frame *frame = &f->frames.items[i];
        p->locations[p->n_locations++] =
            (struct profile_location){.id = location_id++,
                                      .mapping = PROFILE_NONE,
                                      .first_line = p->n_lines,
                                      .n_lines = 1};
        p->lines[p->n_lines++] =
            (struct profile_line){.function = p->n_functions};
        p->functions[p->n_functions++] =
            (struct profile_function){.id = function_id++,
                                      .name = ids[frame->name],
                                      .file = ids[frame->file]};
    }
}

static bool commit(struct framing *f, struct err *err)
{
    struct profile *p = f->p;
    str_id *ids = calloc(intern_count(&f->texts) + 1, sizeof(*ids));
    const bool ok = ids != NULL && reserve(p, f->frames.n)
                        ? strings_add_all(p, &f->texts, ids, err)
                        : err_nomem(err, "frames of labels");
    if (ok) {
        append_frames(f, ids);
        free(p->sample_locs);
        free(p->sample_off);
        p->sample_locs = f->locs;
        p->sample_off = f->off;
        f->locs = NULL;
        f->off = NULL;
    }
    free(ids);
    return ok;
}

static void framing_release(struct framing *f)
{
    key_vec_release(&f->roots);
    key_vec_release(&f->leaves);
    intern_release(&f->texts);
    intern_release(&f->pairs);
    new_frames_release(&f->frames);
    buf_release(&f->name);
    free(f->locs);
    free(f->off);
}

bool profile_add_label_frames(struct profile *p, struct span roots,
                              struct span leaves, struct span output_unit,
                              bool *root_matched, bool *leaf_matched,
                              struct err *err)
{
    struct framing f = {.p = p,
                        .output_unit = output_unit,
                        .name = BUF_LIMIT(LIMIT_TEXT_BYTES)};
    *root_matched = false;
    *leaf_matched = false;
    if ((roots.len == 0 && leaves.len == 0) || p->n_samples == 0) {
        return true;
    }
    bool ok = init(&f, roots, leaves, err);
    for (uint32_t s = 0; s < p->n_samples && ok; s++) {
        ok = frame_sample(&f, s, err);
    }
    ok = ok && commit(&f, err);
    *root_matched = f.root_matched;
    *leaf_matched = f.leaf_matched;
    framing_release(&f);
    return ok;
}
