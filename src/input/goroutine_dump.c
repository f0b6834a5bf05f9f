/*
 * Goroutine dumps as Go prints them: debug=2, runtime.Stack, crashes at any
 * GOTRACEBACK. Line by line and forgiving, because dumps are cut from logs:
 * what is no part of a goroutine is skipped. One thing is not forgiven in
 * silence: an end in the middle of a goroutine, as Go's own cap of 64 MiB
 * makes it, sets is_truncated.
 */
#include "base/num.h"
#include "input/dump_header_private.h"
#include "input/format_private.h"
#include "input/lines_private.h"
#include "input/record_private.h"

#include <stdlib.h>

static const char what[] = "goroutine dump";

/* runtime/pprof gives up growing its buffer here and sends what fits. */
static const uint64_t go_cap_bytes = UINT64_C(64) << 20;

/* Where the frames that follow belong. */
enum place { PLACE_OUTSIDE, PLACE_GOROUTINE, PLACE_ANCESTOR };

/* What the next line with a file completes. */
enum pending { PENDING_NOTHING, PENDING_FRAME, PENDING_CREATOR, PENDING_C };

struct dump_reader {
    struct lines lines;
    struct goroutine_dump *dump;
    enum place place;
    enum pending pending;
    struct buf c_function; /* a line that is a frame if its file follows */
    struct dump_header header;
    bool is_last_incomplete;
    bool is_stack_unavailable;
};

/* --- pieces of lines --- */

/* Characters of the arguments Go prints: hex words, {}, "...", "_", "?". */
static bool is_arguments(struct span text)
{
    static const char allowed[] = "0123456789abcdefx{}.,_? ";
    for (size_t i = 0; i < text.len; i++) {
        if (!memchr(allowed, text.p[i], sizeof(allowed) - 1)) {
            return false;
        }
    }
    return true;
}

/* "main.(*T).run(0xc000010000, {0x1, 0x2})" -> "main.(*T).run". Arguments
   hold no parentheses, so they begin at the last one. */
static bool parse_call(struct span line, struct span *function)
{
    if (!span_ends(line, ")")) {
        return false;
    }
    const size_t open = span_rfind_char(line, '(');
    if (open == line.len || open == 0) {
        return false;
    }
    const struct span arguments = {line.p + open + 1, line.len - open - 2};
    *function = span_first(line, open);
    return is_arguments(arguments) &&
           (span_find_char(*function, ' ') == function->len ||
            span_has(*function, "["));
}

/* "/path/file.go:37 +0x6a fp=0x.. sp=0x.. pc=0x.." */
static bool parse_position(struct span text, struct span *file, int64_t *line,
                           bool *is_whole)
{
    const size_t colon = span_rfind_char(text, ':');
    if (colon == text.len || colon == 0) {
        return false;
    }
    const struct span behind = span_from(text, colon + 1);
    const size_t n = span_find_char(behind, ' ');
    *file = span_first(text, colon);
    *is_whole = n < behind.len;
    return num_parse_i64(span_first(behind, n), line) && *line >= 0;
}

/* "...23 frames elided..." and "...additional frames elided..." */
static bool parse_elided(struct span line, uint32_t *n)
{
    if (!take_text(&line, "...")) {
        return false;
    }
    const size_t blank = span_find_char(line, ' ');
    if (!span_is(span_from(line, blank), " frames elided...")) {
        return false;
    }
    uint64_t count;
    if (!num_parse_u64(span_first(line, blank), &count)) {
        count = 1;
    }
    return u32_from_u64(n, count);
}

/* "[originating from goroutine 7]:" */
static bool parse_ancestor(struct span line, uint64_t *id)
{
    return take_text(&line, "[originating from goroutine ") &&
           span_ends(line, "]:") &&
           num_parse_u64(span_first(line, line.len - 2), id);
}

/* --- the goroutine being read --- */

static struct dump_goroutine *current(const struct dump_reader *r)
{
    return &r->dump->goroutines.items[r->dump->goroutines.n - 1];
}

