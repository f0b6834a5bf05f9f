/*
 * Which servers are trusted, and which of them trust us: against openssl's own
 * server, with an authority made on the spot. Skipped where there is no
 * openssl command.
 */
#include "test.h"

#include "fetch/fetch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS_NS INT64_C(1000000)

enum { WORDS_MAX = 32, START_MS_MAX = 20000 };

extern char **environ;

static char directory[64];
static bool has_openssl;

/* --- the command --- */

/* Words by blanks; its output goes to `fd`, or nowhere. */
static pid_t spawn(const char *line, int fd)
{
    static char text[1024];
    char *words[WORDS_MAX + 1] = {NULL};
    pid_t pid = 0;
    posix_spawn_file_actions_t actions;
    size_t n = 0;
    (void)snprintf(text, sizeof(text), "%s", line);
    for (char *p = text; *p != '\0' && n < WORDS_MAX;) {
        words[n++] = p;
        p += strcspn(p, " ");
        if (*p != '\0') {
            *p++ = '\0';
        }
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (fd >= 0) {
        posix_spawn_file_actions_adddup2(&actions, fd, 1);
    } else {
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    }
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    const int code = posix_spawnp(&pid, n > 0 ? words[0] : "", &actions, NULL,
                                  words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? pid : -1;
}

static bool run(const char *line)
{
    int status = 1;
    const pid_t pid = spawn(line, -1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    (void)fputs(text, f);
    (void)fclose(f);
}

/* --- certificates --- */

#define NEW_KEY "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

static void make_authority(const char *name)
{
    char line[500];
    (void)snprintf(line, sizeof(line),
                   "openssl req -x509 " NEW_KEY " -days 2 -subj /CN=%s "
                   "-keyout %s.key -out %s.pem",
                   name, name, name);
    assert_true(run(line));
}

/* NAME.key and NAME.pem; `more` is an extension. */
static void make_certificate(const char *name, const char *authority,
                             const char *more, int days)
{
    char line[500];
    write_file("more.txt", more);
    (void)snprintf(line, sizeof(line),
                   "openssl req " NEW_KEY " -subj /CN=%s -keyout %s.key "
                   "-out request.pem",
                   name, name);
    assert_true(run(line));
    (void)snprintf(line, sizeof(line),
                   "openssl x509 -req -in request.pem -CA %s.pem -CAkey %s.key "
                   "-CAcreateserial -days %d -extfile more.txt -out %s.pem",
                   authority, authority, days, name);
    assert_true(run(line));
}

static int group_setup(void **state)
{
    static const char here[] = "subjectAltName=DNS:localhost,IP:127.0.0.1\n";
    (void)state;
    has_openssl = run("openssl version");
    (void)snprintf(directory, sizeof(directory), "/tmp/seep-tls-XXXXXX");
    if (!has_openssl || mkdtemp(directory) == NULL || chdir(directory) != 0) {
        return 0;
    }
    make_authority("authority");
    make_authority("stranger");
    make_certificate("server", "authority", here, 2);
    make_certificate("expired", "authority", here, -1);
    make_certificate("elsewhere", "authority",
                     "subjectAltName=DNS:other.example\n", 2);
    make_certificate("client", "authority", "extendedKeyUsage=clientAuth\n", 2);
    make_certificate("foreigner", "stranger", "extendedKeyUsage=clientAuth\n",
                     2);
    write_file("heap", "hello over TLS\n");
    return 0;
}

static int group_teardown(void **state)
{
    char line[100];
    (void)state;
    (void)snprintf(line, sizeof(line), "rm -r %s", directory);
    return !has_openssl || (chdir("/") == 0 && run(line)) ? 0 : -1;
}

/* --- the server --- */

struct server {
    pid_t pid;
    unsigned port;
};

/* It prints "ACCEPT 127.0.0.1:1234" when it listens. */
static unsigned read_port(int fd)
{
    char text[4096];
    size_t n = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (n + 1 < sizeof(text) && poll(&p, 1, START_MS_MAX) > 0 &&
           read(fd, text + n, 1) == 1) {
        text[++n] = '\0';
        const char *at = strstr(text, "ACCEPT 127.0.0.1:");
        if (at != NULL && text[n - 1] == '\n') {
            return (unsigned)strtoul(at + 17, NULL, 10);
        }
    }
    return 0;
}

static struct server start(const char *certificate, const char *more)
{
    struct server s = {0};
    char line[500];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFD, FD_CLOEXEC), 0);
    (void)snprintf(line, sizeof(line),
                   "openssl s_server -accept 127.0.0.1:0 -cert %s.pem -key "
                   "%s.key -WWW%s",
                   certificate, certificate, more);
    s.pid = spawn(line, ends[1]);
    close(ends[1]);
    assert_true(s.pid > 0);
    s.port = read_port(ends[0]);
    close(ends[0]);
    assert_int_not_equal(s.port, 0);
    return s;
}

static void stop(const struct server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* --- cases --- */

#define CLIENTS                                                                \
    " -Verify 1 -verify_return_error -CAfile authority.pem -verify_quiet"

struct case_tls {
    const char *name;
    const char *certificate, *server; /* of the server, and its options */
    const char *host, *ca, *client;   /* NULL: the system's, and none */
    bool is_insecure;
    enum fetch_failure failure;
    const char *text; /* how the line begins */
    const char *word; /* and what else is in it; or NULL */
};

#define REFUSED "the certificate of the server is refused: "

/* clang-format off */
static const struct case_tls cases[] = {
    {"an authority that is given is trusted", "server", "", "127.0.0.1", "authority", NULL, false,
     FETCH_FAILURE_NONE, "", NULL},
    {"a name of the certificate will do", "server", "", "localhost", "authority", NULL, false,
     FETCH_FAILURE_NONE, "", NULL},
    {"an authority nobody knows is refused", "server", "", "127.0.0.1", NULL, NULL, false,
     FETCH_FAILURE_TLS, REFUSED, "issuer certificate"},
    {"only the authority that is given is trusted", "server", "", "127.0.0.1", "stranger", NULL, false,
     FETCH_FAILURE_TLS, REFUSED, "issuer certificate"},
    {"a certificate signed by itself is refused", "stranger", "", "127.0.0.1", NULL, NULL, false,
     FETCH_FAILURE_TLS, REFUSED, "signed certificate"},
    {"an expired certificate is refused", "expired", "", "127.0.0.1", "authority", NULL, false,
     FETCH_FAILURE_TLS, REFUSED, "certificate has expired"},
    {"a certificate of another host is refused", "elsewhere", "", "127.0.0.1", "authority", NULL, false,
     FETCH_FAILURE_TLS, REFUSED, "127.0.0.1"},
    {"insecure takes one signed by itself", "stranger", "", "127.0.0.1", NULL, NULL, true,
     FETCH_FAILURE_NONE, "", NULL},
    {"insecure takes an expired one", "expired", "", "127.0.0.1", NULL, NULL, true,
     FETCH_FAILURE_NONE, "", NULL},
    {"insecure takes one of another host", "elsewhere", "", "127.0.0.1", NULL, NULL, true,
     FETCH_FAILURE_NONE, "", NULL},
    {"a client without a certificate is told so", "server", CLIENTS, "127.0.0.1", "authority", NULL, false,
     FETCH_FAILURE_TLS, "the server wants a certificate of the client", NULL},
    {"the same by TLS 1.2", "server", CLIENTS " -tls1_2", "127.0.0.1", "authority", NULL, false,
     FETCH_FAILURE_TLS, "the server refuses the TLS handshake; it may want a certificate of the client", NULL},
    {"a client with its certificate is let in", "server", CLIENTS, "127.0.0.1", "authority", "client", false,
     FETCH_FAILURE_NONE, "", NULL},
    {"a client of another authority is refused", "server", CLIENTS, "127.0.0.1", "authority", "foreigner", false,
     FETCH_FAILURE_TLS, "the server does not trust the certificate of the client", NULL},
    {"insecure is no certificate", "server", CLIENTS, "127.0.0.1", NULL, NULL, true,
     FETCH_FAILURE_TLS, "the server wants a certificate of the client", NULL},
    {"a missing authority is the trouble here", "server", "", "127.0.0.1", "missing", NULL, false,
     FETCH_FAILURE_HERE, "", "missing.pem"},
    {"a missing certificate is the trouble here", "server", "", "127.0.0.1", "authority", "missing", false,
     FETCH_FAILURE_HERE, "", "missing.pem"},
};
/* clang-format on */

struct outcome {
    enum fetch_failure failure;
    struct err err;
};

static void on_done(void *ctx, const struct fetch_result *r)
{
    struct outcome *o = ctx;
    o->failure = r->failure;
    o->err = r->err;
}

/* The pool says the same as one alone; two requests, so that what is kept of
   the first is used. */
static void ask_by_pool(const struct fetch_http_options *o, const char *url,
                        const struct outcome *want)
{
    struct fetch_pool *pool = NULL;
    struct err err = {0};
    assert_ok(fetch_pool_new(o, &pool, &err), &err);
    for (int i = 0; i < 2; i++) {
        struct outcome got = {0};
        struct test_collector c = TEST_COLLECTOR;
        const struct fetch_request r = {
            .url = url, .sink = test_collect(&c), .ctx = &got, .done = on_done};
        assert_ok(fetch_pool_start(pool, &r, &err), &err);
        while (fetch_pool_n_active(pool) > 0) {
            assert_ok(fetch_pool_run(pool, 1000, &err), &err);
        }
        buf_release(&c.bytes);
        assert_string_equal(got.err.text, want->err.text);
        assert_int_equal(got.failure, want->failure);
    }
    fetch_pool_free(pool);
}

static struct outcome ask(const struct fetch_http_options *o, const char *url)
{
    struct test_collector c = TEST_COLLECTOR;
    struct fetch_http *http = NULL;
    struct outcome got = {0};
    assert_ok(fetch_http_new(o, &http, &got.err), &got.err);
    const bool ok = fetch_http_get(http, url, test_collect(&c), &got.err);
    got.failure = fetch_http_failure(http);
    fetch_http_free(http);
    assert_int_equal(ok, got.failure == FETCH_FAILURE_NONE);
    if (ok) {
        assert_string_equal(c.bytes.data, "hello over TLS\n");
    }
    buf_release(&c.bytes);
    return got;
}

static const char *file_of(char *out, const char *name, const char *ending)
{
    (void)snprintf(out, 64, "%s.%s", name, ending);
    return out;
}

static void who_is_trusted(void **state)
{
    const struct case_tls *c = *state;
    char ca[64];
    char cert[64];
    char key[64];
    char url[100];
    if (!has_openssl) {
        skip();
    }
    const struct server s = start(c->certificate, c->server);
    const struct fetch_http_options o = {
        .user_agent = "test",
        .connect_timeout_ns = 10000 * MS_NS,
        .total_timeout_ns = 20000 * MS_NS,
        .limit_bytes = 1 << 20,
        .tls_ca = c->ca != NULL ? file_of(ca, c->ca, "pem") : NULL,
        .tls_cert = c->client != NULL ? file_of(cert, c->client, "pem") : NULL,
        .tls_key = c->client != NULL ? file_of(key, c->client, "key") : NULL,
        .is_insecure = c->is_insecure,
    };
    (void)snprintf(url, sizeof(url), "https://%s:%u/heap", c->host, s.port);
    const struct outcome got = ask(&o, url);
    ask_by_pool(&o, url, &got);
    stop(&s);
    if (!span_starts(span_of(got.err.text), c->text) ||
        (c->word != NULL && !span_has(span_of(got.err.text), c->word))) {
        fail_msg("%s", got.err.text);
    }
    assert_string_equal(fetch_failure_name(got.failure),
                        fetch_failure_name(c->failure));
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = who_is_trusted,
                                      .initial_state = test_case(&cases[i])};
    }
    alarm(100);
    return cmocka_run_group_tests(rows, group_setup, group_teardown);
}
