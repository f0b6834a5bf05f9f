/*
 * The file, the graph (which asks for names once it knows whose dump it is, so
 * that a binary of another program is refused before the long part), types,
 * dominators. What takes long says how far it is.
 */
#include "heap_load.h"

#include "console.h"
#include "mapped.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a compressed dump: more than any disk for temporary files has. */
#define LIMIT_INFLATED_DUMP_BYTES (UINT64_C(1) << 40)

static const char *temporary_directory(void)
{
    const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe) */
    return dir != NULL && *dir != '\0' ? dir : "/tmp";
}

/* One run. */
struct loading {
    struct session *session;
    const struct heap_load_options *o;
    struct heap_loaded *out;
};

static void show_progress(void *ctx, const char *what, double share)
{
    console_progress_share(ctx, what, share);
}

/* A binary that does not match, when that was asked for; every output says
   so. */
static bool take_all_the_same(const struct loading *l,
                              const struct heap_about *about, struct err *err)
{
    if (err->code != ERR_MISMATCH) {
        return false;
    }
    if (!l->o->is_forced) {
        return err_wrap(err, "not the binary of this dump (--force takes it)");
    }
    l->out->note = arena_printf(
        l->session->arena,
        "%.200s is not the binary of this dump (%s) and was taken because of "
        "--force: names and types may be wrong",
        l->o->exe, err->text);
    *err = (struct err){0};
    return l->out->note != NULL ? binary_match(l->out->binary, about, true, err)
                                : err_nomem(err, "a note");
}

static bool find_symbols(void *ctx, const struct heap_about *about,
                         const struct graph_symbol **symbols, size_t *n,
                         struct err *err)
{
    const struct loading *l = ctx;
    l->out->where = l->o->exe;
    if (!binary_match(l->out->binary, about, false, err) &&
        !take_all_the_same(l, about, err)) {
        return false;
    }
    l->out->where = l->o->dump;
    *symbols = binary_symbols(l->out->binary, n);
    return true;
}

/* All of standard input into a file that is open as `fd`. */
static bool copy_stdin(int fd, struct err *err)
{
    char block[1 << 15];
    ssize_t n = 0;
    while ((n = read(STDIN_FILENO, block, sizeof(block))) > 0) {
        for (ssize_t done = 0; done < n;) {
            const ssize_t m = write(fd, block + done, (size_t)(n - done));
            if (m < 0) {
                return err_set(err, ERR_IO,
                               "no room for the dump in %.200s (TMPDIR): %s",
                               temporary_directory(), err_system(errno).text);
            }
            done += m;
        }
    }
    return n == 0 || err_set(err, ERR_IO, "cannot read standard input");
}

/* A dump is mapped, and a pipe cannot be: what comes from one goes through a
   file below TMPDIR that has no name any more once it is open. */
static bool open_stdin(const struct loading *l, struct err *err)
{
    char path[4096];
    const int length = snprintf(path, sizeof(path), "%s/seep-heap-XXXXXX",
                                temporary_directory());
    const int fd =
        length < 0 || (size_t)length >= sizeof(path) ? -1 : mkstemp(path);
    if (fd < 0) {
        return err_set(err, ERR_IO, "cannot create a file in %.200s (TMPDIR)",
                       temporary_directory());
    }
    const bool ok =
        copy_stdin(fd, err) &&
        dump_file_open(path, temporary_directory(), LIMIT_INFLATED_DUMP_BYTES,
                       &l->out->file, err);
    (void)close(fd);
    (void)unlink(path);
    return ok;
}

static bool open_dump(const struct loading *l, struct err *err)
{
    if (strcmp(l->o->dump, "-") == 0) {
        return open_stdin(l, err);
    }
    return dump_file_open(l->o->dump, temporary_directory(),
                          LIMIT_INFLATED_DUMP_BYTES, &l->out->file, err);
}

static bool open_files(const struct loading *l, struct err *err)
{
    const struct heap_load_options *o = l->o;
    l->out->where = o->dump;
    if (!open_dump(l, err)) {
        return false;
    }
    mapped_watch(o->dump, dump_file_bytes(l->out->file));
    if (o->exe != NULL && access(o->exe, R_OK) != 0) {
        l->out->where = o->exe;
        return err_set(err, ERR_IO, "cannot open: %s", err_system(errno).text);
    }
    if (o->exe != NULL) {
        l->out->where = NULL; /* it names the file itself */
        if (!binary_open(o->exe, &l->out->binary, err)) {
            return false;
        }
        l->out->where = o->dump;
    }
    return true;
}

static bool compute(struct loading *l, struct err *err)
{
    struct heap_loaded *out = l->out;
    const struct heap_graph_options how = {
        .find_symbols = out->binary != NULL ? find_symbols : NULL,
        .find_symbols_ctx = l,
        .memory_limit_bytes = l->o->memory_limit_bytes,
        .progress = l->session->shows_progress ? show_progress : NULL,
        .progress_ctx = l->session,
    };
    const struct span bytes = dump_file_bytes(out->file);
    return heap_graph_build(bytes, &how, &out->graph, err) &&
           (out->binary == NULL || heap_types_build(out->graph, out->binary,
                                                    &how, &out->types, err)) &&
           heap_dominators_build(out->graph, &how, &out->dominators, err) &&
           (!l->o->needs_paths ||
            heap_paths_build(out->graph, &how, &out->paths, err));
}

struct series_input heap_input(const char *dump)
{
    return (struct series_input){
        .source = dump, .kind = KIND_HEAPDUMP, .used = true};
}

bool heap_load(struct session *s, const struct heap_load_options *o,
               struct heap_loaded *out, struct err *err)
{
    struct loading l = {.session = s, .o = o, .out = out};
    const bool ok = open_files(&l, err) && compute(&l, err);
    console_progress_end(s);
    out->facts = (struct heap_facts){.graph = out->graph,
                                     .dominators = out->dominators,
                                     .types = out->types,
                                     .binary = out->binary};
    return ok;
}

void heap_loaded_release(struct heap_loaded *l)
{
    heap_paths_free(l->paths);
    heap_dominators_free(l->dominators);
    heap_types_free(l->types);
    heap_graph_free(l->graph);
    binary_close(l->binary);
    if (l->file != NULL) {
        mapped_forget(dump_file_bytes(l->file));
    }
    dump_file_close(l->file);
    *l = (struct heap_loaded){0};
}
