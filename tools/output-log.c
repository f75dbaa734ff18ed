/* SPDX-License-Identifier: MIT */
/* output-log: see output-log.h. */
#include "tools/output-log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/text.h"

#define TAIL_SIZE 65536u	/* bytes in which the last lines are looked for */

struct _OutputLog {
	int fd;
	goffset copied;			/* bytes of the file, already written */
	GString *tail;
};

OutputLog *output_log_new(GError **error)
{
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("profagent-output-XXXXXX", &path, error);
	OutputLog *l;

	if (fd < 0)
		return NULL;
	unlink(path);
	l = g_new0(OutputLog, 1);
	l->fd = fd;
	l->tail = g_string_new(NULL);
	return l;
}

void output_log_free(OutputLog *l)
{
	close(l->fd);
	g_string_free(l->tail, TRUE);
	g_free(l);
}

static int write_all(int fd, const char *data, gsize size)
{
	gssize n;

	while (size > 0) {
		n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		size -= (gsize)n;
	}
	return 0;
}

/* A full disk costs the rest of the output, not the program. */
void output_log_add(OutputLog *l, const char *data, gsize size)
{
	if (lseek(l->fd, 0, SEEK_END) >= 0)
		write_all(l->fd, data, size);
	g_string_append_len(l->tail, data, (gssize)size);
	if (l->tail->len > 2 * TAIL_SIZE)
		g_string_erase(l->tail, 0,
			       (gssize)(l->tail->len - TAIL_SIZE));
}

/* --- lines ------------------------------------------------------------------- */

/* Behind an escape sequence that begins at `s` (ECMA-48: CSI, OSC, others). */
static const char *skip_sequence(const char *s)
{
	if (s[1] == '[') {
		for (s += 2; *s >= 0x20 && *s < 0x40; s++)
			;
		return *s ? s + 1 : s;
	}
	if (s[1] == ']') {
		for (s += 2; *s && *s != '\a' && *s != '\033'; s++)
			;
		return *s == '\a' ? s + 1 : *s && s[1] ? s + 2 : s;
	}
	return s[1] ? s + 2 : s + 1;
}

/* A line as it stood on a terminal in the end, but for colours. */
static char *clean(const char *line)
{
	g_autofree char *copy = g_strchomp(g_strdup(line));
	const char *last = strrchr(copy, '\r');
	const char *s = last ? last + 1 : copy;
	g_autoptr(GString) to = g_string_new(NULL);

	while (*s) {
		if (*s == '\033') {
			s = skip_sequence(s);
			continue;
		}
		g_string_append_c(to, *s == '\t' ? ' ' : *s);
		s++;
	}
	return text_escape(to->str);
}

GPtrArray *output_log_tail(const OutputLog *l, guint rows)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) lines = NULL;
	g_autofree char *text = g_strndup(l->tail->str, l->tail->len);
	guint n, i;

	lines = g_strsplit(text, "\n", -1);
	n = g_strv_length(lines);
	if (n > 0 && !lines[n - 1][0])
		n--;			/* behind the last newline */
	for (i = n > rows ? n - rows : 0; i < n; i++)
		g_ptr_array_add(list, clean(lines[i]));
	return list;
}

/* --- the whole --------------------------------------------------------------- */

int output_log_copy(OutputLog *l, int fd)
{
	char buffer[16384];
	gssize got;
	int err;

	while ((got = pread(l->fd, buffer, sizeof(buffer), l->copied)) > 0) {
		err = write_all(fd, buffer, (gsize)got);
		if (err)
			return err;
		l->copied += got;
	}
	return got < 0 ? errno : 0;
}
