/*
 * A table for many series, and its rows as bytes. Texts of a row repeat (a
 * file has several of its functions, packages share a path): a text is the
 * distance to an equal one shortly before, or what differs from the last of
 * its sort. Nothing in the bytes depends on what else the table holds.
 */
#include "base/arena.h"
#include "base/limits.h"
#include "series/points_private.h"
#include "series/varint_private.h"

#include <stdlib.h>

struct stack_table *stack_table_new(void)
{
    struct stack_table *t = calloc(1, sizeof *t);
    if (t) {
        t->label_sets_max = STACK_LABEL_SETS_MAX;
    }
    return t;
}

void stack_table_free(struct stack_table *t)
{
    if (t) {
        stacks_release(t);
        free(t);
    }
}

uint32_t stack_table_n_rows(const struct stack_table *t)
{
    return (uint32_t)t->rows.n;
}

size_t stack_table_bytes(const struct stack_table *t)
{
    return sizeof *t + stacks_bytes(t);
}

/* --- texts --- */

/* Bytes of a row begin with this. */
enum { ROW_VERSION = 1 };

/* How far back an equal text is looked for. */
enum { TEXTS_BACK = 31 };

/* Sorts of texts, each told as a difference to the last of its own. */
enum text_sort { TEXT_FUNCTION, TEXT_FILE, TEXT_LABEL, N_TEXT_SORTS };

/* The texts written or read so far, as far as they are still looked at. */
struct texts {
    struct span ring[TEXTS_BACK];
    size_t n;
    struct span last[N_TEXT_SORTS];
    size_t begin, n_bytes; /* writing: of the row in the buffer, of the texts */
};

static void texts_add(struct texts *t, enum text_sort sort, struct span text)
{
    t->ring[t->n++ % TEXTS_BACK] = text;
    t->last[sort] = text;
}

/* How many texts back `text` is, 0 when it is not there. */
static size_t texts_find(const struct texts *t, struct span text)
{
    for (size_t back = 1; back <= TEXTS_BACK && back <= t->n; back++) {
        if (span_eq(t->ring[(t->n - back) % TEXTS_BACK], text)) {
            return back;
        }
    }
    return 0;
}

static size_t common_prefix(struct span a, struct span b)
{
    size_t n = 0;
    while (n < a.len && n < b.len && a.p[n] == b.p[n]) {
        n++;
    }
    return n;
}

/* Bytes that the texts of a row may unfold to when it has so many: names of Go
   share less than half with the one before, as a rule. */
static size_t unfolded_max(size_t row_bytes)
{
    return ((size_t)1 << 16) + 32 * row_bytes;
}

/* Told in full where its prefix would unfold to more than who reads allows. */
static void put_text(struct buf *out, struct texts *t, enum text_sort sort,
                     struct span text)
{
    const size_t back = texts_find(t, text);
    if (back > 0) {
        varint_put(out, back << 1 | 1);
        return;
    }
    size_t prefix = common_prefix(t->last[sort], text);
    t->n_bytes += text.len;
    if (t->n_bytes > unfolded_max(out->len - t->begin + text.len - prefix)) {
        prefix = 0;
    }
    varint_put(out, prefix << 1);
    varint_put_text(out, span_from(text, prefix));
    texts_add(t, sort, text);
}

/* What is being read. `budget` bounds texts that are mostly prefix. */
struct row_reader {
    struct reader r;
    struct texts texts;
    struct arena arena;
    size_t budget;
};

static bool bad_row(struct err *err, const char *why)
{
    return err_set(err, ERR_FORMAT, "a stored stack: %s", why);
}

static bool get_text(struct row_reader *in, enum text_sort sort,
                     struct span *text, struct err *err)
{
    const uint64_t head = varint_get(&in->r);
    const size_t at = (size_t)(head >> 1);
    if (head & 1) {
        if (at == 0 || at > TEXTS_BACK || at > in->texts.n) {
            return bad_row(err, "a text that is not there");
        }
        *text = in->texts.ring[(in->texts.n - at) % TEXTS_BACK];
        return true;
    }
    const struct span last = in->texts.last[sort];
    const struct span rest = varint_get_text(&in->r);
    if (at > last.len || at + rest.len > in->budget) {
        return bad_row(err, "a text that is too long");
    }
    in->budget -= at + rest.len;
    char *p = arena_new(&in->arena, char, at + rest.len + 1);
    if (!p) {
        return err_nomem(err, "reading a stored stack");
    }
    if (at > 0) {
        memcpy(p, last.p, at);
    }
    if (rest.len > 0) {
        memcpy(p + at, rest.p, rest.len);
    }
    *text = (struct span){p, at + rest.len};
    texts_add(&in->texts, sort, *text);
    return true;
}

