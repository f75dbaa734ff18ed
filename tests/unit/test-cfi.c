/* SPDX-License-Identifier: MIT */
/*
 * Hand-made FDEs, and rows from all over libc, the loader and libcrypto against
 * libdw's reading of them (built WITH_LIBDW).
 */
#define _GNU_SOURCE
#include "agent/cfi.h"

#include <check.h>
#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#ifdef WITH_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>
#endif

#include "agent/arch-x86_64.h"
#include "agent/eh-table.h"
#include "tests/unit/runner.h"

enum { RBX = ARCH_RBX, RBP = ARCH_RBP, RSP = ARCH_RSP, PC = ARCH_PC };

static struct memory memory;
static struct dw_source source;

static void setup(void)
{
	memory_init(&memory, 0, 0);
	source = (struct dw_source){ 0, UINT64_MAX, &memory };
}

/* --- assembling --------------------------------------------------------- */

static uint8_t section[4096];
static size_t used;

static void put(uint64_t value, unsigned size)
{
	memcpy(section + used, &value, size);
	used += size;
}

static void put_bytes(const void *bytes, size_t size)
{
	memcpy(section + used, bytes, size);
	used += size;
}

/* Fills the length of the record that began at `start`. */
static void close_record(size_t start)
{
	while (used % 4 != 0)
		put(0, 1);
	memcpy(section + start, &(uint32_t){ (uint32_t)(used - start - 4) },
	       4);
}

/* A CIE with `letters` and the usual program, or `program`. */
static void put_cie(const char *letters, const void *program, size_t size)
{
	static const uint8_t usual[] = { 0x0c, RSP, 8, 0x80 | PC, 1 };

	used = 0;
	put(0, 4);			/* length */
	put(0, 4);			/* CIE */
	put(1, 1);			/* version */
	put_bytes(letters, strlen(letters) + 1);
	put(1, 1);			/* code alignment */
	put(0x78, 1);			/* data alignment -8 */
	put(PC, 1);
	if (letters[0] == 'z') {
		put(strlen(letters) - 1 - (strchr(letters, 'S') != NULL), 1);
		if (strchr(letters, 'R'))
			put(DW_EH_PE_ABSPTR, 1);
		if (strchr(letters, 'x'))
			put(99, 1);
	}
	put_bytes(program ? program : usual, program ? size : sizeof(usual));
	close_record(0);
}

/* An FDE for [0x1000, 0x2000); returns its address. */
static uint64_t put_fde(const void *program, size_t size)
{
	size_t start = used;

	put(0, 4);
	put(used, 4);			/* back to the CIE */
	put(0x1000, 8);
	put(0x1000, 8);
	if (section[9] == 'z')
		put(0, 1);
	put_bytes(program, size);
	close_record(start);
	put(0, 4);
	return (uint64_t)(uintptr_t)(section + start);
}

static bool find(uint64_t fde_at, uint64_t pc, struct cfi_row *row,
		 struct cfi_fde *fde)
{
	return cfi_fde_read(fde, &source, fde_at) &&
	       cfi_row_find(row, fde, &source, pc);
}

