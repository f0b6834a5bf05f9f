/* What a simulated process writes is what Go writes: forms, values, and
   agreement of the forms with each other. */
#include "test.h"

#include "input/input.h"
#include "sim/export_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* --- a service made for the test --- */

/* Sessions leak: an entry with a map's runtime frames at its leaf, one
   allocated by an inlined function, and a goroutine with a label. */
static void build_sessions(struct sim_world *w)
{
    const sim_stack_id put =
        sim_stack(w, "main.(*Cache).put cache.go:70 inlined",
                  "main.load cache.go:63", "@http-handler", NULL);
    const sim_stack_id list =
        sim_stack(w, "main.Append[go.shape.int] list.go:9",
                  "main.load cache.go:64", "@http-handler", NULL);
    const sim_stack_id map = sim_stack(
        w, "@map-assign", "main.index cache.go:80", "@http-handler", NULL);
    sim_population(
        w,
        &(struct sim_population_spec){
            .name = "sessions",
            .members = {{.stack = put, .bytes = 1000, .parent = -1},
                        {.stack = list, .bytes = 65536, .parent = -1},
                        {.stack = map, .bytes = 32768, .parent = -1}},
            .n_members = 3,
            .goroutines = {{.poses = {{.wait = "chan receive",
                                       .stack = sim_stack(
                                           w, "@chan-receive",
                                           "main.session chat.go:41", NULL)}},
                            .n_poses = 1,
                            .created_by = "main.load cache.go:65",
                            .label_key = "tenant",
                            .label_values = {"acme", "hoo\"li"},
                            .is_provable = true,
                            .has_sudog = true}  },
            .n_goroutines = 1,
            .per_second = 4,
            .ignores_load = true,
            .life = {.kind = SIM_FOREVER},
            .n_start = 40,
            .is_leak = true,
    });
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 6);
    build_sessions(w);
    sim_garbage(w, "answers",
                sim_stack(w, "main.answer answer.go:12", "@http-handler", NULL),
                4096, 900);
    /* Nothing but runtime frames, and enough of it to be sampled. */
    sim_constant(w, "runtime", sim_stack(w, "@malg", NULL), 4096, 2000);
    sim_constant(w, "pages",
                 sim_stack(w, "main.pages page.go:5", "main.main main.go:20",
                           "runtime.main", NULL),
                 512, 9000);
}

static void build_duplicates(struct sim_world *w)
{
    build(w);
    sim_quirks(w)->duplicate_every = 3;
}

static void build_truncated(struct sim_world *w)
{
    build(w);
    sim_quirks(w)->truncates_dumps = true;
}

static const struct sim_scenario service = {
    .name = "export", .service = "accounts", .build = build};
static const struct sim_scenario duplicates = {
    .name = "export", .service = "accounts", .build = build_duplicates};
static const struct sim_scenario truncated = {
    .name = "export", .service = "accounts", .build = build_truncated};

/* A world after five minutes, so that dumps say minutes. */
static struct sim_world *world_of(const struct sim_scenario *s, enum sim_go go,
                                  int64_t rate_bytes)
{
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = s;
    o.go = go;
    o.seed = 11;
    o.rate_bytes = rate_bytes;
    o.n_background = 12;
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(&o, &w, &err), &err);
    assert_ok(sim_world_run(w, 300 * SIM_SECOND, &err), &err);
    return w;
}

enum { DEFAULT_RATE = 512 << 10 };

static struct sim_world *world(enum sim_go go)
{
    return world_of(&service, go, DEFAULT_RATE);
}

/* --- looks --- */

static struct buf look(struct sim_world *w, enum sim_profile p, int debug)
{
    struct buf out = BUF_LIMIT((size_t)1 << 30);
    struct err err = {0};
    assert_ok(sim_profile_write(w, p, debug, &out, &err), &err);
    return out;
}

/* As seep reads it. */
static struct snapshot seen(struct sim_world *w, enum sim_profile p, int debug)
{
    struct snapshot s = {0};
    struct err err = {0};
    struct buf out = look(w, p, debug);
    assert_ok(input_decode(buf_view(&out), NULL, &s, &err), &err);
    buf_release(&out);
    return s;
}

static const char *name_at(const struct profile *p, uint32_t loc, uint32_t line)
{
    const struct profile_location *l = &p->locations[loc];
    const uint32_t f = p->lines[l->first_line + line].function;
    return profile_text(p, p->functions[f].name);
}

static const char *leaf_of(const struct profile *p, uint32_t sample)
{
    return p->sample_off[sample] == p->sample_off[sample + 1]
               ? ""
               : name_at(p, p->sample_locs[p->sample_off[sample]], 0);
}