static bool intern(struct dump_reader *r, struct span text, uint32_t *id,
                   struct err *err)
{
    return intern_add(&r->dump->names, text, id, err);
}

static bool add_frame(struct dump_reader *r, struct span function,
                      struct err *err)
{
    /* A panicking stack prints the runtime's function by another name. */
    if (span_is(function, "panic")) {
        function = SPAN_LIT("runtime.gopanic");
    }
    struct dump_frame frame = {0};
    if (!intern(r, function, &frame.function, err) ||
        !intern(r, SPAN_LIT(""), &frame.file, err)) {
        return false;
    }
    if (!dump_frames_push(&r->dump->frames, frame)) {
        return err_nomem(err, what);
    }
    current(r)->n_frames++;
    return true;
}

static bool begin_frame(struct dump_reader *r, struct span function,
                        struct err *err)
{
    r->pending = PENDING_FRAME;
    return r->place != PLACE_GOROUTINE || add_frame(r, function, err);
}

/* "main.start in goroutine 1" */
static bool begin_creator(struct dump_reader *r, struct span text,
                          struct err *err)
{
    r->pending = PENDING_CREATOR;
    if (r->place != PLACE_GOROUTINE) {
        return true;
    }
    struct dump_goroutine *const g = current(r);
    static const char in[] = " in goroutine ";
    const size_t at = span_find(text, in);
    if (at < text.len &&
        !num_parse_u64(span_from(text, at + sizeof(in) - 1), &g->creator_id)) {
        g->creator_id = 0;
    }
    g->has_creator = true;
    return intern(r, span_first(text, at), &g->creator.function, err) &&
           intern(r, SPAN_LIT(""), &g->creator.file, err);
}

static bool set_position(struct dump_reader *r, struct dump_frame *frame,
                         struct span text, struct err *err)
{
    struct span file;
    int64_t line;
    bool is_whole;
    if (!parse_position(text, &file, &line, &is_whole)) {
        return true;
    }
    if (r->is_last_incomplete && !is_whole) {
        line = 0; /* its last digits may be missing */
    }
    frame->line = line;
    return intern(r, file, &frame->file, err);
}

/* A line that begins with a tab. */
static bool take_position(struct dump_reader *r, struct span text,
                          struct err *err)
{
    const enum pending pending = r->pending;
    r->pending = PENDING_NOTHING;
    if (span_starts(text, "goroutine running on other thread")) {
        r->is_stack_unavailable = true;
        return true;
    }
    if (pending == PENDING_C) {
        if (!span_has(text, "pc=0x")) {
            return true;
        }
        if (!begin_frame(r, buf_view(&r->c_function), err)) {
            return false;
        }
        r->pending = PENDING_NOTHING;
    }
    if (pending == PENDING_NOTHING || r->place != PLACE_GOROUTINE) {
        return true;
    }
    struct dump_goroutine *const g = current(r);
    if (pending == PENDING_CREATOR) {
        return set_position(r, &g->creator, text, err);
    }
    return set_position(r, &r->dump->frames.items[r->dump->frames.n - 1], text,
                        err);
}

static void begin_ancestor(struct dump_reader *r, uint64_t id)
{
    struct dump_goroutine *const g = current(r);
    if (r->place == PLACE_GOROUTINE) {
        g->ancestor_id = id;
    }
    r->place = PLACE_ANCESTOR;
    r->pending = PENDING_NOTHING;
}

/* Remembers what may be the name of a C function. */
static bool begin_c_function(struct dump_reader *r, struct span text,
                             struct err *err)
{
    buf_clear(&r->c_function);
    buf_span(&r->c_function, span_first(text, r->c_function.limit_bytes));
    r->pending = PENDING_C;
    return buf_check(&r->c_function, what, err);
}

static bool is_goroutine_whole(const struct dump_reader *r)
{
    return r->pending != PENDING_FRAME && r->pending != PENDING_CREATOR &&
           (current(r)->n_frames > 0 || r->is_stack_unavailable);
}

