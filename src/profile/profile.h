/* Front header of profile/: one decoded profile or goroutine dump. */
#ifndef SEEP_PROFILE_PROFILE_H
#define SEEP_PROFILE_PROFILE_H

#include "profile/builder.h" /* IWYU pragma: export */
#include "profile/codec.h"
#include "profile/demangle.h"
#include "profile/dump.h"
#include "profile/edit.h"
#include "profile/kind.h"
#include "profile/merge.h"
#include "profile/model.h"
#include "profile/name_change.h"
#include "profile/names.h"
#include "profile/select.h"
#include "profile/snapshot.h"

#endif
