/*
 * One step: an index of 20 MB that is built at first use, at 40 % of the
 * window, and then kept. The largest growth of the whole heap, and never to
 * happen again.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The index is not read at start-up but by the first visitor who\n"
    "searches. From then on it stays, as it should: sync.Once lets nobody\n"
    "build a second one.";

static const char lesson_code[] =
    "var (\n"
    "\tindex *Index\n"
    "\tonce  sync.Once\n"
    ")\n"
    "\n"
    "func loadIndex() *Index {\n"
    "\tonce.Do(func() {\n"
    "\t\tindex = buildIndex(\"/var/lib/search\")\n"
    "\t})\n"
    "\treturn index\n"
    "}";

static const char lesson_shows[] =
    "One step of 20 MB between two looks, flat before it and flat after it.\n"
    "Between only the first and the last look it is the worst growth there\n"
    "is; a leak would go on.";

static const char lesson_cannot[] =
    "From two looks alone: whether there will be another step.";

static double indexes_built(const struct sim_world *w, double t_s)
{
    return t_s < 0.4 * sim_window_s(w) ? 0 : 1;
}

static void add_index(struct sim_world *w)
{
    const sim_stack_id made = sim_stack(
        w, "main.buildIndex index.go:34", "main.loadIndex.func1 index.go:21",
        "sync.(*Once).doSlow", "sync.(*Once).Do", "main.loadIndex index.go:20",
        "main.(*Search).find search.go:48", "@http-handler", NULL);
    const sim_stack_id read = sim_stack(
        w, "main.readPostings postings.go:57", "main.buildIndex index.go:39",
        "main.loadIndex.func1 index.go:21", "sync.(*Once).doSlow",
        "sync.(*Once).Do", "main.loadIndex index.go:20",
        "main.(*Search).find search.go:48", "@http-handler", NULL);
    struct sim_population_spec index = {
        .name = "index",
        .n_members = 3,
        .ignores_load = true,
        .target = indexes_built,
        .global = "main.index",
        .global_type = "*main.Index",
    };
    index.members[0] = (struct sim_member){made, 640, 1, "main.Index", -1};
    index.members[1] = (struct sim_member){read, 1 << 20, 18, "[]uint32", 0};
    index.members[2] = (struct sim_member){made, 2 << 20, 1, "[]string", 0};
    index.life = (struct sim_life){.kind = SIM_TARGET};
    sim_population(w, &index);
}

static void build(struct sim_world *w)
{
    add_index(w);
    const sim_stack_id ranked =
        sim_stack(w, "main.rank rank.go:29", "main.(*Search).find search.go:53",
                  "@http-handler", NULL);
    struct sim_population_spec answers = {
        .name = "answers",
        .n_members = 1,
        .per_second = 80,
        .n_start = 2000,
        .global = "main.answers",
        .global_type = "*list.List",
    };
    answers.members[0] = (struct sim_member){ranked, 6000, 1, "[]main.Hit", -1};
    answers.life = (struct sim_life){.kind = SIM_QUEUE, .capacity = 2000};
    answers.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &answers);
    sim_garbage(w, "words",
                sim_stack(w, "@slicebytetostring", "main.words words.go:18",
                          "main.(*Search).find search.go:46", "@http-handler",
                          NULL),
                64, 4000);
    sim_http_server(w, 40);
}

const struct sim_scenario sim_scenario_lazy_init = {
    .name = "lazy-init",
    .number = "C9",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a singleton of 20 MB is built once, at first use",
    .service = "search",
    .hold = "global main.index, one of it",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
