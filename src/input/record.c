/*
 * Stacks of text profiles. A text names inlined frames one by one, pprof's
 * format groups them by the function they were inlined into; the two agree
 * because `name+0xoff` counts from the entry of that outer function: frames
 * in a row with one entry are one location.
 */
#include "input/record_private.h"

#include "base/limits.h"
#include "base/num.h"

void record_init(struct record *r)
{
    *r = (struct record){.text = BUF_LIMIT((size_t)LIMIT_TEXT_BYTES)};
}

void record_clear(struct record *r)
{
    r->pcs.n = 0;
    r->frames.n = 0;
    r->is_named = false;
    r->locations.n = 0;
    buf_clear(&r->text);
}

void record_release(struct record *r)
{
    vec_u64_release(&r->pcs);
    record_frames_release(&r->frames);
    buf_release(&r->text);
    record_lines_release(&r->lines);
    vec_u32_release(&r->locations);
}

bool take_text(struct span *rest, const char *text)
{
    if (!span_starts(*rest, text)) {
        return false;
    }
    *rest = span_from(*rest, strlen(text));
    return true;
}

bool take_i64(struct span *rest, int64_t *out)
{
    size_t n = 0;
    while (n < rest->len &&
           (rest->p[n] == '-' || (rest->p[n] >= '0' && rest->p[n] <= '9'))) {
        n++;
    }
    if (!num_parse_i64(span_first(*rest, n), out)) {
        return false;
    }
    *rest = span_from(*rest, n);
    return true;
}

static bool parse_address(struct span text, uint64_t *out)
{
    return take_text(&text, "0x") && num_parse_hex(text, out);
}

bool record_addresses(struct record *r, struct span text, const char *what,
                      const struct text_line *line, struct err *err)
{
    for (;;) {
        text = span_trim(text);
        if (text.len == 0) {
            return true;
        }
        const size_t n = span_find_char(text, ' ');
        uint64_t pc;
        if (!parse_address(span_first(text, n), &pc)) {
            return line_error(err, what, line, "bad address");
        }
        if (!vec_u64_push(&r->pcs, pc)) {
            return err_nomem(err, what);
        }
        text = span_from(text, n);
    }
}

static struct record_text keep(struct record *r, struct span text)
{
    const struct record_text place = {r->text.len, text.len};
    buf_span(&r->text, text);
    return place;
}

static struct span text_at(const struct record *r, struct record_text place)
{
    return place.n ? (struct span){r->text.data + place.at, place.n}
                   : (struct span){"", 0};
}

/* Cuts a cell of a tab-aligned line off the front. */
static struct span take_cell(struct span *rest)
{
    while (rest->len > 0 && rest->p[0] == '\t') {
        *rest = span_from(*rest, 1);
    }
    const size_t n = span_find_char(*rest, '\t');
    const struct span cell = span_first(*rest, n);
    *rest = span_from(*rest, n);
    return cell;
}

/* "main.f+0x4e": the offset counts from the function's entry. */
static struct span take_function(struct span cell, struct record_frame *frame)
{
    const size_t plus = span_rfind_char(cell, '+');
    uint64_t offset;
    if (plus == cell.len ||
        !parse_address(span_from(cell, plus + 1), &offset)) {
        return cell;
    }
    if (offset <= frame->pc) {
        frame->entry = frame->pc - offset;
    }
    return span_first(cell, plus);
}

static struct span take_file(struct span cell, struct record_frame *frame)
{
    const size_t colon = span_rfind_char(cell, ':');
    if (colon == cell.len ||
        !num_parse_i64(span_from(cell, colon + 1), &frame->line)) {
        frame->line = 0;
        return cell;
    }
    return span_first(cell, colon);
}

bool record_symbol(struct record *r, const char *what,
                   const struct text_line *line, struct err *err)
{
    struct span rest = span_from(line->text, 1);
    struct record_frame frame = {0};
    if (!parse_address(span_trim(take_cell(&rest)), &frame.pc)) {
        return line_error(err, what, line, "bad address of a frame");
    }
    const struct span function = take_function(take_cell(&rest), &frame);
    const struct span file = take_file(span_trim(rest), &frame);
    if (function.len > 0 && file.len == 0) {
        return line_error(err, what, line, "frame without a file");
    }
    if (function.len == 0 && frame.pc == 0) {
        return true; /* how Go prints an empty stack */
    }
    frame.function = keep(r, function);
    frame.file = keep(r, file);
    r->is_named = r->is_named || function.len > 0;
    r->has_names = r->has_names || function.len > 0;
    return buf_check(&r->text, what, err) &&
           (record_frames_push(&r->frames, frame) || err_nomem(err, what));
}

bool record_symbol_if_any(struct record *r, const struct text_line *line,
                          struct err *err)
{
    struct err reason = {0};
    if (!r || record_symbol(r, "symbol", line, &reason) ||
        reason.code == ERR_FORMAT) {
        return true;
    }
    return err_set(err, reason.code, "%s", reason.text);
}

static bool is_same_function(const struct record *r, size_t i, size_t j)
{
    return span_eq(text_at(r, r->frames.items[i].function),
                   text_at(r, r->frames.items[j].function));
}

/* First frame after `start` that is of another function in the binary. */
static size_t run_end(const struct record *r, size_t start)
{
    const struct record_frame *const frames = r->frames.items;
    size_t end = start + 1;
    if (frames[start].entry == 0) {
        return end;
    }
    while (end < r->frames.n && frames[end].entry == frames[start].entry) {
        end++;
    }
    return end;
}

static bool add_location(struct record *r, struct profile_builder *b,
                         size_t start, size_t end)
{
    r->lines.n = 0;
    for (size_t i = start; i < end; i++) {
        const struct record_frame *const frame = &r->frames.items[i];
        if (frame->function.n == 0) {
            continue;
        }
        const struct builder_frame line = {.function =
                                               text_at(r, frame->function),
                                           .file = text_at(r, frame->file),
                                           .line = frame->line};
        if (!record_lines_push(&r->lines, line)) {
            return false;
        }
    }
    return vec_u32_push(&r->locations,
                        profile_builder_location(b, r->frames.items[start].pc,
                                                 PROFILE_NONE, r->lines.items,
                                                 r->lines.n));
}

/* A run ends with the function that holds the others; where its name comes
   earlier, it called itself, and a location ends there too. */
static bool add_run(struct record *r, struct profile_builder *b, size_t start,
                    size_t end)
{
    for (size_t i = start; i < end; i++) {
        if (is_same_function(r, i, end - 1)) {
            if (!add_location(r, b, start, i + 1)) {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

/* What a text holds of a program without symbols. The address of a call is
   one below its return address, as in pprof's format; that of nothing is the
   last one there is. */
static bool add_addresses(struct record *r, struct profile_builder *b)
{
    for (size_t i = 0; i < r->pcs.n; i++) {
        const uint32_t location = profile_builder_location(
            b, r->pcs.items[i] - 1, PROFILE_NONE, NULL, 0);
        if (!vec_u32_push(&r->locations, location)) {
            return false;
        }
    }
    return true;
}

bool record_locate(struct record *r, struct profile_builder *b, struct err *err)
{
    bool ok = r->is_named || add_addresses(r, b);
    for (size_t i = 0; ok && r->is_named && i < r->frames.n;) {
        const size_t end = run_end(r, i);
        ok = add_run(r, b, i, end);
        i = end;
    }
    return ok || err_nomem(err, "stack of a text profile");
}
