/* The points of one kind in a history; see history_private.h. */
#include "series/history_private.h"

#include "base/num.h"

#include <string.h>

/* Bytes of one track: far beyond any real service, within 32 bits. */
enum { TRACK_BYTES_MAX = 1 << 30 };

static bool nomem(struct err *err)
{
    return err_nomem(err, "keeping history");
}

void track_release(struct track *k)
{
    kepts_release(&k->kept);
    free(k->bytes);
    *k = (struct track){0};
}

size_t track_bytes(const struct track *k)
{
    return k->kept.cap * sizeof *k->kept.items + k->cap_bytes;
}

/* --- bytes --- */

static uint32_t end_of(const struct track *k, size_t i)
{
    return i + 1 < k->kept.n ? k->kept.items[i + 1].begin : k->n_bytes;
}

/* What stands before the cells (empty for most), and the cells. */
struct parts {
    struct span more, cells;
};

static struct parts parts_of(const struct track *k, size_t i)
{
    const struct kept *kept = &k->kept.items[i];
    struct reader r =
        reader_of(k->bytes + kept->begin, end_of(k, i) - kept->begin);
    struct parts p = {.more = {0}};
    if (kept->flags & KEPT_HAS_MORE) {
        p.more = varint_get_text(&r);
    }
    p.cells = (struct span){(const char *)r.p, reader_left(&r)};
    return p;
}

/* Room for `n` bytes in all: a little more than asked for, since a history
   grows by little and there are thousands of them. */
static bool reach(struct track *k, size_t n, struct err *err)
{
    if (n > TRACK_BYTES_MAX) {
        return err_set(err, ERR_LIMIT, "too much history of one target");
    }
    if (n <= k->cap_bytes) {
        return true;
    }
    const size_t cap = n + n / 8 + 64;
    uint8_t *bytes = realloc(k->bytes, cap);
    if (!bytes) {
        return nomem(err);
    }
    k->bytes = bytes;
    k->cap_bytes = (uint32_t)cap;
    return true;
}

/* Puts `b` at the end, in place of everything from `begin` on. */
static bool replace_tail(struct track *k, uint32_t begin, const struct buf *b,
                         struct err *err)
{
    if (!buf_check(b, "history", err) || !reach(k, begin + b->len, err)) {
        return false;
    }
    if (b->len > 0) {
        memcpy(k->bytes + begin, b->data, b->len);
    }
    k->n_bytes = begin + (uint32_t)b->len;
    return true;
}

static void put_more(struct span more, struct buf *out)
{
    if (more.len > 0) {
        varint_put_text(out, more);
    }
}

/* --- adding --- */

static bool same_cell(const struct series_cell *a, const struct series_cell *b)
{
    return a->row == b->row && a->in_use == b->in_use &&
           a->in_use_bytes == b->in_use_bytes &&
           a->alloc_objects == b->alloc_objects &&
           a->alloc_bytes == b->alloc_bytes;
}

/* What has to be added to `now` to get back. */
static bool push_step(struct flows *step, const struct flow *before,
                      const struct flow *now)
{
    struct flow f = *before;
    for (int i = 0; i < N_FLOW_NUMBERS; i++) {
        f.v[i] -= now->v[i];
    }
    return flow_is_zero(&f) || flows_push(step, f);
}

/* The point's flows, and the step back from them to `before`. Rows that hold
   what they held are not computed again; with another period they all are. */
static bool flows_of(const struct stack_table *t, const struct series_point *p,
                     const struct track_state *before, bool same_period,
                     struct flows *now, struct flows *step)
{
    struct flow_scales scales = flow_scales_of(p->period_bytes);
    const struct flows *old = &before->flows;
    size_t at = 0;
    if (!flows_reserve(now, p->cells.n)) {
        return false;
    }
    for (size_t i = 0; i < p->cells.n; i++) {
        const struct series_cell *c = &p->cells.items[i];
        const struct flow none = {.row = c->row};
        for (; at < old->n && old->items[at].row < c->row; at++) {
            if (!flows_push(step, old->items[at])) {
                return false;
            }
        }
        const bool is_there = at < old->n && old->items[at].row == c->row;
        struct flow *f = &now->items[now->n];
        if (is_there && same_period && same_cell(&before->cells.items[at], c)) {
            *f = old->items[at];
        } else {
            *f = flow_of_cell(&scales, t, c);
            if (!push_step(step, is_there ? &old->items[at] : &none, f)) {
                return false;
            }
        }
        at += is_there;
        now->n += !flow_is_zero(f);
    }
    for (; at < old->n; at++) {
        if (!flows_push(step, old->items[at])) {
            return false;
        }
    }
    return true;
}

