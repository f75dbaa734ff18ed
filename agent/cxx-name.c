/* SPDX-License-Identifier: MIT */
/* cxx-name: see cxx-name.h. Runs on threads of the program. */
#include "agent/cxx-name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "agent/elfsym.h"
#include "agent/modules.h"

/* Others may have a function of that name that is something else. */
static const char *const runtimes[] = { "libstdc++.so", "libc++abi.so",
					"libc++.so" };

static bool is_runtime(const struct module *m)
{
	const char *slash = strrchr(m->path, '/');
	const char *name = slash ? slash + 1 : m->path;
	size_t i;

	if (!m->resident || m->bias == 0)
		return false;
	for (i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++)
		if (strncmp(name, runtimes[i], strlen(runtimes[i])) == 0)
			return true;
	return false;
}

cxx_name_demangler *cxx_name_find(void)
{
	const struct module_table *table = modules_resident();
	cxx_name_demangler *found = NULL;
	uint32_t i;

	for (i = 0; table && i < table->count && !found; i++)
		if (is_runtime(&table->module[i]))
			*(void **)&found = elfsym_find_in(
				(const void *)(uintptr_t)table->module[i].bias,
				"__cxa_demangle");
	return found;
}

char *cxx_name_of(cxx_name_demangler *demangle, const char *symbol)
{
	int status;

	/* without the prefix it would read "i" as the name of a type, int */
	if (!demangle || strncmp(symbol, "_Z", 2) != 0)
		return NULL;
	return demangle(symbol, NULL, NULL, &status);
}
