#include "fetch_plan.h"

#include "base/num.h"
#include "fetch/fetch.h"
#include "fetch_profiles.h"

#include <stdio.h>
#include <string.h>

enum { URL_BYTES_MAX = 64 << 10, SECONDS_MAX = 86400 };

#define SECOND_NS INT64_C(1000000000)

static bool plan_has(const struct fetch_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->n; i++) {
        if (strcmp(plan->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* --- names --- */

static bool is_plain_word(struct span word)
{
    for (size_t i = 0; i < word.len; i++) {
        const char c = word.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) {
            return false;
        }
    }
    return word.len > 0 && word.len <= FETCH_NAME_BYTES_MAX;
}

static bool add_profile(struct span word, struct fetch_plan *plan,
                        struct err *err)
{
    char name[FETCH_NAME_BYTES_MAX + 1] = "";
    if (!is_plain_word(word)) {
        return err_set(err, ERR_USAGE, "'%.*s' is no name of a profile",
                       (int)(word.len < 64 ? word.len : 64), word.p);
    }
    memcpy(name, word.p, word.len);
    if (plan_has(plan, name)) {
        return err_set(err, ERR_USAGE, "--profile: %s is named twice", name);
    }
    if (plan->n == FETCH_PROFILES_MAX) {
        return err_set(err, ERR_USAGE, "more than %d profiles",
                       FETCH_PROFILES_MAX);
    }
    memcpy(plan->names[plan->n++], name, sizeof(name));
    return true;
}

static bool add_profiles(struct span list, struct fetch_plan *plan,
                         struct err *err)
{
    for (;;) {
        const size_t comma = span_find_char(list, ',');
        if (!add_profile(span_first(list, comma), plan, err)) {
            return false;
        }
        if (comma == list.len) {
            return true;
        }
        list = span_from(list, comma + 1);
    }
}

/* `named` is by the URL. */
static bool choose_profiles(const struct fetch_options *o, struct span named,
                            struct fetch_plan *plan, struct err *err)
{
    plan->says_profiles = o->profiles != NULL || named.len > 0;
    const bool has_both = o->profiles != NULL && named.len > 0;
    const struct span list = o->profiles != NULL ? span_of(o->profiles)
                             : named.len > 0     ? named
                                                 : span_of("heap,goroutine");
    if (!add_profiles(list, plan, err)) {
        return false;
    }
    if (has_both && !span_eq(list, named)) {
        return err_set(err, ERR_USAGE,
                       "the URL is of one profile, --profile names another: "
                       "leave one out");
    }
    return true;
}

/* --- the URL's query --- */

/* What a query says that is an option too. */
struct said {
    bool has_debug, has_gc, has_seconds;
    uint64_t debug, gc, seconds;
};

struct parameter {
    const char *name;
    bool *is_said;
    uint64_t *value;
    uint64_t min, max;
};

/* Values are not repeated: they may stand in for a secret's. */
static bool take_parameter(const struct parameter *p, struct span value,
                           struct err *err)
{
    uint64_t v = 0;
    if (!num_parse_u64(value, &v) || v < p->min || v > p->max) {
        return err_set(
            err, ERR_USAGE, "the URL's %s is not a number from %llu to %llu",
            p->name, (unsigned long long)p->min, (unsigned long long)p->max);
    }
    if (*p->is_said) {
        return err_set(err, ERR_USAGE, "the URL says %s twice", p->name);
    }
    *p->is_said = true;
    *p->value = v;
    return true;
}

static bool read_query(struct span query, struct said *said, struct buf *more,
                       struct err *err)
{
    const struct parameter parameters[] = {
        {"debug",   &said->has_debug,   &said->debug,   0, 2          },
        {"gc",      &said->has_gc,      &said->gc,      0, 1          },
        {"seconds", &said->has_seconds, &said->seconds, 1, SECONDS_MAX},
    };
    enum { N = sizeof(parameters) / sizeof(parameters[0]) };
    struct span key;
    struct span value;
    while (url_parameter(&query, &key, &value)) {
        size_t i = 0;
        while (i < N && !span_is(key, parameters[i].name)) {
            i++;
        }
        if (i < N && !take_parameter(&parameters[i], value, err)) {
            return false;
        }
        if (i == N) {
            buf_char(more, '&');
            buf_span(more, (struct span){
                               key.p, (size_t)(value.p + value.len - key.p)});
        }
    }
    return buf_check(more, "URL", err);
}

/* --- what fits together --- */

static bool choose_debug(const struct fetch_options *o, const struct said *said,
                         struct fetch_plan *plan, struct err *err)
{
    const bool is_said = o->debug != FETCH_DEBUG_UNSAID;
    if (is_said && said->has_debug && o->debug != said->debug) {
        return err_set(err, ERR_USAGE,
                       "the URL says debug=%u, --debug says %u: leave one out",
                       (unsigned)said->debug, (unsigned)o->debug);
    }
    plan->debug = (unsigned)(is_said ? o->debug : said->debug);
    plan->says_debug = is_said || said->has_debug;
    if (plan->debug > 0 && plan_has(plan, "profile")) {
        return err_set(err, ERR_USAGE,
                       "a CPU profile has no text: leave debug out");
    }
    if (plan->debug > 0 && plan_has(plan, "trace")) {
        return err_set(err, ERR_USAGE, "a trace has no text: leave debug out");
    }
    return true;
}

static bool choose_gc(const struct fetch_options *o, const struct said *said,
                      struct fetch_plan *plan, struct err *err)
{
    if (o->gc && o->no_gc) {
        return err_set(err, ERR_USAGE,
                       "--gc and --no-gc contradict each other");
    }
    if (said->has_gc && (said->gc != 0 ? o->no_gc : o->gc)) {
        return err_set(err, ERR_USAGE,
                       "the URL says gc=%u, the options say --%sgc: leave one "
                       "out",
                       (unsigned)said->gc, o->no_gc ? "no-" : "");
    }
    if (o->gc && !plan_has(plan, "heap")) {
        return err_set(err, ERR_USAGE,
                       "--gc is for heap profiles, and none is asked for");
    }
    plan->says_gc = o->gc || o->no_gc || said->has_gc;
    plan->collects = !o->no_gc && !(said->has_gc && said->gc == 0);
    return true;
}

/* Of profiles of one moment seconds make the difference of two, which a series
   must not hold; beside others they only wait. */
static bool choose_seconds(const struct fetch_options *o,
                           const struct said *said, struct fetch_plan *plan,
                           struct err *err)
{
    const char *level = NULL;
    bool has_timed = false;
    if (o->seconds > 0 && said->has_seconds && o->seconds != said->seconds) {
        return err_set(err, ERR_USAGE,
                       "the URL says seconds=%u, --seconds says %u: leave one "
                       "out",
                       (unsigned)said->seconds, (unsigned)o->seconds);
    }
    plan->says_seconds = o->seconds > 0 || said->has_seconds;
    plan->seconds = o->seconds > 0 ? o->seconds : said->seconds;
    for (size_t i = 0; i < plan->n; i++) {
        const bool takes_time = fetch_profile_takes_time(plan->names[i]);
        has_timed |= takes_time;
        level = level == NULL && !takes_time ? plan->names[i] : level;
    }
    if (plan->says_seconds && !has_timed) {
        return err_set(err, ERR_USAGE,
                       "%s of a %s profile what changed, and no snapshot: "
                       "leave it out",
                       o->seconds > 0 ? "--seconds makes" : "seconds= makes",
                       level);
    }
    return true;
}

/* Who asks for what takes time, or for what changed, wants one. */
static uint64_t usual_count(const struct fetch_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++) {
        const enum fetch_sort sort = fetch_profile_sort(plan->names[i]);
        if (sort == FETCH_OF_MOMENT || sort == FETCH_OF_ITS_OWN) {
            return plan->debug == 2 ? 1 : 10;
        }
    }
    return 1;
}

static void set_count(struct fetch_plan *plan, uint64_t count)
{
    char last[32];
    plan->count = count;
    plan->width = snprintf(last, sizeof(last), "%llu",
                           (unsigned long long)(count > 0 ? count - 1 : 0));
    plan->width = plan->width < 2 ? 2 : plan->width;
}

static bool choose_count(const struct fetch_options *o, struct fetch_plan *plan,
                         struct err *err)
{
    plan->says_count = o->count > 0;
    plan->says_interval = o->interval_ns > 0;
    plan->interval_ns = plan->says_interval ? o->interval_ns : 3 * SECOND_NS;
    set_count(plan, plan->says_count ? o->count : usual_count(plan));
    for (size_t i = 0; plan->count > 1 && i < plan->n; i++) {
        if (fetch_profile_sort(plan->names[i]) == FETCH_OF_CHANGE) {
            return err_set(err, ERR_USAGE,
                           "%s says what changed since anybody last asked, "
                           "which makes no series: take one, with --count 1",
                           plan->names[i]);
        }
    }
    return true;
}

/* "localhost:6060" of "http://localhost:6060/debug/pprof/". */
static void make_label(struct fetch_plan *plan)
{
    struct span s = buf_view(&plan->shown);
    const size_t scheme = span_find(s, "://");
    s = span_from(s, scheme < s.len ? scheme + 3 : 0);
    s = span_first(s, span_find(s, "/debug/pprof"));
    while (s.len > 0 && (span_ends(s, "/") || span_ends(s, ":"))) {
        s.len--;
    }
    buf_span(&plan->label, s);
}

bool fetch_plan_make(const struct fetch_options *o, const char *url,
                     struct fetch_plan *plan, struct err *err)
{
    struct said said = {0};
    struct buf named = BUF_LIMIT(URL_BYTES_MAX);
    struct buf query = BUF_LIMIT(URL_BYTES_MAX);
    plan->base.limit_bytes = URL_BYTES_MAX;
    plan->shown.limit_bytes = URL_BYTES_MAX;
    plan->label.limit_bytes = URL_BYTES_MAX;
    plan->more.limit_bytes = URL_BYTES_MAX;
    bool ok = url_endpoint(url, &plan->base, &named, &query, err) &&
              choose_profiles(o, buf_view(&named), plan, err) &&
              read_query(buf_view(&query), &said, &plan->more, err) &&
              choose_debug(o, &said, plan, err) &&
              choose_gc(o, &said, plan, err) &&
              choose_seconds(o, &said, plan, err) && choose_count(o, plan, err);
    if (ok) {
        url_shown(plan->base.data, &plan->shown);
        make_label(plan);
        ok = buf_check(&plan->shown, "URL", err) &&
             buf_check(&plan->label, "URL", err);
    }
    buf_release(&named);
    buf_release(&query);
    return ok;
}

void fetch_plan_release(struct fetch_plan *plan)
{
    buf_release(&plan->base);
    buf_release(&plan->shown);
    buf_release(&plan->label);
    buf_release(&plan->more);
}

/* --- a series that goes on --- */

static bool has_same_names(const struct fetch_plan *plan,
                           const struct fetch_begun *b)
{
    bool same = plan->n == b->n;
    for (size_t i = 0; same && i < b->n; i++) {
        same = plan_has(plan, b->names[i]);
    }
    return same;
}

/* In the order of before: what is said of them goes by place. */
static bool take_names(struct fetch_plan *plan, const struct fetch_begun *b,
                       struct err *err)
{
    plan->n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!add_profile(span_of(b->names[i]), plan, err)) {
            return false;
        }
    }
    return plan->n > 0 || err_set(err, ERR_FORMAT, "no profiles are named");
}

