/* SPDX-License-Identifier: MIT */
/*
 * elf-cancel: six arguments go where the kernel wants them, then the call. What
 * comes before, whether the thread is to be cancelled, depends on the version.
 */
#include "tools/elf-cancel.h"

#include <string.h>

/* How far into the function the code may begin. */
#define BEFORE_MAX 16

/* A function that is longer does more than to decide how to call. */
#define CALLER_MAX 256

#define CALL_SIZE 5			/* e8, offset from what follows */

static const guint8 call[] = {
	0x48, 0x89, 0xf0,			/* mov %rsi,%rax */
	0x48, 0x89, 0xd7,			/* mov %rdx,%rdi */
	0x48, 0x89, 0xce,			/* mov %rcx,%rsi */
	0x4c, 0x89, 0xc2,			/* mov %r8,%rdx */
	0x4d, 0x89, 0xca,			/* mov %r9,%r10 */
	0x4c, 0x8b, 0x44, 0x24, 0x08,		/* mov 8(%rsp),%r8 */
	0x4c, 0x8b, 0x4c, 0x24, 0x10,		/* mov 16(%rsp),%r9 */
	0x4c, 0x89, 0x5c, 0x24, 0x08,		/* mov %r11,8(%rsp) */
	0x0f, 0x05, 0xc3,			/* syscall; ret */
};

/* The bytes at `address` up to the end of its section; NULL: none. */
static const guint8 *bytes_at(const ElfFile *f, GElf_Addr address, gsize *size)
{
	GElf_Addr bias;
	Elf_Scn *scn = dwfl_module_address_section(elf_file_module(f),
						   &address, &bias);
	Elf_Data *data = scn ? elf_rawdata(scn, NULL) : NULL;

	if (!data || !data->d_buf || address >= data->d_size)
		return NULL;
	*size = data->d_size - address;
	return (const guint8 *)data->d_buf + address;
}

static gboolean is_way_in(const ElfFile *f, guint64 start)
{
	gsize size, room = BEFORE_MAX + sizeof(call);
	const guint8 *code = bytes_at(f, start, &size);

	return code && memmem(code, MIN(size, room), call, sizeof(call));
}

/* Whether `code`, at `address`, is a call of the way in. */
static gboolean is_call_of_it(const ElfFile *f, const guint8 *code,
			      guint64 address)
{
	gint32 offset;

	if (*code != 0xe8)
		return FALSE;
	memcpy(&offset, code + 1, sizeof(offset));
	return is_way_in(f, address + CALL_SIZE + (guint64)(gint64)offset);
}

static gboolean is_caller(const ElfFile *f, const ElfFrames *frames,
			  guint64 start)
{
	gsize size;
	const guint8 *code = bytes_at(f, start, &size);
	guint64 of;

	if (!code)
		return FALSE;
	size = MIN(size, CALLER_MAX);
	for (gsize i = 0; i + CALL_SIZE <= size; i++)
		if (is_call_of_it(f, code + i, start + i))
			return elf_frames_find(frames, start + i, &of) &&
			       of == start;
	return FALSE;
}

const char *elf_cancel_name(const ElfFile *f, const ElfFrames *frames,
			    guint64 start)
{
	if (is_way_in(f, start))
		return "__syscall_cancel_arch";
	if (is_caller(f, frames, start))
		return "__internal_syscall_cancel";
	return NULL;
}