static const char *root_of(const struct profile *p, uint32_t sample)
{
    const uint32_t end = p->sample_off[sample + 1];
    const uint32_t loc = p->sample_locs[end - 1];
    return name_at(p, loc, p->locations[loc].n_lines - 1);
}

static bool has_function(const struct profile *p, uint32_t sample,
                         const char *name)
{
    for (uint32_t i = p->sample_off[sample]; i < p->sample_off[sample + 1];
         i++) {
        const uint32_t loc = p->sample_locs[i];
        for (uint32_t l = 0; l < p->locations[loc].n_lines; l++) {
            if (strcmp(name_at(p, loc, l), name) == 0) {
                return true;
            }
        }
    }
    return false;
}

static const char *type_text(const struct profile *p, uint32_t i)
{
    return profile_text(p, p->types[i].type);
}

static const int64_t *values_of(const struct profile *p, uint32_t sample)
{
    return p->values + (size_t)sample * p->n_types;
}

static bool starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- heap --- */

static bool has_start_lines(const struct profile *p)
{
    bool has = false;
    for (uint32_t i = 0; i < p->n_functions; i++) {
        has = has || p->functions[i].start_line != 0;
    }
    return has;
}

static void the_heap_has_gos_header(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct snapshot s = seen(w, SIM_HEAP, 0);
        const struct profile *p = s.profile;
        assert_int_equal(p->n_types, 4);
        assert_string_equal(type_text(p, 0), "alloc_objects");
        assert_string_equal(type_text(p, 1), "alloc_space");
        assert_string_equal(type_text(p, 2), "inuse_objects");
        assert_string_equal(type_text(p, 3), "inuse_space");
        assert_string_equal(profile_text(p, p->period_type.type), "space");
        assert_string_equal(profile_text(p, p->period_type.unit), "bytes");
        assert_int_equal(p->period, DEFAULT_RATE);
        assert_int_equal(p->time_nanos, SIM_EPOCH_NS + 300 * SIM_SECOND);
        assert_int_equal(p->duration_nanos, 0);
        assert_int_equal(p->default_type.i, 0);
        assert_int_equal(p->drop_frames.i, 0);
        assert_int_equal(p->n_mappings, 3);
        assert_true(p->mappings[0].has_functions);
        assert_string_equal(profile_text(p, p->mappings[1].file), "[vdso]");
        assert_int_equal(p->mappings[0].build_id.i != 0, go >= SIM_GO_1_24);
        assert_int_equal(has_start_lines(p), go >= SIM_GO_1_21);
        snapshot_release(&s);
        s = seen(w, SIM_ALLOCS, 0);
        assert_string_equal(profile_text(s.profile, s.profile->default_type),
                            "alloc_space");
        snapshot_release(&s);
        sim_world_free(w);
    }
}

static void labels_are_where_something_was_allocated(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct buf before = look(w, SIM_HEAP, 0);
    buf_release(&before);
    /* Sampled since the last collection: its record is empty still, and in
       front since it is the newest. */
    const uint32_t late =
        sim_bucket(w, sim_stack(w, "main.late late.go:4", NULL), 48);
    assert_true(sim_bucket_alloc(w, late, 1000000, &w->random) > 0);
    struct snapshot s = seen(w, SIM_HEAP, 0);
    const struct profile *p = s.profile;
    unsigned n_zero = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        const int64_t *v = values_of(p, i);
        const uint32_t first = p->label_off[i];
        const uint32_t n = p->label_off[i + 1] - first;
        assert_int_equal(n, v[0] != 0);
        n_zero += v[0] == 0;
        if (v[0] > 0) {
            const struct profile_label *l = &p->labels[first];
            assert_string_equal(profile_text(p, l->key), "bytes");
            assert_true(l->is_num);
            /* Both were cut to whole numbers. */
            assert_true(llabs(v[1] / v[0] - l->num) <= l->num / v[0] + 1);
        }
    }
    assert_string_equal(leaf_of(p, 0), "main.late");
    assert_true(n_zero > 0);
    assert_true(n_zero < p->n_samples);
    snapshot_release(&s);
    sim_world_free(w);
}

/* The model's own counts, in the order in which they are written. */
static struct sim_records records_of(struct sim_world *w)
{
    struct sim_records records = {0};
    struct err err = {0};
    assert_ok(sim_heap_records(w, &records, &err), &err);
    return records;
}

