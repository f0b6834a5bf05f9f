/*
 * Leak L26: an entry for each client address, never deleted: a megabyte an
 * hour. It will fill the container in a month and cannot be seen in ten
 * minutes of samples.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define ALLOW(line) "main.(*Limiter).allow limiter.go:" line
#define HANDLER     "main.limited.func1 limiter.go:61", "@http-handler"

static const char lesson_leaks[] =
    "The rate limiter keeps a bucket of tokens for each client address and\n"
    "never deletes one. New addresses come slowly, two a second, so the map\n"
    "grows by about a megabyte an hour: nothing in a day, the whole memory\n"
    "of a small container in a month.";

static const char lesson_code[] =
    "func (l *Limiter) allow(addr string) bool {\n"
    "\tl.mu.Lock()\n"
    "\tdefer l.mu.Unlock()\n"
    "\tb := l.buckets[addr]\n"
    "\tif b == nil {\n"
    "\t\tb = &bucket{tokens: l.burst}\n"
    "\t\tl.buckets[strings.Clone(addr)] = b\n"
    "\t}\n"
    "\treturn b.take(time.Now())\n"
    "}";

static const char lesson_fix[] =
    "func (l *Limiter) sweep(now time.Time) { // once a minute\n"
    "\tl.mu.Lock()\n"
    "\tdefer l.mu.Unlock()\n"
    "\tfor addr, b := range l.buckets {\n"
    "\t\tif now.Sub(b.used) > time.Hour {\n"
    "\t\t\tdelete(l.buckets, addr)\n"
    "\t\t}\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "In twelve minutes 0.2 MB at main.(*Limiter).allow: less than one sample\n"
    "of the default rate (512 KiB), so most series show nothing at all there\n"
    "or one sample that comes and stays. With MemProfileRate=1 the counts\n"
    "are exact and the line is plain. So is it in a day at the default rate.";

static const char lesson_cannot[] =
    "A short look at the default rate cannot show it, whatever the method:\n"
    "the growth is far below the sampling error. An honest tool says how\n"
    "small a leak it could have seen, and how long to wait for this one.";

static void build_leak(struct sim_world *w)
{
    const sim_stack_id bucket = sim_stack(w, ALLOW("33"), HANDLER, NULL);
    const sim_stack_id address =
        sim_stack(w, "strings.Clone", ALLOW("34"), HANDLER, NULL);
    const sim_stack_id map =
        sim_stack(w, "@map-assign-faststr", ALLOW("34"), HANDLER, NULL);
    const struct sim_population_spec buckets = {
        .name = "buckets of addresses",
        .members[0] = sim_object(bucket, 80, "main.bucket", -1),
        .members[1] = sim_object(address, 16, NULL, -1),
        .n_members = 2,
        .per_second = 2,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_MAP,
        .container.stack = map,
        .container.key_bytes = 16,
        .container.elem_bytes = 8,
        .global = "main.limiter",
        .global_type = "*main.Limiter",
        .is_leak = true,
    };
    sim_population(w, &buckets);
}

static void build_healthy(struct sim_world *w)
{
    const sim_stack_id session =
        sim_stack(w, "main.(*sessions).open sessions.go:47",
                  "main.serveLogin login.go:52", HANDLER, NULL);
    const sim_stack_id form = sim_stack(
        w, "@json-decode", "main.serveLogin login.go:39", HANDLER, NULL);
    const struct sim_population_spec sessions = {
        .name = "sessions",
        .members[0] = sim_object(session, 576, "main.session", -1),
        .n_members = 1,
        .per_second = 8,
        .life.kind = SIM_FIXED,
        .life.mean_s = 300,
        .life.spread_s = 120,
        .n_start = 2400,
        .global = "main.open",
        .global_type = "map[string]*main.session",
    };
    sim_population(w, &sessions);
    sim_garbage(w, "login forms", form, 320, 25);
}

static void build(struct sim_world *w)
{
    build_leak(w);
    build_healthy(w);
    sim_workers(
        w, "session sweeper", "select",
        sim_stack(w, "@select", "main.(*sessions).sweep sessions.go:81", NULL),
        "main.main main.go:35", 1);
    sim_http_server(w, 30);
}

const struct sim_scenario sim_scenario_slow_leak = {
    .name = "slow-leak",
    .number = "L26",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "a map of client addresses, a megabyte an hour",
    .service = "login",
    .hold = "map main.limiter.buckets, never swept",
    .culprits = {"main.(*Limiter).allow"},
    .undecidable = "0.2 MB in 12 minutes is below what samples of 512 KiB "
                   "can show",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
