/* Lists of targets: files that change, and those that are none. */
#include "test.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* The program's own parts are not in the library. */
/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../cmd/console.c"
#include "../../cmd/screen.c"
#include "../../cmd/watch_sources.c"
/* NOLINTEND(bugprone-suspicious-include) */

struct list {
    char path[64];
    struct watch_settings settings;
    const char *paths[1];
    struct watch_sources *sources;
};

static void write_list(const struct list *l, const char *text)
{
    char other[80];
    (void)snprintf(other, sizeof(other), "%s.new", l->path);
    FILE *f = fopen(other, "we");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(other, l->path), 0);
}

static int set_up(void **state)
{
    static struct list list;
    (void)snprintf(list.path, sizeof(list.path), "/tmp/seep-list-XXXXXX");
    const int fd = mkstemp(list.path);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    list.paths[0] = list.path;
    list.settings = (struct watch_settings){
        .files = {list.paths, 1}
    };
    *state = &list;
    return 0;
}

static int tear_down(void **state)
{
    struct list *l = *state;
    watch_sources_free(l->sources);
    l->sources = NULL;
    return unlink(l->path);
}

static void open_list(struct list *l, const struct words *args)
{
    struct err err = {0};
    const struct fetch_http_options http = {.user_agent = "seep",
                                            .total_timeout_ns = 20 * SECOND_NS};
    assert_true(
        watch_sources_new(&l->settings, args, &http, &l->sources, &err));
}

static void has_targets(struct list *l, const char *wanted)
{
    struct err err = {0};
    struct watch_targets t = {0};
    struct buf names = BUF_LIMIT(4096);
    assert_true(watch_sources_targets(l->sources, &t, &err));
    for (size_t i = 0; i < t.n; i++) {
        buf_printf(&names, "%s%s", i > 0 ? " " : "", t.items[i].shown);
    }
    assert_string_equal(names.data != NULL ? names.data : "", wanted);
    buf_release(&names);
    watch_targets_release(&t);
}

/* Looks at the time of `second`; true when the list is another. */
static bool look(struct list *l, int64_t second, struct err *complaint)
{
    bool changed = false;
    struct err err = {0};
    assert_true(watch_sources_run(l->sources, second * SECOND_NS, &changed,
                                  complaint, &err));
    return changed;
}

static void arguments_and_files_are_one_list(void **state)
{
    struct list *l = *state;
    const char *args[] = {"c:1", "a:1"};
    write_list(l, "b:1 app=x\na:1\n");
    open_list(l, &(struct words){args, 2});
    has_targets(l, "a:1 b:1 c:1");
}

static void a_file_is_read_again_when_it_changes(void **state)
{
    struct list *l = *state;
    struct err complaint = {0};
    write_list(l, "a:1\n");
    open_list(l, &(struct words){0});
    assert_false(look(l, 10, &complaint));
    write_list(l, "[{\"targets\": [\"b:1\", \"c:1\"]}]");
    /* Not looked at before its second is over. */
    assert_false(look(l, 10, &complaint));
    assert_int_equal(watch_sources_next_ns(l->sources), 11 * SECOND_NS);
    assert_true(look(l, 11, &complaint));
    has_targets(l, "b:1 c:1");
    assert_false(look(l, 12, &complaint));
    assert_int_equal(complaint.code, ERR_NONE);
}

static void what_is_no_list_is_said_once_and_changes_nothing(void **state)
{
    struct list *l = *state;
    struct err complaint = {0};
    write_list(l, "a:1\n");
    open_list(l, &(struct words){0});
    write_list(l, "[{\"targets\": ");
    assert_false(look(l, 10, &complaint));
    assert_int_equal(complaint.code, ERR_FORMAT);
    assert_non_null(strstr(complaint.text, l->path));
    has_targets(l, "a:1");
    complaint = (struct err){0};
    assert_false(look(l, 11, &complaint));
    assert_int_equal(complaint.code, ERR_NONE);
    write_list(l, "d:1\n");
    assert_true(look(l, 12, &complaint));
    has_targets(l, "d:1");
}

