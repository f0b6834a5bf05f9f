/* What earlier runs of a comparison found out, so that one that was interrupted
   goes on where it was. */
#ifndef SEEP_TESTS_PPROF_JOURNAL_H
#define SEEP_TESTS_PPROF_JOURNAL_H

#include <stdint.h>
#include <stdio.h>

struct journal {
    FILE *file; /* NULL: none is kept */
    struct journal_entry *entries;
    size_t n;
};

/* Reads the file and adds to it from here on; one that was begun with other
   programs is begun anew. Exits when it cannot. `path` NULL: none is kept. */
void journal_open(struct journal *j, const char *path, const char *seep,
                  const char *peer);

/* Verdict on a flag set and a profile; 0: none. */
unsigned journal_find(const struct journal *j, const char *words,
                      const char *path, long long n_bytes);
void journal_add(struct journal *j, unsigned verdict, const char *words,
                 const char *path, long long n_bytes);
void journal_flush(struct journal *j);
void journal_close(struct journal *j);

#endif
