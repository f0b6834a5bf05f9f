/*
 * The model's program: texts become functions, frames and stacks. An address
 * comes from a hash of the function's name, so it does not depend on what
 * else the program has (but for collisions): profiles of two seeds agree.
 */
#include "sim/code_private.h"

#include "base/buf.h"
#include "sim/random_private.h"

#include <string.h>

#include "base/banned.h"

enum {
    TEXT_START = 0x401000, /* where Go's linker puts runtime.text */
    TEXT_END = 0x1400000,
    SLOT_BYTES = 0x400,
    BODY_BYTES = 0x3c0, /* of a slot: program counters lie here */
    N_SLOTS = (TEXT_END - TEXT_START) / SLOT_BYTES,
    DEPTH_MAX_OLD = 32, /* before Go 1.23; runtime's maxStack */
    DEPTH_MAX = 128     /* profstackdepth since */
};

/* A frame's text taken apart. Without a file, `line` is 0. */
struct frame_text {
    struct span name, file;
    int line;
    bool is_inlined;
};
VEC_TYPE(frame_texts, struct frame_text)

void sim_code_init(struct sim_code *c, enum sim_go go, const char *service)
{
    *c = (struct sim_code){.go = go, .service = service};
}

void sim_code_release(struct sim_code *c)
{
    sim_functions_release(&c->functions);
    sim_frames_release(&c->frames);
    sim_stacks_release(&c->stacks);
    vec_u32_release(&c->stack_frames);
    intern_release(&c->names);
    intern_release(&c->keys);
    intern_release(&c->frame_keys);
    intern_release(&c->addresses);
    arena_release(&c->arena);
    *c = (struct sim_code){.go = c->go, .service = c->service};
}

/* --- names --- */

/* The import path at the front of a function's name: up to the first dot
   after the last slash; type arguments are no part of it. */
static struct span package_of(struct span name)
{
    const struct span plain = span_first(name, span_find_char(name, '['));
    const size_t slash = span_rfind_char(plain, '/');
    const size_t last = slash == plain.len ? 0 : slash + 1;
    return span_first(plain,
                      last + span_find_char(span_from(plain, last), '.'));
}

bool sim_function_is_std(const char *name)
{
    const struct span path = package_of(span_of(name));
    const struct span first = span_first(path, span_find_char(path, '/'));
    return !span_is(path, "main") && span_find_char(first, '.') == first.len;
}

/* --- files --- */

/* Elements of an import path that name its module, by the host. */
static const struct {
    const char *host;
    unsigned n_elements;
} hosts[] = {
    {"github.com/",    3},
    {"gitlab.com/",    3},
    {"bitbucket.org/", 3},
    {"golang.org/x/",  3},
};

/* Length of the first `n` elements of a path. */
static size_t elements_len(struct span path, unsigned n)
{
    size_t at = 0;
    for (unsigned i = 0; i < n && at < path.len; i++) {
        at += i > 0;
        at += span_find_char(span_from(path, at), '/');
    }
    return at < path.len ? at : path.len;
}

/* "v2" at the front of what follows the module: its major version, or 0. */
static unsigned major_of(struct span rest)
{
    const struct span first = span_first(rest, span_find_char(rest, '/'));
    if (first.len != 2 || first.p[0] != 'v' || first.p[1] < '2' ||
        first.p[1] > '9') {
        return 0;
    }
    return (unsigned)(first.p[1] - '0');
}

/* The module cache writes capitals as "!c"; names write dots in the last
   element as "%2e". */
static void add_escaped(struct buf *b, struct span path)
{
    for (size_t i = 0; i < path.len; i++) {
        const char c = path.p[i];
        if (c >= 'A' && c <= 'Z') {
            buf_char(b, '!');
            buf_char(b, (char)(c - 'A' + 'a'));
        } else if (span_starts(span_from(path, i), "%2e")) {
            buf_char(b, '.');
            i += 2;
        } else {
            buf_char(b, c);
        }
    }
}

/* "/go/pkg/mod/github.com/x/y/v2@v2.14.3/z/file.go" */
static void add_dependency(struct buf *b, struct span path)
{
    unsigned n = 2;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (span_starts(path, hosts[i].host)) {
            n = hosts[i].n_elements;
        }
    }
    size_t at = elements_len(path, n);
    const struct span rest = span_from(path, at + 1);
    const unsigned major = major_of(rest);
    if (major != 0) {
        at += 3;
    }
    const struct span module = span_first(path, at);
    buf_str(b, "/go/pkg/mod/");
    add_escaped(b, module);
    /* A version nobody released, but always the same. */
    uint64_t hash = major;
    for (size_t i = 0; i < module.len; i++) {
        hash = sim_mix(hash, (uint8_t)module.p[i]);
    }
    const unsigned usual = span_starts(path, "golang.org/x/") ? 0 : 1;
    buf_printf(b, "@v%u.%u.%u", major ? major : usual,
               (unsigned)(hash % 40 + 1), (unsigned)(hash / 40 % 10));
    add_escaped(b, span_from(path, at));
}

