/* SPDX-License-Identifier: MIT */
/* snapshot: see snapshot.h. Asking the agent, and showing. */
#include "tools/snapshot.h"

#include <string.h>

#include "agent/unwind.h"
#include "tools/pprof-read.h"
#include "tools/symbols.h"
#include "tools/text.h"

Profile *snapshot_of_agent(Client *c, GError **error)
{
	g_autoptr(GBytes) message = client_ask_frame(c, "snapshot", error);
	g_autoptr(Profile) p = NULL;
	const guint8 *data;
	gsize size;

	if (!message)
		return NULL;
	p = profile_new();
	data = g_bytes_get_data(message, &size);
	if (!pprof_read_bytes(p, "snapshot", data, size, PPROF_READ_NO_REGION,
			      error))
		return NULL;
	return g_steal_pointer(&p);
}

/* --- what a sample says ------------------------------------------------------ */

static const char *label(const Profile *p, const ProfileSample *s,
			 const char *key)
{
	guint i;

	for (i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(p->labels, ProfileLabel,
						   s->first_label + i);

		if (strcmp(profile_text(p, l->key), key) == 0)
			return profile_text(p, l->text);
	}
	return "";
}

static const ProfileThread *thread_of(const Profile *p, const ProfileSample *s)
{
	return s->thread < p->threads->len
		       ? profile_at(p->threads, ProfileThread, s->thread)
		       : NULL;
}

static const char *program_of(const Profile *p)
{
	return p->processes->len > 0
		       ? profile_text(p, profile_at(p->processes,
						    ProfileProcess, 0)->program)
		       : "";
}

static const char *module_of(const Profile *p, const ProfileLocation *l)
{
	const char *path, *slash;

	if (l->mapping >= p->mappings->len)
		return "";
	path = profile_text(p, profile_at(p->mappings, ProfileMapping,
					  l->mapping)->path);
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* One frame, as both ways of showing need it. */
typedef struct {
	char *name;
	const char *file, *module;
	gint32 line;
	guint64 address;
} Frame;

typedef void FrameFunc(const Frame *f, guint number, gpointer data);

static Frame frame_of_line(const Profile *p, const ProfileLocation *l, guint i)
{
	const ProfileLine *line = profile_at(p->lines, ProfileLine,
					     l->first_line + i);
	const ProfileFunction *f = profile_at(p->functions, ProfileFunction,
					      line->function);

	return (Frame){ g_strdup(profile_text(p, f->name)),
			profile_text(p, f->file), module_of(p, l), line->line,
			l->address };
}

/* Inlined functions are frames of their own. */
static void for_each_frame(const Profile *p, const ProfileSample *s,
			   FrameFunc *func, gpointer data)
{
	guint i, k, number = 0;

	for (i = 0; i < s->frame_count; i++) {
		guint32 at = g_array_index(p->frames, guint32,
					   s->first_frame + i);
		const ProfileLocation *l = profile_at(p->locations,
						      ProfileLocation, at);

		for (k = 0; k < MAX(l->line_count, 1u); k++) {
			Frame f = { NULL, "", module_of(p, l), 0, l->address };

			if (l->line_count > 0)
				f = frame_of_line(p, l, k);
			else
				f.name = symbols_unknown_name(p, l);
			func(&f, number++, data);
			g_free(f.name);
		}
	}
}

/* --- text --------------------------------------------------------------------- */

static void print_frame(const Frame *f, guint number, gpointer data)
{
	g_autofree char *name = text_escape(f->name);
	g_autofree char *file = text_escape(f->file);
	g_autofree char *module = text_escape(f->module);

	fprintf(data, "  #%-2u %s", number, name);
	if (file[0] && f->line > 0)
		fprintf(data, " at %s:%d", file, f->line);
	else if (module[0])
		fprintf(data, " in %s", module);
	fputc('\n', data);
}

static void print_thread(const Profile *p, const ProfileSample *s, FILE *to)
{
	const ProfileThread *t = thread_of(p, s);
	g_autofree char *name = text_escape(t ? profile_text(p, t->name) : "");
	g_autofree char *state = text_escape(label(p, s, "state"));
	g_autofree char *call = text_escape(label(p, s, "call"));

	fprintf(to, "Thread %d %s: %s%s%s\n", t ? t->tid : 0, name, state,
		call[0] ? " in " : "", call);
	for_each_frame(p, s, print_frame, to);
	if (s->frame_count == 0)
		fputs("  (no stack: it did not come to a CPU in time)\n", to);
	else if (s->end != UNWIND_COMPLETE && s->end < UNWIND_ENDS)
		fprintf(to, "  (cut short: %s)\n", unwind_end_names[s->end]);
}

void snapshot_print(Profile *p, gint32 pid, FILE *to)
{
	g_autofree char *program = text_escape(program_of(p));
	guint i, n = p->samples->len;

	fprintf(to, "%d %s: %u thread%s\n", pid, program, n,
		n == 1 ? "" : "s");
	for (i = 0; i < n; i++)
		print_thread(p, profile_at(p->samples, ProfileSample, i), to);
}

/* --- JSON --------------------------------------------------------------------- */

static void put_text(JsonOut *to, const char *key, const char *text)
{
	if (!text[0])
		return;
	json_out_key(to, key);
	json_out_string(to, text);
}

static void put_int(JsonOut *to, const char *key, gint64 n)
{
	json_out_key(to, key);
	json_out_int(to, n);
}

static void put_frame(const Frame *f, guint number, gpointer data)
{
	g_autofree char *address = g_strdup_printf(
		"0x%" G_GINT64_MODIFIER "x", f->address);

	(void)number;
	json_out_open(data, '{');
	put_text(data, "function", f->name);
	put_text(data, "file", f->file);
	if (f->line > 0)
		put_int(data, "line", f->line);
	put_text(data, "module", f->module);
	put_text(data, "address", address);
	json_out_close(data, '}');
}

static void put_thread(const Profile *p, const ProfileSample *s, JsonOut *to)
{
	const ProfileThread *t = thread_of(p, s);

	json_out_open(to, '{');
	put_int(to, "tid", t ? t->tid : 0);
	put_text(to, "name", t ? profile_text(p, t->name) : "");
	put_text(to, "state", label(p, s, "state"));
	put_text(to, "call", label(p, s, "call"));
	if (s->end != UNWIND_COMPLETE && s->end < UNWIND_ENDS)
		put_text(to, "cut_short", unwind_end_names[s->end]);
	json_out_key(to, "frames");
	json_out_open(to, '[');
	for_each_frame(p, s, put_frame, to);
	json_out_close(to, ']');
	json_out_close(to, '}');
}

void snapshot_put(Profile *p, gint32 pid, JsonOut *to)
{
	guint i;

	json_out_open(to, '{');
	put_int(to, "pid", pid);
	put_text(to, "program", program_of(p));
	json_out_key(to, "threads");
	json_out_open(to, '[');
	for (i = 0; i < p->samples->len; i++)
		put_thread(p, profile_at(p->samples, ProfileSample, i), to);
	json_out_close(to, ']');
	json_out_close(to, '}');
}
