/* SPDX-License-Identifier: MIT */
/* diff: see diff.h. What is printed is in diff-print.c. */
#include "tools/diff.h"

#include <math.h>
#include <string.h>

#include "tools/compare.h"
#include "tools/stats.h"
#include "tools/texthash.h"

#define NS_PER_SECOND 1e9

/* --- rows -------------------------------------------------------------------- */

static void run_free(gpointer data)
{
	DiffRun *run = data;

	g_free(run->path);
	g_free(run);
}

static void row_free(gpointer data)
{
	DiffRow *row = data;

	g_free(row->sum);
	g_free(row);
}

Diff *diff_new(guint runs)
{
	Diff *d = g_new0(Diff, 1);

	d->expected = runs;
	d->run = g_ptr_array_new_with_free_func(run_free);
	d->rows = g_ptr_array_new_with_free_func(row_free);
	d->index = g_hash_table_new_full(texthash, g_str_equal, g_free,
					 NULL);
	d->texts = g_string_chunk_new(4096);
	return d;
}

void diff_free(Diff *d)
{
	if (!d)
		return;
	g_ptr_array_unref(d->run);
	g_ptr_array_unref(d->rows);
	g_hash_table_unref(d->index);
	g_string_chunk_free(d->texts);
	g_free(d);
}

