/*
 * What net/http/pprof answers, page by page: the same texts, statuses and
 * headers, with the habits of the world's version of Go. Waiting for
 * `seconds` is split in two halves, begin and finish, so that one thread can
 * serve everyone.
 */
#include "base/gz.h"
#include "base/num.h"
#include "sim/serve_private.h"
#include "sim/world_private.h"

#include <stdio.h>
#include <string.h>

#include "base/banned.h"

#define PREFIX "/debug/pprof/"

/* --- texts --- */

void sim_http_date(int64_t unix_s, char out[SIM_DATE_BYTES])
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t day = unix_s / 86400;
    const int in_day = (int)(unix_s % 86400);
    /* Days from 1 March 0000, in eras of 400 years (Gregorian). */
    const int64_t z = day + 719468;
    const int64_t era = z / 146097;
    const int64_t doe = z - era * 146097;
    const int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    const int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    const int64_t shifted = (5 * doy + 2) / 153; /* months from March */
    const int of_month = (int)(doy - (153 * shifted + 2) / 5 + 1);
    const int month = (int)(shifted < 10 ? shifted + 2 : shifted - 10);
    const int64_t year = yoe + era * 400 + (month <= 1);
    (void)snprintf(
        out, SIM_DATE_BYTES, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
        days + 3 * (day % 7), of_month, months + (ptrdiff_t)3 * month,
        (int)(year % 10000), in_day / 3600, in_day / 60 % 60, in_day % 60);
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const size_t at = span_find_char(SPAN_LIT(digits), c);
    return at < 16 ? (int)at : at < 22 ? (int)at - 6 : -1;
}

static void unescape(struct span text, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len && n + 1 < size; i++) {
        const bool has_two = text.p[i] == '%' && i + 2 < text.len;
        const int high = has_two ? hex_digit(text.p[i + 1]) : -1;
        const int low = has_two ? hex_digit(text.p[i + 2]) : -1;
        if (high >= 0 && low >= 0) {
            out[n++] = (char)(16 * high + low);
            i += 2;
        } else {
            out[n] = text.p[i];
            if (out[n] == '+') {
                out[n] = ' ';
            }
            n++;
        }
    }
    out[n] = '\0';
}

bool sim_query_find(struct span query, const char *key, char *out, size_t size)
{
    while (query.len > 0) {
        const struct span pair = span_first(query, span_find_char(query, '&'));
        const size_t equals = span_find_char(pair, '=');
        query = span_from(query, pair.len + 1);
        if (span_is(span_first(pair, equals), key)) {
            unescape(span_from(pair, equals + 1), out, size);
            return true;
        }
    }
    out[0] = '\0';
    return false;
}

/* strconv.Atoi whose error is ignored. */
static int64_t query_number(struct span query, const char *key)
{
    char text[32];
    int64_t v = 0;
    return sim_query_find(query, key, text, sizeof(text)) &&
                   num_parse_i64(span_of(text), &v)
               ? v
               : 0;
}

static void start_answer(struct sim_answer *a, unsigned status,
                         const char *type)
{
    *a = (struct sim_answer){
        .status = status, .type = type, .is_nosniff = true, .body = a->body};
    buf_clear(&a->body);
}

static const char plain_text[] = "text/plain; charset=utf-8";

void sim_answer_text(struct sim_answer *a, unsigned status, const char *text)
{
    start_answer(a, status, plain_text);
    buf_printf(&a->body, "%s\n", text);
}

void sim_answer_redirect(struct sim_answer *a, unsigned status,
                         const char *status_text, const char *location)
{
    start_answer(a, status, "text/html; charset=utf-8");
    a->is_nosniff = false;
    (void)snprintf(a->location, sizeof(a->location), "%s", location);
    buf_printf(&a->body, "<a href=\"%s\">%s</a>.\n\n", a->location,
               status_text);
}

/* serveError() of net/http/pprof. */
static void answer_error(struct sim_answer *a, unsigned status,
                         const char *text)
{
    sim_answer_text(a, status, text);
    a->is_pprof_error = true;
}

static void answer_failure(struct sim_answer *a, const struct err *err)
{
    answer_error(a, 500, err->text);
}

