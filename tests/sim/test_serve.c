/*
 * The server in this process, turned step by step against libcurl: pages,
 * headers and texts as net/http/pprof has them, and every fault. Its clock is
 * ours and runs fast, so that nobody waits.
 */
#include "test.h"

#include "base/gz.h"
#include "profile/profile.h"
#include "sim/sim.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Go's own answers, taken from net/http/pprof of Go 1.26 by curl -i, without
   Date. */
#define TEXT  "Content-Type: text/plain; charset=utf-8\r\n"
#define SNIFF "X-Content-Type-Options: nosniff\r\n"
#define PPROF "X-Go-Pprof: 1\r\n"

/* A turn of the loop lets so much of the server's time pass. */
#define TURN_NS (SIM_SECOND / 100)
enum { TURNS_MAX = 40000, WORLDS = 2 };

struct place {
    struct sim_server *server;
    struct sim_options worlds[WORLDS];
    int64_t now_ns;
    int64_t look_ns; /* a look at the clock lasts so long */
    bool is_stopped;
    struct sim_fault_plan plans[SIM_FAULT_PLANS_MAX];
    size_t n_plans;
};

static int64_t now_ns(void *ctx)
{
    struct place *p = ctx;
    p->now_ns += p->look_ns;
    return p->now_ns;
}

static bool is_stopped(void *ctx)
{
    const struct place *p = ctx;
    return p->is_stopped;
}

static const char *const names[WORLDS] = {"one", "two"};

static struct place *new_place(const char *scenario, enum sim_go go,
                               const char *faults)
{
    struct place *p = calloc(1, sizeof(*p));
    struct err err = {0};
    assert_non_null(p);
    for (size_t i = 0; i < WORLDS; i++) {
        sim_options_default(&p->worlds[i]);
        p->worlds[i].scenario = sim_scenario_find(scenario);
        p->worlds[i].n_background = 200;
        p->worlds[i].go = go;
        p->worlds[i].seed = i + 1;
    }
    if (*faults != '\0') {
        assert_ok(sim_faults_parse(faults, p->plans, &p->n_plans, &err), &err);
    }
    return p;
}

static void open_place(struct place *p, size_t n_worlds, bool one_port_each,
                       double speed)
{
    struct err err = {0};
    const struct sim_server_options o = {
        .address = "127.0.0.1:0",
        .speed = speed,
        .worlds = p->worlds,
        .names = names,
        .n_worlds = n_worlds,
        .one_port_each = one_port_each,
        .faults = p->plans,
        .n_faults = p->n_plans,
        .seed = 1,
        .now_ns = now_ns,
        .is_stopped = is_stopped,
        .ctx = p,
    };
    assert_ok(sim_server_new(&o, &p->server, &err), &err);
}

static struct place *start(enum sim_go go, const char *faults,
                           bool one_port_each)
{
    struct place *p = new_place("steady", go, faults);
    open_place(p, WORLDS, one_port_each, 1);
    return p;
}

/* One service, at this speed. */
static struct place *start_one(const char *scenario, const char *faults,
                               double speed)
{
    struct place *p = new_place(scenario, SIM_GO_1_23, faults);
    open_place(p, 1, false, speed);
    return p;
}

static void stop(struct place *p)
{
    sim_server_free(p->server);
    free(p);
}

static void turn(struct place *p)
{
    struct err err = {0};
    p->now_ns += TURN_NS;
    assert_ok(sim_server_run(p->server, 0, &err), &err);
}

/* --- a client --- */

