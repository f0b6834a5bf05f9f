#include "test.h"

#include "sim/world_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENTS = 12, LOOKS = 24 };

/* A service that does nothing beside its background. */
static void build_quiet(struct sim_world *w)
{
    sim_http_server(w, CLIENTS);
}

static void build_alone(struct sim_world *w)
{
    sim_http_server(w, 0);
}

static const struct sim_scenario quiet = {
    .name = "quiet", .service = "accounts", .build = build_quiet};
static const struct sim_scenario alone = {
    .name = "alone", .service = "accounts", .build = build_alone};

static struct sim_world *world_of(const struct sim_scenario *scenario,
                                  unsigned n, uint64_t seed, enum sim_go go)
{
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = scenario;
    o.n_background = n;
    o.seed = seed;
    o.go = go;
    o.noise = 0;
    o.interval_ns = 20 * SIM_SECOND;
    o.n_snapshots = LOOKS;
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(&o, &w, &err), &err);
    return w;
}

static void run_to(struct sim_world *w, unsigned look)
{
    struct err err = {0};
    assert_ok(sim_world_run(w, look * w->options.interval_ns, &err), &err);
}

static struct sim_goroutine_list goroutines_of(struct sim_world *w)
{
    struct sim_goroutine_list all = {0};
    struct err err = {0};
    assert_ok(sim_goroutines(w, &all, &err), &err);
    return all;
}

static bool is_background(const struct sim_population *p)
{
    return strncmp(p->spec.name, "background ", 11) == 0;
}

/* Live bytes of the background's objects. */
static double live_bytes(const struct sim_world *w)
{
    double bytes = 0;
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned m = 0; is_background(p) && m < p->spec.n_members; m++) {
            bytes += (double)(p->n * p->spec.members[m].count) *
                     (double)w->buckets.items[p->buckets[m]].bytes;
        }
    }
    return bytes;
}

/* --- what there is --- */

static void zero_stacks_are_nothing(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&alone, 0, 1, SIM_GO_1_23);
    assert_int_equal(w->populations.n, 1); /* the acceptor */
    sim_world_free(w);
}

/* Distinct stacks of the background's members. */
static size_t distinct_stacks(const struct sim_world *w)
{
    struct vec_u32 seen = {0};
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        for (unsigned m = 0; is_background(p) && m < p->spec.n_members; m++) {
            const uint32_t id = p->spec.members[m].stack.i;
            size_t at = 0;
            while (at < seen.n && seen.items[at] != id) {
                at++;
            }
            assert_true(at < seen.n || vec_u32_push(&seen, id));
        }
    }
    const size_t n = seen.n;
    vec_u32_release(&seen);
    return n;
}

static void stacks_are_as_many_as_wanted(void **state)
{
    (void)state;
    static const unsigned counts[] = {1, 2, 7, 20, 100, 500, 2000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct sim_world *w = world_of(&quiet, counts[i], i, SIM_GO_1_23);
        assert_int_equal(distinct_stacks(w), counts[i]);
        sim_world_free(w);
    }
}

static void every_version_has_a_background(void **state)
{
    (void)state;
    for (int go = 0; go < N_SIM_GOS; go++) {
        struct sim_world *w = world_of(&quiet, 300, 5, (enum sim_go)go);
        run_to(w, 1);
        assert_int_equal(w->populations.items[0].n, 1);
        struct sim_goroutine_list all = goroutines_of(w);
        assert_true(all.n > CLIENTS + 20);
        sim_goroutine_list_release(&all);
        sim_world_free(w);
    }
}

static void bytes_in_use_follow_the_stacks(void **state)
{
    (void)state;
    static const unsigned counts[] = {100, 500, 2000};
    for (size_t i = 0; i < 3; i++) {
        struct sim_world *w = world_of(&quiet, counts[i], i, SIM_GO_1_23);
        const double each = live_bytes(w) / counts[i];
        assert_true(each > 40000 && each < 90000);
        sim_world_free(w);
    }
}

static void allocation_rate_does_not_follow_the_stacks(void **state)
{
    (void)state;
    static const unsigned counts[] = {20, 100, 500, 2000};
    for (size_t i = 0; i < 4; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            struct sim_world *w =
                world_of(&quiet, counts[i], seed, SIM_GO_1_23);
            run_to(w, 1);
            const double before = w->total_alloc_bytes;
            run_to(w, 5);
            const double rate = (w->total_alloc_bytes - before) / 80;
            if (rate < 1.2e6 || rate > 4.5e6) {
                fail_msg("%u stacks, seed %u: %.0f bytes/s", counts[i],
                         (unsigned)seed, rate);
            }
            sim_world_free(w);
        }
    }
}

