/* From evidence to a finding: what a series and a comparison share. */
#ifndef SEEP_RULES_COMPOSE_PRIVATE_H
#define SEEP_RULES_COMPOSE_PRIVATE_H

#include "rules/rules.h"

/* Bytes a goroutine costs: the smallest stack (2 KiB) and its descriptor. */
extern const double compose_goroutine_bytes;

/* First rule that fits, in the order of the list, with its parameters as the
   user set them; NULL when none does. `match` is filled. */
const struct rule *compose_match(const struct rules_options *options,
                                 const struct evidence *e, struct arena *arena,
                                 struct rule_match *match);

/* Headline, cause, fix, alternatives of f->rule and `match`; evidence is
   `lines` followed by the rule's own. */
bool compose_texts(struct arena *arena, const struct rule_match *match,
                   const char *const *lines, size_t n_lines, struct finding *f,
                   struct err *err) MUST_USE;

/* Appends a copy; items live in out's arena. */
bool findings_push(struct findings *out, size_t *cap, const struct finding *f,
                   struct err *err) MUST_USE;

/* Grade, then lower bound of growth, then id. */
void findings_sort(struct findings *out);

#endif
