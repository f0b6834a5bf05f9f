/* `seep fetch` against a server that says what it is told to, and keeps what
   it was asked. */
#include "test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is said to who asks for a path; the last to all others. */
struct page {
    const char *path;
    struct buf answer;
};

struct server {
    pid_t pid;
    unsigned port;
};

#define LOG "test_fetch_run.log"

/* The first page whose path the request has; it serves once when another one
   of that path follows. */
static const struct buf *page_for(const struct page *pages, size_t n,
                                  const char *request, bool *is_used)
{
    for (size_t i = 0; i + 1 < n; i++) {
        const bool has_next = strcmp(pages[i].path, pages[i + 1].path) == 0;
        if (strstr(request, pages[i].path) != NULL && !is_used[i]) {
            is_used[i] = has_next;
            return &pages[i].answer;
        }
    }
    return &pages[n - 1].answer;
}

static _Noreturn void answer_all(int listener, const struct page *pages,
                                 size_t n)
{
    char request[4096];
    bool is_used[16] = {false};
    FILE *log = fopen(LOG, "wb");
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        const ssize_t got = recv(fd, request, sizeof(request) - 1, 0);
        if (got > 0 && log != NULL) {
            request[got] = '\0';
            (void)fprintf(log, "%.*s\n", (int)strcspn(request, "\r"), request);
            (void)fflush(log);
            const struct buf *answer = page_for(pages, n, request, is_used);
            (void)send(fd, answer->data, answer->len, MSG_NOSIGNAL);
            if (span_ends(buf_view(answer), "echo\r\n\r\n")) {
                (void)send(fd, request, (size_t)got, MSG_NOSIGNAL);
            }
        }
        close(fd);
    }
}

static struct server start(const struct page *pages, size_t n_pages)
{
    struct server s = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    s.port = ntohs(at.sin_port);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        alarm(20);
        answer_all(fd, pages, n_pages);
    }
    close(fd);
    return s;
}

static void stop(const struct server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

static const char *program(void)
{
    /* The environment of a test is its own. */
    const char *path = getenv("SEEP_PROGRAM"); /* NOLINT */
    return path != NULL && access(path, X_OK) == 0 ? path : NULL;
}

/* What the program says on stderr, and its exit status. */
static struct buf run(const struct server *s, const char *const *more,
                      const char *directory, int *status)
{
    char url[100];
    char said[1000];
    int ends[2];
    ssize_t n;
    struct buf out = BUF_LIMIT(64 << 10);
    const char *args[32] = {program(), "fetch", url, "-o", directory};
    (void)snprintf(url, sizeof(url), "127.0.0.1:%u", s->port);
    for (size_t i = 0; more[i] != NULL; i++) {
        args[5 + i] = more[i];
    }
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        char *words[32];
        memcpy(words, args, sizeof(words));
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(words[0], words);
        _exit(127);
    }
    close(ends[1]);
    while ((n = read(ends[0], said, sizeof(said))) > 0) {
        buf_add(&out, said, (size_t)n);
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, status, 0), pid);
    *status = WEXITSTATUS(*status);
    return out;
}

#define HEAD "HTTP/1.0 200 OK\r\n\r\n"

static struct buf page_of(const char *head, struct span body)
{
    struct buf out = BUF_LIMIT((size_t)1 << 20);
    buf_str(&out, head);
    buf_span(&out, body);
    return out;
}

static struct buf page_of_file(const char *name)
{
    struct buf body = test_read_file(testdata(name));
    struct buf out = page_of(HEAD, buf_view(&body));
    buf_release(&body);
    return out;
}

/* A directory, gone again with what is in it. */
struct place {
    char parent[40], directory[80];
};

static struct place make_place(void)
{
    struct place p = {.parent = "test_fetch_run.XXXXXX"};
    assert_non_null(mkdtemp(p.parent));
    (void)snprintf(p.directory, sizeof(p.directory), "%s/of/them", p.parent);
    return p;
}

static const char *in_place(const struct place *p, const char *name)
{
    static char path[200];
    (void)snprintf(path, sizeof(path), "%s/%s", p->directory, name);
    return path;
}

static void clear_place(const struct place *p, const char *const *names)
{
    char middle[80];
    for (size_t i = 0; names[i] != NULL; i++) {
        assert_int_equal(unlink(in_place(p, names[i])), 0);
    }
    (void)snprintf(middle, sizeof(middle), "%s/of", p->parent);
    assert_int_equal(rmdir(p->directory), 0);
    assert_int_equal(rmdir(middle), 0);
    assert_int_equal(rmdir(p->parent), 0);
}

