/* SPDX-License-Identifier: MIT */
/*
 * viewer-model: the rows of the terminal viewer, which of them are expanded, and
 * which one has the focus. Knows nothing of terminals.
 *
 * Rows are known by their path of names from the root, so that expansion and
 * focus outlive the trees: each update builds a new one.
 */
#ifndef PROFAGENT_TOOLS_VIEWER_MODEL_H
#define PROFAGENT_TOOLS_VIEWER_MODEL_H

#include "tools/calltree.h"

typedef struct _ViewerModel ViewerModel;

typedef enum {
	VIEWER_NESTED,			/* callees below callers */
	VIEWER_FLAT,			/* functions, each once */
	VIEWER_CALLERS,			/* callers below callees */
	VIEWER_LAYOUTS,
} ViewerLayout;

typedef enum {
	VIEWER_BY_FUNCTION,
	VIEWER_BY_OWN,
	VIEWER_BY_DEEP,
	VIEWER_ORDERS,
} ViewerOrder;

/* What 100 % is. */
typedef enum { VIEWER_OF_ALL, VIEWER_OF_PARENT } ViewerBase;

typedef struct {
	const CalltreeNode *node;	/* NULL in the flat layout */
	const CalltreeItem *item;
	guint32 path;
	guint depth;			/* from 0 */
	gboolean has_children, expanded;
	/* values of the sample type, and how often a stack was taken */
	double own, deep, own_count, deep_count;
	double base;			/* 100 % */
} ViewerRow;

#define VIEWER_NO_ROW G_MAXUINT

ViewerModel *viewer_model_new(void);
void viewer_model_free(ViewerModel *m);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewerModel, viewer_model_free)

/*
 * What is shown from now on. `options` say which samples and what is merged; the
 * layout is ours. Both stay the caller's and must not change before the next
 * update; NULL: nothing.
 */
void viewer_model_update(ViewerModel *m, Profile *p,
			 const CalltreeOptions *options);

/* ViewerRow, in the order of the screen; valid until the next call below. */
const GArray *viewer_model_rows(ViewerModel *m);

/* Of the tree that is shown; NULL before the first update. */
const Calltree *viewer_model_tree(const ViewerModel *m);

/* The row with the focus, VIEWER_NO_ROW: it is on the root. */
guint viewer_model_focus(ViewerModel *m);

/* --- what keys do ------------------------------------------------------------ */

void viewer_model_set_layout(ViewerModel *m, ViewerLayout layout);
ViewerLayout viewer_model_layout(const ViewerModel *m);

/* Each stack below its thread; in the flat layout the threads alone. */
void viewer_model_set_threads(ViewerModel *m, gboolean threads);
gboolean viewer_model_threads(const ViewerModel *m);

void viewer_model_set_base(ViewerModel *m, ViewerBase base);
ViewerBase viewer_model_base(const ViewerModel *m);

/* By one column, the heaviest first, names from A to Z; or the other way. */
void viewer_model_set_order(ViewerModel *m, ViewerOrder order,
			    gboolean reverse);
ViewerOrder viewer_model_order(const ViewerModel *m);
gboolean viewer_model_reverse(const ViewerModel *m);

/* So many rows up or down, as far as there are any. */
void viewer_model_move(ViewerModel *m, gint rows);
void viewer_model_move_to(ViewerModel *m, guint row);

/* Expands; of an expanded row goes to its first child. */
void viewer_model_expand(ViewerModel *m);

/* Folds; of a folded row goes to its parent. */
void viewer_model_fold(ViewerModel *m);

/* Expands a folded row and the other way round. */
void viewer_model_toggle(ViewerModel *m);

/*
 * Follows first children down to a leaf, from the focus, or from the root if
 * that is a leaf.
 */
void viewer_model_hotspot(ViewerModel *m);

void viewer_model_defocus(ViewerModel *m);

/*
 * Goes to the next row, or the one before, whose name or place has `text` in it,
 * large or small letters; folded rows are searched and expanded, from the last
 * on to the first. How many there are.
 */
guint viewer_model_search(ViewerModel *m, const char *text,
			  gboolean backwards);

#endif
