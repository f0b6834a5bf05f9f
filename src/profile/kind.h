/* What a snapshot is about. Named from its sample types, not its file name. */
#ifndef SEEP_PROFILE_KIND_H
#define SEEP_PROFILE_KIND_H

#include <stdbool.h>

struct profile;

/* name in reports and JSON; order is stable */
#define PROFILE_KINDS(X)                                                       \
    X(UNKNOWN, "unknown")                                                      \
    X(HEAP, "heap")                                                            \
    X(ALLOCS, "allocs")                                                        \
    X(GOROUTINE, "goroutine")                                                  \
    X(GOROUTINELEAK, "goroutineleak")                                          \
    X(THREADCREATE, "threadcreate")                                            \
    X(BLOCK, "block")                                                          \
    X(MUTEX, "mutex")                                                          \
    X(CPU, "cpu")                                                              \
    X(HEAPDUMP, "heapdump")                                                    \
    X(OTHER, "other")

enum profile_kind {
#define X(name, text) KIND_##name,
    PROFILE_KINDS(X)
#undef X
        N_PROFILE_KINDS
};

const char *profile_kind_name(enum profile_kind kind);

/* From sample types, period type and default type. heap and allocs have the
   same types; allocs says default_sample_type alloc_space. Block and mutex
   have the same types and no other mark: both are KIND_BLOCK unless a frame
   of sync.(*Mutex).Unlock, sync.(*RWMutex).(R)Unlock or runtime.unlock leads
   the stacks. */
enum profile_kind profile_kind(const struct profile *p);

#endif
