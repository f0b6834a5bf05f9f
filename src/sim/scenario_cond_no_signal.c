/*
 * Leak L9: each mail campaign has a queue with four senders that wait on a
 * condition variable. Closing the queue sets a flag and forgets to wake them.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define TAKE                                                                   \
    "main.(*Queue).Take queue.go:41", "main.(*Campaign).send campaign.go:58"
#define LAUNCH "main.(*API).launch api.go:49", "@http-handler"

static const char lesson_leaks[] =
    "Wait sleeps until someone calls Signal or Broadcast; a changed\n"
    "variable alone wakes nobody. Close sets closed and returns. The\n"
    "senders, which would leave if they looked, never look again, and they\n"
    "keep the queue and the campaign's template and addresses.";

static const char lesson_code[] = "func (q *Queue) Take() (m Mail, ok bool) {\n"
                                  "\tq.mu.Lock()\n"
                                  "\tdefer q.mu.Unlock()\n"
                                  "\tfor len(q.mails) == 0 && !q.closed {\n"
                                  "\t\tq.ready.Wait()\n"
                                  "\t}\n"
                                  "\treturn q.pop()\n"
                                  "}\n"
                                  "\n"
                                  "func (q *Queue) Close() {\n"
                                  "\tq.mu.Lock()\n"
                                  "\tq.closed = true // nobody is woken\n"
                                  "\tq.mu.Unlock()\n"
                                  "}";

static const char lesson_fix[] =
    "func (q *Queue) Close() {\n"
    "\tq.mu.Lock()\n"
    "\tq.closed = true\n"
    "\tq.mu.Unlock()\n"
    "\tq.ready.Broadcast() // all waiters look again\n"
    "}";

static const char lesson_shows[] =
    "sync.(*Cond).Wait called by main.(*Queue).Take gains about 24\n"
    "goroutines a minute, always a multiple of four, \"sync.Cond.Wait\" in\n"
    "dumps. Their campaigns show in the heap profile: main.newCampaign and\n"
    "the address lists read in main.(*API).launch, 220 KiB a minute. No\n"
    "channel is involved, yet the goroutineleak profile proves these too.";

static const char lesson_cannot[] =
    "Senders of a campaign that merely pauses stand on the same stack. That\n"
    "a Broadcast is missing can only be inferred: everybody waits, nobody\n"
    "is ever woken, and those that wait longest are never released.";

static void build_campaigns(struct sim_world *w, const char *name,
                            double per_second, bool is_leak)
{
    const struct sim_pose waits = {"sync.Cond.Wait",
                                   sim_stack(w, "@cond-wait", TAKE, NULL), 0.4};
    const struct sim_pose writes = {
        "IO wait",
        sim_stack(w, "@net-read", "main.(*smtpLink).deliver smtp.go:77",
                  "main.(*Campaign).send campaign.go:63", NULL),
        0.6};
    const sim_stack_id campaign =
        sim_stack(w, "main.newCampaign campaign.go:24", LAUNCH, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .life.kind = is_leak ? SIM_FOREVER : SIM_FIXED,
        .life.mean_s = 40.0,
        .life.spread_s = 20.0,
        .is_leak = is_leak,
    };
    p.members[p.n_members++] =
        (struct sim_member){campaign, 416, 1, "main.Campaign", -1};
    p.members[p.n_members++] =
        (struct sim_member){campaign, 112, 1, "main.Queue", 0};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "@read-all", LAUNCH, NULL), 12288, 1, NULL, 0};
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "main.parseAddresses api.go:88", LAUNCH, NULL), 24576, 1,
        "[]string", 0};
    for (unsigned i = 0; i < 4; i++) {
        p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
            .poses = {waits, writes},
            .n_poses = is_leak ? 1 : 2,
            .created_by = "main.(*Campaign).Start campaign.go:33",
            .is_provable = is_leak,
            .has_sudog = true,
        };
    }
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 12);
    /* Where all senders are busy as Close comes, they see it afterwards. */
    build_campaigns(w, "campaigns that end", 0.1, false);
    build_campaigns(w, "closed campaigns", 0.1, true);
    sim_garbage(w, "mails",
                sim_stack(w, "@template-execute",
                          "main.(*Campaign).send campaign.go:60", NULL),
                7000, 25.0);
}

const struct sim_scenario sim_scenario_cond_no_signal = {
    .name = "cond-no-signal",
    .number = "L9",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "waiters on a condition that nobody signals",
    .service = "mailer",
    .hold = "senders of finished campaigns in Cond.Wait; Close sets the flag "
            "and wakes nobody",
    .culprits[0] = "main.(*Queue).Take",
    .culprits[1] = "main.(*Campaign).send",
    .culprits[2] = "main.(*Campaign).Start",
    .culprits[3] = "main.(*API).launch",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
