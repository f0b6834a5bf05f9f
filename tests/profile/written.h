/*
 * Profiles written in one line, for tables of cases: samples with a ';'
 * between, each "VALUES STACK LABELS". Values have a ',' between. A stack has
 * locations with a '|' between, leaf first, and "-" for none; a location has
 * lines with a '+' between, innermost first, each "function@file:line", or is
 * an address without names; "0!" in front puts it in the mapping "m0".
 * Labels are "key=text" and "key:=number/unit".
 */
#ifndef SEEP_TESTS_PROFILE_WRITTEN_H
#define SEEP_TESTS_PROFILE_WRITTEN_H

#include "profiles.h"

#include "base/num.h"

#include <inttypes.h>
#include <stdlib.h>

enum { WRITTEN_MAX = 32 };

/* Cuts `text` at the first `c`; the rest stays. */
static inline struct span cut(struct span *text, char c)
{
    const size_t end = span_find_char(*text, c);
    const struct span head = span_first(*text, end);
    *text = span_from(*text, end + 1);
    return head;
}

static inline int64_t written_number(struct span s)
{
    int64_t n = 0;
    if (!num_parse_i64(s, &n)) {
        fail_msg("'%.*s' is no number", (int)s.len, s.p);
    }
    return n;
}

/* A location gets an address of its own, by its text. */
static inline uint32_t written_location(struct profile_builder *b,
                                        struct span text)
{
    struct builder_frame frames[WRITTEN_MAX];
    uint32_t mapping = PROFILE_NONE;
    size_t n = 0;
    if (text.len > 1 && text.p[1] == '!') {
        char file[] = "m0";
        file[1] = text.p[0];
        const uint64_t start = 0x1000 * (uint64_t)(text.p[0] - '0' + 1);
        mapping = profile_builder_mapping(b, start, start + 0x1000, 0,
                                          span_of(file), SPAN_LIT(""));
        text = span_from(text, 2);
    }
    uint64_t address = 0;
    if (span_starts(text, "0x")) {
        assert_true(num_parse_hex(span_from(text, 2), &address));
        text = SPAN_LIT("");
    }
    while (text.len != 0) {
        struct span line = cut(&text, '+');
        const struct span function = cut(&line, '@');
        const struct span file = cut(&line, ':');
        frames[n++] = (struct builder_frame){
            function, file, line.len != 0 ? written_number(line) : 0};
    }
    return profile_builder_location(b, address, mapping, frames, n);
}

static inline struct profile_label written_label(struct profile_builder *b,
                                                 struct span text)
{
    struct profile_label l = {0};
    struct span key = cut(&text, '=');
    l.is_num = span_ends(key, ":");
    key.len -= l.is_num;
    l.key = profile_builder_string(b, key);
    if (l.is_num) {
        l.num = written_number(cut(&text, '/'));
        l.unit = profile_builder_string(b, text);
    } else {
        l.str = profile_builder_string(b, text);
    }
    return l;
}

static inline void written_sample(struct profile_builder *b, struct span text)
{
    int64_t values[WRITTEN_MAX];
    uint32_t locs[WRITTEN_MAX];
    struct profile_label labels[WRITTEN_MAX];
    size_t n_values = 0;
    size_t n_locs = 0;
    size_t n_labels = 0;
    for (struct span s = cut(&text, ' '); s.len != 0;) {
        values[n_values++] = written_number(cut(&s, ','));
    }
    struct span stack = cut(&text, ' ');
    while (stack.len != 0 && !span_is(stack, "-")) {
        locs[n_locs++] = written_location(b, cut(&stack, '|'));
    }
    while (text.len != 0) {
        labels[n_labels++] = written_label(b, cut(&text, ' '));
    }
    profile_builder_sample(b, locs, n_locs, values, n_values, labels, n_labels);
}

/* `types`: "samples/count,cpu/nanoseconds". */
static inline struct profile *written(const char *types, const char *text)
{
    struct err err = {0};
    struct profile *p = NULL;
    struct profile_builder *b = profile_builder_new();
    assert_non_null(b);
    for (struct span s = span_of(types); s.len != 0;) {
        struct span unit = cut(&s, ',');
        char type[64];
        char name[64];
        const struct span head = cut(&unit, '/');
        (void)snprintf(type, sizeof(type), "%.*s", (int)head.len, head.p);
        (void)snprintf(name, sizeof(name), "%.*s", (int)unit.len, unit.p);
        profile_builder_type(b, type, name);
    }
    for (struct span s = span_of(text); s.len != 0;) {
        written_sample(b, cut(&s, ';'));
    }
    assert_ok(profile_builder_finish(b, &p, &err), &err);
    return p;
}

