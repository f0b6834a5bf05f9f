/* See dump_match_private.h. */
#include "rules/dump_match_private.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/banned.h"

/* --- questions --- */

/* "map[int]*main.User (buckets)" has main.User, not main.Use. */
static bool has_type(const char *name, const char *pattern)
{
    const size_t n = strlen(pattern);
    const bool is_prefix = n > 0 && pattern[n - 1] == '*';
    const size_t length = is_prefix ? n - 1 : n;
    for (const char *at = name; *at; at++) {
        const bool begins = at == name || strchr(" *[]<,(", at[-1]) != NULL;
        if (begins && strncmp(at, pattern, length) == 0 &&
            (is_prefix || strchr(" ])>,", at[length]) != NULL)) {
            return true;
        }
    }
    return false;
}

bool dump_match_type(const struct dump_candidate *c, const char *pattern)
{
    for (size_t i = c->at; i < c->way.n; i++) {
        if (has_type(c->way.rows[i]->branch->name, pattern)) {
            return true;
        }
    }
    return c->holder.type && has_type(c->holder.type, pattern);
}

const char *dump_match_types(const struct dump_candidate *c,
                             const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dump_match_type(c, patterns[i])) {
            return patterns[i];
        }
    }
    return NULL;
}

static size_t alike(const char *text, size_t n, const char *word)
{
    size_t i = 0;
    while (i < n && word[i] && tolower((unsigned char)text[i]) == word[i]) {
        i++;
    }
    return i;
}

/* "onClose" and "closeListeners" have words; "relistened" has none. */
static bool has_word(struct span name, const char *word)
{
    const char *text = name.p;
    const size_t n = strlen(word);
    for (size_t i = 0; i < name.len; i++) {
        const bool begins = i == 0 || !isalpha((unsigned char)text[i - 1]) ||
                            isupper((unsigned char)text[i]);
        const size_t rest = name.len - i;
        if (begins && alike(text + i, rest, word) == n &&
            (rest == n || !islower((unsigned char)text[i + n]))) {
            return true;
        }
    }
    return false;
}

/* Of a holder's name the field or variable that holds, not where that is:
   "http.Server.Handler.cache" is a cache. */
static struct span last_name(const char *name)
{
    const char *last = name;
    unsigned depth = 0;
    for (const char *at = name; *at; at++) {
        depth += *at == '[';
        depth -= *at == ']' && depth > 0;
        last = depth == 0 && strchr("./ ", *at) ? at + 1 : last;
    }
    return span_of(last);
}

bool dump_match_name(const struct dump_candidate *c, const char *word,
                     bool is_part)
{
    const struct span name =
        c->holder.name ? last_name(c->holder.name) : (struct span){0};
    return has_word(name, word) && (!is_part || name.len > strlen(word));
}

static bool is_in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

bool dump_match_type_name(const struct dump_candidate *c, const char *word)
{
    for (const char *at = c->holder.type; at && *at;) {
        const char *end = at;
        while (is_in_name(*end)) {
            end++;
        }
        const struct span name = {at, (size_t)(end - at)};
        if (*end != '.' && has_word(name, word)) {
            return true;
        }
        at = *end ? end + 1 : end;
    }
    return false;
}

/* --- sentences --- */

static void say_growth(const struct dump_candidate *c, struct rule_match *m)
{
    if (c->has_before && isnan(c->before_bytes)) {
        match_evidence(m, "little or under another name before, %s now",
                       match_bytes(m, c->retained_bytes));
    } else if (c->has_before) {
        match_evidence(m, "%s before, %s now: %s%s",
                       match_bytes(m, c->before_bytes),
                       match_bytes(m, c->retained_bytes),
                       c->retained_bytes >= c->before_bytes ? "+" : "",
                       match_bytes(m, c->retained_bytes - c->before_bytes));
    }
}

