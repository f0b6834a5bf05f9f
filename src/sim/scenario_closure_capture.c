/*
 * Leak L23: a closure that needs a name captures the whole picture, and the
 * list of closures is run only when the process ends.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define JOBS    "acme.dev/thumbs/internal/jobs."
#define HANDLER "main.serveUpload upload.go:36", "@http-handler"

static const char lesson_leaks[] =
    "A closure captures variables, not the parts it uses. This one prints\n"
    "img.name and so holds img, and img holds a mebibyte of pixels. The list\n"
    "of closures is run when the service stops, and till then every picture\n"
    "ever uploaded is reachable through 32 bytes.";

static const char lesson_code[] =
    "type LargeObject struct {\n"
    "\tname   string\n"
    "\tpixels [1<<20 - 16]byte\n"
    "}\n"
    "\n"
    "var atExit []func()\n"
    "\n"
    "func (q *Queue) Add(r io.Reader, dir string) error {\n"
    "\timg := new(LargeObject)\n"
    "\tif err := q.decode(r, img); err != nil {\n"
    "\t\treturn err\n"
    "\t}\n"
    "\tatExit = append(atExit, func() {\n"
    "\t\tlog.Println(\"made\", img.name, \"in\", dir)\n"
    "\t})\n"
    "\treturn q.scale(img, dir)\n"
    "}";

static const char lesson_fix[] =
    "\tname := img.name // the closure holds a string now\n"
    "\tatExit = append(atExit, func() {\n"
    "\t\tlog.Println(\"made\", name, \"in\", dir)\n"
    "\t})";

static const char lesson_shows[] =
    "jobs.(*Queue).Add grows by 1 MiB objects, about one in twelve seconds,\n"
    "and none is freed. With a MemProfileRate of 1 it also shows 32 byte\n"
    "objects on another line of the same function, equal in number: the\n"
    "closures. In a heap dump jobs.atExit points to func values and each of\n"
    "them to one LargeObject.";

static const char lesson_cannot[] =
    "At the default rate closures of 32 bytes are almost never sampled, so\n"
    "only the large objects are seen. Which variable was captured is known\n"
    "from a heap dump and the binary alone. List and closures together are\n"
    "small: fixing the list alone would do, dropping the capture as well.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id picture =
        sim_stack(w, JOBS "(*Queue).Add queue.go:52", HANDLER, NULL);
    const sim_stack_id closure =
        sim_stack(w, JOBS "(*Queue).Add queue.go:56", HANDLER, NULL);
    const struct sim_population_spec closures = {
        .name = "closures to run at exit",
        .members[0] = sim_object(closure, 32, "func()", -1),
        .members[1] = sim_object(picture, 1 << 20, "jobs.LargeObject", 0),
        .n_members = 2,
        .per_second = 0.08,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = closure,
        .container.elem_bytes = 8,
        .global = JOBS "atExit",
        .global_type = "[]func()",
        .is_leak = true,
    };
    sim_population(w, &closures);
}

/* Pictures scaled for the page itself, and the thumbnails kept in memory. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id scaled =
        sim_stack(w, JOBS "scale scale.go:40", JOBS "(*Queue).Add queue.go:59",
                  HANDLER, NULL);
    const sim_stack_id thumb =
        sim_stack(w, JOBS "(*Cache).Put cache.go:33",
                  "main.serveThumb thumb.go:27", "@http-handler", NULL);
    const struct sim_population_spec scaling = {
        .name = "pictures being scaled",
        .members[0] = sim_object(scaled, 256 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 0.5,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 1.2,
    };
    const struct sim_population_spec thumbs = {
        .name = "thumbnails",
        .members[0] = sim_object(thumb, 12 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 4,
        .life.kind = SIM_QUEUE,
        .life.capacity = 600,
        .n_start = 600,
        .global = JOBS "cache",
        .global_type = "*jobs.Cache",
    };
    sim_population(w, &scaling);
    sim_population(w, &thumbs);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_workers(
        w, "scalers", "chan receive",
        sim_stack(w, "@chan-receive2", JOBS "(*Queue).work queue.go:88", NULL),
        JOBS "NewQueue queue.go:31", 4);
    sim_garbage(w, "thumbnail headers",
                sim_stack(w, "@fmt-sprintf", "main.serveThumb thumb.go:31",
                          "@http-handler", NULL),
                48, 60);
    sim_http_server(w, 25);
}

const struct sim_scenario sim_scenario_closure_capture = {
    .name = "closure-capture",
    .number = "L23",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "closures kept in a list capture a mebibyte each",
    .service = "thumbs",
    .hold = "captured variable img of closures in jobs.atExit",
    .culprits = {JOBS "(*Queue).Add"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
