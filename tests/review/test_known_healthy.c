/* Background goroutines of packages are excused while they are few. */
#include "review/made_findings.h"

/* A finding without a frame of the user's, started by `entry`. */
static struct finding *background(struct made *m, const char *entry,
                                  double level, enum grade grade)
{
    struct finding *f = made_goroutines(m, "dep.f", grade, level);
    struct frame *s = m->frames[m->findings.n - 1];
    s[2] = made_frame(entry, "/mod/x.go", "dep", 1, ORIGIN_DEP);
    s[3] = made_frame("runtime.goexit", "", "runtime", 1, ORIGIN_RUNTIME);
    m->metrics[m->findings.n - 1].per_hour_low = NAN;
    return f;
}

static const char grpc[] =
    "google.golang.org/grpc/internal/transport.(*loopyWriter).run";

static void few_are_excused_and_counted(void **state)
{
    struct made *m = made_new();
    (void)state;
    (void)background(m, grpc, 4, GRADE_SUSPECT);
    (void)background(m, "github.com/robfig/cron/v3.(*Cron).run", 1,
                     GRADE_GROWTH);
    (void)background(m, "gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun",
                     2, GRADE_GROWTH);
    made_review(m, &(struct review_options){.today = 1});
    const struct finding *f = m->findings.items;
    assert_string_equal(f[0].accepted->by, "known:grpc");
    assert_string_equal(f[0].accepted->reason, "one for each connection");
    assert_string_equal(f[1].accepted->by, "known:cron");
    assert_string_equal(f[2].accepted->by, "known:lumberjack");
    assert_string_equal(
        m->findings.notes[0],
        "known-healthy goroutines (list v1): grpc 4, lumberjack 2, cron 1");
    assert_int_equal(m->findings.verdict, VERDICT_CLEAN);
    made_free(m);
}

static void what_hides_no_leak_is_excused(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct made *m = made_new();
        struct review_options o = {.today = 1};
        struct finding *f = background(m, grpc, 48, GRADE_STRONG);
        bool is_excused = false;
        switch (i) {
        case 0: /* as many as may be, and no series that shows growth */
            is_excused = true;
            break;
        case 1:
            m->metrics[0].last = 49;
            break;
        case 2: /* two findings share the number */
            (void)background(m, grpc, 1, GRADE_GROWTH);
            break;
        case 3:
            m->metrics[0].per_hour_low = 3;
            break;
        case 4:
            f->grade = GRADE_PROVEN;
            break;
        case 5:
            m->frames[0][1].origin = ORIGIN_USER;
            break;
        case 6:
            o.no_known = true;
            break;
        default:
            break;
        }
        made_review(m, &o);
        assert_int_equal(m->findings.items[0].accepted != NULL, is_excused);
        made_free(m);
    }
}

/* Of a connection whose body nobody closed, the reader does not peek. */
static void a_second_function_may_be_wanted(void **state)
{
    (void)state;
    for (int is_idle = 0; is_idle < 2; is_idle++) {
        struct made *m = made_new();
        (void)background(m, "net/http.(*persistConn).readLoop", 9,
                         GRADE_SUSPECT);
        if (is_idle) {
            m->frames[0][1].function = "bufio.(*Reader).Peek";
        }
        made_review(m, &(struct review_options){.today = 1});
        assert_int_equal(m->findings.items[0].accepted != NULL, is_idle);
        made_free(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_excused_and_counted),
        cmocka_unit_test(what_hides_no_leak_is_excused),
        cmocka_unit_test(a_second_function_may_be_wanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
