/*
 * The same options give the same bytes from every compiler and build: what
 * each scenario writes is held against digests made once. BLESS=1 writes them
 * anew, which is right only after the model was changed on purpose.
 */
#include "test.h"

#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define DIGESTS SEEP_TESTDATA "/sim/digests.txt"

enum { N_SNAPSHOTS = 3, BACKGROUND = 60, LINE_BYTES = 128 };

static void must(bool ok, const struct err *err)
{
    if (!ok) {
        fail_msg("%s", err->text);
    }
}

static void add_proto(struct sim_world *w, enum sim_profile p, XXH3_state_t *h)
{
    struct err err = {0};
    struct profile *profile = NULL;
    struct buf raw = BUF_LIMIT((size_t)64 << 20);
    must(sim_profile_make(w, p, &profile, &err), &err);
    must(profile_encode(profile, &raw, &err), &err);
    XXH3_64bits_update(h, raw.data, raw.len);
    buf_release(&raw);
    profile_free(profile);
}

static void add_text(struct sim_world *w, enum sim_profile p, int debug,
                     XXH3_state_t *h)
{
    struct err err = {0};
    struct buf text = BUF_LIMIT((size_t)128 << 20);
    must(sim_profile_write(w, p, debug, &text, &err), &err);
    XXH3_64bits_update(h, text.data, text.len);
    buf_release(&text);
}

static bool hash_bytes(void *ctx, const uint8_t *p, size_t n, struct err *err)
{
    (void)err;
    return XXH3_64bits_update(ctx, p, n) == XXH_OK;
}

static bool hash_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return true;
}

static void add_dump(struct sim_world *w, XXH3_state_t *h)
{
    struct err err = {0};
    struct sink sink = {h, hash_bytes, hash_end};
    struct buf program = BUF_LIMIT((size_t)64 << 20);
    must(sim_dump_write(w, &sink, &err), &err);
    must(sim_program_write(w, &program, &err), &err);
    XXH3_64bits_update(h, program.data, program.len);
    buf_release(&program);
}

static uint64_t digest_of(const struct sim_scenario *s)
{
    struct sim_options o;
    struct sim_world *w = NULL;
    struct err err = {0};
    XXH3_state_t *h = XXH3_createState();
    assert_non_null(h);
    XXH3_64bits_reset(h);
    sim_options_default(&o);
    o.scenario = s;
    o.seed = 7;
    o.n_background = BACKGROUND;
    o.n_snapshots = N_SNAPSHOTS;
    must(sim_world_new(&o, &w, &err), &err);
    for (int i = 1; i <= N_SNAPSHOTS; i++) {
        must(sim_world_run(w, i * o.interval_ns, &err), &err);
        add_proto(w, SIM_HEAP, h);
        add_proto(w, SIM_GOROUTINE, h);
    }
    add_proto(w, SIM_ALLOCS, h);
    add_text(w, SIM_HEAP, 1, h);
    add_text(w, SIM_GOROUTINE, 1, h);
    add_text(w, SIM_GOROUTINE, 2, h);
    if (s->label == SIM_LEAK) { /* the others' dumps are no different */
        add_dump(w, h);
    }
    sim_world_free(w);
    const uint64_t digest = XXH3_64bits_digest(h);
    XXH3_freeState(h);
    return digest;
}

/* The digest written down for a scenario; 0 none. */
static uint64_t known_digest(const char *name)
{
    char line[LINE_BYTES];
    uint64_t digest = 0;
    FILE *f = fopen(DIGESTS, "r");
    assert_non_null(f);
    while (digest == 0 && fgets(line, sizeof(line), f) != NULL) {
        char *space = strchr(line, ' ');
        if (space != NULL && strncmp(line, name, (size_t)(space - line)) == 0 &&
            name[space - line] == '\0') {
            digest = strtoull(space + 1, NULL, 16);
        }
    }
    fclose(f);
    return digest;
}

static void bless(void)
{
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    FILE *f = fopen(DIGESTS, "w");
    assert_non_null(f);
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s %016llx\n", all[i]->name,
                (unsigned long long)digest_of(all[i]));
    }
    assert_int_equal(fclose(f), 0);
}

static void bytes_are_those_of_every_other_build(void **state)
{
    (void)state;
    size_t n = 0;
    const struct sim_scenario *const *all = sim_scenarios(&n);
    if (getenv("BLESS") != NULL) {
        bless();
    }
    for (size_t i = 0; i < n; i++) {
        const uint64_t known = known_digest(all[i]->name);
        const uint64_t now = digest_of(all[i]);
        if (known != now) {
            fail_msg("%s: %016llx, written down as %016llx", all[i]->name,
                     (unsigned long long)now, (unsigned long long)known);
        }
    }
}

static void the_same_seed_twice_is_the_same(void **state)
{
    (void)state;
    const struct sim_scenario *s = sim_scenario_find("map-cache");
    assert_non_null(s);
    assert_int_equal(digest_of(s), digest_of(s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_those_of_every_other_build),
        cmocka_unit_test(the_same_seed_twice_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