bool fetch_plan_resume(struct fetch_plan *plan, const struct fetch_begun *b,
                       struct err *err)
{
    const char *other = NULL;
    if (!span_is(buf_view(&plan->shown), b->target)) {
        return err_set(err, ERR_USAGE,
                       "the snapshots there are of %.80s, not of %.80s",
                       b->target, plan->shown.data);
    }
    if (plan->says_profiles && !has_same_names(plan, b)) {
        other = "of other profiles";
    } else if (plan->says_debug && plan->debug != b->debug) {
        other = "with another debug";
    } else if (plan->says_seconds && plan->seconds != b->seconds) {
        other = "with other seconds";
    } else if (plan->says_gc && plan->collects != b->collects) {
        other = b->collects ? "with --gc" : "with --no-gc";
    }
    if (other != NULL) {
        return err_set(err, ERR_USAGE,
                       "the snapshots there were taken %s: leave the option "
                       "out, and they go on as they were",
                       other);
    }
    if (!take_names(plan, b, err)) {
        return false;
    }
    plan->debug = (unsigned)b->debug;
    plan->seconds = b->seconds;
    plan->collects = b->collects;
    plan->interval_ns =
        plan->says_interval ? plan->interval_ns : b->interval_ns;
    set_count(plan, plan->says_count ? plan->count : b->count);
    return true;
}

