/* SPDX-License-Identifier: MIT */
/* health: see health.h. */
#include "tools/health.h"

#include <string.h>

#include "agent/region.h"
#include "agent/unwind.h"
#include "tools/text.h"

/* Words for enum lost_reason. */
static const char *const lost_names[] = {
	[LOST_RING_FULL] = "ring-full",
	[LOST_NO_STACK] = "no-stack",
	[LOST_NESTED] = "nested",
	[LOST_NO_SLOT] = "no-slot",
	[LOST_NO_MEMORY] = "no-memory",
	[LOST_DISK] = "disk",
	[LOST_STARTING] = "starting",
};
_Static_assert(G_N_ELEMENTS(lost_names) == LOST_REASONS,
	       "each reason has a word");

const char *health_lost_name(guint reason)
{
	return reason < LOST_REASONS ? lost_names[reason] : NULL;
}

const char *health_truncated_name(guint reason)
{
	return reason < UNWIND_ENDS ? unwind_end_names[reason] : NULL;
}

/*
 * So many times the mean weight may a thread's first sample have: one that was
 * due while the thread had no CPU comes late, and weighs for all it missed.
 */
#define EDGE_WEIGHTS 4

#define ROUNDING 0.0005	/* of a share that is shown with one digit */

/* --- adding up --------------------------------------------------------------- */

/* Of "cputime+perf" either: other processes may have one of them. */
static void add_once(GPtrArray *list, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "+", -1);
	guint i;

	for (i = 0; parts[i]; i++)
		if (parts[i][0] && !g_ptr_array_find_with_equal_func(
					   list, parts[i], g_str_equal, NULL))
			g_ptr_array_add(list, g_strdup(parts[i]));
}

static void add_notes(Health *h, const GPtrArray *notes)
{
	guint i;

	for (i = 0; notes && i < notes->len; i++)
		if (!g_ptr_array_find_with_equal_func(
			    h->notes, notes->pdata[i], g_str_equal, NULL))
			g_ptr_array_add(h->notes, g_strdup(notes->pdata[i]));
}

static void add_counts(Health *h, const ProfileProcess *process)
{
	guint i;

	for (i = 0; i < HEALTH_REASONS; i++) {
		h->lost += process->lost[i];
		h->lost_by[i] += process->lost[i];
		if (i == UNWIND_COMPLETE)
			continue;
		h->truncated += process->truncated[i];
		h->truncated_by[i] += process->truncated[i];
	}
}

static void add_process(Health *h, const Profile *p,
			const ProfileProcess *process)
{
	double asked = (double)process->asked_mhz / 1000;

	add_notes(h, process->notes);
	add_notes(h, process->skipped);
	if (process->foreign) {
		h->foreign++;
		return;
	}
	h->own++;
	h->unclean += !process->done;
	h->salvaged += process->salvaged;
	h->samples += process->samples;
	h->expirations += process->expirations;
	h->threads += process->threads;
	h->flushes += process->flushes;
	h->cpu_ns += process->cpu_ns;
	h->sampled_ns += process->sampled_ns;
	h->handler_ns += process->handler_ns;
	h->flusher_cpu_ns += process->flusher_cpu_ns;
	h->memory = MAX(h->memory, process->memory);
	if (asked > 0) {
		h->asked_hz = MAX(h->asked_hz, asked);
		if (h->asked_least_hz == 0 || asked < h->asked_least_hz)
			h->asked_least_hz = asked;
	}
	add_once(h->clocks, profile_text(p, process->clock));
	add_once(h->unwinds, profile_text(p, process->unwind));
	add_counts(h, process);
}

static guint count_busy(const Profile *p)
{
	g_autofree guint8 *seen = g_malloc0(p->threads->len + 1u);
	guint count = 0, i;

	for (i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);
		guint32 thread = MIN(s->thread, p->threads->len);

		if (s->taken == 0 || seen[thread])
			continue;
		seen[thread] = 1;
		count++;
	}
	return count;
}

/* What is in the file counts, where the counters are older than it. */
static void add_samples(Health *h, const Profile *p)
{
	gint cpu = profile_find_type(p, "cpu");
	guint64 taken = 0;
	guint i;

	for (i = 0; i < p->samples->len; i++) {
		const ProfileSample *s = profile_at(p->samples, ProfileSample,
						    i);

		taken += s->taken;
		if (s->taken == 0 && cpu >= 0)
			profile_add(&h->not_sampled_ns, s->value[cpu]);
	}
	h->samples = MAX(h->samples, taken);
}

