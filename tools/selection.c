/* SPDX-License-Identifier: MIT */
/* selection: see selection.h. */
#include "tools/selection.h"

#include <string.h>

#include "tools/number.h"

#define LABEL "label"
#define LABEL_PREFIX LABEL ":"
/* Pools by themselves: names that differ in the number at their end. */
#define AUTO "auto"
#define AUTO_POOLS "^(.*?)[-_.:# ]*[0-9]+$"

static const struct {
	const char *word;
	CalltreeBy by;
} ways[] = {
	{ "function", CALLTREE_BY_FUNCTION }, { "line", CALLTREE_BY_LINE },
	{ "module", CALLTREE_BY_MODULE }, { "thread", CALLTREE_BY_THREAD },
	{ "process", CALLTREE_BY_PROCESS }, { "address", CALLTREE_BY_ADDRESS },
	{ LABEL, CALLTREE_BY_LABEL },
};

void selection_add_options(Selection *s, GOptionContext *context, gboolean by)
{
	const GOptionEntry merge[] = {
		{ "by", 0, 0, G_OPTION_ARG_STRING, &s->by,
		  "Merge by function, line, module, thread, process, address, "
		  "label or label:KEY (function)", "WHAT" },
		{ NULL }
	};
	const GOptionEntry entries[] = {
		{ "type", 't', 0, G_OPTION_ARG_STRING, &s->type,
		  "Sample type to show, such as cpu or samples", "NAME" },
		{ "thread", 0, 0, G_OPTION_ARG_STRING, &s->thread,
		  "Only threads whose name matches", "REGEX" },
		{ "pid", 0, 0, G_OPTION_ARG_STRING, &s->pid_text,
		  "Only this process", "PID" },
		{ "label", 0, 0, G_OPTION_ARG_STRING_ARRAY, &s->labels,
		  "Only samples with this label; repeated: with all of them",
		  "KEY[=VALUE]" },
		{ "from", 0, 0, G_OPTION_ARG_STRING, &s->from,
		  "Only what was sampled at or after TIME since the start "
		  "(2.5, 300ms, 2m)", "TIME" },
		{ "to", 0, 0, G_OPTION_ARG_STRING, &s->to,
		  "Only what was sampled before TIME", "TIME" },
		{ "focus", 0, 0, G_OPTION_ARG_STRING, &s->focus,
		  "Only stacks with a function that matches", "REGEX" },
		{ "ignore", 0, 0, G_OPTION_ARG_STRING, &s->ignore,
		  "No stacks with a function that matches", "REGEX" },
		{ "hide", 0, 0, G_OPTION_ARG_STRING, &s->hide,
		  "Leave matching functions out of stacks", "REGEX" },
		{ "root-at", 0, 0, G_OPTION_ARG_STRING, &s->root_at,
		  "Begin stacks at the function that matches", "REGEX" },
		{ "end-at", 0, 0, G_OPTION_ARG_STRING, &s->end_at,
		  "End stacks at the function that matches", "REGEX" },
		{ "fold", 0, 0, G_OPTION_ARG_STRING, &s->fold,
		  "Make a run of matching functions its outermost", "REGEX" },
		{ "group-threads", 0, 0, G_OPTION_ARG_STRING,
		  &s->group_threads,
		  "Merge threads whose name matches; the first group of the "
		  "expression names the pool; auto: the name without the "
		  "number at its end", "REGEX" },
		{ NULL }
	};

	if (by)
		g_option_context_add_main_entries(context, merge, NULL);
	g_option_context_add_main_entries(context, entries, NULL);
}

/* --- parsing ------------------------------------------------------------------ */

static void set_error(GError **error, const char *format, ...)
	G_GNUC_PRINTF(2, 3);

static void set_error(GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    text);
}

gboolean selection_parse_time(const char *text, guint64 *ns)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{ "", 1e9 }, { "s", 1e9 }, { "ms", 1e6 }, { "us", 1e3 },
		{ "ns", 1 },		{ "m", 60e9 }, { "h", 3600e9 },
	};
	double value;
	const char *end;
	gsize i;

	if (!number_begins(text, &value, &end))
		return FALSE;
	for (i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(end, units[i].unit) == 0 &&
		    value * units[i].ns < (double)(G_MAXUINT64 / 2)) {
			*ns = (guint64)(value * units[i].ns + 0.5);
			return TRUE;
		}
	return FALSE;
}

static gboolean check_time(const char *option, const char *text, guint64 *ns,
			   GError **error)
{
	if (!text || selection_parse_time(text, ns))
		return TRUE;
	set_error(error, "%s '%s': it is a time, a number with h, m, s, ms, us or "
		  "ns behind it, or nothing for seconds", option, text);
	return FALSE;
}

gboolean selection_take_length(const char *option, const char *text,
			       guint64 *ns, GError **error)
{
	guint64 got = 0;

	if (selection_parse_time(text, &got) && got > 0) {
		*ns = got;
		return TRUE;
	}
	set_error(error, "%s '%s': it is a length of time such as 10s, 500ms "
		  "or 2m", option, text);
	return FALSE;
}

