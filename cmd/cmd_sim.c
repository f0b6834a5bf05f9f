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
    o->interval_ns = model.interval_ns;
    o->seed = model.seed;
    o->rate_bytes = (uint64_t)model.rate_bytes;
    o->background = model.n_background;
    o->go = (int)model.go;
    o->load = N_SIM_LOADS;
    o->noise = model.noise;
    o->gogc = model.gogc;
    o->speed = 1;
    o->seeds = 20;
}

#define FIELD(name) offsetof(struct sim_cmd_options, name)

const char *const sim_formats[] = {"text", "json", NULL};
const size_t n_sim_formats = sizeof(sim_formats) / sizeof(sim_formats[0]) - 1;

static bool offer_lessons(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    if (i >= n) {
        return false;
    }
    *out = (struct option_offer){all[i]->name, all[i]->what};
    return true;
}

static bool offer_scenarios(size_t i, struct option_offer *out)
{
    *out = (struct option_offer){"all", "every scenario"};
    return i == 0 || offer_lessons(i - 1, out);
}

static bool offer_faults(size_t i, struct option_offer *out)
{
    static const struct option_offer faults[] = {
#define X(name, text, what) {text, what},
        SIM_FAULTS(X)
#undef X
    };
    if (i >= N_SIM_FAULTS) {
        return false;
    }
    *out = faults[i];
    return true;
}