static void answer_binary(struct sim_answer *a, const char *file,
                          const char *more)
{
    start_answer(a, 200, "application/octet-stream");
    (void)snprintf(a->disposition, sizeof(a->disposition), "%s%s", file, more);
}

/* --- the index --- */

static const char *const leak_text =
    "Stack traces of all leaked goroutines. Use debug=2 as a query parameter "
    "to export in the same format as an unrecovered panic.";

enum { NOT_A_PROFILE = N_SIM_PROFILES };

/* In the order of names, as the page has them. */
static const struct {
    const char *name;
    unsigned profile; /* whose count is shown, or NOT_A_PROFILE */
    const char *text;
} entries[] = {
    {"allocs",        SIM_ALLOCS,        "A sampling of all past memory allocations"   },
    {"block",         SIM_BLOCK,
     "Stack traces that led to blocking on synchronization primitives"                 },
    {"cmdline",       NOT_A_PROFILE,
     "The command line invocation of the current program"                              },
    {"goroutine",     SIM_GOROUTINE,
     "Stack traces of all current goroutines. Use debug=2 as a query parameter "
     "to export in the same format as an unrecovered panic."                           },
    {"goroutineleak", SIM_GOROUTINELEAK, NULL                                          },
    {"heap",          SIM_HEAP,
     "A sampling of memory allocations of live objects. You can specify the gc "
     "GET parameter to run GC before taking the heap sample."                          },
    {"mutex",         SIM_MUTEX,         "Stack traces of holders of contended mutexes"},
    {"profile",       NOT_A_PROFILE,
     "CPU profile. You can specify the duration in the seconds GET parameter. "
     "After you get the profile file, use the go tool pprof command to "
     "investigate the profile."                                                        },
    {"symbol",        NOT_A_PROFILE,
     "Maps given program counters to function names. Counters can be specified "
     "in a GET raw query or POST body, multiple counters are separated by "
     "'+'."                                                                            },
    {"threadcreate",  SIM_THREADCREATE,
     "Stack traces that led to the creation of new OS threads"                         },
    {"trace",         NOT_A_PROFILE,
     "A trace of execution of the current program. You can specify the "
     "duration in the seconds GET parameter. After you get the trace file, use "
     "the go tool trace command to investigate the trace."                             },
};
enum { N_ENTRIES = sizeof(entries) / sizeof(entries[0]) };

static int64_t sum_of_first_values(const struct profile *p)
{
    int64_t sum = 0;
    for (uint32_t s = 0; s < p->n_samples; s++) {
        sum = add_sat_i64(sum, p->values[(size_t)s * p->n_types]);
    }
    return sum;
}

/* Records of the memory profile, whether or not anything of them lives. */
static int64_t count_records(const struct sim_world *w)
{
    int64_t n = 0;
    for (size_t i = 0; i < w->buckets.n; i++) {
        n += w->buckets.items[i].is_seen;
    }
    return n;
}

/* pprof.Profile.Count(). */
static bool count_entry(struct sim_world *w, enum sim_profile profile,
                        int64_t *out, struct err *err)
{
    struct profile *p = NULL;
    if (profile == SIM_HEAP || profile == SIM_ALLOCS) {
        *out = count_records(w);
        return true;
    }
    if (!sim_profile_make(w, profile, &p, err)) {
        return false;
    }
    const bool counts_records = profile == SIM_BLOCK || profile == SIM_MUTEX;
    *out = counts_records ? (int64_t)p->n_samples : sum_of_first_values(p);
    profile_free(p);
    return true;
}

static bool is_listed(const struct sim_target *t, size_t i)
{
    return entries[i].profile != SIM_GOROUTINELEAK ||
           sim_world_offers(t->world, SIM_GOROUTINELEAK);
}

static bool write_rows(struct sim_target *t, struct buf *b, struct err *err)
{
    for (size_t i = 0; i < N_ENTRIES; i++) {
        int64_t n = 0;
        if (!is_listed(t, i)) {
            continue;
        }
        if (entries[i].profile != NOT_A_PROFILE &&
            !count_entry(t->world, (enum sim_profile)entries[i].profile, &n,
                         err)) {
            return false;
        }
        buf_printf(b,
                   "<tr><td>%lld</td><td><a href='%s?debug=1'>%s</a></td>"
                   "</tr>\n",
                   (long long)n, entries[i].name, entries[i].name);
    }
    return true;
}

