/*
 * Sentences that the renderers for people share, so that text and Markdown
 * say the same in the same words. All of it is clean text (plain.h).
 */
#ifndef SEEP_REPORT_SUMMARY_H
#define SEEP_REPORT_SUMMARY_H

#include "report/report.h"

/* "LEAK", "GROWTH", "CLEAN", "INCONCLUSIVE" */
const char *summary_word(enum verdict v);
/* The same of a report; of one heap dump "SUSPECT" for growth: with that
   nothing was compared. */
const char *summary_report_word(const struct report *r);
bool summary_is_one_dump(const struct report *r);

/* "1 strong finding in 10 snapshots over 22.5 s" */
void summary_verdict(struct buf *out, const struct report *r);

/* What parts one service's reports from another's: its program, else the
   target; NULL unknown. */
const char *summary_program(const struct report *r);

/* "orders, go1.23.5, no restart"; may be empty. */
void summary_about(struct buf *out, const struct report *r);

/* "8 other sites grew within noise. Smallest leak this window could show:
   1.5 MB, 10 goroutines." May be empty. */
void summary_footer(struct buf *out, const struct report *r);

/* "512 MB are reached in 3 h 10 min (95% 2 h - 5 h)"; empty if not asked. */
void summary_memory(struct buf *out, const struct findings *f);

/* "24 -> 306", with units. */
void summary_change(struct buf *out, const struct metric *m);

/* "in 7 of 40 replicas, rms 812, 96..1,204: orders-3, orders-9"; empty for
   a finding of one target. */
void summary_replicas(struct buf *out, const struct finding *f);

/* "2 of 3, from 10.heap to 19.heap"; empty without a restart. */
void summary_run(struct buf *out, const struct finding *f);

/* "+45k/h"; empty when unknown. */
void summary_per_hour(struct buf *out, const struct metric *m);

/* "12.5/s (95% 12.3-12.8)", in seconds, minutes or hours as fits. */
void summary_pace(struct buf *out, const struct metric *m);

/* "p 3e-07, q 8e-05, 98% kept"; what is unknown is left out. */
void summary_statistics(struct buf *out, const struct finding *f);

/* How a finding stands to what a repository knows. In the order in which a
   reviewer wants to read. */
enum summary_group {
    GROUP_NEW,
    GROUP_WORSE,
    GROUP_PLAIN, /* nothing is known */
    GROUP_FIXED,
    GROUP_EXISTING,
    GROUP_ACCEPTED,
    N_GROUPS
};
enum summary_group summary_group(const struct finding *f);

/* "new", "worse", "fixed", "existing", "accepted"; "" for plain. */
const char *summary_group_word(enum summary_group g);

/* "1 new, 1 worse, 2 existing, 3 accepted, 1 fixed"; empty when nothing is
   known of any finding. */
void summary_states(struct buf *out, const struct findings *f);

/* "worse: 306, 24 in the baseline"; empty when unknown. */
void summary_state(struct buf *out, const struct finding *f);

/* "renamed from main.old (by the patch)"; empty when it was not. */
void summary_renamed(struct buf *out, const struct finding *f);

/* "touched by this change (line): main.await  orders/dispatcher.go:88"; empty
   when the patch did not touch it or nobody asked. */
void summary_touched(struct buf *out, const struct finding *f);

/* "by .seep.yml:12 until 2026-12-31: pool is bounded"; empty when not. */
void summary_accepted(struct buf *out, const struct finding *f);

/* "does not fail the run: below --min-bytes 8.0 MB"; empty when it may. */
void summary_uncounted(struct buf *out, const struct finding *f);

/* "api/db.go:88", the place in the repository, else as summary_position. */
void summary_path(struct buf *out, const struct frame *f);

/* Where to look: the site; where no code of the user's is on the stack, the
   library's function it was started with; NULL for the whole process. */
const struct frame *summary_place(const struct finding *f);

/* "dispatcher.go:88", "session/registry.go:41" */
void summary_position(struct buf *out, const struct frame *f);

/* The finding's own text, else its rule's; never NULL. */
const char *summary_headline(const struct finding *f);
const char *summary_fix(const struct finding *f);
const char *summary_confirm(const struct finding *f);

/* Cause with figures, then why it cannot be freed. */
/* Who keeps it alive, where profiles and a heap dump were joined; what a heap
   dump alone found says so in other words. */
void summary_held(struct buf *out, const struct finding *f);
void summary_why(struct buf *out, const struct finding *f);

/* "a slow sender; a ticker": what else fits, `most` of it; empty for what is
   proven. */
void summary_unless(struct buf *out, const struct finding *f, size_t most);

/* One cell of a table. */
void summary_cell(struct buf *out, const struct report_column *column,
                  const struct report_cell *cell);

#endif
