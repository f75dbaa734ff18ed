/* SPDX-License-Identifier: MIT */
/*
 * agent: see agent.h. Called by the constructor and by the interposers, on
 * threads of the program; agent_start_fresh() by the handler and
 * agent_begun() by the flusher.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>

#include "agent/budget.h"
#include "agent/clock.h"
#include "agent/command.h"
#include "agent/control.h"
#include "agent/drain.h"
#include "agent/execs.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/identity.h"
#include "agent/labels.h"
#include "agent/listen.h"
#include "agent/log.h"
#include "agent/modules.h"
#include "agent/own-labels.h"
#include "agent/process.h"
#include "agent/region.h"
#include "agent/resident.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/snapshot.h"
#include "agent/spans.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/unwind.h"
#include "agent/wall.h"
#include "agent/writer.h"

#define END_TIMEOUT_MS 200	/* what an exiting program waits for us at most */
#define SUSPEND_TIMEOUT_MS 2000	/* one that may not have a second thread */
#define BEGIN_TIMEOUT_MS 2000	/* one that is fresh and makes a thread */

/*
 * A program that ends earlier has paid for the flusher's stack and little else:
 * most that run for so short end within half of it, and the first tick that
 * could bring a sample comes as early for few.
 */
#define START_NS 2000000u

struct config agent_config;
struct agent_process agent_process;

/* In one page: this file is the first that the linker meets. */
__asm__(".pushsection fork_data, \"aw\", @progbits\n"
	".balign 2048\n"
	".popsection\n");

/* In the child as well: the rest of agent_process is its flusher's to tell. */
static FORK_DATA int own_pid;
static FORK_DATA _Atomic int state;
static FORK_DATA bool is_child;		/* forked from a profiled program */
/* Stands for the one thread of a process that has no region yet. */
static FORK_DATA struct thread_record fresh = { .timer = -1, .clock = -1 };
static FORK_DATA struct unwind_stack fresh_stack;
static FORK_DATA uint32_t main_slot = THREAD_NO_SLOT;
static FORK_DATA bool asleep;	/* a fresh process begins paused */
static uint64_t paused_at_ns;	/* agent_cpu_ns() stands still while paused */
static bool has_modules;	/* what the handler needs of them is read */
static uint64_t begun_cpu_ns;	/* see agent_begun_cpu_ns() */
/* Why the agent left the program before its end, NULL: it has not. */
static const char *_Atomic left_because;

enum agent_state agent_state(void)
{
	/* acquire: pairs with the release in set_state() */
	return (enum agent_state)atomic_load_explicit(&state,
						      memory_order_acquire);
}

static FORK_CODE void set_state(enum agent_state s)
{
	atomic_store_explicit(&state, s, memory_order_release);
	sampler_enable(s == AGENT_RUNNING || s == AGENT_FRESH);
}

static bool change_state(enum agent_state from, enum agent_state to)
{
	int expected = from;

	/* acq_rel: as set_state(), and after what the one before has done */
	if (!atomic_compare_exchange_strong_explicit(
		    &state, &expected, to, memory_order_acq_rel,
		    memory_order_relaxed))
		return false;
	sampler_enable(to != AGENT_ENDED);
	return true;
}

bool agent_is_running(void)
{
	enum agent_state now = agent_state();

	return agent_is_ours() &&
	       (now == AGENT_RUNNING ||
		(!asleep && (now == AGENT_FRESH || now == AGENT_STARTING)));
}

bool agent_is_ours(void)
{
	return agent_state() != AGENT_OFF && sys_getpid() == own_pid;
}

static uint64_t period_ns(void)
{
	/* 10^12 over 1/1000 Hz is ns */
	return 1000000000000u / agent_config.rate_mhz;
}

/* --- threads ------------------------------------------------------------- */

static uint64_t thread_cpu_ns(int tid)
{
	return sys_clock_ns(sys_thread_clock(tid));
}

