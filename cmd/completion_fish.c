/*
 * fish: a line `complete` for each option and each word, as fish has it. Its
 * own functions find the command, since a word may stand elsewhere, too.
 */
#include "completion.h"

enum { LIST_BYTES_MAX = 64 << 10 };

/* As one word of fish, whatever it holds. */
static void put_quoted(struct buf *out, const char *text)
{
    buf_char(out, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        buf_str(out, *c == '\'' || *c == '\\' ? "\\" : "");
        buf_char(out, *c);
    }
    buf_char(out, '\'');
}

/* --- which options take values --- */

static void put_pattern(struct buf *out, const char *command,
                        const char *dashes, const struct option_row *row)
{
    if (completion_take(row) == COMPLETION_NOTHING) {
        return;
    }
    buf_printf(out, "    case '%s:%s%s'", command, dashes, row->name);
    if (row->short_name != 0) {
        buf_printf(out, " '%s:-%c'", command, row->short_name);
    }
    if (dashes[1] == '\0') {
        buf_printf(out, " '%s:--%s'", command, row->name);
    }
    buf_str(out, "\n        return 0\n");
}

static void put_takes_value(struct buf *out)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    struct option_row row;
    buf_str(out, "# Does option $argv[2] of command $argv[1] take a value?\n"
                 "function __seep_takes_value\n"
                 "    switch \"$argv[1]:$argv[2]\"\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; completion_option_at(all[i], k, &row); k++) {
            put_pattern(out, all[i]->name, completion_dashes(all[i]), &row);
        }
    }
    for (size_t k = 0; k < n_program_options; k++) {
        put_pattern(out, "", "--", &program_options[k]);
    }
    for (size_t k = 0; k < n_common_options; k++) {
        put_pattern(out, "*", "--", &common_options[k]);
    }
    buf_str(out, "    end\n    return 1\nend\n\n");
}

/* --- where the cursor is, and what is there --- */

static const char functions[] =
    "# The command before the cursor, and the number of the argument at it.\n"
    "function __seep_place\n"
    "    set -l tokens (commandline -opc)\n"
    "    set -e tokens[1]\n"
    "    set -l command ''\n"
    "    set -l count 1\n"
    "    set -l skip 0\n"
    "    for token in $tokens\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "        else if string match -q -r -- '^-.' $token\n"
    "            __seep_takes_value \"$command\" $token\n"
    "            and set skip 1\n"
    "        else if test -z \"$command\"\n"
    "            set command $token\n"
    "        else\n"
    "            set count (math $count + 1)\n"
    "        end\n"
    "    end\n"
    "    printf '%s\\n' \"$command\" $count\n"
    "end\n\n"
    "# Is it command $argv[1], and at the argument of number $argv[2], if "
    "any?\n"
    "function __seep_at\n"
    "    set -l place (__seep_place)\n"
    "    test \"$place[1]\" = \"$argv[1]\"\n"
    "    or return 1\n"
    "    test (count $argv) = 1\n"
    "    or test \"$place[2]\" = \"$argv[2]\"\n"
    "end\n\n"
    "# What is typed of a value, without the option before it.\n"
    "function __seep_typed\n"
    "    set -l token (commandline -ct)\n"
    "    string replace -r -- '^--?[A-Za-z_-]+=' '' \"$token\"\n"
    "end\n\n"
    "# One more word of a list by comma.\n"
    "function __seep_list\n"
    "    set -l before (string match -r -- '^.*,' (__seep_typed))\n"
    "    for word in $argv\n"
    "        printf '%s\\n' \"$before$word\"\n"
    "    end\n"
    "end\n\n"
    "# WORD=FILE.\n"
    "function __seep_pair\n"
    "    set -l parts (string split -m 1 -- = (__seep_typed))\n"
    "    if test (count $parts) = 2\n"
    "        for path in $parts[2]*\n"
    "            test -d $path\n"
    "            and set path $path/\n"
    "            printf '%s=%s\\n' $parts[1] $path\n"
    "        end\n"
    "    else\n"
    "        printf '%s=\\n' $argv\n"
    "    end\n"
    "end\n\n";

/* --- lines --- */

static void put_condition(struct buf *out, const char *condition,
                          const char *command)
{
    buf_printf(out, "complete -c seep -n '%s", condition);
    if (command != NULL) {
        buf_printf(out, " %s", *command != '\0' ? command : "\"\"");
    }
    buf_char(out, '\'');
}

/* The words of an option as fish reads them again: each with a tab and what it
   stands for. */
