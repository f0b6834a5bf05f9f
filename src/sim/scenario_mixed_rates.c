/*
 * MemProfileRate is set anew in the middle of the series. Profiles of both
 * halves estimate the same heap, from samples of very different number, and
 * the runtime scales old samples by the new rate: values jump, nothing moved.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does. Somebody wanted a finer view and set\n"
    "runtime.MemProfileRate in the running process. New objects are sampled\n"
    "eight times as often from then on; those sampled before keep their\n"
    "count but are scaled by the new rate, so for a while the profile shows\n"
    "too little, and then it recovers.";

static const char lesson_code[] =
    "func (a *Admin) finer(w http.ResponseWriter,\n"
    "\tr *http.Request) {\n"
    "\t// Documented as \"set it once, as early as possible\".\n"
    "\truntime.MemProfileRate = 64 << 10\n"
    "\tfmt.Fprintln(w, \"ok\")\n"
    "}";

static const char lesson_shows[] =
    "The period in the profile's header changes from 524288 to 65536, and\n"
    "with it every estimate falls at once and climbs back as objects are\n"
    "replaced. Looks of different period must not be compared.";

static const char lesson_cannot[] =
    "In the text form of the looks before the change: at which rate each of\n"
    "the old samples was taken. They cannot be put right afterwards.";

static void add_devices(struct sim_world *w)
{
    const sim_stack_id seen =
        sim_stack(w, "main.(*Fleet).device fleet.go:48",
                  "main.(*Ingest).accept ingest.go:57", "@http-handler", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-faststr", "main.(*Fleet).device fleet.go:51",
                  "main.(*Ingest).accept ingest.go:57", "@http-handler", NULL);
    struct sim_population_spec devices = {
        .name = "devices",
        .n_members = 2,
        .per_second = 80,
        .n_start = 8000,
        .global = "main.devices",
        .global_type = "map[string]*main.Device",
    };
    devices.members[0] = (struct sim_member){seen, 384, 1, "main.Device", -1};
    devices.members[1] = (struct sim_member){seen, 2048, 1, "[]float64", 0};
    devices.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 100};
    devices.container = (struct sim_container){SIM_MAP, inserted, 16, 8};
    sim_population(w, &devices);
}

static void build(struct sim_world *w)
{
    struct sim_quirks *q = sim_quirks(w);
    q->rate_change_s = 0.55 * sim_window_s(w);
    q->rate_after = 65536;
    add_devices(w);
    const sim_stack_id packed =
        sim_stack(w, "@bytes-grow", "main.(*Batch).add batch.go:39",
                  "main.(*Ingest).accept ingest.go:63", "@http-handler", NULL);
    struct sim_population_spec batches = {
        .name = "batches",
        .n_members = 1,
        .per_second = 10,
        .n_start = 200,
        .global = "main.batches",
        .global_type = "[]*main.Batch",
    };
    batches.members[0] = (struct sim_member){packed, 64000, 1, "[]uint8", -1};
    batches.life =
        (struct sim_life){.kind = SIM_FIXED, .mean_s = 20, .spread_s = 5};
    sim_population(w, &batches);
    sim_workers(
        w, "uploaders", "select",
        sim_stack(w, "@select", "main.(*Uploader).run upload.go:34", NULL),
        "main.main main.go:41", 4);
    sim_garbage(w, "points",
                sim_stack(w, "@json-decode",
                          "main.(*Ingest).accept ingest.go:52", "@http-handler",
                          NULL),
                1024, 600);
    sim_http_server(w, 80);
}

const struct sim_scenario sim_scenario_mixed_rates = {
    .name = "mixed-rates",
    .number = "C16",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "the profiler's sampling rate changes in mid-series",
    .service = "telemetry",
    .hold = "none: devices and batches turn over",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
