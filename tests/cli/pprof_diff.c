/*
 * seep against an installed pprof, byte for byte: flag sets (pprof_diff.def)
 * times profiles. A whole run says on stderr how far it is, and prints each
 * difference when it is found; interrupted, it prints what it counted, and with
 * a journal the next one goes on from there.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pprof_compare.h"
#include "pprof_corpus.h"
#include "pprof_journal.h"
#include "pprof_plan.h"
#include "process.h"

static const char usage[] =
    "usage: pprof_diff [OPTION...] SEEP PEER FOLDER...\n"
    "  --sample N      so many comparisons, spread over all flag sets; "
    "without\n"
    "                  it a whole run: broad flag sets with every profile\n"
    "  --depth N       ... and others with one in N small profiles (default "
    "8);\n"
    "                  1: every flag set with every profile, many hours\n"
    "  --seed N        which ones (default 1)\n"
    "  --journal FILE  goes on where a run of the same programs ended, which\n"
    "                  wrote this file\n"
    "  --flags TEXT    only flag sets with this text\n"
    "  --file TEXT     only profiles with this text in their path\n"
    "  --show N        differences that are shown (default 20)\n"
    "  --each N        ... of one flag set (default 2)\n";

enum { LIMIT_S = 120, PROGRESS_S = 10, WORKERS_MAX = 256 };

struct options {
    uint64_t n_sample, depth, seed, n_show, n_each;
    const char *flags, *file, *journal;
};

/* --- the workers, each a process --- */

struct board {
    atomic_size_t next;
    atomic_uchar verdicts[];
};

struct run {
    const struct options *options;
    const struct jobs *jobs;
    const struct sources *sources;
    const struct setting *set;
    struct board *board; /* shared with the workers */
    struct journal journal;
    bool *is_seen; /* jobs whose verdict was taken note of */
    size_t n_seen, n_known /* from the journal */, n_different, n_shown;
    size_t n_different_of[N_FLAG_SETS];
    time_t start, said;
    bool is_interrupted;
    pid_t workers[WORKERS_MAX];
    unsigned n_workers;
};

static void work(const struct run *r, unsigned worker)
{
    char folder[32];
    (void)snprintf(folder, sizeof(folder), "worker.%u", worker);
    if (mkdir(folder, 0700) != 0 || chdir(folder) != 0) {
        process_die(folder);
    }
    for (;;) {
        const size_t i = atomic_fetch_add(&r->board->next, 1);
        if (i >= r->jobs->n) {
            return;
        }
        if (r->board->verdicts[i] == NOT_DONE) {
            r->board->verdicts[i] = (unsigned char)compare(
                i, &r->jobs->items[i], r->sources, r->set);
        }
    }
}

/* What ends the run or wakes it up. */
static sigset_t signals(bool has_child)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    if (has_child) {
        sigaddset(&set, SIGCHLD);
    }
    return set;
}

static void start_workers(struct run *r)
{
    const long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
    const sigset_t deadly = signals(false);
    r->n_workers = n_cores < 1             ? 1
                   : n_cores < WORKERS_MAX ? (unsigned)n_cores
                                           : WORKERS_MAX;
    for (unsigned i = 0; i < r->n_workers; i++) {
        r->workers[i] = fork();
        if (r->workers[i] < 0) {
            process_die("fork");
        }
        /* A group of its own, to be ended with the program that it runs. */
        (void)setpgid(r->workers[i], 0);
        if (r->workers[i] == 0) {
            sigprocmask(SIG_UNBLOCK, &deadly, NULL);
            work(r, i);
            _exit(0);
        }
    }
}

static void stop_workers(struct run *r)
{
    for (unsigned i = 0; i < r->n_workers; i++) {
        if (r->workers[i] > 0) {
            (void)kill(-r->workers[i], SIGTERM);
        }
    }
    r->is_interrupted = true;
}

/* Forgets those that have ended. Returns whether others work. */
static bool reap_workers(struct run *r)
{
    bool has_more = false;
    for (unsigned i = 0; i < r->n_workers; i++) {
        int status = 0;
        if (r->workers[i] == 0) {
            continue;
        }
        if (waitpid(r->workers[i], &status, WNOHANG) == 0) {
            has_more = true;
            continue;
        }
        r->workers[i] = 0;
        if (status != 0 && !r->is_interrupted) {
            (void)fprintf(stderr, "pprof_diff: a worker failed\n");
            exit(2);
        }
    }
    return has_more;
}

/* --- what they found --- */

static void print_difference(struct run *r, size_t i)
{
    const uint32_t row = r->jobs->items[i].flag_set;
    if (r->n_shown >= r->options->n_show ||
        r->n_different_of[row] > r->options->n_each) {
        return;
    }
    r->n_shown++;
    char name[40];
    (void)snprintf(name, sizeof(name), "difference.%zu", i);
    const struct bytes text = bytes_read(name);
    printf("DIFFERS: %s\n%s", flag_sets[row].words, text.p);
    (void)fflush(stdout);
    free(text.p);
}

