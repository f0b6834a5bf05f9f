#include "written.h"

struct unit_case {
    const char *in;
    const char *units; /* "key=unit", sorted */
    const char *notes;
};

static const struct unit_case unit_cases[] = {
    {"1 a",                                                          "",             ""},
    {"1 a k=v",                                                      "",             ""}, /* no number */
    {"1 a k:=1",                                                     "k=k",          ""},
    {"1 a request:=1 alignment:=2 bytes:=3",
     "alignment=bytes bytes=bytes request=bytes",                                    ""},
    {"1 a bytes:=1/kB",                                              "bytes=kB",     ""},
    {"1 a z:=1/s;2 a y:=1;4 b x:=1/ms",                              "x=ms y=y z=s", ""},
 /* The first that is said, wherever. */
    {"1 a k:=1;2 a k:=1/ms;4 a k:=1",                                "k=ms",         ""},
    {"1 a k:=1/s k:=2/ms",                                           "k=s",
     "For tag k used unit s, also encountered unit(s) ms\n"                            },
 /* Others once each, sorted; keys sorted. */
    {"1 a k:=1/s k:=1/ns k:=1/ms k:=1/ns k:=1/s b:=1/B;2 a b:=1/kB", "b=B k=s",
     "For tag b used unit B, also encountered unit(s) kB\n"
     "For tag k used unit s, also encountered unit(s) ms, ns\n"                        },
};

static void put_units(struct buf *out, const struct profile *p,
                      const struct label_units *u)
{
    for (size_t i = 0; i < u->n; i++) {
        buf_str(out, i != 0 ? " " : "");
        buf_span(out, profile_span(p, u->items[i].key));
        buf_char(out, '=');
        buf_span(out, u->items[i].unit);
    }
    buf_str(out, "");
}

static void the_unit_of_a_key_is_the_first_said_or_guessed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(unit_cases) / sizeof(unit_cases[0]); i++) {
        struct err err = {0};
        struct label_units u;
        struct buf notes = BUF_LIMIT(1000);
        struct buf text = BUF_LIMIT(1000);
        struct profile *p = written("samples/count", unit_cases[i].in);
        assert_ok(label_units_find(p, &u, &notes, &err), &err);
        put_units(&text, p, &u);
        assert_true(span_is(buf_view(&text), unit_cases[i].units));
        assert_true(span_is(buf_view(&notes), unit_cases[i].notes));
        label_units_release(&u);
        /* Without notes the units are the same. */
        assert_ok(label_units_find(p, &u, NULL, &err), &err);
        buf_clear(&text);
        put_units(&text, p, &u);
        assert_true(span_is(buf_view(&text), unit_cases[i].units));
        label_units_release(&u);
        buf_release(&notes);
        buf_release(&text);
        profile_free(p);
    }
}

static void units_are_found_by_key(void **state)
{
    (void)state;
    struct err err = {0};
    struct label_units u;
    struct profile *p =
        written("samples/count", "1 a b:=1/s d:=2/ms f:=3 ab:=1 request:=1");
    assert_ok(label_units_find(p, &u, NULL, &err), &err);
    static const char *const wanted[][2] = {
        {"b",       "s"    },
        {"d",       "ms"   },
        {"f",       "f"    },
        {"ab",      "ab"   },
        {"request", "bytes"},
        {"a",       ""     },
        {"c",       ""     },
        {"g",       ""     },
        {"",        ""     },
    };
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_true(span_is(label_units_get(p, &u, span_of(wanted[i][0])),
                            wanted[i][1]));
    }
    label_units_release(&u);
    assert_int_equal(label_units_get(p, &u, SPAN_LIT("b")).len, 0);
    profile_free(p);
}

/* A string table may hold a text twice. */
static void keys_and_units_are_compared_by_text(void **state)
{
    (void)state;
    struct buf raw = WIRE_BUF;
    put_numbers(&raw, 1, NUMBERS(1, 1, 2, 2));
    struct buf sample = WIRE_BUF;
    put_number(&sample, 2, 1);
    put_numbers(&sample, 3, NUMBERS(1, 3, 3, 7, 4, 5));
    put_numbers(&sample, 3, NUMBERS(1, 4, 3, 8, 4, 6));
    put_message(&raw, 2, sample);
    static const char *const strings[] = {"",  "samples", "count", "k",
                                          "k", "ms",      "ms"};
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        put_text(&raw, strings[i]);
    }
    struct profile *p = decode_ok(buf_view(&raw), "texts twice");
    struct err err = {0};
    struct label_units u;
    struct buf notes = BUF_LIMIT(1000);
    assert_int_equal(p->n_labels, 2);
    assert_ok(label_units_find(p, &u, &notes, &err), &err);
    assert_int_equal(u.n, 1);
    assert_int_equal(notes.len, 0);
    label_units_release(&u);
    buf_release(&notes);
    profile_free(p);
    buf_release(&raw);
}

static void real_profiles_have_units(void **state)
{
    (void)state;
    struct err err = {0};
    struct label_units u;
    struct profile *p = loaded("heap-go1.23");
    assert_ok(label_units_find(p, &u, NULL, &err), &err);
    assert_int_equal(u.n, 1);
    assert_true(span_is(label_units_get(p, &u, SPAN_LIT("bytes")), "bytes"));
    label_units_release(&u);
    profile_free(p);
}

static void profiles_at_the_edge_have_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_EDGE_PROFILES; i++) {
        struct err err = {0};
        struct label_units u;
        struct profile *p = edge_profile(i);
        assert_ok(label_units_find(p, &u, NULL, &err), &err);
        assert_int_equal(u.n, 0);
        label_units_release(&u);
        profile_free(p);
    }
}

static bool find(void *ctx, struct err *err)
{
    struct label_units u;
    struct buf notes = BUF_LIMIT(1000);
    bool ok = label_units_find(ctx, &u, &notes, err);
    label_units_release(&u);
    ok = ok && buf_check(&notes, "notes", err);
    buf_release(&notes);
    return ok;
}

static void running_out_of_memory_is_survived(void **state)
{
    (void)state;
    struct profile *p =
        written("samples/count", "1 a k:=1/s k:=1/ms b:=1;2 c d:=1/x");
    assert_true(oom_walk(find, p) > 5);
    profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_unit_of_a_key_is_the_first_said_or_guessed),
        cmocka_unit_test(units_are_found_by_key),
        cmocka_unit_test(keys_and_units_are_compared_by_text),
        cmocka_unit_test(real_profiles_have_units),
        cmocka_unit_test(profiles_at_the_edge_have_none),
        cmocka_unit_test(running_out_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
