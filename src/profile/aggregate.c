/* Granularity is made by blanking: what is blank is equal, and equal frames
   are one row of a report. */
#include "profile/select.h"

static void blank_mappings(struct profile *p, unsigned keep)
{
    for (uint32_t i = 0; i < p->n_mappings; i++) {
        struct profile_mapping *m = &p->mappings[i];
        m->has_inline_frames &= (keep & KEEP_INLINES) != 0;
        m->has_functions &= (keep & KEEP_FUNCTION) != 0;
        m->has_filenames &= (keep & KEEP_FILE) != 0;
        m->has_line_numbers &= (keep & KEEP_LINE) != 0;
    }
}

static void blank_functions(struct profile *p, unsigned keep)
{
    const str_id blank = {0};
    for (uint32_t i = 0; i < p->n_functions; i++) {
        struct profile_function *f = &p->functions[i];
        if ((keep & KEEP_FUNCTION) == 0) {
            f->name = blank;
            f->system_name = blank;
        }
        if ((keep & KEEP_FILE) == 0) {
            f->file = blank;
        }
    }
}

static void blank_locations(struct profile *p, unsigned keep)
{
    for (uint32_t i = 0; i < p->n_locations; i++) {
        struct profile_location *l = &p->locations[i];
        if ((keep & KEEP_INLINES) == 0 && l->n_lines > 1) {
            l->first_line += l->n_lines - 1;
            l->n_lines = 1;
        }
        if ((keep & KEEP_ADDRESS) == 0) {
            l->address = 0;
        }
    }
}

static void blank_lines(struct profile *p, unsigned keep)
{
    const bool keeps_line = (keep & KEEP_LINE) != 0;
    const bool keeps_column = keeps_line && (keep & KEEP_COLUMN) != 0;
    for (uint32_t i = 0; i < p->n_lines; i++) {
        struct profile_line *line = &p->lines[i];
        line->line = keeps_line ? line->line : 0;
        line->column = keeps_column ? line->column : 0;
    }
}

void profile_aggregate(struct profile *p, unsigned keep)
{
    blank_mappings(p, keep);
    blank_functions(p, keep);
    blank_locations(p, keep);
    blank_lines(p, keep);
}
