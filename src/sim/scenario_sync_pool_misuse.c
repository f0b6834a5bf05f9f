/*
 * Leak L20: buffers go back into a sync.Pool while a list still refers to
 * their arrays, and what is put back has grown. The pool itself is emptied by
 * the collector every other cycle; the list is not.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define PAGE        "acme.dev/statements/internal/page."
#define PRINT(line) PAGE "(*Printer).Print printer.go:" line
#define HANDLER     "main.servePrint print.go:30", "@http-handler"

static const char lesson_leaks[] =
    "A pool is a place for things nobody uses. This buffer goes back while\n"
    "p.sent still refers to its bytes: when the next user makes it grow, the\n"
    "buffer takes a new array and the old one stays with the list for ever.\n"
    "Nothing bounds how large a returned buffer may be either, so the\n"
    "arrays left behind get larger as the statements do.";

static const char lesson_code[] =
    "var pool = sync.Pool{New: func() any { return new(bytes.Buffer) }}\n"
    "\n"
    "func (p *Printer) Print(s *Statement) {\n"
    "\tb := pool.Get().(*bytes.Buffer)\n"
    "\tb.Reset()\n"
    "\ts.write(b)\n"
    "\tp.mail(s, b.Bytes())\n"
    "\tp.sent = append(p.sent, b.Bytes()) // still refers to the array\n"
    "\tpool.Put(b)                        // however large it is\n"
    "}";

static const char lesson_fix[] =
    "\tp.mail(s, b.Bytes())\n"
    "\tp.sent = append(p.sent, sha256.Sum256(b.Bytes()))\n"
    "\tif b.Cap() <= 64<<10 {\n"
    "\t\tpool.Put(b)\n"
    "\t}";

static const char lesson_shows[] =
    "inuse_space under page.(*Statement).write grows, one sample a block\n"
    "size: 16 KiB blocks stop growing in number while those of 32, 64, 128\n"
    "and 256 KiB begin. What the pool holds, New under (*Pool).Get, is small\n"
    "and falls to nothing within two collections: that part is churn, not a\n"
    "leak. Compare heap?gc=1 taken twice. A heap dump shows page.printer.";

static const char lesson_cannot[] =
    "Profiles cannot tell whether a buffer is in the pool, in use, or both,\n"
    "nor whether Put is missing or the collector emptied the pool. That the\n"
    "list refers to the array is seen in a dump only.";

/* Printing starts with short statements and comes to long ones: the share of
   a size rises and falls around its moment of the window, the last stays. */
static double share(const struct sim_world *w, double t_s, double moment)
{
    const double between_moments = 0.25;
    const double window_s = sim_window_s(w);
    const double x = t_s < window_s ? t_s / window_s : 1.0;
    const double away = (x < moment ? moment - x : x - moment);
    return away < between_moments ? 1.0 - away / between_moments : 0.0;
}

static double share_first(const struct sim_world *w, double t_s)
{
    return share(w, t_s, 0.0);
}

static double share_second(const struct sim_world *w, double t_s)
{
    return share(w, t_s, 0.25);
}

static double share_third(const struct sim_world *w, double t_s)
{
    return share(w, t_s, 0.5);
}

static double share_fourth(const struct sim_world *w, double t_s)
{
    return share(w, t_s, 0.75);
}

static double share_last(const struct sim_world *w, double t_s)
{
    return share(w, t_s, 1.0);
}

static const struct {
    const char *name;
    uint64_t bytes;
    sim_curve rate;
} grown[] = {
    {"left arrays of 16 KiB",  16 << 10,  share_first },
    {"left arrays of 32 KiB",  32 << 10,  share_second},
    {"left arrays of 64 KiB",  64 << 10,  share_third },
    {"left arrays of 128 KiB", 128 << 10, share_fourth},
    {"left arrays of 256 KiB", 256 << 10, share_last  },
};

static void build_leak(struct sim_world *w)
{
    const sim_stack_id write =
        sim_stack(w, "@bytes-grow", PAGE "(*Statement).write statement.go:58",
                  PRINT("41"), HANDLER, NULL);
    const sim_stack_id append = sim_stack(w, PRINT("43"), HANDLER, NULL);
    for (size_t i = 0; i < sizeof(grown) / sizeof(grown[0]); i++) {
        const struct sim_population_spec entries = {
            .name = grown[i].name,
            .members[0] = sim_object(write, grown[i].bytes, NULL, -1),
            .n_members = 1,
            .per_second = 0.9,
            .rate = grown[i].rate,
            .life.kind = SIM_FOREVER,
            .container.kind = SIM_SLICE,
            .container.stack = append,
            .container.elem_bytes = 24,
            .global = PAGE "printer",
            .global_type = "page.Printer",
            .is_leak = true,
        };
        sim_population(w, &entries);
    }
}

/* What the pool holds between two users, and statements looked at on screen,
   whose buffers come back before the next collection. */
static void build_pool(struct sim_world *w)
{
    const char *make = sim_world_go(w) >= SIM_GO_1_21
                           ? PAGE "init.func1 printer.go:17"
                           : PAGE "glob..func1 printer.go:17";
    const sim_stack_id buffer =
        sim_stack(w, make, "@pool-get", PRINT("39"), HANDLER, NULL);
    const sim_stack_id preview =
        sim_stack(w, "@bytes-grow", PAGE "(*Statement).write statement.go:58",
                  PAGE "(*Printer).Preview printer.go:61",
                  "main.servePreview print.go:52", "@http-handler", NULL);
    const struct sim_population_spec buffers = {
        .name = "buffers in the pool",
        .members[0] = sim_object(buffer, 48, "bytes.Buffer", -1),
        .n_members = 1,
        .per_second = 1.5,
        .life.kind = SIM_TWO_GCS,
        .global = PAGE "pool",
        .global_type = "sync.Pool",
    };
    const struct sim_population_spec previews = {
        .name = "arrays in the pool",
        .members[0] = sim_object(preview, 24 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 1.2,
        .life.kind = SIM_TWO_GCS,
        .global = PAGE "previews",
        .global_type = "sync.Pool",
    };
    sim_population(w, &buffers);
    sim_population(w, &previews);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_pool(w);
    sim_garbage(w, "rows of statements",
                sim_stack(w, "@sql-query", PAGE "(*Ledger).Rows ledger.go:44",
                          PRINT("37"), HANDLER, NULL),
                512, 25);
    sim_constant(w, "fonts",
                 sim_stack(w, PAGE "loadFonts fonts.go:28",
                           "main.main main.go:19", "@main", NULL),
                 180 << 10, 6);
    sim_http_server(w, 20);
}

const struct sim_scenario sim_scenario_sync_pool_misuse = {
    .name = "sync-pool-misuse",
    .number = "L20",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "buffers put back while a list keeps their arrays",
    .service = "statements",
    .hold = "list acme.dev/statements/internal/page.printer.sent, not the pool",
    .culprits = {PAGE "(*Statement).write", PAGE "(*Printer).Print"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
