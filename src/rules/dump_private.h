/*
 * What the files about heap dumps share. A candidate is one holder that is
 * worth a look: something that keeps much alive, or goroutines that wait
 * alike. Everything lives in the findings' arena.
 */
#ifndef SEEP_RULES_DUMP_PRIVATE_H
#define SEEP_RULES_DUMP_PRIVATE_H

#include "base/buf.h"
#include "base/vec.h"
#include "heap/heap.h"
#include "rules/rules.h"

/* --- ways --- */

/* A row of the dominator tree by classes, with the row above it. */
struct dump_row {
    const struct view_branch *branch;
    uint32_t parent;       /* UINT32_MAX none */
    enum object_form form; /* FORM_VALUE of roots */
    bool is_object;
    double before_bytes, before_objects; /* of the dump before; NAN unknown */
    double weight;                       /* what it is looked at for */
};

struct dump_rows {
    struct dump_row *items;
    size_t n;
};

/* From a root, or what several hold, down to what most of the bytes are. */
enum { DUMP_WAY_MAX = VIEW_DEPTH_MAX };
struct dump_way {
    const struct dump_row *rows[DUMP_WAY_MAX];
    size_t n;
};

/* What piles up in it. */
enum dump_container {
    CONTAINER_NONE, /* one large thing */
    CONTAINER_MAP,
    CONTAINER_SLICE,
    CONTAINER_LIST, /* elements linked to each other */
    CONTAINER_SYNC_MAP,
    CONTAINER_CHANNEL,
    CONTAINER_GROUP,     /* many of a type, held by several roots each */
    CONTAINER_QUEUE,     /* of finalizers */
    CONTAINER_GOROUTINES /* many that wait alike */
};

/* --- candidates --- */

enum dump_finalizer {
    FINALIZER_NONE,
    FINALIZER_QUEUE,   /* they wait for the one that runs */
    FINALIZER_CYCLE,   /* the object is reached by its own fields */
    FINALIZER_CLOSURE, /* the function keeps what it captured */
    FINALIZER_NEXT     /* unreachable; the next collection queues it */
};

enum dump_what {
    DUMP_HELD,
    DUMP_UNREACHABLE, /* goroutines that nothing can wake */
    DUMP_GOROUTINES,
    DUMP_PINNED, /* kept by a small part of it */
    DUMP_DUPLICATES
};

struct dump_allocation {
    const struct heap_bucket *bucket; /* NULL unknown */
    double n_samples;                 /* of the bucket */
    double bytes, objects;            /* of the bucket, scaled */
    bool is_exact;                    /* every allocation was sampled */
    double all_samples;               /* of all there */
    double n_allocated, n_freed;      /* samples at all these sites, ever */
};

struct dump_candidate {
    enum dump_what what;
    const struct dump_evidence *dump;
    enum dump_container container;
    bool is_growing; /* it is of a kind that grows */
    bool is_fixed;   /* an array that was made at its full length */
    bool has_slice;
    struct view_slice slice; /* of the array that is the container */
    heap_node sample;        /* one of the top row: held as most of them are */
    object_id holder_array;  /* what refers to that one; OBJECT_NONE a root */
    enum dump_finalizer finalizer;
    struct dump_way way;
    size_t at;   /* row of the way that is the container */
    size_t held; /* row of what is in it; way.n none */
    bool has_map;
    struct map_about map;
    struct finding_holder holder;
    double retained_bytes, retained_objects;
    double weight; /* growth, or what it retains */
    bool has_before;
    double before_bytes, before_objects;
    struct dump_allocation allocation;

    /* Goroutines. */
    const uint32_t *goroutines; /* among the graph's */
    size_t n_goroutines, n_before, n_doubtful, n_all_goroutines;
    size_t n_alike; /* with those that somebody may wake */
    const char *wait_reason, *function, *entry;
    enum blocked_on on;
    enum primitive primitive;
    bool waits_for_time;     /* on channels of timers and tickers only */
    const char *usual;       /* what healthy programs have; NULL */
    bool is_baseline;        /* usual, however many: idle connections */
    bool is_pool;            /* usual as workers of one channel, or condition */
    bool has_open_bodies;    /* the client's side of responses not read */
    bool is_idle_client;     /* connections of the client without a request */
    size_t n_transports;     /* where each has one of its own; else 0 */
    double connection_bytes; /* of the client's, told with those two */
    double shared_bytes; /* held with other groups, and counted there; NAN: not
                            asked */
    double stack_bytes;

    const struct view_waste *waste;
    const struct view_duplicate *duplicate;
};
VEC_TYPE(dump_candidates, struct dump_candidate)

/* --- one run --- */

struct dump_waits;

struct dump_judge {
    const struct dump_evidence *e;
    const struct dump_evidence *before; /* NULL: one dump */
    struct dump_options options;
    struct arena *arena;
    struct heap_blocked *blocked;
    struct heap_paths *paths; /* made when first asked */
    uint64_t rate;            /* of sampling; 0 not known yet */
    double total_bytes;
    /* Goroutines that nothing can wake, all groups of them together. */
    double n_unreachable, unreachable_bytes;
    bool joins; /* every group of goroutines is wanted, however small */
    struct dump_candidates candidates;
    struct dump_waits *waits; /* NULL until it is asked */
};

/* dump_ways.c: rows that hold at least `share`, with their parents. */
bool dump_rows_read(struct dump_judge *j, const struct dump_evidence *e,
                    double share, struct dump_rows *out,
                    struct err *err) MUST_USE;
