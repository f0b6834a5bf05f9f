/* Leaf chains and wait reasons of Go 1.19 to 1.26, as catalogued. */
#include "rules/spec.h"

struct row {
    const char *name;
    enum primitive want;
    const char *status; /* NULL: a profile's stack */
    const char *frames[SPEC_FRAMES];
};

#define PARK "runtime.gopark"
#define SEMA PARK, "runtime.goparkunlock", "runtime.semacquire1"

/* clang-format off */
static const struct row rows[] = {
    {"receive", PRIMITIVE_CHAN_RECEIVE, NULL,
     {PARK, "runtime.chanrecv", "runtime.chanrecv1", "+main.f"}},
    {"range", PRIMITIVE_CHAN_RECEIVE, NULL,
     {PARK, "runtime.chanrecv", "runtime.chanrecv2", "+main.f"}},
    {"reflect receive", PRIMITIVE_CHAN_RECEIVE, NULL,
     {PARK, "runtime.chanrecv", "reflect.chanrecv", "reflect.Value.recv"}},
    {"send", PRIMITIVE_CHAN_SEND, NULL,
     {PARK, "runtime.chansend", "runtime.chansend1", "+main.f"}},
    {"select", PRIMITIVE_SELECT, NULL, {PARK, "runtime.selectgo", "+main.f"}},
    {"pipe", PRIMITIVE_SELECT, NULL,
     {PARK, "runtime.selectgo", "io.(*pipe).read"}},
    {"select{}", PRIMITIVE_SELECT_EMPTY, NULL,
     {PARK, "runtime.block", "+main.f"}},
    {"mutex 1.19", PRIMITIVE_MUTEX, NULL,
     {SEMA, "sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow",
      "sync.(*Mutex).Lock", "+main.f"}},
    {"mutex 1.24", PRIMITIVE_MUTEX, NULL,
     {SEMA, "internal/sync.runtime_SemacquireMutex",
      "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock",
      "sync.(*Mutex).Lock", "+main.f"}},
    {"once", PRIMITIVE_MUTEX, NULL,
     {SEMA, "sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow",
      "sync.(*Mutex).Lock", "sync.(*Once).doSlow", "sync.(*Once).Do"}},
    {"rlock 1.19", PRIMITIVE_RWMUTEX, NULL,
     {SEMA, "sync.runtime_SemacquireMutex", "sync.(*RWMutex).RLock"}},
    {"rlock 1.23", PRIMITIVE_RWMUTEX, NULL,
     {SEMA, "sync.runtime_SemacquireRWMutexR", "sync.(*RWMutex).RLock"}},
    {"second writer", PRIMITIVE_RWMUTEX, NULL,
     {SEMA, "sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow",
      "sync.(*Mutex).Lock", "sync.(*RWMutex).Lock", "+main.f"}},
    {"waitgroup 1.23", PRIMITIVE_WAITGROUP, NULL,
     {SEMA, "sync.runtime_Semacquire", "sync.(*WaitGroup).Wait", "+main.f"}},
    {"waitgroup 1.24", PRIMITIVE_WAITGROUP, NULL,
     {SEMA, "sync.runtime_SemacquireWaitGroup", "sync.(*WaitGroup).Wait"}},
    {"cond", PRIMITIVE_COND, NULL,
     {PARK, "runtime.goparkunlock", "sync.runtime_notifyListWait",
      "sync.(*Cond).Wait", "+main.f"}},
    {"sleep", PRIMITIVE_SLEEP, NULL, {PARK, "time.Sleep", "+main.f"}},
    {"network", PRIMITIVE_IO_WAIT, NULL,
     {PARK, "runtime.netpollblock", "internal/poll.runtime_pollWait",
      "internal/poll.(*pollDesc).wait", "internal/poll.(*FD).Read"}},
    {"child", PRIMITIVE_SYSCALL, NULL,
     {"syscall.Syscall6", "os.(*Process).blockUntilWaitable"}},
    {"iterator", PRIMITIVE_COROUTINE, NULL,
     {"runtime.coroswitch", "iter.Pull[go.shape.int].func2", "+main.f"}},
    {"running", PRIMITIVE_OTHER, NULL, {"+main.f", "+main.g"}},
    {"nothing", PRIMITIVE_OTHER, NULL, {NULL}},
    {"dump receive", PRIMITIVE_CHAN_RECEIVE, "chan receive", {"+main.f"}},
    {"dump nil receive", PRIMITIVE_NIL_CHAN, "chan receive (nil chan)",
     {"+main.f"}},
    {"dump nil send", PRIMITIVE_NIL_CHAN, "chan send (nil chan)", {"+main.f"}},
    {"dump select", PRIMITIVE_SELECT, "select", {"+main.f"}},
    {"dump durable select", PRIMITIVE_SELECT, "select (durable)", {"+main.f"}},
    {"dump select{}", PRIMITIVE_SELECT_EMPTY, "select (no cases)", {"+main.f"}},
    {"dump semacquire", PRIMITIVE_WAITGROUP, "semacquire",
     {"sync.runtime_Semacquire", "sync.(*WaitGroup).Wait", "+main.f"}},
    {"dump second writer", PRIMITIVE_RWMUTEX, "sync.Mutex.Lock",
     {"sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow",
      "sync.(*Mutex).Lock", "sync.(*RWMutex).Lock"}},
    {"dump mutex", PRIMITIVE_MUTEX, "sync.Mutex.Lock", {"+main.f"}},
    {"dump runnable", PRIMITIVE_OTHER, "runnable", {"+main.f"}},
    {"dump no reason", PRIMITIVE_SLEEP, NULL, {"time.Sleep", "+main.f"}},
};
/* clang-format on */

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

static void primitive_is_told(void **state)
{
    const struct row *row = *state;
    struct frame frames[SPEC_FRAMES];
    const size_t n = spec_frames(row->frames, frames);
    const enum primitive got = row->status
                                   ? primitive_of_status(row->status, frames, n)
                                   : primitive_of(frames, n);
    assert_string_equal(primitive_name(got), primitive_name(row->want));
}

int main(void)
{
    static struct CMUnitTest tests[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++) {
        union {
            const void *from;
            void *to;
        } state = {&rows[i]};
        tests[i] = (struct CMUnitTest){rows[i].name, primitive_is_told, NULL,
                                       NULL, state.to};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
