/* What every scenario promises, and what the controls among them do. */
#include "test.h"

#include "sim/world_private.h"

#include <stdio.h>

enum { BACKGROUND = 8, WHAT_COLUMNS = 56, TEXT_COLUMNS = 76, TAB_COLUMNS = 4 };

/* --- a world --- */

static struct sim_options options_of(const struct sim_scenario *s)
{
    struct sim_options o;
    sim_options_default(&o);
    o.scenario = s;
    o.seed = 11;
    o.n_background = BACKGROUND;
    return o;
}

static struct sim_world *world_of(const struct sim_options *o)
{
    struct sim_world *w = NULL;
    struct err err = {0};
    assert_ok(sim_world_new(o, &w, &err), &err);
    return w;
}

/* To a share of the window. */
static void run_to(struct sim_world *w, double share)
{
    struct err err = {0};
    const double s = share * sim_window_s(w);
    assert_ok(sim_world_run(w, (int64_t)(s * (double)SIM_SECOND), &err), &err);
}

/* --- rows and texts --- */

static bool is_name(const char *name, char separator)
{
    char before = separator;
    for (const char *c = name; *c != '\0'; c++) {
        const bool is_letter = *c >= 'a' && *c <= 'z';
        const bool is_digit = *c >= '0' && *c <= '9';
        if (!is_letter && !is_digit && (*c != '-' || before == separator)) {
            return false;
        }
        before = *c;
    }
    return before != separator;
}

static void names_and_numbers_are_unique(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    assert_true(n >= 49);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++) {
            assert_string_not_equal(all[i]->name, all[k]->name);
            assert_string_not_equal(all[i]->number, all[k]->number);
            assert_string_not_equal(all[i]->what, all[k]->what);
        }
        if (!is_name(all[i]->name, '-') || !is_name(all[i]->service, '-')) {
            fail_msg("%s of %s is no name", all[i]->name, all[i]->service);
        }
        assert_ptr_equal(sim_scenario_find(all[i]->name), all[i]);
    }
    assert_null(sim_scenario_find("no-such-scenario"));
}

static void leaks_come_first_in_the_plans_order(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    unsigned leaks = 0;
    unsigned controls = 0;
    for (size_t i = 0; i < n; i++) {
        const bool leaks_here = all[i]->label == SIM_LEAK;
        char number[8];
        (void)snprintf(number, sizeof number, "%c%u", leaks_here ? 'L' : 'C',
                       leaks_here ? ++leaks : controls++);
        assert_string_equal(all[i]->number, number);
        assert_true(!leaks_here || controls == 0);
    }
    assert_int_equal(leaks, 30);
    assert_true(controls >= 19);
}

