/*
 * Where the bytes differ the peer is asked again: it breaks some ties at
 * random, and what it prints itself in several ways is compared as lines in
 * any order, and counted apart.
 */
#define _DEFAULT_SOURCE /* popen, setenv */
#include "pprof_compare.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pprof_lines.h"
#include "process.h"

enum {
    LIMIT_S = 600,     /* a large pair on a busy machine */
    MASKED_STATUS = 3, /* ours: one of several sources was lost */
    ASKED_LEAST = 2,
    ASKED_AGAIN = 100, /* of two outputs one may come once in eight times: that
                          is how Go walks its small maps */
    ASKED_S = 60,      /* for large profiles */
    WORDS_BYTES = 4096,
    EXCERPT_LINES = 14,
};

static bool is_binary(const struct flag_set *f)
{
    return strstr(reports[report_of(f)], "proto") != NULL;
}

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

/* Go's collector is what a short run pays for in vain; a large profile's memory
   is bounded by it. One thread of its own is enough. */
static void set_peer(const struct source *s)
{
    setenv("GOGC", is_large(s) ? "400" : "off", 1); /* NOLINT */
    setenv("GOMAXPROCS", "1", 1);                   /* NOLINT */
}

enum verdict compare(size_t i, const struct job *job,
                     const struct sources *sources, const struct setting *set)
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
    set_zone(job);
    set_peer(s);
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
