#include "profiles.h"

#include <jansson.h>

#include "base/limits.h"
#include "profile.pb-c.h"

/* --- The oracle: protobuf-c reads the same bytes --- */

typedef Perftools__Profiles__Profile pb_profile;

static void same_string(const pb_profile *pb, int64_t i,
                        const struct profile *p, str_id s)
{
    assert_true(i >= 0 && (size_t)i < pb->n_string_table);
    assert_string_equal(pb->string_table[i], profile_text(p, s));
}

static void same_id(uint64_t id, uint32_t index, uint64_t found)
{
    if (index == PROFILE_NONE) {
        assert_int_equal(id, 0);
    } else {
        assert_int_equal(id, found);
    }
}

static void same_locations(const pb_profile *pb, const struct profile *p)
{
    assert_int_equal(pb->n_location, p->n_locations);
    for (size_t i = 0; i < pb->n_location; i++) {
        const Perftools__Profiles__Location *l = pb->location[i];
        const struct profile_location *m = &p->locations[i];
        assert_true(l->id == m->id && l->address == m->address &&
                    (l->is_folded != 0) == m->is_folded);
        same_id(l->mapping_id, m->mapping,
                m->mapping == PROFILE_NONE ? 0 : p->mappings[m->mapping].id);
        assert_int_equal(l->n_line, m->n_lines);
        for (size_t k = 0; k < l->n_line; k++) {
            const struct profile_line *n = &p->lines[m->first_line + k];
            assert_true(l->line[k]->line == n->line &&
                        l->line[k]->column == n->column);
            assert_int_equal(l->line[k]->function_id,
                             p->functions[n->function].id);
        }
    }
}

static void same_tables(const pb_profile *pb, const struct profile *p)
{
    assert_int_equal(pb->n_function, p->n_functions);
    for (size_t i = 0; i < pb->n_function; i++) {
        const Perftools__Profiles__Function *f = pb->function[i];
        assert_true(f->id == p->functions[i].id &&
                    f->start_line == p->functions[i].start_line);
        same_string(pb, f->name, p, p->functions[i].name);
        same_string(pb, f->system_name, p, p->functions[i].system_name);
        same_string(pb, f->filename, p, p->functions[i].file);
    }
    assert_int_equal(pb->n_mapping, p->n_mappings);
    for (size_t i = 0; i < pb->n_mapping; i++) {
        const Perftools__Profiles__Mapping *m = pb->mapping[i];
        const struct profile_mapping *n = &p->mappings[i];
        assert_true(m->id == n->id && m->memory_start == n->start &&
                    m->memory_limit == n->limit && m->file_offset == n->offset);
        assert_true((m->has_functions != 0) == n->has_functions &&
                    (m->has_filenames != 0) == n->has_filenames &&
                    (m->has_line_numbers != 0) == n->has_line_numbers &&
                    (m->has_inline_frames != 0) == n->has_inline_frames);
        same_string(pb, m->filename, p, n->file);
        same_string(pb, m->build_id, p, n->build_id);
    }
    same_locations(pb, p);
}

static void same_labels(const pb_profile *pb,
                        const Perftools__Profiles__Sample *s,
                        const struct profile *p, uint32_t i)
{
    uint32_t at = p->label_off ? p->label_off[i] : 0;
    for (size_t k = 0; k < s->n_label; k++) {
        const Perftools__Profiles__Label *l = s->label[k];
        if (l->str == 0 && l->num == 0 && l->num_unit == 0) {
            continue; /* says nothing */
        }
        const struct profile_label *m = &p->labels[at++];
        same_string(pb, l->key, p, m->key);
        same_string(pb, l->str, p, m->str);
        assert_int_equal(l->str == 0, m->is_num);
        assert_true(m->num == (l->str == 0 ? l->num : 0));
        same_string(pb, l->str == 0 ? l->num_unit : 0, p, m->unit);
    }
    assert_int_equal(at, p->label_off ? p->label_off[i + 1] : 0);
}

