/* SPDX-License-Identifier: MIT */
/*
 * own-labels: see own-labels.h. Runs on threads of the program, maybe in a
 * handler of theirs. No libc beyond mem* and str*.
 */
#include "agent/own-labels.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>

#include "agent/agent.h"
#include "agent/fork.h"
#include "agent/labels.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/thread.h"

/*
 * The set of this thread, kept for a child that it forks. Threads from raw clone
 * share it with their creator; what counts is in the record.
 */
static __thread uint16_t last_set __attribute__((tls_model("initial-exec")));

/*
 * The record of the calling thread. TLS says which, but a thread from raw clone
 * has its creator's: who stands on that thread's stack is that thread.
 */
static struct thread_record *own_record(void)
{
	uint64_t here = (uint64_t)__builtin_frame_address(0);
	uint32_t slots = region_slots(), slot = thread_self(), i;
	struct thread_record *t;
	int tid;

	if (!agent_is_ours())
		return NULL;
	t = slot < slots ? region_record(slot) : agent_fresh_record();
	if (t && here >= t->stack_low && here < t->stack_high)
		return t;
	tid = sys_gettid();
	if (t && t->tid == tid)
		return t;
	for (i = 0; i < slots; i++) {
		t = region_record(i);
		/* acquire: pairs with the release in thread_publish() */
		if (t->tid == tid &&
		    atomic_load_explicit(&t->state, memory_order_acquire) ==
			    SLOT_LIVE)
			return t;
	}
	return NULL;
}

static uint16_t get(const struct thread_record *t)
{
	/* relaxed: written by this thread alone */
	return (uint16_t)atomic_load_explicit(&t->label, memory_order_relaxed);
}

static void put(struct thread_record *t, uint16_t set)
{
	struct thread_record *now;

	/*
	 * relaxed: our handler runs on this thread, and the flusher reads it
	 * of a thread that is blocked
	 */
	atomic_store_explicit(&t->label, set, memory_order_relaxed);
	last_set = set;
	/*
	 * seq_cst: the flusher of a fresh process gives the thread a record, and
	 * then looks for the label once more
	 */
	atomic_thread_fence(memory_order_seq_cst);
	now = own_record();
	if (now && now != t)
		atomic_store_explicit(&now->label, set, memory_order_relaxed);
}

int own_labels_push(const char *key, const char *value)
{
	struct thread_record *t = own_record();
	int err = labels_check(key, value);
	uint16_t set;

	if (!t)
		return err ? err : -ESRCH;
	set = err == 0 && t->label_skipped == 0 ?
		      labels_add(get(t), key, value) : 0;
	if (set != 0) {
		put(t, set);
		return 0;
	}
	t->label_skipped++;
	return err ? err : -ENOSPC;
}

int own_labels_pop(void)
{
	struct thread_record *t = own_record();

	if (!t)
		return -ESRCH;
	if (t->label_skipped > 0)
		t->label_skipped--;
	else if (get(t) != 0)
		put(t, labels_parent(get(t)));
	else
		return -ENOENT;
	return 0;
}

int own_labels_set(const char *key, const char *value)
{
	struct thread_record *t = own_record();
	int err = labels_check(key, value ? value : ""), set;

	if (err != 0)
		return err;
	if (!t)
		return -ESRCH;
	set = labels_with(get(t), key, value);
	if (set < 0)
		return -ENOSPC;
	put(t, (uint16_t)set);
	return 0;
}

FORK_CODE uint16_t own_labels_of_forked(void)
{
	return last_set;
}
