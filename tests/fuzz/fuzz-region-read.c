/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: a shared region that a process left behind. The input is
 * the header, one thread's record, and the beginning of its ring, without the
 * room between them.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/region.h"
#include "tools/region-read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct piece {
	off_t at;
	size_t size;
} pieces[] = {
	{ 0, sizeof(struct region_header) },
	{ REGION_SLOTS_AT, sizeof(struct thread_record) },
	{ REGION_SLOTS_AT + REGION_PAGE, RING_BYTES },
	{ REGION_PAGE, REGION_LABELS_BYTES },
};

static int region_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("region", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	for (unsigned i = 0; i < G_N_ELEMENTS(pieces) && size > 0; i++) {
		size_t n = MIN(size, pieces[i].size);

		g_assert_cmpint(pwrite(fd, data, n, pieces[i].at), ==, n);
		data += n;
		size -= n;
	}
	g_assert_cmpint(ftruncate(fd, REGION_SLOTS_AT + REGION_SLOT_BYTES), ==, 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(Profile) p = profile_new();
	g_autoptr(GError) error = NULL;
	int fd = region_of(data, size);

	if (region_read_is_region(fd) &&
	    !region_read_alone(p, "fuzz", fd, PPROF_READ_DEFAULT, &error))
		g_assert_nonnull(error);
	close(fd);
	return 0;
}
