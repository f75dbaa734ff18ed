/* SPDX-License-Identifier: MIT */
/*
 * Real objects, built here in every shape that debug information comes in;
 * what the names, inlined calls and lines must be follows from the sources in
 * tests/unit/objects.c.
 */
#include "tools/symbols.h"

#include <check.h>
#include <elf.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/objects.h"
#include "tests/unit/runner.h"
#include "tools/elf-file.h"

#define IN_ADD "shop::Cart<int>::add cart.cc:6 < " \
	"shop::(anonymous namespace)::fill cart.cc:15 < " \
	"shop::(anonymous namespace)::total cart.cc:22"
#define IN_FILL "shop::(anonymous namespace)::fill cart.cc:14 < " \
	"shop::(anonymous namespace)::total cart.cc:22"
#define IN_TOTAL "shop::(anonymous namespace)::total cart.cc:21"
#define IN_PAY "shop::pay cart.cc:27"

static char *dir;

static void setup(void)
{
	g_autofree char *cache = NULL;

	dir = objects_directory();
	cache = g_build_filename(dir, "cache", NULL);
	g_setenv("XDG_CACHE_HOME", cache, TRUE);
	g_unsetenv("DEBUGINFOD_URLS");
}

static void teardown(void)
{
	objects_remove(dir);
	g_free(dir);
}

static char *in_dir(const char *file)
{
	return g_build_filename(dir, file, NULL);
}

/* What `file` says about the place of `label`, which `full` has. */
static char *describe(const char *file, const char *full, const char *label,
		      const SymbolsOptions *options)
{
	guint64 offset = objects_offset(dir, full, label);
	g_autofree char *id = objects_build_id(dir, full);
	g_autofree char *path = in_dir(file);
	g_autoptr(Profile) p = objects_resolve(path, id, offset, options,
					       NULL);

	return objects_describe(p);
}

static void expect(const char *file, const char *full, const char *label,
		   const char *expected)
{
	g_autofree char *text = describe(file, full, label, NULL);

	ck_assert_str_eq(text, expected);
}

static void expect_all(const char *file, const char *full)
{
	expect(file, full, "mark_add", IN_ADD);
	expect(file, full, "mark_fill", IN_FILL);
	expect(file, full, "mark_total", IN_TOTAL);
	expect(file, full, "mark_pay", IN_PAY);
}

/* --- every shape of debug information ------------------------------------ */

struct shape {
	const char *needs;		/* program, or NULL */
	const char *build;		/* makes "cart" and, with labels, "full" */
};

#define SAME " && cp cart full"
#define STRIPPED " && cp cart full && objcopy --only-keep-debug cart "

static const struct shape shapes[] = {
	{ NULL, "g++ -g -O2 cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gdwarf-4 cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gdwarf-5 cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -no-pie cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -flto cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -Wl,--build-id=none cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gdwarf-4 -fdebug-types-section cart.cc -o cart"
		SAME },
	{ NULL, "g++ -g -O2 -ffunction-sections -Wl,-z,noseparate-code "
		"cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gz=zlib cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gz=zlib-gnu cart.cc -o cart" SAME },
	{ NULL, "g++ -g -O2 -gdwarf-4 -gsplit-dwarf -c cart.cc && "
		"g++ cart.o -o cart" SAME },
	{ NULL, "g++ -g -O2 -gdwarf-5 -gsplit-dwarf -c cart.cc && "
		"g++ cart.o -o cart" SAME },
	{ "dwz", "g++ -g -O2 -gdwarf-4 cart.cc -o cart && dwz cart" SAME },
	{ "dwz", "g++ -g -O2 -gdwarf-4 cart.cc -o cart && cp cart two && "
		 "dwz -m common cart two && test -s common" SAME },
	{ "clang++", "clang++ -g -O2 cart.cc -o cart" SAME },
	{ "clang++", "clang++ -g -O2 -gdwarf-4 cart.cc -o cart" SAME },
	{ "clang++", "clang++ -g -O2 -gdwarf-5 cart.cc -o cart" SAME },
	{ "clang++", "clang++ -g -O2 -gdwarf-5 -gsplit-dwarf -c cart.cc && "
		     "clang++ cart.o -o cart" SAME },
	/* Separate files: beside, in .debug, and compressed. */
	{ NULL, "g++ -g -O2 cart.cc -o cart" STRIPPED "cart.debug && "
		"strip cart && objcopy --add-gnu-debuglink=cart.debug cart" },
	{ NULL, "g++ -g -O2 cart.cc -o cart && mkdir .debug" STRIPPED
		".debug/cart.dbg && strip cart && "
		"objcopy --add-gnu-debuglink=.debug/cart.dbg cart" },
	{ NULL, "g++ -g -O2 -Wl,--build-id=none cart.cc -o cart" STRIPPED
		"cart.debug && strip cart && "
		"objcopy --add-gnu-debuglink=cart.debug cart" },
	{ NULL, "g++ -g -O2 cart.cc -o cart" STRIPPED
		"--compress-debug-sections cart.debug && "
		"strip cart && objcopy --add-gnu-debuglink=cart.debug cart" },
};