/* --- of one profile --- */

void fetch_plan_url(const struct fetch_plan *plan, size_t i, struct buf *out)
{
    struct buf query = BUF_LIMIT(URL_BYTES_MAX + 64);
    if (plan->debug > 0) {
        buf_printf(&query, "&debug=%u", plan->debug);
    }
    if (plan->seconds > 0 && fetch_profile_takes_time(plan->names[i])) {
        buf_printf(&query, "&seconds=%llu", (unsigned long long)plan->seconds);
    }
    if (plan->collects && strcmp(plan->names[i], "heap") == 0) {
        buf_str(&query, "&gc=1");
    }
    buf_span(&query, buf_view(&plan->more));
    buf_span(out, buf_view(&plan->base));
    buf_str(out, plan->names[i]);
    if (query.len > 0) {
        buf_char(out, '?');
        buf_span(out, span_from(buf_view(&query), 1));
    }
    out->failed_limit = out->failed_limit || query.failed_limit;
    out->failed_memory = out->failed_memory || query.failed_memory;
    buf_release(&query);
}

void fetch_plan_file(const struct fetch_plan *plan, size_t i, uint64_t nth,
                     struct buf *out)
{
    const char *end = fetch_plan_is_trace(plan, i) ? ""
                      : plan->debug > 0            ? ".txt"
                                                   : ".pb.gz";
    buf_printf(out, "%0*llu.%s%s", plan->width, (unsigned long long)nth,
               plan->names[i], end);
}

