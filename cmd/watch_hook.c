#include "watch_hook.h"

#include "base/num.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { RUNS_MAX = 4, QUEUE_MAX = 256, WORDS_MAX = 64 };

#define SECOND_NS INT64_C(1000000000)
/* A message is sent or a ticket written in seconds; who hangs is ended, and
   who does not end then is killed. */
#define TIME_NS  (60 * SECOND_NS)
#define GRACE_NS (2 * SECOND_NS)

struct hook_run {
    pid_t pid; /* 0 = free */
    int fd;    /* its standard input; -1 all written */
    struct buf document;
    size_t written;
    int64_t begun_ns; /* 0 not known yet */
    bool is_told;     /* SIGTERM was sent */
};

struct watch_hook {
    char *text; /* words behind each other */
    char *words[WORDS_MAX + 1];
    size_t n_words;
    struct hook_run runs[RUNS_MAX];
    struct buf queue[QUEUE_MAX];
    size_t n_queue;
    uint64_t n_ok, n_failed;
};

/* --- words --- */

/* Copies one word; false with an open quote. */
static bool copy_word(const char **from, char **to)
{
    const char *p = *from;
    char quote = '\0';
    for (; *p != '\0' && (quote != '\0' || (*p != ' ' && *p != '\t')); p++) {
        if (quote == '\0' && (*p == '\'' || *p == '"')) {
            quote = *p;
        } else if (quote != '\0' && *p == quote) {
            quote = '\0';
        } else if (*p == '\\' && p[1] != '\0' &&
                   (quote == '\0' ||
                    (quote == '"' && (p[1] == '"' || p[1] == '\\')))) {
            *(*to)++ = *++p;
        } else {
            *(*to)++ = *p;
        }
    }
    *(*to)++ = '\0';
    *from = p;
    return quote == '\0';
}

static bool split(struct watch_hook *h, const char *command, struct err *err)
{
    char *to = h->text;
    for (const char *p = command;;) {
        p += strspn(p, " \t");
        if (*p == '\0') {
            break;
        }
        if (h->n_words == WORDS_MAX) {
            return err_set(err, ERR_USAGE, "--on-leak: more than %d words",
                           WORDS_MAX);
        }
        h->words[h->n_words++] = to;
        if (!copy_word(&p, &to)) {
            return err_set(err, ERR_USAGE, "--on-leak: a quote is not closed");
        }
    }
    if (h->n_words == 0 || h->words[0][0] == '\0') {
        return err_set(err, ERR_USAGE, "--on-leak: the command has no words");
    }
    return true;
}

bool watch_hook_new(const char *command, struct watch_hook **out,
                    struct err *err)
{
    struct watch_hook *h = calloc(1, sizeof(*h));
    char *text = malloc(2 * strlen(command) + 2);
    if (h == NULL || text == NULL) {
        free(h);
        free(text);
        return err_nomem(err, "--on-leak");
    }
    h->text = text;
    if (!split(h, command, err)) {
        watch_hook_free(h);
        return false;
    }
    /* Where whoever started us ignores it, nobody is told how a child ended. */
    struct sigaction usual = {0};
    usual.sa_handler = SIG_DFL;
    (void)sigaction(SIGCHLD, &usual, NULL);
    *out = h;
    return true;
}

/* --- is there such a program? --- */

/* 0, or why it cannot be run. */
static int try_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno;
    }
    return !S_ISREG(st.st_mode) || access(path, X_OK) != 0 ? EACCES : 0;
}

/* As posix_spawnp() looks for it: what cannot be run is passed over. */
static int search(const char *name, const char *path)
{
    int found = ENOENT;
    for (struct span rest = span_of(path); found != 0;) {
        const struct span dir = span_first(rest, span_find_char(rest, ':'));
        struct buf file = BUF_LIMIT(PATH_MAX);
        buf_span(&file, dir);
        buf_printf(&file, "%s%s", dir.len > 0 ? "/" : "", name);
        const int code = buf_ok(&file) ? try_program(file.data) : ENOENT;
        found = code == 0 || code == EACCES ? code : found;
        buf_release(&file);
        if (dir.len == rest.len) {
            break;
        }
        rest = span_from(rest, dir.len + 1);
    }
    return found;
}

bool watch_hook_check(const struct watch_hook *h, const char *path,
                      struct err *err)
{
    const char *name = h->words[0];
    const int code = strchr(name, '/') != NULL
                         ? try_program(name)
                         : search(name, path != NULL ? path : "/bin:/usr/bin");
    if (code == 0) {
        return true;
    }
    return err_set(err, ERR_USAGE, "--on-leak: cannot run %.120s: %s", name,
                   err_system(code).text);
}

static void close_input(struct hook_run *r)
{
    if (r->fd >= 0) {
        close(r->fd);
        r->fd = -1;
    }
    buf_release(&r->document);
}

void watch_hook_free(struct watch_hook *h)
{
    if (h == NULL) {
        return;
    }
    for (size_t i = 0; i < RUNS_MAX; i++) {
        if (h->runs[i].pid != 0) {
            (void)kill(-h->runs[i].pid, SIGTERM);
            close_input(&h->runs[i]);
        }
    }
    for (size_t i = 0; i < h->n_queue; i++) {
        buf_release(&h->queue[i]);
    }
    free(h->text);
    free(h);
}

