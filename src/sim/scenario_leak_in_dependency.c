/*
 * Leak L30: a library's Subscribe starts a goroutine that ends with Close,
 * and the service never calls Close. What leaks lies in the library's frames;
 * the mistake lies in ours. The library is made up.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define LIBRARY         "github.com/northlake/tilestream/v3."
#define SUBSCRIBE(line) LIBRARY "(*Client).Subscribe client.go:" line
#define FOLLOW          "main.(*Map).follow map.go:73"
#define HANDLER         "main.serveMap map.go:41", "@http-handler"

static const char lesson_leaks[] =
    "Subscribe of the library opens a decoder and starts a goroutine that\n"
    "reads tiles until the subscription is closed. The service follows a\n"
    "region for each visitor and forgets the subscription when the visitor\n"
    "goes: goroutine, decoder and buffers stay with the client, which is a\n"
    "global.";

static const char lesson_code[] =
    "var tiles = tilestream.NewClient(tilesURL)\n"
    "\n"
    "func (m *Map) follow(ctx context.Context, r Region) {\n"
    "\tsub := tiles.Subscribe(r.Bounds()) // never closed\n"
    "\tfor {\n"
    "\t\tselect {\n"
    "\t\tcase t := <-sub.Tiles():\n"
    "\t\t\tm.draw(t)\n"
    "\t\tcase <-ctx.Done():\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "\tsub := tiles.Subscribe(r.Bounds())\n"
    "\tdefer sub.Close() // ends the library's goroutine";

static const char lesson_shows[] =
    "Goroutines in tilestream/v3.(*Client).pump, in select, rise by nine\n"
    "a minute; all their frames are the library's and the creator is its\n"
    "Subscribe. The heap names us: tilestream/v3.newDecoder grows by 256 KiB\n"
    "a visitor below main.(*Map).follow.";

static const char lesson_cannot[] =
    "The goroutine's stack holds no frame of ours, so the goroutine profile\n"
    "alone cannot say which call of Subscribe lacks its Close. It is not in\n"
    "the goroutineleak profile: the global client reaches its channels.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id pump =
        sim_stack(w, "@select", LIBRARY "(*Client).pump pump.go:57", NULL);
    const sim_stack_id decoder =
        sim_stack(w, LIBRARY "newDecoder decoder.go:31", SUBSCRIBE("88"),
                  FOLLOW, HANDLER, NULL);
    const sim_stack_id buffer =
        sim_stack(w, LIBRARY "newDecoder decoder.go:34", SUBSCRIBE("88"),
                  FOLLOW, HANDLER, NULL);
    const sim_stack_id queue =
        sim_stack(w, SUBSCRIBE("91"), FOLLOW, HANDLER, NULL);
    const sim_stack_id map = sim_stack(w, "@map-assign-fast64", SUBSCRIBE("93"),
                                       FOLLOW, HANDLER, NULL);
    const struct sim_population_spec subscriptions = {
        .name = "subscriptions never closed",
        .members[0] = sim_object(decoder, 416, "tilestream.Decoder", -1),
        .members[1] = sim_object(buffer, 256 << 10, NULL, 0),
        .members[2] = sim_object(queue, 2048, "chan tilestream.Tile", -1),
        .n_members = 3,
        .goroutines[0].poses[0].wait = "select",
        .goroutines[0].poses[0].stack = pump,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = SUBSCRIBE("95"),
        .goroutines[0].has_sudog = true,
        .n_goroutines = 1,
        .per_second = 0.15,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_MAP,
        .container.stack = map,
        .container.key_bytes = 8,
        .container.elem_bytes = 8,
        .global = "main.tiles",
        .global_type = "*tilestream.Client",
        .is_leak = true,
    };
    sim_population(w, &subscriptions);
}

/* Visitors who are there, and the export, which does call Close. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id visitor =
        sim_stack(w, "@select", "main.(*Map).follow map.go:75", HANDLER, NULL);
    const sim_stack_id view =
        sim_stack(w, "main.newView view.go:22", HANDLER, NULL);
    const sim_stack_id pump =
        sim_stack(w, "@select", LIBRARY "(*Client).pump pump.go:57", NULL);
    const sim_stack_id exported =
        sim_stack(w, LIBRARY "newDecoder decoder.go:34", SUBSCRIBE("88"),
                  "main.(*Map).export export.go:39",
                  "main.serveExport export.go:24", "@http-handler", NULL);
    struct sim_population_spec visitors = {
        .name = "visitors",
        .members[0] = sim_object(view, 1536, "main.view", -1),
        .n_members = 1,
        .goroutines[0].poses[0].wait = "select",
        .goroutines[0].poses[0].stack = visitor,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = "net/http.(*Server).Serve",
        .goroutines[0].has_sudog = true,
        .n_goroutines = 1,
        .per_second = 0.15,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 120,
        .n_start = 18,
    };
    sim_population(w, &visitors);
    visitors.name = "exports";
    visitors.members[0] = sim_object(exported, 256 << 10, NULL, -1);
    visitors.goroutines[0].poses[0].stack = pump;
    visitors.goroutines[0].created_by = SUBSCRIBE("95");
    visitors.per_second = 0.1;
    visitors.life.mean_s = 12;
    visitors.n_start = 1;
    sim_population(w, &visitors);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_constant(w, "coastlines",
                 sim_stack(w, "main.loadCoast coast.go:35",
                           "main.main main.go:28", "@main", NULL),
                 220 << 10, 9);
    sim_garbage(w, "forecasts",
                sim_stack(w, "@json-marshal", "main.serveForecast cast.go:44",
                          "@http-handler", NULL),
                1280, 40);
    sim_http_server(w, 14);
}

const struct sim_scenario sim_scenario_leak_in_dependency = {
    .name = "leak-in-dependency",
    .number = "L30",
    .label = SIM_LEAK,
    .kind = "both",
    .what = "a library's subscriptions are never closed",
    .service = "weather",
    .hold = "subscriptions in the library's client, global main.tiles",
    .culprits = {LIBRARY "(*Client).pump", LIBRARY "(*Client).Subscribe",
                 LIBRARY "newDecoder", "main.(*Map).follow"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
