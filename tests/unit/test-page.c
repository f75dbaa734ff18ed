/* SPDX-License-Identifier: MIT */
/* What the page shows is tested in a browser (tests/integration/flame.py). */
#include "tools/page.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"
#include "tests/unit/sample-profile.h"

static const char hostile[] =
	"</script><script>window.bad=1</script><img src=x onerror=bad()>";

static GString *make_page(const char *work, const char *title)
{
	g_autoptr(Profile) p = sample_profile_new(work);
	PageContent content = { .title = title, .profile = { p }, .type = -1,
				.name = { "one" } };

	return page_new(&content);
}

static guint count(const char *text, const char *what)
{
	guint n = 0;

	for (const char *at = strstr(text, what); at;
	     at = strstr(at + 1, what))
		n++;
	return n;
}

/* Between the first `from` and the `to` after it. */
static char *between(const char *text, const char *from, const char *to)
{
	const char *start = strstr(text, from), *end;

	ck_assert_ptr_nonnull(start);
	start += strlen(from);
	end = strstr(start, to);
	ck_assert_ptr_nonnull(end);
	return g_strndup(start, (gsize)(end - start));
}

START_TEST(the_page_needs_no_other_file)
{
	g_autoptr(GString) page = make_page("work", "a title");

	ck_assert_uint_eq(count(page->str, " src="), 0);
	ck_assert_uint_eq(count(page->str, "rel=\"stylesheet\""), 0);
	ck_assert_uint_eq(count(page->str, "\nimport "), 0);
	ck_assert_uint_eq(count(page->str, "\nexport "), 0);
	ck_assert_uint_eq(count(page->str, "http://"), 0);
	ck_assert_uint_eq(count(page->str, "https://"), 0);
	ck_assert_uint_eq(count(page->str, "<script"), 2);
	ck_assert_uint_eq(count(page->str, "</script>"), 2);
	ck_assert_uint_eq(count(page->str, "</html>"), 1);
	ck_assert(g_utf8_validate(page->str, (gssize)page->len, NULL));
}
END_TEST

static void check_hash(const GString *page, const char *policy,
		       const char *open, const char *close)
{
	g_autofree char *text = between(page->str, open, close);
	g_autofree char *said = between(page->str, policy, "'");
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize size = sizeof(digest);
	g_autofree char *base64 = NULL;

	g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text));
	g_checksum_get_digest(sum, digest, &size);
	base64 = g_base64_encode(digest, size);
	ck_assert_str_eq(said, base64);
}

START_TEST(only_its_own_script_and_style_are_allowed)
{
	g_autoptr(GString) page = make_page("work", "a title");

	ck_assert_uint_eq(count(page->str, "default-src 'none'"), 1);
	ck_assert_uint_eq(count(page->str, "unsafe"), 0);
	check_hash(page, "script-src 'sha256-", "<script type=\"module\">",
		   "</script>");
	check_hash(page, "style-src 'sha256-", "<style>", "</style>");
}
END_TEST

START_TEST(hostile_names_stay_text)
{
	g_autoptr(GString) page = make_page(hostile, hostile);

	ck_assert_uint_eq(count(page->str, "<script"), 2);
	ck_assert_uint_eq(count(page->str, "<img"), 0);
	ck_assert_uint_eq(count(page->str, "window.bad=1"), 3);
	/* Two in the name, two in the title, one in a note. */
	ck_assert_uint_eq(count(page->str, "\\u003c/script\\u003e"), 5);
	ck_assert_uint_eq(count(page->str, "&lt;/script&gt;"), 2);
}
END_TEST

START_TEST(parts_are_there_for_a_server)
{
	static const char *const names[] = { "index.html", "style.css",
					     "app.js", "source.js" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(GBytes) part = page_part(names[i]);

		ck_assert_ptr_nonnull(part);
		ck_assert_uint_gt(g_bytes_get_size(part), 100);
	}
	ck_assert_ptr_null(page_part("../page.c"));
	ck_assert_ptr_null(page_part("none"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("page");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, the_page_needs_no_other_file);
	tcase_add_test(tcase, only_its_own_script_and_style_are_allowed);
	tcase_add_test(tcase, hostile_names_stay_text);
	tcase_add_test(tcase, parts_are_there_for_a_server);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
