/*
 * Go symbol names: who owns a frame, and one spelling for names that differ
 * between compiler versions.
 */
#ifndef SEEP_PROFILE_NAMES_H
#define SEEP_PROFILE_NAMES_H

#include "base/buf.h"
#include "base/span.h"

enum frame_origin { ORIGIN_USER, ORIGIN_DEP, ORIGIN_STD, ORIGIN_RUNTIME };

/* "user", "dep", "std", "runtime" */
const char *frame_origin_name(enum frame_origin o);

/* Import path of a symbol: "net/http.(*conn).serve" -> "net/http",
   "example.com/a/v2%2ex.F" -> unescaped is not done; "main.main" -> "main".
   Generic brackets and closures are handled ("a/b.F[go.shape.int].func1"). */
struct span name_package(struct span function);

/* Cuts the next part off a name without its package, up to a dot outside of
   brackets: "(*T[...])", "run", "func*". */
struct span name_part(struct span *rest);

/* Owner of a frame from its function name and file. Standard library: the
   first path element is one of the standard library's and the file, when
   known, lies where that package's would (a module may be called "log").
   runtime, internal/runtime, generated functions and names without a package
   (assembly, C) are ORIGIN_RUNTIME. Dependency: file under /pkg/mod/, /vendor/
   or with @version, or package path has /vendor/. `module` (may be empty):
   functions whose package is it or below it are user code whatever the file
   says, other non-std, non-main ones are dependencies. */
enum frame_origin name_origin(struct span function, struct span file,
                              struct span module);

/* Appends the normalised spelling used as a key across builds and versions:
   generic brackets emptied to "[...]", ".gowrapN" / ".deferwrapN" / "-fm"
   dropped, "glob..func1" -> "init.func1", closure ordinals kept within one
   process but "-rangeN" dropped, vendor prefixes cut. */
void name_normalise(struct buf *out, struct span function);

/* The stronger form behind finding ids: normalise, then closure ordinals
   ".func2.1" -> ".func*", ordinals of init functions and "@version" dropped,
   and of closures (and methods of pointers) what inlining puts in front
   ("New.(*T).serve.func1" -> "(*T).serve.func*", "init.func5.run.2" ->
   "run.func*"). */
void name_identity(struct buf *out, struct span function);

#endif
