/* Goroutine dumps and crash output. */
#include "snapshots.h"

#include <inttypes.h>

static const struct dump_goroutine *find(const struct goroutine_dump *d,
                                         uint64_t id)
{
    for (size_t i = 0; i < d->goroutines.n; i++) {
        if (d->goroutines.items[i].id == id) {
            return &d->goroutines.items[i];
        }
    }
    fail_msg("no goroutine %" PRIu64, id);
    return NULL;
}

static void add_frame_text(struct buf *b, const struct goroutine_dump *d,
                           const struct dump_frame *f)
{
    buf_printf(b, "%s %s:%" PRId64, dump_text(d, f->function),
               dump_text(d, f->file), f->line);
}

/* A goroutine in one line: status, frames, creator, and what else is set. */
static void describe(const struct goroutine_dump *d,
                     const struct dump_goroutine *g, struct buf *b)
{
    buf_printf(b, "%s", dump_text(d, g->status));
    if (g->wait_minutes >= 0) {
        buf_printf(b, ", %" PRId64 " min", g->wait_minutes);
    }
    buf_str(b, g->is_locked ? ", locked" : "");
    buf_str(b, g->is_leaked ? ", leaked" : "");
    buf_str(b, g->is_scanning ? ", scan" : "");
    if (g->bubble) {
        buf_printf(b, ", bubble %" PRIu64, g->bubble);
    }
    for (uint32_t i = 0; i < g->n_labels; i++) {
        const struct dump_label *const l = &d->labels.items[g->first_label + i];
        buf_printf(b, " {%s}={%s}", dump_text(d, l->key),
                   dump_text(d, l->value));
    }
    for (uint32_t i = 0; i < g->n_frames; i++) {
        buf_str(b, " | ");
        add_frame_text(b, d, &d->frames.items[g->first_frame + i]);
    }
    if (g->n_elided) {
        buf_printf(b, " ...%u", g->n_elided);
    }
    if (g->has_creator) {
        buf_str(b, " <- ");
        add_frame_text(b, d, &g->creator);
        buf_printf(b, " in %" PRIu64, g->creator_id);
    }
    if (g->ancestor_id) {
        buf_printf(b, " from %" PRIu64, g->ancestor_id);
    }
}

static void assert_goroutine(const struct goroutine_dump *d, uint64_t id,
                             const char *want)
{
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    describe(d, find(d, id), &b);
    assert_string_equal(b.data, want);
    buf_release(&b);
}

struct goroutine_case {
    uint64_t id;
    const char *want;
};

/* What synthetic-states.debug2.txt must give. */
static const struct goroutine_case states[] = {
    {1,  "select (no cases), 1441 min | main.main /srv/app/main.go:20"               },
    {7,  "chan receive (nil chan), 35 min | main.(*Feed).next "
        "/srv/app/feed.go:44 <- main.(*Feed).Run /srv/app/feed.go:31 in 1"    },
    {8,  "semacquire, 2 min, locked | sync.runtime_Semacquire "
        "/usr/lib/go-1.19/src/runtime/sema.go:62 | sync.(*WaitGroup).Wait "
        "/usr/lib/go-1.19/src/sync/waitgroup.go:139 | main.run.func1 "
        "/srv/app/main.go:51 <- main.run /srv/app/main.go:49 in 0"            },
    {9,
     "chan send, 3 min, scan | main.glob..func2 C:/Users/build/app/push.go:9 "
     "<- main.init.0 C:/Users/build/app/push.go:5 in 1"                              },
    {10, "chan receive (synctest), bubble 12 | main.Map[...].Each.func1 "
         "/srv/app/a dir/map.go:77 | main.Map[...].Each-range1 /srv/app/a "
         "dir/map.go:80 <- main.Map[...].Each /srv/app/a dir/map.go:70 in 12"},
    {11, "select (durable), 4 min, bubble 13 {k, 9 minutes}={v]:} "
         "{}={\x7f\xf0\x9f\x98\x80} | main.wait /srv/app/wait.go:8 <- "
         "main.bubble /srv/app/wait.go:3 in 13"                              },
    {14, "syscall | non-Go function :0 | runtime.cgocall "
         "/usr/lib/go-1.26/src/runtime/cgocall.go:167 | main._Cfunc_sleep "
         "_cgo_gotypes.go:45 <- main.cgo /srv/app/cgo.go:12 in 1"            },
    {15,
     "syscall, 12 min | wait_for_it /srv/app/wait.c:7 | non-Go function :0 | "
     "main._Cfunc_wait _cgo_gotypes.go:60 <- main.cgo /srv/app/cgo.go:13 in 1"       },
    {16, "running <- main.spin /srv/app/spin.go:4 in 1"                              },
    {17, "IO wait | example.org/deep.walk /srv/app/deep.go:5 ...1 <- "
         "example.org/deep.Start /srv/app/deep.go:2 in 1"                    },
    {18, "leaked, leaked | main.quiet /srv/app/quiet.go:3 <- main.main "
         "/srv/app/main.go:18 in 1"                                          },
};