/*
 * A thread's clock is armed and disarmed by itself, by the flusher, and by a
 * thread that pauses all: one at a time, and never again once it ends. The
 * lock nests in nothing.
 */
static struct thread_record *lock_clock(uint32_t slot)
{
	static const struct timespec pause = { 0, 20000 };
	struct thread_record *t = region_record(slot);

	/* acquire: pairs with the release in unlock_clock() */
	while (atomic_exchange_explicit(&t->clock_lock, 1,
					memory_order_acquire))
		sys_call(SYS_nanosleep, &pause, NULL);
	return t;
}

static void unlock_clock(struct thread_record *t)
{
	atomic_store_explicit(&t->clock_lock, 0, memory_order_release);
}

/*
 * Not while it execs: see execs.h. The interval timer belongs to the process and
 * is that of any thread.
 */
static bool may_arm(const struct thread_record *t)
{
	if ((t->flags & THREAD_ENDING) || t->clock >= 0)
		return false;
	return !execs_has(t->tid) &&
	       !(execs_has_any() && clock_is_used(CLOCK_ITIMER));
}

static void arm_locked(struct thread_record *t, uint32_t slot, uint64_t cpu_ns)
{
	if (!may_arm(t))
		return;
	if (agent_state() != AGENT_RUNNING || signals_ours() == 0) {
		thread_pause(slot, cpu_ns);
		return;
	}
	thread_resume(slot, cpu_ns);
	clock_arm(slot, signals_ours(), cpu_ns);
}

static void arm(uint32_t slot)
{
	struct thread_record *t = lock_clock(slot);

	arm_locked(t, slot, thread_cpu_ns(t->tid));
	unlock_clock(t);
}

/*
 * What it used to come here, a few microseconds, goes to the account of others
 * like it: cheaper than to ask.
 */
static void arm_new(uint32_t slot)
{
	struct thread_record *t = lock_clock(slot);

	arm_locked(t, slot, 0);
	unlock_clock(t);
}

static void disarm(uint32_t slot)
{
	struct thread_record *t = lock_clock(slot);

	clock_disarm(slot);
	unlock_clock(t);
}

void agent_rearm(uint32_t slot)
{
	struct thread_record *t = lock_clock(slot);

	clock_disarm(slot);
	arm_locked(t, slot, thread_cpu_ns(t->tid));
	unlock_clock(t);
}

static void disarm_for_good(uint32_t slot)
{
	struct thread_record *t = lock_clock(slot);

	t->flags |= THREAD_ENDING;
	clock_disarm(slot);
	unlock_clock(t);
}

/* In a fresh process: waits for its region. */
static bool is_ready(void)
{
	static const struct timespec moment = { 0, 100000 };
	int tries;

	if (agent_state() == AGENT_FRESH)
		agent_start_fresh();
	for (tries = 0; agent_state() == AGENT_STARTING &&
			tries < 10 * BEGIN_TIMEOUT_MS; tries++)
		sys_call(SYS_nanosleep, &moment, NULL);
	return agent_state() == AGENT_RUNNING ||
	       agent_state() == AGENT_PAUSED;
}

uint32_t agent_thread_begin(uint64_t start_routine, uint64_t stack_low,
			    uint64_t stack_high)
{
	struct thread_record *t;
	uint32_t slot;

	if (!is_ready())
		return THREAD_NO_SLOT;
	slot = thread_claim(sys_gettid(), start_routine, 0);
	if (slot == THREAD_NO_SLOT)
		return slot;
	t = region_record(slot);
	t->stack_low = stack_low;
	t->stack_high = stack_high;
	t->call_regs = (uint64_t)&thread_call_regs;
	thread_set_self(slot, stack_low, stack_high);
	thread_publish(slot);
	arm_new(slot);
	return slot;
}

