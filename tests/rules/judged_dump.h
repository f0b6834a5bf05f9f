/* A heap dump with its binary, read and judged; for tests. */
#ifndef SEEP_TESTS_RULES_JUDGED_DUMP_H
#define SEEP_TESTS_RULES_JUDGED_DUMP_H

#include "test.h"

#include "base/zst.h"
#include "heap/heap.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct judged_dump {
    struct dump_file *file;
    struct binary *binary;
    struct heap_graph *graph;
    struct heap_types *types;
    struct heap_dominators *dominators;
    struct heap_view *view;
    struct heap_facts facts;
    struct findings findings;
};

/* A copy of a zstd file without zstd; the caller unlinks it. */
static inline void judged_inflate(const char *path, char out[static 64])
{
    struct err err = {0};
    struct test_collector c = TEST_COLLECTOR;
    struct buf in = test_read_file(path);
    struct zst_reader *z = zst_reader_new(test_collect(&c), UINT64_C(1) << 30);
    assert_ok(zst_reader_write(z, (const uint8_t *)in.data, in.len, &err) &&
                  zst_reader_end(z, &err),
              &err);
    zst_reader_free(z);
    buf_release(&in);
    (void)snprintf(out, 64, "/tmp/seep-judged-XXXXXX");
    const int fd = mkstemp(out);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, c.bytes.data, c.bytes.len),
                     (ssize_t)c.bytes.len);
    close(fd);
    buf_release(&c.bytes);
}

/* `exe` is zstd or plain; NULL none. */
static inline void judged_dump_open(struct judged_dump *d, const char *dump,
                                    const char *exe)
{
    struct err err = {0};
    const struct heap_graph_options o = {0};
    *d = (struct judged_dump){0};
    assert_ok(dump_file_open(dump, "/tmp", UINT64_C(1) << 32, &d->file, &err),
              &err);
    struct heap_graph_options named = o;
    if (exe) {
        char copy[64] = "";
        const bool is_packed = span_ends(span_of(exe), ".zst");
        if (is_packed) {
            judged_inflate(exe, copy);
        }
        assert_ok(binary_open(is_packed ? copy : exe, &d->binary, &err), &err);
        if (is_packed) {
            unlink(copy);
        }
        /* Where it lies is known without a bias. */
        named.symbols = binary_symbols(d->binary, &named.n_symbols);
    }
    assert_ok(
        heap_graph_build(dump_file_bytes(d->file), &named, &d->graph, &err),
        &err);
    if (exe) {
        assert_ok(
            binary_match(d->binary, heap_graph_about(d->graph), false, &err),
            &err);
        assert_ok(heap_types_build(d->graph, d->binary, &o, &d->types, &err),
                  &err);
    }
    assert_ok(heap_dominators_build(d->graph, &o, &d->dominators, &err), &err);
    d->facts =
        (struct heap_facts){d->graph, d->dominators, d->types, d->binary};
    assert_ok(heap_view_new(&d->facts, &d->view, &err), &err);
}

static inline struct dump_evidence judged_evidence(const struct judged_dump *d)
{
    return (struct dump_evidence){&d->facts, d->view};
}

static inline void judged_dump_judge(struct judged_dump *d,
                                     const struct dump_options *options)
{
    struct err err = {0};
    const struct dump_evidence e = judged_evidence(d);
    assert_ok(rules_judge_dump(&e, options, &d->findings, &err), &err);
}

static inline void judged_dump_release(struct judged_dump *d)
{
    findings_release(&d->findings);
    heap_view_free(d->view);
    heap_dominators_free(d->dominators);
    heap_types_free(d->types);
    heap_graph_free(d->graph);
    binary_close(d->binary);
    dump_file_close(d->file);
}

/* The first finding above info; NULL none. Only after it was judged. */
static inline const struct finding *judged_first(const struct judged_dump *d)
{
    return d->findings.n > 0 && d->findings.items[0].grade > GRADE_INFO
               ? &d->findings.items[0]
               : NULL;
}

#endif
