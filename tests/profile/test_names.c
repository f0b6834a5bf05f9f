#include "profiles.h"

/* --- Packages --- */

static const struct {
    const char *function, *package;
} package_cases[] = {
    {"main.main",                                                          "main"                   },
    {"main.(*größe).überlauf",                                          "main"                   },
    {"main.日本語の関数",                                            "main"                   },
    {"main.glob..func1",                                                   "main"                   },
    {"main.(*Tree[go.shape.[4]int,go.shape.struct { A/b.C int }]).Insert",
     "main"                                                                                         },
    {"main.Map[go.shape.string,example.com/x.T]",                          "main"                   },
    {"net/http.(*conn).serve",                                             "net/http"               },
    {"net/http.HandlerFunc.ServeHTTP",                                     "net/http"               },
    {"net/http.(*Server).Serve.gowrap3",                                   "net/http"               },
    {"encoding/json.appendString[go.shape.string]",                        "encoding/json"          },
    {"acme.dev/edge/internal/store%2ev2.New",
     "acme.dev/edge/internal/store%2ev2"                                                            },
    {"gopkg.in/yaml%2ev3.(*Decoder).Decode",                               "gopkg.in/yaml%2ev3"     },
    {"github.com/jackc/pgx/v5.(*Conn).Query",                              "github.com/jackc/pgx/v5"},
    {"acme.dev/accounts/internal/kit.New.(*Service).middleware.func1",
     "acme.dev/accounts/internal/kit"                                                               },
    {"acme.dev/app/vendor/github.com/x/y.F",
     "acme.dev/app/vendor/github.com/x/y"                                                           },
    {"vendor/golang.org/x/net/http/httpguts.F",
     "vendor/golang.org/x/net/http/httpguts"                                                        },
    {"golang.org/x/sync/errgroup.(*Group).Go.func1",
     "golang.org/x/sync/errgroup"                                                                   },
    {"a/b.F[go.shape.int].func1",                                          "a/b"                    },
    {"runtime.gopark",                                                     "runtime"                },
    {"internal/runtime/maps.(*Map).growToTable",                           "internal/runtime/maps"  },
    {"memeqbody",                                                          ""                       },
    {"",                                                                   ""                       },
    {"github.com/x/y",                                                     ""                       },
};

static void the_package_is_cut_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(package_cases) / sizeof(package_cases[0]);
         i++) {
        const struct span s = name_package(span_of(package_cases[i].function));
        if (!span_is(s, package_cases[i].package)) {
            fail_msg("%s: package '%.*s'", package_cases[i].function,
                     (int)s.len, s.p);
        }
    }
}

/* --- Origins --- */

