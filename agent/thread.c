/* SPDX-License-Identifier: MIT */
/*
 * thread: see thread.h. Called by every thread of the program as it starts
 * and ends, by the flusher, and (thread_from_cookie) by the signal handler.
 * No lock, no allocation.
 */
#include "agent/thread.h"

#include <string.h>

#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/sampler.h"
#include "agent/sys.h"

#define COOKIE_MAGIC 0x5afeull
#define COOKIE_SLOT_BITS 17
#define COOKIE_GENERATION_BITS 31
#define COOKIE_GENERATION_MASK ((1u << COOKIE_GENERATION_BITS) - 1)

#define ACCOUNTS 256		/* start routines told apart; a power of two */
#define ACCOUNT_PROBES 16

#define LEAVING 4096	/* a power of two */

struct account {
	_Atomic uint64_t key;	/* start routine + 1, 0: unused */
	_Atomic uint64_t cpu_ns;
	_Atomic uint64_t ends;	/* threads that ended, not settled yet */
};

struct thread_totals thread_totals;

static struct account accounts[ACCOUNTS];
static struct account account_rest;	/* of those that found no room */

/* What thread_account_settle() gave out so far, ns. Flusher only. */
static uint64_t settled_ns;

static struct account *find_account(uint64_t start_routine);

/* Threads between their first instruction and their slot. */
static FORK_DATA _Atomic int32_t on_their_way;

/* By the low bits of their numbers; of two with the same the later is kept. */
static _Atomic int32_t leaving[LEAVING];

/* Threads without a slot, kept in the same way. */
static struct {
	_Atomic int32_t tid;
	_Atomic uint64_t start_routine;
	_Atomic uint64_t call_regs;	/* see struct thread_record */
} refused[LEAVING];

/* Where the search for a free slot begins: a hint, races are harmless. */
static _Atomic uint32_t next_slot;

/*
 * initial-exec: the block is part of static TLS, reading it never enters the
 * loader. Threads from raw clone share their creator's; nobody asks for theirs.
 */
static __thread struct {
	uint32_t slot_plus_1;	/* 0: none */
	uint64_t stack_low, stack_high;
} self __attribute__((tls_model("initial-exec")));

/* The one thread of a forked child, which the flusher registers. */
static FORK_DATA struct {
	_Atomic int tid;	/* 0: not registered */
	uint32_t slot;
} forked;

