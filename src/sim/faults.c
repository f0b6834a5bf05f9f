/*
 * What can go wrong between a process and who asks it: the list that people
 * write, the dice that choose, and the answers that replace the right one.
 * What breaks a connection instead is in serve.c.
 */
#include "base/num.h"
#include "sim/serve_private.h"

#include <zlib.h>

#include "base/banned.h"

static const char *const fault_names[] = {
#define X(name, text, what) [SIM_FAULT_##name] = (text),
    SIM_FAULTS(X)
#undef X
};

/* --- the list --- */

static bool find_fault(struct span name, enum sim_fault *out, struct err *err)
{
    for (unsigned f = 0; f < N_SIM_FAULTS; f++) {
        if (span_is(name, fault_names[f])) {
            *out = (enum sim_fault)f;
            return true;
        }
    }
    char all[ERR_TEXT_MAX / 2] = "";
    size_t len = 0;
    for (unsigned f = 0; f < N_SIM_FAULTS; f++) {
        const size_t more = strlen(fault_names[f]);
        if (len + more + 2 < sizeof(all)) {
            all[len++] = ' ';
            memcpy(all + len, fault_names[f], more + 1);
            len += more;
        }
    }
    const int shown = (int)(name.len < 32 ? name.len : 32);
    return err_set(err, ERR_USAGE, "unknown fault '%.*s'; there is:%s", shown,
                   name.p, all);
}

/* "0.2" of "drip:0.2". */
static bool read_share(struct span text, struct sim_fault_plan *plan,
                       struct err *err)
{
    double share = 0;
    if (!num_parse_double(text, &share) || !(share >= 0 && share <= 1)) {
        return err_set(err, ERR_USAGE,
                       "fault %s: the share '%.*s' is not a number from 0 to 1",
                       fault_names[plan->fault],
                       (int)(text.len < 32 ? text.len : 32), text.p);
    }
    plan->share = share;
    return true;
}

/* "2+5" of "500@2+5". */
static bool read_script(struct span text, struct sim_fault_plan *plan,
                        struct err *err)
{
    for (;;) {
        const size_t plus = span_find_char(text, '+');
        const struct span word = span_first(text, plus);
        uint64_t wide = 0;
        uint32_t nth = 0;
        if (!num_parse_u64(word, &wide) || !u32_from_u64(&nth, wide) ||
            nth == 0) {
            return err_set(err, ERR_USAGE,
                           "fault %s: '%.*s' is not the number of an answer, "
                           "such as %s@3+7",
                           fault_names[plan->fault],
                           (int)(word.len < 32 ? word.len : 32), word.p,
                           fault_names[plan->fault]);
        }
        if (plan->n_script == SIM_SCRIPT_MAX) {
            return err_set(err, ERR_USAGE, "fault %s: more than %d answers",
                           fault_names[plan->fault], SIM_SCRIPT_MAX);
        }
        plan->script[plan->n_script++] = nth;
        if (plus == text.len) {
            return true;
        }
        text = span_from(text, plus + 1);
    }
}

static bool read_plan(struct span text, struct sim_fault_plan *plan,
                      struct err *err)
{
    const size_t colon = span_find_char(text, ':');
    const size_t at = span_find_char(text, '@');
    const size_t end = colon < at ? colon : at;
    *plan = (struct sim_fault_plan){.share = 1};
    if (!find_fault(span_first(text, end), &plan->fault, err)) {
        return false;
    }
    if (end == text.len) {
        return true;
    }
    const struct span rest = span_from(text, end + 1);
    return end == colon ? read_share(rest, plan, err)
                        : read_script(rest, plan, err);
}

bool sim_faults_parse(const char *text, struct sim_fault_plan *plans, size_t *n,
                      struct err *err)
{
    struct span rest = span_of(text);
    *n = 0;
    for (;;) {
        const size_t comma = span_find_char(rest, ',');
        if (*n == SIM_FAULT_PLANS_MAX) {
            return err_set(err, ERR_USAGE, "more than %d faults",
                           SIM_FAULT_PLANS_MAX);
        }
        if (!read_plan(span_trim(span_first(rest, comma)), &plans[*n], err)) {
            return false;
        }
        ++*n;
        if (comma == rest.len) {
            return true;
        }
        rest = span_from(rest, comma + 1);
    }
}