static bool is_one_of(const char *text, const char *const *of, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, of[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void labels_agree_with_kinds_and_culprits(void **state)
{
    (void)state;
    static const char *const kinds[] = {"goroutine", "heap", "both"};
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_scenario *s = all[i];
        const bool leaks = s->label == SIM_LEAK;
        const bool agrees = leaks == is_one_of(s->kind, kinds, 3) &&
                            leaks != (strcmp(s->kind, "none") == 0) &&
                            leaks == (s->culprits[0] != NULL) &&
                            leaks == (s->lesson.fix != NULL) &&
                            s->culprits[SIM_CULPRITS_MAX] == NULL &&
                            s->build != NULL;
        if (!agrees) {
            fail_msg("%s: its label and the rest do not agree", s->name);
        }
    }
}

/* Printable lines within the width, at least `least` of them, none of them
   blank at an end. */
static void check_text(const char *name, const char *part, const char *text,
                       unsigned least)
{
    if (text == NULL || text[0] == '\0' || text[0] == '\n') {
        fail_msg("%s: no text for '%s'", name, part);
        return;
    }
    unsigned lines = 1;
    unsigned column = 0;
    for (const char *c = text; *c != '\0'; c++) {
        const bool ends = *c == '\n';
        const bool is_fine = ends || *c == '\t' || (*c >= ' ' && *c <= '~');
        const bool trails =
            (c[1] == '\0' || c[1] == '\n') && (*c == ' ' || *c == '\t');
        lines += ends ? 1 : 0;
        column = ends ? 0 : column + (*c == '\t' ? TAB_COLUMNS : 1);
        if (!is_fine || trails || column > TEXT_COLUMNS ||
            (ends && c[1] == '\0')) {
            fail_msg("%s: line %u of '%s' is not as it should be", name, lines,
                     part);
        }
    }
    if (lines < least) {
        fail_msg("%s: '%s' has %u lines only", name, part, lines);
    }
}

/* Go is indented by tabs. */
static void check_code(const char *name, const char *part, const char *code,
                       unsigned least)
{
    check_text(name, part, code, least);
    if (code[0] == ' ' || strstr(code, "\n ") != NULL ||
        strstr(code, "\t ") != NULL) {
        fail_msg("%s: '%s' is not indented by tabs", name, part);
    }
}

static void every_scenario_teaches(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_scenario *s = all[i];
        check_text(s->name, "what", s->what, 1);
        if (s->hold == NULL || s->hold[0] == '\0') {
            fail_msg("%s: nothing is said to hold its memory", s->name);
        }
        const size_t what_len = strlen(s->what);
        if (what_len > WHAT_COLUMNS || s->what[what_len - 1] == '.') {
            fail_msg("%s: 'what' is too long or a sentence", s->name);
        }
        check_text(s->name, "leaks", s->lesson.leaks, 1);
        check_text(s->name, "shows", s->lesson.shows, 1);
        check_text(s->name, "cannot", s->lesson.cannot, 1);
        check_code(s->name, "code", s->lesson.code, 4);
        if (s->lesson.fix != NULL) {
            check_code(s->name, "fix", s->lesson.fix, 1);
        }
    }
}

/* --- worlds --- */

/* Its stacks and the creators of its goroutines are known to the version. */
static void check_builds(const struct sim_options *o)
{
    struct sim_world *w = NULL;
    struct sim_goroutine_list all = {0};
    struct err err = {0};
    if (!sim_world_new(o, &w, &err) || !sim_goroutines(w, &all, &err)) {
        fail_msg("%s, Go %s: %s", o->scenario->name, sim_go_text(o->go),
                 err.text);
    }
    sim_goroutine_list_release(&all);
    sim_world_free(w);
}

static void every_version_of_go_can_be_built(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i++) {
        for (unsigned go = 0; go < N_SIM_GOS; go++) {
            struct sim_options o = options_of(all[i]);
            o.go = (enum sim_go)go;
            check_builds(&o);
        }
    }
}

static bool has_frame(const struct sim_world *w, sim_stack_id stack,
                      const char *function)
{
    size_t n = 0;
    const uint32_t *frames = sim_code_frames(&w->code, stack, &n);
    for (size_t i = 0; i < n; i++) {
        const char *name = sim_frame_function(&w->code, frames[i])->name;
        if (strcmp(name, function) == 0) {
            return true;
        }
    }
    return false;
}

/* Is the function on a stack of what this population allocates or blocks? */
static bool runs_through(const struct sim_world *w,
                         const struct sim_population_spec *p,
                         const char *function)
{
    for (unsigned i = 0; i < p->n_members; i++) {
        if (has_frame(w, p->members[i].stack, function)) {
            return true;
        }
    }
    for (unsigned i = 0; i < p->n_goroutines; i++) {
        if (has_frame(w, p->goroutines[i].poses[0].stack, function)) {
            return true;
        }
    }
    return (p->container.kind == SIM_MAP || p->container.kind == SIM_SLICE) &&
           has_frame(w, p->container.stack, function);
}

