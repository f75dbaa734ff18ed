/* SPDX-License-Identifier: MIT */
/*
 * sampler: see sampler.h. Rules of this file: nothing here may block, allocate,
 * lock, fault or return without having counted what it dropped.
 */
#include "agent/sampler.h"

#include <errno.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "agent/agent.h"
#include "agent/clock.h"
#include "agent/elfsym.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/region.h"
#include "agent/signals.h"
#include "agent/snapshot.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/unwind.h"

/*
 * Below this much stack the handler steps aside: its own frames, the walker's
 * (unwind.h: 1.5 KiB) and a margin for what else may interrupt us.
 */
#define STACK_NEEDED 4096u

/* Time-stamp ticks, 1 to 2 ms: the shortest time slice is about as long. */
#define TICKS_PREEMPTED (1u << 22)

/* A stack that fits this is written without a second try. */
#define FRAMES_FIRST_TRY 128u

typedef int vdso_clock_gettime(clockid_t clock, struct timespec *ts);

static const struct unwind_backend *backend;
static uint32_t depth;
static vdso_clock_gettime *vdso_clock;	/* NULL: system call */
static _Atomic int no_ticks;
static FORK_DATA _Atomic int enabled;
static _Atomic int has_sampled;		/* this process */

void sampler_init(const struct unwind_backend *chosen, uint32_t max_depth)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);

	int mode = PR_TSC_ENABLE;

	backend = chosen;
	depth = max_depth;
	/* exec keeps it */
	if (sys_call(SYS_prctl, PR_GET_TSC, &mode) == 0 &&
	    mode != PR_TSC_ENABLE)
		sampler_forbid_ticks();
	if (vdso)
		vdso_clock = (vdso_clock_gettime *)elfsym_find_in(
			vdso, "__vdso_clock_gettime");
}

void sampler_forbid_ticks(void)
{
	/* relaxed: it is set before the call that forbids, by its thread */
	atomic_store_explicit(&no_ticks, 1, memory_order_relaxed);
}

bool sampler_has_ticks(void)
{
	return !atomic_load_explicit(&no_ticks, memory_order_relaxed);
}

uint64_t sampler_ticks(void)
{
	return sampler_has_ticks() ? __builtin_ia32_rdtsc() : 0;
}

FORK_CODE void sampler_enable(int on)
{
	/* release: what was set up before is seen by a handler that runs */
	atomic_store_explicit(&enabled, on, memory_order_release);
}

void sampler_reset_after_fork(void)
{
	atomic_store_explicit(&has_sampled, 0, memory_order_relaxed);
}

uint32_t sampler_depth(void)
{
	return depth;
}

const char *sampler_unwind_name(void)
{
	return backend->name;
}

void sampler_forget_rules(void)
{
	if (backend->forget)
		backend->forget();
}

