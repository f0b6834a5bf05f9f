/*
 * Promises about the whole table of rules. The list below is the contract:
 * ids are final, so a change here is a change of the findings document.
 */
#include "test.h"

#include "rules/rules.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

static const char *const ids[] = {
    "goroutine-unreachable",
    "goroutine-nil-chan",
    "goroutine-select-empty",
    "goroutine-cohort",
    "goroutine-idle-conn",
    "goroutine-http-body",
    "goroutine-sql-rows",
    "goroutine-grpc-conn",
    "goroutine-ticker",
    "goroutine-chan-receive",
    "goroutine-chan-send",
    "goroutine-select",
    "goroutine-mutex",
    "goroutine-rwmutex",
    "goroutine-waitgroup",
    "goroutine-cond",
    "goroutine-sleep",
    "goroutine-io-wait",
    "goroutine-growth",
    "heap-context",
    "heap-timer",
    "heap-pool",
    "heap-substring",
    "heap-listener",
    "heap-map-held",
    "heap-slice-held",
    "heap-large-object",
    "heap-closure",
    "heap-global",
    "heap-growth",
    "memstats-growth",
    "dump-goroutine-unreachable",
    "dump-goroutine",
    "dump-duplicates",
    "dump-substring",
    "dump-finalizer",
    "dump-context",
    "dump-timer",
    "dump-pool",
    "dump-listener",
    "dump-closure",
    "dump-channel",
    "dump-map",
    "dump-slice",
    "dump-global",
    "dump-holder",
};

enum { N_IDS = sizeof(ids) / sizeof(ids[0]) };

static void ids_are_the_final_list_in_order(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    assert_int_equal(n, N_IDS);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(rules[i]->id, ids[i]);
        assert_ptr_equal(rules_find(ids[i]), rules[i]);
    }
    assert_null(rules_find("goroutine-"));
    assert_null(rules_find(""));
}

/* Printed to a terminal or wrapped: one line, ASCII, no blank at either end,
   a full stop where it is a sentence. */
static void check_text(const char *id, const char *what, const char *text,
                       size_t most, bool is_sentence)
{
    const size_t n = text ? strlen(text) : 0;
    bool ok = n > 0 && n <= most && text[0] != ' ' && text[n - 1] != ' ';
    for (size_t i = 0; i < n; i++) {
        ok = ok && isprint((unsigned char)text[i]) &&
             !(text[i] == ' ' && text[i + 1] == ' ' && is_sentence);
    }
    ok = ok && (!is_sentence || text[n - 1] == '.' || text[n - 1] == ')');
    ok = ok && (is_sentence || text[n - 1] != '.');
    if (!ok) {
        fail_msg("%s: %s: \"%s\" (%zu characters)", id, what,
                 text ? text : "(none)", n);
    }
}

static void texts_are_there_and_fit(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        const struct rule *r = rules[i];
        check_text(r->id, "title", r->title, 60, false);
        check_text(r->id, "headline", r->headline, 42, false);
        check_text(r->id, "what", r->what, 240, true);
        check_text(r->id, "why", r->why, 300, true);
        check_text(r->id, "infers", r->infers, 400, true);
        check_text(r->id, "decides", r->decides, 300, true);
        check_text(r->id, "fix", r->fix, 300, true);
        check_text(r->id, "confirm", r->confirm, 70, false);
    }
}

static void alternatives_are_named(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        const char *const *rows = rules[i]->alternatives;
        size_t k = 0;
        for (; k < 4 && rows[k]; k++) {
            check_text(rules[i]->id, "alternative", rows[k], 120, false);
        }
        assert_in_range(k, 1, 3);
    }
}

/* Go for people: no tabs, lines that fit beside an indent. */
static void check_code(const char *id, const char *code)
{
    const size_t n = code ? strlen(code) : 0;
    if (n == 0 || code[n - 1] != '\n' || strchr(code, '\t')) {
        fail_msg("%s: example: %s", id, code ? code : "(none)");
    }
    for (const char *line = code; line && *line;) {
        const char *end = strchr(line, '\n');
        if (!end) {
            break;
        }
        if (end - line > 70) {
            fail_msg("%s: line of %d columns", id, (int)(end - line));
        }
        line = end + 1;
    }
}

static void examples_are_short_go(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        check_code(rules[i]->id, rules[i]->leaking);
        check_code(rules[i]->id, rules[i]->mended);
        assert_string_not_equal(rules[i]->leaking, rules[i]->mended);
    }
}

