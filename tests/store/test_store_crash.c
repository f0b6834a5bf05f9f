/* kill -9 at any moment: the store opens, is sound, and holds the moments that
   were committed, from the first on, none by half. */
#include "store/stored.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

enum { ROUNDS = 50 };

/* Appends moments from `first` on until it is killed; after each commit the
   number of it goes down the pipe. */
static void write_for_ever(struct stored *f, uint64_t first, int pipe_fd)
{
    struct err err = {0};
    stored_open(f);
    const store_target a = stored_target(f, "a");
    const store_target b = stored_target(f, "b");
    for (uint64_t m = first;; m++) {
        bool more = false;
        if (!store_begin(f->store, &err)) {
            _exit(1);
        }
        stored_moment(f, a, m, (double)m);
        stored_moment(f, b, m, (double)m);
        if (!store_put_state(f->store, a,
                             (struct span){(const char *)&m, sizeof m}, &err) ||
            !store_commit(f->store, &err) ||
            write(pipe_fd, &m, sizeof m) != (ssize_t)sizeof m ||
            !store_prune(f->store, MADE_EPOCH, &more, &err)) {
            _exit(1);
        }
    }
}

static void sleep_us(long us)
{
    const struct timespec t = {0, us * 1000};
    (void)nanosleep(&t, NULL);
}

/* Moments 0 .. n - 1, both snapshots of each; returns n. */
static size_t check_prefix(struct stored *f, const char *name)
{
    struct stored_list l;
    stored_list(f, stored_target(f, name), INT64_MIN, &l);
    assert_int_equal(l.n, l.n_moments * 2);
    for (size_t i = 0; i < l.n_moments; i++) {
        assert_int_equal(l.moments[i], i);
    }
    return l.n_moments;
}

/* How many moments the child said that it had committed. */
static uint64_t read_last(int fd, uint64_t before)
{
    uint64_t m = 0;
    while (read(fd, &m, sizeof m) == (ssize_t)sizeof m) {
        before = m + 1;
    }
    return before;
}

static void check(struct stored *f, uint64_t n_told)
{
    struct err err = {0};
    stored_forget(f);
    stored_open(f);
    const size_t n = check_prefix(f, "a");
    assert_int_equal(check_prefix(f, "b"), n);
    assert_true(n >= n_told); /* at most what was in flight is lost */
    assert_true(n <= n_told + 1);
    struct buf state = BUF_LIMIT(64);
    assert_ok(store_get_state(f->store, stored_target(f, "a"), &state, &err),
              &err);
    uint64_t last = 0;
    if (n > 0) {
        assert_int_equal(state.len, sizeof last);
        memcpy(&last, state.data, sizeof last);
        assert_int_equal(last, n - 1);
    }
    buf_release(&state);
    store_close(f->store);
    f->store = NULL;
    stored_check_integrity(f->path);
}

static void killed_at_any_moment_the_store_is_a_whole_prefix(void **state)
{
    struct stored *f = *state;
    uint64_t seed = 11;
    uint64_t n_told = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        const pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(fds[0]);
            write_for_ever(f, n_told, fds[1]);
        }
        (void)close(fds[1]);
        /* Every second time it gets as far as its first moment. */
        if (round % 2 == 0) {
            sleep_us((long)(test_random(&seed) % 15000));
        } else {
            uint64_t m = 0;
            assert_int_equal(read(fds[0], &m, sizeof m), sizeof m);
            n_told = m + 1;
            sleep_us((long)(test_random(&seed) % 10000));
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status)); /* it did not fail before */
        n_told = read_last(fds[0], n_told);
        (void)close(fds[0]);
        check(f, n_told);
        /* What was committed but not told goes on from there. */
        stored_open(f);
        n_told = check_prefix(f, "a");
        store_close(f->store);
        f->store = NULL;
    }
    assert_true(n_told >= ROUNDS / 2);
    print_message("%d times killed, %d moments\n", ROUNDS, (int)n_told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED_TEST(killed_at_any_moment_the_store_is_a_whole_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
