/*
 * A process that restarted is several, and each run of it is judged by itself:
 * a healthy one must not hide one that leaks, nor one leak another. The series
 * is read once and turned from run to run.
 */
#ifndef SEEP_CMD_JUDGE_RUNS_H
#define SEEP_CMD_JUDGE_RUNS_H

#include "gate.h"
#include "rules/rules.h"
#include "series/series.h"

struct judge_runs {
    const struct rules_options *rules;
    const struct gate *gate; /* which growth is too small to count; NULL */
    bool is_history;         /* what counts is the latest run alone */
    /* What else one run's findings are told, while the series is that run;
       NULL: nothing. */
    bool (*join)(void *ctx, struct series *s, struct findings *f,
                 struct err *err);
    void *ctx;
};

/* Borrows from the series. */
struct judged_runs {
    struct findings findings; /* of all runs */
    struct series_about about;
    const struct series_input *inputs;
    size_t n_inputs;
    struct finding_run *runs; /* all there are; none without a restart */
    size_t n_runs;
    struct findings *of; /* of each */
    struct series_input *own_inputs;
};

bool judge_runs(struct series *s, const struct judge_runs *how,
                struct judged_runs *out, struct err *err) MUST_USE;
void judged_runs_release(struct judged_runs *j);

#endif