#define FDE(...) \
	put_fde((const uint8_t[]){ __VA_ARGS__ }, \
		sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* --- reading ------------------------------------------------------------ */

START_TEST(the_rows_of_a_function)
{
	/* push rbp at 1; mov rbp, rsp at 4; leave at 0x104 */
	struct cfi_row row;
	struct cfi_fde fde;
	uint64_t at;

	put_cie("zR", NULL, 0);
	at = FDE(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, RBP, 0x03, 0x00, 0x01,
		 0x0a, 0x0c, RSP, 8, 0xc6, 0x41, 0x0b);
	ck_assert(find(at, 0x1000, &row, &fde));
	ck_assert_uint_eq(fde.start, 0x1000);
	ck_assert_uint_eq(fde.end, 0x2000);
	ck_assert(!fde.is_signal);
	ck_assert_int_eq(row.cfa_how, CFI_REGISTER);
	ck_assert_int_eq(row.cfa_reg, RSP);
	ck_assert_int_eq(row.cfa_value, 8);
	ck_assert_int_eq(row.how[PC], CFI_OFFSET);
	ck_assert_int_eq(row.value[PC], -8);
	ck_assert_int_eq(row.how[RBP], CFI_UNSET);
	for (uint64_t pc = 0x1001; pc < 0x1004; pc++) {
		ck_assert(find(at, pc, &row, &fde));
		ck_assert_int_eq(row.cfa_reg, RSP);
		ck_assert_int_eq(row.cfa_value, 16);
		ck_assert_int_eq(row.value[RBP], -16);
	}
	for (uint64_t pc = 0x1004; pc < 0x1104; pc += 51) {
		ck_assert(find(at, pc, &row, &fde));
		ck_assert_int_eq(row.cfa_reg, RBP);
		ck_assert_int_eq(row.cfa_value, 16);
	}
	ck_assert(find(at, 0x1104, &row, &fde));
	ck_assert_int_eq(row.cfa_reg, RSP);
	ck_assert_int_eq(row.cfa_value, 8);
	ck_assert_int_eq(row.how[RBP], CFI_UNSET);
	ck_assert_uint_eq(row.ruled, 1u << PC);
	ck_assert(find(at, 0x1105, &row, &fde));	/* restore_state */
	ck_assert_int_eq(row.cfa_reg, RBP);
	ck_assert_int_eq(row.how[RBP], CFI_OFFSET);
}
END_TEST

START_TEST(every_instruction)
{
	static const struct {
		uint8_t bytes[12], reg, how;
		int32_t value;
	} known[] = {
		{ { 0x05, RBX, 3 }, RBX, CFI_OFFSET, -24 },
		{ { 0x11, RBX, 0x7d }, RBX, CFI_OFFSET, 24 },
		{ { 0x2f, RBX, 3 }, RBX, CFI_OFFSET, 24 },
		{ { 0x80 | RBX, 3 }, RBX, CFI_OFFSET, -24 },
		{ { 0x14, RBX, 3 }, RBX, CFI_VAL_OFFSET, -24 },
		{ { 0x15, RBX, 0x7d }, RBX, CFI_VAL_OFFSET, 24 },
		{ { 0x07, RBX }, RBX, CFI_UNDEFINED, 0 },
		{ { 0x08, RBX }, RBX, CFI_SAME, 0 },
		{ { 0x09, RBX, 12 }, RBX, CFI_REGISTER, 12 },
		{ { 0x80 | RBX, 3, 0xc0 | RBX }, RBX, CFI_UNSET, 0 },
		{ { 0x80 | RBX, 3, 0x06, RBX }, RBX, CFI_UNSET, 0 },
		{ { 0x07, PC, 0xc0 | PC }, PC, CFI_OFFSET, -8 },
		{ { 0x2e, 100, 0x05, 60, 2, 0x08, RBX }, RBX, CFI_SAME, 0 },
	};

	put_cie("zR", NULL, 0);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t cie = used;
		struct cfi_row row;
		struct cfi_fde fde;
		uint64_t at = put_fde(known[i].bytes, sizeof(known[i].bytes));

		ck_assert_msg(find(at, 0x1000, &row, &fde), "case %zu", i);
		ck_assert_int_eq(row.how[known[i].reg], known[i].how);
		ck_assert_int_eq(row.value[known[i].reg], known[i].value);
		ck_assert_int_eq(row.ruled >> known[i].reg & 1,
				 known[i].how != CFI_UNSET);
		used = cie;
	}
}
END_TEST

START_TEST(every_way_to_the_cfa)
{
	struct cfi_row row;
	struct cfi_fde fde;
	uint64_t at;

	put_cie("zR", NULL, 0);
	at = FDE(0x0c, RBP, 0x90, 1, 0x41, 0x12, RSP, 0x7c, 0x41, 0x13, 0x7e,
		 0x41, 0x0d, 10, 0x41, 0x0e, 0x80, 8, 0x41, 0x0f, 2, 0x77, 8);
	ck_assert(find(at, 0x1000, &row, &fde));
	ck_assert_int_eq(row.cfa_reg, RBP);
	ck_assert_int_eq(row.cfa_value, 144);
	ck_assert(find(at, 0x1001, &row, &fde));
	ck_assert_int_eq(row.cfa_reg, RSP);
	ck_assert_int_eq(row.cfa_value, 32);
	ck_assert(find(at, 0x1002, &row, &fde));
	ck_assert_int_eq(row.cfa_value, 16);
	ck_assert(find(at, 0x1003, &row, &fde));
	ck_assert_int_eq(row.cfa_reg, 10);
	ck_assert_int_eq(row.cfa_value, 16);
	ck_assert(find(at, 0x1004, &row, &fde));
	ck_assert_int_eq(row.cfa_value, 1024);
	ck_assert(find(at, 0x1005, &row, &fde));
	ck_assert_int_eq(row.cfa_how, CFI_EXPRESSION);
}
END_TEST

