/* SPDX-License-Identifier: MIT */
/*
 * clock-perf: an event of the kernel's perf subsystem for each thread, on its
 * task clock: a timer of its own, independent of the tick, at any rate.
 *
 * With `sigtrap` (Linux 5.19) the kernel sends SIGTRAP to the thread itself on
 * its way back to user mode, so that no call is interrupted, and hands our
 * cookie over. Without it, or where the program has a use for SIGTRAP, the
 * descriptor sends the signal in use (F_SETSIG); then the kernel is left out,
 * because a signal that meets a thread in a call would interrupt it.
 *
 * All descriptors are the flusher's, in its table: it arms threads from
 * outside. A thread that ends only says so in its record; perf_tidy() closes.
 */
#include "agent/clock-perf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "agent/clock.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/region.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/thread.h"

/* From the kernel's headers; libc's hide them or are older. */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif
#define FCNTL_SETSIG 10
#define FCNTL_SETOWN_EX 15
#define OWNER_TID 0

/* The first layout that has sig_data; a kernel without it says E2BIG. */
#define ATTR_WITH_SIGTRAP 128u

/* Descriptors below this number can be told from each other in the handler. */
#define FDS_MAX 65536u

/* For perf_interrupt_ns(): about 1 ms of work, ten interrupts. */
#define PROBE_ROUNDS 10
#define PROBE_STEPS 400000
#define PROBE_PERIOD_NS 100000u

/*
 * A period that a cycle of the program divides would meet it at the same places
 * for ever. One that differs by 2 % goes through all of it within 50 samples;
 * by more than 5 % it would hardly be the rate that was asked for.
 */
#define VARY_NS 250000000u
#define VARY_LEAST 20u		/* in 1000 */
#define VARY_MOST 50u

struct event {
	int fd_plus_1;		/* 0: none */
	uint32_t generation;	/* of the thread it was opened for */
};

/* Flusher only, but for cookie_of_fd[], which the handler reads. */
static FORK_LARGE struct event events[REGION_SLOTS_MAX];
static FORK_LARGE _Atomic uint64_t cookie_of_fd[FDS_MAX];
static uint32_t open_events, highest_slot;
static uint64_t next_vary_ns;
static enum perf_sight sight = PERF_UNKNOWN;
static int refusal;			/* -errno of the probe */
static bool has_sigtrap;
static bool insisted;

/*
 * As the kernel has it since 5.13. Declared here so that the library builds
 * with the headers of an older one.
 */
struct perf_attr {
	uint32_t type, size;
	uint64_t config, sample_period, sample_type, read_format;
	uint64_t flags;
	uint32_t wakeup_events, bp_type;
	uint64_t config1, config2, branch_sample_type, sample_regs_user;
	uint32_t sample_stack_user;
	int32_t clockid;
	uint64_t sample_regs_intr;
	uint32_t aux_watermark;
	uint16_t sample_max_stack, reserved;
	uint32_t aux_sample_size, reserved_3;
	uint64_t sig_data;
};

_Static_assert(sizeof(struct perf_attr) == ATTR_WITH_SIGTRAP,
	       "struct perf_event_attr of the kernel, version 7");

/* Bits of flags, in the order of the kernel's bit fields. */
#define FLAG_DISABLED (1ull << 0)
#define FLAG_EXCLUDE_KERNEL (1ull << 5)
#define FLAG_EXCLUDE_HV (1ull << 6)
#define FLAG_REMOVE_ON_EXEC (1ull << 36)
#define FLAG_SIGTRAP (1ull << 37)

static int open_event(int tid, uint64_t period_ns, uint64_t flags,
		      uint64_t cookie)
{
	struct perf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.size = flags & FLAG_SIGTRAP ? sizeof(attr) :
					   PERF_ATTR_SIZE_VER5;
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_TASK_CLOCK;
	attr.sample_period = period_ns;
	attr.flags = flags | FLAG_DISABLED | FLAG_EXCLUDE_HV;
	attr.wakeup_events = 1;
	attr.sig_data = flags & FLAG_SIGTRAP ? cookie : 0;
	return (int)sys_call(SYS_perf_event_open, &attr, tid, -1, -1,
			     PERF_FLAG_FD_CLOEXEC);
}

/* --- what this kernel lets us see ------------------------------------------- */

/*
 * Before Linux 5.19 a SIGTRAP that finds itself blocked, as in any handler of
 * ours, kills the process instead of waiting.
 */
