/*
 * The simulator's command: which mode, and the model's options that all modes
 * share. The modes are in sim_*.c, serving.c and evaluate.c.
 */
#include "console.h"
#include "evaluate.h"
#include "serving.h"
#include "sim_modes.h"

#include <string.h>

static void sim_defaults(void *options)
{
    struct sim_cmd_options *o = options;
    struct sim_options model;
    sim_options_default(&model);
    o->snapshots = model.n_snapshots;
    o->interval_ns = model.interval_ns;
    o->seed = model.seed;
    o->rate_bytes = (uint64_t)model.rate_bytes;
    o->background = model.n_background;
    o->go = (int)model.go;
    o->load = N_SIM_LOADS;
    o->noise = model.noise;
    o->gogc = model.gogc;
    o->speed = 1;
    o->targets = 1;
    o->seeds = 20;
}

#define FIELD(name) offsetof(struct sim_cmd_options, name)

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "list", .kind = OPTION_FLAG, .offset = FIELD(lists),
     .help = "all scenarios, a line each"},
    {.name = "explain", .arg = "NAME", .kind = OPTION_TEXT, .offset = FIELD(explain),
     .help = "what leaks, the Go code that does it and its fix, what profiles show"},

    {.name = "snapshots", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 10000,
     .offset = FIELD(snapshots), .help = "snapshots of a series (default 10)"},
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 86400,
     .offset = FIELD(interval_ns), .help = "time between two of them (default 60s)"},
    {.name = "seed", .arg = "N", .kind = OPTION_COUNT, .offset = FIELD(seed),
     .help = "the dice; the same seed gives the same bytes (default 1)"},
    {.name = "go", .arg = "V", .kind = OPTION_CHOICE, .choices = sim_go_names, .offset = FIELD(go),
     .help = "version of Go whose names and habits are shown: 1.19 1.21 1.23 1.24 1.25 1.26 1.27 (default 1.23)"},
    {.name = "rate", .arg = "SIZE", .kind = OPTION_BYTES, .min = 1, .max = 1e12, .offset = FIELD(rate_bytes),
     .help = "MemProfileRate; 1 records every allocation (default 512KiB)"},
    {.name = "background", .arg = "N", .kind = OPTION_COUNT, .min = 0, .max = 200000,
     .offset = FIELD(background), .help = "allocation stacks beside the scenario's own (default 500)"},
    {.name = "load", .arg = "SHAPE", .kind = OPTION_CHOICE, .choices = sim_load_names, .offset = FIELD(load),
     .help = "flat, ramp, diurnal or burst (default: the scenario's)"},
    {.name = "noise", .arg = "X", .kind = OPTION_NUMBER, .min = 0, .max = 2, .offset = FIELD(noise),
     .help = "standard deviation of the load's logarithm (default 0.05)"},
    {.name = "gogc", .arg = "PERCENT", .kind = OPTION_NUMBER, .min = 0, .max = 10000, .offset = FIELD(gogc),
     .help = "GOGC; 0 turns the collector off (default 100)"},

    {.name = "gc", .kind = OPTION_FLAG, .offset = FIELD(collects),
     .help = "collect before each snapshot, as ?gc=1 does"},
    {.name = "heap-dump", .kind = OPTION_FLAG, .offset = FIELD(heap_dump),
     .help = "a heap dump of the last moment as well, and the program's symbols"},

    {.name = "serve", .arg = "ADDR", .kind = OPTION_TEXT, .offset = FIELD(serve),
     .help = "serve /debug/pprof/ at ADDR, such as 127.0.0.1:6060 (port 0: any)"},
    {.name = "speed", .arg = "X", .kind = OPTION_NUMBER, .min = 0.001, .max = 1e6, .offset = FIELD(speed),
     .help = "simulated seconds in a second (default 1)"},
    {.name = "targets", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 100000, .offset = FIELD(targets),
     .help = "so many services of different seeds, by path: /NAME-1/debug/pprof/"},
    {.name = "ports", .kind = OPTION_FLAG, .offset = FIELD(one_port_each),
     .help = "with --targets: a port each, from the address upwards"},
    {.name = "fault", .arg = "LIST", .kind = OPTION_TEXT, .offset = FIELD(faults),
     .help = "slow drip reset truncate 500 404 401 redirect html bomb length restart hang, by comma; FAULT:0.1 is a share of the answers, FAULT@3+7 their numbers"},

    {.name = "scale", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1e9, .offset = FIELD(scale),
     .help = "benchmark profiles of N samples, or with --shape dumps of N objects"},
    {.name = "layout", .arg = "L", .kind = OPTION_CHOICE, .choices = sim_layout_names, .offset = FIELD(layout),
     .help = "field order of --scale: go (runtime/pprof) or canon (google/pprof)"},
    {.name = "goroutine", .kind = OPTION_FLAG, .offset = FIELD(is_goroutine),
     .help = "goroutine profiles with --scale (default heap)"},
    {.name = "shape", .arg = "LIST", .kind = OPTION_TEXT, .offset = FIELD(shape),
     .help = "heap dump: chain, tree, star, power, random or cycles; and 32-bit, big-endian, tail-slots, huge, truncated, by comma"},

    {.name = "evaluate", .kind = OPTION_FLAG, .offset = FIELD(evaluates),
     .help = "run the detector over all scenarios and seeds, and say how good it is"},
    {.name = "full", .kind = OPTION_FLAG, .offset = FIELD(is_full),
     .help = "with --evaluate: more snapshot counts, rates and backgrounds"},
    {.name = "seeds", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 100000, .offset = FIELD(seeds),
     .help = "with --evaluate: seeds of each scenario (default 20)"},
    {.name = "jobs", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1024, .offset = FIELD(jobs),
     .help = "with --evaluate: processes (default: one a core)"},
    {.name = "results", .arg = "FILE", .kind = OPTION_TEXT, .offset = FIELD(results),
     .help = "with --evaluate: a line a run; what is in it is not run again"},
    {.name = "format", .arg = "F", .kind = OPTION_CALL, .apply = output_apply_format, .offset = FIELD(outputs),
     .help = "of lists and evaluations: text or json (default text)"},
    {.name = "output", .short_name = 'o', .arg = "PLACE", .kind = OPTION_CALL, .apply = output_apply_file, .offset = FIELD(outputs),
     .help = "directory of what is simulated, or file of a list or evaluation"},
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep sim --list",                                              "all scenarios"                                  },
    {"seep sim --explain map-cache",                                 "what leaks, how, and the mended code"           },
    {"seep sim map-cache -o DIR && seep leaks DIR/map-cache/seed-1",
     "ten snapshots of a leaking service, and the verdict on them"                                                    },
    {"seep sim listeners --serve 127.0.0.1:6060 --speed 60",
     "watch it leak live, an hour in a minute"                                                                        },
    {"seep sim map-cache --heap-dump --go 1.26 -o DIR",
     "with a heap dump and the program's symbols"                                                                     },
    {"seep sim --scale 1000000 --snapshots 1 -o DIR",
     "a heap profile of a million stacks"                                                                             },
    {"seep sim --scale 10000000 --shape power,tail-slots -o DIR",
     "a heap dump of ten million objects"                                                                             },
    {"seep sim --evaluate",                                          "precision, recall, false alarms of the detector"},
};

