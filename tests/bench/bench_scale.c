/*
 * How fast benchmark inputs are made, and in how much memory: MB of raw
 * profile a second of CPU time and the greatest resident size, for profiles
 * of a million and of five million stacks in both layouts.
 *
 *   bench_scale [SAMPLES [go|canon [FILE]]]   one profile, kept in FILE
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "sim/sim.h"

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct tally {
    uint64_t bytes;
    FILE *file; /* or NULL */
};

static bool count(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct tally *t = ctx;

    t->bytes += n;
    if (t->file != NULL && fwrite(p, 1, n, t->file) != n) {
        return err_set(err, ERR_IO, "cannot write");
    }
    return true;
}

static bool done(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static int one(uint64_t n_samples, enum sim_layout layout, const char *path)
{
    struct err err = {0};
    struct tally t = {.file = path != NULL ? fopen(path, "wb") : NULL};
    const struct sink out = {&t, count, done};
    const struct sim_scale s = {
        .n_samples = n_samples, .seed = 1, .layout = layout};
    const double start = cpu_s();

    if ((path != NULL && t.file == NULL) || !sim_scale_write(&s, &out, &err) ||
        (t.file != NULL && fclose(t.file) != 0)) {
        (void)fprintf(stderr, "bench_scale: cannot write: %s\n", err.text);
        return 1;
    }

    const double seconds = cpu_s() - start;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("%10llu samples %-5s %9.2f MB %6.2f s %7.1f MB/s %7.1f MiB\n",
           (unsigned long long)n_samples, sim_layout_names[layout],
           (double)t.bytes / 1e6, seconds, (double)t.bytes / 1e6 / seconds,
           (double)usage.ru_maxrss / 1024);
    return 0;
}

/* In a process of its own, so that memory is of this one only. */
static int apart(uint64_t n_samples, enum sim_layout layout)
{
    int status = 1;
    const pid_t child = fork();

    if (child == 0) {
        const int rc = one(n_samples, layout, NULL);

        (void)fflush(stdout);
        _exit(rc);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("bench_scale");
    }
    return status != 0;
}

int main(int argc, char **argv)
{
    uint64_t n = 0;

    if (argc > 1) {
        if (!num_parse_u64(span_of(argv[1]), &n)) {
            (void)fputs("usage: bench_scale [SAMPLES [go|canon [FILE]]]\n",
                        stderr);
            return 2;
        }
        return one(n,
                   argc > 2 && strcmp(argv[2], "canon") == 0 ? SIM_LAYOUT_CANON
                                                             : SIM_LAYOUT_GO,
                   argc > 3 ? argv[3] : NULL);
    }
    return apart(1000000, SIM_LAYOUT_GO) | apart(1000000, SIM_LAYOUT_CANON) |
           apart(5000000, SIM_LAYOUT_GO) | apart(5000000, SIM_LAYOUT_CANON);
}
