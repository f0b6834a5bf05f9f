/* Where functions begin and end, against Go's own parser. */
#include "test.h"

#include "base/arena.h"
#include "review/go_source_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct span function_at(const char *text, size_t index,
                               struct go_function *out)
{
    struct go_scan scan;
    go_scan_begin(&scan, span_of(text));
    for (size_t i = 0; i <= index; i++) {
        if (!go_scan_next(&scan, out)) {
            *out = (struct go_function){0};
            return (struct span){0};
        }
    }
    return out->name;
}

/* "T.F 3-5" of the function at `index`; "none" behind the last. */
static const char *describe(const char *text, size_t index)
{
    static char out[128];
    struct go_function f;
    if (function_at(text, index, &f).len == 0) {
        return "none";
    }
    (void)snprintf(out, sizeof(out), "%.*s.%.*s %u-%u", (int)f.receiver.len,
                   f.receiver.len != 0 ? f.receiver.p : "", (int)f.name.len,
                   f.name.p, f.first_line, f.last_line);
    return out;
}

struct extent_case {
    const char *text, *want;
    size_t index;
};

/* clang-format off */
static const struct extent_case extent_cases[] = {
    {"package p\n\nfunc A() {\n\tx()\n}\n", ".A 3-5", 0},
    {"package p\nfunc A()\nfunc B() { }\n", ".A 2-2", 0},
    {"package p\nfunc A()\nfunc B() { }\n", ".B 3-3", 1},
    {"func (t *T[K, V]) M(a, b int) (c map[K]struct{ x int }, err error) {\n}\n", "T.M 1-2", 0},
    {"func (T) M() {\n}\n", "T.M 1-2", 0},
    {"func (t (*T)) M() {\n}\n", "T.M 1-2", 0},
    {"func G[T interface {\n\t~int\n}](\n\ta T,\n) T {\n\treturn a\n}\n", ".G 1-7", 0},
    {"func A() { s := \"}\\\"\"; r := '}'; t := `\n}\n`\n\tu()\n}\nfunc B() {}\n", ".A 1-5", 0},
    {"func A() { s := \"}\\\"\"; r := '}'; t := `\n}\n`\n\tu()\n}\nfunc B() {}\n", ".B 6-6", 1},
    {"func A() { // }\n/* } */ /* }\n} */\n}\n", ".A 1-4", 0},
    {"var f = func() {\n}\n\nfunc A() {\n}\n", ".A 4-5", 0},
    {"type F func(int)\n\nfunc A() {\n}\n", ".A 3-4", 0},
    {"type T struct {\n\tf func()\n}\nfunc A() {}\n", ".A 4-4", 0},
    {"func A() {}; func B() {\n}\n", ".B 1-2", 1},
    {"func A() {\r\n\tx()\r\n}\r\n", ".A 1-3", 0},
    {"\xef\xbb\xbf" "func A() {\n}\n", ".A 1-2", 0},
    {"func caf\xc3\xa9() {\n}", ".caf\xc3\xa9 1-2", 0},
    {"func A() {\nL:\n\tfor {\n\t\tbreak L\n\t}\n}\n", ".A 1-6", 0},
    {"var x = map[string]int{\n\t\"func A() {\": 1,\n}\n", "none", 0},
    /* what is not Go ends somewhere */
    {"func A() {", ".A 1-1", 0},
    {"func", "none", 0},
    {"func (", "none", 0},
    {"}}}\nfunc A() {\n}\n", ".A 2-3", 0},
    {"func A() { `", ".A 1-1", 0},
    {"func A() { /*", ".A 1-1", 0},
    {"", "none", 0},
};
/* clang-format on */

static void functions_end_at_their_last_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(extent_cases) / sizeof(*extent_cases); i++) {
        const struct extent_case *c = &extent_cases[i];
        assert_string_equal(describe(c->text, c->index), c->want);
    }
}

struct name_case {
    const char *declaration, *symbol;
    bool is_it, is_it_inlined;
};

