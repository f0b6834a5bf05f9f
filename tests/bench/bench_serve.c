/*
 * Load on `seep sim --serve`, fault by fault: many clients at once against a
 * server of its own, which must not die, must not grow, and must end cleanly
 * and soon when it is told to, under load as it is.
 * usage: bench_serve [PROGRAM SECONDS CLIENTS [FAULTS...]]
 * "" is no fault; a number first, as in "10000 hang", is a speed (default 60).
 */
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
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 1000,
    LINE_BYTES = 4096,
    START_MS_MAX = 20000,
    /* Some 50 ms, and what a busy machine takes. */
    END_MS_MAX = 2000,
    KILL_MS = 10000,
    /* A world that is looked at goes on living; this is its part. Over a few
       seconds clients still warm up, at the pace of the machine: then there is
       but a ceiling, ten times of what 200 clients take. */
    GROWTH_KB_MAX = 16 << 10,
    GROWTH_SECONDS_LEAST = 10,
    RSS_KB_MAX = 256 << 10,
    /* Of the clients, one in so many connects anew each time: more would use
       up the ports of a host within the half minute. */
    FRESH_EVERY = 10,
};

static const char *const all_faults[] = {
    "",
    "slow",
    "drip",
    "reset",
    "truncate",
    "500",
    "404",
    "401",
    "html",
    "redirect",
    "bomb",
    "length",
    "restart",
    "hang",
    "10000",
    "slow:0.1,drip:0.1,reset:0.1,truncate:0.1,bomb:0.05,hang:0.05,restart:0.1"};

struct server {
    pid_t pid;
    int err_fd;
    char url[256];
};

struct load {
    uint64_t n_ok, n_status, n_failed, bytes;
    long rss_warm_kb, rss_end_kb;
    double seconds, end_ms;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- the server --- */

/* Its first line ends with the URL it serves at. */
static bool read_url(struct server *s)
{
    char line[LINE_BYTES];
    size_t n = 0;
    const double end_s = now_s() + START_MS_MAX / 1000.0;
    while (n + 1 < sizeof(line) && now_s() < end_s) {
        struct pollfd p = {.fd = s->err_fd, .events = POLLIN};
        if (poll(&p, 1, 100) <= 0) {
            continue;
        }
        if (read(s->err_fd, line + n, 1) != 1) {
            break;
        }
        if (line[n] == '\n') {
            line[n] = '\0';
            const char *url = strstr(line, "http://");
            if (url == NULL || strlen(url) >= sizeof(s->url) - 16) {
                break;
            }
            (void)snprintf(s->url, sizeof(s->url), "%sheap", url);
            return true;
        }
        n++;
    }
    line[n] = '\0';
    (void)fprintf(stderr, "bench_serve: no URL from the server: %s\n", line);
    return false;
}

static bool start_server(struct server *s, const char *program,
                         const char *what)
{
    char speed[16] = "60";
    const size_t digits = strspn(what, "0123456789");
    /* "500" is a fault, "10000" is not. */
    const bool has_speed = digits > 3 && digits < sizeof(speed);
    const char *fault = has_speed ? what + digits : what;
    if (has_speed) {
        (void)snprintf(speed, sizeof(speed), "%.*s", (int)digits, what);
        fault += *fault == ' ';
    }
    const char *const words[] = {
        program,       "sim",     "steady", "--serve",
        "127.0.0.1:0", "--speed", speed,    *fault != '\0' ? "--fault" : NULL,
        fault,         NULL};
    char *argv[sizeof(words) / sizeof(words[0])];
    /* Nothing else: no proxies. A sanitizer's quarantine would look like
       growth. */
    static char asan[] = "ASAN_OPTIONS=quarantine_size_mb=4";
    static char *environment[] = {asan, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    memcpy(argv, words, sizeof(argv));
    if (pipe(ends) != 0) {
        return false;
    }
    (void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    s->err_fd = ends[0];
    const int code =
        posix_spawn(&s->pid, program, &actions, NULL, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (code != 0) {
        (void)fprintf(stderr, "bench_serve: cannot start %s\n", program);
        close(s->err_fd);
        s->pid = 0;
        return false;
    }
    return read_url(s);
}

/* True when it ended by itself with status 0 after SIGTERM. */
static bool stop_server(struct server *s, double *took_ms)
{
    int status = 0;
    bool has_ended = false;
    if (s->pid <= 0) {
        return false;
    }
    const double start_s = now_s();
    kill(s->pid, SIGTERM);
    while (!has_ended && now_s() < start_s + KILL_MS / 1000.0) {
        has_ended = waitpid(s->pid, &status, WNOHANG) == s->pid;
        if (!has_ended) {
            (void)poll(NULL, 0, 1);
        }
    }
    *took_ms = 1000 * (now_s() - start_s);
    if (!has_ended) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, &status, 0);
    }
    const bool is_clean =
        has_ended && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!is_clean) {
        char text[LINE_BYTES];
        const ssize_t n = read(s->err_fd, text, sizeof(text) - 1);
        (void)fprintf(stderr,
                      "bench_serve: the server ended badly (%d): %.*s\n",
                      status, n > 0 ? (int)n : 0, text);
    }
    close(s->err_fd);
    return is_clean;
}

static long rss_kb(pid_t pid)
{
    char path[64];
    char line[256];
    long kb = -1;
    (void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kb = strtol(line + 6, NULL, 10);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return kb;
}

/* --- the clients --- */

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl wants it so. */
static size_t on_body(char *data, size_t unit, size_t n, void *ctx)
{
    struct load *load = ctx;
    (void)data;
    load->bytes += unit * n;
    return unit * n;
}

static CURL *new_client(const char *url, struct load *load, unsigned i,
                        long timeout_ms)
{
    CURL *c = curl_easy_init();
    if (c != NULL) {
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout_ms);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, load);
        curl_easy_setopt(c, CURLOPT_FORBID_REUSE,
                         i % FRESH_EVERY == 0 ? 1L : 0L);
    }
    return c;
}

