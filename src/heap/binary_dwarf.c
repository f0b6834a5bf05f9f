/*
 * Debugging information, walked once: types with their members, variables,
 * functions with their place. What is inside of functions is read when asked
 * for. libdw decodes; every walk goes forward only and ends, whatever the
 * offsets say.
 */
#include "heap/binary_private.h"
#include "heap/build_minor_private.h"

#include <string.h>

#include "base/banned.h"
#include "base/sort.h"

enum {
    AT_GO_KIND = 0x2900,
    AT_GO_KEY = 0x2901,
    AT_GO_ELEM = 0x2902,
    AT_GO_EMBEDDED = 0x2903,
    AT_GO_RUNTIME_TYPE = 0x2904,
    AT_GO_CLOSURE_OFFSET = 0x2907
};

/* --- one entry --- */

struct reading {
    const struct elfutils *lib;
    struct die *out;
};

static uint64_t reference(const struct reading *r, Dwarf_Attribute *a)
{
    Dwarf_Die at;
    return r->lib->dwarf_formref_die(a, &at) ? r->lib->dwarf_dieoffset(&at) : 0;
}

static uint64_t number(const struct reading *r, Dwarf_Attribute *a)
{
    Dwarf_Word v = 0;
    return r->lib->dwarf_formudata(a, &v) == 0 ? v : 0;
}

static uint64_t address(const struct reading *r, Dwarf_Attribute *a)
{
    Dwarf_Addr v = 0;
    return r->lib->dwarf_formaddr(a, &v) == 0 ? v : number(r, a);
}

/* Go writes expressions as blocks, which DWARF 4 and libdw no longer take for
   such. A length of one byte below 128 reads the same in both forms. */
static Dwarf_Attribute as_expression(const Dwarf_Attribute *a)
{
    Dwarf_Attribute out = *a;
    if (out.form == DW_FORM_block ||
        (out.form == DW_FORM_block1 && out.valp[0] < 0x80)) {
        out.form = DW_FORM_exprloc;
    }
    return out;
}

static void take_standard(const struct reading *r, Dwarf_Attribute *a)
{
    struct die *out = r->out;
    switch (r->lib->dwarf_whatattr(a)) {
    case DW_AT_name:
        out->name = r->lib->dwarf_formstring(a);
        break;
    case DW_AT_byte_size:
        out->bytes = number(r, a);
        break;
    case DW_AT_type:
        out->type = reference(r, a);
        break;
    case DW_AT_abstract_origin:
        out->origin = reference(r, a);
        break;
    case DW_AT_data_member_location:
        out->offset = number(r, a);
        break;
    case DW_AT_count:
        out->n = number(r, a);
        break;
    case DW_AT_upper_bound:
        out->n = number(r, a) + 1;
        break;
    case DW_AT_low_pc:
        out->has_low = true;
        out->low = address(r, a);
        break;
    case DW_AT_ranges:
        out->has_ranges = true;
        break;
    case DW_AT_location:
        out->has_location = true;
        out->location = as_expression(a);
        break;
    default:
        break;
    }
}

static int take_attribute(Dwarf_Attribute *a, void *ctx)
{
    const struct reading *r = ctx;
    struct die *out = r->out;
    switch (r->lib->dwarf_whatattr(a)) {
    case AT_GO_KIND:
        out->kind = number(r, a) & 0x1f; /* above: flags of old versions */
        break;
    case AT_GO_KEY:
        out->key = reference(r, a);
        break;
    case AT_GO_ELEM:
        out->element = reference(r, a);
        break;
    case AT_GO_EMBEDDED:
        (void)r->lib->dwarf_formflag(a, &out->is_embedded);
        break;
    case AT_GO_RUNTIME_TYPE:
        out->runtime_type = address(r, a);
        break;
    case AT_GO_CLOSURE_OFFSET:
        out->has_closure_offset = true;
        out->closure_offset = number(r, a);
        break;
    default:
        take_standard(r, a);
        break;
    }
    return DWARF_CB_OK;
}

