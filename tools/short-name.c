/* SPDX-License-Identifier: MIT */
/* short-name: see short-name.h. */
#include "tools/short-name.h"

#include <string.h>

#define LIST_MAX 32	/* bytes of an argument list that stays */
#define LIST_READ 1024	/* of one that may become as short as that */

typedef struct {
	const char *from, *end;
} Text;

static gboolean starts_with(Text t, const char *what)
{
	gsize size = strlen(what);

	return (gsize)(t.end - t.from) >= size &&
	       memcmp(t.from, what, size) == 0;
}

static gboolean is_word(char c)
{
	return g_ascii_isalnum(c) || c == '_';
}

/* --- brackets ------------------------------------------------------------------ */

/* Bytes of "operator<<" and its kind, whose brackets are none; 0: it is not. */
static gsize operator_size(const char *begin, Text t)
{
	static const char *const signs[] = {
		"<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<",
		">",
	};
	const gsize word = strlen("operator");
	gsize i;

	if (!starts_with(t, "operator") ||
	    (t.from > begin && is_word(t.from[-1])))
		return 0;
	t.from += word;
	for (i = 0; i < G_N_ELEMENTS(signs); i++)
		if (starts_with(t, signs[i]))
			return word + strlen(signs[i]);
	return 0;
}

/* The round, square or curly bracket that closes the one at `t.from`; NULL:
 * none does. */
static const char *bracket_end(Text t)
{
	int depth = 0;

	for (; t.from < t.end; t.from++) {
		if (strchr("([{", *t.from))
			depth++;
		else if (strchr(")]}", *t.from) && --depth == 0)
			return t.from;
	}
	return NULL;
}

/* The same of '<': what is in other brackets compares and points. */
static const char *list_end(Text t)
{
	const char *begin = t.from, *close;
	int depth = 0;
	gsize skip;

	for (; t.from < t.end; t.from++) {
		skip = operator_size(begin, t);
		if (skip > 0) {
			t.from += skip - 1;
		} else if (strchr("([{", *t.from)) {
			close = bracket_end(t);
			if (!close)
				return NULL;
			t.from = close;
		} else if (*t.from == '<') {
			depth++;
		} else if (*t.from == '>' && t.from[-1] != '-' &&
			   --depth == 0) {
			return t.from;
		}
	}
	return NULL;
}

/* Whether '<' begins arguments: not that of "<lambda(int)>", nor Rust's
 * "<T as Trait>". */
static gboolean begins_list(const char *begin, const char *at)
{
	static const char call[] = "operator()";
	const gsize size = sizeof(call) - 1;

	if ((gsize)(at - begin) >= size &&
	    memcmp(at - size, call, size) == 0)
		return TRUE;
	return at > begin &&
	       (is_word(at[-1]) || at[-1] == ']' ||
		(at - begin > 2 && at[-1] == ':' && is_word(at[-3])));
}

/* --- arguments ----------------------------------------------------------------- */

/* What the standard library fills in. */
static gboolean is_preset(Text argument)
{
	static const char *const presets[] = {
		"std::allocator<", "std::char_traits<", "std::less<",
		"std::equal_to<", "std::hash<", "std::default_delete<",
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(presets); i++)
		if (starts_with(argument, presets[i]))
			return TRUE;
	return FALSE;
}

static void append(GString *to, Text t);

static void append_argument(GString *list, Text argument, gboolean first)
{
	while (argument.from < argument.end && *argument.from == ' ')
		argument.from++;
	while (argument.end > argument.from && argument.end[-1] == ' ')
		argument.end--;
	if (!first && is_preset(argument))
		return;
	if (!first)
		g_string_append(list, ", ");
	append(list, argument);
}

/* What is between the brackets, if it is short or becomes so. */
static void append_list(GString *to, Text t)
{
	g_autoptr(GString) list = g_string_new(NULL);
	Text argument = { t.from, t.from };
	gboolean first = TRUE;

	if (t.end - t.from > LIST_READ) {
		g_string_append(to, "<...>");
		return;
	}
	for (; argument.end < t.end; argument.end++) {
		Text rest = { argument.end, t.end };
		const char *close = NULL;

		if (*rest.from == ',') {
			append_argument(list, argument, first);
			first = FALSE;
			argument.from = argument.end + 1;
		} else if (*rest.from == '<') {
			close = list_end(rest);
		} else if (strchr("([{", *rest.from)) {
			close = bracket_end(rest);
		}
		argument.end = close ? close : argument.end;
	}
	append_argument(list, argument, first);
	g_string_append_printf(to, "<%s>",
			       list->len > LIST_MAX ? "..." : list->str);
}

/* --- names --------------------------------------------------------------------- */

/* A class that everybody calls by another name; where it ends, or NULL. */
static const char *append_alias(GString *to, const char *begin, Text t)
{
	static const char *const aliases[][2] = {
		{ "std::__cxx11::basic_string<char", "std::string" },
		{ "std::basic_string<char", "std::string" },
		{ "std::basic_string_view<char", "std::string_view" },
	};
	const char *end;
	gsize i, size;

	if (*t.from != 's' || (t.from > begin && is_word(t.from[-1])))
		return NULL;
	for (i = 0; i < G_N_ELEMENTS(aliases); i++) {
		size = strlen(aliases[i][0]);
		if (!starts_with(t, aliases[i][0]) ||
		    !strchr(",>", t.from[size]))
			continue;
		end = list_end((Text){ t.from + size - strlen("<char"),
				       t.end });
		if (end)
			g_string_append(to, aliases[i][1]);
		return end ? end + 1 : NULL;
	}
	return NULL;
}

static void append(GString *to, Text t)
{
	const char *begin = t.from, *next;
	gboolean whole = TRUE;		/* no bracket is left open */
	gsize skip;

	while (t.from < t.end) {
		skip = operator_size(begin, t);
		next = skip == 0 ? append_alias(to, begin, t) : NULL;
		if (next) {
			t.from = next;
			continue;
		}
		if (whole && skip == 0 && *t.from == '<' &&
		    begins_list(begin, t.from)) {
			next = list_end(t);
			whole = next != NULL;
		}
		if (next) {
			append_list(to, (Text){ t.from + 1, next });
			t.from = next + 1;
			continue;
		}
		skip = MAX(skip, 1);
		g_string_append_len(to, t.from, (gssize)skip);
		t.from += skip;
		/* "operator< <int>" */
		if (skip > 1 && starts_with(t, " <") &&
		    (next = list_end((Text){ t.from + 1, t.end }))) {
			g_string_append_c(to, ' ');
			append_list(to, (Text){ t.from + 2, next });
			t.from = next + 1;
		}
	}
}

char *short_name(const char *name)
{
	GString *to = g_string_sized_new(64);

	append(to, (Text){ name, name + strlen(name) });
	return g_string_free(to, FALSE);
}
