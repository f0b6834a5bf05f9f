/*
 * SARIF 2.1.0, above all for GitHub's code scanning, which shows a result at
 * its first location, the stack as steps of a code flow, and knows an alert
 * again by primaryLocationLineHash. What it does not read (stacks,
 * baselineState, suppressions) is there for other viewers.
 *
 * GitHub refuses a file above 10 MB compressed and shows the first 5,000
 * results, so results are written one by one, by rank, until one of the two is
 * reached; a notification says how many are left out. What is fixed is left
 * out too: GitHub would show it as an open alert.
 */
#include "base/gz.h"
#include "report/forge_private.h"
#include "report/json_build_private.h"
#include "report/plain.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

enum {
    RESULTS_MAX = 5000,
    FRAMES_MAX = 100,
    RULES_MAX = 512,
    NOTES_MAX = 20,
    TEXT_MAX = 1000, /* columns; GitHub takes 1,024 characters */
    NAME_MAX_COLUMNS = 240,
    PART_BYTES = 64000
};
static const size_t plain_bytes_max = (size_t)64 << 20;
static const size_t gzip_bytes_max = 9500000; /* of 10 MB */

struct sarif {
    struct json_builder b;
    const struct report *report;
    const struct rule *rules[RULES_MAX]; /* in order of their first finding */
    size_t n_rules;
    uint32_t *occurrences;
};

static const char *const level_names[] = {
    [FORGE_NOTE] = "note",
    [FORGE_WARNING] = "warning",
    [FORGE_ERROR] = "error",
};

/* Takes clean text out of `made` and releases it. */
static json_t *take_text(struct sarif *s, struct buf *made)
{
    s->b.failed |= !buf_ok(made);
    json_t *out = build_span(&s->b, buf_view(made));
    buf_release(made);
    return out;
}

static json_t *cut_text(struct sarif *s, const char *text, size_t columns)
{
    struct buf cut = BUF_LIMIT(PART_BYTES);
    forge_cut(&cut, text, columns);
    return take_text(s, &cut);
}

/* {"text": ...} */
static json_t *message(struct sarif *s, const char *text)
{
    json_t *out = json_object();
    build_put(&s->b, out, "text", cut_text(s, text, TEXT_MAX));
    return out;
}

/* --- rules --- */

static size_t rule_index(const struct sarif *s, const struct rule *rule)
{
    size_t i = 0;
    while (i < s->n_rules && s->rules[i] != rule) {
        i++;
    }
    return i;
}

static void add_rules_used(struct sarif *s)
{
    const struct findings *f = s->report->findings;
    for (size_t i = 0; f && i < f->n; i++) {
        const struct rule *rule = f->items[i].rule;
        if (s->n_rules < RULES_MAX && rule_index(s, rule) == s->n_rules) {
            s->rules[s->n_rules++] = rule;
        }
    }
}

/* "goroutine-chan-receive" -> "GoroutineChanReceive" */
static json_t *pascal_name(struct sarif *s, const char *id)
{
    struct buf made = BUF_LIMIT(PART_BYTES);
    bool is_start = true;
    for (const char *c = id; *c; c++) {
        if (*c == '-') {
            is_start = true;
            continue;
        }
        const int upper = toupper((unsigned char)*c);
        buf_char(&made, *c);
        if (is_start && buf_ok(&made)) {
            made.data[made.len - 1] = (char)upper;
        }
        is_start = false;
    }
    return take_text(s, &made);
}

static json_t *rule_help(struct sarif *s, const struct rule *rule)
{
    struct buf plain = BUF_LIMIT(PART_BYTES);
    struct buf marked = BUF_LIMIT(PART_BYTES);
    buf_printf(&plain, "%s To confirm: %s. More: seep rules %s", rule->fix,
               rule->confirm, rule->id);
    buf_printf(&marked,
               "**Fix**: %s\n\n**To confirm**: %s\n\nMore: `seep rules %s`",
               rule->fix, rule->confirm, rule->id);
    json_t *out = json_object();
    build_put(&s->b, out, "text", take_text(s, &plain));
    build_put(&s->b, out, "markdown", take_text(s, &marked));
    return out;
}