__thread struct thread_call_regs thread_call_regs
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static uint64_t add(_Atomic uint64_t *counter, uint64_t n)
{
	/* relaxed: a statistic, read whenever */
	return atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* --- slots --- */

static void clear_counters(struct thread_record *t)
{
	int i;

	atomic_store_explicit(&t->samples, 0, memory_order_relaxed);
	atomic_store_explicit(&t->expirations, 0, memory_order_relaxed);
	atomic_store_explicit(&t->weight_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&t->handler_ticks, 0, memory_order_relaxed);
	atomic_store_explicit(&t->first_ns, 0, memory_order_relaxed);
	for (i = 0; i < LOST_REASONS; i++)
		atomic_store_explicit(&t->lost[i], 0, memory_order_relaxed);
	for (i = 0; i < UNWIND_ENDS; i++)
		atomic_store_explicit(&t->truncated[i], 0,
				      memory_order_relaxed);
}

static bool claim_slot(uint32_t slot)
{
	struct thread_record *t = region_record(slot);
	uint32_t expected = SLOT_FREE;

	/* relaxed: a peek that saves the expensive operation */
	if (atomic_load_explicit(&t->state, memory_order_relaxed) != SLOT_FREE)
		return false;
	/* acquire: pairs with the release in thread_free() */
	return atomic_compare_exchange_strong_explicit(
		&t->state, &expected, SLOT_STARTING, memory_order_acquire,
		memory_order_relaxed);
}

static uint32_t find_slot(void)
{
	uint32_t slots = region_slots();
	uint32_t start = atomic_load_explicit(&next_slot, memory_order_relaxed);
	uint32_t i, slot;

	for (i = 0; i < slots; i++) {
		slot = (start + i) % slots;
		if (claim_slot(slot)) {
			atomic_store_explicit(&next_slot, slot,
					      memory_order_relaxed);
			return slot;
		}
	}
	return THREAD_NO_SLOT;
}

static uint32_t find_slot_or_wait(void)
{
	static const struct timespec ms = { 0, 1000000 };
	uint32_t slot = find_slot();
	int tries;

	for (tries = 0; slot == THREAD_NO_SLOT && tries < 20; tries++) {
		flusher_wake();
		sys_call(SYS_nanosleep, &ms, NULL);
		slot = find_slot();
	}
	return slot;
}

static void init_record(struct thread_record *t, uint32_t slot, int tid,
			uint64_t start_routine, uint32_t flags)
{
	t->slot = slot;
	atomic_fetch_add_explicit(&t->generation, 1, memory_order_relaxed);
	t->tid = tid;
	t->flags = flags;
	t->label_skipped = 0;
	atomic_store_explicit(&t->label, 0, memory_order_relaxed);
	t->start_routine = start_routine;
	t->start_ns = sampler_now_ns();
	t->cpu_start_ns = 0;
	t->granted_ns = 0;
	t->paused_cpu_ns = 0;
	t->stack_low = t->stack_high = 0;
	t->call_regs = 0;
	atomic_store_explicit(&t->watched, 0, memory_order_relaxed);
	t->carry_ns = t->carry_count = 0;
	t->timer = -1;
	atomic_store_explicit(&t->clock, -1, memory_order_relaxed);
	atomic_store_explicit(&t->wish, -1, memory_order_relaxed);
	t->name[0] = '\0';
	atomic_store_explicit(&t->end_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&t->cpu_end_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&t->busy, 0, memory_order_relaxed);
	clear_counters(t);
}

/* Another thread has the number now, or this one a slot. */
static void forget_number(int tid)
{
	uint32_t i = (uint32_t)tid % LEAVING;

	if (thread_is_leaving(tid))
		atomic_store_explicit(&leaving[i], 0, memory_order_relaxed);
	if (atomic_load_explicit(&refused[i].tid, memory_order_relaxed) == tid)
		atomic_store_explicit(&refused[i].tid, 0, memory_order_relaxed);
}

/*
 * What it uses until it ends or gets a slot after all is shared out with what
 * others like it ended with.
 */
static void refuse(int tid, uint64_t start_routine)
{
	uint32_t i = (uint32_t)tid % LEAVING;

	add(&thread_totals.refused, 1);
	add(&find_account(start_routine)->ends, 1);
	atomic_store_explicit(&refused[i].start_routine, start_routine,
			      memory_order_relaxed);
	/* release: pairs with the acquire in thread_was_refused() */
	atomic_store_explicit(&refused[i].tid, tid, memory_order_release);
}

static uint32_t register_thread(uint32_t slot, int tid, uint64_t start_routine,
				uint32_t flags)
{
	add(&thread_totals.threads, 1);
	if (slot == THREAD_NO_SLOT) {
		refuse(tid, start_routine);
		return slot;
	}
	init_record(region_record(slot), slot, tid, start_routine, flags);
	forget_number(tid);
	return slot;
}

/* Only the thread itself knows where its TLS is: for who adopts it. */
uint32_t thread_claim(int tid, uint64_t start_routine, uint32_t flags)
{
	uint32_t slot = find_slot_or_wait();

	if (slot == THREAD_NO_SLOT)
		atomic_store_explicit(&refused[(uint32_t)tid % LEAVING].call_regs,
				      (uint64_t)&thread_call_regs,
				      memory_order_relaxed);
	return register_thread(slot, tid, start_routine, flags);
}

uint32_t thread_claim_now(int tid, uint64_t start_routine, uint32_t flags)
{
	return register_thread(find_slot(), tid, start_routine, flags);
}

void thread_expect(void)
{
	/* relaxed: the thread does not exist before */
	atomic_fetch_add_explicit(&on_their_way, 1, memory_order_relaxed);
}

void thread_expect_over(void)
{
	/* release: who sees it sees the record of the thread, too */
	atomic_fetch_sub_explicit(&on_their_way, 1, memory_order_release);
}

bool thread_none_expected(void)
{
	/* acquire: pairs with the release above */
	return atomic_load_explicit(&on_their_way, memory_order_acquire) <= 0;
}

bool thread_is_leaving(int tid)
{
	return atomic_load_explicit(&leaving[(uint32_t)tid % LEAVING],
				    memory_order_relaxed) == tid;
}

bool thread_was_refused(int tid, uint64_t *start_routine, uint64_t *call_regs)
{
	uint32_t i = (uint32_t)tid % LEAVING;

	/* acquire: pairs with the release in refuse() */
	if (atomic_load_explicit(&refused[i].tid, memory_order_acquire) != tid)
		return false;
	*start_routine = atomic_load_explicit(&refused[i].start_routine,
					      memory_order_relaxed);
	*call_regs = atomic_load_explicit(&refused[i].call_regs,
					  memory_order_relaxed);
	return true;
}

uint32_t thread_count_live(void)
{
	uint32_t slots = region_slots(), i, n = 0;

	for (i = 0; i < slots; i++)
		n += atomic_load_explicit(&region_record(i)->state,
					  memory_order_relaxed) == SLOT_LIVE;
	return n;
}

void thread_publish(uint32_t slot)
{
	/* release: pairs with the acquire of the state by the flusher */
	atomic_store_explicit(&region_record(slot)->state, SLOT_LIVE,
			      memory_order_release);
}

/* Moves the counters of a thread that ended to the totals. */
static void retire(struct thread_record *t)
{
	int i;

	add(&thread_totals.cpu_ns, get(&t->cpu_end_ns) - t->cpu_start_ns);
	add(&thread_totals.wall_ns, get(&t->end_ns) - t->start_ns);
	add(&thread_totals.weight_ns, get(&t->weight_ns));
	add(&thread_totals.samples, get(&t->samples));
	add(&thread_totals.expirations, get(&t->expirations));
	add(&thread_totals.handler_ticks, get(&t->handler_ticks));
	for (i = 0; i < LOST_REASONS; i++)
		add(&thread_totals.lost[i], get(&t->lost[i]));
	for (i = 0; i < UNWIND_ENDS; i++)
		add(&thread_totals.truncated[i], get(&t->truncated[i]));
}

uint64_t thread_unsampled(const struct thread_record *t, uint64_t cpu_ns)
{
	uint64_t owed = t->granted_ns;
	uint64_t weight = get(&t->weight_ns);

	if (cpu_ns > t->cpu_start_ns)
		owed += cpu_ns - t->cpu_start_ns;
	return owed > weight ? owed - weight : 0;
}

void thread_pause(uint32_t slot, uint64_t cpu_ns)
{
	struct thread_record *t = region_record(slot);

	if (!t->paused_cpu_ns)
		t->paused_cpu_ns = cpu_ns ? cpu_ns : 1;
}

void thread_resume(uint32_t slot, uint64_t cpu_ns)
{
	struct thread_record *t = region_record(slot);

	if (t->paused_cpu_ns && cpu_ns > t->paused_cpu_ns)
		t->cpu_start_ns += cpu_ns - t->paused_cpu_ns;
	t->paused_cpu_ns = 0;
}

static void keep_name(struct thread_record *t, const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(t->name) - 1 && name[i] != '\0'; i++)
		t->name[i] = name[i];
	t->name[i] = '\0';
}

