/*
 * seep against an installed pprof, byte for byte: flag sets (pprof_diff.def)
 * times profiles. Where the bytes differ the peer is asked again: it breaks
 * some ties at random, and what it prints itself in several ways is compared
 * as lines in any order, and counted apart.
 *
 * usage: pprof_diff [options] SEEP PEER FOLDER...
 *   --sample N   so many comparisons, spread over all flag sets (default all)
 *   --seed N     which ones (default 1)
 *   --flags TEXT only flag sets with this text
 *   --file TEXT  only profiles with this text in their path
 *   --show N     differences that are shown (default 20)
 *   --each N     ... of one flag set (default 2)
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <errno.h>
#include <inttypes.h>
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

#include "pprof_corpus.h"
#include "pprof_lines.h"
#include "process.h"

enum {
    LIMIT_S = 120,
    MASKED_STATUS = 3, /* ours: one of several sources was lost */
    ASKED_LEAST = 2,
    ASKED_AGAIN = 25, /* of two outputs one may be rare */
    ASKED_S = 20,     /* for large profiles */
    WORDS_BYTES = 4096,
    LARGE_BYTES = 1 << 20,
    EXCERPT_LINES = 14,
};

/* --- flag sets --- */

struct flag_set {
    const char *words;
    bool is_for_large;
};

static const struct flag_set flag_sets[] = {
#define ROW(words)   {words, false},
#define LARGE(words) {words, true},
#include "pprof_diff.def"
#undef ROW
#undef LARGE
};
enum { N_FLAG_SETS = sizeof(flag_sets) / sizeof(flag_sets[0]) };

static const char *const reports[] = {
    "top",  "text", "tree",  "peek",      "traces",   "raw",      "tags",
    "list", "dot",  "proto", "callgrind", "topproto", "comments",
};
enum { N_REPORTS = sizeof(reports) / sizeof(reports[0]) };

static size_t report_of(const struct flag_set *f)
{
    const char *name = f->words + strspn(f->words, "-");
    const size_t n = strcspn(name, " =");
    for (size_t i = 0; i < N_REPORTS; i++) {
        if (strlen(reports[i]) == n && strncmp(name, reports[i], n) == 0) {
            return i;
        }
    }
    errno = EINVAL;
    process_die(f->words);
}

static bool is_binary(const struct flag_set *f)
{
    return strstr(reports[report_of(f)], "proto") != NULL;
}

/* --- what is compared --- */

struct job {
    uint32_t flag_set, source;
    uint64_t order;
};

struct jobs {
    struct job *items;
    size_t n;
};

static uint64_t mix(uint64_t z)
{
    z += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool fits(const struct flag_set *f, const struct source *s)
{
    return (s->first != NULL || strstr(f->words, "%first") == NULL) &&
           (s->other != NULL || strstr(f->words, "%other") == NULL);
}

static int by_order(const void *pa, const void *pb)
{
    const struct job *a = pa;
    const struct job *b = pb;
    return (a->order > b->order) - (a->order < b->order);
}

/* All jobs of a flag set, those of the sample first: by the dice, large ones
   last unless the row asks for them. Returns how many. */
static size_t jobs_of(uint32_t row, const struct sources *s, uint64_t seed,
                      struct job *out)
{
    const struct flag_set *f = &flag_sets[row];
    size_t n = 0;
    bool wants_large = f->is_for_large;
    for (size_t k = s->n; k-- > 0;) {
        struct job job = {row, (uint32_t)k, 0};
        if (!fits(f, &s->items[k])) {
            continue;
        }
        job.order = 1 + mix(mix(seed + row) + k) / 4;
        if (s->items[k].n_bytes > LARGE_BYTES) {
            job.order = wants_large ? 0 : UINT64_MAX;
            wants_large = false;
        }
        out[n++] = job;
    }
    qsort(out, n, sizeof(*out), by_order);
    return n;
}

/* How old the peer is. All print the numbers of reports alike. */
enum age {
    AGE_RECENT,
    AGE_OLD,   /* another line "Time:", another report of tags */
    AGE_OLDEST /* merges a single profile, too, and knows no columns: what
                  prints samples or places is another report; cuts scaled
                  values where others round them */
};

/* Is the report of this peer the same as the reference's? */
static bool is_comparable(const char *words, enum age age)
{
    static const struct {
        const char *report;
        enum age oldest;
    } limits[] = {
        {"-tags",      AGE_RECENT},
        {"-raw",       AGE_OLD   },
        {"-traces",    AGE_OLD   },
        {"-proto",     AGE_OLD   },
        {"-callgrind", AGE_OLD   },
    };
    if (age == AGE_OLDEST && strstr(words, "-normalize") != NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strncmp(words, limits[i].report, strlen(limits[i].report)) == 0) {
            return age <= limits[i].oldest;
        }
    }
    return true;
}

