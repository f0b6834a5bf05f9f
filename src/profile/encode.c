/*
 * A profile as google/pprof writes it, byte for byte: the same order of
 * fields, the same order of the string table, packed numbers only where there
 * are more than two. protobuf-c packs a field always or never, by its
 * descriptor; so samples carry one of four copies of the descriptor, which
 * differ in those flags. The message is written in pieces (serialised
 * messages put behind each other are the merged message), so a big profile
 * never exists twice.
 */
#include "profile/codec.h"

#include <stdlib.h>

#include "base/intern.h"
#include "base/vec.h"
#include "profile.pb-c.h"
#include "profile/labels_private.h"

typedef Perftools__Profiles__Profile pb_profile;
typedef Perftools__Profiles__ValueType pb_value_type;
typedef Perftools__Profiles__Sample pb_sample;
typedef Perftools__Profiles__Label pb_label;
typedef Perftools__Profiles__Mapping pb_mapping;
typedef Perftools__Profiles__Location pb_location;
typedef Perftools__Profiles__Line pb_line;
typedef Perftools__Profiles__Function pb_function;

/* Messages of one piece. */
enum { BATCH = 256 };

enum { FIELDS_MAX = 15 };

/* A copy of a descriptor with some fields changed. */
struct variant {
    ProtobufCMessageDescriptor message;
    ProtobufCFieldDescriptor fields[FIELDS_MAX];
};

VEC_TYPE(byte_vec, uint8_t)
VEC_TYPE(label_vec, struct profile_label)
VEC_TYPE(pb_label_vec, pb_label)
VEC_TYPE(pb_label_ptrs, pb_label *)
VEC_TYPE(pb_line_vec, pb_line)
VEC_TYPE(pb_line_ptrs, pb_line *)

struct encoder {
    const struct profile *p;
    struct buf *out;
    struct intern strings; /* of the output, in order of first use */
    uint32_t *string_of;   /* str_id -> string of the output + 1 */
    struct variant samples[4], profile;
    struct byte_vec scratch;
    struct vec_u64 ids;
    struct label_vec labels;
    struct pb_label_vec pb_labels;
    struct pb_label_ptrs pb_label_ptrs;
    struct pb_line_vec lines;
    struct pb_line_ptrs line_ptrs;
    bool has_failed;
};

static void variant_init(struct variant *v, const ProtobufCMessageDescriptor *m)
{
    v->message = *m;
    for (unsigned i = 0; i < m->n_fields; i++) {
        v->fields[i] = m->fields[i];
    }
    v->message.fields = v->fields;
}

static void set_packed(ProtobufCFieldDescriptor *f, bool is_packed)
{
    const uint32_t flag = PROTOBUF_C_FIELD_FLAG_PACKED;
    f->flags = is_packed ? f->flags | flag : f->flags & ~flag;
}

/* Variant i packs locations when bit 0 is set and values when bit 1 is. */
static void init_variants(struct encoder *e)
{
    for (unsigned i = 0; i < 4; i++) {
        struct variant *v = &e->samples[i];
        variant_init(v, &perftools__profiles__sample__descriptor);
        set_packed(&v->fields[0], (i & 1) != 0);
        set_packed(&v->fields[1], (i & 2) != 0);
    }
    variant_init(&e->profile, &perftools__profiles__profile__descriptor);
    set_packed(&e->profile.fields[12], e->p->n_comments > 2);
    /* Bytes, since names may hold NUL. */
    e->profile.fields[5].type = PROTOBUF_C_TYPE_BYTES;
}

/* String of the output, entered at its first use. */
static int64_t string(struct encoder *e, str_id s)
{
    uint32_t *known = &e->string_of[s.i];
    if (*known == 0) {
        uint32_t id = 0;
        if (!intern_add(&e->strings, profile_span(e->p, s), &id, NULL)) {
            e->has_failed = true;
            return 0;
        }
        *known = id + 1;
    }
    return *known - 1;
}