void agent_thread_end(uint32_t slot)
{
	struct thread_record *t = region_record(slot);
	char name[16] = "";

	/* of the parent's, where this thread forked and is another's now */
	if (!t || thread_self() != slot)
		return;
	disarm_for_good(slot);
	thread_set_self(THREAD_NO_SLOT, 0, 0);
	if (thread_is_told(t))
		sys_call(SYS_prctl, PR_GET_NAME, name);
	thread_end(slot, sys_clock_ns(CLOCK_THREAD_CPUTIME_ID), name);
}

/* --- beginning -------------------------------------------------------------- */

/* Why it cannot start, in words where a user can do something about it. */
static const char *reason_of(int err)
{
	switch (-err) {
	case EAGAIN:
		return "no thread may be created, see pids.max and ulimit -u";
	case ENOMEM:
		return "no memory";
	case ENOSPC:
		return "no space in the runtime directory";
	default:
		return "the system does not allow it";
	}
}

static bool read_config(char **envp)
{
	struct config_error error;

	if (config_read(&agent_config, envp, &error) != 0) {
		log_line(LOG_ERROR, "%s; the program runs unprofiled",
			 error.text);
		return false;
	}
	log_init(agent_config.log);
	config_warn_unknown(envp);
	if (agent_config.help) {
		config_help(2);
		return false;
	}
	return true;
}

static int init_parts(void)
{
	const struct unwind_backend *backend =
		unwind_find(agent_config.unwind);
	int err = backend->init ? backend->init() : 0;

	if (err != 0)
		return err;
	resident_init();
	sampler_init(backend, (uint32_t)agent_config.depth);
	budget_init(agent_config.budget_ppm);
	return clock_init(agent_config.clock, period_ns());
}

static int init_writer(void)
{
	struct writer_names names = {
		.program = agent_process.program,
		.pid = agent_process.pid,
		.host = agent_process.host,
		.start_unix_s = agent_process.start_unix_ns / 1000000000u,
	};
	char bad;

	writer_set_rotation(agent_config.max_age_ms * 1000000u,
			    (unsigned)agent_config.keep);
	return writer_init(agent_config.output, agent_process.cwd, &names,
			   process_fallback_dir(), agent_config.max_size, &bad);
}

static void init_toggle(void)
{
	if (signals_init_toggle((int)agent_config.toggle) != 0)
		log_line(LOG_WARNING, "PROFAGENT_TOGGLE: signal %d is in use; "
			 "it does not start and pause profiling",
			 (int)agent_config.toggle);
}

static int init_signals(void)
{
	int err = signals_init((int)agent_config.signal);

	if (err == 0 && agent_config.toggle != 0)
		init_toggle();
	if (err == 0 && clock_may_trap())
		signals_borrow_trap();
	return err == 0 && !asleep ? signals_install() : err;
}

static FORK_CODE void fill_fresh(uint16_t label)
{
	fresh.tid = own_pid;
	fresh.call_regs = (uint64_t)&thread_call_regs;
	fresh.label_skipped = 0;
	atomic_store_explicit(&fresh.label, label, memory_order_relaxed);
	fresh.clock = fresh.timer = -1;
}

/*
 * What only this thread can do, and what the program can spoil later. All else
 * is left to the flusher, which begins soon: see agent_begun().
 */
static int begin(void)
{
	int err = init_parts();

	if (err == 0)
		err = init_writer();
	if (err == 0)
		err = init_signals();
	if (err != 0)
		return err;
	fresh_stack.low = process_main_stack_low();
	fresh_stack.high = process_main_stack_high();
	thread_set_self(THREAD_NO_SLOT, fresh_stack.low, fresh_stack.high);
	fill_fresh(0);
	agent_process.cpu_before_ns = sys_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	set_state(AGENT_FRESH);
	return flusher_start_later(START_NS);
}

/* Once: a forked child tries again at each sample. */
static void say_unprofiled(int err)
{
	static unsigned char said;

	log_once(&said, LOG_ERROR, "cannot start: %s (error %d); process %d "
		 "runs unprofiled", reason_of(err), -err, own_pid);
}