/* Folder of the package, absolute, with a slash at the end. */
static void add_folder(struct buf *b, const struct sim_code *c,
                       struct span path)
{
    const size_t n = strlen(c->service);
    const struct span rest = span_from(path, strlen("acme.dev/"));
    if (span_is(path, "main")) {
        buf_printf(b, "/src/%s", c->service);
    } else if (span_starts(path, "acme.dev/") &&
               span_starts(rest, c->service) &&
               (rest.len == n || rest.p[n] == '/')) {
        buf_str(b, "/src/");
        add_escaped(b, rest);
    } else {
        add_dependency(b, path);
    }
    buf_char(b, '/');
}

/* Is `file` the last element of the path `known`? */
static bool is_last(const char *known, struct span file)
{
    const struct span path = span_of(known);
    return file.len < path.len && path.p[path.len - file.len - 1] == '/' &&
           span_eq(span_from(path, path.len - file.len), file);
}

/* Absolute file of a function; `known` is the one of the table, or NULL. */
static const char *file_of(struct sim_code *c, const struct frame_text *t,
                           bool is_std, const char *known)
{
    struct buf b = BUF_LIMIT(4096);
    const struct span path = package_of(t->name);
    if (!is_std) {
        add_folder(&b, c, path);
        buf_span(&b, t->file);
    } else if (known && (t->file.len == 0 || is_last(known, t->file))) {
        buf_printf(&b, "/usr/local/go/src/%s", known);
    } else {
        buf_str(&b, "/usr/local/go/src/");
        buf_span(&b, path);
        buf_char(&b, '/');
        buf_span(&b, t->file);
    }
    const char *file =
        buf_ok(&b) ? arena_strdup(&c->arena, buf_view(&b)) : NULL;
    buf_release(&b);
    return file;
}

/* --- addresses --- */

/* Takes the first free address at or after `want`, going round within
   [low, high). */
static bool take_address(struct sim_code *c, uint64_t low, uint64_t high,
                         uint64_t step, uint64_t *want, struct err *err)
{
    for (uint64_t tries = (high - low) / step; tries > 0; tries--) {
        const struct span key = {(const char *)want, sizeof(*want)};
        const size_t n = intern_count(&c->addresses);
        uint32_t id;
        if (!intern_add(&c->addresses, key, &id, err)) {
            return false;
        }
        if (id == n) {
            return true;
        }
        *want = *want + step < high ? *want + step : low;
    }
    return err_set(err, ERR_LIMIT, "the program has no address left");
}

static uint64_t hash_of(struct span text)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < text.len; i++) {
        hash = sim_mix(hash, (uint8_t)text.p[i]);
    }
    return hash;
}

/* --- functions --- */

/* Where a function is declared that the table lacks: a few lines above the
   first line seen of it. */
static int declared_at(struct span name, int line)
{
    const int above = (int)(hash_of(name) % 9) + 1;
    return line > above ? line - above : 1;
}

/* Sets the entry and the text of a new function. */
static bool add_function(struct sim_code *c, const struct frame_text *t,
                         const char *known, int start_line, uint32_t id,
                         struct err *err)
{
    struct sim_function f = {.name = intern_text(&c->names, id),
                             .start_line = start_line};
    f.file = file_of(c, t, sim_function_is_std(f.name), known);
    f.entry = TEXT_START + hash_of(t->name) % N_SLOTS * SLOT_BYTES;
    if (!take_address(c, TEXT_START, TEXT_END, SLOT_BYTES, &f.entry, err)) {
        return false;
    }
    if (!f.file || !sim_functions_push(&c->functions, f)) {
        return err_nomem(err, "program");
    }
    return true;
}

