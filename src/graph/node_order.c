/*
 * Which node matters most. The peer's total order, and behind it, where that
 * leaves two nodes undecided, the order of first sight.
 */
#include "graph/graph_private.h"

#include "base/sort.h"

#include "base/banned.h"

/* What is compared first, ready at hand. */
struct ranked {
    int64_t score, tie; /* absolute values */
    uint32_t node;
};

static int compare_names(const struct graph_build *b, uint32_t a, uint32_t c)
{
    const uint32_t left = build_key(b, a);
    const uint32_t right = build_key(b, c);
    if (b->name_ranks) {
        return (b->name_ranks[left] > b->name_ranks[right]) -
               (b->name_ranks[left] < b->name_ranks[right]);
    }
    const struct graph_info x = node_table_info(&b->table, left);
    const struct graph_info y = node_table_info(&b->table, right);
    return left == right ? 0 : node_name_compare(&x, &y);
}

static int compare_ranked(const void *left, const void *right, const void *ctx)
{
    const struct graph_build *b = ctx;
    const struct ranked *l = left;
    const struct ranked *r = right;
    if (l->score != r->score) {
        return l->score > r->score ? -1 : 1;
    }
    int order = compare_names(b, l->node, r->node);
    if (order != 0) {
        return order;
    }
    if (l->tie != r->tie) {
        return l->tie > r->tie ? -1 : 1;
    }
    const struct graph_info x = build_info(b, l->node);
    const struct graph_info y = build_info(b, r->node);
    if (build_key(b, l->node) != build_key(b, r->node)) {
        order = node_text_compare(&x, &y);
    }
    return order != 0 ? order : (l->node > r->node) - (l->node < r->node);
}

static void score_by_value(const struct graph_build *b, struct ranked *all)
{
    for (uint32_t i = 0; i < b->n_order; i++) {
        const uint32_t node = b->order[i];
        const int64_t flat = wrap_abs(b->flat[node]);
        const int64_t cum = wrap_abs(b->sums[node].cum);
        all[i] = b->o->sorts_cum ? (struct ranked){cum, flat, node}
                                 : (struct ranked){flat, cum, node};
    }
}

static bool score_by_entropy(const struct graph_build *b, struct ranked *all)
{
    int64_t *scores = malloc(((size_t)b->n_nodes + 1) * sizeof(*scores));
    const bool ok = scores && score_nodes(b, scores);
    for (uint32_t i = 0; ok && i < b->n_order; i++) {
        const uint32_t node = b->order[i];
        all[i] = (struct ranked){wrap_abs(scores[node]),
                                 wrap_abs(b->flat[node]), node};
    }
    free(scores);
    return ok;
}

/* What is shown, with what it is ordered by. NULL: out of memory. */
static struct ranked *score_nodes_shown(const struct graph_build *b)
{
    struct ranked *all = malloc(((size_t)b->n_order + 1) * sizeof(*all));
    if (all && b->o->is_visual && !score_by_entropy(b, all)) {
        free(all);
        return NULL;
    }
    if (all && !b->o->is_visual) {
        score_by_value(b, all);
    }
    return all;
}

bool sort_nodes(struct graph_build *b, struct err *err)
{
    struct ranked *all = score_nodes_shown(b);
    if (!all) {
        return err_nomem(err, "graph: order");
    }
    sort_items(all, b->n_order, sizeof(*all), compare_ranked, b);
    for (uint32_t i = 0; i < b->n_order; i++) {
        b->order[i] = all[i].node;
    }
    free(all);
    return true;
}

struct tie_order {
    const struct graph_build *b;
    const struct ranked *all;
};

/* As the peer asks, which leaves nodes undecided. */
static bool is_before(uint32_t left, uint32_t right, const void *ctx)
{
    const struct tie_order *t = ctx;
    const struct ranked *l = &t->all[left];
    const struct ranked *r = &t->all[right];
    if (l->score != r->score) {
        return l->score > r->score;
    }
    const int order = compare_names(t->b, l->node, r->node);
    if (order != 0 || build_key(t->b, l->node) != build_key(t->b, r->node)) {
        return order < 0;
    }
    return l->tie > r->tie;
}

bool sort_nodes_again(struct graph_build *b, struct err *err)
{
    struct ranked *all = score_nodes_shown(b);
    const struct tie_order t = {b, all};
    uint32_t *places = malloc(((size_t)b->n_order + 1) * sizeof(*places));
    const bool ok = all && places;
    if (ok) {
        for (uint32_t i = 0; i < b->n_order; i++) {
            places[i] = i;
        }
        tie_sort(places, b->n_order, is_before, &t);
        for (uint32_t i = 0; i < b->n_order; i++) {
            b->order[i] = all[places[i]].node;
        }
    }
    free(places);
    free(all);
    return ok || err_nomem(err, "graph: order");
}

/* --- Ranks --- */

static int compare_by_name(const void *left, const void *right, const void *ctx)
{
    const struct graph_build *b = ctx;
    const struct graph_info x =
        node_table_info(&b->table, *(const uint32_t *)left);
    const struct graph_info y =
        node_table_info(&b->table, *(const uint32_t *)right);
    return node_name_compare(&x, &y);
}

/* The nodes of the table that are left, each once; `ranks` serves as marks. */
static uint32_t collect_keys(const struct graph_build *b, uint32_t *keys,
                             uint32_t *ranks)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_nodes; i++) {
        const uint32_t key = build_key(b, i);
        if (b->states[i] != NODE_REMOVED && ranks[key] == 0) {
            ranks[key] = 1;
            keys[n++] = key;
        }
    }
    return n;
}

bool rank_names(struct graph_build *b, struct err *err)
{
    const size_t n_keys = b->table.keys.n + 1;
    uint32_t *sorted = malloc(n_keys * sizeof(*sorted));
    uint32_t *ranks = calloc(n_keys, sizeof(*ranks));
    if (!sorted || !ranks) {
        free(sorted);
        free(ranks);
        return err_nomem(err, "graph: names");
    }
    const uint32_t n = collect_keys(b, sorted, ranks);
    sort_items(sorted, n, sizeof(*sorted), compare_by_name, b);
    uint32_t rank = 0;
    for (uint32_t i = 0; i < n; i++) {
        rank += i > 0 && compare_by_name(&sorted[i - 1], &sorted[i], b) != 0;
        ranks[sorted[i]] = rank;
    }
    free(sorted);
    free(b->name_ranks);
    b->name_ranks = ranks;
    return true;
}
