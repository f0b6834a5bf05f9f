/*
 * Leak L3: a picture is scaled in a goroutine and the caller waits with a time
 * limit. When the limit passes first, the goroutine keeps the upload and the
 * finished picture and waits for a receiver that has gone.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define RESIZE "acme.dev/thumbs/internal/resize."
#define WORK   RESIZE "(*Scaler).Resize.func1 scaler.go:44"
#define UPLOAD "main.(*API).upload api.go:39", "@http-handler"

static const char lesson_leaks[] =
    "A select with a time limit frees the one who waits, not the one who\n"
    "works. When time.After wins, Resize returns and the channel has no\n"
    "receiver any more; the goroutine comes to its send some moments later\n"
    "and never gets past it. It holds the uploaded bytes and the finished\n"
    "picture, so a few dozen an hour would be a nuisance, and this rate is\n"
    "an outage.";

static const char lesson_code[] =
    "func (s *Scaler) Resize(img []byte) ([]byte, error) {\n"
    "\tdone := make(chan []byte)\n"
    "\tgo func() {\n"
    "\t\tdone <- s.scale(img)\n"
    "\t}()\n"
    "\tselect {\n"
    "\tcase out := <-done:\n"
    "\t\treturn out, nil\n"
    "\tcase <-time.After(s.limit):\n"
    "\t\treturn nil, errTimeout // the send has no partner now\n"
    "\t}\n"
    "}";

static const char lesson_fix[] =
    "func (s *Scaler) Resize(img []byte) ([]byte, error) {\n"
    "\t// Room for one: the send succeeds even when nobody receives.\n"
    "\tdone := make(chan []byte, 1)\n"
    "\tgo func() {\n"
    "\t\tdone <- s.scale(img)\n"
    "\t}()\n"
    "\tselect {\n"
    "\tcase out := <-done:\n"
    "\t\treturn out, nil\n"
    "\tcase <-time.After(s.limit):\n"
    "\t\treturn nil, errTimeout\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Goroutines in runtime.chansend1 below (*Scaler).Resize.func1 gain\n"
    "about 54 a minute. The heap grows with them by some 5 MiB a minute, at\n"
    "two places that look unrelated: io.ReadAll below main.(*API).upload\n"
    "(the pictures that came in) and (*Scaler).scale (those that were\n"
    "made). Equal counts of the three are the sign that one holds the\n"
    "others.";

static const char lesson_cannot[] =
    "The heap profile alone blames uploading and scaling, which are both\n"
    "innocent: it does not say who holds an object. A heap dump does, or\n"
    "the equal pace of goroutines and objects.";

static void build_scalings(struct sim_world *w, const char *name,
                           double per_second, bool is_leak)
{
    const sim_stack_id calls =
        sim_stack(w, RESIZE "(*Scaler).Resize scaler.go:42", UPLOAD, NULL);
    const sim_stack_id works =
        is_leak
            ? sim_stack(w, "@chan-send", WORK, NULL)
            : sim_stack(w, RESIZE "(*Scaler).scale scaler.go:83", WORK, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_EXPONENTIAL,
        .life.mean_s = 0.4,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@read-all", UPLOAD, NULL), 32768, 1, NULL, -1};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, RESIZE "(*Scaler).scale scaler.go:71", WORK, NULL), 65536,
        1, NULL, -1};
    p.members[p.n_members++] =
        (struct sim_member){calls, 96, 1, "chan []uint8", -1};
    p.members[p.n_members++] = (struct sim_member){calls, 48, 1, "func()", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses[0] = {is_leak ? "chan send" : "running", works, 1.0},
        .n_poses = 1,
        .created_by = RESIZE "(*Scaler).Resize scaler.go:43",
        .is_provable = is_leak,
        .has_sudog = is_leak,
    };
    sim_population(w, &p);
}

static void build_requests(struct sim_world *w)
{
    const struct sim_pose waits = {
        "select",
        sim_stack(w, "@select", RESIZE "(*Scaler).Resize scaler.go:46", UPLOAD,
                  NULL),
        0.8};
    const struct sim_pose reads = {"IO wait",
                                   sim_stack(w, "@net-read",
                                             "main.(*API).upload api.go:36",
                                             "@http-handler", NULL),
                                   0.2};
    struct sim_population_spec p = {
        .name = "uploads",
        .per_second = 8.9,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.5,
    };
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits, reads},
        .n_poses = 2,
        .created_by = "@by-server",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 20);
    build_requests(w);
    build_scalings(w, "pictures in time", 8.0, false);
    build_scalings(w, "pictures too late", 0.9, true);
}

const struct sim_scenario sim_scenario_timeout_send = {
    .name = "timeout-send",
    .number = "L3",
    .label = SIM_LEAK,
    .kind = "both",
    .what = "result arrives after the caller has timed out",
    .service = "thumbs",
    .hold = "goroutine blocked on send of a finished picture to a caller that "
            "timed out",
    .culprits[0] = "acme.dev/thumbs/internal/resize.(*Scaler).Resize.func1",
    .culprits[1] = "acme.dev/thumbs/internal/resize.(*Scaler).Resize",
    .culprits[2] = "main.(*API).upload",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
