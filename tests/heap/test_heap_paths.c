/*
 * Paths from roots, what they have in common, and what roots share: on graphs
 * small enough to try everything.
 */
#include "test.h"

#include <stdlib.h>

#include "heap/dump_fixture.h"
#include "heap/heap.h"
#include "small_dump.h"

#include "base/banned.h"

enum { GRAPHS = 400 };

static struct heap_paths *find_paths(const struct small *s)
{
    struct heap_paths *p = NULL;
    struct err err = {0};
    assert_ok(heap_paths_build(s->graph, NULL, &p, &err), &err);
    return p;
}

/* Steps to each object, 1 when a root holds it, 0 when nothing does: by
   relaxing all edges until nothing changes. `only`: from that group alone. */
static void distances(const struct small *s, uint32_t only, uint32_t *distance)
{
    memset(distance, 0, SMALL_NODES * sizeof *distance);
    for (uint32_t i = 0; i < s->n_groups; i++) {
        for (size_t k = 0; k < s->groups[i].n; k++) {
            if (only == UINT32_MAX || only == i) {
                distance[s->groups[i].to[k]] = 1;
            }
        }
    }
    for (bool has_changed = true; has_changed;) {
        has_changed = false;
        for (uint32_t a = 0; a < s->n; a++) {
            for (size_t k = 0; distance[a] && k < s->nodes[a].n; k++) {
                uint32_t *d = &distance[s->nodes[a].to[k]];
                if (*d == 0 || *d > distance[a] + 1) {
                    *d = distance[a] + 1;
                    has_changed = true;
                }
            }
        }
    }
}

/* Each step is a pointer that is where the path says, and none comes twice. */
static void assert_path_is_real(const struct small *s,
                                const struct heap_path *path, uint32_t to)
{
    assert_true(path->n >= 1);
    assert_int_equal(path->root->object.i, path->steps[0].object.i);
    assert_int_equal(path->root->group, path->group);
    const struct small_edges *group = &s->groups[path->group];
    assert_true(path->steps[0].offset / 8 < group->n);
    assert_int_equal(group->to[path->steps[0].offset / 8],
                     path->steps[0].object.i);
    for (size_t i = 1; i < path->n; i++) {
        const struct small_edges *e = &s->nodes[path->steps[i - 1].object.i];
        assert_true(path->steps[i].offset / 8 < e->n);
        assert_int_equal(e->to[path->steps[i].offset / 8],
                         path->steps[i].object.i);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(path->steps[k].object.i,
                                 path->steps[i].object.i);
        }
    }
    assert_int_equal(path->steps[path->n - 1].object.i, to);
}

static uint32_t holder(const struct heap_path *path)
{
    return path->n > 1 ? path->steps[path->n - 2].object.i : UINT32_MAX;
}

static void assert_paths_differ(const struct heap_path *paths, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || paths[i - 1].n <= paths[i].n);
        for (size_t k = 0; k < i; k++) {
            assert_true(paths[i].group != paths[k].group ||
                        holder(&paths[i]) != holder(&paths[k]));
        }
    }
}

/* With room for all, each group that reaches the object begins one path, as
   short as any. */
static void assert_groups_are_complete(const struct small *s, uint32_t to,
                                       const struct heap_path *paths, size_t n)
{
    uint32_t distance[SMALL_NODES];
    for (uint32_t group = 0; group < s->n_groups; group++) {
        size_t shortest = 0;
        for (size_t i = 0; i < n; i++) {
            if (paths[i].group == group &&
                (shortest == 0 || paths[i].n < shortest)) {
                shortest = paths[i].n;
            }
        }
        distances(s, group, distance);
        assert_int_equal(shortest, distance[to]);
    }
}

