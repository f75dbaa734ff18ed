/* SPDX-License-Identifier: MIT */
/*
 * region-fixture: a shared region in a directory of its own, for the tests of
 * what keeps its state there.
 */
#ifndef PROFAGENT_TESTS_UNIT_REGION_FIXTURE_H
#define PROFAGENT_TESTS_UNIT_REGION_FIXTURE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/region.h"

static char region_fixture_dir[] = "/tmp/test-region-XXXXXX";
static int region_fixture_fd;		/* of the region */

static inline void region_fixture_begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(region_fixture_dir));
	ck_assert_int_eq(region_init(region_fixture_dir, "0123456789abcdef", 42,
				     &region_fixture_fd), 0);
}

static inline void region_fixture_end(void)
{
	char path[64];

	region_unlink();
	snprintf(path, sizeof(path), "%s/profagent", region_fixture_dir);
	rmdir(path);
	rmdir(region_fixture_dir);
}

#endif
