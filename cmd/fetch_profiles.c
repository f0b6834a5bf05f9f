#include "fetch_profiles.h"

#include <string.h>

/* Seconds are net/http/pprof's own. */
struct known {
    const char *name;
    enum profile_kind kind; /* KIND_UNKNOWN: any */
    /* Texts do not tell heap from allocs, nor leaked goroutines from others;
       contention of either name is told by its stacks only. */
    enum profile_kind also;
    enum fetch_sort sort;
    uint64_t seconds; /* when none are asked for */
};

static const struct known known[] = {
    {"heap",          KIND_HEAP,          KIND_HEAP,         FETCH_OF_MOMENT, 0 },
    {"goroutine",     KIND_GOROUTINE,     KIND_GOROUTINE,    FETCH_OF_MOMENT, 0 },
    {"allocs",        KIND_ALLOCS,        KIND_HEAP,         FETCH_OF_MOMENT, 0 },
    {"goroutineleak", KIND_GOROUTINELEAK, KIND_GOROUTINE,    FETCH_OF_MOMENT, 0 },
    {"threadcreate",  KIND_THREADCREATE,  KIND_THREADCREATE, FETCH_OF_MOMENT, 0 },
    {"block",         KIND_BLOCK,         KIND_MUTEX,        FETCH_OF_MOMENT, 0 },
    {"mutex",         KIND_MUTEX,         KIND_BLOCK,        FETCH_OF_MOMENT, 0 },
    {"profile",       KIND_CPU,           KIND_CPU,          FETCH_OF_TIME,   30},
    {"trace",         KIND_UNKNOWN,       KIND_UNKNOWN,      FETCH_OF_TIME,   1 },
    {"delta_heap",    KIND_UNKNOWN,       KIND_UNKNOWN,      FETCH_OF_CHANGE, 0 },
    {"delta_block",   KIND_UNKNOWN,       KIND_UNKNOWN,      FETCH_OF_CHANGE, 0 },
    {"delta_mutex",   KIND_UNKNOWN,       KIND_UNKNOWN,      FETCH_OF_CHANGE, 0 },
};

static const struct known *known_find(const char *name)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

bool fetch_profile_offer(size_t i, struct option_offer *out)
{
    if (i >= sizeof(known) / sizeof(known[0])) {
        return false;
    }
    *out = (struct option_offer){.word = known[i].name};
    return true;
}

enum fetch_sort fetch_profile_sort(const char *name)
{
    const struct known *k = known_find(name);
    return k != NULL ? k->sort : FETCH_OF_ITS_OWN;
}

bool fetch_profile_takes_time(const char *name)
{
    const enum fetch_sort sort = fetch_profile_sort(name);
    return sort == FETCH_OF_TIME || sort == FETCH_OF_ITS_OWN;
}

uint64_t fetch_profile_usual_seconds(const char *name)
{
    const struct known *k = known_find(name);
    return k != NULL ? k->seconds : 0;
}

bool fetch_profile_check(const char *name, const struct snapshot *s,
                         struct err *err)
{
    const struct known *k = known_find(name);
    const bool is_contention = s->kind == KIND_BLOCK || s->kind == KIND_MUTEX;
    const bool is_loose = s->form != FORM_PROTO || is_contention;
    if (k == NULL || k->kind == KIND_UNKNOWN || s->kind == k->kind ||
        (is_loose && s->kind == k->also)) {
        return true;
    }
    const char *article = k->kind == KIND_ALLOCS ? "an" : "a";
    if (s->kind == KIND_OTHER || s->kind == KIND_UNKNOWN) {
        return err_set(err, ERR_MISMATCH,
                       "not %s %s profile but one of another kind", article,
                       k->name);
    }
    return err_set(err, ERR_MISMATCH, "not %s %s profile but %s %s profile",
                   article, k->name, s->kind == KIND_ALLOCS ? "an" : "a",
                   profile_kind_name(s->kind));
}
