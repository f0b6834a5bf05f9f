/* The list of renderers, expanded from renderers.def. */
#include "report/report.h"

#include <string.h>

#include "base/banned.h"

#define RENDERER(name) extern const struct renderer renderer_##name;
#include "report/renderers.def"
#undef RENDERER

static const struct renderer *const renderers[] = {
#define RENDERER(name) &renderer_##name,
#include "report/renderers.def"
#undef RENDERER
};

const struct renderer *const *report_renderers(size_t *n)
{
    *n = sizeof(renderers) / sizeof(renderers[0]);
    return renderers;
}

const struct renderer *report_renderer_find(const char *name)
{
    for (size_t i = 0; i < sizeof(renderers) / sizeof(renderers[0]); i++) {
        if (strcmp(renderers[i]->name, name) == 0) {
            return renderers[i];
        }
    }
    return NULL;
}
