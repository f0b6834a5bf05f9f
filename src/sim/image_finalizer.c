/*
 * Functions that a heap dump names and no stack has, so that they are in the
 * program whatever is written first: runtime.goexit below each stack, and the
 * finalizers of objects, Close of the object's type in the package that
 * allocates it.
 */
#include "sim/program_private.h"

#include <string.h>

#include "base/banned.h"

/* Closures of finalizers lie in .rodata before the types. */
enum { FIRST_CLOSURE = 0x200, CLOSURE_BYTES = 8, CLOSURES_MAX = 256 };

/* The innermost function of the service on the stack of the allocation. */
static const struct sim_function *allocating(const struct sim_world *w,
                                             const struct sim_member *m)
{
    size_t n = 0;
    const uint32_t *frames = sim_code_frames(&w->code, m->stack, &n);
    for (size_t i = 0; i < n; i++) {
        const struct sim_function *f = sim_frame_function(&w->code, frames[i]);
        if (!sim_function_is_std(f->name)) {
            return f;
        }
    }
    return NULL;
}

/* "pkg.(*Stream).Close"; false when it cannot be said. */
static bool put_name(struct buf *b, const struct sim_world *w,
                     const struct sim_member *m)
{
    const struct sim_function *f = allocating(w, m);
    const char *dot = m->type ? strrchr(m->type, '.') : NULL;
    if (!f || !dot) {
        return false;
    }
    const struct span package = sim_package_of(f->name);
    buf_printf(b, "%.*s.(*%s).Close", (int)package.len, package.p, dot + 1);
    return true;
}

static const struct sim_function *find(const struct sim_world *w,
                                       struct span name)
{
    const struct sim_functions *f = &w->code.functions;
    for (size_t i = 0; i < f->n; i++) {
        if (span_eq(span_of(f->items[i].name), name)) {
            return &f->items[i];
        }
    }
    return NULL;
}

static bool add_function(struct sim_world *w, const struct sim_member *m,
                         struct err *err)
{
    enum { LINES_ON = 40 };
    struct buf text = BUF_LIMIT(4096);
    uint32_t frame = 0;
    bool ok = true;
    if (put_name(&text, w, m) && !find(w, buf_view(&text))) {
        const struct sim_function *f = allocating(w, m);
        const char *slash = strrchr(f->file, '/');
        buf_printf(&text, " %s:%d", slash ? slash + 1 : f->file,
                   f->start_line + LINES_ON);
        buf_char(&text, '\0');
        ok = buf_check(&text, "the name of a finalizer", err) &&
             sim_code_frame(&w->code, text.data, &frame, err);
    }
    buf_release(&text);
    return ok;
}

bool sim_image_functions(struct sim_world *w, struct err *err)
{
    uint32_t frame = 0;
    bool ok = find(w, SPAN_LIT("runtime.goexit")) ||
              sim_code_frame(&w->code, "runtime.goexit", &frame, err);
    for (size_t i = 0; ok && i < w->populations.n; i++) {
        const struct sim_population_spec *s = &w->populations.items[i].spec;
        for (unsigned m = 0; ok && m < s->n_members; m++) {
            ok = !sim_has_finalizer(s, m) ||
                 add_function(w, &s->members[m], err);
        }
    }
    return ok;
}

static bool add_finalizer(struct sim_layout_of_program *l,
                          const struct sim_member *m, struct sim_look *look)
{
    struct buf name = BUF_LIMIT(4096);
    bool ok = true;
    if (l->finalizers.n < CLOSURES_MAX && put_name(&name, l->world, m)) {
        struct sim_finalizer f = {
            .function = arena_printf(&l->arena, "%.*s", (int)name.len,
                                     buf_ok(&name) ? name.data : ""),
            .argument_type = arena_printf(&l->arena, "*%s", m->type),
            .closure = l->text_end + FIRST_CLOSURE +
                       l->finalizers.n * (uint64_t)CLOSURE_BYTES,
        };
        ok = buf_ok(&name) && f.function && f.argument_type;
        const struct sim_function *of =
            ok ? find(l->world, span_of(f.function)) : NULL;
        f.entry = of ? of->entry : 0;
        look->finalizer = (uint32_t)l->finalizers.n;
        ok = ok && sim_finalizers_push(&l->finalizers, f);
    }
    buf_release(&name);
    return ok;
}

bool sim_layout_finalizers(struct sim_layout_of_program *l, struct err *err)
{
    for (size_t i = 0; i < l->world->populations.n; i++) {
        const struct sim_population_spec *s =
            &l->world->populations.items[i].spec;
        for (unsigned m = 0; m < s->n_members; m++) {
            if (sim_has_finalizer(s, m) &&
                !add_finalizer(l, &s->members[m],
                               &l->looks[i * SIM_MEMBERS_MAX + m])) {
                return err_nomem(err, "finalizers of a simulated program");
            }
        }
    }
    return true;
}
