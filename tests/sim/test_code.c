#include "test.h"

#include "sim/code_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Frames of a stack of these texts, leaf first. */
struct shown {
    struct sim_code code;
    const uint32_t *frames;
    size_t n;
};

static void show(struct shown *s, enum sim_go go, const char *const *texts,
                 size_t n)
{
    sim_code_init(&s->code, go, "accounts");
    sim_stack_id id;
    struct err err = {0};
    assert_ok(sim_code_stack(&s->code, texts, n, &id, &err), &err);
    s->frames = sim_code_frames(&s->code, id, &s->n);
}

static const struct sim_function *function_at(const struct shown *s, size_t i)
{
    assert_true(i < s->n);
    return sim_frame_function(&s->code, s->frames[i]);
}

static const struct sim_frame *frame_at(const struct shown *s, size_t i)
{
    assert_true(i < s->n);
    return &s->code.frames.items[s->frames[i]];
}

/* --- files --- */

struct file_case {
    const char *name; /* of the case and the frame's text */
    const char *file;
};

/* clang-format off */
static const struct file_case file_cases[] = {
    {"main.(*Cache).load cache.go:63", "/src/accounts/cache.go"},
    {"main.main.func1 main.go:5", "/src/accounts/main.go"},
    {"acme.dev/accounts/internal/store.(*T).F t.go:9",
     "/src/accounts/internal/store/t.go"},
    {"acme.dev/accounts2/x.F t.go:9",
     "/go/pkg/mod/acme.dev/accounts2@v1.12.1/x/t.go"},
    {"github.com/x/y/v2.(*T).F file.go:9",
     "/go/pkg/mod/github.com/x/y/v2@v2.17.1/file.go"},
    {"github.com/BurntSushi/toml/internal.F t.go:1",
     "/go/pkg/mod/github.com/!burnt!sushi/toml@v1.16.1/internal/t.go"},
    {"gopkg.in/yaml%2ev3.(*parser).parse d.go:7",
     "/go/pkg/mod/gopkg.in/yaml.v3@v1.6.3/d.go"},
    {"fmt.Sprintf", "/usr/local/go/src/fmt/print.go"},
    {"time.Sleep", "/usr/local/go/src/runtime/time.go"},
    {"strings.Map strings.go:486", "/usr/local/go/src/strings/strings.go"},
    {"internal/poll.(*FD).Read fd_unix.go:165 inlined",
     "/usr/local/go/src/internal/poll/fd_unix.go"},
};
/* clang-format on */

static void file_follows_from_the_package(void **state)
{
    const struct file_case *c = *state;
    struct shown s;
    show(&s, SIM_GO_1_23, &c->name, 1);
    assert_int_equal(s.n, 1);
    assert_string_equal(function_at(&s, 0)->file, c->file);
    assert_false(frame_at(&s, 0)->is_inlined);
    sim_code_release(&s.code);
}

static void text_becomes_a_frame(void **state)
{
    (void)state;
    static const char *const texts[] = {"main.(*Cache).put cache.go:70 inlined",
                                        "main.(*Cache).load cache.go:63",
                                        "fmt.Sprintf", "@main"};
    struct shown s;
    show(&s, SIM_GO_1_23, texts, 4);
    assert_int_equal(s.n, 4);
    assert_string_equal(function_at(&s, 0)->name, "main.(*Cache).put");
    assert_int_equal(frame_at(&s, 0)->line, 70);
    assert_true(frame_at(&s, 0)->is_inlined);
    assert_in_range(function_at(&s, 0)->start_line, 60, 69);
    assert_false(frame_at(&s, 1)->is_inlined);
    /* As Go 1.23.5 has it. */
    assert_int_equal(function_at(&s, 2)->start_line, 237);
    assert_int_equal(frame_at(&s, 2)->line, 240);
    assert_string_equal(function_at(&s, 3)->name, "runtime.main");
    assert_int_equal(frame_at(&s, 3)->line, 272);
    sim_code_release(&s.code);
}