/* --- what the modes share --- */

void sim_cmd_model(const struct sim_cmd_options *o,
                   const struct sim_scenario *scenario, struct sim_options *out)
{
    *out = (struct sim_options){
        .scenario = scenario,
        .seed = o->seed,
        .interval_ns = o->interval_ns,
        .n_snapshots = (unsigned)o->snapshots,
        .rate_bytes = (int64_t)o->rate_bytes,
        .go = (enum sim_go)o->go,
        .n_background = (unsigned)o->background,
        .has_load = o->load != N_SIM_LOADS,
        .load = (enum sim_load)o->load,
        .noise = o->noise,
        .gogc = o->gogc,
    };
}

bool sim_cmd_scenario(const char *name, const struct sim_scenario **out,
                      struct err *err)
{
    enum { NAMES_MAX = 256 };
    const char *names[NAMES_MAX];
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    *out = sim_scenario_find(name);
    if (*out != NULL) {
        return true;
    }
    n = n < NAMES_MAX ? n : NAMES_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = all[i]->name;
    }
    const char *nearest = words_nearest(name, names, n);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE, "no scenario '%s'; did you mean %s?",
                       name, nearest);
    }
    return err_set(err, ERR_USAGE,
                   "no scenario '%s'; seep sim --list shows them", name);
}

const char *sim_cmd_place(const struct sim_cmd_options *o)
{
    return o->outputs.n > 0 ? o->outputs.items[0].path : NULL;
}

/* --- modes with a scenario --- */

static int evaluate(struct session *s, const struct sim_cmd_options *o,
                    const struct words *names)
{
    struct evaluate_options options = {
        .names = *names,
        .n_seeds = (unsigned)o->seeds,
        .first_seed = o->seed,
        .interval_ns = o->interval_ns,
        .rate_bytes = (int64_t)o->rate_bytes,
        .n_background = (unsigned)o->background,
        .go = (enum sim_go)o->go,
        .is_full = o->is_full,
        .n_jobs = (unsigned)o->jobs,
        .results = o->results,
        .outputs = o->outputs,
    };
    return evaluate_run(s, &options);
}

static int with_scenarios(struct session *s, const struct sim_cmd_options *o,
                          const struct words *names)
{
    if (names->n == 0) {
        console_say("sim: which scenario? seep sim --list shows them");
        return STATUS_FAILED;
    }
    return o->serve != NULL ? serve_scenarios(s, o, names)
                            : sim_save(s, o, names);
}

static int sim_run(struct session *s, void *options, const struct words *args)
{
    const struct sim_cmd_options *o = options;
    if (o->lists) {
        return sim_list(s, o);
    }
    if (o->explain != NULL) {
        return sim_explain(s, o);
    }
    if (o->evaluates) {
        return evaluate(s, o, args);
    }
    if (o->scale > 0) {
        return sim_sized(s, o);
    }
    return with_scenarios(s, o, args);
}

const struct cmd cmd_sim = {
    .name = "sim",
    .summary = "simulate Go services, leaky and healthy, whose truth is known",
    .usage = "SCENARIO... | --list | --scale N | --evaluate",
    .about =
        "A seeded model of a Go service writes what a real one offers: heap "
        "and goroutine profiles, dumps, a live endpoint. Because the truth is "
        "known, its series measure detectors, feed tests, and teach: every "
        "leak can be watched as it grows. 'all' stands for every scenario.",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct sim_cmd_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .defaults = sim_defaults,
    .run = sim_run,
};
