/*
 * bash and zsh: three functions of one `case` each hold the words, and a walk
 * over the command line asks them. Both shells get the same walk in their own
 * words; zsh shows what a word stands for, bash has no place for that.
 */
#include "completion.h"

/* A word between single quotes, with its help behind a colon for zsh. No word
   of a table has a colon itself. */
static void put_word(struct buf *out, const char *dashes,
                     const struct option_offer *offer, bool has_help)
{
    buf_printf(out, " '%s%s", dashes, offer->word);
    if (has_help && offer->help != NULL) {
        buf_char(out, ':');
        for (const char *c = offer->help; *c != '\0'; c++) {
            buf_str(out, *c == '\'' ? "'\\'" : "");
            buf_char(out, *c);
        }
    }
    buf_char(out, '\'');
}

/* --- what an option takes --- */

static const char *const take_words[] = {
    [COMPLETION_NOTHING] = "",  [COMPLETION_WORD] = "word",
    [COMPLETION_LIST] = "list", [COMPLETION_PAIR] = "pair",
    [COMPLETION_FILE] = "file", [COMPLETION_FOLDER] = "folder",
};

static void put_names(struct buf *out, const char *command, const char *dashes,
                      const struct option_row *row)
{
    buf_printf(out, "    %s:%s%s", command, dashes, row->name);
    if (row->short_name != 0) {
        buf_printf(out, "|%s:-%c", command, row->short_name);
    }
}

static void put_value(struct buf *out, const char *command, const char *dashes,
                      const struct option_row *row, bool has_help)
{
    struct option_offer offer;
    if (completion_take(row) == COMPLETION_NOTHING) {
        return;
    }
    put_names(out, command, dashes, row);
    buf_printf(out, ") take=%s", take_words[completion_take(row)]);
    if (row->kind == OPTION_MANY) {
        buf_str(out, " many=many");
    }
    if (option_offer_at(row, 0, &offer)) {
        buf_str(out, " offers=(");
        for (size_t i = 0; option_offer_at(row, i, &offer); i++) {
            put_word(out, "", &offer, has_help);
        }
        buf_str(out, " )");
    }
    buf_str(out, " ;;\n");
}

static void put_values(struct buf *out, bool has_help)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    struct option_row row;
    buf_str(out, "# What option $2 of command $1 takes; fails for flags.\n"
                 "_seep_value() {\n"
                 "    take= many= offers=()\n"
                 "    case \"${1}:${2}\" in\n");
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; completion_option_at(all[i], k, &row); k++) {
            put_value(out, all[i]->name, completion_dashes(all[i]), &row,
                      has_help);
        }
    }
    for (size_t k = 0; k < n_program_options; k++) {
        put_value(out, "", "--", &program_options[k], has_help);
    }
    for (size_t k = 0; k < n_common_options; k++) {
        put_value(out, "*", "--", &common_options[k], has_help);
    }
    buf_str(out, "    *) return 1 ;;\n    esac\n}\n\n");
}

/* --- which options there are --- */

static void put_option(struct buf *out, const char *dashes,
                       const struct option_row *row, bool has_help)
{
    const struct option_offer offer = {row->name, row->help};
    buf_str(out, "\n       ");
    put_word(out, dashes, &offer, has_help);
}

static void put_options(struct buf *out, bool has_help)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    struct option_row row;
    buf_str(out, "# The options of command $1.\n"
                 "_seep_options() {\n"
                 "    offers=()\n"
                 "    case ${1} in\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(out, "    %s) offers=(", all[i]->name);
        for (size_t k = 0; completion_option_at(all[i], k, &row); k++) {
            put_option(out, completion_dashes(all[i]), &row, has_help);
        }
        /* What brings its own list has them in it. */
        for (size_t k = 0; k < n_common_options && !all[i]->takes_raw; k++) {
            put_option(out, "--", &common_options[k], has_help);
        }
        buf_str(out, " ) ;;\n");
    }
    buf_str(out, "    '') offers=(");
    for (size_t k = 0; k < n_program_options; k++) {
        put_option(out, "--", &program_options[k], has_help);
    }
    for (size_t k = 0; k < n_common_options; k++) {
        put_option(out, "--", &common_options[k], has_help);
    }
    buf_str(out, " ) ;;\n    esac\n}\n\n");
}

/* --- what arguments there are --- */

static void put_offers(struct buf *out, option_offers *offers, bool has_help)
{
    struct option_offer offer;
    buf_str(out, " offers=(");
    for (size_t i = 0; offers(i, &offer); i++) {
        buf_str(out, "\n       ");
        put_word(out, "", &offer, has_help);
    }
    buf_str(out, " )");
}

