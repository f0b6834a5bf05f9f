/*
 * Other programs as tests and benchmarks run them: output into files, a time
 * limit, and what they cost.
 */
#ifndef SEEP_TESTS_PROCESS_H
#define SEEP_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

enum { PROCESS_ARGS_MAX = 64 };

/* Words of a command; those that fit not are an error of the test. */
struct command {
    const char *words[PROCESS_ARGS_MAX + 1];
    int n;
};
void command_add(struct command *c, const char *word);

/* The same path for who works elsewhere; a name of PATH as it is. It lives as
   long as the program. */
const char *process_path(const char *path);

/* "seep pprof -top 'a b'", to be pasted into a shell. Cut off when too long. */
void command_text(const struct command *c, char *out, size_t n);

struct process_result {
    int status; /* exit status; 128 + signal; 124 when out of time */
    double cpu_s, wall_s;
    long rss_kib;
};

/* Runs it with stdin empty; an output path that is NULL is /dev/null. Exits
   when it cannot be started. */
struct process_result process_run(const struct command *c, const char *out_path,
                                  const char *err_path, double limit_s);

/* A whole file, with a '\0' behind it. */
struct bytes {
    char *p;
    size_t len;
};
struct bytes bytes_read(const char *path);
void bytes_write(const char *path, struct bytes b);
bool bytes_equal(struct bytes a, struct bytes b);

/* All members of a gzip file; the bytes themselves when it is none. */
struct bytes bytes_inflate(struct bytes b);

/* Says why and exits 2. */
_Noreturn void process_die(const char *what);

#endif
