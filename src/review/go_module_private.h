/*
 * Modules of Go: what go.mod and vendor/modules.txt say, and how the module
 * cache spells names.
 */
#ifndef SEEP_REVIEW_GO_MODULE_PRIVATE_H
#define SEEP_REVIEW_GO_MODULE_PRIVATE_H

#include "base/buf.h"
#include "base/span.h"

/* Is `package` the module, or below it? */
bool go_module_has(struct span module, struct span package);

/* Appends a symbol's package as an import path: the linker writes "%2e" for
   dots of the last element. */
void go_package_unescape(struct span package, struct buf *out);

/* Appends "MODULE@VERSION" of a file in the module cache or with -trimpath,
   such as "/go/pkg/mod/github.com/!burnt!sushi/toml@v1.2.0/decode.go". False:
   the name has no version, or nothing says where the module's name begins. */
bool go_module_of_file(struct span file, struct span package, struct buf *out);

/* The same of a package, from the requirements of a go.mod; the version is left
   out where a `replace` makes it doubtful. */
bool go_module_required(struct span go_mod, struct span package,
                        struct buf *out);

/* The same from vendor/modules.txt. */
bool go_module_vendored(struct span modules_txt, struct span package,
                        struct buf *out);

#endif
