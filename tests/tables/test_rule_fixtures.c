/*
 * The promise about the table of rules that needs real programs: every rule
 * names a leak of its kind in testdata/rules/<rule>/leak-*, and keeps silent
 * over the healthy look-alike in clean-*. Rules of heap dumps are judged by the
 * dumps in there, of one small program.
 */
#include "test.h"

#include "rules/judged_dump.h"

#include "base/limits.h"
#include "base/vec.h"
#include "fetch/fetch.h"
#include "input/input.h"
#include "rules/rules.h"
#include "series/series.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024 };

/* --- From a directory to findings --- */

/* False when the file is no profile: a note beside them. */
static bool read_snapshot(const char *path, struct snapshot *out)
{
    struct err err = {0};
    struct input *const in = input_new(&(struct input_options){0});
    assert_non_null(in);
    const bool is_known =
        fetch_file(path, LIMIT_INFLATED_BYTES, input_sink(in), NULL, &err) &&
        input_finish(in, out, &err);
    if (!is_known && err.code != ERR_UNKNOWN) {
        fail_msg("%s: %s", path, err.text);
    }
    input_free(in);
    return is_known;
}

static void judge_directory(const char *dir, struct findings *out)
{
    struct err err = {0};
    struct fetch_listing files = {0};
    assert_ok(fetch_list(dir, &files, &err), &err);
    struct series *const s = series_new(&(struct series_options){0});
    assert_non_null(s);
    for (size_t i = 0; i < files.n; i++) {
        struct snapshot snap = {0};
        if (read_snapshot(files.paths[i], &snap)) {
            snap.source = files.paths[i];
            assert_ok(series_add(s, &snap, &err), &err);
            snapshot_release(&snap);
        }
    }
    assert_ok(series_finish(s, &err), &err);
    assert_ok(rules_judge(s, &(struct rules_options){0}, out, &err), &err);
    series_free(s);
    fetch_listing_release(&files);
}

/* Small programs have small leaks. */
static const struct dump_options small = {.min_bytes = 256 << 10};

/* Findings live as long as the dump. */
static void judge_dump(const char *dir, struct judged_dump *d)
{
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "%s/end.heapdump.zst", dir);
    judged_dump_open(d, path, testdata("heap/dumpkinds.go1.26.zst"));
    judged_dump_judge(d, &small);
}

/* --- What a fixture promises --- */

/* Findings of this rule worth a look, and of any other. */
struct tally {
    size_t own, other;
};

static struct tally count_findings(const struct findings *f,
                                   const struct rule *rule)
{
    struct tally t = {0};
    for (size_t i = 0; i < f->n; i++) {
        const bool counts = f->items[i].grade > GRADE_INFO;
        const bool is_own = f->items[i].rule == rule;
        /* Some never are more than worth knowing. */
        t.own += is_own && (counts || rule->worst == GRADE_INFO);
        t.other += counts && !is_own;
    }
    return t;
}

static void print_findings(const char *dir, const struct findings *f)
{
    print_error("%s: verdict %s\n", dir, verdict_name(f->verdict));
    for (size_t i = 0; i < f->n; i++) {
        const struct finding *const x = &f->items[i];
        print_error("    %s %s %s\n", grade_name(x->grade), x->rule->id,
                    x->has_site ? x->site.function : "-");
    }
}

static bool is_right(const char *dir, const struct findings *f,
                     const struct rule *rule, bool is_leak)
{
    const struct tally t = count_findings(f, rule);
    const bool ok = is_leak ? t.own > 0 && t.other == 0
                            : t.own == 0 && f->verdict != VERDICT_LEAK;
    if (!ok) {
        print_findings(dir, f);
    }
    return ok;
}

static bool judge_fixture(const char *dir, const struct rule *rule,
                          bool is_leak)
{
    if (rule->needs == NEED_HEAP_DUMP) {
        struct judged_dump d;
        judge_dump(dir, &d);
        const bool ok = is_right(dir, &d.findings, rule, is_leak);
        judged_dump_release(&d);
        return ok;
    }
    struct findings f = {0};
    judge_directory(dir, &f);
    const bool ok = is_right(dir, &f, rule, is_leak);
    findings_release(&f);
    return ok;
}

/* --- Over the table --- */

struct outcome {
    size_t n_leaks, n_neighbours, n_broken;
};

/* Judges what stands in testdata/rules/<rule>. */
static struct outcome judge_fixtures(const struct rule *rule)
{
    struct outcome o = {0};
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof(path), "rules/%s", rule->id);
    const char *const dir = testdata(path);
    DIR *const d = opendir(dir);
    const struct dirent *entry = NULL;
    while (d && (entry = readdir(d)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (strncmp(entry->d_name, "leak-", 5) == 0) {
            o.n_leaks++;
            o.n_broken += !judge_fixture(path, rule, true);
        } else if (strncmp(entry->d_name, "clean-", 6) == 0) {
            o.n_neighbours++;
            o.n_broken += !judge_fixture(path, rule, false);
        }
    }
    if (d) {
        closedir(d);
    }
    return o;
}

static void every_rule_names_its_leak_and_spares_its_neighbour(void **state)
{
    (void)state;
    size_t n = 0;
    const struct rule *const *const rules = rules_all(&n);
    size_t n_failed = 0;
    for (size_t i = 0; i < n; i++) {
        const struct outcome o = judge_fixtures(rules[i]);
        if (o.n_leaks == 0 || o.n_neighbours == 0 || o.n_broken > 0) {
            print_error("%s: %zu leak-*, %zu clean-*, %zu of them wrong\n",
                        rules[i]->id, o.n_leaks, o.n_neighbours, o.n_broken);
            n_failed++;
        }
    }
    assert_int_equal(n_failed, 0);
}

static void every_folder_of_fixtures_is_a_rule(void **state)
{
    (void)state;
    DIR *const d = opendir(testdata("rules"));
    assert_non_null(d);
    const struct dirent *entry = NULL;
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.' && !rules_find(entry->d_name)) {
            fail_msg("testdata/rules/%s: no such rule", entry->d_name);
        }
    }
    closedir(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_names_its_leak_and_spares_its_neighbour),
        cmocka_unit_test(every_folder_of_fixtures_is_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
