/*
 * A fleet on one machine: simulated services behind one server, one `seep
 * watch` of all of them. Says whether the schedule is kept (lateness), what a
 * fetch costs the watch beyond decoding what it got, and what a target takes
 * in memory. What decoding costs is counted by the watch itself, by the CPU
 * clock of its thread: among thousands of targets each body is decoded once,
 * with cold caches, at about three times what the same body takes in a loop.
 * Both are printed, and what is subtracted is said.
 * usage: bench_fleet [PROGRAM TARGETS INTERVAL_S SECONDS [BACKGROUND]]
 */
#include "base/err.h"
#include "input/input.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORD_BYTES = 512, BODIES = 20, DECODES = 400, METRICS_BYTES = 4 << 20 };

extern char **environ;

struct bytes_of {
    uint8_t *p;
    size_t n, cap;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench_fleet: %s\n", what);
    exit(2);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double own_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- programs --- */

static pid_t start(const char *const *words, const char *err_path)
{
    pid_t pid = 0;
    char *argv[24] = {NULL};
    for (size_t i = 0; words[i] != NULL; i++) {
        argv[i] = strdup(words[i]); /* as long as this program */
    }
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&files, 2, err_path,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (posix_spawn(&pid, argv[0], &files, NULL, argv, environ) != 0) {
        die("cannot start the program");
    }
    posix_spawn_file_actions_destroy(&files);
    return pid;
}

/* User and system time of a process so far, and its memory. */
static double cpu_of(pid_t pid, double *rss_mb)
{
    char path[64];
    char text[1024];
    unsigned long user = 0;
    unsigned long sys = 0;
    long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f == NULL || fgets(text, sizeof(text), f) == NULL) {
        die("the watch is gone");
    }
    fclose(f);
    const char *rest = strrchr(text, ')');
    if (rest == NULL ||
        sscanf(rest,
               ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d "
               "%*d %*d %*d %*d %*u %*u %ld",
               &user, &sys, &pages) != 3) {
        die("/proc/PID/stat is odd");
    }
    *rss_mb = (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
    return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* The first URL with `end` in it that a program's stderr names. */
static void wait_for_url(const char *path, const char *end, char *url, size_t n)
{
    for (int i = 0; i < 1200; i++) {
        char line[WORD_BYTES];
        FILE *f = fopen(path, "r");
        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            char *at = strstr(line, "http://");
            if (at != NULL && strstr(at, end) != NULL) {
                at[strcspn(at, " \n")] = '\0';
                snprintf(url, n, "%s", at);
                fclose(f);
                return;
            }
        }
        if (f != NULL) {
            fclose(f);
        }
        nanosleep(&(struct timespec){0, 50000000}, NULL);
    }
    die("the server did not start");
}

/* --- what it asks --- */

static size_t keep(char *p, size_t unit, size_t n, void *ctx)
{
    struct bytes_of *b = ctx;
    n *= unit;
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2;
        b->p = realloc(b->p, b->cap);
        if (b->p == NULL) {
            die("out of memory");
        }
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
    return n;
}

static bool get(const char *url, struct bytes_of *out)
{
    CURL *c = curl_easy_init();
    long status = 0;
    out->n = 0;
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, 20L);
    const bool ok = curl_easy_perform(c) == CURLE_OK;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    return ok && status == 200;
}

/* CPU to decode one body, over bodies of several services. */
static double decode_s(const char *base, const char *profile, double *bytes)
{
    struct bytes_of body = {0};
    double cpu = 0;
    uint64_t n = 0;
    *bytes = 0;
    for (int i = 1; i <= BODIES; i++) {
        char url[WORD_BYTES];
        snprintf(url, sizeof(url), "%ssteady-%d/debug/pprof/%s", base, i,
                 profile);
        if (!get(url, &body)) {
            die("a service does not answer");
        }
        *bytes += (double)body.n / BODIES;
        const double before = own_cpu_s();
        for (int k = 0; k < DECODES / BODIES; k++) {
            struct snapshot s = {0};
            struct err err = {0};
            if (!input_decode((struct span){(const char *)body.p, body.n}, NULL,
                              &s, &err)) {
                die(err.text);
            }
            snapshot_release(&s);
            n++;
        }
        cpu += own_cpu_s() - before;
    }
    free(body.p);
    return cpu / (double)n;
}