void agent_init(char **argv, char **envp)
{
	int err;

	if (!read_config(envp))
		return;
	asleep = !agent_config.start;
	process_describe(argv, envp, agent_config.parent_run,
			 agent_config.root_run);
	own_pid = agent_process.pid;
	if (!agent_config.children)
		process_hide_preload(envp);
	else
		process_pass_run_id(agent_process.run_id);
	err = begin();
	if (err != 0) {
		set_state(AGENT_OFF);
		say_unprofiled(err);
	}
}

/* --- pause ------------------------------------------------------------------- */

/* CPU time of the process without the flusher's. */
static uint64_t process_cpu_ns(uint64_t flusher_ns)
{
	return sys_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - flusher_ns;
}

static uint64_t flusher_cpu_ns(void)
{
	int tid = flusher_tid();

	return tid ? thread_cpu_ns(tid) : 0;
}

uint64_t agent_cpu_ns(uint64_t flusher_ns)
{
	uint64_t now = agent_state() == AGENT_PAUSED
			       ? paused_at_ns
			       : process_cpu_ns(flusher_ns);

	return now > agent_process.cpu_before_ns
		       ? now - agent_process.cpu_before_ns
		       : 0;
}

static void for_each_live(void (*visit)(uint32_t slot))
{
	uint32_t slots = region_slots(), i;

	for (i = 0; i < slots; i++)
		/* acquire: pairs with the release in thread_publish() */
		if (atomic_load_explicit(&region_record(i)->state,
					 memory_order_acquire) == SLOT_LIVE)
			visit(i);
}

int agent_run(void)
{
	int err;

	if (agent_state() != AGENT_PAUSED)
		return agent_state() == AGENT_RUNNING ? -EALREADY : -ESRCH;
	err = signals_install();
	if (err != 0)
		return err;
	agent_process.cpu_before_ns +=
		process_cpu_ns(flusher_cpu_ns()) - paused_at_ns;
	set_state(AGENT_RUNNING);
	for_each_live(arm);
	flusher_wake();		/* it slept without an end */
	return 0;
}

static void disarm_and_pause(uint32_t slot)
{
	disarm(slot);
	thread_pause(slot, thread_cpu_ns(region_record(slot)->tid));
}

int agent_pause(void)
{
	if (agent_state() != AGENT_RUNNING)
		return agent_state() == AGENT_PAUSED ? -EALREADY : -ESRCH;
	paused_at_ns = process_cpu_ns(flusher_cpu_ns());
	clock_stop();
	for_each_live(disarm_and_pause);
	set_state(AGENT_PAUSED);
	return 0;
}

static FORK_CODE void arm_forked(void)
{
	fresh.tid = sys_gettid();
	clock_arm_record(&fresh, AGENT_FORKED_COOKIE, signals_ours());
}

/*
 * Of a child the CPU time brings the first signal. What only waits gets none:
 * for the wall clock the flusher begins by itself, after a period.
 */
static FORK_CODE void begin_fresh(void)
{
	if (is_child)
		arm_forked();
	if (flusher_tid() != 0 || (is_child && (asleep || !wall_is_on())))
		return;
	agent_process.pid = own_pid;
	flusher_start_later(is_child ? clock_period_ns() : START_NS);
}

bool agent_has_flusher(void)
{
	return agent_is_ours() && is_ready() && flusher_tid() != 0;
}

/* --- end, exec, other interruptions --------------------------------------- */

void agent_end(void)
{
	if (!agent_is_ours() || agent_state() == AGENT_ENDED ||
	    change_state(AGENT_FRESH, AGENT_ENDED))
		return;
	/* a flusher that just begins makes a region, and removes it then */
	if (agent_state() != AGENT_STARTING)
		set_state(AGENT_ENDED);
	clock_stop();
	flusher_ask(FLUSHER_FINISH, END_TIMEOUT_MS);
	set_state(AGENT_ENDED);
}