/* clang-format off */
static const struct option_row rows[] = {
    {.name = "list", .kind = OPTION_FLAG, .offset = FIELD(lists),
     .help = "all scenarios, a line each"},
    {.name = "explain", .arg = "NAME", .kind = OPTION_TEXT, .offset = FIELD(explain), .offers = offer_lessons,
     .help = "what leaks, the Go code that does it and its fix, what profiles show"},

    {.name = "snapshots", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 10000,
     .offset = FIELD(snapshots), .help = "snapshots of a series (default 10; 12 with --evaluate)"},
    {.name = "interval", .arg = "D", .kind = OPTION_DURATION, .min = 0.1, .max = 86400,
     .offset = FIELD(interval_ns), .help = "time between two of them (default 60s)"},
    {.name = "seed", .arg = "N", .kind = OPTION_COUNT, .offset = FIELD(seed),
     .help = "the dice; the same seed gives the same bytes (default 1)"},
    {.name = "build", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1e15, .offset = FIELD(build),
     .help = "the background's code; seeds of one build are runs of one program (default: the seed)"},
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
    {.name = "speed", .arg = "X", .kind = OPTION_NUMBER, .min = 0.001, .max = SIM_SPEED_MAX, .offset = FIELD(speed),
     .help = "simulated seconds in a second (default 1)"},
    {.name = "targets", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 100000, .offset = FIELD(targets),
     .help = "so many services in all, dealt round over the scenarios, by path: /NAME-1/debug/pprof/ (default: one each)"},
    {.name = "ports", .kind = OPTION_FLAG, .offset = FIELD(one_port_each),
     .help = "with --targets: a port each, from the address upwards"},
    {.name = "fault", .arg = "LIST", .kind = OPTION_TEXT, .offset = FIELD(faults), .offers = offer_faults,
     .help = "slow drip reset truncate 500 404 401 redirect html bomb length restart hang, by comma; FAULT:0.1 is a share of the answers, FAULT@3+7 their numbers"},

    {.name = "scale", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 1e9, .offset = FIELD(scale),
     .help = "benchmark profiles of N samples, or with --shape dumps of N objects"},
    {.name = "layout", .arg = "L", .kind = OPTION_CHOICE, .choices = sim_layout_names, .offset = FIELD(layout),
     .help = "field order of --scale: go (runtime/pprof) or canon (google/pprof)"},
    {.name = "goroutine", .kind = OPTION_FLAG, .offset = FIELD(is_goroutine),
     .help = "goroutine profiles with --scale (default heap)"},
    {.name = "shape", .arg = "LIST", .kind = OPTION_TEXT, .offset = FIELD(shape), .offers = sim_sized_offer,
     .help = "heap dump: chain, tree, star, power, random or cycles; and 32-bit, big-endian, tail-slots, huge, truncated, by comma"},

    {.name = "evaluate", .kind = OPTION_FLAG, .offset = FIELD(evaluates),
     .help = "run the detector over all scenarios and seeds, and say how good it is"},
    {.name = "full", .kind = OPTION_FLAG, .offset = FIELD(is_full),
     .help = "with --evaluate: more snapshot counts, rates and backgrounds"},
    {.name = "seeds", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 100000, .offset = FIELD(seeds),
     .help = "with --evaluate: seeds of each scenario (default 20)"},
    {.name = "jobs", .arg = "N", .kind = OPTION_COUNT, .min = 1, .max = 256, .offset = FIELD(jobs),
     .help = "with --evaluate: processes (default: one a core)"},
    {.name = "results", .arg = "FILE", .kind = OPTION_TEXT, .offset = FIELD(results),
     .help = "with --evaluate: a line a run; what is in it is not run again"},
    {.name = "format", .arg = "F", .kind = OPTION_CALL, .apply = output_apply_format, .offset = FIELD(outputs), .choices = sim_formats,
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
        .build = o->build,
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
        .collects = o->collects,
        .is_full = o->is_full,
        .n_jobs = (unsigned)o->jobs,
        .results = o->results,
        .outputs = o->outputs,
    };
    sim_cmd_model(o, NULL, &options.model);
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

/* --- which mode, and what it takes --- */

enum sim_mode { LIST, EXPLAIN, SAVE, SERVE, SIZED, EVALUATE, N_MODES };

#define IN(mode) (1u << (mode))
enum { MODEL = IN(SAVE) | IN(SERVE) | IN(EVALUATE) };

/* Options that not every mode takes. */
static const struct {
    const char *name;
    unsigned modes;
} taken[] = {
    {"snapshots",  IN(SAVE) | IN(SIZED) | IN(EVALUATE)  },
    {"interval",   IN(SAVE) | IN(EVALUATE)              },
    {"seed",       MODEL | IN(SIZED)                    },
    {"build",      IN(SAVE) | IN(SERVE)                 },
    {"go",         MODEL                                },
    {"rate",       MODEL                                },
    {"background", MODEL                                },
    {"load",       MODEL                                },
    {"noise",      MODEL                                },
    {"gogc",       MODEL                                },
    {"gc",         IN(SAVE) | IN(EVALUATE)              },
    {"heap-dump",  IN(SAVE)                             },
    {"speed",      IN(SERVE)                            },
    {"targets",    IN(SERVE)                            },
    {"ports",      IN(SERVE)                            },
    {"fault",      IN(SERVE)                            },
    {"layout",     IN(SIZED)                            },
    {"goroutine",  IN(SIZED)                            },
    {"shape",      IN(SIZED)                            },
    {"full",       IN(EVALUATE)                         },
    {"seeds",      IN(EVALUATE)                         },
    {"jobs",       IN(EVALUATE)                         },
    {"results",    IN(EVALUATE)                         },
    {"format",     IN(LIST) | IN(EXPLAIN) | IN(EVALUATE)},
};

static const char *const mode_words[N_MODES] = {
    [LIST] = "--list",   [EXPLAIN] = "--explain", [SAVE] = "a saved series",
    [SERVE] = "--serve", [SIZED] = "--scale",     [EVALUATE] = "--evaluate",
};

static bool find_mode(const struct sim_cmd_options *o, enum sim_mode *out,
                      struct err *err)
{
    const struct {
        bool is_asked;
        enum sim_mode mode;
    } modes[] = {
        {o->lists,           LIST    },
        {o->explain != NULL, EXPLAIN },
        {o->scale > 0,       SIZED   },
        {o->serve != NULL,   SERVE   },
        {o->evaluates,       EVALUATE},
    };
    bool has_one = false;
    *out = SAVE;
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (modes[i].is_asked && has_one) {
            return err_set(err, ERR_USAGE, "%s and %s exclude each other",
                           mode_words[*out], mode_words[modes[i].mode]);
        }
        if (modes[i].is_asked) {
            *out = modes[i].mode;
            has_one = true;
        }
    }
    return true;
}

