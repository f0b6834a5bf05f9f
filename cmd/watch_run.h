/* What a watch holds while it runs, shared by the files that make it up. */
#ifndef SEEP_CMD_WATCH_RUN_H
#define SEEP_CMD_WATCH_RUN_H

#include "cmd.h"
#include "watch_clock.h"
#include "watch_evidence.h"
#include "watch_hook.h"
#include "watch_lines.h"
#include "watch_server.h"
#include "watch_settings.h"
#include "watch_sources.h"
#include "watch_table.h"

#include "base/vec.h"

#define SECOND_NS INT64_C(1000000000)

struct confirmed {
    uint32_t target;
    char id[17];
};
VEC_TYPE(confirmed_list, struct confirmed)

enum watch_end {
    WATCH_END_NONE,
    WATCH_END_TIME,
    WATCH_END_LEAK,
    WATCH_END_SIGNAL,
    WATCH_END_READER /* it went away */
};

struct watch_run {
    struct session *session;
    const struct watch_settings *o;
    const struct words *args;
    int64_t interval_ns;
    struct rules_options rules;
    struct fetch_http_options http;
    struct watch_targets targets;

    struct watch_sources *sources;
    struct store *store;
    struct watcher *watcher;
    struct watch_evidence *evidence;
    struct watch_hook *hook;
    struct watch_server *server;

    bool has_table;
    struct watch_table table;
    int64_t drawn_ns;
    struct watch_lines people, machine;
    int file_fd;            /* of --format ndjson -o FILE; -1 */
    struct outputs outputs; /* without what is streamed */
    bool has_report;        /* some form of it was asked for */
    bool shows_report;      /* one of them on stdout */

    struct watch_clock start, now;
    struct confirmed_list confirmed; /* in this turn */
    struct vec_u64 told;             /* ids that --on-leak was run for */
    bool has_confirmed, is_out_of_memory, has_store_trouble;
    bool has_port_hint;
    int64_t confirmed_ns;       /* since the start */
    const char *confirmed_text; /* NULL none */
    enum watch_end end;
};

int64_t watch_run_since_start(const struct watch_run *r);

/* The watch's own words: to people and machines, and to stderr where people
   see nothing else. `data` is taken over. */
void watch_run_say(struct watch_run *r, const char *event,
                   const struct watch_target *target, const char *text,
                   json_t *data);

/* Everything but the first request. What may be wrong is found out here, before
   anything is asked or shown. */
bool watch_setup(struct watch_run *r, struct err *err) MUST_USE;
/* The list of targets as it is now, to the watcher; if that cannot be one, the
   complaint says why, and the last stays. */
bool watch_setup_targets(struct watch_run *r, struct err *complaint,
                         struct err *err) MUST_USE;
/* What is watched and for how long. */
void watch_setup_say(struct watch_run *r);
void watch_setup_release(struct watch_run *r);

/* Events of the watcher, whose context is the run; what they ask for beyond
   words is done by watch_act(), when the watcher may be called again. */
void watch_act_on_event(void *ctx, const struct watch_event *e);
void watch_act_on_kept(void *ctx, const struct watch_leak *leak,
                       const char *dir, const struct err *err);
bool watch_act(struct watch_run *r, struct err *err) MUST_USE;
void watch_act_on_commands(struct watch_run *r);

#endif
