/*
 * seep pprof against the peer on the same files: user and system time and the
 * greatest resident size of both, in interleaved rounds, as medians and
 * ratios; and against inflating the file, which is the floor. Without a peer
 * (SEEP_PEER_PPROF) only seep is measured.
 *
 *   bench_pprof [PROGRAM [SHARED]]
 */
#define _DEFAULT_SOURCE /* readlink in C17 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#define ZLIB_CONST
#include <zlib.h>

#include "process.h"

enum {
    ROUNDS = 3,
    OURS_IN_A_ROUND = 3, /* seep takes less time than the clock is good for */
    LIMIT_S = 900,
    PATH_BYTES = 4096,
    BLOCK_BYTES = 64 << 10,
    N_SNAPSHOTS = 10,
    MERGED_PATHS = 64,
};

struct place {
    const char *seep;
    const char *peer; /* NULL: none */
    const char *shared;
    char dir[PATH_BYTES / 4];
};

/* What is asked of both; `{}` stands for the folder of what was generated,
   `{large}` for the large profile of the corpus. */
struct row {
    const char *name;
    const char *words[16];
    double cpu_least, rss_least; /* ratios to reach; 0: only shown */
    bool is_once;                /* the peer, for it takes a minute */
};

static const struct row rows[] = {
    {"-top, 100k samples",         {"-top", "{}/100k/09.heap.pb.gz"},       75, 10, false},
    {"-top, large/",               {"-top", "{large}"},                     60, 10, false},
    {"-diff_base, 100k samples",
     {"-top", "-diff_base={}/100k/08.heap.pb.gz", "{}/100k/09.heap.pb.gz"},
     60,                                                                        10,
     false                                                                               },
    {"-proto, ten of 100k merged",
     {"-proto", "{}/100k/00.heap.pb.gz", "{}/100k/01.heap.pb.gz",
      "{}/100k/02.heap.pb.gz", "{}/100k/03.heap.pb.gz", "{}/100k/04.heap.pb.gz",
      "{}/100k/05.heap.pb.gz", "{}/100k/06.heap.pb.gz", "{}/100k/07.heap.pb.gz",
      "{}/100k/08.heap.pb.gz", "{}/100k/09.heap.pb.gz"},
     6,                                                                         10,
     false                                                                               },
    {"-top, 1M samples",           {"-top", "{}/1m/00.heap.pb.gz"},         0,  0,  true },
};

/* --- numbers --- */

struct measured {
    double cpu_s[ROUNDS * OURS_IN_A_ROUND];
    double rss_mib[ROUNDS * OURS_IN_A_ROUND];
    int n;
};

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(*values), by_value);
    return n > 0 ? values[n / 2] : 0;
}

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(const struct command *c, struct measured *m)
{
    const struct process_result r = process_run(c, NULL, "errors", LIMIT_S);
    if (r.status != 0) {
        char text[PATH_BYTES];
        command_text(c, text, sizeof(text));
        (void)fprintf(stderr, "bench_pprof: exit %d: %s\n", r.status, text);
        exit(1);
    }
    m->cpu_s[m->n] = r.cpu_s;
    m->rss_mib[m->n] = (double)r.rss_kib / 1024;
    m->n++;
}

/* --- seep and the peer --- */

/* Writes the word with its folder filled in to `room`, which moves on. False
   when the file is not there. */
static bool add_word(struct command *c, const char *word, const struct place *p,
                     char **room, const char *end)
{
    const char *brace = strchr(word, '{');
    if (brace == NULL) {
        command_add(c, word);
        return true;
    }
    const size_t n_room = (size_t)(end - *room);
    const bool is_large = strncmp(brace, "{large}", 7) == 0;
    const int n_front = (int)(brace - word);
    if (is_large) {
        (void)snprintf(*room, n_room, "%s/corpus/large/go1.23/00.heap.pb.gz",
                       p->shared);
    } else {
        (void)snprintf(*room, n_room, "%.*s%s%s", n_front, word, p->dir,
                       brace + 2);
    }
    command_add(c, *room);
    const bool is_there = access(*room + n_front, R_OK) == 0;
    *room += strlen(*room) + 1;
    return is_there;
}

static void print_target(const char *what, double ratio, double least)
{
    printf("  %s %.1f times less", what, ratio);
    if (least > 0) {
        printf("%s (target %.0f)", ratio >= least ? "" : ", SHORT", least);
    }
}

