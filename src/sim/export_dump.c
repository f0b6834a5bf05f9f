/* debug=2: every goroutine with its stack, as runtime.Stack(buf, true) prints
   them (runtime/traceback.go). Arguments are made up: values that look like
   pointers and lengths, the same for the same goroutine and function. */
#include "sim/export_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sort.h"

#include "base/banned.h"

/* Where runtime/pprof gives up and cuts, without a word. */
static const size_t dump_most_bytes = (size_t)64 << 20;

/* Frames printed at either end of a deep stack. */
enum { FRAMES_INNER = 50, FRAMES_OUTER = 50 };

struct dumping {
    struct sim_world *world;
    struct buf *out;
    bool has_leaks; /* goroutineleak: tags what it proved */
    uint64_t heap;  /* where the heap's addresses begin */
};

/* --- names --- */

/* Type arguments are not printed: "F[...]". */
static void print_name(struct buf *out, const char *name)
{
    const char *open = strchr(name, '[');
    const char *close = strrchr(name, ']');
    if (open == NULL || close == NULL || close < open) {
        buf_str(out, name);
        return;
    }
    buf_add(out, name, (size_t)(open - name));
    buf_str(out, "[...]");
    buf_str(out, close + 1);
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Runtime functions are printed only when exported, and so is their type:
   runtime.Gosched, runtime.(*Frames).Next. */
static bool is_shown(const char *name)
{
    static const char prefix[] = "runtime.";
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0) {
        return strchr(name, '.') != NULL;
    }
    const char *rest = name + sizeof(prefix) - 1;
    const char *last = strrchr(rest, '.');
    const char *type = rest + (strncmp(rest, "(*", 2) == 0 ? 2 : 0);
    return last == NULL ? is_upper(*rest)
                        : is_upper(last[1]) && is_upper(*type);
}

/* --- arguments --- */

/* Shapes of arguments by what functions usually take; %p a pointer into the
   heap, %t one into the text, %n a small number, ? may follow (a register
   that is no longer live). */
static const char *const shapes_of_functions[] = {
    "",       "%p",           "{%t, %p}", "{%p, %n}",        "%p, %n",
    "%p, %p", "{%t, %p}, %p", "%n",       "%p, {%p, %n, %n}"};
static const char *const shapes_of_methods[] = {
    "%p",           "%p",           "%p, %n",
    "%p, {%t, %p}", "%p, {%p, %n}", "%p, {%t?, %p?}, %p?",
    "%p, %p"};

static void print_value(struct dumping *d, char kind, uint64_t dice)
{
    uint64_t value = dice % 64;
    if (kind == 'p') {
        value = d->heap + (dice >> 20 & 0xfffff) * 8;
    } else if (kind == 't') {
        value = 0x7e0000 + (dice & 0xffff) * 8;
    }
    buf_printf(d->out, "0x%" PRIx64, value);
}

static void print_shape(struct dumping *d, const char *shape, uint64_t dice)
{
    for (const char *p = shape; *p != '\0'; p++) {
        if (*p != '%') {
            buf_char(d->out, *p);
            continue;
        }
        p++;
        dice = sim_mix(dice, 5);
        print_value(d, *p, dice);
    }
}

/* A closure takes nothing that is printed; methods have a receiver. */
static void print_arguments(struct dumping *d, const char *name, uint64_t goid)
{
    enum {
        N_FUNCTIONS = sizeof(shapes_of_functions) / sizeof(char *),
        N_METHODS = sizeof(shapes_of_methods) / sizeof(char *)
    };
    const uint64_t hash = sim_hash(name);
    const uint64_t dice = sim_mix(hash, goid);
    if (strcmp(name, "main.main") == 0 || strstr(name, ".func") != NULL ||
        strstr(name, ".gowrap") != NULL) {
        return;
    }
    const char *shape = strstr(name, "(*") != NULL
                            ? shapes_of_methods[hash % N_METHODS]
                            : shapes_of_functions[hash % N_FUNCTIONS];
    print_shape(d, shape, dice);
}

/* --- frames --- */

static void print_place(struct dumping *d, const uint32_t *frames, size_t n,
                        bool has_offset)
{
    const struct sim_code *c = &d->world->code;
    buf_printf(d->out, "\t%s:%d", sim_frame_function(c, frames[0])->file,
               c->frames.items[frames[0]].line);
    if (has_offset) {
        buf_printf(d->out, " +0x%" PRIx64, sim_frame_offset(c, frames, n));
    }
    buf_char(d->out, '\n');
}

