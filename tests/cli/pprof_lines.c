/* What is left of a report when its author may have put equal things in any
   order. */
#include "pprof_lines.h"

#include <stdlib.h>
#include <string.h>

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Is there a count such as "[3/24]"? Returns its end. */
static char *count_end(char *p)
{
    char *at = p + 1;
    at += strspn(at, "0123456789");
    if (at == p + 1 || *at != '/') {
        return NULL;
    }
    at++;
    at += strspn(at, "0123456789");
    return *at == ']' ? at + 1 : NULL;
}

/* callgrind names a thing once and numbers it after that, and its places are
   relative: nothing is left of "cfn=(6) runtime.gopark [10/24]", and of
   "+20 424 1" the value. */
static void mask_callgrind(char *line)
{
    const size_t n_word = strspn(line, "abcdefghijklmnopqrstuvwxyz");
    if (n_word > 0 && strncmp(line + n_word, "=(", 2) == 0) {
        *line = '\0';
    } else if (strncmp(line, "calls=", 6) == 0) {
        line[6] = '\0';
    } else if (strchr("+-*0123456789", *line) != NULL) {
        const char *last = strrchr(line, ' ');
        memmove(line, last != NULL ? last : line,
                strlen(last != NULL ? last : line) + 1);
    }
}

/* Ids of locations: the one in front, "12: 0x0 M=1 main", and those a sample
   has, "4 0: 12 7". */
static void mask_raw(char *line)
{
    char *colon = strstr(line, ": ");
    if (colon == NULL) {
        return;
    }
    if (strspn(colon + 2, "0123456789 ") == strlen(colon + 2)) {
        *colon = '\0';
    } else if (strspn(line, "0123456789 ") == (size_t)(colon - line)) {
        memmove(line, colon, strlen(colon) + 1);
    }
}

/* Removes what only says where a line stands: the numbers of nodes in graphs
   ("N12", "node12"), of calls in callgrind ("[3/24]"), and the running sum,
   which is the second of two percentages. */
static void mask_places(char *line)
{
    char *out = line;
    const char *before = NULL; /* end of the last percentage */
    for (char *in = line; *in != '\0';) {
        char *end = *in == '[' ? count_end(in) : NULL;
        if (end == NULL && (*in == 'N' || strncmp(in, "node", 4) == 0)) {
            end = in + strspn(in, "Nnode");
            const size_t n_digits = strspn(end, "0123456789_");
            end = n_digits > 0 ? end + n_digits : NULL;
        }
        if (end == NULL && before != NULL && *in == ' ') {
            end = in + strspn(in, " ");
            end += strspn(end, "0123456789.");
            end = *end == '%' ? end + 1 : NULL;
            before = NULL;
        }
        if (end != NULL) {
            in = end;
            continue;
        }
        before = *in == '%' ? in : NULL;
        *out++ = *in++;
    }
    *out = '\0';
}

struct bytes lines_sorted(struct bytes text, enum lines_of of)
{
    size_t n = 0;
    char *copy = malloc(text.len + 1);
    char **lines = malloc((text.len + 1) * sizeof(*lines));
    struct bytes out = {malloc(2 * text.len + 2), 0};
    if (copy == NULL || lines == NULL || out.p == NULL) {
        process_die("memory");
    }
    memcpy(copy, text.p, text.len + 1);
    for (char *line = copy; line < copy + text.len;) {
        const size_t len = strcspn(line, "\n");
        line[len] = '\0';
        if (of == LINES_CALLGRIND) {
            mask_callgrind(line);
        } else if (of == LINES_RAW) {
            mask_raw(line);
        }
        mask_places(line);
        lines[n] = line;
        n += *line != '\0';
        line += len + 1;
    }
    qsort(lines, n, sizeof(*lines), by_line);
    for (size_t i = 0; i < n; i++) {
        const size_t len = strlen(lines[i]);
        memcpy(out.p + out.len, lines[i], len);
        out.p[out.len + len] = '\n';
        out.len += len + 1;
    }
    out.p[out.len] = '\0';
    free(lines);
    free(copy);
    return out;
}
