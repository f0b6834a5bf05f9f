/*
 * Leak L29: one helper copies texts for many callers; two of them never let
 * go. Blaming the helper would be wrong, and finding one of the two is half.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define COPY       "acme.dev/notes/internal/blob.Copy copy.go:14"
#define KEEP(line) "main.(*Drafts).Keep drafts.go:" line
#define PUSH(line) "main.(*Undo).Push undo.go:" line
#define SAVE       "main.serveSave save.go:28", "@http-handler"
#define EDIT       "main.serveEdit edit.go:35", "@http-handler"

static const char lesson_leaks[] =
    "blob.Copy is innocent: it copies text, and most callers drop the copy\n"
    "within the second. Two keep it for ever, each for its own reason:\n"
    "Drafts never deletes what was saved under an old name, and Undo has no\n"
    "limit to its history. They are two leaks with one allocating line.";

static const char lesson_code[] =
    "func Copy(b []byte) []byte {\n"
    "\treturn append(make([]byte, 0, len(b)), b...)\n"
    "}\n"
    "\n"
    "func (d *Drafts) Keep(name string, text []byte) {\n"
    "\td.byName[name] = blob.Copy(text) // names are never reused\n"
    "}\n"
    "\n"
    "func (u *Undo) Push(text []byte) {\n"
    "\tu.steps = append(u.steps, blob.Copy(text)) // no limit\n"
    "}";

static const char lesson_fix[] =
    "func (d *Drafts) Rename(from, to string) {\n"
    "\td.byName[to] = d.byName[from]\n"
    "\tdelete(d.byName, from)\n"
    "}\n"
    "\n"
    "func (u *Undo) Push(text []byte) {\n"
    "\tif len(u.steps) == maxSteps {\n"
    "\t\tu.steps = slices.Delete(u.steps, 0, 1)\n"
    "\t}\n"
    "\tu.steps = append(u.steps, blob.Copy(text))\n"
    "}";

static const char lesson_shows[] =
    "By innermost frame all growth is at blob.Copy. By stack it falls apart:\n"
    "main.(*Drafts).Keep grows in 8 KiB blocks, 4 a second, main.(*Undo).Push\n"
    "in 12 KiB blocks, 2.5 a second, and main.serveNote, which calls Copy\n"
    "more often than both, does not grow at all.";

static const char lesson_cannot[] =
    "A list by function shows one site, and mending one caller makes it\n"
    "smaller, not gone. Only the callers tell that two places must change.";

static void build_leaks(struct sim_world *w)
{
    const sim_stack_id draft = sim_stack(w, COPY, KEEP("41"), SAVE, NULL);
    const sim_stack_id names =
        sim_stack(w, "@map-assign-faststr", KEEP("41"), SAVE, NULL);
    const sim_stack_id step = sim_stack(w, COPY, PUSH("29"), EDIT, NULL);
    const sim_stack_id append = sim_stack(w, PUSH("29"), EDIT, NULL);
    const struct sim_population_spec drafts = {
        .name = "drafts kept",
        .members[0] = sim_object(draft, 8 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 4,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_MAP,
        .container.stack = names,
        .container.key_bytes = 16,
        .container.elem_bytes = 24,
        .global = "main.drafts",
        .global_type = "*main.Drafts",
        .is_leak = true,
    };
    const struct sim_population_spec steps = {
        .name = "steps to undo",
        .members[0] = sim_object(step, 12 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 2.5,
        .life.kind = SIM_FOREVER,
        .container.kind = SIM_SLICE,
        .container.stack = append,
        .container.elem_bytes = 24,
        .global = "main.undo",
        .global_type = "*main.Undo",
        .is_leak = true,
    };
    sim_population(w, &drafts);
    sim_population(w, &steps);
}

/* Callers of the helper that let go. */
static void build_healthy(struct sim_world *w)
{
    const sim_stack_id shown =
        sim_stack(w, COPY, "main.serveNote note.go:33", "@http-handler", NULL);
    const sim_stack_id shared =
        sim_stack(w, COPY, "main.(*shares).put shares.go:52",
                  "main.serveShare share.go:26", "@http-handler", NULL);
    const struct sim_population_spec notes = {
        .name = "notes being shown",
        .members[0] = sim_object(shown, 8 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 25,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 0.4,
    };
    const struct sim_population_spec shares = {
        .name = "shared notes",
        .members[0] = sim_object(shared, 8 << 10, NULL, -1),
        .n_members = 1,
        .per_second = 2,
        .life.kind = SIM_QUEUE,
        .life.capacity = 500,
        .n_start = 500,
        .global = "main.shared",
        .global_type = "*main.shares",
    };
    sim_population(w, &notes);
    sim_population(w, &shares);
}

static void build(struct sim_world *w)
{
    build_leaks(w);
    build_healthy(w);
    sim_garbage(w, "note pages",
                sim_stack(w, "@template-execute", "main.serveNote note.go:40",
                          "@http-handler", NULL),
                1536, 25);
    sim_workers(
        w, "note indexer", "select",
        sim_stack(w, "@select", "main.(*indexer).run indexer.go:61", NULL),
        "main.main main.go:33", 1);
    sim_http_server(w, 22);
}

const struct sim_scenario sim_scenario_two_leaks_one_helper = {
    .name = "two-leaks-one-helper",
    .number = "L29",
    .label = SIM_LEAK,
    .kind = "heap",
    .what = "two callers of one helper keep its copies for ever",
    .service = "notes",
    .hold = "map main.drafts.byName and slice main.undo.steps",
    .culprits = {"main.(*Drafts).Keep", "main.(*Undo).Push"},
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
