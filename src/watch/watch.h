/* Front header of watch/: live targets, from one to a fleet. */
#ifndef SEEP_WATCH_WATCH_H
#define SEEP_WATCH_WATCH_H

#include "watch/exposition.h" /* IWYU pragma: export */
#include "watch/fleet.h"      /* IWYU pragma: export */
#include "watch/schedule.h"   /* IWYU pragma: export */
#include "watch/targets.h"    /* IWYU pragma: export */
#include "watch/watcher.h"    /* IWYU pragma: export */

#endif