START_TEST(every_way_forward)
{
	struct cfi_row row;
	struct cfi_fde fde;
	uint64_t at;

	put_cie("zR", NULL, 0);
	at = FDE(0x02, 0xc0, 0x0e, 16, 0x03, 0x40, 0x01, 0x0e, 24, 0x04, 0, 2,
		 0, 0, 0x0e, 32, 0x01, 0x00, 0x18, 0, 0, 0, 0, 0, 0, 0x0e, 40,
		 0x1d, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0e, 48);
	static const struct {
		uint64_t pc;
		int offset;
	} known[] = {
		{ 0x1000, 8 }, { 0x10bf, 8 }, { 0x10c0, 16 }, { 0x11ff, 16 },
		{ 0x1200, 24 }, { 0x13ff, 24 }, { 0x1400, 32 }, { 0x17ff, 32 },
		{ 0x1800, 40 }, { 0x180f, 40 }, { 0x1810, 48 }, { 0x1fff, 48 },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		ck_assert(find(at, known[i].pc, &row, &fde));
		ck_assert_int_eq(row.cfa_value, known[i].offset);
	}
}
END_TEST

START_TEST(programs_that_we_do_not_know_are_refused)
{
	static const struct {
		uint8_t bytes[8];
	} bad[] = {
		{ { 0x17 } }, { { 0x3f } }, { { 0x0b } },
		{ { 0x0a, 0x0a, 0x0a } },	/* remembers too much */
		{ { 0x09, RBX, 17 } }, { { 0x0c, 17, 8 } },
		{ { 0x0d, 99 } },
		{ { 0x0f, 1, 0x30, 0x0e, 8 } }, /* offset of an expression */
		{ { 0x0f, 0xff, 0x7f } },	/* longer than the record */
		{ { 0x0e, 0xff, 0xff, 0xff, 0xff, 0x7f } },
		{ { 0x05, RBX, 0xff, 0xff, 0xff, 0xff, 0x7f } },
		{ { 0x01, 0xff } },		/* backwards */
	};

	put_cie("zR", NULL, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t cie = used;
		struct cfi_row row;
		struct cfi_fde fde;
		uint64_t at = put_fde(bad[i].bytes, sizeof(bad[i].bytes));

		ck_assert_msg(!find(at, 0x1000, &row, &fde), "case %zu", i);
		used = cie;
	}
}
END_TEST

START_TEST(augmentations)
{
	static const uint8_t none[] = { 0 };
	struct cfi_row row;
	struct cfi_fde fde;

	put_cie("", NULL, 0);
	ck_assert(find(put_fde(none, 1), 0x1000, &row, &fde));
	put_cie("zRS", NULL, 0);
	ck_assert(find(put_fde(none, 1), 0x1000, &row, &fde));
	ck_assert(fde.is_signal);
	put_cie("zRx", NULL, 0);	/* unknown, but 'z' says its size */
	ck_assert(find(put_fde(none, 1), 0x1000, &row, &fde));
	put_cie("eh", NULL, 0);
	ck_assert(!cfi_fde_read(&fde, &source, put_fde(none, 1)));
	put_cie("zRRRRRRRRRRR", NULL, 0);
	ck_assert(!cfi_fde_read(&fde, &source, put_fde(none, 1)));
	put_cie("zR", none, 1);		/* says nothing of the CFA */
	ck_assert(!find(put_fde(none, 1), 0x1000, &row, &fde));
}
END_TEST

