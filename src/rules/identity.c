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
#include <string.h>
#include <xxhash.h>

enum { FRAMES_MAX = 8, TEXT_MAX = 256 << 20 };

/* First 64 bits of XXH3-128 in its canonical (big-endian) form. */
static void digest(const struct buf *text, char out[17])
{
    const XXH128_hash_t h = XXH3_128bits(text->data, text->len);
    snprintf(out, 17, "%016" PRIx64, (uint64_t)h.high64);
}

/* Names of functions, as they are or as they were. */
struct naming {
    struct buf text;
    bool by_past_names;
};

static void add_name(struct naming *n, const struct frame *f)
{
    const bool was_other = n->by_past_names && f->was;
    name_identity(&n->text, span_of(was_other ? f->was : f->function));
    buf_char(&n->text, '\n');
}

/* User frames, else a dependency's, else all there are. */
static size_t add_frames(struct naming *out, const struct finding *f,
                         enum frame_origin worst)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_stack && n < FRAMES_MAX; i++) {
        if (f->stack[i].origin <= worst) {
            add_name(out, &f->stack[i]);
            n++;
        }
    }
    return n;
}

/* Who allocates alike may be held by several. */
static const char *holder_of(const struct finding *f)
{
    return f->profile == KIND_HEAPDUMP && f->holder ? f->holder->name : NULL;
}

static void add_stack(struct naming *n, const struct finding *f)
{
    buf_printf(&n->text, "seep/id/1\n%s\n", profile_kind_name(f->profile));
    if (holder_of(f)) {
        buf_printf(&n->text, "%s\n", holder_of(f));
    }
    if (add_frames(n, f, ORIGIN_USER) == 0 &&
        add_frames(n, f, ORIGIN_DEP) == 0) {
        add_frames(n, f, ORIGIN_RUNTIME);
    }
}

static void add_site(struct naming *n, const struct finding *f)
{
    buf_str(&n->text, "seep/loose-id/1\n");
    if (f->has_site) {
        add_name(n, &f->site);
    } else {
        name_identity(&n->text,
                      span_of(holder_of(f) ? holder_of(f) : f->rule->id));
        buf_char(&n->text, '\n');
    }
}

bool finding_identify(const struct finding *f, bool by_past_names,
                      struct finding_ids *out, struct err *err)
{
    struct naming n = {BUF_LIMIT(TEXT_MAX), by_past_names};
    add_stack(&n, f);
    bool ok = buf_check(&n.text, "id of a finding", err);
    if (ok) {
        digest(&n.text, out->id);
        buf_clear(&n.text);
        add_site(&n, f);
        ok = buf_check(&n.text, "id of a finding", err);
    }
    if (ok) {
        digest(&n.text, out->loose_id);
    }
    buf_release(&n.text);
    return ok;
}

bool finding_set_ids(struct finding *f, struct err *err)
{
    struct finding_ids ids;
    if (!finding_identify(f, false, &ids, err)) {
        return false;
    }
    memcpy(f->id, ids.id, sizeof(f->id));
    memcpy(f->loose_id, ids.loose_id, sizeof(f->loose_id));
    return true;
}

/* --- what it was called --- */

/* The site before its callers. */
static const char *past_name(const struct finding *f)
{
    if (f->has_site && f->site.was) {
        return f->site.was;
    }
    for (size_t i = 0; i < f->n_stack; i++) {
        if (f->stack[i].was && f->stack[i].origin <= ORIGIN_DEP) {
            return f->stack[i].was;
        }
    }
    return NULL;
}

bool finding_take_past_ids(struct finding *f, const char *by,
                           struct arena *arena, struct err *err)
{
    const char *from = past_name(f);
    struct finding_ids ids;
    if (!from) {
        return true;
    }
    if (!finding_identify(f, true, &ids, err)) {
        return false;
    }
    if (strcmp(ids.id, f->id) == 0 && strcmp(ids.loose_id, f->loose_id) == 0) {
        return true; /* a caller beyond those that count */
    }
    struct finding_rename *r = arena_new(arena, struct finding_rename, 1);
    if (!r) {
        return err_nomem(err, "what a finding was called");
    }
    *r = (struct finding_rename){.from = from, .by = by};
    memcpy(r->id, f->id, sizeof(r->id));
    memcpy(r->loose_id, f->loose_id, sizeof(r->loose_id));
    memcpy(f->id, ids.id, sizeof(f->id));
    memcpy(f->loose_id, ids.loose_id, sizeof(f->loose_id));
    f->renamed = r;
    return true;
}
