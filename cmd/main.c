/* Finds the command, reads its options, runs it; nothing else knows argv. */
#include "cmd.h"

#include "console.h"
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CMD(name) extern const struct cmd cmd_##name;
#include "cmds.def"
#undef CMD

static const struct cmd *const commands[] = {
#define CMD(name) &cmd_##name,
#include "cmds.def"
#undef CMD
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static const char *const color_words[] = {"auto", "always", "never", NULL};

/* clang-format off */
const struct option_row common_options[] = {
    {.name = "color", .arg = "WHEN", .kind = OPTION_CHOICE, .choices = color_words,
     .offset = offsetof(struct common, color),
     .help = "auto, always or never (default auto: on a terminal, unless NO_COLOR is set)"},
    {.name = "quiet", .short_name = 'q', .kind = OPTION_FLAG,
     .offset = offsetof(struct common, quiet),
     .help = "no progress and no warnings on stderr"},
    {.name = "verbose", .short_name = 'v', .kind = OPTION_FLAG,
     .offset = offsetof(struct common, verbose),
     .help = "show all evidence, and findings of grade info"},
    {.name = "help", .short_name = 'h', .kind = OPTION_FLAG,
     .offset = offsetof(struct common, help),
     .help = "this text"},
};
/* clang-format on */
const size_t n_common_options =
    sizeof(common_options) / sizeof(common_options[0]);

struct program_options {
    bool version;
};

const struct option_row program_options[] = {
    {.name = "version",
     .kind = OPTION_FLAG,
     .offset = offsetof(struct program_options, version),
     .help = "name and version"},
};
const size_t n_program_options =
    sizeof(program_options) / sizeof(program_options[0]);

bool cmds_offer(size_t i, struct option_offer *out)
{
    if (i >= N_COMMANDS) {
        return false;
    }
    *out = (struct option_offer){commands[i]->name, commands[i]->summary};
    return true;
}

const struct cmd *const *cmds_all(size_t *n)
{
    *n = N_COMMANDS;
    return commands;
}

const struct cmd *cmds_find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* Takes `text` over. */
static int print_and_end(struct buf *text)
{
    struct err err = {0};
    const bool ok =
        buf_check(text, "help", &err) && console_finish(buf_view(text), &err);
    buf_release(text);
    return ok ? STATUS_OK : console_fail(NULL, &err);
}

static int unknown_command(const char *word)
{
    /* Other programs have `version` as a command. */
    static const char *const beside[] = {"help", "--version"};
    enum { N_BESIDE = sizeof(beside) / sizeof(beside[0]) };
    const char *names[N_COMMANDS + N_BESIDE];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i]->name;
    }
    memcpy(names + N_COMMANDS, beside, sizeof(beside));
    const char *nearest = words_nearest(word, names, N_COMMANDS + N_BESIDE);
    if (nearest != NULL) {
        console_say("unknown command '%s'; did you mean %s?", word, nearest);
    } else {
        console_say("unknown command '%s'; seep --help lists them", word);
    }
    return STATUS_FAILED;
}

static int show_help(const char *name)
{
    struct buf text = BUF_LIMIT((size_t)1 << 20);
    if (name == NULL) {
        help_overview(&text);
        return print_and_end(&text);
    }
    const struct cmd *c = cmds_find(name);
    if (c == NULL) {
        return unknown_command(name);
    }
    help_command(&text, c);
    return print_and_end(&text);
}

static int show_version(void)
{
    struct buf text = BUF_LIMIT(128);
    buf_str(&text, "seep " SEEP_VERSION "\n");
    return print_and_end(&text);
}

/* The words as they are, for a command that knows what they mean. */
static int run_raw(const struct cmd *c, struct session *s, int argc,
                   char **argv)
{
    struct err err = {0};
    struct words args = {
        .items = arena_new(s->arena, const char *, (size_t)argc + 1)};
    if (args.items == NULL) {
        err_nomem(&err, "command line");
        return console_fail(NULL, &err);
    }
    for (int i = 0; i < argc; i++) {
        args.items[args.n++] = argv[i];
    }
    console_look(s);
    return c->run(s, NULL, &args);
}

static int run_command(const struct cmd *c, struct session *s, int argc,
                       char **argv)
{
    struct err err = {0};
    struct words args = {0};
    int used = 0;
    void *options =
        arena_alloc(s->arena, 1, c->options_bytes + 1, _Alignof(max_align_t));
    if (options == NULL) {
        err_nomem(&err, "options");
        return console_fail(NULL, &err);
    }
    if (c->defaults != NULL) {
        c->defaults(options);
    }
    const struct option_set sets[] = {
        {c->options,     c->n_options,     options   },
        {common_options, n_common_options, &s->common},
    };
    if (!options_parse(sets, 2, argc, argv, false, s->arena, &args, &used,
                       &err)) {
        err_wrap(&err, "%s", c->name);
        return console_fail(NULL, &err);
    }
    if (s->common.help) {
        return show_help(c->name);
    }
    console_look(s);
    return c->run(s, options, &args);
}

static int run(struct session *s, int argc, char **argv)
{
    struct err err = {0};
    struct program_options program = {0};
    struct words none = {0};
    int used = 0;
    const struct option_set sets[] = {
        {program_options, n_program_options, &program  },
        {common_options,  n_common_options,  &s->common},
    };
    if (!options_parse(sets, 2, argc - 1, argv + 1, true, s->arena, &none,
                       &used, &err)) {
        return console_fail(NULL, &err);
    }
    argc -= used + 1;
    argv += used + 1;
    if (program.version) {
        return show_version();
    }
    if (s->common.help) {
        return show_help(argc > 0 ? argv[0] : NULL);
    }
    if (argc <= 0) {
        console_say("no command; seep --help shows them");
        return STATUS_FAILED;
    }
    if (strcmp(argv[0], "help") == 0) {
        return show_help(argc > 1 ? argv[1] : NULL);
    }
    const struct cmd *c = cmds_find(argv[0]);
    if (c == NULL) {
        return unknown_command(argv[0]);
    }
    return c->takes_raw ? run_raw(c, s, argc - 1, argv + 1)
                        : run_command(c, s, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct session session = {.arena = &arena, .argc = argc, .argv = argv};
    console_init();
    const int status = run(&session, argc, argv);
    arena_release(&arena);
    return status;
}
