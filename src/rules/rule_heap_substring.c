/*
 * Whole input buffers that stay. A substring or sub-slice keeps the whole
 * block; a profile shows the block, not how much of it is still of use.
 */
#include "rules/match_private.h"

#include "base/banned.h"

static const struct match_name rows[] = {
    {"io.ReadAll",                 "io.ReadAll"             },
    {"io/ioutil.ReadAll",          "ioutil.ReadAll"         },
    {"io/ioutil.ReadFile",         "ioutil.ReadFile"        },
    {"os.ReadFile",                "os.ReadFile"            },
    {"bufio.(*Reader).ReadString", "bufio.Reader.ReadString"},
    {"bufio.(*Reader).ReadBytes",  "bufio.Reader.ReadBytes" },
    {"bufio.(*Scanner).Text",      "bufio.Scanner.Text"     },
    {"strings.(*Builder).*",       "strings.Builder"        },
    {"strings.Split*",             "strings.Split"          },
    {"strings.Fields*",            "strings.Fields"         },
    {"bytes.Split*",               "bytes.Split"            },
    {"bytes.Fields*",              "bytes.Fields"           },
    {"regexp.(*Regexp).Find*",     "a regexp's Find"        },
};

static const struct evidence_size *main_size(const struct evidence *e)
{
    return e->n_sizes > 0 ? &e->sizes[0] : NULL;
}

static bool check(const struct rule *self, const struct evidence *e,
                  const double *params, struct rule_match *out)
{
    (void)self;
    const struct evidence_size *s = main_size(e);
    if (!s || s->block_bytes < params[1]) {
        return false;
    }
    const struct match_name *row =
        match_called(e, rows, COUNT_OF(rows), params[0]);
    if (!row) {
        return false;
    }
    match_evidence(out, "the blocks come from %s", row->what);
    return match_heap(e, out, "of text read in are still in use");
}

static const struct rule_param params_rows[] = {
    {"min-share", "ratio", 0.5, 0.05, 1,
     "share of the growth that came from reading or splitting text"},
    {"min-block", "bytes", 256, 16,   1e9,
     "size of the blocks that grew most; smaller ones hide little" },
};

const struct rule rule_heap_substring = {
    .id = "heap-substring",
    .title = "Whole buffers kept, perhaps by a part of them",
    .headline = "whole buffers of text are kept",
    .what = "Blocks that reading or splitting text made, still in use.",
    .why = "A substring or sub-slice shares the memory of the whole. As long "
           "as a few bytes of a line, file or body are kept, so is all of it.",
    .infers = "From blocks made by functions that read or split text. That a "
              "part keeps the whole is a guess: a profile does not show how "
              "much of a block is of use.",
    .decides = "A heap dump: references into the middle of "
               "blocks much larger than what is used of them.",
    .alternatives = {"the whole text is meant to be kept (a cache, a store), "
                     "bounded by compaction or retention you know of", "buffers in use by work in flight"},
    .fix = "Copy the part you keep (strings.Clone, bytes.Clone, slices.Clone) "
           "so that the whole can be freed, and bound what keeps the parts.",
    .confirm = "debug.WriteHeapDump(fd)   (who refers into the blocks)",
    .leaking = "body, _ := io.ReadAll(r.Body)\n"
               "lines := strings.Split(string(body), \"\\n\")\n"
               "index[lines[0]] = true // keeps the whole body\n",
    .mended = "index[strings.Clone(lines[0])] = true\n",
    .worst = GRADE_STRONG,
    .needs = NEED_HEAP,
    .kinds = RULE_KIND(EVIDENCE_HEAP),
    .params = params_rows,
    .n_params = COUNT_OF(params_rows),
    .check = check,
};
