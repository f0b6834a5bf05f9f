/* See heap_words.h. What is not known stays a word in capitals. */
#include "heap_words.h"

#include <string.h>

static bool is_plain(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_./-+=:,@%") == strlen(text);
}

/* As a shell takes it. */
static void add_path(struct buf *out, const char *path)
{
    if (is_plain(path)) {
        buf_str(out, path);
        return;
    }
    buf_char(out, '\'');
    for (const char *at = path; *at; at++) {
        buf_str(out, *at == '\'' ? "'\\'" : "");
        buf_char(out, *at);
    }
    buf_char(out, '\'');
}

static bool take_word(const char **at, const char *word)
{
    const size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0 || ((*at)[n] != '\0' && (*at)[n] != ' ')) {
        return false;
    }
    *at += n;
    return true;
}

static void fill(const struct heap_words *w, const char *text, struct buf *out)
{
    for (const char *at = text; *at;) {
        if (take_word(&at, "EARLIER LATER")) {
            add_path(out, w->dump);
            buf_str(out, " LATER");
        } else if (take_word(&at, "DUMP")) {
            add_path(out, w->dump);
        } else if (w->exe != NULL && take_word(&at, "BINARY")) {
            add_path(out, w->exe);
        } else {
            buf_char(out, *at++);
        }
    }
}

bool heap_fill_words(struct session *s, const struct heap_words *w,
                     struct findings *findings, struct err *err)
{
    for (size_t i = 0; i < findings->n; i++) {
        struct finding *f = &findings->items[i];
        const char *text = f->confirm != NULL ? f->confirm : f->rule->confirm;
        if (text == NULL || strncmp(text, "seep heap ", 10) != 0) {
            continue;
        }
        if (w->is_compared && strstr(text, "EARLIER LATER") != NULL) {
            text = "seep heap DUMP --exe BINARY --view dominators";
        }
        struct buf out = BUF_LIMIT(1 << 16);
        fill(w, text, &out);
        f->confirm =
            buf_ok(&out) ? arena_strdup(s->arena, buf_view(&out)) : NULL;
        buf_release(&out);
        if (f->confirm == NULL) {
            return err_nomem(err, "next steps");
        }
    }
    return true;
}
