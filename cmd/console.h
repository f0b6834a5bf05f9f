/*
 * The terminal: diagnostics and progress on stderr, data on stdout. A name
 * that comes from outside never reaches a terminal with its control
 * characters, and a diagnostic is always one line.
 */
#ifndef SEEP_CMD_CONSOLE_H
#define SEEP_CMD_CONSOLE_H

#include "base/buf.h"
#include "base/span.h"
#include "cmd.h"

/* SIGPIPE ignored; SIGINT and SIGTERM end the program at once with 130 and
   143, after removing what is half-written. */
void console_init(void);

/* From now on the first SIGINT or SIGTERM only makes console_signal() tell it,
   for a command that ends with a report; the second one ends the program at
   once. console_wake_fd() is readable after a signal, and after the terminal
   changed its size, until console_signal() is asked. */
bool console_catch(struct err *err) MUST_USE;
int console_wake_fd(void);
int console_signal(void); /* 0, SIGINT or SIGTERM */
void console_wake(void);  /* safe in a signal handler */

/* Fills color, ascii, columns and shows_progress from `common`, the
   environment and the terminal. */
void console_look(struct session *s);

/* "seep: WHERE: offset N: reason"; WHERE may be NULL. Returns the exit status
   of the error. */
int console_fail(const char *where, const struct err *err);

/* "seep: text". */
void console_say(const char *fmt, ...) ERR_PRINTF(1, 2);

/* The same of each line of `notes`, unless the user is not to be told. */
void console_say_notes(const struct session *s, struct span notes);

/* One line that the next one replaces; nothing unless `shows_progress`. */
void console_progress(const struct session *s, size_t done, size_t total,
                      const char *what);
/* The same of a part of the work: "seep: dominators 40%". */
void console_progress_share(const struct session *s, const char *what,
                            double share);
void console_progress_end(const struct session *s);

/* All of it to stdout, flushed and closed: ERR_IO when it cannot be written.
   A reader that went away is no error. */
bool console_finish(struct span data, struct err *err) MUST_USE;

/* Where stdout is a terminal: '?' for the bytes of control characters but tabs
   and line ends. A file or a pipe gets all bytes as they are. */
void console_tame(struct buf *text);

/* Where a workflow of GitHub runs this: '?' for what begins a command of its
   runner in a text for people. Lines on stderr are kept free of them, too. */
void console_break_commands(struct buf *text);

/* The file that a signal must remove, or NULL. Borrowed until the next call;
   cut names are not removed. */
void console_guard(const char *path);

/* Before _exit(): removes what is guarded, leaves screen and progress. Safe in
   a signal handler. */
void console_abandon(void);

#endif