static json_t *rule_properties(struct sarif *s, const struct rule *rule)
{
    static const char *const precisions[N_GRADES] = {
        [GRADE_INFO] = "low",         [GRADE_GROWTH] = "medium",
        [GRADE_SUSPECT] = "medium",   [GRADE_STRONG] = "high",
        [GRADE_PROVEN] = "very-high",
    };
    static const char *const severities[] = {
        [FORGE_NOTE] = "recommendation",
        [FORGE_WARNING] = "warning",
        [FORGE_ERROR] = "error",
    };
    const bool is_goroutine = strncmp(rule->id, "goroutine", 9) == 0;
    json_t *out = json_object();
    json_t *tags = json_array();
    build_push(&s->b, tags, build_text(&s->b, "leak"));
    build_push(&s->b, tags,
               build_text(&s->b, is_goroutine ? "goroutine" : "memory"));
    build_put(&s->b, out, "tags", tags);
    build_put(&s->b, out, "precision",
              build_text(&s->b, precisions[rule->worst]));
    build_put(&s->b, out, "problem.severity",
              build_text(&s->b, severities[forge_grade_level(rule->worst)]));
    return out;
}

static json_t *rule(struct sarif *s, const struct rule *rule)
{
    struct buf full = BUF_LIMIT(PART_BYTES);
    struct buf cut = BUF_LIMIT(PART_BYTES);
    buf_printf(&full, "%s %s", rule->what, rule->why);
    forge_cut(&cut, full.data, TEXT_MAX);
    s->b.failed |= !buf_ok(&full);
    buf_release(&full);
    json_t *out = json_object();
    json_t *text = json_object();
    json_t *usual = json_object();
    build_put(&s->b, out, "id", build_text(&s->b, rule->id));
    build_put(&s->b, out, "name", pascal_name(s, rule->id));
    build_put(&s->b, out, "shortDescription", message(s, rule->title));
    build_put(&s->b, text, "text", take_text(s, &cut));
    build_put(&s->b, out, "fullDescription", text);
    build_put(&s->b, out, "help", rule_help(s, rule));
    build_put(&s->b, usual, "level",
              build_text(&s->b, level_names[forge_grade_level(rule->worst)]));
    build_put(&s->b, out, "defaultConfiguration", usual);
    build_put(&s->b, out, "properties", rule_properties(s, rule));
    return out;
}

static json_t *tool(struct sarif *s)
{
    json_t *driver = json_object();
    json_t *rules = json_array();
    for (size_t i = 0; i < s->n_rules; i++) {
        build_push(&s->b, rules, rule(s, s->rules[i]));
    }
    build_put(&s->b, driver, "name", build_text(&s->b, "seep"));
    build_put(&s->b, driver, "semanticVersion",
              build_text(&s->b, s->report->tool_version));
    build_put(&s->b, driver, "rules", rules);
    json_t *out = json_object();
    build_put(&s->b, out, "driver", driver);
    return out;
}

/* --- places --- */

/* A path as a relative reference: RFC 3986, 4.2. A colon in the first segment
   would make a scheme of it. */
static json_t *uri(struct sarif *s, const char *path)
{
    struct buf safe = BUF_LIMIT(PART_BYTES);
    struct buf made = BUF_LIMIT(PART_BYTES);
    plain_utf8(&safe, path);
    for (size_t i = 0; i < safe.len; i++) {
        const char c = safe.data[i];
        const bool is_ascii = (unsigned char)c < 0x80;
        if (is_ascii &&
            (isalnum((unsigned char)c) || strchr("-._~/!$&'()*+,;=@", c))) {
            buf_char(&made, c);
        } else {
            buf_printf(&made, "%%%02X", (unsigned)(unsigned char)c);
        }
    }
    plain_drop(&safe, &made);
    return take_text(s, &made);
}