static void try_object(const struct small *s, const struct heap_paths *p,
                       uint32_t to, uint32_t distance)
{
    for (size_t k = 1; k <= 64; k *= 8) {
        struct arena arena = {0};
        struct heap_path *paths = NULL;
        struct err err = {0};
        size_t n = 7;
        assert_ok(
            heap_paths_to(p, (object_id){to}, k, &arena, &paths, &n, &err),
            &err);
        assert_true(n <= k);
        assert_int_equal(n > 0, distance > 0);
        for (size_t i = 0; i < n; i++) {
            assert_path_is_real(s, &paths[i], to);
        }
        assert_paths_differ(paths, n);
        assert_true(n == 0 || paths[0].n == distance);
        if (k == 64) {
            assert_groups_are_complete(s, to, paths, n);
        }
        arena_release(&arena);
    }
}

static void paths_are_real_and_shortest(void **state)
{
    (void)state;
    uint64_t seed = 5;
    uint32_t distance[SMALL_NODES];
    for (unsigned i = 0; i < GRAPHS; i++) {
        struct small s;
        small_random(&s, &seed, i % 20 ? 30 : SMALL_NODES);
        small_build(&s);
        struct heap_paths *p = find_paths(&s);
        distances(&s, UINT32_MAX, distance);
        for (uint32_t to = 0; to < s.n; to += 1 + s.n / 16) {
            try_object(&s, p, to, distance[to]);
        }
        heap_paths_free(p);
        small_release(&s);
    }
}

static void other_holders_come_after_other_groups(void **state)
{
    (void)state;
    struct small s = {.n = 6, .n_groups = 2};
    small_add(&s.groups[0], 0); /* a -> 0 -> {1, 2} -> 5 */
    small_add(&s.nodes[0], 1);
    small_add(&s.nodes[0], 2);
    small_add(&s.nodes[1], 5);
    small_add(&s.nodes[2], 5);
    small_add(&s.groups[1], 3); /* b -> 3 -> 4 -> 1, back to 3 */
    small_add(&s.nodes[3], 4);
    small_add(&s.nodes[4], 1);
    small_add(&s.nodes[5], 3);
    small_build(&s);
    struct heap_paths *p = find_paths(&s);
    struct arena arena = {0};
    struct heap_path *paths = NULL;
    struct err err = {0};
    size_t n = 0;
    assert_ok(heap_paths_to(p, (object_id){5}, 9, &arena, &paths, &n, &err),
              &err);
    assert_int_equal(n, 3);
    assert_int_equal(paths[0].group, 0);
    assert_int_equal(paths[0].n, 3);
    assert_int_equal(paths[1].group, 0);
    assert_int_not_equal(holder(&paths[0]), holder(&paths[1]));
    assert_int_equal(paths[2].group, 1);
    assert_int_equal(paths[2].n, 4);
    arena_release(&arena);
    heap_paths_free(p);
    small_release(&s);
}

static void assert_merged(const struct merged_path *path, uint32_t group,
                          const char *steps, uint64_t n_objects)
{
    struct buf text = BUF_LIMIT(4096);
    for (size_t i = 0; i < path->n; i++) {
        buf_printf(&text, "%s%s", i ? ", " : "", path->steps[i].text);
    }
    assert_string_equal(text.data, steps);
    assert_int_equal(path->group, group);
    assert_int_equal(path->n_objects, n_objects);
    assert_int_equal(path->bytes, n_objects * SMALL_BYTES);
    buf_release(&text);
}

/* a -> list of 0 to 99 by its second word; b -> 100 -> 101 to 108. */
static void merged_paths_name_a_list_once(void **state)
{
    (void)state;
    struct small s = {.n = 109, .n_groups = 2};
    object_id all[109];
    small_add(&s.groups[0], 0);
    for (uint32_t i = 0; i < 100; i++) {
        small_add(&s.nodes[i], i);
        small_add(&s.nodes[i], i < 99 ? i + 1 : 0);
    }
    small_add(&s.groups[1], 100);
    for (uint32_t i = 101; i < 109; i++) {
        small_add(&s.nodes[100], i);
        small_add(&s.nodes[i], 100);
    }
    for (uint32_t i = 0; i < 109; i++) {
        all[i].i = i;
    }
    small_build(&s);
    struct heap_paths *p = find_paths(&s);
    struct arena arena = {0};
    struct merged_path *paths = NULL;
    struct err err = {0};
    size_t n = 0;
    assert_ok(heap_paths_merged(p, NULL, all, 109, 3, &arena, &paths, &n, &err),
              &err);
    assert_int_equal(n, 3);
    assert_merged(&paths[0], 0, "64 B, +0x8 -> 64 B", 99);
    assert_merged(&paths[1], 0, "64 B", 1);
    assert_merged(&paths[2], 1, "64 B", 1);
    arena_release(&arena);
    heap_paths_free(p);
    small_release(&s);
}

