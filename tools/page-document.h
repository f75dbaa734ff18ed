/* SPDX-License-Identifier: MIT */
/*
 * page-document: a Profile, or two to compare, as the JSON that the page
 * (tools/web/) draws from. The page in a file carries it, a server sends it.
 *
 * The document is one object. Tables are objects of parallel arrays: row i of
 * a table is element i of each of its arrays. -1 stands for "none".
 *
 *	version		1; a page refuses any other
 *	title		what the page is called
 *	types		[[type, unit], ...], as ["cpu", "nanoseconds"]
 *	default_type	index in types
 *	sets		names of the profiles: one, or before and after
 *	strings		strings[0] is ""; names refer to them by index
 *	modules		[[short name, path], ...]
 *	frames		a table: a function at a place where it may be
 *	  name, file	indices in strings
 *	  module	index in modules or -1
 *	  line		where the function begins, 0: unknown
 *	  flags		enum page_frame_flag
 *	stacks		a table: the tree of all stacks. Node 0 is its root and
 *			not in the table: row i is node i + 1
 *	  parent	node - parent's node: 1 is the node just before. Parents
 *			come before their children
 *	  frame		index in frames
 *	samples		a table
 *	  stack		node where the stack ends
 *	  thread, process  indices or -1
 *	  set		index in sets; absent where there is but one
 *	  count		how often a stack was taken, for error bars
 *	  spread	count * sum of squared weights / square of their sum: 1
 *			where all weigh the same; absent where all are 1
 *	  labels	for each an array of indices in labels; absent where no
 *			sample has any
 *	  values	for each type an array
 *	labels		labels of samples, as "key=value"
 *	moments		when samples were taken; a sample's moments are a run,
 *			runs come as samples do
 *	  unit_ns	unit of delta
 *	  count		for each sample, the length of its run
 *	  delta		time since the previous moment of the run, of the first
 *			since the start of the earliest process
 *	  weight	in microseconds; absent where the moments of each sample
 *			weigh the same
 *	threads		[{process, tid, name}, ...]
 *	processes	[{...}, ...]: the fields of ProfileProcess under their
 *			names, `lost` and `truncated` as [[reason, n], ...]
 *	notes		sentences about what could not be named or read
 */
#ifndef PROFAGENT_TOOLS_PAGE_DOCUMENT_H
#define PROFAGENT_TOOLS_PAGE_DOCUMENT_H

#include <glib.h>

#include "tools/page-tables.h"
#include "tools/profile.h"

typedef struct {
	const char *title;
	Profile *profile[2];		/* [1] NULL unless compared */
	const char *name[2];		/* of the profiles, for the reader */
	gint type;			/* shown first; -1: the profile's own */
	gboolean no_inlines;		/* they count as their callers */
	GPtrArray *notes[2];		/* char *: what could not be named;
					 * either may be NULL */
} PageContent;

/* A document has as many nodes of stacks at most, about; what is more is folded
 * where it is lightest (tools/tree-sieve.h), and a note says so. */
#define PAGE_NODES (1u << 19)

/*
 * Appends the document to `out`. Two profiles must have the same sample types
 * (page_content_check).
 */
void page_document_append(GString *out, const PageContent *content);

/* The same with at most about so many nodes. */
void page_document_append_within(GString *out, const PageContent *content,
				 guint nodes);

/* Why these two cannot be compared, static text; NULL if they can. */
const char *page_content_check(const PageContent *content);

#endif
