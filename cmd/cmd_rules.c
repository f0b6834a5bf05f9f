/* Prints the rules from their own tables: the list, and each one's page. */
#include "console.h"
#include "help.h"
#include "output.h"

#include "base/num.h"
#include "rules/rules.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

struct rules_cmd_options {
    struct outputs outputs;
};

static const char *const formats[] = {"text", "json", "markdown", NULL};
enum { N_FORMATS = sizeof(formats) / sizeof(formats[0]) - 1, RULES_MAX = 128 };

/* clang-format off */
static const struct option_row rows[] = {
    OUTPUT_ROWS(struct rules_cmd_options, outputs, "text, json or markdown (default text)", .choices = formats),
};
/* clang-format on */

static const struct cmd_example examples[] = {
    {"seep rules",                               "all rules, in the order in which they are tried"},
    {"seep rules goroutine-chan-receive",
     "what it means, how it decides, its parameters, and the mended code"                         },
    {"seep rules --format markdown -o rules.md", "the reference page"                             },
};

/* All rules, or one. */
struct selection {
    const struct rule *const *rules;
    size_t n;
    bool is_one;
};

/* --- text --- */

static void number(struct buf *out, double v, const char *unit)
{
    if (strcmp(unit, "bytes") == 0) {
        num_bytes(out, v);
        return;
    }
    buf_printf(out, "%g", v);
    if (*unit != '\0' && strcmp(unit, "ratio") != 0) {
        buf_printf(out, " %s", unit);
    }
}

static void param_text(struct buf *out, const struct rule_param *p)
{
    struct buf line = BUF_LIMIT(4096);
    buf_printf(&line, "%s (", p->help);
    number(&line, p->min, p->unit);
    buf_str(&line, " to ");
    number(&line, p->max, p->unit);
    buf_char(&line, ')');
    buf_printf(out, "  %s = ", p->name);
    number(out, p->value, p->unit);
    buf_str(out, "\n      ");
    help_wrap(out, line.data ? line.data : "", 6, 6);
    buf_release(&line);
}

static void page_text(struct buf *out, const struct rule *r)
{
    buf_printf(out, "%s: %s\n\n", r->id, r->title);
    help_paragraph(out, "what", r->what);
    help_paragraph(out, "why", r->why);
    help_paragraph(out, "infers", r->infers);
    help_paragraph(out, "decides", r->decides);
    for (size_t i = 0; i < 4 && r->alternatives[i] != NULL; i++) {
        help_paragraph(out, i == 0 ? "or else" : "", r->alternatives[i]);
    }
    help_paragraph(out, "fix", r->fix);
    help_paragraph(out, "check", r->confirm);
    help_paragraph(out, "at worst", grade_name(r->worst));
    help_code(out, "leaks:", r->leaking);
    help_code(out, "mended:", r->mended);
    if (r->n_params > 0) {
        buf_printf(out, "\nparameters (--set %s.NAME=VALUE):\n", r->id);
    }
    for (size_t i = 0; i < r->n_params; i++) {
        param_text(out, &r->params[i]);
    }
}

static void list_text(struct buf *out, const struct selection *s)
{
    buf_str(out, "The first rule that fits names a finding; statistics decide "
                 "the grade,\nup to the rule's highest.\n\n");
    for (size_t i = 0; i < s->n; i++) {
        const struct rule *r = s->rules[i];
        const size_t start = out->len;
        buf_printf(out, "%3zu  %-26s %-8s ", i + 1, r->id,
                   grade_name(r->worst));
        help_wrap(out, r->title, out->len - start, 41);
    }
    buf_str(out, "\nseep rules ID explains one.\n");
}

/* --- Markdown --- */

static void bullet(struct buf *out, const char *title, const char *text)
{
    if (text != NULL && *text != '\0') {
        buf_printf(out, "- **%s**: %s\n", title, text);
    }
}

static void code_block(struct buf *out, const char *title, const char *code)
{
    if (code != NULL && *code != '\0') {
        const bool ends = span_ends(span_of(code), "\n");
        buf_printf(out, "\n%s\n\n```go\n%s%s```\n", title, code,
                   ends ? "" : "\n");
    }
}

static void page_markdown(struct buf *out, const struct rule *r)
{
    buf_printf(out, "## %s\n\n%s. At worst %s.\n\n", r->id, r->title,
               grade_name(r->worst));
    bullet(out, "What", r->what);
    bullet(out, "Why", r->why);
    bullet(out, "Infers", r->infers);
    bullet(out, "Decides", r->decides);
    for (size_t i = 0; i < 4 && r->alternatives[i] != NULL; i++) {
        bullet(out, "Or else", r->alternatives[i]);
    }
    bullet(out, "Fix", r->fix);
    bullet(out, "Check", r->confirm);
    code_block(out, "Leaks:", r->leaking);
    code_block(out, "Mended:", r->mended);
    if (r->n_params > 0) {
        buf_str(out, "\n| parameter | default | from | to | meaning |\n"
                     "|---|---|---|---|---|\n");
    }
    for (size_t i = 0; i < r->n_params; i++) {
        const struct rule_param *p = &r->params[i];
        const double cells[] = {p->value, p->min, p->max};
        buf_printf(out, "| `%s` |", p->name);
        for (size_t c = 0; c < 3; c++) {
            buf_char(out, ' ');
            number(out, cells[c], p->unit);
            buf_str(out, " |");
        }
        buf_printf(out, " %s |\n", p->help);
    }
    buf_char(out, '\n');
}