START_TEST(records_that_are_none_are_refused)
{
	static const uint8_t none[] = { 0 };
	struct cfi_fde fde;
	uint64_t at;

	put_cie("zR", NULL, 0);
	at = put_fde(none, 1);
	ck_assert(cfi_fde_read(&fde, &source, at));
	ck_assert(!cfi_fde_read(&fde, &source, (uintptr_t)section)); /* a CIE */
	section[8] = 2;			/* version */
	ck_assert(!cfi_fde_read(&fde, &source, at));
	section[8] = 1;
	((uint8_t *)(uintptr_t)at)[4] -= 4;	/* not its CIE */
	ck_assert(!cfi_fde_read(&fde, &source, at));
	memset((void *)(uintptr_t)at, 0xff, 4);	/* 64-bit record */
	ck_assert(!cfi_fde_read(&fde, &source, at));
	memset((void *)(uintptr_t)at, 0, 4);	/* terminator */
	ck_assert(!cfi_fde_read(&fde, &source, at));
	source.high = 0;
	ck_assert(!cfi_fde_read(&fde, &source, 0));
	ck_assert(!cfi_fde_read(&fde, &source, 4096));
	ck_assert(!cfi_fde_read(&fde, &source, UINT64_MAX - 3));
}
END_TEST

/* --- applying ----------------------------------------------------------- */

/* A stack of words that say where they are. */
static uint64_t stack[64];

static uint64_t word_at(unsigned i)
{
	return (uint64_t)(uintptr_t)&stack[i];
}

static struct unwind_regs registers(uint32_t known)
{
	struct unwind_regs regs = { .known = known };

	for (unsigned i = 0; i < 64; i++)
		stack[i] = 0x5000 + i;
	for (unsigned i = 0; i < UNWIND_REGS; i++)
		regs.reg[i] = 100 + i;
	regs.reg[RSP] = word_at(10);
	regs.reg[RBP] = word_at(30);
	return regs;
}

static enum unwind_end apply(uint64_t at, struct unwind_regs *regs,
			     int *missing)
{
	struct cfi_row row;
	struct cfi_fde fde;

	ck_assert(find(at, 0x1000, &row, &fde));
	return cfi_row_apply(&row, &fde, &source, regs, missing);
}

START_TEST(a_leaf_knows_all_its_caller_only_what_was_kept)
{
	struct unwind_regs regs = registers(ARCH_KNOWN_ALL);
	int missing;

	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x0e, 32, 0x83, 2, 0x09, 12, 0), &regs,
			       &missing), UNWIND_ENDS);
	ck_assert_int_eq(missing, -1);
	ck_assert_uint_eq(regs.reg[RSP], word_at(14));
	ck_assert_uint_eq(regs.reg[PC], 0x5000 + 13);
	ck_assert_uint_eq(regs.reg[RBX], 0x5000 + 12);
	ck_assert_uint_eq(regs.reg[RBP], word_at(30));	/* kept */
	ck_assert_uint_eq(regs.reg[12], 100);		/* was in rax */
	ck_assert_uint_eq(regs.known, ARCH_CALLEE_SAVED | 1u << RSP |
			  1u << PC);
}
END_TEST

START_TEST(expressions_and_registers_of_other_kinds)
{
	struct unwind_regs regs = registers(ARCH_KNOWN_ALL);
	int missing;

	put_cie("zR", NULL, 0);
	/* CFA = rbp + 16; rbx is the word at CFA + 8, r12 = CFA + 1,
	 * r13 = CFA - 16 */
	ck_assert_int_eq(apply(FDE(0x0f, 2, 0x76, 16, 0x10, RBX, 2, 0x38,
				   0x22, 0x16, 12, 2, 0x31, 0x22, 0x14, 13, 2),
			       &regs, &missing), UNWIND_ENDS);
	ck_assert_uint_eq(regs.reg[RSP], word_at(32));
	ck_assert_uint_eq(regs.reg[PC], 0x5000 + 31);
	ck_assert_uint_eq(regs.reg[RBX], 0x5000 + 33);
	ck_assert_uint_eq(regs.reg[12], word_at(32) + 1);
	ck_assert_uint_eq(regs.reg[13], word_at(30));
}
END_TEST

