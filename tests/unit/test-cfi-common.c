/* SPDX-License-Identifier: MIT */
/*
 * The short reading of FDEs: hand-made records, and against the long reading at
 * every address of the code that is mapped here.
 */
#include "agent/cfi-common.h"

#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/cfi.h"
#include "agent/eh-table.h"
#include "agent/modules.h"
#include "tests/unit/runner.h"

static struct memory memory;
static struct dw_source source;

/* --- hand-made records -------------------------------------------------- */

/* A CIE at 0, an FDE of [CODE, CODE + SIZE) at FDE_AT, and the end. */
enum { FDE_AT = 24, CODE = 4096, SIZE = 2048 };

static _Alignas(8) uint8_t section[CODE + SIZE];

static const uint8_t cie[FDE_AT] = {
	20, 0, 0, 0, 0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, ARCH_PC, 1,
	0x1b, 0x0c, ARCH_RSP, 8, 0x80 | ARCH_PC, 1, 0, 0,
};

static uint64_t at(uint32_t offset)
{
	return (uint64_t)(uintptr_t)section + offset;
}

static void put32(uint32_t offset, uint32_t value)
{
	memcpy(section + offset, &value, sizeof(value));
}

static void put_fde(const uint8_t *program, uint32_t size)
{
	uint32_t length = (13 + size + 3) & ~3u;

	memset(section, 0, CODE);
	memcpy(section, cie, sizeof(cie));
	put32(FDE_AT, length);
	put32(FDE_AT + 4, FDE_AT + 4);
	put32(FDE_AT + 8, CODE - (FDE_AT + 8));
	put32(FDE_AT + 12, SIZE);
	memcpy(section + FDE_AT + 17, program, size);
}

#define PUT_FDE(...)							\
	put_fde((const uint8_t[]){ __VA_ARGS__ },			\
		sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void setup(void)
{
	memory_init(&memory, 0, 0);
	source = (struct dw_source){ at(0), at(CODE), &memory };
}

static void check_rule(uint32_t pc, bool from_rbp, uint64_t cfa, uint64_t rbp)
{
	struct cfi_common rule;

	ck_assert(cfi_common_find(&rule, &source, at(FDE_AT), at(CODE + pc)));
	ck_assert_int_eq(rule.from_rbp, from_rbp);
	ck_assert_uint_eq(rule.cfa, cfa);
	ck_assert_uint_eq(rule.rbp, rbp);
}

static bool is_found(uint32_t pc)
{
	struct cfi_common rule;

	return cfi_common_find(&rule, &source, at(FDE_AT), at(CODE) + pc);
}

START_TEST(a_frame_that_is_made_and_undone)
{
	PUT_FDE(0x41, 0x0e, 16, 0x80 | ARCH_RBP, 2, 0x43, 0x0d, ARCH_RBP, 0x48,
		0x83, 3, 0x02, 200, 0x0a, 0xc0 | ARCH_RBP, 0x0c, ARCH_RSP, 8,
		0x41, 0x0b);
	check_rule(0, false, 8, 0);
	check_rule(1, false, 16, 16);
	check_rule(3, false, 16, 16);
	check_rule(4, true, 16, 16);
	check_rule(211, true, 16, 16);
	check_rule(212, false, 8, 0);
	check_rule(213, true, 16, 16);
	check_rule(SIZE - 1, true, 16, 16);
	ck_assert(!is_found(SIZE));
	ck_assert(!is_found(UINT32_MAX));
}
END_TEST

START_TEST(large_frames)
{
	PUT_FDE(0x41, 0x0e, 0x90, 0x20, 0x03, 0x00, 0x01, 0x0e, 0x88, 0x80, 4,
		0x2e, 0x90, 1, 0x04, 0x00, 0x01, 0, 0, 0x0e, 0xff, 0xff, 0xff,
		0x7f);
	check_rule(1, false, 0x1010, 0);
	check_rule(0x101, false, 0x10008, 0);
	ck_assert(!is_found(0x201));	/* no frame is that large */
}
END_TEST

START_TEST(what_is_not_common_is_left_to_others)
{
	static const struct {
		uint8_t size, program[8];
	} others[] = {
		{ 3, { 0x0c, 10, 8 } },			/* CFA = r10 + 8 */
		{ 2, { 0x0d, ARCH_RBX } },
		{ 2, { 0x80 | ARCH_PC, 2 } },		/* another place */
		{ 2, { 0x80 | ARCH_RSP, 2 } },
		{ 2, { 0x80 | ARCH_RBP, 0 } },		/* at the CFA */
		{ 1, { 0xc0 | ARCH_PC } },
		{ 2, { 0x07, ARCH_PC } },		/* undefined */
		{ 2, { 0x08, ARCH_RBP } },		/* same value */
		{ 4, { 0x0f, 2, 0x77, 8 } },		/* expressions */
		{ 5, { 0x10, ARCH_RBP, 2, 0x76, 0 } },
		{ 3, { 0x05, ARCH_RBP, 2 } },
		{ 1, { 0x0b } },			/* remembered none */
		{ 3, { 0x0a, 0x0a, 0x0a } },
		{ 1, { 0x3f } },
	};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		put_fde(others[i].program, others[i].size);
		ck_assert_msg(!is_found(9), "program %d", (int)i);
	}
	/* Registers that are not told may be anywhere. */
	PUT_FDE(0x80 | ARCH_RBX, 3, 0x80 | ARCH_R15, 2, 0xc0 | ARCH_RBX,
		0x80 | (32 + ARCH_RBP), 4);
	check_rule(9, false, 8, 0);
}
END_TEST

