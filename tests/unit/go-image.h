/* SPDX-License-Identifier: MIT */
/*
 * go-image: a made-up Go program in memory, two pages: the ELF header, Go's
 * note and Go's table, then code.
 */
#ifndef PROFAGENT_TESTS_UNIT_GO_IMAGE_H
#define PROFAGENT_TESTS_UNIT_GO_IMAGE_H

#include <stdint.h>

#define GO_IMAGE_PAGE 4096u
#define GO_IMAGE_TABLE 1024u	/* offset of the table */

/* Offsets in the code. Each function has 64 bytes. */
enum go_image_function {
	GO_LEAF = 0x000,	/* main.leaf: no frame */
	GO_FRAME = 0x040,	/* main.frame: 24 bytes from its 4th to 52nd */
	GO_SYSTEMSTACK = 0x080,
	GO_GOEXIT = 0x0c0,
	GO_PREEMPT = 0x100,	/* runtime.asyncPreempt: 8 bytes from its 2nd */
	GO_NANOTIME = 0x140,	/* runtime.nanotime1: 24 bytes */
	GO_MSTART = 0x180,
	GO_CALLER = 0x1c0,	/* main.caller: 32 bytes; calls: */
	GO_AFTER_SYSTEMSTACK = 0x1d0,
	GO_AFTER_NANOTIME = 0x1e0,
	GO_AFTER_LEAF = 0x1f0,
	GO_END = 0x200,
};

/* Maps it; go_image_free() unmaps it. */
uint8_t *go_image_new(void);
void go_image_free(uint8_t *image);

/* Address of a place in its code. */
static inline uint64_t go_image_pc(const uint8_t *image, unsigned offset)
{
	return (uint64_t)(uintptr_t)image + GO_IMAGE_PAGE + offset;
}

/* Writes to `path` what /proc/self/maps would say of it alone. */
void go_image_write_maps(const uint8_t *image, const char *path);

#endif
