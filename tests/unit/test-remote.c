/* SPDX-License-Identifier: MIT */
/* Addresses as people write them. */
#include "tools/remote.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/runner.h"

static void expect(const char *word, const char *token, const char *base,
		   gint32 pid, const char *found)
{
	Remote r;

	ck_assert(remote_is_address(word));
	ck_assert(remote_init(&r, word, token, NULL));
	ck_assert_str_eq(r.base, base);
	ck_assert_int_eq(r.pid, pid);
	ck_assert_pstr_eq(r.token, found);
	remote_release(&r);
}

START_TEST(addresses)
{
	expect("localhost:8912", NULL, "http://localhost:8912", 0, NULL);
	expect("127.0.0.1:8912/77", "abc", "http://127.0.0.1:8912", 77,
	       "abc");
	expect("[::1]:80/", "", "http://[::1]:80", 0, NULL);
	expect("https://h.example/processes/12/?token=x%2By", "abc",
	       "https://h.example", 12, "x+y");
	expect("http://h:1/?token=t", NULL, "http://h:1", 0, "t");
	expect("http://h:1/processes", NULL, "http://h:1", 0, NULL);
}
END_TEST

START_TEST(what_is_none)
{
	static const char *const words[] = { "nginx", "1234", "a:b", ":80",
					     "h:0", "h:70000", "std::x" };
	g_autoptr(GError) error = NULL;
	Remote r;
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(words); i++)
		ck_assert_msg(!remote_is_address(words[i]), "%s", words[i]);
	ck_assert(!remote_init(&r, "h:80/nginx", NULL, &error));
	ck_assert_ptr_nonnull(error);
	g_clear_error(&error);
	ck_assert(!remote_init(&r, "http://", NULL, &error));
	ck_assert_ptr_nonnull(error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("remote");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, addresses);
	tcase_add_test(tcase, what_is_none);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