START_TEST(names_inlines_and_lines_are_exact_in_every_shape)
{
	const struct shape *s = &shapes[_i];

	if (s->needs && !objects_have(s->needs)) {
		printf("# skipped, no %s: %s\n", s->needs, s->build);
		return;
	}
	ck_assert_msg(objects_run(dir, "%s", s->build), "%s", s->build);
	expect_all("cart", "full");
}
END_TEST

static const char *const rust_manglings[] = { "legacy", "v0" };

START_TEST(rust_is_named_in_both_manglings)
{
	SymbolsOptions full = { .no_cache = TRUE, .full_names = TRUE };
	g_autofree char *text = NULL;

	if (!objects_have("rustc")) {
		printf("# skipped, no rustc\n");
		return;
	}
	if (!objects_run(dir, "RUSTC_BOOTSTRAP=1 rustc -g -O "
			 "-Z unstable-options -C symbol-mangling-version=%s "
			 "trade.rs -o trade 2>/dev/null",
			 rust_manglings[_i])) {
		printf("# skipped, this rustc has no %s mangling\n",
		       rust_manglings[_i]);
		return;
	}
	text = describe("trade", "trade", "mark_sum", &full);
	if (_i == 0)
		ck_assert(g_regex_match_simple("^trade::shop::Cart<T>::sum::h"
			"[0-9a-f]{16} trade.rs:7 < trade::shop::pay::h"
			"[0-9a-f]{16} trade.rs:13$", text, 0, 0));
	else
		ck_assert(g_regex_match_simple("^<trade\\[[0-9a-f]+\\]::shop::"
			"Cart<u32>>::sum trade.rs:7 < trade\\[[0-9a-f]+\\]::"
			"shop::pay trade.rs:13$", text, 0, 0));
	expect("trade", "trade", "mark_sum", _i == 0 ?
	       "trade::shop::Cart<T>::sum trade.rs:7 < "
	       "trade::shop::pay trade.rs:13" :
	       "<trade::shop::Cart<u32>>::sum trade.rs:7 < "
	       "trade::shop::pay trade.rs:13");
}
END_TEST

START_TEST(functions_say_where_they_begin_and_their_linkage_name)
{
	g_autofree char *path = in_dir("cart");
	g_autofree char *source = in_dir("cart.cc");
	guint64 offset;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o cart"));
	offset = objects_offset(dir, "cart", "mark_pay");
	{
		g_autoptr(Profile) p = objects_resolve(path, NULL, offset,
						       NULL, NULL);
		const ProfileFunction *f = profile_at(p->functions,
						      ProfileFunction, 0);

		ck_assert_int_eq(f->start_line, 25);
		ck_assert_str_eq(profile_text(p, f->system_name),
				 "_ZN4shop3payEi");
		ck_assert_str_eq(profile_text(p, f->file), source);
	}
}
END_TEST

START_TEST(options_choose_the_form_of_names)
{
	SymbolsOptions full = { .no_cache = TRUE, .full_names = TRUE };
	SymbolsOptions outer = { .no_cache = TRUE, .no_inlines = TRUE };
	g_autofree char *a = NULL, *b = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o cart"));
	a = describe("cart", "cart", "mark_pay", &full);
	ck_assert_str_eq(a, "shop::pay(int) cart.cc:27");
	b = describe("cart", "cart", "mark_add", &outer);
	ck_assert_str_eq(b, "shop::(anonymous namespace)::total cart.cc:22");
}
END_TEST

/* --- symbol tables ------------------------------------------------------- */

START_TEST(without_debug_information_symbols_name_functions)
{
	ck_assert(objects_run(dir, "g++ -O2 cart.cc -o cart"));
	expect("cart", "cart", "mark_add",
	       "shop::(anonymous namespace)::total");
	expect("cart", "cart", "mark_pay", "shop::pay");
}
END_TEST

START_TEST(a_stripped_program_has_the_names_it_exports)
{
	ck_assert(objects_run(dir, "g++ -O2 -rdynamic cart.cc -o full && "
			      "strip -o cart full"));
	expect("cart", "full", "mark_pay", "shop::pay");
	expect("cart", "full", "mark_add", "");
}
END_TEST