/* Finds or adds the function of a frame; a line of 0 becomes the table's. */
static bool function_of(struct sim_code *c, struct frame_text *t, uint32_t *id,
                        struct err *err)
{
    if (!intern_add(&c->names, t->name, id, err)) {
        return false;
    }
    const char *name = intern_text(&c->names, *id);
    const char *known = NULL;
    int start_line = 0;
    int line = 0;
    if (sim_function_is_std(name)) {
        (void)sim_std_find(c->go, name, &known, &start_line, &line);
    }
    if (t->line == 0 && line == 0) {
        return err_set(err, ERR_INTERNAL, "%s has no line and no table has it",
                       name);
    }
    t->line = t->line ? t->line : line;
    if (start_line == 0 || start_line > t->line) {
        start_line = declared_at(t->name, t->line);
    }
    if (*id == c->functions.n &&
        !add_function(c, t, known, start_line, *id, err)) {
        return false;
    }
    struct sim_function *f = &c->functions.items[*id];
    if (c->go == SIM_GO_1_19) {
        f->start_line = 0; /* its profiles do not say */
    } else if (f->start_line > t->line) {
        f->start_line = start_line;
    }
    return true;
}

/* --- frames --- */

/* What makes a frame: two frames of one key are one. */
struct frame_key {
    uint32_t function, caller; /* caller: of inlined frames, else 0 */
    int32_t line;
    uint32_t is_inlined;
};

/* A program counter within the function, or, of an inlined frame, close
   after its caller's. */
static bool choose_pc(struct sim_code *c, const struct frame_key *key,
                      uint64_t *pc, struct err *err)
{
    const struct sim_function *f = &c->functions.items[key->function];
    uint64_t entry = f->entry;
    if (key->is_inlined) {
        const uint64_t base = c->frames.items[key->caller].pc;
        entry = base - (base - TEXT_START) % SLOT_BYTES;
        *pc = base + 0x12;
        *pc = *pc < entry + BODY_BYTES ? *pc : entry + 0x1a;
    } else {
        const uint64_t lines = (uint64_t)(key->line - f->start_line);
        *pc = entry + 0x1a + lines * 23 % (BODY_BYTES - 0x1a);
    }
    return take_address(c, entry + 1, entry + BODY_BYTES, 1, pc, err);
}

/* `caller` is the frame that follows; UINT32_MAX when there is none. */
static bool frame_of(struct sim_code *c, struct frame_text *t, uint32_t caller,
                     uint32_t *out, struct err *err)
{
    struct frame_key key = {0};
    if (!function_of(c, t, &key.function, err)) {
        return false;
    }
    key.line = t->line;
    if (t->is_inlined && caller != UINT32_MAX) {
        key.is_inlined = 1;
        key.caller = caller;
    }
    const struct span bytes = {(const char *)&key, sizeof(key)};
    if (!intern_add(&c->frame_keys, bytes, out, err)) {
        return false;
    }
    if (*out < c->frames.n) {
        return true;
    }
    struct sim_frame f = {.function = key.function,
                          .line = key.line,
                          .is_inlined = key.is_inlined != 0};
    if (!choose_pc(c, &key, &f.pc, err)) {
        return false;
    }
    return sim_frames_push(&c->frames, f) || err_nomem(err, "program");
}

/* --- texts --- */

/* Decimal digits; 0 when it is none. */
static int line_of(struct span digits)
{
    int64_t line = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9' || line > 10000000) {
            return 0;
        }
        line = line * 10 + (digits.p[i] - '0');
    }
    return (int)line;
}

/* "name", "name file:line", "name file:line inlined" */
static bool take_apart(const char *text, struct frame_text *out,
                       struct err *err)
{
    *out = (struct frame_text){.name = span_of(text)};
    if (span_ends(out->name, " inlined")) {
        out->is_inlined = true;
        out->name = span_first(out->name, out->name.len - strlen(" inlined"));
    }
    const size_t blank = span_rfind_char(out->name, ' ');
    const struct span place = span_from(out->name, blank + 1);
    const size_t colon = span_rfind_char(place, ':');
    if (colon < place.len) {
        out->file = span_first(place, colon);
        out->line = line_of(span_from(place, colon + 1));
        out->name = span_first(out->name, blank);
    }
    if (out->name.len == 0 || (colon < place.len && out->line == 0)) {
        return err_set(err, ERR_INTERNAL, "no frame: \"%s\"", text);
    }
    return true;
}