/* Goroutines that are alike are one path, of as many as lead there. */
static void merged_paths_count_the_goroutines_they_begin_at(void **state)
{
    enum { N = 20, N_LAST = 3 };
    (void)state;
    struct fixture f;
    object_id all[2 * N];
    fixture_begin(&f, false, false, "go1.21.3");
    for (uint64_t i = 0; i < 2 * N; i++) {
        fixture_object(&f, FIXTURE_ARENA + 64 * i, 64, NULL, 0);
        all[i].i = (uint32_t)i;
    }
    for (uint64_t i = 0; i < N; i++) {
        const uint64_t locals[] = {FIXTURE_ARENA + 64 * i,
                                   i < N_LAST ? FIXTURE_ARENA + 64 * (N + i)
                                              : 0};
        fixture_goroutine(&f, 10 + i, FIXTURE_G + 512 * i, "select");
        fixture_frame(&f, 2 * i, "runtime.gopark", locals, 0, 0);
        fixture_frame(&f, 2 * i + 1, "main.wait", locals, 2, 2);
    }
    struct err err = {0};
    struct heap_graph *g = NULL;
    const struct heap_graph_options o = {0};
    assert_ok(heap_graph_build(fixture_end(&f), &o, &g, &err), &err);
    struct heap_paths *p = NULL;
    assert_ok(heap_paths_build(g, NULL, &p, &err), &err);
    struct arena arena = {0};
    struct merged_path *paths = NULL;
    size_t n = 0;
    assert_ok(heap_paths_merged(p, NULL, all, N, 3, &arena, &paths, &n, &err),
              &err);
    assert_int_equal(n, 1);
    assert_int_equal(paths[0].n_groups, N);
    assert_ok(
        heap_paths_merged(p, NULL, all + N, N, 3, &arena, &paths, &n, &err),
        &err);
    assert_int_equal(n, 1);
    assert_int_equal(paths[0].n_groups, N_LAST);
    arena_release(&arena);
    heap_paths_free(p);
    heap_graph_free(g);
    fixture_release(&f);
}