void dwarf_read_die(struct binary *b, Dwarf_Die *at, struct die *out)
{
    struct reading r = {&b->lib, out};
    *out = (struct die){0};
    b->lib.dwarf_getattrs(at, take_attribute, &r, 0);
}

bool dwarf_next(struct binary *b, Dwarf_Die *at, struct err *err, bool *is_end)
{
    const Dwarf_Off before = b->lib.dwarf_dieoffset(at);
    const int status = b->lib.dwarf_siblingof(at, at);
    *is_end = status == 1;
    if (status < 0) {
        return err_set(err, ERR_FORMAT, "debug information: %s",
                       b->lib.dwarf_errmsg(-1));
    }
    if (status == 0 && b->lib.dwarf_dieoffset(at) <= before) {
        return err_set(err, ERR_FORMAT,
                       "debug information: entry %#llx goes backwards",
                       (unsigned long long)before);
    }
    return true;
}

bool dwarf_first_child(struct binary *b, Dwarf_Die *of, Dwarf_Die *at,
                       struct err *err, bool *is_end)
{
    const int status = b->lib.dwarf_child(of, at);
    *is_end = status != 0;
    return status >= 0 || err_set(err, ERR_FORMAT, "debug information: %s",
                                  b->lib.dwarf_errmsg(-1));
}

/* --- functions and variables --- */

static bool add_function(struct binary *b, Dwarf_Die *at, struct err *err)
{
    struct dwarf_function f = {.offset = b->lib.dwarf_dieoffset(at)};
    Dwarf_Addr low = 0, high = 0;
    if (b->lib.dwarf_lowpc(at, &low) != 0 ||
        b->lib.dwarf_highpc(at, &high) != 0 || high <= low) {
        return true;
    }
    f.low = low;
    f.high = high;
    return dwarf_functions_push(&b->dwarf.functions, f) ||
           err_nomem(err, "functions");
}

/* A global: its location is an address and nothing else. */
static bool add_variable(struct binary *b, Dwarf_Die *at, struct err *err)
{
    struct die d;
    Dwarf_Op *ops = NULL;
    size_t n = 0;
    dwarf_read_die(b, at, &d);
    if (d.name == NULL || !d.has_location ||
        b->lib.dwarf_getlocation(&d.location, &ops, &n) != 0 || n != 1) {
        return true;
    }
    Dwarf_Addr where = ops[0].number;
    if (ops[0].atom == DW_OP_addrx || ops[0].atom == DW_OP_GNU_addr_index) {
        Dwarf_Attribute resolved;
        if (b->lib.dwarf_getlocation_attr(&d.location, ops, &resolved) != 0 ||
            b->lib.dwarf_formaddr(&resolved, &where) != 0) {
            return true;
        }
    } else if (ops[0].atom != DW_OP_addr) {
        return true;
    }
    const struct go_variable v = {
        .name = d.name,
        .address = where,
        /* The entry of its type, until types are known. */
        .bytes = d.type,
        .type = TYPE_NONE};
    return binary_add_variable(b, &v, err);
}

static int compare_functions(const void *a, const void *b, const void *ctx)
{
    const struct dwarf_function *x = a, *y = b;
    (void)ctx;
    return x->low != y->low ? (x->low > y->low) - (x->low < y->low)
                            : (x->offset > y->offset) - (x->offset < y->offset);
}

const struct dwarf_function *dwarf_function_of(const struct binary *b,
                                               uint64_t pc)
{
    const struct dwarf_functions *f = &b->dwarf.functions;
    size_t low = 0, high = f->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (f->items[middle].low <= pc) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && pc < f->items[low - 1].high ? &f->items[low - 1] : NULL;
}

/* --- units --- */

