/* SPDX-License-Identifier: MIT */
#include "agent/crc32.h"

#include <check.h>
#include <stdlib.h>
#include <zlib.h>

#include "tests/unit/runner.h"

START_TEST(agrees_with_zlib)
{
	static uint8_t data[5000];

	crc32_init();
	srand(7);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	ck_assert_uint_eq(crc32_of("123456789", 9), 0xcbf43926);
	for (size_t from = 0; from < 16; from++)
		for (size_t size = 0; size < sizeof(data) - 16;
		     size += size < 40 ? 1 : 97)
			ck_assert_uint_eq(crc32_of(data + from, size),
				crc32(0, data + from, (unsigned)size));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("crc32");
	TCase *tc = tcase_create("crc32");

	tcase_add_test(tc, agrees_with_zlib);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