/* Sizes that the background allocates at a stack. */
static unsigned sizes_at(const struct sim_world *w, uint32_t stack)
{
    unsigned n = 0;
    for (size_t i = 0; i < w->buckets.n; i++) {
        n += w->buckets.items[i].stack.i == stack;
    }
    return n;
}

static void a_tenth_of_the_stacks_have_several_sizes(void **state)
{
    (void)state;
    unsigned n_growing = 0;
    unsigned most = 0;
    const unsigned n_stacks = 500;
    const unsigned n_seeds = 4;
    for (uint64_t seed = 1; seed <= n_seeds; seed++) {
        struct sim_world *w = world_of(&alone, n_stacks, seed, SIM_GO_1_23);
        for (uint32_t stack = 0; stack < w->code.stacks.n; stack++) {
            const unsigned n = sizes_at(w, stack);
            n_growing += n > 1;
            most = n > most ? n : most;
        }
        sim_world_free(w);
    }
    const double share = (double)n_growing / (n_seeds * n_stacks);
    if (share < 0.06 || share > 0.14 || most < 6 || most > 8) {
        fail_msg("%.3f of the stacks grow, the most to %u sizes", share, most);
    }
}

/* Stacks of the background of which something was sampled so far. */
static size_t seen_stacks(const struct sim_world *w)
{
    size_t n = 0;
    for (uint32_t stack = 0; stack < w->code.stacks.n; stack++) {
        bool is_seen = false;
        for (size_t i = 0; i < w->buckets.n; i++) {
            const struct sim_bucket *b = &w->buckets.items[i];
            is_seen = is_seen || (b->stack.i == stack && b->is_seen);
        }
        n += is_seen;
    }
    return n;
}

static int descending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x < y) - (x > y);
}

/* What the garbage allocates a second, the largest first. */
static size_t garbage_rates(const struct sim_world *w, double *rates,
                            size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < w->populations.n && n < room; i++) {
        const struct sim_population *p = &w->populations.items[i];
        if (strncmp(p->spec.name, "background garbage", 18) == 0) {
            rates[n++] = sim_population_bytes_per_s(w, p);
        }
    }
    qsort(rates, n, sizeof(*rates), descending);
    return n;
}

static void few_stacks_allocate_most(void **state)
{
    (void)state;
    double rates[1000];
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct sim_world *w = world_of(&alone, 500, seed, SIM_GO_1_23);
        const size_t n = garbage_rates(w, rates, 1000);
        double top = 0;
        double half = 0;
        double all = 0;
        for (size_t i = 0; i < n; i++) {
            top += i < n / 10 ? rates[i] : 0;
            half += i < n / 2 ? rates[i] : 0;
            all += rates[i];
        }
        if (top < 0.55 * all || half < 0.93 * all || rates[0] > 0.6 * all) {
            fail_msg("seed %u: first %.3f, tenth %.3f, half %.3f",
                     (unsigned)seed, rates[0] / all, top / all, half / all);
        }
        sim_world_free(w);
    }
}

static void rare_stacks_are_seen_late(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&alone, 500, 2, SIM_GO_1_23);
    run_to(w, 1);
    const size_t first = seen_stacks(w);
    run_to(w, LOOKS * 3 / 4);
    const size_t late = seen_stacks(w);
    run_to(w, LOOKS);
    const size_t last = seen_stacks(w);
    if (first < 40 || first > 125 || last < 2 * first || last > 400 ||
        last < late + 5) {
        fail_msg("%zu stacks, %zu, %zu", first, late, last);
    }
    sim_world_free(w);
}

/* --- requests in flight --- */

/* Handlers at work: goroutines of a connection that are not idle. */
static size_t handlers_at_work(struct sim_world *w)
{
    struct sim_goroutine_list all = goroutines_of(w);
    size_t n_handlers = 0;
    size_t n_watchers = 0;
    for (size_t i = 0; i < all.n; i++) {
        const struct sim_goroutine *g = &all.items[i];
        if (g->population == UINT32_MAX ||
            !is_background(&w->populations.items[g->population])) {
            continue;
        }
        const char *by = sim_frame_function(&w->code, g->creator)->name;
        n_handlers += strcmp(by, "net/http.(*Server).Serve") == 0;
        n_watchers +=
            strcmp(by, "net/http.(*connReader).startBackgroundRead") == 0;
    }
    assert_int_equal(n_handlers, n_watchers);
    sim_goroutine_list_release(&all);
    return n_handlers;
}

/* Mean over looks [from, to). */
static double mean_at_work(struct sim_world *w, unsigned from, unsigned to)
{
    double sum = 0;
    for (unsigned look = from; look < to; look++) {
        run_to(w, look);
        sum += (double)handlers_at_work(w);
    }
    return sum / (to - from);
}

