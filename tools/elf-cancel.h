/* SPDX-License-Identifier: MIT */
/*
 * elf-cancel: names for the functions of glibc that make the system calls.
 *
 * From 2.41 on all calls at which a thread can be cancelled (read, write, poll
 * ...) end in one of two functions without a symbol: much of a program's time
 * would be shown as libc.so.6+0x9a700. The one is assembly, the same in each
 * build for x86-64, and known by its code; the other is the only one that calls
 * it, and makes the call itself while there is one thread.
 */
#ifndef PROFAGENT_TOOLS_ELF_CANCEL_H
#define PROFAGENT_TOOLS_ELF_CANCEL_H

#include "tools/elf-file.h"
#include "tools/elf-frames.h"

/* The name of the function that begins at `start`, one of the object's own
 * addresses, if it is one of them; else NULL. */
const char *elf_cancel_name(const ElfFile *f, const ElfFrames *frames,
			    guint64 start);

#endif
