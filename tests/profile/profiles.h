/*
 * What the tests of profile/ share: profile files to run over, decoding with
 * errors shown, comparing two profiles entry by entry, and a small writer of
 * the wire format for profiles that no program writes.
 */
#ifndef SEEP_TESTS_PROFILE_PROFILES_H
#define SEEP_TESTS_PROFILE_PROFILES_H

#include "test.h"

#include "base/gz.h"
#include "profile/labels_private.h"
#include "profile/profile.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROFILE_FILES_MAX = 1000 };

struct profile_files {
    char paths[PROFILE_FILES_MAX][512];
    size_t n;
};

static inline int compare_paths(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Adds the *.pb.gz of a directory, sorted. */
static inline void add_profile_files(struct profile_files *files,
                                     const char *dir)
{
    DIR *d = dir != NULL ? opendir(dir) : NULL;
    const size_t first = files->n;
    const struct dirent *entry = NULL;
    while (d != NULL && (entry = readdir(d)) != NULL) {
        if (span_ends(span_of(entry->d_name), ".pb.gz") &&
            files->n < PROFILE_FILES_MAX) {
            (void)snprintf(files->paths[files->n++], sizeof(files->paths[0]),
                           "%s/%s", dir, entry->d_name);
        }
    }
    if (d != NULL) {
        (void)closedir(d);
    }
    qsort(files->paths[first], files->n - first, sizeof(files->paths[0]),
          compare_paths);
}

/* Profiles of testdata/, and of the shared corpus when that is there. */
static inline struct profile_files *all_profile_files(void)
{
    static const char *const dirs[] = {
        "corpus/edge/go1.23",         "corpus/extra/go1.23",
        "corpus/mapcache/go1.23",     "corpus/mapcache/go1.19",
        "corpus/chanrecv/go1.21",     "corpus/h_steady/go1.23",
        "corpus/contexts/go1.23-gc1", "corpus/large/go1.23",
        "peer/pprof/inputs",
    };
    struct profile_files *files = calloc(1, sizeof(*files));
    assert_non_null(files);
    add_profile_files(files, testdata("profiles"));
    assert_true(files->n >= 15);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        add_profile_files(files, test_shared(dirs[i]));
    }
    return files;
}

