/* The list of export formats, expanded from export_formats.def. */
#include "report/export.h"

#include "base/banned.h"

#define EXPORT_FORMAT(name) extern const struct export_format export_##name;
#include "report/export_formats.def"
#undef EXPORT_FORMAT

static const struct export_format *const formats[] = {
#define EXPORT_FORMAT(name) &export_##name,
#include "report/export_formats.def"
#undef EXPORT_FORMAT
};

const struct export_format *const *export_formats(size_t *n)
{
    *n = sizeof(formats) / sizeof(formats[0]);
    return formats;
}

const struct export_format *export_format_find(struct span name)
{
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (span_is(name, formats[i]->name)) {
            return formats[i];
        }
    }
    return NULL;
}
