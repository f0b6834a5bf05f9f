/*
 * JUnit XML: a test case for each rule that could speak, so that a run without
 * findings shows what was checked, and a case for the verdict, so that a run
 * that could not decide is an error and never green. Rules that could not
 * speak are named, not shown as passed. Names of cases stay the same from run
 * to run: servers draw their history by them.
 */
#include "report/forge_private.h"
#include "report/plain.h"
#include "review/review.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

enum {
    FINDINGS_SHOWN = 20, /* of one rule */
    FRAMES_SHOWN = 100,
    TEXT_BYTES = 64000,
    MESSAGE = 400,
    NAME = 300
};

/* What is told of the findings of one rule. */
static const size_t case_bytes = 200000;

/* --- XML --- */

/* U+FFFE and U+FFFF are the only characters of clean text that XML 1.0 has
   not. */
static bool is_no_character(struct span s, size_t i)
{
    return i + 2 < s.len && (unsigned char)s.p[i] == 0xef &&
           (unsigned char)s.p[i + 1] == 0xbf &&
           (unsigned char)s.p[i + 2] >= 0xbe;
}

static void add_xml(struct buf *out, struct span clean)
{
    for (size_t i = 0; i < clean.len; i++) {
        if (is_no_character(clean, i)) {
            buf_char(out, '?');
            i += 2;
            continue;
        }
        switch (clean.p[i]) {
        case '&':
            buf_str(out, "&amp;");
            break;
        case '<':
            buf_str(out, "&lt;");
            break;
        case '>':
            buf_str(out, "&gt;");
            break;
        case '"':
            buf_str(out, "&quot;");
            break;
        default:
            buf_char(out, clean.p[i]);
        }
    }
}

static void add_text(struct buf *out, const char *text, size_t columns)
{
    struct buf cut = BUF_LIMIT(TEXT_BYTES);
    forge_cut(&cut, text, columns);
    add_xml(out, buf_view(&cut));
    plain_drop(&cut, out);
}

static void add_attribute(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, " %s=\"", name);
    add_text(out, text, MESSAGE);
    buf_char(out, '"');
}

/* --- what a finding is to a test --- */

static bool is_failure(const struct report *r, const struct finding *f)
{
    static const struct report_gate usual = {.fail_on = GRADE_GROWTH};
    const struct report_gate *gate = r->gate ? r->gate : &usual;
    return !gate->is_never && f->grade >= gate->fail_on && !f->uncounted &&
           review_counts(f, gate->only_new);
}

/* Did the input hold what the rule judges? */
static bool could_speak(const struct report *r, const struct rule *rule)
{
    static const struct series_about none = {0};
    const struct series_about *a = r->about ? r->about : &none;
    unsigned has = 0;
    has |= a->n_heap > 0 ? NEED_HEAP : 0;
    has |= a->n_goroutine > 0 || a->n_dumps > 0 ? NEED_GOROUTINE : 0;
    has |= a->n_leak > 0 ? NEED_LEAK_PROFILE : 0;
    has |= a->n_dumps > 0 ? NEED_DUMPS : 0;
    for (size_t i = 0; i < r->n_inputs; i++) {
        const struct series_input *in = &r->inputs[i];
        has |=
            in->kind == KIND_HEAP && in->form == FORM_TEXT ? NEED_MEMSTATS : 0;
        has |= in->kind == KIND_HEAPDUMP && in->used ? NEED_HEAP_DUMP : 0;
    }
    has |= r->about ? 0 : NEED_HEAP_DUMP; /* seep heap */
    return (rule->needs & ~has) == 0;
}

/* --- cases --- */

struct suite {
    const struct report *report;
    struct buf *out; /* its cases */
    struct buf classname;
    size_t n_cases, n_failures, n_errors, n_skipped;
};

/* "seep.leaks.orders": dots part packages, so other signs do not stand. */
static void set_classname(struct suite *s)
{
    const struct report *r = s->report;
    const char *name = summary_program(r);
    buf_printf(&s->classname, "seep.%s", r->command ? r->command : "report");
    for (size_t i = 0; name && name[i] && i < 80; i++) {
        const char c = name[i];
        buf_str(&s->classname, i == 0 ? "." : "");
        buf_char(&s->classname,
                 isalnum((unsigned char)c) || c == '_' || c == '-' ? c : '_');
    }
}

static void open_case(struct suite *s, const char *name, bool is_empty)
{
    buf_str(s->out, "  <testcase");
    add_attribute(s->out, "classname", s->classname.data);
    add_attribute(s->out, "name", name);
    buf_str(s->out, is_empty ? "/>\n" : ">\n");
    s->n_cases++;
}

