/*
 * The baseline as a file, and what of a findings document belongs in one. Keys
 * stand in one order and entries are sorted by id, so that a change of the
 * file in a repository shows what changed.
 */
#include "base/dates.h"
#include "base/json_values.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/sort.h"
#include "review/baseline.h"
#include "review/baseline_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/banned.h"

enum { ENTRIES_MAX = 100000, VERSION_SHOWN_MAX = 40 };

static const char baseline_schema[] = "seep/baseline/1";
static const char findings_schema[] = "seep/findings/1";

struct reading {
    const char *name;
    struct baseline *out;
    const json_t *runs; /* of a document, of a process that restarted */
    struct err *err;
};

static bool nomem(struct err *err)
{
    return err_nomem(err, "baseline");
}

/* --- reading --- */

/* A text of `object`, in the arena; NULL when it is none. */
static const char *text_of(const struct reading *r, const json_t *object,
                           const char *key)
{
    const json_t *v = json_object_get(object, key);
    if (!json_is_string(v)) {
        return NULL;
    }
    const char *copy =
        arena_strdup(&r->out->arena, (struct span){json_string_value(v),
                                                   json_string_length(v)});
    r->out->arena.has_failed |= copy == NULL;
    return copy;
}

static const char *text_or_empty(const struct reading *r, const json_t *object,
                                 const char *key)
{
    const char *text = text_of(r, object, key);
    return text != NULL ? text : "";
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static int64_t moment_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    int64_t ns = 0;
    return json_is_string(v) &&
                   date_parse_moment((struct span){json_string_value(v),
                                                   json_string_length(v)},
                                     &ns)
               ? ns
               : 0;
}

static bool wrong(const struct reading *r, size_t i, const char *what)
{
    return err_set(r->err, ERR_FORMAT, "%s: finding %zu: %s", r->name, i, what);
}

static bool id_of(const json_t *object, const char *key, char out[17])
{
    const json_t *v = json_object_get(object, key);
    uint64_t id = 0;
    if (!json_is_string(v) || json_string_length(v) != 16 ||
        !num_parse_hex(span_of(json_string_value(v)), &id)) {
        return false;
    }
    memcpy(out, json_string_value(v), 17);
    return true;
}

static bool grade_of(const json_t *object, enum grade *out)
{
    const char *name = json_string_value(json_object_get(object, "grade"));
    for (int g = 0; name != NULL && g < N_GRADES; g++) {
        if (strcmp(name, grade_name((enum grade)g)) == 0) {
            *out = (enum grade)g;
            return true;
        }
    }
    return false;
}

static bool profile_of(const json_t *object, enum profile_kind *out)
{
    const char *name = json_string_value(json_object_get(object, "profile"));
    for (size_t i = 0; name != NULL && i < baseline_n_kinds; i++) {
        if (strcmp(name, profile_kind_name(baseline_kinds[i])) == 0) {
            *out = baseline_kinds[i];
            return true;
        }
    }
    return false;
}

/* Figures that no metric can have are none. */
static double not_negative(double v)
{
    return v >= 0 ? v : NAN;
}

static double positive(double v)
{
    return v > 0 ? v : 0;
}

static void read_metric(const struct reading *r, const json_t *metric,
                        const char *level, struct baseline_entry *e)
{
    e->metric = text_or_empty(r, metric, "name");
    e->unit = text_or_empty(r, metric, "unit");
    e->level = not_negative(number_of(metric, level));
    e->delta = number_of(metric, "delta");
    e->noise = not_negative(number_of(metric, "noise"));
    e->per_hour = number_of(metric, "per_hour");
    e->per_hour_low = number_of(metric, "per_hour_low");
    e->per_hour_high = number_of(metric, "per_hour_high");
    e->seconds = positive(number_of(metric, "seconds"));
}

