/*
 * The lists of frames are google/pprof's, letter by letter: they are written
 * into profiles that are made of these formats.
 */
#include "input/legacy_private.h"

#include "base/limits.h"
#include "base/measure.h"
#include "input/scan_private.h"

#include <inttypes.h>
#include <math.h>

/* A location, its key and its slots in tables. */
enum { LOCATION_BYTES = 128 };

static const char allocators[] =
    /* the C library */
    "calloc|cfree|malloc|free|memalign|do_memalign|(__)?posix_memalign|"
    "pvalloc|valloc|realloc|"
    /* tcmalloc */
    "tcmalloc::.*|tc_calloc|tc_cfree|tc_malloc|tc_free|tc_memalign|"
    "tc_posix_memalign|tc_pvalloc|tc_valloc|tc_realloc|tc_new|tc_delete|"
    "tc_newarray|tc_deletearray|tc_new_nothrow|tc_newarray_nothrow|"
    /* macOS */
    "malloc_zone_malloc|malloc_zone_calloc|malloc_zone_valloc|"
    "malloc_zone_realloc|malloc_zone_memalign|malloc_zone_free|"
    /* Go */
    "runtime\\..*|"
    /* C++ and what is used with it */
    "BaseArena::.*|(::)?do_malloc_no_errno|(::)?do_malloc_pages|"
    "(::)?do_malloc|DoSampledAllocation|MallocedMemBlock::MallocedMemBlock|"
    "_M_allocate|__builtin_(vec_)?delete|__builtin_(vec_)?new|"
    "__gnu_cxx::new_allocator::allocate|__libc_malloc|"
    "__malloc_alloc_template::allocate|allocate|cpp_alloc|"
    "operator new(\\[\\])?|simple_alloc::allocate";

/* Of Go's runtime these may stand in the middle of a stack. */
static const char allocator_callers[] =
    "runtime\\.panic|runtime\\.reflectcall|runtime\\.call[0-9]*";

static const char lockers[] =
    "RecordLockProfileData|(base::)?RecordLockProfileData.*|"
    "(base::)?SubmitMutexProfileData.*|(base::)?SubmitSpinLockProfileData.*|"
    "(base::Mutex::)?AwaitCommon.*|(base::Mutex::)?Unlock.*|"
    "(base::Mutex::)?UnlockSlow.*|(base::Mutex::)?ReaderUnlock.*|"
    "(base::MutexLock::)?~MutexLock.*|(Mutex::)?AwaitCommon.*|"
    "(Mutex::)?Unlock.*|(Mutex::)?UnlockSlow.*|(Mutex::)?ReaderUnlock.*|"
    "(MutexLock::)?~MutexLock.*|(SpinLock::)?Unlock.*|"
    "(SpinLock::)?SlowUnlock.*|(SpinLockHolder::)?~SpinLockHolder.*";

static const char signal_handlers[] =
    "ProfileData::Add|ProfileData::prof_handler|CpuProfiler::prof_handler|"
    "__pthread_sighandler|__restore";

static const struct {
    const char *drop, *keep;
} frame_lists[] = {
    [FRAMES_OF_HEAP] = {allocators,      allocator_callers},
    [FRAMES_OF_LOCKS] = {lockers,         ""               },
    [FRAMES_OF_CPU] = {signal_handlers, ""               },
};

bool legacy_addresses(struct vec_u64 *out, struct span text, const char *what,
                      const struct text_line *line, struct err *err)
{
    uint64_t address;
    bool fits;
    for (size_t at = 0; scan_address(text, &at, &address, &fits);) {
        if (!fits) {
            return line_error(err, what, line, "address beyond 64 bits");
        }
        if (!vec_u64_push(out, address)) {
            return err_nomem(err, what);
        }
    }
    return true;
}

void legacy_drop_repeated_leaf(const struct profile_builder *b,
                               struct vec_u32 *locations)
{
    uint32_t *const items = locations->items;
    const uint32_t n_known = profile_builder_n_locations(b);
    if (locations->n < 2 || items[0] >= n_known || items[1] >= n_known ||
        profile_builder_address(b, items[0]) !=
            profile_builder_address(b, items[1]) + 1) {
        return;
    }
    locations->n--;
    memmove(items + 1, items + 2, (locations->n - 1) * sizeof(*items));
}

void legacy_unsample(int64_t rate, int64_t *objects, int64_t *n_bytes)
{
    if (*objects == 0 || *n_bytes == 0) {
        *objects = 0;
        *n_bytes = 0;
        return;
    }
    if (rate <= 1) {
        return;
    }
    const double count = (double)*objects;
    const double total = (double)*n_bytes;
    const double factor = 1 / (1 - exp(-(total / count) / (double)rate));
    *objects = measure_truncate(count * factor);
    *n_bytes = measure_truncate(total * factor);
}

bool legacy_check_size(const struct profile_builder *b, const char *what,
                       struct err *err)
{
    static const uint64_t locations_max = LIMIT_PROFILE_BYTES / LOCATION_BYTES;
    if (profile_builder_n_locations(b) <= locations_max) {
        return true;
    }
    return err_set(err, ERR_LIMIT, "%s: more than %" PRIu64 " locations", what,
                   locations_max);
}

void legacy_set_frames(struct profile_builder *b, enum legacy_frames frames)
{
    struct profile *const p = profile_builder_profile(b);
    p->drop_frames =
        profile_builder_string(b, span_of(frame_lists[frames].drop));
    p->keep_frames =
        profile_builder_string(b, span_of(frame_lists[frames].keep));
}

bool legacy_finish(struct profile_builder *b, const char *what,
                   struct snapshot *out, struct err *err)
{
    if (!profile_builder_finish(b, &out->profile, err)) {
        return err_wrap(err, "%s", what);
    }
    out->form = FORM_TEXT;
    out->kind = profile_kind(out->profile);
    return true;
}