DiffRun *diff_add_run(Diff *d, DiffSide side, const DiffSum *all,
		      double seconds)
{
	DiffRun *run = g_new0(DiffRun, 1);

	g_assert(d->run->len < d->expected);
	run->side = side;
	run->all = *all;
	run->seconds = seconds;
	g_ptr_array_add(d->run, run);
	d->runs[side]++;
	return run;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static const char *keep(Diff *d, const char *text)
{
	return g_string_chunk_insert_const(d->texts, text ? text : "");
}

static DiffRow *find_row(Diff *d, const DiffRow *name)
{
	const char *module = name->program || !name->module ? "" :
			     base_of(name->module);
	const char *file = base_of(name->file ? name->file : "");
	g_autofree char *key = g_strdup_printf("%s\n%s\n%s\n%d", name->name,
					       module, file, name->line);
	DiffRow *row = g_hash_table_lookup(d->index, key);

	if (row)
		return row;
	row = g_new0(DiffRow, 1);
	row->name = keep(d, name->name);
	row->place = keep(d, name->place);
	row->module = keep(d, name->module);
	row->file = keep(d, name->file);
	row->line = name->line;
	row->sum = g_new0(DiffSum, d->expected);
	g_ptr_array_add(d->rows, row);
	g_hash_table_insert(d->index, g_steal_pointer(&key), row);
	return row;
}

void diff_add(Diff *d, const DiffRow *name, const DiffSum *sum)
{
	DiffRow *row = find_row(d, name);
	DiffSum *to = &row->sum[d->run->len - 1];

	to->value += sum->value;
	to->square += sum->square;
}

/* A process is called "name (pid)", and the next run has other pids. */
static char *without_pid(const char *name)
{
	const char *end = strrchr(name, '(');

	if (end && end > name && end[-1] == ' ')
		return g_strndup(name, (gsize)(end - 1 - name));
	return g_strdup(name);
}

/* Paths of the programs themselves: app-old and app-new are to be one. */
static GHashTable *programs_of(const Profile *p)
{
	GHashTable *programs = g_hash_table_new(NULL, NULL);
	guint i;

	for (i = 0; i < p->processes->len; i++)
		g_hash_table_add(programs, GUINT_TO_POINTER(profile_at(
			p->processes, ProfileProcess, i)->exe));
	return programs;
}

static void add_item(Diff *d, const Calltree *t, CalltreeBy by,
		     const CalltreeItem *item, GHashTable *programs,
		     DiffRun *run)
{
	const Profile *p = t->profile;
	gboolean named_alone = by == CALLTREE_BY_PROCESS ||
			       by == CALLTREE_BY_THREAD ||
			       by == CALLTREE_BY_LABEL;
	g_autofree char *process = by == CALLTREE_BY_PROCESS ?
		without_pid(profile_text(p, item->name)) : NULL;
	DiffRow name = {
		.name = process ? process : profile_text(p, item->name),
		.place = profile_text(p, calltree_place(t, item)),
		.module = profile_text(p, item->module),
		.file = profile_text(p, item->file),
	};
	DiffSum sum = { (double)(d->total ? item->total : item->self),
			d->total ? item->total_square : item->self_square };

	/* by function, the line is where it begins: it moves with the source */
	if (by == CALLTREE_BY_LINE)
		name.line = item->line;
	if (named_alone)
		name.module = name.file = "";
	name.program = g_hash_table_contains(programs,
					     GUINT_TO_POINTER(item->module));
	if (sum.value != 0)
		diff_add(d, &name, &sum);
	if (item->self > 0 && !(item->self_square > 0))
		run->unsampled += (double)item->self;
}

DiffRun *diff_add_calltree(Diff *d, DiffSide side, const Calltree *t,
			   CalltreeBy by, double seconds)
{
	DiffSum all = { (double)t->total + (double)t->dropped, t->square };
	DiffRun *run = diff_add_run(d, side, &all, seconds);
	g_autoptr(GHashTable) programs = programs_of(t->profile);
	guint i;

	run->samples = t->taken;
	for (i = 0; i < t->items->len; i++)
		add_item(d, t, by, &g_array_index(t->items, CalltreeItem, i),
			 programs, run);
	return run;
}

/* --- what changed ---------------------------------------------------------------- */

/* All runs of a side as one. */
typedef struct {
	DiffSum part, all;
	double sampled;			/* of all */
	double seconds;
	StatsShare share;		/* of what was sampled */
	double count;			/* effective samples in the part */
} Pool;

static Pool pool_of(const Diff *d, const DiffRow *row, DiffSide side)
{
	Pool pool = { { 0, 0 }, { 0, 0 }, 0, 0 };
	guint i;

	for (i = 0; i < d->run->len; i++) {
		const DiffRun *run = d->run->pdata[i];

		if (run->side != side)
			continue;
		pool.part.value += row->sum[i].value;
		pool.part.square += row->sum[i].square;
		pool.all.value += run->all.value;
		pool.all.square += run->all.square;
		pool.sampled += fmax(run->all.value - run->unsampled, 0);
		pool.seconds += run->seconds;
	}
	pool.share = stats_share(pool.part.value, pool.part.square,
				 pool.sampled, pool.all.square);
	pool.share.share = fmin(fmax(pool.share.share, 0), 1);
	pool.count = pool.share.share * pool.share.n;
	return pool;
}

/*
 * Counts of a rate and the time one of them stands for. Where nothing was
 * seen, a sample would have weighed what others do.
 */
static double weight_of(const Pool *pool)
{
	if (pool->part.value > 0 && pool->part.square > 0)
		return pool->part.square / pool->part.value;
	return pool->sampled > 0 ? pool->all.square / pool->sampled : 0;
}

/* The pool's share of everything, sampled or not. */
static StatsShare share_of(const Pool *pool)
{
	double sampled = pool->all.value > 0 ?
			 pool->sampled / pool->all.value : 0;
	StatsShare share = { .low = pool->share.low * sampled,
			     .high = pool->share.high * sampled };

	share.share = pool->all.value > 0 ?
		      pool->part.value / pool->all.value : 0;
	/* more than was sampled: time without samples is in it */
	share.high = fmax(share.high, share.share);
	share.low = fmin(share.low, share.share);
	return share;
}

/* The pool's CPUs as if they were a share, for compare_interval(). */
static StatsShare rate_of(const Pool *pool, double *count)
{
	double weight = weight_of(pool);
	double scale = pool->seconds > 0 ?
		       1 / (NS_PER_SECOND * pool->seconds) : 0;
	StatsShare rate = { .share = pool->part.value * scale };

	*count = weight > 0 ? pool->part.value / weight : 0;
	compare_poisson(*count, &rate.low, &rate.high);
	rate.low *= weight * scale;
	rate.high *= weight * scale;
	return rate;
}

/* Seconds in which one sample is expected at one CPU are one unit of time. */
static double exposure_of(const Pool *pool)
{
	double weight = weight_of(pool);

	return weight > 0 ? pool->seconds / weight : 0;
}

static void compare_pools(const Diff *d, DiffRow *row, const Pool *a,
			  const Pool *b)
{
	StatsShare before = share_of(a), after = share_of(b);
	double count_a = a->count, count_b = b->count;

	if (d->absolute) {
		before = rate_of(a, &count_a);
		after = rate_of(b, &count_b);
		row->p = compare_rates(count_a, exposure_of(a), count_b,
				       exposure_of(b));
	} else {
		row->p = compare_counts(count_a, a->share.n, count_b, b->share.n);
	}
	row->before = before.share;
	row->after = after.share;
	row->change = after.share - before.share;
	compare_interval(&before, &after, &row->low, &row->high);
}

static double value_of_run(const Diff *d, const DiffRow *row, guint i)
{
	const DiffRun *run = d->run->pdata[i];
	double whole = d->absolute ? run->seconds * NS_PER_SECOND :
				     run->all.value;

	return whole > 0 ? row->sum[i].value / whole : 0;
}

static double mean(const double *x, guint n)
{
	double sum = 0;
	guint i;

	for (i = 0; i < n; i++)
		sum += x[i];
	return sum / n;
}

/* What runs of the same side differ by may be more than sampling says. */
static void add_spread_of_runs(const Diff *d, DiffRow *row)
{
	g_autofree double *all = g_new(double, 2 * d->run->len + 2);
	double *x[DIFF_SIDES] = { all, all + d->run->len };
	guint n[DIFF_SIDES] = { 0, 0 }, i;
	CompareRuns runs;

	for (i = 0; i < d->run->len; i++) {
		DiffSide side = ((const DiffRun *)d->run->pdata[i])->side;

		x[side][n[side]++] = value_of_run(d, row, i);
	}
	runs = compare_runs(x[DIFF_BEFORE], n[DIFF_BEFORE], x[DIFF_AFTER],
			    n[DIFF_AFTER]);
	if (runs.df == 0)
		return;
	/* every run counts the same, however long it was */
	row->low += runs.change - row->change;
	row->high += runs.change - row->change;
	row->change = runs.change;
	row->before = mean(x[DIFF_BEFORE], n[DIFF_BEFORE]);
	row->after = mean(x[DIFF_AFTER], n[DIFF_AFTER]);
	row->p = fmax(row->p, runs.p);
	row->low = fmin(row->low, row->change - runs.error);
	row->high = fmax(row->high, row->change + runs.error);
}

static double weight_of_row(const Diff *d, const DiffRow *row, const Pool *a,
			    const Pool *b)
{
	double n = a->share.n + b->share.n;
	double q = n > 0 ? (a->count + b->count) / n : 0;

	return row->tested ? pow(d->absolute ? q : q * (1 - q), 1.5) : 0;
}

static double compare_row(const Diff *d, DiffRow *row)
{
	Pool a = pool_of(d, row, DIFF_BEFORE);
	Pool b = pool_of(d, row, DIFF_AFTER);

	/* time without samples was not sampled: there is nothing to test */
	row->tested = a.part.square + b.part.square > 0;
	compare_pools(d, row, &a, &b);
	add_spread_of_runs(d, row);
	if (!d->absolute) {
		/* few runs may say that nothing is known, but not more */
		row->low = fmax(row->low, -1);
		row->high = fmin(row->high, 1);
	}
	row->error = (row->high - row->low) / 2;
	return weight_of_row(d, row, &a, &b);
}

/* --- one function known in two ways ------------------------------------------------ */

static gboolean is_text_alike(const char *a, const char *b)
{
	return !*a || !*b || strcmp(base_of(a), base_of(b)) == 0;
}

/* The same function, told of by one side without what the other knows. */
static gboolean is_alike(const Diff *d, const DiffRow *a, const DiffRow *b)
{
	guint i;

	if (a == b || a->line != b->line ||
	    !is_text_alike(a->module, b->module) ||
	    !is_text_alike(a->file, b->file))
		return FALSE;
	for (i = 0; i < d->run->len; i++)
		if (a->sum[i].value != 0 && b->sum[i].value != 0)
			return FALSE;
	return TRUE;
}

/* The only row of `rows` that is like `row`; NULL: none, or several. */
static DiffRow *find_alike(const Diff *d, const GPtrArray *rows,
			   const DiffRow *row)
{
	DiffRow *found = NULL;
	guint i;

	for (i = 0; i < rows->len; i++) {
		if (!is_alike(d, row, rows->pdata[i]))
			continue;
		if (found)
			return NULL;
		found = rows->pdata[i];
	}
	return found;
}

static GHashTable *rows_by_name(const Diff *d)
{
	GHashTable *table = g_hash_table_new_full(
		g_str_hash, g_str_equal, NULL,
		(GDestroyNotify)g_ptr_array_unref);
	guint i;

	for (i = 0; i < d->rows->len; i++) {
		DiffRow *row = d->rows->pdata[i];
		GPtrArray *list = g_hash_table_lookup(table, row->name);

		if (!list) {
			list = g_ptr_array_new();
			g_hash_table_insert(table, (gpointer)row->name, list);
		}
		g_ptr_array_add(list, row);
	}
	return table;
}

/*
 * A profile of another tool, or of a stripped program, does not say where its
 * functions are: they are those of the other side all the same.
 */
static void unify_rows(Diff *d)
{
	g_autoptr(GHashTable) by_name = rows_by_name(d);
	guint i, k;

	for (i = d->rows->len; i-- > 0;) {
		DiffRow *row = d->rows->pdata[i], *to;
		GPtrArray *list = g_hash_table_lookup(by_name, row->name);

		to = *row->file || list->len < 2 ? NULL
						 : find_alike(d, list, row);
		if (!to)
			continue;
		for (k = 0; k < d->run->len; k++) {
			to->sum[k].value += row->sum[k].value;
			to->sum[k].square += row->sum[k].square;
		}
		g_ptr_array_remove_fast(list, row);
		/* the index refers to it: nothing is added any more */
		g_hash_table_remove_all(d->index);
		g_ptr_array_remove_index(d->rows, i);
	}
}

void diff_test(Diff *d)
{
	g_autofree CompareTest *tests = g_new0(CompareTest, d->rows->len + 1);
	guint i;

	unify_rows(d);
	for (i = 0; i < d->rows->len; i++) {
		DiffRow *row = d->rows->pdata[i];

		tests[i].weight = compare_row(d, row);
		tests[i].p = row->p;
	}
	compare_holm(tests, d->rows->len);
	d->tested = d->significant = 0;
	for (i = 0; i < d->rows->len; i++) {
		DiffRow *row = d->rows->pdata[i];

		row->adjusted = tests[i].adjusted;
		row->significant = row->adjusted <= DIFF_LEVEL;
		d->tested += tests[i].weight > 0;
		d->significant += row->significant;
	}
}

/* --- sorting ------------------------------------------------------------------------ */

static gint order_of(double left, double right)
{
	return left > right ? -1 : left < right;
}

static gint compare_sorted(gconstpointer a, gconstpointer b, gpointer data)
{
	const DiffRow *x = *(DiffRow *const *)a, *y = *(DiffRow *const *)b;
	DiffSort sort = *(const DiffSort *)data;
	gint order = 0;

	if (sort == DIFF_BY_GROWTH)
		order = order_of(x->change, y->change);
	else if (sort == DIFF_BY_P)
		order = order_of(y->adjusted, x->adjusted);
	else if (sort == DIFF_BY_NAME)
		order = strcmp(x->name, y->name);
	if (order == 0)
		order = order_of(fabs(x->change), fabs(y->change));
	return order ? order : strcmp(x->name, y->name);
}

GPtrArray *diff_sorted(const Diff *d, DiffSort sort, GRegex *filter)
{
	GPtrArray *rows = g_ptr_array_new();
	guint i;

	for (i = 0; i < d->rows->len; i++) {
		DiffRow *row = d->rows->pdata[i];

		if (!filter || g_regex_match(filter, row->name, 0, NULL))
			g_ptr_array_add(rows, row);
	}
	g_ptr_array_sort_with_data(rows, compare_sorted, &sort);
	return rows;
}

gboolean diff_exceeds(const GPtrArray *rows, double least, gboolean growth)
{
	guint i;

	for (i = 0; i < rows->len; i++) {
		const DiffRow *row = rows->pdata[i];
		double change = growth ? row->change : fabs(row->change);

		if (row->significant && change >= least)
			return TRUE;
	}
	return FALSE;
}
