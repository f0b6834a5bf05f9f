/* Leak L22: a package variable of type [][]byte that only grows. */
#include "sim/model_private.h"

#include "base/banned.h"

#define HANDLER "main.receive receive.go:40", "@http-handler"

static const char lesson_leaks[] =
    "A package variable is a root: what it reaches lives as long as the\n"
    "process. dataStore was meant for a few blocks while debugging; each\n"
    "upload appends 64 KiB to it and no line of the program takes any out.";

static const char lesson_code[] =
    "var dataStore [][]byte\n"
    "\n"
    "func keepBlock(r io.Reader) error {\n"
    "\tblock := make([]byte, 64<<10)\n"
    "\tif _, err := io.ReadFull(r, block); err != nil {\n"
    "\t\treturn err\n"
    "\t}\n"
    "\tdataStore = append(dataStore, block)\n"
    "\treturn nil\n"
    "}";

static const char lesson_fix[] =
    "func keepBlock(s *store, r io.Reader) error {\n"
    "\tblock := make([]byte, 64<<10)\n"
    "\tif _, err := io.ReadFull(r, block); err != nil {\n"
    "\t\treturn err\n"
    "\t}\n"
    "\treturn s.put(block) // a ring of at most 32 blocks\n"
    "}";

static const char lesson_shows[] =
    "inuse_space of main.keepBlock under main.receive rises in a straight\n"
    "line, 64 KiB a block and 2.2 blocks a second; no block is ever freed\n"
    "and when the uploads stop it stays where it is. The slice beside it\n"
    "grows in steps. A heap dump shows main.dataStore retaining nearly the\n"
    "whole heap.";

static const char lesson_cannot[] =
    "A profile names the function that made the blocks, never the variable\n"
    "that holds them, and cannot know whether they were meant to stay.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id block =
        sim_stack(w, "main.keepBlock store.go:18", HANDLER, NULL);
    const sim_stack_id append =
        sim_stack(w, "main.keepBlock store.go:22", HANDLER, NULL);
    const struct sim_population_spec blocks = {
        .name = "blocks stored",
        .members[0] = sim_object(block, 64 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 2.2,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = append,
        .container.elem_bytes = 24,
        .global = "main.dataStore",
        .global_type = "[][]uint8",
        .is_leak = true,
    };
    sim_population(w, &blocks);
}

/* Uploads in hand, and summaries kept up to a bound. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id inflate = sim_stack(w, "@gzip-reader", HANDLER, NULL);
    const sim_stack_id work =
        sim_stack(w, "main.summarise summary.go:31", HANDLER, NULL);
    const sim_stack_id summary =
        sim_stack(w, "main.(*summaries).put summary.go:66", HANDLER, NULL);
    const struct sim_population_spec uploads = {
        .name = "uploads in hand",
        .members[0] = sim_object(inflate, 40 << 10, NULL, -1),
        .members[1] = sim_object(work, 64 << 10, NULL, -1),
        .n_members = 2,
        .per_second = 2.2,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.8,
    };
    const struct sim_population_spec summaries = {
        .name = "summaries",
        .members[0] = sim_object(summary, 1280, "main.summary", -1),
        .n_members = 1,
        .per_second = 2.2,
        .life.kind = SIM_QUEUE,
        .life.capacity = 2000,
        .n_start = 2000,
        .global = "main.recent",
        .global_type = "main.summaries",
    };
    sim_population(w, &uploads);
    sim_population(w, &summaries);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_garbage(w, "summary answers",
                sim_stack(w, "@json-marshal", "main.serveSummary summary.go:90",
                          "@http-handler", NULL),
                1024, 15);
    sim_workers(
        w, "summary writer", "chan receive",
        sim_stack(w, "@chan-receive2", "main.writeSummaries write.go:17", NULL),
        "main.main main.go:26", 2);
    sim_http_server(w, 10);
}

const struct sim_scenario sim_scenario_global_slice = {
    .name = "global-slice",
    .number = "L22",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "a package variable [][]byte that only grows",
    .service = "probe",
    .hold = "package variable main.dataStore",
    .culprits = {"main.keepBlock"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