/* Did it start a goroutine of the population, as dumps say? */
static bool creates(struct sim_world *w, const struct sim_population_spec *p,
                    const char *function)
{
    for (unsigned i = 0; i < p->n_goroutines; i++) {
        uint32_t frame = 0;
        struct err err = {0};
        const char *by = p->goroutines[i].created_by;
        assert_ok(by == NULL || sim_code_frame(&w->code, by, &frame, &err),
                  &err);
        if (by != NULL &&
            strcmp(sim_frame_function(&w->code, frame)->name, function) == 0) {
            return true;
        }
    }
    return false;
}

/* What is known of a culprit: it occurs in the world, and on a stack of what
   leaks. */
struct part {
    bool occurs, leaks;
};

static struct part part_of(struct sim_world *w, const char *function)
{
    struct part part = {0};
    for (size_t i = 0; i < w->populations.n; i++) {
        const struct sim_population_spec *p = &w->populations.items[i].spec;
        const bool runs = runs_through(w, p, function);
        part.leaks = part.leaks || (runs && p->is_leak);
        part.occurs = part.occurs || runs || creates(w, p, function);
    }
    return part;
}

/* Fails when none of the culprits is on a stack of the leak; notes in `occurs`
   which of them this version of Go has. */
static void check_culprits(const struct sim_options *o, bool *occurs)
{
    const struct sim_scenario *s = o->scenario;
    struct sim_world *w = world_of(o);
    bool any = false;
    for (size_t i = 0; s->culprits[i] != NULL; i++) {
        const struct part part = part_of(w, s->culprits[i]);
        occurs[i] = occurs[i] || part.occurs;
        any = any || part.leaks;
    }
    sim_world_free(w);
    if (!any) {
        fail_msg("%s, Go %s: no culprit leaks", s->name, sim_go_text(o->go));
    }
}

/* A name that one version spells otherwise counts where it occurs. */
static void culprits_are_on_the_stacks_of_what_leaks(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n && all[i]->label == SIM_LEAK; i++) {
        bool occurs[SIM_CULPRITS_MAX] = {false};
        for (unsigned go = 0; go < N_SIM_GOS; go++) {
            struct sim_options o = options_of(all[i]);
            o.go = (enum sim_go)go;
            check_culprits(&o, occurs);
        }
        for (size_t k = 0; all[i]->culprits[k] != NULL; k++) {
            if (!occurs[k]) {
                fail_msg("%s: %s occurs nowhere", all[i]->name,
                         all[i]->culprits[k]);
            }
        }
    }
}

static void leaks_grow_by_their_own_truth(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n && all[i]->label == SIM_LEAK; i++) {
        const struct sim_options o = options_of(all[i]);
        struct sim_world *w = world_of(&o);
        struct sim_truth start = {0};
        struct sim_truth end = {0};
        sim_world_truth(w, &start);
        run_to(w, 1.0);
        sim_world_truth(w, &end);
        const bool is_heap = strcmp(all[i]->kind, "goroutine") != 0;
        const bool is_goroutines = strcmp(all[i]->kind, "heap") != 0;
        if ((is_heap && end.leaked_bytes <= start.leaked_bytes) ||
            (is_goroutines &&
             end.leaked_goroutines <= start.leaked_goroutines)) {
            fail_msg("%s: %.0f -> %.0f bytes, %.0f -> %.0f goroutines",
                     all[i]->name, start.leaked_bytes, end.leaked_bytes,
                     start.leaked_goroutines, end.leaked_goroutines);
        }
        sim_world_free(w);
    }
}

