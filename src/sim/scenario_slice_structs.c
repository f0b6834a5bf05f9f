/*
 * Leak L16: small structs in a local slice, each of which points to a
 * mebibyte. The slice belongs to a loop that never returns, so no global holds
 * it: a slot on a goroutine's stack does.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "A Container is eight bytes, but it points to one mebibyte of samples.\n"
    "Every turn of the loop appends one to a slice and only the newest is\n"
    "ever looked at. The loop never ends, so the local variable never dies\n"
    "and neither does anything it can reach.";

static const char lesson_code[] = "type LargeData struct {\n"
                                  "\tsamples [1 << 20]byte\n"
                                  "}\n"
                                  "\n"
                                  "type Container struct {\n"
                                  "\tdata *LargeData\n"
                                  "}\n"
                                  "\n"
                                  "func record(d *device) {\n"
                                  "\tvar taken []Container\n"
                                  "\tfor range d.ticks {\n"
                                  "\t\tc := Container{data: d.capture()}\n"
                                  "\t\ttaken = append(taken, c)\n"
                                  "\t\tdraw(taken[len(taken)-1])\n"
                                  "\t}\n"
                                  "}";

static const char lesson_fix[] =
    "func record(d *device) {\n"
    "\tfor range d.ticks {\n"
    "\t\tdraw(Container{data: d.capture()}) // keep only the newest\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Few and large objects: inuse_space of main.(*device).capture, called\n"
    "by main.record, rises by 1 MiB every ten seconds and inuse_objects by\n"
    "one; nothing that capture made for record is ever freed. The slice\n"
    "itself, at main.record, is less than a kilobyte. A heap dump shows a\n"
    "[]main.Container on the stack of main.record that retains all of it.";

static const char lesson_cannot[] =
    "A profile does not say that it is the slice which holds the samples,\n"
    "nor that only the last one is used. capture serves previews too, and\n"
    "there it is harmless: only the callers tell the two apart.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id capture =
        sim_stack(w, "main.(*device).capture device.go:57",
                  "main.record record.go:24", NULL);
    const sim_stack_id append = sim_stack(w, "main.record record.go:25", NULL);
    const struct sim_population_spec recorded_containers = {
        .name = "recorded containers",
        .members[0] = sim_object(capture, 1 << 20, "main.LargeData", -1),
        .n_members = 1,
        .per_second = 0.1,
        .ignores_load = true, /* the device's clock */
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = append,
        .container.elem_bytes = 8,
        .is_leak = true,
    };
    sim_population(w, &recorded_containers);
    sim_workers(
        w, "recorder", "chan receive",
        sim_stack(w, "@chan-receive2", "main.record record.go:23", NULL),
        "main.main main.go:31", 1);
}

/* The same capture where it works: a preview lives while it is drawn, and
   the last pictures are kept up to a bound. */
static void build_previews(struct sim_world *w)
{
    const sim_stack_id capture =
        sim_stack(w, "main.(*device).capture device.go:57",
                  "main.servePreview preview.go:19", "@http-handler", NULL);
    const sim_stack_id render =
        sim_stack(w, "main.render preview.go:44",
                  "main.servePreview preview.go:22", "@http-handler", NULL);
    const struct sim_population_spec previews_being_drawn = {
        .name = "previews being drawn",
        .members[0] = sim_object(capture, 1 << 20, "main.LargeData", -1),
        .n_members = 1,
        .per_second = 0.15,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 1.5,
    };
    sim_population(w, &previews_being_drawn);
    const struct sim_population_spec pictures_kept = {
        .name = "pictures kept",
        .members[0] = sim_object(render, 96 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 0.15,
        .life.kind = SIM_QUEUE,
        .life.capacity = 24,
        .n_start = 24,
        .global = "main.pictures",
        .global_type = "[][]uint8",
    };
    sim_population(w, &pictures_kept);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_previews(w);
    sim_garbage(w, "status answers",
                sim_stack(w, "@json-marshal", "main.serveStatus status.go:28",
                          "@http-handler", NULL),
                768, 6);
    sim_constant(w, "window function",
                 sim_stack(w, "main.hann window.go:12", "main.main main.go:24",
                           "@main", NULL),
                 32 << 10, 4);
    sim_http_server(w, 12);
}

const struct sim_scenario sim_scenario_slice_structs = {
    .name = "slice-structs",
    .number = "L16",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "a slice of small structs that each hold a mebibyte",
    .service = "sonar",
    .hold = "local slice []main.Container, on the stack of main.record",
    .culprits = {"main.(*device).capture", "main.record"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
