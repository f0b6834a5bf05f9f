/*
 * The gate of a CI job: which findings fail it. Limits are on what growth is
 * worth failing for; they change the exit status and what is said of a finding,
 * never its grade. Words of the command line come first, then those of
 * .seep.yml, then the command's own.
 */
#ifndef SEEP_CMD_GATE_H
#define SEEP_CMD_GATE_H

#include "cmd.h"
#include "output.h"
#include "report/report.h"
#include "review_options.h"
#include "verdict.h"

/* Field of a command's options that GATE_ROWS fill; begin with
   gate_settings_defaults. */
struct gate_settings {
    int fail_on;      /* enum fail_on; -1: not said */
    double min_bytes; /* NAN: not said; all below likewise */
    double min_goroutines;
    double min_growth;         /* 0.1 is 10 % */
    struct words calibrations; /* directories or files of runs */
};
void gate_settings_defaults(struct gate_settings *s);

bool gate_apply_bytes(void *field, const char *text, struct arena *arena,
                      struct err *err);
bool gate_apply_count(void *field, const char *text, struct arena *arena,
                      struct err *err);
bool gate_apply_growth(void *field, const char *text, struct arena *arena,
                       struct err *err);

#define GATE_FIELD(type, field, member)                                        \
    (offsetof(type, field) + offsetof(struct gate_settings, member))

/* clang-format off */
#define GATE_ROWS(type, field, fail_on_default, bytes_default, count_default, growth_default) \
    {.name = "fail-on", .arg = "GRADE", .kind = OPTION_CHOICE, .choices = fail_on_words, \
     .offset = GATE_FIELD(type, field, fail_on),                               \
     .help = "exit 1 at or above GRADE: proven, strong, suspect, growth, never (default " fail_on_default ")"}, \
    {.name = "min-bytes", .arg = "SIZE", .kind = OPTION_CALL, .apply = gate_apply_bytes, \
     .offset = GATE_FIELD(type, field, min_bytes),                             \
     .help = "least growth of memory that fails (default " bytes_default ")"}, \
    {.name = "min-goroutines", .arg = "N", .kind = OPTION_CALL, .apply = gate_apply_count, \
     .offset = GATE_FIELD(type, field, min_goroutines),                        \
     .help = "the same for goroutines (default " count_default ")"},           \
    {.name = "min-growth", .arg = "PERCENT", .kind = OPTION_CALL, .apply = gate_apply_growth, \
     .offset = GATE_FIELD(type, field, min_growth),                            \
     .help = "least growth over what was there, such as 10% or 0.1; fails only with the limit above (default " growth_default ")"}, \
    {.name = "calibrate", .arg = "DIR...", .kind = OPTION_MANY,                \
     .offset = GATE_FIELD(type, field, calibrations),                          \
     .help = "repeated runs of one healthy build, two or more: growth must exceed their noise"}
/* clang-format on */

struct gate {
    enum fail_on fail_on;
    bool only_new;
    double min_bytes, min_goroutines, min_growth;
    struct report_gate report;
};

/* `standard` is the command's own; review may be NULL. */
bool gate_resolve(const struct gate_settings *s, const struct review *review,
                  const struct gate *standard, struct gate *out,
                  struct err *err) MUST_USE;

/* Is it one whose growth is below the limits? */
bool gate_is_below(const struct finding *f, const struct gate *g);

/* Keeps findings whose growth is below the limits from failing, and says so in
   the notes. What is proven needs no size. */
bool gate_limit(struct findings *f, const struct gate *g,
                struct err *err) MUST_USE;

/* Why what does not fail is no pass all the same: `undecided`, what the command
   knows itself (or NULL), else what the findings say. NULL: it is one. */
const char *gate_undecided(const struct findings *f, const struct gate *g,
                           const char *undecided);

/* Is there what fails? */
bool gate_is_found(const struct findings *f, const struct gate *g);

/* Exit status: 1 before 3 before 0. When nobody reads the reason of a 3 on
   stdout, it is said on stderr. */
int gate_status(const struct findings *f, const struct gate *g,
                const char *undecided, const struct outputs *outputs);

#endif