static struct jobs plan(const struct sources *s, uint64_t n_sample,
                        uint64_t seed, const char *filter, enum age age)
{
    struct jobs jobs = {malloc(N_FLAG_SETS * s->n * sizeof(struct job)), 0};
    if (jobs.items == NULL) {
        process_die("memory");
    }
    size_t n_rows = 0;
    for (size_t i = 0; i < N_FLAG_SETS; i++) {
        n_rows += filter == NULL || strstr(flag_sets[i].words, filter) != NULL;
    }
    for (uint32_t i = 0; i < N_FLAG_SETS; i++) {
        const char *words = flag_sets[i].words;
        if ((filter != NULL && strstr(words, filter) == NULL) ||
            !is_comparable(words, age)) {
            continue;
        }
        size_t n = jobs_of(i, s, seed, jobs.items + jobs.n);
        const size_t share = (n_sample + n_rows - 1) / n_rows;
        if (n_sample > 0 && n > share) {
            n = share;
        }
        jobs.n += n;
    }
    /* What takes long begins first. */
    for (size_t i = 0; i < jobs.n; i++) {
        struct job *job = &jobs.items[i];
        const bool is_large = s->items[job->source].n_bytes > LARGE_BYTES;
        job->order = i + (is_large ? 0 : jobs.n);
    }
    qsort(jobs.items, jobs.n, sizeof(struct job), by_order);
    return jobs;
}

/* --- one comparison --- */

enum verdict {
    NOT_DONE,
    SAME,
    SAME_FAILURE,
    UNDECIDED, /* the peer's outputs differ, ours is one or has their lines */
    UNKNOWN,   /* the peer is too old for it */
    DIFFERENT,
    N_VERDICTS
};

struct setting {
    const char *seep, *peer;
    enum age age;
};

struct output {
    int status;
    bool is_unknown; /* "flag provided but not defined" */
    struct bytes text;
};

/* In front of the profiles, which end the options. */
static void command_add_option(struct command *c, const char *word)
{
    int at = 1; /* the program may have a path, too */
    while (at < c->n && c->words[at][0] != '/') {
        at++;
    }
    command_add(c, word);
    for (int i = c->n - 1; i > at; i--) {
        c->words[i] = c->words[i - 1];
    }
    c->words[at] = word;
}

/* Words of a row with its placeholders filled in; `room` holds them. */
static void add_words(struct command *c, const char *words,
                      const struct source *s, char *room)
{
    static const struct {
        const char *name;
        size_t offset;
    } places[] = {
        {"%first",  offsetof(struct source, first) },
        {"%other",  offsetof(struct source, other) },
        {"%source", offsetof(struct source, folder)},
    };
    char *const end = room + WORDS_BYTES;
    bool has_symbolize = false;
    while (*words != '\0') {
        const size_t n = strcspn(words, " ");
        const char *percent = memchr(words, '%', n);
        size_t n_front = n;
        const char *path = "";
        for (size_t i = 0; percent != NULL && i < 3; i++) {
            if (strncmp(percent, places[i].name, strlen(places[i].name)) == 0) {
                n_front = (size_t)(percent - words);
                path = *(char *const *)(const void *)((const char *)s +
                                                      places[i].offset);
            }
        }
        const int wrote = snprintf(room, (size_t)(end - room), "%.*s%s",
                                   (int)n_front, words, path);
        if (wrote < 0 || wrote >= end - room) {
            errno = E2BIG;
            process_die(words);
        }
        has_symbolize = has_symbolize || strstr(room, "-symbolize") == room;
        command_add(c, room);
        room += wrote + 1;
        words += n + (words[n] == ' ');
    }
    if (!has_symbolize) {
        command_add_option(c, "-symbolize=none");
    }
}

/* Removes each time between "Time: " and the end of its line or label. */
static void mask_times(struct bytes *b)
{
    char *out = b->p;
    const char *in = b->p;
    const char *const end = b->p + b->len;
    while (in < end) {
        if (strncmp(in, "Time: ", 6) == 0) {
            in += strcspn(in, "\n\\\"");
        } else {
            *out++ = *in++;
        }
    }
    b->len = (size_t)(out - b->p);
    b->p[b->len] = '\0';
}

