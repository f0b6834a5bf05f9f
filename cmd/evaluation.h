/*
 * What the files of the evaluation share. A task is one simulated process; its
 * result is one line of JSON, made by a worker (evaluate_task.c), carried and
 * kept by the parent (evaluate_jobs.c), summed and printed (evaluate_report.c).
 */
#ifndef SEEP_CMD_EVALUATION_H
#define SEEP_CMD_EVALUATION_H

#include "evaluate.h"

#include "base/vec.h"
#include "rules/rules.h"

#include <jansson.h>

/* Judged from so many snapshots on; fewer give no verdict. */
enum { PREFIX_MIN = 5, PREFIX_SHORT = 8, PREFIX_LONG = 12, PREFIXES_MAX = 32 };

struct evaluation_setting {
    const char *name; /* "base", "rate 64KiB" */
    struct sim_options model;
    bool collects;
};

struct evaluation_task {
    const struct sim_scenario *scenario;
    const struct evaluation_setting *setting;
    uint64_t seed;
    bool judges_all; /* every prefix; else until it is caught, 8, and all */
};
VEC_TYPE(evaluation_tasks, struct evaluation_task)

/* Runs it. The result is the caller's; what went wrong with the detector is
   in it, what went wrong here is an error. */
bool evaluation_run(const struct evaluation_task *t, json_t **out,
                    struct err *err) MUST_USE;

/* What tells one task from all others, also of another build or setting. */
void evaluation_key(const struct evaluation_task *t, const char *build,
                    struct buf *out);

/* What identifies this program, so that results of another are not reused. */
const char *evaluation_build(struct arena *arena);

/* Runs what is not in the result file yet. results[i] is task i's, or NULL
   where the worker died; the caller's. */
bool evaluation_run_all(struct session *s, const struct evaluate_options *o,
                        const struct evaluation_tasks *tasks, json_t **results,
                        struct err *err) MUST_USE;

/* A number of a result; 0 when it is not there. */
static inline double evaluation_number(const json_t *o, const char *name)
{
    return json_number_value(json_object_get(o, name));
}

/* The report as a document and as text. */
json_t *evaluation_report(const struct evaluate_options *o,
                          const struct evaluation_tasks *tasks,
                          json_t *const *results);
void evaluation_write_text(const json_t *report, struct buf *out);

#endif
