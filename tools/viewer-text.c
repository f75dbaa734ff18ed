/* SPDX-License-Identifier: MIT */
/* viewer-text: see viewer-text.h. */
#include "tools/viewer-text.h"

#include "tools/report.h"

#define ROWS 100
#define PERCENT 1.0	/* smaller branches are left out */

void viewer_text_print(Profile *p, const CalltreeOptions *options,
		       const GPtrArray *notes)
{
	g_autoptr(Calltree) tree = calltree_new(p, options);
	Health health;
	Report r = {
		.profile = p, .options = options, .tree = tree,
		.health = &health, .limit = ROWS, .min_percent = PERCENT,
		.with_tree = TRUE,
	};

	health_init(&health, p, notes);
	report_print_head(&r, stdout);
	report_print_tree(&r, stdout);
	health_release(&health);
}
