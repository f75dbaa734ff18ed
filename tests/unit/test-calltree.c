/* SPDX-License-Identifier: MIT */
/* Call trees of profiles whose answer is known by heart, and of random ones. */
#include "tools/calltree.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

#define MS SAMPLE_MS

static GRegex *regex(const char *source)
{
	return g_regex_new(source, 0, 0, NULL);
}

static CalltreeItem *item(const Calltree *t, const char *name)
{
	guint i;

	for (i = 0; i < t->items->len; i++) {
		CalltreeItem *it = &g_array_index(t->items, CalltreeItem, i);

		if (strcmp(profile_text(t->profile, it->name), name) == 0)
			return it;
	}
	return NULL;
}

/* "name self/total" of all items in ms, in order, separated by ", ". */
static char *flat(const Calltree *t)
{
	GString *out = g_string_new(NULL);
	guint i;

	for (i = 0; i < t->items->len; i++) {
		CalltreeItem *it = &g_array_index(t->items, CalltreeItem, i);

		g_string_append_printf(out, "%s%s %d/%d", i ? ", " : "",
				       profile_text(t->profile, it->name),
				       (int)(it->self / MS),
				       (int)(it->total / MS));
	}
	return g_string_free(out, FALSE);
}

static void append_node(const Calltree *t, const CalltreeNode *n, GString *out)
{
	const CalltreeNode *child;

	g_string_append_printf(out, "%s %d/%d", n->parent
		? profile_text(t->profile, calltree_item(t, n)->name) : "all",
		(int)(n->self / MS), (int)(n->total / MS));
	if (!n->child)
		return;
	g_string_append(out, " (");
	for (child = n->child; child; child = child->sibling) {
		append_node(t, child, out);
		g_string_append(out, child->sibling ? ", " : ")");
	}
}

static char *tree(const Calltree *t)
{
	GString *out = g_string_new(NULL);

	append_node(t, &t->root, out);
	return g_string_free(out, FALSE);
}

static void check_flat(CalltreeOptions o, const char *wanted)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(Calltree) t = NULL;
	g_autofree char *seen = NULL;

	o.type = p->default_type;
	t = calltree_new(p, &o);
	seen = flat(t);
	ck_assert_str_eq(seen, wanted);
}

static void check_tree(CalltreeOptions o, const char *wanted)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(Calltree) t = NULL;
	g_autofree char *seen = NULL;

	o.type = p->default_type;
	t = calltree_new(p, &o);
	seen = tree(t);
	ck_assert_str_eq(seen, wanted);
}

START_TEST(flat_by_everything)
{
	check_flat((CalltreeOptions){ .flat = TRUE },
		   "work 20/90, main 0/70, memcpy 40/40, libx.so+0x10 30/30, "
		   "[not sampled] 10/10");
	check_flat((CalltreeOptions){ .flat = TRUE, .no_inlines = TRUE },
		   "work 60/90, main 0/70, libx.so+0x10 30/30, "
		   "[not sampled] 10/10");
	check_flat((CalltreeOptions){ .by = CALLTREE_BY_THREAD, .flat = TRUE },
		   "worker-101 50/50, worker-100 40/40, "
		   "[not sampled] 10/10");
	check_flat((CalltreeOptions){ .by = CALLTREE_BY_LABEL, .label = "no",
				      .flat = TRUE }, "[no label] 100/100");
}
END_TEST

START_TEST(trees_down_and_up)
{
	check_tree((CalltreeOptions){ .by = CALLTREE_BY_FUNCTION },
		   "all 0/100 (main 0/70 (work 0/70 (memcpy 40/40, "
		   "libx.so+0x10 30/30)), work 20/20, [not sampled] 10/10)");
	check_tree((CalltreeOptions){ .inverted = TRUE },
		   "all 0/100 (memcpy 40/40 (work 0/40 (main 0/40)), "
		   "libx.so+0x10 30/30 (work 0/30 (main 0/30)), work 20/20, "
		   "[not sampled] 10/10)");
}
END_TEST

