/* Equal strings and arrays of bytes, kept many times. */
#include "rules/dump_match_private.h"

#include "base/banned.h"

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    (void)params;
    const struct dump_candidate *c = e->dump;
    if (c->what != DUMP_DUPLICATES) {
        return false;
    }
    out->cause = arena_printf(
        out->arena, "%s is there %s times: one copy instead would save %s",
        c->holder.name, match_count(out, (double)c->duplicate->n_copies),
        match_bytes(out, (double)c->duplicate->saved_bytes));
    match_evidence(out, "%s each",
                   match_bytes(out, (double)c->duplicate->length_bytes));
    return true;
}

const struct rule rule_dump_duplicates = {
    .id = "dump-duplicates",
    .title = "The same value, kept many times",
    .headline = "one value is kept many times",
    .what = "Strings or byte arrays of the same content, each with memory of "
            "its own.",
    .why = "Every parsed request or row makes a copy of its own. Kept, the "
           "copies add up although one would do.",
    .infers = "From the contents: equal bytes of at least a tenth of the "
              "heap in sum.",
    .decides = "Nothing more: the copies are counted.",
    .alternatives = {"buffers that happen to be empty or zeroed at this "
                     "moment", "copies on purpose, so that each can be changed"},
    .fix = "Keep one and share it: a table of known values, or unique.Make "
           "(Go 1.23) for strings that repeat.",
    .confirm = "seep heap DUMP --exe BINARY --view duplicates",
    .leaking =
        "rows = append(rows, Row{Country: string(b)}) // \"Germany\", again\n",
    .mended = "rows = append(rows, Row{Country: names.intern(b)})\n",
    .worst = GRADE_INFO,
    .needs = NEED_HEAP_DUMP,
    .kinds = RULE_KIND(EVIDENCE_HEAP_DUMP),
    .check = check,
};
