/*
 * The profile decoder on any bytes, cut where the first byte says: no crash,
 * the same verdict however the input is cut, and what it accepts is valid,
 * encodes, decodes to as much and encodes to the same bytes again. Merged
 * with its negative it leaves nothing.
 */
#include "base/buf.h"
#include "profile/profile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool decode_in_pieces(struct span in, size_t piece, struct profile **out)
{
    struct err err = {0};
    const struct profile_decode_options options = {.limit_bytes = 64U << 20};
    struct profile_decoder *d = profile_decoder_new(&options);
    bool ok = d != NULL;
    for (size_t at = 0; ok && at < in.len; at += piece) {
        const struct span part = span_first(span_from(in, at), piece);
        ok = profile_decoder_write(d, (const uint8_t *)part.p, part.len, &err);
    }
    ok = ok && profile_decoder_end(d, out, &err);
    require(ok || err.text[0] != '\0');
    profile_decoder_free(d);
    return ok;
}

/* Every index in range: what the rest of seep takes for granted. */
static void validate(const struct profile *p)
{
    require(p->n_strings > 0 && p->strings[0].len == 0);
    require(p->n_samples == 0 || p->n_types > 0);
    for (uint32_t s = 0; s < p->n_samples; s++) {
        require(p->sample_off[s] <= p->sample_off[s + 1]);
        require(!p->label_off || p->label_off[s] <= p->label_off[s + 1]);
    }
    for (uint32_t i = 0; i < p->sample_off[p->n_samples]; i++) {
        require(p->sample_locs[i] < p->n_locations);
    }
    require((p->label_off ? p->label_off[p->n_samples] : 0) == p->n_labels);
    for (uint32_t i = 0; i < p->n_labels; i++) {
        const struct profile_label *l = &p->labels[i];
        require(l->key.i < p->n_strings && l->str.i < p->n_strings &&
                l->unit.i < p->n_strings);
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        const struct profile_location *l = &p->locations[i];
        require(l->id != 0 && l->first_line <= p->n_lines &&
                l->n_lines <= p->n_lines - l->first_line);
        require(l->mapping == PROFILE_NONE || l->mapping < p->n_mappings);
    }
    for (uint32_t i = 0; i < p->n_lines; i++) {
        require(p->lines[i].function < p->n_functions);
    }
    for (uint32_t i = 0; i < p->n_functions; i++) {
        const struct profile_function *f = &p->functions[i];
        require(f->name.i < p->n_strings && f->file.i < p->n_strings &&
                f->system_name.i < p->n_strings);
    }
}

static void encode(const struct profile *p, struct buf *out)
{
    struct err err = {0};
    *out = BUF_LIMIT(256U << 20);
    require(profile_encode(p, out, &err));
}

static void check_round_trip(const struct profile *p)
{
    struct buf once;
    struct buf twice;
    struct profile *q = NULL;
    encode(p, &once);
    require(decode_in_pieces(buf_view(&once), once.len, &q));
    validate(q);
    require(p->n_samples == q->n_samples && p->n_labels == q->n_labels &&
            p->n_locations == q->n_locations && p->n_lines == q->n_lines &&
            p->n_functions == q->n_functions &&
            p->n_mappings == q->n_mappings && p->n_types == q->n_types);
    encode(q, &twice);
    require(span_eq(buf_view(&once), buf_view(&twice)));
    profile_free(q);
    buf_release(&once);
    buf_release(&twice);
}

static void check_merge(const struct profile *p)
{
    struct err err = {0};
    struct profile *sum = NULL;
    const struct profile *const in[] = {p};
    require(profile_merge(in, 1, &sum, &err));
    validate(sum);
    check_round_trip(sum);
    (void)profile_kind(sum);
    for (uint32_t i = 0; i < sum->n_functions; i++) {
        const struct span name = profile_span(sum, sum->functions[i].name);
        struct buf b = BUF_LIMIT(1U << 20);
        name_normalise(&b, name);
        name_identity(&b, name);
        buf_release(&b);
    }
    if (profile_prune(sum, &err)) {
        validate(sum);
    }
    profile_free(sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const struct span in = {(const char *)data + 1, size - 1};
    struct profile *whole = NULL;
    struct profile *pieces = NULL;
    const bool ok = decode_in_pieces(in, in.len + 1, &whole);
    require(decode_in_pieces(in, (size_t)data[0] + 1, &pieces) == ok);
    if (ok) {
        validate(whole);
        check_round_trip(whole);
        check_merge(whole);
        require(profile_bytes(whole) == profile_bytes(pieces));
        profile_free(whole);
        profile_free(pieces);
    }
    return 0;
}
