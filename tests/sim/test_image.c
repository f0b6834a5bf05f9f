#include "heap/dump_parser.h"
#include "test.h"

#include "base/gz.h"
#include "sim/image_build_private.h"
#include "sim/program_private.h"

#include <string.h>

/* --- worlds --- */

static struct sim_world *world_of(const char *scenario, enum sim_go go,
                                  int64_t rate_bytes)
{
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = sim_scenario_find(scenario);
    o.go = go;
    o.n_background = 40;
    o.rate_bytes = rate_bytes;
    assert_non_null(o.scenario);
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(&o, &w, &err), &err);
    assert_ok(sim_world_run(w, 60 * SIM_SECOND, &err), &err);
    return w;
}

static struct buf dump_of(struct sim_world *w)
{
    struct test_collector c = TEST_COLLECTOR;
    struct sink out = test_collect(&c);
    struct err err = {0};
    assert_ok(sim_dump_write(w, &out, &err), &err);
    assert_int_equal(c.n_ends, 1);
    return c.bytes;
}

static struct buf program_of(struct sim_world *w)
{
    struct buf program = BUF_LIMIT((size_t)1 << 30);
    struct err err = {0};
    assert_ok(sim_program_write(w, &program, &err), &err);
    return program;
}

/* --- dumps are whole --- */

struct row {
    const char *name, *scenario;
    enum sim_go go;
};

static const struct row rows[] = {
    {"map_of_go_1_19",             "cache-plateau",       SIM_GO_1_19},
    {"map_of_go_1_23",             "cache-plateau",       SIM_GO_1_23},
    {"map_of_go_1_24",             "cache-plateau",       SIM_GO_1_24},
    {"map_of_go_1_26",             "cache-plateau",       SIM_GO_1_26},
    {"list_and_workers",           "steady",              SIM_GO_1_23},
    {"slices_that_share_a_global", "sub-slice-pin",       SIM_GO_1_25},
    {"chain_held_by_a_goroutine",  "context-value-chain", SIM_GO_1_23},
    {"goroutines_with_channels",   "early-return-send",   SIM_GO_1_21},
    {"cycle_with_finalizers",      "finalizer-cycle",     SIM_GO_1_26},
};
enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void expect_kinds_in_order(const struct parsed_dump *d)
{
    static const uint8_t order[] = {6,  3,  8, 1,  4,  5,  9,
                                    12, 13, 7, 10, 16, 17, 0};
    size_t n = 0;
    for (size_t i = 0; i < sizeof(order); i++) {
        if (order[i] == 7 && d->n_tags[7] == 0) {
            continue;
        }
        assert_true(n < d->n_order);
        assert_int_equal(d->order[n], order[i]);
        n++;
    }
    assert_int_equal(d->n_order, n);
}

/* Frames of a goroutine lie side by side and each names the one it calls. */
static void expect_frames(const struct parsed_dump *d)
{
    size_t at = 0;
    for (size_t i = 0; i < d->goroutines.n; i++) {
        const struct parsed_goroutine *g = &d->goroutines.items[i];
        assert_true(g->n_frames > 0);
        assert_int_equal(d->frames.items[at].sp, g->sp);
        assert_int_equal(d->frames.items[at].child_sp, 0);
        for (size_t k = 1; k < g->n_frames; k++) {
            const struct parsed_frame *f = &d->frames.items[at + k];
            const struct parsed_memory *below = &d->roots.items[at + k - 1];
            assert_int_equal(f->child_sp, f[-1].sp);
            assert_int_equal(f->sp, below->address + below->bytes);
        }
        at += g->n_frames;
    }
    assert_int_equal(at, d->frames.n);
}

static void expect_agreement(struct sim_world *w, const struct parsed_dump *d,
                             const struct parsed_reach *r)
{
    struct memstats m;
    sim_world_memstats(w, &m);
    const uint64_t model_objects = m.v[MEMSTATS_HeapObjects];
    const uint64_t model_bytes = m.v[MEMSTATS_HeapAlloc];
    assert_int_equal(d->memstats[PARSED_HEAP_OBJECTS], r->n_objects);
    assert_int_equal(d->memstats[PARSED_HEAP_ALLOC], r->n_bytes);
    assert_int_equal(d->memstats[PARSED_ALLOC], r->n_bytes);
    /* Beside the model only headers and arrays of pointers. */
    assert_true(r->n_objects >= model_objects);
    assert_true(r->n_bytes >= model_bytes);
    assert_true((double)r->n_objects < 1.05 * (double)model_objects);
    assert_true((double)r->n_bytes < 1.2 * (double)model_bytes);
}

