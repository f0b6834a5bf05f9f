/*
 * The tide of a day: load that rises and falls again. On its rising side every
 * two looks show growth; over a whole day there is none.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Readers come in the morning and leave at night, and the memory for them\n"
    "comes and goes with them. Nothing outlives its reader: the same load\n"
    "brings the same heap, today and tomorrow.";

static const char lesson_code[] =
    "func (r *Reader) feed(w http.ResponseWriter,\n"
    "\treq *http.Request) {\n"
    "\tf := gather(r.topics)\n"
    "\tfeeds[f.id] = f\n"
    "\tdefer r.closeLater(f)\n"
    "\tpage.Execute(w, f)\n"
    "}\n"
    "\n"
    "func (r *Reader) wait(ctx context.Context) Story {\n"
    "\tnext := r.topics.subscribe(ctx)\n"
    "\treturn <-next // closed with the request's context\n"
    "}";

static const char lesson_shows[] =
    "A wave: what is in use rises and falls together with what is allocated\n"
    "per second, at all sites of the service. A leak under the same wave\n"
    "keeps rising when the load falls.";

static const char lesson_cannot[] =
    "From a window that covers only the rising side: whether it will fall\n"
    "again. There the rate of allocation is the only witness.";

static double short_life_s(const struct sim_world *w)
{
    return sim_window_s(w) / 50;
}

static void add_feeds(struct sim_world *w)
{
    const sim_stack_id gathered =
        sim_stack(w, "main.gather feed.go:35",
                  "main.(*Reader).feed reader.go:41", "@http-handler", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-fast64", "main.(*Reader).feed reader.go:43",
                  "@http-handler", NULL);
    struct sim_population_spec feeds = {
        .name = "feeds",
        .n_members = 2,
        .per_second = 1200 / short_life_s(w),
        .n_start = 1200,
        .global = "main.feeds",
        .global_type = "map[int]*main.Feed",
    };
    feeds.members[0] = (struct sim_member){gathered, 192, 1, "main.Feed", -1};
    feeds.members[1] = (struct sim_member){gathered, 1024, 12, "main.Story", 0};
    feeds.life =
        (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = short_life_s(w)};
    feeds.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &feeds);
}

static void add_readers(struct sim_world *w)
{
    const sim_stack_id waits =
        sim_stack(w, "@chan-receive", "main.(*Reader).wait reader.go:70",
                  "main.(*Reader).follow reader.go:62", "@http-handler", NULL);
    const double life_s = short_life_s(w) / 4;
    struct sim_population_spec readers = {
        .name = "readers",
        .n_goroutines = 1,
        .per_second = 120 / life_s,
        .n_start = 120,
    };
    readers.goroutines[0].poses[0] =
        (struct sim_pose){"chan receive", waits, 1};
    readers.goroutines[0].n_poses = 1;
    readers.goroutines[0].created_by = "@by-server";
    readers.goroutines[0].has_sudog = true;
    readers.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = life_s};
    sim_population(w, &readers);
}

static void build(struct sim_world *w)
{
    add_feeds(w);
    add_readers(w);
    sim_garbage(w, "markup",
                sim_stack(w, "@template-execute",
                          "main.(*Reader).feed reader.go:48", "@http-handler",
                          NULL),
                6144, 150);
    sim_http_server(w, 50);
}

const struct sim_scenario sim_scenario_diurnal = {
    .name = "diurnal",
    .number = "C4",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "load rises and falls like a day; memory follows",
    .service = "newsfeed",
    .hold = "feeds of present readers, each gone within seconds",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_DIURNAL,
    .build = build,
};