START_TEST(minidebuginfo_names_what_is_not_exported)
{
	if (!objects_have("xz")) {
		printf("# skipped, no xz\n");
		return;
	}
	ck_assert(objects_run(dir, "g++ -O2 -rdynamic cart.cc -o full && "
		"nm -D full --format=posix --defined-only | cut -d' ' -f1 | "
		"sort >dynamic && nm full --format=posix --defined-only | "
		"awk '$2 ~ /[Tt]/ { print $1 }' | sort >all && "
		"comm -13 dynamic all >keep && "
		"objcopy -S --remove-section .comment --keep-symbols=keep "
		"full mini && xz mini && strip -o cart full && "
		"objcopy --add-section .gnu_debugdata=mini.xz cart"));
	expect("cart", "full", "mark_add",
	       "shop::(anonymous namespace)::total");
	expect("cart", "full", "mark_pay", "shop::pay");
}
END_TEST

static void expect_at(const char *label, guint64 further, const char *expected)
{
	guint64 offset = objects_offset(dir, "plain", label) + further;
	g_autofree char *path = in_dir("plain");
	g_autoptr(Profile) p = objects_resolve(path, NULL, offset, NULL, NULL);
	g_autofree char *text = objects_describe(p);

	ck_assert_msg(strcmp(text, expected) == 0, "%s+%d: '%s', not '%s'",
		      label, (int)further, text, expected);
}

START_TEST(a_symbol_ends_where_its_size_says)
{
	ck_assert(objects_run(dir, "gcc -O2 plain.c -o plain"));
	expect_at("sized", 0, "sized");
	expect_at("sized", 1, "");
	expect_at("mark_work", 0, "work");
}
END_TEST

START_TEST(one_without_size_ends_at_the_next_or_with_its_section)
{
	ck_assert(objects_run(dir, "gcc -O2 plain.c -o plain"));
	expect_at("asm_first", 0, "asm_first");
	expect_at("asm_first", 1, "asm_first");
	expect_at("asm_second", 0, "asm_second");
	/* _fini is all there is in its section; what follows is not its. */
	expect_at("_fini", 0, "_fini");
	expect_at("_fini", 64, "");
}
END_TEST

/* --- stubs --------------------------------------------------------------- */

static guint64 section_offset(const char *file, const char *name)
{
	g_autofree char *path = in_dir("section");
	g_autofree char *text = NULL;

	ck_assert(objects_run(dir, "readelf -SW %s | tr -d '[]' | "
		"awk '$2 == \"%s\" { print $5 }' >section", file, name));
	ck_assert(g_file_get_contents(path, &text, NULL, NULL));
	ck_assert_msg(*text, "no %s in %s", name, file);
	return g_ascii_strtoull(text, NULL, 16);
}

struct stub {
	const char *flags, *section;
	guint64 at;
	const char *name;
};

static const struct stub stubs[] = {
	{ "-fcf-protection=none", ".plt", 16, "puts@plt" },
	{ "-fcf-protection=none", ".plt", 22, "puts@plt" },
	{ "-fcf-protection=none", ".plt", 0, "" },
	{ "-fcf-protection=none -Wl,-z,now", ".plt.got", 0,
	  "__cxa_finalize@plt" },
	{ "-fcf-protection -Wl,-z,ibtplt", ".plt", 16, "puts@plt" },
	{ "-fcf-protection -Wl,-z,ibtplt", ".plt.sec", 4, "puts@plt" },
	{ "-fcf-protection -Wl,-z,ibtplt -Wl,-z,now", ".plt.sec", 0,
	  "puts@plt" },
};

START_TEST(stubs_are_named_by_the_function_they_lead_to)
{
	const struct stub *s = &stubs[_i];
	g_autofree char *path = in_dir("plain");
	guint64 offset;

	ck_assert(objects_run(dir, "gcc -O2 %s plain.c -o plain", s->flags));
	offset = section_offset("plain", s->section) + s->at;
	{
		g_autoptr(Profile) p = objects_resolve(path, NULL, offset,
						       NULL, NULL);
		g_autofree char *text = objects_describe(p);

		ck_assert_str_eq(text, s->name);
	}
}
END_TEST

/* --- finding the right file ---------------------------------------------- */

/* Resolves mark_pay of "full" as if the profile had called its file `path`. */
static char *find_pay(const char *path, const char *build_id,
		      const SymbolsOptions *options, char **notes)
{
	guint64 offset = objects_offset(dir, "full", "mark_pay");
	g_autoptr(Profile) p = objects_resolve(path, build_id, offset,
					       options, notes);

	return objects_describe(p);
}

