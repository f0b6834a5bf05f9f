/* A mapped file that becomes shorter: one line, status 2. */
#include "test.h"

/* The program's own parts are not in the library. */
#include "../../cmd/mapped.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { FILE_BYTES = 1 << 20, TEXT_BYTES = 256 };

void console_abandon(void)
{
    (void)!write(STDERR_FILENO, "<", 1);
}

/* Reads the byte at `at` of a file that lost its second half. */
static void read_shortened(bool is_watched, size_t at)
{
    char path[] = "/tmp/seep-test-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0 || unlink(path) != 0 || ftruncate(fd, FILE_BYTES) != 0) {
        _exit(99);
    }
    const char *p = mmap(NULL, FILE_BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED || ftruncate(fd, FILE_BYTES / 2) != 0) {
        _exit(99);
    }
    const struct span bytes = {p, FILE_BYTES};
    mapped_watch("a\ndump", bytes);
    if (!is_watched) {
        mapped_forget(bytes);
    }
    const volatile char *q = p;
    _exit(q[at] == 0 ? 0 : 1);
}

/* What a child said before it ended with `*status`. */
static void run(bool is_watched, size_t at, char *text, int *status)
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)dup2(fds[1], STDERR_FILENO);
        read_shortened(is_watched, at);
    }
    assert_true(pid > 0);
    (void)close(fds[1]);
    size_t n = 0;
    ssize_t done;
    while ((done = read(fds[0], text + n, TEXT_BYTES - 1 - n)) > 0) {
        n += (size_t)done;
    }
    text[n] = '\0';
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, status, 0), pid);
}

static void what_is_there_is_read(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    int status = 0;
    run(true, 10, text, &status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_string_equal(text, "");
}

static void what_was_lost_is_said(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    int status = 0;
    run(true, FILE_BYTES - 10, text, &status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_string_equal(text,
                        "<seep: a?dump: became shorter while it was read\n");
}

static void another_fault_stays_a_fault(void **state)
{
    (void)state;
    char text[TEXT_BYTES];
    int status = 0;
    run(false, FILE_BYTES - 10, text, &status);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_read),
        cmocka_unit_test(what_was_lost_is_said),
        cmocka_unit_test(another_fault_stays_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