struct client {
    CURLM *multi;
    CURL *easy;
    struct buf headers, body;
    CURLcode code;
    long status;
    bool is_done;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl wants it so. */
static size_t on_body(char *data, size_t unit, size_t n, void *ctx)
{
    buf_add(ctx, data, unit * n);
    return unit * n;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl wants it so. */
static size_t on_header(char *data, size_t unit, size_t n, void *ctx)
{
    const struct span line = {data, unit * n};
    if (!span_starts(line, "Date: ")) {
        buf_span(ctx, line);
    }
    return unit * n;
}

static struct client *ask(struct place *p, const char *method, const char *path)
{
    struct client *c = calloc(1, sizeof(*c));
    char url[4096];
    assert_non_null(c);
    c->headers.limit_bytes = 1 << 20;
    c->body.limit_bytes = 64 << 20;
    c->multi = curl_multi_init();
    c->easy = curl_easy_init();
    assert_non_null(c->easy);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u%s",
                   sim_server_port(p->server, 0), path);
    curl_easy_setopt(c->easy, CURLOPT_URL, url);
    curl_easy_setopt(c->easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_TIMEOUT, 20L);
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, &c->body);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, &c->headers);
    if (strcmp(method, "HEAD") == 0) {
        curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
    } else if (strcmp(method, "POST") == 0) {
        curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, "0x1+0x2");
    } else {
        curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
    }
    curl_multi_add_handle(c->multi, c->easy);
    return c;
}

static void poll_client(struct client *c)
{
    int running = 0;
    int left = 0;
    const CURLMsg *message;
    curl_multi_perform(c->multi, &running);
    while ((message = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            c->is_done = true;
            c->code = message->data.result;
            curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
        }
    }
}

static void finish(struct place *p, struct client *c)
{
    for (unsigned i = 0; i < TURNS_MAX && !c->is_done; i++) {
        turn(p);
        poll_client(c);
    }
    assert_true(c->is_done);
    buf_add(&c->body, "", 0);
}

