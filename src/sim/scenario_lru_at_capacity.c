/*
 * An LRU that is full: much is allocated and kept for a while at one site, and
 * for each entry that comes one goes. Allocation alone would call it a leak.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The cache holds 4000 pictures and no more: each new one pushes out the\n"
    "one that was unused for longest. It is the largest site of the heap and\n"
    "the busiest, and it stays as large as it is.";

static const char lesson_code[] =
    "func (c *LRU) get(name string, width int) *Thumbnail {\n"
    "\tif e, ok := c.byName[name]; ok {\n"
    "\t\tc.recent.MoveToBack(e)\n"
    "\t\treturn e.Value.(*Thumbnail)\n"
    "\t}\n"
    "\tt := &Thumbnail{name: name, pixels: scale(name, width)}\n"
    "\tc.byName[name] = c.recent.PushBack(t)\n"
    "\tif c.recent.Len() > 4000 {\n"
    "\t\toldest := c.recent.Remove(c.recent.Front())\n"
    "\t\tdelete(c.byName, oldest.(*Thumbnail).name)\n"
    "\t}\n"
    "\treturn t\n"
    "}";

static const char lesson_shows[] =
    "At main.scale about as many bytes are freed as allocated between any\n"
    "two looks, so the share that stays is near zero. In a leak that share\n"
    "is near one, or at least the time an object stays gets longer and\n"
    "longer.";

static const char lesson_cannot[] =
    "That the level is a cap and not a coincidence: the number 4000 stands\n"
    "in no profile. And seen per caller instead of per function, work that\n"
    "moves from one caller to another looks like growth.";

enum { THUMBNAILS = 4000 };

static void build(struct sim_world *w)
{
    const sim_stack_id scaled = sim_stack(
        w, "main.scale scale.go:37", "main.(*LRU).get lru.go:44",
        "main.(*Server).thumbnail server.go:52", "@http-handler", NULL);
    const sim_stack_id linked = sim_stack(
        w, "@list-push", "main.(*LRU).get lru.go:46",
        "main.(*Server).thumbnail server.go:52", "@http-handler", NULL);
    const sim_stack_id kept = sim_stack(w, "main.(*LRU).get lru.go:45",
                                        "main.(*Server).thumbnail server.go:52",
                                        "@http-handler", NULL);
    struct sim_population_spec thumbnails = {
        .name = "thumbnails",
        .n_members = 3,
        .per_second = 60,
        .n_start = THUMBNAILS,
        .global = "main.recent",
        .global_type = "*list.List",
    };
    thumbnails.members[0] =
        (struct sim_member){linked, 48, 1, "list.Element", -1};
    thumbnails.members[1] =
        (struct sim_member){kept, 80, 1, "main.Thumbnail", 0};
    thumbnails.members[2] = (struct sim_member){scaled, 12000, 1, "[]uint8", 1};
    thumbnails.life =
        (struct sim_life){.kind = SIM_QUEUE, .capacity = THUMBNAILS};
    thumbnails.container = (struct sim_container){.kind = SIM_LIST};
    sim_population(w, &thumbnails);
    sim_garbage(w, "originals",
                sim_stack(w, "@read-all", "main.original original.go:25",
                          "main.scale scale.go:31", "main.(*LRU).get lru.go:44",
                          "main.(*Server).thumbnail server.go:52",
                          "@http-handler", NULL),
                65536, 60);
    sim_http_server(w, 60);
}

const struct sim_scenario sim_scenario_lru_at_capacity = {
    .name = "lru-at-capacity",
    .number = "C2",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a full LRU cache whose entries turn over",
    .service = "thumbnails",
    .hold = "list main.recent, 4000 entries at most",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