/* Memstats and goroutines, as bytes of a point without cells. */
static bool encode_more(const struct series_point *p, struct buf *out,
                        struct err *err)
{
    struct series_point more = *p;
    struct buf b = BUF_LIMIT(TRACK_BYTES_MAX);
    more.cells = (struct series_cells_vec){0};
    const bool ok = series_point_encode(&more, NULL, &b, err);
    if (ok) {
        put_more(buf_view(&b), out);
    }
    buf_release(&b);
    return ok;
}

static struct kept describe(const struct track *k, const struct series_point *p,
                            uint64_t moment)
{
    struct kept kept = {.moment = moment,
                        .time_nanos = p->time_nanos,
                        .period_bytes = p->period_bytes};
    const bool is_heap = k->kind == KIND_HEAP || k->kind == KIND_ALLOCS;
    for (size_t i = 0; i < p->cells.n; i++) {
        const struct series_cell *c = &p->cells.items[i];
        kept.total += (double)(is_heap ? c->in_use_bytes : c->in_use);
    }
    const bool has_more = p->memstats.present || p->goroutines.n > 0;
    kept.flags = (uint8_t)((p->is_truncated ? (unsigned)KEPT_IS_TRUNCATED : 0) |
                           (p->is_collected ? (unsigned)KEPT_IS_COLLECTED : 0) |
                           (has_more ? (unsigned)KEPT_HAS_MORE : 0) |
                           (*p->program ? (unsigned)KEPT_HAS_PROGRAM : 0) |
                           (*p->build_id ? (unsigned)KEPT_HAS_BUILD_ID : 0));
    return kept;
}

/* Rewrites the end of the track: the latest becomes `step`, what has to be
   added to the new point, or goes, and the one before it takes that over.
   Leaves the bytes that precede the new point in `out`, and where they begin in
   `begin`. */
static bool chain(const struct track *k, const struct flows *step, bool drops,
                  uint32_t *begin, struct buf *out)
{
    struct flows before = {0};
    struct flows both = {0};
    const size_t last = k->kept.n - 1;
    const bool joins = drops && last > 0;
    const size_t at = joins ? last - 1 : last;
    const bool ok = !joins || (flows_decode(parts_of(k, at).cells, &before) &&
                               flows_plus(&before, step, &both));
    *begin = k->kept.items[at].begin;
    if (ok && (joins || !drops)) {
        put_more(parts_of(k, at).more, out);
        flows_encode(joins ? &both : step, out);
    }
    flows_release(&before);
    flows_release(&both);
    return ok;
}

bool track_add(struct track *k, const struct stack_table *t,
               const struct series_point *p, const struct track_state *latest,
               uint64_t moment, bool drops, struct err *err)
{
    const size_t n = k->kept.n;
    const bool same_period =
        n > 0 && k->kept.items[n - 1].period_bytes == p->period_bytes;
    struct flows now = {0};
    struct flows step = {0};
    struct buf out = BUF_LIMIT(TRACK_BYTES_MAX);
    struct kept kept = describe(k, p, moment);
    uint32_t begin = 0;
    bool ok = (kepts_reserve(&k->kept, n + 1) &&
               flows_of(t, p, latest, same_period, &now, &step) &&
               (n == 0 || chain(k, &step, drops, &begin, &out))) ||
              nomem(err);
    const uint32_t at = begin + (uint32_t)out.len;
    if (ok && (kept.flags & KEPT_HAS_MORE)) {
        ok = encode_more(p, &out, err);
    }
    if (ok) {
        flows_encode(&now, &out);
        ok = replace_tail(k, begin, &out, err);
    }
    if (ok) {
        k->kept.n -= drops && n > 0;
        kept.begin = at;
        k->kept.items[k->kept.n++] = kept;
    }
    flows_release(&now);
    flows_release(&step);
    buf_release(&out);
    return ok;
}

/* --- thinning --- */

/* What stays, rewritten from the front: a point that goes leaves what it added
   to the one before it. */
