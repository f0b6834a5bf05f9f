/*
 * Blocks of any size to top-level fields. Only whole fields are read, where
 * they stand in the block; what is left of it waits in the window, and is
 * read there together with the start of the next block. The window grows for
 * nothing but one field larger than it, and only as its bytes come in: a
 * length is a claim.
 */
#include "profile/decode_private.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/gz.h"
#include "base/limits.h"

/* A piece of the next block that most fields end in, and room for it. */
enum { PIECE_BYTES = 4 << 10, WINDOW_BYTES = 2 * PIECE_BYTES };

/* A stack of LIMIT_STACK_FRAMES frames with ten-byte ids, and room. */
#define FIELD_BYTES_MAX (UINT64_C(16) * LIMIT_STACK_FRAMES)

struct profile_decoder *
profile_decoder_new(const struct profile_decode_options *options)
{
    struct profile_decoder *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return NULL;
    }
    d->limit_bytes = LIMIT_PROFILE_BYTES;
    if (options != NULL && options->limit_bytes != 0) {
        d->limit_bytes = options->limit_bytes;
    }
    d->stored_bytes = options != NULL ? options->stored_bytes : 0;
    varints_init(&d->varints);
    d->cap_window = WINDOW_BYTES;
    d->window = malloc(d->cap_window + WIRE_PADDING);
    if (d->window == NULL || !vec_u32_push(&d->sample_off, 0)) {
        profile_decoder_free(d);
        return NULL;
    }
    return d;
}

void profile_decoder_free(struct profile_decoder *d)
{
    if (d == NULL) {
        return;
    }
    free(d->window);
    profile_strs_release(&d->strings);
    profile_value_types_release(&d->types);
    vec_u32_release(&d->comments);
    profile_mappings_release(&d->mappings);
    profile_functions_release(&d->functions);
    profile_locations_release(&d->locations);
    profile_lines_release(&d->lines);
    id_map_release(&d->mapping_ids);
    id_map_release(&d->function_ids);
    id_map_release(&d->location_ids);
    vec_u32_release(&d->sample_off);
    vec_u32_release(&d->sample_locs);
    vec_u32_release(&d->label_off);
    vec_i64_release(&d->values);
    profile_labels_release(&d->labels);
    arena_release(&d->arena);
    free(d);
}

void profile_decoder_stored(struct profile_decoder *d, uint64_t bytes)
{
    d->stored_bytes = bytes;
}

uint64_t profile_decoder_bytes(const struct profile_decoder *d)
{
    return d->held_bytes + d->cap_window;
}

uint64_t decode_offset(const struct profile_decoder *d, const uint8_t *p)
{
    return d->base_offset + (uint64_t)(p - d->base);
}

bool decode_bad(const struct profile_decoder *d, const struct wire *w,
                const char *what, uint64_t index, struct err *err)
{
    const uint64_t at = decode_offset(d, w->bad_at);
    return err_set_at(err, ERR_FORMAT, at, "%s %" PRIu64 ": %s", what, index,
                      w->bad);
}

/* What the profile may weigh: its limit, and a share of what it came from,
   so that a bomb is refused long before the limit. */
static uint64_t allowed_bytes(const struct profile_decoder *d)
{
    const uint64_t stored =
        d->stored_bytes != 0 ? d->stored_bytes : d->fed_bytes;
    const uint64_t room = d->limit_bytes / LIMIT_AMPLIFICATION;
    if (stored >= room) {
        return d->limit_bytes;
    }
    const uint64_t amplified =
        stored * LIMIT_AMPLIFICATION + LIMIT_AMPLIFICATION_FREE_BYTES;
    return amplified < d->limit_bytes ? amplified : d->limit_bytes;
}