static void counts_can_be_recovered(void **state)
{
    (void)state;
    static const int64_t rates[] = {DEFAULT_RATE, 64 << 10, 1};
    for (size_t r = 0; r < 3; r++) {
        struct sim_world *w = world_of(&service, SIM_GO_1_23, rates[r]);
        struct sim_records records = records_of(w);
        struct snapshot s = seen(w, SIM_HEAP, 0);
        const struct profile *p = s.profile;
        assert_int_equal(p->n_samples, records.n);
        for (uint32_t i = 0; i < p->n_samples; i++) {
            const struct sim_record *record = &records.items[i];
            const double bytes = (double)record->bytes;
            const double chance =
                rates[r] == 1 ? 1 : 1 - exp(-bytes / (double)rates[r]);
            const int64_t *v = values_of(p, i);
            assert_int_equal(ceil((double)v[0] * chance - 1e-9),
                             record->allocs);
            assert_int_equal(ceil((double)v[2] * chance - 1e-9),
                             record->allocs - record->frees);
            assert_true(v[0] >= v[2]);
        }
        sim_records_release(&records);
        snapshot_release(&s);
        sim_world_free(w);
    }
}

static void estimates_are_near_the_truth(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&service, SIM_GO_1_23, 4096);
    struct err err = {0};
    assert_ok(sim_world_collect(w, &err), &err);
    struct snapshot s = seen(w, SIM_HEAP, 0);
    double bytes = 0;
    for (uint32_t i = 0; i < s.profile->n_samples; i++) {
        if (has_function(s.profile, i, "main.pages")) {
            bytes += (double)values_of(s.profile, i)[3];
        }
    }
    /* 9000 objects of 512 bytes, one in nine of them sampled. */
    assert_true(fabs(bytes - 9000 * 512.0) < 0.15 * 9000 * 512.0);
    snapshot_release(&s);
    sim_world_free(w);
}

static void runtime_frames_are_hidden_at_the_leaf(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct snapshot s = seen(w, SIM_HEAP, 0);
        const struct profile *p = s.profile;
        unsigned n_runtime_only = 0;
        unsigned n_roots = 0;
        for (uint32_t i = 0; i < p->n_samples; i++) {
            const char *leaf = leaf_of(p, i);
            const bool is_runtime_only =
                starts(root_of(p, i), "runtime.") && starts(leaf, "runtime.");
            n_runtime_only += is_runtime_only;
            n_roots += strcmp(root_of(p, i), "runtime.goexit") == 0;
            assert_true(is_runtime_only || !starts(leaf, "runtime."));
            assert_true(go < SIM_GO_1_24 || !starts(leaf, "internal/runtime/"));
        }
        assert_true(n_runtime_only > 0); /* runtime.malg */
        assert_int_equal(n_roots, 0);
        snapshot_release(&s);
        sim_world_free(w);
    }
}

static void inlined_functions_share_a_location(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct snapshot s = seen(w, SIM_HEAP, 0);
    const struct profile *p = s.profile;
    unsigned n = 0;
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *l = &p->locations[i];
        assert_int_equal(l->mapping, 0);
        assert_true(l->address >= p->mappings[0].start &&
                    l->address < p->mappings[0].limit);
        if (strcmp(name_at(p, i, 0), "main.(*Cache).put") == 0) {
            assert_int_equal(l->n_lines, 2);
            assert_string_equal(name_at(p, i, 1), "main.load");
            assert_int_equal(p->lines[l->first_line].line, 70);
            assert_int_equal(p->lines[l->first_line + 1].line, 63);
            n++;
        }
    }
    assert_int_equal(n, 1);
    snapshot_release(&s);
    sim_world_free(w);
}

/* --- heap text --- */

/* Sampled objects by the bytes of one, from records or lines. */
struct sums {
    uint64_t objects, bytes, allocs, alloc_bytes;
    size_t n;
};

/* The number at *text, which must be followed by `then`; *text is behind that
   afterwards, or NULL. */
static uint64_t number_at(const char **text, const char *then)
{
    char *end = NULL;
    const bool is_number = **text >= '0' && **text <= '9';
    const uint64_t v = strtoull(*text, &end, 10);
    *text = is_number && starts(end, then) ? end + strlen(then) : NULL;
    return v;
}

static struct sums sums_of_lines(const char *text)
{
    struct sums sums = {0};
    const char *line = strchr(text, '\n') + 1;
    while (line[0] != '\0' && !starts(line, "\n# runtime.MemStats")) {
        static const char *const then[] = {": ", " [", ": ", "] @"};
        uint64_t v[4] = {0};
        const char *at = line;
        for (size_t i = 0; at != NULL && i < 4; i++) {
            v[i] = number_at(&at, then[i]);
        }
        if (at != NULL) {
            sums.objects += v[0];
            sums.bytes += v[1];
            sums.allocs += v[2];
            sums.alloc_bytes += v[3];
            sums.n++;
        }
        line = strchr(line, '\n') + 1;
    }
    return sums;
}

