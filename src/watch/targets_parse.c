/*
 * Targets as files and services name them: lines of text, or the documents of
 * Prometheus' file_sd and http_sd. Errors say the place and never the text: a
 * URL may hold a password.
 */
#include "base/limits.h"
#include "watch/targets_private.h"

#include <jansson.h>

#include "base/banned.h"

/* --- lines --- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the next word off; false at the end or at a comment. */
static bool next_word(struct span *line, struct span *word)
{
    *line = span_trim(*line);
    if (line->len == 0 || line->p[0] == '#') {
        return false;
    }
    size_t n = 0;
    while (n < line->len && !is_blank(line->p[n])) {
        n++;
    }
    *word = span_first(*line, n);
    *line = span_from(*line, n);
    return true;
}

static bool parse_line(struct watch_targets *t, struct span line,
                       struct err *err)
{
    struct target_draft d = {.n_labels = 0};
    if (!next_word(&line, &d.address)) {
        return true;
    }
    struct span word;
    while (next_word(&line, &word)) {
        const size_t mark = span_find_char(word, '=');
        if (mark == word.len) {
            return err_set(err, ERR_FORMAT,
                           "behind the target stand labels, name=value");
        }
        if (!target_draft_label(&d, span_first(word, mark),
                                span_from(word, mark + 1), err)) {
            return false;
        }
    }
    return watch_targets_put(t, &d, err);
}

/* What was typed wrong in a file is wrong input. */
static bool at_fault(struct err *err)
{
    if (err->code == ERR_USAGE) {
        err->code = ERR_FORMAT;
    }
    return false;
}

static bool parse_lines(struct watch_targets *t, struct span text,
                        struct err *err)
{
    struct span line;
    for (size_t number = 1; span_line(&text, &line); number++) {
        if (!parse_line(t, line, err)) {
            (void)err_wrap(err, "line %zu", number);
            return at_fault(err);
        }
    }
    return true;
}

/* --- documents --- */

static bool parse_labels(json_t *object, struct target_draft *d,
                         struct err *err)
{
    const char *name;
    json_t *value;
    if (object && !json_is_object(object)) {
        return err_set(err, ERR_FORMAT, "\"labels\" is not an object");
    }
    json_object_foreach(object, name, value)
    {
        if (!json_is_string(value)) {
            return err_set(err, ERR_FORMAT, "label %.64s is not a text", name);
        }
        const struct span text = {json_string_value(value),
                                  json_string_length(value)};
        if (!target_draft_label(d, span_of(name), text, err)) {
            return false;
        }
    }
    return true;
}

static bool parse_group(struct watch_targets *t, const json_t *group,
                        struct err *err)
{
    const json_t *targets = json_object_get(group, "targets");
    if (!json_is_array(targets)) {
        return err_set(err, ERR_FORMAT,
                       "not an object with an array \"targets\"");
    }
    struct target_draft d = {.n_labels = 0};
    if (!parse_labels(json_object_get(group, "labels"), &d, err)) {
        return false;
    }
    const size_t n = json_array_size(targets);
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(targets, i);
        d.address =
            (struct span){json_string_value(one), json_string_length(one)};
        const bool ok =
            json_is_string(one)
                ? watch_targets_put(t, &d, err)
                : err_set(err, ERR_FORMAT, "an address that is not a text");
        if (!ok) {
            return err_wrap(err, "target %zu", i + 1);
        }
    }
    return true;
}

static bool parse_groups(struct watch_targets *t, const json_t *root,
                         struct err *err)
{
    const size_t n = json_array_size(root);
    for (size_t i = 0; i < n; i++) {
        if (!parse_group(t, json_array_get(root, i), err)) {
            (void)err_wrap(err, "group %zu", i + 1);
            return at_fault(err);
        }
    }
    return true;
}

static bool parse_document(struct watch_targets *t, struct span text,
                           struct err *err)
{
    json_error_t error;
    json_t *root = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, &error);
    if (!root) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return err_nomem(err, "targets");
        }
        return err_set(err, ERR_FORMAT, "line %d, column %d: not valid JSON",
                       error.line, error.column);
    }
    const bool ok =
        json_is_array(root)
            ? parse_groups(t, root, err)
            : err_set(err, ERR_FORMAT,
                      "not an array of {\"targets\": [...], \"labels\": {}}");
    json_decref(root);
    return ok;
}

/* "[::1]:6060" is a target, "[ {" and "[]" begin a document. */
static bool is_document(struct span text)
{
    while (text.len > 0 &&
           (is_blank(*text.p) || *text.p == '\n' || *text.p == '\r')) {
        text = span_from(text, 1);
    }
    if (text.len > 0 && text.p[0] == '{') {
        return true;
    }
    static const char address[] = "0123456789abcdefABCDEF:";
    return text.len > 0 && text.p[0] == '[' &&
           (text.len == 1 || !memchr(address, text.p[1], sizeof(address) - 1));
}

bool watch_targets_parse(struct watch_targets *t, struct span text,
                         struct err *err)
{
    if (text.len > LIMIT_TARGETS_BYTES) {
        return err_set(err, ERR_LIMIT, "more than %u MiB of targets",
                       LIMIT_TARGETS_BYTES >> 20);
    }
    return is_document(text) ? parse_document(t, text, err)
                             : parse_lines(t, text, err);
}
