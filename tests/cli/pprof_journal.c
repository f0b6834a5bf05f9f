/*
 * Lines "VERDICT BYTES WORDS<tab>PATH" below one that has the hashes of both
 * programs. A line that was cut off when a run was killed means nothing.
 */
#include "pprof_journal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

enum { LINE_BYTES = 8192 };

struct journal_entry {
    uint64_t key;
    unsigned verdict;
};

/* FNV-1a: no foe writes here. */
static uint64_t hash(const char *p, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static uint64_t hash_of_program(const char *path)
{
    if (strchr(path, '/') == NULL) {
        return hash(path, strlen(path)); /* somewhere in PATH */
    }
    const struct bytes b = bytes_read(path);
    const uint64_t h = hash(b.p, b.len);
    free(b.p);
    return h;
}

static int by_key(const void *pa, const void *pb)
{
    const struct journal_entry *a = pa;
    const struct journal_entry *b = pb;
    return (a->key > b->key) - (a->key < b->key);
}

/* The entries of a text that begins with the head; none of another. */
static void parse(struct journal *j, char *text, const char *head)
{
    if (strncmp(text, head, strlen(head)) != 0) {
        return;
    }
    size_t n_most = 1;
    for (const char *p = text; *p != '\0'; p++) {
        n_most += *p == '\n';
    }
    j->entries = calloc(n_most, sizeof(*j->entries));
    if (j->entries == NULL) {
        process_die("memory");
    }
    char *line = text + strlen(head);
    char *end = NULL;
    while ((end = strchr(line, '\n')) != NULL) {
        char *key = NULL;
        const unsigned long verdict = strtoul(line, &key, 10);
        if (key < end) {
            j->entries[j->n++] = (struct journal_entry){
                hash(key, (size_t)(end - key)), (unsigned)verdict};
        }
        line = end + 1;
    }
    qsort(j->entries, j->n, sizeof(*j->entries), by_key);
}

static void open_file(struct journal *j, const char *path, const char *mode)
{
    j->file = fopen(path, mode);
    if (j->file == NULL) {
        process_die(path);
    }
}

void journal_open(struct journal *j, const char *path, const char *seep,
                  const char *peer)
{
    if (path == NULL) {
        return;
    }
    char head[80];
    (void)snprintf(head, sizeof(head),
                   "seep %016" PRIx64 " peer %016" PRIx64 "\n",
                   hash_of_program(seep), hash_of_program(peer));
    open_file(j, path, "a");
    const struct bytes text = bytes_read(path);
    parse(j, text.p, head);
    if (j->entries == NULL) {
        (void)fclose(j->file);
        open_file(j, path, "w");
        (void)fputs(head, j->file);
    } else if (text.p[text.len - 1] != '\n') {
        (void)fputc('\n', j->file);
    }
    free(text.p);
}

/* The line without its verdict. */
static int print_key(char line[LINE_BYTES], const char *words, const char *path,
                     long long n_bytes)
{
    const int n =
        snprintf(line, LINE_BYTES, " %lld %s\t%s", n_bytes, words, path);
    return n < LINE_BYTES ? n : LINE_BYTES - 1;
}

unsigned journal_find(const struct journal *j, const char *words,
                      const char *path, long long n_bytes)
{
    if (j->n == 0) {
        return 0;
    }
    char line[LINE_BYTES];
    const int n = print_key(line, words, path, n_bytes);
    const struct journal_entry wanted = {hash(line, (size_t)n), 0};
    const struct journal_entry *found =
        bsearch(&wanted, j->entries, j->n, sizeof(wanted), by_key);
    return found != NULL ? found->verdict : 0;
}

void journal_add(struct journal *j, unsigned verdict, const char *words,
                 const char *path, long long n_bytes)
{
    if (j->file != NULL) {
        char line[LINE_BYTES];
        (void)print_key(line, words, path, n_bytes);
        (void)fprintf(j->file, "%u%s\n", verdict, line);
    }
}

void journal_flush(struct journal *j)
{
    if (j->file != NULL && fflush(j->file) != 0) {
        process_die("journal");
    }
}

void journal_close(struct journal *j)
{
    if (j->file != NULL && fclose(j->file) != 0) {
        process_die("journal");
    }
    free(j->entries);
    *j = (struct journal){0};
}