bool thread_is_told(const struct thread_record *t)
{
	return get(&t->samples) > 0 ||
	       atomic_load_explicit(&t->watched, memory_order_relaxed);
}

void thread_end(uint32_t slot, uint64_t cpu_ns, const char *name)
{
	struct thread_record *t = region_record(slot);

	if (t->paused_cpu_ns)
		cpu_ns = t->paused_cpu_ns;
	thread_account_add(t->start_routine, thread_unsampled(t, cpu_ns));
	add(&find_account(t->start_routine)->ends, 1);
	atomic_store_explicit(&t->cpu_end_ns, cpu_ns, memory_order_relaxed);
	atomic_store_explicit(&t->end_ns, sampler_now_ns(),
			      memory_order_relaxed);
	if (name)
		keep_name(t, name);
	/* relaxed: the slot is given up with release after it */
	if (!(t->flags & THREAD_FOREIGN))
		atomic_store_explicit(&leaving[(uint32_t)t->tid % LEAVING],
				      t->tid, memory_order_relaxed);
	if (!thread_is_told(t)) {
		thread_free(slot);
		return;
	}
	/* release: pairs with the acquire of the state by the flusher */
	atomic_store_explicit(&t->state, SLOT_ENDED, memory_order_release);
}

void thread_free(uint32_t slot)
{
	struct thread_record *t = region_record(slot);

	retire(t);
	/* release: whoever claims the slot sees all that was done to it */
	atomic_store_explicit(&t->state, SLOT_FREE, memory_order_release);
}