static void run_row(const struct row *row, const struct place *p)
{
    char room[PATH_BYTES * 2];
    char *at = room;
    struct command seep = {0};
    struct command peer = {0};
    struct measured ours = {0};
    struct measured theirs = {0};
    command_add(&seep, p->seep);
    command_add(&seep, "pprof");
    command_add(&seep, "-symbolize=none");
    command_add(&peer, p->peer != NULL ? p->peer : "");
    command_add(&peer, "-symbolize=none");
    for (int i = 0; row->words[i] != NULL; i++) {
        if (!add_word(&seep, row->words[i], p, &at, room + sizeof(room))) {
            printf("%-28s not there: skipped\n", row->name);
            return;
        }
        command_add(&peer, seep.words[seep.n - 1]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (int k = 0; k < OURS_IN_A_ROUND; k++) {
            measure(&seep, &ours);
        }
        if (p->peer != NULL && (i == 0 || !row->is_once)) {
            measure(&peer, &theirs);
        }
    }
    const double our_s = median(ours.cpu_s, ours.n);
    const double our_mib = median(ours.rss_mib, ours.n);
    printf("%-28s seep %8.1f ms %7.1f MiB", row->name, our_s * 1e3, our_mib);
    if (theirs.n > 0) {
        const double their_s = median(theirs.cpu_s, theirs.n);
        const double their_mib = median(theirs.rss_mib, theirs.n);
        printf("  peer %9.1f ms %7.1f MiB", their_s * 1e3, their_mib);
        print_target("CPU", their_s / our_s, row->cpu_least);
        print_target("RSS", their_mib / our_mib, row->rss_least);
    }
    printf("\n");
    (void)fflush(stdout);
}

/* --- the floor --- */

static uint64_t inflate_file(const char *path)
{
    static uint8_t in[BLOCK_BYTES];
    static uint8_t out[BLOCK_BYTES];
    enum { GZIP_ONLY = 16 + 15 };
    const int fd = open(path, O_RDONLY);
    z_stream z = {0};
    uint64_t n_out = 0;
    ssize_t n;
    if (fd < 0 || inflateInit2(&z, GZIP_ONLY) != Z_OK) {
        process_die(path);
    }
    while ((n = read(fd, in, sizeof(in))) > 0) {
        z.next_in = in;
        z.avail_in = (uInt)n;
        do {
            z.next_out = out;
            z.avail_out = sizeof(out);
            (void)inflate(&z, Z_NO_FLUSH);
            n_out += sizeof(out) - z.avail_out;
        } while (z.avail_out == 0);
    }
    inflateEnd(&z);
    (void)close(fd);
    return n_out;
}

/* Rounds of both, one after the other; the ratio of the medians. */
static void compare_with_inflate(const struct place *p, const char *path,
                                 const char *name, double most)
{
    struct command seep = {0};
    struct measured ours = {0};
    double floor_s[ROUNDS * OURS_IN_A_ROUND];
    uint64_t n_raw = 0;
    if (access(path, R_OK) != 0) {
        printf("%-28s not there: skipped\n", name);
        return;
    }
    command_add(&seep, p->seep);
    command_add(&seep, "pprof");
    command_add(&seep, "-symbolize=none");
    command_add(&seep, "-top");
    command_add(&seep, path);
    for (int i = 0; i < ROUNDS * OURS_IN_A_ROUND; i++) {
        const double start = cpu_s();
        n_raw = inflate_file(path);
        floor_s[i] = cpu_s() - start;
        measure(&seep, &ours);
    }
    const double our_s = median(ours.cpu_s, ours.n);
    const double bare_s = median(floor_s, ROUNDS * OURS_IN_A_ROUND);
    printf("%-28s seep %8.1f ms, bare inflate %8.1f ms: %.2f times%s "
           "(at most %.1f); RSS %.2f bytes per raw byte\n",
           name, our_s * 1e3, bare_s * 1e3, our_s / bare_s,
           our_s / bare_s <= most ? "" : ", LONG", most,
           median(ours.rss_mib, ours.n) * 1048576 / (double)n_raw);
    (void)fflush(stdout);
}

/* --- bombs --- */

/* A profile of ten million samples `sample`, and no more than it needs. */
static void write_bomb(const char *path, const char *sample, size_t n_sample)
{
    enum { N_SAMPLES = 10 * 1000 * 1000 };
    /* sample_type {type 1, unit 2}; strings "", "n", "count". */
    static const char types[] = "\x0a\x04\x08\x01\x10\x02";
    static const char strings[] = "\x32\x00\x32\x01n\x32\x05"
                                  "count";
    gzFile f = gzopen(path, "wb1");
    if (f == NULL) {
        process_die(path);
    }
    gzwrite(f, types, sizeof(types) - 1);
    for (int i = 0; i < N_SAMPLES; i++) {
        gzwrite(f, sample, (unsigned)n_sample);
    }
    gzwrite(f, strings, sizeof(strings) - 1);
    if (gzclose(f) != Z_OK) {
        process_die(path);
    }
}

static void run_bomb(const struct place *p, const char *name,
                     const char *sample, size_t n_sample)
{
    char path[PATH_BYTES];
    struct command seep = {0};
    (void)snprintf(path, sizeof(path), "%s/bomb.pb.gz", p->dir);
    write_bomb(path, sample, n_sample);
    command_add(&seep, p->seep);
    command_add(&seep, "pprof");
    command_add(&seep, "-top");
    command_add(&seep, path);
    const struct process_result r = process_run(&seep, NULL, "errors", LIMIT_S);
    const double raw = 10e6 * (double)n_sample;
    printf("%-28s %s: exit %d, %.1f ms, %.1f MiB, %.2f bytes per raw byte "
           "(at most 8)\n",
           name, r.status == 0 ? "read" : "refused", r.status, r.cpu_s * 1e3,
           (double)r.rss_kib / 1024, (double)r.rss_kib * 1024 / raw);
    if (r.status != 0) {
        const struct bytes said = bytes_read("errors");
        printf("    %s", said.p);
        free(said.p);
    }
}

/* --- all --- */

static void generate(const struct place *p, const char *name,
                     const char *n_samples, const char *n_snapshots)
{
    char path[PATH_BYTES];
    struct command sim = {0};
    const char *words[] = {p->seep,       "sim",       "--scale", n_samples,
                           "--snapshots", n_snapshots, "-o",      path};
    (void)snprintf(path, sizeof(path), "%s/%s", p->dir, name);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        command_add(&sim, words[i]);
    }
    if (process_run(&sim, NULL, NULL, LIMIT_S).status != 0) {
        process_die("seep sim --scale");
    }
}