static bool write_piece(struct encoder *e, pb_profile *piece)
{
    piece->base.descriptor = &e->profile.message;
    const size_t n = protobuf_c_message_get_packed_size(&piece->base);
    if (!byte_vec_reserve(&e->scratch, n)) {
        return false;
    }
    (void)protobuf_c_message_pack(&piece->base, e->scratch.items);
    buf_add(e->out, e->scratch.items, n);
    return !e->has_failed;
}

static pb_value_type value_type(struct encoder *e, struct profile_value_type t)
{
    pb_value_type v = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;
    v.type = string(e, t.type);
    v.unit = string(e, t.unit);
    return v;
}

static bool write_types(struct encoder *e)
{
    for (uint32_t i = 0; i < e->p->n_types; i++) {
        pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
        pb_value_type t = value_type(e, e->p->types[i]);
        pb_value_type *pointer = &t;
        piece.n_sample_type = 1;
        piece.sample_type = &pointer;
        if (!write_piece(e, &piece)) {
            return false;
        }
    }
    return true;
}

/* Room for the location ids and labels of samples [first, end): pointers into
   the scratch columns must not move while a piece is built. */
static bool reserve_samples(struct encoder *e, uint32_t first, uint32_t end)
{
    const struct profile *p = e->p;
    const size_t n_locs = p->sample_off[end] - p->sample_off[first];
    const size_t n_labels =
        p->label_off ? p->label_off[end] - p->label_off[first] : 0;
    e->ids.n = 0;
    e->pb_labels.n = 0;
    e->pb_label_ptrs.n = 0;
    return vec_u64_reserve(&e->ids, n_locs) &&
           label_vec_reserve(&e->labels, n_labels) &&
           pb_label_vec_reserve(&e->pb_labels, n_labels) &&
           pb_label_ptrs_reserve(&e->pb_label_ptrs, n_labels);
}

static pb_label to_pb_label(struct encoder *e, const struct profile_label *l)
{
    pb_label pb = PERFTOOLS__PROFILES__LABEL__INIT;
    pb.key = string(e, l->key);
    pb.str = l->is_num ? 0 : string(e, l->str);
    pb.num = l->is_num ? l->num : 0;
    pb.num_unit = l->is_num ? string(e, l->unit) : 0;
    return pb;
}

static bool fill_labels(struct encoder *e, pb_sample *out, uint32_t s)
{
    const struct profile *p = e->p;
    if (p->label_off == NULL) {
        return true;
    }
    const uint32_t first = p->label_off[s];
    const uint32_t n = p->label_off[s + 1] - first;
    if (n == 0) {
        return true;
    }
    for (uint32_t i = 0; i < n; i++) {
        e->labels.items[i] = p->labels[first + i];
    }
    if (!labels_sort(p, e->labels.items, n)) {
        return false;
    }
    out->label = e->pb_label_ptrs.items + e->pb_label_ptrs.n;
    out->n_label = n;
    for (uint32_t i = 0; i < n; i++) {
        pb_label *label = &e->pb_labels.items[e->pb_labels.n++];
        *label = to_pb_label(e, &e->labels.items[i]);
        e->pb_label_ptrs.items[e->pb_label_ptrs.n++] = label;
    }
    return true;
}

static bool fill_sample(struct encoder *e, pb_sample *out, uint32_t s)
{
    const struct profile *p = e->p;
    const uint32_t first = p->sample_off[s];
    *out = (pb_sample)PERFTOOLS__PROFILES__SAMPLE__INIT;
    out->n_location_id = p->sample_off[s + 1] - first;
    out->location_id = e->ids.items ? e->ids.items + e->ids.n : NULL;
    for (uint32_t i = first; i < p->sample_off[s + 1]; i++) {
        e->ids.items[e->ids.n++] = p->locations[p->sample_locs[i]].id;
    }
    out->n_value = p->n_types;
    out->value = p->values + (size_t)s * p->n_types;
    const unsigned i =
        (out->n_location_id > 2 ? 1U : 0U) | (out->n_value > 2 ? 2U : 0U);
    out->base.descriptor = &e->samples[i].message;
    return fill_labels(e, out, s);
}

