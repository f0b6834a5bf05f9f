/* The functions of libmicrohttpd that the server uses, loaded with it. */
#ifndef SEEP_SIM_MICROHTTPD_PRIVATE_H
#define SEEP_SIM_MICROHTTPD_PRIVATE_H

#include <microhttpd.h>

#define MICROHTTPD_LIBRARY "libmicrohttpd.so.12"

#define MICROHTTPD_FUNCTIONS(X)                                                \
    X(add_connection)                                                          \
    X(add_response_header)                                                     \
    X(create_response_from_callback)                                           \
    X(destroy_response)                                                        \
    X(get_connection_info)                                                     \
    X(get_daemon_info)                                                         \
    X(get_timeout)                                                             \
    X(queue_response)                                                          \
    X(resume_connection)                                                       \
    X(run)                                                                     \
    X(set_response_options)                                                    \
    X(start_daemon)                                                            \
    X(stop_daemon)                                                             \
    X(suspend_connection)

struct microhttpd {
#define X(name) __typeof__(MHD_##name) *(name);
    MICROHTTPD_FUNCTIONS(X)
#undef X
};

#endif
