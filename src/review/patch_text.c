/*
 * A unified diff, as git and diff write it. libgit2 1.5 reads git's own alone
 * (no plain `diff -u`, no --no-prefix), hence a reader here: it takes no more
 * memory than the runs of changed lines, and names the line that is wrong.
 * Whatever stands around the diffs (a mail, a commit's message) is passed over.
 */
#include "base/limits.h"
#include "review/diff_names_private.h"
#include "review/patch_fit_private.h"

#include "base/banned.h"

/* One file's part of the diff. */
struct section {
    bool is_open;
    struct diff_names names;
    struct diff_hunks hunks;
};

struct reading {
    struct patch *patch;
    const struct paths_files *files; /* NULL: no sources */
    struct span rest;
    size_t line_number;  /* of the line at hand */
    size_t n_text_bytes; /* of sources that were looked at, again and again */
    size_t n_missed;     /* names of no source */
    size_t n_sections;
    bool is_after_hunk;
    struct section section;
};

/* --- a section that is complete --- */

/* NULL: there is none, or the patch has named so many files that are not there
   that no more are looked for on the disk. */
static const char *text_of(struct reading *r, const char *name)
{
    enum { MISSED_MAX = 20000 };
    const struct paths_files *files = r->files;
    if (files == NULL || files->text == NULL || r->n_missed == MISSED_MAX ||
        r->n_text_bytes > LIMIT_SOURCES_BYTES) {
        return NULL;
    }
    const bool is_there = files->has == NULL || files->has(files->ctx, name);
    r->n_missed += !is_there;
    const char *text = is_there ? files->text(files->ctx, name) : NULL;
    r->n_text_bytes += text != NULL ? strlen(text) : 0;
    return text;
}

static bool add_lines(const struct section *s, struct patch_file *f,
                      struct err *err)
{
    for (size_t i = 0; i < s->hunks.n; i++) {
        struct hunk_walk walk;
        struct hunk_line line;
        hunk_walk_begin(&walk, &s->hunks.items[i]);
        while (hunk_walk_next(&walk, &line)) {
            const uint32_t number =
                line.sign == '+' ? line.new_line : line.old_line;
            if (line.sign != ' ' &&
                !patch_add_line(f, line.sign, number, err)) {
                return false;
            }
        }
    }
    return true;
}

/* By the repository's text when it is one of the two versions; the hunks make
   the other one of it. */
static bool add_functions(struct reading *r, struct patch_file *f,
                          struct err *err)
{
    const struct diff_hunks *hunks = &r->section.hunks;
    const char *text =
        span_ends(span_of(f->name), ".go") ? text_of(r, f->name) : NULL;
    const enum patch_fit fit =
        text != NULL ? patch_fit(span_of(text), hunks) : PATCH_FITS_NOT;
    if (fit == PATCH_FITS_NOT) {
        f->is_unfit = text != NULL;
        return patch_add_shown(r->patch, f, hunks, err);
    }
    struct buf other = BUF_LIMIT(2 * (size_t)LIMIT_PATCH_BYTES);
    const struct span own = span_of(text);
    const bool is_new = fit == PATCH_FITS_NEW;
    patch_apply(own, hunks, is_new, &other);
    const struct span made = buf_view(&other);
    const bool ok = buf_check(&other, "a version of a source", err) &&
                    patch_add_functions(r->patch, f, is_new ? made : own,
                                        is_new ? own : made, err);
    buf_release(&other);
    return ok;
}

/* Two folders compared by a plain diff may lie deeper than one element; what
   remains must be a file that the hunks fit. Only so many beginnings are tried,
   each a look at the disk. */
static struct span plain_name(struct reading *r, const struct buf *name)
{
    enum { PREFIXES_MAX = 16 };
    const struct span whole = buf_view(name);
    size_t start = 0;
    for (int i = 0; i < PREFIXES_MAX && start < whole.len; i++) {
        const char *text = text_of(r, whole.p + start);
        if (text != NULL &&
            patch_fit(span_of(text), &r->section.hunks) != PATCH_FITS_NOT) {
            return span_from(whole, start);
        }
        start += span_find_char(span_from(whole, start), '/') + 1;
    }
    return whole;
}

static bool add_file(struct reading *r, const struct buf *name, bool is_deleted,
                     struct err *err)
{
    const struct section *s = &r->section;
    const bool is_plain = s->names.git.len == 0;
    struct buf before = BUF_LIMIT(LIMIT_PATH_BYTES);
    diff_names_before(&s->names, &before);
    struct patch_file *f =
        before.failed_memory
            ? NULL
            : patch_add_file(
                  r->patch, is_plain ? plain_name(r, name) : buf_view(name),
                  buf_ok(&before) ? buf_view(&before) : (struct span){0}, err);
    const bool is_out = before.failed_memory;
    buf_release(&before);
    if (f == NULL) {
        return is_out ? err_nomem(err, "names of the patch") : false;
    }
    f->is_deleted = is_deleted;
    return add_lines(s, f, err) && add_functions(r, f, err);
}

static bool end_section(struct reading *r, struct err *err)
{
    struct section *s = &r->section;
    if (!s->is_open) {
        return true;
    }
    struct buf name = BUF_LIMIT(LIMIT_PATH_BYTES);
    bool is_deleted = false;
    bool ok = true;
    if (diff_names_resolve(&s->names, &name, &is_deleted)) {
        ok = add_file(r, &name, is_deleted, err);
    } else if (name.failed_memory) {
        ok = err_nomem(err, "names of the patch");
    } else if (s->hunks.n != 0) {
        ok = err_set(err, ERR_FORMAT,
                     "line %zu: the file above has no name, or too long a one",
                     r->line_number);
    }
    buf_release(&name);
    s->is_open = false;
    s->names = (struct diff_names){0};
    s->hunks.n = 0;
    return ok;
}

