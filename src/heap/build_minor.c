#include "heap/build_minor_private.h"

#include "base/banned.h"

unsigned go_minor(struct span build)
{
    enum { MINOR_MAX = 1000 };
    static const char mark[] = "go1.";
    const size_t at = span_find(build, mark);
    if (at >= build.len) {
        return 0;
    }
    unsigned minor = 0;
    for (size_t i = at + sizeof mark - 1; i < build.len && minor < MINOR_MAX;
         i++) {
        if (build.p[i] < '0' || build.p[i] > '9') {
            break;
        }
        minor = 10 * minor + (unsigned)(build.p[i] - '0');
    }
    return minor;
}