START_TEST(expressions_choose_and_change_stacks)
{
	g_autoptr(GRegex) lib = regex("^libx");
	g_autoptr(GRegex) work = regex("work");
	g_autoptr(GRegex) both = regex("^(main|work)$");

	check_tree((CalltreeOptions){ .focus = lib },
		   "all 0/30 (main 0/30 (work 0/30 (libx.so+0x10 30/30)))");
	check_tree((CalltreeOptions){ .ignore = lib },
		   "all 0/70 (main 0/40 (work 0/40 (memcpy 40/40)), "
		   "work 20/20, [not sampled] 10/10)");
	check_tree((CalltreeOptions){ .hide = work },
		   "all 0/100 (main 0/70 (memcpy 40/40, libx.so+0x10 30/30), "
		   "[not sampled] 10/10)");
	check_tree((CalltreeOptions){ .root_at = work },
		   "all 0/90 (work 20/90 (memcpy 40/40, libx.so+0x10 30/30))");
	check_tree((CalltreeOptions){ .end_at = work },
		   "all 0/90 (main 0/70 (work 70/70), work 20/20)");
	check_tree((CalltreeOptions){ .end_at = work, .inverted = TRUE },
		   "all 0/90 (work 90/90 (main 0/70))");
	check_tree((CalltreeOptions){ .fold = both },
		   "all 0/100 (main 0/70 (memcpy 40/40, libx.so+0x10 30/30), "
		   "work 20/20, [not sampled] 10/10)");
}
END_TEST

START_TEST(totals_are_kept)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	g_autoptr(GRegex) lib = regex("^libx");
	CalltreeOptions o = { .focus = lib, .type = p->default_type };
	g_autoptr(Calltree) t = calltree_new(p, &o);

	ck_assert_int_eq(t->total, 30 * MS);
	ck_assert_int_eq(t->dropped, 70 * MS);
	ck_assert_uint_eq(t->taken, 9);
	ck_assert_uint_eq(item(t, "main")->total_count, 3);
}
END_TEST

START_TEST(samples_are_chosen_by_thread_and_time)
{
	g_autoptr(GRegex) worker = regex("^worker-101");
	g_autoptr(GRegex) pool = regex("^(worker)-[0-9]+$");

	check_flat((CalltreeOptions){ .thread = worker, .flat = TRUE },
		   "work 20/50, libx.so+0x10 30/30, main 0/30");
	check_flat((CalltreeOptions){ .by = CALLTREE_BY_THREAD, .flat = TRUE,
				      .group_threads = pool },
		   "worker 90/90, [not sampled] 10/10");
	/* one of memcpy's moments, all three of libx's */
	check_flat((CalltreeOptions){ .flat = TRUE, .from_ns = 2000000000,
				      .to_ns = 3000000000 },
		   "main 0/40, work 0/40, libx.so+0x10 30/30, memcpy 10/10");
	check_flat((CalltreeOptions){ .flat = TRUE, .from_ns = 4000000000 },
		   "memcpy 10/10, main 0/10, work 0/10");
	check_flat((CalltreeOptions){ .flat = TRUE, .from_ns = 5000000000 },
		   "");
}
END_TEST

/* --- made at random ------------------------------------------------------------ */