/* What a baseline's entry and a document's finding have in common. */
static bool read_common(const struct reading *r, const json_t *object, size_t i,
                        struct baseline_entry *e)
{
    *e = (struct baseline_entry){.line = 0};
    if (!json_is_object(object)) {
        return wrong(r, i, "not an object");
    }
    if (!id_of(object, "id", e->id) ||
        !id_of(object, "loose_id", e->loose_id)) {
        return wrong(r, i, "id and loose_id have 16 hex digits");
    }
    const json_t *renamed = json_object_get(object, "renamed");
    if (json_is_object(renamed) &&
        (!id_of(renamed, "id", e->own_id) ||
         !id_of(renamed, "loose_id", e->own_loose_id))) {
        return wrong(r, i, "ids of what was renamed have 16 hex digits");
    }
    if (!grade_of(object, &e->grade) || !profile_of(object, &e->profile)) {
        return wrong(r, i, "no such grade or profile");
    }
    const json_t *site = json_object_get(object, "site");
    const json_t *line = json_object_get(site, "line");
    char text[17];
    e->rule = text_or_empty(r, object, "rule");
    e->function = text_or_empty(r, site, "function");
    e->file = text_or_empty(r, site, "file");
    e->line = json_is_integer(line) ? json_integer_value(line) : 0;
    if (id_of(site, "text", text)) {
        (void)num_parse_hex(span_of(text), &e->text);
    }
    e->first_seen_nanos = moment_of(object, "first_seen");
    e->headline = text_or_empty(r, object, "headline");
    e->program = text_or_empty(r, object, "program");
    return true;
}

static bool check_id_version(const struct reading *r, const json_t *of)
{
    const json_t *v = json_object_get(of, "id_version");
    if (json_is_integer(v) && json_integer_value(v) == FINDING_ID_VERSION) {
        return true;
    }
    if (!json_is_integer(v)) {
        return err_set(r->err, ERR_FORMAT, "%s: no id_version", r->name);
    }
    return err_set(r->err, ERR_FORMAT,
                   "%s: its ids are of version %lld, this seep makes version "
                   "%d: save it anew with seep baseline save",
                   r->name, (long long)json_integer_value(v),
                   FINDING_ID_VERSION);
}

static bool read_entry(const struct reading *r, const json_t *object, size_t i,
                       struct baseline_entry *e, bool *is_kept)
{
    *is_kept = true;
    if (!read_common(r, object, i, e)) {
        return false;
    }
    read_metric(r, json_object_get(object, "metric"), "level", e);
    return true;
}

/* The growth's noise, as the comparison that found it tells it. */
static double noise_of(double delta, double z)
{
    return isfinite(delta) && z > 0 ? fabs(delta) / z : NAN;
}

/* Seconds of the run that a finding is of. */
static double run_seconds(const json_t *runs, const json_t *finding,
                          double otherwise)
{
    const json_t *of = json_object_get(finding, "run");
    for (size_t i = 0; json_is_integer(of) && i < json_array_size(runs); i++) {
        const json_t *run = json_array_get(runs, i);
        if (json_integer_value(json_object_get(run, "run")) ==
            json_integer_value(of)) {
            return positive(number_of(run, "seconds"));
        }
    }
    return otherwise;
}

static bool read_finding(const struct reading *r, const json_t *object,
                         size_t i, struct baseline_entry *e, bool *is_kept)
{
    if (!read_common(r, object, i, e) || !check_id_version(r, object)) {
        return false;
    }
    const json_t *metrics = json_object_get(object, "metrics");
    const char *state = json_string_value(json_object_get(object, "state"));
    const json_t *suppressed = json_object_get(object, "suppressed");
    read_metric(r, json_array_get(metrics, 0), "last", e);
    e->noise = noise_of(e->delta,
                        number_of(json_object_get(object, "statistics"), "z"));
    const struct rule *rule = rules_find(e->rule);
    if (*e->headline == '\0' && rule != NULL) {
        e->headline = rule->headline;
    }
    e->seconds = run_seconds(r->runs, object, r->out->window.seconds);
    e->is_fixed = state != NULL && strcmp(state, "fixed") == 0;
    e->is_aside =
        !e->is_fixed && (e->grade == GRADE_INFO || json_is_object(suppressed));
    *is_kept = !e->is_fixed || r->out->window.is_comparison;
    return true;
}