static struct output ask(const struct command *c, const struct flag_set *f,
                         const struct setting *set, const char *out_path)
{
    struct output o = {0};
    o.status = process_run(c, out_path, "errors", LIMIT_S).status;
    o.text = bytes_read(out_path);
    if (o.status != 0) {
        const struct bytes said = bytes_read("errors");
        o.is_unknown = strstr(said.p, "flag provided but not defined") != NULL;
        free(said.p);
    }
    if (is_binary(f)) {
        const struct bytes packed = o.text;
        o.text = bytes_inflate(packed);
        bytes_write(out_path, o.text);
        free(packed.p);
    } else if (set->age != AGE_RECENT && strncmp(f->words, "-raw", 4) != 0) {
        mask_times(&o.text);
    }
    return o;
}

static bool is_failure(const struct output *o)
{
    return o->status != 0 && o->status != MASKED_STATUS;
}

static bool is_same(const struct output *a, const struct output *b)
{
    return is_failure(a) == is_failure(b) && bytes_equal(a->text, b->text);
}

/* A profile as the peer prints it raw. */
static struct bytes raw_of(struct bytes profile, const struct setting *set)
{
    struct command c = {0};
    command_add(&c, set->peer);
    command_add(&c, "-symbolize=none");
    command_add(&c, "-raw");
    command_add(&c, "profile");
    bytes_write("profile", profile);
    (void)process_run(&c, "profile.raw", NULL, LIMIT_S);
    return bytes_read("profile.raw");
}

static struct bytes lines_of(const struct flag_set *f,
                             const struct setting *set, struct bytes text)
{
    if (is_binary(f)) {
        const struct bytes raw = raw_of(text, set);
        const struct bytes lines = lines_sorted(raw, LINES_RAW);
        free(raw.p);
        return lines;
    }
    const bool is_callgrind = strcmp(reports[report_of(f)], "callgrind") == 0;
    return lines_sorted(text, is_callgrind ? LINES_CALLGRIND : LINES_TEXT);
}

static bool has_lines(const struct flag_set *f, const struct setting *set,
                      struct bytes a, struct bytes b)
{
    const struct bytes left = lines_of(f, set, a);
    const struct bytes right = lines_of(f, set, b);
    const bool is = bytes_equal(left, right);
    free(left.p);
    free(right.p);
    return is;
}

/* Which of two equal nodes is within -nodecount is decided at random, too:
   without that limit it does not matter. */
static bool has_lines_unlimited(struct command peer, struct command seep,
                                const struct flag_set *f,
                                const struct setting *set)
{
    command_add_option(&peer, "-nodecount=100000");
    command_add_option(&seep, "-nodecount=100000");
    const struct output wanted = ask(&peer, f, set, "again");
    const struct output got = ask(&seep, f, set, "again");
    const bool has = is_failure(&wanted) == is_failure(&got) &&
                     has_lines(f, set, wanted.text, got.text);
    free(wanted.text.p);
    free(got.text.p);
    return has;
}

/* Asks the peer again until it says what seep said; when it contradicts
   itself, the same lines at other places will do. */
static enum verdict
ask_again(const struct command *peer, const struct command *seep,
          const struct flag_set *f, const struct setting *set,
          const struct output *wanted, const struct output *got)
{
    bool is_steady = true;
    bool has = has_lines(f, set, wanted->text, got->text);
    const time_t end = time(NULL) + ASKED_S;
    for (int i = 0; i < ASKED_AGAIN; i++) {
        if (i >= ASKED_LEAST && time(NULL) > end) {
            break;
        }
        const struct output again = ask(peer, f, set, "again");
        const bool is_ours = is_same(&again, got);
        is_steady = is_steady && is_same(&again, wanted);
        has = has || has_lines(f, set, again.text, got->text);
        free(again.text.p);
        if (is_ours || (!is_steady && has)) {
            return UNDECIDED;
        }
    }
    return !is_steady && has_lines_unlimited(*peer, *seep, f, set) ? UNDECIDED
                                                                   : DIFFERENT;
}

static void show(FILE *f, const char *command)
{
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c) */
    char line[200];
    int n = 0;
    while (pipe != NULL && fgets(line, sizeof(line), pipe) != NULL) {
        if (n++ < EXCERPT_LINES) {
            (void)fprintf(f, "    %s%s", line,
                          strchr(line, '\n') != NULL ? "" : "...\n");
        }
    }
    if (pipe != NULL) {
        (void)pclose(pipe);
    }
}