struct case_run {
    const char *name, *profile;
    const char *answer; /* NULL: a heap profile */
    int status;
    const char *said; /* behind the port */
};

/* clang-format off */
static const struct case_run cases[] = {
    {"another kind", "goroutine", NULL, 2,
     "/debug/pprof/goroutine: not a goroutine profile but a heap profile\n"},
    {"no HTTP", "heap", "SSH-2.0-OpenSSH_9.6\r\n", 2,
     "/debug/pprof/heap: what answers there speaks no HTTP\n"},
    {"missing from the start", "heap", "HTTP/1.0 404 No\r\n\r\n", 2,
     "/debug/pprof/heap: HTTP status 404\n"},
};
/* clang-format on */

static void said_and_nothing_is_left(void **state)
{
    const struct case_run *c = *state;
    if (program() == NULL) {
        skip();
        return;
    }
    char want[300];
    int status = -1;
    const char *const args[] = {"--profile",  c->profile, "-n", "2",
                                "--interval", "50ms",     NULL};
    struct page page = {"", c->answer != NULL
                                ? page_of(c->answer, SPAN_LIT(""))
                                : page_of_file("profiles/heap-by-pprof.pb.gz")};
    const struct place p = make_place();
    const struct server s = start(&page, 1);
    struct buf said = run(&s, args, p.directory, &status);
    stop(&s);
    (void)snprintf(want, sizeof(want), "seep: http://127.0.0.1:%u%s", s.port,
                   c->said);
    /* Gone, so that the parent is empty. */
    const int is_removed = rmdir(p.parent);
    assert_string_equal(said.data, want);
    assert_int_equal(status, c->status);
    assert_int_equal(is_removed, 0);
    buf_release(&said);
    buf_release(&page.answer);
}

static void assert_log(const char *want)
{
    struct buf log = test_read_file(LOG);
    assert_string_equal(log.data != NULL ? log.data : "", want);
    buf_release(&log);
}

static void assert_file(const struct place *p, const char *name,
                        const struct page *page)
{
    struct buf is = test_read_file(in_place(p, name));
    assert_true(span_eq(buf_view(&is),
                        span_from(buf_view(&page->answer), sizeof(HEAD) - 1)));
    buf_release(&is);
}

static void proof_is_asked_for_twice_and_the_second_is_kept(void **state)
{
    (void)state;
    if (program() == NULL) {
        skip();
        return;
    }
    int status = -1;
    const char *const args[] = {"--profile", "goroutineleak,heap", "-n", "1",
                                NULL};
    struct page pages[] = {
        {"goroutineleak", page_of_file("rules/goroutine-unreachable/clean-pool/"
                                       "09.goroutineleak.pb.gz")},
        {"goroutineleak",
         page_of_file("rules/goroutine-unreachable/leak-timeout/"
                      "09.goroutineleak.pb.gz")                                          },
        {"heap",          page_of_file("profiles/heap-by-pprof.pb.gz")                   },
    };
    const struct place p = make_place();
    const struct server s = start(pages, 3);
    struct buf said = run(&s, args, p.directory, &status);
    stop(&s);
    assert_int_equal(status, 0);
    assert_log("GET /debug/pprof/goroutineleak HTTP/1.1\n"
               "GET /debug/pprof/goroutineleak HTTP/1.1\n"
               "GET /debug/pprof/heap?gc=1 HTTP/1.1\n");
    assert_file(&p, "00.goroutineleak.pb.gz", &pages[1]);
    assert_file(&p, "00.heap.pb.gz", &pages[2]);
    clear_place(&p,
                (const char *const[]){"00.goroutineleak.pb.gz", "00.heap.pb.gz",
                                      "manifest.ndjson", NULL});
    for (size_t i = 0; i < 3; i++) {
        buf_release(&pages[i].answer);
    }
    buf_release(&said);
}

static void who_has_no_proof_is_asked_for_it_once(void **state)
{
    (void)state;
    if (program() == NULL) {
        skip();
        return;
    }
    int status = -1;
    const char *const args[] = {"--profile", "goroutineleak,heap", "-n",
                                "2",         "--interval",         "50ms",
                                NULL};
    struct page pages[] = {
        {"heap",                             page_of_file("profiles/heap-by-pprof.pb.gz")},
        { "", page_of("HTTP/1.0 404 No\r\n\r\n",                      SPAN_LIT("404 page\n"))},
    };
    const struct place p = make_place();
    const struct server s = start(pages, 2);
    struct buf said = run(&s, args, p.directory, &status);
    stop(&s);
    assert_int_equal(status, 0);
    assert_true(span_has(buf_view(&said),
                         "goroutineleak is left out, the process has none: Go "
                         "1.27 serves it"));
    assert_log("GET /debug/pprof/goroutineleak HTTP/1.1\n"
               "GET /debug/pprof/heap?gc=1 HTTP/1.1\n"
               "GET /debug/pprof/heap?gc=1 HTTP/1.1\n");
    clear_place(&p, (const char *const[]){"00.heap.pb.gz", "01.heap.pb.gz",
                                          "manifest.ndjson", NULL});
    for (size_t i = 0; i < 2; i++) {
        buf_release(&pages[i].answer);
    }
    buf_release(&said);
}

