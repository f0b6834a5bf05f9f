/*
 * -topproto: the nodes of -top as a profile, a location and a sample each.
 * The profile is put together in one arena; texts stay where they are.
 */
#include "report/pprof_private.h"

#include "base/intern.h"

#include "base/banned.h"

/* Texts of a profile that has no other table of them. */
struct builder {
    struct profile p;
    struct arena arena;
    struct intern functions; /* by name, file and line */
    struct buf scratch;
};

static str_id add_text(struct profile *p, struct span text)
{
    if (text.len == 0) {
        return (str_id){0};
    }
    p->strings[p->n_strings] = (struct profile_str){text.p, (uint32_t)text.len};
    return (str_id){p->n_strings++};
}

static bool add_columns(struct builder *b, uint32_t n)
{
    enum { N_OTHER_TEXTS = 8, N_TYPES = 2 };
    struct profile *p = &b->p;
    const size_t n_texts = (size_t)n * 2 + N_OTHER_TEXTS;
    p->strings = arena_new(&b->arena, struct profile_str, n_texts);
    p->types = arena_new(&b->arena, struct profile_value_type, N_TYPES);
    p->functions = arena_new(&b->arena, struct profile_function, (size_t)n + 1);
    p->locations = arena_new(&b->arena, struct profile_location, (size_t)n + 1);
    p->lines = arena_new(&b->arena, struct profile_line, (size_t)n + 1);
    p->sample_off = arena_new(&b->arena, uint32_t, (size_t)n + 1);
    p->sample_locs = arena_new(&b->arena, uint32_t, (size_t)n + 1);
    p->values = arena_new(&b->arena, int64_t, ((size_t)n + 1) * N_TYPES);
    p->n_types = N_TYPES;
    if (p->strings == NULL || p->types == NULL || p->functions == NULL ||
        p->locations == NULL || p->lines == NULL || p->sample_off == NULL ||
        p->sample_locs == NULL || p->values == NULL) {
        return false;
    }
    p->strings[0] = (struct profile_str){"", 0};
    p->n_strings = 1;
    return true;
}

static void add_header(struct profile *p, const struct profile *from,
                       struct span unit)
{
    const str_id unit_id = add_text(p, unit);
    p->types[0].type = add_text(p, SPAN_LIT("cum"));
    p->types[1].type = add_text(p, SPAN_LIT("flat"));
    p->types[0].unit = unit_id;
    p->types[1].unit = unit_id;
    p->time_nanos = from->time_nanos;
    p->duration_nanos = from->duration_nanos;
    p->period_type.type =
        add_text(p, profile_span(from, from->period_type.type));
    p->period_type.unit =
        add_text(p, profile_span(from, from->period_type.unit));
    p->period = from->period;
}

/* The function of a node, entered at its first use. */
static bool find_function(struct builder *b, const struct graph_info *info,
                          uint32_t *out, struct err *err)
{
    struct buf *key = &b->scratch;
    const uint64_t name_bytes = info->name.len;
    buf_clear(key);
    buf_add(key, &info->start_line, sizeof(info->start_line));
    buf_add(key, &name_bytes, sizeof(name_bytes));
    buf_span(key, info->name);
    buf_span(key, info->file);
    if (!buf_check(key, "topproto", err) ||
        !intern_add(&b->functions, buf_view(key), out, err)) {
        return false;
    }
    struct profile *p = &b->p;
    if (*out == p->n_functions) {
        p->functions[p->n_functions++] = (struct profile_function){
            .id = (uint64_t)*out + 1,
            .name = add_text(p, info->name),
            .file = add_text(p, info->file),
            .start_line = info->start_line,
        };
    }
    return true;
}

static bool add_node(struct builder *b, const struct graph_node *n,
                     const struct pprof_values *v, struct err *err)
{
    struct profile *p = &b->p;
    uint32_t function;
    if (!find_function(b, &n->info, &function, err)) {
        return false;
    }
    const uint32_t i = p->n_samples++;
    p->lines[i] = (struct profile_line){function, n->info.line, n->info.column};
    p->locations[i] = (struct profile_location){
        .id = (uint64_t)i + 1,
        .address = n->info.address,
        .mapping = PROFILE_NONE,
        .first_line = i,
        .n_lines = 1,
    };
    p->sample_locs[i] = i;
    p->sample_off[i + 1] = i + 1;
    p->values[(size_t)i * 2] = pprof_scaled(v, graph_cum(n));
    p->values[(size_t)i * 2 + 1] = pprof_scaled(v, graph_flat(n));
    p->n_locations = p->n_samples;
    p->n_lines = p->n_samples;
    return true;
}

static bool build(struct builder *b, const struct profile *from,
                  const struct graph *g, const struct pprof_values *v,
                  struct err *err)
{
    if (!add_columns(b, g->n_shown)) {
        return err_nomem(err, "topproto");
    }
    add_header(&b->p, from, v->output_unit);
    for (uint32_t i = 0; i < g->n_shown; i++) {
        if (!add_node(b, &g->nodes[g->order[i]], v, err)) {
            return false;
        }
    }
    return true;
}

static bool print(struct profile *p, const struct pprof_options *o,
                  struct buf *out, struct err *err)
{
    struct graph *g;
    struct graph_options options = pprof_graph_options(p, o);
    options.edges = GRAPH_EDGES_NONE;
    if (!graph_new(p, &options, &g, err)) {
        return false;
    }
    struct pprof_values v = pprof_values_of(o);
    pprof_select_unit(&v, g, false);
    struct builder b = {.scratch = BUF_LIMIT(out->limit_bytes)};
    const bool ok = build(&b, p, g, &v, err) && profile_encode(&b.p, out, err);
    intern_release(&b.functions);
    buf_release(&b.scratch);
    arena_release(&b.arena);
    graph_free(g);
    return ok;
}

const struct pprof_report pprof_report_topproto = {
    .name = "topproto",
    .summary = "the heaviest functions as a profile, gzipped",
    .print = print,
};
