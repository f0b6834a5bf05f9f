/*
 * Leak L8: sections of a report are made by goroutines that are counted by a
 * WaitGroup. One that fails returns without Done; then the goroutine that
 * waits for the group and the request that waits for its close both stay, with
 * all sections made so far.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define RENDER  "acme.dev/reports/internal/render."
#define BUILDER RENDER "(*Builder).Build builder.go"
#define HANDLER "main.(*API).report api.go:66", "@http-handler"
#define SECTION RENDER "(*Builder).section builder.go"

static const char lesson_leaks[] =
    "Add and Done must meet in number. A section that cannot be loaded\n"
    "returns early and skips its Done, so the count stays at one.\n"
    "closeAfter waits for zero and never closes out; Build ranges over out\n"
    "and never ends. Two goroutines a report, and Build holds every section\n"
    "that did arrive.";

static const char lesson_code[] =
    "func (b *Builder) Build(ids []int) (all []Section) {\n"
    "\tvar wg sync.WaitGroup\n"
    "\tout := make(chan Section)\n"
    "\tfor _, id := range ids {\n"
    "\t\twg.Add(1)\n"
    "\t\tgo b.section(id, out, &wg)\n"
    "\t}\n"
    "\tgo closeAfter(&wg, out)\n"
    "\tfor s := range out {\n"
    "\t\tall = append(all, s)\n"
    "\t}\n"
    "\treturn all\n"
    "}\n"
    "\n"
    "func (b *Builder) section(id int, out chan Section, wg *sync.WaitGroup) "
    "{\n"
    "\tif s, err := b.load(id); err == nil {\n"
    "\t\tout <- s\n"
    "\t\twg.Done() // not reached when load fails\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func (b *Builder) section(id int, out chan Section, wg *sync.WaitGroup) "
    "{\n"
    "\tdefer wg.Done() // first line, so on every way out\n"
    "\tif s, err := b.load(id); err == nil {\n"
    "\t\tout <- s\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Two stacks grow at one pace, about 13 a minute each:\n"
    "sync.(*WaitGroup).Wait called by render.closeAfter, and\n"
    "runtime.chanrecv2 called by (*Builder).Build below an HTTP handler.\n"
    "The heap grows by about 2 MiB a minute where (*Builder).section loads\n"
    "its data. Dumps say \"sync.WaitGroup.Wait\" from Go 1.24 on and\n"
    "\"semacquire\" before.";

static const char lesson_cannot[] =
    "The section that failed is gone, so the line that forgot Done is on no\n"
    "stack. The heap profile blames the loading, which works: it is the\n"
    "range loop in Build that holds what was loaded.";

static void build_reports(struct sim_world *w, const char *name,
                          double per_second, bool is_leak)
{
    const sim_stack_id section =
        sim_stack(w, RENDER "(*Builder).load load.go:57", SECTION ":49", NULL);
    const struct sim_pose waits = {"sync.WaitGroup.Wait",
                                   sim_stack(w, "@waitgroup-wait",
                                             RENDER "closeAfter builder.go:58",
                                             NULL),
                                   1.0};
    const struct sim_pose ranges = {
        "chan receive",
        sim_stack(w, "@chan-receive2", BUILDER ":41", HANDLER, NULL), 1.0};
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 0.8,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){sim_stack(w, BUILDER ":42", HANDLER, NULL), 1024, 1,
                            "[]render.Section", -1};
    p.members[p.n_members++] = (struct sim_member){section, 8192, 19, NULL, 0};
    p.members[p.n_members++] =
        (struct sim_member){sim_stack(w, BUILDER ":35", HANDLER, NULL), 96, 1,
                            "chan render.Section", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {ranges},
        .n_poses = 1,
        .created_by = "@by-server",
        .is_provable = is_leak,
        .has_sudog = true,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = BUILDER ":40",
        .is_provable = is_leak,
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build_sections(struct sim_world *w)
{
    const struct sim_pose reads = {
        "IO wait",
        sim_stack(w, "@net-read", RENDER "(*Builder).load load.go:52",
                  SECTION ":49", NULL),
        0.9};
    const struct sim_pose sends = {
        "chan send", sim_stack(w, "@chan-send", SECTION ":53", NULL), 0.1};
    struct sim_population_spec p = {
        .name = "sections under way",
        .per_second = 44.0,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.3,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {reads, sends},
        .n_poses = 2,
        .created_by = BUILDER ":38",
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 16);
    build_sections(w);
    build_reports(w, "finished reports", 2.0, false);
    build_reports(w, "reports with a failed section", 0.22, true);
    sim_garbage(w, "pages",
                sim_stack(w, "@template-execute",
                          "main.(*API).report api.go:71", "@http-handler",
                          NULL),
                48000, 2.0);
}

const struct sim_scenario sim_scenario_waitgroup_miscounted = {
    .name = "waitgroup-miscounted",
    .number = "L8",
    .label = SIM_LEAK,
    .kind = "both",
    .what = "Done is missing on one path, so Wait never returns",
    .service = "reports",
    .hold = "WaitGroup.Wait of closeAfter and the range of Build behind it; "
            "Done is skipped when a section fails",
    .culprits[0] = "acme.dev/reports/internal/render.closeAfter",
    .culprits[1] = "acme.dev/reports/internal/render.(*Builder).Build",
    .culprits[2] = "acme.dev/reports/internal/render.(*Builder).section",
    .culprits[3] = "main.(*API).report",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
