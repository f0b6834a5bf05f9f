/*
 * A finding keeps its id from build to build: names only, no lines, paths or
 * addresses, closures without their numbers, and not the rule, so that a
 * better rule keeps the id. The bytes that are hashed are part of the
 * contract; a change needs another version.
 */
#include "rules/identity_private.h"

#include "base/buf.h"
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

enum { FRAMES_MAX = 8, TEXT_MAX = 256 << 20 };

/* First 64 bits of XXH3-128 in its canonical (big-endian) form. */
static void digest(const struct buf *text, char out[17])
{
    const XXH128_hash_t h = XXH3_128bits(text->data, text->len);
    snprintf(out, 17, "%016" PRIx64, (uint64_t)h.high64);
}

static void add_name(struct buf *out, const char *function)
{
    name_identity(out, span_of(function));
    buf_char(out, '\n');
}

/* User frames, else a dependency's, else all there are. */
static size_t add_frames(struct buf *out, const struct finding *f,
                         enum frame_origin worst)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_stack && n < FRAMES_MAX; i++) {
        if (f->stack[i].origin <= worst) {
            add_name(out, f->stack[i].function);
            n++;
        }
    }
    return n;
}

bool finding_identify(struct finding *f, struct err *err)
{
    struct buf text = BUF_LIMIT(TEXT_MAX);
    buf_printf(&text, "seep/id/1\n%s\n", profile_kind_name(f->profile));
    const bool is_dump = f->profile == KIND_HEAPDUMP && f->holder;
    if (is_dump) { /* who allocates alike may be held by several */
        buf_printf(&text, "%s\n", f->holder->name);
    }
    if (add_frames(&text, f, ORIGIN_USER) == 0 &&
        add_frames(&text, f, ORIGIN_DEP) == 0) {
        add_frames(&text, f, ORIGIN_RUNTIME);
    }
    bool ok = buf_check(&text, "id of a finding", err);
    if (ok) {
        digest(&text, f->id);
        buf_clear(&text);
        buf_str(&text, "seep/loose-id/1\n");
        add_name(&text, f->has_site ? f->site.function
                        : is_dump   ? f->holder->name
                                    : f->rule->id);
        ok = buf_check(&text, "id of a finding", err);
    }
    if (ok) {
        digest(&text, f->loose_id);
    }
    buf_release(&text);
    return ok;
}
