/* Commands for confirmed leaks: words, input, ends. */
#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/watch_hook.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdio.h>
#include <time.h>

struct case_words {
    const char *name, *command;
    const char *words[5];
};

/* clang-format off */
static const struct case_words cases[] = {
    {"blanks part words", "  notify\t--channel  ops ", {"notify", "--channel", "ops"}},
    {"single quotes keep all", "a 'b \"c\\' d", {"a", "b \"c\\", "d"}},
    {"double quotes keep blanks", "a \"b 'c' \\\"d\\\" \\\\ \\n\"", {"a", "b 'c' \"d\" \\ \\n"}},
    {"a backslash keeps the next", "a\\ b \\'c", {"a b", "'c"}},
    {"quotes within a word", "--to='the team'\"!\"", {"--to=the team!"}},
    {"an empty word", "a ''", {"a", ""}},
    {"no variable, no pattern, no pipe", "a $HOME * | b", {"a", "$HOME", "*", "|", "b"}},
};
/* clang-format on */

static struct watch_hook *make(const char *command)
{
    struct watch_hook *h = NULL;
    struct err err = {0};
    if (!watch_hook_new(command, &h, &err) || h == NULL) {
        fail_msg("%s", err.text);
        exit(1); /* never reached; analyzers do not know */
    }
    return h;
}

static void words_are_split_without_a_shell(void **state)
{
    const struct case_words *c = *state;
    struct watch_hook *h = make(c->command);
    size_t n = 0;
    for (; n < 5 && c->words[n] != NULL; n++) {
        assert_string_equal(h->words[n], c->words[n]);
    }
    assert_int_equal(h->n_words, n);
    assert_null(h->words[n]);
    watch_hook_free(h);
}

static void what_is_no_command_is_refused(void **state)
{
    static const struct {
        const char *command, *why;
    } bad[] = {
        {"",          "--on-leak: the command has no words"},
        {" \t",       "--on-leak: the command has no words"},
        {"'' a",      "--on-leak: the command has no words"},
        {"a 'b",      "--on-leak: a quote is not closed"   },
        {"a \"b\\\"", "--on-leak: a quote is not closed"   },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct watch_hook *h = NULL;
        struct err err = {0};
        assert_false(watch_hook_new(bad[i].command, &h, &err));
        assert_string_equal(err.text, bad[i].why);
        assert_int_equal(err.code, ERR_USAGE);
    }
}

static void what_cannot_be_run_is_told_before_it_is_needed(void **state)
{
    static const struct {
        const char *command, *path, *why; /* NULL: it can */
    } all[] = {
        {"/bin/sh -c x",     "",                    NULL                       },
        {"sh -c x",          "/no/where:/bin",      NULL                       },
        {"sh",               NULL,                  NULL                       },
        {"/no/such/program", "/bin",                "No such file or directory"},
        {"no-such-program",  "/usr/bin:/bin",       "No such file or directory"},
        {"sh",               "",                    "No such file or directory"},
        {"/",                "/bin",                "Permission denied"        },
        {"/etc/passwd x",    "/bin",                "Permission denied"        },
        {"passwd",           "/etc:/no/such/place", "Permission denied"        },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct watch_hook *h = make(all[i].command);
        struct err err = {0};
        const bool ok = watch_hook_check(h, all[i].path, &err);
        assert_int_equal(ok, all[i].why == NULL);
        if (!ok) {
            assert_int_equal(err.code, ERR_USAGE);
            assert_non_null(strstr(err.text, "--on-leak: cannot run "));
            assert_non_null(strstr(err.text, all[i].why));
        }
        watch_hook_free(h);
    }
}

/* --- runs --- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static struct buf document(size_t n)
{
    struct buf b = BUF_LIMIT(n + 1);
    buf_repeat(&b, 'x', n);
    return b;
}

/* Until nothing runs, 20 s at most. */
static void run_all(struct watch_hook *h, struct buf *said, int64_t shift_ns)
{
    const int64_t end_ns = now_ns() + 20 * SECOND_NS;
    while (watch_hook_is_busy(h) && now_ns() < end_ns) {
        const struct timespec pause = {.tv_nsec = 2000000};
        watch_hook_run(h, now_ns() + shift_ns, said);
        nanosleep(&pause, NULL);
    }
    assert_false(watch_hook_is_busy(h));
}

static void the_document_comes_whole_on_standard_input(void **state)
{
    char path[] = "/tmp/seep-hook-XXXXXX";
    char command[128];
    struct buf said = BUF_LIMIT(4096);
    /* More than a pipe holds, so that it is written in parts. */
    struct buf d = document((size_t)1 << 20);
    const int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    (void)snprintf(command, sizeof(command),
                   "sh -c 'sleep 0.1; wc -c >\"$0\"' %s", path);
    struct watch_hook *h = make(command);
    assert_true(watch_hook_add(h, &d));
    run_all(h, &said, 0);
    char text[32] = "";
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    assert_int_equal(strtol(text, NULL, 10), 1 << 20);
    assert_int_equal(said.len, 0);
    assert_int_equal(h->n_ok, 1);
    buf_release(&said);
    watch_hook_free(h);
    close(fd);
    unlink(path);
}

