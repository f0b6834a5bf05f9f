/*
 * Dumps of all goroutines that break off in the middle, as net/http/pprof's do
 * at 64 MiB. Counted from such dumps the groups vary and goroutines come and
 * go; the counts of the profile are level.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Nothing does. There are so many goroutines, or their stacks are so\n"
    "deep, that the text of all of them does not fit into the buffer of\n"
    "net/http/pprof, and what is beyond it is left out without a word.";

static const char lesson_code[] =
    "func (s *Scheduler) plan(at time.Time, work Work) {\n"
    "\tj := newJob(at, work)\n"
    "\ts.jobs[j.id] = j\n"
    "\tgo j.run()\n"
    "\ts.save(j)\n"
    "}\n"
    "\n"
    "func (j *Job) await(ctx context.Context) bool {\n"
    "\tselect {\n"
    "\tcase <-time.After(time.Until(j.at)):\n"
    "\t\treturn true\n"
    "\tcase <-ctx.Done():\n"
    "\t\treturn false\n"
    "\t}\n"
    "}";

static const char lesson_shows[] =
    "Dumps with debug=2 that stop within a goroutine, while the profile of\n"
    "the same moment counts more of them than the dump has. Take numbers\n"
    "from the profile, and waiting times from the dump as far as it goes.";

static const char lesson_cannot[] =
    "Which goroutines were left out. That one is missing from a truncated\n"
    "dump does not mean that it has ended.";

static void add_jobs(struct sim_world *w)
{
    const sim_stack_id waits =
        sim_stack(w, "@select", "main.(*Job).await job.go:64",
                  "main.(*Job).run job.go:41", NULL);
    const sim_stack_id planned =
        sim_stack(w, "main.newJob job.go:28",
                  "main.(*Scheduler).plan scheduler.go:52", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-fast64",
                  "main.(*Scheduler).plan scheduler.go:54", NULL);
    struct sim_population_spec jobs = {
        .name = "jobs",
        .n_members = 2,
        .n_goroutines = 1,
        .per_second = 25,
        .n_start = 2000,
        .global = "main.jobs",
        .global_type = "map[int]*main.Job",
    };
    jobs.members[0] = (struct sim_member){planned, 288, 1, "main.Job", -1};
    jobs.members[1] = (struct sim_member){planned, 4096, 1, "[]uint8", 0};
    jobs.goroutines[0].poses[0] = (struct sim_pose){"select", waits, 1};
    jobs.goroutines[0].n_poses = 1;
    jobs.goroutines[0].created_by = "main.(*Scheduler).plan scheduler.go:57";
    jobs.goroutines[0].has_sudog = true;
    jobs.life = (struct sim_life){.kind = SIM_EXPONENTIAL, .mean_s = 80};
    jobs.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &jobs);
}

static void build(struct sim_world *w)
{
    sim_quirks(w)->truncates_dumps = true;
    add_jobs(w);
    sim_workers(w, "executors", "chan receive",
                sim_stack(w, "@chan-receive2",
                          "main.(*Executor).run executor.go:33", NULL),
                "main.newExecutors executor.go:21", 32);
    sim_garbage(w, "plans",
                sim_stack(w, "@json-marshal",
                          "main.(*Scheduler).save scheduler.go:88",
                          "main.(*Scheduler).plan scheduler.go:60", NULL),
                8192, 50);
    sim_http_server(w, 15);
}

const struct sim_scenario sim_scenario_truncated_dump = {
    .name = "truncated-dump",
    .number = "C17",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "goroutine dumps that break off in the middle",
    .service = "scheduler",
    .hold = "map main.jobs, those that are due soon",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
