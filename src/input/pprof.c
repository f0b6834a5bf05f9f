/* pprof's own format: the bytes go straight into the streaming decoder. */
#include "input/format_private.h"

/* A message of a profile always has a byte that no text has: value types are
   numbers behind tag 8. A newline is a tag too, so texts are told first. */
static bool sniff(struct span head)
{
    return !input_is_text(head) &&
           profile_sniff((const uint8_t *)head.p, head.len);
}

static void *open_decoder(const struct input_limits *limits)
{
    const struct profile_decode_options options = {.limit_bytes =
                                                       limits->profile_bytes};
    return profile_decoder_new(&options);
}

static bool write_bytes(void *decoder, const uint8_t *p, size_t n,
                        struct err *err)
{
    return profile_decoder_write(decoder, p, n, err);
}

static bool end(void *decoder, struct snapshot *out, struct err *err)
{
    if (!profile_decoder_end(decoder, &out->profile, err)) {
        return false;
    }
    out->form = FORM_PROTO;
    out->kind = profile_kind(out->profile);
    out->time_nanos = out->profile->time_nanos;
    return true;
}

static void close_decoder(void *decoder)
{
    profile_decoder_free(decoder);
}

static void stored(void *decoder, uint64_t n_bytes)
{
    profile_decoder_stored(decoder, n_bytes);
}

static uint64_t held(const void *decoder)
{
    return profile_decoder_bytes(decoder);
}

const struct input_format input_pprof = {
    .name = "pprof profile",
    .sniff = sniff,
    .open = open_decoder,
    .write = write_bytes,
    .end = end,
    .close = close_decoder,
    .stored = stored,
    .held = held,
};
