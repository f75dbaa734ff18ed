/* SPDX-License-Identifier: MIT */
/*
 * preload: the library's constructor and destructor, and the functions that
 * end a process.
 */
#include "agent/preload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/api-table.h"
#include "agent/sys.h"

/* An agent of another file, before ours in the list: one profile is enough. */
static bool is_second(void)
{
	void *first = elfsym_find("profagent_api_1");

	return first && first != (const void *)&api_own_table;
}

/* Made by the linker from the section of that name. */
extern struct preload_real __start_preload_reals[], __stop_preload_reals[];

static void find_all(void)
{
	struct preload_real *real;

	for (real = __start_preload_reals; real < __stop_preload_reals; real++)
		preload_find(real);
}

extern int __cxa_at_quick_exit(void (*function)(void *), void *dso);

static void at_quick_exit_last(void *arg)
{
	(void)arg;
	agent_end();
}

/*
 * glibc hands main's arguments to constructors. The lowest priority a library
 * may use, so that threads made by later constructors are seen.
 */
__attribute__((constructor(101))) static void preload_begin(int argc,
							    char **argv,
							    char **envp)
{
	(void)argc;
	find_all();
	if (is_second())
		return;
	agent_init(argv, envp);
	if (agent_state() == AGENT_OFF)
		return;
	preload_threads_init();
	/* registered first, so called last */
	__cxa_at_quick_exit(at_quick_exit_last, NULL);
}

__attribute__((destructor(101))) static void preload_end(void)
{
	agent_end();
}

PRELOAD_EXPORT void _exit(int status)
{
	agent_end();
	for (;;)
		sys_call(SYS_exit_group, status);
}

PRELOAD_EXPORT void _Exit(int status)
{
	_exit(status);
}