static void text_and_proto_show_the_same_counts(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct sim_records records = records_of(w);
        struct buf text = look(w, SIM_HEAP, 1);
        struct sums expected = {.n = records.n};
        for (size_t i = 0; i < records.n; i++) {
            const struct sim_record *r = &records.items[i];
            expected.objects += r->allocs - r->frees;
            expected.bytes += (r->allocs - r->frees) * r->bytes;
            expected.allocs += r->allocs;
            expected.alloc_bytes += r->allocs * r->bytes;
        }
        const struct sums sums = sums_of_lines(text.data);
        assert_memory_equal(&sums, &expected, sizeof(sums));
        char header[200];
        (void)snprintf(header, sizeof(header),
                       "heap profile: %llu: %llu [%llu: %llu] @ heap/1048576\n",
                       (unsigned long long)sums.objects,
                       (unsigned long long)sums.bytes,
                       (unsigned long long)sums.allocs,
                       (unsigned long long)sums.alloc_bytes);
        assert_true(starts(text.data, header));
        buf_release(&text);
        sim_records_release(&records);
        sim_world_free(w);
    }
}

static void text_is_sorted_as_the_version_does(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct buf text = look(w, SIM_HEAP, 1);
        const char *line = strchr(text.data, '\n') + 1;
        const uint64_t first = number_at(&line, ": ");
        assert_int_equal(first == 0, go >= SIM_GO_1_23);
        buf_release(&text);
        sim_world_free(w);
    }
}

/* In 1.24 the allocator came in front of stacks that have no runtime frame of
   their own; sim_raw_frames() does not say that. */
static void text_keeps_every_program_counter(void **state)
{
    (void)state;
    static const enum sim_go versions[] = {SIM_GO_1_19, SIM_GO_1_23,
                                           SIM_GO_1_26};
    for (size_t v = 0; v < 3; v++) {
        struct sim_world *w = world(versions[v]);
        struct vec_u32 frames = {0};
        struct err err = {0};
        struct sim_records records = records_of(w);
        struct buf text = look(w, SIM_HEAP, 1);
        unsigned n_without_allocator = 0;
        for (size_t i = 0; i < records.n; i++) {
            const uint32_t bucket = records.items[i].bucket;
            struct buf line = BUF_LIMIT(1 << 16);
            buf_str(&line, "] @");
            assert_ok(sim_raw_frames(w, w->buckets.items[bucket].stack, &frames,
                                     &err),
                      &err);
            sim_text_pcs(w, &frames, &line);
            buf_char(&line, '\n');
            assert_non_null(strstr(text.data, line.data + strlen("] @")));
            n_without_allocator += strstr(text.data, line.data) == NULL;
            buf_release(&line);
        }
        assert_int_equal(n_without_allocator > 0, versions[v] >= SIM_GO_1_24);
        /* Runtime frames alone stay in the lines; else they and goexit go. */
        assert_non_null(strstr(text.data, "\truntime.malg+0x"));
        assert_null(strstr(text.data, "\truntime.goexit+0x"));
        assert_null(strstr(text.data, "\truntime.makeslice+0x"));
        vec_u32_release(&frames);
        sim_records_release(&records);
        buf_release(&text);
        sim_world_free(w);
    }
}

/* --- columns --- */

static void lines_are_aligned_as_by_tabwriter(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct vec_u32 frames = {0};
    struct buf out = BUF_LIMIT(4096);
    struct err err = {0};
    /* Names with offsets are 16, 17 and 31 wide; with a blank the widest needs
       32, which is four tabs. */
    static const char *const texts[] = {"main.abcde a.go:1",
                                        "main.abcdef b.go:2",
                                        "main.abcdefghijklmnopqrst c.go:3"};
    for (size_t i = 0; i < 3; i++) {
        uint32_t frame;
        assert_ok(sim_code_frame(&w->code, texts[i], &frame, &err), &err);
        struct sim_frame *f = &w->code.frames.items[frame];
        f->pc = w->code.functions.items[f->function].entry + 0x101;
        assert_true(vec_u32_push(&frames, frame));
    }
    sim_text_record(w, &frames, &out);
    const char *line = out.data;
    static const char *const names[] = {"\tmain.abcde+0x100\t\t/",
                                        "\tmain.abcdef+0x100\t\t/",
                                        "\tmain.abcdefghijklmnopqrst+0x100\t/"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(starts(line, "#\t0x"));
        line = strchr(line + 2, '\t');
        assert_true(starts(line, names[i]));
        line = strchr(line, '\n') + 1;
    }
    assert_string_equal(line, "\n");
    vec_u32_release(&frames);
    buf_release(&out);
    sim_world_free(w);
}

/* --- MemStats --- */

