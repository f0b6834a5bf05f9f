/* The functions of libcurl that fetching uses, loaded when first needed. */
#ifndef SEEP_FETCH_CURL_PRIVATE_H
#define SEEP_FETCH_CURL_PRIVATE_H

#include "base/err.h"

/* The checks are macros over calls of the linked library. */
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

#define CURL_LIBRARY "libcurl.so.4"

#define CURL_FUNCTIONS(X)                                                      \
    X(easy_cleanup)                                                            \
    X(easy_getinfo)                                                            \
    X(easy_init)                                                               \
    X(easy_perform)                                                            \
    X(easy_setopt)                                                             \
    X(easy_strerror)                                                           \
    X(free)                                                                    \
    X(global_cleanup)                                                          \
    X(global_init)                                                             \
    X(multi_add_handle)                                                        \
    X(multi_assign)                                                            \
    X(multi_cleanup)                                                           \
    X(multi_info_read)                                                         \
    X(multi_init)                                                              \
    X(multi_remove_handle)                                                     \
    X(multi_setopt)                                                            \
    X(multi_socket_action)                                                     \
    X(multi_strerror)                                                          \
    X(multi_timeout)                                                           \
    X(url)                                                                     \
    X(url_cleanup)                                                             \
    X(url_get)                                                                 \
    X(url_set)

struct curl_library {
#define X(name) __typeof__(curl_##name) *(name);
    CURL_FUNCTIONS(X)
#undef X
};

/* Loaded and set up; each success wants one global_cleanup(). */
bool curl_library_open(struct curl_library *lib, struct err *err) MUST_USE;

#endif
