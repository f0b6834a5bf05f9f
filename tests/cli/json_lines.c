/*
 * Reads JSON, one value a line, from standard input; says what is none.
 * usage: json_lines [KEY=VALUE | KEY]...
 * Each line must be an object that has each KEY. With KEY=VALUE it prints how
 * many lines have this text there; KEY is a path, "finding.site.file".
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASKED_MAX = 32, LINE_MAX_BYTES = 1 << 20 };

static json_t *at_path(json_t *o, const char *path, size_t n)
{
    while (n > 0 && o != NULL) {
        const char *dot = memchr(path, '.', n);
        const size_t len = dot != NULL ? (size_t)(dot - path) : n;
        char key[128] = "";
        if (len >= sizeof(key)) {
            return NULL;
        }
        memcpy(key, path, len);
        o = json_object_get(o, key);
        path += len + (dot != NULL);
        n -= len + (dot != NULL);
    }
    return o;
}

static bool check(const char *line, unsigned long number, char **asked, int n,
                  unsigned long *counts)
{
    json_error_t e;
    json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, &e);
    bool ok = json_is_object(o);
    if (!ok) {
        printf("line %lu is no object: %s\n", number, e.text);
    }
    for (int i = 0; ok && i < n; i++) {
        const char *equals = strchr(asked[i], '=');
        const size_t len =
            equals != NULL ? (size_t)(equals - asked[i]) : strlen(asked[i]);
        json_t *value = at_path(o, asked[i], len);
        if (equals == NULL && value == NULL) {
            printf("line %lu has no %s\n", number, asked[i]);
            ok = false;
        } else if (equals != NULL && json_is_string(value)) {
            counts[i] += strcmp(json_string_value(value), equals + 1) == 0;
        }
    }
    json_decref(o);
    return ok;
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX_BYTES];
    unsigned long counts[ASKED_MAX] = {0};
    unsigned long n = 0;
    bool ok = argc - 1 <= ASKED_MAX;
    while (ok && fgets(line, sizeof(line), stdin) != NULL) {
        ok = check(line, ++n, argv + 1, argc - 1, counts);
    }
    if (ok && n == 0) {
        printf("no lines\n");
        ok = false;
    }
    for (int i = 1; ok && i < argc; i++) {
        if (strchr(argv[i], '=') != NULL) {
            printf("%s %lu\n", argv[i], counts[i - 1]);
        }
    }
    return ok ? 0 : 1;
}
