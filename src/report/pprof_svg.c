/*
 * dot's picture made to be looked at in a browser: it fills the window, the
 * wheel zooms at the pointer, dragging moves, a double click goes back to the
 * whole. The picture stays one file that needs nothing else, and stays a
 * picture where scripts do not run: its viewBox is kept, so that it is fitted
 * into whatever shows it.
 */
#include "report/pprof.h"

#include "base/banned.h"

/* After the graph, so that what it moves is there when it runs. Positions are
   in the units of the picture: the matrix of the screen says how large they
   are on it. Nothing here may contain the end of a CDATA section. */
static const char script[] =
    "<script type=\"text/ecmascript\"><![CDATA[\n"
    "(function () {\n"
    "  var view = document.getElementById('viewport');\n"
    "  var svg = view.ownerSVGElement, from = null, moved = false;\n"
    "  var scale = 1, x = 0, y = 0;\n"
    "  function point(e) {\n"
    "    var p = svg.createSVGPoint();\n"
    "    p.x = e.clientX;\n"
    "    p.y = e.clientY;\n"
    "    return p.matrixTransform(svg.getScreenCTM().inverse());\n"
    "  }\n"
    "  function show() {\n"
    "    view.setAttribute('transform', 'translate(' + x + ',' + y +\n"
    "                      ') scale(' + scale + ')');\n"
    "  }\n"
    "  svg.addEventListener('wheel', function (e) {\n"
    "    var p = point(e), lines = e.deltaMode ? 30 : 1;\n"
    "    var next = scale * Math.pow(1.002, -e.deltaY * lines);\n"
    "    next = Math.min(1000, Math.max(0.01, next));\n"
    "    x = p.x - (p.x - x) * next / scale;\n"
    "    y = p.y - (p.y - y) * next / scale;\n"
    "    scale = next;\n"
    "    show();\n"
    "    e.preventDefault();\n"
    "  }, {passive: false});\n"
    "  svg.addEventListener('mousedown', function (e) {\n"
    "    if (e.button === 0) {\n"
    "      from = point(e);\n"
    "      moved = false;\n"
    "      e.preventDefault();\n"
    "    }\n"
    "  });\n"
    "  window.addEventListener('mousemove', function (e) {\n"
    "    if (from) {\n"
    "      var to = point(e);\n"
    "      moved = moved || Math.abs(to.x - from.x) +\n"
    "                       Math.abs(to.y - from.y) > 3;\n"
    "      x += to.x - from.x;\n"
    "      y += to.y - from.y;\n"
    "      from = to;\n"
    "      show();\n"
    "    }\n"
    "  });\n"
    "  window.addEventListener('mouseup', function () { from = null; });\n"
    "  svg.addEventListener('click', function (e) {\n"
    "    if (moved) {\n"
    "      e.preventDefault();\n"
    "    }\n"
    "  }, true);\n"
    "  svg.addEventListener('dblclick', function () {\n"
    "    scale = 1;\n"
    "    x = y = 0;\n"
    "    show();\n"
    "  });\n"
    "}());\n"
    "]]></script>\n";

/* --- Finding what is to be replaced --- */

static void skip_blanks(struct span *s)
{
    size_t n = 0;
    while (n < s->len && strchr(" \t\n\r\f", s->p[n]) && s->p[n] != '\0') {
        n++;
    }
    *s = span_from(*s, n);
}

/* Cuts `name="..."` with the blanks before it off the front of `s`. */
static bool cut_attribute(struct span *s, const char *name)
{
    skip_blanks(s);
    if (!span_starts(*s, name)) {
        return false;
    }
    *s = span_from(*s, strlen(name));
    if (!span_starts(*s, "=\"")) {
        return false;
    }
    *s = span_from(*s, 2);
    const size_t end = span_find_char(*s, '"');
    if (end == 0 || end == s->len) {
        return false;
    }
    *s = span_from(*s, end + 1);
    return true;
}

/* Where the size of the picture is said: [start, end) of `svg`. */
static bool find_size(struct span svg, size_t *start, size_t *end)
{
    static const char tag[] = "<svg";
    struct span rest = svg;
    for (;;) {
        const size_t hit = span_find(rest, tag);
        if (hit == rest.len) {
            return false;
        }
        rest = span_from(rest, hit + strlen(tag));
        struct span after = rest;
        if (cut_attribute(&after, "width") && cut_attribute(&after, "height")) {
            *start = svg.len - rest.len;
            *end = svg.len - after.len;
            return true;
        }
    }
}

static bool find_graph(struct span svg, size_t *start)
{
    static const char tag[] = "<g id=\"graph";
    size_t from = 0;
    for (;;) {
        const struct span rest = span_from(svg, from);
        const size_t hit = span_find(rest, tag);
        if (hit == rest.len) {
            return false;
        }
        const struct span after = span_from(rest, hit + strlen(tag));
        if (after.len >= 2 && after.p[0] >= '0' && after.p[0] <= '9' &&
            after.p[1] == '"') {
            *start = from + hit;
            return true;
        }
        from += hit + strlen(tag);
    }
}

/* --- Writing --- */

/* Some versions of dot write the ampersand of "&;" as it is, which no reader
   of XML takes. */
static void add_quoted(struct buf *out, struct span text)
{
    while (text.len > 0) {
        const size_t hit = span_find(text, "&;");
        buf_span(out, span_first(text, hit));
        if (hit < text.len) {
            buf_str(out, "&amp;;");
        }
        text = span_from(text, hit + 2);
    }
}

bool pprof_massage_svg(struct span dot_svg, struct buf *out, struct err *err)
{
    size_t size_start = 0;
    size_t size_end = 0;
    size_t graph = 0;
    const size_t close = span_find(dot_svg, "</svg>");
    if (!find_size(dot_svg, &size_start, &size_end) ||
        !find_graph(dot_svg, &graph) || close == dot_svg.len ||
        size_end > graph || graph > close) {
        return err_set(err, ERR_FORMAT, "dot wrote no picture of a graph");
    }
    add_quoted(out, span_first(dot_svg, size_start));
    buf_str(out, " width=\"100%\" height=\"100%\"");
    add_quoted(out, (struct span){dot_svg.p + size_end, graph - size_end});
    buf_str(out, "<g id=\"viewport\">\n");
    add_quoted(out, (struct span){dot_svg.p + graph, close - graph});
    buf_str(out, "</g>\n");
    buf_str(out, script);
    add_quoted(out, span_from(dot_svg, close));
    return buf_check(out, "svg", err);
}
