/* The functions of libcurl that fetching uses, loaded with it. */
#ifndef SEEP_FETCH_CURL_PRIVATE_H
#define SEEP_FETCH_CURL_PRIVATE_H

/* The checks are macros over calls of the linked library. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define CURL_LIBRARY "libcurl.so.4"

#define CURL_FUNCTIONS(X)                                                      \
    X(easy_cleanup)                                                            \
    X(easy_getinfo)                                                            \
    X(easy_init)                                                               \
    X(easy_perform)                                                            \
    X(easy_setopt)                                                             \
    X(easy_strerror)                                                           \
    X(global_cleanup)                                                          \
    X(global_init)

struct curl_library {
#define X(name) __typeof__(curl_##name) *(name);
    CURL_FUNCTIONS(X)
#undef X
};

#endif