static json_t *physical(struct sarif *s, const char *path, int64_t line)
{
    json_t *out = json_object();
    json_t *artifact = json_object();
    json_t *region = json_object();
    line = line > 0 ? line : 1;
    build_put(&s->b, artifact, "uri", uri(s, path));
    build_put(&s->b, out, "artifactLocation", artifact);
    build_put(&s->b, region, "startLine", json_integer(line));
    build_put(&s->b, region, "startColumn", json_integer(1));
    build_put(&s->b, region, "endLine", json_integer(line));
    build_put(&s->b, region, "endColumn", json_integer(2));
    build_put(&s->b, out, "region", region);
    return out;
}

static void put_function(struct sarif *s, json_t *location,
                         const struct frame *f)
{
    json_t *logical = json_object();
    json_t *list = json_array();
    build_put(&s->b, logical, "fullyQualifiedName",
              cut_text(s, f->function, NAME_MAX_COLUMNS));
    build_put(&s->b, logical, "kind", build_text(&s->b, "function"));
    build_push(&s->b, list, logical);
    build_put(&s->b, location, "logicalLocations", list);
}

/* A frame by its name, and by its place where the repository has it. */
static json_t *frame_location(struct sarif *s, const struct frame *f)
{
    struct buf text = BUF_LIMIT(PART_BYTES);
    json_t *out = json_object();
    if (forge_path(f)) {
        build_put(&s->b, out, "physicalLocation",
                  physical(s, forge_path(f), f->line));
    }
    put_function(s, out, f);
    forge_cut(&text, f->function, NAME_MAX_COLUMNS);
    if (!forge_path(f)) {
        buf_str(&text, " ");
        summary_position(&text, f);
    }
    json_t *words = json_object();
    build_put(&s->b, words, "text", take_text(s, &text));
    build_put(&s->b, out, "message", words);
    return out;
}

static json_t *primary(struct sarif *s, const struct finding *f)
{
    const struct forge_place place = forge_place(s->report, f);
    json_t *out = json_object();
    json_t *list = json_array();
    build_put(&s->b, out, "physicalLocation",
              physical(s, place.path, place.line));
    if (place.frame) {
        put_function(s, out, place.frame);
    }
    build_push(&s->b, list, out);
    return list;
}

/* --- stacks --- */

/* Root first; only what the repository has, since links to anything else would
   be dead. NULL when that is nothing. */
static json_t *code_flows(struct sarif *s, const struct finding *f)
{
    json_t *steps = json_array();
    size_t n = 0;
    size_t from = 0; /* past the outermost that fits */
    while (from < f->n_stack && n < FRAMES_MAX) {
        n += forge_path(&f->stack[from++]) ? 1 : 0;
    }
    for (size_t i = from; i > 0; i--) {
        if (forge_path(&f->stack[i - 1])) {
            json_t *step = json_object();
            build_put(&s->b, step, "location",
                      frame_location(s, &f->stack[i - 1]));
            build_push(&s->b, steps, step);
        }
    }
    if (n == 0) {
        json_decref(steps);
        return NULL;
    }
    json_t *thread = json_object();
    json_t *threads = json_array();
    json_t *flow = json_object();
    json_t *flows = json_array();
    build_put(&s->b, thread, "locations", steps);
    build_push(&s->b, threads, thread);
    build_put(&s->b, flow, "threadFlows", threads);
    build_push(&s->b, flows, flow);
    return flows;
}

/* All frames, leaf first, as the standard has it. */
static json_t *stacks(struct sarif *s, const struct finding *f)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < f->n_stack && i < FRAMES_MAX; i++) {
        const struct frame *at = &f->stack[i];
        json_t *row = json_object();
        build_put(&s->b, row, "location", frame_location(s, at));
        if (at->mark && at->mark->module) {
            build_put(&s->b, row, "module",
                      cut_text(s, at->mark->module, NAME_MAX_COLUMNS));
        }
        build_push(&s->b, frames, row);
    }
    json_t *stack = json_object();
    json_t *list = json_array();
    build_put(&s->b, stack, "message", message(s, "stack, innermost first"));
    build_put(&s->b, stack, "frames", frames);
    build_push(&s->b, list, stack);
    return list;
}

/* --- the message and what it links to --- */

/* Frames that the message names and the repository has; their number is their
   id. */