static void dump_is_whole(void **state)
{
    const struct row *row = *state;
    struct sim_world *w = world_of(row->scenario, row->go, 512 << 10);
    struct buf bytes = dump_of(w);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    assert_true(d.has_ended);
    assert_true(span_is(d.build, sim_go_full(row->go)));
    expect_kinds_in_order(&d);
    parsed_check_objects(&d);
    const struct parsed_reach r = parsed_mark(&d);
    assert_int_equal(r.n_dangling, 0);
    expect_agreement(w, &d, &r);
    parsed_check_samples(&d);
    assert_true(d.samples.n > 0);
    expect_frames(&d);
    assert_int_equal(d.goroutines.n, w->n_goroutines + 2);
    /* Tail slots there are since 1.22, and nothing else is unreached. */
    assert_int_equal(d.objects.n > r.n_objects, row->go >= SIM_GO_1_23);
    for (size_t i = 0; i < d.objects.n; i++) {
        const struct parsed_memory *m = &d.objects.items[i];
        assert_true(m->is_reached ||
                    (m->n_fields == 0 && m->bytes <= 512 &&
                     m->address % 8192 + m->bytes > 8192 - 256));
    }
    parsed_release(&d);
    buf_release(&bytes);
    sim_world_free(w);
}

/* --- files --- */

static void same_options_give_the_same_files(void **state)
{
    (void)state;
    struct sim_world *a = world_of("steady", SIM_GO_1_24, 512 << 10);
    struct sim_world *b = world_of("steady", SIM_GO_1_24, 512 << 10);
    struct buf dumps[] = {dump_of(a), dump_of(b)};
    struct buf programs[] = {program_of(a), program_of(b)};
    assert_int_equal(dumps[0].len, dumps[1].len);
    assert_memory_equal(dumps[0].data, dumps[1].data, dumps[0].len);
    assert_int_equal(programs[0].len, programs[1].len);
    assert_memory_equal(programs[0].data, programs[1].data, programs[0].len);
    for (size_t i = 0; i < 2; i++) {
        buf_release(&dumps[i]);
        buf_release(&programs[i]);
    }
    sim_world_free(a);
    sim_world_free(b);
}

/* --- the program's file --- */

static uint64_t number_at(struct span s, uint64_t at, unsigned bytes)
{
    uint64_t v = 0;
    assert_true(at + bytes <= s.len);
    for (unsigned i = 0; i < bytes; i++) {
        v |= (uint64_t)(uint8_t)s.p[at + i] << (8 * i);
    }
    return v;
}

static bool find_section(struct span elf, const char *name, struct span *out)
{
    const uint64_t headers = number_at(elf, 40, 8);
    const uint64_t n = number_at(elf, 60, 2);
    const uint64_t names = headers + 64 * number_at(elf, 62, 2);
    const uint64_t texts = number_at(elf, names + 24, 8);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t h = headers + 64 * i;
        const char *text = elf.p + texts + number_at(elf, h, 4);
        if (strcmp(text, name) == 0) {
            const uint64_t at = number_at(elf, h + 24, 8);
            const uint64_t len = number_at(elf, h + 32, 8);
            assert_true(at + len <= elf.len);
            *out = (struct span){elf.p + at, (size_t)len};
            return true;
        }
    }
    return false;
}

static bool has_section(struct span elf, const char *name)
{
    struct span contents;
    return find_section(elf, name, &contents);
}

/* Contents of a section that there must be. */
static struct span section_of(struct span elf, const char *name)
{
    struct span contents = {0};
    if (!find_section(elf, name, &contents)) {
        fail_msg("no section %s", name);
    }
    return contents;
}

struct symbol {
    uint64_t address, bytes;
    unsigned kind;
};