static void same_samples(const pb_profile *pb, const struct profile *p)
{
    assert_int_equal(pb->n_sample, p->n_samples);
    for (uint32_t i = 0; i < p->n_samples; i++) {
        const Perftools__Profiles__Sample *s = pb->sample[i];
        const uint32_t first = p->sample_off[i];
        assert_int_equal(s->n_location_id, p->sample_off[i + 1] - first);
        for (size_t k = 0; k < s->n_location_id; k++) {
            assert_int_equal(s->location_id[k],
                             p->locations[p->sample_locs[first + k]].id);
        }
        assert_int_equal(s->n_value, p->n_types);
        assert_memory_equal(s->value, p->values + (size_t)i * p->n_types,
                            s->n_value * sizeof(*s->value));
        same_labels(pb, s, p, i);
    }
}

static void same_header(const pb_profile *pb, const struct profile *p)
{
    assert_int_equal(pb->n_sample_type, p->n_types);
    for (size_t i = 0; i < pb->n_sample_type; i++) {
        same_string(pb, pb->sample_type[i]->type, p, p->types[i].type);
        same_string(pb, pb->sample_type[i]->unit, p, p->types[i].unit);
    }
    assert_int_equal(pb->n_string_table, p->n_strings);
    assert_int_equal(pb->n_comment, p->n_comments);
    for (size_t i = 0; i < pb->n_comment; i++) {
        same_string(pb, pb->comment[i], p, p->comments[i]);
    }
    assert_true(pb->time_nanos == p->time_nanos &&
                pb->duration_nanos == p->duration_nanos &&
                pb->period == p->period);
    same_string(pb, pb->drop_frames, p, p->drop_frames);
    same_string(pb, pb->keep_frames, p, p->keep_frames);
    same_string(pb, pb->default_sample_type, p, p->default_type);
    same_string(pb, pb->doc_url, p, p->doc_url);
    same_string(pb, pb->period_type ? pb->period_type->type : 0, p,
                p->period_type.type);
    same_string(pb, pb->period_type ? pb->period_type->unit : 0, p,
                p->period_type.unit);
}

static void both_decoders_see_the_same(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct buf raw = load_raw(files->paths[i]);
        pb_profile *pb = perftools__profiles__profile__unpack(
            NULL, raw.len, (const uint8_t *)raw.data);
        assert_non_null(pb);
        struct profile *p = decode_ok(buf_view(&raw), files->paths[i]);
        same_header(pb, p);
        same_tables(pb, p);
        same_samples(pb, p);
        profile_free(p);
        perftools__profiles__profile__free_unpacked(pb, NULL);
        buf_release(&raw);
    }
    print_message("%zu profiles\n", files->n);
    free(files);
}

/* --- Blocks --- */

static bool decode_in_blocks(struct span in, size_t block, struct profile **out,
                             struct err *err)
{
    struct profile_decoder *d = profile_decoder_new(NULL);
    bool ok = d != NULL || err_nomem(err, "test");
    for (size_t at = 0; at < in.len && ok; at += block) {
        const struct span part = span_first(span_from(in, at), block);
        ok = profile_decoder_write(d, (const uint8_t *)part.p, part.len, err);
    }
    ok = ok && profile_decoder_end(d, out, err);
    profile_decoder_free(d);
    return ok;
}

static void every_block_size_gives_the_same(void **state)
{
    (void)state;
    static const char *const names[] = {"profiles/names-go1.23.pb.gz",
                                        "profiles/drop-frames.pb.gz",
                                        "profiles/goroutine-go1.23-0.pb.gz"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct buf raw = load_raw(testdata(names[i]));
        struct profile *whole = decode_ok(buf_view(&raw), names[i]);
        for (size_t block = 1; block < raw.len; block += block / 16 + 1) {
            struct err err = {0};
            struct profile *p = NULL;
            assert_ok(decode_in_blocks(buf_view(&raw), block, &p, &err), &err);
            assert_same_profile(whole, p);
            profile_free(p);
        }
        profile_free(whole);
        buf_release(&raw);
    }
}

