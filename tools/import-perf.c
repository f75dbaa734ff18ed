/* SPDX-License-Identifier: MIT */
/*
 * import-perf: the text of `perf script`, with or without call chains.
 *
 *	comm  pid/tid [cpu] 12343.123549:     250000 cpu-clock:u:
 *		    7f00 memcpy+0x10 (/usr/lib/libc.so.6)
 *		    1181 work+0x48 (/tmp/a program)
 *
 * Without chains the one frame follows on the same line. What of the first line
 * is there depends on perf's -F; the name and the id of a thread are needed.
 * Addresses are those of the process or of the module, as perf likes, so
 * that they name a location and nothing is looked up by them.
 */
#include "tools/import.h"

#include <string.h>

#include "agent/pprof.h"

#define LINES_LOOKED_AT 200
#define NAME_MAX_BYTES 64		/* of a command; the kernel's are 15 */

typedef struct {
	ImportFeed *to;
	GRegex *event_line, *plain_line;
	GArray *ids;			/* locations of the sample */
	ImportSample sample;
	gint column;			/* of the event; -1: only counted */
	gint64 period;			/* 0: the line has none */
	char name[NAME_MAX_BYTES];	/* of the thread */
	gboolean inside;		/* a sample has begun */
	gboolean passing;		/* lines of a record that is none */
	gboolean has_time;
	guint64 first_ns, last_ns;	/* perf's clock */
	gint64 first_pid;
	gboolean several;		/* more than one process */
	char program[NAME_MAX_BYTES];
	guint64 no_room;		/* samples of events beyond the types */
} Reader;

/* Events that are CPU time in nanoseconds, and columns of our own exports. */
static const struct {
	const char *event, *type, *unit;
} events[] = {
	{ "cpu-clock", "cpu", "nanoseconds" },
	{ "task-clock", "cpu", "nanoseconds" },
	{ "cpu", "cpu", "nanoseconds" },
	{ "wall", "wall", "nanoseconds" },
};

/* A name ends with no blank: so a line of blanks is not tried at each of them. */
static const char event_pattern[] =
	"^\\s*+(\\S.*?)(?<=\\S)\\s++(-?\\d+)(?:/(-?\\d+))?\\s+"
	"(?:\\[\\d+\\]\\s+)?(?:[.\\w]{4,8}\\s+)?(\\d+)\\.(\\d{1,9}):\\s+"
	"(?:(\\d+)\\s+)?(\\S+):(?:\\s+(\\S.*))?\\s*$";
static const char plain_pattern[] =
	"^(\\S.*?)(?<=\\S)\\s++(-?\\d+)(?:/(-?\\d+))?(?:\\s+\\[\\d+\\])?"
	"(?:\\s+(\\d+)\\.(\\d{1,9}):)?\\s*$";

static GRegex *compile(const char *pattern)
{
	/* raw: names may be any bytes */
	return g_regex_new(pattern, G_REGEX_OPTIMIZE | G_REGEX_RAW, 0, NULL);
}

/* --- is it one? -------------------------------------------------------------- */

/* "<tab> 7f00 name" */
static gboolean is_frame(const char *line)
{
	gsize blank = strspn(line, " \t");
	gsize digits = strspn(line + blank, "0123456789abcdefABCDEF");

	return blank > 0 && digits > 0 &&
	       (line[blank + digits] == ' ' || line[blank + digits] == '\0');
}

gboolean import_perf_detect(const guint8 *head, gsize size)
{
	g_autoptr(GRegex) event_line = compile(event_pattern);
	g_autoptr(GRegex) plain_line = compile(plain_pattern);
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!import_is_text(head, size))
		return FALSE;
	text = g_strndup((const char *)head, size);
	lines = g_strsplit(text, "\n", LINES_LOOKED_AT);
	for (guint i = 0; lines[i]; i++) {
		g_strchomp(lines[i]);
		if (!*lines[i] || *lines[i] == '#' ||
		    strstr(lines[i], " PERF_RECORD_"))
			continue;
		if (g_regex_match(event_line, lines[i], 0, NULL))
			return TRUE;
		/* without time and event only what follows tells */
		return lines[i + 1] && is_frame(lines[i + 1]) &&
		       g_regex_match(plain_line, lines[i], 0, NULL);
	}
	return FALSE;
}