static bool find_symbol(struct span elf, const char *name, struct symbol *out)
{
    const struct span symtab = section_of(elf, ".symtab");
    const struct span strtab = section_of(elf, ".strtab");
    for (size_t at = 0; at + 24 <= symtab.len; at += 24) {
        const char *text = strtab.p ? strtab.p + number_at(symtab, at, 4) : "";
        if (strcmp(text, name) == 0) {
            *out = (struct symbol){number_at(symtab, at + 8, 8),
                                   number_at(symtab, at + 16, 8),
                                   (unsigned)number_at(symtab, at + 4, 1) & 15};
            return true;
        }
    }
    return false;
}

static uint64_t address_of(struct span elf, const char *name)
{
    struct symbol s = {0};
    if (!find_symbol(elf, name, &s)) {
        fail_msg("no symbol %s", name);
    }
    return s.address;
}

/* Data is segment 0, BSS 1; they come after the frames. */
static const struct parsed_memory *segment_of(const struct parsed_dump *d,
                                              size_t i)
{
    assert_true(d->roots.items && d->roots.n == d->frames.n + 2);
    return d->roots.items + d->frames.n + i;
}

static void program_and_dump_agree_on_addresses(void **state)
{
    (void)state;
    struct sim_world *w = world_of("cache-plateau", SIM_GO_1_23, 512 << 10);
    struct buf bytes = dump_of(w);
    struct buf program = program_of(w);
    const struct span elf = buf_view(&program);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    const struct parsed_memory *data = segment_of(&d, 0);
    const struct parsed_memory *bss = segment_of(&d, 1);
    assert_int_equal(data->address, address_of(elf, "runtime.data"));
    assert_int_equal(data->address + data->bytes,
                     address_of(elf, "runtime.edata"));
    assert_int_equal(bss->address, address_of(elf, "runtime.bss"));
    assert_int_equal(bss->address + bss->bytes,
                     address_of(elf, "runtime.ebss"));
    for (size_t i = 0; i < d.frames.n; i++) {
        char name[200];
        const struct parsed_frame *f = &d.frames.items[i];
        assert_true(f->function.len < sizeof(name));
        memcpy(name, f->function.p, f->function.len);
        name[f->function.len] = '\0';
        assert_int_equal(address_of(elf, name), f->entry);
        assert_true(f->pc > f->entry && f->pc < f->entry + 0x400);
        if (i > 200) {
            break;
        }
    }
    parsed_release(&d);
    buf_release(&bytes);
    buf_release(&program);
    sim_world_free(w);
}

/* --- finalizers --- */

static bool has_symbol(struct span elf, const char *name, uint64_t address)
{
    struct symbol s = {0};
    return find_symbol(elf, name, &s) && s.address == address;
}

/* A word of the program at an address in .rodata. */
static uint64_t rodata_at(struct span elf, uint64_t address, unsigned bytes)
{
    const struct span rodata = section_of(elf, ".rodata");
    const uint64_t start = address_of(elf, "runtime.rodata");
    assert_true(address >= start);
    return number_at(rodata, address - start, bytes);
}

/* abi.Name at an address: flags, length, text. */
static struct span name_at(struct span elf, uint64_t address)
{
    const struct span rodata = section_of(elf, ".rodata");
    size_t at = (size_t)(address - address_of(elf, "runtime.rodata")) + 1;
    const uint64_t n = number_at(rodata, at, 1);
    assert_true(n > 0 && n < 0x80);
    assert_true(at + 1 + n <= rodata.len);
    return (struct span){rodata.p + at + 1, (size_t)n};
}

enum { TYPE_PTR_BYTES = 8, TYPE_FLAGS = 20, TYPE_BITS = 32, TYPE_NAME = 40 };

static struct span type_name(struct span elf, uint64_t type)
{
    const struct span name =
        name_at(elf, address_of(elf, "runtime.types") +
                         rodata_at(elf, type + TYPE_NAME, 4));
    const bool has_star = rodata_at(elf, type + TYPE_FLAGS, 1) & 2;
    assert_true(!has_star || (name.p && name.p[0] == '*'));
    return has_star ? (struct span){name.p + 1, name.len - 1} : name;
}

static void expect_finalizer(struct span elf, const struct parsed_finalizer *f)
{
    const struct span type = type_name(elf, f->argument_type);
    const bool is_stream = span_is(type, "*stream.Stream");
    assert_int_equal(f->object_type, f->argument_type);
    assert_true(is_stream || span_is(type, "*stream.Decoder"));
    assert_int_equal(rodata_at(elf, f->closure, 8), f->pc);
    assert_true(has_symbol(
        elf,
        is_stream ? "acme.dev/transcode/internal/stream.(*Stream).Close"
                  : "acme.dev/transcode/internal/stream.(*Decoder).Close",
        f->pc));
}