static void errors_do_not_depend_on_blocks(void **state)
{
    (void)state;
    struct profile_files *files = calloc(1, sizeof(*files));
    add_profile_files(files, testdata("bad"));
    assert_true(files->n >= 10);
    for (size_t i = 0; i < files->n; i++) {
        struct buf raw = load_raw(files->paths[i]);
        struct err whole = {0};
        struct profile *p = NULL;
        assert_false(decode_in_blocks(buf_view(&raw), raw.len, &p, &whole));
        for (size_t block = 1; block < raw.len; block++) {
            struct err err = {0};
            assert_false(decode_in_blocks(buf_view(&raw), block, &p, &err));
            assert_string_equal(err.text, whole.text);
            assert_int_equal(err.code, whole.code);
            assert_true(err.offset == whole.offset);
        }
        buf_release(&raw);
    }
    free(files);
}

/* --- What is wrong, and where --- */

struct bad_case {
    const char *name;
    int64_t offset; /* -1: said without one */
    enum err_code code;
    const char *text;
};

static const struct bad_case bad_cases[] = {
    {"dup-location",       -1, ERR_FORMAT, "two locations have id 1"              },
    {"hugelen-2g",         28, ERR_LIMIT,  "a field claims 2147483654 bytes"      },
    {"hugelen-packed",     31, ERR_FORMAT,
     "sample 0: a field is longer than its message"                               },
    {"inline-bomb",        -1, ERR_LIMIT,  "sample 0 has more than 1000000 frames"},
    {"inline-bomb-total",  -1, ERR_LIMIT,
     "2000 locations of samples have 1200000 frames, the limit is 1080576"        },
    {"label-bad-index",    -1, ERR_FORMAT,
     "key of label 0 has string 300, the table has 6"                             },
    {"missing-function",   -1, ERR_FORMAT,
     "location 1 names function 9, which does not exist"                          },
    {"no-strings",         -1, ERR_FORMAT, "there is no string table"             },
    {"strindex-negative",  63, ERR_FORMAT,
     "function 1: a string index is out of range"                                 },
    {"string0-not-empty",  70, ERR_FORMAT,
     "the string table does not begin with \"\""                                  },
    {"trunc-proto-000100", 96, ERR_FORMAT,
     "truncated: the last field needs 18 bytes, 4 are there"                      },
    {"values-none",        8,  ERR_FORMAT, "sample 0 has no values"               },
    {"values-too-many",    -1, ERR_FORMAT,
     "samples have 3 values for 1 sample types"                                   },
    {"varint-11-bytes",    29, ERR_FORMAT,
     "field at byte 28: a varint is longer than ten bytes"                        },
    {"wiretype-wrong",     30, ERR_FORMAT,
     "field 2: a message or string has the wrong wire type"                       },
    {"zero-ids",           -1, ERR_FORMAT, "mapping 0 of the table has id 0"      },
};

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_cases) / sizeof(bad_cases[0]); i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "bad/%s.pb.gz", bad_cases[i].name);
        struct buf b = test_read_file(testdata(name));
        struct err err = {0};
        struct profile *p = NULL;
        assert_false(profile_decode(buf_view(&b), &p, &err));
        assert_err(&err, bad_cases[i].code, bad_cases[i].text);
        assert_int_equal(err.has_offset ? (int64_t)err.offset : -1,
                         bad_cases[i].offset);
        buf_release(&b);
    }
}

static void check_malformed(const char *name, const char *must)
{
    char relative[256];
    (void)snprintf(relative, sizeof(relative), "corpus/malformed/%s", name);
    struct buf b = test_read_file(test_shared(relative));
    struct err err = {0};
    struct profile *p = NULL;
    const bool ok = profile_decode(buf_view(&b), &p, &err);
    if (strcmp(must, "either") != 0 && ok != (strcmp(must, "read") == 0)) {
        fail_msg("%s must %s: %s", name, must, err.text);
    }
    if (!ok) {
        assert_true(err.text[0] != '\0');
    }
    profile_free(ok ? p : NULL);
    buf_release(&b);
}