static void every_state_of_the_grammar_is_read(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_file(testdata("dumps/synthetic-states.debug2.txt"));
    assert_int_equal(s.kind, KIND_GOROUTINE);
    assert_int_equal(s.form, FORM_DUMP);
    assert_false(s.dump->is_truncated);
    assert_false(s.dump->is_crash);
    const size_t n = sizeof(states) / sizeof(states[0]);
    assert_int_equal(s.dump->goroutines.n, n);
    for (size_t i = 0; i < n; i++) {
        assert_goroutine(s.dump, states[i].id, states[i].want);
    }
    snapshot_release(&s);
}

struct count_case {
    const char *status;
    unsigned n, n_leaked;
};

static void assert_counts(const struct goroutine_dump *d,
                          const struct count_case *cases, size_t n_cases,
                          unsigned n_all)
{
    assert_int_equal(d->goroutines.n, n_all);
    for (size_t c = 0; c < n_cases; c++) {
        unsigned n = 0;
        unsigned n_leaked = 0;
        for (size_t i = 0; i < d->goroutines.n; i++) {
            const struct dump_goroutine *const g = &d->goroutines.items[i];
            if (strcmp(dump_text(d, g->status), cases[c].status) == 0) {
                n++;
                n_leaked += g->is_leaked;
            }
        }
        assert_int_equal(n, cases[c].n);
        assert_int_equal(n_leaked, cases[c].n_leaked);
    }
}

static void leaked_goroutines_of_go_1_26_are_counted(void **state)
{
    (void)state;
    static const struct count_case counts[] = {
        {"chan send",               5,  5 },
        {"chan receive",            14, 11},
        {"chan receive (nil chan)", 1,  1 },
        {"chan send (nil chan)",    1,  1 },
        {"select (no cases)",       1,  1 },
        {"select",                  5,  3 },
        {"sync.Mutex.Lock",         3,  3 },
        {"sync.RWMutex.RLock",      1,  1 },
        {"sync.WaitGroup.Wait",     2,  1 },
        {"sync.Cond.Wait",          1,  1 },
        {"sleep",                   1,  0 },
    };
    struct snapshot s =
        snapshot_of_file(testdata("goroutineleak/goroutineleak.debug2.txt"));
    assert_counts(s.dump, counts, sizeof(counts) / sizeof(counts[0]), 39);
    assert_int_equal(s.kind, KIND_GOROUTINE);
    snapshot_release(&s);
}

static void labels_and_ancestors_of_go_1_26_are_read(void **state)
{
    (void)state;
    struct snapshot s =
        snapshot_of_file(testdata("dumps/labels-ancestors.debug2.txt"));
    assert_int_equal(s.dump->goroutines.n, 39);
    assert_goroutine(s.dump, 42,
                     "chan receive, leaked {note}={a \"0\"]: \xc3\xbc\n} "
                     "{route}={/orders} | main.receive "
                     "example.org/leaks/main.go:54 <- main.labelled.func1 "
                     "example.org/leaks/main.go:120 in 1 from 1");
    snapshot_release(&s);
}