START_TEST(a_replaced_file_is_recognised_and_not_used)
{
	g_autofree char *path = in_dir("cart"), *notes = NULL, *id = NULL;
	g_autofree char *text = NULL, *expected = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
			      "g++ -g -O1 cart.cc -o cart"));
	id = objects_build_id(dir, "full");
	text = find_pay(path, id, NULL, &notes);
	expected = g_strdup_printf(
		"%s: build id differs from the file on disk", path);
	ck_assert_str_eq(text, "");
	ck_assert_str_eq(notes, expected);
}
END_TEST

START_TEST(a_deleted_file_that_is_still_there_is_used)
{
	g_autofree char *path = in_dir("full (deleted)"), *notes = NULL;
	g_autofree char *id = NULL, *text = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	id = objects_build_id(dir, "full");
	text = find_pay(path, id, NULL, &notes);
	ck_assert_str_eq(text, IN_PAY);
	ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(a_deleted_file_is_said_to_be_deleted)
{
	g_autofree char *path = in_dir("gone (deleted)"), *notes = NULL;
	g_autofree char *id = NULL, *text = NULL, *expected = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	id = objects_build_id(dir, "full");
	text = find_pay(path, id, NULL, &notes);
	expected = g_strdup_printf("%s/gone: was deleted while it ran", dir);
	ck_assert_str_eq(text, "");
	ck_assert_str_eq(notes, expected);
}
END_TEST

START_TEST(a_deleted_file_without_build_id_is_not_guessed)
{
	g_autofree char *path = in_dir("full (deleted)"), *notes = NULL;
	g_autofree char *text = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 -Wl,--build-id=none cart.cc "
			      "-o full"));
	text = find_pay(path, NULL, NULL, &notes);
	ck_assert_str_eq(text, "");
	ck_assert_ptr_nonnull(strstr(notes, "was deleted while it ran"));
}
END_TEST

/* What is said of "cart", and *text: its lines at `label`; g_free() both. */
static char *notes_of(const char *label, char **text)
{
	guint64 offset = objects_offset(dir, "cart", label);
	g_autofree char *id = objects_build_id(dir, "cart");
	g_autofree char *path = in_dir("cart");
	char *notes = NULL;
	g_autoptr(Profile) p = objects_resolve(path, id, offset, NULL,
					       &notes);

	*text = objects_describe(p);
	return notes;
}

#define SPLIT "g++ -g -O2 -gdwarf-%d -gsplit-dwarf -c cart.cc && " \
	"g++ cart.o -o cart"

START_TEST(what_went_with_dwo_files_is_said_and_not_remembered)
{
	g_autofree char *without = NULL, *with = NULL;
	g_autofree char *notes = NULL, *none = NULL;

	ck_assert(objects_run(dir, SPLIT " && mv cart.dwo away", _i));
	notes = notes_of("mark_add", &without);
	ck_assert_ptr_nonnull(strstr(notes, "1 source file: the .dwo files "
				     "are gone"));
	ck_assert_ptr_null(strstr(without, " < "));
	ck_assert_ptr_nonnull(strstr(without, "shop::"));
	ck_assert(objects_run(dir, "mv away cart.dwo"));
	none = notes_of("mark_add", &with);
	ck_assert_str_eq(none, "");
	ck_assert_str_eq(with, IN_ADD);
}
END_TEST

/* elfutils reads packages from 0.191 on. */
START_TEST(a_dwp_file_is_read_or_said_not_to_be)
{
	g_autofree char *text = NULL, *notes = NULL;
	const char *version = dwfl_version(NULL);
	int major = 0, minor = 0;

	if (!objects_have("dwp")) {
		printf("# skipped, no dwp (binutils, or binutils-gold)\n");
		return;
	}
	ck_assert_int_eq(sscanf(version, "%d.%d", &major, &minor), 2);
	ck_assert(objects_run(dir, SPLIT " && dwp -e cart -o cart.dwp && "
			      "rm cart.dwo", 4));
	notes = notes_of("mark_add", &text);
	if (major > 0 || minor >= 191) {
		ck_assert_str_eq(text, IN_ADD);
		return;
	}
	ck_assert_ptr_nonnull(strstr(notes, "cart.dwp, and elfutils 0."));
	ck_assert_ptr_nonnull(strstr(text, "shop::"));
}
END_TEST

START_TEST(a_missing_file_is_said_to_be_missing)
{
	g_autofree char *notes = NULL, *text = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	text = find_pay("/no/such/cart", "0123456789", NULL, &notes);
	ck_assert_str_eq(text, "");
	ck_assert_str_eq(notes, "/no/such/cart: no such file here");
}
END_TEST

