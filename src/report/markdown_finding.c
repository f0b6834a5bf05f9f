/* One finding in the comment: a row of the table, and a part that is folded. */
#include "base/num.h"
#include "report/markdown_private.h"
#include "report/plain.h"
#include "report/spark.h"
#include "review/review.h"

#include <string.h>

#include "base/banned.h"

enum { STACK_SHOWN = 40, SPARK = 24, SUPPRESSION_BYTES = 8000 };

#define NBSP "\xc2\xa0"

/* A sign beside a word, for those that call for a look. */
static const char *const group_cells[N_GROUPS] = {
    [GROUP_NEW] = "\xf0\x9f\x86\x95" NBSP "new",
    [GROUP_WORSE] = "\xf0\x9f\x93\x88" NBSP "worse",
    [GROUP_PLAIN] = "",
    [GROUP_FIXED] = "\xe2\x9c\x85" NBSP "fixed",
    [GROUP_EXISTING] = "existing",
    [GROUP_ACCEPTED] = "accepted",
};

/* No column for the rule: the table is read in a narrow window. */
void markdown_table_head(struct buf *out, const struct markdown_columns *c)
{
    buf_printf(out,
               "\n| |%s grade | what | %s | per hour | where |%s\n"
               "|--:|%s---|---|--:|--:|---|%s\n",
               c->has_state ? " state |" : "",
               c->is_one_dump ? "size" : "change",
               c->has_patch ? " touched by this change |" : "",
               c->has_state ? "---|" : "", c->has_patch ? "---|" : "");
}

static void place(struct markdown *p, const struct frame *f)
{
    markdown_code(p, f->function);
    summary_path(markdown_scratch(p), f);
    if (p->scratch->len > 0) {
        buf_char(p->out, ' ');
        markdown_prose_scratch(p);
    }
}

/* The frame is named where it is not the one that the row is about. */
static void touched(struct markdown *p, const struct finding *f)
{
    const struct frame *at = f->patched;
    if (!at || !at->mark || at->mark->touch == TOUCH_NONE) {
        buf_str(p->out, "no");
        return;
    }
    buf_str(p->out,
            at->mark->touch == TOUCH_LINE ? "**line**" : "**function**");
    const struct frame *site = f->has_site ? &f->site : NULL;
    if (!site || strcmp(at->function, site->function) != 0 ||
        at->line != site->line) {
        summary_path(markdown_scratch(p), at);
        buf_char(p->out, ' ');
        markdown_code_scratch(p);
    }
}

/* A figure of the scratch text, which a narrow table breaks at its arrow
   only. */
static void figure(struct markdown *p)
{
    const char *text = p->scratch->data ? p->scratch->data : "";
    while (*text) {
        if (strncmp(text, " -> ", 4) == 0) {
            buf_str(p->out, NBSP "\xe2\x86\x92 ");
            text += 4;
        } else if (*text == ' ') {
            buf_str(p->out, NBSP);
            text++;
        } else {
            buf_char(p->out, *text++);
        }
    }
}

static void change(struct markdown *p, const struct finding *f)
{
    markdown_scratch(p);
    if (f->n_metrics > 0) {
        summary_change(p->scratch, &f->metrics[0]);
        figure(p);
        summary_per_hour(markdown_scratch(p), &f->metrics[0]);
    }
    buf_str(p->out, " | ");
    if (f->n_metrics > 0) {
        figure(p);
    }
}

void markdown_row(struct markdown *p, const struct finding *f, size_t number,
                  const struct markdown_columns *c)
{
    buf_str(p->out, "| ");
    if (number > 0) {
        buf_printf(p->out, "%zu", number);
    }
    if (c->has_state) {
        buf_printf(p->out, " | %s", group_cells[summary_group(f)]);
    }
    if (number > 0) {
        buf_printf(p->out, " | **%s** | ", grade_name(f->grade));
    } else {
        buf_str(p->out, " |  | "); /* what is gone has no grade */
    }
    markdown_prose(p, summary_headline(f));
    buf_str(p->out, " | ");
    change(p, f);
    buf_str(p->out, " | ");
    const struct frame *where = summary_place(f);
    if (where) {
        place(p, where);
    } else if (f->holder) {
        markdown_code(p, f->holder->name);
    } else {
        buf_str(p->out, "the whole process");
    }
    if (c->has_patch) {
        buf_str(p->out, " | ");
        touched(p, f);
    }
    buf_str(p->out, " |\n");
}

static void item(struct markdown *p, const char *word)
{
    buf_printf(p->out, "- **%s** ", word);
}

