/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: what names are read from. The first byte of the input says
 * what the rest is: a linkage name, a perf map, a jitdump, a file of the cache,
 * what a Go program has in memory. Objects have a target of their own,
 * fuzz-objects.
 */
#include <string.h>

#include <gelf.h>

#include "tools/go-names.h"
#include "tools/jitmap.h"
#include "tools/symbol-cache.h"
#include "tools/symbols.h"

static void fuzz_demangle(const uint8_t *data, size_t size)
{
	g_autofree char *name = g_strndup((const char *)data, size);
	g_autofree char *brief = symbols_demangle(name, FALSE);
	g_autofree char *full = symbols_demangle(name, TRUE);

	g_assert_nonnull(brief);
	g_assert_nonnull(full);
}

/* Asks for places all over the map, so that every piece is looked at. */
static void map_probe(const JitMap *m)
{
	for (unsigned int shift = 0; shift < 64; shift++) {
		JitCode code;

		if (jitmap_find(m, (guint64)1 << shift, &code))
			g_assert_cmpuint(strlen(code.name) +
					 strlen(code.file), <, G_MAXUINT);
	}
}

static void fuzz_perf_map(const uint8_t *data, size_t size)
{
	g_autoptr(JitMap) m = jitmap_new();

	jitmap_parse_perf(m, (const char *)data, size);
	map_probe(m);
}

static void fuzz_jitdump(const uint8_t *data, size_t size)
{
	g_autoptr(JitMap) m = jitmap_new();

	jitmap_parse_jitdump(m, data, size);
	map_probe(m);
}

static void fuzz_cache(const uint8_t *data, size_t size)
{
	g_autoptr(SymbolNames) n = symbol_cache_decode(data, size, NULL);

	if (!n)
		return;
	symbol_names_index(n);
	symbol_names_find(n, 0x1000);
}

/* Behind headers that are whole: elfutils is not what is looked at. */
static void fuzz_go(const uint8_t *data, size_t size)
{
	Elf64_Ehdr ehdr = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64,
		.e_version = EV_CURRENT, .e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr), .e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	Elf64_Phdr phdr = { .p_type = PT_LOAD, .p_flags = PF_R | PF_W,
			    .p_offset = 128, .p_vaddr = 0x1000,
			    .p_filesz = size, .p_memsz = size };
	g_autofree char *image = g_malloc0(128 + size);
	g_autoptr(SymbolNames) names = symbol_names_new();
	g_autoptr(GoNames) go = NULL;
	Elf *elf;

	memcpy(image, &ehdr, sizeof(ehdr));
	memcpy(image + sizeof(ehdr), &phdr, sizeof(phdr));
	memcpy(image + 128, data, size);
	elf = elf_memory(image, 128 + size);
	go = go_names_new(elf);
	for (guint64 i = 0; go && i < 64; i++)
		go_names_add(go, 0x401000 + 8 * i, i, names);
	g_clear_pointer(&go, go_names_free);
	elf_end(elf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const uint8_t *, size_t) = {
		fuzz_demangle, fuzz_perf_map, fuzz_jitdump, fuzz_cache,
	};

	elf_version(EV_CURRENT);
	if (size > 0 && data[0] == 'G')
		fuzz_go(data + 1, size - 1);
	else if (size > 0)
		targets[data[0] % G_N_ELEMENTS(targets)](data + 1, size - 1);
	return 0;
}
