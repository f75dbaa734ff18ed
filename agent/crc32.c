/* SPDX-License-Identifier: MIT */
/*
 * crc32: by tables. table[0] is the step for one byte; table[k] that for a byte
 * which k further bytes follow, so that eight lookups, none of which waits for
 * another, make eight bytes.
 */
#include "agent/crc32.h"

#include <string.h>

#define POLYNOMIAL 0xedb88320u	/* of RFC 1952, bits reversed */
#define LANES 8

static uint32_t table[LANES][256]; /* 8 KiB, zero pages until crc32_init() */

void crc32_init(void)
{
	uint32_t crc, i;
	int bit, lane;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (lane = 1; lane < LANES; lane++)
		for (i = 0; i < 256; i++) {
			crc = table[lane - 1][i];
			table[lane][i] = crc >> 8 ^ table[0][crc & 255];
		}
}

uint32_t crc32_of(const void *data, size_t size)
{
	const uint8_t *at = data;
	uint32_t crc = 0xffffffffu;
	uint64_t word;
	int lane;

	for (; size >= LANES; size -= LANES, at += LANES) {
		memcpy(&word, at, sizeof(word)); /* little endian */
		word ^= crc;
		crc = 0;
		for (lane = 0; lane < LANES; lane++)
			crc ^= table[LANES - 1 - lane][word >> 8 * lane & 255];
	}
	for (; size > 0; size--)
		crc = crc >> 8 ^ table[0][(crc ^ *at++) & 255];
	return ~crc;
}