/* Both command lines and the first lines that differ, into a file that the
   parent prints. */
static void explain(size_t i, const struct command *peer,
                    const struct command *seep, const struct output *wanted,
                    const struct output *got, const struct setting *set,
                    bool is_raw)
{
    char text[2 * WORDS_BYTES];
    char name[40];
    (void)snprintf(name, sizeof(name), "../difference.%zu", i);
    FILE *f = fopen(name, "w");
    if (f == NULL) {
        process_die(name);
    }
    const char *zone = getenv("TZ"); /* NOLINT(concurrency-mt-unsafe) */
    command_text(seep, text, sizeof(text));
    (void)fprintf(f, "  TZ=%s %s   # exit %d\n", zone, text, got->status);
    command_text(peer, text, sizeof(text));
    (void)fprintf(f, "  TZ=%s %s   # exit %d\n", zone, text, wanted->status);
    if (is_raw && !is_failure(wanted) && !is_failure(got)) {
        (void)snprintf(text, sizeof(text),
                       "for f in peer seep; do mv $f $f.pb; '%s' "
                       "-symbolize=none -raw $f.pb >$f 2>&1; done",
                       set->peer);
        show(f, text);
    }
    (void)fflush(f);
    show(f, "diff -a -U1 peer seep | tail -n +3");
    if (got->status != 0) {
        show(f, "head -n 3 seep.err");
    }
    (void)fclose(f);
}

static enum verdict compare(size_t i, const struct job *job,
                            const struct sources *sources,
                            const struct setting *set)
{
    const struct flag_set *f = &flag_sets[job->flag_set];
    const struct source *s = &sources->items[job->source];
    char room[2][WORDS_BYTES];
    struct command peer = {0};
    struct command seep = {0};
    command_add(&peer, set->peer);
    command_add(&seep, set->seep);
    command_add(&seep, "pprof");
    add_words(&peer, f->words, s, room[0]);
    add_words(&seep, f->words, s, room[1]);
    command_add(&peer, s->path);
    command_add(&seep, s->path);
    struct output wanted = ask(&peer, f, set, "peer");
    struct output got = ask(&seep, f, set, "seep");
    enum verdict verdict = is_failure(&wanted) ? SAME_FAILURE : SAME;
    if (wanted.is_unknown && strstr(f->words, "no_such_flag") == NULL) {
        verdict = UNKNOWN;
    } else if (!is_same(&wanted, &got)) {
        verdict = ask_again(&peer, &seep, f, set, &wanted, &got);
    }
    if (verdict == DIFFERENT) {
        (void)process_run(&seep, NULL, "seep.err", LIMIT_S);
        explain(i, &peer, &seep, &wanted, &got, set, is_binary(f));
    }
    free(wanted.text.p);
    free(got.text.p);
    return verdict;
}

/* --- all of them --- */

struct board {
    atomic_size_t next;
    unsigned char verdicts[];
};

/* Some jobs run in other zones: one by the hour, one by its quarters. */
static void set_zone(const struct job *job)
{
    static const char *const zones[] = {"UTC", "UTC", "UTC", "Asia/Kathmandu",
                                        "America/New_York"};
    char path[64];
    const char *zone = zones[mix(job->flag_set + 7919 * job->source) % 5];
    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", zone);
    if (access(path, R_OK) != 0) {
        zone = "UTC";
    }
    setenv("TZ", zone, 1); /* NOLINT(concurrency-mt-unsafe) */
}

static void work(struct board *board, const struct jobs *jobs,
                 const struct sources *sources, const struct setting *set,
                 unsigned worker)
{
    char folder[32];
    (void)snprintf(folder, sizeof(folder), "worker.%u", worker);
    if (mkdir(folder, 0700) != 0 || chdir(folder) != 0) {
        process_die(folder);
    }
    for (;;) {
        const size_t i = atomic_fetch_add(&board->next, 1);
        if (i >= jobs->n) {
            return;
        }
        set_zone(&jobs->items[i]);
        board->verdicts[i] =
            (unsigned char)compare(i, &jobs->items[i], sources, set);
    }
}