static void inlined_frame_lies_close_to_its_caller(void **state)
{
    (void)state;
    static const char *const texts[] = {"main.a x.go:7 inlined",
                                        "main.b x.go:17", "@main"};
    struct shown s;
    show(&s, SIM_GO_1_23, texts, 3);
    const uint64_t inner = frame_at(&s, 0)->pc;
    const uint64_t outer = frame_at(&s, 1)->pc;
    assert_true(inner > outer - 0x400 && inner < outer + 0x400);
    assert_true(inner != outer);
    const uint64_t entry = function_at(&s, 1)->entry;
    assert_in_range(inner, entry + 1, entry + 0x3ff);
    sim_code_release(&s.code);
}

/* What is inlined into two callers has two addresses: a location of a
   profile is one address and all that is inlined there. */
static void inlined_frame_has_an_address_in_each_caller(void **state)
{
    (void)state;
    struct sim_code c;
    sim_code_init(&c, SIM_GO_1_23, "accounts");
    const char *one[] = {"main.a x.go:7 inlined", "main.b x.go:17"};
    const char *two[] = {"main.a x.go:7 inlined", "main.c x.go:29"};
    sim_stack_id first;
    sim_stack_id second;
    struct err err = {0};
    assert_ok(sim_code_stack(&c, one, 2, &first, &err), &err);
    assert_ok(sim_code_stack(&c, two, 2, &second, &err), &err);
    size_t n;
    const uint32_t a = sim_code_frames(&c, first, &n)[0];
    const uint32_t b = sim_code_frames(&c, second, &n)[0];
    assert_true(c.frames.items[a].pc != c.frames.items[b].pc);
    assert_int_equal(c.frames.items[a].function, c.frames.items[b].function);
    sim_code_release(&c);
}

static void equal_texts_give_the_equal_stack(void **state)
{
    (void)state;
    struct sim_code c;
    sim_code_init(&c, SIM_GO_1_26, "accounts");
    const char *texts[] = {"@chan-receive", "main.work x.go:17"};
    const char *others[] = {"@chan-receive", "main.work x.go:18"};
    sim_stack_id a;
    sim_stack_id b;
    sim_stack_id other;
    struct err err = {0};
    assert_ok(sim_code_stack(&c, texts, 2, &a, &err), &err);
    assert_ok(sim_code_stack(&c, others, 2, &other, &err), &err);
    assert_ok(sim_code_stack(&c, texts, 2, &b, &err), &err);
    assert_int_equal(a.i, b.i);
    assert_int_not_equal(a.i, other.i);
    assert_int_equal(c.stacks.n, 2);
    sim_code_release(&c);
}

/* --- depth --- */

static void deep_stack_loses_its_roots(void **state)
{
    (void)state;
    static char names[200][40];
    const char *texts[200];
    for (int i = 0; i < 200; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "main.f%d x.go:%d", i,
                       100 + i);
        texts[i] = names[i];
    }
    static const struct {
        enum sim_go go;
        size_t depth;
    } cases[] = {
        {SIM_GO_1_19, 32 },
        {SIM_GO_1_21, 32 },
        {SIM_GO_1_23, 128},
        {SIM_GO_1_27, 128}
    };
    for (size_t i = 0; i < 4; i++) {
        struct shown s;
        show(&s, cases[i].go, texts, 200);
        assert_int_equal(s.n, cases[i].depth);
        assert_string_equal(function_at(&s, 0)->name, "main.f0");
        sim_code_release(&s.code);
    }
}

/* --- errors --- */