/* A line of a goroutine that does not begin with a tab. */
static bool take_member(struct dump_reader *r, struct span text,
                        struct err *err)
{
    struct span rest = text;
    uint64_t ancestor;
    uint32_t n_elided;
    if (take_text(&rest, "created by ")) {
        return begin_creator(r, rest, err);
    }
    if (parse_elided(text, &n_elided)) {
        r->pending = PENDING_NOTHING;
        if (r->place == PLACE_GOROUTINE) {
            current(r)->n_elided = n_elided;
        }
        return true;
    }
    if (parse_ancestor(text, &ancestor)) {
        begin_ancestor(r, ancestor);
        return true;
    }
    if (span_starts(text, "non-Go function at pc=")) {
        const bool ok = begin_frame(r, SPAN_LIT("non-Go function"), err);
        r->pending = PENDING_NOTHING;
        return ok;
    }
    struct span function;
    if (parse_call(text, &function)) {
        return begin_frame(r, function, err);
    }
    return begin_c_function(r, text, err);
}

/* --- between goroutines --- */

/* How a crash announces itself. */
static const char *const banners[] = {
    "panic: ",   "fatal error: ", "SIGQUIT: ",
    "SIGABRT: ", "SIGSEGV: ",     "unexpected fault address "};

enum { BANNER_MAX_BYTES = 1000 };

static bool take_banner(struct dump_reader *r, struct span text,
                        struct err *err)
{
    if (r->dump->is_crash || r->dump->goroutines.n > 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(banners) / sizeof(banners[0]); i++) {
        if (span_starts(text, banners[i])) {
            r->dump->is_crash = true;
            r->dump->banner = arena_strdup(&r->dump->arena,
                                           span_first(text, BANNER_MAX_BYTES));
            return r->dump->banner || err_nomem(err, what);
        }
    }
    return true;
}

static bool add_labels(struct dump_reader *r, struct dump_goroutine *g,
                       struct err *err)
{
    for (size_t i = 0; i < r->header.labels.n; i++) {
        struct dump_label label;
        const struct header_label *const pair = &r->header.labels.items[i];
        if (!intern(r, header_text(&r->header, pair->key), &label.key, err) ||
            !intern(r, header_text(&r->header, pair->value), &label.value,
                    err)) {
            return false;
        }
        if (!dump_labels_push(&r->dump->labels, label)) {
            return err_nomem(err, what);
        }
        g->n_labels++;
    }
    return true;
}

static bool begin_goroutine(struct dump_reader *r, struct err *err)
{
    const struct dump_header *const h = &r->header;
    struct dump_goroutine g = {.id = h->id,
                               .wait_minutes = h->wait_minutes,
                               .is_locked = h->is_locked,
                               .is_leaked = h->is_leaked,
                               .is_scanning = h->is_scanning,
                               .bubble = h->bubble};
    if (!u32_from_u64(&g.first_frame, r->dump->frames.n) ||
        !u32_from_u64(&g.first_label, r->dump->labels.n)) {
        return err_set(err, ERR_LIMIT, "%s: too many frames", what);
    }
    if (!intern(r, h->status, &g.status, err) || !add_labels(r, &g, err)) {
        return false;
    }
    r->place = PLACE_GOROUTINE;
    r->pending = PENDING_NOTHING;
    r->is_stack_unavailable = false;
    return dump_goroutines_push(&r->dump->goroutines, g) ||
           err_nomem(err, what);
}

static bool take_line(void *ctx, const struct text_line *line, struct err *err)
{
    struct dump_reader *const r = ctx;
    const struct span text = line->text;
    r->is_last_incomplete = !line->is_complete;
    if (dump_header_parse(&r->header, text)) {
        return begin_goroutine(r, err);
    }
    if (r->header.is_out_of_memory) {
        return err_nomem(err, what);
    }
    if (r->place == PLACE_OUTSIDE) {
        return take_banner(r, text, err);
    }
    if (text.len == 0) {
        r->place = PLACE_OUTSIDE;
        return true;
    }
    if (text.p[0] == '\t') {
        return take_position(r, span_from(text, 1), err);
    }
    if (!line->is_complete) {
        return true; /* half a name is another name */
    }
    return take_member(r, text, err);
}

/* --- the end --- */

