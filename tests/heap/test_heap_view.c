/*
 * Views of small dumps whose answer is known, and what must hold of any dump:
 * chains and classes add up to all that is live.
 */
#include "heap/dump_fixture.h"
#include "heap/small_dump.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

#include "heap/heap.h"

#include "base/banned.h"

/* A cache (48 bytes) with an array (2048) of three users (96), one of which
   leads to a fourth; each user has a text (240). A thing (32) that two
   variables hold. */
enum {
    CACHE = FIXTURE_ARENA + 0x2000,
    ARRAY = FIXTURE_ARENA + 0x4000,
    USERS = FIXTURE_ARENA + 0x6000,
    TEXTS = FIXTURE_ARENA + 0x8000,
    THING = FIXTURE_ARENA + 0xa000,
    USER_BYTES = 96,
    TEXT_BYTES = 240,
    N_USERS = 4,
    USERS_RETAIN = N_USERS * (USER_BYTES + TEXT_BYTES),
    ALL_BYTES = 48 + 2048 + USERS_RETAIN + 32
};

static struct span cache_dump(struct fixture *f)
{
    const uint64_t cache[] = {ARRAY};
    const uint64_t array[] = {USERS, USERS + USER_BYTES,
                              USERS + 2 * USER_BYTES};
    fixture_begin(f, false, false, "go1.21.3");
    fixture_object(f, CACHE, 48, cache, 1);
    fixture_object(f, ARRAY, 2048, array, 3);
    for (uint64_t i = 0; i < N_USERS; i++) {
        const uint64_t next = i == 0 ? USERS + 3 * USER_BYTES : 0;
        const uint64_t user[] = {TEXTS + i * TEXT_BYTES, next};
        fixture_object(f, USERS + i * USER_BYTES, USER_BYTES, user, 2);
    }
    for (uint64_t i = 0; i < N_USERS; i++) {
        fixture_object(f, TEXTS + i * TEXT_BYTES, TEXT_BYTES, NULL, 0);
    }
    fixture_object(f, THING, 32, NULL, 0);
    const uint64_t bss[] = {CACHE, THING, THING};
    fixture_segment(f, true, bss, 3);
    const struct heap_call calls[] = {
        {SPAN_LIT("main.load"), SPAN_LIT("/src/main.go"), 12}
    };
    const struct heap_bucket b = {FIXTURE_BUCKET, TEXT_BYTES, calls, 1, 5, 4};
    dump_writer_bucket(f->w, &b);
    const struct heap_sample s = {TEXTS, FIXTURE_BUCKET};
    dump_writer_sample(f->w, &s);
    return fixture_end(f);
}

struct made {
    struct fixture fixture;
    struct small small;
    struct heap_facts facts;
    struct heap_view *view;
};

static bool make_view(struct made *m, struct heap_graph *g, struct err *err)
{
    struct heap_dominators *d = NULL;
    const struct heap_graph_options o = {0};
    m->facts.graph = g;
    if (!heap_dominators_build(g, &o, &d, err)) {
        return false;
    }
    m->facts.dominators = d;
    return heap_view_new(&m->facts, &m->view, err);
}

static struct heap_graph *graph_of(struct span dump)
{
    struct err err = {0};
    const struct heap_graph_options o = {0};
    struct heap_graph *g = NULL;
    assert_ok(heap_graph_build(dump, &o, &g, &err), &err);
    return g;
}

/* What make_view() made; the graph is const in the facts. */
static void unmake(struct made *m, struct heap_graph *g)
{
    heap_view_free(m->view);
    struct heap_dominators *d = NULL;
    memcpy(&d, &m->facts.dominators, sizeof d);
    heap_dominators_free(d);
    heap_graph_free(g);
}

static int setup(void **state)
{
    struct made *m = calloc(1, sizeof *m);
    struct err err = {0};
    assert_non_null(m);
    assert_ok(make_view(m, graph_of(cache_dump(&m->fixture)), &err), &err);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct made *m = *state;
    struct heap_graph *g = NULL;
    memcpy(&g, &m->facts.graph, sizeof g);
    unmake(m, g);
    fixture_release(&m->fixture);
    free(m);
    return 0;
}

static const struct view_type *type_named(const struct view_type *rows,
                                          size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    fail_msg("no type %s", name);
    return NULL;
}

/* --- types --- */

