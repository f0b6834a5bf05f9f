/*
 * What code hosts show of a finding: one place in the repository, a title, a
 * message of a few sentences, and a number that tells equal fingerprints
 * apart. Shared by the forms that forges read.
 */
#ifndef SEEP_REPORT_FORGE_PRIVATE_H
#define SEEP_REPORT_FORGE_PRIVATE_H

#include "report/report.h"

/* Forges drop what has no place in the repository, so what has none stands at
   line 1 of the report's anchor. */
struct forge_place {
    const char *path; /* from the root of the repository, without "./" */
    int64_t line;     /* 1 or above */
    const struct frame *frame; /* NULL: it is the anchor */
};
struct forge_place forge_place(const struct report *r, const struct finding *f);

/* The frame's path in the repository; NULL when it is not there. */
const char *forge_path(const struct frame *f);

/* Why a run whose findings do not fail it is no pass; NULL: it is one. */
const char *forge_undecided(const struct report *r);

enum forge_level { FORGE_NOTE, FORGE_WARNING, FORGE_ERROR };
/* By grade. */
enum forge_level forge_grade_level(enum grade g);
/* By grade, and a note for what is accepted, fixed, existing or too small. */
enum forge_level forge_level(const struct finding *f);

/* Does a patch's reader have anything to do with it? Neither accepted nor
   gone. */
bool forge_is_open(const struct finding *f);

/* Which of those with the same id is it? One number a finding, from 1 on, in
   their order. Freed by the caller; NULL when memory is out (or n is 0). */
uint32_t *forge_occurrences(const struct findings *f);

/* Parts of a message are cut at these columns; with the words between them a
   message has at most about 1,000 characters. */
enum {
    FORGE_TITLE = 90,
    FORGE_NAME = 100,
    FORGE_POSITION = 60,
    FORGE_STATE = 60,
    FORGE_CAUSE = 220,
    FORGE_FIX = 200
};

/* "goroutines wait on a channel receive" */
void forge_title(struct buf *out, const struct finding *f);

/* How frames of a message are written; `i` counts them from 0. NULL: name and
   position as they are. */
struct forge_writer {
    void *ctx;
    void (*text)(void *ctx, struct buf *out, struct span clean);
    void (*frame)(void *ctx, struct buf *out, const struct frame *f,
                  struct span name_and_position);
};

/* Title, place, change; state; who started it; cause; fix. One line of clean
   text. */
void forge_message(struct buf *out, const struct finding *f,
                   const struct forge_writer *w);

/* Clean text, cut. */
void forge_cut(struct buf *out, const char *text, size_t columns);

#endif