static void requests_in_flight_are_few_and_stay_so(void **state)
{
    (void)state;
    static const struct {
        unsigned n;
        double low, high;
    } rows[] = {
        {1,    3,  8 },
        {500,  12, 22},
        {5000, 28, 42}
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_world *w = world_of(&alone, rows[i].n, 3, SIM_GO_1_23);
        const double first = mean_at_work(w, 0, LOOKS / 2);
        const double last = mean_at_work(w, LOOKS / 2, LOOKS);
        if (first < rows[i].low || first > rows[i].high || last < rows[i].low ||
            last > rows[i].high) {
            fail_msg("%u stacks: %.1f, %.1f in flight", rows[i].n, first, last);
        }
        sim_world_free(w);
    }
}

static void requests_in_flight_follow_the_load(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&alone, 500, 3, SIM_GO_1_23);
    w->options.has_load = true;
    w->options.load = SIM_RAMP; /* to 2.5 times as much */
    const double first = mean_at_work(w, 0, LOOKS / 4);
    (void)mean_at_work(w, LOOKS / 4, LOOKS * 3 / 4);
    const double last = mean_at_work(w, LOOKS * 3 / 4, LOOKS);
    if (last < 1.5 * first || last > 2.5 * first) {
        fail_msg("%.1f in flight became %.1f", first, last);
    }
    sim_world_free(w);
}

static bool is_equal_group(const struct sim_goroutine *a,
                           const struct sim_goroutine *b)
{
    const bool is_labelled = a->label_key != NULL && a->label_value != NULL;
    if (a->stack.i != b->stack.i ||
        is_labelled != (b->label_key != NULL && b->label_value != NULL)) {
        return false;
    }
    return !is_labelled || strcmp(a->label_value, b->label_value) == 0;
}

/* Groups as a goroutine profile has them: of equal stack and label. */
static size_t groups_of(const struct sim_goroutine_list *all,
                        size_t *n_labelled)
{
    size_t n = 0;
    *n_labelled = 0;
    for (size_t i = 0; i < all->n; i++) {
        size_t same = 0;
        while (!is_equal_group(&all->items[same], &all->items[i])) {
            same++;
        }
        n += same == i;
        *n_labelled += same == i && all->items[i].label_value != NULL;
    }
    return n;
}

static void looks_find_goroutines_in_many_poses(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 500, 4, SIM_GO_1_23);
    for (unsigned look = 0; look < 4; look++) {
        run_to(w, look);
        struct sim_goroutine_list all = goroutines_of(w);
        size_t n_labelled = 0;
        const size_t n = groups_of(&all, &n_labelled);
        if (n < 22 || n > 50 || n_labelled < 4 || n_labelled > 20) {
            fail_msg("%zu groups, %zu with a label", n, n_labelled);
        }
        sim_goroutine_list_release(&all);
    }
    sim_world_free(w);
}

/* Looks until a goroutine is found that has not yet run; its only frame. */
static const char *newborn_frame(struct sim_world *w)
{
    const char *name = NULL;
    for (unsigned look = 0; look < LOOKS && name == NULL; look++) {
        run_to(w, look);
        struct sim_goroutine_list all = goroutines_of(w);
        for (size_t i = 0; i < all.n && name == NULL; i++) {
            size_t n = 0;
            const uint32_t *frames =
                sim_code_frames(&w->code, all.items[i].stack, &n);
            if (n == 1 && strcmp(all.items[i].wait, "runnable") == 0) {
                name = sim_frame_function(&w->code, frames[0])->name;
            }
        }
        sim_goroutine_list_release(&all);
    }
    return name;
}

static void newborn_goroutines_are_in_their_wrapper(void **state)
{
    (void)state;
    static const struct {
        enum sim_go go;
        const char *suffix;
    } rows[] = {
        {SIM_GO_1_19, ".func2"  },
        {SIM_GO_1_23, ".gowrap2"}
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_world *w = world_of(&alone, 500, 5, rows[i].go);
        const char *name = newborn_frame(w);
        assert_non_null(name);
        assert_true(span_ends(span_of(name), rows[i].suffix));
        sim_world_free(w);
    }
}

/* --- the null --- */

/* Last third over first third of the looks, less 1. */
static double drift_of(unsigned n, uint64_t seed)
{
    struct sim_world *w = world_of(&quiet, n, seed, SIM_GO_1_23);
    double first = 0;
    double last = 0;
    for (unsigned look = 0; look < LOOKS; look++) {
        run_to(w, look);
        const double bytes = live_bytes(w);
        first += look < LOOKS / 3 ? bytes : 0;
        last += look >= LOOKS - LOOKS / 3 ? bytes : 0;
    }
    sim_world_free(w);
    return last / first - 1;
}

