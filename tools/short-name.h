/* SPDX-License-Identifier: MIT */
/*
 * short-name: readable names of C++ and Rust as tables have room for.
 *
 * Template arguments that are what the standard library fills in are left out
 * ("std::vector<int>"), std::string is called so, and of argument lists that
 * are long all the same only "<...>" stays: instantiations that differ in them
 * have one name then, as functions that differ in their parameters do.
 */
#ifndef PROFAGENT_TOOLS_SHORT_NAME_H
#define PROFAGENT_TOOLS_SHORT_NAME_H

#include <glib.h>

/* g_free() it. Any text is safe; what is no such name stays as it is. */
char *short_name(const char *name);

#endif