static const struct {
    const char *function, *file, *module;
    enum frame_origin wanted;
} origin_cases[] = {
    {"main.main",                                "/home/ci/services/accounts/main.go",               "",                  ORIGIN_USER   },
    {"main.main",                                "",                                                 "acme.dev/accounts", ORIGIN_USER   },
    {"acme.dev/accounts/internal/kit.New",       "/home/ci/a/internal/kit/kit.go",                   "",
     ORIGIN_USER                                                                                                                        },
    {"acme.dev/accounts.New",                    "/home/ci/a/a.go",                                  "acme.dev/accounts",
     ORIGIN_USER                                                                                                                        },
    {"acme.dev/accounts2.New",                   "/home/ci/a/a.go",                                  "acme.dev/accounts",
     ORIGIN_DEP                                                                                                                         },
    {"acme.dev/accounts_test.TestNew",           "/home/ci/a/a_test.go",
     "acme.dev/accounts",                                                                                                 ORIGIN_USER   },
    {"acme.dev/accounts/kit.New",                "/go/pkg/mod/acme.dev/accounts@v1.0.0/k.go",
     "acme.dev/accounts",                                                                                                 ORIGIN_USER   },
    {"gopkg.in/yaml%2ev3.Marshal",               "/go/pkg/mod/gopkg.in/yaml.v3@v3.0.1/y.go",
     "",                                                                                                                  ORIGIN_DEP    },
    {"gopkg.in/yaml%2ev3.Marshal",               "/home/u/yaml/y.go",                                "gopkg.in/yaml.v3",
     ORIGIN_USER                                                                                                                        },
    {"github.com/x/y.F",                         "/home/u/app/vendor/github.com/x/y/f.go",           "",
     ORIGIN_DEP                                                                                                                         },
    {"github.com/x/y.F",                         "github.com/x/y@v1.2.3/f.go",                       "",                  ORIGIN_DEP    },
    {"acme.dev/app/vendor/github.com/x/y.F",     "",                                                 "",                  ORIGIN_DEP    },
    {"github.com/x/y.F",                         "/src/y/f.go",                                      "acme.dev/app",      ORIGIN_DEP    },
    {"github.com/user@home/y.F",                 "/home/user@vm/y/f.go",                             "",                  ORIGIN_USER   },
    {"net/http.(*conn).serve",                   "/usr/lib/go-1.23/src/net/http/server.go",          "",
     ORIGIN_STD                                                                                                                         },
    {"net/http.(*conn).serve",                   "/usr/lib/go-1.23/src/net/http/server.go",
     "acme.dev/app",                                                                                                      ORIGIN_STD    },
    {"net/http.(*conn).serve",                   "net/http/server.go",                               "",                  ORIGIN_STD    },
    {"net/http.(*conn).serve",                   "",                                                 "",                  ORIGIN_STD    },
    {"net/http.(*conn).serve",                   "server.go",                                        "",                  ORIGIN_STD    },
    {"vendor/golang.org/x/net/http2/hpack.F",
     "/usr/local/go/src/vendor/golang.org/x/net/http2/hpack/f.go",                                   "",
     ORIGIN_STD                                                                                                                         },
    {"runtime/pprof.writeHeap",                  "/usr/lib/go-1.23/src/runtime/pprof/pprof.go",
     "",                                                                                                                  ORIGIN_STD    },
    {"runtime/debug.FreeOSMemory",               "",                                                 "",                  ORIGIN_STD    },
    {"internal/poll.(*FD).Read",                 "/usr/local/go/src/internal/poll/fd_unix.go",
     "",                                                                                                                  ORIGIN_STD    },
    {"runtime.gopark",                           "/usr/lib/go-1.23/src/runtime/proc.go",             "",
     ORIGIN_RUNTIME                                                                                                                     },
    {"internal/runtime/maps.(*Map).growToTable", "",                                                 "",                  ORIGIN_RUNTIME},
    {"internal/runtime/syscall.Syscall6",        "",                                                 "",                  ORIGIN_RUNTIME},
    {"runtime/internal/sys.OnesCount64",         "",                                                 "",                  ORIGIN_RUNTIME},
    {"memeqbody",                                "/usr/local/go/src/internal/bytealg/equal_amd64.s", "",
     ORIGIN_RUNTIME                                                                                                                     },
    {"type:.eq.acme.dev/app.T",                  "<autogenerated>",                                  "",                  ORIGIN_RUNTIME},
    {"",                                         "",                                                 "",                  ORIGIN_RUNTIME},
 /* Modules without a dot in their name. */
    {"orders/internal/api.Serve",                "/home/u/orders/internal/api/a.go",                 "",
     ORIGIN_USER                                                                                                                        },
    {"log/store.Add",                            "/home/u/log/store/s.go",                           "",                  ORIGIN_USER   },
    {"sync/worker.Run",                          "/home/u/x/worker/w.go",                            "sync",              ORIGIN_USER   },
    {"orders/internal/api.Serve",                "",                                                 "orders",            ORIGIN_USER   },
};

static void frames_belong_to_someone(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(origin_cases) / sizeof(origin_cases[0]);
         i++) {
        const enum frame_origin o = name_origin(
            span_of(origin_cases[i].function), span_of(origin_cases[i].file),
            span_of(origin_cases[i].module));
        if (o != origin_cases[i].wanted) {
            fail_msg("%s in %s: %s", origin_cases[i].function,
                     origin_cases[i].file, frame_origin_name(o));
        }
    }
}