START_TEST(what_is_no_elf_file_is_said_to_be_none)
{
	g_autofree char *path = in_dir("cart.cc"), *notes = NULL;
	g_autofree char *text = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	text = find_pay(path, NULL, NULL, &notes);
	ck_assert_str_eq(text, "");
	ck_assert(g_str_has_suffix(notes, "not a readable ELF file"));
}
END_TEST

START_TEST(a_sysroot_holds_the_files_of_another_machine)
{
	g_autofree char *root = in_dir("root"), *notes = NULL;
	g_autofree char *id = NULL, *text = NULL;
	SymbolsOptions o = { .no_cache = TRUE, .sysroot = root };

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
		"mkdir -p root/opt/bin root/usr/lib/debug/opt/bin && "
		"objcopy --only-keep-debug full "
		"root/usr/lib/debug/opt/bin/cart.debug && "
		"strip -o root/opt/bin/cart full"));
	id = objects_build_id(dir, "full");
	text = find_pay("/opt/bin/cart", id, &o, &notes);
	ck_assert_str_eq(text, IN_PAY);
	ck_assert_str_eq(notes, "");
}
END_TEST

static const char *const symbol_layouts[] = {
	/* the program and its debug file, both by build id */
	"d=symbols/.build-id/$two && mkdir -p $d && strip -o $d/$rest full && "
	"objcopy --only-keep-debug full $d/$rest.debug",
	"d=symbols/$two && mkdir -p $d && strip -o $d/$rest full && "
	"objcopy --only-keep-debug full $d/$rest.debug",
	/* by name */
	"mkdir symbols && strip -o symbols/cart full && "
	"objcopy --only-keep-debug full symbols/cart.debug",
	/* in one piece, by its whole path */
	"mkdir -p symbols/opt/bin && cp full symbols/opt/bin/cart",
};

START_TEST(symbol_directories_are_searched_by_id_and_name)
{
	g_autofree char *symbols = in_dir("symbols"), *id = NULL;
	g_autofree char *text = NULL, *notes = NULL;
	char *dirs[] = { "/no/such/directory", symbols, NULL };
	SymbolsOptions o = { .no_cache = TRUE, .symbol_dirs = dirs };

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	id = objects_build_id(dir, "full");
	ck_assert(objects_run(dir, "two=%.2s rest=%s; %s", id, id + 2,
			      symbol_layouts[_i]));
	text = find_pay("/opt/bin/cart", id, &o, &notes);
	ck_assert_str_eq(text, IN_PAY);
	ck_assert_str_eq(notes, "");
}
END_TEST

START_TEST(a_debug_file_of_another_build_is_not_used)
{
	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
		"g++ -g -O1 -DOTHER cart.cc -o other && strip -o cart full && "
		"objcopy --only-keep-debug other cart.debug && "
		"objcopy --add-gnu-debuglink=cart.debug cart"));
	expect("cart", "full", "mark_pay", "");
}
END_TEST

START_TEST(a_pipe_of_a_debug_files_name_is_not_waited_for)
{
	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
		"strip -o cart full && touch cart.debug && "
		"objcopy --add-gnu-debuglink=cart.debug cart && "
		"rm cart.debug && mkfifo cart.debug && mkdir .debug && "
		"mkfifo .debug/cart.debug"));
	expect("cart", "full", "mark_pay", "");
}
END_TEST

/* libdwfl would take it for a compressed kernel, whatever it expands to. */
START_TEST(a_compressed_file_is_not_unpacked)
{
	g_autofree char *path = in_dir("cart.gz"), *notes = NULL;
	g_autofree char *said = g_strconcat(path, ": not a readable ELF file",
					    NULL);
	g_autoptr(Profile) p = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o cart && gzip cart"));
	p = objects_resolve(path, "", 64, NULL, &notes);
	ck_assert_uint_eq(profile_at(p->locations, ProfileLocation,
				     0)->line_count, 0);
	ck_assert_str_eq(notes, said);
}
END_TEST

/* 80 MiB of zeros; the object itself is some 100 KiB. */
START_TEST(sections_that_expand_beyond_measure_are_not_read)
{
	g_autofree char *path = in_dir("cart"), *notes = NULL;
	g_autoptr(Profile) p = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
		"truncate -s 80M zeros && "
		"objcopy --add-section .debug_zeros=zeros full large && "
		"objcopy --compress-debug-sections=zlib large cart && "
		"test $(stat -c %%s cart) -lt 1000000"));
	p = objects_resolve(path, "", objects_offset(dir, "full", "mark_pay"),
			    NULL, &notes);
	ck_assert_uint_eq(profile_at(p->locations, ProfileLocation,
				     0)->line_count, 0);
	ck_assert_ptr_nonnull(strstr(notes, "not a readable ELF file"));
}
END_TEST

