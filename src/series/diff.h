/*
 * Two groups of profiles, base and head, compared by site. A site is the
 * innermost user function of a stack (else of a dependency, else what the
 * stack hangs on), over all its callers and lines: work that moves from one
 * caller to another is no growth. Between two builds the closures of a function
 * are one site, since one more of them renumbers the others. Heap counts are
 * compared as the sampled objects that Go recorded, recovered exactly. A site
 * that head calls otherwise is one site with that of base (diff_renames.c).
 *
 * Profiles of one process are no independent runs. Those that were read from
 * one directory are of one process as long as no allocation count falls from
 * one to the next, in the order of their times or, where some say none, of
 * their counts; those of several directories, or that were named one by one,
 * when that is more than chance. A process counts once, as its last profile
 * shows it.
 *
 * Use: series_diff_new, series_diff_add for every snapshot, then
 * series_diff_finish once, then read. Nothing of a snapshot is borrowed.
 */
#ifndef SEEP_SERIES_DIFF_H
#define SEEP_SERIES_DIFF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "profile/profile.h"

struct series_input;
struct series_about;
struct series_diff;

enum diff_side { DIFF_BASE, DIFF_HEAD, N_DIFF_SIDES };

/* Beside the two sides: runs that ought to be equal, whose differences are the
   noise. */
#define DIFF_CALIBRATION N_DIFF_SIDES
enum { N_DIFF_GROUPS = N_DIFF_SIDES + 1 };
enum diff_plane { DIFF_HEAP, DIFF_GOROUTINE, DIFF_LEAK, N_DIFF_PLANES };

/* Strings are borrowed from the diff, never NULL. */
struct diff_frame {
    const char *function, *file;
    int64_t line;
    enum frame_origin origin;
    const char *was;    /* identity in base, when it was renamed; NULL */
    const char *was_by; /* how that is known: diff_renamed_by_... */
};
extern const char diff_renamed_by_patch[], diff_renamed_by_stacks[];

/* What a change of the sources says of a function of head: that it has the name
   it always had, or nothing; that it is new; that it was called otherwise. */
enum diff_naming { DIFF_NAME_UNSAID, DIFF_NAME_NEW, DIFF_NAME_CHANGED };
struct diff_changes {
    void *ctx;
    /* Appends the identity that it had when it was called otherwise. */
    bool (*naming)(void *ctx, const struct diff_frame *f, enum diff_naming *out,
                   struct buf *old, struct err *err);
};

/* How much runs that ought to be equal differ. */
struct diff_noise {
    size_t n;               /* runs */
    double mean, deviation; /* of their levels; deviation is that of a sample */
    double range, highest;  /* range: highest minus lowest */
};

/* Levels are means over the processes of a side: bytes in use, or goroutines.
   What a plane does not have is 0 or NAN. */
struct diff_site {
    uint32_t id;
    struct diff_frame frame;
    double base, head, delta;
    double base_objects, head_objects;
    double base_sampled, head_sampled; /* sampled objects in use; heap */
    double births, deaths; /* sampled; NAN unless one process seen twice */
    double retention;      /* of the births, still in use; NAN unknown */
    double z;              /* growth over its noise */
    double error;          /* sampling error of delta, same unit */
    double p; /* group test, one-sided; NAN with fewer than 3 a side */
    /* Welch's t test, one-sided: is head higher by more than processes differ?
       NAN with one process a side. And: is it lower? */
    double p_runs, p_fell;
    double runs_error, runs_df; /* of that test: standard error of the delta,
                                   degrees of freedom; NAN */
    /* Highest minus lowest level over the processes of both sides together:
       does not know the sides, so choosing tests by it is no bias. 0 with one
       process a side. */
    double spread;
    /* Highest minus lowest distance of a process's profiles from the straight
       line through them, where that is most. 0 with fewer than 3 profiles. */
    double stray;
    struct diff_noise noise; /* of the calibration runs; n = 0: none */
};

/* How the two sides relate. */
enum diff_replicas {
    DIFF_TOO_FEW,     /* fewer than 3 processes on a side: no group test */
    DIFF_UNKNOWN,     /* cannot be told */
    DIFF_ONE_PROCESS, /* sides are processes seen again and again */
    DIFF_LONGER,      /* independent, but those of head ran longer */
    DIFF_INDEPENDENT
};

/* From this ratio on, another length of the runs, or another load, may be all
   that a difference is. */
#define DIFF_LENGTH_RATIO 1.5