static void count(struct load *load, CURL *c, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    load->n_ok += code == CURLE_OK && status == 200;
    load->n_status += code == CURLE_OK && status != 200;
    load->n_failed += code != CURLE_OK;
}

/* Whoever is done asks again at once. */
static void again(CURLM *multi, struct load *load)
{
    const CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        CURL *c = message->easy_handle;
        const CURLcode code = message->data.result;
        count(load, c, code);
        curl_multi_remove_handle(multi, c);
        curl_multi_add_handle(multi, c);
    }
}

/* The server is told to stop while they still ask. */
static bool run_clients(struct server *s, unsigned n, double seconds,
                        struct load *load)
{
    static CURL *clients[CLIENTS_MAX];
    const double start_s = now_s();
    const double share_ms = 1000 * seconds / 6;
    const long timeout_ms =
        share_ms < 2000 ? 2000 : (share_ms > 5000 ? 5000 : (long)share_ms);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)n);
    for (unsigned i = 0; i < n; i++) {
        clients[i] = new_client(s->url, load, i, timeout_ms);
        curl_multi_add_handle(multi, clients[i]);
    }
    while (now_s() < start_s + seconds) {
        int running = 0;
        curl_multi_perform(multi, &running);
        again(multi, load);
        curl_multi_poll(multi, NULL, 0, 50, NULL);
        if (load->rss_warm_kb == 0 && now_s() > start_s + seconds / 2) {
            load->rss_warm_kb = rss_kb(s->pid);
        }
    }
    load->rss_end_kb = rss_kb(s->pid);
    load->seconds = now_s() - start_s;
    const bool is_clean = stop_server(s, &load->end_ms);
    for (unsigned i = 0; i < n; i++) {
        curl_multi_remove_handle(multi, clients[i]);
        curl_easy_cleanup(clients[i]);
    }
    curl_multi_cleanup(multi);
    return is_clean;
}

/* NULL: all is well. */
static const char *complaint(const struct load *load)
{
    const long growth_kb = load->rss_end_kb - load->rss_warm_kb;
    if (load->end_ms > END_MS_MAX) {
        return "the server took long to end";
    }
    if (load->rss_warm_kb <= 0 || load->rss_end_kb <= 0) {
        return "the server is not there";
    }
    if (load->rss_end_kb > RSS_KB_MAX ||
        (load->seconds >= GROWTH_SECONDS_LEAST && growth_kb > GROWTH_KB_MAX)) {
        return "the server grew";
    }
    return NULL;
}

static bool run_fault(const char *program, const char *fault, double seconds,
                      unsigned n_clients)
{
    struct server s = {.err_fd = -1};
    struct load load = {0};
    bool ok = start_server(&s, program, fault);
    if (ok) {
        ok = run_clients(&s, n_clients, seconds, &load);
    } else {
        (void)stop_server(&s, &load.end_ms);
    }
    const char *wrong = ok ? complaint(&load) : NULL;
    if (wrong != NULL) {
        (void)fprintf(stderr, "bench_serve: %s\n", wrong);
        ok = false;
    }
    const uint64_t n = load.n_ok + load.n_status + load.n_failed;
    (void)printf(
        "%-10.10s %8.0f/s  200: %-8" PRIu64 " other: %-8" PRIu64
        " failed: %-7" PRIu64
        " %7.1f MB/s  RSS %6ld -> %6ld kB  end %4.0f ms%s\n",
        *fault != '\0' ? fault : "(none)",
        load.seconds > 0 ? (double)n / load.seconds : 0, load.n_ok,
        load.n_status, load.n_failed,
        load.seconds > 0 ? 1e-6 * (double)load.bytes / load.seconds : 0,
        load.rss_warm_kb, load.rss_end_kb, load.end_ms, ok ? "" : "  FAILED");
    (void)fflush(stdout);
    return ok;
}

int main(int argc, char **argv)
{
    char program[LINE_BYTES];
    const char *slash = strrchr(argv[0], '/');
    (void)snprintf(program, sizeof(program), "%.*s../seep",
                   slash != NULL ? (int)(slash + 1 - argv[0]) : 0, argv[0]);
    const bool has_arguments = argc >= 4;
    if (argc > 1 && !has_arguments) {
        (void)fprintf(stderr, "usage: bench_serve [PROGRAM SECONDS CLIENTS "
                              "[FAULT...]]\n");
        return 2;
    }
    const double seconds = has_arguments ? strtod(argv[2], NULL) : 30;
    const unsigned long clients =
        has_arguments ? strtoul(argv[3], NULL, 10) : 200;
    const unsigned n_clients =
        clients < CLIENTS_MAX ? (unsigned)clients : CLIENTS_MAX;
    const size_t n_all = sizeof(all_faults) / sizeof(all_faults[0]);
    const size_t n = argc > 4 ? (size_t)argc - 4 : n_all;
    bool ok = true;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    for (size_t i = 0; i < n; i++) {
        ok = run_fault(has_arguments ? argv[1] : program,
                       argc > 4 ? argv[4 + i] : all_faults[i], seconds,
                       n_clients) &&
             ok;
    }
    curl_global_cleanup();
    return ok ? 0 : 1;
}