static void memstats_add_up(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct memstats now;
        sim_world_memstats(w, &now);
        struct snapshot s = seen(w, SIM_HEAP, 1);
        const struct memstats *m = &s.profile->memstats;
        const uint64_t *v = m->v;
        assert_true(m->present);
        assert_int_equal(m->has, (UINT32_C(1) << MEMSTATS_N) - 1);
        assert_memory_equal(v, now.v, sizeof(now.v));
        assert_int_equal(v[MEMSTATS_Alloc], v[MEMSTATS_HeapAlloc]);
        assert_int_equal(v[MEMSTATS_Mallocs] - v[MEMSTATS_Frees],
                         v[MEMSTATS_HeapObjects]);
        assert_int_equal(v[MEMSTATS_HeapSys],
                         v[MEMSTATS_HeapIdle] + v[MEMSTATS_HeapInuse]);
        assert_true(v[MEMSTATS_HeapInuse] >= v[MEMSTATS_HeapAlloc]);
        assert_true(v[MEMSTATS_HeapReleased] <= v[MEMSTATS_HeapIdle]);
        assert_true(v[MEMSTATS_TotalAlloc] > v[MEMSTATS_Alloc]);
        assert_true(v[MEMSTATS_NextGC] >= 4 << 20);
        assert_true(v[MEMSTATS_LastGC] > SIM_EPOCH_NS);
        assert_true(v[MEMSTATS_NumGC] > 0);
        /* 40 sessions at the start, 4 a second since, 2 KiB at least. */
        assert_true(v[MEMSTATS_Stack] > UINT64_C(1100) * 2048);
        assert_true(v[MEMSTATS_StackSys] >= v[MEMSTATS_Stack]);
        assert_true(v[MEMSTATS_BuckHashSys] > UINT64_C(179999) * 8);
        assert_true(v[MEMSTATS_MaxRSS] > v[MEMSTATS_HeapInuse]);
        snapshot_release(&s);
        sim_world_free(w);
    }
}

static unsigned long long number_after(const char *text, const char *what)
{
    const char *at = strstr(text, what);
    assert_non_null(at);
    return strtoull(at + strlen(what), NULL, 10);
}

static void the_parts_sum_to_sys(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct buf text = look(w, SIM_HEAP, 1);
    static const char *const parts[] = {
        "# HeapSys = ", "# BuckHashSys = ", "# GCSys = ", "# OtherSys = "};
    static const char *const pairs[] = {
        "# Stack = ", "# MSpan = ", "# MCache = "};
    unsigned long long sum = 0;
    for (size_t i = 0; i < 4; i++) {
        sum += number_after(text.data, parts[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(text.data, pairs[i]);
        assert_non_null(at);
        at += strlen(pairs[i]);
        const uint64_t in_use = number_at(&at, " / ");
        assert_non_null(at);
        const uint64_t sys = number_at(&at, "\n");
        assert_non_null(at);
        assert_true(in_use <= sys);
        sum += sys;
    }
    assert_int_equal(sum, number_after(text.data, "# Sys = "));
    buf_release(&text);
    sim_world_free(w);
}

/* The ring of 256 collections: the last one is at (NumGC + 255) % 256. */
static void pauses_are_a_ring(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct err err = {0};
    struct buf before = look(w, SIM_HEAP, 1);
    for (int i = 0; i < 300; i++) {
        assert_ok(sim_world_run(w, w->now_ns + SIM_SECOND / 100, &err), &err);
        assert_ok(sim_world_collect(w, &err), &err);
    }
    struct buf text = look(w, SIM_HEAP, 1);
    const unsigned long long n_gc = number_after(text.data, "# NumGC = ");
    const char *at = strstr(text.data, "# PauseEnd = [");
    assert_non_null(at);
    at += strlen("# PauseEnd = [");
    unsigned long long ends[256];
    for (size_t i = 0; i < 256; i++) {
        char *end = NULL;
        ends[i] = strtoull(at, &end, 10);
        at = end + 1;
    }
    assert_int_equal(at[-1], ']');
    const char *pause = strstr(text.data, "# PauseNs = [");
    assert_non_null(pause);
    assert_int_not_equal(number_after(pause, "["),
                         number_after(before.data, "# PauseNs = ["));
    buf_release(&before);
    assert_true(n_gc > 256);
    for (unsigned long long i = n_gc - 255; i < n_gc; i++) {
        assert_true(ends[i % 256] > ends[(i + 255) % 256]);
    }
    assert_int_equal(ends[(n_gc + 255) % 256],
                     number_after(text.data, "# LastGC = "));
    buf_release(&text);
    sim_world_free(w);
}

/* --- goroutines --- */

static uint64_t total_of(const struct profile *p)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        total += (uint64_t)p->values[i];
    }
    return total;
}