/* Differences are not for the journal: they are compared again. */
static void take_note(struct run *r, size_t i, enum verdict verdict)
{
    const struct job *job = &r->jobs->items[i];
    const struct source *s = &r->sources->items[job->source];
    r->is_seen[i] = true;
    r->n_seen++;
    if (verdict != DIFFERENT) {
        journal_add(&r->journal, (unsigned)verdict,
                    flag_sets[job->flag_set].words, s->path, s->n_bytes);
        return;
    }
    r->n_different++;
    r->n_different_of[job->flag_set]++;
    print_difference(r, i);
}

static void take_notes(struct run *r)
{
    for (size_t i = 0; i < r->jobs->n; i++) {
        const enum verdict verdict = r->board->verdicts[i];
        if (!r->is_seen[i] && verdict != NOT_DONE) {
            take_note(r, i, verdict);
        }
    }
    journal_flush(&r->journal);
}

static void say_progress(struct run *r)
{
    const time_t now = time(NULL);
    const size_t n_new = r->n_seen - r->n_known;
    if (r->options->n_sample > 0 || now - r->said < PROGRESS_S || n_new == 0) {
        return;
    }
    r->said = now;
    const double s = (double)(now - r->start);
    const double left_s = s * (double)(r->jobs->n - r->n_seen) / (double)n_new;
    (void)fprintf(stderr,
                  "pprof_diff: %zu of %zu, %zu differences, %.0f min, about "
                  "%.0f more\n",
                  r->n_seen, r->jobs->n, r->n_different, s / 60, left_s / 60);
}

static void recall(struct run *r)
{
    for (size_t i = 0; i < r->jobs->n; i++) {
        const struct job *job = &r->jobs->items[i];
        const struct source *s = &r->sources->items[job->source];
        const unsigned verdict = journal_find(
            &r->journal, flag_sets[job->flag_set].words, s->path, s->n_bytes);
        if (verdict > NOT_DONE && verdict < DIFFERENT) {
            r->board->verdicts[i] = (unsigned char)verdict;
            r->is_seen[i] = true;
            r->n_known++;
        }
    }
    r->n_seen = r->n_known;
}

static void say_plan(const struct run *r)
{
    size_t n_large = 0;
    for (size_t i = 0; i < r->sources->n; i++) {
        n_large += is_large(&r->sources->items[i]);
    }
    printf("%zu profiles (%zu large): %zu broad flag sets on each, %zu others "
           "on one in %llu: %zu comparisons",
           r->sources->n, n_large, r->jobs->n_broad, r->jobs->n_others,
           (unsigned long long)r->options->depth, r->jobs->n);
    if (r->n_known > 0) {
        printf(", %zu known from %s", r->n_known, r->options->journal);
    }
    printf("\n");
    (void)fflush(stdout);
}

