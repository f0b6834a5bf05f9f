/*
 * Leak L10: guests who may only read get no event channel, but they get the
 * goroutine that ranges over it. A receive from a nil channel waits for ever.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define ROOM "acme.dev/chat/internal/room."
#define JOIN "main.(*API).join api.go:57", "@http-handler"

static const char lesson_leaks[] =
    "The zero value of a channel is nil, and sending to or receiving from\n"
    "nil blocks for ever: no other goroutine can end it, for there is no\n"
    "channel to use or to close. Join makes the channel for writers only\n"
    "and starts deliver for everybody.";

static const char lesson_code[] =
    "func (r *Room) Join(name string, readOnly bool) *Guest {\n"
    "\tg := &Guest{name: name, out: bufio.NewWriter(r.sock)}\n"
    "\tif !readOnly {\n"
    "\t\tg.events = make(chan Event, 16)\n"
    "\t}\n"
    "\tgo g.deliver()\n"
    "\treturn g\n"
    "}\n"
    "\n"
    "func (g *Guest) deliver() {\n"
    "\tfor e := range g.events { // nil: never gets past this line\n"
    "\t\tg.send(e)\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func (r *Room) Join(name string, readOnly bool) *Guest {\n"
    "\tg := &Guest{name: name, out: bufio.NewWriter(r.sock)}\n"
    "\tif readOnly {\n"
    "\t\treturn g // nothing to deliver\n"
    "\t}\n"
    "\tg.events = make(chan Event, 16) // Leave closes it\n"
    "\tgo g.deliver()\n"
    "\treturn g\n"
    "}";

static const char lesson_shows[] =
    "One look is enough: a full dump says \"chan receive (nil chan)\", which\n"
    "can never end on its own. In the goroutine profile the stack\n"
    "runtime.chanrecv2 called by (*Guest).deliver gains about 48 a minute.\n"
    "Each guest leaves some 1.2 KiB in the heap, most of it the writer's\n"
    "buffer. The goroutineleak profile lists them as proven.";

static const char lesson_cannot[] =
    "The compact profile (proto, or text with debug=1) has the same frames\n"
    "for a nil channel as for a real one: there it takes growth over\n"
    "several looks, or a dump, to tell these guests from those who are\n"
    "merely quiet.";

static void build_guests(struct sim_world *w, const char *name,
                         double per_second, uint64_t n_start, bool is_leak)
{
    const struct sim_pose waits = {
        is_leak ? "chan receive (nil chan)" : "chan receive",
        sim_stack(w, "@chan-receive2", ROOM "(*Guest).deliver guest.go:44",
                  NULL),
        0.97};
    const struct sim_pose writes = {
        "IO wait",
        sim_stack(w, "@net-write", ROOM "(*Guest).send guest.go:51",
                  ROOM "(*Guest).deliver guest.go:45", NULL),
        0.03};
    const sim_stack_id join =
        sim_stack(w, ROOM "(*Room).Join room.go:38", JOIN, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .n_start = n_start,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 240.0,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){join, 128, 1, "room.Guest", -1};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@bufio-writer", ROOM "(*Room).Join room.go:38", JOIN,
                  NULL),
        1024, 1, NULL, 0};
    p.members[p.n_members++] =
        (struct sim_member){sim_stack(w, "@strings-builder",
                                      "main.guestName api.go:81", JOIN, NULL),
                            32, 1, "string", 0};
    if (!is_leak) {
        /* 16 events of 40 bytes behind the channel's own 96. */
        p.members[p.n_members++] = (struct sim_member){
            sim_stack(w, ROOM "(*Room).Join room.go:40", JOIN, NULL), 736, 1,
            "chan room.Event", 0};
    }
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits, writes},
        .n_poses = is_leak ? 1 : 2,
        .created_by = ROOM "(*Room).Join room.go:42",
        .is_provable = is_leak,
        .has_sudog = !is_leak, /* a nil channel has no queue */
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 80);
    build_guests(w, "writing guests", 0.9, 216, false);
    build_guests(w, "reading guests", 0.8, 0, true);
    sim_garbage(w, "events",
                sim_stack(w, "@json-marshal", ROOM "(*Guest).send guest.go:50",
                          ROOM "(*Guest).deliver guest.go:45", NULL),
                320, 90.0);
}

const struct sim_scenario sim_scenario_nil_channel = {
    .name = "nil-channel",
    .number = "L10",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "receive from a channel that was never made",
    .service = "chat",
    .hold = "goroutine of (*Guest).deliver ranging over a nil channel "
            "(read-only guests)",
    .culprits[0] = "acme.dev/chat/internal/room.(*Guest).deliver",
    .culprits[1] = "acme.dev/chat/internal/room.(*Room).Join",
    .culprits[2] = "main.(*API).join",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
