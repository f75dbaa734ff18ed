/* SPDX-License-Identifier: MIT */
/* One pass finds which brackets belong together, a second one writes. */
#include "tools/short-name.h"

#include <string.h>

#define LIST_MAX 32	/* bytes of an argument list that stays */
#define LIST_READ 1024	/* of one that may become as short as that */

/* Names longer than this, few, have their brackets on the heap. */
#define USUAL 1024

typedef struct {
	const char *from, *end;
} Text;

typedef struct {
	const char *name;
	guint32 *close;			/* of the bracket at a byte; 0: none */
	GString *to;
} Writer;

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

static gboolean opens(char c)
{
	return c == '(' || c == '[' || c == '{';
}

static gboolean closes(char c)
{
	return c == ')' || c == ']' || c == '}';
}

/* Bytes of "operator<<" and its kind, whose brackets are none; 0: it is not. */
static gsize operator_size(const char *begin, Text t)
{
	static const char *const signs[] = {
		"<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<",
		">",
	};
	const gsize word = strlen("operator");
	gsize i;

	if (*t.from != 'o' || !starts_with(t, "operator") ||
	    (t.from > begin && is_word(t.from[-1])))
		return 0;
	t.from += word;
	for (i = 0; i < G_N_ELEMENTS(signs); i++)
		if (starts_with(t, signs[i]))
			return word + strlen(signs[i]);
	return 0;
}

/* What of `name` is open, outermost first. */
typedef struct {
	const char *name;
	guint32 *close, *open;
	guint32 depth;
} Brackets;

static void bracket_close(Brackets *b, guint32 at)
{
	b->close[b->open[--b->depth]] = at;
}

/* '<' inside that nothing closes only compares. */
static void round_close(Brackets *b, guint32 at)
{
	guint32 depth = b->depth;

	while (depth > 0 && b->name[b->open[depth - 1]] == '<')
		depth--;
	if (depth == 0)
		return;
	b->depth = depth;
	bracket_close(b, at);
}

/* '>' closes '<' alone: in other brackets it compares, after '-' it points. */
static void angle_close(Brackets *b, guint32 at)
{
	if (b->depth > 0 && b->name[b->open[b->depth - 1]] == '<' &&
	    b->name[at - 1] != '-')
		bracket_close(b, at);
}

/* Round, square and curly ones are all one. Fills `close`; `open` is room. */
static void brackets_find(const char *name, gsize size, guint32 *close,
			  guint32 *open)
{
	Brackets b = { name, close, open, 0 };

	for (gsize i = 0; i < size; i++) {
		Text rest = { name + i, name + size };
		gsize skip = operator_size(name, rest);

		if (skip > 0)
			i += skip - 1;
		else if (opens(name[i]) || name[i] == '<')
			open[b.depth++] = (guint32)i;
		else if (closes(name[i]))
			round_close(&b, (guint32)i);
		else if (name[i] == '>')
			angle_close(&b, (guint32)i);
	}
}

/* The bracket that closes the one at `at`; NULL: none does before `end`. */
static const char *bracket_end(const Writer *w, const char *at,
			       const char *end)
{
	guint32 close = w->close[at - w->name];

	return close && w->name + close < end ? w->name + close : NULL;
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

static void append(Writer *w, Text t);

static void append_argument(Writer *w, Text argument, gboolean first)
{
	while (argument.from < argument.end && *argument.from == ' ')
		argument.from++;
	while (argument.end > argument.from && argument.end[-1] == ' ')
		argument.end--;
	if (!first && is_preset(argument))
		return;
	if (!first)
		g_string_append(w->to, ", ");
	append(w, argument);
}

/* All of them, or as many as it takes to see that they are too long. */
static void append_arguments(Writer *w, Text t)
{
	gsize most = w->to->len + LIST_MAX;
	Text argument = { t.from, t.from };
	gboolean first = TRUE;

	for (; argument.end < t.end && w->to->len <= most; argument.end++) {
		const char *close = NULL;

		if (*argument.end == ',') {
			append_argument(w, argument, first);
			first = FALSE;
			argument.from = argument.end + 1;
		} else if (*argument.end == '<' || opens(*argument.end)) {
			close = bracket_end(w, argument.end, t.end);
		}
		argument.end = close ? close : argument.end;
	}
	if (w->to->len <= most)
		append_argument(w, argument, first);
}

/* What is between the brackets, if it is short or becomes so. */
static void append_list(Writer *w, Text t)
{
	gsize begin;

	g_string_append_c(w->to, '<');
	begin = w->to->len;
	if (t.end - t.from <= LIST_READ)
		append_arguments(w, t);
	if (t.end - t.from > LIST_READ || w->to->len - begin > LIST_MAX) {
		g_string_truncate(w->to, begin);
		g_string_append(w->to, "...");
	}
	g_string_append_c(w->to, '>');
}

/* --- names --------------------------------------------------------------------- */

/* A class that everybody calls by another name; where it ends, or NULL. */
static const char *append_alias(Writer *w, const char *begin, Text t)
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
		end = bracket_end(w, t.from + size - strlen("<char"), t.end);
		if (end)
			g_string_append(w->to, aliases[i][1]);
		return end ? end + 1 : NULL;
	}
	return NULL;
}

/* A list at `t`, if there is one; where it ends, or NULL. */
static const char *append_any_list(Writer *w, Text t)
{
	const char *end = t.from < t.end && *t.from == '<' ?
			  bracket_end(w, t.from, t.end) : NULL;

	if (!end)
		return NULL;
	append_list(w, (Text){ t.from + 1, end });
	return end + 1;
}

/* An operator of `size` bytes, and the list of "operator< <int>". */
static const char *append_operator(Writer *w, Text t, gsize size)
{
	g_string_append_len(w->to, t.from, (gssize)size);
	t.from += size;
	if (!starts_with(t, " <") || !bracket_end(w, t.from + 1, t.end))
		return t.from;
	g_string_append_c(w->to, ' ');
	return append_any_list(w, (Text){ t.from + 1, t.end });
}

/* Up to where an operator, an alias or a list may begin again. */
static const char *append_plain(Writer *w, Text t)
{
	const char *from = t.from++;

	while (t.from < t.end && *t.from != '<' && *t.from != 'o' &&
	       *t.from != 's')
		t.from++;
	g_string_append_len(w->to, from, t.from - from);
	return t.from;
}

static void append(Writer *w, Text t)
{
	const char *begin = t.from, *next;
	gsize size;

	while (t.from < t.end) {
		size = operator_size(begin, t);
		if (size > 0) {
			t.from = append_operator(w, t, size);
			continue;
		}
		next = append_alias(w, begin, t);
		if (!next && begins_list(begin, t.from))
			next = append_any_list(w, t);
		t.from = next ? next : append_plain(w, t);
	}
}

char *short_name(const char *name)
{
	gsize size = strlen(name);
	guint32 usual[2 * USUAL];
	g_autofree guint32 *large = NULL;
	Writer w = { name, usual, NULL };

	if (!memchr(name, '<', size) || size > G_MAXUINT32)
		return g_strdup(name);
	if (size > USUAL)
		w.close = large = g_new(guint32, 2 * size);
	memset(w.close, 0, size * sizeof(*w.close));
	brackets_find(name, size, w.close, w.close + size);
	w.to = g_string_sized_new(64);
	append(&w, (Text){ name, name + size });
	return g_string_free(w.to, FALSE);
}