static void forget(struct client *c)
{
    curl_multi_remove_handle(c->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    buf_release(&c->headers);
    buf_release(&c->body);
    free(c);
}

static struct client *get(struct place *p, const char *path)
{
    struct client *c = ask(p, "GET", path);
    finish(p, c);
    return c;
}

static struct profile *decoded(const struct client *c)
{
    struct profile *out = NULL;
    struct err err = {0};
    assert_int_equal(c->code, CURLE_OK);
    assert_int_equal(c->status, 200);
    assert_ok(profile_decode(buf_view(&c->body), &out, &err), &err);
    return out;
}

static double first_column(const struct profile *profile)
{
    double sum = 0;
    for (uint32_t s = 0; s < profile->n_samples; s++) {
        sum += (double)profile->values[(size_t)s * profile->n_types];
    }
    return sum;
}

static double allocated(struct place *p)
{
    struct client *c = get(p, "/debug/pprof/allocs?gc=1");
    struct profile *profile = decoded(c);
    const double sum = first_column(profile);
    profile_free(profile);
    forget(c);
    return sum;
}

/* --- what Go answers --- */

struct page {
    const char *name, *method, *path;
    enum sim_go go;
    const char *headers;
    const char *body; /* NULL: anything */
};

static const struct page pages[] = {
    {"elsewhere by DELETE",               "DELETE", "/nope",                               SIM_GO_1_26,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF "Content-Length: 19\r\n\r\n",
     "404 page not found\n"                                                                                                                                                                                                                       },
    {"without the slash",                 "GET",    "/debug/pprof",                        SIM_GO_1_26,
     "HTTP/1.1 307 Temporary Redirect\r\n"
     "Content-Type: text/html; charset=utf-8\r\n"
     "Location: /debug/pprof/\r\nContent-Length: 49\r\n\r\n",                                                                                                                       "<a href=\"/debug/pprof/\">Temporary Redirect</a>.\n\n"       },
    {"without the slash, before 1.26",    "GET",    "/debug/pprof",                        SIM_GO_1_23,
     "HTTP/1.1 301 Moved Permanently\r\n"
     "Content-Type: text/html; charset=utf-8\r\n"
     "Location: /debug/pprof/\r\nContent-Length: 48\r\n\r\n",                                                                                                                       "<a href=\"/debug/pprof/\">Moved Permanently</a>.\n\n"        },
    {"index",                             "GET",    "/debug/pprof/",                       SIM_GO_1_23,
     "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n" SNIFF
     "Transfer-Encoding: chunked\r\n\r\n",                                                                                                                                          NULL                                                          },
    {"unknown profile",                   "GET",    "/debug/pprof/nope",                   SIM_GO_1_23,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     "Unknown profile\n"                                                                                                                                                                                                                          },
    {"unknown profile by HEAD",           "HEAD",   "/debug/pprof/nope",                   SIM_GO_1_23,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     ""                                                                                                                                                                                                                                           },
    {"profile with a slash behind",       "GET",    "/debug/pprof/heap/",                  SIM_GO_1_23,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     "Unknown profile\n"                                                                                                                                                                                                                          },
    {"goroutineleak before it was there", "GET",    "/debug/pprof/goroutineleak",
     SIM_GO_1_23,                                                                                       "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     "Unknown profile\n"                                                                                                                                                                                                                          },
    {"POST since 1.22",                   "POST",   "/debug/pprof/symbol",                 SIM_GO_1_23,
     "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n" TEXT SNIFF
     "Content-Length: 19\r\n\r\n",                                                                                                                                                  "Method Not Allowed\n"                                        },
    {"POST before 1.22",                  "POST",   "/debug/pprof/symbol",                 SIM_GO_1_21,
     "HTTP/1.1 200 OK\r\n" TEXT SNIFF "Content-Length: 15\r\n\r\n",
     "num_symbols: 1\n"                                                                                                                                                                                                                           },
    {"symbol",                            "GET",    "/debug/pprof/symbol?0x1+7",           SIM_GO_1_23,
     "HTTP/1.1 200 OK\r\n" TEXT SNIFF "Content-Length: 15\r\n\r\n",
     "num_symbols: 1\n"                                                                                                                                                                                                                           },
    {"seconds that are none",             "GET",    "/debug/pprof/heap?seconds=a",         SIM_GO_1_23,
     "HTTP/1.1 400 Bad Request\r\n" TEXT SNIFF PPROF
     "Content-Length: 57\r\n\r\n",                                                                                                                                                  "invalid value for \"seconds\" - must be a positive integer\n"},
    {"seconds below one",                 "GET",    "/debug/pprof/heap?x=1&seconds=-1",
     SIM_GO_1_23,                                                                                       "HTTP/1.1 400 Bad Request\r\n" TEXT SNIFF PPROF
     "Content-Length: 57\r\n\r\n",                                                                                                                                 "invalid value for \"seconds\" - must be a positive integer\n"},
    {"seconds and debug",                 "GET",    "/debug/pprof/heap?seconds=1&debug=1",
     SIM_GO_1_23,                                                                                       "HTTP/1.1 400 Bad Request\r\n" TEXT SNIFF PPROF
     "Content-Length: 42\r\n\r\n",                                                                                                                                 "seconds and debug params are incompatible\n"                 },
    {"unknown profile with seconds",      "GET",    "/debug/pprof/nope?seconds=1",
     SIM_GO_1_23,                                                                                       "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     "Unknown profile\n"                                                                                                                                                                                                                          },
    {"heap",                              "GET",    "/debug/pprof/heap?gc=1",              SIM_GO_1_23,
     "HTTP/1.1 200 OK\r\n"
     "Content-Disposition: attachment; filename=\"heap\"\r\n"
     "Content-Type: application/octet-stream\r\n" SNIFF
     "Transfer-Encoding: chunked\r\n\r\n",                                                                                                                                          NULL                                                          },
    {"heap as text",                      "GET",    "/debug/pprof/heap?debug=1",           SIM_GO_1_23,
     "HTTP/1.1 200 OK\r\n" TEXT SNIFF "Transfer-Encoding: chunked\r\n\r\n",
     NULL                                                                                                                                                                                                                                         },
    {"service by name",                   "GET",    "/two/debug/pprof/nope",               SIM_GO_1_23,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF PPROF "Content-Length: 16\r\n\r\n",
     "Unknown profile\n"                                                                                                                                                                                                                          },
    {"service of no name",                "GET",    "/three/debug/pprof/heap",             SIM_GO_1_23,
     "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF "Content-Length: 19\r\n\r\n",
     "404 page not found\n"                                                                                                                                                                                                                       },
};

static void answers_as_go(void **state)
{
    const struct page *page = *state;
    struct place *p = start(page->go, "", false);
    struct client *c = ask(p, page->method, page->path);
    finish(p, c);
    assert_int_equal(c->code, CURLE_OK);
    assert_string_equal(c->headers.data, page->headers);
    if (page->body != NULL) {
        assert_string_equal(c->body.data ? c->body.data : "", page->body);
    }
    forget(c);
    stop(p);
}

static void the_index_counts_what_there_is(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", false);
    struct client *c = get(p, "/debug/pprof/");
    const struct span page = buf_view(&c->body);
    (void)state;
    assert_true(
        span_starts(page, "<html>\n<head>\n<title>/debug/pprof/</title>"));
    assert_true(span_ends(page, "</ul>\n</p>\n</body>\n</html>"));
    assert_true(span_has(page, "<tr><td>0</td><td><a href='trace?debug=1'>"
                               "trace</a></td></tr>\n</table>"));
    assert_false(span_has(page, "goroutineleak"));
    /* Something is counted for what always is there. */
    assert_false(span_has(page, "<td>0</td><td><a href='goroutine?"));
    assert_false(span_has(page, "<td>0</td><td><a href='heap?"));
    assert_true(span_has(page, "separated by &#39;+&#39;."));
    forget(c);
    stop(p);
}

static void one_service_has_nothing_at_the_root(void **state)
{
    struct place *p = start_one("steady", "", 1);
    struct client *c = get(p, "/");
    (void)state;
    assert_int_equal(c->status, 404);
    assert_string_equal(c->headers.data, "HTTP/1.1 404 Not Found\r\n" TEXT SNIFF
                                         "Content-Length: 19\r\n\r\n");
    assert_string_equal(c->body.data, "404 page not found\n");
    forget(c);
    stop(p);
}

static void several_services_are_listed_at_the_root(void **state)
{
    struct place *p = start(SIM_GO_1_23, "500", false);
    struct client *c = get(p, "/"); /* no fault meets it */
    const struct span page = buf_view(&c->body);
    (void)state;
    assert_int_equal(c->status, 200);
    assert_true(span_has(buf_view(&c->headers), "Content-Type: text/html"));
    assert_true(span_has(page, "<a href=\"/one/debug/pprof/\">one</a>"));
    assert_true(span_has(page, "<a href=\"/two/debug/pprof/\">two</a>"));
    forget(c);
    stop(p);
}

static void profiles_are_what_they_say(void **state)
{
    static const struct {
        const char *path;
        enum profile_kind kind;
    } rows[] = {
        {"/debug/pprof/heap",              KIND_HEAP        },
        {"/debug/pprof/allocs",            KIND_ALLOCS      },
        {"/debug/pprof/goroutine",         KIND_GOROUTINE   },
        {"/two/debug/pprof/goroutine",     KIND_GOROUTINE   },
        {"/debug/pprof/threadcreate",      KIND_THREADCREATE},
        {"/debug/pprof/profile?seconds=1", KIND_CPU         },
    };
    struct place *p = start(SIM_GO_1_23, "", false);
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client *c = get(p, rows[i].path);
        struct profile *profile = decoded(c);
        assert_int_equal(profile_kind(profile), rows[i].kind);
        profile_free(profile);
        forget(c);
    }
    stop(p);
}

static void a_delta_has_what_came_while_it_lasted(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", false);
    const int64_t before_ns = 1000 * SIM_SECOND;
    (void)state;
    p->now_ns = before_ns;
    struct client *c = get(p, "/debug/pprof/allocs?seconds=50");
    struct profile *profile = decoded(c);
    assert_in_range(p->now_ns - before_ns, 50 * SIM_SECOND, 51 * SIM_SECOND);
    assert_in_range(profile->duration_nanos, 50 * SIM_SECOND, 51 * SIM_SECOND);
    assert_in_range(profile->time_nanos,
                    SIM_EPOCH_NS + before_ns + 50 * SIM_SECOND,
                    SIM_EPOCH_NS + before_ns + 51 * SIM_SECOND);
    assert_true(span_has(buf_view(&c->headers), "filename=\"allocs-delta\""));
    /* Collections publish: the delta is of about so long, not of all. */
    const double delta = first_column(profile);
    assert_true(delta > 0);
    assert_true(delta < allocated(p) / 4);
    profile_free(profile);
    forget(c);
    stop(p);
}

static void one_cpu_profile_at_a_time(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", false);
    struct client *first = ask(p, "GET", "/debug/pprof/profile");
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        turn(p);
        poll_client(first);
    }
    struct client *second = get(p, "/debug/pprof/profile?seconds=1");
    assert_int_equal(second->status, 500);
    assert_string_equal(second->body.data,
                        "Could not enable CPU profiling: cpu profiling already "
                        "in use\n");
    finish(p, first);
    assert_int_equal(first->status, 200);
    assert_in_range(p->now_ns, 30 * SIM_SECOND, 32 * SIM_SECOND);
    forget(first);
    forget(second);
    stop(p);
}

static void who_hangs_up_is_forgotten(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", false);
    struct client *first = ask(p, "GET", "/debug/pprof/profile?seconds=1000");
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        turn(p);
        poll_client(first);
    }
    forget(first);
    for (unsigned i = 0; i < 20; i++) {
        turn(p);
    }
    struct client *second = get(p, "/debug/pprof/profile?seconds=1");
    assert_int_equal(second->status, 200);
    forget(second);
    stop(p);
}

