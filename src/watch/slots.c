#include "watch/slots_private.h"

#include <assert.h>

#include "base/banned.h"

bool slots_host(struct slots *s, const char *name, uint32_t *host,
                struct err *err)
{
    if (!intern_add(&s->names, span_of(name), host, err)) {
        return false;
    }
    if (*host >= s->hosts.n &&
        !slot_hosts_push(&s->hosts, (struct slot_host){0})) {
        return err_nomem(err, "hosts");
    }
    return true;
}

static bool has_room(const struct slots *s, const struct slot_host *h)
{
    return h->n_active < s->per_host_max;
}

/* One may always ask: what a single answer takes has a limit of its own. */
static bool has_memory(const struct slots *s, const struct slot_waiter *waiter)
{
    return s->bytes_max == 0 || s->n_active == 0 ||
           s->bytes_active + waiter->wanted_bytes <= s->bytes_max;
}

static void occupy(struct slots *s, struct slot_host *h,
                   struct slot_waiter *waiter)
{
    h->n_active++;
    s->n_active++;
    waiter->taken_bytes = waiter->wanted_bytes;
    s->bytes_active += waiter->taken_bytes;
}

/* Puts a host that has waiters and room in line for a turn. */
static void offer_turn(struct slots *s, uint32_t host)
{
    struct slot_host *h = &s->hosts.items[host];
    if (h->is_ready || !h->first || !has_room(s, h)) {
        return;
    }
    h->is_ready = true;
    h->next_ready = 0;
    if (s->last_ready > 0) {
        s->hosts.items[s->last_ready - 1].next_ready = host + 1;
    } else {
        s->first_ready = host + 1;
    }
    s->last_ready = host + 1;
}

bool slots_take(struct slots *s, struct slot_waiter *waiter)
{
    struct slot_host *h = &s->hosts.items[waiter->host];
    assert(!waiter->is_waiting);
    if (!h->first && has_room(s, h) && s->n_active < s->all_max &&
        s->first_ready == 0 && has_memory(s, waiter)) {
        occupy(s, h, waiter);
        return true;
    }
    waiter->is_waiting = true;
    waiter->next = NULL;
    if (h->last) {
        h->last->next = waiter;
    } else {
        h->first = waiter;
    }
    h->last = waiter;
    s->n_waiting++;
    offer_turn(s, waiter->host);
    return false;
}

void slots_give_back(struct slots *s, struct slot_waiter *waiter)
{
    const uint32_t host = waiter->host;
    assert(s->n_active > 0 && s->hosts.items[host].n_active > 0);
    s->hosts.items[host].n_active--;
    s->n_active--;
    s->bytes_active -= waiter->taken_bytes;
    waiter->taken_bytes = 0;
    offer_turn(s, host);
}

bool slots_charge(struct slots *s, struct slot_waiter *waiter, uint64_t bytes)
{
    assert(s->n_active > 0);
    const uint64_t now =
        bytes > waiter->wanted_bytes ? bytes : waiter->wanted_bytes;
    s->bytes_active += now - waiter->taken_bytes;
    waiter->taken_bytes = now;
    return s->bytes_max == 0 || s->bytes_active <= s->bytes_max ||
           bytes <= s->bytes_max / s->n_active;
}

static uint32_t pop_ready(struct slots *s)
{
    const uint32_t host = s->first_ready - 1;
    struct slot_host *h = &s->hosts.items[host];
    s->first_ready = h->next_ready;
    s->last_ready = s->first_ready > 0 ? s->last_ready : 0;
    h->is_ready = false;
    return host;
}

static struct slot_waiter *pop_waiter(struct slots *s, struct slot_host *h)
{
    struct slot_waiter *waiter = h->first;
    h->first = waiter->next;
    h->last = h->first ? h->last : NULL;
    waiter->is_waiting = false;
    s->n_waiting--;
    return waiter;
}

void *slots_next(struct slots *s)
{
    while (s->n_active < s->all_max && s->first_ready > 0) {
        struct slot_host *h = &s->hosts.items[s->first_ready - 1];
        if (h->first && !has_memory(s, h->first)) {
            return NULL;
        }
        const uint32_t host = pop_ready(s);
        if (h->first) {
            struct slot_waiter *waiter = pop_waiter(s, h);
            occupy(s, h, waiter);
            offer_turn(s, host);
            return waiter->owner;
        }
    }
    return NULL;
}

void *slots_dismiss(struct slots *s, uint32_t *from)
{
    for (; s->n_waiting > 0 && *from < s->hosts.n; (*from)++) {
        struct slot_host *h = &s->hosts.items[*from];
        if (h->first) {
            return pop_waiter(s, h)->owner;
        }
    }
    return NULL;
}

void slots_release(struct slots *s)
{
    intern_release(&s->names);
    slot_hosts_release(&s->hosts);
}