/* What is of the first argument alone comes before what is of all. */
static void put_arguments_of(struct buf *out, const struct cmd *c,
                             bool has_help)
{
    const struct cmd_arguments *a = &c->arguments;
    if (a->words != NULL) {
        buf_printf(out, "    %s:%s) take=%s", c->name, a->is_each ? "*" : "1",
                   a->files_from == 1 ? "file" : "word");
        put_offers(out, a->words, has_help);
        buf_str(out, " ;;\n");
    }
    if (c->flag_at != NULL) {
        buf_printf(out, "    %s:1) take=file ;;\n", c->name);
    }
    if (a->files_from > 0) {
        buf_printf(out, "    %s:*) take=file%s ;;\n", c->name,
                   c->flag_at != NULL ? " ended=1" : "");
    }
}

static void put_arguments(struct buf *out, bool has_help)
{
    size_t n = 0;
    const struct cmd *const *all = cmds_all(&n);
    buf_str(out, "# What the argument of number $2 of command $1 can be.\n"
                 "_seep_argument() {\n"
                 "    take= offers=()\n"
                 "    case \"${1}:${2}\" in\n"
                 "    :*|help:1) take=word");
    put_offers(out, completion_offer_commands, has_help);
    buf_str(out, " ;;\n");
    for (size_t i = 0; i < n; i++) {
        put_arguments_of(out, all[i], has_help);
    }
    buf_str(out, "    esac\n}\n\n");
}

static void put_tables(struct buf *out, bool has_help)
{
    put_values(out, has_help);
    put_options(out, has_help);
    put_arguments(out, has_help);
}

/* --- the walk --- */

/* Both shells understand it. `want` is "one" where a value must follow, "many"
   where values may. */
static const char walk[] =
    "# Reads the words \"$@\", all before the one that is completed.\n"
    "_seep_walk() {\n"
    "    command= option= want= ended= count=1\n"
    "    local word=\n"
    "    for word in \"$@\"; do\n"
    "        if [[ $want == one ]]; then\n"
    "            want=$many\n"
    "            continue\n"
    "        fi\n"
    "        if [[ -z $ended && $word == -?* ]]; then\n"
    "            want= option=${word%%=*}\n"
    "            if [[ $word == -- ]]; then\n"
    "                ended=1\n"
    "            elif _seep_find \"$option\"; then\n"
    "                want=one\n"
    "                [[ $word == *=* ]] && want=$many\n"
    "            fi\n"
    "        elif [[ $want != many && -z $command ]]; then\n"
    "            command=$word\n"
    "        elif [[ $want != many ]]; then\n"
    "            (( count++ ))\n"
    "        fi\n"
    "    done\n"
    "    return 0\n"
    "}\n\n"
    "# _seep_value of the command; one dash or two are one where it takes "
    "one.\n"
    "_seep_find() {\n"
    "    _seep_value \"$command\" \"$1\" || _seep_value \"$command\" "
    "\"${1#-}\"\n"
    "}\n\n"
    "# What can stand here: before (what stays of the word), take, offers.\n"
    "_seep_what() {\n"
    "    local word=$1\n"
    "    before= value=$word\n"
    "    if [[ $want == one ]]; then\n"
    "        _seep_find \"$option\"\n"
    "    elif [[ -z $ended && $word == -*=* ]]; then\n"
    "        before=${word%%=*}= value=${word#*=}\n"
    "        _seep_find \"${word%%=*}\"\n"
    "    elif [[ $want == many && $word != -* ]]; then\n"
    "        _seep_find \"$option\"\n"
    "    else\n"
    "        _seep_argument \"$command\" \"$count\"\n"
    "        if [[ -z $ended && $word == -* ]]; then\n"
    "            take=option\n"
    "            _seep_options \"$command\"\n"
    "        fi\n"
    "    fi\n"
    "    if [[ $take == list && $value == *,* ]]; then\n"
    "        before=$before${value%,*}, value=${value##*,}\n"
    "    elif [[ $take == pair && $value == *=* ]]; then\n"
    "        before=$before${value%%=*}= value=${value#*=} take=file "
    "offers=()\n"
    "    fi\n"
    "}\n\n";