static void close_case(struct suite *s)
{
    buf_str(s->out, "  </testcase>\n");
}

static void add_frame(struct buf *out, const struct frame *f)
{
    struct buf where = BUF_LIMIT(TEXT_BYTES);
    buf_str(out, "\n    ");
    add_text(out, f->function, NAME);
    summary_path(&where, f);
    buf_str(out, where.len > 0 ? "  " : "");
    add_xml(out, buf_view(&where));
    plain_drop(&where, out);
}

/* The finding in full, for the body of a failure. */
static void add_finding(struct buf *out, const struct finding *f)
{
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    forge_message(&text, f, NULL);
    buf_printf(out, "\n%s, %s: ", f->id, grade_name(f->grade));
    add_xml(out, buf_view(&text));
    plain_drop(&text, out);
    for (size_t i = 0; i < f->n_stack && i < FRAMES_SHOWN; i++) {
        add_frame(out, &f->stack[i]);
    }
    if (f->n_stack > FRAMES_SHOWN) {
        buf_printf(out, "\n    ... %zu more frames", f->n_stack - FRAMES_SHOWN);
    }
    buf_char(out, '\n');
}

/* What one rule found, in two heaps. */
struct of_rule {
    const struct finding *first_failure, *first_accepted;
    size_t n_failures, n_accepted, n_others;
    struct buf failures, others; /* their texts */
};

/* A body that is full takes no more: what does not fit is counted only. */
static void add_body(struct buf *body, const struct finding *f, size_t n)
{
    struct buf one = BUF_LIMIT(case_bytes);
    if (n > FINDINGS_SHOWN) {
        return;
    }
    add_finding(&one, f);
    if (buf_ok(&one) && body->len + one.len <= case_bytes) {
        buf_span(body, buf_view(&one));
    }
    plain_drop(&one, body);
}

static void collect(struct of_rule *o, const struct report *r,
                    const struct rule *rule)
{
    for (size_t i = 0; i < r->findings->n; i++) {
        const struct finding *f = &r->findings->items[i];
        if (f->rule != rule) {
            continue;
        }
        if (is_failure(r, f)) {
            o->first_failure = o->first_failure ? o->first_failure : f;
            add_body(&o->failures, f, ++o->n_failures);
            continue;
        }
        if (f->accepted) {
            o->first_accepted = o->first_accepted ? o->first_accepted : f;
            o->n_accepted++;
        }
        add_body(&o->others, f, ++o->n_others);
    }
}

static void add_failure(struct suite *s, const struct of_rule *o)
{
    struct buf message = BUF_LIMIT(TEXT_BYTES);
    if (o->n_failures > 1) {
        buf_printf(&message, "%zu findings; the first: ", o->n_failures);
    }
    forge_message(&message, o->first_failure, NULL);
    buf_str(s->out, "    <failure");
    add_attribute(s->out, "type", grade_name(o->first_failure->grade));
    add_attribute(s->out, "message", message.data);
    buf_char(s->out, '>');
    buf_span(s->out, buf_view(&o->failures));
    if (o->n_failures > FINDINGS_SHOWN) {
        buf_printf(s->out, "\n%zu more findings of this rule\n",
                   o->n_failures - FINDINGS_SHOWN);
    }
    buf_str(s->out, "</failure>\n");
    plain_drop(&message, s->out);
    s->n_failures++;
}

static void add_skipped(struct suite *s, const char *message)
{
    buf_str(s->out, "    <skipped");
    add_attribute(s->out, "message", message);
    buf_str(s->out, "/>\n");
    s->n_skipped++;
}

static void add_accepted(struct suite *s, const struct of_rule *o)
{
    struct buf message = BUF_LIMIT(TEXT_BYTES);
    buf_printf(&message, "%zu accepted; the first: ", o->n_accepted);
    summary_accepted(&message, o->first_accepted);
    add_skipped(s, message.data);
    plain_drop(&message, s->out);
}

/* Too little was seen to say that a rule found nothing. */
static bool is_undecided(const struct report *r)
{
    return forge_undecided(r) != NULL;
}

static void case_body(struct suite *s, const struct of_rule *o)
{
    if (o->n_failures > 0) {
        add_failure(s, o);
    } else if (o->n_accepted > 0) {
        add_accepted(s, o);
    } else if (o->n_others == 0) {
        add_skipped(s, "too little to judge");
    }
    if (o->n_others > 0) {
        buf_str(s->out, "    <system-out>");
        buf_span(s->out, buf_view(&o->others));
        buf_str(s->out, "</system-out>\n");
    }
}

