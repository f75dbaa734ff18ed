/* SPDX-License-Identifier: MIT */
/*
 * crc32: the checksum of gzip (RFC 1952, section 8), eight bytes at a time.
 */
#ifndef PROFAGENT_AGENT_CRC32_H
#define PROFAGENT_AGENT_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Fills the tables, once, before the first crc32_of(). Ordinary context. */
void crc32_init(void);

uint32_t crc32_of(const void *data, size_t size);

#endif
