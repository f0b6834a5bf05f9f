/*
 * Leak L17: forty bytes of a message id, sliced out of the message they came
 * in, keep the whole message alive.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define SESSION "main.(*server).session smtp.go:77"

static const char lesson_leaks[] =
    "A slice of a slice does not copy: it points into the same array, and\n"
    "the collector keeps the whole array while any byte of it is reachable.\n"
    "The service remembers forty bytes of each message to know duplicates,\n"
    "and so holds every message it ever received.";

static const char lesson_code[] =
    "var seen Seen\n"
    "\n"
    "type Seen struct {\n"
    "\tids [][]byte\n"
    "}\n"
    "\n"
    "func (s *Seen) Add(raw []byte) {\n"
    "\tfrom := bytes.Index(raw, []byte(\"Message-Id: <\")) + 13\n"
    "\tto := from + bytes.IndexByte(raw[from:], '>')\n"
    "\ts.ids = append(s.ids, raw[from:to]) // pins all of raw\n"
    "}";

static const char lesson_fix[] =
    "\ts.ids = append(s.ids, bytes.Clone(raw[from:to]))";

static const char lesson_shows[] =
    "inuse_space of mime.Read, where whole messages are read, grows in\n"
    "blocks of 16, 40 and 96 KiB that are never freed when dedup.(*Seen).Add\n"
    "has seen them. The slice at (*Seen).Add is small. The blocks are far\n"
    "larger than what the service means to remember: that gap is the sign.\n"
    "A heap dump shows dedup.seen pointing into the middle of large blocks.";

static const char lesson_cannot[] =
    "The profile names who allocated the message, not who points into it,\n"
    "and not how much of it is still of use. Messages that are only relayed\n"
    "are read by the same function and do die.";

/* Message sizes are skewed: most are short, a few carry pictures. */
static const struct {
    const char *kept_name, *relayed_name;
    uint64_t bytes;
    double per_second;
    uint64_t n_start; /* being relayed at first: 20 s of arrivals */
} sizes[] = {
    {"kept short messages", "relayed short messages", 16 << 10, 1.2,  24},
    {"kept messages",       "relayed messages",       40 << 10, 0.5,  10},
    {"kept with pictures",  "relayed with pictures",  96 << 10, 0.15, 3 },
};

enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void build_leak(struct sim_world *w)
{
    const sim_stack_id read =
        sim_stack(w, "acme.dev/mailgate/internal/mime.Read read.go:33",
                  "main.(*server).receive smtp.go:121", SESSION, NULL);
    const sim_stack_id append =
        sim_stack(w, "acme.dev/mailgate/internal/dedup.(*Seen).Add seen.go:19",
                  "main.(*server).receive smtp.go:126", SESSION, NULL);
    for (size_t i = 0; i < N_SIZES; i++) {
        const struct sim_population_spec entries = {
            .name = sizes[i].kept_name,
            .members[0] = sim_object(read, sizes[i].bytes, NULL, -1),
            .n_members = 1,
            .per_second = sizes[i].per_second,
            .life.kind = SIM_FOREVER,
            .container.kind = SIM_SLICE,
            .container.stack = append,
            .container.elem_bytes = 24,
            .global = "acme.dev/mailgate/internal/dedup.seen",
            .global_type = "dedup.Seen",
            .is_leak = true,
        };
        sim_population(w, &entries);
    }
}

/* Mail for other domains: read by the same function, forwarded, forgotten. */
static void build_relay(struct sim_world *w)
{
    const sim_stack_id read =
        sim_stack(w, "acme.dev/mailgate/internal/mime.Read read.go:33",
                  "main.(*server).relay relay.go:58", SESSION, NULL);
    for (size_t i = 0; i < N_SIZES; i++) {
        const struct sim_population_spec entries = {
            .name = sizes[i].relayed_name,
            .members[0] = sim_object(read, sizes[i].bytes, NULL, -1),
            .n_members = 1,
            .per_second = sizes[i].per_second,
            .life.kind = SIM_FIXED,
            .life.mean_s = 20,
            .life.spread_s = 8,
            .n_start = sizes[i].n_start,
        };
        sim_population(w, &entries);
    }
}

static void build_sessions(struct sim_world *w)
{
    const sim_stack_id wait =
        sim_stack(w, "@net-read", "bufio.(*Reader).fill",
                  "bufio.(*Reader).ReadSlice", "bufio.(*Reader).ReadLine",
                  "main.(*server).command smtp.go:94", SESSION, NULL);
    const sim_stack_id state =
        sim_stack(w, "main.newSession smtp.go:61", SESSION, NULL);
    const sim_stack_id buffer = sim_stack(
        w, "@bufio-reader", "main.newSession smtp.go:64", SESSION, NULL);
    const struct sim_population_spec smtp_sessions = {
        .name = "smtp sessions",
        .members[0] = sim_object(state, 320, "main.session", -1),
        .members[1] = sim_object(buffer, 4096, NULL, 0),
        .n_members = 2,
        .goroutines[0].poses[0].wait = "IO wait",
        .goroutines[0].poses[0].stack = wait,
        .goroutines[0].n_poses = 1,
        .goroutines[0].created_by = "main.(*server).Serve smtp.go:49",
        .n_goroutines = 1,
        .per_second = 2.5,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 18,
        .n_start = 45,
    };
    sim_population(w, &smtp_sessions);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_relay(w);
    build_sessions(w);
    sim_workers(
        w, "smtp listener", "IO wait",
        sim_stack(w, "@net-accept", "main.(*server).Serve smtp.go:46", NULL),
        "main.main main.go:37", 1);
    sim_garbage(w, "reply lines",
                sim_stack(w, "@fmt-sprintf", "main.(*server).reply smtp.go:150",
                          SESSION, NULL),
                64, 30);
    sim_http_server(w, 4);
}

const struct sim_scenario sim_scenario_sub_slice_pin = {
    .name = "sub-slice-pin",
    .number = "L17",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "forty bytes sliced out of each message pin all of it",
    .service = "mailgate",
    .hold = "sub-slices in acme.dev/mailgate/internal/dedup.seen.ids",
    .culprits = {"acme.dev/mailgate/internal/mime.Read",
                 "acme.dev/mailgate/internal/dedup.(*Seen).Add"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