static bool write_samples(struct encoder *e)
{
    pb_sample samples[BATCH];
    pb_sample *pointers[BATCH];
    for (uint32_t s = 0; s < e->p->n_samples;) {
        const uint32_t left = e->p->n_samples - s;
        const uint32_t n = left < BATCH ? left : BATCH;
        pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
        piece.n_sample = n;
        piece.sample = pointers;
        if (!reserve_samples(e, s, s + n)) {
            return false;
        }
        for (uint32_t i = 0; i < n; i++) {
            pointers[i] = &samples[i];
            if (!fill_sample(e, &samples[i], s + i)) {
                return false;
            }
        }
        if (!write_piece(e, &piece)) {
            return false;
        }
        s += n;
    }
    return true;
}

static bool write_mapping(struct encoder *e, const struct profile_mapping *m)
{
    pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
    pb_mapping pb = PERFTOOLS__PROFILES__MAPPING__INIT;
    pb_mapping *pointer = &pb;
    pb.id = m->id;
    pb.memory_start = m->start;
    pb.memory_limit = m->limit;
    pb.file_offset = m->offset;
    pb.filename = string(e, m->file);
    pb.build_id = string(e, m->build_id);
    pb.has_functions = m->has_functions;
    pb.has_filenames = m->has_filenames;
    pb.has_line_numbers = m->has_line_numbers;
    pb.has_inline_frames = m->has_inline_frames;
    piece.n_mapping = 1;
    piece.mapping = &pointer;
    return write_piece(e, &piece);
}

static bool fill_lines(struct encoder *e, const struct profile_location *l)
{
    const struct profile *p = e->p;
    if (!pb_line_vec_reserve(&e->lines, l->n_lines) ||
        !pb_line_ptrs_reserve(&e->line_ptrs, l->n_lines)) {
        return false;
    }
    for (uint32_t i = 0; i < l->n_lines; i++) {
        const struct profile_line *line = &p->lines[l->first_line + i];
        pb_line pb = PERFTOOLS__PROFILES__LINE__INIT;
        pb.function_id = line->function != PROFILE_NONE
                             ? p->functions[line->function].id
                             : 0;
        pb.line = line->line;
        pb.column = line->column;
        e->lines.items[i] = pb;
        e->line_ptrs.items[i] = &e->lines.items[i];
    }
    return true;
}

static bool write_location(struct encoder *e, const struct profile_location *l)
{
    pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
    pb_location pb = PERFTOOLS__PROFILES__LOCATION__INIT;
    pb_location *pointer = &pb;
    if (!fill_lines(e, l)) {
        return false;
    }
    pb.id = l->id;
    pb.mapping_id =
        l->mapping != PROFILE_NONE ? e->p->mappings[l->mapping].id : 0;
    pb.address = l->address;
    pb.n_line = l->n_lines;
    pb.line = e->line_ptrs.items;
    pb.is_folded = l->is_folded;
    piece.n_location = 1;
    piece.location = &pointer;
    return write_piece(e, &piece);
}

static bool write_function(struct encoder *e, const struct profile_function *f)
{
    pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
    pb_function pb = PERFTOOLS__PROFILES__FUNCTION__INIT;
    pb_function *pointer = &pb;
    pb.id = f->id;
    pb.name = string(e, f->name);
    pb.system_name = string(e, f->system_name);
    pb.filename = string(e, f->file);
    pb.start_line = f->start_line;
    piece.n_function = 1;
    piece.function = &pointer;
    return write_piece(e, &piece);
}

/* The reference enters the strings of mappings, then of functions; the fields
   come the other way round, with locations, which have none, between. */