/* `n` stacks of functions f0 .. f4, up to 30 deep: full of recursion. */
static Profile *random_profile(GRand *rand, guint n)
{
	Profile *p = profile_new();
	guint i, k;

	p->type[0].type = profile_string(p, "cpu", -1);
	p->type[0].unit = profile_string(p, "nanoseconds", -1);
	p->type_count = 1;
	profile_add_process(p);
	for (i = 0; i < 5; i++) {
		g_autofree char *name = g_strdup_printf("f%u", i);
		ProfileFunction f = { .name = profile_string(p, name, -1) };
		ProfileLine line = { i, 1 };
		ProfileLocation l = { .address = i, .mapping = PROFILE_NONE,
				      .first_line = i, .line_count = 1 };

		g_array_append_val(p->functions, f);
		g_array_append_val(p->lines, line);
		g_array_append_val(p->locations, l);
	}
	for (i = 0; i < n; i++) {
		ProfileSample s = {
			.first_frame = p->frames->len,
			.frame_count = (guint32)g_rand_int_range(rand, 1, 30),
			.value = { g_rand_int_range(rand, 1, 1000) },
			.thread = PROFILE_NONE, .taken = 1, .square = 1,
		};

		for (k = 0; k < s.frame_count; k++) {
			guint32 l = (guint32)g_rand_int_range(rand, 0, 5);

			g_array_append_val(p->frames, l);
		}
		g_array_append_val(p->samples, s);
	}
	return p;
}

/* What a node has is what is below it and its own. */
static void check_node(const CalltreeNode *node)
{
	const CalltreeNode *child;
	gint64 below = 0;

	for (child = node->child; child; child = child->sibling) {
		ck_assert_ptr_eq(child->parent, node);
		if (child->sibling)
			ck_assert_int_ge(child->total, child->sibling->total);
		below += child->total;
		check_node(child);
	}
	ck_assert_int_eq(node->total, node->self + below);
	ck_assert_int_ge(node->self, 0);
}

typedef struct {
	gint64 sum;
	guint stacks;
} Adder;

static void add_stack(gpointer data, const guint32 *items, guint32 count,
		      gint64 value)
{
	Adder *a = data;

	ck_assert_ptr_nonnull(items);
	ck_assert_uint_ge(count, 1);
	a->sum += value;
	a->stacks++;
}

START_TEST(identities_hold_for_any_profile)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	guint round, i;

	for (round = 0; round < 20; round++) {
		g_autoptr(Profile) p = random_profile(rand, 500);
		CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION };
		g_autoptr(Calltree) t = calltree_new(p, &o);
		gint64 self = 0, all = 0;
		Adder a = { 0, 0 };

		for (i = 0; i < p->samples->len; i++)
			all += profile_at(p->samples, ProfileSample,
					  i)->value[0];
		for (i = 0; i < t->items->len; i++) {
			CalltreeItem *it = &g_array_index(t->items,
							  CalltreeItem, i);

			self += it->self;
			ck_assert_int_le(it->total, all);
			ck_assert_int_ge(it->total, it->self);
		}
		ck_assert_int_eq(self, all);
		ck_assert_int_eq(t->total, all);
		ck_assert_int_eq(t->root.total, all);
		check_node(&t->root);
		calltree_stacks(t, add_stack, &a);
		ck_assert_int_eq(a.sum, all);
	}
}
END_TEST

static guint count_nodes(const CalltreeNode *node)
{
	const CalltreeNode *child;
	guint n = 1;

	for (child = node->child; child; child = child->sibling)
		n += count_nodes(child);
	return n;
}

/* Of 500 stacks with 15 frames each hardly two are the same. */
START_TEST(too_large_a_tree_is_folded_where_it_is_light)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	g_autoptr(Profile) p = random_profile(rand, 500);
	CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION };
	g_autoptr(Calltree) whole = calltree_new(p, &o);
	g_autoptr(Calltree) t = calltree_new_within(p, &o, 100);
	Adder a = { 0, 0 };
	guint i;

	check_node(&t->root);
	ck_assert_uint_eq(whole->folded, 0);
	ck_assert_uint_gt(count_nodes(&whole->root), 1000);
	ck_assert_uint_gt(t->folded, 0);
	ck_assert_uint_le(count_nodes(&t->root), 100 + t->folded + 10);
	ck_assert_int_eq(t->root.total, whole->root.total);
	calltree_stacks(t, add_stack, &a);
	ck_assert_int_eq(a.sum, whole->total);
	/* the table is of all frames, folded or not */
	for (i = 0; i < whole->items->len; i++) {
		const CalltreeItem *it = &g_array_index(whole->items,
							CalltreeItem, i);
		const CalltreeItem *same = item(t, profile_text(p, it->name));

		ck_assert_int_eq(same->self, it->self);
		ck_assert_int_eq(same->total, it->total);
	}
	ck_assert_int_eq(item(t, PROFILE_SMALL_STACKS)->total, 0);
}
END_TEST

