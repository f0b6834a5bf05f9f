#include "base/json_values.h"

#include "base/buf.h"
#include "base/num.h"

#include <math.h>

json_t *json_of_number(double v)
{
    if (!isfinite(v)) {
        return json_null();
    }
    /* 2^53: beyond, a double no longer holds every integer. */
    if (v == floor(v) && fabs(v) < 9007199254740992.0) {
        return json_integer((json_int_t)v);
    }
    return json_real(v);
}

json_t *json_of_moment(int64_t nanos)
{
    struct buf when = BUF_LIMIT(64);
    if (nanos == 0) {
        return json_null();
    }
    num_rfc3339(&when, nanos);
    json_t *out = buf_ok(&when) ? json_string(when.data) : NULL;
    buf_release(&when);
    return out;
}