static bool take_entry(struct binary *b, Dwarf_Die *at, struct err *err)
{
    switch (b->lib.dwarf_tag(at)) {
    case DW_TAG_subprogram:
        return add_function(b, at, err);
    case DW_TAG_variable:
        return add_variable(b, at, err);
    case DW_TAG_base_type:
    case DW_TAG_structure_type:
    case DW_TAG_array_type:
    case DW_TAG_pointer_type:
    case DW_TAG_subroutine_type:
    case DW_TAG_typedef:
    case DW_TAG_unspecified_type:
        return dwarf_take_type(b, at, err);
    default:
        return true;
    }
}

static bool take_entries(struct binary *b, Dwarf_Die *unit, struct err *err)
{
    Dwarf_Die at;
    bool is_end = false;
    if (!dwarf_first_child(b, unit, &at, err, &is_end)) {
        return false;
    }
    while (!is_end) {
        if (!take_entry(b, &at, err) || !dwarf_next(b, &at, err, &is_end)) {
            return false;
        }
    }
    return true;
}

/* "Go cmd/compile go1.23.5; regabi": the version where buildinfo has none. */
static void take_producer(struct binary *b, Dwarf_Die *unit)
{
    Dwarf_Attribute a;
    const char *text = NULL;
    if (b->build == NULL && b->lib.dwarf_attr(unit, DW_AT_producer, &a)) {
        text = b->lib.dwarf_formstring(&a);
    }
    const char *version = text ? strstr(text, "go1.") : NULL;
    if (version) {
        b->build = arena_strdup(&b->arena,
                                (struct span){version, strcspn(version, "; ")});
        b->minor = go_minor(span_of(b->build ? b->build : ""));
    }
}

static bool is_go_unit(struct binary *b, Dwarf_Die *unit)
{
    Dwarf_Attribute a;
    Dwarf_Word language = 0;
    return b->lib.dwarf_attr(unit, DW_AT_language, &a) &&
           b->lib.dwarf_formudata(&a, &language) == 0 && language == DW_LANG_Go;
}

static bool take_units(struct binary *b, struct err *err)
{
    Dwarf *dw = b->dwarf.dwarf;
    Dwarf_Off at = 0, next = 0;
    size_t header = 0;
    int status = 0;
    while ((status = b->lib.dwarf_nextcu(dw, at, &next, &header, NULL, NULL,
                                         NULL)) == 0) {
        Dwarf_Die unit;
        if (next <= at) {
            break;
        }
        if (b->lib.dwarf_offdie(dw, at + header, &unit) == NULL) {
            return err_set(err, ERR_FORMAT, "debug information: %s",
                           b->lib.dwarf_errmsg(-1));
        }
        if (is_go_unit(b, &unit)) {
            take_producer(b, &unit);
            if (!take_entries(b, &unit, err)) {
                return false;
            }
        }
        at = next;
    }
    return status >= 0 || err_set(err, ERR_FORMAT, "debug information: %s",
                                  b->lib.dwarf_errmsg(-1));
}

static bool has_debug_info(const struct binary *b)
{
    return binary_section(b, ".debug_info") ||
           binary_section(b, ".zdebug_info");
}

bool binary_read_dwarf(struct binary *b, struct err *err)
{
    if (!has_debug_info(b)) {
        return true;
    }
    b->dwarf.dwarf = b->lib.dwarf_begin_elf(b->elf, DWARF_C_READ, NULL);
    if (b->dwarf.dwarf == NULL) {
        return err_set(err, ERR_FORMAT, "debug information: %s",
                       b->lib.dwarf_errmsg(-1));
    }
    if (!take_units(b, err) || !dwarf_join_types(b, err)) {
        return false;
    }
    sort_items(b->dwarf.functions.items, b->dwarf.functions.n,
               sizeof(struct dwarf_function), compare_functions, NULL);
    if (b->dwarf.type_at.n > 0) {
        b->parts |= BINARY_DWARF;
    }
    return true;
}