/* --- cookies --- */

uint64_t thread_cookie(uint32_t slot)
{
	struct thread_record *t = region_record(slot);
	uint64_t generation =
		atomic_load_explicit(&t->generation, memory_order_relaxed) &
		COOKIE_GENERATION_MASK;

	return COOKIE_MAGIC << 48 | generation << COOKIE_SLOT_BITS | slot;
}

bool thread_is_cookie(uint64_t value)
{
	return value >> 48 == COOKIE_MAGIC;
}

struct thread_record *thread_from_cookie(uint64_t cookie, uint32_t *slot)
{
	struct thread_record *t;

	*slot = (uint32_t)(cookie & (REGION_SLOTS_MAX - 1));
	if (!thread_is_cookie(cookie) || *slot >= region_slots())
		return NULL;
	t = region_record(*slot);
	/* acquire: pairs with the release in thread_publish() */
	if (atomic_load_explicit(&t->state, memory_order_acquire) != SLOT_LIVE)
		return NULL;
	return thread_cookie(*slot) == cookie ? t : NULL;
}

/* --- the calling thread --- */

uint32_t thread_self(void)
{
	/* acquire: pairs with the release in thread_set_forked() */
	if (self.slot_plus_1 == 0 &&
	    atomic_load_explicit(&forked.tid, memory_order_acquire) != 0 &&
	    sys_gettid() == forked.tid)
		self.slot_plus_1 = forked.slot + 1;
	return self.slot_plus_1 - 1;	/* 0 becomes THREAD_NO_SLOT */
}

void thread_set_forked(uint32_t slot, int tid)
{
	forked.slot = slot;
	/* release: pairs with the acquire in thread_self() */
	atomic_store_explicit(&forked.tid, tid, memory_order_release);
}

void thread_set_self(uint32_t slot, uint64_t stack_low, uint64_t stack_high)
{
	self.slot_plus_1 = slot + 1;
	self.stack_low = stack_low;
	self.stack_high = stack_high;
}

FORK_CODE void thread_self_stack(uint64_t *low, uint64_t *high)
{
	*low = self.stack_low;
	*high = self.stack_high;
}

/* --- accounts --- */

static struct account *find_account(uint64_t start_routine)
{
	uint64_t key = start_routine + 1;
	uint32_t at = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 56);
	uint64_t found;
	int i;

	for (i = 0; i < ACCOUNT_PROBES; i++) {
		struct account *a = &accounts[(at + (uint32_t)i) % ACCOUNTS];

		/* relaxed: key and sum are independent of other memory */
		found = atomic_load_explicit(&a->key, memory_order_relaxed);
		if (found == 0 &&
		    atomic_compare_exchange_strong_explicit(
			    &a->key, &found, key, memory_order_relaxed,
			    memory_order_relaxed))
			return a;
		if (found == key)
			return a;
	}
	return &account_rest;
}

