/*
 * A server in a process of its own whose paths say how it answers: what a test
 * wants of it stands in the test. Each connection has a process too, so that
 * one which hangs does not hold up others; stopping it ends them all.
 */
#ifndef SEEP_TESTS_FETCH_ANSWERS_H
#define SEEP_TESTS_FETCH_ANSWERS_H

#include "test.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ANSWERS_SECONDS_MAX = 60, REQUEST_BYTES = 64 << 10 };

struct answers {
    pid_t pid;
    unsigned port;
    char base[128]; /* "http://127.0.0.1:1234" */
};

/* --- answering --- */

static void answers_send(int fd, const char *p, size_t n)
{
    while (n > 0) {
        const ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0) {
            _exit(0);
        }
        p += sent;
        n -= (size_t)sent;
    }
}

static void answers_body(int fd, const char *status, const char *more,
                         const char *body, size_t n)
{
    char head[8192];
    const int len = snprintf(head, sizeof(head),
                             "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
                             status, more, n);
    answers_send(fd, head, (size_t)len);
    answers_send(fd, body, n);
}

static void answers_sleep(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* A byte every 50 ms, without end. */
static void answers_drip(int fd)
{
    const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    answers_send(fd, head, sizeof(head) - 1);
    for (;;) {
        answers_send(fd, "x", 1);
        answers_sleep(50);
    }
}

/* Without a length, 64 KiB at a time, until nobody listens. */
static void answers_flood(int fd)
{
    static char block[64 << 10];
    const char head[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    answers_send(fd, head, sizeof(head) - 1);
    for (;;) {
        answers_send(fd, block, sizeof(block));
    }
}

static void answers_file(int fd, const char *path)
{
    static char block[1 << 20];
    FILE *f = fopen(path, "rb");
    const size_t n = f != NULL ? fread(block, 1, sizeof(block), f) : 0;
    if (f != NULL) {
        (void)fclose(f);
    }
    answers_body(fd, "200 OK", "Content-Encoding: gzip\r\n", block, n);
}

/* `path` ends the request's first line with a '\0'. */
static void answers_one(int fd, const char *path, const char *request)
{
    static const char zeros[50 << 10] = "";
    char more[4096];
    if (strncmp(path, "/ok", 3) == 0) {
        answers_body(fd, "200 OK", "", "hello", 5);
    } else if (strcmp(path, "/big") == 0) {
        answers_body(fd, "200 OK", "", zeros, sizeof(zeros));
    } else if (strcmp(path, "/close") == 0) {
        answers_body(fd, "200 OK", "Connection: close\r\n", "hello", 5);
        _exit(0);
    } else if (strcmp(path, "/drip") == 0) {
        answers_drip(fd);
    } else if (strcmp(path, "/flood") == 0) {
        answers_flood(fd);
    } else if (strcmp(path, "/hang") == 0) {
        answers_sleep(1000L * ANSWERS_SECONDS_MAX);
    } else if (strcmp(path, "/late") == 0) {
        answers_sleep(1500);
        answers_body(fd, "200 OK", "", "hello", 5);
    } else if (strncmp(path, "/cut", 4) == 0) {
        answers_send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123", 41);
        _exit(0);
    } else if (strncmp(path, "/status/", 8) == 0) {
        (void)snprintf(more, sizeof(more), "%.100s x", path + 8);
        answers_body(fd, more, "", "", 0);
    } else if (strncmp(path, "/echo", 5) == 0) {
        answers_body(fd, "200 OK", "", request, strlen(request));
    } else if (strncmp(path, "/complain", 9) == 0) {
        answers_body(fd, "403 Forbidden", "", request, strlen(request));
    } else if (strncmp(path, "/to/", 4) == 0) {
        (void)snprintf(more, sizeof(more), "Location: %s\r\n", path + 4);
        answers_body(fd, "302 Found", more, "moved", 5);
    } else if (strncmp(path, "/file/", 6) == 0) {
        answers_file(fd, path + 5);
    } else {
        answers_body(fd, "404 Not Found", "", "404 page not found\n", 19);
    }
}

/* One request after the other. */
static _Noreturn void answers_serve(int fd)
{
    static char request[REQUEST_BYTES];
    static char line[REQUEST_BYTES];
    size_t n = 0;
    for (;;) {
        const ssize_t got = recv(fd, request + n, sizeof(request) - 1 - n, 0);
        if (got <= 0) {
            _exit(0);
        }
        n += (size_t)got;
        request[n] = '\0';
        if (strstr(request, "\r\n\r\n") == NULL) {
            continue;
        }
        memcpy(line, request, n + 1);
        char *path = strchr(line, ' ');
        path = path != NULL ? path + 1 : line;
        path[strcspn(path, " \r\n")] = '\0';
        answers_one(fd, path, request);
        n = 0;
    }
}

static _Noreturn void answers_accept(int listener)
{
    (void)signal(SIGCHLD, SIG_IGN);
    alarm(ANSWERS_SECONDS_MAX);
    for (;;) {
        const int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            continue;
        }
        if (fork() == 0) {
            close(listener);
            alarm(ANSWERS_SECONDS_MAX);
            answers_serve(fd);
        }
        close(fd);
    }
}

/* --- starting and stopping --- */

static void answers_fork(struct answers *a, int listener)
{
    assert_int_equal(listen(listener, 512), 0);
    a->pid = fork();
    assert_true(a->pid >= 0);
    if (a->pid == 0) {
        (void)setpgid(0, 0);
        answers_accept(listener);
    }
    /* Said by both: whoever is first. */
    (void)setpgid(a->pid, a->pid);
    close(listener);
}

static inline struct answers answers_start(void)
{
    struct answers a = {0};
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof(at);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    a.port = ntohs(at.sin_port);
    (void)snprintf(a.base, sizeof(a.base), "http://127.0.0.1:%u", a.port);
    answers_fork(&a, fd);
    return a;
}

/* At a unix socket. */
static inline struct answers answers_start_at(const char *path)
{
    struct answers a = {0};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
    (void)snprintf(a.base, sizeof(a.base), "unix://%.100s:", path);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    answers_fork(&a, fd);
    return a;
}

static void answers_stop(const struct answers *a)
{
    kill(-a->pid, SIGKILL);
    assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
}

/* --- asking --- */

/* "http://127.0.0.1:1234/ok". Static storage, until four more calls. */
static const char *answers_url(const struct answers *a, const char *path)
{
    static char urls[4][4096];
    static unsigned next;
    char *url = urls[next++ % 4];
    (void)snprintf(url, sizeof(urls[0]), "%s%s", a->base, path);
    return url;
}

#endif