static void unknown_text_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"@no-such-chain", "no chain @no-such-chain"                   },
        {"fmt.NoSuch",     "fmt.NoSuch has no line and no table has it"},
        {"main.f",         "main.f has no line and no table has it"    },
        {"main.f x.go:",   "no frame: \"main.f x.go:\""                },
        {"main.f x.go:1x", "no frame: \"main.f x.go:1x\""              },
        {"",               "no frame: \"\""                            },
        {"@growslice",     "a stack without frames"                    },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sim_code c;
        sim_code_init(&c, SIM_GO_1_23, "accounts");
        struct err err = {0};
        sim_stack_id id;
        assert_false(sim_code_stack(&c, &cases[i].text, 1, &id, &err));
        assert_err(&err, ERR_INTERNAL, cases[i].error);
        sim_code_release(&c);
    }
}

static void creator_is_the_first_frame_of_its_chain(void **state)
{
    (void)state;
    struct sim_code c;
    sim_code_init(&c, SIM_GO_1_23, "accounts");
    uint32_t frame;
    struct err err = {0};
    assert_ok(sim_code_frame(&c, "@by-server", &frame, &err), &err);
    assert_string_equal(sim_frame_function(&c, frame)->name,
                        "net/http.(*Server).Serve");
    assert_int_equal(c.frames.items[frame].line, 3360);
    assert_ok(sim_code_frame(&c, "main.(*Hub).Add hub.go:31", &frame, &err),
              &err);
    assert_int_equal(c.frames.items[frame].line, 31);
    assert_false(sim_code_frame(&c, "@growslice", &frame, &err));
    sim_code_release(&c);
}

/* --- names --- */

static void standard_functions_are_told_by_their_path(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_std;
    } cases[] = {
  /* clang-format off */
        {"fmt.Sprintf", true},
        {"net/http.(*conn).serve", true},
        {"internal/runtime/maps.newarray", true},
        {"iter.Pull[go.shape.int].func1", true},
        {"slices.SortFunc[go.shape.[]github.com/x/y.T,github.com/x/y.T]", true},
        {"main.main", false},
        {"main.Map[github.com/x/y.T]", false},
        {"acme.dev/accounts/internal/store.Open", false},
        {"golang.org/x/sync/errgroup.(*Group).Go", false},
        {"gopkg.in/yaml%2ev3.Unmarshal", false},
  /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(sim_function_is_std(cases[i].name), cases[i].is_std);
    }
}

static void wait_is_spelled_as_in_the_version(void **state)
{
    (void)state;
    assert_string_equal(sim_wait_text(SIM_GO_1_19, "sync.Mutex.Lock"),
                        "semacquire");
    assert_string_equal(sim_wait_text(SIM_GO_1_21, "sync.Mutex.Lock"),
                        "sync.Mutex.Lock");
    assert_string_equal(sim_wait_text(SIM_GO_1_19, "sync.RWMutex.RLock"),
                        "semacquire");
    assert_string_equal(sim_wait_text(SIM_GO_1_23, "sync.WaitGroup.Wait"),
                        "semacquire");
    assert_string_equal(sim_wait_text(SIM_GO_1_24, "sync.WaitGroup.Wait"),
                        "sync.WaitGroup.Wait");
    assert_string_equal(sim_wait_text(SIM_GO_1_19, "chan receive (nil chan)"),
                        "chan receive (nil chan)");
    assert_string_equal(sim_wait_text(SIM_GO_1_19, "sync.Cond.Wait"),
                        "sync.Cond.Wait");
}

static void versions_have_names(void **state)
{
    (void)state;
    size_t n = 0;
    while (sim_go_names[n]) {
        n++;
    }
    assert_int_equal(n, N_SIM_GOS);
    assert_string_equal(sim_go_text(SIM_GO_1_23), "1.23");
    assert_string_equal(sim_go_full(SIM_GO_1_19), "go1.19.8");
    assert_string_equal(sim_go_full(SIM_GO_1_27), "go1.27.0");
}

/* --- tables --- */

static const char *const std_names[] = {
#define STD(name, file, s19, l19, s21, l21, s23, l23, s24, l24) name,
#include "sim/std_functions.def"
#undef STD
};
enum { N_STD_NAMES = sizeof(std_names) / sizeof(std_names[0]) };