static void a_port_for_each(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", true);
    (void)state;
    assert_int_equal(sim_server_port(p->server, 0) + 1,
                     sim_server_port(p->server, 1));
    struct client *c = get(p, "/debug/pprof/cmdline");
    assert_int_equal(c->status, 200);
    forget(c);
    c = get(p, "/two/debug/pprof/cmdline");
    assert_int_equal(c->status, 404);
    forget(c);
    stop(p);
}

static void time_passes_with_the_clock(void **state)
{
    struct place *p = start(SIM_GO_1_23, "", false);
    (void)state;
    p->now_ns += 500 * SIM_SECOND;
    struct client *c = get(p, "/debug/pprof/goroutine");
    struct profile *profile = decoded(c);
    assert_in_range(profile->time_nanos, SIM_EPOCH_NS + 500 * SIM_SECOND,
                    SIM_EPOCH_NS + 501 * SIM_SECOND);
    profile_free(profile);
    forget(c);
    stop(p);
}

/* --- a clock too fast, a process too big --- */

static void who_cannot_keep_up_answers_all_the_same(void **state)
{
    struct place *p = start_one("steady", "", SIM_SPEED_MAX);
    (void)state;
    p->now_ns += 1000 * SIM_SECOND;
    p->look_ns = SIM_SECOND / 100;
    const int64_t before_ns = p->now_ns;
    struct client *c = get(p, "/debug/pprof/goroutine");
    struct profile *profile = decoded(c);
    const struct sim_server_counts counts = sim_server_counts(p->server);
    assert_in_range(p->now_ns - before_ns, SIM_SECOND, 5 * SIM_SECOND);
    assert_true(counts.speed_kept > 0 && counts.speed_kept < SIM_SPEED_MAX);
    /* It lives on from where it came to. */
    const int64_t due_ns = SIM_SECOND * SIM_SPEED_MAX * 1000;
    assert_in_range(profile->time_nanos, SIM_EPOCH_NS,
                    SIM_EPOCH_NS + due_ns / 2);
    profile_free(profile);
    forget(c);
    stop(p);
}

