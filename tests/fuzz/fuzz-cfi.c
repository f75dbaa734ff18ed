/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: unwind tables, CFA programs, expressions and the look at
 * code, from any bytes. The input is a piece of memory that holds all of it:
 *
 *	byte 0		what to do (enum job), and bit 7: read with copies
 *	bytes 1, 2	offset of the pc in the input
 *	bytes 3, 4	offset of .eh_frame_hdr, the FDE, or the expression
 *	byte 5		bits: the registers that are known, four at a time
 *	from 16 on	the bytes; the stack is the whole input
 *
 * Reads in place are allowed within the input alone, so that AddressSanitizer
 * sees any beyond. What is copied by the kernel may come from anywhere.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/arch-x86_64.h"
#include "agent/cfi-common.h"
#include "agent/cfi-expr.h"
#include "agent/cfi.h"
#include "agent/eh-table.h"
#include "agent/elf-image.h"
#include "agent/go-table.h"
#include "agent/prologue.h"

enum job {
	JOB_TABLE, JOB_FDE, JOB_EXPRESSION, JOB_CODE, JOB_IMAGE, JOB_GO, JOBS
};

#define HEAD 16u
#define SIZE_MAX_INPUT 65536u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint64_t base, pc, where;	/* addresses in the copy */
	size_t size;
	struct memory memory;
	struct dw_source source;
	struct unwind_regs regs;
};

/* What the short reading finds must be what the long one does. */
static void compare_common(struct input *in, uint64_t at, uint64_t pc)
{
	struct cfi_common rule;
	struct cfi_fde fde;
	struct cfi_row row;

	if (!cfi_common_find(&rule, &in->source, at, pc))
		return;
	if (!cfi_fde_read(&fde, &in->source, at) || pc < fde.start ||
	    pc >= fde.end || !cfi_row_find(&row, &fde, &in->source, pc) ||
	    fde.is_signal || row.cfa_how != CFI_REGISTER ||
	    row.cfa_reg != (rule.from_rbp ? ARCH_RBP : ARCH_RSP) ||
	    row.cfa_value != (int64_t)rule.cfa ||
	    row.how[ARCH_PC] != CFI_OFFSET || row.value[ARCH_PC] != -8 ||
	    row.how[ARCH_RSP] != CFI_UNSET ||
	    row.how[ARCH_RBP] != (rule.rbp ? CFI_OFFSET : CFI_UNSET) ||
	    (rule.rbp && row.value[ARCH_RBP] != -(int64_t)rule.rbp))
		abort();
}

static void run_fde(struct input *in, uint64_t at)
{
	struct cfi_fde fde;
	struct cfi_row row;
	int missing;

	compare_common(in, at, in->pc);
	if (!cfi_fde_read(&fde, &in->source, at))
		return;
	compare_common(in, at, fde.start);
	compare_common(in, at, fde.end - 1);
	/* Also where the FDE does not reach: nobody may rely on it. */
	if (cfi_row_find(&row, &fde, &in->source, in->pc))
		cfi_row_apply(&row, &fde, &in->source, &in->regs, &missing);
	if (cfi_row_find(&row, &fde, &in->source, fde.start))
		cfi_row_apply(&row, &fde, &in->source, &in->regs, &missing);
}

static void run_table(struct input *in)
{
	struct eh_table table;
	uint64_t at;

	if (!eh_table_init(&table, &in->source, in->where))
		return;
	at = eh_table_find(&table, &in->source, in->pc, in->base,
			   in->base + in->size);
	if (at != 0)
		run_fde(in, at);
}

static void run_expression(struct input *in)
{
	uint64_t result;
	int missing;

	cfi_expr_eval(&in->source, in->where, &in->regs, true, in->pc,
		      &result, &missing);
}

static void run_image(struct input *in)
{
	struct module m = { .start = in->pc, .offset = in->where & ~4095ull };

	elf_image_read(&m, in->base + HEAD);
	if (m.build_id_size > MODULE_BUILD_ID_MAX)
		abort();
}

/* A setup that is found lies within what was looked at. */
static void run_code(struct input *in)
{
	uint64_t end = prologue_setup_end(&in->memory, in->pc);

	if (end != 0 && (end <= in->pc || end - in->pc > 64))
		abort();
	prologue_keeps_rbp(&in->memory, in->pc);
}

/* Go's table, which is found by its header. */
static void run_go(struct input *in)
{
	const struct go_range all = { in->base + HEAD, in->base + in->size };
	const struct go_range text = { 0, UINT64_MAX };
	struct go_function f;
	struct go_table t;
	uint64_t bytes;
	char name[24];

	if (!go_table_search(&t, &in->memory, all, all, text) ||
	    !go_table_find(&t, &in->source, t.text + (in->pc & 0xfff), &f))
		return;
	go_table_depth(&t, &in->source, &f, t.text + (in->pc & 0xfff), &bytes);
	go_table_name(&t, &in->source, &f, name, sizeof(name));
}

static void run(struct input *in, enum job job)
{
	if (job == JOB_TABLE)
		run_table(in);
	else if (job == JOB_FDE)
		run_fde(in, in->where);
	else if (job == JOB_EXPRESSION)
		run_expression(in);
	else if (job == JOB_CODE)
		run_code(in);
	else if (job == JOB_GO)
		run_go(in);
	else
		run_image(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .size = size };
	void *copy;

	/* So that a read beyond it is seen; Go's table is aligned. */
	if (size < HEAD || size > SIZE_MAX_INPUT ||
	    posix_memalign(&copy, 32, size) != 0)
		return 0;
	memcpy(copy, data, size);
	in.base = (uint64_t)(uintptr_t)copy;
	in.pc = in.base + (data[1] | data[2] << 8) % size;
	in.where = in.base + (data[3] | data[4] << 8) % size;
	memory_init(&in.memory, in.base, in.base + size);
	in.source.memory = &in.memory;
	if (!(data[0] & 0x80)) {
		in.source.low = in.base;
		in.source.high = in.base + size;
	}
	for (unsigned i = 0; i < UNWIND_REGS; i++)
		in.regs.reg[i] = in.base + i * 64;
	for (unsigned i = 0; i < 8; i++)
		in.regs.known |= data[5] >> i & 1 ? 0xfu << (4 * i) : 0;
	in.regs.known &= (1u << UNWIND_REGS) - 1;
	run(&in, (enum job)((data[0] & 0x7f) % JOBS));
	free(copy);
	return 0;
}