struct links {
    struct sarif *s;
    json_t *related;
};

/* In a message "[" begins a link. */
static void add_unlinked(void *ctx, struct buf *out, struct span clean)
{
    (void)ctx;
    for (size_t i = 0; i < clean.len; i++) {
        if (strchr("[]\\", clean.p[i])) {
            buf_char(out, '\\');
        }
        buf_char(out, clean.p[i]);
    }
}

static void add_link(void *ctx, struct buf *out, const struct frame *f,
                     struct span text)
{
    struct links *l = ctx;
    if (!forge_path(f)) {
        add_unlinked(NULL, out, text);
        return;
    }
    const json_int_t id = (json_int_t)json_array_size(l->related) + 1;
    json_t *location = json_object();
    json_t *numbered = frame_location(l->s, f);
    build_put(&l->s->b, location, "id", json_integer(id));
    l->s->b.failed |= json_object_update(location, numbered) != 0;
    json_decref(numbered);
    build_push(&l->s->b, l->related, location);
    buf_char(out, '[');
    add_unlinked(NULL, out, text);
    buf_printf(out, "](%lld)", (long long)id);
}

static void put_message(struct sarif *s, json_t *result,
                        const struct finding *f)
{
    struct links links = {s, json_array()};
    const struct forge_writer writer = {&links, add_unlinked, add_link};
    struct buf text = BUF_LIMIT(PART_BYTES);
    forge_message(&text, f, &writer);
    json_t *words = json_object();
    build_put(&s->b, words, "text", take_text(s, &text));
    build_put(&s->b, result, "message", words);
    if (json_array_size(links.related) > 0) {
        build_put(&s->b, result, "relatedLocations", links.related);
    } else {
        json_decref(links.related);
    }
}

/* --- results --- */

static json_t *fingerprints(struct sarif *s, const struct finding *f,
                            uint32_t occurrence)
{
    struct buf made = BUF_LIMIT(PART_BYTES);
    json_t *out = json_object();
    buf_printf(&made, "%s:%u", f->id, occurrence);
    build_put(&s->b, out, "primaryLocationLineHash", take_text(s, &made));
    build_put(&s->b, out, "seep/v1", build_text(&s->b, f->id));
    return out;
}

static json_t *suppressions(struct sarif *s, const struct finding *f)
{
    struct buf text = BUF_LIMIT(PART_BYTES);
    struct buf cut = BUF_LIMIT(PART_BYTES);
    json_t *out = json_object();
    json_t *list = json_array();
    summary_accepted(&text, f);
    plain_elide(&cut, buf_view(&text), TEXT_MAX, false);
    plain_drop(&text, &cut);
    build_put(&s->b, out, "kind", build_text(&s->b, "external"));
    build_put(&s->b, out, "status", build_text(&s->b, "accepted"));
    build_put(&s->b, out, "justification", take_text(s, &cut));
    build_push(&s->b, list, out);
    return list;
}

static json_t *properties(struct sarif *s, const struct finding *f)
{
    json_t *out = json_object();
    build_put(&s->b, out, "grade", build_text(&s->b, grade_name(f->grade)));
    build_put(&s->b, out, "profile",
              build_text(&s->b, profile_kind_name(f->profile)));
    build_put(&s->b, out, "loose_id", build_text(&s->b, f->loose_id));
    build_put(&s->b, out, "first_seen", json_of_moment(f->first_seen_nanos));
    if (f->n_metrics > 0) {
        const struct metric *m = &f->metrics[0];
        build_put(&s->b, out, "metric", build_text(&s->b, m->name));
        build_put(&s->b, out, "first", json_of_number(m->first));
        build_put(&s->b, out, "last", json_of_number(m->last));
        build_put(&s->b, out, "per_hour", json_of_number(m->per_hour));
    }
    return out;
}

static const char *baseline_state(const struct finding *f)
{
    static const char *const states[N_GROUPS] = {
        [GROUP_NEW] = "new",
        [GROUP_WORSE] = "updated",
        [GROUP_FIXED] = "absent",
        [GROUP_EXISTING] = "unchanged",
    };
    struct finding open = *f;
    open.accepted = NULL;
    return states[summary_group(&open)];
}

