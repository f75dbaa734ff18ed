/* SPDX-License-Identifier: MIT */
/*
 * A program in C, which has a C++ runtime only where a sanitizer brings it: what
 * that of a C++ program says is in integration/api.py.
 */
#include "agent/cxx-name.h"

#include <check.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "agent/modules.h"
#include "tests/unit/runner.h"

static unsigned calls;

static char *demangle(const char *symbol, char *buffer, size_t *size,
		      int *status)
{
	ck_assert_ptr_null(buffer);
	ck_assert_ptr_null(size);
	calls++;
	*status = strcmp(symbol, "_Z4workv") == 0 ? 0 : -2;
	return *status == 0 ? strdup("work()") : NULL;
}

START_TEST(it_is_that_of_the_program)
{
	void *runtime = dlopen("libstdc++.so.6", RTLD_NOW | RTLD_NOLOAD);
	void *expected = runtime ? dlsym(runtime, "__cxa_demangle") : NULL;
	cxx_name_demangler *found;

	ck_assert_ptr_null(cxx_name_find());	/* before anything is known */
	ck_assert_int_eq(modules_init(NULL) < 0, 0);
	found = cxx_name_find();
	ck_assert_ptr_eq(*(void **)&found, expected);
	ck_assert_ptr_null(cxx_name_of(NULL, "_Z4workv"));
	if (runtime)
		dlclose(runtime);
}
END_TEST

START_TEST(only_mangled_names_are_read)
{
	char *name = cxx_name_of(demangle, "_Z4workv");

	ck_assert_str_eq(name, "work()");
	free(name);
	ck_assert_ptr_null(cxx_name_of(demangle, "_Zwrong"));
	ck_assert_uint_eq(calls, 2);
	/* "i" is int as a type */
	ck_assert_ptr_null(cxx_name_of(demangle, "i"));
	ck_assert_ptr_null(cxx_name_of(demangle, ""));
	ck_assert_ptr_null(cxx_name_of(demangle, "main"));
	ck_assert_uint_eq(calls, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cxx-name");
	TCase *t = tcase_create("cxx-name");

	tcase_add_test(t, it_is_that_of_the_program);
	tcase_add_test(t, only_mangled_names_are_read);
	suite_add_tcase(s, t);
	return runner_run(s);
}