static const struct {
    const char *name;
    enum sim_go from;
} chain_names[] = {
#define CHAIN(name, from, ...) {name, SIM_GO_##from},
#include "sim/chains.def"
#undef CHAIN
};
enum { N_CHAIN_NAMES = sizeof(chain_names) / sizeof(chain_names[0]) };

static void tables_are_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < N_STD_NAMES; i++) {
        assert_true(strcmp(std_names[i - 1], std_names[i]) <= 0);
    }
    for (size_t i = 1; i < N_CHAIN_NAMES; i++) {
        const int order = strcmp(chain_names[i - 1].name, chain_names[i].name);
        assert_true(order < 0 || (order == 0 && chain_names[i - 1].from <
                                                    chain_names[i].from));
    }
}

static void every_function_is_found_in_every_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_STD_NAMES; i++) {
        for (int go = 0; go < N_SIM_GOS; go++) {
            const char *file = NULL;
            int start = -1;
            int line = 0;
            assert_true(sim_std_find((enum sim_go)go, std_names[i], &file,
                                     &start, &line));
            assert_non_null(strchr(file, '/'));
            assert_true(line > 0 && start >= 0 && start <= line);
        }
    }
}

static void every_chain_makes_a_stack_in_every_version(void **state)
{
    (void)state;
    for (int go = 0; go < N_SIM_GOS; go++) {
        struct sim_code c;
        sim_code_init(&c, (enum sim_go)go, "accounts");
        for (size_t i = 0; i < N_CHAIN_NAMES; i++) {
            char text[80];
            (void)snprintf(text, sizeof(text), "@%s", chain_names[i].name);
            const char *texts[] = {text, "main.work work.go:40"};
            sim_stack_id id;
            struct err err = {0};
            assert_ok(sim_code_stack(&c, texts, 2, &id, &err), &err);
        }
        sim_code_release(&c);
    }
}

/* The chains that scenarios are promised. */
static const char *const promised[] = {"@chan-receive",
                                       "@chan-receive2",
                                       "@chan-send",
                                       "@select",
                                       "@select-empty",
                                       "@mutex-lock",
                                       "@rwmutex-lock",
                                       "@rwmutex-rlock",
                                       "@waitgroup-wait",
                                       "@cond-wait",
                                       "@sleep",
                                       "@net-read",
                                       "@net-accept",
                                       "@syscall",
                                       "@io-pipe-read",
                                       "@coroutine",
                                       "@map-assign-faststr",
                                       "@map-assign-fast64",
                                       "@map-assign",
                                       "@string-concat",
                                       "@slicebytetostring",
                                       "@convt",
                                       "@context-with-cancel",
                                       "@context-with-timeout",
                                       "@context-with-value",
                                       "@context-done",
                                       "@context-propagate",
                                       "@time-ticker",
                                       "@time-timer",
                                       "@time-after",
                                       "@time-afterfunc",
                                       "@pool-get",
                                       "@list-push",
                                       "@fmt-sprintf",
                                       "@json-unmarshal",
                                       "@json-marshal",
                                       "@sql-query",
                                       "@http-get",
                                       "@bufio-reader",
                                       "@gzip-writer",
                                       "@regexp-compile",
                                       "@template-parse",
                                       "@malg",
                                       "@http-handler",
                                       "@http-conn",
                                       "@main",
                                       "@init",
                                       "@errgroup",
                                       "@timer-goroutine",
                                       "@persist-read-idle",
                                       "@persist-read-busy",
                                       "@persist-write",
                                       "@server-idle",
                                       "@background-read",
                                       "@sql-opener",
                                       "@sql-awaitdone-rows",
                                       "@sql-awaitdone-tx",
                                       "@grpc-addrconn",
                                       "@grpc-loopy",
                                       "@grpc-reader",
                                       "@grpc-serializer",
                                       "@grpc-ccbalancer",
                                       "@pprof-handler-goroutine",
                                       "@pprof-heap-write"};

