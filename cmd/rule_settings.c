#include "rule_settings.h"

#include "base/num.h"

#include <string.h>

enum { RULES_MAX = 128 };

/* `id` is what was asked for, empty when too long to be near to anything. */
static bool unknown_rule(struct span asked, const char *id, struct err *err)
{
    const char *names[RULES_MAX];
    size_t n = 0;
    const struct rule *const *all = rules_all(&n);
    n = n < RULES_MAX ? n : RULES_MAX;
    for (size_t i = 0; i < n; i++) {
        names[i] = all[i]->id;
    }
    const char *nearest = *id != '\0' ? words_nearest(id, names, n) : NULL;
    const int len = (int)(asked.len < 64 ? asked.len : 64);
    return nearest != NULL
               ? err_set(err, ERR_USAGE,
                         "--set: there is no rule '%.*s'; did you mean %s?",
                         len, asked.p, nearest)
               : err_set(err, ERR_USAGE, "--set: there is no rule '%.*s'", len,
                         asked.p);
}

/* "goroutine-growth.min-growth=20" into a setting that names static rows. */
static bool read_setting(const char *text, struct rules_setting *out,
                         struct err *err)
{
    const struct span whole = span_of(text);
    const size_t equals = span_find_char(whole, '=');
    const size_t dot = span_find_char(span_first(whole, equals), '.');
    if (equals == whole.len || dot == equals) {
        return err_set(err, ERR_USAGE, "--set: '%s' is not ID.PARAM=N", text);
    }
    char id[64] = "";
    if (dot < sizeof(id)) {
        memcpy(id, text, dot);
    }
    const struct rule *rule = rules_find(id);
    if (rule == NULL) {
        return unknown_rule(span_first(whole, dot), id, err);
    }
    const struct span name = {text + dot + 1, equals - dot - 1};
    for (size_t i = 0; i < rule->n_params; i++) {
        const struct rule_param *p = &rule->params[i];
        if (!span_is(name, p->name)) {
            continue;
        }
        uint64_t bytes = 0;
        double v = 0;
        const struct span number = span_from(whole, equals + 1);
        const bool is_bytes = strcmp(p->unit, "bytes") == 0;
        if (is_bytes && num_parse_bytes(number, &bytes)) {
            v = (double)bytes;
        } else if (!num_parse_double(number, &v)) {
            return err_set(err, ERR_USAGE, "--set: '%s' is not a number",
                           number.p);
        }
        if (!(v >= p->min && v <= p->max)) {
            return err_set(err, ERR_USAGE,
                           "--set: %s.%s must be from %g to %g %s", rule->id,
                           p->name, p->min, p->max, p->unit);
        }
        *out = (struct rules_setting){rule->id, p->name, v};
        return true;
    }
    return err_set(err, ERR_USAGE,
                   "--set: rule %s has no parameter '%.*s'; see seep rules %s",
                   rule->id, (int)(name.len < 64 ? name.len : 64), name.p,
                   rule->id);
}

bool rule_settings_read(const struct words *texts, struct arena *arena,
                        struct rules_options *out, struct err *err)
{
    struct rules_setting *settings =
        arena_new(arena, struct rules_setting, texts->n + 1);
    if (settings == NULL) {
        return err_nomem(err, "settings");
    }
    for (size_t i = 0; i < texts->n; i++) {
        if (!read_setting(texts->items[i], &settings[i], err)) {
            return false;
        }
    }
    out->settings = settings;
    out->n_settings = texts->n;
    return true;
}
