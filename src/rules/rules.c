/* The list of rules, expanded from rules.def. */
#include "rules/rules.h"

#include <string.h>

#include "base/banned.h"

#define RULE(name) extern const struct rule rule_##name;
#include "rules/rules.def"
#undef RULE

static const struct rule *const rules[] = {
#define RULE(name) &rule_##name,
#include "rules/rules.def"
#undef RULE
};

const struct rule *const *rules_all(size_t *n)
{
    *n = sizeof(rules) / sizeof(rules[0]);
    return rules;
}

const struct rule *rules_find(const char *id)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i]->id, id) == 0) {
            return rules[i];
        }
    }
    return NULL;
}