/* build/seep beside build/tests/bench_pprof. */
static const char *default_program(void)
{
    static char path[PATH_BYTES];
    const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);
    for (int i = 0; i < 2 && n > 0; i++) {
        char *slash = strrchr(path, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
    }
    (void)strncat(path, "/seep", 8);
    return path;
}

int main(int argc, char **argv)
{
    struct place p = {.dir = "/tmp/seep-bench-pprof.XXXXXX"};
    const char *peer = getenv("SEEP_PEER_PPROF"); /* NOLINT */
    char path[PATH_BYTES];
    p.seep = process_path(argc > 1 ? argv[1] : default_program());
    p.shared = argc > 2 ? process_path(argv[2]) : "../shared";
    if (access(p.shared, R_OK) == 0) {
        p.shared = process_path(p.shared);
    }
    p.peer = peer != NULL && *peer != '\0' ? process_path(peer) : NULL;
    if (mkdtemp(p.dir) == NULL || chdir(p.dir) != 0) {
        process_die(p.dir);
    }
    setenv("HOME", p.dir, 1);                       /* NOLINT */
    setenv("PPROF_TMPDIR", p.dir, 1);               /* NOLINT */
    setenv("PPROF_BINARY_PATH", "/nonexistent", 1); /* NOLINT */
    if (p.peer == NULL) {
        printf("no pprof (SEEP_PEER_PPROF): seep alone\n");
    }
    generate(&p, "100k", "100000", "10");
    generate(&p, "1m", "1000000", "1");
    (void)snprintf(path, sizeof(path), "%s/1m/00.heap.pb.gz", p.dir);
    compare_with_inflate(&p, path, "-top, 1M samples", 2.6);
    (void)snprintf(path, sizeof(path), "%s/corpus/large/go1.23/00.heap.pb.gz",
                   p.shared);
    compare_with_inflate(&p, path, "-top, large/", 3.6);
    run_bomb(&p, "bomb of empty samples", "\x12\x00", 2);
    run_bomb(&p, "bomb of samples of nothing", "\x12\x02\x10\x00", 4);
    run_bomb(&p, "bomb of samples of one", "\x12\x02\x10\x01", 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        run_row(&rows[i], &p);
    }
    struct command clean = {0};
    command_add(&clean, "rm");
    command_add(&clean, "-rf");
    command_add(&clean, p.dir);
    (void)process_run(&clean, NULL, NULL, LIMIT_S);
    return 0;
}
