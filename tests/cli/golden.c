/*
 * Runs the console sessions of a Markdown file and compares: in a block
 * fenced as ```console, each line `$ command` is run by sh, and what follows
 * must be its output (stdout and stderr together) and `[exit N]` when it is
 * not 0. With BLESS=1 in the environment the file is rewritten instead.
 *
 * usage: golden FILE.md PROGRAM TESTDATA
 * Commands run in an empty directory that links to `testdata`, with the
 * program's directory first in PATH.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct text {
    char *p;
    size_t len, cap;
};

static _Noreturn void die(const char *what)
{
    perror(what);
    exit(2);
}

static void add(struct text *t, const char *p, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        t->cap = (t->len + n + 1) * 2;
        t->p = realloc(t->p, t->cap);
    }
    if (!t->p) {
        die("memory");
    }
    memcpy(t->p + t->len, p, n);
    t->len += n;
    t->p[t->len] = '\0';
}

static void add_file(struct text *t, FILE *f)
{
    char block[65536];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0) {
        add(t, block, n);
    }
}

static struct text read_file(const char *path)
{
    struct text t = {0};
    FILE *f = fopen(path, "rb");
    if (!f) {
        die(path);
    }
    add(&t, "", 0);
    add_file(&t, f);
    fclose(f);
    return t;
}

static void write_file(const char *path, const struct text *t)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(t->p, 1, t->len, f) != t->len || fclose(f) != 0) {
        die(path);
    }
}

/* Appends what the command prints and how it ends. */
static void run(struct text *out, const char *command, size_t len)
{
    struct text script = {0};
    add(&script, "exec 2>&1; ", 11);
    add(&script, command, len);
    FILE *pipe = popen(script.p, "r"); /* NOLINT(cert-env33-c) */
    if (!pipe) {
        die("popen");
    }
    add_file(out, pipe);
    const int status = pclose(pipe);
    free(script.p);
    if (out->len > 0 && out->p[out->len - 1] != '\n') {
        add(out, "\n", 1);
    }
    const int code =
        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code != 0) {
        char line[32];
        const int n = snprintf(line, sizeof line, "[exit %d]\n", code);
        add(out, line, (size_t)n);
    }
}

static bool starts(const char *line, size_t len, const char *word)
{
    const size_t n = strlen(word);
    return len >= n && memcmp(line, word, n) == 0;
}

/* The file as it should be. */
static struct text play(const struct text *in, size_t *n_commands)
{
    struct text out = {0};
    bool is_session = false;
    bool is_output = false;
    const char *p = in->p;
    while (*p) {
        const char *newline = strchr(p, '\n');
        const size_t len = newline ? (size_t)(newline - p) : strlen(p);
        const size_t whole = len + (newline ? 1 : 0);
        if (starts(p, len, "```")) {
            is_session =
                !is_session && len == 10 && starts(p, len, "```console");
            is_output = false;
        }
        if (!is_session || !is_output || starts(p, len, "$ ")) {
            add(&out, p, whole);
        }
        if (is_session && starts(p, len, "$ ")) {
            run(&out, p + 2, len - 2);
            is_output = true;
            (*n_commands)++;
        }
        p += whole;
    }
    return out;
}

/* An empty directory with a link to the test data, made current. */
static void enter_directory(char *dir, const char *testdata)
{
    if (!mkdtemp(dir) || chdir(dir) != 0 ||
        symlink(testdata, "testdata") != 0) {
        die(dir);
    }
}

static void set_environment(const char *program)
{
    const char *slash = strrchr(program, '/');
    const char *old = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe) */
    struct text path = {0};
    if (slash) {
        add(&path, program, (size_t)(slash - program));
        add(&path, ":", 1);
    }
    add(&path, old ? old : "", old ? strlen(old) : 0);
    setenv("PATH", path.p, 1);      /* NOLINT(concurrency-mt-unsafe) */
    setenv("LC_ALL", "C.UTF-8", 1); /* NOLINT(concurrency-mt-unsafe) */
    unsetenv("NO_COLOR");           /* NOLINT(concurrency-mt-unsafe) */
    unsetenv("COLUMNS");            /* NOLINT(concurrency-mt-unsafe) */
    free(path.p);
}

static int show_difference(const char *path, const struct text *now)
{
    struct text command = {0};
    write_file("now.md", now);
    add(&command, "diff -u '", 9);
    add(&command, path, strlen(path));
    add(&command, "' now.md", 8);
    const int status = system(command.p); /* NOLINT */
    free(command.p);
    printf("the session differs; BLESS=1 rewrites it, then review the diff\n");
    return status == 0 ? 2 : 1;
}

static int remove_directory(const char *dir)
{
    struct text command = {0};
    add(&command, "rm -rf '", 8);
    add(&command, dir, strlen(dir));
    add(&command, "'", 1);
    const int status = chdir("/") == 0 ? system(command.p) : 1; /* NOLINT */
    free(command.p);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: golden FILE.md PROGRAM TESTDATA\n");
        return 2;
    }
    char dir[] = "/tmp/seep-golden-XXXXXX";
    struct text was = read_file(argv[1]);
    size_t n_commands = 0;
    set_environment(argv[2]);
    enter_directory(dir, argv[3]);
    struct text now = play(&was, &n_commands);
    int status = 0;
    const bool is_same =
        was.len == now.len && memcmp(was.p, now.p, was.len) == 0;
    if (n_commands == 0) {
        printf("%s: no console session\n", argv[1]);
        status = 1;
    } else if (!is_same && getenv("BLESS")) { /* NOLINT */
        write_file(argv[1], &now);
        printf("%s: rewritten\n", argv[1]);
    } else if (!is_same) {
        status = show_difference(argv[1], &now);
    } else {
        printf("%zu commands\n", n_commands);
    }
    free(was.p);
    free(now.p);
    return remove_directory(dir) == 0 ? status : 2;
}
