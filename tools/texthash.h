/* SPDX-License-Identifier: MIT */
/*
 * texthash: a GHashFunc for long strings. g_str_hash() takes them byte by byte,
 * each waiting for the one before; linkage names have hundreds of bytes.
 */
#ifndef PROFAGENT_TOOLS_TEXTHASH_H
#define PROFAGENT_TOOLS_TEXTHASH_H

#include <glib.h>

/* `key` is NUL-terminated. The value is good for one run of one program. */
guint texthash(gconstpointer key);

#endif
