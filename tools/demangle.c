/* SPDX-License-Identifier: MIT */
/*
 * libiberty's demangler, with a bound. A linkage name can refer back to its
 * own parts, so that a few hundred bytes expand to gigabytes; the printer is
 * left by a jump when the text grows past any real name.
 */
#include "tools/demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <string.h>

#include "tools/short-name.h"
#include "tools/symbols.h"

/* The longest real names (expression templates) have some 20 KiB. */
#define DEMANGLE_TEXT_MAX (256 * 1024)

/* Longer input is refused before it is parsed: parsing takes stack by length. */
#define DEMANGLE_NAME_MAX (64 * 1024)

struct demangle_text {
	GString *text;
	jmp_buf overflow;
};

static void text_add(const char *bytes, size_t size, void *data)
{
	struct demangle_text *t = data;

	if (t->text->len + size > DEMANGLE_TEXT_MAX)
		longjmp(t->overflow, 1);
	g_string_append_len(t->text, bytes, size);
}

gboolean demangle_is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R');
}

/* v0, or what may be a legacy name, which has a hash of 16 digits: "17h". */
static gboolean may_be_rust(const char *name)
{
	return name[1] == 'R' || strstr(name, "17h");
}

/* Rust first: its legacy names are C++ names as well, with a hash inside. */
static int text_demangle(struct demangle_text *t, const char *name,
			 gboolean full)
{
	int rust = full ? DMGL_VERBOSE : DMGL_NO_OPTS;
	int cxx = full ? DMGL_PARAMS | DMGL_ANSI : DMGL_NO_OPTS;

	if (may_be_rust(name) && rust_demangle_callback(name, rust, text_add, t))
		return 1;
	g_string_truncate(t->text, 0);
	return cplus_demangle_v3_callback(name, cxx, text_add, t);
}

char *demangle_name(const char *name, gboolean full)
{
	struct demangle_text t;
	char *brief;

	if (!demangle_is_mangled(name) || strlen(name) > DEMANGLE_NAME_MAX)
		return NULL;
	t.text = g_string_sized_new(128);
	if (setjmp(t.overflow) || !text_demangle(&t, name, full) ||
	    t.text->len == 0) {
		g_string_free(t.text, TRUE);
		return NULL;
	}
	if (full)
		return g_string_free(t.text, FALSE);
	brief = short_name(t.text->str);
	g_string_free(t.text, TRUE);
	return brief;
}

char *symbols_demangle(const char *name, gboolean full)
{
	char *text = demangle_name(name, full);

	return text ? text : g_strdup(name);
}