static json_t *result(struct sarif *s, const struct finding *f,
                      uint32_t occurrence)
{
    const enum forge_level level =
        f->accepted || f->uncounted ? FORGE_NOTE : forge_grade_level(f->grade);
    const size_t rule = rule_index(s, f->rule);
    json_t *out = json_object();
    build_put(&s->b, out, "ruleId", build_text(&s->b, f->rule->id));
    if (rule < s->n_rules) {
        build_put(&s->b, out, "ruleIndex", json_integer((json_int_t)rule));
    }
    build_put(&s->b, out, "level", build_text(&s->b, level_names[level]));
    put_message(s, out, f);
    build_put(&s->b, out, "locations", primary(s, f));
    build_put(&s->b, out, "partialFingerprints",
              fingerprints(s, f, occurrence));
    json_t *flows = code_flows(s, f);
    if (flows) {
        build_put(&s->b, out, "codeFlows", flows);
    }
    if (f->n_stack > 0) {
        build_put(&s->b, out, "stacks", stacks(s, f));
    }
    if (baseline_state(f)) {
        build_put(&s->b, out, "baselineState",
                  build_text(&s->b, baseline_state(f)));
    }
    if (f->accepted) {
        build_put(&s->b, out, "suppressions", suppressions(s, f));
    }
    build_put(&s->b, out, "properties", properties(s, f));
    return out;
}

/* As many as fit, at most `most`. */
static bool add_results(struct sarif *s, size_t most, struct buf *out,
                        size_t *n_written, size_t *n_open, struct err *err)
{
    const struct findings none = {0};
    const struct findings *f =
        s->report->findings ? s->report->findings : &none;
    struct buf one = BUF_LIMIT(plain_bytes_max);
    bool ok = true;
    bool is_full = false;
    *n_written = 0;
    *n_open = 0;
    for (size_t i = 0; i < f->n && ok; i++) {
        if (summary_group(&f->items[i]) == GROUP_FIXED) {
            continue;
        }
        ++*n_open;
        if (is_full || *n_written == most) {
            continue;
        }
        buf_clear(&one);
        ok = build_dump(&s->b, result(s, &f->items[i], s->occurrences[i]),
                        BUILD_LINE, &one, err);
        is_full = out->len + one.len + 2 > plain_bytes_max;
        if (ok && !is_full) {
            buf_str(out, *n_written > 0 ? ",\n" : "\n");
            buf_span(out, buf_view(&one));
            ++*n_written;
        }
    }
    buf_release(&one);
    return ok;
}

/* --- the run --- */

static void notify(struct sarif *s, json_t *list, const char *level,
                   const char *text)
{
    json_t *out = json_object();
    build_put(&s->b, out, "level", build_text(&s->b, level));
    build_put(&s->b, out, "message", message(s, text));
    build_push(&s->b, list, out);
}

static json_t *invocations(struct sarif *s, size_t n_left_out)
{
    const struct report *r = s->report;
    json_t *notes = json_array();
    if (n_left_out > 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "%zu results with the lowest rank are left out: code scanning "
                 "takes no more",
                 n_left_out);
        notify(s, notes, "warning", text);
    }
    const char *undecided = forge_undecided(r);
    if (undecided) {
        struct buf text = BUF_LIMIT(PART_BYTES);
        buf_str(&text, "could not decide: ");
        plain_clean(&text, undecided);
        s->b.failed |= !buf_ok(&text);
        notify(s, notes, "error", buf_ok(&text) ? text.data : "");
        buf_release(&text);
    }
    for (size_t i = 0; i < r->n_notes && i < NOTES_MAX; i++) {
        notify(s, notes, "note", r->notes[i]);
    }
    for (size_t i = 0; r->findings && i < r->findings->n_notes && i < NOTES_MAX;
         i++) {
        notify(s, notes, "note", r->findings->notes[i]);
    }
    json_t *out = json_object();
    json_t *list = json_array();
    build_put(&s->b, out, "executionSuccessful", json_boolean(!undecided));
    build_put(&s->b, out, "toolExecutionNotifications", notes);
    build_push(&s->b, list, out);
    return list;
}

