/*
 * speedscope's JSON: one "sampled" profile for each sample type, all of them
 * over the same frames. A frame is a function with its file and the line it
 * begins at. Every weight comes with its whole stack, so the text is written
 * as it comes and never held as a document; jansson writes the strings.
 *
 * speedscope knows bytes and times; everything else is unit "none". Stacks
 * with the weight zero are left out of a profile. Negative weights, those of
 * a difference, are not representable and refused.
 */
#include "base/measure.h"
#include "base/num.h"
#include "report/export.h"
#include "report/plain.h"
#include "report/pprof_private.h"
#include "report/stack_set_private.h"

#include <jansson.h>
#include <string.h>

#include "base/banned.h"

struct writer {
    const struct stack_set *set;
    struct buf *out;
    struct buf scratch;
    bool has_failed; /* memory */
};

static int take(const char *p, size_t n, void *out)
{
    buf_add(out, p, n);
    return buf_ok(out) ? 0 : -1;
}

/* A JSON string with the quotes. `text` ends in NUL. */
static void add_string(struct writer *w, const char *text)
{
    buf_clear(&w->scratch);
    plain_utf8(&w->scratch, text);
    json_t *s =
        buf_ok(&w->scratch)
            ? json_stringn_nocheck(w->scratch.data ? w->scratch.data : "",
                                   w->scratch.len)
            : NULL;
    if (!s || (json_dump_callback(s, take, w->out, JSON_ENCODE_ANY) != 0 &&
               buf_ok(w->out))) {
        w->has_failed = true;
    }
    json_decref(s);
}

static void add_frames(struct writer *w)
{
    for (size_t i = 0; i < w->set->frames.n && !w->has_failed; i++) {
        const struct stack_frame *f = &w->set->frames.items[i];
        buf_str(w->out, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
        add_string(w, f->name.len ? f->name.p : "");
        if (f->file.len > 0) {
            buf_str(w->out, ",\"file\":");
            add_string(w, f->file.p);
        }
        if (f->line > 0) {
            buf_str(w->out, ",\"line\":");
            pprof_int(w->out, f->line);
        }
        buf_char(w->out, '}');
    }
}

/* --- Units --- */

struct unit {
    const char *name;
    int64_t factor;
};

static struct unit unit_of(struct span unit)
{
    static const char *const known[] = {"bytes", "nanoseconds"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct span name = span_of(known[i]);
        if (measure_same_kind(unit, name)) {
            const double factor = measure_scale(1, unit, name, NULL);
            return (struct unit){known[i], measure_truncate(factor)};
        }
    }
    return (struct unit){"none", 1};
}

static int64_t scaled(int64_t v, int64_t factor)
{
    uint64_t product = 0;
    return mul_u64(&product, (uint64_t)v, (uint64_t)factor) &&
                   product <= INT64_MAX
               ? (int64_t)product
               : INT64_MAX;
}

/* --- Profiles --- */

static void add_samples(struct writer *w, uint32_t column)
{
    buf_str(w->out, ",\"samples\":[");
    bool is_first = true;
    for (size_t i = 0; i < w->set->samples.n && buf_ok(w->out); i++) {
        if (stack_sum(w->set, i, column) == 0) {
            continue;
        }
        buf_str(w->out, is_first ? "\n" : ",\n");
        is_first = false;
        struct stack_walk walk = stack_walk(w->set, i);
        uint32_t frame = 0;
        char before = '[';
        while (stack_next(&walk, &frame)) {
            buf_char(w->out, before);
            pprof_int(w->out, frame);
            before = ',';
        }
        buf_str(w->out, before == '[' ? "[]" : "]");
    }
    buf_char(w->out, ']');
}

static void add_weights(struct writer *w, uint32_t column, int64_t factor)
{
    buf_str(w->out, ",\"weights\":[");
    bool is_first = true;
    for (size_t i = 0; i < w->set->samples.n && buf_ok(w->out); i++) {
        const int64_t sum = stack_sum(w->set, i, column);
        if (sum != 0) {
            if (!is_first) {
                buf_char(w->out, ',');
            }
            is_first = false;
            pprof_int(w->out, scaled(sum, factor));
        }
    }
    buf_char(w->out, ']');
}

static bool add_profile(struct writer *w, uint32_t column, struct err *err)
{
    const struct profile *p = w->set->profile;
    const struct profile_value_type *type = &p->types[column];
    const struct unit unit = unit_of(profile_span(p, type->unit));
    int64_t total = 0;
    for (size_t i = 0; i < w->set->samples.n; i++) {
        const int64_t sum = stack_sum(w->set, i, column);
        if (sum < 0) {
            return err_set(err, ERR_USAGE,
                           "speedscope has no negative values: %s is a "
                           "difference",
                           profile_text(p, type->type));
        }
        total = add_sat_i64(total, scaled(sum, unit.factor));
    }
    buf_str(w->out, column > 0 ? ",\n" : "\n");
    buf_str(w->out, "{\"type\":\"sampled\",\"name\":");
    add_string(w, profile_text(p, type->type));
    buf_printf(w->out,
               ",\"unit\":\"%s\",\"startValue\":0,\"endValue\":", unit.name);
    pprof_int(w->out, total);
    add_samples(w, column);
    add_weights(w, column, unit.factor);
    buf_char(w->out, '}');
    return true;
}

/* The program, as far as it is known. */
static const char *title(const struct profile *p)
{
    const char *file =
        p->n_mappings > 0 ? profile_text(p, p->mappings[0].file) : "";
    const char *base = text_base_name(file);
    return *base ? base : "profile";
}

static bool write_document(struct writer *w, const struct export_options *o,
                           struct err *err)
{
    const struct profile *p = w->set->profile;
    buf_str(w->out, "{\"$schema\":"
                    "\"https://www.speedscope.app/file-format-schema.json\",\n"
                    "\"exporter\":\"seep\",\"name\":");
    add_string(w, title(p));
    buf_str(w->out, ",\"activeProfileIndex\":");
    pprof_int(w->out, o->value_column);
    buf_str(w->out, ",\n\"shared\":{\"frames\":[");
    add_frames(w);
    buf_str(w->out, "]},\n\"profiles\":[");
    for (uint32_t i = 0; i < p->n_types; i++) {
        if (!add_profile(w, i, err)) {
            return false;
        }
    }
    buf_str(w->out, "]}\n");
    if (w->has_failed) {
        return err_nomem(err, "speedscope file");
    }
    return buf_check(w->out, "speedscope file", err);
}

static bool write_speedscope(struct profile *p, const struct export_options *o,
                             struct buf *out, struct err *err)
{
    struct stack_set set = {0};
    struct writer w = {
        .set = &set, .out = out, .scratch = BUF_LIMIT((size_t)64 << 20)};
    const bool ok = stack_set_build(&set, p, STACK_BY_FUNCTION, err) &&
                    write_document(&w, o, err);
    buf_release(&w.scratch);
    stack_set_release(&set);
    return ok;
}

const struct export_format export_speedscope = {
    .name = "speedscope",
    .ending = ".speedscope.json",
    .summary = "for speedscope, the viewer in a browser",
    .write = write_speedscope,
};