bool decode_charge(struct profile_decoder *d, size_t cap, size_t need,
                   size_t unit_bytes, struct err *err)
{
    const size_t next = need > 2 * cap ? need : 2 * cap;
    const uint64_t cost = (uint64_t)(next - cap) * unit_bytes;
    const uint64_t allowed = allowed_bytes(d);
    if (need >= UINT32_MAX || d->held_bytes + cost > allowed) {
        return err_set_at(err, ERR_LIMIT, d->base_offset,
                          "profile needs more than %" PRIu64
                          " MiB of memory after %" PRIu32 " samples and %zu"
                          " strings",
                          allowed >> 20, d->n_samples, d->strings.n);
    }
    d->held_bytes += cost;
    return true;
}

/* How many bytes from `p` on a field of the top level takes, as far as its
   head says; 0 when its head is not all there yet. */
static bool field_bytes(struct wire *w, uint64_t *n)
{
    const uint8_t *start = w->p;
    const uint64_t tag = wire_varint(w);
    uint64_t payload = 0;
    switch (tag & 7) {
    case WIRE_VARINT:
        (void)wire_varint(w);
        break;
    case WIRE_BYTES:
        payload = wire_varint(w);
        break;
    case WIRE_FIXED64:
        payload = 8;
        break;
    case WIRE_FIXED32:
        payload = 4;
        break;
    default:
        wire_fail(w, start, "it has a wire type that does not exist");
        break;
    }
    *n = 0;
    if (w->bad == NULL && w->p <= w->end) {
        const uint64_t head = (uint64_t)(w->p - start);
        *n = payload > UINT64_MAX - head ? UINT64_MAX : head + payload;
    }
    return w->bad == NULL;
}

/* wire_next() got stuck at `before`. When bytes are missing, says from how many
   on it is worth asking again; else the field is wrong. */
static bool wait_for_field(struct profile_decoder *d, const struct wire *before,
                           const struct wire *stuck, struct err *err)
{
    const uint64_t at = decode_offset(d, before->p);
    const uint64_t left = (uint64_t)(before->end - before->p);
    struct wire head = *before;
    uint64_t n = 0;
    if (!field_bytes(&head, &n)) {
        return decode_bad(d, &head, "field at byte", at, err);
    }
    if (n != 0 && n <= left) {
        return decode_bad(d, stuck, "field at byte", at, err);
    }
    if (n > FIELD_BYTES_MAX) {
        return err_set_at(err, ERR_LIMIT, at,
                          "a field claims %" PRIu64 " bytes", n);
    }
    d->wanted = (size_t)(n != 0 ? n : left + 1);
    return true;
}

/* Reads every whole field from `p` on. Behind the `n` bytes there are
   WIRE_PADDING more. */
static bool read_fields(struct profile_decoder *d, const uint8_t *p, size_t n,
                        struct err *err)
{
    struct wire w = wire_of(p, n);
    d->base = p;
    d->wanted = 1;
    while (w.p < w.end) {
        const struct wire before = w;
        struct wire_field f;
        if (!wire_next(&w, &f)) {
            if (!wait_for_field(d, &before, &w, err)) {
                return false;
            }
            w = before;
            break;
        }
        if (!decode_field(d, &w, &f, err)) {
            return false;
        }
        if (w.bad != NULL) {
            return decode_bad(d, &w, "field", f.number, err);
        }
    }
    d->base_offset += (uint64_t)(w.p - p);
    d->base = w.p;
    return true;
}

/* Reads the window and moves what is left to its front. */
static bool consume(struct profile_decoder *d, struct err *err)
{
    memset(d->window + d->n_window, 0, WIRE_PADDING);
    if (!read_fields(d, d->window, d->n_window, err)) {
        return false;
    }
    d->n_window -= (size_t)(d->base - d->window);
    memmove(d->window, d->base, d->n_window);
    return true;
}

static bool grow_window(struct profile_decoder *d, struct err *err)
{
    const size_t twice = d->cap_window * 2;
    const size_t cap = d->wanted < twice ? d->wanted : twice;
    uint8_t *window = realloc(d->window, cap + WIRE_PADDING);
    if (window == NULL) {
        return err_nomem(err, "decode profile");
    }
    d->window = window;
    d->cap_window = cap;
    return true;
}