/* A copy of the image, so that its symbols can be looked up. */
static void vdso_copy(const guint8 *image)
{
	g_autofree char *path = in_dir("full");
	Elf64_Ehdr ehdr;

	memcpy(&ehdr, image, sizeof(ehdr));
	ck_assert(g_file_set_contents(path, (const char *)image,
		ehdr.e_shoff + ehdr.e_shnum * ehdr.e_shentsize, NULL));
}

START_TEST(the_vdso_is_read_from_our_own_process)
{
	const guint8 *image = (const guint8 *)getauxval(AT_SYSINFO_EHDR);
	g_autofree char *id = NULL, *text = NULL, *notes = NULL;
	g_autofree char *other = NULL;
	guint64 offset;

	if (!image) {
		printf("# skipped, this kernel has no vdso\n");
		return;
	}
	vdso_copy(image);
	id = objects_build_id(dir, "full");
	offset = objects_offset(dir, "full", "__vdso_gettimeofday");
	{
		g_autoptr(Profile) p = objects_resolve("[vdso]", id, offset,
						       NULL, NULL);
		g_autoptr(Profile) q = objects_resolve("[vdso]", "00112233",
						       offset, NULL, &notes);

		text = objects_describe(p);
		other = objects_describe(q);
	}
	ck_assert_str_eq(text, "__vdso_gettimeofday");
	ck_assert_str_eq(other, "");
	ck_assert_str_eq(notes, "[vdso]: is that of another kernel");
}
END_TEST

/* A port that nothing listens on just now. */
static int port_choose(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size),
			 0);
	close(fd);
	return ntohs(address.sin_port);
}

/* Serves "server" in `dir`; returns its pid when it has scanned it. */
static GPid server_start(int port)
{
	g_autofree char *listen = g_strdup_printf("%d", port);
	g_autofree char *root = in_dir("server");
	char *argv[] = { "debuginfod", "-p", listen, "-d", ":memory:", "-F",
			 root, NULL };
	GPid pid;

	ck_assert(g_spawn_async(dir, argv, NULL, G_SPAWN_SEARCH_PATH |
				G_SPAWN_DO_NOT_REAP_CHILD |
				G_SPAWN_STDOUT_TO_DEV_NULL |
				G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &pid,
				NULL));
	for (int i = 0; i < 300; i++) {
		if (objects_run(dir, "curl -s http://127.0.0.1:%d/metrics | "
				"grep -q 'thread_work_total{role=\"scan\"} "
				"[1-9]'", port))
			break;
		g_usleep(100000);
	}
	return pid;
}

START_TEST(a_server_is_asked_only_if_one_is_named)
{
	g_autofree char *id = NULL, *without = NULL, *with = NULL;
	g_autofree char *notes = NULL, *url = NULL, *cache = in_dir("client");
	g_autofree char *bare = in_dir("bare"), *before = NULL, *after = NULL;
	const SymbolsOptions cached = { .quiet = TRUE };
	int port = port_choose();
	GPid pid;

	if (!objects_have("debuginfod") || !objects_have("curl")) {
		printf("# skipped, no debuginfod or no curl\n");
		return;
	}
	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
		"mkdir server && strip -o server/cart full && "
		"cp server/cart bare && "
		"objcopy --only-keep-debug full server/cart.debug"));
	id = objects_build_id(dir, "full");
	g_setenv("DEBUGINFOD_CACHE_PATH", cache, TRUE);
	pid = server_start(port);
	without = find_pay("/opt/bin/cart", id, NULL, &notes);
	before = find_pay(bare, id, &cached, NULL);
	url = g_strdup_printf("http://127.0.0.1:%d", port);
	g_setenv("DEBUGINFOD_URLS", url, TRUE);
	/* that nothing was known a moment ago is no reason not to ask */
	after = find_pay(bare, id, &cached, NULL);
	with = find_pay("/opt/bin/cart", id, NULL, NULL);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	ck_assert_str_eq(without, "");
	ck_assert_str_eq(notes, "/opt/bin/cart: no such file here");
	ck_assert_str_eq(with, IN_PAY);
	ck_assert_str_eq(before, "");
	ck_assert_str_eq(after, IN_PAY);
}
END_TEST

/* --- profiles ------------------------------------------------------------ */