uint64_t thread_account_take(uint64_t start_routine)
{
	struct account *a = find_account(start_routine);

	/* relaxed: the sum is all there is; a peek saves the exchange */
	if (get(&a->cpu_ns) == 0)
		return 0;
	return atomic_exchange_explicit(&a->cpu_ns, 0, memory_order_relaxed);
}

void thread_account_add(uint64_t start_routine, uint64_t cpu_ns)
{
	if (cpu_ns > 0)
		add(&find_account(start_routine)->cpu_ns, cpu_ns);
}

/* CPU time of a thread so far as its record has it. */
static uint64_t known_cpu_ns(const struct thread_record *t)
{
	/* acquire: pairs with the releases of the state */
	uint32_t state = atomic_load_explicit(&t->state, memory_order_acquire);
	uint64_t cpu_ns;

	if (state == SLOT_FREE)
		return 0;
	cpu_ns = state == SLOT_ENDED  ? get(&t->cpu_end_ns) :
		 t->paused_cpu_ns     ? t->paused_cpu_ns :
					sys_clock_ns(sys_thread_clock(t->tid));
	if (cpu_ns == 0)
		/* gone without a word: what its samples stood for */
		return get(&t->weight_ns);
	return cpu_ns > t->cpu_start_ns ? cpu_ns - t->cpu_start_ns : 0;
}

static struct account *account_at(int i)
{
	return i < ACCOUNTS ? &accounts[i] : &account_rest;
}

static void share_out(uint64_t cpu_ns, uint64_t ends)
{
	uint64_t of_account, part;
	int i;

	for (i = 0; i <= ACCOUNTS && ends > 0; i++) {
		of_account = atomic_exchange_explicit(&account_at(i)->ends, 0,
						      memory_order_relaxed);
		if (of_account == 0)
			continue;
		if (of_account > ends)	/* one more ended meanwhile */
			of_account = ends;
		part = (uint64_t)((double)cpu_ns * (double)of_account /
				  (double)ends);
		add(&account_at(i)->cpu_ns, part);
		settled_ns += part;
		cpu_ns -= part;
		ends -= of_account;
	}
}

/*
 * The order of the reads is such that what changes meanwhile is counted twice,
 * never missed: too little is given out then, and the next call makes up for it.
 */
void thread_account_settle(uint64_t cpu_ns)
{
	uint64_t known = 0, ends = 0;
	uint32_t slots = region_slots(), slot;
	int i;

	for (i = 0; i <= ACCOUNTS; i++)
		ends += get(&account_at(i)->ends);
	if (ends == 0)
		return;
	for (slot = 0; slot < slots; slot++)
		known += known_cpu_ns(region_record(slot));
	known += get(&thread_totals.cpu_ns) + settled_ns;
	if (cpu_ns > known)
		share_out(cpu_ns - known, ends);
}

void thread_account_drain(void (*visit)(uint64_t, uint64_t, void *), void *arg)
{
	uint64_t cpu_ns, key;
	int i;

	for (i = 0; i <= ACCOUNTS; i++) {
		struct account *a = account_at(i);

		cpu_ns = atomic_exchange_explicit(&a->cpu_ns, 0,
						  memory_order_relaxed);
		key = get(&a->key);
		if (cpu_ns > 0)
			visit(key ? key - 1 : 0, cpu_ns, arg);
	}
}

FORK_CODE void thread_reset_after_fork(void)
{
	atomic_store_explicit(&on_their_way, 0, memory_order_relaxed);
	self.slot_plus_1 = 0;
	atomic_store_explicit(&forked.tid, 0, memory_order_relaxed);
}

void thread_begin_in_child(void)
{
	memset(&thread_totals, 0, sizeof(thread_totals));
	memset(accounts, 0, sizeof(accounts));
	memset(&account_rest, 0, sizeof(account_rest));
	memset(leaving, 0, sizeof(leaving));
	memset(refused, 0, sizeof(refused));
	settled_ns = 0;
	atomic_store_explicit(&next_slot, 0, memory_order_relaxed);
}
