/* SPDX-License-Identifier: MIT */
/*
 * elf-image: what a mapped ELF object says about itself.
 *
 * Read with fault-safe reads from memory, where the object may be unmapped at
 * any moment; its file may be long gone. Nothing read is trusted.
 */
#ifndef PROFAGENT_AGENT_ELF_IMAGE_H
#define PROFAGENT_AGENT_ELF_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/modules.h"

/*
 * Fills bias, eh_frame_hdr, eh_frame_hdr_size, build_id and go of `m` from the ELF
 * header mapped at `header`. m->start and m->offset say which segment is meant.
 * False if there is no ELF object or it has no such segment: nothing is filled.
 * One caller at a time.
 */
bool elf_image_read(struct module *m, uint64_t header);

#endif
