/* SPDX-License-Identifier: MIT */
/* annotate-rows: what both kinds of annotation print the same way. */
#ifndef PROFAGENT_TOOLS_ANNOTATE_ROWS_H
#define PROFAGENT_TOOLS_ANNOTATE_ROWS_H

#include "tools/report.h"
#include "tools/text.h"

/* Two cells, self and total per cent; empty ones for NULL. */
void annotate_add_shares(const Report *r, TextTable *t,
			 const CalltreeItem *item);

#endif
