/* What a comparison says beside its findings: what was real but did not count
   and why, how much noise was measured, and what two sides cannot show. */
#include "rules/diff_judge_private.h"

#include "base/num.h"

#include <math.h>

static bool nomem(struct err *err)
{
    return err_nomem(err, "findings");
}

void diff_put_amount(struct buf *out, enum diff_plane plane, double v)
{
    if (plane == DIFF_HEAP) {
        num_bytes(out, v);
    } else {
        buf_printf(out, "%.0f", v);
    }
}

static const char *honest_note(const struct series_diff *d)
{
    enum diff_replicas known = DIFF_TOO_FEW;
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        const enum diff_replicas r =
            series_diff_total(d, (enum diff_plane)k)->replicas;
        known = r > known ? r : known;
    }
    switch (known) {
    case DIFF_TOO_FEW:
        return "two snapshots cannot separate a leak from warm-up or load: "
               "at most growth";
    case DIFF_UNKNOWN:
        return "whether the profiles of a side are of independent processes "
               "cannot be told: at most suspect";
    case DIFF_ONE_PROCESS:
        return "the profiles of a side are one process seen again, not "
               "independent runs: at most growth";
    case DIFF_LONGER:
        return "the runs of head are longer or had more load, and growth may "
               "be no more than that: at most growth";
    case DIFF_INDEPENDENT:
        break;
    }
    return "a group test over independent processes: it shows a difference "
           "between base and head, not that memory grows without end";
}

/* What `reason` kept from counting: how many sites, and the largest. */
struct kept {
    size_t n;
    const struct diff_site *most;
};

static struct kept kept_by(const struct diff_judge *j, enum diff_plane plane,
                           enum diff_reason reason)
{
    struct kept out = {0};
    size_t n = 0;
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    for (size_t i = 0; i < n; i++) {
        if (diff_reason(j, plane, &sites[i]) == reason) {
            out.n++;
            out.most = !out.most || sites[i].delta > out.most->delta ? &sites[i]
                                                                     : out.most;
        }
    }
    return out;
}

static void put_limit(const struct diff_judge *j, enum diff_plane plane,
                      const struct diff_site *most, struct buf *text)
{
    if (most->delta < diff_least_growth(j, plane)) {
        buf_str(text, "below ");
        buf_str(text,
                plane == DIFF_HEAP ? "--min-bytes " : "--min-goroutines ");
        diff_put_amount(text, plane, diff_least_growth(j, plane));
    } else {
        buf_printf(text, "below --min-growth %g%%",
                   100 * j->options->min_growth);
    }
}

static void put_why(const struct diff_judge *j, enum diff_plane plane,
                    enum diff_reason reason, const struct diff_site *most,
                    struct buf *text)
{
    switch (reason) {
    case BELOW_LIMITS:
        put_limit(j, plane, most, text);
        break;
    case BELOW_STRAY:
        buf_str(text, "within the ");
        diff_put_amount(text, plane, most->stray);
        buf_str(text, " that the profiles of a process stray from its trend");
        break;
    case BELOW_SPREAD:
        buf_str(text, "within the spread of the runs of a side");
        break;
    case BELOW_FLOOR:
        buf_printf(text, "below the noise floor of %zu runs, ", most->noise.n);
        diff_put_amount(text, plane,
                        j->floor[plane][diff_site_index(j, plane, most)]);
        break;
    case COUNTS:
    case NOISE:
        break;
    }
}

/* "1 site beyond noise, but below --min-bytes 8.0 MB: +7.1 MB at F, z 17";
   NULL without such a site or memory. */
static const char *kept_note(struct diff_judge *j, enum diff_plane plane,
                             enum diff_reason reason, bool *has_note)
{
    const struct kept kept = kept_by(j, plane, reason);
    *has_note = kept.n > 0;
    if (!kept.most) {
        return NULL;
    }
    struct buf text = BUF_LIMIT(16 << 10);
    buf_printf(&text, "%zu site%s beyond %snoise, but ", kept.n,
               kept.n == 1 ? "" : "s",
               reason == BELOW_LIMITS ? "" : "sampling ");
    put_why(j, plane, reason, kept.most, &text);
    buf_str(&text, ": +");
    diff_put_amount(&text, plane, kept.most->delta);
    buf_printf(&text, " at %.4096s, z %.1f", kept.most->frame.function,
               kept.most->z);
    const char *out =
        buf_ok(&text) ? arena_strdup(&j->out->arena, buf_view(&text)) : NULL;
    buf_release(&text);
    return out;
}

