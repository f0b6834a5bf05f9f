/* -callgrind: names once, addresses as distances, calls below their callers. */
#include "pprof_run.h"

static void names_are_written_once(void **state)
{
    (void)state;
    struct profile *p = shop_profile();
    const struct pprof_options o = run_options(p, 1);
    assert_report("callgrind", p, &o,
                  "positions: instr line\n"
                  "events: inuse_space(B)\n"
                  "\n"
                  "ob=(1) /bin/service\n"
                  "fl=(1) serve.go\n"
                  "fn=(1) shop.serve\n"
                  "0x0 21 4096\n"
                  "\n"
                  "ob=(1)\n"
                  "fl=(2) parse.go\n"
                  "fn=(2) shop.parse\n"
                  "* 5 3072\n"
                  "\n"
                  "ob=(1)\n"
                  "fl=\n"
                  "fn=\n"
                  "0x400 0 512\n"
                  "\n"
                  "ob=(1)\n"
                  "fl=(3) main.go\n"
                  "fn=(3) main.main\n"
                  "0x0 10 0\n"
                  "cfl=(1)\n"
                  "cfn=(1)\n"
                  "calls=0 0x0 21\n"
                  "* * 4096\n"
                  "cfl=(1)\n"
                  "cfn=(1)\n"
                  "calls=0 0x0 20\n"
                  "* * 3072\n"
                  "* 12 0\n"
                  "cfl=\n"
                  "cfn=\n"
                  "calls=0 0x400 0\n"
                  "* * 512\n"
                  "\n"
                  "ob=(1)\n"
                  "fl=(1)\n"
                  "fn=(1)\n"
                  "* 20 0\n"
                  "cfl=(2)\n"
                  "cfn=(2)\n"
                  "calls=0 * 5\n"
                  "* * 3072\n");
}

/* Two functions "start" in one file, of two binaries; nothing is trimmed. */
static void functions_of_one_name_are_numbered(void **state)
{
    (void)state;
    struct profile *p = rich_profile();
    struct pprof_options o = run_options(p, 1);
    o.node_count = 1;
    o.node_fraction = 1;
    o.edge_fraction = 1;
    assert_report("callgrind", p, &o,
                  "positions: instr line\n"
                  "events: cpu(ms)\n"
                  "\n"
                  "ob=(1) /opt/shop/bin/shop\n"
                  "fl=(1) w.cc\n"
                  "fn=(1) work\n"
                  "0x401000 5 40\n"
                  "\n"
                  "ob=\n"
                  "fl=(2) s.cc\n"
                  "fn=(2) start\n"
                  "+4096 9 -10\n"
                  "cfl=(2)\n"
                  "cfn=(3) start [2/2]\n"
                  "calls=0 * 9\n"
                  "* * 40\n"
                  "\n"
                  "ob=(1)\n"
                  "fl=(2)\n"
                  "fn=(2)\n"
                  "-4096 9 0\n"
                  "cfl=(1)\n"
                  "cfn=(1)\n"
                  "calls=0 -4096 5\n"
                  "* * 40\n");
}

/* Its values cancel, so it is no node; the call to it stays. */
static void a_callee_that_is_not_shown_has_no_name(void **state)
{
    (void)state;
    static const struct made_sample samples[] = {
        {"a@a.go:1;b@b.go:2", {5},  NULL, 0},
        {"b@b.go:2",          {-5}, NULL, 0},
    };
    struct profile *p = made_profile("n/count", samples, 2);
    const struct pprof_options o = run_options(p, 0);
    p->locations[1].address = 0x123456;
    assert_report("callgrind", p, &o,
                  "positions: instr line\n"
                  "events: n(count)\n"
                  "\n"
                  "ob=(1) /bin/service\n"
                  "fl=(1) a.go\n"
                  "fn=(1) a\n"
                  "0x0 1 0\n"
                  "cfl=(2) b.go\n"
                  "cfn=\n"
                  "calls=0 0x123456 2\n"
                  "* * 5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_written_once),
        cmocka_unit_test(functions_of_one_name_are_numbered),
        cmocka_unit_test(a_callee_that_is_not_shown_has_no_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