static void finalizers_alone_keep_a_cycle(void **state)
{
    (void)state;
    struct sim_world *w = world_of("finalizer-cycle", SIM_GO_1_24, 512 << 10);
    struct buf bytes = dump_of(w);
    struct buf program = program_of(w);
    const struct sim_population *cycles = &w->populations.items[0];
    const uint64_t n = cycles->n;
    assert_string_equal(cycles->spec.name, "cycles with finalizers");
    assert_true(n > 20);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    assert_int_equal(d.n_tags[7], 2 * n);
    uint64_t last = 0;
    for (size_t i = 0; i < d.finalizers.n; i++) {
        const struct parsed_finalizer *f = &d.finalizers.items[i];
        assert_true(f->object > last);
        last = f->object;
        expect_finalizer(buf_view(&program), f);
    }
    /* Without them three objects an entry are out of reach. */
    const struct parsed_reach without = parsed_mark_from(&d, false);
    for (size_t i = 0; i < d.objects.n; i++) {
        d.objects.items[i].is_reached = false;
    }
    const struct parsed_reach with = parsed_mark_from(&d, true);
    assert_int_equal(with.n_objects, without.n_objects + 3 * n);
    assert_int_equal(with.n_bytes, without.n_bytes + n * (96 + 208 + 32768));
    parsed_release(&d);
    buf_release(&bytes);
    buf_release(&program);
    sim_world_free(w);
}

/* --- types in .rodata --- */

/* Are the pointers of an object those of values of its type, side by side? */
static void expect_pattern(struct parsed_dump *d, struct span elf,
                           const struct parsed_memory *m, uint64_t type)
{
    const uint64_t bytes = rodata_at(elf, type, 8);
    const uint64_t pointer_bytes = rodata_at(elf, type + TYPE_PTR_BYTES, 8);
    const uint64_t bits = rodata_at(elf, type + TYPE_BITS, 8);
    assert_true(bytes > 0 && bytes <= m->bytes - 8);
    size_t k = 0;
    for (uint64_t at = 8; k < m->n_fields; at += 8) {
        assert_true(at < m->bytes);
        const uint64_t word = (at - 8) % bytes / 8;
        const bool is_pointer =
            word < pointer_bytes / 8 &&
            (rodata_at(elf, bits + word / 8, 1) >> (word % 8) & 1);
        const bool is_field = d->fields.items[m->first_field + k] == at;
        assert_int_equal(is_field, is_pointer);
        k += is_field ? 1 : 0;
    }
}

static const struct row typed_rows[] = {
    {"types_of_buckets_of_go_1_23", "two-leaks-one-helper", SIM_GO_1_23},
    {"types_of_groups_of_go_1_24",  "cache-plateau",        SIM_GO_1_24},
    {"types_of_groups_of_go_1_26",  "map-cache",            SIM_GO_1_26},
    {"types_of_slices_of_go_1_23",  "listeners",            SIM_GO_1_23},
    {"types_of_slices_of_go_1_26",  "sub-slice-pin",        SIM_GO_1_26},
};
enum { N_TYPED = sizeof(typed_rows) / sizeof(typed_rows[0]) };

static void type_words_lead_to_types(void **state)
{
    const struct row *row = *state;
    struct sim_world *w = world_of(row->scenario, row->go, 512 << 10);
    struct buf bytes = dump_of(w);
    struct buf program = program_of(w);
    const struct span elf = buf_view(&program);
    const uint64_t types = address_of(elf, "runtime.types");
    const uint64_t end = address_of(elf, "runtime.etypes");
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    uint64_t n = 0;
    uint64_t n_arrays = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        n_arrays += p->array_header_bytes ? p->n_arrays : 0;
    }
    assert_true(n_arrays > 0);
    for (size_t i = 0; i < d.objects.n; i++) {
        const struct parsed_memory *m = &d.objects.items[i];
        if (m->n_fields == 0 || m->bytes <= 512 || m->bytes > 32768) {
            continue;
        }
        const uint64_t type = parsed_word(&d, m->at);
        assert_true(type >= types && type < end);
        expect_pattern(&d, elf, m, type);
        n++;
    }
    assert_true(n >= n_arrays);
    parsed_release(&d);
    buf_release(&bytes);
    buf_release(&program);
    sim_world_free(w);
}