START_TEST(what_is_missing_is_named)
{
	struct unwind_regs regs = registers(1u << PC | 1u << RSP);
	int missing;

	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x0c, RBP, 16), &regs, &missing),
			 UNWIND_BAD_RULE);
	ck_assert_int_eq(missing, RBP);
	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x0f, 2, 0x73, 0), &regs, &missing),
			 UNWIND_BAD_RULE);
	ck_assert_int_eq(missing, RBX);
	/* A register that nobody needs may be missing. */
	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x09, RBX, RBP), &regs, &missing),
			 UNWIND_ENDS);
	ck_assert_int_eq(missing, -1);
	ck_assert_uint_eq(regs.known, 1u << PC | 1u << RSP);
}
END_TEST

START_TEST(ends)
{
	struct unwind_regs regs = registers(ARCH_KNOWN_ALL);
	int missing;

	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x07, PC), &regs, &missing),
			 UNWIND_COMPLETE);
	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x0c, 0, 8), &regs, &missing),
			 UNWIND_BAD_STACK);	/* rax is 100 */
	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x07, RSP), &regs, &missing),
			 UNWIND_BAD_RULE);
	put_cie("zR", "\x0c\x07\x08", 3);	/* no rule for pc */
	ck_assert_int_eq(apply(FDE(0x00), &regs, &missing), UNWIND_BAD_RULE);
	put_cie("zR", NULL, 0);
	ck_assert_int_eq(apply(FDE(0x0f, 1, 0x22), &regs, &missing),
			 UNWIND_BAD_RULE);
}
END_TEST

START_TEST(any_program_ends)
{
	struct unwind_regs regs;
	int missing;

	srand(4);
	for (int round = 0; round < 100000; round++) {
		uint8_t program[48];
		struct cfi_row row;
		struct cfi_fde fde;
		uint64_t at;

		for (size_t i = 0; i < sizeof(program); i++)
			program[i] = (uint8_t)(rand() % 3 ? rand() % 0x30 :
							    rand());
		put_cie(round % 5 ? "zR" : "zRS", NULL, 0);
		at = put_fde(program, sizeof(program));
		if (!cfi_fde_read(&fde, &source, at) ||
		    !cfi_row_find(&row, &fde, &source,
				  0x1000 + (uint64_t)rand() % 0x1000))
			continue;
		regs = registers((uint32_t)rand() & ARCH_KNOWN_ALL);
		cfi_row_apply(&row, &fde, &source, &regs, &missing);
	}
}
END_TEST

/* --- real tables against libdw ------------------------------------------ */

#ifdef WITH_LIBDW
struct object {
	const char *path;
	uint64_t bias, hdr, start, end;
};

/* libdw's view of one rule, as far as ours has a word for it. */
static bool same_rule(const struct cfi_row *row, unsigned reg, Dwarf_Frame *f)
{
	Dwarf_Op memory_of[3], *ops;
	size_t n;

	ck_assert_int_eq(dwarf_frame_register(f, (int)reg, memory_of, &ops,
					      &n), 0);
	if (n == 0)	/* no rule; undefined and same value have one array */
		return row->how[reg] == CFI_UNSET ||
		       row->how[reg] == (ops == NULL ? CFI_SAME :
						       CFI_UNDEFINED);
	if (ops[0].atom == DW_OP_call_frame_cfa && n == 1)
		return row->how[reg] == CFI_OFFSET && row->value[reg] == 0;
	if (ops[0].atom == DW_OP_call_frame_cfa && n == 2 &&
	    ops[1].atom == DW_OP_plus_uconst)
		return row->how[reg] == CFI_OFFSET &&
		       row->value[reg] == (int64_t)ops[1].number;
	if (ops[0].atom == DW_OP_call_frame_cfa && ops[n - 1].atom ==
	    DW_OP_stack_value)
		return row->how[reg] == CFI_VAL_OFFSET || reg == RSP;
	return row->how[reg] == CFI_EXPRESSION ||
	       row->how[reg] == CFI_VAL_EXPRESSION ||
	       row->how[reg] == CFI_REGISTER;
}

static bool same_cfa(const struct cfi_row *row, Dwarf_Frame *f)
{
	Dwarf_Op *ops;
	size_t n;

	ck_assert_int_eq(dwarf_frame_cfa(f, &ops, &n), 0);
	if (row->cfa_how == CFI_EXPRESSION)
		return n != 1 || ops[0].atom != DW_OP_bregx;
	return n == 1 && ops[0].atom == DW_OP_bregx &&
	       ops[0].number == row->cfa_reg &&
	       (int64_t)ops[0].number2 == row->cfa_value;
}