static size_t option_bytes(const struct option_row *row)
{
    switch (row->kind) {
    case OPTION_FLAG:
        return sizeof(bool);
    case OPTION_CHOICE:
        return sizeof(int);
    case OPTION_TEXT:
    case OPTION_BYTES:
    case OPTION_COUNT:
    case OPTION_NUMBER:
    case OPTION_DURATION:
        return sizeof(uint64_t);
    case OPTION_WORDS:
    case OPTION_MANY:
    case OPTION_CALL:
        break;
    }
    return 0;
}

static bool is_given(const struct sim_cmd_options *o, const char *name)
{
    struct sim_cmd_options usual = {0};
    sim_defaults(&usual);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return memcmp((const char *)o + rows[i].offset,
                          (const char *)&usual + rows[i].offset,
                          option_bytes(&rows[i])) != 0;
        }
    }
    return false;
}

/* What has no effect is refused, or who gave it would believe it had. */
static bool check_options(const struct sim_cmd_options *o, enum sim_mode mode,
                          const struct words *names, struct err *err)
{
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        const bool given =
            strcmp(taken[i].name, "format") == 0
                ? o->outputs.n > 0 && o->outputs.items[0].format != NULL
                : is_given(o, taken[i].name);
        if (given && (taken[i].modes & IN(mode)) == 0) {
            return err_set(err, ERR_USAGE, "--%s has no effect on %s",
                           taken[i].name, mode_words[mode]);
        }
    }
    if (names->n > 0 && (mode == LIST || mode == EXPLAIN || mode == SIZED)) {
        return err_set(err, ERR_USAGE, "'%s' has no effect on %s",
                       names->items[0], mode_words[mode]);
    }
    if (mode == SERVE && sim_cmd_place(o) != NULL) {
        return err_set(err, ERR_USAGE, "-o has no effect on --serve");
    }
    if (o->shape != NULL &&
        (o->is_goroutine || o->layout != SIM_LAYOUT_GO || o->snapshots > 1)) {
        return err_set(err, ERR_USAGE,
                       "--goroutine, --layout and --snapshots are of profiles, "
                       "not of --shape");
    }
    return true;
}

/* A name twice would be simulated once and counted twice. */
static bool check_names(const struct words *names, struct err *err)
{
    for (size_t i = 0; i < names->n; i++) {
        const struct sim_scenario *one = NULL;
        const bool is_all = strcmp(names->items[i], "all") == 0;
        if (!is_all && !sim_cmd_scenario(names->items[i], &one, err)) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (is_all || strcmp(names->items[k], names->items[i]) == 0) {
                return err_set(err, ERR_USAGE, "'%s' is named twice",
                               names->items[i]);
            }
        }
    }
    return true;
}

static int run_mode(struct session *s, struct sim_cmd_options *o,
                    enum sim_mode mode, const struct words *names)
{
    enum { SERIES = 10, EVALUATED = 12 };
    if (o->snapshots == 0) {
        o->snapshots = mode == EVALUATE ? EVALUATED : SERIES;
    }
    switch (mode) {
    case LIST:
        return sim_list(s, o);
    case EXPLAIN:
        return sim_explain(s, o);
    case SIZED:
        return sim_sized(s, o);
    case EVALUATE:
        return evaluate(s, o, names);
    case SAVE:
    case SERVE:
    case N_MODES:
        break;
    }
    return with_scenarios(s, o, names);
}

static int sim_run(struct session *s, void *options, const struct words *args)
{
    struct sim_cmd_options *o = options;
    struct words names = *args;
    enum sim_mode mode = SAVE;
    struct err err = {0};
    if (!find_mode(o, &mode, &err) || !check_options(o, mode, args, &err) ||
        !check_names(args, &err)) {
        return console_fail("sim", &err);
    }
    if (mode == EVALUATE && names.n == 1 &&
        strcmp(names.items[0], "all") == 0) {
        names.n = 0; /* none are all */
    }
    return run_mode(s, o, mode, &names);
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
    .arguments = {.words = offer_scenarios, .is_each = true},
    .defaults = sim_defaults,
    .run = sim_run,
};