/* The calling thread gets no clock any more. All signals are blocked. */
static void silence_self(void)
{
	uint32_t slot = thread_self();

	clock_stop();
	clock_disarm_record(&fresh);
	if (slot != THREAD_NO_SLOT && region_record(slot)->tid == sys_gettid())
		disarm(slot);
}

static void disarm_if_execs(uint32_t slot)
{
	if (execs_has(region_record(slot)->tid))
		disarm(slot);
}

void agent_disarm_execs(void)
{
	for_each_live(disarm_if_execs);
}

/*
 * An event of the perf clock is the flusher's: only it can close that, and say
 * so. A flusher that just begins arms a clock before it answers.
 */
static bool is_silent(const struct agent_exec *e)
{
	int timeout_ms = agent_state() == AGENT_ENDED ? END_TIMEOUT_MS :
							SUSPEND_TIMEOUT_MS;
	enum flusher_answer answer;

	if (e->fresh || flusher_tid() == 0)
		return true;
	if (!execs_has(sys_gettid()))
		return false;
	answer = flusher_ask_for(FLUSHER_EXEC, timeout_ms);
	return answer == FLUSHER_DONE || answer == FLUSHER_FAILED ||
	       flusher_tid() == 0;
}

void agent_exec_begin(struct agent_exec *e)
{
	signals_set old;

	e->ours = agent_is_ours();
	/* a flusher that waits for its start finds nothing to do any more */
	e->fresh = e->ours && change_state(AGENT_FRESH, AGENT_ENDED);
	if (e->ours) {
		execs_add(sys_gettid());
		old = signals_block_all();
		silence_self();
		signals_restore(old);
		/* what was on its way comes to our handler while we wait */
		signals_exec_begin(is_silent(e));
	}
	e->mask = agent_state() != AGENT_OFF ? signals_expose() : 0;
}

void agent_exec_failed(const struct agent_exec *e)
{
	uint32_t slot = thread_self();

	if (agent_state() == AGENT_OFF)
		return;
	signals_restore(e->mask);
	if (!e->ours)
		return;
	execs_remove(sys_gettid());
	flusher_nudge();	/* it puts the socket back */
	signals_exec_failed();
	/* one that woke up meanwhile leaves: another begins in its place */
	if (e->fresh)
		flusher_dismiss(END_TIMEOUT_MS);
	if (e->fresh && change_state(AGENT_ENDED, AGENT_FRESH))
		begin_fresh();
	else if (slot != THREAD_NO_SLOT &&
		 region_record(slot)->tid == sys_gettid())
		arm(slot);
}

static bool has_flusher(void)
{
	return agent_is_ours() && flusher_tid() != 0;
}

void agent_identity_begin(void)
{
	if (has_flusher())
		flusher_ask(FLUSHER_OPEN, END_TIMEOUT_MS);
}

void agent_identity_end(void)
{
	if (!has_flusher())
		return;
	if (identity_capture() == 0 &&
	    flusher_ask(FLUSHER_ADOPT, END_TIMEOUT_MS))
		return;
	log_line(LOG_WARNING, "cannot follow the program's change of identity: "
		 "profiling of process %d ends here", own_pid);
	agent_end();
	flusher_dismiss(END_TIMEOUT_MS);
}

void agent_suspend_flusher(void)
{
	if (!has_flusher())
		return;
	flusher_ask(FLUSHER_STOP, SUSPEND_TIMEOUT_MS);
}

void agent_resume_flusher(void)
{
	int fd;

	if (!agent_is_ours() || flusher_tid() != 0 ||
	    (agent_state() != AGENT_RUNNING && agent_state() != AGENT_PAUSED))
		return;
	fd = region_path()[0] ? sys_open(region_path(), O_RDWR | O_CLOEXEC, 0)
			      : -1;
	flusher_start(fd < 0 ? -1 : fd);
	if (fd >= 0)
		sys_close(fd);	/* it has its own */
	log_set_flusher(flusher_tid());
}

