/*
 * Leak L14: every device that connects starts a loop over a ticker. When it
 * disconnects the ticker is not stopped and the loop is not told. The loop
 * refers to the ticker, so the collector of Go 1.23 and later cannot take it
 * either: this leaks in every version.
 */
#include "sim/model_private.h"

#include "base/banned.h"

#define BEAT    "main.(*Device).beat device.go:33"
#define CONNECT "main.(*API).connect api.go:47", "@http-handler"

static const char lesson_leaks[] =
    "Disconnect takes the device off the list, but its goroutine ranges\n"
    "over a ticker, and a ticker's channel is never closed: the loop wakes,\n"
    "pings nobody and waits again. It keeps the device and its buffer. Note\n"
    "that Stop alone would not end it, it would only stop the waking.\n"
    "\n"
    "Up to Go 1.22 a ticker without Stop stays for ever even when nothing\n"
    "refers to it, as does time.After in a loop until it fires. Since Go\n"
    "1.23 the collector takes timers that nothing refers to. Here the loop\n"
    "does, so the newer versions leak too.";

static const char lesson_code[] =
    "func (f *Fleet) Connect(id string) *Device {\n"
    "\td := &Device{id: id, buf: make([]byte, 4096)}\n"
    "\tf.add(d)\n"
    "\tgo d.beat(10 * time.Second)\n"
    "\treturn d\n"
    "}\n"
    "\n"
    "func (d *Device) beat(every time.Duration) {\n"
    "\tt := time.NewTicker(every)\n"
    "\tfor range t.C { // never closed\n"
    "\t\td.ping()\n"
    "\t}\n"
    "}\n"
    "\n"
    "func (f *Fleet) Disconnect(d *Device) {\n"
    "\tf.remove(d)\n"
    "}";

static const char lesson_fix[] =
    "func (d *Device) beat(every time.Duration) {\n"
    "\tt := time.NewTicker(every)\n"
    "\tdefer t.Stop()\n"
    "\tfor {\n"
    "\t\tselect {\n"
    "\t\tcase <-t.C:\n"
    "\t\t\td.ping()\n"
    "\t\tcase <-d.gone:\n"
    "\t\t\treturn\n"
    "\t\t}\n"
    "\t}\n"
    "}\n"
    "\n"
    "func (f *Fleet) Disconnect(d *Device) {\n"
    "\tf.remove(d)\n"
    "\tclose(d.gone)\n"
    "}";

static const char lesson_shows[] =
    "runtime.chanrecv2 called by main.(*Device).beat gains about 30\n"
    "goroutines a minute, though the number of devices stands still.\n"
    "Goroutine ids stay from dump to dump. time.NewTicker below\n"
    "(*Device).beat and main.newDevice grow in the heap, some 4.5 KiB for\n"
    "each. A rising idle load is the other sign: all the dead devices still\n"
    "tick.";

static const char lesson_cannot[] =
    "These goroutines do not look stuck: each is woken every ten seconds,\n"
    "so a dump shows no minutes. The goroutineleak profile, made for those\n"
    "that can never wake, says nothing. It takes their growing number, or\n"
    "the same ids in dumps far apart.";

static void build_devices(struct sim_world *w, const char *name,
                          double per_second, uint64_t n_start)
{
    const struct sim_pose waits = {
        "chan receive", sim_stack(w, "@chan-receive2", BEAT, NULL), 0.98};
    const struct sim_pose pings = {
        "IO wait",
        sim_stack(w, "@net-write", "main.(*Device).ping device.go:41",
                  "main.(*Device).beat device.go:34", NULL),
        0.02};
    const sim_stack_id ticker =
        sim_stack(w, "@time-ticker", "main.(*Device).beat device.go:32", NULL);
    const sim_stack_id device =
        sim_stack(w, "main.newDevice device.go:22",
                  "main.(*Fleet).Connect fleet.go:35", CONNECT, NULL);
    struct sim_population_spec p = {
        .name = name,
        .per_second = per_second,
        .n_start = n_start,
        .is_leak = per_second > 0.0,
    };
    p.members[p.n_members++] =
        (struct sim_member){device, 192, 1, "main.Device", -1};
    p.members[p.n_members++] = (struct sim_member){device, 4096, 1, NULL, 0};
    /* The ticker, its channel, the channel's one place. */
    p.members[p.n_members++] =
        (struct sim_member){ticker, 112, 1, "time.Ticker", -1};
    p.members[p.n_members++] =
        (struct sim_member){ticker, 112, 1, "chan time.Time", 2};
    p.members[p.n_members++] =
        (struct sim_member){ticker, 24, 1, "time.Time", 3};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits, pings},
        .n_poses = 2,
        .created_by = "main.(*Fleet).Connect fleet.go:37",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

/* Pairing waits in a select as well, but for a channel that is closed. */
static void build_pairings(struct sim_world *w)
{
    const struct sim_pose waits = {
        "select",
        sim_stack(w, "@select", "main.(*pairing).run pairing.go:52", NULL),
        1.0};
    struct sim_population_spec p = {
        .name = "pairings",
        .per_second = 0.5,
        .life.kind = SIM_EXPONENTIAL,
        .life.mean_s = 20.0,
    };
    p.members[p.n_members++] = (struct sim_member){
        sim_stack(w, "main.(*API).pair api.go:66", "@http-handler", NULL), 320,
        1, "main.pairing", -1};
    p.goroutines[p.n_goroutines++] = (struct sim_goroutine_spec){
        .poses = {waits},
        .n_poses = 1,
        .created_by = "main.(*API).pair api.go:68",
        .has_sudog = true,
    };
    sim_population(w, &p);
}

static void build(struct sim_world *w)
{
    sim_http_server(w, 80);
    build_pairings(w);
    /* About 80 are connected at any time; for each one that comes, one has
       left and stays as a goroutine. */
    build_devices(w, "devices of the start", 0.0, 80);
    build_devices(w, "devices that came later", 0.5, 0);
    sim_constant(w, "firmware",
                 sim_stack(w, "@read-all", "main.loadFirmware firmware.go:28",
                           "main.main main.go:26", "@main", NULL),
                 1 << 20, 3);
    sim_garbage(w, "pings",
                sim_stack(w, "@fmt-sprintf", "main.(*Device).ping device.go:39",
                          "main.(*Device).beat device.go:34", NULL),
                96, 30.0);
}

const struct sim_scenario sim_scenario_ticker_not_stopped = {
    .name = "ticker-not-stopped",
    .number = "L14",
    .label = SIM_LEAK,
    .kind = "goroutine",
    .what = "loop over a ticker goes on after its device is gone",
    .service = "heartbeat",
    .hold = "goroutine of (*Device).beat ranging over a ticker whose device "
            "has disconnected",
    .culprits[0] = "main.(*Device).beat",
    .culprits[1] = "main.(*Fleet).Connect",
    .culprits[2] = "main.(*API).connect",
    .lesson.leaks = lesson_leaks,
    .lesson.code = lesson_code,
    .lesson.fix = lesson_fix,
    .lesson.shows = lesson_shows,
    .lesson.cannot = lesson_cannot,
    .load = SIM_FLAT,
    .build = build,
};
