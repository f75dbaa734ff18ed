/* SPDX-License-Identifier: MIT */
#include "tools/demangle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tools/symbols.h"

struct name {
	const char *linkage, *brief, *full;
};

static const struct name names[] = {
	/* C++ */
	{ "_ZN4shop4CartIiE3addEi", "shop::Cart<int>::add",
	  "shop::Cart<int>::add(int)" },
	{ "_ZN12_GLOBAL__N_14fillERN4shop4CartIiEEi",
	  "(anonymous namespace)::fill",
	  "(anonymous namespace)::fill(shop::Cart<int>&, int)" },
	{ "_ZNKSt6vectorIiSaIiEE4sizeEv",
	  "std::vector<int>::size",
	  "std::vector<int, std::allocator<int> >::size() const" },
	{ "_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()",
	  "main::{lambda(int)#1}::operator()(int) const" },
	{ "_Z4workv.cold", "work", "work() [clone .cold]" },
	{ "_Z4workv.part.0.constprop.1", "work",
	  "work() [clone .part.0] [clone .constprop.1]" },
	/* Rust, legacy */
	{ "_ZN3std2io5stdio6_print17h0123456789abcdefE",
	  "std::io::stdio::_print",
	  "std::io::stdio::_print::h0123456789abcdef" },
	{ "_ZN4core3fmt9Formatter3pad28_$u7b$$u7b$closure$u7d$$u7d$"
	  "17h0123456789abcdefE",
	  "core::fmt::Formatter::pad::{{closure}}",
	  "core::fmt::Formatter::pad::{{closure}}::h0123456789abcdef" },
	/* Rust, v0 */
	{ "_RNvCs1234_7mycrate3foo", "mycrate::foo", "mycrate[3c1c0]::foo" },
	{ "_RNvMC4heapNtB2_4Tree4grow", "<heap::Tree>::grow",
	  "<heap[0]::Tree>::grow" },
	/* none of these is a linkage name */
	{ "main", "main", "main" },
	{ "main.main", "main.main", "main.main" },
	{ "work.part.0", "work.part.0", "work.part.0" },
	{ "_start", "_start", "_start" },
	{ "_Z", "_Z", "_Z" },
	{ "_R", "_R", "_R" },
	{ "_Zebra", "_Zebra", "_Zebra" },
	{ "", "", "" },
};

START_TEST(names_have_a_short_and_a_full_form)
{
	const struct name *n = &names[_i];
	char *brief = symbols_demangle(n->linkage, FALSE);
	char *full = symbols_demangle(n->linkage, TRUE);

	ck_assert_str_eq(brief, n->brief);
	ck_assert_str_eq(full, n->full);
	g_free(brief);
	g_free(full);
}
END_TEST

/*
 * f(p0, p1, ...) where each is a function of two of those before: 18 of them
 * print as 2^18 types. Seven are still less than the bound.
 */
static char *doubling_name(int count)
{
	GString *name = g_string_new("_Z1fPFvvE");

	for (int i = 1; i < count; i++) {
		char id = "0123456789abcdefghijklmnopqrstuvwxyz"[2 * i - 2];

		g_string_append_printf(name, "PFvS%c_S%c_E",
				       g_ascii_toupper(id), g_ascii_toupper(id));
	}
	return g_string_free(name, FALSE);
}

START_TEST(a_name_that_explodes_is_left_as_it_is)
{
	char *name = doubling_name(18), *text = symbols_demangle(name, TRUE);

	ck_assert_str_eq(text, name);
	g_free(text);
	g_free(name);
	name = doubling_name(7);
	text = symbols_demangle(name, TRUE);
	ck_assert(g_str_has_prefix(text, "f(void (*)(), "));
	ck_assert_uint_gt(strlen(text), 1000);
	g_free(text);
	g_free(name);
}
END_TEST

START_TEST(a_very_long_name_is_left_as_it_is)
{
	GString *name = g_string_new("_ZN");
	char *text;

	for (int i = 0; i < 1024 * 1024; i++)
		g_string_append(name, "1a");
	g_string_append(name, "Ev");
	text = symbols_demangle(name->str, FALSE);
	ck_assert_str_eq(text, name->str);
	g_free(text);
	g_string_free(name, TRUE);
}
END_TEST

START_TEST(any_prefix_of_a_name_is_survived)
{
	const char *linkage = names[_i].linkage;

	for (gsize length = 0; length <= strlen(linkage); length++) {
		g_autofree char *part = g_strndup(linkage, length);
		g_autofree char *text = symbols_demangle(part, length % 2);

		ck_assert_ptr_nonnull(text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("demangle");
	TCase *tc = tcase_create("demangle");

	tcase_add_loop_test(tc, names_have_a_short_and_a_full_form, 0,
			    G_N_ELEMENTS(names));
	tcase_add_test(tc, a_name_that_explodes_is_left_as_it_is);
	tcase_add_test(tc, a_very_long_name_is_left_as_it_is);
	tcase_add_loop_test(tc, any_prefix_of_a_name_is_survived, 0,
			    G_N_ELEMENTS(names));
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