/* --- the program before any dump --- */

static void program_names_what_the_dump_will(void **state)
{
    (void)state;
    struct sim_world *w = world_of("finalizer-cycle", SIM_GO_1_23, 512 << 10);
    struct buf before = program_of(w);
    struct buf bytes = dump_of(w);
    struct buf after = program_of(w);
    (void)address_of(buf_view(&before), "runtime.goexit");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, before.len);
    buf_release(&before);
    buf_release(&after);
    buf_release(&bytes);
    sim_world_free(w);
}

/* The build id of the program as text, in profiles. */
static bool profile_has(struct sim_world *w, struct span text)
{
    struct err err = {0};
    struct buf packed = BUF_LIMIT((size_t)1 << 24);
    struct test_collector c = TEST_COLLECTOR;
    assert_ok(sim_profile_write(w, SIM_HEAP, 0, &packed, &err), &err);
    struct gz_reader *g = gz_reader_new(test_collect(&c), 1 << 26);
    assert_non_null(g);
    assert_ok(
        gz_reader_write(g, (const uint8_t *)packed.data, packed.len, &err) &&
            gz_reader_end(g, &err),
        &err);
    bool has = false;
    for (size_t i = 0; i + text.len <= c.bytes.len && !has; i++) {
        has = memcmp(c.bytes.data + i, text.p, text.len) == 0;
    }
    gz_reader_free(g);
    buf_release(&c.bytes);
    buf_release(&packed);
    return has;
}

static void program_and_profile_have_one_build_id(void **state)
{
    (void)state;
    enum { HEAD = 16, ID = 20 };
    struct sim_world *w = world_of("steady", SIM_GO_1_25, 512 << 10);
    struct buf program = program_of(w);
    const struct span elf = buf_view(&program);
    const struct span note = section_of(elf, ".note.gnu.build-id");
    struct buf text = BUF_LIMIT(64);
    assert_int_equal(note.len, HEAD + ID);
    assert_memory_equal(note.p + 12, "GNU", 4);
    assert_int_equal(number_at(note, 8, 4), 3);
    for (unsigned i = 0; i < ID; i++) {
        buf_printf(&text, "%02x", (unsigned)number_at(note, HEAD + i, 1));
    }
    assert_true(profile_has(w, buf_view(&text)));
    const struct span go = section_of(elf, ".note.go.buildid");
    assert_int_equal(number_at(go, 4, 4), 83);
    assert_memory_equal(go.p + 12, "Go\0\0", 4);
    buf_release(&text);
    buf_release(&program);
    sim_world_free(w);
}

static void no_gnu_build_id_before_go_1_24(void **state)
{
    (void)state;
    struct sim_world *w = world_of("steady", SIM_GO_1_23, 512 << 10);
    struct buf program = program_of(w);
    assert_false(has_section(buf_view(&program), ".note.gnu.build-id"));
    assert_true(has_section(buf_view(&program), ".note.go.buildid"));
    buf_release(&program);
    sim_world_free(w);
}

/* --- samples --- */

static void every_object_is_sampled_at_rate_1(void **state)
{
    (void)state;
    struct sim_world *w = world_of("steady", SIM_GO_1_23, 1);
    struct buf bytes = dump_of(w);
    struct buf program = program_of(w);
    const uint64_t types = address_of(buf_view(&program), "runtime.types");
    const uint64_t end = address_of(buf_view(&program), "runtime.etypes");
    struct memstats m;
    sim_world_memstats(w, &m);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    (void)parsed_mark(&d);
    parsed_check_samples(&d);
    assert_int_equal(d.samples.n, m.v[MEMSTATS_HeapObjects]);
    uint64_t n_after_header = 0;
    for (size_t i = 0; i < d.samples.n; i++) {
        const struct parsed_sample *s = &d.samples.items[i];
        const struct parsed_memory *o = parsed_find(&d, s->address);
        const bool has_header = s->address != o->address;
        const uint64_t first = parsed_word(&d, o->at);
        if (has_header) {
            assert_true(o->bytes > 512 && o->bytes <= 32768);
            assert_true(first >= types && first < end);
            n_after_header++;
        }
    }
    assert_true(n_after_header > 0);
    parsed_release(&d);
    buf_release(&bytes);
    buf_release(&program);
    sim_world_free(w);
}