static bool write_tables(struct encoder *e)
{
    const struct profile *p = e->p;
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        if (!write_mapping(e, &p->mappings[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < p->n_locations; i++) {
        if (!write_location(e, &p->locations[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < p->n_functions; i++) {
        if (!write_function(e, &p->functions[i])) {
            return false;
        }
    }
    return true;
}

static bool write_strings(struct encoder *e)
{
    ProtobufCBinaryData texts[BATCH];
    const size_t n_all = intern_count(&e->strings);
    for (size_t i = 0; i < n_all;) {
        const size_t n = n_all - i < BATCH ? n_all - i : BATCH;
        for (size_t k = 0; k < n; k++) {
            const struct intern_entry *s = &e->strings.entries.items[i + k];
            /* protobuf-c only reads it, but has one type for both ways. */
            union {
                const char *text;
                uint8_t *bytes;
            } data = {.text = s->p};
            texts[k] = (ProtobufCBinaryData){s->len, data.bytes};
        }
        pb_profile piece = PERFTOOLS__PROFILES__PROFILE__INIT;
        piece.n_string_table = n;
        piece.string_table = (char **)(void *)texts;
        if (!write_piece(e, &piece)) {
            return false;
        }
        i += n;
    }
    return true;
}

/* Everything behind the string table; its strings are entered before. */
struct tail {
    pb_profile piece;
    pb_value_type period_type;
    int64_t *comments;
};

static bool prepare_tail(struct encoder *e, struct tail *t)
{
    const struct profile *p = e->p;
    t->piece = (pb_profile)PERFTOOLS__PROFILES__PROFILE__INIT;
    t->comments = calloc((size_t)p->n_comments + 1, sizeof(*t->comments));
    if (t->comments == NULL) {
        return false;
    }
    t->piece.drop_frames = string(e, p->drop_frames);
    t->piece.keep_frames = string(e, p->keep_frames);
    t->piece.time_nanos = p->time_nanos;
    t->piece.duration_nanos = p->duration_nanos;
    t->period_type = value_type(e, p->period_type);
    if (t->period_type.type != 0 || t->period_type.unit != 0) {
        t->piece.period_type = &t->period_type;
    }
    t->piece.period = p->period;
    for (uint32_t i = 0; i < p->n_comments; i++) {
        t->comments[i] = string(e, p->comments[i]);
    }
    t->piece.n_comment = p->n_comments;
    t->piece.comment = t->comments;
    t->piece.default_sample_type = string(e, p->default_type);
    t->piece.doc_url = string(e, p->doc_url);
    return !e->has_failed;
}

static bool write_all(struct encoder *e)
{
    struct tail tail = {0};
    const bool ok = write_types(e) && write_samples(e) && write_tables(e) &&
                    prepare_tail(e, &tail) && write_strings(e);
    /* The reference writes the default type even when it is "". */
    e->profile.fields[13].label = PROTOBUF_C_LABEL_REQUIRED;
    const bool written = ok && write_piece(e, &tail.piece);
    free(tail.comments);
    return written;
}

static void encoder_release(struct encoder *e)
{
    intern_release(&e->strings);
    free(e->string_of);
    byte_vec_release(&e->scratch);
    vec_u64_release(&e->ids);
    label_vec_release(&e->labels);
    pb_label_vec_release(&e->pb_labels);
    pb_label_ptrs_release(&e->pb_label_ptrs);
    pb_line_vec_release(&e->lines);
    pb_line_ptrs_release(&e->line_ptrs);
}

bool profile_encode(const struct profile *p, struct buf *out, struct err *err)
{
    struct encoder e = {.p = p, .out = out};
    uint32_t empty = 0;
    init_variants(&e);
    e.string_of = calloc((size_t)p->n_strings + 1, sizeof(*e.string_of));
    const bool ok = e.string_of != NULL &&
                    intern_add(&e.strings, SPAN_LIT(""), &empty, NULL) &&
                    write_all(&e);
    encoder_release(&e);
    if (!ok) {
        return err_nomem(err, "encode profile");
    }
    return buf_check(out, "encoded profile", err);
}
