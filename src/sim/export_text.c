/* Stacks in debug=1 texts, as runtime/pprof's printStackRecord writes them
   through a tabwriter. */
#include "sim/export_private.h"

#include <inttypes.h>
#include <string.h>

#include "base/banned.h"

void sim_text_pcs(struct sim_world *w, const struct vec_u32 *frames,
                  struct buf *out)
{
    for (size_t i = 0; i < frames->n; i++) {
        buf_printf(out, " 0x%" PRIx64,
                   w->code.frames.items[frames->items[i]].pc);
    }
}

/* --- columns --- */

/* Runes of UTF-8: bytes that do not continue one. */
static size_t width_of(const char *text)
{
    size_t width = 0;
    for (const char *p = text; *p != '\0'; p++) {
        width += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return width;
}

enum { TAB = 8, PADDING = 1 };

/* Tabs from the end of a cell to the next column. */
static void pad(struct buf *out, size_t cell, size_t column)
{
    const size_t end = (column + TAB - 1) / TAB * TAB;
    buf_repeat(out, '\t', (end - cell + TAB - 1) / TAB);
}

struct line {
    uint32_t frame;
    uint64_t pc, offset;
};

static size_t hex_width(uint64_t value)
{
    size_t n = strlen("0x0");
    for (value >>= 4; value != 0; value >>= 4) {
        n++;
    }
    return n;
}

/* Widths of the two cells of a line before its last. */
static size_t address_width(const struct line *line)
{
    return hex_width(line->pc);
}

static size_t name_width(const struct sim_code *c, const struct line *line)
{
    const char *name = sim_frame_function(c, line->frame)->name;
    return width_of(name) + strlen("+") + hex_width(line->offset);
}

static void measure(const struct sim_code *c, const struct line *line,
                    size_t *addresses, size_t *names)
{
    const size_t address = address_width(line) + PADDING;
    const size_t name = name_width(c, line) + PADDING;
    *addresses = address > *addresses ? address : *addresses;
    *names = name > *names ? name : *names;
}

static struct line line_at(const struct sim_code *c,
                           const struct vec_u32 *frames, size_t i)
{
    const uint32_t *at = frames->items + i;
    return (struct line){
        .frame = *at,
        .pc = c->frames.items[*at].pc - 1,
        .offset = sim_frame_offset(c, at, frames->n - i) - 1,
    };
}

void sim_text_record(struct sim_world *w, const struct vec_u32 *frames,
                     struct buf *out)
{
    const struct sim_code *c = &w->code;
    const size_t first = sim_hidden_frames(c, frames->items, frames->n);
    size_t addresses = 0;
    size_t names = 0;
    for (size_t i = first; i < frames->n; i++) {
        if (!sim_frame_is_goexit(c, frames->items[i])) {
            const struct line line = line_at(c, frames, i);
            measure(c, &line, &addresses, &names);
        }
    }
    for (size_t i = first; i < frames->n; i++) {
        if (sim_frame_is_goexit(c, frames->items[i])) {
            continue;
        }
        const struct line line = line_at(c, frames, i);
        buf_printf(out, "#\t0x%" PRIx64, line.pc);
        pad(out, address_width(&line), addresses);
        buf_printf(out, "%s+0x%" PRIx64,
                   sim_frame_function(c, line.frame)->name, line.offset);
        pad(out, name_width(c, &line), names);
        buf_printf(out, "%s:%d\n", sim_frame_function(c, line.frame)->file,
                   c->frames.items[line.frame].line);
    }
    buf_char(out, '\n');
}

/* --- quoting --- */

void sim_text_quoted(struct buf *out, const char *text)
{
    buf_char(out, '"');
    for (const char *p = text; *p != '\0'; p++) {
        const unsigned char byte = (unsigned char)*p;
        if (byte == '"' || byte == '\\') {
            buf_char(out, '\\');
            buf_char(out, *p);
        } else if (byte == '\n') {
            buf_str(out, "\\n");
        } else if (byte == '\t') {
            buf_str(out, "\\t");
        } else if (byte < ' ' || byte == 0x7f) {
            buf_printf(out, "\\x%02x", byte);
        } else {
            buf_char(out, *p);
        }
    }
    buf_char(out, '"');
}
