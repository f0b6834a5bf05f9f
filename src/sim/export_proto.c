/* Stacks as locations of a pprof message: one location for a function and
   what is inlined into it, with the address of the call. */
#include "sim/export_private.h"
#include "sim/program_private.h"

#include <string.h>

#include "base/banned.h"

/* The program, without cgo: its text, and what the kernel maps. */
enum { TEXT_MAPPED = 0x400000 };

static uint64_t text_end(const struct sim_code *c)
{
    const uint64_t page = 4096;
    uint64_t end = TEXT_MAPPED + page;
    for (size_t i = 0; i < c->functions.n; i++) {
        const uint64_t after = c->functions.items[i].entry + 0x1000;
        end = after > end ? after : end;
    }
    return (end + page - 1) / page * page;
}

/* The linker writes a build id since Go 1.24. */
static void build_id(const struct sim_world *w, struct buf *out)
{
    uint8_t id[SIM_BUILD_ID_BYTES];
    if (w->options.go < SIM_GO_1_24) {
        return;
    }
    sim_build_id(w, id);
    for (size_t i = 0; i < sizeof(id); i++) {
        buf_printf(out, "%02x", id[i]);
    }
}

static bool add_program(struct sim_proto *s, struct err *err)
{
    struct sim_world *w = s->world;
    struct buf file = BUF_LIMIT(512);
    struct buf id = BUF_LIMIT(64);
    buf_printf(&file, "/app/%s", w->code.service);
    build_id(w, &id);
    const bool ok = buf_check(&file, "a profile of the simulator", err) &&
                    buf_check(&id, "a profile of the simulator", err);
    if (ok) {
        s->mapping =
            profile_builder_mapping(s->builder, TEXT_MAPPED, text_end(&w->code),
                                    0, buf_view(&file), buf_view(&id));
    }
    buf_release(&file);
    buf_release(&id);
    return ok;
}

static void add_kernel(struct sim_proto *s)
{
    const struct sim_world *w = s->world;
    /* Where the kernel puts it differs from process to process. */
    const uint64_t salt = sim_mix(w->options.seed, 17 + w->generation);
    const uint64_t vdso = UINT64_C(0x7f0000000000) + (salt >> 40 << 12);
    (void)profile_builder_mapping(s->builder, vdso, vdso + 0x2000, 0,
                                  SPAN_LIT("[vdso]"), (struct span){0});
    (void)profile_builder_mapping(s->builder, UINT64_C(0xffffffffff600000),
                                  UINT64_C(0xffffffffff601000), 0,
                                  SPAN_LIT("[vsyscall]"), (struct span){0});
}

bool sim_proto_begin(struct sim_proto *s, struct sim_world *w, struct err *err)
{
    *s = (struct sim_proto){.world = w};
    s->builder = profile_builder_new();
    if (s->builder == NULL) {
        return err_nomem(err, "a profile of the simulator");
    }
    profile_builder_profile(s->builder)->time_nanos = sim_wall_ns(w);
    if (!add_program(s, err)) {
        profile_builder_free(s->builder);
        return false;
    }
    add_kernel(s);
    return true;
}

/* One location: the frames of `frames` that share a function's code. Returns
   how many they are. */
static size_t add_location(struct sim_proto *s, const uint32_t *frames,
                           size_t n, struct err *err)
{
    enum { INLINED_MAX = 64 };
    const struct sim_code *c = &s->world->code;
    struct builder_frame lines[INLINED_MAX];
    size_t n_lines = 0;
    bool is_inlined = true;
    for (size_t i = 0; i < n && is_inlined && n_lines < INLINED_MAX; i++) {
        const struct sim_frame *frame = &c->frames.items[frames[i]];
        const struct sim_function *f = sim_frame_function(c, frames[i]);
        lines[n_lines++] = (struct builder_frame){
            span_of(f->name), span_of(f->file), frame->line};
        is_inlined = frame->is_inlined;
    }
    const uint64_t address = c->frames.items[frames[0]].pc - 1;
    const uint32_t loc = profile_builder_location(s->builder, address,
                                                  s->mapping, lines, n_lines);
    s->has_locations = true;
    if (!vec_u32_push(&s->locs, loc)) {
        (void)err_nomem(err, "locations of a stack");
        return 0;
    }
    return n_lines;
}

bool sim_proto_stack(struct sim_proto *s, sim_stack_id stack, bool hides,
                     struct err *err)
{
    const struct sim_code *c = &s->world->code;
    size_t n;
    const uint32_t *frames = sim_code_frames(c, stack, &n);
    s->locs.n = 0;
    size_t i = hides ? sim_hidden_frames(c, frames, n) : 0;
    while (i < n) {
        if (sim_frame_is_goexit(c, frames[i])) {
            i++;
            continue;
        }
        const size_t n_lines = add_location(s, frames + i, n - i, err);
        if (n_lines == 0) {
            return false;
        }
        i += n_lines;
    }
    return true;
}

void sim_proto_sample(struct sim_proto *s, const int64_t *values, size_t n,
                      const struct profile_label *label)
{
    profile_builder_sample(s->builder, s->locs.items, s->locs.n, values, n,
                           label, label != NULL);
}

/* First lines of functions; the model has none where the version says none. */
static void add_start_lines(const struct sim_world *w, struct profile *p)
{
    for (uint32_t i = 0; i < p->n_functions; i++) {
        struct profile_function *f = &p->functions[i];
        uint32_t id;
        if (intern_find(&w->code.names, profile_span(p, f->name), &id) &&
            id < w->code.functions.n) {
            f->start_line = w->code.functions.items[id].start_line;
        }
    }
}

bool sim_proto_finish(struct sim_proto *s, bool is_ok, struct profile **out,
                      struct err *err)
{
    vec_u32_release(&s->locs);
    vec_u32_release(&s->frames);
    if (!is_ok) {
        profile_builder_free(s->builder);
        return false;
    }
    if (!profile_builder_finish(s->builder, out, err)) {
        return false;
    }
    add_start_lines(s->world, *out);
    /* Said only when a name was looked up. */
    (*out)->mappings[0].has_functions = s->has_locations;
    return true;
}