static inline void put_location(struct buf *out, const struct profile *p,
                                const struct profile_location *l)
{
    if (l->mapping != PROFILE_NONE) {
        const struct span file = profile_span(p, p->mappings[l->mapping].file);
        buf_printf(out, "%c!", file.len != 0 ? file.p[file.len - 1] : '?');
    }
    if (l->n_lines == 0) {
        buf_printf(out, "0x%" PRIx64, l->address);
    }
    for (uint32_t i = 0; i < l->n_lines; i++) {
        const struct profile_line *line = &p->lines[l->first_line + i];
        const struct profile_function *f = &p->functions[line->function];
        buf_str(out, i != 0 ? "+" : "");
        buf_span(out, profile_span(p, f->name));
        if (f->file.i != 0) {
            buf_printf(out, "@%s", profile_text(p, f->file));
        }
        if (line->line != 0) {
            buf_printf(out, ":%" PRId64, line->line);
        }
    }
}

static inline void put_sample(struct buf *out, const struct profile *p,
                              uint32_t s)
{
    for (uint32_t t = 0; t < p->n_types; t++) {
        buf_printf(out, "%s%" PRId64, t != 0 ? "," : "",
                   p->values[(size_t)s * p->n_types + t]);
    }
    buf_str(out, p->sample_off[s] == p->sample_off[s + 1] ? " -" : " ");
    for (uint32_t i = p->sample_off[s]; i < p->sample_off[s + 1]; i++) {
        buf_str(out, i != p->sample_off[s] ? "|" : "");
        put_location(out, p, &p->locations[p->sample_locs[i]]);
    }
    for (uint32_t i = p->label_off ? p->label_off[s] : 0;
         p->label_off && i < p->label_off[s + 1]; i++) {
        const struct profile_label *l = &p->labels[i];
        buf_printf(out, " %s", profile_text(p, l->key));
        if (l->is_num) {
            buf_printf(out, ":=%" PRId64, l->num);
            buf_printf(out, l->unit.i != 0 ? "/%s" : "%s",
                       profile_text(p, l->unit));
        } else {
            buf_printf(out, "=%s", profile_text(p, l->str));
        }
    }
}

/* Are these the samples? */
static inline void assert_reads(const struct profile *p, const char *wanted)
{
    struct buf out = BUF_LIMIT(1U << 20);
    for (uint32_t s = 0; s < p->n_samples; s++) {
        buf_str(&out, s != 0 ? ";" : "");
        put_sample(&out, p, s);
    }
    assert_string_equal(out.data != NULL ? out.data : "", wanted);
    buf_release(&out);
}

static inline struct regex *regex_ok(const char *pattern)
{
    struct err err = {0};
    struct regex *re = NULL;
    if (pattern != NULL) {
        assert_ok(regex_new(span_of(pattern), &re, &err), &err);
    }
    return re;
}

/* A profile of testdata/profiles/, as google/pprof has it before reports. */
static inline struct profile *loaded(const char *name)
{
    char path[128];
    struct err err = {0};
    (void)snprintf(path, sizeof(path), "profiles/%s.pb.gz", name);
    struct profile *p = load_profile(testdata(path));
    assert_ok(profile_add_mapping(p, &err), &err);
    assert_ok(profile_prune(p, &err), &err);
    return p;
}

/* What a profile weighs when it is written: as many bytes, with this FNV-1a
   hash. The wanted figures are of what google/pprof's -proto writes for the
   same file and flags, inflated. */
struct weight {
    size_t bytes;
    uint64_t hash;
};

static inline void assert_weighs(const struct profile *p, struct weight wanted,
                                 const char *name)
{
    struct buf out = encode_ok(p);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < out.len; i++) {
        hash = (hash ^ (unsigned char)out.data[i]) * UINT64_C(0x100000001b3);
    }
    if (out.len != wanted.bytes || hash != wanted.hash) {
        fail_msg("%s weighs %zu, 0x%016" PRIx64, name, out.len, hash);
    }
    buf_release(&out);
}

/* Profiles at the edge: no types nor samples; a sample without locations; no
   labels; locations nobody uses. */
static const char *const edge_profiles[][2] = {
    {"",              ""            },
    {"samples/count", ""            },
    {"samples/count", "1 -"         },
    {"samples/count", "1 -;2 - k=v" },
    {"samples/count", "0 0x10;3 a|a"},
};
enum { N_EDGE_PROFILES = sizeof(edge_profiles) / sizeof(edge_profiles[0]) };

static inline struct profile *edge_profile(size_t i)
{
    return written(edge_profiles[i][0], edge_profiles[i][1]);
}

/* The bytes of a profile, for actions that run out of memory: they decode it
   first, since what is left of a profile after a failure is only to be
   freed. */
static inline struct buf written_bytes(const char *types, const char *text)
{
    struct profile *p = written(types, text);
    struct buf bytes = encode_ok(p);
    profile_free(p);
    return bytes;
}

#endif