static void a_trace_is_known_by_its_head(void **state)
{
    (void)state;
    if (program() == NULL) {
        skip();
        return;
    }
    int status = -1;
    const char *const args[] = {"--profile", "trace", "--seconds", "1", NULL};
    struct page pages[] = {
        {"trace", page_of(HEAD,      SPAN_LIT("<html>no trace</html>"))  },
        {"trace", page_of(HEAD,      SPAN_LIT("go 1.23 says nothing"))   },
        {"trace", page_of(HEAD,      SPAN_LIT("go 1.23 trace\0\0\0rest"))},
        {"",      page_of("no more", SPAN_LIT(""))                       },
    };
    const struct place p = make_place();
    const struct server s = start(pages, 4);
    for (int i = 0; i < 2; i++) {
        struct buf said = run(&s, args, p.directory, &status);
        assert_int_equal(status, 2);
        assert_true(
            span_ends(buf_view(&said), "trace: not an execution trace\n"));
        buf_release(&said);
    }
    struct buf said = run(&s, args, p.directory, &status);
    stop(&s);
    assert_int_equal(status, 0);
    assert_log("GET /debug/pprof/trace?seconds=1 HTTP/1.1\n"
               "GET /debug/pprof/trace?seconds=1 HTTP/1.1\n"
               "GET /debug/pprof/trace?seconds=1 HTTP/1.1\n");
    assert_file(&p, "00.trace", &pages[2]);
    clear_place(&p, (const char *const[]){"00.trace", "manifest.ndjson", NULL});
    for (size_t i = 0; i < 4; i++) {
        buf_release(&pages[i].answer);
    }
    buf_release(&said);
}

/* Servers repeat what they were sent, in what they say of an error. */
static void secrets_that_come_back_are_not_repeated(void **state)
{
    (void)state;
    if (program() == NULL) {
        skip();
        return;
    }
    int status = -1;
    const char *const args[] = {
        "--header", "X-Token: sesame", "-n", "3", "--interval", "60ms", NULL};
    struct page pages[] = {
        {"goroutine",                                   page_of_file("rules/goroutine-unreachable/leak-timeout/"
                                   "09.goroutine.pb.gz")},
        {      "heap", page_of_file("profiles/heap-by-pprof.pb.gz")                     },
        { "heap",                                 page_of("HTTP/1.0 403 X-Token: sesame\r\nX: echo\r\n\r\n",
         SPAN_LIT(""))},
        {                                                          "",                                page_of("HTTP/1.0 403 No\r\nX: echo\r\n\r\n",                                                     SPAN_LIT(""))},
    };
    const struct place p = make_place();
    const struct server s = start(pages, 4);
    struct buf said = run(&s, args, p.directory, &status);
    stop(&s);
    assert_int_equal(status, 2);
    assert_true(span_has(buf_view(&said), "1 of 3 snapshots saved"));
    assert_true(span_has(buf_view(&said), "heap: HTTP status 403\n"));
    struct buf manifest = test_read_file(in_place(&p, "manifest.ndjson"));
    assert_true(span_has(buf_view(&manifest), "\"why\":\"HTTP status 403\""));
    assert_false(span_has(buf_view(&said), "sesame"));
    assert_false(span_has(buf_view(&manifest), "sesame"));
    clear_place(&p, (const char *const[]){"00.heap.pb.gz", "00.goroutine.pb.gz",
                                          "manifest.ndjson", NULL});
    for (size_t i = 0; i < 4; i++) {
        buf_release(&pages[i].answer);
    }
    buf_release(&manifest);
    buf_release(&said);
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = said_and_nothing_is_left,
                                      .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(proof_is_asked_for_twice_and_the_second_is_kept),
        cmocka_unit_test(who_has_no_proof_is_asked_for_it_once),
        cmocka_unit_test(a_trace_is_known_by_its_head),
        cmocka_unit_test(secrets_that_come_back_are_not_repeated),
    };
    const int n_failed = cmocka_run_group_tests(rows, NULL, NULL) +
                         cmocka_run_group_tests(others, NULL, NULL);
    unlink(LOG);
    return n_failed;
}
