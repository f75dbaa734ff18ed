/* SPDX-License-Identifier: MIT */
/* go-image: a made-up Go program. */
#define _GNU_SOURCE
#include "tests/unit/go-image.h"

#include <check.h>
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static const struct {
	const char *name;
	uint8_t depths[8];	/* pairs: zigzag of the change, bytes */
} functions[] = {
	{ "main.leaf", { 2, 64 } },		/* from -1 to 0 */
	{ "main.frame", { 2, 4, 48, 48, 47, 12 } },
	{ "runtime.systemstack", { 2, 64 } },
	{ "runtime.goexit", { 2, 64 } },
	{ "runtime.asyncPreempt", { 2, 1, 16, 63 } },
	{ "runtime.nanotime1", { 50, 64 } },
	{ "runtime.mstart", { 2, 64 } },
	{ "main.caller", { 66, 64 } },
};

#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

/* Offsets in the table. */
enum { NAMES = 128, DEPTHS = 512, ENTRIES = 1024, RECORDS = 256 };

static void put32(uint8_t *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void put_table(uint8_t *table, uint64_t text)
{
	put32(table, 0xfffffff1);
	table[6] = 1;
	table[7] = 8;
	put64(table + 8, FUNCTIONS);
	put64(table + 24, text);
	put64(table + 32, NAMES);
	put64(table + 56, DEPTHS);
	put64(table + 64, ENTRIES);
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		uint8_t *entry = table + ENTRIES + 8 * i;
		uint8_t *record = table + ENTRIES + RECORDS + 32 * i;

		put32(entry, 64 * i);
		put32(entry + 4, RECORDS + 32 * i);
		put32(record, 64 * i);
		put32(record + 4, 32 * i);
		put32(record + 16, 1 + 8 * i);
		strcpy((char *)table + NAMES + 32 * i, functions[i].name);
		memcpy(table + DEPTHS + 1 + 8 * i, functions[i].depths, 8);
	}
	put32(table + ENTRIES + 8 * FUNCTIONS, GO_END);
}

static void put_header(uint8_t *image)
{
	Elf64_Ehdr ehdr = { .e_machine = EM_X86_64, .e_phoff = 64,
			    .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3 };
	const Elf64_Phdr phdr[] = {
		{ .p_type = PT_LOAD, .p_flags = PF_R,
		  .p_filesz = GO_IMAGE_PAGE },
		{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
		  .p_offset = GO_IMAGE_PAGE, .p_vaddr = GO_IMAGE_PAGE,
		  .p_filesz = GO_IMAGE_PAGE },
		{ .p_type = PT_NOTE, .p_vaddr = 512, .p_filesz = 24 },
	};
	const Elf64_Nhdr note = { 4, 8, 4 };

	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	memcpy(image, &ehdr, sizeof(ehdr));
	memcpy(image + 64, phdr, sizeof(phdr));
	memcpy(image + 512, &note, sizeof(note));
	memcpy(image + 512 + sizeof(note), "Go", 3);
}

/* A call of `function` that ends at `end`. */
static void put_call(uint8_t *code, uint32_t end, uint32_t function)
{
	code[end - 5] = 0xe8;
	put32(code + end - 4, function - end);
}

uint8_t *go_image_new(void)
{
	uint8_t *image = mmap(NULL, 2 * GO_IMAGE_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *code = image + GO_IMAGE_PAGE;

	ck_assert(image != MAP_FAILED);
	put_header(image);
	put_table(image + GO_IMAGE_TABLE, (uint64_t)(uintptr_t)code);
	memset(code, 0x31, GO_IMAGE_PAGE);
	code[GO_GOEXIT] = 0x90;
	code[GO_GOEXIT + 1] = 0xe8;
	put_call(code, GO_AFTER_SYSTEMSTACK, GO_SYSTEMSTACK);
	put_call(code, GO_AFTER_NANOTIME, GO_NANOTIME);
	put_call(code, GO_AFTER_LEAF, GO_LEAF);
	return image;
}

void go_image_free(uint8_t *image)
{
	munmap(image, 2 * GO_IMAGE_PAGE);
}

void go_image_write_maps(const uint8_t *image, const char *path)
{
	unsigned long at = (unsigned long)image;
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "%lx-%lx r--p 00000000 08:01 42 /go\n"
		"%lx-%lx r-xp 00001000 08:01 42 /go\n", at, at + GO_IMAGE_PAGE,
		at + GO_IMAGE_PAGE, at + 2 * GO_IMAGE_PAGE);
	fclose(f);
}