static void the_malformed_corpus_is_judged_right(void **state)
{
    (void)state;
    const char *manifest = test_shared("corpus/malformed/MANIFEST.json");
    if (manifest == NULL) {
        skip();
    }
    json_t *root = json_load_file(manifest, 0, NULL);
    assert_non_null(root);
    const char *name = NULL;
    json_t *entry = NULL;
    json_object_foreach(root, name, entry)
    {
        check_malformed(name,
                        json_string_value(json_object_get(entry, "must")));
    }
    json_decref(root);
}

/* --- Profiles nobody writes --- */

static void put_head(struct buf *b)
{
    put_text(b, "");
    put_text(b, "inuse_space");
    put_text(b, "bytes");
    put_text(b, "main.f");
    put_numbers(b, 1, NUMBERS(1, 1, 2, 2));
}

static void assert_bad(struct buf *b, const char *text)
{
    struct err err = {0};
    struct profile *p = NULL;
    assert_false(profile_decode(buf_view(b), &p, &err));
    assert_string_equal(err.text, text);
    buf_release(b);
}

/* A profile whose locations have the given ids, one sample each, samples
   before or behind them. */
static struct profile *with_ids(const uint64_t *ids, size_t n,
                                bool samples_first)
{
    struct buf b = WIRE_BUF;
    put_head(&b);
    for (unsigned pass = 0; pass < 2; pass++) {
        const bool samples = (pass == 0) == samples_first;
        for (size_t i = 0; i < n; i++) {
            if (samples) {
                put_numbers(&b, 2, NUMBERS(1, ids[n - 1 - i], 2, i + 1));
            } else {
                put_numbers(&b, 4, NUMBERS(1, ids[i], 3, 0x1000 + i));
            }
        }
    }
    struct profile *p = decode_ok(buf_view(&b), "ids");
    buf_release(&b);
    return p;
}

static void ids_may_be_sparse_or_huge_in_any_order(void **state)
{
    (void)state;
    static const uint64_t sets[][5] = {
        {1,          2,              3,                 4,          5          },
        {5,          4,              3,                 2,          1          },
        {1,          70000,          70001,             200000,     3          },
        {1,          0x7fffffff,     0x80000000,        0xffffffff, 0x100000000},
        {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63, 7,          0xffff0000 },
    };
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        for (unsigned first = 0; first < 2; first++) {
            struct profile *p = with_ids(sets[i], 5, first == 1);
            assert_int_equal(p->n_samples, 5);
            for (uint32_t s = 0; s < 5; s++) {
                assert_int_equal(p->sample_locs[s], 4 - s);
                assert_true(p->locations[s].id == sets[i][s]);
                assert_true(p->values[s] == s + 1);
            }
            profile_free(p);
        }
    }
}

static void a_missing_location_is_named(void **state)
{
    (void)state;
    static const uint64_t ids[] = {7, 70000, UINT64_MAX};
    static const char *const texts[] = {
        "sample 1 names location 7, which does not exist",
        "sample 1 names location 70000, which does not exist",
        "sample 1 names location 18446744073709551615, which does not exist"};
    for (unsigned i = 0; i < 3; i++) {
        struct buf b = WIRE_BUF;
        put_head(&b);
        put_numbers(&b, 2, NUMBERS(1, 1, 2, 1));
        put_numbers(&b, 2, NUMBERS(1, ids[i], 2, 1));
        put_numbers(&b, 4, NUMBERS(1, 1));
        assert_bad(&b, texts[i]);
    }
}

static void duplicate_huge_ids_are_found(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    put_numbers(&b, 5, NUMBERS(1, UINT64_MAX));
    put_numbers(&b, 5, NUMBERS(1, UINT64_MAX));
    assert_bad(&b, "two functions have id 18446744073709551615");
}