/* --- the dice --- */

static bool plan_has(const struct sim_fault_plan *plan, unsigned nth)
{
    for (unsigned i = 0; i < plan->n_script; i++) {
        if (plan->script[i] == nth) {
            return true;
        }
    }
    return false;
}

enum sim_fault sim_fault_choose(struct sim_fault_dice *d, unsigned nth)
{
    enum sim_fault hits[2][SIM_FAULT_PLANS_MAX]; /* by share, by script */
    size_t n[2] = {0};
    for (size_t i = 0; i < d->n; i++) {
        const struct sim_fault_plan *plan = &d->plans[i];
        const bool has_script = plan->n_script > 0;
        const bool is_hit = has_script
                                ? plan_has(plan, nth)
                                : sim_random_unit(&d->random) < plan->share;
        if (is_hit) {
            hits[has_script][n[has_script]++] = plan->fault;
        }
    }
    const double choice = sim_random_unit(&d->random);
    const bool by_script = n[true] > 0;
    const size_t n_hits = n[by_script];
    return n_hits > 0 ? hits[by_script][(size_t)(choice * (double)n_hits)]
                      : N_SIM_FAULTS;
}

/* --- answers instead of the right one --- */

static const char login_page[] =
    "<!DOCTYPE html>\n<html>\n<head><title>Sign in</title></head>\n<body>\n"
    "<h1>Sign in</h1>\n<p>Your session has ended.</p>\n"
    "<form method=\"post\" action=\"/login\"><input name=\"user\">"
    "<input name=\"password\" type=\"password\"><button>Sign in</button>"
    "</form>\n</body>\n</html>\n";

static void answer_page(struct sim_answer *a)
{
    *a = (struct sim_answer){
        .status = 200, .type = "text/html; charset=utf-8", .body = a->body};
    buf_clear(&a->body);
    buf_str(&a->body, login_page);
}

static void answer_bomb(struct sim_answer *a)
{
    *a = (struct sim_answer){.status = 200,
                             .type = "application/octet-stream",
                             .disposition = "heap",
                             .is_nosniff = true,
                             .body = a->body};
    buf_clear(&a->body); /* streamed */
}

bool sim_fault_answer(enum sim_fault fault, struct span path,
                      struct sim_answer *a)
{
    char where[sizeof(a->location)] = "";
    switch (fault) {
    case SIM_FAULT_500:
        sim_answer_text(a, 500, "internal server error");
        return true;
    case SIM_FAULT_404:
        sim_answer_text(a, 404, "404 page not found");
        return true;
    case SIM_FAULT_401:
        sim_answer_text(a, 401, "Unauthorized");
        a->authenticate = "Basic realm=\"debug\", charset=\"UTF-8\"";
        return true;
    case SIM_FAULT_REDIRECT:
        memcpy(where, path.p,
               path.len < sizeof(where) ? path.len : sizeof(where) - 1);
        sim_answer_redirect(a, 302, "Found", where);
        return true;
    case SIM_FAULT_HTML:
        answer_page(a);
        return true;
    case SIM_FAULT_BOMB:
        answer_bomb(a);
        return true;
    case SIM_FAULT_SLOW:
    case SIM_FAULT_DRIP:
    case SIM_FAULT_RESET:
    case SIM_FAULT_TRUNCATE:
    case SIM_FAULT_LENGTH:
    case SIM_FAULT_RESTART:
    case SIM_FAULT_HANG:
    case N_SIM_FAULTS:
        break;
    }
    return false;
}

/* --- the bomb --- */

enum { BOMB_BLOCKS = 4096, BOMB_BLOCK_BYTES = 1 << 20 };

/* A gzip header without name and time, as Go writes it. */
static const unsigned char gzip_head[] = {0x1f, 0x8b, 8, 0, 0,
                                          0,    0,    0, 4, 0xff};