/* --- maps as the runtime would read them --- */

struct map_case {
    const char *name;
    enum sim_go go;
};

static const struct map_case map_cases[] = {
    {"entries_of_the_map_of_go_1_23", SIM_GO_1_23},
    {"entries_of_the_map_of_go_1_25", SIM_GO_1_25},
};

static uint64_t word_at(struct parsed_dump *d, uint64_t address)
{
    const struct parsed_memory *m = parsed_find(d, address);
    assert_non_null(m);
    return parsed_word(d, m->at + (size_t)(address - m->address));
}

/* An element must lead to a main.Place: 96 bytes that lead to 1792. */
static void expect_place(struct parsed_dump *d, uint64_t elem)
{
    const struct parsed_memory *place = parsed_find(d, word_at(d, elem));
    assert_non_null(place);
    assert_int_equal(place->bytes, 96);
    assert_int_equal(place->n_fields, 1);
    const struct parsed_memory *raw =
        parsed_find(d, parsed_pointer(d, place, 0));
    assert_non_null(raw);
    assert_int_equal(raw->bytes, 1792);
    assert_int_equal(word_at(d, place->address + 16), 1700);
}

/* map[string]*T of Go 1.23: B at 9, buckets at 16. */
static uint64_t count_buckets(struct parsed_dump *d, uint64_t hmap)
{
    enum { BUCKET = 8 + 8 * 24 + 8 };
    const uint64_t log = word_at(d, hmap + 8) >> 8 & 0xff;
    const uint64_t buckets = word_at(d, hmap + 16);
    uint64_t n = 0;
    for (uint64_t b = 0; b < UINT64_C(1) << log; b++) {
        const uint64_t at = buckets + b * BUCKET;
        const uint64_t hashes = word_at(d, at);
        for (unsigned slot = 0; slot < 8; slot++) {
            if ((hashes >> (8 * slot) & 0xff) >= 5) {
                expect_place(d, at + 8 + 8 * (16 + (uint64_t)slot));
                n++;
            }
        }
    }
    return n;
}

static uint64_t count_table(struct parsed_dump *d, uint64_t table)
{
    enum { GROUP = 8 + 8 * 24 };
    const uint64_t groups = word_at(d, table + 16);
    const uint64_t mask = word_at(d, table + 24);
    uint64_t n = 0;
    for (uint64_t g = 0; g <= mask; g++) {
        const uint64_t at = groups + g * GROUP;
        const uint64_t control = word_at(d, at);
        for (unsigned slot = 0; slot < 8; slot++) {
            if ((control >> (8 * slot) & 0x80) == 0) {
                expect_place(d, at + 8 + 24 * (uint64_t)slot + 16);
                n++;
            }
        }
    }
    assert_int_equal(word_at(d, table) & 0xffff, n);
    return n;
}

/* Since 1.24: a directory, in which a table may be several times; its index
   is that of its first place. */
static uint64_t count_tables(struct parsed_dump *d, uint64_t map)
{
    const uint64_t directory = word_at(d, map + 16);
    const uint64_t length = word_at(d, map + 24);
    const uint64_t depth = word_at(d, map + 32) & 0xff;
    uint64_t n = 0;
    assert_int_equal(length, UINT64_C(1) << depth);
    for (uint64_t i = 0; i < length; i++) {
        const uint64_t table = word_at(d, directory + 8 * i);
        const uint64_t local = word_at(d, table) >> 48 & 0xff;
        const uint64_t first = word_at(d, table + 8);
        assert_true(i - first < UINT64_C(1) << (depth - local));
        n += first == i ? count_table(d, table) : 0;
    }
    return n;
}

