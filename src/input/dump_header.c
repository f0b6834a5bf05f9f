/*
 * Headers of goroutines. The brackets hold words in a fixed order, but every
 * release of Go adds some, so unknown ones are passed over and what is known
 * is found wherever it stands.
 */
#include "input/dump_header_private.h"

#include "base/limits.h"
#include "base/num.h"

/* A mark behind the status, as in "chan receive (leaked)". */
static bool cut_mark(struct span *status, const char *mark)
{
    if (!span_ends(*status, mark)) {
        return false;
    }
    status->len -= strlen(mark);
    return true;
}

static void parse_status(struct dump_header *h, struct span status)
{
    bool found = true;
    while (found) {
        const bool leaked = cut_mark(&status, " (leaked)");
        const bool scan = cut_mark(&status, " (scan)");
        h->is_leaked |= leaked;
        h->is_scanning |= scan;
        found = leaked || scan;
    }
    h->is_leaked |= span_is(status, "leaked");
    h->status = status;
}

/* The number in "<number><suffix>" or "<prefix><number>". */
static bool number_before(struct span word, const char *suffix, uint64_t *out)
{
    return span_ends(word, suffix) &&
           num_parse_u64(span_first(word, word.len - strlen(suffix)), out);
}

static bool number_behind(struct span word, const char *prefix, uint64_t *out)
{
    return span_starts(word, prefix) &&
           num_parse_u64(span_from(word, strlen(prefix)), out);
}

static void parse_word(struct dump_header *h, struct span word)
{
    uint64_t v;
    if (number_before(word, " minutes", &v) && v <= INT64_MAX) {
        h->wait_minutes = (int64_t)v;
    } else if (span_is(word, "locked to thread")) {
        h->is_locked = true;
    } else if (number_behind(word, "synctest bubble ", &v) ||
               number_behind(word, "synctest group ", &v)) {
        h->bubble = v;
    }
}

static void parse_words(struct dump_header *h, struct span inside)
{
    for (bool is_first = true; inside.len > 0; is_first = false) {
        const size_t n = span_find(inside, ", ");
        if (is_first) {
            parse_status(h, span_first(inside, n));
        } else {
            parse_word(h, span_first(inside, n));
        }
        inside = span_from(inside, n + 2);
    }
}

static struct header_place keep(struct dump_header *h, struct span text)
{
    const struct header_place place = {h->text.len, text.len};
    buf_span(&h->text, text);
    return place;
}

/* Cuts the labels off the words inside the brackets. */
static bool parse_labels(struct dump_header *h, struct span *inside)
{
    static const char mark[] = " labels:";
    const size_t at = span_find(*inside, " labels:{");
    if (at == inside->len) {
        return true;
    }
    label_begin(&h->cursor, span_from(*inside, at + sizeof(mark) - 1));
    struct label_pair pair;
    while (label_next(&h->cursor, &pair)) {
        const struct header_label label = {keep(h, pair.key),
                                           keep(h, pair.value)};
        if (!buf_ok(&h->text) || !header_labels_push(&h->labels, label)) {
            h->is_out_of_memory = true;
            return false;
        }
    }
    h->is_out_of_memory = h->cursor.is_out_of_memory;
    *inside = span_first(*inside, at);
    return !h->cursor.failed && h->cursor.rest.len == 0;
}

/* " gp=0xc0 m=nil mp=0x1" or nothing. */
static bool is_thread_words(struct span text)
{
    return text.len == 0 || span_starts(text, " gp=");
}

bool dump_header_parse(struct dump_header *h, struct span line)
{
    static const char begin[] = "goroutine ";
    h->is_out_of_memory = false;
    if (!span_starts(line, begin) || !span_ends(line, "]:")) {
        return false;
    }
    const size_t open = span_find(line, " [");
    if (open >= line.len - 2) {
        return false;
    }
    struct span number = {line.p + sizeof(begin) - 1, 0};
    if (open < sizeof(begin)) {
        return false;
    }
    const struct span between = {number.p, open - (sizeof(begin) - 1)};
    number.len = span_find_char(between, ' ');
    uint64_t id;
    if (!num_parse_u64(number, &id) ||
        !is_thread_words(span_from(between, number.len))) {
        return false;
    }
    h->id = id;
    h->status = (struct span){"", 0};
    h->wait_minutes = -1;
    h->is_locked = h->is_leaked = h->is_scanning = false;
    h->bubble = 0;
    h->labels.n = 0;
    h->text.limit_bytes = (size_t)LIMIT_TEXT_BYTES;
    buf_clear(&h->text);
    struct span inside = {line.p + open + 2, line.len - open - 4};
    if (!parse_labels(h, &inside)) {
        return false;
    }
    parse_words(h, inside);
    return true;
}

struct span header_text(const struct dump_header *h, struct header_place p)
{
    return p.n ? (struct span){h->text.data + p.at, p.n} : (struct span){"", 0};
}

void dump_header_release(struct dump_header *h)
{
    header_labels_release(&h->labels);
    buf_release(&h->text);
    label_cursor_release(&h->cursor);
}