/* --- what the watch says --- */

/* The value of the first line that begins with `name`; 0 when none does. */
static double metric(const char *text, const char *name)
{
    const size_t n = strlen(name);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, name, n) == 0) {
            return strtod(line + n, NULL);
        }
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    return 0;
}

/* The bound of the bucket that holds the share `q` of what a histogram counted
   between two scrapes. */
static double quantile(const char *before, const char *after, const char *name,
                       double q)
{
    char key[WORD_BYTES];
    snprintf(key, sizeof(key), "%s_count ", name);
    const double n = metric(after, key) - metric(before, key);
    snprintf(key, sizeof(key), "%s_bucket{le=\"", name);
    for (const char *at = strstr(after, key); at != NULL;
         at = strstr(at + 1, key)) {
        const char *bound = at + strlen(key);
        const char *close = strchr(bound, '}');
        char line[WORD_BYTES];
        if (close == NULL) {
            break;
        }
        snprintf(line, sizeof(line), "%.*s", (int)(close + 1 - at), at);
        if (strtod(close + 1, NULL) - metric(before, line) >= q * n) {
            return strtod(bound, NULL);
        }
    }
    return -1;
}

static double sum_of_results(const char *text)
{
    double n = 0;
    for (const char *at = strstr(text, "\nseep_fetches_total{"); at != NULL;
         at = strstr(at + 1, "\nseep_fetches_total{")) {
        const char *close = strchr(at, '}');
        n += close != NULL ? strtod(close + 1, NULL) : 0;
    }
    return n;
}

static void write_targets(const char *path, const char *base, int n)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        die("cannot write the list of targets");
    }
    for (int i = 1; i <= n; i++) {
        fprintf(f, "%ssteady-%d/debug/pprof/ replica=%d\n", base, i, i);
    }
    if (fclose(f) != 0) {
        die("cannot write the list of targets");
    }
}

struct phase {
    double cpu_s, fetches, at_s, decode_s;
};

static void report(const char *before, const char *text,
                   const struct phase *from, const struct phase *to, double hot,
                   double rss_mb, double targets)
{
    const double fetches = to->fetches - from->fetches;
    const double cpu = (to->cpu_s - from->cpu_s) / fetches;
    const double decode = (to->decode_s - from->decode_s) / fetches;
    printf("fetches        %.0f, %.0f a second; not answered: %.0f\n",
           to->fetches, fetches / (to->at_s - from->at_s),
           to->fetches - metric(text, "seep_fetches_total{result=\"ok\"}"));
    printf("lateness       p50 %.3g s, p99 %.3g s (bounds of buckets); ticks "
           "skipped %.0f\n",
           quantile(before, text, "seep_schedule_lateness_seconds", 0.5),
           quantile(before, text, "seep_schedule_lateness_seconds", 0.99),
           metric(text, "seep_ticks_skipped_total "));
    printf("latency        p50 %.3g s, p99 %.3g s\n",
           quantile(before, text, "seep_fetch_seconds", 0.5),
           quantile(before, text, "seep_fetch_seconds", 0.99));
    printf("CPU a fetch    %.3f ms, all of the process (metrics, store, "
           "kernel)\n"
           "  decoding     %.3f ms, as the watch counts it: inflate, decode, "
           "free\n"
           "  beyond it    %.3f ms\n"
           "  hot decoding %.3f ms: one body in a loop here; beyond that "
           "%.3f ms\n",
           1e3 * cpu, 1e3 * decode, 1e3 * (cpu - decode), 1e3 * hot,
           1e3 * (cpu - hot));
    printf("memory         %.0f MB, %.0f kB a target\n", rss_mb,
           1e3 * rss_mb / targets);
    printf("10,000 targets a minute (two fetches each): %.0f %% of a core, "
           "%.1f GB\n",
           100 * cpu * 2 * 10000 / 60, rss_mb * 10000 / targets / 1e3);
}

