/* A few bytes that keep a large array; and arrays that are kept for reuse,
   which no leak is. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static uint64_t heap_elements(const struct dump_candidate *c)
{
    const uint64_t bytes =
        heap_object_bytes(c->dump->facts->graph, c->waste->worst);
    return c->slice.element_bytes > 0 ? bytes / c->slice.element_bytes : 0;
}

/* Always true. */
static bool say_reuse(const struct dump_candidate *c, struct rule_match *out)
{
    out->headline = "buffers are kept for reuse";
    out->cause = arena_printf(
        out->arena,
        "%s object%s of %s, %s, %s kept by slices of length 0 or by a "
        "sync.Pool: %s waits to be used again",
        match_count(out, (double)c->waste->n_objects),
        c->waste->n_objects > 1 ? "s" : "", c->waste->type,
        match_bytes(out, (double)c->waste->bytes),
        c->waste->n_objects > 1 ? "are" : "is",
        match_bytes(out, (double)c->waste->wasted_bytes));
    out->fix = "Where many are idle for long: keep none for each (take one "
               "from a sync.Pool when there is work), and none that grew too "
               "large.";
    match_evidence(out, "the largest one: %s", c->holder.path);
    match_alternative(out, "buffers that are soon filled again");
    return true;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    if (c->what != DUMP_PINNED) {
        return false;
    }
    if (c->waste->kind == WASTE_FOR_REUSE) {
        return say_reuse(c, out);
    }
    out->cause =
        arena_printf(out->arena,
                     "%s object%s of %s, %s, %s kept by strings or slices of a "
                     "small part: %s is not used",
                     match_count(out, (double)c->waste->n_objects),
                     c->waste->n_objects > 1 ? "s" : "", c->waste->type,
                     match_bytes(out, (double)c->waste->bytes),
                     c->waste->n_objects > 1 ? "are" : "is",
                     match_bytes(out, (double)c->waste->wasted_bytes));
    if (c->has_slice) {
        match_evidence(out, "of the largest one %s of %s elements are in use",
                       match_count(out, (double)c->slice.n_used),
                       match_count(out, (double)heap_elements(c)));
    }
    match_evidence(out, "the largest one: %s", c->holder.path);
    return true;
}

const struct rule rule_dump_substring = {
    .id = "dump-substring",
    .title = "Large arrays kept by a string or slice of a few bytes",
    .headline = "small parts keep large arrays",
    .what = "A substring or sub-slice that is kept, and with it the whole "
            "array it was cut from.",
    .why = "A string or slice refers to the array it was made from. As long "
           "as one byte of it is referred to, all of it stays.",
    .infers = "From the types in the dump: every string and slice that "
              "refers into the array, and how much of it they use together.",
    .decides = "Nothing more: who refers to which part is in the dump.",
    .alternatives = {"a buffer that is about to be read on",
                     "an array that is also used by code that holds no "
                     "string or slice of it"},
    .fix = "Copy what is kept: strings.Clone(s), bytes.Clone(b), "
           "slices.Clone(part).",
    .confirm = "seep heap DUMP --exe BINARY --view waste",
    .leaking = "seen[string(id)] = true\n"
               "ids = append(ids, body[:16]) // keeps all of body\n",
    .mended = "ids = append(ids, bytes.Clone(body[:16]))\n",
    .worst = GRADE_SUSPECT,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