static void print_frame(struct dumping *d, const uint32_t *frames, size_t n,
                        uint64_t goid)
{
    const struct sim_code *c = &d->world->code;
    const char *name = sim_frame_function(c, frames[0])->name;
    const bool is_inlined = c->frames.items[frames[0]].is_inlined;
    print_name(d->out, name);
    buf_char(d->out, '(');
    if (is_inlined) {
        buf_str(d->out, "...");
    } else {
        print_arguments(d, name, goid);
    }
    buf_str(d->out, ")\n");
    print_place(d, frames, n, !is_inlined);
}

/* Go 1.21 began to print the outer end as well, and how many are between. */
static void print_gap(struct dumping *d, size_t elided)
{
    if (d->world->code.go >= SIM_GO_1_21) {
        buf_printf(d->out, "...%zu frames elided...\n", elided);
    } else {
        buf_str(d->out, "...additional frames elided...\n");
    }
}

/* Prints the frames that are shown, or all when none is. */
static void print_frames(struct dumping *d, const uint32_t *frames, size_t n,
                         uint64_t goid)
{
    const struct sim_code *c = &d->world->code;
    size_t n_shown = 0;
    for (size_t i = 0; i < n; i++) {
        n_shown += is_shown(sim_frame_function(c, frames[i])->name);
    }
    const bool shows_all = n_shown == 0;
    const size_t total = shows_all ? n : n_shown;
    const size_t most = FRAMES_INNER + FRAMES_OUTER;
    const size_t elided = total > most ? total - most : 0;
    const size_t gap = c->go >= SIM_GO_1_21 ? FRAMES_INNER : most;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (!shows_all && !is_shown(sim_frame_function(c, frames[i])->name)) {
            continue;
        }
        if (elided > 0 && at == gap) {
            print_gap(d, elided);
        }
        if (elided == 0 || at < gap || at >= gap + elided) {
            print_frame(d, frames + i, n - i, goid);
        }
        at++;
    }
}

static void print_creator(struct dumping *d, const struct sim_goroutine *g)
{
    if (g->creator == UINT32_MAX) { /* main */
        return;
    }
    const struct sim_code *c = &d->world->code;
    buf_str(d->out, "created by ");
    print_name(d->out, sim_frame_function(c, g->creator)->name);
    if (c->go >= SIM_GO_1_21 && g->parent_goid != 0) {
        buf_printf(d->out, " in goroutine %" PRIu64, g->parent_goid);
    }
    buf_char(d->out, '\n');
    print_place(d, &g->creator, 1, true);
}

/* --- goroutines --- */

/* With the world stopped nobody runs but the one that prints. */
static const char *status_of(const struct dumping *d,
                             const struct sim_goroutine *g, bool is_writer)
{
    if (strcmp(g->wait, "running") == 0) {
        return is_writer ? "running" : "runnable";
    }
    return sim_wait_text(d->world->code.go, g->wait);
}

static void print_header(struct dumping *d, const struct sim_goroutine *g,
                         bool is_writer)
{
    const bool is_leaked = d->has_leaks && g->is_provable;
    buf_printf(d->out, "goroutine %" PRIu64 " [%s", g->goid,
               status_of(d, g, is_writer));
    if (is_leaked) {
        buf_str(d->out, " (leaked)");
    } else if (g->wait_minutes > 0) {
        buf_printf(d->out, ", %" PRId64 " minutes", g->wait_minutes);
    }
    if (d->world->code.go >= SIM_GO_1_27 && g->label_key != NULL &&
        g->label_value != NULL) {
        buf_str(d->out, " labels:{");
        sim_text_quoted(d->out, g->label_key);
        buf_str(d->out, ": ");
        sim_text_quoted(d->out, g->label_value);
        buf_char(d->out, '}');
    }
    buf_str(d->out, "]:\n");
}

static void print_goroutine(struct dumping *d, const struct sim_goroutine *g)
{
    size_t n;
    const uint32_t *frames = sim_code_frames(&d->world->code, g->stack, &n);
    buf_char(d->out, '\n');
    print_header(d, g, false);
    print_frames(d, frames, n, g->goid);
    print_creator(d, g);
}

/* Lines of runtime/pprof/pprof.go on the stack of the goroutine that writes. */
struct writer_lines {
    enum sim_go since;
    int stacks, writer, leak_writer;
};

static const struct writer_lines *writer_lines(enum sim_go go)
{
    static const struct writer_lines rows[] = {
        {SIM_GO_1_24, 819, 782, 806},
        {SIM_GO_1_23, 761, 750, 0  },
        {SIM_GO_1_21, 703, 692, 0  },
        {SIM_GO_1_19, 692, 681, 0  },
    };
    size_t i = 0;
    while (go < rows[i].since) {
        i++;
    }
    return &rows[i];
}