static void a_world_runs_on_while_nobody_asks(void **state)
{
    struct place *p = start_one("steady", "", 100);
    (void)state;
    forget(get(p, "/debug/pprof/cmdline"));
    for (unsigned i = 0; i < 1000; i++) {
        p->now_ns += SIM_SECOND;
        turn(p);
    }
    /* So there is little left to do, however long a look takes. */
    p->look_ns = SIM_SECOND / 1000;
    struct client *c = get(p, "/debug/pprof/goroutine");
    struct profile *profile = decoded(c);
    assert_in_range(profile->time_nanos, SIM_EPOCH_NS + 100000 * SIM_SECOND,
                    SIM_EPOCH_NS + 102000 * SIM_SECOND);
    assert_true(sim_server_counts(p->server).speed_kept <= 0);
    profile_free(profile);
    forget(c);
    stop(p);
}

static void what_outgrows_its_limit_starts_anew(void **state)
{
    /* Nothing is collected: 4 GiB are full after some 1040 s. */
    struct place *p = start_one("gc-off", "", 1);
    (void)state;
    p->now_ns += 900 * SIM_SECOND;
    const double first = allocated(p);
    assert_int_equal(sim_server_counts(p->server).killed, 0);
    p->now_ns += 300 * SIM_SECOND;
    const double second = allocated(p);
    assert_int_equal(sim_server_counts(p->server).killed, 1);
    assert_true(second < first / 2);
    stop(p);
}