static int by_id(const void *pa, const void *pb, const void *ctx)
{
    const struct baseline_entry *a = pa;
    const struct baseline_entry *b = pb;
    (void)ctx;
    const int order = strcmp(a->id, b->id);
    return order != 0 ? order : strcmp(a->rule, b->rule);
}

/* What is there stands before what is aside, and that before what is gone. */
static int standing(const struct baseline_entry *e)
{
    return e->is_fixed ? 2 : e->is_aside;
}

/* Which of two with the same id stays? The one with the larger level. */
static bool is_better(const struct baseline_entry *a,
                      const struct baseline_entry *b)
{
    const int order = standing(a) - standing(b);
    return order != 0 ? order < 0 : a->level > b->level || isnan(b->level);
}

static void drop_twins(struct baseline *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        struct baseline_entry *last = n > 0 ? &b->items[n - 1] : NULL;
        if (last == NULL || strcmp(last->id, b->items[i].id) != 0) {
            b->items[n++] = b->items[i];
        } else if (is_better(&b->items[i], last)) {
            *last = b->items[i];
        }
    }
    b->n = n;
}

void baseline_sort(struct baseline *b)
{
    sort_items(b->items, b->n, sizeof(*b->items), by_id, NULL);
    drop_twins(b);
}

typedef bool read_fn(const struct reading *r, const json_t *object, size_t i,
                     struct baseline_entry *e, bool *is_kept);

static bool read_items(const struct reading *r, const json_t *list,
                       read_fn *read)
{
    struct baseline *b = r->out;
    const size_t n = json_array_size(list);
    if (!json_is_array(list)) {
        return err_set(r->err, ERR_FORMAT, "%s: no list of findings", r->name);
    }
    if (n > ENTRIES_MAX) {
        return err_set(r->err, ERR_LIMIT, "%s: more than %d findings", r->name,
                       ENTRIES_MAX);
    }
    b->items = arena_new(&b->arena, struct baseline_entry, n + 1);
    if (b->items == NULL) {
        return nomem(r->err);
    }
    for (size_t i = 0; i < n; i++) {
        bool is_kept = false;
        if (!read(r, json_array_get(list, i), i, &b->items[b->n], &is_kept)) {
            return false;
        }
        b->n += is_kept;
    }
    baseline_sort(b);
    return true;
}

static unsigned kind_bit(const json_t *text)
{
    const char *name = json_string_value(text);
    for (size_t k = 0; name != NULL && k < baseline_n_kinds; k++) {
        if (strcmp(name, profile_kind_name(baseline_kinds[k])) == 0) {
            return PROFILE_BIT(baseline_kinds[k]);
        }
    }
    return 0;
}

/* Which kinds of profiles took part. */
static unsigned kinds_of(const json_t *inputs)
{
    unsigned kinds = 0;
    for (size_t i = 0; i < json_array_size(inputs); i++) {
        const json_t *in = json_array_get(inputs, i);
        if (json_is_true(json_object_get(in, "used"))) {
            kinds |= kind_bit(json_object_get(in, "kind"));
        }
    }
    return kinds;
}

/* What the runs of a process that restarted could show together is what each
   of them could. */
static void narrow_to_runs(const json_t *runs, struct baseline_window *w)
{
    bool is_first = true;
    for (size_t i = 0; i < json_array_size(runs); i++) {
        const json_t *run = json_array_get(runs, i);
        const json_t *list = json_object_get(run, "kinds");
        const double seconds = positive(number_of(run, "seconds"));
        unsigned kinds = 0;
        if (!json_is_string(json_object_get(run, "verdict"))) {
            continue; /* it was too short to be judged */
        }
        for (size_t k = 0; k < json_array_size(list); k++) {
            kinds |= kind_bit(json_array_get(list, k));
        }
        w->kinds = is_first ? kinds : w->kinds & kinds;
        w->seconds = is_first ? seconds : fmin(w->seconds, seconds);
        is_first = false;
    }
}

static bool is_comparison(const char *command)
{
    static const char *const commands[] = {"diff", "heap diff"};
    bool is_one = false;
    for (size_t i = 0; command != NULL && i < 2; i++) {
        is_one |= strcmp(command, commands[i]) == 0;
    }
    return is_one;
}

