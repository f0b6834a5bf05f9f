#include "base/library.h"
#include "fetch/curl_private.h"

#include "base/banned.h"

bool curl_library_open(struct curl_library *lib, struct err *err)
{
    const struct library_function functions[] = {
#define X(name) {"curl_" #name, &lib->name},
        CURL_FUNCTIONS(X)
#undef X
    };
    if (!library_load(CURL_LIBRARY, functions,
                      sizeof(functions) / sizeof(functions[0]), err)) {
        return false;
    }
    return lib->global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ||
           err_nomem(err, "libcurl");
}