static void answer_index(struct sim_target *t, struct sim_answer *a)
{
    struct err err = {0};
    start_answer(a, 200, "text/html; charset=utf-8");
    struct buf *b = &a->body;
    buf_str(b, "<html>\n<head>\n<title>/debug/pprof/</title>\n<style>\n"
               ".profile-name{\n\tdisplay:inline-block;\n\twidth:6rem;\n}\n"
               "</style>\n</head>\n<body>\n/debug/pprof/\n<br>\n"
               "<p>Set debug=1 as a query parameter to export in legacy text "
               "format</p>\n<br>\nTypes of profiles available:\n<table>\n"
               "<thead><td>Count</td><td>Profile</td></thead>\n");
    if (!write_rows(t, b, &err)) {
        answer_failure(a, &err);
        return;
    }
    buf_str(b, "</table>\n<a href=\"goroutine?debug=2\">full goroutine stack "
               "dump</a>\n<br>\n<p>\nProfile Descriptions:\n<ul>\n");
    for (size_t i = 0; i < N_ENTRIES; i++) {
        if (is_listed(t, i)) {
            const char *text = entries[i].text;
            buf_printf(b, "<li><div class=profile-name>%s: </div> ",
                       entries[i].name);
            /* html.EscapeString knows these among what is in the texts. */
            for (text = text ? text : leak_text; *text != '\0'; text++) {
                if (*text == '\'') {
                    buf_str(b, "&#39;");
                } else {
                    buf_char(b, *text);
                }
            }
            buf_str(b, "</li>\n");
        }
    }
    buf_str(b, "</ul>\n</p>\n</body>\n</html>");
}

void sim_answer_services(struct sim_answer *a, const struct sim_target *targets,
                         size_t n)
{
    start_answer(a, 200, "text/html; charset=utf-8");
    struct buf *b = &a->body;
    buf_printf(b,
               "<html>\n<head>\n<title>%zu simulated services</title>\n"
               "</head>\n<body>\n<p>%zu simulated services; "
               "<a href=\"/debug/pprof/\">/debug/pprof/</a> is the first."
               "</p>\n<ul>\n",
               n, n);
    /* Names are those of scenarios: nothing in them wants an escape. */
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, "<li><a href=\"/%s/debug/pprof/\">%s</a></li>\n",
                   targets[i].name, targets[i].name);
    }
    buf_str(b, "</ul>\n</body>\n</html>\n");
}

/* --- symbol --- */

/* strconv.ParseUint(word, 0, 64), whose errors are ignored: 0x and decimal,
   which is what tools ask in. */
static uint64_t parse_pc(struct span word)
{
    uint64_t pc = 0;
    const bool is_hex = span_starts(word, "0x") || span_starts(word, "0X");
    const bool ok = is_hex ? num_parse_hex(span_from(word, 2), &pc)
                           : num_parse_u64(word, &pc);
    return ok ? pc : 0;
}

/* runtime.FuncForPC: the function with the last entry at or below `pc`. */
static const char *function_at(const struct sim_code *code, uint64_t pc)
{
    /* Functions are at most so far apart; beyond is no code of ours. */
    enum { FUNCTION_BYTES_MAX = 64 << 10 };
    const struct sim_function *best = NULL;
    for (size_t i = 0; i < code->functions.n; i++) {
        const struct sim_function *f = &code->functions.items[i];
        if (f->entry <= pc && pc - f->entry < FUNCTION_BYTES_MAX &&
            (best == NULL || f->entry > best->entry)) {
            best = f;
        }
    }
    return best ? best->name : NULL;
}

/* Go looks up as many as are asked for; here each costs a scan. */
enum { SYMBOLS_MAX = 10000 };