/* What ends a deflate stream at a byte's edge: an empty last block. */
static const unsigned char deflate_end[] = {3, 0};

static void add_u32(struct buf *b, uint32_t v)
{
    const unsigned char bytes[4] = {(unsigned char)v, (unsigned char)(v >> 8),
                                    (unsigned char)(v >> 16),
                                    (unsigned char)(v >> 24)};
    buf_add(b, bytes, sizeof(bytes));
}

/* A full flush leaves nothing that later bytes refer to, so that the block may
   be repeated. */
static bool deflate_block(const unsigned char *in, struct buf *out)
{
    z_stream z = {0};
    unsigned char made[16 << 10];
    if (deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) != Z_OK) {
        return false;
    }
    /* zlib's input is not const in old versions; it is only read. */
    memcpy(&z.next_in, &in, sizeof(in));
    z.avail_in = BOMB_BLOCK_BYTES;
    do {
        z.next_out = made;
        z.avail_out = sizeof(made);
        deflate(&z, Z_FULL_FLUSH);
        buf_add(out, made, sizeof(made) - z.avail_out);
    } while (z.avail_out == 0);
    deflateEnd(&z);
    return true;
}

bool sim_bomb_make(struct sim_bomb *b, struct err *err)
{
    *b = (struct sim_bomb){BUF_LIMIT(64), BUF_LIMIT(64 << 10), BUF_LIMIT(64)};
    unsigned char *plain = malloc(BOMB_BLOCK_BYTES);
    if (plain == NULL) {
        return err_nomem(err, "bomb");
    }
    /* Field 6, no bytes: an empty string of a profile's table. */
    for (size_t i = 0; i < BOMB_BLOCK_BYTES; i += 2) {
        plain[i] = 0x32;
        plain[i + 1] = 0;
    }
    const uLong one = crc32(0, plain, BOMB_BLOCK_BYTES);
    const bool ok = deflate_block(plain, &b->block);
    free(plain);
    uLong crc = one;
    for (size_t i = 1; i < BOMB_BLOCKS; i++) {
        crc = crc32_combine(crc, one, BOMB_BLOCK_BYTES);
    }
    buf_add(&b->head, gzip_head, sizeof(gzip_head));
    buf_add(&b->tail, deflate_end, sizeof(deflate_end));
    add_u32(&b->tail, (uint32_t)crc);
    add_u32(&b->tail, (uint32_t)((uint64_t)BOMB_BLOCKS * BOMB_BLOCK_BYTES));
    if (!ok || !buf_ok(&b->block) || !buf_ok(&b->head) || !buf_ok(&b->tail)) {
        sim_bomb_release(b);
        return err_nomem(err, "bomb");
    }
    return true;
}

uint64_t sim_bomb_bytes(const struct sim_bomb *b)
{
    return b->head.len + (uint64_t)BOMB_BLOCKS * b->block.len + b->tail.len;
}

/* The piece that `at` lies in, from there on. */
static struct span piece_at(const struct sim_bomb *b, uint64_t at)
{
    if (at < b->head.len) {
        return span_from(buf_view(&b->head), (size_t)at);
    }
    at -= b->head.len;
    const uint64_t blocks_bytes = (uint64_t)BOMB_BLOCKS * b->block.len;
    if (at < blocks_bytes) {
        return span_from(buf_view(&b->block), (size_t)(at % b->block.len));
    }
    at -= blocks_bytes;
    return at < b->tail.len ? span_from(buf_view(&b->tail), (size_t)at)
                            : (struct span){0};
}

size_t sim_bomb_read(const struct sim_bomb *b, uint64_t at, char *out,
                     size_t max)
{
    size_t n = 0;
    while (n < max) {
        const struct span piece = span_first(piece_at(b, at + n), max - n);
        if (piece.len == 0) {
            break;
        }
        memcpy(out + n, piece.p, piece.len);
        n += piece.len;
    }
    return n;
}

void sim_bomb_release(struct sim_bomb *b)
{
    buf_release(&b->head);
    buf_release(&b->block);
    buf_release(&b->tail);
}
