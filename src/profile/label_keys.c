/* Labels leave by their key. */
#include "profile/samples_private.h"
#include "profile/select.h"
#include "profile/text_match_private.h"

struct key_filter {
    struct text_match show, hide;
    bool show_matched, hide_matched;
};

static bool keep_label(struct key_filter *f, const struct profile_label *l)
{
    const bool shown = f->show.re == NULL || text_matches(&f->show, l->key);
    const bool hidden = f->hide.re != NULL && text_matches(&f->hide, l->key);
    f->show_matched = f->show_matched || shown;
    f->hide_matched = f->hide_matched || hidden;
    return shown && !hidden;
}

static bool keep_sample(void *ctx, struct sample *s)
{
    struct key_filter *f = ctx;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_labels; i++) {
        if (keep_label(f, &s->labels[i])) {
            s->labels[n++] = s->labels[i];
        }
    }
    s->n_labels = n;
    return true;
}

bool profile_filter_label_keys(struct profile *p, struct regex *show,
                               struct regex *hide, bool *show_matched,
                               bool *hide_matched, struct err *err)
{
    struct key_filter f = {0};
    bool ok = text_match_init(&f.show, p, show, err) &&
              text_match_init(&f.hide, p, hide, err);
    if (ok) {
        samples_filter(p, keep_sample, &f);
        ok = !f.show.has_failed && !f.hide.has_failed;
    }
    *show_matched = f.show_matched;
    *hide_matched = f.hide_matched;
    text_match_release(&f.show);
    text_match_release(&f.hide);
    return ok;
}
