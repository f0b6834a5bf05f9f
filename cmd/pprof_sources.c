/*
 * The order is google/pprof's, so that the sum is too: sources as they stand
 * on the command line; a single one is not merged, and keeps its samples as
 * they are. One source is decoded at a time, unless types differ: then what is
 * common to all is known only at the end.
 */
#include "pprof_sources.h"

#include "base/limits.h"
#include "base/vec.h"
#include "console.h"
#include "fetch/fetch.h"
#include "input/input.h"
#include "pprof_binaries.h"
#include "pprof_outside.h"
#include "pprof_remote.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LOST_BYTES_MAX = 1024, URL_BYTES_MAX = 512 << 10 };

/* One argument. */
struct item {
    const char *arg;
    bool is_base, is_url;
    size_t request; /* of a URL */
    struct buf url;
};

VEC_TYPE(requests, struct pprof_request)
VEC_TYPE(profiles, struct profile *)

struct loader {
    const struct session *session;
    const struct pprof_flags *flags;
    struct input_options input;
    const char *program; /* file of the first mapping; NULL = as it says */
    struct item *items;
    size_t n_items;
    struct requests requests;
    struct pprof_remote *remote; /* NULL: no URLs */
};

/* --- what the arguments name --- */

/* What messages call it: passwords and queries of URLs are not shown. Borrowed
   from `it` or `shown`. */
static const char *shown_name(const struct item *it, struct buf *shown)
{
    if (!it->is_url) {
        return it->arg;
    }
    url_shown(it->arg, shown);
    return buf_ok(shown) && shown->data != NULL ? shown->data : "a URL";
}

static bool look_at(struct loader *l, struct item *it, struct err *err)
{
    struct stat st;
    struct pprof_request request = {0};
    /* A file comes first, whatever its name. */
    if (strcmp(it->arg, "-") == 0 || stat(it->arg, &st) == 0) {
        return true;
    }
    it->url = BUF_LIMIT(URL_BYTES_MAX);
    if (!pprof_url_from(it->arg, l->flags->seconds, &it->url, &request.info,
                        &it->is_url, err)) {
        return false; /* too long to be named, and it may hold a password */
    }
    it->request = l->requests.n;
    request.url = it->url.data;
    return !it->is_url || requests_push(&l->requests, request) ||
           err_nomem(err, "requests");
}

static void say_requests(const struct loader *l)
{
    if (l->session->common.quiet) {
        return;
    }
    for (size_t i = 0; i < l->requests.n; i++) {
        struct buf shown = BUF_LIMIT(URL_BYTES_MAX);
        url_shown(l->requests.items[i].url, &shown);
        console_say("fetching the profile from %s",
                    shown.data != NULL ? shown.data : "a URL");
        buf_release(&shown);
    }
    if (l->requests.n > 0 && l->flags->seconds > 0) {
        console_say("please wait: %llds", (long long)l->flags->seconds);
    }
}

static bool begin(struct loader *l, struct err *err)
{
    for (size_t i = 0; i < l->n_items; i++) {
        if (!look_at(l, &l->items[i], err)) {
            return false;
        }
    }
    if (l->requests.n == 0) {
        return true;
    }
    if (!pprof_flags_check_tls(l->flags, err)) {
        return false;
    }
    say_requests(l);
    return pprof_remote_new(l->requests.items, l->requests.n, l->flags,
                            &l->remote, err);
}

static void end(struct loader *l)
{
    pprof_remote_free(l->remote);
    for (size_t i = 0; i < l->n_items; i++) {
        buf_release(&l->items[i].url);
    }
    free(l->items);
    requests_release(&l->requests);
}

/* --- one source --- */

