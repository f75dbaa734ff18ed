/* SPDX-License-Identifier: MIT */
/*
 * selection: the options that say which samples are looked at and how frames
 * are merged, as a command line has them, into CalltreeOptions.
 */
#ifndef PROFAGENT_TOOLS_SELECTION_H
#define PROFAGENT_TOOLS_SELECTION_H

#include <gio/gio.h>

#include "tools/calltree.h"

/* Zeroed to begin with; filled by GOption, freed by selection_release(). */
typedef struct {
	char *by, *type, *thread, *from, *to, *group_threads;
	char **labels;
	char *focus, *ignore, *hide, *root_at, *end_at, *fold;
	char *pid_text;
	gint pid;			/* 0: all */
	CalltreeOptions options;	/* filled by the functions below */
} Selection;

/* Without `by`, frames are merged as the command wants. */
void selection_add_options(Selection *s, GOptionContext *context, gboolean by);

/* What does not need the profile. Errors are those of GOption. */
gboolean selection_check(Selection *s, GError **error);

/* What does: the sample type, whether there are times to choose by. */
gboolean selection_apply(Selection *s, const Profile *p, GError **error);

/* Whether moments must be read. */
gboolean selection_needs_moments(const Selection *s);

void selection_release(Selection *s);

/* "1.5", "1.5s", "20ms", "3m", "1h" -> ns. FALSE: it is none of these. */
gboolean selection_parse_time(const char *text, guint64 *ns);

/* The same of an option that is a length of time: 0 is none. */
gboolean selection_take_length(const char *option, const char *text,
			       guint64 *ns, GError **error);

/* A regular expression of `option`; NULL with one line that says where it is
 * wrong. */
GRegex *selection_regex(const char *option, const char *source,
			GError **error);

#endif