static void read_window(const struct reading *r, const json_t *doc)
{
    const json_t *window = json_object_get(doc, "window");
    const json_t *limits = json_object_get(doc, "limits");
    const char *verdict = json_string_value(json_object_get(doc, "verdict"));
    const json_t *undecided = json_object_get(doc, "undecided");
    const char *command = json_string_value(json_object_get(doc, "command"));
    r->out->is_document = true;
    r->out->window = (struct baseline_window){
        .kinds = kinds_of(json_object_get(doc, "inputs")),
        .heap_bytes = number_of(limits, "heap_bytes"),
        .goroutines = number_of(limits, "goroutines"),
        .seconds = positive(number_of(window, "seconds")),
        .last_nanos = moment_of(window, "last"),
        .program = text_or_empty(r, doc, "program"),
        .is_inconclusive = verdict == NULL ||
                           strcmp(verdict, "inconclusive") == 0 ||
                           json_is_string(undecided),
        .has_lost = json_is_true(json_object_get(window, "lost")),
        .is_comparison = is_comparison(command)};
    narrow_to_runs(json_object_get(doc, "runs"), &r->out->window);
}

static bool read_document(const struct reading *r, const json_t *doc)
{
    read_window(r, doc);
    if (!read_items(r, json_object_get(doc, "findings"), read_finding)) {
        return false;
    }
    for (size_t i = 0; i < r->out->n; i++) {
        struct baseline_entry *e = &r->out->items[i];
        e->program = r->out->window.program;
        if (e->first_seen_nanos == 0) {
            e->first_seen_nanos = r->out->window.last_nanos;
        }
    }
    return true;
}

static bool read_schema(const struct reading *r, const json_t *doc)
{
    const char *schema = json_string_value(json_object_get(doc, "schema"));
    r->out->tool_version =
        text_or_empty(r, json_object_get(doc, "tool"), "version");
    if (schema != NULL && strcmp(schema, baseline_schema) == 0) {
        return check_id_version(r, doc) &&
               read_items(r, json_object_get(doc, "findings"), read_entry);
    }
    if (schema != NULL && strcmp(schema, findings_schema) == 0) {
        return read_document(r, doc);
    }
    if (schema == NULL) {
        return err_set(r->err, ERR_FORMAT,
                       "%s: neither a baseline nor a findings document "
                       "(--format json)",
                       r->name);
    }
    return err_set(r->err, ERR_FORMAT, "%s: schema %.*s, wanted %s or %s",
                   r->name, VERSION_SHOWN_MAX, schema, baseline_schema,
                   findings_schema);
}

void baseline_release(struct baseline *b)
{
    arena_release(&b->arena);
    *b = (struct baseline){.n = 0};
}

bool baseline_read(struct span json, const char *name, struct baseline *out,
                   struct err *err)
{
    struct reading r = {.name = name, .out = out, .err = err};
    json_error_t at;
    *out = (struct baseline){.n = 0};
    if (json.len > LIMIT_BASELINE_BYTES) {
        return err_set(err, ERR_LIMIT, "%s: larger than %u MiB", name,
                       LIMIT_BASELINE_BYTES >> 20);
    }
    json_t *doc = json_loadb(json.len > 0 ? json.p : "", json.len,
                             JSON_REJECT_DUPLICATES, &at);
    if (doc == NULL) {
        return json_error_code(&at) == json_error_out_of_memory
                   ? nomem(err)
                   : err_set(err, ERR_FORMAT, "%s:%d: %s", name, at.line,
                             at.text);
    }
    r.runs = json_object_get(doc, "runs");
    bool ok = read_schema(&r, doc);
    if (ok && out->arena.has_failed) {
        ok = nomem(err);
    }
    json_decref(doc);
    if (!ok) {
        baseline_release(out);
    }
    return ok;
}

/* --- writing --- */

/* Names of profiles may be no UTF-8; what is not becomes '?'. */
static json_t *text(const char *s)
{
    json_t *out = json_string(s);
    if (out != NULL) {
        return out;
    }
    struct buf plain = BUF_LIMIT(1 << 20);
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x80) {
            buf_char(&plain, *s);
        } else {
            buf_char(&plain, '?');
        }
    }
    if (buf_ok(&plain)) {
        out = json_stringn(plain.data != NULL ? plain.data : "", plain.len);
    }
    buf_release(&plain);
    return out;
}

