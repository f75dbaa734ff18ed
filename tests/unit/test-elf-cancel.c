/* SPDX-License-Identifier: MIT */
/* The way into the kernel as glibc's assembly has it, in a stripped program. */
#include "tools/elf-cancel.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"

/*
 * `wayin` is it, `caller` calls it, `near` calls another and lies before it;
 * `other` does one thing less; the last one ends too early.
 */
static const char source[] =
	".macro arguments\n"
	"mov %rdi,%r11; mov %rsi,%rax; mov %rdx,%rdi; mov %rcx,%rsi\n"
	"mov %r8,%rdx; mov %r9,%r10; mov 8(%rsp),%r8\n"
	".endm\n"
	".text\n"
	"wayin: .cfi_startproc\n"
	"mov (%rdi),%eax; testb $8,(%rdi); jne other; arguments\n"
	"mov 16(%rsp),%r9; mov %r11,8(%rsp); syscall\n"
	"in_wayin: ret; .cfi_endproc\n"
	"other: .cfi_startproc\n"
	"mov (%rdi),%eax; testb $8,(%rdi); jne other; arguments\n"
	"mov %r11,8(%rsp); syscall; in_other: ret; .cfi_endproc\n"
	"near: .cfi_startproc; call other; ret; .cfi_endproc\n"
	"caller: .cfi_startproc; nop; call wayin; in_caller: ret\n"
	".cfi_endproc\n"
	".globl main; main: .cfi_startproc; xor %eax,%eax; ret\n"
	".cfi_endproc\n"
	"last: .cfi_startproc; arguments; .cfi_endproc\n"
	".section .note.GNU-stack,\"\",@progbits\n";

static char *dir;

static void setup(void)
{
	g_autofree char *path = NULL, *cache = NULL;

	dir = objects_directory();
	path = g_build_filename(dir, "way.s", NULL);
	cache = g_build_filename(dir, "cache", NULL);
	g_setenv("XDG_CACHE_HOME", cache, TRUE);
	ck_assert(g_file_set_contents(path, source, -1, NULL));
	ck_assert(objects_run(dir, "gcc way.s -o full && cp full way && "
			      "strip way"));
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

static ElfFile *file_open(void)
{
	static const ElfFileSearch nowhere;
	g_autofree char *path = g_build_filename(dir, "way", NULL);
	ElfFile *f = elf_file_open(&nowhere, path, NULL, 0, NULL);

	ck_assert_ptr_nonnull(f);
	return f;
}

static const char *name_of(const char *label)
{
	g_autoptr(ElfFile) f = file_open();
	g_autoptr(ElfFrames) frames = elf_frames_new(f);
	guint64 address;

	ck_assert(elf_file_address(f, objects_offset(dir, "full", label),
				   &address));
	return elf_cancel_name(f, frames, address);
}

START_TEST(the_code_has_its_name)
{
	ck_assert_str_eq(name_of("wayin"), "__syscall_cancel_arch");
	ck_assert_str_eq(name_of("caller"), "__internal_syscall_cancel");
	ck_assert_ptr_null(name_of("near"));
	ck_assert_ptr_null(name_of("other"));
	ck_assert_ptr_null(name_of("main"));
	ck_assert_ptr_null(name_of("last"));
}
END_TEST

START_TEST(an_address_that_is_nowhere_has_none)
{
	g_autoptr(ElfFile) f = file_open();
	g_autoptr(ElfFrames) frames = elf_frames_new(f);

	ck_assert_ptr_null(elf_cancel_name(f, frames, 0));
	ck_assert_ptr_null(elf_cancel_name(f, frames, G_MAXUINT64));
	ck_assert_ptr_null(elf_cancel_name(f, frames, G_MAXUINT64 - 4));
}
END_TEST

static char *described(const char *label)
{
	g_autofree char *path = g_build_filename(dir, "way", NULL);
	g_autofree char *id = objects_build_id(dir, "way");
	g_autoptr(Profile) p = objects_resolve(path, id,
			objects_offset(dir, "full", label), NULL, NULL);

	return objects_describe(p);
}

/* From the cache the second time. */
START_TEST(a_profile_shows_it)
{
	for (int i = 0; i < 2; i++) {
		g_autofree char *in = described("in_wayin");
		g_autofree char *caller = described("in_caller");
		g_autofree char *other = described("in_other");

		ck_assert_msg(g_str_has_prefix(in, "__syscall_cancel_arch"),
			      "%s", in);
		ck_assert_msg(g_str_has_prefix(caller,
				"__internal_syscall_cancel"), "%s", caller);
		ck_assert_str_eq(other, "");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf-cancel");
	TCase *tc = tcase_create("elf-cancel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_code_has_its_name);
	tcase_add_test(tc, an_address_that_is_nowhere_has_none);
	tcase_add_test(tc, a_profile_shows_it);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