bool watch_hook_add(struct watch_hook *h, struct buf *document)
{
    if (h->n_queue == QUEUE_MAX) {
        h->n_failed++;
        buf_release(document);
        return false;
    }
    h->queue[h->n_queue++] = *document;
    *document = (struct buf){0};
    return true;
}

bool watch_hook_is_busy(const struct watch_hook *h)
{
    for (size_t i = 0; h != NULL && i < RUNS_MAX; i++) {
        if (h->runs[i].pid != 0) {
            return true;
        }
    }
    return h != NULL && h->n_queue > 0;
}

void watch_hook_counts(const struct watch_hook *h, uint64_t *n_ok,
                       uint64_t *n_failed)
{
    *n_ok = h->n_ok;
    *n_failed = h->n_failed;
}

/* --- runs --- */

/* A command that lasts would hold the connections to the targets open:
   libcurl's sockets are inherited unless somebody says otherwise. */
static void keep_descriptors(void)
{
    const struct dirent *e;
    DIR *d = opendir("/proc/self/fd");
    uint64_t fd = 0;
    /* One stream of our own: nobody else reads it. */
    while (d != NULL &&
           (e = readdir(d)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        if (num_parse_u64(span_of(e->d_name), &fd) && fd > STDERR_FILENO) {
            (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        }
    }
    if (d != NULL) {
        closedir(d);
    }
}

/* Its signals as a program expects them: the watch ignores two. */
static int spawn(const struct watch_hook *h, int input, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t usual;
    int code = posix_spawn_file_actions_init(&files);
    if (code != 0) {
        return code;
    }
    code = posix_spawnattr_init(&attributes);
    if (code == 0) {
        (void)sigemptyset(&usual);
        (void)sigaddset(&usual, SIGPIPE);
        (void)sigaddset(&usual, SIGXFSZ);
        (void)posix_spawnattr_setsigdefault(&attributes, &usual);
        (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF |
                                                        POSIX_SPAWN_SETPGROUP);
        code = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
        if (code == 0) {
            code = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO,
                                                    STDOUT_FILENO);
        }
        if (code == 0) {
            code = posix_spawnp(pid, h->words[0], &files, &attributes, h->words,
                                environ);
        }
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    return code;
}

static void say_not_begun(struct watch_hook *h, int code, struct buf *said)
{
    h->n_failed++;
    buf_printf(said, "--on-leak: cannot run %.100s: %s\n", h->words[0],
               err_system(code).text);
}

static void begin(struct watch_hook *h, struct hook_run *r, struct buf *said)
{
    int ends[2];
    pid_t pid = 0;
    *r = (struct hook_run){.fd = -1, .document = h->queue[0]};
    h->n_queue--;
    memmove(h->queue, h->queue + 1, h->n_queue * sizeof(h->queue[0]));
    if (pipe(ends) != 0) {
        say_not_begun(h, errno, said);
        buf_release(&r->document);
        return;
    }
    /* Not even these two: dup2() makes one that is inherited. */
    keep_descriptors();
    const int code = spawn(h, ends[0], &pid);
    close(ends[0]);
    r->fd = ends[1];
    if (code != 0) {
        say_not_begun(h, code, said);
        close_input(r);
        return;
    }
    r->pid = pid;
    (void)fcntl(r->fd, F_SETFL, O_NONBLOCK);
}

static void feed(struct hook_run *r)
{
    while (r->fd >= 0 && r->written < r->document.len) {
        const ssize_t n = write(r->fd, r->document.data + r->written,
                                r->document.len - r->written);
        if (n > 0) {
            r->written += (size_t)n;
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            break; /* it does not want to know */
        }
    }
    close_input(r);
}

/* Also of what it started: it has a group of its own. */
static void end_late(struct hook_run *r, int64_t mono_ns)
{
    r->begun_ns = r->begun_ns == 0 ? mono_ns : r->begun_ns;
    const int64_t lasts_ns = mono_ns - r->begun_ns;
    if (lasts_ns > TIME_NS + GRACE_NS) {
        (void)kill(-r->pid, SIGKILL);
    } else if (lasts_ns > TIME_NS && !r->is_told) {
        r->is_told = true;
        (void)kill(-r->pid, SIGTERM);
    }
}

static void reap(struct watch_hook *h, struct hook_run *r, struct buf *said)
{
    int status = 0;
    const pid_t pid = waitpid(r->pid, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) {
        return;
    }
    /* Somebody else was told: its number may be another's by now. */
    status = pid < 0 ? 0 : status;
    const char *name = h->words[0];
    if (r->is_told) {
        buf_printf(said, "--on-leak: %.100s was ended after 60 s\n", name);
    } else if (WIFSIGNALED(status)) {
        buf_printf(said, "--on-leak: %.100s was ended by signal %d\n", name,
                   WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        buf_printf(said, "--on-leak: %.100s ended with status %d\n", name,
                   WEXITSTATUS(status));
    }
    const bool ok =
        !r->is_told && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    h->n_ok += ok;
    h->n_failed += !ok;
    close_input(r);
    r->pid = 0;
}

void watch_hook_run(struct watch_hook *h, int64_t mono_ns, struct buf *said)
{
    for (size_t i = 0; i < RUNS_MAX; i++) {
        struct hook_run *r = &h->runs[i];
        if (r->pid == 0 && h->n_queue > 0) {
            begin(h, r, said);
        }
        if (r->pid != 0) {
            feed(r);
            end_late(r, mono_ns);
            reap(h, r, said);
        }
    }
}