struct id_at {
    uint64_t id;
    size_t at;
};

static int compare_ids(const void *a, const void *b)
{
    const struct id_at *const x = a;
    const struct id_at *const y = b;
    if (x->id != y->id) {
        return x->id < y->id ? -1 : 1;
    }
    return x->at < y->at ? -1 : x->at > y->at;
}

/* A crash may print a goroutine again, once for the thread it runs on: the
   first record stays. What it calls goroutine 0 is a thread's own stack. */
static bool drop_repeats(struct goroutine_dump *d, struct err *err)
{
    const size_t n = d->goroutines.n;
    struct id_at *const ids = calloc(n, sizeof(*ids));
    bool *const is_repeat = calloc(n, sizeof(*is_repeat));
    const bool ok = ids && is_repeat;
    for (size_t i = 0; ok && i < n; i++) {
        ids[i] = (struct id_at){d->goroutines.items[i].id, i};
    }
    if (ok) {
        qsort(ids, n, sizeof(*ids), compare_ids);
    }
    for (size_t i = 0; ok && i < n; i++) {
        is_repeat[ids[i].at] =
            ids[i].id == 0 || (i > 0 && ids[i].id == ids[i - 1].id);
    }
    size_t kept = 0;
    for (size_t i = 0; ok && i < n; i++) {
        if (!is_repeat[i]) {
            d->goroutines.items[kept++] = d->goroutines.items[i];
        }
    }
    d->goroutines.n = ok ? kept : n;
    free(ids);
    free(is_repeat);
    return ok || err_nomem(err, what);
}

/* Complete dumps end with a newline, behind a whole goroutine. */
static bool is_cut_off(const struct dump_reader *r)
{
    return r->is_last_incomplete || r->lines.total_bytes == go_cap_bytes ||
           (r->place != PLACE_OUTSIDE && !is_goroutine_whole(r));
}

/* The signature somewhere in the head, or any text at all: a crash may stand
   behind more log lines than the head shows. */
static bool sniff(struct span head)
{
    return input_is_text(head);
}

static void close_dump(void *decoder)
{
    struct dump_reader *const r = decoder;
    lines_release(&r->lines);
    buf_release(&r->c_function);
    dump_header_release(&r->header);
    if (r->dump) {
        goroutine_dump_free(r->dump);
    }
    free(r);
}

static void *open_dump(const struct input_limits *limits)
{
    struct dump_reader *const r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    /* Longest name of a C function kept. */
    enum { C_NAME_MAX_BYTES = 4096 };
    r->c_function = BUF_LIMIT(C_NAME_MAX_BYTES);
    lines_init(&r->lines, limits->text_bytes, take_line, r);
    r->dump = calloc(1, sizeof(*r->dump));
    if (!r->dump) {
        close_dump(r);
        return NULL;
    }
    return r;
}

static bool write_dump(void *decoder, const uint8_t *p, size_t n,
                       struct err *err)
{
    struct dump_reader *const r = decoder;
    if (lines_write(&r->lines, p, n, err)) {
        return true;
    }
    /* A huge text without a goroutine is a log, not a dump too long. */
    if (err && err->code == ERR_LIMIT && r->dump->goroutines.n == 0) {
        err->code = ERR_UNKNOWN;
    }
    return false;
}

static bool end_dump(void *decoder, struct snapshot *out, struct err *err)
{
    struct dump_reader *const r = decoder;
    if (!lines_end(&r->lines, err)) {
        return false;
    }
    if (r->dump->goroutines.n == 0) {
        return err_set(err, ERR_UNKNOWN, "no goroutine in it");
    }
    r->dump->is_truncated = is_cut_off(r);
    if (!drop_repeats(r->dump, err)) {
        return false;
    }
    out->dump = r->dump;
    r->dump = NULL;
    out->kind = KIND_GOROUTINE;
    out->form = FORM_DUMP;
    return true;
}

const struct input_format input_goroutine_dump = {
    .name = what,
    .sniff = sniff,
    .open = open_dump,
    .write = write_dump,
    .end = end_dump,
    .close = close_dump,
};
