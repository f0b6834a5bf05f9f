/* What a server sends instead of a profile is named as what it is. */
#include "snapshots.h"

#include <stdio.h>

struct case_unknown {
    const char *name, *text, *look;
};

static const struct case_unknown cases[] = {
    {"page",                     "<!-- x -->\n<html><p>",                            "an HTML page"                                                  },
    {"page without a type",      "<head><title>Hi</title>",                          "an HTML page"                                                  },
    {"page of an older time",    "<?xml version='1.0'?>\n<html>",                    "an HTML page"                                                  },
    {"page with a mark",         "\xef\xbb\xbf<!doctype HTML>",                      "an HTML page"                                                  },
    {"login",
     "<!DOCTYPE html><form action=/in><input Name=pw TYPE=\"Password\">",            "a login page"                                                  },
    {"login without quotes",     "<html><input type=password>",                      "a login page"                                                  },
    {"login with others",        "<html><input type='password'>",                    "a login page"                                                  },
    {"index",                    "<html>\n<head>\n<title>/debug/pprof/</title>",
     "the index page of net/http/pprof"                                                                                                              },
    {"XML",                      "<?xml version=\"1.0\"?><Error/>",                  "XML"                                                           },
    {"XML without a head",       "<Error><Code>AccessDenied</Code>",                 "XML"                                                           },
    {"JSON object",              " {\"message\": \"no\"}",                           "JSON"                                                          },
    {"JSON list",                "[\n  {\"a\": 1}]",                                 "JSON"                                                          },
    {"JSON of texts",            "[\"a\"]",                                          "JSON"                                                          },
    {"empty JSON list",          "[]",                                               "JSON"                                                          },
    {"log line",                 "[INFO] started",                                   "text that begins \"[INFO] started\""                           },
    {"comparison",               "< 5 is less",                                      "text that begins \"< 5 is less\""                              },
    {"metrics",                  "# HELP go_goroutines Number of\n",                 "metrics of Prometheus"                                         },
    {"unknown profile",          "Unknown profile\n",
     "an error of net/http/pprof, \"Unknown profile\""                                                                                               },
    {"CPU profile in use",
     "Could not enable CPU profiling: cpu profiling already in use\n",               "an error of net/http/pprof, \"Could not enable CPU profiling: cpu "
     "profiling already in use\""                                              },
    {"too long for it",          "profile duration exceeds server's WriteTimeout\n",
     "an error of net/http/pprof, \"profile duration exceeds server's "
     "WriteTimeout\""                                                                                                                                },
    {"seconds of what has none",
     "\"seconds\" parameter is not supported for this profile type\n",               "an error of net/http/pprof, \"\"seconds\" parameter is not supported for "
     "this profile type\""                                                     },
    {"plain text",               "upstream connect error\n",
     "text that begins \"upstream connect error\""                                                                                                   },
    {"long text",
     "0123456789012345678901234567890123456789012345678901234567890123456789",       "text that begins "
     "\"012345678901234567890123456789012345678901234567890123456789\""},
};

static void strangers_are_named(void **state)
{
    const struct case_unknown *c = *state;
    char message[300];
    (void)snprintf(message, sizeof(message), "not a profile: %s", c->look);
    assert_refused(span_of(c->text), ERR_UNKNOWN, message);
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    struct CMUnitTest rows[N_CASES];
    for (size_t i = 0; i < N_CASES; i++) {
        rows[i] = (struct CMUnitTest){.name = cases[i].name,
                                      .test_func = strangers_are_named,
                                      .initial_state = test_case(&cases[i])};
    }
    return cmocka_run_group_tests(rows, NULL, NULL);
}
