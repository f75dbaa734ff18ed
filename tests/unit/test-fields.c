/* SPDX-License-Identifier: MIT */
#include "tools/fields.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/runner.h"

static void feed(Fields *f, const void *bytes, gsize size)
{
	guint8 *to;
	gsize room, done = 0;

	while (done < size) {
		to = fields_room(f, &room);
		ck_assert_uint_gt(room, 0);
		room = MIN(room, size - done);
		memcpy(to, (const guint8 *)bytes + done, room);
		fields_added(f, room);
		done += room;
	}
}

/* 1: 150; 2: "abc"; 3: 64 bits; 4: 32 bits; 1002: "" */
static const guint8 sample[] = {
	0x08, 0x96, 0x01, 0x12, 3, 'a', 'b', 'c',
	0x19, 1, 0, 0, 0, 0, 0, 0, 0x80, 0x25, 4, 3, 2, 1,
	0xd2, 0x3e, 0,
};

static void check_sample(Fields *f, gsize step)
{
	const struct {
		guint32 number;
		guint64 value;
	} wanted[] = {
		{ 1, 150 }, { 2, 3 }, { 3, 0x8000000000000001 },
		{ 4, 0x01020304 }, { 1002, 0 },
	};
	gsize fed = 0, found = 0;
	Field field;

	while (fed < sizeof(sample)) {
		gsize n = MIN(step, sizeof(sample) - fed);

		feed(f, sample + fed, n);
		fed += n;
		while (fields_next(f, &field) == FIELDS_FIELD) {
			ck_assert_uint_eq(field.number, wanted[found].number);
			ck_assert_uint_eq(field.bytes ? field.size
						      : field.value,
					  wanted[found].value);
			if (field.number == 2)
				ck_assert_mem_eq(field.bytes, "abc", 3);
			found++;
		}
	}
	ck_assert_uint_eq(found, G_N_ELEMENTS(wanted));
	ck_assert(fields_at_boundary(f));
}

START_TEST(fields_come_however_bytes_arrive)
{
	Fields f;
	gsize step;

	for (step = 1; step <= sizeof(sample); step++) {
		fields_init(&f);
		check_sample(&f, step);
		fields_release(&f);
	}
}
END_TEST

START_TEST(what_is_no_protobuf_is_refused)
{
	static const struct {
		gsize size;
		guint8 bytes[12];
	} wrong[] = {
		{ 1, { 0x00 } },		/* field 0 */
		{ 2, { 0x03, 0x00 } },		/* a group */
		{ 2, { 0x0f, 0x00 } },		/* type 7 */
		{ 12, { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0xff, 0xff } },	/* a number without end */
		{ 11, { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			0xff, 0x01 } },		/* a length of 2^64 - 1 */
	};
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(wrong); i++) {
		Fields f;
		Field field;

		fields_init(&f);
		feed(&f, wrong[i].bytes, wrong[i].size);
		ck_assert_int_eq(fields_next(&f, &field), FIELDS_LOST);
		fields_restart(&f);
		check_sample(&f, 3);
		fields_release(&f);
	}
}
END_TEST

START_TEST(a_huge_field_is_passed_over)
{
	/* field 6 of 2^25 bytes */
	static const guint8 head[] = { 0x32, 0x80, 0x80, 0x80, 0x10 };
	g_autofree guint8 *zeros = g_malloc0(1 << 20);
	Fields f;
	Field field;
	int i;

	fields_init(&f);
	feed(&f, head, sizeof(head));
	for (i = 0; i < 32; i++) {
		ck_assert_int_eq(fields_next(&f, &field), FIELDS_MORE);
		ck_assert_uint_le(f.room, 1 << 21);
		feed(&f, zeros, 1 << 20);
	}
	ck_assert_uint_eq(f.huge, 1);
	ck_assert(fields_at_boundary(&f));
	check_sample(&f, 5);
	fields_release(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fields");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, fields_come_however_bytes_arrive);
	tcase_add_test(tcase, what_is_no_protobuf_is_refused);
	tcase_add_test(tcase, a_huge_field_is_passed_over);
	suite_add_tcase(suite, tcase);
	return runner_run(suite);
}
