/* Simulated services, each a process of its own on a port of the kernel's. */
#ifndef SEEP_TESTS_WATCH_SIM_SERVER_H
#define SEEP_TESTS_WATCH_SIM_SERVER_H

#include "test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct sim_server {
    pid_t pid;
    char url[256]; /* of its first service */
};

/* The first "http://..." that it says, within 20 s. */
static inline void sim_server_read_url(struct sim_server *s, int fd)
{
    char said[4096];
    size_t n = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_true(poll(&ready, 1, 20000) > 0);
        const ssize_t more = read(fd, said + n, sizeof said - 1 - n);
        assert_true(more > 0);
        n += (size_t)more;
        said[n] = '\0';
        const char *url = strstr(said, "http://");
        const char *end = url ? strchr(url, '\n') : NULL;
        if (end) {
            assert_true((size_t)(end - url) < sizeof s->url);
            memcpy(s->url, url, (size_t)(end - url));
            s->url[end - url] = '\0';
            return;
        }
    }
}

/* `words` of `seep sim WORDS --serve 127.0.0.1:0`, divided by blanks. */
static inline void sim_server_start(struct sim_server *s, const char *words)
{
    const char *program = getenv("SEEP_PROGRAM");
    if (!program) {
        skip();
    }
    char copy[1024];
    snprintf(copy, sizeof copy, "%s sim %s --serve 127.0.0.1:0", program,
             words);
    char *argv[32] = {NULL};
    size_t n = 0;
    char *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w;
         w = strtok_r(NULL, " ", &rest)) {
        argv[n++] = w;
    }
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], 2);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    assert_int_equal(
        posix_spawn(&s->pid, argv[0], &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    sim_server_read_url(s, fds[0]);
    /* What it says later goes nowhere; a closed pipe is no matter to it. */
    close(fds[0]);
}

static inline void sim_server_stop(struct sim_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
        s->pid = 0;
    }
}

#endif
