/* `--set ID.PARAM=N`: parameters of rules, checked against their tables. */
#ifndef SEEP_CMD_RULE_SETTINGS_H
#define SEEP_CMD_RULE_SETTINGS_H

#include "options.h"
#include "rules/rules.h"

/* Fills the settings of `out`, which name static rows. ERR_USAGE. */
bool rule_settings_read(const struct words *texts, struct arena *arena,
                        struct rules_options *out, struct err *err) MUST_USE;

#endif