static bool fetch_item(const struct loader *l, const struct item *it,
                       struct sink sink, struct err *err)
{
    if (it->is_url) {
        return pprof_remote_take(l->remote, it->request, sink, err);
    }
    if (!fetch_file(it->arg, LIMIT_FILE_BYTES, sink, NULL, err)) {
        struct stat st;
        if (pprof_flag_exists(it->arg) && stat(it->arg, &st) != 0) {
            err_set(err, ERR_IO,
                    "flags go before the first profile; there is no such file");
        }
        return false;
    }
    return true;
}

/* The profile of a snapshot, or the one its goroutines make. */
static bool take_profile(struct snapshot *s, struct profile **out,
                         struct err *err)
{
    if (s->profile != NULL) {
        *out = s->profile;
        s->profile = NULL;
        return true;
    }
    if (s->dump != NULL) {
        return goroutine_dump_profile(s->dump, out, err);
    }
    return err_set(err, ERR_UNKNOWN, "not a profile, but a heap dump");
}

static bool read_item(const struct loader *l, const struct item *it,
                      struct profile **out, struct err *err)
{
    struct snapshot s = {0};
    struct input *in = input_new(&l->input);
    if (in == NULL) {
        return err_nomem(err, "input");
    }
    bool ok =
        fetch_item(l, it, input_sink(in), err) && input_finish(in, &s, err);
    input_free(in);
    ok = ok && take_profile(&s, out, err);
    snapshot_release(&s);
    if (!ok && !err->has_offset &&
        (err->code == ERR_FORMAT || err->code == ERR_LIMIT)) {
        /* What is wrong with the whole is wrong from its first byte on. */
        err->has_offset = true;
        err->offset = 0;
    }
    return ok;
}

/* Files of mappings, as far as the command line and this machine know
   better. */
static bool name_program(const struct loader *l, struct profile *p,
                         struct err *err)
{
    const struct span file = span_of(l->program);
    struct span build_id = span_of(l->flags->buildid);
    if (!pprof_find_binaries(p, err) ||
        (p->n_mappings == 0 && !profile_add_mapping(p, err))) {
        return false;
    }
    if (profile_span(p, p->mappings[0].build_id).len > 0) {
        build_id = (struct span){0};
    }
    return profile_set_mapping(p, 0, file, build_id, err);
}

static bool load_item(const struct loader *l, const struct item *it,
                      struct profile **out, struct err *err)
{
    if (!read_item(l, it, out, err)) {
        return false;
    }
    if (!name_program(l, *out, err)) {
        profile_free(*out);
        *out = NULL;
        return false;
    }
    return true;
}

/* --- several sources --- */

/* The sum of sources: the first alone, or a merger, or (once types differ)
   all that is left to merge. */
struct sum {
    struct profile *first;
    struct profile_merger *merger;
    struct profiles held;
    size_t n_read;
};

static void sum_release(struct sum *s)
{
    profile_free(s->first);
    profile_merger_free(s->merger);
    for (size_t i = 0; i < s->held.n; i++) {
        profile_free(s->held.items[i]);
    }
    profiles_release(&s->held);
}

/* Takes `p` over. */
static bool hold(struct sum *s, struct profile *p, struct err *err)
{
    if (!profiles_push(&s->held, p)) {
        profile_free(p);
        return err_nomem(err, "profiles");
    }
    return true;
}

/* What the merger has becomes one more to be merged at the end. */
static bool stop_merging(struct sum *s, struct err *err)
{
    struct profile *so_far = NULL;
    const bool ok =
        profile_merger_finish(s->merger, &so_far, err) && hold(s, so_far, err);
    profile_merger_free(s->merger);
    s->merger = NULL;
    return ok;
}

static bool begin_merging(struct sum *s, struct err *err)
{
    s->merger = profile_merger_new();
    if (s->merger == NULL) {
        return err_nomem(err, "sum");
    }
    const bool ok = profile_merger_add(s->merger, s->first, err);
    profile_free(s->first);
    s->first = NULL;
    return ok;
}

