/* `seep sim --list` and `--explain`: printed from the scenarios' own table. */
#include "sim_modes.h"

#include "console.h"
#include "help.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char *label_text(const struct sim_scenario *s)
{
    return s->label == SIM_LEAK ? "leak" : "healthy";
}

/* --- text --- */

static void list_text(struct buf *out)
{
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "%-24s %-8s %s\n", all[i]->name, label_text(all[i]),
                   all[i]->what);
    }
}

static void page_text(struct buf *out, const struct sim_scenario *s)
{
    const bool leaks = s->label == SIM_LEAK;
    buf_printf(out, "%s (%s): %s\n\n", s->name, label_text(s), s->what);
    help_paragraph(out, leaks ? "what leaks" : "what happens", s->lesson.leaks);
    help_paragraph(out, "held by", s->hold);
    help_code(out, leaks ? "leaks:" : "the code:", s->lesson.code);
    if (s->lesson.fix != NULL) {
        help_code(out, "mended:", s->lesson.fix);
    }
    buf_char(out, '\n');
    help_paragraph(out, "to be seen", s->lesson.shows);
    help_paragraph(out, "not seen", s->lesson.cannot);
    help_paragraph(out, "undecidable", s->undecidable);
    buf_printf(out,
               "\nwatch it: seep sim %s -o DIR && seep leaks DIR/%s/seed-1\n",
               s->name, s->name);
}

/* --- JSON --- */

static json_t *text_or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *scenario_json(const struct sim_scenario *s)
{
    json_t *culprits = json_array();
    for (size_t i = 0; i < SIM_CULPRITS_MAX && s->culprits[i] != NULL; i++) {
        (void)json_array_append_new(culprits, json_string(s->culprits[i]));
    }
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:s, "
        "s:s}",
        "name", s->name, "number", s->number, "label", label_text(s), "kind",
        s->kind, "what", s->what, "service", s->service, "hold",
        text_or_null(s->hold), "culprits", culprits, "undecidable",
        text_or_null(s->undecidable), "leaks", s->lesson.leaks, "code",
        s->lesson.code, "fix", text_or_null(s->lesson.fix), "shows",
        s->lesson.shows, "cannot", s->lesson.cannot);
}

static bool add_json(struct buf *out, json_t *value, struct err *err)
{
    char *text = value == NULL ? NULL : json_dumps(value, JSON_INDENT(2));
    json_decref(value);
    if (text == NULL) {
        return err_nomem(err, "scenarios");
    }
    buf_str(out, text);
    buf_char(out, '\n');
    free(text);
    return true;
}

static json_t *list_json(void)
{
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        (void)json_array_append_new(list, scenario_json(all[i]));
    }
    return list;
}

/* `what` is one scenario, or NULL for the list. */
static bool render(const void *what, const char *format,
                   const struct session *s, bool to_stdout, struct buf *out,
                   struct err *err)
{
    (void)s;
    (void)to_stdout;
    if (strcmp(format, "json") == 0) {
        return add_json(out, what != NULL ? scenario_json(what) : list_json(),
                        err);
    }
    if (what != NULL) {
        page_text(out, what);
    } else {
        list_text(out);
    }
    return true;
}

static int print(struct session *s, const struct sim_cmd_options *o,
                 const struct sim_scenario *one)
{
    struct err err = {0};
    if (!outputs_check(&o->outputs, sim_formats, n_sim_formats, &err) ||
        !outputs_write(&o->outputs, s, render, one, &err)) {
        return console_fail("sim", &err);
    }
    return STATUS_OK;
}

int sim_list(struct session *s, const struct sim_cmd_options *o)
{
    return print(s, o, NULL);
}

int sim_explain(struct session *s, const struct sim_cmd_options *o)
{
    struct err err = {0};
    const struct sim_scenario *one = NULL;
    if (!sim_cmd_scenario(o->explain, &one, &err)) {
        return console_fail("sim", &err);
    }
    return print(s, o, one);
}
