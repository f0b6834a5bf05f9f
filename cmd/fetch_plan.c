#include "fetch_plan.h"

#include "base/num.h"
#include "fetch/fetch.h"

#include <stdio.h>
#include <string.h>

enum {
    URL_BYTES_MAX = 64 << 10,
    SECONDS_MAX = 86400,
    CPU_SECONDS = 30 /* net/http/pprof's own, when none are asked for */
};

/* What net/http/pprof serves under a name. */
struct known {
    const char *name;
    enum profile_kind kind;
    /* Texts do not tell heap from allocs, nor leaked goroutines from others;
       contention of either name is told by its stacks only. */
    enum profile_kind also;
    bool is_level; /* of a moment, so that `seconds` would make it a change */
};

static const struct known known[] = {
    {"heap",          KIND_HEAP,          KIND_HEAP,         true },
    {"goroutine",     KIND_GOROUTINE,     KIND_GOROUTINE,    true },
    {"allocs",        KIND_ALLOCS,        KIND_HEAP,         true },
    {"goroutineleak", KIND_GOROUTINELEAK, KIND_GOROUTINE,    true },
    {"threadcreate",  KIND_THREADCREATE,  KIND_THREADCREATE, true },
    {"block",         KIND_BLOCK,         KIND_MUTEX,        true },
    {"mutex",         KIND_MUTEX,         KIND_BLOCK,        true },
    {"profile",       KIND_CPU,           KIND_CPU,          false},
};

static const struct known *known_find(const char *name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

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
    if (plan->debug > 0 && plan_has(plan, "profile")) {
        return err_set(err, ERR_USAGE,
                       "a CPU profile has no text: leave debug out");
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
    plan->collects = !o->no_gc && !(said->has_gc && said->gc == 0);
    return true;
}

static bool choose_seconds(const struct said *said, struct fetch_plan *plan,
                           struct err *err)
{
    plan->seconds = said->seconds;
    for (size_t i = 0; said->has_seconds && i < plan->n; i++) {
        const struct known *k = known_find(plan->names[i]);
        if (k != NULL && k->is_level) {
            return err_set(err, ERR_USAGE,
                           "seconds= makes of a %s profile what changed, and "
                           "no snapshot: leave it out",
                           k->name);
        }
    }
    return true;
}

static void choose_count(const struct fetch_options *o, struct fetch_plan *plan)
{
    char last[32];
    plan->count = o->count > 0 ? o->count : plan->debug == 2 ? 1 : 10;
    plan->width = snprintf(last, sizeof(last), "%llu",
                           (unsigned long long)(plan->count - 1));
    plan->width = plan->width < 2 ? 2 : plan->width;
}

static bool check_words(const struct fetch_options *o, const struct words *args,
                        struct err *err)
{
    if (args->n != 1) {
        return err_set(err, ERR_USAGE,
                       "fetch: name one process, such as localhost:6060");
    }
    if (*o->directory == '\0') {
        return err_set(err, ERR_USAGE, "--output: the directory has no name");
    }
    if (strcmp(o->directory, "-") == 0) {
        return err_set(err, ERR_USAGE,
                       "--output: snapshots go into a directory, not to "
                       "standard output");
    }
    return true;
}

bool fetch_plan_make(const struct fetch_options *o, const struct words *args,
                     struct fetch_plan *plan, struct err *err)
{
    struct said said = {0};
    struct buf named = BUF_LIMIT(URL_BYTES_MAX);
    struct buf query = BUF_LIMIT(URL_BYTES_MAX);
    plan->base.limit_bytes = URL_BYTES_MAX;
    plan->shown.limit_bytes = URL_BYTES_MAX;
    plan->more.limit_bytes = URL_BYTES_MAX;
    bool ok = check_words(o, args, err) &&
              url_endpoint(args->items[0], &plan->base, &named, &query, err) &&
              choose_profiles(o, buf_view(&named), plan, err) &&
              read_query(buf_view(&query), &said, &plan->more, err) &&
              choose_debug(o, &said, plan, err) &&
              choose_gc(o, &said, plan, err) &&
              choose_seconds(&said, plan, err);
    if (ok) {
        choose_count(o, plan);
        url_shown(plan->base.data, &plan->shown);
        ok = buf_check(&plan->shown, "URL", err);
    }
    buf_release(&named);
    buf_release(&query);
    return ok;
}

void fetch_plan_release(struct fetch_plan *plan)
{
    buf_release(&plan->base);
    buf_release(&plan->shown);
    buf_release(&plan->more);
}

/* --- of one profile --- */

void fetch_plan_url(const struct fetch_plan *plan, size_t i, struct buf *out)
{
    struct buf query = BUF_LIMIT(URL_BYTES_MAX + 64);
    if (plan->debug > 0) {
        buf_printf(&query, "&debug=%u", plan->debug);
    }
    if (plan->seconds > 0) {
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
    buf_printf(out, "%0*llu.%s.%s", plan->width, (unsigned long long)nth,
               plan->names[i], plan->debug > 0 ? "txt" : "pb.gz");
}

int64_t fetch_plan_lasts_ns(const struct fetch_plan *plan, size_t i)
{
    const bool is_cpu = strcmp(plan->names[i], "profile") == 0;
    const uint64_t seconds = plan->seconds > 0 ? plan->seconds
                             : is_cpu          ? CPU_SECONDS
                                               : 0;
    return (int64_t)seconds * INT64_C(1000000000);
}

bool fetch_plan_check(const struct fetch_plan *plan, size_t i,
                      const struct snapshot *s, struct err *err)
{
    const struct known *k = known_find(plan->names[i]);
    const bool is_contention = s->kind == KIND_BLOCK || s->kind == KIND_MUTEX;
    const bool is_loose = s->form != FORM_PROTO || is_contention;
    if (k == NULL || s->kind == k->kind || (is_loose && s->kind == k->also)) {
        return true;
    }
    const char *article = k->kind == KIND_ALLOCS ? "an" : "a";
    if (s->kind == KIND_OTHER || s->kind == KIND_UNKNOWN) {
        return err_set(err, ERR_MISMATCH,
                       "not %s %s profile but one of another kind", article,
                       k->name);
    }
    return err_set(err, ERR_MISMATCH, "not %s %s profile but %s %s profile",
                   article, k->name, s->kind == KIND_ALLOCS ? "an" : "a",
                   profile_kind_name(s->kind));
}

bool fetch_plan_has_secrets(const struct fetch_plan *plan)
{
    return plan->more.len > 0 || plan->base.len != plan->shown.len;
}

bool fetch_plan_is_judged(const struct fetch_plan *plan)
{
    return plan->count > 1 &&
           (plan_has(plan, "heap") || plan_has(plan, "goroutine"));
}
