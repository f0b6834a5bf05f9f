/* How to see a report again: the command line, for people to paste. */
#ifndef SEEP_CMD_REPRODUCE_H
#define SEEP_CMD_REPRODUCE_H

#include "cmd.h"

/* The command line as it was typed, quoted for a shell and without secrets;
   NULL when memory is out. */
const char *reproduce_line(const struct session *s);

#endif