START_TEST(records_that_end_early)
{
	PUT_FDE(0x41, 0x0e, 16);
	for (uint32_t length = 0; length < 12; length++) {
		put32(FDE_AT, length);
		ck_assert(!is_found(1));
	}
	put32(FDE_AT, 15);	/* within def_cfa_offset */
	ck_assert(!is_found(1));
	check_rule(0, false, 8, 0);
	put32(FDE_AT, 13);
	check_rule(1, false, 8, 0);
	put32(FDE_AT, CODE - FDE_AT - 3);	/* beyond what may be read */
	ck_assert(!is_found(1));
	put32(FDE_AT, UINT32_MAX);
	ck_assert(!is_found(1));
	PUT_FDE(0);
	section[FDE_AT + 16] = 0x7f;	/* augmentation */
	ck_assert(!is_found(1));
}
END_TEST

START_TEST(another_kind_of_cie_is_left_to_others)
{
	PUT_FDE(0);
	ck_assert(is_found(1));
	/* Of its bytes the two nops alone mean nothing. */
	for (size_t i = 0; i < 22; i++) {
		section[i] ^= 1;
		ck_assert_msg(!is_found(1), "byte %d", (int)i);
		section[i] ^= 1;
	}
	put32(FDE_AT + 4, 0);
	ck_assert(!is_found(1));
	put32(FDE_AT + 4, 1u << 30);
	ck_assert(!is_found(1));
}
END_TEST

START_TEST(nothing_outside_is_read)
{
	PUT_FDE(0);
	source.low = at(1);
	ck_assert(!is_found(1));
	source.low = source.high = 0;
	ck_assert(!is_found(1));
	source.low = at(0);
	for (uint32_t end = 0; end < FDE_AT + 4 + 16; end++) {
		source.high = at(end);
		ck_assert(!is_found(1));
	}
}
END_TEST

/* --- real ones ---------------------------------------------------------- */

struct tally {
	unsigned common, other;
};

static bool says(const struct cfi_common *rule, const struct cfi_row *row)
{
	uint8_t rbp = row->how[ARCH_RBP];

	return row->cfa_how == CFI_REGISTER &&
	       row->cfa_reg == (rule->from_rbp ? ARCH_RBP : ARCH_RSP) &&
	       row->cfa_value == (int64_t)rule->cfa &&
	       row->how[ARCH_PC] == CFI_OFFSET && row->value[ARCH_PC] == -8 &&
	       row->how[ARCH_RSP] == CFI_UNSET &&
	       rbp == (rule->rbp != 0 ? CFI_OFFSET : CFI_UNSET) &&
	       row->value[ARCH_RBP] * (rbp == CFI_OFFSET) ==
		       -(int64_t)rule->rbp;
}

static void compare_at(const struct cfi_fde *fde, uint64_t pc,
		       struct tally *tally)
{
	struct cfi_common rule;
	struct cfi_row row;

	if (!cfi_common_find(&rule, &source, fde->base, pc)) {
		tally->other++;
		return;
	}
	tally->common++;
	/* an assertion that holds is written to a file as well: a minute here */
	if (fde->is_signal || !cfi_row_find(&row, fde, &source, pc) ||
	    !says(&rule, &row))
		ck_abort_msg("another rule at %#lx", (unsigned long)pc);
}

static void compare_module(const struct module *m, struct tally *tally)
{
	uint64_t fde_at, pc = m->start;
	struct cfi_fde fde;

	source = (struct dw_source){ m->table_low, m->table_high, &memory };
	while (pc < m->end) {
		fde_at = eh_table_find(&m->eh_table, &source, pc, m->start,
				       m->end);
		if (fde_at == 0 || !cfi_fde_read(&fde, &source, fde_at) ||
		    pc >= fde.end) {
			pc++;	/* a gap */
			continue;
		}
		for (; pc < fde.end; pc++)
			compare_at(&fde, pc, tally);
	}
}

START_TEST(what_is_mapped_here_is_read_as_the_long_way_reads_it)
{
	struct tally tally = { 0, 0 };
	const struct module_table *table;

	ck_assert_int_eq(modules_init(NULL), 0);
	table = modules_current();
	for (uint32_t i = 0; i < table->count; i++)
		if (table->module[i].resident &&
		    table->module[i].eh_table.count > 0)
			compare_module(&table->module[i], &tally);
	/* The PLT and what was written by hand are the others. */
	ck_assert_uint_gt(tally.common, 100000);
	ck_assert_uint_lt(tally.other, tally.common / 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cfi-common");
	TCase *tc = tcase_create("cfi-common");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 240);
	tcase_add_test(tc, a_frame_that_is_made_and_undone);
	tcase_add_test(tc, large_frames);
	tcase_add_test(tc, what_is_not_common_is_left_to_others);
	tcase_add_test(tc, records_that_end_early);
	tcase_add_test(tc, another_kind_of_cie_is_left_to_others);
	tcase_add_test(tc, nothing_outside_is_read);
	tcase_add_test(tc,
		what_is_mapped_here_is_read_as_the_long_way_reads_it);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