static void panic_text_in_front_is_the_banner(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_file(testdata("dumps/crash-all.txt"));
    assert_true(s.dump->is_crash);
    assert_false(s.dump->is_truncated);
    assert_string_equal(s.dump->banner, "panic: order 42: no such user");
    assert_int_equal(s.dump->goroutines.n, 10);
    snapshot_release(&s);
}

static void fatal_error_is_a_crash_too(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_file(testdata("dumps/crash-fatal.txt"));
    assert_true(s.dump->is_crash);
    assert_string_equal(s.dump->banner, "fatal error: concurrent map writes");
    assert_int_equal(s.dump->goroutines.n, 11);
    assert_false(s.dump->is_truncated);
    snapshot_release(&s);
}

static void frames_left_out_are_counted(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_file(testdata("dumps/crash-system.txt"));
    unsigned n_elided = 0;
    for (size_t i = 0; i < s.dump->goroutines.n; i++) {
        n_elided += s.dump->goroutines.items[i].n_elided;
    }
    assert_int_equal(n_elided, 56);
    /* runtime.gopanic is printed as "panic". */
    const struct dump_goroutine *const main_one = find(s.dump, 1);
    assert_string_equal(
        dump_text(s.dump, s.dump->frames.items[main_one->first_frame].function),
        "runtime.gopanic");
    snapshot_release(&s);
}

static void signal_dumps_end_in_registers_and_repeat_themselves(void **state)
{
    (void)state;
    struct snapshot once = snapshot_of_file(testdata("dumps/crash-quit.txt"));
    struct snapshot threads =
        snapshot_of_file(testdata("dumps/crash-threads.txt"));
    assert_string_equal(once.dump->banner, "SIGQUIT: quit");
    assert_int_equal(once.dump->goroutines.n, 16);
    assert_int_equal(threads.dump->goroutines.n, 16);
    assert_false(once.dump->is_truncated);
    assert_false(threads.dump->is_truncated);
    for (size_t i = 0; i < threads.dump->goroutines.n; i++) {
        assert_true(threads.dump->goroutines.items[i].id != 0);
    }
    snapshot_release(&once);
    snapshot_release(&threads);
}

static const char one_goroutine[] = "goroutine 7 [chan send]:\n"
                                    "main.f(0x1)\n"
                                    "\t/a.go:12 +0x5\n"
                                    "created by main.main in goroutine 1\n"
                                    "\t/a.go:3 +0x2\n";

static void log_lines_in_front_do_not_matter(void **state)
{
    (void)state;
    struct buf b = BUF_LIMIT((size_t)1 << 20);
    for (unsigned i = 0; i < 1000; i++) {
        buf_printf(&b, "{\"level\":\"info\",\"msg\":\"order %u\"}\n", i);
    }
    buf_str(&b, "fatal error: all goroutines are asleep - deadlock!\r\n\r\n");
    buf_str(&b, one_goroutine);
    buf_str(&b, "\nexit status 2\n");
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_string_equal(s.dump->banner,
                        "fatal error: all goroutines are asleep - deadlock!");
    assert_goroutine(s.dump, 7,
                     "chan send | main.f /a.go:12 <- main.main /a.go:3 in 1");
    assert_false(s.dump->is_truncated);
    snapshot_release(&s);
    buf_release(&b);
}

/* A goroutine that is cut after n bytes: is the cut seen? */
static void cut_in_the_middle_of_a_goroutine_is_seen(void **state)
{
    (void)state;
    const size_t whole = sizeof(one_goroutine) - 1;
    const size_t first = sizeof("goroutine 7 [chan send]:") - 1;
    for (size_t n = first; n <= whole; n++) {
        struct snapshot s = snapshot_of((struct span){one_goroutine, n});
        const bool ends_behind_a_frame =
            n == whole || span_ends((struct span){one_goroutine, n}, "+0x5\n");
        assert_int_equal(s.dump->is_truncated, !ends_behind_a_frame);
        snapshot_release(&s);
    }
}

