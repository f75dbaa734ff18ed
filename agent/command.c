/* SPDX-License-Identifier: MIT */
/*
 * command: see command.h. command_do() runs on threads of the program,
 * command_run() on the flusher.
 *
 *   FREE -> TAKEN -> FREE		asked, done
 *            `-> LEFT -> FREE		asked, not waited for any more, done
 */
#include "agent/command.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/control-proto.h"
#include "agent/flusher.h"
#include "agent/fork.h"
#include "agent/sys.h"
#include "agent/verbs.h"

enum place { PLACE_FREE = 0, PLACE_TAKEN, PLACE_LEFT };

/* One request at a time: who has taken the place. */
static FORK_DATA _Atomic int place;
static char line[CONTROL_LINE];
static struct verbs_reply reply;
static char answer[VERBS_ANSWER_MAX];

static int take_place(void)
{
	static const struct timespec pause = { 0, 100000 };
	uint64_t end = sys_clock_ns(CLOCK_MONOTONIC) +
		       COMMAND_TIMEOUT_MS * 1000000ull;
	int is = PLACE_FREE;

	/* acquire: pairs with the releases of who gave it back */
	while (!atomic_compare_exchange_strong_explicit(
		&place, &is, PLACE_TAKEN, memory_order_acquire,
		memory_order_relaxed)) {
		if (sys_clock_ns(CLOCK_MONOTONIC) >= end)
			return -EBUSY;
		sys_call(SYS_nanosleep, &pause, NULL);
		is = PLACE_FREE;
	}
	return 0;
}

static void give_back(void)
{
	atomic_store_explicit(&place, PLACE_FREE, memory_order_release);
}

static void drop_frame(void)
{
	if (reply.frame)
		arena_block_free(reply.frame, reply.frame_size);
	reply.frame = NULL;
}

static int collect(uint8_t **frame, size_t *frame_size)
{
	int err = reply.err;

	if (frame) {
		*frame = reply.frame;
		*frame_size = reply.frame_size;
		reply.frame = NULL;
	}
	drop_frame();
	return err;
}

/* Nobody waits for it: the flusher gives the place back, if it has not yet. */
static void leave(void)
{
	int taken = PLACE_TAKEN;

	atomic_compare_exchange_strong_explicit(&place, &taken, PLACE_LEFT,
						memory_order_acq_rel,
						memory_order_relaxed);
}

static int ask(uint8_t **frame, size_t *frame_size)
{
	int err = -ESRCH;

	switch (flusher_ask_for(FLUSHER_COMMAND, COMMAND_TIMEOUT_MS)) {
	case FLUSHER_LATE:
		leave();
		return -ETIMEDOUT;
	case FLUSHER_DONE:
		err = collect(frame, frame_size);
		break;
	default:
		break;
	}
	give_back();
	return err;
}

int command_do(const char *request, uint8_t **frame, size_t *frame_size)
{
	size_t size = strlen(request) + 1;
	int err;

	if (frame)
		*frame = NULL;
	if (size > sizeof(line))
		return -E2BIG;
	if (!agent_has_flusher())
		return -ESRCH;
	err = take_place();
	if (err != 0)
		return err;
	memcpy(line, request, size);
	return ask(frame, frame_size);
}

int command_run(void)
{
	int left = PLACE_LEFT;

	format_init(&reply.answer, answer, sizeof(answer));
	verbs_obey(line, &reply);
	/* acquire: pairs with leave(); what nobody waits for nobody frees */
	if (atomic_load_explicit(&place, memory_order_acquire) != PLACE_LEFT)
		return 0;
	drop_frame();
	atomic_compare_exchange_strong_explicit(&place, &left, PLACE_FREE,
						memory_order_release,
						memory_order_relaxed);
	return 0;
}

FORK_CODE void command_reset_after_fork(void)
{
	if (atomic_load_explicit(&place, memory_order_relaxed) == PLACE_FREE)
		return;
	atomic_store_explicit(&place, PLACE_FREE, memory_order_relaxed);
	reply.frame = NULL;
}
