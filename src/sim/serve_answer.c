/*
 * What a request is answered, by which headers and in which pieces, and what
 * faults make of it: a delay, a drip, an end in the middle, silence.
 */
#include "sim/serve_server_private.h"
#include "sim/world_private.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/banned.h"

enum {
    /* Silent answers kept at a time: the oldest is dropped for a new one. */
    HUNG_MAX = 256,
    SECONDS_MAX = 3600, /* of the clock, for seconds=N */
    /* Go's server sends what fits into its buffer with a Content-Length, the
       rest in chunks. */
    UNCHUNKED_BYTES_MAX = 2048,
    BLOCK_BYTES = 16 << 10,
};

#define SLOW_LEAST_NS (2 * SIM_SECOND)
#define SLOW_MORE_NS  (2 * SIM_SECOND)
#define DRIP_NS       (SIM_SECOND / 50)

/* --- answers --- */

static uint64_t body_bytes(const struct sim_request *r)
{
    return r->fault == SIM_FAULT_BOMB ? sim_bomb_bytes(&r->server->bomb)
                                      : r->page.answer.body.len;
}

/* With a linger time of 0 the kernel resets instead of closing. */
static ssize_t break_off(const struct sim_request *r)
{
    const union MHD_ConnectionInfo *info = r->server->http.get_connection_info(
        r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    if (r->fault == SIM_FAULT_RESET && info != NULL) {
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &none,
                         sizeof(none));
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static size_t copy_body(const struct sim_request *r, uint64_t at, char *out,
                        size_t max)
{
    if (r->fault == SIM_FAULT_BOMB) {
        return sim_bomb_read(&r->server->bomb, at, out, max);
    }
    const struct span rest =
        span_first(span_from(buf_view(&r->page.answer.body), (size_t)at), max);
    if (rest.len > 0) {
        memcpy(out, rest.p, rest.len);
    }
    return rest.len;
}

static ssize_t on_body(void *cls, uint64_t at, char *out, size_t max)
{
    struct sim_request *r = cls;
    const bool is_cut =
        r->fault == SIM_FAULT_RESET || r->fault == SIM_FAULT_TRUNCATE;
    const uint64_t end = is_cut ? body_bytes(r) / 2 : body_bytes(r);
    if (r->is_gone || (is_cut && at >= end)) {
        return break_off(r);
    }
    if (at >= end) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (r->fault == SIM_FAULT_DRIP) {
        if (r->has_dripped) {
            r->has_dripped = false;
            sim_request_wait(r, DRIP_NS);
            return 0;
        }
        r->has_dripped = true;
        max = 1;
    }
    const uint64_t left = end - at;
    const size_t n = copy_body(r, at, out, left < max ? (size_t)left : max);
    r->server->counts.bytes += n;
    return (ssize_t)n;
}

static void add_header(const struct microhttpd *http,
                       struct MHD_Response *response, const char *name,
                       const char *value)
{
    if (value != NULL && *value != '\0') {
        (void)http->add_response_header(response, name, value);
    }
}

/* In the order of net/http: those of the handler by name, then the server's. */
static void add_headers(const struct sim_request *r,
                        struct MHD_Response *response)
{
    const struct sim_answer *a = &r->page.answer;
    const struct microhttpd *http = &r->server->http;
    char disposition[sizeof(a->disposition) + 32] = "";
    char date[SIM_DATE_BYTES];
    if (a->disposition[0] != '\0') {
        (void)snprintf(disposition, sizeof(disposition),
                       "attachment; filename=\"%s\"", a->disposition);
    }
    add_header(http, response, "Allow", a->allow);
    add_header(http, response, "Content-Disposition", disposition);
    add_header(http, response, "Content-Type", a->type);
    add_header(http, response, "Location", a->location);
    add_header(http, response, "Www-Authenticate", a->authenticate);
    add_header(http, response, "X-Content-Type-Options",
               a->is_nosniff ? "nosniff" : NULL);
    add_header(http, response, "X-Go-Pprof", a->is_pprof_error ? "1" : NULL);
    const int64_t now_ns = sim_pace_due_ns(&r->server->pace, r->target);
    sim_http_date((SIM_EPOCH_NS + now_ns) / SIM_SECOND, date);
    add_header(http, response, "Date", date);
}

/* A length that is too small, in front of all bytes. As HTTP/1.0, since
   libmicrohttpd adds a length or chunks of its own to 1.1. */
static void lie_about_length(const struct sim_request *r,
                             struct MHD_Response *response)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "%zu", r->page.answer.body.len / 2);
    (void)r->server->http.set_response_options(
        response,
        (enum MHD_ResponseFlags)(MHD_RF_INSANITY_HEADER_CONTENT_LENGTH |
                                 MHD_RF_HTTP_1_0_SERVER),
        MHD_RO_END);
    add_header(&r->server->http, response, "Content-Length", text);
    add_header(&r->server->http, response, "Connection", "close");
}

/* Else the body is sent in chunks, or ends with the connection. */
static bool says_length(const struct sim_request *r)
{
    switch (r->fault) {
    case SIM_FAULT_TRUNCATE:
    case SIM_FAULT_RESET:
        return true; /* where it breaks off, a length tells that more was due */
    case SIM_FAULT_BOMB:
    case SIM_FAULT_LENGTH:
        return false;
    case SIM_FAULT_SLOW:
    case SIM_FAULT_DRIP:
    case SIM_FAULT_500:
    case SIM_FAULT_404:
    case SIM_FAULT_401:
    case SIM_FAULT_REDIRECT:
    case SIM_FAULT_HTML:
    case SIM_FAULT_RESTART:
    case SIM_FAULT_HANG:
    case N_SIM_FAULTS:
        break;
    }
    return r->page.answer.body.len <= UNCHUNKED_BYTES_MAX;
}

