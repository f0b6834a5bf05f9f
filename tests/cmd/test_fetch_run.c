/* `seep fetch` against a server that gives everybody the same heap profile,
   and against none that speaks HTTP. */
#include "test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
    pid_t pid;
    unsigned port;
};

static _Noreturn void answer_all(int listener, const struct buf *answer)
{
    char request[4096];
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (recv(fd, request, sizeof(request), 0) > 0) {
            (void)send(fd, answer->data, answer->len, MSG_NOSIGNAL);
        }
        close(fd);
    }
}

static struct server start(const struct buf *answer)
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
        answer_all(fd, answer);
    }
    close(fd);
    return s;
}

static void stop(const struct server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

/* What the program says on stderr, and its exit status. */
static struct buf run(const char *program, unsigned port, const char *profile,
                      const char *directory, int *status)
{
    char url[100];
    char said[1000];
    int ends[2];
    ssize_t n;
    struct buf out = BUF_LIMIT(64 << 10);
    (void)snprintf(url, sizeof(url), "127.0.0.1:%u", port);
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, program, "fetch", url, "--profile", profile, "-n", "2",
              "--interval", "50ms", "-o", directory, (char *)NULL);
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
    /* The environment of a test is its own. */
    const char *program = getenv("SEEP_PROGRAM"); /* NOLINT */
    if (program == NULL || access(program, X_OK) != 0) {
        skip();
        return;
    }
    char parent[] = "test_fetch_run.XXXXXX";
    char directory[100];
    char want[300];
    int status = -1;
    struct buf answer = BUF_LIMIT((size_t)1 << 20);
    struct buf body = test_read_file(testdata("profiles/heap-by-pprof.pb.gz"));
    buf_str(&answer, c->answer != NULL ? c->answer : "HTTP/1.0 200 OK\r\n\r\n");
    buf_span(&answer, c->answer != NULL ? SPAN_LIT("") : buf_view(&body));
    assert_non_null(mkdtemp(parent));
    (void)snprintf(directory, sizeof(directory), "%s/of/them", parent);

    const struct server s = start(&answer);
    struct buf said = run(program, s.port, c->profile, directory, &status);
    stop(&s);
    (void)snprintf(want, sizeof(want), "seep: http://127.0.0.1:%u%s", s.port,
                   c->said);
    /* Gone, so that the parent is empty. */
    const int is_removed = rmdir(parent);
    assert_string_equal(said.data, want);
    assert_int_equal(status, c->status);
    assert_int_equal(is_removed, 0);
    buf_release(&said);
    buf_release(&body);
    buf_release(&answer);
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
    return cmocka_run_group_tests(rows, NULL, NULL);
}