/* "seep/leaks/orders/": what stands before the last slash is the category that
   parts one service's alerts from another's. */
static json_t *automation(struct sarif *s)
{
    const struct report *r = s->report;
    const char *name = summary_program(r);
    struct buf id = BUF_LIMIT(PART_BYTES);
    json_t *out = json_object();
    buf_printf(&id, "seep/%s/", r->command ? r->command : "report");
    for (size_t i = 0; name && name[i] && i < 80; i++) {
        const char c = name[i];
        buf_char(&id, isalnum((unsigned char)c) || strchr("._-", c) ? c : '_');
    }
    buf_str(&id, name && *name ? "/" : "");
    build_put(&s->b, out, "id", take_text(s, &id));
    return out;
}

static json_t *run_properties(struct sarif *s)
{
    json_t *out = json_object();
    const struct findings *f = s->report->findings;
    build_put(&s->b, out, "verdict",
              f ? build_text(&s->b, verdict_name(f->verdict)) : json_null());
    return out;
}

static bool add_member(struct sarif *s, const char *key, json_t *value,
                       struct buf *out, struct err *err)
{
    buf_printf(out, "\"%s\":", key);
    return build_dump(&s->b, value, BUILD_LINE, out, err);
}

static bool add_log(struct sarif *s, size_t most, struct buf *out,
                    size_t *n_written, struct err *err)
{
    struct buf results = BUF_LIMIT(plain_bytes_max + 16);
    size_t n_open = 0;
    bool ok = add_results(s, most, &results, n_written, &n_open, err);
    buf_str(out,
            "{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\""
            ",\"version\":\"2.1.0\",\"runs\":[{");
    ok = ok && add_member(s, "tool", tool(s), out, err);
    buf_char(out, ',');
    ok = ok && add_member(s, "automationDetails", automation(s), out, err);
    buf_char(out, ',');
    ok = ok && add_member(s, "invocations", invocations(s, n_open - *n_written),
                          out, err);
    buf_char(out, ',');
    ok = ok && add_member(s, "properties", run_properties(s), out, err);
    buf_str(out, ",\"columnKind\":\"utf16CodeUnits\",\"results\":[");
    buf_span(out, buf_view(&results));
    buf_str(out, "\n]}]}\n");
    ok = ok && buf_check(&results, "sarif results", err) &&
         buf_check(out, "sarif report", err);
    buf_release(&results);
    return ok;
}

/* Measured only where the plain text is above the limit. */
static bool is_too_big(const struct buf *log, size_t start, bool *answer,
                       struct err *err)
{
    struct buf packed = BUF_LIMIT(plain_bytes_max * 2);
    const size_t n = log->len - start;
    *answer = false;
    if (n < gzip_bytes_max) {
        return true;
    }
    const bool ok =
        gz_compress((const uint8_t *)log->data + start, n, 6, &packed, err);
    *answer = packed.len > gzip_bytes_max;
    buf_release(&packed);
    return ok;
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct sarif s = {.b = JSON_BUILDER, .report = r};
    const size_t start = out->len;
    size_t most = RESULTS_MAX;
    size_t n_written = 0;
    bool too_big = false;
    bool ok = true;
    if (r->findings && r->findings->n > 0) {
        s.occurrences = forge_occurrences(r->findings);
        ok = s.occurrences || err_nomem(err, "sarif report");
    }
    add_rules_used(&s);
    ok = ok && add_log(&s, most, out, &n_written, err) &&
         is_too_big(out, start, &too_big, err);
    while (ok && too_big && n_written > 1) {
        most = n_written / 2;
        out->len = start;
        ok = add_log(&s, most, out, &n_written, err) &&
             is_too_big(out, start, &too_big, err);
    }
    free(s.occurrences);
    build_release(&s.b);
    return ok;
}

const struct renderer renderer_sarif = {
    .name = "sarif",
    .media_type = "application/sarif+json",
    .summary = "SARIF 2.1.0, for GitHub code scanning",
    .render = render,
};