static struct board *run_all(const struct jobs *jobs,
                             const struct sources *sources,
                             const struct setting *set)
{
    struct board *board =
        mmap(NULL, sizeof(*board) + jobs->n, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const long n_cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned n_workers = n_cores > 1 ? (unsigned)n_cores : 1;
    if (board == MAP_FAILED) {
        process_die("mmap");
    }
    for (unsigned i = 0; i < n_workers; i++) {
        const pid_t child = fork();
        if (child < 0) {
            process_die("fork");
        }
        if (child == 0) {
            work(board, jobs, sources, set, i);
            _exit(0);
        }
    }
    int status = 0;
    while (wait(&status) > 0) {
        if (status != 0) {
            (void)fprintf(stderr, "pprof_diff: a worker failed\n");
            exit(2);
        }
    }
    return board;
}

static void print_differences(const struct jobs *jobs,
                              const struct board *board, uint64_t n_show,
                              uint64_t n_each)
{
    size_t n_of[N_FLAG_SETS] = {0};
    for (size_t i = 0; i < jobs->n && n_show > 0; i++) {
        const uint32_t row = jobs->items[i].flag_set;
        if (board->verdicts[i] != DIFFERENT || n_of[row]++ >= n_each) {
            continue;
        }
        char name[40];
        (void)snprintf(name, sizeof(name), "difference.%zu", i);
        const struct bytes text = bytes_read(name);
        printf("DIFFERS: %s\n%s", flag_sets[row].words, text.p);
        free(text.p);
        n_show--;
    }
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
static void print_counts(const struct jobs *jobs, const struct board *board,
                         size_t total[N_VERDICTS])
{
    size_t counts[N_REPORTS][N_VERDICTS] = {{0}};
    size_t n_of[N_FLAG_SETS] = {0};
    for (size_t i = 0; i < jobs->n; i++) {
        const uint32_t row = jobs->items[i].flag_set;
        counts[report_of(&flag_sets[row])][board->verdicts[i]]++;
        total[board->verdicts[i]]++;
        n_of[row] += board->verdicts[i] == DIFFERENT;
    }
    for (size_t i = 0; i < N_FLAG_SETS; i++) {
        if (n_of[i] > 0) {
            printf("%5zu differ: %s\n", n_of[i], flag_sets[i].words);
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

struct options {
    uint64_t n_sample, seed, n_show, n_each;
    const char *flags, *file;
};

static int parse(int argc, char **argv, struct options *o)
{
    const struct {
        const char *name;
        uint64_t *number;
        const char **text;
    } known[] = {
        {"--sample", &o->n_sample, NULL     },
        {"--seed",   &o->seed,     NULL     },
        {"--show",   &o->n_show,   NULL     },
        {"--each",   &o->n_each,   NULL     },
        {"--flags",  NULL,         &o->flags},
        {"--file",   NULL,         &o->file },
    };
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        size_t k = 0;
        while (k < 6 && strcmp(argv[i], known[k].name) != 0) {
            k++;
        }
        if (k == 6) {
            break;
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

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .n_show = 20, .n_each = 2};
    const int at = parse(argc, argv, &o);
    if (argc - at < 3) {
        (void)fputs("usage: pprof_diff [options] SEEP PEER FOLDER...\n",
                    stderr);
        return 2;
    }
    char folder[] = "/tmp/seep-pprof-diff.XXXXXX";
    struct setting set = {process_path(argv[at]), process_path(argv[at + 1]),
                          AGE_RECENT};
    struct sources sources = {0};
    sources_find(&sources, argv + at + 2, o.file);
    enter_folder(folder);
    set.age = age_of(set.peer, &sources);
    const struct jobs jobs =
        plan(&sources, o.n_sample, o.seed, o.flags, set.age);
    const time_t start = time(NULL);
    const struct board *board = run_all(&jobs, &sources, &set);
    print_differences(&jobs, board, o.n_show, o.n_each);
    size_t n[N_VERDICTS] = {0};
    print_counts(&jobs, board, n);
    printf("%zu comparisons: %zu differences (%d flag sets, %zu profiles, %s "
           "pprof, %zu unknown to it, %ld s)\n",
           jobs.n - n[UNKNOWN], n[DIFFERENT], N_FLAG_SETS, sources.n,
           set.age == AGE_RECENT ? "a recent" : "an older", n[UNKNOWN],
           (long)(time(NULL) - start));
    struct command clean = {0};
    command_add(&clean, "rm");
    command_add(&clean, "-rf");
    command_add(&clean, folder);
    (void)process_run(&clean, NULL, NULL, LIMIT_S);
    return n[DIFFERENT] + n[NOT_DONE] > 0 || jobs.n == 0;
}
