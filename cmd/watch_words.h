/*
 * A watch in words, the same in the table's foot and in lines of a log; and
 * which of its events are news: a target that fails is named once, and once
 * more when it answers again.
 */
#ifndef SEEP_CMD_WATCH_WORDS_H
#define SEEP_CMD_WATCH_WORDS_H

#include "base/vec.h"
#include "watch/watch.h"

/* "goroutines wait on a channel receive, main.f  f.go:8, 24 -> 306" */
void watch_words_finding(const struct finding *f, struct buf *out);

/* What happened, without time and target; clean. `was` is the grade that was
   told last of its finding. */
void watch_words_event(const struct watcher *w, const struct watch_event *e,
                       enum grade was, struct buf *out);

/* "12:03:44" as the clock on the wall has it. */
void watch_words_clock(int64_t wall_nanos, struct buf *out);

/* A duration as people say it: "10 s", "0.25 s". */
void watch_words_duration(int64_t ns, struct buf *out);

/* A finding of a target, hashed, and what was told of it last. */
struct watch_told {
    uint64_t key;
    enum grade grade; /* GRADE_INFO: nothing, or that it is harmless or gone */
    bool is_confirmed;
};
VEC_TYPE(watch_told_list, struct watch_told)

/* What was said of each target, by its number. Zero is valid. */
struct watch_news {
    struct vec_u32 said;
    bool wants_moments; /* every snapshot is news */
    bool has_begun;     /* who joins from now on is */
    struct watch_told_list told;
};
void watch_news_release(struct watch_news *n);

/* Is it worth a person's while? Remembers it as said, and gives the grade that
   was told of its finding until then. What is strong and not confirmed yet is
   withheld, and so is the way back from there: a line never speaks of a grade
   that no line before it had. */
bool watch_news_is(struct watch_news *n, const struct watch_event *e,
                   enum grade *was);

#endif
