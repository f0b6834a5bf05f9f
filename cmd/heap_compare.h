/* `seep heap diff BEFORE AFTER`: two dumps of one service. */
#ifndef SEEP_CMD_HEAP_COMPARE_H
#define SEEP_CMD_HEAP_COMPARE_H

#include "cmd.h"
#include "gate.h"
#include "heap_load.h"
#include "heap_words.h"
#include "output.h"
#include "review_options.h"

#include "rules/rules.h"

/* What fails of the judged findings of dumps, and what was read of the
   repository. */
struct heap_gate {
    struct review *review;
    struct gate gate;
    bool has_patch;
};
void heap_gate_into(const struct heap_gate *g, const struct findings *f,
                    struct report *r);
/* Says which settings of the repository are not for dumps. */
bool heap_gate_note(const struct heap_gate *g, struct findings *f,
                    struct err *err) MUST_USE;
int heap_gate_status(const struct heap_gate *g, const struct findings *f,
                     const struct outputs *outputs);

/* The program of a dump, by the binary that was given, fits it and names its
   variables; NULL unknown: a dump does not say. */
const char *heap_program(const struct heap_loaded *l,
                         const struct heap_words *w);

/* What reports of such dumps have in common, so that a later one takes the
   place of an earlier one: never the dump's name, which may have its time. */
const char *heap_report_program(const struct heap_words *w);

struct heap_compare_options {
    struct heap_load_options before, after;
    struct dump_options judge;
    size_t n_max;
    const struct heap_gate *gate;
    const struct outputs *outputs;
};

/* Exit status; errors were printed by then. */
int heap_compare_run(struct session *s, const struct heap_compare_options *o);

#endif