static void put_words(struct buf *out, const struct option_row *row)
{
    struct buf list = BUF_LIMIT(LIST_BYTES_MAX);
    struct option_offer offer;
    for (size_t i = 0; option_offer_at(row, i, &offer); i++) {
        /* Without a text of its own it would be shown with the option's. */
        buf_printf(&list, "%s%s\\t", i > 0 ? " " : "", offer.word);
        put_quoted(&list, offer.help != NULL ? offer.help : "");
    }
    buf_char(&list, '\0');
    buf_str(out, " -a ");
    put_quoted(out, list.data != NULL ? list.data : "");
    buf_release(&list);
}

static void put_call(struct buf *out, const char *function,
                     const struct option_row *row)
{
    struct option_offer offer;
    buf_printf(out, " -a '(%s", function);
    for (size_t i = 0; option_offer_at(row, i, &offer); i++) {
        buf_printf(out, " %s", offer.word);
    }
    buf_str(out, ")'");
}

static void put_take(struct buf *out, const struct option_row *row)
{
    struct option_offer offer;
    switch (completion_take(row)) {
    case COMPLETION_NOTHING:
        break;
    case COMPLETION_WORD:
        buf_str(out, " -x");
        if (option_offer_at(row, 0, &offer)) {
            put_words(out, row);
        }
        break;
    case COMPLETION_LIST:
        buf_str(out, " -x");
        put_call(out, "__seep_list", row);
        break;
    case COMPLETION_PAIR:
        buf_str(out, " -x");
        put_call(out, "__seep_pair", row);
        break;
    case COMPLETION_FILE:
        buf_str(out, " -r -F");
        break;
    case COMPLETION_FOLDER:
        buf_str(out, " -x -a '(__fish_complete_directories (__seep_typed))'");
        break;
    }
}

static void put_option(struct buf *out, const char *condition,
                       const char *command, const char *letter,
                       const struct option_row *row)
{
    put_condition(out, condition, command);
    if (row->short_name != 0) {
        buf_printf(out, " -s %c", row->short_name);
    }
    buf_printf(out, " %s %s", letter, row->name);
    put_take(out, row);
    buf_str(out, " -d ");
    put_quoted(out, row->help);
    buf_char(out, '\n');
}

static void put_offers(struct buf *out, const char *command, const char *count,
                       option_offers *offers)
{
    struct option_offer offer;
    for (size_t i = 0; offers(i, &offer); i++) {
        buf_printf(out, "complete -c seep -n '__seep_at %s%s' -a %s", command,
                   count, offer.word);
        if (offer.help != NULL) {
            buf_str(out, " -d ");
            put_quoted(out, offer.help);
        }
        buf_char(out, '\n');
    }
}

static void put_files(struct buf *out, const struct cmd *c)
{
    if (c->arguments.files_from == 1) {
        buf_printf(out, "complete -c seep -n '__seep_at %s' -F\n", c->name);
    } else if (c->arguments.files_from > 1) {
        buf_printf(out,
                   "complete -c seep -n '__seep_at %s; and not __seep_at "
                   "%s 1' -F\n",
                   c->name, c->name);
    }
}

static void put_command(struct buf *out, const struct cmd *c)
{
    const struct cmd_arguments *a = &c->arguments;
    struct option_row row;
    buf_printf(out, "\n# %s\n", c->name);
    put_files(out, c);
    if (a->words != NULL) {
        put_offers(out, c->name, a->is_each ? "" : " 1", a->words);
    }
    for (size_t k = 0; completion_option_at(c, k, &row); k++) {
        put_option(out, "__seep_at", c->name, c->flag_at != NULL ? "-o" : "-l",
                   &row);
    }
    for (size_t k = 0; k < n_common_options && !c->takes_raw; k++) {
        put_option(out, "__seep_at", c->name, "-l", &common_options[k]);
    }
}

void completion_write_fish(struct buf *out)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    buf_str(out, "# Completion of seep " SEEP_VERSION " in fish, made by: "
                 "seep completion fish\n\n");
    put_takes_value(out);
    buf_str(out, functions);
    buf_str(out, "complete -c seep -e\ncomplete -c seep -f\n");
    put_offers(out, "\"\"", "", completion_offer_commands);
    put_offers(out, "help", " 1", completion_offer_commands);
    for (size_t k = 0; k < n_program_options; k++) {
        put_option(out, "__seep_at", "", "-l", &program_options[k]);
    }
    for (size_t k = 0; k < n_common_options; k++) {
        put_option(out, "__seep_at", "", "-l", &common_options[k]);
    }
    for (size_t i = 0; i < n; i++) {
        put_command(out, all[i]);
    }
}