static void answer_symbol(const struct sim_target *t, const struct sim_ask *ask,
                          struct sim_answer *a)
{
    struct span rest =
        strcmp(ask->method, "POST") == 0 ? ask->post : ask->query;
    start_answer(a, 200, plain_text);
    buf_str(&a->body, "num_symbols: 1\n");
    for (unsigned i = 0; rest.len > 0 && i < SYMBOLS_MAX; i++) {
        const size_t plus = span_find_char(rest, '+');
        const uint64_t pc = parse_pc(span_first(rest, plus));
        const char *name = pc ? function_at(&t->world->code, pc) : NULL;
        if (name != NULL) {
            buf_printf(&a->body, "0x%llx %s\n", (unsigned long long)pc, name);
        }
        rest = span_from(rest, plus + 1);
    }
}

static void answer_cmdline(const struct sim_target *t, struct sim_answer *a)
{
    start_answer(a, 200, plain_text);
    buf_printf(&a->body, "./%s", t->options->scenario->service);
}

/* --- profiles --- */

static bool find_profile(const struct sim_target *t, struct span name,
                         enum sim_profile *out)
{
    for (unsigned p = 0; p < N_SIM_PROFILES; p++) {
        if (p != SIM_CPU && span_is(name, sim_profile_name(p))) {
            *out = (enum sim_profile)p;
            return sim_world_offers(t->world, *out);
        }
    }
    return false;
}

/* A profile with this time and duration, encoded and compressed. */
static bool encode(struct profile *p, int64_t time_ns, int64_t duration_ns,
                   struct buf *out, struct err *err)
{
    struct buf raw = BUF_LIMIT((size_t)1 << 30);
    p->time_nanos = time_ns;
    p->duration_nanos = duration_ns;
    const bool ok =
        profile_encode(p, &raw, err) &&
        gz_compress((const uint8_t *)raw.data, raw.len, 1, out, err);
    buf_release(&raw);
    return ok;
}

static void begin_delta(struct sim_target *t, struct span query,
                        const char *text, struct sim_page *page)
{
    struct err err = {0};
    struct sim_answer *a = &page->answer;
    int64_t seconds = 0;
    if (!num_parse_i64(span_of(text), &seconds) || seconds <= 0) {
        answer_error(a, 400,
                     "invalid value for \"seconds\" - must be a positive "
                     "integer");
    } else if (query_number(query, "debug") != 0) {
        answer_error(a, 400, "seconds and debug params are incompatible");
    } else if (!sim_profile_make(t->world, page->profile, &page->before,
                                 &err)) {
        answer_failure(a, &err);
    } else {
        page->kind = SIM_PAGE_DELTA;
        page->before_ns = sim_world_now(t->world);
        page->seconds = seconds;
    }
}

static void finish_delta(struct sim_target *t, struct sim_page *page)
{
    struct err err = {0};
    struct profile *after = NULL;
    struct profile *delta = NULL;
    struct sim_answer *a = &page->answer;
    const int64_t now_ns = sim_world_now(t->world);
    answer_binary(a, sim_profile_name(page->profile), "-delta");
    bool ok = sim_profile_make(t->world, page->profile, &after, &err);
    if (ok) {
        profile_scale(page->before, -1);
        const struct profile *both[] = {page->before, after};
        ok = profile_merge(both, 2, &delta, &err) &&
             encode(delta, SIM_EPOCH_NS + now_ns, now_ns - page->before_ns,
                    &a->body, &err);
    }
    if (!ok) {
        answer_error(a, 500,
                     after == NULL ? "failed to collect profile"
                                   : "failed to compute delta");
    }
    profile_free(after);
    profile_free(delta);
}

static void begin_cpu(struct sim_target *t, struct span query,
                      struct sim_page *page)
{
    if (t->profiles_cpu) {
        answer_error(&page->answer, 500,
                     "Could not enable CPU profiling: cpu profiling already "
                     "in use");
        return;
    }
    const int64_t seconds = query_number(query, "seconds");
    page->kind = SIM_PAGE_CPU;
    page->profile = SIM_CPU;
    page->before_ns = sim_world_now(t->world);
    page->seconds = seconds > 0 ? seconds : 30;
    t->profiles_cpu = true;
}