static void a_file_that_is_gone_for_a_moment_is_left_alone(void **state)
{
    struct list *l = *state;
    struct err complaint = {0};
    write_list(l, "a:1\n");
    open_list(l, &(struct words){0});
    assert_int_equal(unlink(l->path), 0);
    assert_false(look(l, 10, &complaint));
    assert_int_equal(complaint.code, ERR_NONE);
    has_targets(l, "a:1");
    write_list(l, "b:1\n");
    assert_true(look(l, 11, &complaint));
    has_targets(l, "b:1");
}

static void a_list_that_stays_away_is_told_once(void **state)
{
    struct list *l = *state;
    unsigned n_told = 0;
    write_list(l, "a:1\n");
    open_list(l, &(struct words){0});
    assert_int_equal(unlink(l->path), 0);
    for (int i = 0; i < 10; i++) {
        struct err complaint = {0};
        assert_false(look(l, 10 + i, &complaint));
        n_told += complaint.code != ERR_NONE;
    }
    assert_int_equal(n_told, 1);
    has_targets(l, "a:1");
    write_list(l, "b:1\n");
}

/* Each of them is a list, so only together they are too many. */
static void too_many_together_are_said_and_change_nothing(void **state)
{
    struct list *l = *state;
    const char *words[] = {"one:1", "two:1"};
    const struct words args = {words, 2};
    struct err complaint = {0};
    struct err err = {0};
    struct watch_targets t = {0};
    struct buf text = BUF_LIMIT(4u << 20);
    write_list(l, "a:1\n");
    open_list(l, &args);
    assert_true(watch_sources_renew(l->sources, &t, &complaint, &err));
    assert_int_equal(t.n, 3);
    for (unsigned i = 0; i < LIMIT_TARGETS - 1; i++) {
        buf_printf(&text, "r-%u:1\n", i);
    }
    write_list(l, text.data);
    assert_true(look(l, 10, &complaint));
    assert_int_equal(complaint.code, ERR_NONE);
    assert_true(watch_sources_renew(l->sources, &t, &complaint, &err));
    assert_err(&complaint, ERR_LIMIT, "line 99999: more than 100000 targets");
    assert_int_equal(err.code, ERR_NONE);
    assert_int_equal(t.n, 3);
    write_list(l, "b:1\n");
    complaint = (struct err){0};
    assert_true(look(l, 11, &complaint));
    assert_true(watch_sources_renew(l->sources, &t, &complaint, &err));
    assert_int_equal(complaint.code, ERR_NONE);
    assert_string_equal(t.items[0].shown, "b:1");
    watch_targets_release(&t);
    buf_release(&text);
}

static void a_service_must_answer_with_json(void **state)
{
    struct err err = {0};
    (void)state;
    assert_true(is_service_list(span_of(" [ ]\n"), &err));
    assert_false(is_service_list(span_of("<html>log in</html>"), &err));
    assert_string_equal(err.text, "not a JSON array of target groups");
    assert_false(is_service_list(span_of("a:1\n"), &err));
}

/* --- a service --- */

struct service {
    pid_t pid;
    char url[128];
    int requests; /* a pipe with what was asked */
};

static void answer_all(int listener, int log, const char *const *answers)
{
    for (; *answers != NULL; answers++) {
        char text[4096];
        size_t n = 0;
        const int fd = accept(listener, NULL, NULL);
        while (n < sizeof(text) - 1) {
            const ssize_t more = read(fd, text + n, sizeof(text) - 1 - n);
            n += more > 0 ? (size_t)more : 0;
            text[n] = '\0';
            if (more <= 0 || strstr(text, "\r\n\r\n") != NULL) {
                break;
            }
        }
        const size_t len = strlen(*answers);
        if (write(log, text, n) != (ssize_t)n ||
            write(fd, *answers, len) != (ssize_t)len) {
            break;
        }
        close(fd);
    }
    _exit(0);
}

static void serve(struct service *s, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t n = sizeof(address);
    int log[2];
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(pipe(log), 0);
    (void)snprintf(s->url, sizeof(s->url),
                   "http://me:sesame@127.0.0.1:%u/list?token=sesame",
                   (unsigned)ntohs(address.sin_port));
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        (void)alarm(60);
        answer_all(fd, log[1], answers);
    }
    close(fd);
    close(log[1]);
    s->requests = log[0];
}