void agent_set_period(uint64_t ns)
{
	clock_set_period(ns);
	if (agent_state() == AGENT_RUNNING && signals_ours() != 0)
		for_each_live(agent_rearm);
}

void agent_step_aside(const char *reason)
{
	if (!agent_is_ours() || agent_state() == AGENT_ENDED)
		return;
	log_line(LOG_INFO, "%s: profiling of process %d ends here", reason,
		 own_pid);
	/* release: what it points to is there */
	atomic_store_explicit(&left_because, reason, memory_order_release);
	for_each_live(disarm_for_good);
	clock_stop();
	clock_disarm_record(&fresh);
	/* the filter may forbid it even to leave */
	if (!change_state(AGENT_FRESH, AGENT_ENDED))
		agent_end();
	flusher_dismiss(END_TIMEOUT_MS);
}

const char *agent_left_because(void)
{
	return atomic_load_explicit(&left_because, memory_order_acquire);
}

static const char cancelled[] =
	"the program ended profiling by profagent_cancel()";

int agent_cancel(void)
{
	if (agent_has_flusher())
		agent_step_aside(cancelled);
	else if (!agent_is_cancelled())
		return -ESRCH;
	return flusher_tid() == 0 ? 0 : -ETIMEDOUT;
}

bool agent_is_cancelled(void)
{
	return agent_is_ours() && agent_left_because() == cancelled;
}

int agent_rearm_all(void)
{
	clock_stop();
	for_each_live(signals_ours() ? agent_rearm : disarm);
	return 0;
}

void agent_change_signal(void)
{
	int tid = flusher_tid();

	if (agent_state() == AGENT_FRESH) {
		clock_stop();
		clock_disarm_record(&fresh);
		if (is_child && signals_ours())
			arm_forked();
	} else if (tid == 0 || tid == sys_gettid()) {
		agent_rearm_all();
	} else {
		/* the flusher may come late: no tick of the old one meanwhile */
		clock_stop();
		flusher_ask(FLUSHER_REARM, END_TIMEOUT_MS);
	}
}

/* --- fork --------------------------------------------------------------------- */

/*
 * Only what is cheap: most children exec at once. The rest waits for the first
 * sample; what was paused stays so, but has a clock until then, so that
 * it comes to have a socket. What the parent's mappings held is not mapped here
 * (MADV_DONTFORK).
 */
FORK_CODE void agent_forked(void)
{
	enum agent_state was = agent_state();

	if (was == AGENT_OFF || was == AGENT_ENDED)
		return;
	own_pid = sys_getpid();
	thread_self_stack(&fresh_stack.low, &fresh_stack.high);
	signals_reset_after_fork();
	flusher_reset_after_fork();
	region_reset_after_fork();
	thread_reset_after_fork();
	modules_lose_after_fork();
	command_reset_after_fork();
	listen_reset_after_fork();
	spans_reset_after_fork();
	clock_reset_after_fork();
	execs_reset_after_fork();
	log_set_flusher(0);
	main_slot = THREAD_NO_SLOT;
	is_child = true;
	fill_fresh(own_labels_of_forked());
	if (was == AGENT_RUNNING || was == AGENT_PAUSED)
		asleep = was == AGENT_PAUSED;
	if (signals_ours() == 0 || (asleep && signals_install() != 0))
		return;
	set_state(AGENT_FRESH);
	begin_fresh();
}

struct thread_record *agent_fresh_record(void)
{
	enum agent_state now = agent_state();

	return now == AGENT_FRESH || now == AGENT_STARTING ? &fresh : NULL;
}

/*
 * Where no thread can be created the next sample tries again: what the child has
 * used until then is not lost.
 */
