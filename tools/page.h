/* SPDX-License-Identifier: MIT */
/*
 * page: the page that shows a profile, as one file that needs nothing else.
 *
 * The page's parts (tools/web/) lie in the program as resources. Here they
 * become one HTML text: style and modules inlined, the document (its format:
 * tools/page-document.h) in a <script type="application/json">. A content
 * security policy allows this very script and style, by their hashes, and
 * nothing else: no network, and no code that a name could smuggle in.
 */
#ifndef PROFAGENT_TOOLS_PAGE_H
#define PROFAGENT_TOOLS_PAGE_H

#include <gio/gio.h>

#include "tools/page-document.h"

/* The whole page, HTML in UTF-8. */
GString *page_new(const PageContent *content);

/*
 * A part as it lies in tools/web/ ("index.html", "app.js"), for a server; NULL
 * if there is none of that name.
 */
GBytes *page_part(const char *name);

#endif
