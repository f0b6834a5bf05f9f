/* Shared by diff_renames.c (what was renamed, and what follows from it),
   diff_renames_found.c (renames that stacks alone show) and
   diff_renames_alike.c (how a site looks). */
#ifndef SEEP_SERIES_DIFF_RENAMES_PRIVATE_H
#define SEEP_SERIES_DIFF_RENAMES_PRIVATE_H

#include "series/diff_private.h"

/* On which sides a name is: in any frame of any stack. */
enum { ON_BASE = 1, ON_HEAD = 2 };

#define NAME_NONE UINT32_MAX

/* What is known of an identity (name_identity). */
struct name_facts {
    unsigned sides;
    uint32_t plane, frame; /* one that has it, in head if there is one */
    uint32_t was;          /* what it was called in base; NAME_NONE */
    const char *by;        /* how that is known */
    unsigned unproven;     /* planes where it is a site that may be another */
    bool is_taken;         /* some name of head was this one */
    bool is_own;           /* the change says that it was no other */
};
VEC_TYPE(names_facts, struct name_facts)

struct renames {
    struct series_diff *diff;
    struct intern names;
    struct names_facts facts;            /* by id in `names` */
    struct vec_u32 ident[N_DIFF_PLANES]; /* of each func of the plane */
    uint32_t *site_name[N_DIFF_PLANES];  /* of each site; NAME_NONE */
    uint32_t *site_frame[N_DIFF_PLANES]; /* the first one that names it */
    struct err *err;
};

/* Are sites of builds compared on this plane? */
bool renames_has(const struct renames *r, int plane);

const struct stack_frame *renames_frame(const struct renames *r, int plane,
                                        uint32_t frame);

/* Says that `now`, a name of head alone, is `old`, a name that head has no
   more; unless either is renamed already. */
void renames_take(struct renames *r, uint32_t now, uint32_t old,
                  const char *by);

/* Takes what the stacks of sites show. */
bool renames_find(struct renames *r) MUST_USE;

/* A site that is on one side alone, under a name that is too. */
struct lone_site {
    int plane;
    uint32_t site, name;
    unsigned sides; /* one of them */
    double level;
    uint32_t n_partners, partner;
    size_t n_places; /* lines that it has in common with the partner */
};

/* What sites have, by their rows. */
struct site_looks {
    struct renames *r;
    struct diff_site_rows rows[N_DIFF_PLANES];
    uint64_t n_steps;
    bool is_cut; /* it was too much: nothing is alike any more */
};
bool site_looks_init(struct site_looks *l, struct renames *r) MUST_USE;
void site_looks_release(struct site_looks *l);

/* Are two lone sites of a plane one but for a word of their names? At how many
   lines of the function, where that is known? */
bool site_looks_compare(struct site_looks *l, const struct lone_site *old,
                        const struct lone_site *now, bool *out,
                        size_t *n_places) MUST_USE;

#endif