START_TEST(so_is_one_of_callers)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	g_autoptr(Profile) p = random_profile(rand, 500);
	CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION, .inverted = TRUE };
	g_autoptr(Calltree) t = calltree_new_within(p, &o, 100);
	const CalltreeNode *child;
	gint64 self = 0;

	ck_assert_uint_gt(t->folded, 0);
	ck_assert_uint_le(count_nodes(&t->root), 100 + t->folded + 10);
	for (child = t->root.child; child; child = child->sibling) {
		ck_assert_int_eq(child->self, child->total);
		self += child->self;
	}
	ck_assert_int_eq(self, t->total);
}
END_TEST

START_TEST(deep_stacks_do_not_recurse)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	g_autoptr(Profile) p = random_profile(rand, 1);
	CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION };
	g_autoptr(Calltree) t = NULL;
	Adder a = { 0, 0 };
	guint i;

	for (i = 0; i < 200000; i++) {
		guint32 l = 1;

		g_array_append_val(p->frames, l);
	}
	profile_at(p->samples, ProfileSample, 0)->frame_count = p->frames->len;
	t = calltree_new(p, &o);
	calltree_stacks(t, add_stack, &a);
	ck_assert_uint_eq(a.stacks, 1);
	ck_assert_int_eq(item(t, "f1")->total, t->total);
}
END_TEST

static StatsShare share_of(Profile *p, guint type, const char *name)
{
	CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION, .type = type };
	g_autoptr(Calltree) t = calltree_new(p, &o);
	const CalltreeItem *it = item(t, name);

	return calltree_share(t, it->total, it->total_square,
			      it->total_exact);
}

/* Samples of equal weight: their number is as uncertain as their time. */
START_TEST(a_number_of_samples_has_an_error)
{
	g_autoptr(Profile) p = sample_profile_new("work");
	StatsShare number, time;

	/* without what was not sampled, which is sure */
	g_array_set_size(p->samples, p->samples->len - 1);
	number = share_of(p, 0, "main");
	time = share_of(p, 1, "main");
	ck_assert_double_eq_tol(number.share, 7.0 / 9, 1e-9);
	ck_assert_double_eq_tol(number.share, time.share, 1e-9);
	ck_assert_double_eq_tol(number.error, time.error, 1e-9);
	ck_assert_double_lt(number.error, 0.4);
}
END_TEST

START_TEST(an_empty_profile_has_an_empty_tree)
{
	g_autoptr(Profile) p = profile_new();
	CalltreeOptions o = { .by = CALLTREE_BY_FUNCTION };
	g_autoptr(Calltree) t = calltree_new(p, &o);

	ck_assert_uint_eq(t->items->len, 0);
	ck_assert_ptr_null(t->root.child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("calltree");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, a_number_of_samples_has_an_error);
	tcase_add_test(tcase, flat_by_everything);
	tcase_add_test(tcase, trees_down_and_up);
	tcase_add_test(tcase, expressions_choose_and_change_stacks);
	tcase_add_test(tcase, totals_are_kept);
	tcase_add_test(tcase, samples_are_chosen_by_thread_and_time);
	tcase_add_test(tcase, identities_hold_for_any_profile);
	tcase_add_test(tcase, too_large_a_tree_is_folded_where_it_is_light);
	tcase_add_test(tcase, so_is_one_of_callers);
	tcase_add_test(tcase, deep_stacks_do_not_recurse);
	tcase_add_test(tcase, an_empty_profile_has_an_empty_tree);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
