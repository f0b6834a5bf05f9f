/*
 * Leak L24: two objects with finalizers point to each other. Go runs the
 * finalizer of an object before those of what it points to, so a cycle has no
 * first one and is never freed.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define STREAM  "acme.dev/transcode/internal/stream."
#define HANDLER "main.serveClip clip.go:34", "@http-handler"

static const char lesson_leaks[] =
    "A cycle alone is no leak in Go: the collector finds it unreachable and\n"
    "frees it. But finalizers run in order, that of an object before those\n"
    "of the objects it points to, and in a cycle with finalizers no order\n"
    "exists. So none of them ever runs, and stream, decoder and window stay\n"
    "although nothing in the program can reach them.";

static const char lesson_code[] =
    "func Open(r io.Reader) *Stream {\n"
    "\ts := &Stream{in: r}\n"
    "\ts.dec = &Decoder{owner: s, window: make([]byte, 32<<10)}\n"
    "\truntime.SetFinalizer(s, (*Stream).Close)\n"
    "\truntime.SetFinalizer(s.dec, (*Decoder).Close)\n"
    "\treturn s\n"
    "}";

static const char lesson_fix[] =
    "func Open(r io.Reader) *Stream {\n"
    "\ts := &Stream{in: r}\n"
    "\ts.dec = &Decoder{owner: s, window: make([]byte, 32<<10)}\n"
    "\treturn s // no finalizers; callers: defer s.Close()\n"
    "}";

static const char lesson_shows[] =
    "stream.Open grows in three sizes with equal counts: 96 bytes, 208 and\n"
    "32 KiB, 0.7 of each a second, and nothing is ever freed although no\n"
    "clip is being served. In a heap dump the objects are reachable from no\n"
    "global and no stack, only by their finalizer records, and point to each\n"
    "other.";

static const char lesson_cannot[] =
    "Finalizers leave no trace in profiles: the records are outside the\n"
    "heap, and the goroutine that runs them is hidden while idle. From a\n"
    "profile it looks like any other list that only grows.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id stream =
        sim_stack(w, STREAM "Open stream.go:41", HANDLER, NULL);
    const sim_stack_id decoder =
        sim_stack(w, STREAM "Open stream.go:42", HANDLER, NULL);
    /* Nothing holds an entry: stream and decoder point to each other, and
       each has a finalizer. */
    const struct sim_population_spec cycles = {
        .name = "cycles with finalizers",
        .members[0] = sim_object(stream, 96, "stream.Stream", -1),
        .members[1] = sim_object(decoder, 208, "stream.Decoder", 0),
        .members[2] = sim_object(decoder, 32 << 10, "[]uint8", 1),
        .n_members = 3,
        .finalizers = 1U << 0 | 1U << 1,
        .per_second = 0.7,
        .life.kind = SIM_FOREVER,
        .is_leak = true,
    };
    sim_population(w, &cycles);
}

/* Probing opens streams without finalizers; frames live while encoded. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id probe = sim_stack(
        w, STREAM "openPlain stream.go:58", STREAM "Probe probe.go:22",
        "main.serveProbe probe.go:18", "@http-handler", NULL);
    const sim_stack_id frame =
        sim_stack(w, STREAM "(*Decoder).Next decoder.go:77",
                  "main.encode encode.go:45", HANDLER, NULL);
    const struct sim_population_spec probes = {
        .name = "streams being probed",
        .members[0] = sim_object(probe, 32 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 3,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.6,
    };
    const struct sim_population_spec frames = {
        .name = "frames being encoded",
        .members[0] = sim_object(frame, 48 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 20,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.1,
    };
    sim_population(w, &probes);
    sim_population(w, &frames);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_constant(w, "code books",
                 sim_stack(w, STREAM "buildTables tables.go:30",
                           "main.main main.go:17", "@main", NULL),
                 64 << 10, 12);
    sim_workers(
        w, "encoders", "chan receive",
        sim_stack(w, "@chan-receive2", "main.encodeLoop encode.go:21", NULL),
        "main.main main.go:29", 8);
    sim_http_server(w, 8);
}

const struct sim_scenario sim_scenario_finalizer_cycle = {
    .name = "finalizer-cycle",
    .number = "L24",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "a cycle of objects with finalizers is never freed",
    .service = "transcode",
    .hold = "finalizer records of a cycle; no global and no stack holds it",
    .culprits = {STREAM "Open"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