static bool write_window(struct profile_decoder *d, const uint8_t *p, size_t n,
                         struct err *err)
{
    while (n > 0) {
        if (d->n_window == d->cap_window && !grow_window(d, err)) {
            return false;
        }
        const size_t room = d->cap_window - d->n_window;
        const size_t take = n < room ? n : room;
        memcpy(d->window + d->n_window, p, take);
        d->n_window += take;
        p += take;
        n -= take;
        if (d->n_window >= d->wanted && !consume(d, err)) {
            return false;
        }
    }
    return true;
}

/* Completes what waits in the window with pieces of the block, until all that
   waits there comes from the block: `*joined` bytes of it are read then. */
static bool join(struct profile_decoder *d, const uint8_t *p, size_t n,
                 size_t *joined, struct err *err)
{
    size_t copied = 0;
    while (d->n_window > copied && copied < n) {
        const size_t left = n - copied;
        const size_t take = left < PIECE_BYTES ? left : PIECE_BYTES;
        if (!write_window(d, p + copied, take, err)) {
            return false;
        }
        copied += take;
    }
    if (copied < n) {
        copied -= d->n_window;
        d->n_window = 0;
    }
    *joined = copied;
    return true;
}

bool profile_decoder_write(struct profile_decoder *d, const uint8_t *p,
                           size_t n, struct err *err)
{
    size_t joined = 0;
    d->fed_bytes += n;
    if (!join(d, p, n, &joined, err)) {
        return false;
    }
    p += joined;
    n -= joined;
    if (n > WIRE_PADDING) {
        if (!read_fields(d, p, n - WIRE_PADDING, err)) {
            return false;
        }
        n -= (size_t)(d->base - p);
        p = d->base;
    }
    return write_window(d, p, n, err);
}

/* Hands a column over. */
#define TAKE(p, field, count, d, column)                                       \
    do {                                                                       \
        (p)->field = (d)->column.items;                                        \
        (p)->count = (uint32_t)(d)->column.n;                                  \
        (d)->column.items = NULL;                                              \
        (d)->column.n = 0;                                                     \
        (d)->column.cap = 0;                                                   \
    } while (0)

static void take_samples(struct profile *p, struct profile_decoder *d)
{
    p->n_samples = d->n_samples;
    p->sample_off = d->sample_off.items;
    p->sample_locs = d->sample_locs.items;
    p->values = d->values.items;
    p->label_off = d->label_off.items;
    d->sample_off = (struct vec_u32){0};
    d->sample_locs = (struct vec_u32){0};
    d->values = (struct vec_i64){0};
    d->label_off = (struct vec_u32){0};
    TAKE(p, labels, n_labels, d, labels);
}

static bool take_comments(struct profile *p, const struct profile_decoder *d)
{
    if (d->comments.n == 0) {
        return true;
    }
    p->comments = calloc(d->comments.n, sizeof(*p->comments));
    if (p->comments == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < d->comments.n; i++) {
        p->comments[i] = (str_id){d->comments.items[i]};
    }
    p->n_comments = (uint32_t)d->comments.n;
    return true;
}

static struct profile *take_profile(struct profile_decoder *d)
{
    struct profile *p = calloc(1, sizeof(*p));
    if (p == NULL || !take_comments(p, d)) {
        free(p);
        return NULL;
    }
    TAKE(p, strings, n_strings, d, strings);
    TAKE(p, types, n_types, d, types);
    TAKE(p, mappings, n_mappings, d, mappings);
    TAKE(p, functions, n_functions, d, functions);
    TAKE(p, locations, n_locations, d, locations);
    TAKE(p, lines, n_lines, d, lines);
    take_samples(p, d);
    p->period_type = d->period_type;
    p->period = d->period;
    p->time_nanos = d->time_nanos;
    p->duration_nanos = d->duration_nanos;
    p->drop_frames = d->drop_frames;
    p->keep_frames = d->keep_frames;
    p->default_type = d->default_type;
    p->doc_url = d->doc_url;
    p->arena = d->arena;
    d->arena = (struct arena){0};
    return p;
}