static void types_count_objects_and_what_they_retain_once(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_type *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_types(m->view, 100, &rows, &n, &n_all, &err), &err);
    assert_int_equal(n_all, 5);
    assert_string_equal(rows[0].name, "unknown 2048 B");
    const struct view_type *users = type_named(rows, n, "unknown 96 B");
    assert_int_equal(users->n_objects, N_USERS);
    assert_int_equal(users->bytes, N_USERS * USER_BYTES);
    assert_int_equal(users->retained_bytes, USERS_RETAIN);
    assert_int_equal(users->retained_objects, 2 * N_USERS);
    assert_false(users->is_known);
}

static void types_are_cut_and_said_so(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_type *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_types(m->view, 2, &rows, &n, &n_all, &err), &err);
    assert_int_equal(n, 2);
    assert_int_equal(n_all, 5);
}

static void objects_of_a_type_are_found_by_name_and_by_part(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    object_id *objects = NULL;
    size_t n = 0;
    assert_ok(heap_view_objects_of(m->view, "unknown 96 B", &objects, &n, &err),
              &err);
    assert_int_equal(n, N_USERS);
    assert_int_equal(heap_object_address(m->facts.graph, objects[0]), USERS);
    free(objects);
    assert_ok(heap_view_objects_of(m->view, "240", &objects, &n, &err), &err);
    assert_int_equal(n, N_USERS);
    free(objects);
    assert_ok(heap_view_objects_of(m->view, "main.User", &objects, &n, &err),
              &err);
    assert_int_equal(n, 0);
    free(objects);
}

/* --- the tree --- */

static void branches_fold_what_leads_to_its_own_kind(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_branches(m->view, 0, 100, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, 6);
    static const char *const names[] = {"global bss+0x0", "unknown 48 B",
                                        "unknown 2048 B", "unknown 96 B",
                                        "unknown 240 B",  "unknown 32 B"};
    static const unsigned depths[] = {0, 1, 2, 3, 4, 0};
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(rows[i].name, names[i]);
        assert_int_equal(rows[i].depth, depths[i]);
    }
    assert_int_equal(rows[0].retained_bytes, ALL_BYTES - 32);
    assert_int_equal(rows[3].n_nodes, N_USERS);
    assert_int_equal(rows[3].bytes, N_USERS * USER_BYTES);
    assert_int_equal(rows[3].retained_bytes, USERS_RETAIN);
    assert_int_equal(rows[4].n_nodes, N_USERS);
}

static void cut_branches_are_a_tree_still(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    for (size_t n_max = 0; n_max < 6; n_max++) {
        const struct view_branch *rows = NULL;
        size_t n = 0;
        size_t n_all = 0;
        assert_ok(
            heap_view_branches(m->view, 0, n_max, &rows, &n, &n_all, &err),
            &err);
        assert_int_equal(n, n_max);
        assert_int_equal(n_all, 6);
        for (size_t i = 0; i < n; i++) {
            assert_true(rows[i].depth <= (i == 0 ? 0 : rows[i - 1].depth + 1));
        }
    }
}

static void small_branches_are_left_out(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_branches(m->view, 0.5, 100, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, 3);
    assert_string_equal(rows[2].name, "unknown 2048 B");
}

/* --- holders --- */

static void holders_tell_the_way_to_what_they_hold(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_holder *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_holders(m->view, 0, 10, &rows, &n, &n_all, &err), &err);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].name, "global bss+0x0");
    assert_int_equal(rows[0].retained_bytes, ALL_BYTES - 32);
    /* Below the array nothing holds half of it. */
    assert_int_equal(rows[0].n_steps, 2);
    assert_string_equal(rows[0].steps[1].name, "unknown 2048 B");
    assert_int_equal(rows[0].steps[1].retained_bytes, 2048 + USERS_RETAIN);
    assert_int_equal(rows[0].n_samples, 1);
    assert_true(span_is(rows[0].site->calls[0].function, "main.load"));
}

static void what_two_hold_names_both(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_holder *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_holders(m->view, 0, 10, &rows, &n, &n_all, &err), &err);
    assert_string_equal(rows[1].name, "unknown 32 B");
    assert_int_equal(rows[1].n_held_by, 2);
    assert_string_equal(rows[1].held_by[0], "global bss+0x8");
    assert_string_equal(rows[1].held_by[1], "global bss+0x10");
}