static const char bash_end[] =
    "# The words before the cursor as they were typed, into line: readline\n"
    "# takes them apart at each of COMP_WORDBREAKS, such as = and :.\n"
    "_seep_line() {\n"
    "    local rest=${COMP_LINE:0:COMP_POINT} word= blanks=\n"
    "    local -i i=0\n"
    "    line=()\n"
    "    for ((i = 0; i <= COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        blanks=${rest%%[![:space:]]*}\n"
    "        rest=${rest#\"$blanks\"}\n"
    "        (( i < COMP_CWORD )) || word=$rest\n"
    "        if [[ $i == 0 || -n $blanks ]]; then\n"
    "            line+=(\"$word\")\n"
    "        else\n"
    "            line[${#line[@]} - 1]+=$word\n"
    "        fi\n"
    "        rest=${rest#\"$word\"}\n"
    "    done\n"
    "    last=$word\n"
    "    # Behind one of them a word is new.\n"
    "    [[ $last != [=:]* ]] || last=\n"
    "}\n\n"
    "_seep_add() {\n"
    "    local word=\n"
    "    for word in \"${offers[@]}\"; do\n"
    "        # A flag of one dash may have two.\n"
    "        [[ $take == option && $value == --* && $word != --* ]] &&\n"
    "            word=-$word\n"
    "        [[ $word == \"$value\"* ]] || continue\n"
    "        if [[ $take == pair ]]; then\n"
    "            word+==\n"
    "            compopt -o nospace 2>/dev/null\n"
    "        fi\n"
    "        found+=(\"$before$word\")\n"
    "    done\n"
    "}\n\n"
    "# Files as readline has them, or, where it would look for the whole "
    "word,\n"
    "# by hand.\n"
    "_seep_files() {\n"
    "    local how=default action=-f word=\n"
    "    [[ $take == file ]] || how=dirnames action=-d\n"
    "    if [[ ${#found[@]} == 0 && $before == \"$kept\" ]]; then\n"
    "        compopt -o \"$how\" 2>/dev/null\n"
    "        return\n"
    "    fi\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    while IFS= read -r word; do\n"
    "        found+=(\"$before$word\")\n"
    "    done < <(compgen \"$action\" -- \"$value\")\n"
    "}\n\n"
    "_seep() {\n"
    "    local IFS=$' \\t\\n'\n"
    "    local line=() offers=() found=() last= kept=\n"
    "    local command= option= want= ended= count= many= take=\n"
    "    local before= value=\n"
    "    _seep_line\n"
    "    (( ${#line[@]} > 1 )) || return 0\n"
    "    local current=${line[${#line[@]} - 1]}\n"
    "    kept=${current%\"$last\"}\n"
    "    _seep_walk \"${line[@]:1:${#line[@]} - 2}\"\n"
    "    _seep_what \"$current\"\n"
    "    _seep_add\n"
    "    [[ $take != file && $take != folder ]] || _seep_files\n"
    "    COMPREPLY=(\"${found[@]#\"$kept\"}\")\n"
    "}\n\n"
    "complete -F _seep seep\n";

static const char zsh_end[] =
    "_seep() {\n"
    "    local command option want ended count many take before value word\n"
    "    local -a offers end shown\n"
    "    local found=1\n"
    "    _seep_walk \"${(@)words[2,CURRENT-1]}\"\n"
    "    _seep_what \"$PREFIX\"\n"
    "    compset -P \"${(b)before}\"\n"
    "    for word in \"${offers[@]}\"; do\n"
    "        # A flag of one dash may have two.\n"
    "        [[ $take == option && $value == --* && $word != --* ]] &&\n"
    "            word=-$word\n"
    "        shown+=(\"$word\")\n"
    "    done\n"
    "    [[ $take == pair ]] && end=(-S =)\n"
    "    [[ $take == list ]] && end=(-S '')\n"
    "    if [[ $take == option ]]; then\n"
    "        _describe -o option shown && found=0\n"
    "    elif (( ${#shown} )); then\n"
    "        _describe value shown \"${end[@]}\" && found=0\n"
    "    fi\n"
    "    [[ $take == file ]] && _files && found=0\n"
    "    [[ $take == folder ]] && _files -/ && found=0\n"
    "    return found\n"
    "}\n\n"
    "# From fpath this file is loaded by the first call of its function.\n"
    "if [[ ${funcstack[1]} == _seep ]]; then\n"
    "    _seep \"$@\"\n"
    "else\n"
    "    compdef _seep seep\n"
    "fi\n";

void completion_write_bash(struct buf *out)
{
    buf_str(out, "# Completion of seep " SEEP_VERSION " in bash, made by: "
                 "seep completion bash\n\n");
    put_tables(out, false);
    buf_str(out, walk);
    buf_str(out, bash_end);
}

void completion_write_zsh(struct buf *out)
{
    buf_str(out, "#compdef seep\n"
                 "# Completion of seep " SEEP_VERSION " in zsh, made by: "
                 "seep completion zsh\n\n");
    put_tables(out, true);
    buf_str(out, walk);
    buf_str(out, zsh_end);
}
