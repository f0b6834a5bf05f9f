/* Shared by diff_renames.c (what was renamed, and what follows from it) and
   diff_renames_found.c (renames that stacks alone show). */
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
    bool is_taken;         /* some name of head was this one */
    bool is_declared;      /* the change declares it anew */
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

#endif
