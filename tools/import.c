/* SPDX-License-Identifier: MIT */
/* import: see import.h. A new format is one file and one line here. */
#include "tools/import.h"

#include <string.h>

/* The strict ones first: what is one of them is none of those behind it. */
static const Importer importers[] = {
	{ "gperftools", import_gperftools_detect, import_gperftools_read },
	{ "perf script", import_perf_detect, import_perf_read },
	{ "folded", import_folded_detect, import_folded_read },
};

/* Files that people try, which another program turns into one of ours. */
static const struct {
	const char *magic;
	const char *advice;
} strangers[] = {
	{ "PERFILE2", "a file of perf record; give it as text: "
		      "perf script -i FILE | profagent report -" },
	{ "\x7f" "ELF", "a program or library, not a profile of it" },
	{ "gmon", "a file of gprof, which counts calls; profagent samples" },
};

const Importer *import_detect(const guint8 *head, gsize size)
{
	for (gsize i = 0; i < G_N_ELEMENTS(importers); i++)
		if (importers[i].detect(head, size))
			return &importers[i];
	return NULL;
}

const char *import_advise(const guint8 *head, gsize size)
{
	for (gsize i = 0; i < G_N_ELEMENTS(strangers); i++) {
		gsize length = strlen(strangers[i].magic);

		if (size >= length &&
		    memcmp(head, strangers[i].magic, length) == 0)
			return strangers[i].advice;
	}
	return NULL;
}

gboolean import_is_text(const guint8 *head, gsize size)
{
	for (gsize i = 0; i < size; i++)
		if (head[i] < ' ' && !strchr("\t\n\r\f\x1b", head[i]))
			return FALSE;
		else if (head[i] == 0)
			return FALSE;
	return size > 0;
}