START_TEST(names_that_came_with_the_profile_stay)
{
	g_autofree char *path = in_dir("cart");
	guint64 offset;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o cart"));
	offset = objects_offset(dir, "cart", "mark_pay");
	{
		g_autoptr(Profile) p = profile_new();
		g_autoptr(Symbols) s = symbols_new(NULL);
		ProfileMapping m = { .end = 0x100000, .has_functions = TRUE,
				     .process = PROFILE_NONE };
		ProfileLocation l = { .address = offset };

		m.path = profile_string(p, path, -1);
		g_array_append_val(p->mappings, m);
		g_array_append_val(p->locations, l);
		symbols_resolve(s, p);
		ck_assert_int_eq(profile_at(p->locations, ProfileLocation,
					    0)->line_count, 0);
		ck_assert(profile_at(p->locations, ProfileLocation, 0)->tried);
		ck_assert_int_eq(p->functions->len, 0);
	}
}
END_TEST

static char *unknown_name(const char *path, guint64 start, guint64 offset,
			  guint64 address, guint32 mapping)
{
	g_autoptr(Profile) p = profile_new();
	ProfileMapping m = { .start = start, .offset = offset };
	ProfileLocation l = { .address = address, .mapping = mapping };

	m.path = profile_string(p, path, -1);
	g_array_append_val(p->mappings, m);
	return symbols_unknown_name(p, &l);
}

START_TEST(unknown_code_is_named_by_its_place)
{
	g_autofree char *a = unknown_name("/lib/libfoo.so.1", 0x7000, 0x1000,
					  0x7234, 0);
	g_autofree char *b = unknown_name("/lib/libfoo.so.1", 0x7000, 0x1000,
					  0x7234, PROFILE_NONE);
	g_autofree char *c = unknown_name("/bin/x (deleted)", 0x400000, 0,
					  0x400010, 0);
	g_autofree char *d = unknown_name("[vdso]", 0x7fff0000, 0,
					  0x7fff0a00, 0);
	g_autofree char *e = unknown_name("", 0x1000, 0, 0x1001, 0);

	ck_assert_str_eq(a, "libfoo.so.1+0x1234");
	ck_assert_str_eq(b, "0x7234");
	ck_assert_str_eq(c, "x+0x10");
	ck_assert_str_eq(d, "[vdso]+0xa00");
	ck_assert_str_eq(e, "0x1001");
}
END_TEST

/* The names of the two places as functions; the second time from the cache. */
static void check_stripped(const char *label, const char *function)
{
	g_autofree char *id = objects_build_id(dir, "cart");
	g_autofree char *path = in_dir("cart");
	g_autofree char *expected = g_strdup_printf(
		"cart+0x%" G_GINT64_MODIFIER "x",
		objects_offset(dir, "full", function));
	guint64 offset = objects_offset(dir, "full", label) + 1;

	for (int i = 0; i < 2; i++) {
		g_autoptr(Profile) p = objects_resolve(path, id, offset, NULL,
						       NULL);
		const ProfileLocation *l = profile_at(p->locations,
						      ProfileLocation, 0);
		g_autofree char *place = symbols_unknown_name(p, l);
		g_autofree char *name = symbols_unknown_function(p, l);

		ck_assert_uint_eq(l->line_count, 0);
		ck_assert_str_eq(name, expected);
		ck_assert_str_ne(place, expected);
	}
}

START_TEST(stripped_functions_are_named_by_where_they_begin)
{
	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full && "
			      "strip -o cart full"));
	check_stripped("mark_pay", "_ZN4shop3payEi");
}
END_TEST

START_TEST(the_cache_answers_when_the_file_is_gone)
{
	SymbolsOptions o = { .quiet = TRUE };
	g_autofree char *path = in_dir("full"), *id = NULL, *first = NULL;
	g_autofree char *second = NULL, *notes = NULL, *third = NULL;
	guint64 offset;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	id = objects_build_id(dir, "full");
	first = describe("full", "full", "mark_add", &o);
	offset = objects_offset(dir, "full", "mark_add");
	ck_assert(objects_run(dir, "mv full kept"));
	{
		g_autoptr(Profile) p = objects_resolve(path, id, offset, &o,
						       &notes);
		g_autoptr(Profile) q = objects_resolve(path, id, offset + 1, &o,
						       &third);

		second = objects_describe(p);
		ck_assert_int_eq(profile_at(q->locations, ProfileLocation,
					    0)->line_count, 0);
	}
	ck_assert_str_eq(first, IN_ADD);
	ck_assert_str_eq(second, IN_ADD);
	ck_assert_str_eq(notes, "");
	ck_assert(g_str_has_suffix(third, "no such file here"));
}
END_TEST

START_TEST(the_cache_is_made_anew_when_debug_information_comes)
{
	SymbolsOptions o = { .quiet = TRUE };
	g_autofree char *before = NULL, *after = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 -rdynamic cart.cc -o full && "
		"objcopy --only-keep-debug full later && "
		"strip -o cart full && "
		"objcopy --add-gnu-debuglink=later cart && mv later away"));
	before = describe("cart", "full", "mark_pay", &o);
	ck_assert(objects_run(dir, "mv away later"));
	after = describe("cart", "full", "mark_pay", &o);
	ck_assert_str_eq(before, "shop::pay");
	ck_assert_str_eq(after, IN_PAY);
}
END_TEST