/* --- rows --- */

static size_t count_frames(const struct stack_table *t,
                           const struct stack_row *r)
{
    size_t n = 0;
    for (uint32_t i = 0; i < r->n_locs; i++) {
        n += t->locs.items[t->keys.items[r->key + i]].n;
    }
    return n;
}

/* The line says too whether the location goes on (an inlined call). */
static void put_location(const struct stack_table *t, uint32_t loc,
                         struct texts *texts, struct buf *out)
{
    const struct stack_loc l = t->locs.items[loc];
    for (uint32_t k = 0; k < l.n; k++) {
        const struct stack_frame *f = &t->frames.items[l.first + k];
        varint_put(out, (uint64_t)f->line << 1 | (k + 1 < l.n));
        put_text(out, texts, TEXT_FUNCTION, intern_span(&t->names, f->name));
        put_text(out, texts, TEXT_FILE, intern_span(&t->names, f->file));
    }
}

bool stack_table_encode(const struct stack_table *t, uint32_t row,
                        struct buf *out, struct err *err)
{
    const struct stack_row *r = &t->rows.items[row];
    const uint32_t *key = t->keys.items + r->key;
    struct texts texts = {.begin = out->len};
    varint_put(out, ROW_VERSION);
    varint_put_signed(out, r->block_bytes);
    varint_put(out, count_frames(t, r));
    for (uint32_t i = 0; i < r->n_locs; i++) {
        put_location(t, key[i], &texts, out);
    }
    varint_put(out, r->n_labels);
    for (uint32_t i = 0; i < 2 * r->n_labels; i++) {
        put_text(out, &texts, TEXT_LABEL,
                 intern_span(&t->names, key[r->n_locs + i]));
    }
    return buf_check(out, "a stack", err);
}

static bool get_frames(struct stack_table *t, struct row_reader *in,
                       struct stacks_builder *b, struct err *err)
{
    const uint64_t n = varint_get(&in->r);
    if (n > reader_left(&in->r) || n > LIMIT_STACK_FRAMES) {
        return bad_row(err, "too many frames");
    }
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t line = varint_get(&in->r);
        struct span function = {0};
        struct span file = {0};
        if (!get_text(in, TEXT_FUNCTION, &function, err) ||
            !get_text(in, TEXT_FILE, &file, err)) {
            return false;
        }
        if ((line & 1) && i + 1 == n) {
            return bad_row(err, "a location without an end");
        }
        if (!stacks_build_frame(t, b, function, file, (int64_t)(line >> 1),
                                err) ||
            (!(line & 1) && !stacks_build_location(t, b, err))) {
            return false;
        }
    }
    return true;
}

static bool get_labels(struct stack_table *t, struct row_reader *in,
                       struct stacks_builder *b, struct err *err)
{
    const uint64_t n = varint_get(&in->r);
    if (n > reader_left(&in->r)) {
        return bad_row(err, "too many labels");
    }
    for (uint64_t i = 0; i < n; i++) {
        struct span key = {0};
        struct span value = {0};
        if (!get_text(in, TEXT_LABEL, &key, err) ||
            !get_text(in, TEXT_LABEL, &value, err) ||
            !stacks_build_label(t, b, key, value, err)) {
            return false;
        }
    }
    return true;
}

bool stack_table_decode(struct stack_table *t, struct span bytes, uint32_t *row,
                        struct err *err)
{
    struct row_reader in = {.r = reader_of(bytes.p, bytes.len),
                            .budget = unfolded_max(bytes.len)};
    struct stacks_builder b = {0};
    const uint64_t version = varint_get(&in.r);
    const int64_t block_bytes = varint_get_signed(&in.r);
    bool ok = version == ROW_VERSION || bad_row(err, "of another version");
    ok = ok && get_frames(t, &in, &b, err) && get_labels(t, &in, &b, err);
    if (ok && (!reader_ok(&in.r) || reader_left(&in.r) > 0)) {
        ok = bad_row(err, in.r.failed ? in.r.failed : "something follows");
    }
    ok = ok && stacks_build_row(t, &b, block_bytes, row, err);
    stacks_builder_release(t, &b);
    arena_release(&in.arena);
    return ok;
}
