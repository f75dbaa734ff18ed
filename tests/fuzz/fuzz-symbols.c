/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: what names are read from. The first byte of the input says
 * what the rest is: a linkage name, a perf map, a jitdump, a file of the cache.
 * Objects themselves are elfutils' to read and are left to its own fuzzers.
 */
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(const uint8_t *, size_t) = {
		fuzz_demangle, fuzz_perf_map, fuzz_jitdump, fuzz_cache,
	};

	if (size > 0)
		targets[data[0] % G_N_ELEMENTS(targets)](data + 1, size - 1);
	return 0;
}