static void compare_at(const struct object *o, Dwarf_CFI *cfi, uint64_t pc,
		       unsigned *rows, unsigned *gaps)
{
	struct eh_table table;
	struct cfi_fde fde;
	struct cfi_row row;
	Dwarf_Frame *frame = NULL;
	uint64_t at;
	bool has;

	ck_assert(eh_table_init(&table, &source, o->hdr));
	at = eh_table_find(&table, &source, pc, o->start, o->end);
	has = at != 0 && cfi_fde_read(&fde, &source, at) &&
	      pc >= fde.start && pc < fde.end;
	if (dwarf_cfi_addrframe(cfi, pc - o->bias, &frame) != 0) {
		ck_assert_msg(!has, "%s+%#lx", o->path,
			      (unsigned long)(pc - o->bias));
		++*gaps;
		return;
	}
	ck_assert(has);
	ck_assert(cfi_row_find(&row, &fde, &source, pc));
	ck_assert_msg(same_cfa(&row, frame), "CFA at %s+%#lx", o->path,
		      (unsigned long)(pc - o->bias));
	for (unsigned reg = 0; reg <= PC; reg++)
		if (reg != RSP || row.how[RSP] != CFI_UNSET)
			ck_assert_msg(same_rule(&row, reg, frame),
				      "register %u at %s+%#lx", reg, o->path,
				      (unsigned long)(pc - o->bias));
	free(frame);
	++*rows;
}

static int describe(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct object *o = arg;

	(void)size;
	if (strstr(info->dlpi_name, o->path) == NULL)
		return 0;
	o->path = info->dlpi_name;
	o->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_GNU_EH_FRAME)
			o->hdr = o->bias + p->p_vaddr;
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			o->start = o->bias + p->p_vaddr;
			o->end = o->start + p->p_memsz;
		}
	}
	return 1;
}

static void compare_object(const char *name)
{
	struct object o = { .path = name };
	unsigned rows = 0, gaps = 0;
	Dwarf_CFI *cfi;
	Elf *elf;
	int fd;

	ck_assert_int_eq(dl_iterate_phdr(describe, &o), 1);
	fd = open(o.path, O_RDONLY);
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	cfi = dwarf_getcfi_elf(elf);
	ck_assert_ptr_nonnull(cfi);
	/* libdw and its allocations take most of the time: 12000 rows. */
	for (uint64_t pc = o.start; pc < o.end;
	     pc += (o.end - o.start) / 12000 | 1)
		compare_at(&o, cfi, pc, &rows, &gaps);
	ck_assert_uint_gt(rows, 1000);
	ck_assert_uint_gt(gaps, 0);
	dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
}

START_TEST(rows_of_libc_as_libdw_has_them)
{
	compare_object("/libc.so.6");
}
END_TEST

START_TEST(rows_of_the_loader_as_libdw_has_them)
{
	compare_object("/ld-linux-x86-64.so.2");
}
END_TEST

START_TEST(rows_of_libcrypto_as_libdw_has_them)
{
	if (dlopen("libcrypto.so.3", RTLD_NOW) == NULL)
		return;		/* not installed */
	compare_object("/libcrypto.so.3");
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("cfi");
	TCase *tc = tcase_create("cfi");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_rows_of_a_function);
	tcase_add_test(tc, every_instruction);
	tcase_add_test(tc, every_way_to_the_cfa);
	tcase_add_test(tc, every_way_forward);
	tcase_add_test(tc, programs_that_we_do_not_know_are_refused);
	tcase_add_test(tc, augmentations);
	tcase_add_test(tc, records_that_are_none_are_refused);
	tcase_add_test(tc, a_leaf_knows_all_its_caller_only_what_was_kept);
	tcase_add_test(tc, expressions_and_registers_of_other_kinds);
	tcase_add_test(tc, what_is_missing_is_named);
	tcase_add_test(tc, ends);
	tcase_add_test(tc, any_program_ends);
#ifdef WITH_LIBDW
	tcase_add_test(tc, rows_of_libc_as_libdw_has_them);
	tcase_add_test(tc, rows_of_the_loader_as_libdw_has_them);
	tcase_add_test(tc, rows_of_libcrypto_as_libdw_has_them);
#endif
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
