#include "mapped.h"

#include "cmd.h"
#include "console.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WATCHED_MAX = 4, LINE_BYTES = 4096 + 128 };

/* State outside of arguments: a signal handler gets none. What it says is
   ready before. */
static struct watched {
    volatile uintptr_t begin;
    volatile size_t len; /* 0: free */
    char line[LINE_BYTES];
} watched[WATCHED_MAX];

static void tell(const struct watched *w)
{
    console_abandon();
    const ssize_t n = write(STDERR_FILENO, w->line, strlen(w->line));
    (void)n; /* stderr is gone: there is nobody left to tell */
    _exit(STATUS_FAILED);
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    (void)context;
    const uintptr_t at = (uintptr_t)info->si_addr;
    for (size_t i = 0; i < WATCHED_MAX; i++) {
        if (watched[i].len > 0 && at - watched[i].begin < watched[i].len) {
            tell(&watched[i]);
        }
    }
    /* Any other fault is a bug, and ends the program as one. */
    (void)signal(signo, SIG_DFL);
}

static void put_line(struct watched *w, const char *path)
{
    (void)snprintf(w->line, sizeof w->line,
                   "seep: %.4000s: became shorter while it was read\n", path);
    for (char *p = w->line; p[0] != '\0' && p[1] != '\0'; p++) {
        const unsigned char c = (unsigned char)*p;
        if (c < ' ' || c == 0x7f) {
            *p = '?';
        }
    }
}

void mapped_watch(const char *path, struct span bytes)
{
    size_t i = 0;
    while (i < WATCHED_MAX && watched[i].len > 0) {
        i++;
    }
    if (i == WATCHED_MAX) {
        return;
    }
    put_line(&watched[i], path);
    watched[i].begin = (uintptr_t)bytes.p;
    watched[i].len = bytes.len;
    struct sigaction fault = {0};
    fault.sa_sigaction = on_fault;
    fault.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &fault, NULL);
}

void mapped_forget(struct span bytes)
{
    for (size_t i = 0; i < WATCHED_MAX; i++) {
        if (watched[i].len > 0 && watched[i].begin == (uintptr_t)bytes.p) {
            watched[i].len = 0;
        }
    }
}
