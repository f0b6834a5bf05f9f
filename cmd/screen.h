/*
 * A full-screen picture on the terminal that stdout is: the screen of before
 * comes back at the end, and at whatever signal ends or stops the program.
 * Drawn whole each time, so that a terminal that changes its size is right
 * again with the next picture.
 */
#ifndef SEEP_CMD_SCREEN_H
#define SEEP_CMD_SCREEN_H

#include "base/span.h"

#include <stdbool.h>

/* Can stdout show one? A terminal that moves its cursor. */
bool screen_is_possible(void);

void screen_enter(void);
void screen_leave(void); /* as often as you like; safe in a signal handler */

/* Of the terminal now; 80 x 24 when it does not say. */
void screen_size(unsigned *columns, unsigned *rows);

/* `lines` end with '\n' and fit the screen; the rest of it is cleared. */
void screen_draw(struct span lines);

#endif
