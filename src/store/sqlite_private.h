/* The functions of SQLite that the store uses, loaded with it. */
#ifndef SEEP_STORE_SQLITE_PRIVATE_H
#define SEEP_STORE_SQLITE_PRIVATE_H

#include <sqlite3.h>

#define SQLITE_LIBRARY "libsqlite3.so.0"

#define SQLITE_FUNCTIONS(X)                                                    \
    X(bind_blob64)                                                             \
    X(bind_int64)                                                              \
    X(bind_text)                                                               \
    X(busy_timeout)                                                            \
    X(close_v2)                                                                \
    X(column_blob)                                                             \
    X(column_bytes)                                                            \
    X(column_int64)                                                            \
    X(column_text)                                                             \
    X(db_config)                                                               \
    X(db_readonly)                                                             \
    X(errmsg)                                                                  \
    X(errstr)                                                                  \
    X(exec)                                                                    \
    X(extended_errcode)                                                        \
    X(finalize)                                                                \
    X(get_autocommit)                                                          \
    X(last_insert_rowid)                                                       \
    X(limit)                                                                   \
    X(open_v2)                                                                 \
    X(prepare_v3)                                                              \
    X(reset)                                                                   \
    X(step)                                                                    \
    X(system_errno)

struct sqlite_library {
#define X(name) __typeof__(sqlite3_##name) *(name);
    SQLITE_FUNCTIONS(X)
#undef X
};

#endif