static void globals_show_what_they_share(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_global *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(heap_view_globals(m->view, 10, &rows, &n, &n_all, &err), &err);
    assert_int_equal(n, 3);
    assert_string_equal(rows[0].name, "bss+0x0");
    assert_int_equal(rows[0].retained_bytes, ALL_BYTES - 32);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(rows[i].retained_bytes, 0);
        assert_int_equal(rows[i].reachable_bytes, 32);
        assert_int_equal(rows[i].reachable_objects, 1);
    }
}

/* --- other views --- */

static void equal_objects_are_counted(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_duplicate *rows = NULL;
    struct view_duplicates about;
    size_t n = 0;
    size_t n_all = 0;
    assert_ok(
        heap_view_duplicates(m->view, 10, &rows, &n, &n_all, &about, &err),
        &err);
    assert_int_equal(n_all, 1);
    assert_int_equal(rows[0].n_copies, N_USERS);
    assert_int_equal(rows[0].saved_bytes, (N_USERS - 1) * TEXT_BYTES);
    assert_string_equal(rows[0].text, "zeros");
    assert_int_equal(about.n_values, N_USERS + 1);
    assert_int_equal(about.n_distinct, 2);
}

static void waste_needs_types(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_waste *rows = NULL;
    size_t n = 7;
    size_t n_all = 7;
    assert_ok(heap_view_waste(m->view, 10, &rows, &n, &n_all, &err), &err);
    assert_int_equal(n, 0);
    assert_int_equal(n_all, 0);
}

static void sizes_add_up(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_size *rows = NULL;
    size_t n = 0;
    uint64_t bytes = 0;
    assert_ok(heap_view_sizes(m->view, &rows, &n, &err), &err);
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || rows[i].slot_bytes > rows[i - 1].slot_bytes);
        bytes += rows[i].reachable_bytes;
    }
    assert_int_equal(bytes, ALL_BYTES);
}

static void referrers_are_objects_and_roots(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_referrer *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    const object_id thing = heap_object_at(m->facts.graph, THING);
    assert_ok(heap_view_referrers(m->view, thing, 1, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, 1);
    assert_int_equal(n_all, 2);
    const object_id fourth =
        heap_object_at(m->facts.graph, USERS + 3 * USER_BYTES);
    assert_ok(heap_view_referrers(m->view, fourth, 9, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].name, "unknown 96 B");
}

static void an_untyped_object_is_told_in_words(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_value *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    const object_id user = heap_object_at(m->facts.graph, USERS);
    assert_ok(heap_view_values(m->view, user, 3, &rows, &n, &n_all, &err),
              &err);
    assert_int_equal(n, 3);
    assert_int_equal(n_all, USER_BYTES / 8);
    assert_string_equal(rows[0].name, "+0x0");
    assert_string_equal(rows[0].text, "-> unknown 240 B at 0x10008000");
    assert_string_equal(rows[2].text, "0x0");
    assert_int_equal(rows[2].target.i, UINT32_MAX);
}

static void the_dominators_of_an_object_lead_to_its_root(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    heap_node *chain = NULL;
    size_t n = 0;
    const object_id text = heap_object_at(m->facts.graph, TEXTS);
    const heap_node node = heap_node_of_object(m->facts.graph, text);
    assert_ok(heap_view_dominators(m->view, node, 10, &chain, &n, &err), &err);
    assert_int_equal(n, 5);
    assert_int_equal(chain[0], node);
    assert_string_equal(heap_view_name(m->view, chain[4]), "global bss+0x0");
}

/* --- allocation sites --- */

static void sites_are_scaled_by_the_rate(void **state)
{
    struct made *m = *state;
    struct err err = {0};
    const struct view_site *rows = NULL;
    size_t n = 0;
    uint64_t rate = 1;
    assert_ok(heap_view_sites(m->view, &rate, &rows, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].bytes, TEXT_BYTES);
    rate = 1000;
    assert_ok(heap_view_sites(m->view, &rate, &rows, &n, &err), &err);
    const double weight = 1 / (1 - exp(-TEXT_BYTES / 1000.0));
    assert_int_equal(rows[0].bytes, llround(TEXT_BYTES * weight));
    assert_int_equal(rows[0].n_objects, llround(weight));
    rate = 0; /* one sample tells nothing: the default */
    assert_ok(heap_view_sites(m->view, &rate, &rows, &n, &err), &err);
    assert_int_equal(rate, 524288);
}

/* --- what holds of any dump --- */

static uint64_t chains_bytes(const struct view_chain *chains, size_t n,
                             uint64_t *n_objects)
{
    uint64_t bytes = 0;
    *n_objects = 0;
    for (size_t i = 0; i < n; i++) {
        assert_true(chains[i].parent == UINT32_MAX || chains[i].parent < i);
        bytes += chains[i].bytes;
        *n_objects += chains[i].n_objects;
    }
    return bytes;
}

static void check_sums(struct heap_view *v, const struct heap_graph *g)
{
    struct err err = {0};
    const struct heap_about *a = heap_graph_about(g);
    const struct view_chain *chains = NULL;
    const struct view_type *types = NULL;
    size_t n = 0;
    size_t n_all = 0;
    uint64_t n_objects = 0;
    assert_ok(heap_view_path_chains(v, &chains, &n, &err), &err);
    assert_int_equal(chains_bytes(chains, n, &n_objects), a->reachable_bytes);
    assert_int_equal(n_objects, a->n_reachable);
    assert_ok(heap_view_dominator_chains(v, &chains, &n, &err), &err);
    assert_int_equal(chains_bytes(chains, n, &n_objects), a->reachable_bytes);
    assert_int_equal(n_objects, a->n_reachable);
    assert_ok(heap_view_types(v, 100, &types, &n, &n_all, &err), &err);
    assert_int_equal(n_all, 1); /* all are of one size */
    assert_int_equal(types[0].bytes, a->reachable_bytes);
    assert_int_equal(types[0].retained_bytes, a->reachable_bytes);
    assert_int_equal(types[0].retained_objects, a->n_reachable);
}

static void check_branches(struct heap_view *v, const struct heap_graph *g)
{
    struct err err = {0};
    const struct view_branch *rows = NULL;
    size_t n = 0;
    size_t n_all = 0;
    uint64_t own = 0;
    assert_ok(heap_view_branches(v, 0, 10000, &rows, &n, &n_all, &err), &err);
    for (size_t i = 0; i < n; i++) {
        own += rows[i].bytes;
    }
    assert_int_equal(own, heap_graph_about(g)->reachable_bytes);
}

static void views_of_random_graphs_add_up(void **state)
{
    enum { GRAPHS = 300 };
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < GRAPHS; i++) {
        struct made m = {0};
        struct err err = {0};
        small_random(&m.small, &seed, SMALL_NODES);
        small_build(&m.small);
        assert_ok(make_view(&m, m.small.graph, &err), &err);
        check_sums(m.view, m.small.graph);
        check_branches(m.view, m.small.graph);
        unmake(&m, NULL);
        small_release(&m.small);
    }
}

