/* Prints a shell's completion script; what all of them ask the tables. */
#include "completion.h"
#include "console.h"

#include <string.h>

enum { SCRIPT_BYTES_MAX = 1 << 20 };

static const struct cmd_example examples[] = {
    {"seep completion bash >~/.local/share/bash-completion/completions/seep",
     "for every bash from now on, where the package bash-completion is"},
    {"echo 'source <(seep completion bash)' >>~/.bashrc",
     "the same without the package"                                    },
    {"seep completion zsh >~/.zfunc/_seep",
     "in ~/.zshrc, before compinit: fpath+=~/.zfunc"                   },
    {"seep completion fish >~/.config/fish/completions/seep.fish",
     "for every fish from now on"                                      },
};

static const struct shell {
    const char *name, *what;
    void (*write)(struct buf *out);
} shells[] = {
    {"bash", "a function and complete -F", completion_write_bash},
    {"zsh",  "a function and compdef",     completion_write_zsh },
    {"fish", "complete, a line each",      completion_write_fish},
};
enum { N_SHELLS = sizeof(shells) / sizeof(shells[0]) };

/* --- what the tables say --- */

enum completion_take completion_take(const struct option_row *row)
{
    static const struct {
        const char *arg;
        enum completion_take take;
    } takes[] = {
        {"FILE",      COMPLETION_FILE  },
        {"PATH",      COMPLETION_FILE  },
        {"PLACE",     COMPLETION_FILE  },
        {"BINARY",    COMPLETION_FILE  },
        {"DUMP",      COMPLETION_FILE  },
        {"SOURCE",    COMPLETION_FILE  },
        {"A...",      COMPLETION_FILE  },
        {"B...",      COMPLETION_FILE  },
        {"DIR",       COMPLETION_FOLDER},
        {"DIR...",    COMPLETION_FOLDER},
        {"PATHS",     COMPLETION_FOLDER},
        {"LIST",      COMPLETION_LIST  },
        {"KIND=FILE", COMPLETION_PAIR  },
    };
    if (row->kind == OPTION_FLAG) {
        return COMPLETION_NOTHING;
    }
    for (size_t i = 0; i < sizeof(takes) / sizeof(takes[0]); i++) {
        if (strcmp(takes[i].arg, row->arg) == 0) {
            return takes[i].take;
        }
    }
    return COMPLETION_WORD;
}

bool completion_option_at(const struct cmd *c, size_t i, struct option_row *out)
{
    if (c->flag_at != NULL) {
        return c->flag_at(i, out);
    }
    if (i >= c->n_options) {
        return false;
    }
    *out = c->options[i];
    return true;
}

const char *completion_dashes(const struct cmd *c)
{
    return c->flag_at != NULL ? "-" : "--";
}

bool completion_offer_commands(size_t i, struct option_offer *out)
{
    size_t n = 0;
    (void)cmds_all(&n);
    *out = (struct option_offer){"help", "what a command does and takes"};
    return i == n || cmds_offer(i, out);
}

/* --- the command --- */

static bool offer_shells(size_t i, struct option_offer *out)
{
    if (i >= N_SHELLS) {
        return false;
    }
    *out = (struct option_offer){shells[i].name, shells[i].what};
    return true;
}

static const struct shell *find_shell(const struct words *args, struct err *err)
{
    const char *names[N_SHELLS];
    if (args->n != 1) {
        err_set(err, ERR_USAGE,
                args->n == 0 ? "completion: for which shell? bash, zsh or fish"
                             : "completion: one shell at a time");
        return NULL;
    }
    for (size_t i = 0; i < N_SHELLS; i++) {
        names[i] = shells[i].name;
        if (strcmp(args->items[0], names[i]) == 0) {
            return &shells[i];
        }
    }
    const char *nearest = words_nearest(args->items[0], names, N_SHELLS);
    if (nearest != NULL) {
        err_set(err, ERR_USAGE,
                "completion: no shell '%.60s'; did you mean %s?",
                args->items[0], nearest);
    } else {
        err_set(err, ERR_USAGE,
                "completion: no shell '%.60s'; there is: bash zsh fish",
                args->items[0]);
    }
    return NULL;
}

static int completion_run(struct session *session, void *options,
                          const struct words *args)
{
    struct err err = {0};
    struct buf script = BUF_LIMIT(SCRIPT_BYTES_MAX);
    const struct shell *shell = find_shell(args, &err);
    (void)session;
    (void)options;
    if (shell != NULL) {
        shell->write(&script);
    }
    const bool ok = shell != NULL && buf_check(&script, "the script", &err) &&
                    console_finish(buf_view(&script), &err);
    buf_release(&script);
    return ok ? STATUS_OK : console_fail(NULL, &err);
}

const struct cmd cmd_completion = {
    .name = "completion",
    .summary = "a script that completes seep's words in a shell",
    .usage = "bash|zsh|fish",
    .about = "Prints to standard output a script that completes commands, "
             "options and their values, rules, scenarios, files and folders. "
             "It has all words of this seep in it, so print it again after an "
             "update; where seep was installed with it, that is done already.",
    .examples = examples,
    .n_examples = sizeof(examples) / sizeof(examples[0]),
    .arguments = {.words = offer_shells},
    .run = completion_run,
};
