/* Every bound on what is read, with its reason. All in one place. */
#ifndef SEEP_BASE_LIMITS_H
#define SEEP_BASE_LIMITS_H

/* Inflated bytes of one profile. 1 GiB: twice a heap profile of five million
   stacks (523 MB); what inflates to more is an attack or a mistake. */
#define LIMIT_INFLATED_BYTES (UINT64_C(1) << 30)

/* Inflated bytes of one profile of a watch, which may take as many at once as
   it has requests under way, unattended: half a million stacks, ten times what
   services show. */
#define LIMIT_WATCHED_BYTES (UINT64_C(64) << 20)

/* Memory of all answers that a watch has under way: those of a hundred services
   with 20,000 stacks each. Who has no room waits its turn. */
#define LIMIT_ANSWERS_BYTES (UINT64_C(512) << 20)

/* Bytes of one file as stored. */
#define LIMIT_FILE_BYTES (UINT64_C(1) << 30)

/* Text inputs (debug=1, debug=2) are kept whole while they are parsed. Go
   itself cuts debug=2 at 64 MiB; crash logs and debug=1 may be longer. */
#define LIMIT_TEXT_BYTES (UINT64_C(256) << 20)

/* Memory one decoded profile may take. Columns of five million stacks need
   about 1.1 GB; a bomb of empty messages is refused long before. */
#define LIMIT_PROFILE_BYTES (UINT64_C(2) << 30)

/* A decoded profile may take this many times its compressed size plus a
   constant: real profiles stay below 60, bombs of empty messages need
   thousands. */
#define LIMIT_AMPLIFICATION            256u
#define LIMIT_AMPLIFICATION_FREE_BYTES (UINT64_C(64) << 20)

/* Frames of one stack, inlined calls among them. Go's own cap is 128 (1.23+),
   deep-recursion profilers of other languages go further; a corpus file has
   100,000. */
#define LIMIT_STACK_FRAMES 1000000u

/* Frames of all stacks of a profile: this many times the locations their
   samples name, plus a constant. A location is a few inlined calls, two on
   average at most; one of thousands that every sample names is a bomb. */
#define LIMIT_FRAMES_PER_LOCATION 16u
#define LIMIT_FRAMES_FREE         (UINT64_C(1) << 20)

/* Files of one directory argument, and snapshots of one series. */
#define LIMIT_DIRECTORY_ENTRIES 100000u
#define LIMIT_SNAPSHOTS         10000u

/* Targets of one watch: ten times what one process is meant for; and the bytes
   of a document that names them, with Kubernetes' labels at half a KiB each. */
#define LIMIT_TARGETS       100000u
#define LIMIT_TARGETS_BYTES (64u << 20)

/* Bytes of a patch: a thousand times what is reviewed; a change of a whole
   vendor folder has as much. */
#define LIMIT_PATCH_BYTES (50u << 20)

/* Bytes of one source of the repository (generated ones reach some MiB), and
   of all that are read in one run. */
#define LIMIT_SOURCE_BYTES  (16u << 20)
#define LIMIT_SOURCES_BYTES (256u << 20)

/* Bytes of a path in a repository: Linux's own bound. */
#define LIMIT_PATH_BYTES 4096u

/* Entries of a repository's folders that are looked at for sources: twice what
   the largest open monorepos of Go have. */
#define LIMIT_REPOSITORY_ENTRIES 400000u

/* Bytes of .seep.yml, and of a baseline: 16,000 findings at half a KiB each.
   JSON of nothing but brackets takes 45 times its size in memory. */
#define LIMIT_CONFIG_BYTES   (1u << 20)
#define LIMIT_BASELINE_BYTES (8u << 20)

#endif
