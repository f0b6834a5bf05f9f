/*
 * The peer's own goldens: each row of cases.tsv is a golden, an input, the
 * report that makes an input of it first (or nothing), and flags. The output
 * must be the golden, byte for byte.
 *
 * usage: pprof_goldens FOLDER PROGRAM [WORD...]   (seep pprof)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

enum { LIMIT_S = 60, PATH_BYTES = 4096, N_COLUMNS = 4 };

struct setting {
    const char *folder;
    struct command program;
};

/* Splits at `mark`, writing '\0' over it; empty words count. Returns how
   many. */
static int split(char *text, char mark, const char **words, int n_max)
{
    int n = 0;
    while (n < n_max) {
        words[n++] = text;
        char *end = strchr(text, mark);
        if (end == NULL) {
            break;
        }
        *end = '\0';
        text = end + 1;
    }
    return n;
}

static void report(const struct setting *s, const char *const *flags,
                   int n_flags, const char *input, const char *out_path)
{
    char output[PATH_BYTES];
    struct command c = s->program;
    for (int i = 0; i < n_flags; i++) {
        command_add(&c, flags[i]);
    }
    (void)snprintf(output, sizeof(output), "-output=%s", out_path);
    command_add(&c, output);
    command_add(&c, input);
    char nothing[1] = "";
    bytes_write(out_path, (struct bytes){nothing, 0});
    (void)process_run(&c, NULL, "errors", LIMIT_S);
}

static bool passes(const struct setting *s, const char *const *columns)
{
    static const char *const first[] = {
        "-addresses",           "-symbolize=none", "-trim=true",
        "-compact_labels=true", "-nodecount=20",   "-nodefraction=0.05",
        "-edgefraction=0.01",   "-unit=minimum",
    };
    enum { N_FIRST = sizeof(first) / sizeof(first[0]) };
    char golden[PATH_BYTES];
    char input[PATH_BYTES];
    char stage[64];
    char flags_text[PATH_BYTES];
    const char *flags[PROCESS_ARGS_MAX];
    (void)snprintf(golden, sizeof(golden), "%s/%s%s", s->folder,
                   strchr(columns[0], '/') != NULL ? "" : "goldens/",
                   columns[0]);
    (void)snprintf(input, sizeof(input), "%s/%s", s->folder, columns[1]);
    if (*columns[2] != '\0') {
        (void)snprintf(stage, sizeof(stage), "-%s", columns[2]);
        flags[0] = stage;
        memcpy(flags + 1, first, sizeof(first));
        report(s, flags, N_FIRST + 1, input, "middle.pb.gz");
        (void)snprintf(input, sizeof(input), "middle.pb.gz");
    }
    (void)snprintf(flags_text, sizeof(flags_text), "%s", columns[3]);
    const int n_flags = split(flags_text, ' ', flags, PROCESS_ARGS_MAX / 2);
    report(s, flags, n_flags, input, "out");
    const struct bytes got = bytes_read("out");
    const struct bytes wanted = bytes_read(golden);
    const bool is_same = bytes_equal(got, wanted);
    if (!is_same) {
        char diff[PATH_BYTES + 64];
        printf("DIFFERS %s: %s\n", columns[0], columns[3]);
        (void)fflush(stdout);
        (void)snprintf(diff, sizeof(diff),
                       "diff -a -U1 '%s' out | head -n 16; head -n 3 errors",
                       golden);
        (void)!system(diff); /* NOLINT */
    }
    free(got.p);
    free(wanted.p);
    return is_same;
}

static int run_cases(const struct setting *s, char *text)
{
    const char *lines[1024];
    const char *columns[N_COLUMNS + 1];
    int n_good = 0;
    int n_all = 0;
    const int n_lines = split(text, '\n', lines, 1024);
    for (int i = 0; i < n_lines; i++) {
        char line[PATH_BYTES];
        (void)snprintf(line, sizeof(line), "%s", lines[i]);
        /* A fifth column is the digest of a golden that is not there. */
        if (*line != '#' &&
            split(line, '\t', columns, N_COLUMNS + 1) == N_COLUMNS) {
            n_good += passes(s, columns);
            n_all++;
        }
    }
    printf("%d of %d identical\n", n_good, n_all);
    return n_good == n_all && n_all > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct setting s = {0};
    char path[PATH_BYTES];
    char folder[] = "/tmp/seep-pprof-goldens.XXXXXX";
    if (argc < 3) {
        (void)fputs("usage: pprof_goldens FOLDER PROGRAM [WORD...]\n", stderr);
        return 2;
    }
    s.folder = process_path(argv[1]);
    for (int i = 2; i < argc; i++) {
        command_add(&s.program, i == 2 ? process_path(argv[i]) : argv[i]);
    }
    (void)snprintf(path, sizeof(path), "%s/cases.tsv", s.folder);
    const struct bytes cases = bytes_read(path);
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        process_die(folder);
    }
    setenv("HOME", folder, 1);                      /* NOLINT */
    setenv("PPROF_TMPDIR", folder, 1);              /* NOLINT */
    setenv("PPROF_BINARY_PATH", "/nonexistent", 1); /* NOLINT */
    setenv("TZ", "UTC", 1);                         /* NOLINT */
    const int status = run_cases(&s, cases.p);
    free(cases.p);
    (void)!system("rm -rf \"$HOME\""); /* NOLINT */
    return status;
}