static void map_holds_all_entries(void **state)
{
    const struct map_case *c = *state;
    struct sim_world *w = world_of("cache-plateau", c->go, 512 << 10);
    struct buf bytes = dump_of(w);
    struct buf program = program_of(w);
    struct parsed_dump d;
    parsed_read(&d, buf_view(&bytes));
    const struct parsed_memory *bss = segment_of(&d, 1);
    const uint64_t at = address_of(buf_view(&program), "main.places");
    const uint64_t map = parsed_word(&d, bss->at + (size_t)(at - bss->address));
    const uint64_t n = w->populations.items[0].n;
    assert_string_equal(w->populations.items[0].spec.name, "places");
    assert_true(n > 5000);
    assert_int_equal(word_at(&d, map), n);
    assert_int_equal(c->go >= SIM_GO_1_24 ? count_tables(&d, map)
                                          : count_buckets(&d, map),
                     n);
    parsed_release(&d);
    buf_release(&bytes);
    buf_release(&program);
    sim_world_free(w);
}

/* --- debug information --- */

enum { ABBREVS_MAX = 32, ATTRIBUTES_MAX = 8, DIES_MAX = 20000 };

struct abbrev {
    unsigned tag, n;
    bool has_children;
    unsigned at[ATTRIBUTES_MAX], form[ATTRIBUTES_MAX];
};

struct dwarf {
    struct span abbrev, info;
    struct abbrev abbrevs[ABBREVS_MAX];
    uint32_t starts[DIES_MAX], references[DIES_MAX];
    size_t n_starts, n_references, n_units;
    size_t n_variables, n_members;
    uint64_t found_address; /* of the variable that is looked for */
    const char *wanted;
};

static uint64_t uleb(struct span s, size_t *at)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint64_t b = 0x80;
    while (b & 0x80) {
        b = number_at(s, (*at)++, 1);
        v |= (b & 0x7f) << shift;
        shift += 7;
    }
    return v;
}

static void read_abbrevs(struct dwarf *w)
{
    size_t at = 0;
    uint64_t code = 0;
    while ((code = uleb(w->abbrev, &at)) != 0) {
        assert_true(code < ABBREVS_MAX);
        struct abbrev *a = &w->abbrevs[code];
        a->tag = (unsigned)uleb(w->abbrev, &at);
        a->has_children = number_at(w->abbrev, at++, 1) != 0;
        for (;;) {
            const uint64_t name = uleb(w->abbrev, &at);
            const uint64_t form = uleb(w->abbrev, &at);
            if (name == 0) {
                break;
            }
            assert_true(a->n < ATTRIBUTES_MAX);
            a->at[a->n] = (unsigned)name;
            a->form[a->n++] = (unsigned)form;
        }
    }
    assert_int_equal(at, w->abbrev.len);
}

/* Skips the value of a form; notes references. */
static void read_form(struct dwarf *w, unsigned form, size_t *at)
{
    switch (form) {
    case 0x01: /* addr */
        *at += 8;
        break;
    case 0x08: /* string */
        *at += strlen(w->info.p + *at) + 1;
        break;
    case 0x0b: /* data1 */
    case 0x0c: /* flag */
        *at += 1;
        break;
    case 0x0f: /* udata */
        (void)uleb(w->info, at);
        break;
    case 0x10: /* ref_addr */
        assert_true(w->n_references < DIES_MAX);
        w->references[w->n_references++] = (uint32_t)number_at(w->info, *at, 4);
        *at += 4;
        break;
    case 0x18: /* exprloc */
        *at += uleb(w->info, at);
        break;
    default:
        fail_msg("form %u", form);
    }
}

static void read_die(struct dwarf *w, const struct abbrev *a, size_t *at)
{
    const char *name = a->form[0] == 0x08 ? w->info.p + *at : "";
    for (unsigned i = 0; i < a->n; i++) {
        if (a->tag == 0x34 && a->form[i] == 0x18 &&
            strcmp(name, w->wanted) == 0) {
            w->found_address = number_at(w->info, *at + 2, 8);
        }
        read_form(w, a->form[i], at);
    }
    w->n_variables += a->tag == 0x34 ? 1U : 0U;
    w->n_members += a->tag == 0x0d ? 1U : 0U;
}