static bool thin_into(struct track *k, uint64_t stride, struct kept *kept,
                      size_t *n, struct buf *out)
{
    struct flows sum = {0};  /* of the point that is being kept */
    struct flows step = {0}; /* of the one looked at */
    struct flows both = {0};
    struct span more = {0};
    bool ok = true;
    *n = 0;
    for (size_t i = 0; ok && i < k->kept.n; i++) {
        const struct parts p = parts_of(k, i);
        const bool stays =
            i + 1 == k->kept.n || k->kept.items[i].moment % stride == 0;
        ok = flows_decode(p.cells, &step);
        if (stays) {
            if (*n > 0) {
                put_more(more, out);
                flows_encode(&sum, out);
            }
            more = p.more;
            kept[*n] = k->kept.items[i];
            kept[(*n)++].begin = (uint32_t)out->len;
            const struct flows swap = sum;
            sum = step;
            step = swap;
        } else if (*n > 0) {
            ok = ok && flows_plus(&sum, &step, &both);
            const struct flows swap = sum;
            sum = both;
            both = swap;
        }
    }
    put_more(more, out);
    flows_encode(&sum, out);
    flows_release(&sum);
    flows_release(&step);
    flows_release(&both);
    return ok;
}

bool track_thin(struct track *k, uint64_t stride, struct err *err)
{
    struct buf out = BUF_LIMIT(TRACK_BYTES_MAX);
    size_t n = 0;
    if (k->kept.n == 0) {
        return true;
    }
    struct kept *kept = calloc(k->kept.n, sizeof *kept);
    bool ok = (kept && thin_into(k, stride, kept, &n, &out)) || nomem(err);
    ok = ok && replace_tail(k, 0, &out, err);
    if (ok) {
        memcpy(k->kept.items, kept, n * sizeof *kept);
        k->kept.n = n;
    }
    free(kept);
    buf_release(&out);
    return ok;
}

/* --- reading --- */

void track_state_release(struct track_state *s)
{
    flows_release(&s->flows);
    series_cells_vec_release(&s->cells);
    flows_release(&s->missing);
}

/* Takes in rows that only older points have. */
static bool merge_missing(struct track_state *s, const struct stack_table *t,
                          struct flow_scales *scales)
{
    struct flows all = {0};
    struct series_cells_vec cells = {0};
    const size_t n = s->flows.n + s->missing.n;
    bool ok = flows_reserve(&all, n) && series_cells_vec_reserve(&cells, n);
    for (size_t i = 0, k = 0; ok && all.n < n;) {
        const bool is_old =
            k == s->missing.n ||
            (i < s->flows.n && s->flows.items[i].row < s->missing.items[k].row);
        if (is_old) {
            cells.items[cells.n++] = s->cells.items[i];
            all.items[all.n++] = s->flows.items[i++];
        } else {
            const struct flow *f = &s->missing.items[k++];
            flow_to_cell(scales, t, f, FLOW_BOTH, &cells.items[cells.n++]);
            all.items[all.n++] = *f;
        }
    }
    if (!ok) {
        flows_release(&all);
        series_cells_vec_release(&cells);
        return false;
    }
    flows_release(&s->flows);
    series_cells_vec_release(&s->cells);
    s->flows = all;
    s->cells = cells;
    s->missing.n = 0;
    return true;
}

/* To the point before. A row that stays as it is is not touched. */
static bool step_back(struct track_state *s, const struct stack_table *t,
                      struct span bytes, struct flow_scales *scales)
{
    struct flow_reader in = flow_reader_of(bytes);
    size_t at = 0;
    while (flow_reader_next(&in)) {
        while (at < s->flows.n && s->flows.items[at].row < in.row) {
            at++;
        }
        if (at < s->flows.n && s->flows.items[at].row == in.row) {
            struct flow *held = &s->flows.items[at];
            const unsigned halves = flow_reader_add(&in, held);
            flow_to_cell(scales, t, held, halves, &s->cells.items[at]);
        } else {
            struct flow f = {.row = in.row};
            (void)flow_reader_add(&in, &f);
            if (!flows_push(&s->missing, f)) {
                return false;
            }
        }
    }
    return s->missing.n == 0 || merge_missing(s, t, scales);
}

static bool is_nothing(const struct series_cell *c)
{
    return (c->in_use | c->in_use_bytes | c->alloc_objects | c->alloc_bytes) ==
           0;
}

