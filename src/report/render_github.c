/*
 * Workflow commands of GitHub Actions: lines on stdout that become annotations
 * beside the code. A step shows ten errors, ten warnings and ten notices and
 * drops the rest without a word, so errors come first and the last notice says
 * how many are not shown. Nothing from an input can begin a command: its line
 * breaks and separators are escaped.
 */
#include "report/forge_private.h"
#include "report/plain.h"

#include <string.h>

#include "base/banned.h"

enum {
    SHOWN_MAX = 10, /* of each level, as GitHub counts them in a step */
    NOTES_MAX = 8,  /* two notices are the verdict and what is left out */
    TEXT_BYTES = 64000
};

static const char *const commands[] = {
    [FORGE_NOTE] = "notice",
    [FORGE_WARNING] = "warning",
    [FORGE_ERROR] = "error",
};

static void add_escaped(struct buf *out, struct span clean, const char *special)
{
    for (size_t i = 0; i < clean.len; i++) {
        const char c = clean.p[i];
        if (strchr(special, c)) {
            buf_printf(out, "%%%02X", (unsigned)(unsigned char)c);
        } else {
            buf_char(out, c);
        }
    }
}

static void add_message(struct buf *out, struct span clean)
{
    add_escaped(out, clean, "%\r\n");
}

static void add_property(struct buf *out, const char *name, struct span clean)
{
    buf_str(out, name);
    add_escaped(out, clean, "%\r\n:,");
}

/* Text of the caller's, or a name of an input. */
static void add_name(struct buf *out, const char *name, const char *text)
{
    struct buf clean = BUF_LIMIT(TEXT_BYTES);
    plain_clean(&clean, text);
    add_property(out, name, buf_view(&clean));
    plain_drop(&clean, out);
}

static void annotation(struct buf *out, const struct report *r,
                       const struct finding *f)
{
    const struct forge_place place = forge_place(r, f);
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    buf_printf(out, "::%s ", commands[forge_level(f)]);
    add_name(out, "file=", place.path);
    buf_printf(out, ",line=%lld,endLine=%lld", (long long)place.line,
               (long long)place.line);
    buf_printf(&text, "seep: %s", grade_name(f->grade));
    const enum summary_group group = summary_group(f);
    if (group != GROUP_PLAIN) {
        buf_printf(&text, ", %s", summary_group_word(group));
    }
    add_property(out, ",title=", buf_view(&text));
    buf_str(out, "::");
    plain_drop(&text, out);
    text = BUF_LIMIT(TEXT_BYTES);
    forge_message(&text, f, NULL);
    add_message(out, buf_view(&text));
    buf_char(out, '\n');
    plain_drop(&text, out);
}

/* Those of one level, in their order; returns how many are not shown. */
static size_t add_level(struct buf *out, const struct report *r,
                        enum forge_level level, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < r->findings->n; i++) {
        const struct finding *f = &r->findings->items[i];
        if (forge_level(f) == level && n++ < most) {
            annotation(out, r, f);
        }
    }
    return n > most ? n - most : 0;
}

/* "LEAK: 1 strong finding in 10 snapshots over 22.5 s; 1 new, 1 accepted" */
static void verdict(struct buf *out, const struct report *r)
{
    const char *undecided = forge_undecided(r);
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    buf_printf(&text, "%s: ", summary_word(r->findings->verdict));
    summary_verdict(&text, r);
    const size_t before = text.len;
    buf_str(&text, "; ");
    summary_states(&text, r->findings);
    text.len = text.len == before + 2 ? before : text.len;
    if (undecided) {
        buf_str(&text, r->findings->verdict == VERDICT_INCONCLUSIVE
                           ? "; "
                           : "; could not decide: ");
        plain_clean(&text, undecided);
    }
    buf_printf(out, "::%s title=seep::",
               commands[undecided ? FORGE_WARNING : FORGE_NOTE]);
    add_message(out, buf_view(&text));
    buf_char(out, '\n');
    plain_drop(&text, out);
}

static void add_findings(struct buf *out, const struct report *r)
{
    const bool is_open = forge_undecided(r) != NULL;
    verdict(out, r);
    size_t n_more = add_level(out, r, FORGE_ERROR, SHOWN_MAX);
    n_more += add_level(out, r, FORGE_WARNING, SHOWN_MAX - (is_open ? 1 : 0));
    n_more += add_level(out, r, FORGE_NOTE, NOTES_MAX);
    if (n_more > 0) {
        buf_printf(out,
                   "::notice title=seep::%zu more; GitHub shows ten of each "
                   "level in a step\n",
                   n_more);
    }
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    if (r->findings) {
        add_findings(out, r);
        return buf_check(out, "github report", err);
    }
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    for (size_t i = 0; i < r->n_summary; i++) {
        buf_str(&text, i > 0 ? "; " : "");
        plain_clean(&text, r->summary[i]);
    }
    buf_str(out, "::notice title=seep::");
    add_message(out, buf_view(&text));
    buf_char(out, '\n');
    plain_drop(&text, out);
    return buf_check(out, "github report", err);
}

const struct renderer renderer_github = {
    .name = "github",
    .media_type = "text/plain",
    .summary = "annotations of a workflow in GitHub Actions",
    .render = render,
};