/* Files of several runs in one directory are easily taken for one run. */
static void note_runs(Health *h, const Profile *p)
{
	g_autoptr(GHashTable) runs = g_hash_table_new(NULL, NULL);
	guint i;

	for (i = 0; i < p->processes->len; i++) {
		ProfileString root = profile_at(p->processes, ProfileProcess,
						i)->root_run_id;

		if (root != 0)
			g_hash_table_add(runs, GUINT_TO_POINTER(root));
	}
	if (g_hash_table_size(runs) > 1)
		g_ptr_array_add(h->notes, g_strdup_printf(
			"these are the profiles of %u separate runs of "
			"profagent run", g_hash_table_size(runs)));
}

gboolean health_begins_early(const Health *h)
{
	double over = (double)h->sampled_ns - (double)h->cpu_ns;
	double mean = (double)h->sampled_ns / (double)MAX(h->samples, 1u);

	return over > (double)h->cpu_ns * ROUNDING &&
	       over <= EDGE_WEIGHTS * mean * h->busy;
}

/* Of `count` things a second of CPU time, of that which they stand for. */
static double rate(const Health *h, guint64 count)
{
	guint64 ns = health_begins_early(h) ? h->sampled_ns : h->cpu_ns;

	return ns > 0 ? (double)count * 1e9 / (double)ns : 0;
}

void health_init(Health *h, const Profile *p, const GPtrArray *more)
{
	guint i;

	*h = (Health){
		.clocks = g_ptr_array_new_with_free_func(g_free),
		.unwinds = g_ptr_array_new_with_free_func(g_free),
		.notes = g_ptr_array_new_with_free_func(g_free),
	};
	for (i = 0; i < p->processes->len; i++)
		add_process(h, p, profile_at(p->processes, ProfileProcess, i));
	add_samples(h, p);
	note_runs(h, p);
	add_notes(h, more);
	h->busy = count_busy(p);
	h->achieved_hz = rate(h, h->expirations);
}

void health_release(Health *h)
{
	g_ptr_array_unref(h->clocks);
	g_ptr_array_unref(h->unwinds);
	g_ptr_array_unref(h->notes);
}

double health_own_cost(const Health *h)
{
	if (h->cpu_ns == 0)
		return 0;
	return (double)(h->handler_ns + h->flusher_cpu_ns) /
	       (double)h->cpu_ns;
}

/* --- text ---------------------------------------------------------------------- */

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

/* " (no-table 12, depth 1)", or nothing. */
static void print_reasons(const guint64 *by,
			  const char *(*name)(guint), FILE *to)
{
	const char *before = " (";
	guint i;

	for (i = 0; i < HEALTH_REASONS; i++) {
		if (by[i] == 0 || (name == health_truncated_name && i == 0))
			continue;
		fprintf(to, "%s%s %" G_GUINT64_FORMAT, before,
			name(i) ? name(i) : "other", by[i]);
		before = ", ";
	}
	if (before[0] == ',')
		fputc(')', to);
}

static void print_counts(const Health *h, FILE *to)
{
	fprintf(to, "samples %" G_GUINT64_FORMAT ", lost %" G_GUINT64_FORMAT,
		h->samples, h->lost);
	print_reasons(h->lost_by, health_lost_name, to);
	fprintf(to, ", stacks cut short %.2g %%",
		percent((double)h->truncated, (double)h->samples));
	print_reasons(h->truncated_by, health_truncated_name, to);
	fputc('\n', to);
}

static void print_names(const GPtrArray *names, FILE *to)
{
	guint i;

	for (i = 0; i < names->len; i++) {
		g_autofree char *text = text_escape(names->pdata[i]);

		fprintf(to, "%s%s", i ? "+" : " ", text);
	}
	if (names->len == 0)
		fputs(" unknown", to);
}

/* Whether all clocks in use are those that the kernel's tick serves. */
static gboolean is_ticking(const Health *h)
{
	guint i;

	for (i = 0; i < h->clocks->len; i++)
		if (strcmp(h->clocks->pdata[i], "cputime") != 0 &&
		    strcmp(h->clocks->pdata[i], "itimer") != 0)
			return FALSE;
	return TRUE;
}

static void print_clock(const Health *h, FILE *to)
{
	g_autofree char *least = text_rate(h->asked_least_hz);
	g_autofree char *asked = text_rate(h->asked_hz);
	g_autofree char *achieved = text_rate(h->achieved_hz);
	g_autofree char *taken = text_rate(rate(h, h->samples));

	fputs("clock", to);
	print_names(h->clocks, to);
	fputc(':', to);
	if (h->asked_least_hz != h->asked_hz)
		fprintf(to, " %s to", least);
	fprintf(to, " %s Hz asked, %s achieved", asked, achieved);
	if (h->expirations > h->samples + h->samples / 10)
		fprintf(to, " (in %s samples/s%s)", taken,
			is_ticking(h) ? ": the kernel's tick" : "");
	fputs("; walker", to);
	print_names(h->unwinds, to);
	fputc('\n', to);
}