static bool copy_cells(const struct track_state *s,
                       struct series_cells_vec *out)
{
    if (!series_cells_vec_reserve(out, s->cells.n)) {
        return false;
    }
    struct series_cell *to = out->items;
    for (size_t i = 0; i < s->cells.n; i++) {
        *to = s->cells.items[i];
        to += !is_nothing(&s->cells.items[i]);
    }
    out->n = (size_t)(to - out->items);
    return true;
}

/* What stands before the cells; an empty point where nothing does. */
static bool read_more(const struct track *k, size_t i, struct stack_table *t,
                      struct series_point *out, struct err *err)
{
    *out = (struct series_point){.kind = k->kind, .form = k->form};
    return !(k->kept.items[i].flags & KEPT_HAS_MORE) ||
           series_point_decode(t, parts_of(k, i).more, NULL, out, err);
}

static bool read_point(const struct track *k, size_t i, struct stack_table *t,
                       const struct track_names *names,
                       const struct track_state *s, struct series_point *out,
                       struct err *err)
{
    const struct kept *kept = &k->kept.items[i];
    if (!read_more(k, i, t, out, err)) {
        return false;
    }
    out->is_delta = k->is_delta;
    out->is_truncated = (kept->flags & KEPT_IS_TRUNCATED) != 0;
    out->is_collected = (kept->flags & KEPT_IS_COLLECTED) != 0;
    out->time_nanos = kept->time_nanos;
    out->period_bytes = kept->period_bytes;
    out->program = kept->flags & KEPT_HAS_PROGRAM ? names->program : "";
    out->build_id = kept->flags & KEPT_HAS_BUILD_ID ? names->build_id : "";
    if (!copy_cells(s, &out->cells)) {
        series_point_release(out);
        return nomem(err);
    }
    return true;
}

static void rescale(struct track_state *s, const struct stack_table *t,
                    struct flow_scales *scales)
{
    for (size_t i = 0; i < s->flows.n; i++) {
        flow_to_cell(scales, t, &s->flows.items[i], FLOW_BOTH,
                     &s->cells.items[i]);
    }
}

/* The state of the latest point. */
static bool state_init(struct track_state *s, const struct track *k,
                       const struct stack_table *t, struct flow_scales *scales,
                       struct err *err)
{
    const size_t last = k->kept.n - 1;
    *scales = flow_scales_of(k->kept.items[last].period_bytes);
    if (!flows_decode(parts_of(k, last).cells, &s->flows) ||
        !series_cells_vec_reserve(&s->cells, s->flows.n)) {
        return nomem(err);
    }
    s->cells.n = s->flows.n;
    rescale(s, t, scales);
    return true;
}

bool track_latest(const struct track *k, struct stack_table *t,
                  struct track_state *out, struct err *err)
{
    struct flow_scales scales;
    struct series_point more;
    *out = (struct track_state){.cells = {0}};
    if (k->kept.n == 0) {
        return true;
    }
    bool ok = state_init(out, k, t, &scales, err);
    if (ok && (k->kept.items[k->kept.n - 1].flags & KEPT_HAS_MORE)) {
        ok = read_more(k, k->kept.n - 1, t, &more, err);
        if (ok) {
            out->memstats = more.memstats;
            series_point_release(&more);
        }
    }
    if (!ok) {
        track_state_release(out);
    }
    return ok;
}

bool track_each(const struct track *k, struct stack_table *t,
                const struct track_names *names,
                bool (*take)(void *ctx, const struct kept *kept,
                             struct series_point *p, struct err *err),
                void *ctx, struct err *err)
{
    struct track_state s = {.cells = {0}};
    struct flow_scales scales;
    if (k->kept.n == 0) {
        return true;
    }
    bool ok = state_init(&s, k, t, &scales, err);
    for (size_t i = k->kept.n; ok && i-- > 0;) {
        const int64_t period = k->kept.items[i].period_bytes;
        const bool is_other_scale = period != scales.period_bytes;
        if (is_other_scale) {
            scales = flow_scales_of(period);
        }
        if (i + 1 < k->kept.n) {
            ok = step_back(&s, t, parts_of(k, i).cells, &scales) || nomem(err);
        }
        if (ok && is_other_scale) {
            rescale(&s, t, &scales);
        }
        struct series_point p;
        ok = ok && read_point(k, i, t, names, &s, &p, err) &&
             take(ctx, &k->kept.items[i], &p, err);
    }
    track_state_release(&s);
    return ok;
}
