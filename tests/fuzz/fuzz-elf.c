/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: any bytes as an object that code was loaded from: its
 * symbols, its DWARF, its lines, and the names of some of its addresses.
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/dwarf-lines.h"
#include "tools/elf-file.h"
#include "tools/elf-symbols.h"

#define ADDRESSES 64
#define SIZE_MAX_INPUT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void name_addresses(ElfFile *f, size_t size)
{
	g_autoptr(ElfSymbols) symbols = elf_symbols_new(f);
	g_autoptr(SymbolNames) names = symbol_names_new();
	g_autoptr(GArray) wanted = g_array_new(FALSE, FALSE,
					       sizeof(DwarfLinesWanted));

	elf_symbols_is_empty(symbols);
	for (unsigned i = 0; i < ADDRESSES; i++) {
		DwarfLinesWanted w = { .offset = size * i / ADDRESSES };

		if (!elf_file_address(f, w.offset, &w.address))
			continue;
		elf_symbols_find(symbols, w.address);
		g_array_append_val(wanted, w);
	}
	dwarf_lines_resolve(f, symbols, wanted, names, NULL, NULL);
	symbol_names_sort(names);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	ElfFile *f;
	char path[64];
	int fd;

	if (size > SIZE_MAX_INPUT)
		return 0;
	fd = memfd_create("object", MFD_CLOEXEC);
	g_assert_cmpint(write(fd, data, size), ==, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	f = elf_file_open(NULL, path, NULL, G_MAXINT64, &error);
	if (f) {
		elf_file_stamp(f);
		name_addresses(f, size);
		elf_file_free(f);
	}
	close(fd);
	return 0;
}