static bool trap_waits(void)
{
	struct utsname names;
	unsigned version = 0, patch = 0;
	const char *at = names.release;

	if (sys_call(SYS_uname, &names) != 0)
		return false;
	for (; *at >= '0' && *at <= '9'; at++)
		version = version * 10 + (unsigned)(*at - '0');
	for (at += *at == '.'; *at >= '0' && *at <= '9'; at++)
		patch = patch * 10 + (unsigned)(*at - '0');
	return version > 5 || (version == 5 && patch >= 19);
}

static int try_open(uint64_t flags)
{
	int fd = open_event(sys_gettid(), 1000000000u, flags, 0);

	if (fd >= 0)
		sys_close(fd);
	return fd < 0 ? fd : 0;
}

void perf_insist(void)
{
	insisted = true;
}

static bool is_filtered(void)
{
	return sys_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0) != 0;
}

enum perf_sight perf_probe(void)
{
	uint64_t trap = FLAG_SIGTRAP | FLAG_REMOVE_ON_EXEC;

	if (sight != PERF_UNKNOWN)
		return sight;
	if (!insisted && is_filtered()) {
		refusal = -EPERM;
		sight = PERF_REFUSED;
		return sight;
	}
	has_sigtrap = trap_waits() &&
		      try_open(trap | FLAG_EXCLUDE_KERNEL) == 0;
	refusal = try_open(FLAG_EXCLUDE_KERNEL);
	if (refusal != 0 && !has_sigtrap)
		sight = PERF_REFUSED;
	else if (has_sigtrap && try_open(trap) == 0)
		sight = PERF_KERNEL_TOO;
	else
		sight = PERF_USER_ONLY;
	return sight;
}

enum perf_sight perf_sight_now(void)
{
	enum perf_sight now = perf_probe();

	return now == PERF_KERNEL_TOO && !signals_has_trap() ? PERF_USER_ONLY :
							       now;
}

int perf_refusal(void)
{
	return refusal;
}

/* The least CPU time that a fixed piece of work took, ns. */
static uint64_t time_work(void)
{
	uint64_t least = UINT64_MAX, begin, took;
	volatile uint32_t x = 1;
	int round, i;

	for (round = 0; round < PROBE_ROUNDS; round++) {
		begin = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		for (i = 0; i < PROBE_STEPS; i++)
			x = x * 1664525u + 1013904223u;
		took = sys_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
		if (took < least)
			least = took;
	}
	return least;
}

uint64_t perf_interrupt_ns(void)
{
	uint64_t plain = time_work(), with;
	/* it counts but sends nothing */
	int fd = open_event(sys_gettid(), PROBE_PERIOD_NS,
			    FLAG_EXCLUDE_KERNEL, 0);

	if (fd < 0)
		return 0;
	sys_call(SYS_ioctl, fd, PERF_EVENT_IOC_ENABLE, 0);
	with = time_work();
	sys_close(fd);
	/* with = plain + interrupts * cost, interrupts = with / period */
	return with > plain ? (with - plain) * PROBE_PERIOD_NS / with : 0;
}

/* --- events -------------------------------------------------------------------- */

static void close_event(uint32_t slot)
{
	struct event *e = &events[slot];
	int fd = e->fd_plus_1 - 1;

	if (fd < 0)
		return;
	sys_close(fd);
	if ((uint32_t)fd < FDS_MAX)
		atomic_store_explicit(&cookie_of_fd[fd], 0,
				      memory_order_relaxed);
	e->fd_plus_1 = 0;
	open_events--;
}

static uint32_t generation_of(const struct thread_record *t)
{
	return atomic_load_explicit(&t->generation, memory_order_relaxed);
}

static void remember(uint32_t slot, const struct thread_record *t, int fd)
{
	events[slot].fd_plus_1 = fd + 1;
	events[slot].generation = generation_of(t);
	open_events++;
	if (slot > highest_slot)
		highest_slot = slot;
}

/* Makes the descriptor send `signo` to the thread. */
static int send_by_descriptor(int fd, int tid, uint64_t cookie, int signo)
{
	struct {
		int type, id;
	} owner = { OWNER_TID, tid };
	int err;

	/*
	 * A standard signal: a real-time one that does not fit the queue would
	 * arrive as SIGIO, which kills.
	 */
	if ((uint32_t)fd >= FDS_MAX || signo >= 32)
		return -ENOTSUP;
	/* before the first signal; the handler of any thread may read it */
	atomic_store_explicit(&cookie_of_fd[fd], cookie, memory_order_relaxed);
	err = (int)sys_call(SYS_fcntl, fd, FCNTL_SETSIG, signo);
	if (err >= 0)
		err = (int)sys_call(SYS_fcntl, fd, FCNTL_SETOWN_EX, &owner);
	if (err >= 0)
		err = (int)sys_call(SYS_fcntl, fd, F_SETFL,
				    O_ASYNC | O_NONBLOCK);
	return err < 0 ? err : 0;
}