/* --- running out of memory --- */

static bool ask_all(struct heap_view *v, struct err *err)
{
    const struct view_type *types = NULL;
    const struct view_global *globals = NULL;
    const struct view_goroutine *goroutines = NULL;
    const struct view_branch *branches = NULL;
    const struct view_holder *holders = NULL;
    const struct view_duplicate *duplicates = NULL;
    const struct view_size *sizes = NULL;
    const struct view_referrer *referrers = NULL;
    const struct view_value *values = NULL;
    const struct view_chain *chains = NULL;
    const struct view_site *sites = NULL;
    struct view_duplicates about;
    const object_id o = {0};
    uint64_t rate = 0;
    size_t n = 0;
    size_t n_all = 0;
    return heap_view_types(v, 9, &types, &n, &n_all, err) &&
           heap_view_globals(v, 9, &globals, &n, &n_all, err) &&
           heap_view_goroutines(v, 9, &goroutines, &n, &n_all, err) &&
           heap_view_branches(v, 0, 3, &branches, &n, &n_all, err) &&
           heap_view_holders(v, 0, 9, &holders, &n, &n_all, err) &&
           heap_view_duplicates(v, 9, &duplicates, &n, &n_all, &about, err) &&
           heap_view_sizes(v, &sizes, &n, err) &&
           heap_view_referrers(v, o, 9, &referrers, &n, &n_all, err) &&
           heap_view_values(v, o, 9, &values, &n, &n_all, err) &&
           heap_view_path_chains(v, &chains, &n, err) &&
           heap_view_dominator_chains(v, &chains, &n, err) &&
           heap_view_sites(v, &rate, &sites, &n, err);
}

struct asked {
    struct heap_graph *graph;
};

static bool view_and_ask(void *ctx, struct err *err)
{
    const struct asked *a = ctx;
    struct made m = {0};
    const bool ok = make_view(&m, a->graph, err) && ask_all(m.view, err);
    unmake(&m, NULL);
    return ok;
}