static void the_end_does_not_wait_for_answers(void **state)
{
    struct place *p = start_one("steady", "", SIM_SPEED_MAX);
    struct client *c = ask(p, "GET", "/debug/pprof/heap");
    (void)state;
    p->now_ns += 1000 * SIM_SECOND;
    p->is_stopped = true;
    for (unsigned i = 0; i < 20; i++) {
        poll_client(c);
        turn(p);
    }
    poll_client(c);
    assert_true(c->is_done);
    assert_int_equal(c->code, CURLE_GOT_NOTHING);
    assert_int_equal(sim_server_counts(p->server).answers, 0);
    forget(c);
    stop(p);
}

static void speed_has_a_limit(void **state)
{
    struct place *p = new_place("steady", SIM_GO_1_23, "");
    struct sim_server *s = NULL;
    struct err err = {0};
    const struct sim_server_options o = {.address = "127.0.0.1:0",
                                         .speed = SIM_SPEED_MAX + 1,
                                         .worlds = p->worlds,
                                         .n_worlds = 1,
                                         .now_ns = now_ns,
                                         .ctx = p};
    (void)state;
    assert_false(sim_server_new(&o, &s, &err));
    assert_err(&err, ERR_USAGE, "the speed must be above 0 and at most 10000");
    free(p);
}

/* --- faults --- */

struct fault_row {
    const char *name;
    CURLcode code;
    long status;
    const char *header; /* that must be there; or NULL */
    const char *body;   /* begins so; or NULL */
    int64_t least_ns;   /* until it is over */
};

/* clang-format off */
static const struct fault_row faults[] = {
    {"slow", CURLE_OK, 200, NULL, NULL, 2 * SIM_SECOND},
    {"drip", CURLE_OK, 200, NULL, NULL, SIM_SECOND / 20},
    {"reset", CURLE_RECV_ERROR, 200, "Content-Length: ", NULL, 0},
    {"truncate", CURLE_PARTIAL_FILE, 200, "Content-Length: ", NULL, 0},
    {"500", CURLE_OK, 500, NULL, "internal server error\n", 0},
    {"404", CURLE_OK, 404, NULL, "404 page not found\n", 0},
    {"401", CURLE_OK, 401, "Www-Authenticate: Basic realm=", "Unauthorized\n", 0},
    {"redirect", CURLE_OK, 302, "Location: /debug/pprof/cmdline\r\n", "<a href=", 0},
    {"html", CURLE_OK, 200, "Content-Type: text/html", "<!DOCTYPE html>", 0},
    {"bomb", CURLE_OK, 200, "filename=\"heap\"", "\x1f\x8b", 0},
    {"length", CURLE_OK, 200, "Content-Length: ", NULL, 0},
};
/* clang-format on */

static void breaks_as_asked(void **state)
{
    const struct fault_row *row = *state;
    struct place *p = start(SIM_GO_1_23, row->name, false);
    struct client *c = get(p, "/debug/pprof/cmdline");
    assert_int_equal(c->code, row->code);
    assert_int_equal(c->status, row->status);
    if (row->header != NULL) {
        assert_true(span_has(buf_view(&c->headers), row->header));
    }
    if (row->body != NULL) {
        assert_true(span_starts(buf_view(&c->body), row->body));
    }
    assert_true(p->now_ns >= row->least_ns);
    const struct sim_server_counts counts = sim_server_counts(p->server);
    assert_int_equal(counts.answers, 1);
    assert_int_equal(counts.faults, 1);
    forget(c);
    stop(p);
}

static void a_wrong_length_cuts_the_body(void **state)
{
    struct place *p = start(SIM_GO_1_23, "length", false);
    struct client *c = get(p, "/debug/pprof/heap");
    struct profile *profile = NULL;
    struct err err = {0};
    (void)state;
    assert_int_equal(c->code, CURLE_OK);
    assert_false(profile_decode(buf_view(&c->body), &profile, &err));
    forget(c);
    stop(p);
}