/* Takes `p` over. */
static bool sum_add(struct sum *s, struct profile *p, struct err *err)
{
    s->n_read++;
    if (s->n_read == 1) {
        s->first = p;
        return true;
    }
    if (s->held.n > 0) {
        return hold(s, p, err);
    }
    if (s->merger == NULL && !begin_merging(s, err)) {
        profile_free(p);
        return false;
    }
    if (profile_merger_add(s->merger, p, err)) {
        profile_free(p);
        return true;
    }
    if (err->code != ERR_MISMATCH || !stop_merging(s, err)) {
        profile_free(p);
        return false;
    }
    err_clear(err);
    return hold(s, p, err);
}

static bool unify_and_merge(struct profile *const *in, size_t n,
                            struct profile **out, struct err *err)
{
    return profile_unify_types(in, n, err) &&
           profile_merge((const struct profile *const *)in, n, out, err);
}

static bool sum_finish(struct sum *s, struct profile **out, struct err *err)
{
    if (s->held.n > 0) {
        return unify_and_merge(s->held.items, s->held.n, out, err);
    }
    if (s->merger != NULL) {
        return profile_merger_finish(s->merger, out, err);
    }
    *out = s->first;
    s->first = NULL;
    return true;
}

static void note_loss(struct pprof_sources *out, const struct item *it,
                      const struct err *err)
{
    struct buf shown = BUF_LIMIT(URL_BYTES_MAX);
    const char *name = shown_name(it, &shown);
    console_fail(name, err);
    out->n_lost++;
    if (out->lost.len + strlen(name) + 8 <= LOST_BYTES_MAX) {
        buf_str(&out->lost, out->lost.len > 0 ? ", " : "");
        buf_str(&out->lost, name);
    } else if (!span_ends(buf_view(&out->lost), "...")) {
        buf_str(&out->lost, out->lost.len > 0 ? ", ..." : "...");
    }
    buf_release(&shown);
}

/* Losing a source is no failure as long as there is another. Being out of
   memory is: the next one would fare no better. */
static bool add_item(const struct loader *l, const struct item *it,
                     struct pprof_sources *out, struct sum *sum,
                     struct err *err)
{
    struct profile *p = NULL;
    struct err reason = {0};
    if (load_item(l, it, &p, &reason)) {
        return sum_add(sum, p, err);
    }
    if (reason.code == ERR_NOMEM) {
        *err = reason;
        return err_wrap(err, "%.120s", it->is_url ? "a URL" : it->arg);
    }
    note_loss(out, it, &reason);
    return true;
}

/* All sources, or all bases; `*sum` stays NULL when none could be read. */
static bool load_group(const struct loader *l, bool is_base,
                       struct pprof_sources *out, struct profile **profile,
                       struct err *err)
{
    struct sum sum = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < l->n_items; i++) {
        if (l->items[i].is_base == is_base) {
            ok = add_item(l, &l->items[i], out, &sum, err);
        }
    }
    ok = ok && sum_finish(&sum, profile, err);
    sum_release(&sum);
    return ok || err_wrap(err, "merging the %s profiles",
                          is_base ? "base" : "source");
}

/* --- the base --- */

/* Samples of a difference stand apart from those of its base by their label;
   those of one side may as well, where the report only sums them. That saves
   the comparing of all stacks. */
static bool may_stand_apart(const struct pprof_flags *f,
                            const struct profile *p, const struct profile *base)
{
    return f->diff_base != NULL && (f->format == NULL || f->format->adds_up) &&
           profile_can_append(p, base);
}

static bool label_base(struct profile *p, uint32_t first_sample,
                       struct err *err)
{
    return profile_set_label(p, first_sample, SPAN_LIT("pprof::base"),
                             SPAN_LIT("true"), err);
}

/* The samples of `base` behind those of `p`, with their label. */
static bool append_base(struct profile *p, struct profile *base,
                        struct err *err)
{
    return profile_append(p, base, err) &&
           label_base(p, p->n_samples - base->n_samples, err);
}

