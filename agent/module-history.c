/* SPDX-License-Identifier: MIT */
/*
 * module-history: unloaded modules and when they were there. Runs in the
 * flusher.
 */
#include "agent/module-history.h"

#include <string.h>

#include "agent/block.h"

/* Samples are drained each second; this is long. */
#define KEPT_NS (60 * 1000000000ull)

static struct block modules;	/* struct module, oldest first */
/* Of them: shown by module_history_visit(), and known to have been written. */
static size_t shown, told;

static struct module *all(size_t *count)
{
	*count = modules.size / sizeof(struct module);
	return modules.data;
}

void module_history_add(const struct module *m, uint64_t seen_ns, uint64_t now)
{
	struct module *gone = block_push(&modules, sizeof(*gone));

	if (gone == NULL)
		return;		/* its samples lose their names */
	*gone = *m;
	gone->seen_ns = seen_ns;
	gone->unload_ns = now;
}

void module_history_prune(uint64_t now)
{
	size_t count, old = 0;
	struct module *m = all(&count);

	while (old < told && m[old].unload_ns + KEPT_NS < now)
		old++;
	if (old == 0)
		return;
	memmove(m, m + old, (count - old) * sizeof(*m));
	modules.size -= old * sizeof(*m);
	told -= old;
	shown = told;
}

void module_history_visit(void (*visit)(const struct module *, void *),
			  void *arg)
{
	size_t count, i;
	const struct module *m = all(&count);

	for (i = told; i < count; i++)
		visit(&m[i], arg);
	shown = count;
}

void module_history_told(void)
{
	told = shown;
}

void module_history_clear(void)
{
	modules.size = 0;
	told = shown = 0;
}

void module_history_reset_after_fork(void)
{
	memset(&modules, 0, sizeof(modules));
	module_history_clear();
}

/* 2: `m` was there at `time_ns`. 1: it may have been. 0: it was not. */
static int certainty(const struct module *m, uint64_t time_ns)
{
	if (time_ns <= m->absent_ns)
		return 0;
	if (m->unload_ns != 0 && time_ns >= m->unload_ns)
		return 0;
	if (time_ns < m->load_ns || (m->unload_ns != 0 &&
				     time_ns > m->seen_ns))
		return 1;
	return 2;
}

const struct module *module_history_find(const struct module *current,
					 uint64_t pc, uint64_t time_ns)
{
	const struct module *best = current;
	int best_is = current != NULL ? certainty(current, time_ns) : 0;
	bool is_ambiguous = false;
	size_t count;
	const struct module *m = all(&count);

	for (size_t i = 0; i < count; i++) {
		int is;

		if (pc < m[i].start || pc >= m[i].end)
			continue;
		is = certainty(&m[i], time_ns);
		if (is > best_is) {
			best = &m[i];
			best_is = is;
			is_ambiguous = false;
		} else if (is == best_is && is == 1) {
			is_ambiguous = true;
		}
	}
	return best_is == 0 || is_ambiguous ? NULL : best;
}