/* clang-format off */
static const struct name_case name_cases[] = {
    {"func F() {}",         "acme.dev/a.F",                              true,  true },
    {"func F() {}",         "main.F",                                    true,  true },
    {"func F() {}",         "main.F.func1.2",                            true,  true },
    {"func F() {}",         "main.F-range1",                             true,  true },
    {"func F() {}",         "main.F[go.shape.struct { A/b.C int }]",     true,  true },
    {"func F() {}",         "main.F[...].func1",                         true,  true },
    {"func F() {}",         "main.F2",                                   false, false},
    {"func F() {}",         "main.(*T).F2",                              false, false},
    {"func F() {}",         "main.Outer.F.func1",                        false, true },
    {"func (t *T) M() {}",  "gopkg.in/yaml%2ev3.(*T).M",                 true,  true },
    {"func (t *T) M() {}",  "main.(*T).M-fm",                            true,  true },
    {"func (t T) M() {}",   "main.T.M.func1",                            true,  true },
    {"func (t T) M() {}",   "main.(*T).M",                               true,  true },
    {"func (t *T[K]) M() {}", "main.(*T[go.shape.[4]int]).M.gowrap1",    true,  true },
    {"func (t *T) M() {}",  "main.(*U).M",                               false, false},
    {"func (t *T) M() {}",  "main.(*T2).M",                              false, false},
    {"func (t *T) M() {}",  "main.M",                                    false, false},
    {"func (t *T) M() {}",  "main.New.(*T).M.func1",                     false, true },
    {"func (t *T) M() {}",  "main.New[go.shape.int].(*T).M.func1",       false, true },
    {"func (t *T) M() {}",  "main.(",                                    false, false},
    {"func (t *T) M() {}",  "main.[[[",                                  false, false},
    {"func F() {}",         "",                                          false, false},
};
/* clang-format on */

static void closures_belong_to_their_function(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(name_cases) / sizeof(*name_cases); i++) {
        const struct name_case *c = &name_cases[i];
        struct go_function f;
        (void)function_at(c->declaration, 0, &f);
        if (go_function_is(&f, span_of(c->symbol), false) != c->is_it ||
            go_function_is(&f, span_of(c->symbol), true) != c->is_it_inlined) {
            fail_msg("%s: %s", c->declaration, c->symbol);
        }
    }
}

static void a_generated_source_says_so_before_its_code(void **state)
{
    (void)state;
    const char *const yes[] = {
        "// Code generated by stringer; DO NOT EDIT.\n\npackage p\n",
        "// Copyright\n\n/* a\n b */\n// Code generated by x DO NOT EDIT.\r\n"
        "package p\n"};
    const char *const no[] = {
        "package p\n\n// Code generated by x DO NOT EDIT.\n",
        "// Code generated by x, do not edit.\npackage p\n",
        "/*\n// Code generated by x DO NOT EDIT.\n*/\npackage p\n",
        " // Code generated by x DO NOT EDIT.\npackage p\n", ""};
    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        assert_true(go_source_is_generated(span_of(yes[i])));
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++) {
        assert_false(go_source_is_generated(span_of(no[i])));
    }
}

static void the_package_clause_is_found_behind_comments(void **state)
{
    (void)state;
    const struct span text =
        SPAN_LIT("//go:build linux\n\n/* of\nmany */\npackage shop // x\n");
    assert_true(span_is(go_source_package(text), "shop"));
    assert_int_equal(go_source_package(SPAN_LIT("x\n")).len, 0);
}

/* --- against go/parser --- */

static const char oracle[] =
    "package main\n"
    "import (\"bufio\"; \"fmt\"; \"go/ast\"; \"go/parser\"; \"go/token\"; "
    "\"os\"; \"regexp\")\n"
    /* As ast.IsGenerated, which Go has since 1.21. */
    "var says = regexp.MustCompile("
    "`^// Code generated .* DO NOT EDIT\\.$`)\n"
    "func generated(f *ast.File) bool {\n"
    "\tfor _, g := range f.Comments {\n"
    "\t\tfor _, c := range g.List {\n"
    "\t\t\tif c.Pos() < f.Package && says.MatchString(c.Text) "
    "{ return true }\n"
    "\t\t}\n"
    "\t}\n"
    "\treturn false\n"
    "}\n"
    "func base(t ast.Expr) string {\n"
    "\tfor {\n"
    "\t\tswitch x := t.(type) {\n"
    "\t\tcase *ast.StarExpr: t = x.X\n"
    "\t\tcase *ast.ParenExpr: t = x.X\n"
    "\t\tcase *ast.IndexExpr: t = x.X\n"
    "\t\tcase *ast.IndexListExpr: t = x.X\n"
    "\t\tcase *ast.Ident: return x.Name\n"
    "\t\tdefault: return \"?\"\n"
    "\t\t}\n"
    "\t}\n"
    "}\n"
    "func main() {\n"
    "\tin := bufio.NewScanner(os.Stdin)\n"
    "\tfor in.Scan() {\n"
    "\t\tset := token.NewFileSet()\n"
    "\t\tf, err := parser.ParseFile(set, in.Text(), nil, "
    "parser.ParseComments)\n"
    "\t\tif err != nil { continue }\n"
    "\t\tfmt.Printf(\"= %s %s %v\\n\", in.Text(), f.Name.Name, "
    "generated(f))\n"
    "\t\tfor _, d := range f.Decls {\n"
    "\t\t\tf, ok := d.(*ast.FuncDecl)\n"
    "\t\t\tif !ok { continue }\n"
    "\t\t\tr := \"\"\n"
    "\t\t\tif f.Recv != nil && len(f.Recv.List) > 0 { r = "
    "base(f.Recv.List[0].Type) }\n"
    "\t\t\tfmt.Printf(\"%d-%d %s.%s\\n\", "
    "set.PositionFor(f.Pos(), false).Line, "
    "set.PositionFor(f.End()-1, false).Line, r, f.Name.Name)\n"
    "\t\t}\n"
    "\t}\n"
    "}\n";

