/*
 * What a further snapshot of a series costs beyond decoding it: interning its
 * locations, finding the row of every sample, adding the values. Prints the
 * ratio to inflating and decoding the same snapshot (process CPU time), per
 * snapshot and as the median of those after the first, and the whole judgement.
 *
 *   bench_series DIR      of the profiles in DIR
 *   bench_series          of ten synthetic snapshots of 90,000 stacks and more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/gz.h"
#include "base/limits.h"
#include "base/sink.h"
#include "fetch/fetch.h"
#include "profile/profile.h"
#include "rules/rules.h"
#include "series/series.h"
#include "sim/sim.h"

enum { SNAPSHOTS_MAX = 64, SNAPSHOTS = 10, PATH_BYTES = 4096 };

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int fail(const char *what, const struct err *err)
{
    fprintf(stderr, "bench_series: %s: %s\n", what, err->text);
    return 1;
}

static bool keep(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    buf_add(ctx, p, n);
    return buf_check(ctx, "file", err);
}

static bool done(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static int by_value(const void *pa, const void *pb)
{
    const double a = *(const double *)pa;
    const double b = *(const double *)pb;
    return (a > b) - (a < b);
}

struct tally {
    double decode, add, ratios[SNAPSHOTS_MAX];
    size_t n;
};

static bool one(struct series *s, const char *path, struct tally *t,
                struct err *err)
{
    struct buf bytes = BUF_LIMIT(LIMIT_FILE_BYTES);
    const struct sink sink = {&bytes, keep, done};
    struct profile *p = NULL;
    bool ok = fetch_file(path, LIMIT_FILE_BYTES, sink, NULL, err);
    const double start = cpu_ms();
    ok = ok && profile_decode(buf_view(&bytes), &p, err);
    const double decoded = cpu_ms();
    const struct snapshot snap = {.source = path,
                                  .kind = ok ? profile_kind(p) : KIND_UNKNOWN,
                                  .form = FORM_PROTO,
                                  .time_nanos = ok ? p->time_nanos : 0,
                                  .profile = p};
    ok = ok && series_add(s, &snap, err);
    const double added = cpu_ms();
    if (ok) {
        const double decode = decoded - start;
        printf("%-24s %8u samples  decode %7.1f ms  add %7.1f ms  %.2f\n",
               strrchr(path, '/') ? strrchr(path, '/') + 1 : path, p->n_samples,
               decode, added - decoded, (added - decoded) / decode);
        if (t->n < SNAPSHOTS_MAX) {
            t->ratios[t->n++] = (added - decoded) / decode;
        }
        t->decode += decode;
        t->add += added - decoded;
    }
    profile_free(p);
    buf_release(&bytes);
    return ok;
}

static int measure(const char *dir)
{
    struct err err = {0};
    struct fetch_listing files = {0};
    if (!fetch_list(dir, &files, &err)) {
        return fail(dir, &err);
    }
    struct series *s = series_new(NULL);
    struct tally t = {0};
    for (size_t i = 0; s && i < files.n; i++) {
        if (!one(s, files.paths[i], &t, &err)) {
            return fail(files.paths[i], &err);
        }
    }
    const double start = cpu_ms();
    struct findings out = {0};
    if (!s || !series_finish(s, &err) || !rules_judge(s, NULL, &out, &err)) {
        return fail("judging", &err);
    }
    const double judged = cpu_ms() - start;
    if (t.n > 1) {
        qsort(t.ratios + 1, t.n - 1, sizeof t.ratios[0], by_value);
        printf("next snapshot: (intern + key + add) / (inflate + decode) = "
               "%.2f (median of %zu)\n",
               t.ratios[1 + (t.n - 1) / 2], t.n - 1);
    }
    printf("all: decode %.0f ms, add %.0f ms, judge %.0f ms, %zu findings\n",
           t.decode, t.add, judged, out.n);
    findings_release(&out);
    series_free(s);
    fetch_listing_release(&files);
    return 0;
}

static bool write_snapshot(const char *path, unsigned snapshot, struct err *err)
{
    struct buf raw = BUF_LIMIT(LIMIT_FILE_BYTES);
    struct buf packed = BUF_LIMIT(LIMIT_FILE_BYTES);
    const struct sink sink = {&raw, keep, done};
    const struct sim_scale scale = {
        .n_samples = 90000, .seed = 1, .snapshot = snapshot};
    bool ok = sim_scale_write(&scale, &sink, err) &&
              gz_compress((const uint8_t *)raw.data, raw.len, 1, &packed, err);
    FILE *f = ok ? fopen(path, "wb") : NULL;
    ok = f != NULL && fwrite(packed.data, 1, packed.len, f) == packed.len;
    ok = f != NULL && fclose(f) == 0 && ok;
    buf_release(&raw);
    buf_release(&packed);
    return ok;
}

static bool generate(const char *dir)
{
    struct err err = {0};
    for (unsigned i = 0; i < SNAPSHOTS; i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s/s_%u.pb.gz", dir, i);
        if (!write_snapshot(path, i, &err)) {
            return false;
        }
    }
    return true;
}

static void clean(const char *dir)
{
    struct err err = {0};
    struct fetch_listing files = {0};
    if (fetch_list(dir, &files, &err)) {
        for (size_t i = 0; i < files.n; i++) {
            unlink(files.paths[i]);
        }
    }
    fetch_listing_release(&files);
    rmdir(dir);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        return measure(argv[1]);
    }
    char dir[] = "/tmp/seep-bench.XXXXXX";
    if (!mkdtemp(dir) || !generate(dir)) {
        fprintf(stderr, "bench_series: cannot make the snapshots\n");
        return 1;
    }
    const int status = measure(dir);
    clean(dir);
    return status;
}
