/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target on the inputs of its corpus, one test case a file: what
 * was once a crash stays none. replay-NAME reads tests/fuzz/corpus-NAME.
 */
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *corpus_of(const char *program)
{
	const char *top = g_getenv("top_srcdir");
	const char *name = strstr(program, "replay-");
	g_autofree char *folder = NULL;

	if (!top || !name)
		g_error("replay: top_srcdir is not set, or %s is no "
			"replay-NAME", program);
	folder = g_strconcat("corpus-", name + strlen("replay-"), NULL);
	return g_build_filename(top, "tests", "fuzz", folder, NULL);
}

int main(int argc, char **argv)
{
	g_autofree char *folder = corpus_of(argv[argc > 1 ? 1 : 0]);
	g_autoptr(GError) error = NULL;
	g_autoptr(GDir) dir = g_dir_open(folder, 0, &error);
	unsigned count = 0;
	const char *name;

	if (!dir)
		g_error("replay: %s", error->message);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);
		g_autofree char *bytes = NULL;
		gsize size;

		if (!g_file_get_contents(path, &bytes, &size, &error))
			g_error("replay: %s", error->message);
		LLVMFuzzerTestOneInput((const uint8_t *)bytes, size);
		printf("ok %u - %s\n", ++count, name);
		fflush(stdout);
	}
	printf("1..%u\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
