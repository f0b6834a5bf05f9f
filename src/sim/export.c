/*
 * What /debug/pprof/ offers, by name and form. Writers are rows of a table;
 * around them stand what every look does: it may repeat the one before (a
 * cache between process and collector), and it costs the process memory.
 */
#include "sim/export_private.h"

#include "base/gz.h"

#include "base/banned.h"

/* --- table --- */

struct exporter {
    enum sim_go since;
    bool collects; /* runs the collector first */
    bool (*proto)(struct sim_world *w, enum sim_profile p, struct profile **out,
                  struct err *err);
    bool (*text)(struct sim_world *w, enum sim_profile p, struct buf *out,
                 struct err *err); /* NULL: the proto in any case */
    bool (*dump)(struct sim_world *w, enum sim_profile p, struct buf *out,
                 struct err *err); /* NULL: as the text */
};

static bool heap_proto(struct sim_world *w, enum sim_profile p,
                       struct profile **out, struct err *err)
{
    return sim_heap_proto(w, p == SIM_ALLOCS, out, err);
}

static bool heap_text(struct sim_world *w, enum sim_profile p, struct buf *out,
                      struct err *err)
{
    (void)p;
    return sim_heap_text(w, out, err);
}

/* clang-format off */
static const struct exporter exporters[N_SIM_PROFILES] = {
    [SIM_HEAP] = {.proto = heap_proto, .text = heap_text},
    [SIM_ALLOCS] = {.proto = heap_proto, .text = heap_text},
    [SIM_GOROUTINE] = {.proto = sim_goroutine_proto,
                       .text = sim_goroutine_text,
                       .dump = sim_goroutine_dump},
    [SIM_GOROUTINELEAK] = {.since = SIM_GO_1_26, .collects = true,
                           .proto = sim_goroutine_proto,
                           .text = sim_goroutine_text,
                           .dump = sim_goroutine_dump},
    [SIM_THREADCREATE] = {.proto = sim_other_proto, .text = sim_other_text},
    [SIM_BLOCK] = {.proto = sim_other_proto, .text = sim_other_text},
    [SIM_MUTEX] = {.proto = sim_other_proto, .text = sim_other_text},
    [SIM_CPU] = {.proto = sim_other_proto},
};
/* clang-format on */

const char *sim_profile_name(enum sim_profile p)
{
    static const char *const names[N_SIM_PROFILES] = {
#define X(name, text) [SIM_##name] = (text),
        SIM_PROFILES(X)
#undef X
    };
    return names[p];
}

bool sim_world_offers(const struct sim_world *w, enum sim_profile p)
{
    return w->options.go >= exporters[p].since;
}

/* --- looks --- */

void sim_last_looks_release(struct sim_world *w)
{
    for (unsigned p = 0; p < N_SIM_PROFILES; p++) {
        for (unsigned debug = 0; debug < 3; debug++) {
            buf_release(&w->last_looks[p][debug].bytes);
        }
    }
}

/* Counts a look; true when it is one that repeats the last. */
static bool repeats(const struct sim_world *w, struct sim_last_look *last)
{
    const unsigned every = w->quirks.duplicate_every;
    last->n++;
    return every > 0 && last->n % every == 0 && last->bytes.len > 0;
}

static bool keep(const struct sim_world *w, struct sim_last_look *last,
                 struct span bytes, struct err *err)
{
    if (w->quirks.duplicate_every == 0) {
        return true;
    }
    last->bytes.limit_bytes = SIM_TEXT_LIMIT_BYTES;
    buf_clear(&last->bytes);
    buf_span(&last->bytes, bytes);
    return buf_check(&last->bytes, "the last look at a profile", err);
}

static bool begin_look(struct sim_world *w, enum sim_profile p, struct err *err)
{
    if (!sim_world_offers(w, p)) {
        return err_set(err, ERR_UNKNOWN, "go %s has no %s profile",
                       sim_go_text(w->options.go), sim_profile_name(p));
    }
    return !exporters[p].collects || sim_world_collect(w, err);
}

/* --- structures --- */

static bool encode_and_keep(const struct sim_world *w,
                            struct sim_last_look *last, const struct profile *p,
                            struct err *err)
{
    if (w->quirks.duplicate_every == 0) {
        return true;
    }
    struct buf raw = BUF_LIMIT(SIM_TEXT_LIMIT_BYTES);
    const bool ok =
        profile_encode(p, &raw, err) && keep(w, last, buf_view(&raw), err);
    buf_release(&raw);
    return ok;
}

bool sim_profile_make(struct sim_world *w, enum sim_profile p,
                      struct profile **out, struct err *err)
{
    struct sim_last_look *last = &w->last_looks[p][0];
    if (!begin_look(w, p, err)) {
        return false;
    }
    if (repeats(w, last)) {
        return profile_decode(buf_view(&last->bytes), out, err);
    }
    if (!exporters[p].proto(w, p, out, err)) {
        return err_wrap(err, "%s profile", sim_profile_name(p));
    }
    sim_looked(w, p);
    if (!encode_and_keep(w, last, *out, err)) {
        profile_free(*out);
        return false;
    }
    return true;
}

/* --- bytes --- */

static bool write_proto(struct sim_world *w, enum sim_profile p,
                        struct buf *out, struct err *err)
{
    struct profile *profile;
    struct buf raw = BUF_LIMIT(SIM_TEXT_LIMIT_BYTES);
    if (!sim_profile_make(w, p, &profile, err)) {
        return false;
    }
    /* Go compresses with gzip.BestSpeed. */
    const bool ok =
        profile_encode(profile, &raw, err) &&
        gz_compress((const uint8_t *)raw.data, raw.len, 1, out, err);
    buf_release(&raw);
    profile_free(profile);
    return ok;
}

static bool write_text(struct sim_world *w, enum sim_profile p, int debug,
                       struct buf *out, struct err *err)
{
    const struct exporter *e = &exporters[p];
    struct sim_last_look *last = &w->last_looks[p][debug];
    struct buf text = BUF_LIMIT(SIM_TEXT_LIMIT_BYTES);
    if (!begin_look(w, p, err)) {
        return false;
    }
    if (repeats(w, last)) {
        buf_span(out, buf_view(&last->bytes));
        return buf_check(out, sim_profile_name(p), err);
    }
    bool ok =
        (debug == 2 && e->dump != NULL ? e->dump : e->text)(w, p, &text, err) &&
        buf_check(&text, sim_profile_name(p), err);
    if (ok) {
        sim_looked(w, p);
        buf_span(out, buf_view(&text));
        ok = keep(w, last, buf_view(&text), err) &&
             buf_check(out, sim_profile_name(p), err);
    }
    buf_release(&text);
    return ok;
}

bool sim_profile_write(struct sim_world *w, enum sim_profile p, int debug,
                       struct buf *out, struct err *err)
{
    if (debug <= 0 || exporters[p].text == NULL) {
        return write_proto(w, p, out, err);
    }
    return write_text(w, p, debug < 2 ? 1 : 2, out, err);
}