static int open_for(const struct thread_record *t, uint64_t cookie, int signo)
{
	bool by_trap = has_sigtrap && signals_has_trap();
	uint64_t flags = by_trap ? FLAG_SIGTRAP | FLAG_REMOVE_ON_EXEC : 0;
	int fd, err = 0;

	if (perf_sight_now() != PERF_KERNEL_TOO)
		flags |= FLAG_EXCLUDE_KERNEL;
	fd = open_event(t->tid, perf_vary_period(t->period_ns), flags, cookie);
	if (fd < 0)
		return fd;
	if (!by_trap)
		err = send_by_descriptor(fd, t->tid, cookie, signo);
	if (err == 0)
		err = (int)sys_call(SYS_ioctl, fd, PERF_EVENT_IOC_ENABLE, 0);
	if (err < 0) {
		sys_close(fd);
		return err;
	}
	return fd;
}

static int perf_arm(struct thread_record *t, uint64_t cookie, uint64_t first_ns,
		    int signo)
{
	int fd;

	(void)first_ns;
	if (perf_probe() == PERF_REFUSED)
		return refusal;
	close_event(t->slot);
	fd = open_for(t, cookie, signo);
	if (fd < 0)
		return fd;
	remember(t->slot, t, fd);
	return 0;
}

/*
 * What another thread cannot close is closed by perf_tidy() at the flusher's
 * next round; until then its signals are ignored.
 */
static void perf_disarm(struct thread_record *t)
{
	if (sys_gettid() == flusher_tid())
		close_event(t->slot);
}

static void perf_stop(void)
{
	uint32_t slot;

	if (sys_gettid() != flusher_tid())
		return;
	for (slot = 0; slot <= highest_slot; slot++)
		close_event(slot);
}

void perf_tidy(void)
{
	uint32_t slot;

	if (open_events == 0)
		return;
	for (slot = 0; slot <= highest_slot; slot++) {
		const struct thread_record *t = region_record(slot);

		if (!events[slot].fd_plus_1)
			continue;
		if (atomic_load_explicit(&t->state, memory_order_acquire) !=
			    SLOT_LIVE ||
		    generation_of(t) != events[slot].generation ||
		    atomic_load_explicit(&t->clock, memory_order_relaxed) !=
			    CLOCK_PERF)
			close_event(slot);
	}
}

uint64_t perf_vary_period(uint64_t period_ns)
{
	uint64_t by = VARY_LEAST + clock_random(VARY_MOST - VARY_LEAST);
	uint64_t of = period_ns / 1000 * by;

	return clock_random(2) == 1 ? period_ns + of : period_ns - of;
}

/* To change a period begins it anew: hence not more often than needed. */
void perf_vary(uint64_t now_ns)
{
	uint64_t period;
	uint32_t slot;

	if (open_events == 0 || now_ns < next_vary_ns)
		return;
	next_vary_ns = now_ns + VARY_NS;
	for (slot = 0; slot <= highest_slot; slot++) {
		if (!perf_is_armed(slot))
			continue;
		period = perf_vary_period(region_record(slot)->period_ns);
		sys_call(SYS_ioctl, events[slot].fd_plus_1 - 1,
			 PERF_EVENT_IOC_PERIOD, &period);
	}
}

bool perf_is_armed(uint32_t slot)
{
	return events[slot].fd_plus_1 &&
	       events[slot].generation == generation_of(region_record(slot));
}

void perf_reset(void)
{
	if (open_events > 0)
		memset(events, 0, (highest_slot + 1) * sizeof(events[0]));
	open_events = highest_slot = 0;
	sight = PERF_UNKNOWN;
}

/* --- in the handler -------------------------------------------------------------- */

static bool perf_owns(int code)
{
	return code == TRAP_PERF || code == POLL_IN || code == POLL_HUP;
}

uint64_t perf_cookie_of(uint32_t fd)
{
	return fd < FDS_MAX ? atomic_load_explicit(&cookie_of_fd[fd],
						   memory_order_relaxed) : 0;
}

const struct clock clock_perf = {
	.name = "perf",
	.per_thread = true,
	.outside = true,
	.weighs_cpu = true,
	.arm = perf_arm,
	.disarm = perf_disarm,
	.stop = perf_stop,
	.owns = perf_owns,
};