static bool add_writer_frame(struct sim_code *c, const char *name, int line,
                             struct vec_u32 *out, struct err *err)
{
    char text[80];
    uint32_t frame;
    (void)snprintf(text, sizeof(text), "runtime/pprof.%s pprof.go:%d", name,
                   line);
    if (!sim_code_frame(c, text, &frame, err)) {
        return false;
    }
    return vec_u32_push(out, frame) || err_nomem(err, "a dump");
}

/* Stack of the goroutine that writes: the handler's, with a leaf of its own. */
static bool writer_stack(const struct dumping *d, const struct sim_goroutine *g,
                         struct vec_u32 *out, struct err *err)
{
    static const char write_to[] = "runtime/pprof.(*Profile).WriteTo";
    struct sim_code *c = &d->world->code;
    const struct writer_lines *row = writer_lines(c->go);
    if (!add_writer_frame(c, "writeGoroutineStacks", row->stacks, out, err) ||
        !add_writer_frame(
            c, d->has_leaks ? "writeGoroutineLeak" : "writeGoroutine",
            d->has_leaks ? row->leak_writer : row->writer, out, err)) {
        return false;
    }
    size_t n;
    const uint32_t *frames = sim_code_frames(c, g->stack, &n);
    bool is_below = false;
    for (size_t i = 0; i < n; i++) {
        const char *name = sim_frame_function(c, frames[i])->name;
        is_below = is_below || strcmp(name, write_to) == 0;
        if (is_below && !vec_u32_push(out, frames[i])) {
            return err_nomem(err, "a dump");
        }
    }
    return true;
}

static bool print_writer(struct dumping *d, const struct sim_goroutine *g,
                         struct err *err)
{
    struct vec_u32 stack = {0};
    const bool ok = writer_stack(d, g, &stack, err);
    if (ok) {
        print_header(d, g, true);
        print_frames(d, stack.items, stack.n, g->goid);
        print_creator(d, g);
    }
    vec_u32_release(&stack);
    return ok;
}

static int by_goid(const void *a, const void *b, const void *ctx)
{
    const struct sim_goroutine *x = a;
    const struct sim_goroutine *y = b;
    (void)ctx;
    return (x->goid > y->goid) - (x->goid < y->goid);
}

static bool is_writer(const struct sim_goroutine *g)
{
    return g->population == UINT32_MAX && strcmp(g->wait, "running") == 0;
}

static bool print_all(struct dumping *d, const struct sim_goroutine_list *list,
                      struct err *err)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct sim_goroutine *g = &list->items[i];
        if (is_writer(g) && !print_writer(d, g, err)) {
            return false;
        }
    }
    for (size_t i = 0; i < list->n && d->out->len < dump_most_bytes; i++) {
        if (!is_writer(&list->items[i])) {
            print_goroutine(d, &list->items[i]);
        }
    }
    return true;
}

/* Go keeps what fits its buffer. */
static void cut(struct buf *out, size_t len)
{
    if (out->len > len) {
        out->len = len;
        out->data[len] = '\0';
    }
}

/* The heap began at 0xc000000000 until Go 1.26 made it random. */
static uint64_t heap_begin(const struct sim_world *w)
{
    const uint64_t fixed = UINT64_C(0xc000000000);
    if (w->options.go < SIM_GO_1_26) {
        return fixed;
    }
    const uint64_t dice = sim_mix(w->options.seed, 23 + w->generation);
    return fixed + (dice >> 20 << 22 & UINT64_C(0x3fffffc00000));
}

bool sim_goroutine_dump(struct sim_world *w, enum sim_profile p,
                        struct buf *out, struct err *err)
{
    struct sim_goroutine_list list = {0};
    struct buf text = BUF_LIMIT(SIM_TEXT_LIMIT_BYTES);
    struct dumping d = {
        .world = w,
        .out = &text,
        .has_leaks = p == SIM_GOROUTINELEAK,
        .heap = heap_begin(w),
    };
    bool ok = sim_goroutines(w, &list, err);
    if (ok) {
        sort_items(list.items, list.n, sizeof(*list.items), by_goid, NULL);
        ok = print_all(&d, &list, err) && buf_check(&text, "a dump", err);
    }
    if (ok) {
        cut(&text, dump_most_bytes);
        cut(&text, w->quirks.truncates_dumps ? text.len / 8 * 5 : text.len);
        buf_span(out, buf_view(&text));
    }
    buf_release(&text);
    sim_goroutine_list_release(&list);
    return ok;
}