static uint64_t total_with(const struct profile *p, const char *function)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        total += has_function(p, i, function) ? (uint64_t)p->values[i] : 0;
    }
    return total;
}

static void goroutines_are_grouped_by_stack_and_label(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_23);
    struct snapshot s = seen(w, SIM_GOROUTINE, 0);
    const struct profile *p = s.profile;
    assert_int_equal(p->n_types, 1);
    assert_string_equal(type_text(p, 0), "goroutine");
    assert_string_equal(profile_text(p, p->period_type.type), "goroutine");
    assert_int_equal(p->period, 1);
    unsigned n_labels = 0;
    for (uint32_t i = 0; i < p->n_samples; i++) {
        assert_true(i == 0 || p->values[i - 1] >= p->values[i]);
        assert_string_not_equal(root_of(p, i), "runtime.goexit");
        const uint32_t first = p->label_off[i];
        /* The background's requests have labels of their own. */
        if (p->label_off[i + 1] > first &&
            strcmp(profile_text(p, p->labels[first].key), "tenant") == 0) {
            assert_string_equal(leaf_of(p, i), "runtime.gopark");
            n_labels++;
        }
    }
    assert_int_equal(n_labels, 2);
    assert_true(total_with(p, "main.session") > 1100);
    snapshot_release(&s);
    sim_world_free(w);
}

static uint64_t dumped_with(const struct goroutine_dump *d,
                            const char *function)
{
    uint64_t n = 0;
    for (size_t i = 0; i < d->goroutines.n; i++) {
        const struct dump_goroutine *g = &d->goroutines.items[i];
        bool has = false;
        for (uint32_t f = 0; f < g->n_frames; f++) {
            const struct dump_frame *frame =
                &d->frames.items[g->first_frame + f];
            has = has || strcmp(dump_text(d, frame->function), function) == 0;
        }
        n += has;
    }
    return n;
}

static void all_forms_have_the_same_goroutines(void **state)
{
    (void)state;
    static const char *const functions[] = {"main.session", "main.main",
                                            "net/http.(*conn).serve",
                                            "runtime/pprof.(*Profile).WriteTo"};
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct snapshot proto = seen(w, SIM_GOROUTINE, 0);
        struct snapshot text = seen(w, SIM_GOROUTINE, 1);
        struct snapshot dump = seen(w, SIM_GOROUTINE, 2);
        assert_int_equal(text.form, FORM_TEXT);
        assert_int_equal(dump.form, FORM_DUMP);
        const uint64_t total = total_of(proto.profile);
        assert_int_equal(total_of(text.profile), total);
        assert_int_equal(text.profile->n_samples, proto.profile->n_samples);
        assert_int_equal(dump.dump->goroutines.n, total);
        for (size_t i = 0; i < 4; i++) {
            const uint64_t n = total_with(proto.profile, functions[i]);
            assert_true(n > 0);
            assert_int_equal(total_with(text.profile, functions[i]), n);
            assert_int_equal(dumped_with(dump.dump, functions[i]), n);
        }
        snapshot_release(&proto);
        snapshot_release(&text);
        snapshot_release(&dump);
        sim_world_free(w);
    }
}

static const struct dump_goroutine *session_of(const struct goroutine_dump *d)
{
    for (size_t i = 0; i < d->goroutines.n; i++) {
        const struct dump_goroutine *g = &d->goroutines.items[i];
        const struct dump_frame *f = &d->frames.items[g->first_frame];
        if (strcmp(dump_text(d, f->function), "main.session") == 0) {
            return g;
        }
    }
    fail_msg("no session in the dump");
    return NULL;
}

static void dumps_follow_the_versions_grammar(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct snapshot s = seen(w, SIM_GOROUTINE, 2);
        const struct goroutine_dump *d = s.dump;
        assert_false(d->is_truncated);
        assert_string_equal(dump_text(d, d->goroutines.items[0].status),
                            "running");
        assert_int_equal(d->goroutines.items[1].id, 1);
        assert_false(d->goroutines.items[1].has_creator);
        for (size_t i = 2; i < d->goroutines.n; i++) {
            assert_true(d->goroutines.items[i].id >
                        d->goroutines.items[i - 1].id);
            assert_true(d->goroutines.items[i].has_creator);
        }
        const struct dump_goroutine *g = session_of(d);
        assert_string_equal(dump_text(d, g->status), "chan receive");
        assert_true(g->wait_minutes >= 1);
        assert_string_equal(dump_text(d, g->creator.function), "main.load");
        assert_int_equal(g->n_labels, go >= SIM_GO_1_27);
        assert_false(g->is_leaked);
        assert_int_equal(g->n_frames, 1); /* runtime's are not printed */
        snapshot_release(&s);
        sim_world_free(w);
    }
}