/* Sockets of libraries are not marked as ours alone. */
static void no_descriptor_but_three_is_inherited(void **state)
{
    int ends[2];
    struct buf said = BUF_LIMIT(4096);
    struct buf d = document(1);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    const int fd = fcntl(ends[0], F_DUPFD, 40);
    char command[64];
    (void)snprintf(command, sizeof(command), "test ! -e /proc/self/fd/%d", fd);
    struct watch_hook *h = make(command);
    assert_true(watch_hook_add(h, &d));
    run_all(h, &said, 0);
    assert_int_equal(said.len, 0);
    assert_int_equal(h->n_ok, 1);
    buf_release(&said);
    watch_hook_free(h);
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

/* As some supervisors start their children. */
static void who_was_started_without_sigchld_is_told_of_ends(void **state)
{
    struct buf said = BUF_LIMIT(4096);
    struct buf d = document(1);
    struct sigaction quiet = {0};
    (void)state;
    quiet.sa_handler = SIG_IGN;
    sigaction(SIGCHLD, &quiet, NULL);
    struct watch_hook *h = make("sh -c 'exit 7'");
    assert_true(watch_hook_add(h, &d));
    run_all(h, &said, 0);
    assert_string_equal(said.data, "--on-leak: sh ended with status 7\n");
    buf_release(&said);
    watch_hook_free(h);
}

static void who_does_not_read_is_no_failure(void **state)
{
    struct buf said = BUF_LIMIT(4096);
    struct buf d = document((size_t)1 << 20);
    (void)state;
    struct watch_hook *h = make("true");
    assert_true(watch_hook_add(h, &d));
    run_all(h, &said, 0);
    assert_int_equal(h->n_ok, 1);
    assert_int_equal(said.len, 0);
    watch_hook_free(h);
}

static void how_it_ended_is_said(void **state)
{
    static const struct {
        const char *command, *said;
        int64_t shift_ns;
    } bad[] = {
        {"sh -c 'exit 7'",     "--on-leak: sh ended with status 7\n",           0},
        {"sh -c 'kill -9 $$'", "--on-leak: sh was ended by signal 9\n",         0},
        {"/no/such/program",
         "--on-leak: cannot run /no/such/program: No such file or directory\n", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf said = BUF_LIMIT(4096);
        struct buf d = document(10);
        struct watch_hook *h = make(bad[i].command);
        assert_true(watch_hook_add(h, &d));
        run_all(h, &said, bad[i].shift_ns);
        assert_string_equal(said.data, bad[i].said);
        assert_int_equal(h->n_failed, 1);
        buf_release(&said);
        watch_hook_free(h);
    }
}

static void who_takes_too_long_is_ended_with_all_it_started(void **state)
{
    struct buf said = BUF_LIMIT(4096);
    struct buf d = document(10);
    (void)state;
    struct watch_hook *h = make("sh -c 'sleep 100 & wait'");
    assert_true(watch_hook_add(h, &d));
    watch_hook_run(h, now_ns(), &said);
    const pid_t group = h->runs[0].pid;
    assert_true(group > 0);
    run_all(h, &said, TIME_NS + SECOND_NS);
    assert_string_equal(said.data, "--on-leak: sh was ended after 60 s\n");
    /* Nobody of the group is left, or will be in a moment. */
    for (int i = 0; i < 500 && kill(-group, 0) == 0; i++) {
        const struct timespec pause = {.tv_nsec = 10000000};
        nanosleep(&pause, NULL);
    }
    assert_int_not_equal(kill(-group, 0), 0);
    buf_release(&said);
    watch_hook_free(h);
}

static void a_few_run_at_once_and_others_wait(void **state)
{
    struct buf said = BUF_LIMIT(4096);
    (void)state;
    struct watch_hook *h = make("sleep 0.05");
    for (int i = 0; i < 10; i++) {
        struct buf d = document(10);
        assert_true(watch_hook_add(h, &d));
    }
    watch_hook_run(h, now_ns(), &said);
    assert_int_equal(h->n_queue, 10 - RUNS_MAX);
    run_all(h, &said, 0);
    assert_int_equal(h->n_ok, 10);
    watch_hook_free(h);
}

static void too_many_that_wait_are_left_out(void **state)
{
    (void)state;
    struct watch_hook *h = make("true");
    for (int i = 0; i < QUEUE_MAX; i++) {
        struct buf d = document(10);
        assert_true(watch_hook_add(h, &d));
    }
    struct buf d = document(10);
    assert_false(watch_hook_add(h, &d));
    assert_null(d.data);
    watch_hook_free(h);
}

int main(void)
{
    /* As the program does. */
    struct sigaction quiet = {0};
    quiet.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &quiet, NULL);
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] =
            (struct CMUnitTest){.name = cases[i].name,
                                .test_func = words_are_split_without_a_shell,
                                .initial_state = test_case(&cases[i])};
    }
    const struct CMUnitTest others[] = {
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(what_cannot_be_run_is_told_before_it_is_needed),
        cmocka_unit_test(the_document_comes_whole_on_standard_input),
        cmocka_unit_test(who_does_not_read_is_no_failure),
        cmocka_unit_test(no_descriptor_but_three_is_inherited),
        cmocka_unit_test(who_was_started_without_sigchld_is_told_of_ends),
        cmocka_unit_test(how_it_ended_is_said),
        cmocka_unit_test(who_takes_too_long_is_ended_with_all_it_started),
        cmocka_unit_test(a_few_run_at_once_and_others_wait),
        cmocka_unit_test(too_many_that_wait_are_left_out),
    };
    return cmocka_run_group_tests(rows, NULL, NULL) +
           cmocka_run_group_tests(others, NULL, NULL);
}