void agent_start_fresh(void)
{
	int err;

	if (!change_state(AGENT_FRESH, AGENT_STARTING))
		return;
	agent_process.pid = own_pid;	/* by which the flusher is woken */
	if (flusher_tid() != 0) {
		flusher_nudge();
		return;
	}
	err = flusher_start(-1);
	if (err == 0)
		return;
	if (err != -EBUSY)
		say_unprofiled(err);
	set_state(err == -EBUSY || err == -EAGAIN ? AGENT_FRESH
						  : AGENT_ENDED);
}

bool agent_begin_fresh(void)
{
	return change_state(AGENT_FRESH, AGENT_STARTING) ||
	       agent_state() == AGENT_STARTING;
}

/* What agent_forked() left, for it takes pages that most children do not need. */
static void reset_rest(void)
{
	region_begin_in_child();
	thread_begin_in_child();
	clock_begin_in_child();
	sampler_reset_after_fork();
	snapshot_reset_after_fork();
	drain_reset_after_fork();
	control_reset_after_fork();
	has_modules = modules_reset_after_fork() == 0;
	sampler_forget_rules();
}

static int describe_child(void)
{
	reset_rest();
	process_describe_child();
	return init_writer();
}

/* A child may have been forked before its parent came to it. */
static int read_modules(void)
{
	int err = has_modules ? 0 : modules_begin(NULL);

	has_modules = err == 0;
	return err;
}

static int make_region(void)
{
	int fd = -1, err = is_child ? describe_child() : 0;

	process_describe_rest();
	if (err == 0)
		err = read_modules();
	if (err == 0)
		err = region_init(process_runtime_dir(), agent_process.run_id,
				  agent_process.pid_start, &fd);
	return err;
}

/* The thread may set its label meanwhile: see put() in own-labels.c. */
static void take_label(struct thread_record *t, uint32_t slot)
{
	uint32_t label = atomic_load_explicit(&fresh.label,
					      memory_order_relaxed);

	atomic_store_explicit(&t->label, label, memory_order_relaxed);
	thread_set_forked(slot, agent_process.pid);
	/* seq_cst: the thread stores its label and then looks for its slot */
	atomic_thread_fence(memory_order_seq_cst);
	atomic_compare_exchange_strong_explicit(
		&t->label, &label,
		atomic_load_explicit(&fresh.label, memory_order_relaxed),
		memory_order_relaxed, memory_order_relaxed);
}

static void register_main(void)
{
	struct thread_record *t;

	main_slot = thread_claim_now(agent_process.pid, 0, THREAD_MAIN);
	t = region_record(main_slot);
	t->start_ns = agent_process.start_mono_ns;
	t->cpu_start_ns = agent_process.cpu_before_ns;
	t->stack_low = fresh_stack.low;
	t->stack_high = fresh_stack.high;
	t->call_regs = fresh.call_regs;
	thread_publish(main_slot);
	take_label(t, main_slot);
}

uint64_t agent_begun_cpu_ns(void)
{
	return begun_cpu_ns;
}

void agent_begun(void)
{
	char dir[PATH_MAX];
	int err;

	log_set_flusher(flusher_tid());
	err = make_region();
	if (err != 0) {
		set_state(AGENT_ENDED);
		say_unprofiled(err);
		return;
	}
	labels_keep_all();
	begun_cpu_ns = asleep ? 0 : sys_clock_ns(CLOCK_PROCESS_CPUTIME_ID) -
				    sys_clock_ns(CLOCK_THREAD_CPUTIME_ID) -
				    agent_process.cpu_before_ns;
	register_main();
	clock_disarm_record(&fresh);
	paused_at_ns = agent_process.cpu_before_ns;
	/* before those who wait for us ask for it */
	control_open(region_directory(dir), agent_process.pid);
	if (change_state(AGENT_STARTING, asleep ? AGENT_PAUSED
						: AGENT_RUNNING)) {
		arm(main_slot);
	} else {
		/* it ended without waiting for us */
		region_unlink();
		control_close();
	}
}