int main(int argc, char **argv)
{
    const char *program = argc > 1 ? argv[1] : "build-bench/seep";
    const char *targets = argc > 2 ? argv[2] : "2000";
    const char *interval_s = argc > 3 ? argv[3] : "10";
    const double seconds = argc > 4 ? atof(argv[4]) : 180;
    const char *background = argc > 5 ? argv[5] : "100";
    char dir[] = "/tmp/seep-fleet-XXXXXX";
    char server_log[64];
    char watch_log[64];
    char list[64];
    char store[64];
    char base[WORD_BYTES];
    char metrics_url[WORD_BYTES];
    char interval[32];
    double heap_bytes = 0;
    double goroutine_bytes = 0;
    double rss_mb = 0;
    struct bytes_of text = {0};
    struct bytes_of before = {0};
    struct phase from = {0};
    struct phase to = {0};

    setvbuf(stdout, NULL, _IOLBF, 0);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    if (mkdtemp(dir) == NULL) {
        die("no temporary directory");
    }
    snprintf(server_log, sizeof(server_log), "%s/server", dir);
    snprintf(watch_log, sizeof(watch_log), "%s/watch", dir);
    snprintf(list, sizeof(list), "%s/targets", dir);
    snprintf(store, sizeof(store), "%s/store.db", dir);
    snprintf(interval, sizeof(interval), "%ss", interval_s);

    const char *server_argv[] = {
        program,     "sim",   "steady",       "--serve",  "127.0.0.1:0",
        "--targets", targets, "--background", background, NULL};
    const pid_t server = start(server_argv, server_log);
    wait_for_url(server_log, "/debug/pprof/", base, sizeof(base));
    char *slash = strchr(base + strlen("http://"), '/');
    if (slash != NULL) {
        slash[1] = '\0';
    } else {
        strcat(base, "/"); /* NOLINT */
    }
    write_targets(list, base, atoi(targets));
    const double heap = decode_s(base, "heap", &heap_bytes);
    const double goroutine = decode_s(base, "goroutine", &goroutine_bytes);
    printf("%s targets every %s s for %.0f s; bodies: heap %.1f kB, %.3f ms to "
           "decode; goroutine %.1f kB, %.3f ms\n",
           targets, interval_s, seconds, heap_bytes / 1e3, 1e3 * heap,
           goroutine_bytes / 1e3, 1e3 * goroutine);

    const char *watch_argv[] = {
        program,       "watch", "--profile",  "heap,goroutine",
        "--targets",   list,    "--per-host", "200",
        "--in-flight", "200",   "--interval", interval,
        "--store",     store,   "--listen",   "127.0.0.1:0",
        NULL};
    const pid_t watch = start(watch_argv, watch_log);
    wait_for_url(watch_log, "/metrics", metrics_url, sizeof(metrics_url));
    const double begin = now_s();
    while (now_s() - begin < seconds) {
        /* More often than who scrapes in earnest. */
        nanosleep(&(struct timespec){5, 0}, NULL);
        if (!get(metrics_url, &text)) {
            die("the watch does not answer");
        }
        char end = '\0';
        keep(&end, 1, 1, &text);
        const char *page = (const char *)text.p;
        to = (struct phase){cpu_of(watch, &rss_mb), sum_of_results(page),
                            now_s(),
                            metric(page, "seep_decode_cpu_seconds_total ")};
        /* The first rounds also start all services, and intern all stacks. */
        if (now_s() - begin < 2 * atof(interval_s)) {
            from = to;
            before.n = 0;
            keep((char *)text.p, 1, text.n, &before);
        }
    }
    report((const char *)before.p, (const char *)text.p, &from, &to,
           (heap + goroutine) / 2, rss_mb, atof(targets));
    kill(watch, SIGTERM);
    kill(server, SIGTERM);
    waitpid(watch, NULL, 0);
    waitpid(server, NULL, 0);
    unlink(server_log);
    unlink(watch_log);
    unlink(list);
    free(text.p);
    free(before.p);
    char command[WORD_BYTES];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    return system(command); /* NOLINT(cert-env33-c) */
}