static void deep_stacks_are_elided(void **state)
{
    (void)state;
    static const char inlined[] = "main.small s.go:3 inlined";
    enum { DEPTH = 120 };
    const char *texts[DEPTH];
    struct sim_world *w = world(SIM_GO_1_23);
    for (size_t i = 0; i < DEPTH; i++) {
        texts[i] = i % 2 == 0
                       ? inlined
                       : sim_text(w, "main.Walk[go.shape.int] w.go:%zu", i);
    }
    sim_workers(w, "deep", "select", sim_stack_of(w, texts, DEPTH),
                "main.main main.go:9", 1);
    struct sim_population *p = &w->populations.items[w->populations.n - 1];
    assert_true(sim_ones_push(
        &p->ones, (struct sim_one){.dies_ns = INT64_MAX, .first_goid = 5}));
    struct buf text = look(w, SIM_GOROUTINE, 2);
    assert_non_null(strstr(text.data, "\n...20 frames elided...\n"));
    assert_non_null(strstr(text.data, "\nmain.small(...)\n\t"));
    assert_non_null(strstr(text.data, "\nmain.Walk[...]("));
    assert_null(strstr(text.data, "go.shape"));
    buf_release(&text);
    sim_world_free(w);
}

static void leaked_goroutines_are_proved_from_1_26_on(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        const bool has = sim_world_offers(w, SIM_GOROUTINELEAK);
        assert_int_equal(has, go >= SIM_GO_1_26);
        if (!has) {
            struct buf out = BUF_LIMIT(1 << 20);
            struct err err = {0};
            assert_false(
                sim_profile_write(w, SIM_GOROUTINELEAK, 0, &out, &err));
            assert_int_equal(err.code, ERR_UNKNOWN);
            sim_world_free(w);
            continue;
        }
        struct snapshot all = seen(w, SIM_GOROUTINE, 0);
        struct snapshot leaks = seen(w, SIM_GOROUTINELEAK, 0);
        struct snapshot text = seen(w, SIM_GOROUTINELEAK, 1);
        struct snapshot dump = seen(w, SIM_GOROUTINELEAK, 2);
        const uint64_t n = total_with(all.profile, "main.session");
        assert_string_equal(type_text(leaks.profile, 0), "goroutineleak");
        assert_int_equal(total_of(leaks.profile), n);
        assert_int_equal(total_of(text.profile), n);
        assert_int_equal(dump.dump->goroutines.n, total_of(all.profile));
        uint64_t tagged = 0;
        for (size_t i = 0; i < dump.dump->goroutines.n; i++) {
            tagged += dump.dump->goroutines.items[i].is_leaked;
        }
        assert_int_equal(tagged, n);
        /* Each look ran the collector. */
        assert_int_equal(w->n_forced, 3);
        /* Their wait is no longer said (traceback.go, goroutineheader). */
        assert_true(session_of(dump.dump)->wait_minutes <= 0);
        snapshot_release(&all);
        snapshot_release(&leaks);
        snapshot_release(&text);
        snapshot_release(&dump);
        sim_world_free(w);
    }
}

/* --- the rest --- */

static void the_other_profiles_have_gos_form(void **state)
{
    (void)state;
    for (unsigned go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world((enum sim_go)go);
        struct snapshot s = seen(w, SIM_THREADCREATE, 0);
        assert_string_equal(type_text(s.profile, 0), "threadcreate");
        assert_int_equal(s.profile->sample_off[1], go < SIM_GO_1_23 ? 0 : 32);
        snapshot_release(&s);
        s = seen(w, SIM_BLOCK, 0);
        assert_string_equal(type_text(s.profile, 0), "contentions");
        assert_string_equal(type_text(s.profile, 1), "delay");
        assert_int_equal(s.profile->n_samples, 0);
        assert_false(s.profile->mappings[0].has_functions);
        snapshot_release(&s);
        s = seen(w, SIM_CPU, 0);
        assert_int_equal(s.profile->period, 10000000);
        assert_true(s.profile->duration_nanos > 0);
        assert_true(s.profile->n_samples > 0);
        for (uint32_t i = 0; i < s.profile->n_samples; i++) {
            const int64_t *v = values_of(s.profile, i);
            assert_int_equal(v[1], v[0] * 10000000);
        }
        snapshot_release(&s);
        struct buf text = look(w, SIM_MUTEX, 1);
        assert_string_equal(text.data, "--- mutex:\ncycles/second=2445431869\n"
                                       "sampling period=0\n");
        buf_release(&text);
        sim_world_free(w);
    }
}

