/*
 * Columns to a valid profile, by the rules of google/pprof: ids are unique
 * and not 0, lines and samples refer to what exists, a mapping that does not
 * exist is none, string indices lie in the table, every sample has one value
 * a type.
 */
#include "profile/decode_private.h"

#include "base/limits.h"

#include <inttypes.h>

static bool check_string(const struct profile_decoder *d, str_id s,
                         const char *what, uint64_t id, struct err *err)
{
    if (s.i < d->strings.n) {
        return true;
    }
    return err_set(err, ERR_FORMAT,
                   "%s %" PRIu64 " has string %" PRIu32 ", the table has %zu",
                   what, id, s.i, d->strings.n);
}

static bool check_header(const struct profile_decoder *d, struct err *err)
{
    if (d->strings.n == 0) {
        return err_set(err, ERR_FORMAT, "there is no string table");
    }
    for (size_t i = 0; i < d->types.n; i++) {
        const struct profile_value_type *t = &d->types.items[i];
        if (!check_string(d, t->type, "sample type", i, err) ||
            !check_string(d, t->unit, "unit of sample type", i, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < d->comments.n; i++) {
        const str_id s = {d->comments.items[i]};
        if (!check_string(d, s, "comment", i, err)) {
            return false;
        }
    }
    return check_string(d, d->period_type.type, "period type, field", 11,
                        err) &&
           check_string(d, d->period_type.unit, "period unit, field", 11,
                        err) &&
           check_string(d, d->drop_frames, "drop_frames, field", 7, err) &&
           check_string(d, d->keep_frames, "keep_frames, field", 8, err) &&
           check_string(d, d->default_type, "default type, field", 14, err) &&
           check_string(d, d->doc_url, "doc_url, field", 15, err);
}

static bool check_tables(const struct profile_decoder *d, struct err *err)
{
    for (size_t i = 0; i < d->mappings.n; i++) {
        const struct profile_mapping *m = &d->mappings.items[i];
        if (!check_string(d, m->file, "file of mapping", m->id, err) ||
            !check_string(d, m->build_id, "build id of mapping", m->id, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < d->functions.n; i++) {
        const struct profile_function *f = &d->functions.items[i];
        if (!check_string(d, f->name, "name of function", f->id, err) ||
            !check_string(d, f->system_name, "system name of function", f->id,
                          err) ||
            !check_string(d, f->file, "file of function", f->id, err)) {
            return false;
        }
    }
    return true;
}

static bool check_labels(const struct profile_decoder *d, struct err *err)
{
    if (d->max_label_string < d->strings.n) {
        return true;
    }
    for (size_t i = 0; i < d->labels.n; i++) {
        const struct profile_label *l = &d->labels.items[i];
        if (!check_string(d, l->key, "key of label", i, err) ||
            !check_string(d, l->str, "text of label", i, err) ||
            !check_string(d, l->unit, "unit of label", i, err)) {
            return false;
        }
    }
    return true;
}

/* A table may hold "" twice; a label whose text is a later "" says no more
   than one without text, and cannot be written again. */
static void drop_empty_labels(struct profile_decoder *d)
{
    if (d->n_empty_strings < 2 || d->label_off.n == 0) {
        return;
    }
    uint32_t kept = 0;
    uint32_t i = 0;
    for (uint32_t s = 0; s < d->n_samples; s++) {
        for (; i < d->label_off.items[s + 1]; i++) {
            struct profile_label l = d->labels.items[i];
            const bool has_unit = d->strings.items[l.unit.i].len != 0;
            if (l.is_num ? l.num != 0 || has_unit
                         : d->strings.items[l.str.i].len != 0) {
                d->labels.items[kept++] = l;
            }
        }
        d->label_off.items[s + 1] = kept;
    }
    d->labels.n = kept;
}

/* Ids of one table: element `i` has the one at `ids + i * stride_bytes`. */
static bool build_map(struct id_map *map, const uint64_t *ids, size_t n,
                      size_t stride_bytes, const char *what, struct err *err)
{
    if (ids == NULL) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (id_at(ids, i, stride_bytes) == 0) {
            return err_set(err, ERR_FORMAT, "%s %zu of the table has id 0",
                           what, i);
        }
    }
    uint32_t duplicate = 0;
    if (id_map_build(map, ids, (uint32_t)n, stride_bytes, &duplicate)) {
        return true;
    }
    if (duplicate == n) {
        return err_nomem(err, "decode profile");
    }
    return err_set(err, ERR_FORMAT, "two %ss have id %" PRIu64, what,
                   id_at(ids, duplicate, stride_bytes));
}

static bool build_maps(struct profile_decoder *d, struct err *err)
{
    const struct profile_mapping *m = d->mappings.items;
    const struct profile_function *f = d->functions.items;
    const struct profile_location *l = d->locations.items;
    return build_map(&d->mapping_ids, m ? &m->id : NULL, d->mappings.n,
                     sizeof(*m), "mapping", err) &&
           build_map(&d->function_ids, f ? &f->id : NULL, d->functions.n,
                     sizeof(*f), "function", err) &&
           build_map(&d->location_ids, l ? &l->id : NULL, d->locations.n,
                     sizeof(*l), "location", err);
}

static bool translate_locations(struct profile_decoder *d, struct err *err)
{
    for (size_t i = 0; i < d->locations.n; i++) {
        struct profile_location *l = &d->locations.items[i];
        l->mapping = id_map_index(&d->mapping_ids, l->mapping);
        for (uint32_t k = 0; k < l->n_lines; k++) {
            struct profile_line *line = &d->lines.items[l->first_line + k];
            const uint32_t ref = line->function;
            line->function = id_map_index(&d->function_ids, ref);
            if (line->function == PROFILE_NONE) {
                return err_set(err, ERR_FORMAT,
                               "location %" PRIu64 " names function %" PRIu64
                               ", which does not exist",
                               l->id, id_map_id(&d->function_ids, ref));
            }
        }
    }
    return true;
}

/* The sample that element `i` of the location column belongs to. */
static uint32_t sample_of(const struct profile_decoder *d, uint32_t i)
{
    uint32_t low = 0;
    uint32_t high = d->n_samples;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (d->sample_off.items[middle] <= i) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Ids 1, 2, 3, ...: taking 1 off is all there is to do. Undone when one of
   them does not exist. */
static bool translate_identity(struct profile_decoder *d)
{
    uint32_t *locs = d->sample_locs.items;
    const size_t n = d->sample_locs.n;
    const uint32_t last = (uint32_t)d->locations.n - 1;
    /* The top bit of one of the two is set when the index is too large: no
       comparison, so that the compiler can do several at once. */
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t index = locs[i] - 1;
        bad |= index | (last - index);
        locs[i] = index;
    }
    if (n == 0 || bad < ID_BIG) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        locs[i]++;
    }
    return false;
}

static bool translate_samples(struct profile_decoder *d, struct err *err)
{
    uint32_t *locs = d->sample_locs.items;
    const size_t n = d->sample_locs.n;
    if (d->location_ids.is_identity && translate_identity(d)) {
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t index = id_map_index(&d->location_ids, locs[i]);
        if (index == UINT32_MAX) {
            return err_set(err, ERR_FORMAT,
                           "sample %" PRIu32 " names location %" PRIu64
                           ", which does not exist",
                           sample_of(d, (uint32_t)i),
                           id_map_id(&d->location_ids, locs[i]));
        }
        locs[i] = index;
    }
    return true;
}

/* The most lines a location has, at least 1. */
static uint64_t most_lines(const struct profile_decoder *d)
{
    uint64_t most = 1;
    for (size_t i = 0; i < d->locations.n; i++) {
        const uint64_t n = d->locations.items[i].n_lines;
        most = n > most ? n : most;
    }
    return most;
}

/* The most locations a sample names. */
static uint64_t most_locations(const struct profile_decoder *d)
{
    const uint32_t *off = d->sample_off.items;
    uint64_t most = 0;
    for (uint32_t s = 0; s < d->n_samples; s++) {
        const uint64_t n = off[s + 1] - off[s];
        most = n > most ? n : most;
    }
    return most;
}

/* Frames of sample `s`; a location without lines is one. */
static uint64_t frames_of(const struct profile_decoder *d, uint32_t s)
{
    uint64_t frames = 0;
    for (uint32_t i = d->sample_off.items[s]; i < d->sample_off.items[s + 1];
         i++) {
        const uint32_t location = d->sample_locs.items[i];
        const uint64_t n = d->locations.items[location].n_lines;
        frames += n > 0 ? n : 1;
    }
    return frames;
}

/* Few bytes can say many frames: a location of thousands of inlined calls,
   named thousands of times. Usual profiles are far enough from the limits
   that nothing needs to be counted. */
static bool check_frames(const struct profile_decoder *d, struct err *err)
{
    const uint64_t n_locs = d->sample_locs.n;
    const uint64_t lines = most_lines(d);
    const uint64_t limit =
        n_locs * LIMIT_FRAMES_PER_LOCATION + LIMIT_FRAMES_FREE;
    if (lines * n_locs <= limit &&
        lines * most_locations(d) <= LIMIT_STACK_FRAMES) {
        return true;
    }
    uint64_t total = 0;
    for (uint32_t s = 0; s < d->n_samples; s++) {
        const uint64_t frames = frames_of(d, s);
        if (frames > LIMIT_STACK_FRAMES) {
            return err_set(err, ERR_LIMIT,
                           "sample %" PRIu32 " has more than %u frames", s,
                           LIMIT_STACK_FRAMES);
        }
        total += frames;
    }
    if (total > limit) {
        return err_set(err, ERR_LIMIT,
                       "%" PRIu64 " locations of samples have %" PRIu64
                       " frames, the limit is %" PRIu64,
                       n_locs, total, limit);
    }
    return true;
}

static bool check_value_counts(const struct profile_decoder *d, struct err *err)
{
    if (d->n_samples != 0 && d->types.n == 0) {
        return err_set(err, ERR_FORMAT,
                       "there are samples but no sample types");
    }
    if (d->n_samples != 0 && d->values_per_sample != d->types.n) {
        return err_set(err, ERR_FORMAT,
                       "samples have %" PRIu32 " values for %zu sample types",
                       d->values_per_sample, d->types.n);
    }
    return true;
}

bool decode_check(struct profile_decoder *d, struct err *err)
{
    if (!check_header(d, err) || !check_tables(d, err) ||
        !check_labels(d, err) || !check_value_counts(d, err) ||
        !build_maps(d, err) || !translate_locations(d, err) ||
        !translate_samples(d, err) || !check_frames(d, err)) {
        return false;
    }
    drop_empty_labels(d);
    return true;
}