/* --- names of goroutines --- */

static void a_goroutine_is_called_by_what_was_started(void **state)
{
    (void)state;
    static const struct {
        const char *functions[5]; /* innermost first */
        const char *name, *function;
    } rows[] = {
        {{"runtime.gopark", "main.serve", "main.run.gowrap1", "runtime.goexit"},
         "main.serve",                                                                             "main.serve"                },
        {{"runtime.gopark", "main.read", "main.serve", "main.run.gowrap1",
          "runtime.goexit"},
         "main.serve",                                                                             "main.read"                 },
        {{"runtime.gopark", "main.run\u00b7dwrap\u00b71", "runtime.goexit"},
         "main.run\u00b7dwrap\u00b71",                                                             "main.run\u00b7dwrap\u00b71"},
        {{"runtime.gopark", "sync.(*WaitGroup).Wait", "main.run.gowrap2",
          "runtime.goexit"},
         "sync.(*WaitGroup).Wait",                                                                 "sync.(*WaitGroup).Wait"    },
        {{"runtime.gopark", "main.main", "runtime.main", "runtime.goexit"},
         "main.main",                                                                              "main.main"                 },
        {{"runtime.gopark", "runtime.forcegchelper", "runtime.goexit"},
         "runtime.forcegchelper",                                                                  "runtime.forcegchelper"     },
        {{"runtime.goexit"},                                                     "runtime.goexit", "runtime.goexit"            },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made m = {0};
        struct err err = {0};
        char name[64];
        const struct view_goroutine *shown = NULL;
        size_t n = 0;
        size_t n_all = 0;
        fixture_begin(&m.fixture, false, false, "go1.21.3");
        fixture_object(&m.fixture, CACHE, 48, NULL, 0);
        fixture_goroutine(&m.fixture, 7, FIXTURE_G, "select");
        for (uint64_t k = 0; k < 5 && rows[i].functions[k]; k++) {
            fixture_frame(&m.fixture, k, rows[i].functions[k], NULL, 0, 0);
        }
        struct heap_graph *g = graph_of(fixture_end(&m.fixture));
        assert_ok(make_view(&m, g, &err), &err);
        (void)snprintf(name, sizeof name, "goroutine 7 [select] %s",
                       rows[i].name);
        assert_string_equal(heap_view_name(m.view, 1), name);
        (void)snprintf(name, sizeof name, "goroutine [select] %s",
                       rows[i].name);
        assert_string_equal(heap_view_class(m.view, 1), name);
        assert_ok(heap_view_goroutines(m.view, 1, &shown, &n, &n_all, &err),
                  &err);
        assert_string_equal(shown[0].function, rows[i].function);
        unmake(&m, g);
        fixture_release(&m.fixture);
    }
}

static void running_out_of_memory_is_said_and_leaks_nothing(void **state)
{
    struct fixture f;
    struct asked a = {.graph = graph_of(cache_dump(&f))};
    (void)state;
    assert_true(oom_walk(view_and_ask, &a) > 40);
    heap_graph_free(a.graph);
    fixture_release(&f);
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CACHE(types_count_objects_and_what_they_retain_once),
        WITH_CACHE(types_are_cut_and_said_so),
        WITH_CACHE(objects_of_a_type_are_found_by_name_and_by_part),
        WITH_CACHE(branches_fold_what_leads_to_its_own_kind),
        WITH_CACHE(cut_branches_are_a_tree_still),
        WITH_CACHE(small_branches_are_left_out),
        WITH_CACHE(holders_tell_the_way_to_what_they_hold),
        WITH_CACHE(what_two_hold_names_both),
        WITH_CACHE(globals_show_what_they_share),
        WITH_CACHE(equal_objects_are_counted),
        WITH_CACHE(waste_needs_types),
        WITH_CACHE(sizes_add_up),
        WITH_CACHE(referrers_are_objects_and_roots),
        WITH_CACHE(an_untyped_object_is_told_in_words),
        WITH_CACHE(the_dominators_of_an_object_lead_to_its_root),
        WITH_CACHE(sites_are_scaled_by_the_rate),
        cmocka_unit_test(views_of_random_graphs_add_up),
        cmocka_unit_test(a_goroutine_is_called_by_what_was_started),
        cmocka_unit_test(running_out_of_memory_is_said_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
