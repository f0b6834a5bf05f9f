/*
 * A pool that has as many workers as the load asks for, and the load grows.
 * Goroutine counts rise steadily; the work done rises with them, which is what
 * no goroutine profile says.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "The pool measures its queue and keeps as many workers as it needs to\n"
    "empty it. More films are sent in, so there are more workers; idle ones\n"
    "leave after a minute, and if the load fell so would their number.";

static const char lesson_code[] = "func (p *Pool) scale() {\n"
                                  "\tfor p.workers() < p.wanted() {\n"
                                  "\t\tgo p.work()\n"
                                  "\t}\n"
                                  "}\n"
                                  "\n"
                                  "func (p *Pool) work() {\n"
                                  "\te := newEncoder()\n"
                                  "\tp.count(+1)\n"
                                  "\tdefer p.count(-1)\n"
                                  "\tfor film := range p.queueFor(lifetime) {\n"
                                  "\t\te.encode(film)\n"
                                  "\t}\n"
                                  "}";

static const char lesson_shows[] =
    "Goroutines of main.(*Pool).work that follow the rate of allocation of\n"
    "the whole program, and dumps in which they are others each time. Leaked\n"
    "goroutines follow the sum of all load so far, not the load, and stay\n"
    "the same ones.";

static const char lesson_cannot[] =
    "The length of the queue. Goroutine profiles alone show a straight line,\n"
    "and a straight line is what leaks draw.";

static double workers_wanted(const struct sim_world *w, double t_s)
{
    return 80 * sim_load(w, t_s);
}

static void build(struct sim_world *w)
{
    const sim_stack_id started =
        sim_stack(w, "main.newEncoder encoder.go:26",
                  "main.(*Pool).work pool.go:61", NULL);
    const sim_stack_id waits =
        sim_stack(w, "@chan-receive2", "main.(*Pool).work pool.go:63", NULL);
    const sim_stack_id reads =
        sim_stack(w, "@net-read", "main.(*Encoder).encode encoder.go:58",
                  "main.(*Pool).work pool.go:64", NULL);
    struct sim_population_spec workers = {
        .name = "workers",
        .n_members = 2,
        .n_goroutines = 1,
        .target = workers_wanted,
        .n_start = 80,
    };
    workers.members[0] =
        (struct sim_member){started, 512, 1, "main.Encoder", -1};
    workers.members[1] = (struct sim_member){started, 131072, 1, "[]uint8", 0};
    workers.goroutines[0].poses[0] =
        (struct sim_pose){"chan receive", waits, 0.3};
    workers.goroutines[0].poses[1] = (struct sim_pose){"IO wait", reads, 0.7};
    workers.goroutines[0].n_poses = 2;
    workers.goroutines[0].created_by = "main.(*Pool).scale pool.go:45";
    workers.goroutines[0].has_sudog = true;
    workers.life =
        (struct sim_life){.kind = SIM_TARGET, .mean_s = sim_window_s(w) / 20};
    sim_population(w, &workers);
    sim_garbage(w, "frames",
                sim_stack(w, "main.(*Encoder).encode encoder.go:55",
                          "main.(*Pool).work pool.go:64", NULL),
                65536, 60);
    sim_http_server(w, 10);
}

const struct sim_scenario sim_scenario_worker_pool_scaling = {
    .name = "worker-pool-scaling",
    .number = "C8",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "a worker pool that follows a load two and a half fold",
    .service = "transcoder",
    .hold = "workers, as many as the queue is long",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_RAMP,
    .build = build,
};
