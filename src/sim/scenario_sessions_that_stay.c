/*
 * Clients that connect at a constant rate and stay for hours. They will leave
 * in the evening, but within the window this is a leak in every respect; what
 * would tell is the number of clients, which no profile has.
 */
#include "sim/model_private.h"

#include "base/banned.h"

static const char lesson_leaks[] =
    "Customers open a conversation in the course of the morning and close it\n"
    "when they go home. Each costs a goroutine and its history as long as it\n"
    "is open, and in the evening all of it is given back.";

static const char lesson_code[] = "func (d *Desk) open(w http.ResponseWriter,\n"
                                  "\tr *http.Request) {\n"
                                  "\tc := newConversation(r)\n"
                                  "\td.conversations[c.id] = c\n"
                                  "\tgo func() {\n"
                                  "\t\tc.run() // until the customer leaves\n"
                                  "\t\td.forget(c.id)\n"
                                  "\t}()\n"
                                  "\twrite(w, c.id)\n"
                                  "}";

static const char lesson_shows[] =
    "Goroutines and their memory that rise in a straight line, none of them\n"
    "ever gone: what a leak shows as well. A report may say so, and should\n"
    "name the other explanation.";

static const char lesson_cannot[] =
    "The end. Only a look after the customers have left, or the number of\n"
    "open connections from elsewhere, tells this from a leak.";

enum { CONVERSATIONS = 1500 };

static void build(struct sim_world *w)
{
    const sim_stack_id opened =
        sim_stack(w, "main.newConversation conversation.go:36",
                  "main.(*Desk).open desk.go:51", "@http-handler", NULL);
    const sim_stack_id inserted =
        sim_stack(w, "@map-assign-fast64", "main.(*Desk).open desk.go:53",
                  "@http-handler", NULL);
    const sim_stack_id waits =
        sim_stack(w, "@select", "main.(*Conversation).run conversation.go:62",
                  "main.(*Desk).open.func1 desk.go:57", NULL);
    const double window_s = sim_window_s(w);
    struct sim_population_spec conversations = {
        .name = "conversations",
        .n_members = 2,
        .n_goroutines = 1,
        .per_second = CONVERSATIONS / window_s,
        .global = "main.conversations",
        .global_type = "map[int]*main.Conversation",
    };
    conversations.members[0] =
        (struct sim_member){opened, 448, 1, "main.Conversation", -1};
    conversations.members[1] =
        (struct sim_member){opened, 16384, 1, "[]uint8", 0};
    conversations.goroutines[0].poses[0] =
        (struct sim_pose){"select", waits, 1};
    conversations.goroutines[0].n_poses = 1;
    conversations.goroutines[0].created_by = "main.(*Desk).open desk.go:56";
    conversations.goroutines[0].has_sudog = true;
    conversations.life = (struct sim_life){
        .kind = SIM_FIXED, .mean_s = 12 * window_s, .spread_s = 4 * window_s};
    conversations.container = (struct sim_container){SIM_MAP, inserted, 8, 8};
    sim_population(w, &conversations);
    sim_garbage(w, "lines",
                sim_stack(w, "@json-decode",
                          "main.(*Conversation).receive conversation.go:88",
                          "main.(*Desk).say desk.go:77", "@http-handler", NULL),
                2048, 250);
    sim_http_server(w, 40);
}

const struct sim_scenario sim_scenario_sessions_that_stay = {
    .name = "sessions-that-stay",
    .number = "C19",
    .label = SIM_HEALTHY,
    .kind = "none",
    .what = "clients connect at a constant rate and stay for hours",
    .service = "livechat",
    .hold = "map main.conversations, of clients still connected",
    .undecidable =
        "every session outlives the window, so nothing that comes goes, as in "
        "a leak; the number of connected clients is in no profile",
    .lesson = {.leaks = lesson_leaks,
               .code = lesson_code,
               .shows = lesson_shows,
               .cannot = lesson_cannot},
    .load = SIM_FLAT,
    .build = build,
};