/* The vdso's function touches neither errno nor TLS. */
uint64_t sampler_now_ns(void)
{
	struct timespec ts;

	if (!vdso_clock || !sampler_has_ticks() || vdso_clock(CLOCK_MONOTONIC, &ts) != 0)
		return sys_clock_ns(CLOCK_MONOTONIC);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void count(_Atomic uint64_t *counter, uint64_t n)
{
	/*
	 * relaxed load and store, not an atomic addition: the handler of this
	 * thread is the only writer
	 */
	atomic_store_explicit(counter,
			      atomic_load_explicit(counter,
						   memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* What this signal stands for: expirations and CPU time. */
struct weight {
	uint64_t count;
	uint64_t cpu_ns;
};

/* All CPU time that no sample stands for, what was lost included. */
static struct weight weigh_by_cpu(struct thread_record *t)
{
	struct weight w;

	w.cpu_ns = thread_unsampled(t, sys_clock_ns(CLOCK_THREAD_CPUTIME_ID));
	w.count = (w.cpu_ns + t->period_ns / 2) / t->period_ns;
	if (w.count == 0)
		w.count = 1;
	count(&t->expirations, w.count > t->carry_count ?
				       w.count - t->carry_count : 1);
	return w;
}

static struct weight weigh(struct thread_record *t, const siginfo_t *info)
{
	struct weight w;
	uint64_t overrun = 0, first;

	if (clock_weighs_cpu(t))
		return weigh_by_cpu(t);
	if (info->si_code == SI_TIMER && info->si_overrun > 0)
		overrun = (uint64_t)info->si_overrun;
	/* relaxed: set by who armed the timer, before it could expire */
	first = atomic_exchange_explicit(&t->first_ns, 0, memory_order_relaxed);
	count(&t->expirations, 1 + overrun);
	w.count = 1 + overrun + t->carry_count;
	w.cpu_ns = (first ? first : t->period_ns) + overrun * t->period_ns +
		   t->carry_ns;
	return w;
}

static void lose(struct thread_record *t, enum lost_reason reason,
		 const struct weight *w)
{
	count(&t->lost[reason], 1);
	t->carry_count = w->count;
	t->carry_ns = w->cpu_ns;
}

/* Puts memory behind the first `bytes` of the ring. */
static int grow(struct thread_record *t, uint32_t slot, uint32_t bytes)
{
	uint32_t resident = RING_RESIDENT / 4;

	/*
	 * relaxed: stored before the lowered `resident` that brought us here,
	 * and ordered by the seq_cst exchange of `busy` in handle()
	 */
	if (atomic_load_explicit(&t->ring.trimming, memory_order_relaxed))
		return -EBUSY;
	while (resident < bytes)
		resident *= 4;
	if (region_populate(slot, resident) != 0)
		return -ENOMEM;
	atomic_store_explicit(&t->ring.resident, resident,
			      memory_order_relaxed);
	return 0;
}

static int reserve(struct thread_record *t, uint32_t slot, uint32_t frames,
		   struct ring_place *place)
{
	uint8_t *buffer = region_ring_buffer(slot);
	int err = ring_reserve(&t->ring, buffer, frames, depth, place);

	if (err != -EAGAIN)
		return err;
	err = grow(t, slot, place->need);
	if (err != 0)
		return err;
	return ring_reserve(&t->ring, buffer, frames, depth, place);
}

/* Bounds in which the walker reads without care. */
static struct unwind_stack bounds(const struct thread_record *t, uint64_t sp)
{
	struct unwind_stack s = { 0, 0 };

	if (sp >= t->stack_low && sp < t->stack_high) {
		/* the 128 bytes below sp are the red zone of the psABI */
		s.low = sp - 128 > t->stack_low ? sp - 128 : t->stack_low;
		s.high = t->stack_high;
	}
	return s;
}

/*
 * Walks straight into the ring. A stack deeper than the room found first is
 * walked again with more room: rare, and simpler than a walk that can pause.
 */
static int walk(struct thread_record *t, uint32_t slot,
		const struct unwind_regs *regs, struct ring_place *place)
{
	struct unwind_stack stack = bounds(t, regs->reg[7]);
	uint32_t frames = depth < FRAMES_FIRST_TRY ? depth : FRAMES_FIRST_TRY;
	struct ring_place more;
	enum unwind_end end;
	int err = reserve(t, slot, frames, place);

	if (err != 0)
		return err;
	for (;;) {
		place->sample->frames = backend->walk(regs, &stack,
						      place->sample->pcs,
						      place->frames, &end);
		place->sample->end = (uint8_t)end;
		if (end != UNWIND_DEPTH || place->frames == depth)
			return 0;
		frames = place->frames * 4 < depth ? place->frames * 4 : depth;
		if (reserve(t, slot, frames, &more) != 0) {
			place->sample->end = UNWIND_NO_ROOM;
			return 0;
		}
		*place = more;
	}
}

/*
 * The first sample of a process is written at once: from then on there is a
 * file, whatever happens.
 */
static bool is_first(void)
{
	/* relaxed: who of two threads is first does not matter */
	if (atomic_load_explicit(&has_sampled, memory_order_relaxed))
		return false;
	atomic_store_explicit(&has_sampled, 1, memory_order_relaxed);
	return true;
}

static enum lost_reason reason_of(int err)
{
	return err == -ENOSPC ? LOST_RING_FULL : LOST_NO_MEMORY;
}

static void sample(struct thread_record *t, uint32_t slot,
		   const struct weight *w, void *context)
{
	struct unwind_regs regs;
	struct ring_place place;
	int err;

	unwind_regs_from_context(&regs, context);
	err = walk(t, slot, &regs, &place);
	if (err != 0) {
		lose(t, reason_of(err), w);
		if (err == -ENOSPC)
			flusher_wake();
		return;
	}
	if (place.sample->end != UNWIND_COMPLETE)
		count(&t->truncated[place.sample->end], 1);
	place.sample->count = (uint32_t)w->count;
	place.sample->time_ns = sampler_now_ns();
	place.sample->cpu_ns = w->cpu_ns;
	/* relaxed: this thread writes it */
	place.sample->label = (uint16_t)atomic_load_explicit(
		&t->label, memory_order_relaxed);
	t->carry_count = t->carry_ns = 0;
	if (ring_commit(&t->ring, &place) || is_first())
		flusher_wake();
	count(&t->samples, 1);
	count(&t->weight_ns, w->cpu_ns);
}

/*
 * A handler that took longer than any walk was preempted: what other programs
 * did meanwhile is no cost of ours. It counts as long as the mean of the others.
 */
static void count_cost(struct thread_record *t, uint64_t ticks)
{
	uint64_t done;

	if (ticks > TICKS_PREEMPTED) {
		done = atomic_load_explicit(&t->samples, memory_order_relaxed);
		ticks = atomic_load_explicit(&t->handler_ticks,
					     memory_order_relaxed) /
			(done ? done : 1);
	}
	count(&t->handler_ticks, ticks);
}

static bool has_stack(const struct thread_record *t)
{
	uint64_t sp = (uint64_t)__builtin_frame_address(0);

	/* on a stack we do not know, the program provided for handlers */
	if (sp < t->stack_low || sp >= t->stack_high)
		return true;
	return sp - t->stack_low > STACK_NEEDED;
}

unsigned sampler_walk(const struct thread_record *t, void *context,
		      uint64_t *pcs, unsigned most, enum unwind_end *end)
{
	struct unwind_stack stack = { 0, 0 };
	struct unwind_regs regs;

	*end = UNWIND_NO_ROOM;
	if (t && !has_stack(t))
		return 0;
	unwind_regs_from_context(&regs, context);
	if (t)
		stack = bounds(t, regs.reg[7]);
	return backend->walk(&regs, &stack, pcs, most, end);
}

static void handle(struct thread_record *t, uint32_t slot, siginfo_t *info,
		   void *context)
{
	uint64_t begin = sampler_ticks();
	struct weight w;

	/*
	 * seq_cst: region_trim() stores `resident` and then reads `busy`; we
	 * store `busy` and then read `resident`. One of us sees the other.
	 */
	if (atomic_exchange_explicit(&t->busy, 1, memory_order_seq_cst)) {
		/* our signal inside our handler: its mask forbids that */
		count(&t->lost[LOST_NESTED], 1);
		return;
	}
	w = weigh(t, info);
	if (has_stack(t))
		sample(t, slot, &w, context);
	else
		lose(t, LOST_NO_STACK, &w);
	count_cost(t, sampler_ticks() - begin);
	/* release: all of the above comes before a trim that sees 0 */
	atomic_store_explicit(&t->busy, 0, memory_order_release);
}

/* A clock of the whole process says nothing of the thread: ask TLS. */
static struct thread_record *current_record(uint32_t *slot)
{
	struct thread_record *t;

	*slot = thread_self();
	if (*slot == THREAD_NO_SLOT || *slot >= region_slots())
		return NULL;
	t = region_record(*slot);
	/* a thread from raw clone shares its creator's TLS */
	return t->tid == sys_gettid() ? t : NULL;
}

void sampler_handle(int signo, siginfo_t *info, void *context)
{
	struct thread_record *t;
	uint32_t slot;

	if (!signals_is_clock(signo, info)) {
		signals_foreign(signo, info, context);
		return;
	}
	if (snapshot_is_asked(info)) {
		snapshot_answer(info, context);
		return;
	}
	/* acquire: pairs with the release in sampler_enable() */
	if (!atomic_load_explicit(&enabled, memory_order_acquire))
		return;
	if (agent_state() == AGENT_FRESH) {
		agent_start_fresh();
		return;
	}
	if (info->si_code == SI_KERNEL)
		t = current_record(&slot);
	else
		t = thread_from_cookie(clock_cookie(signo, info), &slot);
	if (!t || !clock_fits(t, info))
		return;
	handle(t, slot, info, context);
	if (!(t->flags & THREAD_FOREIGN))
		signals_settle(context);
}