static void figures(struct markdown *p, const struct finding *f)
{
    struct buf *line = markdown_scratch(p);
    if (f->n_metrics > 0) {
        const struct metric *m = &f->metrics[0];
        if (m->n_series > 2) {
            spark(p->out, m->series, m->n_series, SPARK, false);
            buf_str(p->out, " ");
        }
        summary_pace(line, m);
    }
    const size_t start = line->len;
    buf_str(line, start > 0 ? ", " : "");
    const size_t from = line->len;
    summary_statistics(line, f);
    line->len = line->len == from ? start : line->len;
    markdown_prose_scratch(p);
    buf_str(p->out, "\n\n");
}

/* The scratch text behind a word, when there is something to say. */
static void scratch_item(struct markdown *p, const char *word)
{
    if (p->scratch->len > 0) {
        item(p, word);
        markdown_prose_scratch(p);
        buf_char(p->out, '\n');
    }
}

static void text_item(struct markdown *p, const char *word, const char *text)
{
    plain_clean(markdown_scratch(p), text);
    scratch_item(p, word);
}

static void known_items(struct markdown *p, const struct finding *f)
{
    summary_replicas(markdown_scratch(p), f);
    scratch_item(p, "fleet");
    summary_run(markdown_scratch(p), f);
    scratch_item(p, "run");
    summary_state(markdown_scratch(p), f);
    scratch_item(p, "state");
    summary_renamed(markdown_scratch(p), f);
    scratch_item(p, "name");
    markdown_scratch(p);
    if (f->first_seen_nanos != 0) {
        num_rfc3339(p->scratch, f->first_seen_nanos);
    }
    scratch_item(p, "found");
    summary_touched(markdown_scratch(p), f);
    scratch_item(p, "patch");
    summary_uncounted(markdown_scratch(p), f);
    scratch_item(p, "gate");
    summary_held(markdown_scratch(p), f);
    scratch_item(p, "held");
}

static void items(struct markdown *p, const struct finding *f, bool is_brief)
{
    known_items(p, f);
    text_item(p, "path", f->holder ? f->holder->path : NULL);
    summary_why(markdown_scratch(p), f);
    scratch_item(p, "why");
    for (size_t i = 0; i < f->n_evidence && !is_brief; i++) {
        text_item(p, "seen", f->evidence[i]);
    }
    text_item(p, "fix", summary_fix(f));
    if (f->has_creator) {
        item(p, "from");
        place(p, &f->creator);
        buf_char(p->out, '\n');
    }
    summary_unless(markdown_scratch(p), f, SIZE_MAX);
    scratch_item(p, "unless");
    text_item(p, "check", summary_confirm(f));
    buf_printf(p->out, "- **id** %s, rule %s\n", f->id, f->rule->id);
}

static void stack(struct markdown *p, const struct finding *f)
{
    if (f->n_stack == 0) {
        return;
    }
    buf_str(p->out, "\n```text\n");
    for (size_t i = 0; i < f->n_stack && i < STACK_SHOWN; i++) {
        const struct frame *at = &f->stack[i];
        markdown_fenced(p, at->function);
        if (at->file && *at->file) {
            buf_str(p->out, "  ");
            struct buf where = BUF_LIMIT(MARKDOWN_PIECE);
            summary_path(&where, at);
            markdown_fenced(p, where.data ? where.data : "");
            plain_drop(&where, p->out);
        }
        buf_char(p->out, '\n');
    }
    if (f->n_stack > STACK_SHOWN) {
        buf_printf(p->out, "... %zu more frames\n", f->n_stack - STACK_SHOWN);
    }
    buf_str(p->out, "```\n");
}

/* What to paste to accept it, as it is now. */
static void suppression(struct markdown *p, const struct finding *f)
{
    struct buf block = BUF_LIMIT(SUPPRESSION_BYTES);
    struct err err = {0};
    if (suppression_block(f, &block, &err) && block.data) {
        buf_str(p->out, "\nTo accept it, in `.seep.yml` under "
                        "`suppressions:`\n\n");
        /* Whole: a name that is elided fits nothing; the block itself cuts
           them, with a star. */
        markdown_block(p, "yaml", block.data, SUPPRESSION_BYTES);
    }
    plain_drop(&block, p->out);
}

void markdown_details(struct markdown *p, const struct finding *f,
                      size_t number, bool is_brief)
{
    const char *state = summary_group_word(summary_group(f));
    buf_printf(p->out, "\n<details><summary>%zu. %s%s%s: ", number,
               grade_name(f->grade), *state ? ", " : "", state);
    markdown_html(p, summary_headline(f));
    if (f->has_site) {
        buf_str(p->out, ", <code>");
        markdown_html(p, f->site.function);
        buf_str(p->out, "</code>");
    }
    buf_str(p->out, "</summary>\n\n");
    figures(p, f);
    items(p, f, is_brief);
    if (!is_brief) {
        stack(p, f);
        suppression(p, f);
    }
    buf_str(p->out, "\n</details>\n");
}
