/* SPDX-License-Identifier: MIT */
/* budget: see budget.h. */
#include "agent/budget.h"

#include "agent/agent.h"
#include "agent/clock-perf.h"
#include "agent/clock.h"
#include "agent/drain.h"
#include "agent/format.h"
#include "agent/pprof.h"
#include "agent/sys.h"

#define WINDOW_NS 1000000000u

/* What it aims at, percent of the budget: room for a busier second. */
#define AIM 80u

/* Below this difference the rate stays: a change costs, too. Percent. */
#define CHANGE_LEAST 10u

/* Not below one sample a second. ns */
#define PERIOD_MOST 1000000000u

/*
 * A signal that comes with the kernel's tick: entering the handler and
 * returning from it, without what the handler does. Measured with an empty one.
 */
#define TICK_SIGNAL_NS 2000u

/* An ordinary handler, and a look of the ticker with its signal. ns */
#define HANDLER_NS 1000u
#define LOOK_NS 25000u

static uint64_t limit_ppm;

static struct {
	bool began;
	uint64_t next_ns, then_ns;	/* of the windows */
	uint64_t own_ns, cpu_ns, signals; /* at the begin of this one */
	uint64_t asked_ns, set_ns;	/* periods */
	uint64_t longest_ns;
	uint64_t perf_signal_ns;	/* 0: not measured yet */
	uint64_t lowered, raised;
	uint64_t all_own_ns, all_cpu_ns;
} b;

void budget_init(uint64_t ppm)
{
	limit_ppm = ppm;
}

void budget_reset_after_fork(void)
{
	uint64_t perf_signal_ns = b.perf_signal_ns;

	b = (__typeof__(b)){ .perf_signal_ns = perf_signal_ns };
}

uint64_t budget_asked_ns(void)
{
	return b.began ? b.asked_ns : clock_period_ns();
}

uint64_t budget_steer(uint64_t period_ns, uint64_t asked_ns, uint64_t cost_ppm,
		      uint64_t ppm)
{
	uint64_t aim = ppm * AIM / 100, next;

	if (aim == 0)
		aim = 1;
	if (cost_ppm > 4 * aim)
		cost_ppm = 4 * aim;
	if (cost_ppm < aim * 4 / 5)
		cost_ppm = aim * 4 / 5;
	next = (uint64_t)((double)period_ns * (double)cost_ppm / (double)aim);
	if (next > PERIOD_MOST)
		next = PERIOD_MOST;
	return next > asked_ns ? next : asked_ns;
}

static uint64_t signal_ns(void)
{
	if (!clock_is_used(CLOCK_PERF))
		return TICK_SIGNAL_NS;
	if (b.perf_signal_ns == 0)
		b.perf_signal_ns = perf_interrupt_ns() + TICK_SIGNAL_NS;
	return b.perf_signal_ns;
}

/* What a sample costs at least, by the clocks in use. */
static uint64_t sample_ns(void)
{
	if (clock_is_used(CLOCK_TICKER))
		return LOOK_NS;
	return signal_ns() + HANDLER_NS;
}

/* Before anything was measured: the rate that can be right at best. */
static void predict(void)
{
	double aim = (double)limit_ppm * AIM / 100 / 1e6;
	uint64_t period = (uint64_t)((double)sample_ns() / aim);

	if (period > PERIOD_MOST)
		period = PERIOD_MOST;
	if (period <= b.asked_ns)
		return;
	b.lowered++;
	b.longest_ns = b.set_ns = period;
	agent_set_period(period);
}

static void begin_window(uint64_t now_ns, const struct pprof_health *h)
{
	b.then_ns = now_ns;
	b.own_ns = h->handler_ns + h->flusher_cpu_ns;
	b.cpu_ns = h->cpu_ns;
	b.signals = h->samples;
}

/* Of this window, ppm of the program's CPU time. */
static uint64_t cost_ppm(uint64_t now_ns, const struct pprof_health *h)
{
	uint64_t own = h->handler_ns + h->flusher_cpu_ns - b.own_ns +
		       (h->samples - b.signals) * signal_ns();
	uint64_t cpu = h->cpu_ns > b.cpu_ns ? h->cpu_ns - b.cpu_ns : 0;
	uint64_t least = (now_ns - b.then_ns) / 10;

	b.all_own_ns += own;
	b.all_cpu_ns += cpu;
	return (uint64_t)((double)own * 1e6 /
			  (double)(cpu > least ? cpu : least));
}

static bool differs(uint64_t next, uint64_t now)
{
	uint64_t by = next > now ? next - now : now - next;

	return by * 100 > now * CHANGE_LEAST;
}

static void change(uint64_t cost)
{
	uint64_t now = clock_period_ns(), next;

	if (now != b.set_ns)	/* somebody asked for another rate */
		b.asked_ns = now;
	next = budget_steer(now, b.asked_ns, cost, limit_ppm);
	b.set_ns = now;
	if (!differs(next, now) && !(next == b.asked_ns && next != now))
		return;
	if (next > now)
		b.lowered++;
	else
		b.raised++;
	if (next > b.longest_ns)
		b.longest_ns = next;
	b.set_ns = next;
	agent_set_period(next);
}

uint64_t budget_round(uint64_t now_ns)
{
	struct pprof_health h;

	if (limit_ppm == 0)
		return UINT64_MAX;
	if (now_ns < b.next_ns)
		return b.next_ns;
	b.next_ns = now_ns + WINDOW_NS;
	drain_health(&h);
	if (!b.began) {
		b.began = true;
		b.asked_ns = b.set_ns = clock_period_ns();
		predict();
	} else {
		change(cost_ppm(now_ns, &h));
	}
	begin_window(now_ns, &h);
	return b.next_ns;
}

/* 0.93 for 9300 ppm. */
static void format_percent(struct format *f, uint64_t ppm)
{
	uint64_t hundredths = (ppm + 50) / 100;

	format_printf(f, "%lu.%u%u %%", (unsigned long)(hundredths / 100),
		      (unsigned)(hundredths / 10 % 10),
		      (unsigned)(hundredths % 10));
}

static const char *figures(void)
{
	static char text[200];
	uint64_t ppm = (uint64_t)((double)b.all_own_ns * 1e6 /
				  (double)(b.all_cpu_ns ? b.all_cpu_ns : 1));
	struct format f;

	format_init(&f, text, sizeof(text));
	format_string(&f, "overhead budget ");
	format_percent(&f, limit_ppm);
	format_string(&f, ": cost ");
	format_percent(&f, ppm);
	format_printf(&f, ", rate lowered %lu times and raised %lu, to %lu Hz "
		      "at least",
		      (unsigned long)b.lowered, (unsigned long)b.raised,
		      (unsigned long)(1000000000u / b.longest_ns));
	return text;
}

const char *budget_note(bool last)
{
	if (limit_ppm == 0 || b.lowered == 0)
		return NULL;
	return last ? figures() : "the overhead budget lowers the rate";
}