static enum MHD_Result respond(struct sim_request *r)
{
    struct sim_server *s = r->server;
    struct buf *body = &r->page.answer.body;
    if (!buf_ok(body)) {
        buf_clear(body);
        sim_answer_text(&r->page.answer, 500, "out of memory");
    }
    struct MHD_Response *response = s->http.create_response_from_callback(
        says_length(r) ? body->len : MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_body, r,
        NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    add_headers(r, response);
    if (r->is_http_1_0 && r->fault != SIM_FAULT_LENGTH) {
        (void)s->http.set_response_options(response, MHD_RF_HTTP_1_0_SERVER,
                                           MHD_RO_END);
    }
    if (r->fault == SIM_FAULT_LENGTH) {
        lie_about_length(r, response);
    }
    s->counts.answers++;
    s->counts.faults += r->fault != N_SIM_FAULTS;
    const enum MHD_Result result =
        s->http.queue_response(r->connection, r->page.answer.status, response);
    s->http.destroy_response(response);
    return result;
}

static bool restart_or_answer(struct sim_request *r)
{
    struct err err = {0};
    if (r->fault == SIM_FAULT_RESTART &&
        !sim_world_restart(r->target->world, &err)) {
        r->target->err = err;
        sim_answer_text(&r->page.answer, 500, err.text);
        return false;
    }
    return true;
}

/* Of a path that belongs to no service. */
static void answer_nobody(struct sim_request *r)
{
    const struct sim_server *s = r->server;
    const bool has_several =
        s->options.n_worlds > 1 && !s->options.one_port_each;
    if (has_several && span_is(r->url, "/")) {
        sim_answer_services(&r->page.answer, s->targets, s->options.n_worlds);
    } else {
        sim_answer_text(&r->page.answer, 404, "404 page not found");
    }
}

static enum MHD_Result answer(struct sim_request *r)
{
    struct sim_server *s = r->server;
    bool waits = false;
    if (r->target == NULL) {
        answer_nobody(r);
        return respond(r);
    }
    if (sim_fault_answer(r->fault, r->url, &r->page.answer)) {
        return respond(r);
    }
    if (!sim_request_catch_up(r, &waits)) {
        return waits ? MHD_YES : respond(r);
    }
    if (!restart_or_answer(r)) {
        return respond(r);
    }
    sim_page_begin(r->target, &r->ask, &r->page);
    if (r->page.seconds == 0) {
        return respond(r);
    }
    r->generation = r->target->world->generation;
    const double most = SECONDS_MAX;
    const double wanted = (double)r->page.seconds / s->options.speed;
    r->phase = SIM_PHASE_WAITED;
    sim_request_wait(
        r, (int64_t)((wanted < most ? wanted : most) * (double)SIM_SECOND));
    return MHD_YES;
}

/* A process that ended meanwhile took the connection with it. */
static enum MHD_Result finish(struct sim_request *r)
{
    bool waits = false;
    if (sim_request_catch_up(r, &waits)) {
        if (r->generation != r->target->world->generation) {
            return MHD_NO;
        }
        sim_page_finish(r->target, &r->page);
    }
    return waits ? MHD_YES : respond(r);
}

/* --- faults in time --- */

static void drop_oldest_hung(struct sim_server *s)
{
    struct sim_request *oldest = NULL;
    for (struct sim_request *r = s->requests; r != NULL; r = r->next) {
        if (r->phase == SIM_PHASE_HUNG && r->is_suspended &&
            (oldest == NULL || r->hung_since < oldest->hung_since)) {
            oldest = r;
        }
    }
    if (oldest != NULL) {
        s->n_hung--;
        sim_request_resume(oldest);
    }
}

static void hang(struct sim_request *r)
{
    struct sim_server *s = r->server;
    s->counts.faults++;
    if (s->n_hung >= HUNG_MAX) {
        drop_oldest_hung(s);
    }
    s->n_hung++;
    r->phase = SIM_PHASE_HUNG;
    r->hung_since = ++s->hung_clock;
    sim_request_suspend(r);
}

static enum MHD_Result start(struct sim_request *r)
{
    struct sim_server *s = r->server;
    r->phase = SIM_PHASE_DUE;
    if (r->target != NULL) {
        r->fault = sim_fault_choose(&s->dice, ++r->target->n_answers);
    }
    if (r->fault == SIM_FAULT_HANG) {
        hang(r);
        return MHD_YES;
    }
    if (r->fault == SIM_FAULT_BOMB && !s->has_bomb) {
        struct err err = {0};
        s->has_bomb = sim_bomb_make(&s->bomb, &err);
        r->fault = s->has_bomb ? r->fault : N_SIM_FAULTS;
    }
    if (r->fault == SIM_FAULT_SLOW) {
        sim_request_wait(r, SLOW_LEAST_NS + (int64_t)sim_random_below(
                                                &s->dice.random, SLOW_MORE_NS));
        return MHD_YES;
    }
    return answer(r);
}

enum MHD_Result sim_request_step(struct sim_request *r)
{
    /* So that an end does not wait for all who ask. */
    if (r->is_gone || sim_pace_is_stopped(&r->server->pace)) {
        return MHD_NO;
    }
    switch (r->phase) {
    case SIM_PHASE_READS:
        return start(r);
    case SIM_PHASE_DUE:
        return answer(r);
    case SIM_PHASE_WAITED:
        return finish(r);
    case SIM_PHASE_HUNG:
        break;
    }
    return MHD_NO;
}