/* `*p` becomes what it is more than `base`. */
static bool subtract(const struct pprof_flags *f, struct profile **p,
                     struct profile *base, struct err *err)
{
    struct profile *const both[] = {*p, base};
    struct profile *difference = NULL;
    if (f->normalize && !profile_normalise(*p, base, err)) {
        return false;
    }
    const bool stands_apart = may_stand_apart(f, *p, base);
    profile_scale(base, -1);
    if (stands_apart) {
        return profile_unify_types(both, 2, err) && append_base(*p, base, err);
    }
    if (f->diff_base != NULL && !label_base(base, 0, err)) {
        return false;
    }
    if (!unify_and_merge(both, 2, &difference, err)) {
        return false;
    }
    profile_free(*p);
    *p = difference;
    return true;
}

static bool load_all(const struct loader *l, struct pprof_sources *out,
                     struct err *err)
{
    const bool has_base = l->flags->base != NULL || l->flags->diff_base != NULL;
    struct profile *base = NULL;
    if (!load_group(l, false, out, &out->profile, err)) {
        return false;
    }
    if (out->profile == NULL) {
        return err_set(err, ERR_IO, "failed to fetch any source profiles");
    }
    if (!has_base) {
        return true;
    }
    if (!load_group(l, true, out, &base, err)) {
        return false;
    }
    const bool ok = base != NULL ? subtract(l->flags, &out->profile, base, err)
                                 : err_set(err, ERR_IO,
                                           "failed to fetch any base profiles");
    profile_free(base);
    return ok;
}

/* --- names --- */

/* -symbolize, as far as seep goes: what to demangle. */
struct symbolizing {
    bool is_off, is_forced;
    enum demangle_mode mode;
};

static const struct {
    const char *word;
    bool is_off, is_forced, has_mode;
    enum demangle_mode mode;
} symbolize_words[] = {
    {"",                   false, false, false, DEMANGLE_SHORT    },
    {"none",               true,  false, false, DEMANGLE_SHORT    },
    {"no",                 true,  false, false, DEMANGLE_SHORT    },
    {"local",              false, false, false, DEMANGLE_SHORT    },
    {"fastlocal",          false, false, false, DEMANGLE_SHORT    },
    {"remote",             false, false, false, DEMANGLE_SHORT    },
    {"force",              false, true,  false, DEMANGLE_SHORT    },
    {"default",            false, false, false, DEMANGLE_SHORT    },
    {"demangle=default",   false, false, false, DEMANGLE_SHORT    },
    {"full",               false, true,  true,  DEMANGLE_FULL     },
    {"demangle=full",      false, true,  true,  DEMANGLE_FULL     },
    {"demangle=none",      false, true,  true,  DEMANGLE_NONE     },
    {"templates",          false, true,  true,  DEMANGLE_TEMPLATES},
    {"demangle=templates", false, true,  true,  DEMANGLE_TEMPLATES},
};

static bool is_same_word(struct span a, const char *word)
{
    bool same = a.len == strlen(word);
    for (size_t i = 0; same && i < a.len; i++) {
        const char c = a.p[i];
        const bool is_upper = c >= 'A' && c <= 'Z';
        same = (is_upper ? c - 'A' + 'a' : c) == word[i];
    }
    return same;
}

/* Words after one that is "none" are not read. */
static struct symbolizing read_symbolize(const struct loader *l)
{
    enum { N = sizeof(symbolize_words) / sizeof(symbolize_words[0]) };
    struct symbolizing out = {0};
    struct span rest = span_of(l->flags->symbolize);
    while (rest.len > 0 && !out.is_off) {
        const struct span word = span_first(rest, span_find_char(rest, ':'));
        size_t i = 0;
        rest = span_from(rest, word.len + 1);
        while (i < N && !is_same_word(word, symbolize_words[i].word)) {
            i++;
        }
        if (i == N && !l->session->common.quiet) {
            console_say("ignoring unrecognized symbolization option: %s",
                        l->flags->symbolize);
        }
        if (i == N) {
            continue;
        }
        out.is_off = symbolize_words[i].is_off;
        out.is_forced |= symbolize_words[i].is_forced;
        out.mode =
            symbolize_words[i].has_mode ? symbolize_words[i].mode : out.mode;
    }
    return out;
}