static void promised_chains_are_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(promised) / sizeof(promised[0]); i++) {
        for (int go = 0; go < N_SIM_GOS; go++) {
            size_t n = 0;
            assert_non_null(sim_chain_find((enum sim_go)go, promised[i], &n));
            assert_true(n > 0);
        }
    }
}

/* Names that a version does not have must not be on its stacks. */
static void chains_are_spelled_as_in_the_version(void **state)
{
    (void)state;
    static const struct {
        const char *chain;
        enum sim_go go;
        size_t at;
        const char *begin;
    } cases[] = {
  /* clang-format off */
        {"@mutex-lock", SIM_GO_1_23, 3, "sync.runtime_SemacquireMutex "},
        {"@mutex-lock", SIM_GO_1_25, 3, "internal/sync.runtime_Semacquire"},
        {"@waitgroup-wait", SIM_GO_1_23, 3, "sync.runtime_Semacquire "},
        {"@waitgroup-wait", SIM_GO_1_24, 3,
         "sync.runtime_SemacquireWaitGroup "},
        {"@rwmutex-rlock", SIM_GO_1_19, 3, "sync.runtime_SemacquireMutex "},
        {"@rwmutex-rlock", SIM_GO_1_21, 3, "sync.runtime_SemacquireRWMutexR "},
        {"@map-assign-faststr", SIM_GO_1_23, 0, "runtime.makeBucketArray "},
        {"@map-assign-faststr", SIM_GO_1_27, 2,
         "internal/runtime/maps.newarray "},
        {"@context-propagate", SIM_GO_1_19, 0, "context.propagateCancel "},
        {"@context-propagate", SIM_GO_1_21, 0,
         "context.(*cancelCtx).propagateCancel "},
        {"@time-ticker", SIM_GO_1_21, 0, "time.NewTicker "},
        {"@time-ticker", SIM_GO_1_23, 0, "time.newTimer "},
        {"@pprof-handler-goroutine", SIM_GO_1_21, 1,
         "runtime/pprof.runtime_goroutineProfileWithLabels "},
        {"@pprof-handler-goroutine", SIM_GO_1_23, 1,
         "runtime.pprof_goroutineProfileWithLabels "},
        {"@slicebytetostring", SIM_GO_1_19, 0, "runtime.slicebytetostring "},
  /* clang-format on */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = 0;
        const char *const *f = sim_chain_find(cases[i].go, cases[i].chain, &n);
        assert_true(cases[i].at < n);
        if (strncmp(f[cases[i].at], cases[i].begin, strlen(cases[i].begin)) !=
            0) {
            fail_msg("%s of %s: %s", cases[i].chain, sim_go_text(cases[i].go),
                     f[cases[i].at]);
        }
    }
}

/* --- addresses --- */