/* --- One spelling --- */

static const struct {
    const char *function, *normal, *identity;
} spelling_cases[] = {
    {"main.main",                                        "main.main",                       "main.main"                                 },
    {"main.F[go.shape.int]",                             "main.F[...]",                     "main.F[...]"                               },
    {"main.F[...]",                                      "main.F[...]",                     "main.F[...]"                               },
    {"main.(*Tree[go.shape.string,go.shape.map[string][]main.Pair[int,*main."
     "größe]]).Insert",                           "main.(*Tree[...]).Insert",        "main.(*Tree[...]).Insert"                  },
    {"main.(*Tree[...]).Insert",                         "main.(*Tree[...]).Insert",
     "main.(*Tree[...]).Insert"                                                                                                         },
    {"main.Map[go.shape.int,go.shape.struct { A int \"json:\\\"]a\\\"\" "
     "}].func1",                                    "main.Map[...].func1",             "main.Map[...].func*"                       },
    {"iter.Pull[go.shape.int].func1.1",                  "iter.Pull[...].func1.1",
     "iter.Pull[...].func*"                                                                                                             },
    {"net/http.(*Server).Serve.gowrap3",                 "net/http.(*Server).Serve",
     "net/http.(*Server).Serve"                                                                                                         },
    {"main.run.func1.gowrap2",                           "main.run.func1",                  "main.run.func*"                            },
    {"main.run.deferwrap1",                              "main.run",                        "main.run"                                  },
    {"main.(*T).m-fm",                                   "main.(*T).m",                     "main.(*T).m"                               },
    {"main.walk-range1",                                 "main.walk",                       "main.walk"                                 },
    {"main.walk.func2-range1",                           "main.walk.func2",                 "main.walk.func*"                           },
    {"main.glob..func11",                                "main.init.func11",                "main.init.func*"                           },
    {"main.init.func11",                                 "main.init.func11",                "main.init.func*"                           },
    {"main.glob..func1.2",                               "main.init.func1.2",               "main.init.func*"                           },
    {"main.init.0",                                      "main.init.0",                     "main.init"                                 },
    {"main.init.1.func2",                                "main.init.1.func2",               "main.init.func*"                           },
    {"acme.dev/a/kit.(*Service).middleware.func1.1",
     "acme.dev/a/kit.(*Service).middleware.func1.1",                                        "acme.dev/a/kit.(*Service).middleware.func*"},
    {"acme.dev/a/kit.New.(*Service).middleware.func1.1",
     "acme.dev/a/kit.New.(*Service).middleware.func1.1",                                    "acme.dev/a/kit.(*Service).middleware.func*"},
    {"main.outer.func1.inner.func2",                     "main.outer.func1.inner.func2",
     "main.inner.func*"                                                                                                                 },
    {"acme.dev/app/vendor/github.com/x/y.F",             "github.com/x/y.F",
     "github.com/x/y.F"                                                                                                                 },
    {"vendor/golang.org/x/net/idna.F",                   "golang.org/x/net/idna.F",
     "golang.org/x/net/idna.F"                                                                                                          },
    {"gopkg.in/yaml%2ev3.Marshal",                       "gopkg.in/yaml%2ev3.Marshal",
     "gopkg.in/yaml%2ev3.Marshal"                                                                                                       },
    {"github.com/x/y@v1.2.3/z.F.func1",                  "github.com/x/y@v1.2.3/z.F.func1",
     "github.com/x/y/z.F.func*"                                                                                                         },
    {"main.inner.func2",                                 "main.inner.func2",                "main.inner.func*"                          },
    {"main.init.func5.inner.1.1",                        "main.init.func5.inner.1.1",
     "main.inner.func*"                                                                                                                 },
    {"main.serve.New.(*T).run.func1",                    "main.serve.New.(*T).run.func1",
     "main.(*T).run.func*"                                                                                                              },
    {"main.(*T).run.start.func1",                        "main.(*T).run.start.func1",
     "main.start.func*"                                                                                                                 },
    {"main.T.run",                                       "main.T.run",                      "main.T.run"                                },
    {"main.T.run.func1",                                 "main.T.run.func1",                "main.run.func*"                            },
    {"main.map.init.0",                                  "main.map.init.0",                 "main.map.init"                             },
    {"memeqbody",                                        "memeqbody",                       "memeqbody"                                 },
    {"",                                                 "",                                ""                                          },
 /* Not what they look like. */
    {"main.gowrap",                                      "main.gowrap",                     "main.gowrap"                               },
    {"main.function1",                                   "main.function1",                  "main.function1"                            },
    {"main.globe.Spin",                                  "main.globe.Spin",                 "main.globe.Spin"                           },
    {"main.T2.func1",                                    "main.T2.func1",                   "main.T2.func*"                             },
 /* Cut off in the middle. */
    {"main.F[go.shape",                                  "main.F[...]",                     "main.F[...]"                               },
    {"main.(*T",                                         "main.(*T",                        "main.(*T"                                  },
    {"main.",                                            "main",                            "main"                                      },
};