static void read_units(struct dwarf *w)
{
    size_t at = 0;
    while (at < w->info.len) {
        const size_t end = at + 4 + (size_t)number_at(w->info, at, 4);
        assert_int_equal(number_at(w->info, at + 4, 2), 4);
        w->n_units++;
        at += 11;
        unsigned depth = 0;
        do {
            const size_t start = at;
            const uint64_t code = uleb(w->info, &at);
            if (code == 0) {
                depth--;
                continue;
            }
            assert_true(w->n_starts < DIES_MAX && code < ABBREVS_MAX);
            w->starts[w->n_starts++] = (uint32_t)start;
            read_die(w, &w->abbrevs[code], &at);
            depth += w->abbrevs[code].has_children ? 1U : 0U;
        } while (depth > 0);
        assert_int_equal(at, end);
    }
}

static bool is_start(const struct dwarf *w, uint32_t offset)
{
    for (size_t i = 0; i < w->n_starts; i++) {
        if (w->starts[i] == offset) {
            return true;
        }
    }
    return false;
}

static void debug_information_can_be_walked(void **state)
{
    const struct map_case *c = *state;
    struct sim_world *w = world_of("cache-plateau", c->go, 512 << 10);
    struct buf program = program_of(w);
    const struct span elf = buf_view(&program);
    struct dwarf *walk = calloc(1, sizeof(*walk));
    assert_non_null(walk);
    walk->abbrev = section_of(elf, ".debug_abbrev");
    walk->info = section_of(elf, ".debug_info");
    walk->wanted = "main.places";
    read_abbrevs(walk);
    read_units(walk);
    assert_true(walk->n_units > 5);
    assert_true(walk->n_variables > 3);
    assert_true(walk->n_members > 20);
    for (size_t i = 0; i < walk->n_references; i++) {
        assert_true(is_start(walk, walk->references[i]));
    }
    assert_int_equal(walk->found_address, address_of(elf, "main.places"));
    free(walk);
    buf_release(&program);
    sim_world_free(w);
}

/* --- running out of memory --- */

/* Objects and file. What lists goroutines and frames changes the world, which
   is of no use after a failure. */
static bool build_both(void *ctx, struct err *err)
{
    struct sim_world *w = ctx;
    struct sim_image image;
    if (!sim_image_make(&image, w, err)) {
        return false;
    }
    sim_image_release(&image);
    struct buf program = BUF_LIMIT((size_t)1 << 30);
    const bool ok = sim_program_of(w, &program, err);
    buf_release(&program);
    return ok;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = sim_scenario_find("early-return-send");
    o.n_background = 0;
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(&o, &w, &err), &err);
    assert_ok(sim_world_run(w, SIM_SECOND, &err), &err);
    /* What names functions changes the world: do it before. */
    assert_ok(build_both(w, &err), &err);
    assert_true(oom_walk(build_both, w) > 50);
    sim_world_free(w);
}

int main(void)
{
    enum { N_MAPS = sizeof(map_cases) / sizeof(map_cases[0]), N_FIXED = 10 };
    struct CMUnitTest tests[N_FIXED + N_ROWS + N_MAPS + N_TYPED] = {
        cmocka_unit_test(every_object_is_sampled_at_rate_1),
        cmocka_unit_test(same_options_give_the_same_files),
        cmocka_unit_test(program_and_dump_agree_on_addresses),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(finalizers_alone_keep_a_cycle),
        cmocka_unit_test(program_names_what_the_dump_will),
        cmocka_unit_test(program_and_profile_have_one_build_id),
        cmocka_unit_test(no_gnu_build_id_before_go_1_24),
        cmocka_unit_test_prestate(debug_information_can_be_walked,
                                  test_case(&map_cases[0])),
        cmocka_unit_test_prestate(debug_information_can_be_walked,
                                  test_case(&map_cases[1])),
    };
    for (size_t i = 0; i < N_ROWS; i++) {
        tests[N_FIXED + i] =
            (struct CMUnitTest){.name = rows[i].name,
                                .test_func = dump_is_whole,
                                .initial_state = test_case(&rows[i])};
    }
    for (size_t i = 0; i < N_MAPS; i++) {
        tests[N_FIXED + N_ROWS + i] =
            (struct CMUnitTest){.name = map_cases[i].name,
                                .test_func = map_holds_all_entries,
                                .initial_state = test_case(&map_cases[i])};
    }
    for (size_t i = 0; i < N_TYPED; i++) {
        tests[N_FIXED + N_ROWS + N_MAPS + i] =
            (struct CMUnitTest){.name = typed_rows[i].name,
                                .test_func = type_words_lead_to_types,
                                .initial_state = test_case(&typed_rows[i])};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