static int by_value(const void *a, const void *b)
{
    uint64_t x;
    uint64_t y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static void addresses_are_unique(void **state)
{
    (void)state;
    struct sim_code c;
    sim_code_init(&c, SIM_GO_1_23, "accounts");
    struct err err = {0};
    for (unsigned i = 0; i < 6000; i++) {
        char leaf[80];
        char inner[80];
        (void)snprintf(leaf, sizeof(leaf), "main.(*T%u).F t.go:%u inlined",
                       i % 1500, 20 + i % 700);
        (void)snprintf(inner, sizeof(inner), "main.g%u g.go:%u", i % 1100,
                       20 + i % 31);
        const char *texts[] = {leaf, inner, "@http-handler"};
        sim_stack_id id;
        assert_ok(sim_code_stack(&c, texts, 3, &id, &err), &err);
    }
    uint64_t *pcs = malloc(c.frames.n * sizeof(*pcs));
    assert_non_null(pcs);
    for (size_t i = 0; i < c.frames.n; i++) {
        pcs[i] = c.frames.items[i].pc;
        assert_in_range(pcs[i], 0x401000, 0x1400000);
    }
    qsort(pcs, c.frames.n, sizeof(*pcs), by_value);
    for (size_t i = 1; i < c.frames.n; i++) {
        assert_true(pcs[i - 1] != pcs[i]);
    }
    free(pcs);
    sim_code_release(&c);
}

static void entries_are_aligned_and_apart(void **state)
{
    (void)state;
    struct sim_code c;
    sim_code_init(&c, SIM_GO_1_23, "accounts");
    struct err err = {0};
    uint64_t entries[3000];
    for (unsigned i = 0; i < 3000; i++) {
        char text[80];
        (void)snprintf(text, sizeof(text), "main.f%u x.go:%u", i, 20 + i);
        uint32_t frame;
        assert_ok(sim_code_frame(&c, text, &frame, &err), &err);
        const struct sim_function *f = sim_frame_function(&c, frame);
        entries[i] = f->entry;
        assert_int_equal(f->entry % 16, 0);
        assert_in_range(c.frames.items[frame].pc, f->entry + 1,
                        f->entry + 0x3ff);
    }
    qsort(entries, 3000, sizeof(entries[0]), by_value);
    for (size_t i = 1; i < 3000; i++) {
        assert_true(entries[i] - entries[i - 1] >= 0x400);
    }
    sim_code_release(&c);
}

/* The same function has the same address whatever was named before it. */
static void address_does_not_depend_on_the_order(void **state)
{
    (void)state;
    static const char *const forward[] = {"main.a x.go:7", "main.b x.go:17"};
    static const char *const backward[] = {"main.b x.go:17", "main.a x.go:7"};
    struct shown one;
    struct shown two;
    show(&one, SIM_GO_1_23, forward, 2);
    show(&two, SIM_GO_1_23, backward, 2);
    assert_int_equal(frame_at(&one, 0)->pc, frame_at(&two, 1)->pc);
    assert_int_equal(frame_at(&one, 1)->pc, frame_at(&two, 0)->pc);
    sim_code_release(&one.code);
    sim_code_release(&two.code);
}

int main(void)
{
    enum { N_FILES = sizeof(file_cases) / sizeof(file_cases[0]) };
    static const struct CMUnitTest fixed[] = {
        cmocka_unit_test(text_becomes_a_frame),
        cmocka_unit_test(inlined_frame_lies_close_to_its_caller),
        cmocka_unit_test(inlined_frame_has_an_address_in_each_caller),
        cmocka_unit_test(equal_texts_give_the_equal_stack),
        cmocka_unit_test(deep_stack_loses_its_roots),
        cmocka_unit_test(unknown_text_is_refused),
        cmocka_unit_test(creator_is_the_first_frame_of_its_chain),
        cmocka_unit_test(standard_functions_are_told_by_their_path),
        cmocka_unit_test(wait_is_spelled_as_in_the_version),
        cmocka_unit_test(versions_have_names),
        cmocka_unit_test(tables_are_sorted),
        cmocka_unit_test(every_function_is_found_in_every_version),
        cmocka_unit_test(every_chain_makes_a_stack_in_every_version),
        cmocka_unit_test(promised_chains_are_there),
        cmocka_unit_test(chains_are_spelled_as_in_the_version),
        cmocka_unit_test(addresses_are_unique),
        cmocka_unit_test(entries_are_aligned_and_apart),
        cmocka_unit_test(address_does_not_depend_on_the_order),
    };
    enum { N_FIXED = sizeof(fixed) / sizeof(fixed[0]) };
    struct CMUnitTest tests[N_FIXED + N_FILES] = {0};
    memcpy(tests, fixed, sizeof(fixed));
    for (size_t i = 0; i < N_FILES; i++) {
        tests[N_FIXED + i] = (struct CMUnitTest){
            .name = file_cases[i].name,
            .test_func = file_follows_from_the_package,
            .initial_state = test_case(&file_cases[i]),
        };
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