static void live_bytes_do_not_drift(void **state)
{
    (void)state;
    enum { SEEDS = 12 };
    double sum = 0;
    double squares = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const double drift = drift_of(150, seed);
        if (drift < -0.03 || drift > 0.03) {
            fail_msg("seed %u drifts by %.4f", (unsigned)seed, drift);
        }
        sum += drift;
        squares += drift * drift;
    }
    const double mean = sum / SEEDS;
    const double variance = (squares - SEEDS * mean * mean) / (SEEDS - 1);
    const double standard_error = sqrt(variance / SEEDS);
    if (fabs(mean) > 4 * standard_error) {
        fail_msg("mean drift %.5f, standard error %.5f", mean, standard_error);
    }
}

static void counts_of_each_population_stay_near_their_start(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 300, 3, SIM_GO_1_23);
    run_to(w, LOOKS);
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population *p = &w->populations.items[i];
        const double start = (double)p->spec.n_start;
        const double moved = fabs((double)p->n - start);
        /* Two Poisson counts, six deviations. */
        if (moved > 6 * sqrt(2 * start) + 12) {
            fail_msg("%s: %.0f became %llu", p->spec.name, start,
                     (unsigned long long)p->n);
        }
    }
    sim_world_free(w);
}

/* --- seeds --- */

static void equal_seeds_give_equal_programs(void **state)
{
    (void)state;
    struct sim_world *a = world_of(&quiet, 200, 9, SIM_GO_1_23);
    struct sim_world *b = world_of(&quiet, 200, 9, SIM_GO_1_23);
    struct sim_world *other = world_of(&quiet, 200, 10, SIM_GO_1_23);
    assert_int_equal(a->code.frames.n, b->code.frames.n);
    assert_memory_equal(a->code.stack_frames.items, b->code.stack_frames.items,
                        a->code.stack_frames.n * sizeof(uint32_t));
    assert_true(a->code.stack_frames.n != other->code.stack_frames.n ||
                memcmp(a->code.stack_frames.items,
                       other->code.stack_frames.items,
                       a->code.stack_frames.n * sizeof(uint32_t)) != 0);
    sim_world_free(a);
    sim_world_free(b);
    sim_world_free(other);
}

/* --- the server --- */

static const struct sim_population *find(const struct sim_world *w,
                                         const char *name)
{
    for (size_t i = 0; i < w->populations.n; i++) {
        if (strcmp(w->populations.items[i].spec.name, name) == 0) {
            return &w->populations.items[i];
        }
    }
    return NULL;
}

static void server_keeps_its_clients(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 0, 1, SIM_GO_1_23);
    const struct sim_population *idle = find(w, "http idle");
    assert_non_null(idle);
    const uint64_t first_goid = w->next_goid;
    for (unsigned look = 0; look < LOOKS; look++) {
        run_to(w, look);
        assert_int_equal(find(w, "http idle")->n, CLIENTS);
        assert_int_equal(find(w, "http acceptor")->n, 1);
    }
    /* Some came back in eight minutes. */
    assert_true(w->next_goid > first_goid + 2);
    sim_world_free(w);
}

static void idle_connection_waits_for_a_request(void **state)
{
    (void)state;
    struct sim_world *w = world_of(&quiet, 0, 1, SIM_GO_1_23);
    const struct sim_population *idle = find(w, "http idle");
    const struct sim_pose *pose = &idle->spec.goroutines[0].poses[0];
    assert_string_equal(pose->wait, "IO wait");
    size_t n;
    const uint32_t *frames = sim_code_frames(&w->code, pose->stack, &n);
    assert_string_equal(sim_frame_function(&w->code, frames[0])->name,
                        "runtime.gopark");
    assert_string_equal(sim_frame_function(&w->code, frames[n - 1])->name,
                        "net/http.(*conn).serve");
    sim_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_stacks_are_nothing),
        cmocka_unit_test(stacks_are_as_many_as_wanted),
        cmocka_unit_test(every_version_has_a_background),
        cmocka_unit_test(bytes_in_use_follow_the_stacks),
        cmocka_unit_test(allocation_rate_does_not_follow_the_stacks),
        cmocka_unit_test(a_tenth_of_the_stacks_have_several_sizes),
        cmocka_unit_test(few_stacks_allocate_most),
        cmocka_unit_test(rare_stacks_are_seen_late),
        cmocka_unit_test(requests_in_flight_are_few_and_stay_so),
        cmocka_unit_test(requests_in_flight_follow_the_load),
        cmocka_unit_test(looks_find_goroutines_in_many_poses),
        cmocka_unit_test(newborn_goroutines_are_in_their_wrapper),
        cmocka_unit_test(live_bytes_do_not_drift),
        cmocka_unit_test(counts_of_each_population_stay_near_their_start),
        cmocka_unit_test(equal_seeds_give_equal_programs),
        cmocka_unit_test(server_keeps_its_clients),
        cmocka_unit_test(idle_connection_waits_for_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