/* Calibrated, but not with profiles of this kind? */
static bool is_without_floor(const struct diff_judge *j, enum diff_plane plane)
{
    const enum diff_plane other =
        plane == DIFF_HEAP ? DIFF_GOROUTINE : DIFF_HEAP;
    return series_diff_total(j->diff, plane)->noise.n == 0 &&
           series_diff_total(j->diff, other)->noise.n > 0;
}

/* "noise floor of 5 calibration runs: heap at most +3.2 MB a site (main.scale),
   in all +12 MB; one comparison in 100 exceeds it by chance". */
static const char *noise_note(struct diff_judge *j, enum diff_plane plane,
                              bool *has_note)
{
    size_t n = 0;
    const struct diff_site *most = NULL;
    const struct diff_site *sites = series_diff_sites(j->diff, plane, &n);
    const struct diff_total *total = series_diff_total(j->diff, plane);
    *has_note = total->noise.n > 0 || is_without_floor(j, plane);
    for (size_t i = 0; i < n; i++) {
        most = !most || j->floor[plane][i] >
                            j->floor[plane][diff_site_index(j, plane, most)]
                   ? &sites[i]
                   : most;
    }
    if (total->noise.n == 0) {
        return *has_note
                   ? arena_printf(&j->out->arena,
                                  "no noise floor for the %s: the calibration "
                                  "runs have no %s profile",
                                  plane == DIFF_HEAP ? "heap" : "goroutines",
                                  plane == DIFF_HEAP ? "heap" : "goroutine")
                   : NULL;
    }
    struct buf text = BUF_LIMIT(16 << 10);
    buf_printf(&text,
               "noise floor of %zu calibration runs, %s: ", total->noise.n,
               plane == DIFF_HEAP ? "heap" : "goroutines");
    if (most) {
        buf_str(&text, "up to +");
        diff_put_amount(&text, plane,
                        j->floor[plane][diff_site_index(j, plane, most)]);
        buf_printf(&text, " at a site (%.4096s), ", most->frame.function);
    }
    buf_str(&text, "+");
    diff_put_amount(&text, plane,
                    diff_noise_floor(&total->noise, total->n[DIFF_BASE],
                                     total->n[DIFF_HEAD], DIFF_NOISE_RISK));
    buf_printf(&text, " in all; 1 comparison in %.0f exceeds it by chance",
               1 / DIFF_NOISE_RISK);
    const char *out =
        buf_ok(&text) ? arena_strdup(&j->out->arena, buf_view(&text)) : NULL;
    buf_release(&text);
    return out;
}

bool diff_add_notes(struct diff_judge *j)
{
    enum { NOTES_MAX = 2 * 5 + 1 };
    struct findings *out = j->out;
    const char **notes = arena_new(&out->arena, const char *, NOTES_MAX);
    if (!notes) {
        return nomem(j->err);
    }
    size_t n = 0;
    for (int k = DIFF_HEAP; k <= DIFF_GOROUTINE; k++) {
        const enum diff_plane plane = (enum diff_plane)k;
        bool has_note = false;
        if (!series_diff_has(j->diff, plane)) {
            continue;
        }
        for (int reason = BELOW_LIMITS; reason <= BELOW_FLOOR; reason++) {
            notes[n] = kept_note(j, plane, (enum diff_reason)reason, &has_note);
            if (has_note && !notes[n++]) {
                return nomem(j->err);
            }
        }
        notes[n] = noise_note(j, plane, &has_note);
        if (has_note && !notes[n++]) {
            return nomem(j->err);
        }
    }
    notes[n++] = honest_note(j->diff);
    out->notes = notes;
    out->n_notes = n;
    return true;
}