static void healthy_services_live_and_leak_nothing(void **state)
{
    (void)state;
    static const double shares[] = {0, 0.3, 0.6, 1.0};
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i++) {
        if (all[i]->label != SIM_HEALTHY) {
            continue;
        }
        const struct sim_options o = options_of(all[i]);
        struct sim_world *w = world_of(&o);
        for (size_t k = 0; k < sizeof shares / sizeof shares[0]; k++) {
            struct sim_truth t = {0};
            run_to(w, shares[k]);
            sim_world_truth(w, &t);
            if (t.leaked_bytes > 0 || t.leaked_objects > 0 ||
                t.leaked_goroutines > 0 || t.live_bytes < 1e5 ||
                t.goroutines < 5) {
                fail_msg("%s: %.0f leaked, %.0f live, %.0f goroutines",
                         all[i]->name, t.leaked_bytes, t.live_bytes,
                         t.goroutines);
            }
        }
        sim_world_free(w);
    }
}

/* --- what each control does: a site between two moments --- */

struct course {
    const char *scenario;
    const char *function;
    enum { BYTES, GOROUTINES } of;
    double from, to;    /* shares of the window */
    double least, most; /* of what there is then to what there was */
};

/* What was nothing counts as one byte or goroutine. */
/* clang-format off */
static const struct course courses[] = {
    {"steady", "main.(*Sessions).open", BYTES, 0.1, 1, 0.85, 1.15},
    {"steady", "main.(*Pages).render", BYTES, 0, 1, 1, 1},
    {"cache-plateau", "main.(*Places).store", BYTES, 0.1, 0.5, 1.9, 2.3},
    {"cache-plateau", "main.(*Places).store", BYTES, 0.5, 1, 1.02, 1.07},
    {"lru-at-capacity", "main.scale", BYTES, 0, 1, 1, 1},
    {"traffic-ramp", "main.newCart", BYTES, 0.05, 1, 1.8, 2.8},
    {"traffic-ramp", "main.(*Bank).authorise", GOROUTINES, 0.05, 1, 1.5, 3.4},
    {"diurnal", "main.gather", BYTES, 0.19, 0.52, 0.15, 0.45},
    {"batch-sawtooth", "main.decodeRow", BYTES, 0.15, 0.28, 4, 40},
    {"batch-sawtooth", "main.decodeRow", BYTES, 0.28, 0.29, 0, 0.2},
    {"gc-off", "main.(*Model).price", BYTES, 0.1, 1, 0.85, 1.15},
    {"conn-pool-growth", "main.(*link).read", GOROUTINES, 0.1, 0.4, 1.7, 2.3},
    {"conn-pool-growth", "main.(*link).read", GOROUTINES, 0.4, 1, 1, 1},
    {"worker-pool-scaling", "main.(*Pool).work", GOROUTINES, 0, 1, 2.4, 2.6},
    {"lazy-init", "main.readPostings", BYTES, 0.39, 0.45, 1.8e7, 2e7},
    {"lazy-init", "main.readPostings", BYTES, 0.45, 1, 1, 1},
    {"idle-keepalive", "net/http.(*persistConn).readLoop", GOROUTINES,
     0, 1, 0.95, 1.05},
    {"long-poll-clients", "main.(*Client).readPump", GOROUTINES,
     0, 1, 0.93, 1.07},
    {"long-poll-clients", "main.(*Lobby).poll", GOROUTINES, 0, 1, 0.93, 1.07},
    {"restart-inside", "main.(*Resolver).resolve", BYTES, 0.44, 0.46, 0, 0.5},
    {"restart-inside", "main.(*Resolver).resolve", BYTES, 0.7, 1, 0.95, 1.05},
    {"renamed-closures", "main.NewMailer.func1", BYTES, 0.44, 0.46, 0, 0},
    {"renamed-closures", "main.NewMailer.func2", BYTES, 0.46, 1, 0.85, 1.15},
    {"map-staircase", "main.(*Table).learn", BYTES, 0.1, 0.32, 2, 6},
    {"map-staircase", "main.(*Table).learn", BYTES, 0.32, 1, 1, 1},
    {"malg-high-water", "main.(*Crawler).refresh.func1", GOROUTINES,
     0.1, 0.21, 12000, 12000},
    {"malg-high-water", "main.(*Crawler).refresh.func1", GOROUTINES,
     0.21, 0.3, 0, 0},
    {"mixed-rates", "main.(*Fleet).device", BYTES, 0.1, 1, 0.9, 1.1},
    {"truncated-dump", "main.(*Job).run", GOROUTINES, 0.1, 1, 0.85, 1.15},
    {"duplicate-snapshot", "main.(*Stock).load", BYTES, 0, 1, 1, 1},
    {"sessions-that-stay", "main.(*Conversation).run", GOROUTINES,
     0.5, 1, 1.8, 2.2},
    {"retention-window", "main.(*Archive).keep", BYTES, 0.5, 1, 1.8, 2.2},
    {"slow-sawtooth", "main.(*Period).charge", BYTES, 0.5, 1, 1.8, 2.4},
};
/* clang-format on */

