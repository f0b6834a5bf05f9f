/* `seep sim --scale N`: benchmark inputs of any size, as a stream. */
#include "sim_modes.h"

#include "console.h"
#include "files.h"

#include "base/gz.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

/* --- profiles --- */

static bool gz_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    return gz_writer_write(ctx, p, n, err);
}

static bool gz_end(void *ctx, struct err *err)
{
    return gz_writer_end(ctx, err);
}

/* Level 1, as Go writes profiles. */
static bool write_profile(const struct sim_scale *scale, const char *path,
                          struct err *err)
{
    enum { LEVEL = 1 };
    struct file_writer *file = NULL;
    if (!file_writer_new(path, &file, err)) {
        return false;
    }
    struct gz_writer *g = gz_writer_new(file_writer_sink(file), LEVEL);
    const struct sink sink = {g, gz_write, gz_end};
    const bool ok = g != NULL ? sim_scale_write(scale, &sink, err)
                              : err_nomem(err, "compression");
    gz_writer_free(g);
    return file_writer_end(file, ok, err);
}

/* Files of other runs are not mixed with these. */
static bool refuse_existing(const char *path, struct err *err)
{
    struct stat st;
    return stat(path, &st) != 0 ||
           err_set(err, ERR_USAGE, "%s exists; choose another directory", path);
}

static unsigned digits_of(uint64_t n)
{
    unsigned digits = 2;
    for (uint64_t last = n - 1; last >= 100; last /= 10) {
        digits++;
    }
    return digits;
}

static bool write_series(struct session *s, const struct sim_cmd_options *o,
                         struct err *err)
{
    struct sim_scale scale = {
        .n_samples = o->scale,
        .seed = o->seed,
        .layout = (enum sim_layout)o->layout,
        .is_goroutine = o->is_goroutine,
    };
    const char *kind = o->is_goroutine ? "goroutine" : "heap";
    const unsigned n = (unsigned)o->snapshots;
    const int digits = (int)digits_of(n);
    for (unsigned i = 0; i < n; i++) {
        console_progress(s, i, n, "snapshots");
        scale.snapshot = i;
        char *path = arena_printf(s->arena, "%s/%0*u.%s.pb.gz",
                                  sim_cmd_place(o), digits, i, kind);
        if (path == NULL) {
            return err_nomem(err, "a path");
        }
        if (!refuse_existing(path, err) || !write_profile(&scale, path, err)) {
            return false;
        }
    }
    return true;
}

/* --- heap dumps --- */

static const struct {
    const char *word;
    size_t offset;
} traits[] = {
    {"32-bit",     offsetof(struct sim_shape_options, is_32_bit)      },
    {"big-endian", offsetof(struct sim_shape_options, is_big_endian)  },
    {"tail-slots", offsetof(struct sim_shape_options, has_tail_slots) },
    {"huge",       offsetof(struct sim_shape_options, has_huge_object)},
    {"truncated",  offsetof(struct sim_shape_options, is_truncated)   },
};
enum { N_TRAITS = sizeof(traits) / sizeof(traits[0]) };

bool sim_sized_offer(size_t i, struct option_offer *out)
{
    size_t n_shapes = 0;
    for (; sim_shape_names[n_shapes] != NULL; n_shapes++) {
        if (n_shapes == i) {
            *out = (struct option_offer){.word = sim_shape_names[i]};
            return true;
        }
    }
    if (i - n_shapes >= N_TRAITS) {
        return false;
    }
    *out = (struct option_offer){.word = traits[i - n_shapes].word};
    return true;
}

static bool apply_word(struct sim_shape_options *o, struct span word,
                       bool *has_shape, struct err *err)
{
    for (size_t i = 0; i < N_TRAITS; i++) {
        if (span_is(word, traits[i].word)) {
            *(bool *)((char *)o + traits[i].offset) = true;
            return true;
        }
    }
    for (int i = 0; sim_shape_names[i] != NULL; i++) {
        if (span_is(word, sim_shape_names[i]) && *has_shape) {
            return err_set(err, ERR_USAGE, "--shape: a dump has one shape");
        }
        if (span_is(word, sim_shape_names[i])) {
            o->shape = (enum sim_shape)i;
            *has_shape = true;
            return true;
        }
    }
    return err_set(err, ERR_USAGE,
                   "--shape: no '%.*s'; chain, tree, star, power, random or "
                   "cycles, and 32-bit, big-endian, tail-slots, huge, "
                   "truncated",
                   (int)word.len, word.p);
}

static bool parse_shape(const char *text, struct sim_shape_options *o,
                        struct err *err)
{
    struct span rest = span_of(text);
    bool has_shape = false;
    while (rest.len > 0) {
        const size_t comma = span_find_char(rest, ',');
        const struct span word = span_first(rest, comma);
        if (!apply_word(o, word, &has_shape, err)) {
            return false;
        }
        rest = comma < rest.len ? span_from(rest, comma + 1) : (struct span){0};
    }
    return true;
}

/* DIR/tree-1000-32-bit.heapdump; NULL when memory is out. */
static const char *shape_path(struct session *s,
                              const struct sim_cmd_options *o,
                              const struct sim_shape_options *shape)
{
    char *path = arena_printf(s->arena, "%s/%s-%" PRIu64, sim_cmd_place(o),
                              sim_shape_names[shape->shape], o->scale);
    for (size_t i = 0; path != NULL && i < N_TRAITS; i++) {
        if (*(const bool *)((const char *)shape + traits[i].offset)) {
            path = arena_printf(s->arena, "%s-%s", path, traits[i].word);
        }
    }
    return path == NULL ? NULL : arena_printf(s->arena, "%s.heapdump", path);
}

static bool write_shape(struct session *s, const struct sim_cmd_options *o,
                        struct err *err)
{
    struct sim_shape_options shape = {.n_objects = o->scale, .seed = o->seed};
    if (!parse_shape(o->shape, &shape, err)) {
        return false;
    }
    struct file_writer *file = NULL;
    const char *path = shape_path(s, o, &shape);
    if (path == NULL) {
        return err_nomem(err, "a path");
    }
    if (!refuse_existing(path, err) || !file_writer_new(path, &file, err)) {
        return false;
    }
    const struct sink sink = file_writer_sink(file);
    const bool ok = sim_shape_write(&shape, &sink, err);
    return file_writer_end(file, ok, err);
}

int sim_sized(struct session *s, const struct sim_cmd_options *o)
{
    struct err err = {0};
    const char *place = sim_cmd_place(o);
    if (place == NULL) {
        console_say("sim: where to? give a directory with -o DIR");
        return STATUS_FAILED;
    }
    bool ok = file_make_directory(place, &err);
    ok = ok && (o->shape != NULL ? write_shape(s, o, &err)
                                 : write_series(s, o, &err));
    console_progress_end(s);
    return ok ? STATUS_OK : console_fail("sim", &err);
}