static bool drop_bytes(void *ctx, const uint8_t *bytes, size_t n,
                       struct err *err)
{
    (void)ctx;
    (void)bytes;
    (void)n;
    (void)err;
    return true;
}

static bool drop_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

/* All of it takes seconds to inflate: the beginning, and the length that its
   end tells (4 GiB are 0 there). */
static void a_bomb_inflates_a_thousandfold(void **state)
{
    struct place *p = start(SIM_GO_1_23, "bomb", false);
    struct client *c = get(p, "/debug/pprof/heap");
    struct err err = {0};
    (void)state;
    const uint64_t limit_bytes = UINT64_C(64) << 20;
    struct gz_reader *g =
        gz_reader_new((struct sink){NULL, drop_bytes, drop_end}, limit_bytes);
    assert_non_null(g);
    assert_in_range(c->body.len, 1000000, 8000000);
    assert_false(gz_reader_write(g, (const uint8_t *)c->body.data,
                                 c->body.len / 32, &err));
    assert_int_equal(err.code, ERR_LIMIT);
    assert_memory_equal(c->body.data + c->body.len - 4, "\0\0\0\0", 4);
    gz_reader_free(g);
    forget(c);
    stop(p);
}

static void counters_fall_at_a_restart(void **state)
{
    struct place *p = start(SIM_GO_1_23, "restart@3", false);
    (void)state;
    p->now_ns += 1000 * SIM_SECOND;
    const double first = allocated(p);
    p->now_ns += 1000 * SIM_SECOND;
    const double second = allocated(p);
    p->now_ns += 100 * SIM_SECOND;
    const double third = allocated(p);
    assert_true(second > first);
    assert_true(third < second / 2);
    stop(p);
}

static void a_restart_breaks_what_is_being_collected(void **state)
{
    struct place *p = start_one("steady", "restart@2", 1);
    struct client *first = ask(p, "GET", "/debug/pprof/heap?seconds=20");
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        turn(p);
        poll_client(first);
    }
    struct client *second = get(p, "/debug/pprof/cmdline");
    assert_int_equal(second->status, 200);
    finish(p, first);
    assert_int_equal(first->code, CURLE_GOT_NOTHING);
    forget(first);
    forget(second);
    stop(p);
}

static void faults_meet_the_index(void **state)
{
    static const char *const paths[] = {"/debug/pprof", "/debug/pprof/",
                                        "/debug/pprof/nope"};
    struct place *p = start(SIM_GO_1_23, "401", false);
    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct client *c = get(p, paths[i]);
        assert_int_equal(c->status, 401);
        forget(c);
    }
    stop(p);
}

static void silence_lasts_but_does_not_pile_up(void **state)
{
    enum { CLIENTS = 300, HELD = 256 };
    struct place *p = start(SIM_GO_1_23, "hang", false);
    struct client *clients[CLIENTS];
    unsigned n_done = 0;
    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        clients[i] = ask(p, "GET", "/debug/pprof/heap");
        for (unsigned k = 0; k < 3; k++) {
            poll_client(clients[i]);
            turn(p);
        }
    }
    for (unsigned k = 0; k < 50; k++) {
        turn(p);
        for (size_t i = 0; i < CLIENTS; i++) {
            poll_client(clients[i]);
        }
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        n_done += clients[i]->is_done;
        if (clients[i]->is_done) {
            assert_int_equal(clients[i]->code, CURLE_GOT_NOTHING);
        }
        assert_int_equal(clients[i]->headers.len, 0);
    }
    assert_int_equal(n_done, CLIENTS - HELD);
    for (size_t i = 0; i < CLIENTS; i++) {
        forget(clients[i]);
    }
    stop(p);
}

/* --- bytes that are no request --- */