static void finish_cpu(struct sim_target *t, struct sim_page *page)
{
    struct err err = {0};
    struct profile *p = NULL;
    answer_binary(&page->answer, "profile", "");
    const int64_t lasted_ns = sim_world_now(t->world) - page->before_ns;
    sim_world_profile_for(t->world, (double)lasted_ns / (double)SIM_SECOND);
    if (!sim_profile_make(t->world, SIM_CPU, &p, &err) ||
        !encode(p, SIM_EPOCH_NS + page->before_ns, lasted_ns,
                &page->answer.body, &err)) {
        answer_failure(&page->answer, &err);
    }
    profile_free(p);
}

static void answer_profile(struct sim_target *t, struct span query,
                           struct sim_page *page)
{
    struct err err = {0};
    struct sim_answer *a = &page->answer;
    char seconds[32];
    sim_query_find(query, "seconds", seconds, sizeof(seconds));
    if (*seconds != '\0') {
        begin_delta(t, query, seconds, page);
        return;
    }
    const char *name = sim_profile_name(page->profile);
    const int64_t debug = query_number(query, "debug");
    if (debug != 0) {
        start_answer(a, 200, plain_text);
    } else {
        answer_binary(a, name, "");
    }
    if (page->profile == SIM_HEAP && query_number(query, "gc") > 0 &&
        !sim_world_collect(t->world, &err)) {
        answer_failure(a, &err);
        return;
    }
    const int form = debug >= 2 ? 2 : debug != 0;
    if (!sim_profile_write(t->world, page->profile, form, &a->body, &err)) {
        answer_failure(a, &err);
    }
}

/* --- dispatch --- */

/* As of Go 1.22 the routes are for GET, and HEAD with it. */
static bool is_method_allowed(const struct sim_target *t, const char *method)
{
    return t->options->go < SIM_GO_1_23 || strcmp(method, "GET") == 0 ||
           strcmp(method, "HEAD") == 0;
}

static void dispatch(struct sim_target *t, const struct sim_ask *ask,
                     struct span name, struct sim_page *page)
{
    if (name.len == 0) {
        answer_index(t, &page->answer);
    } else if (span_is(name, "cmdline")) {
        answer_cmdline(t, &page->answer);
    } else if (span_is(name, "symbol")) {
        answer_symbol(t, ask, &page->answer);
    } else if (span_is(name, "profile")) {
        begin_cpu(t, ask->query, page);
    } else if (span_is(name, "trace")) {
        answer_error(&page->answer, 500,
                     "Could not enable tracing: the simulator has no "
                     "execution traces");
    } else if (find_profile(t, name, &page->profile)) {
        answer_profile(t, ask->query, page);
    } else {
        answer_error(&page->answer, 404, "Unknown profile");
    }
}

void sim_page_begin(struct sim_target *t, const struct sim_ask *ask,
                    struct sim_page *page)
{
    struct sim_answer *a = &page->answer;
    if (span_is(ask->path, "/debug/pprof")) {
        const bool is_new = t->options->go >= SIM_GO_1_26;
        sim_answer_redirect(a, is_new ? 307 : 301,
                            is_new ? "Temporary Redirect" : "Moved Permanently",
                            PREFIX);
    } else if (!span_starts(ask->path, PREFIX)) {
        sim_answer_text(a, 404, "404 page not found");
    } else if (!is_method_allowed(t, ask->method)) {
        sim_answer_text(a, 405, "Method Not Allowed");
        a->allow = "GET, HEAD";
    } else {
        dispatch(t, ask, span_from(ask->path, strlen(PREFIX)), page);
    }
}

void sim_page_finish(struct sim_target *t, struct sim_page *page)
{
    page->seconds = 0;
    switch (page->kind) {
    case SIM_PAGE_PLAIN:
        break;
    case SIM_PAGE_DELTA:
        finish_delta(t, page);
        break;
    case SIM_PAGE_CPU:
        finish_cpu(t, page);
        break;
    }
}

void sim_page_release(struct sim_target *t, struct sim_page *page)
{
    if (page->kind == SIM_PAGE_CPU) {
        t->profiles_cpu = false;
    }
    profile_free(page->before);
    buf_release(&page->answer.body);
    *page = (struct sim_page){0};
}