static void rule_case(struct suite *s, const struct rule *rule)
{
    struct of_rule o = {.failures = BUF_LIMIT(2 * case_bytes),
                        .others = BUF_LIMIT(2 * case_bytes)};
    collect(&o, s->report, rule);
    const bool is_silent = o.n_failures + o.n_others == 0;
    const bool is_passed = is_silent && !is_undecided(s->report);
    if (!is_silent || could_speak(s->report, rule)) {
        open_case(s, rule->id, is_passed);
        if (!is_passed) {
            case_body(s, &o);
            close_case(s);
        }
    }
    plain_drop(&o.failures, s->out);
    plain_drop(&o.others, s->out);
}

/* "CLEAN: nothing found in 10 snapshots over 22.5 s; an input was lost" */
static void put_verdict(struct buf *out, const struct report *r)
{
    const char *undecided = forge_undecided(r);
    buf_printf(out, "%s: ", summary_word(r->findings->verdict));
    summary_verdict(out, r);
    if (undecided) {
        buf_str(out, "; ");
        plain_clean(out, undecided);
    } else if (r->findings->limits.advice) {
        buf_str(out, "; ");
        plain_clean(out, r->findings->limits.advice);
    }
}

/* The case that is always there. */
static void verdict_case(struct suite *s)
{
    const struct report *r = s->report;
    struct buf text = BUF_LIMIT(TEXT_BYTES);
    open_case(s, "verdict", false);
    if (r->findings) {
        put_verdict(&text, r);
    }
    if (r->findings && is_undecided(r)) {
        buf_str(s->out, "    <error type=\"inconclusive\"");
        add_attribute(s->out, "message", text.data);
        buf_str(s->out, "/>\n");
        s->n_errors++;
    }
    buf_str(s->out, "    <system-out>");
    add_xml(s->out, buf_view(&text));
    for (size_t i = 0; i < r->n_summary; i++) {
        buf_char(s->out, '\n');
        add_text(s->out, r->summary[i], MESSAGE);
    }
    buf_str(s->out, "</system-out>\n");
    close_case(s);
    plain_drop(&text, s->out);
}

/* What a reader of a green page must know: what was not looked for. */
static void add_unchecked(struct suite *s)
{
    size_t n = 0;
    const struct rule *const *rules = rules_all(&n);
    const char *before = "  <system-out>not checked, since no input could show "
                         "it: ";
    size_t n_unchecked = 0;
    for (size_t i = 0; i < n; i++) {
        if (!could_speak(s->report, rules[i])) {
            buf_str(s->out, n_unchecked++ == 0 ? before : ", ");
            buf_str(s->out, rules[i]->id);
        }
    }
    buf_str(s->out, n_unchecked > 0 ? "</system-out>\n" : "");
}

static void add_cases(struct suite *s)
{
    size_t n = 0;
    const struct rule *const *rules = rules_all(&n);
    verdict_case(s);
    if (!s->report->findings) {
        return;
    }
    for (size_t i = 0; i < n && buf_ok(s->out); i++) {
        rule_case(s, rules[i]);
    }
    add_unchecked(s);
}

static void add_counts(struct buf *out, const struct suite *s, bool is_all)
{
    buf_printf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"",
               s->n_cases, s->n_failures, s->n_errors);
    if (!is_all) {
        buf_printf(out, " skipped=\"%zu\"", s->n_skipped);
    }
}

static bool render(const struct report *r, const struct render_options *o,
                   struct buf *out, struct err *err)
{
    (void)o;
    struct buf cases = BUF_LIMIT((size_t)64 << 20);
    struct suite s = {
        .report = r, .out = &cases, .classname = BUF_LIMIT(TEXT_BYTES)};
    set_classname(&s);
    add_cases(&s);
    buf_str(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<testsuites name=\"seep\"");
    add_counts(out, &s, true);
    buf_str(out, ">\n <testsuite");
    add_attribute(out, "name", s.classname.data);
    add_counts(out, &s, false);
    buf_str(out, ">\n  <properties>\n    <property name=\"seep\"");
    add_attribute(out, "value", r->tool_version);
    buf_str(out, "/>\n  </properties>\n");
    buf_span(out, buf_view(&cases));
    buf_str(out, " </testsuite>\n</testsuites>\n");
    const bool ok = buf_check(&cases, "junit cases", err) &&
                    buf_check(&s.classname, "junit cases", err) &&
                    buf_check(out, "junit report", err);
    buf_release(&cases);
    buf_release(&s.classname);
    return ok;
}

const struct renderer renderer_junit = {
    .name = "junit",
    .media_type = "application/xml",
    .summary = "JUnit XML: a test case for each rule",
    .render = render,
};
