#include "analysis.h"

#include "base/limits.h"
#include "base/natural.h"
#include "collected.h"
#include "console.h"
#include "fetch/fetch.h"
#include "fetch_manifest.h"
#include "input/input.h"
#include "series/series.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

enum { NAMES_IN_NOTE = 5 };

bool analysis_note(struct analysis *a, const char *text, struct err *err)
{
    if (text == NULL || !text_list_push(&a->notes, text)) {
        return err_nomem(err, "notes");
    }
    return true;
}

/* What a person would call a profile: such a file must not be lost silently. */
static bool is_named_like_profile(const char *path)
{
    static const char *const endings[] = {".pb.gz", ".pb", ".pprof", ".prof"};
    const struct span name = span_of(text_base_name(path));
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        if (span_ends(name, endings[i])) {
            return true;
        }
    }
    return span_has(name, "heap") || span_has(name, "goroutine");
}

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

static bool add_source(struct analysis *a, const char *path, unsigned group,
                       bool is_named, struct err *err)
{
    struct source source = {.path =
                                arena_strdup(a->session->arena, span_of(path)),
                            .group = group,
                            .is_named = is_named};
    struct stat st;
    if (!is_stdin(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        source.has_identity = true;
        source.device = st.st_dev;
        source.inode = st.st_ino;
    }
    if (source.path == NULL || !source_list_push(&a->sources, source)) {
        return err_nomem(err, "list of inputs");
    }
    if (a->sources.n > LIMIT_DIRECTORY_ENTRIES) {
        return err_set(err, ERR_LIMIT, "more than %u inputs",
                       LIMIT_DIRECTORY_ENTRIES);
    }
    return true;
}

static bool add_directory(struct analysis *a, const char *dir, unsigned group,
                          struct err *err)
{
    struct fetch_listing listing = {0};
    bool ok = fetch_list(dir, &listing, err);
    for (size_t i = 0; ok && i < listing.n; i++) {
        ok = add_source(a, listing.paths[i], group, false, err);
    }
    if (ok && listing.n == 0) {
        a->where = dir;
        ok = err_set(err, ERR_IO,
                     "the directory holds no files; directories inside it are "
                     "not entered");
    }
    fetch_listing_release(&listing);
    return ok;
}

static bool refuse_url(const char *url, struct err *err)
{
    struct buf shown = BUF_LIMIT(4096);
    url_shown(url, &shown);
    (void)err_set(err, ERR_USAGE,
                  "a live process is not read here; save snapshots first: "
                  "seep fetch %.120s -o DIR",
                  shown.data != NULL ? shown.data : "URL");
    buf_release(&shown);
    return false;
}

bool analysis_add(struct analysis *a, const char *arg, unsigned group,
                  struct err *err)
{
    enum fetch_what what = FETCH_FILE;
    a->first_arg = a->first_arg ? a->first_arg : arg;
    a->where = arg;
    if (!fetch_classify(arg, &what, err)) {
        return false;
    }
    a->where = NULL;
    switch (what) {
    case FETCH_URL:
        return refuse_url(arg, err);
    case FETCH_DIRECTORY:
        a->has_directory = true;
        return add_directory(a, arg, group, err);
    case FETCH_FILE:
    case FETCH_STDIN:
        break;
    }
    return add_source(a, arg, group, true, err);
}

bool analysis_check_outputs(struct analysis *a, const struct outputs *o,
                            struct err *err)
{
    a->where = NULL;
    for (size_t i = 0; i < o->n; i++) {
        struct stat st;
        const char *path = o->items[i].path;
        if (path == NULL || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        for (size_t k = 0; k < a->sources.n; k++) {
            const struct source *s = &a->sources.items[k];
            if (s->has_identity && s->device == st.st_dev &&
                s->inode == st.st_ino) {
                return err_set(err, ERR_USAGE, "--output: %s is an input",
                               path);
            }
        }
    }
    return true;
}

/* --- the same file twice --- */

struct identity {
    const struct source *source;
    size_t i;
};

static int compare_identity(const void *left, const void *right)
{
    const struct identity *a = left;
    const struct identity *b = right;
    if (a->source->has_identity != b->source->has_identity) {
        return a->source->has_identity ? -1 : 1;
    }
    if (a->source->device != b->source->device) {
        return a->source->device < b->source->device ? -1 : 1;
    }
    if (a->source->inode != b->source->inode) {
        return a->source->inode < b->source->inode ? -1 : 1;
    }
    return (a->i > b->i) - (a->i < b->i);
}

static bool is_same_file(const struct source *a, const struct source *b)
{
    if (is_stdin(a->path) || is_stdin(b->path)) {
        return is_stdin(a->path) && is_stdin(b->path);
    }
    return a->has_identity && b->has_identity && a->device == b->device &&
           a->inode == b->inode;
}

static bool meet_again(struct analysis *a, const struct source *first,
                       struct source *again, const char *what, struct err *err)
{
    if (a->groups_differ && first->group != again->group) {
        a->where = NULL;
        return err_set(err, ERR_MISMATCH, "%.90s and %.90s %s", first->path,
                       again->path, what);
    }
    again->is_again = true;
    return analysis_note(a,
                         arena_printf(a->session->arena,
                                      "%s and %s %s; used once", first->path,
                                      again->path, what),
                         err);
}

static bool find_same_files(struct analysis *a, struct err *err)
{
    bool ok = true;
    struct identity *order = calloc(a->sources.n + 1, sizeof(*order));
    if (order == NULL) {
        return err_nomem(err, "list of inputs");
    }
    for (size_t i = 0; i < a->sources.n; i++) {
        order[i] = (struct identity){&a->sources.items[i], i};
    }
    qsort(order, a->sources.n, sizeof(*order), compare_identity);
    size_t first = 0;
    for (size_t i = 1; ok && i < a->sources.n; i++) {
        if (!is_same_file(order[first].source, order[i].source)) {
            first = i;
            continue;
        }
        ok = meet_again(a, order[first].source, &a->sources.items[order[i].i],
                        "are the same file", err);
    }
    free(order);
    return ok;
}

/* Only groups are compared this way: a series may hold equal states. */
static bool find_same_bytes(struct analysis *a, size_t at, struct err *err)
{
    struct source *source = &a->sources.items[at];
    for (size_t i = 0; i < at; i++) {
        const struct source *earlier = &a->sources.items[i];
        if (earlier->digest[0] == source->digest[0] &&
            earlier->digest[1] == source->digest[1] && !earlier->is_again) {
            return meet_again(a, earlier, source, "hold the same bytes", err);
        }
    }
    return true;
}

/* --- reading --- */

/* Stands in front of the decoder and hashes what passes. */
struct tap {
    XXH3_state_t *hash;
    struct sink next;
};

static bool tap_write(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    struct tap *tap = ctx;
    XXH3_128bits_update(tap->hash, p, n);
    return tap->next.write(tap->next.ctx, p, n, err);
}

static bool tap_end(void *ctx, struct err *err)
{
    struct tap *tap = ctx;
    return tap->next.end(tap->next.ctx, err);
}

static bool fetch_hashed(struct source *source, struct sink sink,
                         struct err *err)
{
    struct tap tap = {.hash = XXH3_createState(), .next = sink};
    if (tap.hash == NULL) {
        return err_nomem(err, "input");
    }
    XXH3_128bits_reset(tap.hash);
    const bool ok =
        fetch_file(source->path, LIMIT_FILE_BYTES,
                   (struct sink){&tap, tap_write, tap_end}, NULL, err);
    const XXH128_hash_t digest = XXH3_128bits_digest(tap.hash);
    source->digest[0] = digest.high64;
    source->digest[1] = digest.low64;
    XXH3_freeState(tap.hash);
    return ok;
}

static bool decode(const struct analysis *a, struct source *source,
                   struct snapshot *out, struct err *err)
{
    struct input *in = input_new(NULL);
    if (in == NULL) {
        return err_nomem(err, "input");
    }
    const struct sink sink = input_sink(in);
    const bool ok =
        (a->groups_differ || a->has_digests
             ? fetch_hashed(source, sink, err)
             : fetch_file(source->path, LIMIT_FILE_BYTES, sink, NULL, err)) &&
        input_finish(in, out, err);
    input_free(in);
    out->source = source->path;
    if (ok && out->kind == KIND_HEAP && !is_stdin(source->path)) {
        return collected_find(a->collected, source->path, &out->is_collected,
                              err);
    }
    if (!ok && !err->has_offset &&
        (err->code == ERR_FORMAT || err->code == ERR_LIMIT)) {
        /* What is wrong with the whole is wrong from its first byte on. */
        err->has_offset = true;
        err->offset = 0;
    }
    return ok;
}

enum loss { LOSS_FATAL, LOSS_SKIPPED, LOSS_IGNORED };

static enum loss judge_loss(const struct analysis *a,
                            const struct source *source, enum err_code code)
{
    const bool is_of_input = code == ERR_IO || code == ERR_FORMAT ||
                             code == ERR_LIMIT || code == ERR_UNKNOWN;
    if (!is_of_input) {
        return LOSS_FATAL;
    }
    if (code == ERR_UNKNOWN && !is_named_like_profile(source->path) &&
        (!source->is_named || a->skip_bad)) {
        return LOSS_IGNORED;
    }
    return a->skip_bad ? LOSS_SKIPPED : LOSS_FATAL;
}

static bool skip(struct analysis *a, const struct visitor *v,
                 const struct source *source, const struct err *reason,
                 struct err *err)
{
    static const char broken[] = "broken, skipped: ";
    a->has_lost = true;
    const char *why =
        reason->has_offset
            ? arena_printf(a->session->arena, "%soffset %llu: %s", broken,
                           (unsigned long long)reason->offset, reason->text)
            : arena_printf(a->session->arena, "%s%s", broken, reason->text);
    if (why == NULL) {
        return err_nomem(err, "list of inputs");
    }
    if (!analysis_note(a,
                       arena_printf(a->session->arena, "lost: %s: %s",
                                    source->path, why + sizeof(broken) - 1),
                       err)) {
        return false;
    }
    if (!a->session->common.quiet) {
        console_say("%s: %s", source->path, why);
    }
    return v->left_out(v->ctx, source->group, source->path, KIND_UNKNOWN, why,
                       err);
}

/* "ignored 2 files that are not profiles: run.json, notes.md" */
static bool note_ignored(struct analysis *a, const struct text_list *ignored,
                         struct err *err)
{
    if (ignored->n == 0) {
        return true;
    }
    struct buf names = BUF_LIMIT(64 << 10);
    for (size_t i = 0; i < ignored->n && i < NAMES_IN_NOTE; i++) {
        buf_printf(&names, "%s%s", i > 0 ? ", " : "",
                   text_base_name(ignored->items[i]));
    }
    if (ignored->n > NAMES_IN_NOTE) {
        buf_str(&names, ", ...");
    }
    const bool ok =
        buf_check(&names, "notes", err) &&
        analysis_note(a,
                      arena_printf(a->session->arena,
                                   "ignored %zu file%s, not %s: %s", ignored->n,
                                   ignored->n == 1 ? "" : "s",
                                   ignored->n == 1 ? "a profile" : "profiles",
                                   names.data),
                      err);
    buf_release(&names);
    return ok;
}

bool analysis_note_unused(struct analysis *a, const struct series_input *inputs,
                          size_t n, struct err *err)
{
    size_t counts[N_PROFILE_KINDS] = {0};
    size_t total = 0;
    for (size_t i = 0; i < n; i++) {
        const enum profile_kind kind = inputs[i].kind;
        const bool is_judged = kind == KIND_HEAP || kind == KIND_ALLOCS ||
                               kind == KIND_GOROUTINE ||
                               kind == KIND_GOROUTINELEAK;
        if (!inputs[i].used && !is_judged && kind != KIND_UNKNOWN) {
            counts[kind]++;
            total++;
        }
    }
    if (total == 0) {
        return true;
    }
    struct buf text = BUF_LIMIT(4096);
    buf_printf(&text, "unused: %zu file%s (", total, total == 1 ? "" : "s");
    const char *between = "";
    for (size_t k = 0; k < N_PROFILE_KINDS; k++) {
        if (counts[k] > 0) {
            buf_printf(&text, "%s%zu %s", between, counts[k],
                       profile_kind_name((enum profile_kind)k));
            between = ", ";
        }
    }
    buf_printf(
        &text, "): take%s no part in the verdict%s", total == 1 ? "s" : "",
        counts[KIND_HEAPDUMP] > 0 ? "; heap dumps are for seep heap" : "");
    const bool ok =
        buf_check(&text, "notes", err) &&
        analysis_note(a, arena_strdup(a->session->arena, buf_view(&text)), err);
    buf_release(&text);
    return ok;
}

static bool read_source(struct analysis *a, const struct visitor *v, size_t at,
                        struct text_list *ignored, struct err *err)
{
    struct source *source = &a->sources.items[at];
    struct snapshot snapshot = {0};
    if (!decode(a, source, &snapshot, err)) {
        const struct err reason = *err;
        switch (judge_loss(a, source, reason.code)) {
        case LOSS_FATAL:
            return false;
        case LOSS_SKIPPED:
            err_clear(err);
            return skip(a, v, source, &reason, err);
        case LOSS_IGNORED:
            err_clear(err);
            if (strcmp(text_base_name(source->path), FETCH_MANIFEST_NAME) ==
                0) {
                return true; /* of `seep fetch`: nobody misses it */
            }
            return text_list_push(ignored, source->path) ||
                   err_nomem(err, "notes");
        }
    }
    bool ok = !a->groups_differ || find_same_bytes(a, at, err);
    if (ok && !source->is_again) {
        a->n_read++;
        ok = v->snapshot(v->ctx, source->group, &snapshot, err);
    }
    snapshot_release(&snapshot);
    return ok;
}

static int by_group_and_name(const void *pa, const void *pb)
{
    const struct source *a = pa;
    const struct source *b = pb;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    return natural_compare(a->path, b->path);
}

bool analysis_read(struct analysis *a, const struct visitor *v, struct err *err)
{
    struct text_list ignored = {0};
    a->where = NULL;
    /* Read in one order however they were named: what ties, ties alike. */
    if (a->sources.n > 1) {
        qsort(a->sources.items, a->sources.n, sizeof *a->sources.items,
              by_group_and_name);
    }
    a->collected = collected_new();
    bool ok = (a->collected != NULL || err_nomem(err, "inputs")) &&
              find_same_files(a, err);
    for (size_t i = 0; ok && i < a->sources.n; i++) {
        if (a->sources.items[i].is_again) {
            continue;
        }
        console_progress(a->session, i + 1, a->sources.n, "reading");
        a->where = a->sources.items[i].path;
        ok = read_source(a, v, i, &ignored, err);
    }
    console_progress_end(a->session);
    collected_free(a->collected);
    a->collected = NULL;
    if (ok) {
        a->where = NULL;
        ok = note_ignored(a, &ignored, err);
    }
    if (ok && a->n_read == 0 && !a->has_lost) {
        a->where = a->first_arg;
        ok = err_set(err, ERR_UNKNOWN, "no profiles among %zu file%s%s",
                     a->sources.n, a->sources.n == 1 ? "" : "s",
                     a->has_directory
                         ? "; directories inside a directory are not entered"
                         : "");
    }
    text_list_release(&ignored);
    return ok;
}

int analysis_fail(const struct analysis *a, const struct err *err)
{
    console_progress_end(a->session);
    return console_fail(a->where, err);
}

void analysis_release(struct analysis *a)
{
    source_list_release(&a->sources);
    text_list_release(&a->notes);
}