bool profile_decoder_end(struct profile_decoder *d, struct profile **out,
                         struct err *err)
{
    if (d->base_offset + d->n_window == 0) {
        return err_set_at(err, ERR_FORMAT, 0, "empty input");
    }
    if (d->n_window != 0) {
        return err_set_at(err, ERR_FORMAT, d->base_offset,
                          "truncated: the last field needs %zu bytes, "
                          "%zu are there",
                          d->wanted, d->n_window);
    }
    if (!decode_check(d, err)) {
        return false;
    }
    *out = take_profile(d);
    return *out != NULL || err_nomem(err, "decode profile");
}

static bool sink_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return profile_decoder_write(ctx, p, n, err);
}

static bool sink_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static bool write_gzip(struct profile_decoder *d, struct span in,
                       struct err *err)
{
    const struct sink sink = {d, sink_write, sink_end};
    struct gz_reader *gz = gz_reader_new(sink, LIMIT_INFLATED_BYTES);
    if (gz == NULL) {
        return err_nomem(err, "decode profile");
    }
    profile_decoder_stored(d, in.len);
    const bool ok = gz_reader_write(gz, (const uint8_t *)in.p, in.len, err) &&
                    gz_reader_end(gz, err);
    gz_reader_free(gz);
    return ok;
}

bool profile_decode(struct span in, struct profile **out, struct err *err)
{
    struct profile_decoder *d = profile_decoder_new(NULL);
    if (d == NULL) {
        return err_nomem(err, "decode profile");
    }
    const uint8_t *bytes = (const uint8_t *)in.p;
    const bool ok = (gz_is_magic(bytes, in.len)
                         ? write_gzip(d, in, err)
                         : profile_decoder_write(d, bytes, in.len, err)) &&
                    profile_decoder_end(d, out, err);
    profile_decoder_free(d);
    return ok;
}

/* Could this be the first byte of a message's body? Every message of a profile
   has integer and message fields numbered from 1 to 10 only. */
static bool is_body_tag(uint8_t tag)
{
    return ((tag & 7) == WIRE_VARINT || (tag & 7) == WIRE_BYTES) &&
           tag >> 3 >= 1 && tag >> 3 <= 10;
}

static bool is_top_tag(uint8_t tag)
{
    static const uint8_t tags[] = {0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32,
                                   0x38, 0x40, 0x48, 0x50, 0x5a, 0x60,
                                   0x68, 0x6a, 0x70, 0x78};
    return memchr(tags, tag, sizeof(tags)) != NULL;
}

/* Text that begins with such a byte gives itself away one byte later. */
bool profile_sniff(const uint8_t *p, size_t n)
{
    enum { HEAD_BYTES = 16 };
    uint8_t head[HEAD_BYTES + WIRE_PADDING] = {0};
    if (n < 2 || !is_top_tag(p[0])) {
        return false;
    }
    memcpy(head, p, n < HEAD_BYTES ? n : HEAD_BYTES);
    struct wire w = wire_of(head, HEAD_BYTES);
    uint64_t length = 0;
    if (!field_bytes(&w, &length) || length > FIELD_BYTES_MAX) {
        return false;
    }
    if (p[0] == 0x32) { /* the string table begins with "" */
        return p[1] == 0;
    }
    if ((p[0] & 7) == WIRE_BYTES && p[0] != 0x6a && w.p[0] != 0 &&
        !is_body_tag(w.p[0])) {
        return false;
    }
    return length >= n || is_top_tag(p[length]) || p[length] >= 0x80;
}
