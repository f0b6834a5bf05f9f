/*
 * The live table: one row a target, worst first, as many as fit; below it the
 * latest news. Drawn into text of a given size, so that what is shown depends
 * on the watch and the size alone; the screen shows it.
 */
#ifndef SEEP_CMD_WATCH_TABLE_H
#define SEEP_CMD_WATCH_TABLE_H

#include "watch_words.h"

enum { TABLE_NEWS_MAX = 24 };

/* Time and target, which stay whole, and what happened. */
struct watch_table_news {
    struct buf who, what;
};

struct watch_table {
    const struct watcher *watcher;
    bool ascii, color;
    int64_t interval_ns, for_ns; /* for 0: without end */
    struct watch_news news;
    struct watch_table_news lines[TABLE_NEWS_MAX]; /* a ring */
    size_t n_lines;                                /* ever */
};

void watch_table_release(struct watch_table *t);

/* Into the foot, when it is news. */
void watch_table_event(struct watch_table *t, const struct watch_event *e);
void watch_table_say(struct watch_table *t, int64_t wall_nanos,
                     const char *text);

struct watch_table_size {
    unsigned columns, rows;
};

/* At most `rows` lines of at most `columns`. */
bool watch_table_render(const struct watch_table *t,
                        struct watch_table_size size, int64_t since_start_ns,
                        int64_t wall_nanos, struct buf *out,
                        struct err *err) MUST_USE;

#endif