static void damage_cache(void)
{
	ck_assert(objects_run(dir, "for f in cache/profagent/symbols/*; do "
		"test -s $f && dd if=/dev/zero of=$f bs=1 seek=100 count=8 "
		"conv=notrunc 2>/dev/null; done"));
}

START_TEST(a_damaged_cache_is_ignored_and_replaced)
{
	SymbolsOptions o = { .quiet = TRUE };
	g_autofree char *first = NULL, *second = NULL;

	ck_assert(objects_run(dir, "g++ -g -O2 cart.cc -o full"));
	first = describe("full", "full", "mark_add", &o);
	damage_cache();
	second = describe("full", "full", "mark_add", &o);
	ck_assert_str_eq(first, IN_ADD);
	ck_assert_str_eq(second, IN_ADD);
}
END_TEST

static TCase *shapes_case(void)
{
	TCase *tc = tcase_create("shapes");

	tcase_add_loop_test(tc,
		names_inlines_and_lines_are_exact_in_every_shape, 0,
		G_N_ELEMENTS(shapes));
	tcase_add_loop_test(tc, rust_is_named_in_both_manglings, 0,
			    G_N_ELEMENTS(rust_manglings));
	tcase_add_test(tc,
		functions_say_where_they_begin_and_their_linkage_name);
	tcase_add_test(tc, options_choose_the_form_of_names);
	tcase_add_test(tc, without_debug_information_symbols_name_functions);
	tcase_add_test(tc, a_stripped_program_has_the_names_it_exports);
	tcase_add_test(tc, minidebuginfo_names_what_is_not_exported);
	tcase_add_test(tc, a_symbol_ends_where_its_size_says);
	tcase_add_test(tc,
		one_without_size_ends_at_the_next_or_with_its_section);
	tcase_add_loop_test(tc, stubs_are_named_by_the_function_they_lead_to,
			    0, G_N_ELEMENTS(stubs));
	return tc;
}

static TCase *files_case(void)
{
	TCase *tc = tcase_create("files");

	tcase_add_test(tc, a_replaced_file_is_recognised_and_not_used);
	tcase_add_test(tc, a_deleted_file_that_is_still_there_is_used);
	tcase_add_test(tc, a_deleted_file_is_said_to_be_deleted);
	tcase_add_test(tc, a_deleted_file_without_build_id_is_not_guessed);
	tcase_add_loop_test(tc,
			    what_went_with_dwo_files_is_said_and_not_remembered,
			    4, 6);
	tcase_add_test(tc, a_dwp_file_is_read_or_said_not_to_be);
	tcase_add_test(tc, a_missing_file_is_said_to_be_missing);
	tcase_add_test(tc, what_is_no_elf_file_is_said_to_be_none);
	tcase_add_test(tc, a_sysroot_holds_the_files_of_another_machine);
	tcase_add_loop_test(tc, symbol_directories_are_searched_by_id_and_name,
			    0, G_N_ELEMENTS(symbol_layouts));
	tcase_add_test(tc, a_debug_file_of_another_build_is_not_used);
	tcase_add_test(tc, a_pipe_of_a_debug_files_name_is_not_waited_for);
	tcase_add_test(tc, a_compressed_file_is_not_unpacked);
	tcase_add_test(tc, sections_that_expand_beyond_measure_are_not_read);
	tcase_add_test(tc, the_vdso_is_read_from_our_own_process);
	tcase_add_test(tc, a_server_is_asked_only_if_one_is_named);
	return tc;
}

static TCase *profiles_case(void)
{
	TCase *tc = tcase_create("profiles");

	tcase_add_test(tc, names_that_came_with_the_profile_stay);
	tcase_add_test(tc, unknown_code_is_named_by_its_place);
	tcase_add_test(tc,
		       stripped_functions_are_named_by_where_they_begin);
	tcase_add_test(tc, the_cache_answers_when_the_file_is_gone);
	tcase_add_test(tc,
		the_cache_is_made_anew_when_debug_information_comes);
	tcase_add_test(tc, a_damaged_cache_is_ignored_and_replaced);
	return tc;
}

int main(void)
{
	TCase *cases[] = { shapes_case(), files_case(), profiles_case() };
	Suite *suite = suite_create("symbols");

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		tcase_add_checked_fixture(cases[i], setup, teardown);
		tcase_set_timeout(cases[i], 120);
		suite_add_tcase(suite, cases[i]);
	}
	return runner_run(suite);
}
