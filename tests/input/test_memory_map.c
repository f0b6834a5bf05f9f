/* Memory maps: lines as google/pprof's expressions cut them, and which mapping
   a location gets. What is expected is what google/pprof says. */
#include "raw_text.h"

#include "input/memory_map_private.h"

struct map_case {
    const char *map;
    /* Ids of the mappings of 0x401000 and 0x40f000; then the mappings: range,
       offset unless 0, file, build id. */
    const char *want;
};

static const struct map_case map_cases[] = {
    {"00400000-00450000 r-xp 00001000 08:01 131 /srv/app\n",
     "1 1; 400000-450000 1000 /srv/app"                                                                                     },
    {"00400000-00450000 r-xp 08:01 131 /srv/app\n",
     "1 1; 400000-450000 /srv/app"                                                                                          },
    {"00400000-00450000 r-xp 00000000 08:01 131\n",          "1 1; 400000-450000"                                           },
    {"00400000-00450000 rw-p 00000000 08:01 131 /srv/app\n",
     "1 1; 0-ffffffffffffffff"                                                                                              },
    {"0x400000-0x450000 /srv/app (@1000) abc123\n",
     "1 1; 400000-450000 1000 /srv/app abc123"                                                                              },
    {"  00400000-00450000: /srv/app\n",                      "1 1; 400000-450000 /srv/app"                                  },
    {"400000 450000 r-xp /srv/app abc\n",                    "1 1; 400000-450000 /srv/app abc"                              },
    {"400000-450000 /srv/app (@zz) 77\n",                    "1 1; 400000-450000 /srv/app"                                  },
 /* one address is split to get two */
    {"400000 08:01 131 /srv/app\n",
     "2 2; 40000-0 /srv/app; 0-ffffffffffffffff"                                                                            },
    {"4000000x450000 /srv/app\n",                            "1 1; 400000-450000 /srv/app"                                  },
    {"abc\n",                                                "2 2; ab-c; 0-ffffffffffffffff"                                },
    {"face=1\n",                                             "2 2; fac-e; 0-ffffffffffffffff"                               },
 /* no mapping at all */
    {"f\n",                                                  "1 1; 0-ffffffffffffffff"                                      },
    {"12 - 34\n",                                            "1 1; 0-ffffffffffffffff"                                      },
    {"10000000000000000-20000000000000000 /srv/app\n",
     "1 1; 0-ffffffffffffffff"                                                                                              },
 /* "pr" is taken for permissions */
    {"400000-450000 prog\n",                                 "1 1; 0-ffffffffffffffff"                                      },
    {"I0102 main.cc:17] 400000-450000 /srv/app\n",
     "1 1; 400000-450000 /srv/app"                                                                                          },
 /* attributes: the first of a name counts, the empty name is one */
    {"home=/srv\n"
     "400000-450000 $home/app\n",                       "1 1; 400000-450000 /srv/app"                                  },
    {"home=/srv\n"
     "home=/opt\n"
     "=X\n"
     "400000-450000 $home/app$\n",                      "1 1; 400000-450000 /srv/appX"                                 },
 /* halves of one mapping */
    {"400000-450000 /srv/app\n"
     "450000-460000 /srv/app\n",                        "1 1; 400000-460000 /srv/app"                                  },
    {"400000-450000 r-xp 1000 08:01 1 /srv/app\n"
     "450000-460000 r-xp 2000 08:01 1 /srv/app\n",      "1 1; 400000-450000 1000 /srv/app; 450000-460000 2000 /srv/app"},
    {"400000-450000 r-xp 1000 08:01 1 /srv/app\n"
     "450000-460000 r-xp 51000 08:01 1 /srv/app\n",     "1 1; 400000-460000 1000 /srv/app"                             },
 /* the program goes first */
    {"7f00-7f10 /lib/a.so.1\n"
     "7f20-7f30 [vdso]\n"
     "8f00-8f10 /lib/b.so\n"
     "9f00-9f10 /srv/app(deleted)\n"
     "af00-af10 /srv/other\n",                          "6 6; 9f00-9f10 /srv/app(deleted); 7f20-7f30 [vdso]; "
     "8f00-8f10 /lib/b.so; 7f00-7f10 /lib/a.so.1; af00-af10 /srv/other; "
     "0-ffffffffffffffff"                                                                },
    {"200000-400000 /anon_hugepage\n"
     "400000-450000 /srv/app\n",                        "1 1; 400000-450000 /srv/app"                                  },
    {"401000-450000 r-xp 1000 08:01 1 /srv/app\n",
     "1 1; 400000-450000 /srv/app"                                                                                          },
 /* what was left out in front of a mapping is found again */
    {"410000-450000 r-xp 1000 08:01 1 /srv/app\n",
     "2 2; 410000-450000 1000 /srv/app; 0-ffffffffffffffff"                                                                 },
    {"4f0000-4f8000 /lib/x.so\n"
     "410000-450000 r-xp f000 08:01 1 /lib/y.so\n",     "2 2; 4f0000-4f8000 /lib/x.so; 401000-450000 /lib/y.so"        },
};