static void noise_is_survived(void **state)
{
    static const char *const noise[] = {
        "",
        "\r\n\r\n",
        "GET",
        "GET /debug/pprof/heap",
        "GET /debug/pprof/heap HTTP/1.1\r\n",
        "GET /debug/pprof/heap HTTP/1.1\r\nHost\r\n\r\n",
        "GET /debug/pprof/%zz%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ("POST /debug/pprof/symbol HTTP/1.1\r\nHost: a\r\n"
         "Content-Length: 99999999999\r\n\r\n0x1+0x2"),
        ("POST /debug/pprof/symbol HTTP/1.1\r\nHost: a\r\n"
         "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    };
    struct place *p = start(SIM_GO_1_21, "", false);
    (void)state;
    for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        const struct sockaddr_in to = {
            .sin_family = AF_INET,
            .sin_port = htons(sim_server_port(p->server, 0)),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)),
                         0);
        assert_true(send(fd, noise[i], strlen(noise[i]), MSG_NOSIGNAL) >= 0);
        for (unsigned k = 0; k < 10; k++) {
            turn(p);
        }
        close(fd);
        for (unsigned k = 0; k < 10; k++) {
            turn(p);
        }
    }
    struct client *c = get(p, "/debug/pprof/cmdline");
    assert_int_equal(c->status, 200);
    forget(c);
    stop(p);
}

static void addresses_are_checked(void **state)
{
    static const char *const rows[][2] = {
        {"nonsense",        "'nonsense' is not HOST:PORT"       },
        {"127.0.0.1:65536", "'127.0.0.1:65536' is not HOST:PORT"},
        {"::1:0",           "'::1:0' is not HOST:PORT"          },
        {"127.0.0.1:x",     "'127.0.0.1:x' is not HOST:PORT"    },
    };
    struct sim_options world;
    (void)state;
    sim_options_default(&world);
    world.scenario = sim_scenario_find("steady");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {0};
        struct sim_server *s = NULL;
        const struct sim_server_options o = {.address = rows[i][0],
                                             .speed = 1,
                                             .worlds = &world,
                                             .n_worlds = 1,
                                             .now_ns = now_ns,
                                             .ctx = &(struct place){0}};
        assert_false(sim_server_new(&o, &s, &err));
        assert_err(&err, ERR_USAGE, rows[i][1]);
    }
}

int main(void)
{
    enum {
        N_PAGES = sizeof(pages) / sizeof(pages[0]),
        N_FAULTS = sizeof(faults) / sizeof(faults[0])
    };
    struct CMUnitTest rows[N_PAGES + N_FAULTS];
    for (size_t i = 0; i < N_PAGES; i++) {
        rows[i] = (struct CMUnitTest){.name = pages[i].name,
                                      .test_func = answers_as_go,
                                      .initial_state = test_case(&pages[i])};
    }
    for (size_t i = 0; i < N_FAULTS; i++) {
        rows[N_PAGES + i] =
            (struct CMUnitTest){.name = faults[i].name,
                                .test_func = breaks_as_asked,
                                .initial_state = test_case(&faults[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(the_index_counts_what_there_is),
        cmocka_unit_test(one_service_has_nothing_at_the_root),
        cmocka_unit_test(several_services_are_listed_at_the_root),
        cmocka_unit_test(profiles_are_what_they_say),
        cmocka_unit_test(a_delta_has_what_came_while_it_lasted),
        cmocka_unit_test(one_cpu_profile_at_a_time),
        cmocka_unit_test(who_hangs_up_is_forgotten),
        cmocka_unit_test(a_port_for_each),
        cmocka_unit_test(time_passes_with_the_clock),
        cmocka_unit_test(who_cannot_keep_up_answers_all_the_same),
        cmocka_unit_test(a_world_runs_on_while_nobody_asks),
        cmocka_unit_test(what_outgrows_its_limit_starts_anew),
        cmocka_unit_test(the_end_does_not_wait_for_answers),
        cmocka_unit_test(speed_has_a_limit),
        cmocka_unit_test(a_restart_breaks_what_is_being_collected),
        cmocka_unit_test(faults_meet_the_index),
        cmocka_unit_test(a_wrong_length_cuts_the_body),
        cmocka_unit_test(a_bomb_inflates_a_thousandfold),
        cmocka_unit_test(counters_fall_at_a_restart),
        cmocka_unit_test(silence_lasts_but_does_not_pile_up),
        cmocka_unit_test(noise_is_survived),
        cmocka_unit_test(addresses_are_checked),
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    const int failed = cmocka_run_group_tests(rows, NULL, NULL) +
                       cmocka_run_group_tests(others, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