/* Puts what `before` held of each row beside it, by names; weights become
   growth. */
bool dump_rows_compare(const struct dump_judge *j, struct dump_rows *after,
                       const struct dump_rows *before,
                       struct err *err) MUST_USE;
/* The way to row `i`; and which part of it is the container. */
void dump_way_to(const struct dump_rows *rows, size_t i, struct dump_way *out);
void dump_way_container(const struct dump_judge *j, struct dump_candidate *c);
/* Is it memory of the runtime's own? */
bool dump_way_is_internal(const struct dump_way *w);

/* dump_finalizers.c: fills `finalizer`. */
void dump_find_finalizer(struct dump_candidate *c);

/* dump_arrays.c */
/* Arrays that were made at their length do not grow, nor does an index of
   one. Clears is_growing of those. */
bool dump_find_fixed(struct dump_judge *j, struct dump_candidate *c,
                     struct err *err) MUST_USE;

/* dump_samples.c: which of many alike is held as most of them are. */
bool dump_choose_sample(struct dump_judge *j, struct dump_candidate *c,
                        struct err *err) MUST_USE;

/* dump_held.c: candidates that hold at least `least` of weight. */
bool dump_add_held(struct dump_judge *j, const struct dump_rows *rows,
                   double least, struct err *err) MUST_USE;
/* Fills everything from way and container. */
bool dump_fill_held(struct dump_judge *j, struct dump_candidate *c,
                    struct err *err) MUST_USE;
/* Leaves out what only goroutines hold that nothing can wake: it is told with
   them. */
void dump_drop_told(struct dump_judge *j);
bool dump_add_pinned(struct dump_judge *j, struct err *err) MUST_USE;
bool dump_add_duplicates(struct dump_judge *j, struct err *err) MUST_USE;

/* dump_goroutines.c */
bool dump_add_goroutines(struct dump_judge *j, struct err *err) MUST_USE;

/* dump_calls.c */
/* The innermost call at a pc that was returned to; false where the binary does
   not know it. */
bool dump_frame_at(struct dump_judge *j, uint64_t pc, struct frame *out);
/* Frames of a goroutine, leaf first, in the arena. */
bool dump_frames_of(struct dump_judge *j, uint32_t goroutine,
                    struct frame **out, size_t *n, struct err *err) MUST_USE;

/* dump_overlaps.c: leaves out what another holder explains. */
void dump_drop_overlaps(struct dump_judge *j);

/* dump_workers.c: waits_for_time; is_pool and usual of a pool's workers. */
bool dump_look_at_workers(struct dump_judge *j, struct dump_candidate *c,
                          struct err *err) MUST_USE;
void dump_waits_free(struct dump_waits *w);

/* dump_connections.c: fills n_transports, and says what it says. */
bool dump_look_at_transports(struct dump_judge *j, struct dump_candidate *c,
                             struct err *err) MUST_USE;

/* dump_diagnose.c: what the dump knows of the cause of a finding of profiles
   that knows none, from its holder or from what its objects are kept by. */
bool dump_diagnose(struct dump_judge *j, const struct dump_candidate *holder,
                   struct finding *f, struct err *err) MUST_USE;
/* dump_join.c: does this bucket's stack have the finding's site? */
bool dump_is_allocated_at(struct dump_judge *j, const struct heap_bucket *b,
                          const struct finding *f);

/* dump_names.c: holder.name, type, path, reachable bytes. */
bool dump_name_holder(struct dump_judge *j, struct dump_candidate *c,
                      struct err *err) MUST_USE;

/* The ways from roots; made when first asked. */
bool dump_paths_of(struct dump_judge *j, struct err *err) MUST_USE;

/* dump_sites.c */
/* Was the heap profile on? The runtime's own first objects are sampled before
   it is turned off. */
bool dump_has_samples(const struct dump_evidence *e);
bool dump_find_site(struct dump_judge *j, struct dump_candidate *c,
                    struct err *err) MUST_USE;
/* Frames of an allocation, leaf first, with the names of the source. */
bool dump_frames_of_bucket(struct dump_judge *j, const struct heap_bucket *b,
                           struct frame **out, size_t *n,
                           struct err *err) MUST_USE;

/* dump_findings.c: a candidate becomes a finding. */
bool dump_judge_begin(struct dump_judge *j, const struct dump_evidence *e,
                      const struct dump_options *options, struct arena *arena,
                      struct err *err) MUST_USE;
void dump_judge_end(struct dump_judge *j);
/* Do the candidates, what is said of them, and `bytes` more keep to the limit
   of memory? */
bool dump_has_room(const struct dump_judge *j, uint64_t bytes,
                   struct err *err) MUST_USE;
enum grade dump_grade_of(const struct dump_judge *j,
                         const struct dump_candidate *c);
bool dump_finding_of(struct dump_judge *j, const struct dump_candidate *c,
                     struct finding *out, struct err *err) MUST_USE;

/* Copies a scratch text into the arena and releases it. */
const char *dump_keep(struct dump_judge *j, struct buf *text);

static inline const struct dump_row *dump_top(const struct dump_candidate *c)
{
    return c->way.n > 0 ? c->way.rows[0] : NULL;
}

static inline const struct dump_row *dump_at(const struct dump_candidate *c)
{
    return c->at < c->way.n ? c->way.rows[c->at] : NULL;
}

#endif