static void line_number_that_may_lack_digits_is_not_told(void **state)
{
    (void)state;
    struct snapshot s = snapshot_of_text("goroutine 7 [chan send]:\n"
                                         "main.f(0x1)\n"
                                         "\t/a.go:1");
    assert_goroutine(s.dump, 7, "chan send | main.f /a.go:0");
    snapshot_release(&s);
}

static void dump_of_exactly_64_mib_was_cut_by_go(void **state)
{
    (void)state;
    const size_t cap = (size_t)64 << 20;
    struct buf b = BUF_LIMIT(cap);
    buf_str(&b, one_goroutine);
    buf_char(&b, '\n');
    /* Log lines behind it; the last ends the text. */
    while (b.len + 4096 < cap) {
        buf_repeat(&b, '.', 4095);
        buf_char(&b, '\n');
    }
    buf_repeat(&b, '\n', cap - b.len);
    assert_int_equal(b.len, cap);
    struct snapshot s = snapshot_of(buf_view(&b));
    assert_true(s.dump->is_truncated);
    snapshot_release(&s);
    b.len--;
    s = snapshot_of(buf_view(&b));
    assert_false(s.dump->is_truncated);
    snapshot_release(&s);
    buf_release(&b);
}

static const char *const no_headers[] = {
    "goroutine 7 [running]\n",     "goroutine x [running]:\n",
    "goroutine [running]:\n",      "goroutine 7 running:\n",
    "goroutine 7 on [running]:\n", "goroutine 7 []\n",
    " goroutine 7 [running]:\n",   "goroutine 99999999999999999999 [a]:\n",
    "goroutine 7 [a labels:{]:\n",
};

static void what_only_resembles_a_header_is_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(no_headers) / sizeof(no_headers[0]); i++) {
        struct snapshot s = {0};
        struct err err = {0};
        assert_false(input_decode(span_of(no_headers[i]), NULL, &s, &err));
        assert_int_equal(err.code, ERR_UNKNOWN);
    }
}

static const char *const fixtures[] = {
    "dumps/synthetic-states.debug2.txt",
    "dumps/crash-all.txt",
    "dumps/crash-fatal.txt",
    "dumps/crash-quit.txt",
    "dumps/labels-ancestors.debug2.txt",
    "goroutineleak/goroutineleak.debug2.txt",
};

static void every_prefix_is_survived(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        assert_true(read_every_prefix(testdata(fixtures[i]), 41) > 50);
    }
}

static void corpus_dump_of_fifty_thousand_is_whole(void **state)
{
    (void)state;
    const char *const path =
        test_shared("corpus/extra/go1.23/labels50k.goroutine.debug2.txt.gz");
    if (!path) {
        skip();
    }
    struct snapshot s = snapshot_of_file(path);
    assert_int_equal(s.dump->goroutines.n, 50001);
    assert_false(s.dump->is_truncated);
    snapshot_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_the_grammar_is_read),
        cmocka_unit_test(leaked_goroutines_of_go_1_26_are_counted),
        cmocka_unit_test(labels_and_ancestors_of_go_1_26_are_read),
        cmocka_unit_test(panic_text_in_front_is_the_banner),
        cmocka_unit_test(fatal_error_is_a_crash_too),
        cmocka_unit_test(frames_left_out_are_counted),
        cmocka_unit_test(signal_dumps_end_in_registers_and_repeat_themselves),
        cmocka_unit_test(log_lines_in_front_do_not_matter),
        cmocka_unit_test(cut_in_the_middle_of_a_goroutine_is_seen),
        cmocka_unit_test(line_number_that_may_lack_digits_is_not_told),
        cmocka_unit_test(dump_of_exactly_64_mib_was_cut_by_go),
        cmocka_unit_test(what_only_resembles_a_header_is_text),
        cmocka_unit_test(every_prefix_is_survived),
        cmocka_unit_test(corpus_dump_of_fifty_thousand_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