static void parameters_are_in_range_and_named(void **state)
{
    (void)state;
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true((rules[i]->n_params == 0) == (rules[i]->params == NULL));
        for (size_t k = 0; rules[i]->params && k < rules[i]->n_params; k++) {
            const struct rule_param *p = &rules[i]->params[k];
            if (!(p->min <= p->value && p->value <= p->max) ||
                !(p->min < p->max)) {
                fail_msg("%s.%s out of range", rules[i]->id, p->name);
            }
            check_text(rules[i]->id, "parameter", p->name, 24, false);
            check_text(rules[i]->id, "unit", p->unit, 16, false);
            check_text(rules[i]->id, "help", p->help, 72, false);
            for (size_t j = 0; j < k; j++) {
                assert_string_not_equal(rules[i]->params[j].name, p->name);
            }
        }
    }
}

/* Only what needs no statistics may be called proven; the runtime's figures
   never name a leak for sure. */
static void grades_are_not_above_the_evidence(void **state)
{
    (void)state;
    static const char *const proofs[] = {
        "goroutine-unreachable", "goroutine-nil-chan", "goroutine-select-empty",
        "dump-goroutine-unreachable"};
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    for (size_t i = 0; i < n; i++) {
        bool is_proof = false;
        for (size_t k = 0; k < sizeof(proofs) / sizeof(proofs[0]); k++) {
            is_proof |= strcmp(rules[i]->id, proofs[k]) == 0;
        }
        assert_int_equal(rules[i]->worst == GRADE_PROVEN, is_proof);
    }
    assert_int_equal(rules_find("memstats-growth")->worst, GRADE_SUSPECT);
}

/* Someone must be able to name every kind of evidence; kinds follow needs. */
static void kinds_and_needs_agree(void **state)
{
    (void)state;
    static const unsigned kind_need[] = {
        [EVIDENCE_HEAP] = NEED_HEAP,
        [EVIDENCE_GOROUTINE] = NEED_GOROUTINE | NEED_DUMPS,
        [EVIDENCE_LEAK_PROFILE] = NEED_LEAK_PROFILE,
        [EVIDENCE_DUMP_STATE] = NEED_DUMPS | NEED_GOROUTINE,
        [EVIDENCE_COHORT] = NEED_DUMPS,
        [EVIDENCE_MEMSTATS] = NEED_MEMSTATS,
        [EVIDENCE_HEAP_DUMP] = NEED_HEAP_DUMP,
    };
    const unsigned n_kinds = sizeof(kind_need) / sizeof(kind_need[0]);
    size_t n;
    const struct rule *const *rules = rules_all(&n);
    unsigned seen = 0;
    for (size_t i = 0; i < n; i++) {
        assert_non_null(rules[i]->check);
        assert_true(rules[i]->kinds != 0 && rules[i]->needs != 0);
        seen |= rules[i]->kinds;
        for (unsigned k = 0; k < n_kinds; k++) {
            if (rules[i]->kinds & RULE_KIND(k)) {
                assert_true((kind_need[k] & rules[i]->needs) != 0);
            }
        }
    }
    assert_int_equal(seen, (1u << n_kinds) - 1);
}

/* testdata/rules/<id>/ is optional until the fixtures are made; a folder that
   is there must belong to a rule and hold a leaking and a clean series. */
static void fixtures_belong_to_rules(void **state)
{
    (void)state;
    DIR *all = opendir(testdata("rules"));
    if (!all) {
        skip();
    }
    size_t n_folders = 0;
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        n_folders++;
        if (!rules_find(entry->d_name)) {
            fail_msg("testdata/rules/%s: no such rule", entry->d_name);
        }
        char path[512];
        snprintf(path, sizeof path, "rules/%s", entry->d_name);
        DIR *one = opendir(testdata(path));
        if (!one) {
            fail_msg("testdata/%s: not a folder", path);
        }
        bool leaks = false;
        bool clean = false;
        for (struct dirent *f; (f = readdir(one)) != NULL;) {
            leaks |= strncmp(f->d_name, "leak-", 5) == 0;
            clean |= strncmp(f->d_name, "clean-", 6) == 0;
        }
        closedir(one);
        if (!leaks || !clean) {
            fail_msg("testdata/rules/%s: leak-* or clean-* missing",
                     entry->d_name);
        }
    }
    closedir(all);
    assert_int_equal(n_folders, N_IDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_final_list_in_order),
        cmocka_unit_test(texts_are_there_and_fit),
        cmocka_unit_test(alternatives_are_named),
        cmocka_unit_test(examples_are_short_go),
        cmocka_unit_test(parameters_are_in_range_and_named),
        cmocka_unit_test(grades_are_not_above_the_evidence),
        cmocka_unit_test(kinds_and_needs_agree),
        cmocka_unit_test(fixtures_belong_to_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
