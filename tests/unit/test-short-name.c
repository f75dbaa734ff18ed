/* SPDX-License-Identifier: MIT */
#include "tools/short-name.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

#define STRING "std::__cxx11::basic_string<char, std::char_traits<char>, " \
	       "std::allocator<char> >"

static const struct {
	const char *name, *brief;
} names[] = {
	{ "main", "main" },
	{ "", "" },
	{ "Matrix<double>::operator*", "Matrix<double>::operator*" },
	{ "std::vector<int, std::allocator<int> >::push_back",
	  "std::vector<int>::push_back" },
	{ STRING "::compare", "std::string::compare" },
	{ "std::map<" STRING ", int, std::less<" STRING " >, std::allocator<"
	  "std::pair<" STRING " const, int> > >::operator[]",
	  "std::map<std::string, int>::operator[]" },
	{ "std::_Hashtable<" STRING ", std::pair<" STRING " const, int>, "
	  "std::allocator<int>, std::__detail::_Select1st, std::equal_to<"
	  STRING " > >::find", "std::_Hashtable<...>::find" },
	{ "std::unique_ptr<A, std::default_delete<A> >::reset",
	  "std::unique_ptr<A>::reset" },
	/* alone it is what the function is about */
	{ "std::allocator_traits<std::allocator<int> >::deallocate",
	  "std::allocator_traits<std::allocator<int>>::deallocate" },
	/* brackets that are none */
	{ "operator<", "operator<" },
	{ "operator<< <int>", "operator<< <int>" },
	{ "std::operator< <char, std::char_traits<char> >",
	  "std::operator< <char>" },
	{ "app::A::operator->", "app::A::operator->" },
	{ "app::A<int>::operator<=>", "app::A<int>::operator<=>" },
	{ "A::operator()<std::pair<" STRING ", " STRING " > >",
	  "A::operator()<...>" },
	{ "myoperator<int, std::allocator<int> >", "myoperator<int>" },
	{ "f<(A)1>", "f<(A)1>" },
	{ "f<(3>2), int>::g", "f<(3>2), int>::g" },
	{ "f<decltype (a->b)>::g", "f<decltype (a->b)>::g" },
	{ "main(int, char**)::<lambda(int, int)>",
	  "main(int, char**)::<lambda(int, int)>" },
	{ "std::function<void (int, long)>::operator()",
	  "std::function<void (int, long)>::operator()" },
	/* Rust and Go */
	{ "<alloc::vec::Vec<T> as core::iter::Extend<T>>::extend",
	  "<alloc::vec::Vec<T> as core::iter::Extend<T>>::extend" },
	{ "core::ptr::drop_in_place::<alloc::vec::Vec<alloc::string::String>>",
	  "core::ptr::drop_in_place::<...>" },
	{ "main.generic[...]", "main.generic[...]" },
	/* what does not close */
	{ "a<b", "a<b" },
	{ "a<b(>", "a<b(>" },
	{ "a>b>", "a>b>" },
	{ "std::basic_string<char", "std::basic_string<char" },
	{ "std::basic_string<charm>", "std::basic_string<charm>" },
};

START_TEST(names_are_short)
{
	g_autofree char *brief = short_name(names[_i].name);

	ck_assert_str_eq(brief, names[_i].brief);
}
END_TEST

/* Thousands of brackets, open or closed, in no time. */
START_TEST(any_text_is_safe)
{
	static const char *const pieces[] = {
		"a<", "<", "a<b>", "(", "a<(", ">", ",", "a<,", "operator<",
		"std::basic_string<char,",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autofree char *brief = NULL;

		while (text->len < 256 * 1024)
			g_string_append(text, pieces[i]);
		brief = short_name(text->str);
		ck_assert_uint_le(strlen(brief), text->len);
	}
}
END_TEST

START_TEST(every_beginning_is_safe)
{
	const char *whole = names[6].name;

	for (gsize size = 0; size < strlen(whole); size++) {
		g_autofree char *part = g_strndup(whole, size);
		g_autofree char *brief = short_name(part);

		ck_assert_uint_le(strlen(brief), size);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("short-name");
	TCase *tcase = tcase_create("all");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, names_are_short, 0, G_N_ELEMENTS(names));
	tcase_add_test(tcase, any_text_is_safe);
	tcase_add_test(tcase, every_beginning_is_safe);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