/* All that was asked; ends the service. */
static void asked(struct service *s, char *out, size_t size)
{
    size_t n = 0;
    ssize_t more;
    (void)kill(s->pid, SIGTERM);
    (void)waitpid(s->pid, NULL, 0);
    while ((more = read(s->requests, out + n, size - 1 - n)) > 0) {
        n += (size_t)more;
    }
    out[n] = '\0';
    close(s->requests);
}

#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

/* Asked at `second`, and looked at until it has answered. */
static bool ask_again(struct list *l, int64_t second, struct err *complaint)
{
    bool changed = look(l, second, complaint);
    for (int i = 0; i < 2000 && l->sources->is_asked && !changed; i++) {
        const struct timespec pause = {.tv_nsec = 5000000};
        nanosleep(&pause, NULL);
        changed = look(l, second, complaint);
    }
    return changed || look(l, second, complaint);
}

static void
a_service_is_asked_each_minute_and_its_last_good_list_stays(void **state)
{
    static const char *const answers[] = {
        HEAD "[{\"targets\": [\"a:1\"]}]",
        HEAD "[{\"targets\": [\"a:1\", \"b:1\"]}]",
        HEAD "<html>log in</html>",
        "HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\nsesame",
        HEAD "[]",
        NULL};
    struct list *l = *state;
    struct service s;
    char text[8192];
    struct err complaint = {0};
    serve(&s, answers);
    l->settings = (struct watch_settings){.http_sd = s.url};
    open_list(l, &(struct words){0});
    has_targets(l, "a:1");
    assert_false(look(l, 100, &complaint)); /* the first answer is fresh */
    assert_false(look(l, 159, &complaint));
    assert_true(ask_again(l, 160, &complaint));
    has_targets(l, "a:1 b:1");
    assert_int_equal(complaint.code, ERR_NONE);
    /* Said once, however it fails, and without what may be secret. */
    assert_false(ask_again(l, 220, &complaint));
    assert_non_null(strstr(complaint.text, "not a JSON array"));
    assert_null(strstr(complaint.text, "sesame"));
    complaint = (struct err){0};
    assert_false(ask_again(l, 280, &complaint));
    assert_int_equal(complaint.code, ERR_NONE);
    has_targets(l, "a:1 b:1");
    assert_true(ask_again(l, 340, &complaint));
    has_targets(l, "");
    asked(&s, text, sizeof(text));
    assert_non_null(strstr(text, "GET /list?token=sesame HTTP/1.1\r\n"));
    assert_non_null(
        strstr(text, "X-Prometheus-Refresh-Interval-Seconds: 60\r\n"));
}

static void a_service_gets_no_credentials_of_targets(void **state)
{
    static const char *const answers[] = {HEAD "[]", NULL};
    static const char *const headers[] = {"X-Key: tomato"};
    struct list *l = *state;
    struct service s;
    char text[8192];
    struct err err = {0};
    serve(&s, answers);
    l->settings = (struct watch_settings){.http_sd = s.url};
    const struct fetch_http_options http = {
        .user_agent = "seep",
        .total_timeout_ns = 20 * SECOND_NS,
        .credentials = {
                        .headers = headers, .n_headers = 1, .user = "you:tomato"}
    };
    if (!watch_sources_new(&l->settings, &(struct words){0}, &http, &l->sources,
                           &err)) {
        fail_msg("%s", err.text);
    }
    asked(&s, text, sizeof(text));
    assert_null(strstr(text, "tomato"));
    assert_null(strstr(text, "eW91OnRvbWF0bw"));   /* you:tomato in base 64 */
    assert_non_null(strstr(text, "bWU6c2VzYW1l")); /* the URL's own */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arguments_and_files_are_one_list,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_is_read_again_when_it_changes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_no_list_is_said_once_and_changes_nothing, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_file_that_is_gone_for_a_moment_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_that_stays_away_is_told_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            too_many_together_are_said_and_change_nothing, set_up, tear_down),
        cmocka_unit_test(a_service_must_answer_with_json),
        cmocka_unit_test_setup_teardown(
            a_service_is_asked_each_minute_and_its_last_good_list_stays, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(
            a_service_gets_no_credentials_of_targets, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