static void describe(struct buf *out, const struct profile *p)
{
    for (uint32_t i = 0; i < p->n_locations; i++) {
        buf_printf(out, "%s%u", i > 0 ? " " : "", p->locations[i].mapping + 1);
    }
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        const struct profile_mapping *const m = &p->mappings[i];
        assert_int_equal(m->id, i + 1);
        buf_printf(out, "; %" PRIx64 "-%" PRIx64, m->start, m->limit);
        if (m->offset != 0) {
            buf_printf(out, " %" PRIx64, m->offset);
        }
        buf_printf(out, "%s%s", m->file.i ? " " : "", profile_text(p, m->file));
        buf_printf(out, "%s%s", m->build_id.i ? " " : "",
                   profile_text(p, m->build_id));
    }
}

static void lines_are_cut_as_pprof_cuts_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(map_cases) / sizeof(map_cases[0]); i++) {
        struct buf text = BUF_LIMIT(1 << 16);
        struct buf got = BUF_LIMIT(1 << 16);
        buf_str(&text, "goroutine profile: total 1\n1 @ 0x401001 0x40f001\n"
                       "--- Memory map: ---\n");
        buf_str(&text, map_cases[i].map);
        struct snapshot s = snapshot_of(buf_view(&text));
        describe(&got, s.profile);
        assert_string_equal(got.data, map_cases[i].want);
        snapshot_release(&s);
        buf_release(&got);
        buf_release(&text);
    }
}

static void address_zero_lies_nowhere(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("goroutine profile: total 1\n1 @ 0x1 0x0\n"
                         "--- Memory map: ---\n00000000-00450000: /srv/app\n");
    const struct profile *const p = s.profile;
    assert_int_equal(p->n_locations, 2);
    assert_int_equal(p->locations[0].address, 0);
    assert_int_equal(p->locations[0].mapping, PROFILE_NONE);
    assert_true(p->locations[1].address == UINT64_MAX);
    assert_int_equal(p->locations[1].mapping, 1);
    assert_int_equal(p->n_mappings, 2);
    snapshot_release(&s);
}

static void names_are_said_of_mappings(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_text("goroutine profile: total 1\n1 @ 0x401001\n"
                         "#\t0x401000\tmain.f+0x10\t/a.go:1\n\n");
    assert_int_equal(s.profile->n_mappings, 1);
    assert_int_equal(s.profile->locations[0].mapping, 0);
    assert_true(s.profile->mappings[0].has_functions);
    assert_true(s.profile->mappings[0].has_inline_frames);
    snapshot_release(&s);
}

static void both_headings_begin_a_map(void **state)
{
    (void)state;
    assert_true(memory_map_begins(SPAN_LIT("--- Memory map: ---")));
    assert_true(memory_map_begins(SPAN_LIT("x MAPPED_LIBRARIES: y")));
    assert_false(memory_map_begins(SPAN_LIT("--- Memory map")));
}

static bool add_lines(struct memory_map *m, const char *line, size_t n,
                      struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!memory_map_line(m, span_of(line), err)) {
            return false;
        }
    }
    return true;
}

static void what_no_process_has_is_refused(void **state)
{
    (void)state;
    struct memory_map m;
    struct err err = {0};
    memory_map_init(&m);
    assert_false(add_lines(&m, "a=b", 65, &err));
    assert_err(&err, ERR_LIMIT, "memory map: more than 64 names with values");
    assert_false(add_lines(&m, "$x$x$x$x$x$x$x$x", (1 << 17) + 1, &err));
    assert_err(&err, ERR_LIMIT, "memory map: too many values put in");
    memory_map_release(&m);
    memory_map_init(&m);
    assert_false(add_lines(&m, "12", (1 << 20) + 1, &err));
    assert_err(&err, ERR_LIMIT, "memory map: more than 1048576 mappings");
    memory_map_release(&m);
}

/* A short line becomes a long one, and each of those is read. */
static void values_may_not_grow_a_map_without_end(void **state)
{
    (void)state;
    enum { VALUE_BYTES = 900000, N_LINES = 300 };
    struct memory_map m;
    struct err err = {0};
    struct buf line = BUF_LIMIT(1 << 20);
    buf_str(&line, "a=");
    buf_repeat(&line, '.', VALUE_BYTES);
    memory_map_init(&m);
    assert_true(memory_map_line(&m, buf_view(&line), &err));
    assert_false(add_lines(&m, "$a", N_LINES, &err));
    assert_err(&err, ERR_LIMIT, "memory map: too many values put in");
    memory_map_release(&m);
    buf_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_cut_as_pprof_cuts_them),
        cmocka_unit_test(address_zero_lies_nowhere),
        cmocka_unit_test(names_are_said_of_mappings),
        cmocka_unit_test(both_headings_begin_a_map),
        cmocka_unit_test(what_no_process_has_is_refused),
        cmocka_unit_test(values_may_not_grow_a_map_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