void fetch_plan_directory(const struct fetch_plan *plan, struct buf *out)
{
    const size_t start = out->len;
    for (size_t i = 0; i < plan->label.len; i++) {
        const char c = plan->label.data[i];
        const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '.';
        /* No name begins with a dot or holds two marks in a row. */
        if (is_word && !(c == '.' && out->len == start)) {
            buf_char(out, c);
        } else if (out->len > start && out->data[out->len - 1] != '_') {
            buf_char(out, '_');
        }
    }
}

int64_t fetch_plan_lasts_ns(const struct fetch_plan *plan, size_t i)
{
    const char *name = plan->names[i];
    if (!fetch_profile_takes_time(name)) {
        return 0;
    }
    const uint64_t seconds =
        plan->seconds > 0 ? plan->seconds : fetch_profile_usual_seconds(name);
    return (int64_t)seconds * SECOND_NS;
}

bool fetch_plan_is_trace(const struct fetch_plan *plan, size_t i)
{
    return strcmp(plan->names[i], "trace") == 0;
}

bool fetch_plan_is_proof(const struct fetch_plan *plan, size_t i)
{
    return strcmp(plan->names[i], "goroutineleak") == 0;
}

void fetch_plan_drop(struct fetch_plan *plan, size_t i)
{
    plan->n--;
    memmove(plan->names[i], plan->names[i + 1],
            (plan->n - i) * sizeof(plan->names[0]));
}

bool fetch_plan_has_secrets(const struct fetch_plan *plan)
{
    return plan->more.len > 0 || plan->base.len != plan->shown.len;
}

bool fetch_plan_is_judged(const struct fetch_plan *plan)
{
    static const char *const judged[] = {"heap", "goroutine", "allocs",
                                         "goroutineleak"};
    bool has_one = false;
    for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
        has_one = has_one || plan_has(plan, judged[i]);
    }
    return plan->count > 1 && has_one;
}
