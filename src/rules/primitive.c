/*
 * What a goroutine waits in. Profiles show the runtime's frames at the leaf,
 * dumps hide them and give a reason instead; both spellings changed between
 * Go versions (semacquire until 1.19, internal/sync since 1.24).
 */
#include "rules/evidence.h"

#include <assert.h>
#include <string.h>

#include "base/banned.h"

static const char *const names[] = {
#define X(name, text) [PRIMITIVE_##name] = (text),
    PRIMITIVES(X)
#undef X
};

const char *primitive_name(enum primitive p)
{
    static_assert(sizeof(names) / sizeof(names[0]) == N_PRIMITIVES,
                  "name every primitive");
    return names[p];
}

struct frame_row {
    const char *pattern;
    enum primitive primitive; /* OTHER: parks, says nothing yet */
};

/* The frames of parking and locking, met from the leaf on. The walk stops at
   the first frame that is not here; the last row met decides, so that a mutex
   inside an RWMutex counts as the latter. */
static const struct frame_row frame_rows[] = {
    {"runtime.gopark",                    PRIMITIVE_OTHER       },
    {"runtime.goparkunlock",              PRIMITIVE_OTHER       },
    {"runtime.park_m",                    PRIMITIVE_OTHER       },
    {"runtime.mcall",                     PRIMITIVE_OTHER       },
    {"runtime.semacquire*",               PRIMITIVE_OTHER       },
    {"runtime.notetsleep*",               PRIMITIVE_OTHER       },
    {"runtime.entersyscall*",             PRIMITIVE_OTHER       },
    {"runtime.chanrecv*",                 PRIMITIVE_CHAN_RECEIVE},
    {"runtime.chansend*",                 PRIMITIVE_CHAN_SEND   },
    {"runtime.selectgo",                  PRIMITIVE_SELECT      },
    {"runtime.block",                     PRIMITIVE_SELECT_EMPTY},
    {"runtime.coroswitch*",               PRIMITIVE_COROUTINE   },
    {"runtime.timeSleep",                 PRIMITIVE_SLEEP       },
    {"runtime.netpollblock",              PRIMITIVE_IO_WAIT     },
    {"runtime.cgocall",                   PRIMITIVE_SYSCALL     },
    {"sync.runtime_notifyListWait",       PRIMITIVE_COND        },
    {"sync.runtime_Semacquire*",          PRIMITIVE_OTHER       },
    {"internal/sync.runtime_Semacquire*", PRIMITIVE_OTHER       },
    {"sync.(*Mutex).*",                   PRIMITIVE_MUTEX       },
    {"internal/sync.(*Mutex).*",          PRIMITIVE_MUTEX       },
    {"sync.(*RWMutex).*",                 PRIMITIVE_RWMUTEX     },
    {"sync.(*WaitGroup).Wait",            PRIMITIVE_WAITGROUP   },
    {"sync.(*Cond).Wait",                 PRIMITIVE_COND        },
    {"time.Sleep",                        PRIMITIVE_SLEEP       },
    {"internal/poll.runtime_pollWait",    PRIMITIVE_IO_WAIT     },
    {"internal/poll.(*pollDesc).*",       PRIMITIVE_IO_WAIT     },
    {"syscall.Syscall*",                  PRIMITIVE_SYSCALL     },
    {"syscall.RawSyscall*",               PRIMITIVE_SYSCALL     },
    {"syscall.syscall*",                  PRIMITIVE_SYSCALL     },
    {"syscall.rawSyscall*",               PRIMITIVE_SYSCALL     },
    {"internal/runtime/syscall.*",        PRIMITIVE_SYSCALL     },
    {"runtime/internal/syscall.*",        PRIMITIVE_SYSCALL     },
    {"internal/syscall/unix.*",           PRIMITIVE_SYSCALL     },
    {"os/signal.signal_recv",             PRIMITIVE_SYSCALL     },
};

static const struct frame_row *frame_row_find(const char *function)
{
    for (size_t i = 0; i < sizeof(frame_rows) / sizeof(frame_rows[0]); i++) {
        if (evidence_name_fits(function, frame_rows[i].pattern)) {
            return &frame_rows[i];
        }
    }
    return NULL;
}

enum primitive primitive_of(const struct frame *leaf_first, size_t n)
{
    enum primitive found = PRIMITIVE_OTHER;
    for (size_t i = 0; i < n; i++) {
        const struct frame_row *row = frame_row_find(leaf_first[i].function);
        if (!row) {
            break;
        }
        if (row->primitive != PRIMITIVE_OTHER) {
            found = row->primitive;
        }
    }
    return found;
}

struct status_row {
    const char *prefix;
    enum primitive primitive;
};

/* Prefixes, the longer first: "(synctest)" and "(durable)" may follow. */
static const struct status_row status_rows[] = {
    {"chan receive (nil chan)", PRIMITIVE_NIL_CHAN    },
    {"chan send (nil chan)",    PRIMITIVE_NIL_CHAN    },
    {"select (no cases)",       PRIMITIVE_SELECT_EMPTY},
    {"chan receive",            PRIMITIVE_CHAN_RECEIVE},
    {"chan send",               PRIMITIVE_CHAN_SEND   },
    {"select",                  PRIMITIVE_SELECT      },
    {"sync.Mutex.Lock",         PRIMITIVE_MUTEX       },
    {"sync.RWMutex.",           PRIMITIVE_RWMUTEX     },
    {"sync.WaitGroup.Wait",     PRIMITIVE_WAITGROUP   },
    {"sync.Cond.Wait",          PRIMITIVE_COND        },
    {"sleep",                   PRIMITIVE_SLEEP       },
    {"IO wait",                 PRIMITIVE_IO_WAIT     },
    {"syscall",                 PRIMITIVE_SYSCALL     },
    {"coroutine",               PRIMITIVE_COROUTINE   },
};

static enum primitive from_status(const char *status)
{
    for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++) {
        const char *prefix = status_rows[i].prefix;
        if (strncmp(status, prefix, strlen(prefix)) == 0) {
            return status_rows[i].primitive;
        }
    }
    return PRIMITIVE_OTHER;
}

enum primitive primitive_of_status(const char *status,
                                   const struct frame *leaf_first, size_t n)
{
    const enum primitive said = status ? from_status(status) : PRIMITIVE_OTHER;
    if (said == PRIMITIVE_NIL_CHAN || said == PRIMITIVE_SELECT_EMPTY) {
        return said;
    }
    const enum primitive seen = primitive_of(leaf_first, n);
    return seen != PRIMITIVE_OTHER ? seen : said;
}