static void say_map(const struct dump_candidate *c, struct rule_match *m)
{
    if (!c->has_map) {
        return;
    }
    const char *entries = match_count(m, (double)c->map.n_entries);
    const char *room = match_count(m, (double)c->map.capacity);
    if (c->map.n_deleted > 0) {
        match_evidence(m, "%s entries, room for %s; %s slots of deleted ones",
                       entries, room, match_count(m, (double)c->map.n_deleted));
    } else {
        match_evidence(m, "%s entries, room for %s", entries, room);
    }
}

/* How much of an array is in use, and whether it was made as long as it is. */
static void say_slice(const struct dump_candidate *c, struct rule_match *m)
{
    if (!c->has_slice ||
        (!c->is_fixed && c->slice.n_used * 2 >= c->slice.capacity)) {
        return;
    }
    match_evidence(m, "len %s, cap %s", match_count(m, (double)c->slice.n_used),
                   match_count(m, (double)c->slice.capacity));
}

static void say_fixed(const struct dump_candidate *c, struct rule_match *m)
{
    if (c->is_fixed) {
        match_evidence(m, c->container == CONTAINER_SLICE
                              ? "made at its full length: a table, not "
                                "something that append grew"
                              : "its entries are those of an array that was "
                                "made at its full length: a table");
    }
}

static void say_site(const struct dump_candidate *c, struct rule_match *m)
{
    const struct dump_allocation *a = &c->allocation;
    if (!a->bucket) {
        if (dump_has_samples(c->dump)) {
            match_evidence(m, "none of what it holds was sampled when it was "
                              "allocated");
        }
        return; /* else a note says it once */
    }
    if (a->is_exact) {
        match_evidence(m, "allocated there: %s in %s objects, exact",
                       match_bytes(m, a->bytes), match_count(m, a->objects));
    } else {
        match_evidence(m, "allocated there: about %s, from %s sample%s",
                       match_bytes(m, a->bytes), match_count(m, a->n_samples),
                       a->n_samples > 1 ? "s" : "");
    }
}

static void say_freed(const struct dump_candidate *c, struct rule_match *m)
{
    const struct dump_allocation *a = &c->allocation;
    if (a->n_allocated < 20) {
        return;
    }
    const double freed = a->n_freed / a->n_allocated;
    if (a->n_freed <= 0) {
        match_evidence(m,
                       "of what these lines ever allocated, nothing was "
                       "freed (%s samples)",
                       match_count(m, a->n_allocated));
    } else if (freed < 0.01) {
        match_evidence(m, "less than 1%% of what these lines ever allocated "
                          "was freed");
    } else {
        match_evidence(m, "%.0f%% of what these lines ever allocated was freed",
                       freed * 100);
    }
}

/* "goroutines main.f keep", "finalizers that wait to run keep" */
static bool is_many(const struct dump_candidate *c)
{
    return c->container == CONTAINER_QUEUE ||
           (c->at == 0 && c->way.n > 0 && c->way.rows[0]->branch->n_tops > 1 &&
            c->container == CONTAINER_GOROUTINES);
}

bool dump_match_stays(const struct dump_candidate *c)
{
    const struct dump_allocation *a = &c->allocation;
    return c->has_before ||
           (a->n_allocated >= 20 && a->n_freed < 0.01 * a->n_allocated);
}

bool dump_match_held(const struct evidence *e, struct rule_match *m,
                     const char *doing)
{
    const struct dump_candidate *c = e->dump;
    const struct finding_holder *h = &c->holder;
    const bool has_type = h->type && strcmp(h->type, h->name) != 0;
    m->cause = arena_printf(
        m->arena,
        "%s%s%s%s keep%s %s in %s object%s alive, %.1f%% of the heap%s%s",
        h->name, has_type ? " (" : "", has_type ? h->type : "",
        has_type ? ")" : "", is_many(c) ? "" : "s",
        match_bytes(m, c->retained_bytes), match_count(m, c->retained_objects),
        c->retained_objects > 1 ? "s" : "", h->share * 100, doing ? "; " : "",
        doing ? doing : "");
    say_growth(c, m);
    say_map(c, m);
    say_slice(c, m);
    say_fixed(c, m);
    say_site(c, m);
    say_freed(c, m);
    return true;
}