/* --- frames ------------------------------------------------------------------- */

/*
 * Takes the module off the end of a frame: "name+0x1 (/a (b)/c)". The parts of
 * a C++ name's own parentheses are told by the blank before the last group.
 */
static const char *cut_module(char *text)
{
	gsize size = strlen(text);
	char *at = text + size;
	int depth = 0;

	if (size == 0 || text[size - 1] != ')')
		return "";
	while (at-- > text) {
		depth += *at == ')' ? 1 : *at == '(' ? -1 : 0;
		if (depth == 0)
			break;
	}
	if (at <= text || at[-1] != ' ')
		return "";
	text[size - 1] = '\0';
	at[-1] = '\0';
	return at + 1;
}

/* "work+0x48" -> "work" */
static void cut_offset(char *name)
{
	char *plus = strrchr(name, '+');

	if (plus && plus != name && g_str_has_prefix(plus, "+0x") &&
	    plus[3 + strspn(plus + 3, "0123456789abcdef")] == '\0')
		*plus = '\0';
}

static guint64 make_location(ImportFeed *to, const char *key, char *frame)
{
	char *name, *module;
	guint64 address = g_ascii_strtoull(frame, &name, 16);

	module = (char *)(guintptr)cut_module(g_strstrip(name));
	if (strcmp(module, "inlined") == 0 ||
	    strcmp(module, "[unknown]") == 0)
		module[0] = '\0';
	g_strstrip(name);
	cut_offset(name);
	if (!*name)
		return 0;
	return import_feed_name(to, key, name, address,
				import_feed_module(to, module));
}

static void take_frame(Reader *r, char *line)
{
	char *frame = g_strchug(line);
	guint64 id = import_feed_find(r->to, frame);

	if (!id) {
		g_autofree char *copy = g_strdup(frame);

		id = make_location(r->to, frame, copy);
	}
	if (id)
		g_array_append_val(r->ids, id);
	else
		r->to->not_understood++;
}

/* --- samples ------------------------------------------------------------------- */

static void end_sample(Reader *r)
{
	ImportSample *s = &r->sample;

	if (r->inside && r->column < 0) {
		r->no_room++;
	} else if (r->inside) {
		s->locations = (const guint64 *)(gpointer)r->ids->data;
		s->count = r->ids->len;
		s->thread = r->name;
		if (r->column > 0)
			s->value[r->column] = r->period;
		import_feed_sample(r->to, s);
	}
	r->inside = FALSE;
	g_array_set_size(r->ids, 0);
}

/* "cycles:u" -> the column of "cycles"; what has no period is only counted. */
static gint column_of(Reader *r, const char *event)
{
	g_autofree char *name = g_strdup(event);
	char *modifier = strrchr(name, ':');

	if (r->period == 0)
		return 0;
	/* tracepoints are called "group:name" */
	if (modifier && strspn(modifier + 1, "ukhGHpPSDeWIb") ==
			strlen(modifier + 1))
		*modifier = '\0';
	if (strcmp(name, "samples") == 0) {
		r->sample.value[0] = r->period;
		return 0;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(events); i++)
		if (strcmp(name, events[i].event) == 0)
			return import_feed_type(r->to, events[i].type,
						events[i].unit);
	return import_feed_type(r->to, name, "count");
}

static gint64 number_of(const GMatchInfo *match, gint group)
{
	g_autofree char *text = g_match_info_fetch(match, group);

	return text && *text ? g_ascii_strtoll(text, NULL, 10) : 0;
}