struct diff_total {
    size_t n[N_DIFF_SIDES];          /* processes */
    size_t n_profiles[N_DIFF_SIDES]; /* used */
    double level[N_DIFF_SIDES];      /* mean of the totals */
    int64_t period[N_DIFF_SIDES];
    bool is_one_process; /* base and head are one process, seen later */
    double seconds;      /* from base to head, with one process a side; or 0 */
    /* So many times as much as a process of base has one of head allocated at
       the typical site; NAN unknown. */
    double length_ratio;
    enum diff_replicas replicas;
    struct diff_noise noise; /* of the total; n = 0: no calibration runs */
    /* Of calibration runs: by how much each exceeds all others at the site
       where it does so most, of the sites that are rare in the others. In
       square roots of units, so that counts of all sizes vary alike. */
    struct diff_noise bursts;
    double unit; /* bytes that one sampled object stands for at least, or 1 */
};

struct series_diff *series_diff_new(const char *module); /* NULL: found out */
void series_diff_free(struct series_diff *d);

/* A profile that was given by its name. */
bool series_diff_add(struct series_diff *d, enum diff_side side,
                     const struct snapshot *snap, struct err *err) MUST_USE;

/* A profile of a directory that was given: all that are there are taken to be
   of one process, unless allocation counts fall. */
bool series_diff_add_listed(struct series_diff *d, enum diff_side side,
                            const struct snapshot *snap,
                            struct err *err) MUST_USE;
bool series_diff_note_input(struct series_diff *d, const char *source,
                            enum profile_kind kind, const char *why,
                            struct err *err) MUST_USE;

/* A profile of the run with this number, of those that ought to be equal. */
bool series_diff_calibrate(struct series_diff *d, uint32_t run,
                           const struct snapshot *snap,
                           struct err *err) MUST_USE;

/* Who knows what head renamed, to be asked while finishing. Without, only what
   stacks show is known. */
void series_diff_set_changes(struct series_diff *d,
                             const struct diff_changes *changes);

/* ERR_MISMATCH when no kind of profile is on both sides; and, unless `forced`,
   when the sides are two programs, or one process whose states are swapped. */
bool series_diff_finish(struct series_diff *d, bool forced,
                        struct err *err) MUST_USE;

/* What makes the comparison doubtful as a whole, to be said first; NULL
   nothing. Borrowed. */
const char *series_diff_warning(const struct series_diff *d);

/* Why the profiles cannot decide, and what would; NULL when they can. */
const char *series_diff_undecided(const struct series_diff *d);

/* "1.23.5", of head; NULL unknown. */
const char *series_diff_go_version(const struct series_diff *d);

/* The binary that the calibration runs are of; NULL unknown. */
const char *series_diff_calibrated_program(const struct series_diff *d);

/* What growth over `noise`, of means over n_base and n_head runs, has a chance
   of at most `risk` when nothing changed: the larger of the range that the runs
   had and a bound by Student's t. INFINITY with fewer than two runs. */
double diff_noise_floor(const struct diff_noise *noise, size_t n_base,
                        size_t n_head, double risk);

/* The same for a site that the calibration runs hardly have, so that they say
   nothing of its noise: no more than bursts at such sites. 0 for others. */
double diff_burst_floor(const struct diff_total *total,
                        const struct diff_site *site, double risk);

/* Growth per hour of every calibration run at the sites of this function: the
   slope through all profiles of the run. Without series_diff_finish. Rates are
   taken from `arena`; n = 0: no run has times. */
bool series_diff_rates(struct series_diff *d, enum diff_plane plane,
                       const char *function, struct arena *arena,
                       struct diff_noise *out, struct err *err) MUST_USE;

/* Is the plane on both sides (leak profiles: in head)? */
bool series_diff_has(const struct series_diff *d, enum diff_plane plane);

/* Largest change first, then by name. Borrowed. */
const struct diff_site *series_diff_sites(const struct series_diff *d,
                                          enum diff_plane plane, size_t *n);
const struct diff_total *series_diff_total(const struct series_diff *d,
                                           enum diff_plane plane);

/* One call stack of a site, aligned by function names; leaf first. */
struct diff_stack {
    const struct diff_frame *frames;
    size_t n_frames;
    double base, head;
    double base_objects, head_objects;
};

/* The stack of the site that changed most its way; frames are taken from
 * `arena`. */
bool series_diff_stack(const struct series_diff *d, enum diff_plane plane,
                       const struct diff_site *site, struct arena *arena,
                       struct diff_stack *out, struct err *err) MUST_USE;

const struct series_input *series_diff_inputs(const struct series_diff *d,
                                              size_t *n);
const char *const *series_diff_notes(const struct series_diff *d, size_t *n);
const struct series_about *series_diff_about(const struct series_diff *d);

#endif