static const char *find_go(void)
{
    static const char *const places[] = {
        "/usr/local/go/bin/go", "/usr/lib/go-1.19/bin/go", "/usr/bin/go"};
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (access(places[i], X_OK) == 0) {
            return places[i];
        }
    }
    return NULL;
}

static void describe_source(const char *path, struct buf *out)
{
    struct buf text = test_read_file(path);
    const struct span view = buf_view(&text);
    const struct span package = go_source_package(view);
    struct go_scan scan;
    struct go_function f;
    buf_printf(out, "= %s %.*s %s\n", path, (int)package.len, package.p,
               go_source_is_generated(view) ? "true" : "false");
    go_scan_begin(&scan, view);
    while (go_scan_next(&scan, &f)) {
        buf_printf(out, "%u-%u %.*s.%.*s\n", f.first_line, f.last_line,
                   (int)f.receiver.len, f.receiver.len != 0 ? f.receiver.p : "",
                   (int)f.name.len, f.name.p);
    }
    buf_release(&text);
}

/* The parser's word on one source, and ours. */
static void compare_source(struct span *rest)
{
    struct span line;
    const struct span all = *rest;
    assert_true(span_line(rest, &line));
    char path[1024];
    const struct span name = span_from(line, 2);
    (void)snprintf(path, sizeof(path), "%.*s", (int)span_find_char(name, ' '),
                   name.p);
    while (rest->len != 0 && rest->p[0] != '=') {
        (void)span_line(rest, &line);
    }
    struct buf ours = BUF_LIMIT((size_t)16 << 20);
    describe_source(path, &ours);
    const struct span theirs = span_first(all, all.len - rest->len);
    if (!span_eq(theirs, buf_view(&ours))) {
        fail_msg("%s: the parser says\n%.*s\nwe say\n%s", path, (int)theirs.len,
                 theirs.p, ours.data);
    }
    buf_release(&ours);
}

static void extents_are_those_of_go_parser(void **state)
{
    (void)state;
    const char *go = find_go();
    if (go == NULL) {
        print_message("no Go here: extents were not compared with its "
                      "parser\n");
        skip();
    }
    char dir[] = "test_go_source.XXXXXX";
    assert_non_null(mkdtemp(dir));
    char command[1024];
    (void)snprintf(command, sizeof(command), "%s/oracle.go", dir);
    FILE *f = fopen(command, "w");
    assert_non_null(f);
    assert_true(fputs(oracle, f) >= 0);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(command, sizeof(command),
                   "cd %s && export HOME=\"${HOME:-$PWD}\" GO111MODULE=off && "
                   "root=$(%s env GOROOT) && find \"$root/src/\" -name '*.go' "
                   "! -path '*/testdata/*' | LC_ALL=C sort | "
                   "timeout 110 %s run oracle.go >out",
                   dir, go, go);
    const int status = system(command);
    (void)snprintf(command, sizeof(command), "%s/out", dir);
    struct buf out = test_read_file(command);
    (void)snprintf(command, sizeof(command), "chmod -R u+w %s; rm -rf %s", dir,
                   dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(status, 0);
    struct span rest = buf_view(&out);
    size_t n = 0;
    for (; rest.len != 0; n++) {
        compare_source(&rest);
    }
    assert_true(n > 1000);
    buf_release(&out);
}

static void its_text_is_from_func_to_the_last_token(void **state)
{
    static const char text[] =
        "\xef\xbb\xbfpackage p\n\nfunc A() {}; func B() {\n} // end\n";
    static const char *const want[] = {"func A() {}", "func B() {\n}"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct go_function f;
        (void)function_at(text, i, &f);
        assert_true(span_is(go_function_text(&f, span_of(text)), want[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_end_at_their_last_token),
        cmocka_unit_test(closures_belong_to_their_function),
        cmocka_unit_test(a_generated_source_says_so_before_its_code),
        cmocka_unit_test(the_package_clause_is_found_behind_comments),
        cmocka_unit_test(its_text_is_from_func_to_the_last_token),
        cmocka_unit_test(extents_are_those_of_go_parser),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