static void assert_spelling(void (*spell)(struct buf *, struct span),
                            const char *function, const char *wanted)
{
    struct buf b = BUF_LIMIT(1000);
    spell(&b, span_of(function));
    if (!span_is(buf_view(&b), wanted)) {
        fail_msg("%s becomes %s, not %s", function, b.data ? b.data : "",
                 wanted);
    }
    buf_release(&b);
}

static void names_have_one_spelling(void **state)
{
    (void)state;
    const size_t n = sizeof(spelling_cases) / sizeof(spelling_cases[0]);
    for (size_t i = 0; i < n; i++) {
        assert_spelling(name_normalise, spelling_cases[i].function,
                        spelling_cases[i].normal);
        assert_spelling(name_identity, spelling_cases[i].function,
                        spelling_cases[i].identity);
    }
}

/* Spelling a second time changes nothing, for every name of every profile. */
static void spelling_is_stable(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct profile *p = load_profile(files->paths[i]);
        for (uint32_t f = 0; f < p->n_functions; f++) {
            struct buf once = BUF_LIMIT(1U << 20);
            struct buf twice = BUF_LIMIT(1U << 20);
            name_normalise(&once, profile_span(p, p->functions[f].name));
            name_normalise(&twice, buf_view(&once));
            assert_true(span_eq(buf_view(&once), buf_view(&twice)));
            buf_clear(&once);
            buf_clear(&twice);
            name_identity(&once, profile_span(p, p->functions[f].name));
            name_normalise(&twice, buf_view(&once));
            assert_true(span_eq(buf_view(&once), buf_view(&twice)));
            buf_release(&once);
            buf_release(&twice);
        }
        profile_free(p);
    }
    free(files);
}

/* Real frames: files under GOROOT are std or runtime, others are not. */
static void the_corpus_is_attributed_right(void **state)
{
    (void)state;
    struct profile_files *files = all_profile_files();
    for (size_t i = 0; i < files->n; i++) {
        struct profile *p = load_profile(files->paths[i]);
        for (uint32_t f = 0; f < p->n_functions; f++) {
            const struct span file = profile_span(p, p->functions[f].file);
            const enum frame_origin o = name_origin(
                profile_span(p, p->functions[f].name), file, (struct span){0});
            if (span_starts(file, "/usr/lib/go-1.")) {
                assert_true(o == ORIGIN_STD || o == ORIGIN_RUNTIME);
            } else if (span_starts(file, "/home/")) {
                assert_int_equal(o, ORIGIN_USER);
            }
        }
        profile_free(p);
    }
    free(files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_package_is_cut_off),
        cmocka_unit_test(frames_belong_to_someone),
        cmocka_unit_test(names_have_one_spelling),
        cmocka_unit_test(spelling_is_stable),
        cmocka_unit_test(the_corpus_is_attributed_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