static void equal_worlds_write_equal_bytes(void **state)
{
    (void)state;
    for (unsigned p = 0; p < N_SIM_PROFILES; p++) {
        for (int debug = 0; debug < 3; debug++) {
            struct sim_world *a = world(SIM_GO_1_27);
            struct sim_world *b = world(SIM_GO_1_27);
            struct buf x = look(a, (enum sim_profile)p, debug);
            struct buf y = look(b, (enum sim_profile)p, debug);
            assert_true(x.len > 0);
            assert_true(span_eq(buf_view(&x), buf_view(&y)));
            buf_release(&x);
            buf_release(&y);
            sim_world_free(a);
            sim_world_free(b);
        }
    }
}

/* --- quirks --- */

static void every_third_look_repeats_the_one_before(void **state)
{
    (void)state;
    for (int debug = 0; debug < 3; debug++) {
        struct sim_world *w = world_of(&duplicates, SIM_GO_1_23, DEFAULT_RATE);
        struct buf last = {0};
        for (int i = 1; i <= 6; i++) {
            struct err err = {0};
            struct buf now = look(w, SIM_GOROUTINE, debug);
            assert_int_equal(span_eq(buf_view(&now), buf_view(&last)),
                             i % 3 == 0);
            buf_release(&last);
            last = now;
            assert_ok(sim_world_run(w, (300 + 30 * i) * SIM_SECOND, &err),
                      &err);
        }
        buf_release(&last);
        sim_world_free(w);
    }
}

static void dumps_break_off(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&truncated, SIM_GO_1_23, DEFAULT_RATE);
    struct sim_world *whole = world(SIM_GO_1_23);
    struct buf part = look(w, SIM_GOROUTINE, 2);
    struct buf all = look(whole, SIM_GOROUTINE, 2);
    assert_true(part.len < all.len && part.len > all.len / 2);
    assert_memory_equal(part.data, all.data, part.len);
    buf_release(&part);
    buf_release(&all);
    sim_world_free(whole);
    sim_world_free(w);
}

/* --- memory --- */

struct writing {
    struct sim_world *world;
    enum sim_profile profile;
    int debug;
};

static bool write_one(void *ctx, struct err *err)
{
    const struct writing *v = ctx;
    struct buf out = BUF_LIMIT(1 << 26);
    v->world->has_failed = false; /* builders' failures stick */
    const bool ok =
        sim_profile_write(v->world, v->profile, v->debug, &out, err);
    buf_release(&out);
    return ok;
}

static void memory_may_end_at_any_time(void **state)
{
    (void)state;
    struct sim_world *w = world(SIM_GO_1_26);
    const struct writing forms[] = {
        {w, SIM_HEAP,         0},
        {w, SIM_HEAP,         1},
        {w, SIM_CPU,          0},
        {w, SIM_BLOCK,        0},
        {w, SIM_THREADCREATE, 0},
        {w, SIM_GOROUTINE,    0},
        {w, SIM_GOROUTINE,    1},
        {w, SIM_GOROUTINE,    2},
    };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct writing v = forms[i];
        /* Once before: the program keeps the stacks it has learnt. */
        struct buf first = look(w, v.profile, v.debug);
        buf_release(&first);
        assert_true(oom_walk(write_one, &v) > 5);
    }
    sim_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_heap_has_gos_header),
        cmocka_unit_test(labels_are_where_something_was_allocated),
        cmocka_unit_test(counts_can_be_recovered),
        cmocka_unit_test(estimates_are_near_the_truth),
        cmocka_unit_test(runtime_frames_are_hidden_at_the_leaf),
        cmocka_unit_test(inlined_functions_share_a_location),
        cmocka_unit_test(text_and_proto_show_the_same_counts),
        cmocka_unit_test(text_is_sorted_as_the_version_does),
        cmocka_unit_test(text_keeps_every_program_counter),
        cmocka_unit_test(lines_are_aligned_as_by_tabwriter),
        cmocka_unit_test(memstats_add_up),
        cmocka_unit_test(the_parts_sum_to_sys),
        cmocka_unit_test(pauses_are_a_ring),
        cmocka_unit_test(goroutines_are_grouped_by_stack_and_label),
        cmocka_unit_test(all_forms_have_the_same_goroutines),
        cmocka_unit_test(dumps_follow_the_versions_grammar),
        cmocka_unit_test(deep_stacks_are_elided),
        cmocka_unit_test(leaked_goroutines_are_proved_from_1_26_on),
        cmocka_unit_test(the_other_profiles_have_gos_form),
        cmocka_unit_test(equal_worlds_write_equal_bytes),
        cmocka_unit_test(every_third_look_repeats_the_one_before),
        cmocka_unit_test(dumps_break_off),
        cmocka_unit_test(memory_may_end_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
