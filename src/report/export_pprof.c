/* pprof's own format, compressed: the only one that keeps everything. */
#include "base/gz.h"
#include "report/export.h"

#include "base/banned.h"

/* That of gzip itself and of google/pprof. */
enum { GZIP_LEVEL = 6 };

static bool write_pprof(struct profile *p, const struct export_options *o,
                        struct buf *out, struct err *err)
{
    (void)o;
    struct buf raw = BUF_LIMIT(SIZE_MAX / 4);
    const bool ok =
        profile_encode(p, &raw, err) &&
        gz_compress((const uint8_t *)raw.data, raw.len, GZIP_LEVEL, out, err);
    buf_release(&raw);
    return ok;
}

const struct export_format export_pprof = {
    .name = "pprof",
    .ending = ".pb.gz",
    .summary = "google/pprof's own format, compressed; keeps everything",
    .is_binary = true,
    .write = write_pprof,
};