/* False once any value is missing. */
static bool put(bool ok, json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 && ok;
}

static bool put_metric(json_t *out, const struct baseline_entry *e)
{
    bool ok = put(true, out, "name", text(e->metric));
    ok = put(ok, out, "unit", text(e->unit));
    ok = put(ok, out, "level", json_of_number(e->level));
    ok = put(ok, out, "delta", json_of_number(e->delta));
    ok = put(ok, out, "noise", json_of_number(e->noise));
    ok = put(ok, out, "per_hour", json_of_number(e->per_hour));
    ok = put(ok, out, "per_hour_low", json_of_number(e->per_hour_low));
    ok = put(ok, out, "per_hour_high", json_of_number(e->per_hour_high));
    return put(ok, out, "seconds",
               json_of_number(e->seconds > 0 ? e->seconds : NAN));
}

static bool put_site(json_t *out, const struct baseline_entry *e)
{
    bool ok = put(true, out, "function", text(e->function));
    ok = put(ok, out, "file", text(e->file));
    ok = put(ok, out, "line", json_integer(e->line));
    if (e->text != 0) {
        char digest[17];
        (void)snprintf(digest, sizeof(digest), "%016" PRIx64, e->text);
        ok = put(ok, out, "text", text(digest));
    }
    return ok;
}

static bool put_renamed(json_t *out, const struct baseline_entry *e)
{
    if (*e->own_id == '\0') {
        return true;
    }
    json_t *own = json_object();
    bool ok = put(true, own, "id", text(e->own_id));
    ok = put(ok, own, "loose_id", text(e->own_loose_id));
    return put(ok, out, "renamed", own);
}

static bool put_entry(json_t *list, const struct baseline_entry *e)
{
    json_t *out = json_object();
    json_t *site = json_object();
    json_t *metric = json_object();
    bool ok = put_site(site, e) && put_metric(metric, e);
    ok = put(ok, out, "id", text(e->id));
    ok = put(ok, out, "loose_id", text(e->loose_id));
    ok = put_renamed(out, e) && ok;
    ok = put(ok, out, "rule", text(e->rule));
    ok = put(ok, out, "grade", text(grade_name(e->grade)));
    ok = put(ok, out, "profile", text(profile_kind_name(e->profile)));
    ok = put(ok, out, "site", site);
    ok = put(ok, out, "metric", metric);
    ok = put(ok, out, "first_seen", json_of_moment(e->first_seen_nanos));
    ok = put(ok, out, "headline", text(e->headline));
    ok = put(ok, out, "program",
             e->program != NULL && *e->program != '\0' ? text(e->program)
                                                       : json_null());
    return json_array_append_new(list, out) == 0 && ok;
}

static json_t *document(const struct baseline *b)
{
    json_t *out = json_object();
    json_t *tool = json_object();
    json_t *list = json_array();
    bool ok = put(true, tool, "name", text("seep"));
    ok = put(ok, tool, "version", text(b->tool_version ? b->tool_version : ""));
    for (size_t i = 0; i < b->n; i++) {
        ok = put_entry(list, &b->items[i]) && ok;
    }
    ok = put(ok, out, "schema", text(baseline_schema));
    ok = put(ok, out, "id_version", json_integer(FINDING_ID_VERSION));
    ok = put(ok, out, "tool", tool);
    ok = put(ok, out, "findings", list);
    if (!ok) {
        json_decref(out);
        return NULL;
    }
    return out;
}

static int take(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

bool baseline_write(const struct baseline *b, struct buf *out, struct err *err)
{
    json_t *doc = document(b);
    if (doc == NULL) {
        return nomem(err);
    }
    /* 12 digits: as in the findings document. */
    const bool dumped =
        json_dump_callback(doc, take, out,
                           JSON_INDENT(1) | JSON_REAL_PRECISION(12)) == 0;
    json_decref(doc);
    buf_char(out, '\n');
    return buf_check(out, "baseline", err) && (dumped || nomem(err));
}