static inline struct profile *decode_ok(struct span in, const char *name)
{
    struct err err = {0};
    struct profile *p = NULL;
    if (!profile_decode(in, &p, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    return p;
}

static inline struct profile *load_profile(const char *path)
{
    struct buf b = test_read_file(path);
    struct profile *p = decode_ok(buf_view(&b), path);
    buf_release(&b);
    return p;
}

/* The inflated bytes of a file. */
static inline struct buf load_raw(const char *path)
{
    struct err err = {0};
    struct buf in = test_read_file(path);
    struct test_collector out = TEST_COLLECTOR;
    if (gz_is_magic((const uint8_t *)in.data, in.len)) {
        struct gz_reader *gz = gz_reader_new(test_collect(&out), 1U << 30);
        assert_ok(gz_reader_write(gz, (const uint8_t *)in.data, in.len, &err),
                  &err);
        assert_ok(gz_reader_end(gz, &err), &err);
        gz_reader_free(gz);
        buf_release(&in);
        return out.bytes;
    }
    return in;
}

static inline struct buf encode_ok(const struct profile *p)
{
    struct err err = {0};
    struct buf out = BUF_LIMIT((size_t)1 << 30);
    assert_ok(profile_encode(p, &out, &err), &err);
    return out;
}

static inline void assert_same_text(const struct profile *a, str_id s,
                                    const struct profile *b, str_id t)
{
    assert_true(s.i < a->n_strings && t.i < b->n_strings);
    if (!span_eq(profile_span(a, s), profile_span(b, t))) {
        fail_msg("'%s' is not '%s'", profile_text(a, s), profile_text(b, t));
    }
}

static inline void assert_same_tables(const struct profile *a,
                                      const struct profile *b)
{
    assert_int_equal(a->n_mappings, b->n_mappings);
    for (uint32_t i = 0; i < a->n_mappings; i++) {
        const struct profile_mapping *m = &a->mappings[i];
        const struct profile_mapping *n = &b->mappings[i];
        assert_true(m->id == n->id && m->start == n->start &&
                    m->limit == n->limit && m->offset == n->offset);
        assert_true(m->has_functions == n->has_functions &&
                    m->has_filenames == n->has_filenames &&
                    m->has_line_numbers == n->has_line_numbers &&
                    m->has_inline_frames == n->has_inline_frames);
        assert_same_text(a, m->file, b, n->file);
        assert_same_text(a, m->build_id, b, n->build_id);
    }
    assert_int_equal(a->n_functions, b->n_functions);
    for (uint32_t i = 0; i < a->n_functions; i++) {
        const struct profile_function *f = &a->functions[i];
        const struct profile_function *g = &b->functions[i];
        assert_true(f->id == g->id && f->start_line == g->start_line);
        assert_same_text(a, f->name, b, g->name);
        assert_same_text(a, f->system_name, b, g->system_name);
        assert_same_text(a, f->file, b, g->file);
    }
    assert_int_equal(a->n_locations, b->n_locations);
    for (uint32_t i = 0; i < a->n_locations; i++) {
        const struct profile_location *l = &a->locations[i];
        const struct profile_location *k = &b->locations[i];
        assert_true(l->id == k->id && l->address == k->address &&
                    l->mapping == k->mapping && l->n_lines == k->n_lines &&
                    l->is_folded == k->is_folded);
        for (uint32_t j = 0; j < l->n_lines; j++) {
            const struct profile_line *x = &a->lines[l->first_line + j];
            const struct profile_line *y = &b->lines[k->first_line + j];
            assert_true(x->function == y->function && x->line == y->line &&
                        x->column == y->column);
        }
    }
}

static inline void assert_same_labels(const struct profile *a,
                                      const struct profile *b)
{
    assert_int_equal(a->n_labels, b->n_labels);
    assert_true((a->label_off != NULL) == (b->label_off != NULL));
    if (a->label_off && b->label_off) {
        assert_memory_equal(a->label_off, b->label_off,
                            (a->n_samples + 1) * sizeof(*a->label_off));
    }
    for (uint32_t i = 0; i < a->n_labels; i++) {
        const struct profile_label *l = &a->labels[i];
        const struct profile_label *m = &b->labels[i];
        assert_true(l->is_num == m->is_num && l->num == m->num);
        assert_same_text(a, l->key, b, m->key);
        assert_same_text(a, l->str, b, m->str);
        assert_same_text(a, l->unit, b, m->unit);
    }
}

static inline void assert_same_samples(const struct profile *a,
                                       const struct profile *b)
{
    assert_int_equal(a->n_samples, b->n_samples);
    assert_int_equal(a->n_types, b->n_types);
    assert_memory_equal(a->sample_off, b->sample_off,
                        (a->n_samples + 1) * sizeof(*a->sample_off));
    const size_t n = a->sample_off[a->n_samples];
    if (n != 0) {
        assert_memory_equal(a->sample_locs, b->sample_locs,
                            n * sizeof(*a->sample_locs));
    }
    const size_t n_values = (size_t)a->n_samples * a->n_types;
    if (n_values != 0) {
        assert_memory_equal(a->values, b->values,
                            n_values * sizeof(*a->values));
    }
    assert_same_labels(a, b);
}

static inline void assert_same_header(const struct profile *a,
                                      const struct profile *b)
{
    for (uint32_t i = 0; i < a->n_types; i++) {
        assert_same_text(a, a->types[i].type, b, b->types[i].type);
        assert_same_text(a, a->types[i].unit, b, b->types[i].unit);
    }
    assert_true(a->period == b->period && a->time_nanos == b->time_nanos &&
                a->duration_nanos == b->duration_nanos);
    assert_same_text(a, a->period_type.type, b, b->period_type.type);
    assert_same_text(a, a->period_type.unit, b, b->period_type.unit);
    assert_same_text(a, a->drop_frames, b, b->drop_frames);
    assert_same_text(a, a->keep_frames, b, b->keep_frames);
    assert_same_text(a, a->default_type, b, b->default_type);
    assert_same_text(a, a->doc_url, b, b->doc_url);
    assert_int_equal(a->n_comments, b->n_comments);
    for (uint32_t i = 0; i < a->n_comments; i++) {
        assert_same_text(a, a->comments[i], b, b->comments[i]);
    }
}

/* Brings the labels of every sample into the order they are written in. */
static inline void sort_labels(struct profile *p)
{
    for (uint32_t s = 0; p->label_off && s < p->n_samples; s++) {
        assert_true(labels_sort(p, p->labels + p->label_off[s],
                                p->label_off[s + 1] - p->label_off[s]));
    }
}

/* Equal in all but the numbering of strings. */
static inline void assert_same_profile(const struct profile *a,
                                       const struct profile *b)
{
    assert_same_samples(a, b);
    assert_same_header(a, b);
    assert_same_tables(a, b);
}

/* --- A writer of the wire format --- */

#define WIRE_BUF ((struct buf){.limit_bytes = 64U << 20})

static inline void put_varint(struct buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        buf_char(b, (char)(uint8_t)(v | 0x80));
    }
    buf_char(b, (char)(uint8_t)v);
}

static inline void put_number(struct buf *b, unsigned field, uint64_t v)
{
    put_varint(b, field << 3);
    put_varint(b, v);
}

static inline void put_bytes(struct buf *b, unsigned field, struct span s)
{
    put_varint(b, field << 3 | 2);
    put_varint(b, s.len);
    buf_span(b, s);
}

/* Appends `inner` as message `field` and releases it. */
static inline void put_message(struct buf *b, unsigned field, struct buf inner)
{
    put_bytes(b, field, buf_view(&inner));
    buf_release(&inner);
}

static inline void put_text(struct buf *b, const char *s)
{
    put_bytes(b, 6, span_of(s));
}

/* Message `field` with integer fields: pairs of number and value, 0 ends. */
static inline void put_numbers(struct buf *b, unsigned field,
                               const uint64_t *pairs)
{
    struct buf in = WIRE_BUF;
    for (; pairs[0] != 0; pairs += 2) {
        put_number(&in, (unsigned)pairs[0], pairs[1]);
    }
    put_message(b, field, in);
}
#define NUMBERS(...) ((const uint64_t[]){__VA_ARGS__, 0, 0})

#endif