GRegex *selection_regex(const char *option, const char *source,
			GError **error)
{
	g_autoptr(GError) wrong = NULL;
	GRegex *regex;

	if (!g_utf8_validate(source, -1, NULL)) {
		set_error(error, "%s: the expression is no UTF-8", option);
		return NULL;
	}
	regex = g_regex_new(source, G_REGEX_OPTIMIZE, 0, &wrong);
	if (!regex)
		set_error(error, "%s: %s", option, wrong->message);
	return regex;
}

static gboolean check_expressions(Selection *s, GError **error)
{
	const struct {
		const char *option, *source;
		GRegex **regex;
	} all[] = {
		{ "--thread", s->thread, &s->options.thread },
		{ "--focus", s->focus, &s->options.focus },
		{ "--ignore", s->ignore, &s->options.ignore },
		{ "--hide", s->hide, &s->options.hide },
		{ "--root-at", s->root_at, &s->options.root_at },
		{ "--end-at", s->end_at, &s->options.end_at },
		{ "--fold", s->fold, &s->options.fold },
		{ "--group-threads", g_strcmp0(s->group_threads, AUTO) == 0
				     ? AUTO_POOLS : s->group_threads,
		  &s->options.group_threads },
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(all); i++) {
		if (!all[i].source)
			continue;
		*all[i].regex = selection_regex(all[i].option, all[i].source,
						error);
		if (!*all[i].regex)
			return FALSE;
	}
	return TRUE;
}

static gboolean check_by(Selection *s, GError **error)
{
	gsize i;

	if (!s->by)
		return TRUE;
	if (g_str_has_prefix(s->by, LABEL_PREFIX) &&
	    s->by[strlen(LABEL_PREFIX)]) {
		s->options.by = CALLTREE_BY_LABEL;
		s->options.label = s->by + strlen(LABEL_PREFIX);
		return TRUE;
	}
	for (i = 0; i < G_N_ELEMENTS(ways); i++)
		if (strcmp(ways[i].word, s->by) == 0) {
			s->options.by = ways[i].by;
			return TRUE;
		}
	set_error(error, "--by %s: it is function, line, module, thread, "
		  "process, address, label or label:KEY", s->by);
	return FALSE;
}

gboolean selection_check(Selection *s, GError **error)
{
	CalltreeOptions *o = &s->options;

	if (!check_by(s, error) || !check_expressions(s, error) ||
	    !check_time("--from", s->from, &o->from_ns, error) ||
	    !check_time("--to", s->to, &o->to_ns, error) ||
	    !number_take_int("--pid", s->pid_text, 1, G_MAXINT, NULL, &s->pid,
			     error))
		return FALSE;
	o->pid = s->pid;
	o->labels = s->labels;
	if (!s->to || o->to_ns > o->from_ns)
		return TRUE;
	set_error(error, "--to %s: nothing lies before it and not before "
		  "--from", s->to);
	return FALSE;
}

gboolean selection_needs_moments(const Selection *s)
{
	return s->from || s->to;
}

static gboolean find_type(Selection *s, const Profile *p, GError **error)
{
	g_autoptr(GString) valid = g_string_new(NULL);
	gint type;
	guint i;

	s->options.type = p->default_type;
	if (!s->type)
		return TRUE;
	type = profile_find_type(p, s->type);
	if (type >= 0) {
		s->options.type = (guint)type;
		return TRUE;
	}
	for (i = 0; i < p->type_count; i++)
		g_string_append_printf(valid, "%s%s", i ? ", " : "",
				       profile_text(p, p->type[i].type));
	set_error(error, "--type %s: the profile has %s", s->type, valid->str);
	return FALSE;
}

gboolean selection_apply(Selection *s, const Profile *p, GError **error)
{
	guint i;

	if (!find_type(s, p, error))
		return FALSE;
	if (selection_needs_moments(s) && p->moments->len == 0) {
		set_error(error, "--from, --to: the profile has no times");
		return FALSE;
	}
	for (i = 0; s->pid != 0 && i < p->processes->len; i++)
		if (profile_at(p->processes, ProfileProcess, i)->pid == s->pid)
			return TRUE;
	if (s->pid == 0)
		return TRUE;
	set_error(error, "--pid %d: no such process in the profile", s->pid);
	return FALSE;
}

void selection_release(Selection *s)
{
	char **texts[] = { &s->by, &s->type, &s->thread, &s->from, &s->to,
			   &s->group_threads, &s->focus, &s->ignore, &s->hide,
			   &s->root_at, &s->end_at, &s->fold,
			   &s->pid_text };
	GRegex **all[] = { &s->options.thread, &s->options.focus,
			   &s->options.ignore, &s->options.hide,
			   &s->options.root_at, &s->options.end_at,
			   &s->options.fold,
			   &s->options.group_threads };
	gsize i;

	g_clear_pointer(&s->labels, g_strfreev);
	for (i = 0; i < G_N_ELEMENTS(texts); i++)
		g_clear_pointer(texts[i], g_free);
	for (i = 0; i < G_N_ELEMENTS(all); i++)
		g_clear_pointer(all[i], g_regex_unref);
}