static void print_cost(const Health *h, FILE *to)
{
	g_autofree char *sampled = text_time((double)h->sampled_ns);
	g_autofree char *cpu = text_time((double)h->cpu_ns);
	g_autofree char *memory = text_value((double)h->memory, "bytes");

	if (health_begins_early(h))
		fprintf(to, "sampled all of %s CPU (the samples stand for %s: "
			"a first one also for time before)", cpu, sampled);
	else
		fprintf(to, "sampled %s of %s CPU (%.1f %%)", sampled, cpu,
			percent((double)h->sampled_ns, (double)h->cpu_ns));
	if (h->not_sampled_ns > 0) {
		g_autofree char *rest = text_time((double)h->not_sampled_ns);

		fprintf(to, ", %s shown as %s", rest, PROFILE_NOT_SAMPLED);
	}
	fprintf(to, "; own cost %.2g %%, %s of memory\n",
		100 * health_own_cost(h), memory);
}

/* Go ends by a system call of its own, and a signal may kill any program. */
static void print_unclean(const Health *h, FILE *to)
{
	const char *memory = h->salvaged ? "; the last samples were taken "
					   "from memory" : "";

	if (h->own == 1)
		fprintf(to, "the process did not end, or without telling its "
			"agent%s\n", memory);
	else
		fprintf(to, "%u of %u processes did not end, or without "
			"telling their agent%s\n", h->unclean, h->own, memory);
}

void health_print(const Health *h, FILE *to)
{
	guint i;

	if (h->own > 0) {
		print_counts(h, to);
		print_clock(h, to);
		print_cost(h, to);
	} else {
		fprintf(to, "samples %" G_GUINT64_FORMAT "; not written by "
			"profagent: nothing is known of losses\n", h->samples);
	}
	if (h->unclean > 0)
		print_unclean(h, to);
	for (i = 0; i < h->notes->len; i++) {
		g_autofree char *text = text_escape(h->notes->pdata[i]);

		fprintf(to, "note: %s\n", text);
	}
}

/* --- JSON ------------------------------------------------------------------------ */

static void json_count(JsonOut *out, const char *key, guint64 n)
{
	json_out_key(out, key);
	json_out_int(out, (gint64)n);
}

static void json_number(JsonOut *out, const char *key, double x)
{
	json_out_key(out, key);
	json_out_double(out, x);
}

static void json_reasons(JsonOut *out, const char *key, const guint64 *by,
			 const char *(*name)(guint), guint first)
{
	guint i;

	json_out_key(out, key);
	json_out_open(out, '{');
	for (i = first; i < HEALTH_REASONS; i++)
		if (by[i] > 0 && name(i))
			json_count(out, name(i), by[i]);
	json_out_close(out, '}');
}

static void json_texts(JsonOut *out, const char *key, const GPtrArray *texts)
{
	guint i;

	json_out_key(out, key);
	json_out_open(out, '[');
	for (i = 0; i < texts->len; i++)
		json_out_string(out, texts->pdata[i]);
	json_out_close(out, ']');
}

void health_json(const Health *h, JsonOut *out)
{
	json_out_open(out, '{');
	json_count(out, "samples", h->samples);
	json_count(out, "expirations", h->expirations);
	json_count(out, "lost", h->lost);
	json_reasons(out, "lost_by", h->lost_by, health_lost_name, 0);
	json_count(out, "truncated", h->truncated);
	json_reasons(out, "truncated_by", h->truncated_by,
		     health_truncated_name, 1);
	json_number(out, "asked_hz", h->asked_hz);
	json_number(out, "achieved_hz", h->achieved_hz);
	json_texts(out, "clocks", h->clocks);
	json_texts(out, "walkers", h->unwinds);
	json_count(out, "cpu_ns", h->cpu_ns);
	json_count(out, "sampled_ns", h->sampled_ns);
	json_count(out, "not_sampled_ns", (guint64)h->not_sampled_ns);
	json_count(out, "handler_ns", h->handler_ns);
	json_count(out, "flusher_cpu_ns", h->flusher_cpu_ns);
	json_number(out, "own_cost_percent", 100 * health_own_cost(h));
	json_count(out, "memory_bytes", h->memory);
	json_count(out, "threads", h->threads);
	json_count(out, "flushes", h->flushes);
	json_count(out, "processes", h->own);
	json_count(out, "foreign", h->foreign);
	json_count(out, "unclean", h->unclean);
	json_count(out, "salvaged", h->salvaged);
	json_texts(out, "notes", h->notes);
	json_out_close(out, '}');
}