/* --- lines --- */

static bool begin_section(struct reading *r, struct err *err)
{
    if (!end_section(r, err)) {
        return false;
    }
    r->section.is_open = true;
    r->n_sections++;
    return true;
}

/* "--- X" and "+++ Y" in two lines begin a file, unless git's line did. */
static bool take_names(struct reading *r, struct span line, struct err *err)
{
    struct section *s = &r->section;
    if (!span_starts(r->rest, "+++ ")) {
        return true;
    }
    if ((!s->is_open || s->hunks.n != 0 || s->names.new_name.len != 0) &&
        !begin_section(r, err)) {
        return false;
    }
    struct span next;
    (void)span_line(&r->rest, &next);
    r->line_number++;
    s->names.old_name = span_from(line, 4);
    s->names.new_name = span_from(next, 4);
    return true;
}

static bool is_behind(const struct diff_hunk *h, const struct diff_hunk *before)
{
    return h->old_first >= before->old_first + before->n_old &&
           h->new_first >= before->new_first + before->n_new;
}

static bool take_hunk(struct reading *r, struct span line, struct err *err)
{
    struct section *s = &r->section;
    struct diff_hunk h;
    if (!diff_hunk_parse(line, &h)) {
        return err_set(err, ERR_FORMAT, "line %zu: not a hunk's header",
                       r->line_number);
    }
    if (!s->is_open) {
        return err_set(err, ERR_FORMAT, "line %zu: a hunk of no file",
                       r->line_number);
    }
    if (s->hunks.n != 0 && !is_behind(&h, &s->hunks.items[s->hunks.n - 1])) {
        return err_set(err, ERR_FORMAT,
                       "line %zu: the hunk lies before the one above it",
                       r->line_number);
    }
    if (!diff_hunk_cut(&h, &r->rest, &r->line_number, err)) {
        return false;
    }
    r->is_after_hunk = true;
    return diff_hunks_push(&s->hunks, h) ||
           err_nomem(err, "hunks of the patch");
}

/* Lines of a hunk that its header did not count; "-- " ends a mail. */
static bool is_left_over(struct span line)
{
    return (span_starts(line, "+") || span_starts(line, "-") ||
            span_starts(line, " ")) &&
           !span_starts(line, "--- ") && !span_starts(line, "-- ") &&
           !span_is(span_trim(line), "--") && span_trim(line).len != 0;
}

/* Extended headers of git, by what they begin with. */
static void take_header(struct reading *r, struct span line)
{
    struct diff_names *n = &r->section.names;
    const struct {
        const char *start;
        struct span *field;
    } headers[] = {
        {"rename from ", &n->rename_from},
        {"rename to ",   &n->rename_to  },
        {"copy from ",   &n->rename_from},
        {"copy to ",     &n->rename_to  },
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (r->section.is_open && r->section.hunks.n == 0 &&
            span_starts(line, headers[i].start)) {
            *headers[i].field = span_from(line, strlen(headers[i].start));
            n->is_copy = span_starts(line, "copy ");
        }
    }
}

static bool take_line(struct reading *r, struct span line, struct err *err)
{
    const bool is_after_hunk = r->is_after_hunk;
    r->is_after_hunk = false;
    if (span_starts(line, "diff --git ")) {
        if (!begin_section(r, err)) {
            return false;
        }
        r->section.names.git = span_from(line, strlen("diff --git "));
        return true;
    }
    if (span_starts(line, "@@@ ") || span_starts(line, "diff --cc ") ||
        span_starts(line, "diff --combined ")) {
        return err_set(err, ERR_FORMAT,
                       "line %zu: the diff of a merge against several parents; "
                       "give git diff A B",
                       r->line_number);
    }
    if (span_starts(line, "@@ ")) {
        return take_hunk(r, line, err);
    }
    if (span_starts(line, "--- ")) {
        return take_names(r, line, err);
    }
    if (is_after_hunk && is_left_over(line)) {
        return err_set(err, ERR_FORMAT,
                       "line %zu: the hunk above goes on after its end",
                       r->line_number);
    }
    take_header(r, line);
    return true;
}

static bool read_all(struct reading *r, struct err *err)
{
    struct span line;
    bool is_blank = true;
    while (span_line(&r->rest, &line)) {
        r->line_number++;
        is_blank = is_blank && span_trim(line).len == 0;
        if (!take_line(r, line, err)) {
            return false;
        }
    }
    if (!end_section(r, err)) {
        return false;
    }
    if (r->n_sections == 0 && !is_blank) {
        return err_set(err, ERR_FORMAT, "line 1: not a unified diff");
    }
    return patch_finish(r->patch, err);
}

bool patch_read(struct span diff, const struct paths_files *files,
                struct patch **out, struct err *err)
{
    *out = NULL;
    if (diff.len > LIMIT_PATCH_BYTES) {
        return err_set(err, ERR_LIMIT, "longer than %u MiB",
                       LIMIT_PATCH_BYTES >> 20);
    }
    struct reading r = {.patch = patch_new(), .files = files, .rest = diff};
    if (r.patch == NULL) {
        return err_nomem(err, "the patch");
    }
    const bool ok = read_all(&r, err);
    diff_hunks_release(&r.section.hunks);
    if (!ok) {
        patch_free(r.patch);
        return false;
    }
    *out = r.patch;
    return true;
}
