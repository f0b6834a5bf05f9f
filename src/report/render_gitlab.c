/*
 * GitLab's code quality report: an array of issues, shown in merge requests.
 * GitLab itself compares the branch with its target by fingerprints and keeps
 * one issue of each, so they are made unique. What is accepted or gone is left
 * out: GitLab has no word for it, and what is missing reads as solved.
 */
#include "report/forge_private.h"
#include "report/json_build_private.h"

#include <stdlib.h>

#include "base/banned.h"

static const char *const severities[N_GRADES] = {
    [GRADE_INFO] = "info",      [GRADE_GROWTH] = "minor",
    [GRADE_SUSPECT] = "major",  [GRADE_STRONG] = "critical",
    [GRADE_PROVEN] = "blocker",
};

static json_t *fingerprint(struct json_builder *b, const struct finding *f,
                           uint32_t occurrence)
{
    struct buf made = BUF_LIMIT(64);
    buf_str(&made, f->id);
    if (occurrence > 1) {
        buf_printf(&made, "-%u", occurrence);
    }
    json_t *out = build_span(b, buf_view(&made));
    b->failed |= !buf_ok(&made);
    buf_release(&made);
    return out;
}

static json_t *issue(struct json_builder *b, const char *check,
                     json_t *description, json_t *print, const char *severity,
                     struct forge_place place)
{
    json_t *out = json_object();
    json_t *location = json_object();
    json_t *lines = json_object();
    build_put(b, out, "type", build_text(b, "issue"));
    build_put(b, out, "description", description);
    build_put(b, out, "check_name", build_text(b, check));
    build_put(b, out, "fingerprint", print);
    build_put(b, out, "severity", build_text(b, severity));
    build_put(b, lines, "begin", json_integer(place.line));
    build_put(b, location, "path", build_text(b, place.path));
    build_put(b, location, "lines", lines);
    build_put(b, out, "location", location);
    return out;
}

static json_t *finding_issue(struct json_builder *b, const struct report *r,
                             const struct finding *f, uint32_t occurrence)
{
    struct buf message = BUF_LIMIT(64000);
    forge_message(&message, f, NULL);
    json_t *out = issue(b, f->rule->id, build_span(b, buf_view(&message)),
                        fingerprint(b, f, occurrence), severities[f->grade],
                        forge_place(r, f));
    b->failed |= !buf_ok(&message);
    buf_release(&message);
    return out;
}

/* An empty list would read as all solved. */
static json_t *undecided_issue(struct json_builder *b, const struct report *r)
{
    struct buf message = BUF_LIMIT(64000);
    struct buf print = BUF_LIMIT(256);
    static const struct finding nowhere = {.has_site = false};
    buf_str(&message, "seep could not decide: ");
    forge_cut(&message, forge_undecided(r), FORGE_CAUSE);
    buf_printf(&print, "undecided-%.80s", r->command ? r->command : "report");
    json_t *out = issue(b, "undecided", build_span(b, buf_view(&message)),
                        build_span(b, buf_view(&print)), "major",
                        forge_place(r, &nowhere));
    b->failed |= !buf_ok(&message) || !buf_ok(&print);
    buf_release(&message);
    buf_release(&print);
    return out;
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    const struct findings none = {0};
    const struct findings *f = r->findings ? r->findings : &none;
    struct json_builder b = JSON_BUILDER;
    json_t *issues = json_array();
    uint32_t *occurrences = forge_occurrences(f);
    b.failed = f->n > 0 && !occurrences;
    for (size_t i = 0; i < f->n && !b.failed; i++) {
        if (forge_is_open(&f->items[i])) {
            build_push(&b, issues,
                       finding_issue(&b, r, &f->items[i], occurrences[i]));
        }
    }
    if (forge_undecided(r)) {
        build_push(&b, issues, undecided_issue(&b, r));
    }
    free(occurrences);
    const bool ok = build_dump(&b, issues, BUILD_LINES, out, err);
    build_release(&b);
    buf_char(out, '\n');
    return ok && buf_check(out, "gitlab report", err);
}

const struct renderer renderer_gitlab = {
    .name = "gitlab",
    .media_type = "application/json",
    .summary = "a code quality report for GitLab",
    .render = render,
};