/* Appends the frames of one text, a chain or a single frame. */
static bool expand(const struct sim_code *c, const char *text,
                   struct frame_texts *out, struct err *err)
{
    const char *const *frames = &text;
    size_t n = 1;
    if (text[0] == '@') {
        frames = sim_chain_find(c->go, text, &n);
        if (!frames) {
            return err_set(err, ERR_INTERNAL, "no chain %s", text);
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct frame_text t;
        if (!take_apart(frames[i], &t, err)) {
            return false;
        }
        if (!frame_texts_push(out, t)) {
            return err_nomem(err, "program");
        }
    }
    return true;
}

/* --- stacks --- */

/* The stack of these frames, new or known. */
static bool stack_of(struct sim_code *c, const uint32_t *frames, size_t n,
                     sim_stack_id *out, struct err *err)
{
    const struct span key = {(const char *)frames, n * sizeof(frames[0])};
    if (!intern_add(&c->keys, key, &out->i, err)) {
        return false;
    }
    if (out->i < c->stacks.n) {
        return true;
    }
    const struct sim_stack s = {(uint32_t)c->stack_frames.n, (uint32_t)n};
    if (!vec_u32_reserve(&c->stack_frames, c->stack_frames.n + n) ||
        !sim_stacks_push(&c->stacks, s)) {
        return err_nomem(err, "program");
    }
    for (size_t i = 0; i < n; i++) {
        c->stack_frames.items[c->stack_frames.n++] = frames[i];
    }
    return true;
}

bool sim_code_stack(struct sim_code *c, const char *const *texts, size_t n,
                    sim_stack_id *out, struct err *err)
{
    struct frame_texts parts = {0};
    uint32_t frames[DEPTH_MAX];
    bool ok = false;
    for (size_t i = 0; i < n; i++) {
        if (!expand(c, texts[i], &parts, err)) {
            goto out;
        }
    }
    const size_t limit = c->go < SIM_GO_1_23 ? DEPTH_MAX_OLD : DEPTH_MAX;
    const size_t depth = parts.n < limit ? parts.n : limit;
    if (depth == 0) {
        (void)err_set(err, ERR_INTERNAL, "a stack without frames");
        goto out;
    }
    uint32_t caller = UINT32_MAX;
    for (size_t i = depth; i > 0; i--) {
        if (!frame_of(c, &parts.items[i - 1], caller, &caller, err)) {
            goto out;
        }
        frames[i - 1] = caller;
    }
    ok = stack_of(c, frames, depth, out, err);
out:
    frame_texts_release(&parts);
    return ok;
}

bool sim_code_swap_leaf(struct sim_code *c, sim_stack_id stack,
                        const char *text, sim_stack_id *out, struct err *err)
{
    struct frame_texts parts = {0};
    uint32_t frames[DEPTH_MAX];
    const struct sim_stack old = c->stacks.items[stack.i];
    bool ok = expand(c, text, &parts, err);
    const size_t kept = old.n - 1;
    size_t n = 0;
    uint32_t caller =
        kept > 0 ? c->stack_frames.items[old.first + 1] : UINT32_MAX;
    if (ok && parts.n + kept > DEPTH_MAX) {
        ok = err_set(err, ERR_INTERNAL, "a stack is too deep for %s", text);
    }
    for (size_t i = parts.n; ok && i > 0; i--) {
        ok = frame_of(c, &parts.items[i - 1], caller, &caller, err);
        frames[i - 1] = caller;
        n++;
    }
    for (size_t i = 0; ok && i < kept; i++) {
        frames[n++] = c->stack_frames.items[old.first + 1 + i];
    }
    frame_texts_release(&parts);
    return ok && stack_of(c, frames, n, out, err);
}

bool sim_code_frame(struct sim_code *c, const char *text, uint32_t *out,
                    struct err *err)
{
    struct frame_texts parts = {0};
    bool ok = expand(c, text, &parts, err);
    if (ok && parts.n > 0) {
        ok = frame_of(c, &parts.items[0], UINT32_MAX, out, err);
    } else if (ok) {
        ok = err_set(err, ERR_INTERNAL, "%s has no frames", text);
    }
    frame_texts_release(&parts);
    return ok;
}

/* --- waits --- */

/* Reasons that had another name before a version. */
static const struct {
    const char *wait;
    enum sim_go since;
    const char *before;
} waits[] = {
    {"sync.Mutex.Lock",     SIM_GO_1_21, "semacquire"},
    {"sync.RWMutex.Lock",   SIM_GO_1_21, "semacquire"},
    {"sync.RWMutex.RLock",  SIM_GO_1_21, "semacquire"},
    {"sync.WaitGroup.Wait", SIM_GO_1_24, "semacquire"},
};

const char *sim_wait_text(enum sim_go go, const char *wait)
{
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (go < waits[i].since && strcmp(wait, waits[i].wait) == 0) {
            return waits[i].before;
        }
    }
    return wait;
}
