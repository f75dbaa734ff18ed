/* SPDX-License-Identifier: MIT */
/*
 * cxx-name: what a program's own C++ runtime calls a symbol.
 *
 * The agent has no demangler. A program in C++ has one loaded, __cxa_demangle()
 * of its libstdc++ or libc++abi (Itanium C++ ABI, 3.4), which is used for what
 * the program asks for, on the thread that asks: it allocates memory. It is
 * found in the object itself, without the loader, and only in objects that
 * stay (resident.h), so that it cannot go away meanwhile.
 */
#ifndef PROFAGENT_AGENT_CXX_NAME_H
#define PROFAGENT_AGENT_CXX_NAME_H

#include <stddef.h>

/* __cxa_demangle(): NULL for what is no mangled name. */
typedef char *cxx_name_demangler(const char *symbol, char *buffer,
				 size_t *size, int *status);

/*
 * NULL: no such runtime is loaded, or it is linked statically. Threads of the
 * program, never a handler; after modules_begin().
 */
cxx_name_demangler *cxx_name_find(void);

/*
 * The name of `symbol`, to be given to free(); NULL if it is not mangled, cannot
 * be read or `demangle` is NULL. Threads of the program, never a handler.
 */
char *cxx_name_of(cxx_name_demangler *demangle, const char *symbol);

#endif