static void run_all(struct run *r)
{
    r->board = mmap(NULL, sizeof(*r->board) + r->jobs->n,
                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    r->is_seen = calloc(r->jobs->n + 1, sizeof(*r->is_seen));
    if (r->board == MAP_FAILED || r->is_seen == NULL) {
        process_die("memory");
    }
    recall(r);
    if (r->options->n_sample == 0) {
        say_plan(r);
    }
    r->start = time(NULL);
    r->said = r->start;
    start_workers(r);
    const sigset_t awaited = signals(true);
    const struct timespec tick = {1, 0};
    do {
        const int signal = sigtimedwait(&awaited, NULL, &tick);
        if (signal == SIGINT || signal == SIGTERM) {
            stop_workers(r);
        }
        take_notes(r);
        say_progress(r);
    } while (reap_workers(r));
    take_notes(r);
}

static void print_row(const char *name, const size_t *n)
{
    const size_t n_all =
        n[SAME] + n[SAME_FAILURE] + n[UNDECIDED] + n[DIFFERENT];
    if (n_all > 0) {
        printf("%-10s %9zu %9zu %9zu %9zu %9zu\n", name, n_all, n[SAME],
               n[SAME_FAILURE], n[UNDECIDED], n[DIFFERENT]);
    }
}

/* The counts of all, after a row for each report. */
static void print_counts(const struct run *r, size_t total[N_VERDICTS])
{
    size_t counts[N_REPORTS][N_VERDICTS] = {{0}};
    for (size_t i = 0; i < r->jobs->n; i++) {
        const uint32_t row = r->jobs->items[i].flag_set;
        const unsigned char verdict = r->board->verdicts[i];
        counts[report_of(&flag_sets[row])][verdict]++;
        total[verdict]++;
    }
    for (size_t i = 0; i < N_FLAG_SETS; i++) {
        if (r->n_different_of[i] > 0) {
            printf("%5zu differ: %s\n", r->n_different_of[i],
                   flag_sets[i].words);
        }
    }
    printf("%-10s %9s %9s %9s %9s %9s\n", "report", "compared", "same",
           "refused", "undecided", "different");
    for (size_t i = 0; i < N_REPORTS; i++) {
        print_row(reports[i], counts[i]);
    }
    print_row("all", total);
}

/* --- the peer --- */

/* What it prints of a profile that has a time, and which flags it knows, tell
   its age. */
static enum age age_of(const char *peer, const struct sources *s)
{
    static const char label[] = "\nTime: ";
    for (size_t i = 0; i < s->n; i++) {
        struct command c = {0};
        command_add(&c, peer);
        command_add(&c, "-symbolize=none");
        command_add(&c, "-top");
        command_add(&c, s->items[i].path);
        (void)process_run(&c, "probe", NULL, LIMIT_S);
        const struct bytes text = bytes_read("probe");
        const char *at = strstr(text.p, label);
        const bool is_found = at != NULL;
        const bool is_old = is_found && strspn(at + sizeof(label) - 1,
                                               "0123456789") != strlen("2006");
        free(text.p);
        if (is_found) {
            c.words[1] = "-showcolumns";
            return !is_old ? AGE_RECENT
                   : process_run(&c, NULL, NULL, LIMIT_S).status == 0
                       ? AGE_OLD
                       : AGE_OLDEST;
        }
    }
    return AGE_RECENT;
}

static int parse(int argc, char **argv, struct options *o)
{
    const struct {
        const char *name;
        uint64_t *number;
        const char **text;
    } known[] = {
        {"--sample",  &o->n_sample, NULL       },
        {"--depth",   &o->depth,    NULL       },
        {"--seed",    &o->seed,     NULL       },
        {"--show",    &o->n_show,   NULL       },
        {"--each",    &o->n_each,   NULL       },
        {"--flags",   NULL,         &o->flags  },
        {"--file",    NULL,         &o->file   },
        {"--journal", NULL,         &o->journal},
    };
    const size_t n_known = sizeof(known) / sizeof(known[0]);
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        size_t k = 0;
        while (k < n_known && strcmp(argv[i], known[k].name) != 0) {
            k++;
        }
        if (k == n_known) {
            return argc;
        }
        if (known[k].number != NULL) {
            *known[k].number = strtoull(argv[i + 1], NULL, 10);
        } else {
            *known[k].text = argv[i + 1];
        }
    }
    return i;
}

static void enter_folder(char *folder)
{
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        process_die(folder);
    }
    setenv("HOME", folder, 1);                      /* NOLINT */
    setenv("PPROF_TMPDIR", folder, 1);              /* NOLINT */
    setenv("PPROF_BINARY_PATH", "/nonexistent", 1); /* NOLINT */
    setenv("TZ", "UTC", 1);                         /* NOLINT */
    setenv("LC_ALL", "C.UTF-8", 1);                 /* NOLINT */
}

static int finish(const struct run *r)
{
    size_t n[N_VERDICTS] = {0};
    print_counts(r, n);
    printf("%zu comparisons: %zu differences (%d flag sets, %zu profiles, %s "
           "pprof, %zu unknown to it, %ld s)\n",
           r->n_seen - n[UNKNOWN], n[DIFFERENT], N_FLAG_SETS, r->sources->n,
           r->set->age == AGE_RECENT ? "a recent" : "an older", n[UNKNOWN],
           (long)(time(NULL) - r->start));
    if (n[NOT_DONE] > 0) {
        printf("interrupted: %zu of %zu comparisons were not made\n",
               n[NOT_DONE], r->jobs->n);
    }
    return n[DIFFERENT] + n[NOT_DONE] > 0 || r->jobs->n == 0;
}

int main(int argc, char **argv)
{
    struct options o = {.depth = 8, .seed = 1, .n_show = 20, .n_each = 2};
    const int at = parse(argc, argv, &o);
    if (argc - at < 3 || o.depth == 0) {
        (void)fputs(usage, stderr);
        return 2;
    }
    char folder[] = "/tmp/seep-pprof-diff.XXXXXX";
    struct setting set = {process_path(argv[at]), process_path(argv[at + 1]),
                          AGE_RECENT};
    struct sources sources = {0};
    struct run run = {.options = &o, .sources = &sources, .set = &set};
    const sigset_t awaited = signals(true);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
    sources_find(&sources, argv + at + 2, o.file);
    journal_open(&run.journal, o.journal, set.seep, set.peer);
    enter_folder(folder);
    set.age = age_of(set.peer, &sources);
    const struct plan plan = {o.n_sample, o.depth, o.seed, o.flags, set.age};
    const struct jobs jobs = plan_jobs(&plan, &sources);
    run.jobs = &jobs;
    run_all(&run);
    const int status = finish(&run);
    journal_close(&run.journal);
    struct command clean = {0};
    command_add(&clean, "rm");
    command_add(&clean, "-rf");
    command_add(&clean, folder);
    (void)process_run(&clean, NULL, NULL, LIMIT_S);
    return status;
}