static void list_markdown(struct buf *out, const struct selection *s)
{
    buf_str(out, "# Rules\n\nThe first rule that fits names a finding; "
                 "statistics decide the grade, up to the rule's highest.\n\n"
                 "| | rule | at worst | |\n|---|---|---|---|\n");
    for (size_t i = 0; i < s->n; i++) {
        const struct rule *r = s->rules[i];
        buf_printf(out, "| %zu | [%s](#%s) | %s | %s |\n", i + 1, r->id, r->id,
                   grade_name(r->worst), r->title);
    }
    buf_char(out, '\n');
}

/* --- JSON --- */

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_string(text) : json_null();
}

static json_t *params_json(const struct rule *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_params; i++) {
        const struct rule_param *p = &r->params[i];
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:f, s:f, s:f, s:s}", "name", p->name,
                            "unit", p->unit, "default", p->value, "min", p->min,
                            "max", p->max, "help", p->help));
    }
    return list;
}

static json_t *rule_json(const struct rule *r, size_t order)
{
    json_t *alternatives = json_array();
    for (size_t i = 0; i < 4 && r->alternatives[i] != NULL; i++) {
        json_array_append_new(alternatives, json_string(r->alternatives[i]));
    }
    return json_pack(
        "{s:s, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "id", r->id, "order", (json_int_t)order, "title", r->title, "worst",
        grade_name(r->worst), "what", text_or_null(r->what), "why",
        text_or_null(r->why), "infers", text_or_null(r->infers), "decides",
        text_or_null(r->decides), "alternatives", alternatives, "fix",
        text_or_null(r->fix), "confirm", text_or_null(r->confirm), "leaking",
        text_or_null(r->leaking), "mended", text_or_null(r->mended), "params",
        params_json(r));
}

/* Place of a rule in the table, from 1. */
static size_t order_of(const struct rule *rule)
{
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        if (all[i] == rule) {
            return i + 1;
        }
    }
    return 0;
}

static int add_json(const char *text, size_t n, void *out)
{
    buf_add(out, text, n);
    return 0;
}

static bool write_json(struct buf *out, const struct selection *s,
                       struct err *err)
{
    json_t *list = json_array();
    for (size_t i = 0; i < s->n; i++) {
        json_array_append_new(list,
                              rule_json(s->rules[i], order_of(s->rules[i])));
    }
    const bool is_whole = list != NULL && json_array_size(list) == s->n;
    json_t *document =
        json_pack("{s:s, s:o}", "schema", "seep/rules/1", "rules", list);
    const bool ok =
        is_whole && document != NULL &&
        json_dump_callback(document, add_json, out, JSON_INDENT(2)) == 0;
    buf_char(out, '\n');
    json_decref(document);
    return ok || err_nomem(err, "rules");
}

/* -------------------------------------------------------------------------- */

static bool render_rules(const void *what, const char *format,
                         const struct session *session, bool to_stdout,
                         struct buf *out, struct err *err)
{
    const struct selection *s = what;
    (void)session;
    (void)to_stdout;
    if (strcmp(format, "json") == 0) {
        return write_json(out, s, err);
    }
    const bool is_markdown = strcmp(format, "markdown") == 0;
    if (!s->is_one) {
        (is_markdown ? list_markdown : list_text)(out, s);
    }
    for (size_t i = 0; i < s->n && (s->is_one || is_markdown); i++) {
        (is_markdown ? page_markdown : page_text)(out, s->rules[i]);
    }
    return true;
}

static bool no_such_rule(const char *id, const struct selection *all,
                         struct err *err)
{
    const char *ids[RULES_MAX];
    size_t n = 0;
    for (; n < all->n && n < RULES_MAX; n++) {
        ids[n] = all->rules[n]->id;
    }
    const char *nearest = words_nearest(id, ids, n);
    if (nearest != NULL) {
        return err_set(err, ERR_USAGE,
                       "there is no rule '%s'; did you mean %s?", id, nearest);
    }
    return err_set(err, ERR_USAGE, "there is no rule '%s'; see seep rules", id);
}

static bool select_rules(const struct words *args, struct selection *s,
                         const struct rule **one, struct err *err)
{
    s->rules = rules_all(&s->n);
    if (args->n == 0) {
        return true;
    }
    if (args->n > 1) {
        return err_set(err, ERR_USAGE, "rules: one rule at a time");
    }
    *one = rules_find(args->items[0]);
    if (*one == NULL) {
        return no_such_rule(args->items[0], s, err);
    }
    *s = (struct selection){one, 1, true};
    return true;
}

static int rules_run(struct session *session, void *options,
                     const struct words *args)
{
    const struct rules_cmd_options *o = options;
    struct err err = {0};
    struct selection selection = {0};
    const struct rule *one = NULL;
    if (!select_rules(args, &selection, &one, &err) ||
        !outputs_check(&o->outputs, formats, N_FORMATS, &err) ||
        !outputs_write(&o->outputs, session, render_rules, &selection, &err)) {
        return console_fail(NULL, &err);
    }
    return STATUS_OK;
}

static bool offer_rules(size_t i, struct option_offer *out)
{
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    if (i >= n) {
        return false;
    }
    *out = (struct option_offer){all[i]->id, all[i]->title};
    return true;
}

const struct cmd cmd_rules = {
    .name = "rules",
    .summary = "list and explain the leak rules",
    .usage = "[ID]",
    .options = rows,
    .n_options = sizeof(rows) / sizeof(rows[0]),
    .options_bytes = sizeof(struct rules_cmd_options),
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.words = offer_rules},
    .run = rules_run,
};