static void take_thread(Reader *r, const GMatchInfo *match)
{
	g_autofree char *name = g_match_info_fetch(match, 1);
	ImportSample *s = &r->sample;
	gint64 first = number_of(match, 2), second = number_of(match, 3);

	g_strlcpy(r->name, name, sizeof(r->name));
	s->tid = second ? second : first;
	/* one number alone is the thread's */
	s->pid = second ? first : 0;
	if (r->to->samples == 0 && !r->inside) {
		g_strlcpy(r->program, name, sizeof(r->program));
		r->first_pid = s->pid;
	}
	r->several |= s->pid != r->first_pid;
}

static void take_time(Reader *r, const GMatchInfo *match)
{
	g_autofree char *part = g_match_info_fetch(match, 5);
	guint64 ns, scale = 1000000000;

	r->sample.has_time = part && *part;
	if (!r->sample.has_time)
		return;
	for (const char *c = part; *c; c++)
		scale /= 10;
	ns = (guint64)number_of(match, 4) * 1000000000 +
	     g_ascii_strtoull(part, NULL, 10) * scale;
	if (!r->has_time)
		r->first_ns = ns;
	r->has_time = TRUE;
	r->last_ns = MAX(r->last_ns, ns);
	/* perf sorts by time, but not across buffers that came late */
	r->sample.time_ns = ns > r->first_ns ? ns - r->first_ns : 0;
}

/* The first line of a sample. FALSE: it is none. */
static gboolean take_head(Reader *r, const char *line)
{
	g_autoptr(GMatchInfo) match = NULL;
	g_autofree char *event = NULL, *frame = NULL;
	gboolean plain = FALSE;

	if (!g_regex_match(r->event_line, line, 0, &match)) {
		g_clear_pointer(&match, g_match_info_unref);
		plain = g_regex_match(r->plain_line, line, 0, &match);
		if (!plain)
			return FALSE;
	}
	end_sample(r);
	memset(&r->sample, 0, sizeof(r->sample));
	r->sample.value[0] = 1;
	take_thread(r, match);
	take_time(r, match);
	r->period = plain ? 0 : number_of(match, 6);
	event = plain ? NULL : g_match_info_fetch(match, 7);
	r->column = plain ? 0 : column_of(r, event);
	r->inside = TRUE;
	frame = plain ? NULL : g_match_info_fetch(match, 8);
	if (frame && *frame) {
		take_frame(r, frame);
		end_sample(r);
	}
	return TRUE;
}

static void take_line(Reader *r, char *line)
{
	g_strchomp(line);
	if (*line == '#')
		return;
	if (!*line) {
		end_sample(r);
		r->passing = FALSE;
	} else if (strstr(line, " PERF_RECORD_")) {
		end_sample(r);
		r->passing = TRUE;
	} else if (r->inside && *line == '\t' && is_frame(line)) {
		take_frame(r, line);
	} else if (take_head(r, line)) {
		r->passing = FALSE;
	} else if (r->inside && is_frame(line)) {
		take_frame(r, line);
	} else if (!r->passing && !r->inside) {
		/* in a sample it is the source line of the frame above */
		r->to->not_understood++;
	}
}

static void finish(Reader *r)
{
	end_sample(r);
	import_feed_program(r->to, r->program, r->several ? 0 :
			    (gint32)r->first_pid);
	if (r->has_time)
		import_feed_duration(r->to, r->last_ns - r->first_ns);
	r->to->not_understood += r->no_room;
}

gboolean import_perf_read(ImportSource *from, ImportFeed *to, GError **error)
{
	g_autoptr(GRegex) event_line = compile(event_pattern);
	g_autoptr(GRegex) plain_line = compile(plain_pattern);
	g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(guint64));
	Reader r = { .to = to, .event_line = event_line,
		     .plain_line = plain_line, .ids = ids };
	GError *local = NULL;
	char *line;
	gsize size;

	while ((line = import_source_line(from, &size, &local)))
		take_line(&r, line);
	if (local) {
		g_propagate_error(error, local);
		return FALSE;
	}
	finish(&r);
	return TRUE;
}