static double amount(const struct sim_world *w, const struct course *c)
{
    return c->of == GOROUTINES ? sim_truth_site_goroutines(w, c->function)
                               : sim_truth_site_bytes(w, c->function);
}

static void controls_take_their_course(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof courses / sizeof courses[0]; i++) {
        const struct course *c = &courses[i];
        const struct sim_options o = options_of(sim_scenario_find(c->scenario));
        struct sim_world *w = world_of(&o);
        run_to(w, c->from);
        const double before = amount(w, c);
        run_to(w, c->to);
        const double after = amount(w, c);
        const double ratio = after / (before > 1 ? before : 1);
        if (ratio < c->least || ratio > c->most) {
            fail_msg("%s: %s from %.0f to %.0f, a ratio of %.3f", c->scenario,
                     c->function, before, after, ratio);
        }
        sim_world_free(w);
    }
}

/* --- and their quirks --- */

static struct sim_world *ended(const char *name)
{
    const struct sim_options o = options_of(sim_scenario_find(name));
    struct sim_world *w = world_of(&o);
    run_to(w, 1.0);
    return w;
}

static void quirks_happen(void **state)
{
    (void)state;
    struct sim_world *w = ended("gc-off");
    const uint64_t n_gc = w->n_gc;
    run_to(w, 2.0);
    assert_int_equal(w->n_gc, n_gc);
    sim_world_free(w);

    w = ended("restart-inside");
    assert_int_equal(w->generation, 1);
    sim_world_free(w);

    w = ended("mixed-rates");
    assert_int_equal(w->rate_bytes, 65536);
    sim_world_free(w);

    w = ended("truncated-dump");
    assert_true(w->quirks.truncates_dumps);
    sim_world_free(w);

    w = ended("duplicate-snapshot");
    assert_int_equal(w->quirks.duplicate_every, 3);
    sim_world_free(w);

    w = ended("steady");
    assert_int_equal(w->generation, 0);
    assert_int_equal(w->rate_bytes, w->options.rate_bytes);
    assert_true(w->n_gc > 5);
    sim_world_free(w);
}

static void dead_goroutines_leave_their_g_structs(void **state)
{
    (void)state;
    struct sim_world *w = ended("malg-high-water");
    assert_true(w->n_goroutines < 500);
    assert_true(w->buckets.items[w->malg_bucket].live >= 12000);
    sim_world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_are_unique),
        cmocka_unit_test(leaks_come_first_in_the_plans_order),
        cmocka_unit_test(labels_agree_with_kinds_and_culprits),
        cmocka_unit_test(every_scenario_teaches),
        cmocka_unit_test(every_version_of_go_can_be_built),
        cmocka_unit_test(culprits_are_on_the_stacks_of_what_leaks),
        cmocka_unit_test(leaks_grow_by_their_own_truth),
        cmocka_unit_test(healthy_services_live_and_leak_nothing),
        cmocka_unit_test(controls_take_their_course),
        cmocka_unit_test(quirks_happen),
        cmocka_unit_test(dead_goroutines_leave_their_g_structs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
