/*
 * Replays files through a fuzz target without libFuzzer, so that every
 * compiler can run what fuzzing has found. Files are named on the command
 * line; any that cannot be read fails the run.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        (void)fprintf(stderr, "driver: cannot open %s\n", path);
        return 1;
    }
    size_t len = 0;
    size_t cap = 64 << 10;
    uint8_t *data = malloc(cap);
    size_t n = 0;
    while (data && (n = fread(data + len, 1, cap - len, f)) > 0) {
        len += n;
        if (len == cap) {
            cap *= 2;
            uint8_t *grown = realloc(data, cap);
            if (!grown) {
                free(data);
            }
            data = grown;
        }
    }
    const int bad = !data || ferror(f);
    if (!bad) {
        (void)LLVMFuzzerTestOneInput(data, len);
    }
    free(data);
    (void)fclose(f);
    return bad;
}

int main(int argc, char **argv)
{
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        bad |= replay(argv[i]);
    }
    (void)printf("%d inputs replayed\n", argc - 1);
    return bad;
}