static bool name_functions(const struct loader *l, struct profile *p,
                           struct err *err)
{
    const struct symbolizing how = read_symbolize(l);
    if (how.is_off) {
        return true;
    }
    if (p->n_locations > 0 && p->n_lines == 0 && !l->session->common.quiet) {
        console_say("the profile has addresses and no names, and seep reads no "
                    "binaries: go tool pprof -proto BINARY PROFILE adds them");
    }
    return profile_demangle(p, how.mode, how.is_forced, err);
}

bool pprof_prune(const struct session *s, struct profile *p, struct err *err)
{
    if (profile_prune(p, err)) {
        return true;
    }
    if (err->code != ERR_USAGE) {
        return false;
    }
    if (!s->common.quiet) {
        console_say("all frames are shown: %s", err->text);
    }
    err_clear(err);
    return true;
}

static bool finish(const struct loader *l, struct profile *p, struct err *err)
{
    assert(p != NULL);
    if (l->flags->all_frames) {
        profile_keep_frames(p);
    }
    if (!name_functions(l, p, err) || !pprof_prune(l->session, p, err)) {
        return false;
    }
    profile_forget_urls(p);
    const char *comment = l->flags->add_comment;
    return comment == NULL || *comment == '\0' ||
           profile_add_comment(p, span_of(comment), err);
}

/* --- all of it --- */

static bool add_items(struct loader *l, const struct words *args,
                      struct err *err)
{
    const char *base =
        l->flags->base != NULL ? l->flags->base : l->flags->diff_base;
    size_t first = 0;
    /* The program may stand in front of its profiles. */
    if (args->n > 1 && pprof_outside_is_program(args->items[0])) {
        l->program = args->items[0];
        first = 1;
    }
    l->items = calloc(args->n + 1, sizeof(*l->items));
    if (l->items == NULL) {
        return err_nomem(err, "sources");
    }
    for (size_t i = first; i < args->n; i++) {
        l->items[l->n_items++].arg = args->items[i];
    }
    if (base != NULL) {
        l->items[l->n_items++] = (struct item){.arg = base, .is_base = true};
    }
    return true;
}

bool pprof_sources_load(struct pprof_sources *out, const struct session *s,
                        const struct pprof_flags *f, const struct words *args,
                        struct err *err)
{
    struct loader l = {
        .session = s, .flags = f, .input = {.is_like_pprof = true}};
    *out =
        (struct pprof_sources){.lost = BUF_LIMIT((size_t)2 * LOST_BYTES_MAX)};
    const bool ok = add_items(&l, args, err) && begin(&l, err) &&
                    load_all(&l, out, err) && finish(&l, out->profile, err);
    out->n = l.n_items;
    end(&l);
    return ok;
}

void pprof_sources_release(struct pprof_sources *p)
{
    profile_free(p->profile);
    buf_release(&p->lost);
    *p = (struct pprof_sources){0};
}

bool pprof_source_read(const char *arg, const struct session *s,
                       const struct pprof_flags *f, struct profile **out)
{
    struct loader l = {.session = s, .flags = f};
    struct buf shown = BUF_LIMIT(URL_BYTES_MAX);
    struct err err = {0};
    const char *items[] = {arg};
    const struct words args = {items, 1};
    bool ok = add_items(&l, &args, &err) && begin(&l, &err);
    if (!ok) {
        console_fail(NULL, &err);
    } else if (!read_item(&l, &l.items[0], out, &err)) {
        console_fail(shown_name(&l.items[0], &shown), &err);
        ok = false;
    }
    buf_release(&shown);
    end(&l);
    return ok;
}