static void merging_paths_keeps_the_limit(void **state)
{
    enum { N = 100 };
    (void)state;
    struct small s = {.n = N, .n_groups = 1};
    object_id all[N];
    for (uint32_t i = 0; i < N; i++) {
        small_add(i ? &s.nodes[i - 1] : &s.groups[0], i);
        all[i].i = i;
    }
    small_add(&s.nodes[N - 1], 0);
    small_build(&s);
    /* Of the limit paths take 8 bytes an object, and 4 more for a while. */
    const struct heap_graph_options o = {
        .memory_limit_bytes =
            heap_graph_about(s.graph)->memory_bytes + (8 + 4) * N + 64};
    struct heap_graph *g = NULL;
    struct heap_paths *p = NULL;
    struct err err = {0};
    assert_ok(heap_graph_build(buf_view(&s.dump.bytes), &o, &g, &err), &err);
    assert_ok(heap_paths_build(g, NULL, &p, &err), &err);
    struct arena arena = {0};
    struct merged_path *paths = NULL;
    size_t n = 0;
    assert_false(
        heap_paths_merged(p, NULL, all, N, 3, &arena, &paths, &n, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_non_null(strstr(err.text, "paths need 2412 bytes of memory"));
    arena_release(&arena);
    heap_paths_free(p);
    heap_graph_free(g);
    small_release(&s);
}

static void merged_paths_count_every_reachable_object(void **state)
{
    (void)state;
    uint64_t seed = 9;
    object_id all[SMALL_NODES];
    bool is_reached[SMALL_NODES];
    for (unsigned i = 0; i < GRAPHS; i++) {
        struct small s;
        small_random(&s, &seed, SMALL_NODES);
        small_build(&s);
        struct heap_paths *p = find_paths(&s);
        struct arena arena = {0};
        struct merged_path *paths = NULL;
        struct err err = {0};
        size_t n = 0;
        for (uint32_t k = 0; k < s.n; k++) {
            all[k].i = k;
        }
        assert_ok(heap_paths_merged(p, NULL, all, s.n, SIZE_MAX, &arena, &paths,
                                    &n, &err),
                  &err);
        uint64_t sum = 0;
        for (size_t k = 0; k < n; k++) {
            assert_true(paths[k].n > 0);
            assert_true(k == 0 || paths[k - 1].bytes >= paths[k].bytes);
            sum += paths[k].n_objects;
        }
        small_reach(&s, UINT32_MAX, UINT32_MAX, UINT32_MAX, is_reached);
        assert_int_equal(sum, small_count(&s, is_reached));
        arena_release(&arena);
        heap_paths_free(p);
        small_release(&s);
    }
}

static void a_group_reaches_what_it_reaches(void **state)
{
    (void)state;
    uint64_t seed = 13;
    bool is_reached[SMALL_NODES];
    for (unsigned i = 0; i < GRAPHS; i++) {
        struct small s;
        small_random(&s, &seed, 60);
        small_build(&s);
        for (uint32_t group = 0; group < s.n_groups; group++) {
            uint64_t bytes = 0;
            uint64_t n = 0;
            struct err err = {0};
            small_reach(&s, UINT32_MAX, UINT32_MAX, group, is_reached);
            assert_ok(heap_reachable_from(s.graph, group, &bytes, &n, &err),
                      &err);
            assert_int_equal(n, small_count(&s, is_reached));
            assert_int_equal(bytes, n * SMALL_BYTES);
        }
        small_release(&s);
    }
}

/* The groups that reach each object, as bits. */
static void find_sets(const struct small *s, uint32_t *sets)
{
    bool is_reached[SMALL_NODES];
    memset(sets, 0, SMALL_NODES * sizeof *sets);
    for (uint32_t group = 0; group < s->n_groups; group++) {
        small_reach(s, UINT32_MAX, UINT32_MAX, group, is_reached);
        for (uint32_t i = 0; i < s->n; i++) {
            sets[i] |= is_reached[i] ? 1U << group : 0;
        }
    }
}

static unsigned count_bits(uint32_t set)
{
    unsigned n = 0;
    for (; set; set &= set - 1) {
        n++;
    }
    return n;
}

static void assert_shared(const struct small *s, const uint32_t *sets,
                          const struct heap_shared *shared)
{
    uint32_t set = 0;
    uint64_t n = 0;
    for (uint32_t k = 0; k < shared->n_groups && k < 4; k++) {
        set |= 1U << shared->groups[k];
    }
    for (uint32_t i = 0; i < s->n; i++) {
        n += shared->n_groups > 4 ? count_bits(sets[i]) > 4 : sets[i] == set;
    }
    assert_int_equal(shared->n_objects, n);
    assert_int_equal(shared->bytes, n * SMALL_BYTES);
}

static void shared_sets_equal_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 17;
    uint32_t sets[SMALL_NODES];
    for (unsigned i = 0; i < GRAPHS; i++) {
        struct small s;
        small_random(&s, &seed, i % 20 ? 40 : SMALL_NODES);
        small_build(&s);
        find_sets(&s, sets);
        struct heap_dominators *d = NULL;
        struct arena arena = {0};
        struct heap_shared *shared = NULL;
        struct err err = {0};
        size_t n = 0;
        assert_ok(heap_dominators_build(s.graph, NULL, &d, &err), &err);
        assert_ok(
            heap_shared_sets(s.graph, d, SIZE_MAX, &arena, &shared, &n, &err),
            &err);
        uint64_t n_shared = 0;
        for (size_t k = 0; k < n; k++) {
            assert_true(k == 0 || shared[k - 1].bytes >= shared[k].bytes);
            assert_shared(&s, sets, &shared[k]);
            n_shared += shared[k].n_objects;
        }
        for (uint32_t k = 0; k < s.n; k++) {
            n_shared -= count_bits(sets[k]) > 1;
        }
        assert_int_equal(n_shared, 0);
        arena_release(&arena);
        heap_dominators_free(d);
        small_release(&s);
    }
}

static void assert_step_is_an_edge(const struct heap_graph *g,
                                   const struct heap_path *path, size_t i)
{
    const object_id from = path->steps[i - 1].object;
    const struct span contents = heap_object_contents(g, from);
    const uint64_t word = heap_word(g, contents, path->steps[i].offset);
    assert_int_equal(heap_object_at(g, word).i, path->steps[i].object.i);
}

static void paths_of_a_real_heap_are_real(void **state)
{
    (void)state;
    struct real_dump r = real_open();
    struct heap_paths *p = NULL;
    struct err err = {0};
    assert_ok(heap_paths_build(r.graph, NULL, &p, &err), &err);
    const uint32_t n_objects = heap_n_objects(r.graph);
    for (uint32_t to = 0; to < n_objects; to += 997) {
        struct arena arena = {0};
        struct heap_path *paths = NULL;
        size_t n = 0;
        assert_ok(
            heap_paths_to(p, (object_id){to}, 4, &arena, &paths, &n, &err),
            &err);
        assert_true((n > 0) ==
                    heap_object_is_reachable(r.graph, (object_id){to}));
        assert_paths_differ(paths, n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(paths[i].root->object.i,
                             paths[i].steps[0].object.i);
            for (size_t k = 1; k < paths[i].n; k++) {
                assert_step_is_an_edge(r.graph, &paths[i], k);
            }
        }
        arena_release(&arena);
    }
    heap_paths_free(p);
    real_close(&r);
}

static bool ask_everything(void *ctx, struct err *err)
{
    const struct small *s = ctx;
    struct heap_paths *p = NULL;
    struct heap_dominators *d = NULL;
    struct arena arena = {0};
    struct heap_path *paths = NULL;
    struct merged_path *merged = NULL;
    struct heap_shared *shared = NULL;
    const object_id some[] = {s->groups[0].to[0] > 0
                                  ? (object_id){s->groups[0].to[0]}
                                  : (object_id){0}};
    uint64_t bytes = 0;
    uint64_t n_objects = 0;
    size_t n = 0;
    const bool ok =
        heap_paths_build(s->graph, NULL, &p, err) &&
        heap_dominators_build(s->graph, NULL, &d, err) &&
        heap_paths_to(p, some[0], 8, &arena, &paths, &n, err) &&
        heap_paths_merged(p, NULL, some, 1, 8, &arena, &merged, &n, err) &&
        heap_shared_sets(s->graph, d, 8, &arena, &shared, &n, err) &&
        heap_reachable_from(s->graph, 0, &bytes, &n_objects, err);
    heap_dominators_free(d);
    heap_paths_free(p);
    arena_release(&arena);
    return ok;
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct small s;
    small_random(&s, &seed, SMALL_NODES);
    small_build(&s);
    assert_true(oom_walk(ask_everything, &s) > 20);
    small_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_real_and_shortest),
        cmocka_unit_test(other_holders_come_after_other_groups),
        cmocka_unit_test(merged_paths_name_a_list_once),
        cmocka_unit_test(merged_paths_count_every_reachable_object),
        cmocka_unit_test(merging_paths_keeps_the_limit),
        cmocka_unit_test(merged_paths_count_the_goroutines_they_begin_at),
        cmocka_unit_test(a_group_reaches_what_it_reaches),
        cmocka_unit_test(shared_sets_equal_brute_force),
        cmocka_unit_test(paths_of_a_real_heap_are_real),
        cmocka_unit_test(running_out_of_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
