/* SPDX-License-Identifier: MIT */
/*
 * elfsym: finds symbols in loaded objects without dlsym.
 *
 * dlsym would need libdl on older systems, takes the loader's lock, allocates
 * its error state in TLS and makes a symbol lookup visible to the program.
 * These functions walk the loader's list of objects (_r_debug, which debuggers
 * rely on) in the order in which it searches, and the hash tables in them.
 * The default version of a symbol is found, as dlsym does. Versions that only
 * old binaries use are not found.
 *
 * Constructor only: nobody loads or unloads objects meanwhile.
 */
#ifndef PROFAGENT_AGENT_ELFSYM_H
#define PROFAGENT_AGENT_ELFSYM_H

/*
 * The definition of `name` that ours hides: the first in an object behind the
 * one this code is linked into, as dlsym(RTLD_NEXT). An indirect function is
 * resolved. NULL if there is none.
 */
void *elfsym_find_next(const char *name);

/* The first definition in any object, as dlsym(RTLD_DEFAULT). NULL if none. */
void *elfsym_find(const char *name);

/*
 * A definition in the one object mapped at `ehdr` (the vdso at
 * AT_SYSINFO_EHDR). NULL if there is none, or no object.
 */
void *elfsym_find_in(const void *ehdr, const char *name);

#endif