static void packed_and_single_numbers_mix(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    for (uint64_t id = 1; id <= 300; id++) {
        put_numbers(&b, 4, NUMBERS(1, id));
    }
    struct buf sample = WIRE_BUF;
    put_number(&sample, 1, 300);
    put_bytes(&sample, 1, SPAN_LIT("\x01\xac\x02\x03"));
    put_number(&sample, 1, 2);
    put_bytes(&sample, 1, SPAN_LIT(""));
    put_bytes(&sample, 2, SPAN_LIT("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
    put_message(&b, 2, sample);
    struct profile *p = decode_ok(buf_view(&b), "packed");
    static const uint32_t wanted[] = {299, 0, 299, 2, 1};
    assert_int_equal(p->sample_off[1], 5);
    assert_memory_equal(p->sample_locs, wanted, sizeof(wanted));
    assert_true(p->values[0] == -1);
    profile_free(p);
    buf_release(&b);
}

static void a_packed_id_may_not_leave_its_field(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    struct buf sample = WIRE_BUF;
    put_bytes(&sample, 1, SPAN_LIT("\x01\x80"));
    put_number(&sample, 2, 1);
    put_message(&b, 2, sample);
    assert_bad(&b, "sample 0: a packed location id runs past its field");
    /* A long run of continuation bytes, more than any room reserved. */
    struct buf ids = WIRE_BUF;
    buf_repeat(&ids, '\xff', 100000);
    struct buf long_sample = WIRE_BUF;
    put_message(&long_sample, 1, ids);
    put_head(&b);
    put_message(&b, 2, long_sample);
    assert_bad(&b, "sample 0: a location id is longer than ten bytes");
}

static void labels_begin_in_the_middle(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    put_numbers(&b, 2, NUMBERS(2, 1));
    struct buf sample = WIRE_BUF;
    put_number(&sample, 2, 2);
    put_numbers(&sample, 3, NUMBERS(1, 1, 3, 48, 4, 2));
    put_numbers(&sample, 3, NUMBERS(1, 2));       /* says nothing */
    put_numbers(&sample, 3, NUMBERS(1, 2, 2, 3)); /* text */
    put_message(&b, 2, sample);
    put_numbers(&b, 2, NUMBERS(2, 3));
    struct profile *p = decode_ok(buf_view(&b), "labels");
    static const uint32_t wanted[] = {0, 0, 2, 2};
    assert_memory_equal(p->label_off, wanted, sizeof(wanted));
    assert_true(p->labels[0].is_num && p->labels[0].num == 48);
    assert_string_equal(profile_text(p, p->labels[0].unit), "bytes");
    assert_false(p->labels[1].is_num);
    assert_string_equal(profile_text(p, p->labels[1].str), "main.f");
    profile_free(p);
    buf_release(&b);
}

static void two_profiles_in_a_row_are_refused(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    put_number(&b, 9, 123);
    put_number(&b, 9, 123);
    assert_bad(&b, "two profiles in one: the time is said twice");
}

static void empty_input_is_an_error(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    assert_bad(&b, "empty input");
}

/* No message has a field 0, and pprof does not mind. */
static void fields_nobody_knows_are_passed_over(void **state)
{
    (void)state;
    struct buf raw = load_raw(testdata("profiles/heap-go1.23.pb.gz"));
    struct buf more = BUF_LIMIT((size_t)1 << 24);
    struct profile *plain = NULL;
    struct profile *odd = NULL;
    struct err err = {0};
    buf_add(&more, "\x00\x05\x02\x01x\xfa\x01\x02hi", 10);
    buf_span(&more, buf_view(&raw));
    assert_ok(profile_decode(buf_view(&raw), &plain, &err), &err);
    assert_ok(profile_decode(buf_view(&more), &odd, &err), &err);
    assert_same_profile(plain, odd);
    profile_free(plain);
    profile_free(odd);
    buf_release(&raw);
    buf_release(&more);
}

static void a_mapping_that_is_missing_is_none(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    put_numbers(&b, 4, NUMBERS(1, 1, 2, 9));
    struct profile *p = decode_ok(buf_view(&b), "mapping");
    assert_int_equal(p->locations[0].mapping, PROFILE_NONE);
    profile_free(p);
    buf_release(&b);
}

static void a_field_larger_than_the_window_is_read(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    struct buf name = WIRE_BUF;
    buf_repeat(&name, 'x', 5U << 20);
    put_head(&b);
    put_bytes(&b, 6, buf_view(&name));
    put_numbers(&b, 5, NUMBERS(1, 1, 2, 4));
    for (size_t block = 1000; block < 10U << 20; block *= 100) {
        struct err err = {0};
        struct profile *p = NULL;
        assert_ok(decode_in_blocks(buf_view(&b), block, &p, &err), &err);
        assert_true(
            span_eq(profile_span(p, p->functions[0].name), buf_view(&name)));
        profile_free(p);
    }
    buf_release(&name);
    buf_release(&b);
}

/* --- Bombs --- */

/* Feeds `message` as field `field` up to `n` times; the limit must stop it.
   Returns how often it was taken. */
static size_t feed_bomb(unsigned field, struct span message, size_t n,
                        uint64_t stored_bytes, struct err *err)
{
    const struct profile_decode_options options = {.stored_bytes =
                                                       stored_bytes};
    struct profile_decoder *d = profile_decoder_new(&options);
    struct buf head = WIRE_BUF;
    put_head(&head);
    struct buf block = WIRE_BUF;
    for (size_t i = 0; i < 10000; i++) {
        put_bytes(&block, field, message);
    }
    bool ok =
        profile_decoder_write(d, (const uint8_t *)head.data, head.len, err);
    size_t fed = 0;
    for (; fed < n && ok; fed += 10000) {
        ok = profile_decoder_write(d, (const uint8_t *)block.data, block.len,
                                   err);
    }
    assert_true(!ok || fed >= n);
    profile_decoder_free(d);
    buf_release(&head);
    buf_release(&block);
    return fed;
}

static void bombs_stop_early(void **state)
{
    (void)state;
    static const struct {
        unsigned field;
        struct span message;
    } bombs[] = {
        {6, {"", 0}                        }, /* strings */
        {2, {"\x10\x01", 2}                }, /* samples */
        {2, {"\x10\x01\x1a\x02\x18\x01", 6}}, /* labels */
        {4, {"\x08\x01\x22\x00", 4}        }, /* locations */
        {5, {"", 0}                        }, /* functions */
        {3, {"", 0}                        }, /* mappings */
        {1, {"", 0}                        }, /* sample types */
    };
    for (size_t i = 0; i < sizeof(bombs) / sizeof(bombs[0]); i++) {
        struct err err = {0};
        const size_t fed =
            feed_bomb(bombs[i].field, bombs[i].message, 40000000, 80000, &err);
        assert_int_equal(err.code, ERR_LIMIT);
        /* 84 MB allowed; the smallest element takes 8. */
        assert_true(fed <= 12000000);
    }
}

static void samples_without_values_stop_at_once(void **state)
{
    (void)state;
    struct err err = {0};
    const size_t fed = feed_bomb(2, SPAN_LIT(""), 1000000, 80000, &err);
    assert_int_equal(fed, 10000);
    assert_err(&err, ERR_FORMAT, "sample 0 has no values");
}

static void a_large_honest_profile_fits(void **state)
{
    (void)state;
    struct err err = {0};
    const size_t fed =
        feed_bomb(2, SPAN_LIT("\x10\x01"), 1000000, 1U << 20, &err);
    assert_int_equal(fed, 1000000);
    assert_int_equal(err.code, ERR_NONE);
}

static void the_memory_limit_holds(void **state)
{
    (void)state;
    const struct profile_decode_options options = {.limit_bytes = 1000};
    struct profile_decoder *d = profile_decoder_new(&options);
    struct buf raw = load_raw(testdata("profiles/heap-go1.23.pb.gz"));
    struct err err = {0};
    assert_false(
        profile_decoder_write(d, (const uint8_t *)raw.data, raw.len, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    profile_decoder_free(d);
    buf_release(&raw);
}

/* --- Memory --- */

static bool decode_once(void *ctx, struct err *err)
{
    const struct span *in = ctx;
    struct profile *p = NULL;
    const bool ok = profile_decode(*in, &p, err);
    profile_free(ok ? p : NULL);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    static const char *const names[] = {"profiles/names-go1.23.pb.gz",
                                        "profiles/drop-frames.pb.gz"};
    for (unsigned i = 0; i < 2; i++) {
        struct buf b = test_read_file(testdata(names[i]));
        struct span in = buf_view(&b);
        assert_true(oom_walk(decode_once, &in) > 10);
        buf_release(&b);
    }
}

static bool decode_sparse(void *ctx, struct err *err)
{
    const struct span *in = ctx;
    struct profile *p = NULL;
    const bool ok = decode_in_blocks(*in, 100, &p, err);
    profile_free(ok ? p : NULL);
    return ok;
}

static void sparse_ids_survive_it_too(void **state)
{
    (void)state;
    struct buf b = WIRE_BUF;
    put_head(&b);
    put_number(&b, 13, 1);
    for (uint64_t id = 1; id <= 200; id++) {
        put_numbers(&b, 2, NUMBERS(1, id << 40, 2, 1));
        put_numbers(&b, 4, NUMBERS(1, id << 40));
    }
    struct span in = buf_view(&b);
    assert_true(oom_walk(decode_sparse, &in) > 10);
    buf_release(&b);
}

/* Not one allocation a message: what a profile costs is its columns. */
static void allocations_do_not_grow_with_samples(void **state)
{
    (void)state;
    struct buf raw = load_raw(testdata("profiles/heap-go1.23.pb.gz"));
    oom_count_reset();
    struct profile *p = decode_ok(buf_view(&raw), "heap");
    const size_t n = oom_count_allocations();
    assert_true(p->n_samples > 500 && n < 120);
    assert_true(profile_bytes(p) < 4 * raw.len);
    profile_free(p);
    buf_release(&raw);
}

/* --- Sniffing --- */

static void profiles_are_recognised(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct buf raw = load_raw(files->paths[i]);
        for (size_t n = 8; n <= raw.len; n *= 2) {
            if (!profile_sniff((const uint8_t *)raw.data, n)) {
                fail_msg("%s is not recognised by %zu bytes", files->paths[i],
                         n);
            }
        }
        buf_release(&raw);
    }
    free(files);
}

static void other_bytes_are_not(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "goroutine 1 [running]:\nmain.main()\n",
        "heap profile: 1: 2 [3: 4] @ heap/1048576\n",
        "goroutine profile: total 25\n",
        "panic: boom\n\ngoroutine 1 [running]:\n",
        "fatal error: all goroutines are asleep - deadlock!\n",
        "go1.7 heap dump\n",
        "<html><body>404</body></html>\n",
        "{\"a\": 1}\n",
        "2026-11-23 12:00:00 started\n",
        "\n\ngoroutine 1 [running]:\nmain.main()\n",
        "\177ELF\x02\x01\x01",
        "",
        "x",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (profile_sniff((const uint8_t *)texts[i], strlen(texts[i]))) {
            fail_msg("taken for a profile: %s", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_decoders_see_the_same),
        cmocka_unit_test(every_block_size_gives_the_same),
        cmocka_unit_test(errors_do_not_depend_on_blocks),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_malformed_corpus_is_judged_right),
        cmocka_unit_test(ids_may_be_sparse_or_huge_in_any_order),
        cmocka_unit_test(a_missing_location_is_named),
        cmocka_unit_test(duplicate_huge_ids_are_found),
        cmocka_unit_test(packed_and_single_numbers_mix),
        cmocka_unit_test(a_packed_id_may_not_leave_its_field),
        cmocka_unit_test(labels_begin_in_the_middle),
        cmocka_unit_test(two_profiles_in_a_row_are_refused),
        cmocka_unit_test(empty_input_is_an_error),
        cmocka_unit_test(fields_nobody_knows_are_passed_over),
        cmocka_unit_test(a_mapping_that_is_missing_is_none),
        cmocka_unit_test(a_field_larger_than_the_window_is_read),
        cmocka_unit_test(bombs_stop_early),
        cmocka_unit_test(samples_without_values_stop_at_once),
        cmocka_unit_test(a_large_honest_profile_fits),
        cmocka_unit_test(the_memory_limit_holds),
        cmocka_unit_test(running_out_of_memory_is_survived),
        cmocka_unit_test(sparse_ids_survive_it_too),
        cmocka_unit_test(allocations_do_not_grow_with_samples),
        cmocka_unit_test(profiles_are_recognised),
        cmocka_unit_test(other_bytes_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
