/* SPDX-License-Identifier: MIT */
/*
 * A program that uses profagent.h through the stub. What it prints on other
 * lines than these is the same without the agent:
 *
 *	agent yes | no			whether there is one
 *	wrong TEXT			a call that did not do what it should
 *	expect label KEY VALUE PERCENT	of all CPU time
 *	expect span NAME COUNT P50_NS MAX_NS
 *	batches COUNT			handed to it by profagent_dispatch()
 *	function NAME SELF TOTAL	samples, as profagent_query() has them
 *
 * The second argument, `loop` or `query`, says what else to do.
 */
#include "tests/programs/truth.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <dirent.h>
#include <stdbool.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/profagent.h"

BURNER(burn_checkout)
BURNER(burn_pay)
BURNER(burn_search)
BURNER(burn_plain)

static bool preloaded;

/* The call is what it should be with the agent, and -ENOSYS without. */
#define IS(call, expected)						\
	do {								\
		long got_ = (long)(call);				\
		long want_ = preloaded ? (long)(expected) : -ENOSYS;	\
									\
		if (got_ != want_)					\
			printf("wrong %s: %ld, not %ld\n", #call, got_, \
			       want_);					\
	} while (0)

static uint64_t checkout_ns, pay_ns, search_ns, plain_ns;

/* --- labels -------------------------------------------------------------------- */

static void *search(void *arg)
{
	IS(profagent_label_pop(), -ENOENT);	/* a thread begins without */
	IS(profagent_label_set("route", "/other"), 0);
	IS(profagent_label_set("route", "/search"), 0);
	search_ns = burn_search(*(uint64_t *)arg);
	IS(profagent_label_set("route", NULL), 0);
	plain_ns = burn_plain(*(uint64_t *)arg / 2);
	return NULL;
}

static void check_label_errors(void)
{
	char text[300];
	int i;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	IS(profagent_label_push("", "x"), -EINVAL);
	IS(profagent_label_pop(), 0);
	IS(profagent_label_push("tid", "x"), -EINVAL);
	IS(profagent_label_pop(), 0);
	IS(profagent_label_push("key", text), -E2BIG);
	IS(profagent_label_pop(), 0);
	for (i = 0; i < 20; i++)
		IS(profagent_label_push("depth", "x"), i < 16 ? 0 : -ENOSPC);
	for (i = 0; i < 20; i++)
		IS(profagent_label_pop(), 0);
	IS(profagent_label_pop(), -ENOENT);
}

static void use_labels(uint64_t ns)
{
	pthread_t thread;

	check_label_errors();
	REQUIRE(!pthread_create(&thread, NULL, search, &ns));
	IS(profagent_label_push("route", "/checkout"), 0);
	checkout_ns = burn_checkout(ns);
	IS(profagent_label_push("step", "pay"), 0);
	pay_ns = burn_pay(ns);
	IS(profagent_label_pop(), 0);
	IS(profagent_label_pop(), 0);
	REQUIRE(!pthread_join(thread, NULL));
}

static void expect_labels(void)
{
	double all = (double)(checkout_ns + pay_ns + search_ns + plain_ns);

	printf("expect label route /checkout %.2f\n",
	       100.0 * (double)(checkout_ns + pay_ns) / all);
	printf("expect label route /search %.2f\n",
	       100.0 * (double)search_ns / all);
	printf("expect label step pay %.2f\n", 100.0 * (double)pay_ns / all);
}

/* --- spans ------------------------------------------------------------------------ */

static void *end_span(void *span)
{
	IS(profagent_span_end(*(uint64_t *)span), 0);
	return NULL;
}

static void use_spans(void)
{
	uint64_t span;
	pthread_t thread;
	int i;

	for (i = 0; i < 100; i++) {
		span = profagent_span_begin("quick");
		usleep(i < 90 ? 1000 : 20000);
		IS(profagent_span_end(span), 0);
	}
	span = profagent_span_begin("elsewhere");
	REQUIRE(!pthread_create(&thread, NULL, end_span, &span));
	REQUIRE(!pthread_join(thread, NULL));
	IS(profagent_span_end(UINT64_MAX), -EINVAL);
	if (preloaded && profagent_span_end(0) != 0)
		puts("wrong span 0");
	printf("expect span quick 100 1000000 20000000\n");
	printf("expect span elsewhere 1 0 0\n");
}

/* --- steering ---------------------------------------------------------------------- */

static void steer(void)
{
	const struct profagent_options options = {
		.size = sizeof(options), .interval_ns = 4000000,
	};
	const struct profagent_options bad = { .size = 1 };
	void *message = NULL;
	size_t size = 0;
	int i;

	IS(profagent_launch(&bad), -EINVAL);
	IS(profagent_launch(&options), 0);
	if (profagent_is_running() != preloaded)
		puts("wrong it does not run");
	for (i = 0; i < 20; i++) {
		IS(profagent_pause(), 0);
		IS(profagent_stop(), 0);
		if (profagent_is_running() != 0)
			puts("wrong it runs");
		IS(profagent_resume(), 0);
		IS(profagent_start(), 0);
	}
	IS(profagent_interval(99999), -ERANGE);
	IS(profagent_interval(10000000001u), -ERANGE);
	IS(profagent_interval(2000000), 0);
	IS(profagent_flush(), 0);
	IS(profagent_snapshot(&message, &size), 0);
	if (preloaded && (!message || size < 100))
		printf("wrong snapshot: %zu bytes\n", size);
	profagent_snapshot_free(message, size);
	profagent_snapshot_free(NULL, 0);
}

/* In any order from anywhere; a busy machine may answer late, and says so. */
static void *steer_often(void *arg)
{
	int i, err;

	(void)arg;
	for (i = 0; i < 60; i++) {
		err = i % 3 == 0 ? profagent_pause() :
		      i % 3 == 1 ? profagent_start() : profagent_launch(NULL);
		if (preloaded && (err == -EBUSY || err == -ETIMEDOUT))
			continue;
		IS(err, 0);
	}
	return NULL;
}

static void steer_from_threads(void)
{
	pthread_t threads[8];
	int i;

	for (i = 0; i < 8; i++)
		REQUIRE(!pthread_create(&threads[i], NULL, steer_often, NULL));
	for (i = 0; i < 8; i++)
		REQUIRE(!pthread_join(threads[i], NULL));
	IS(profagent_start(), 0);
}

/* --- an event loop ------------------------------------------------------------------ */

static void count_batch(const void *message, size_t size, void *arg)
{
	if (message && size > 10)
		++*(int *)arg;
}

static void loop(void)
{
	int fd = profagent_fd(), batches = 0, rounds = 0, got;

	IS(fd >= 0 ? 0 : fd, 0);
	if (profagent_fd() != fd)
		puts("wrong second descriptor");
	while (preloaded && batches < 2 && rounds++ < 1000) {
		struct pollfd p = { fd, POLLIN, 0 };

		burn_plain(10 * MS);
		if (poll(&p, 1, 0) == 1) {
			got = profagent_dispatch(count_batch, &batches);
			if (got < 0)
				printf("wrong dispatch: %d\n", got);
		}
	}
	printf("batches %d\n", batches);
	if (fd >= 0)
		close(fd);
}

/* --- queries ------------------------------------------------------------------------ */

BURNER(burn_leaf)

NOINLINE static uint64_t recurse(unsigned depth, uint64_t ns)
{
	uint64_t burnt = depth ? recurse(depth - 1, ns) : burn_leaf(ns);

	__asm__ volatile("" : "+r"(burnt));
	return burnt;
}

struct rows {
	int count;
	uint64_t self_ns;	/* of the row before */
	bool print;
};

static void take_function(const struct profagent_function *f, void *arg)
{
	struct rows *rows = arg;

	if (rows->count++ > 0 && f->self_ns > rows->self_ns)
		printf("wrong order: %s\n", f->name);
	rows->self_ns = f->self_ns;
	if (f->self > f->total || f->self_ns > f->total_ns)
		printf("wrong: %s has more own samples than in all\n", f->name);
	if (rows->print)
		printf("function %s %llu %llu\n", f->name,
		       (unsigned long long)f->self,
		       (unsigned long long)f->total);
}

static void check_query_errors(void)
{
	struct rows rows = { 0 };

	IS(profagent_query("(", 0, take_function, &rows), -EINVAL);
	IS(profagent_query(NULL, 0, NULL, NULL), -EINVAL);
	IS(profagent_query("^nothing is called so$", 0, take_function, &rows),
	   0);
	IS(profagent_show(NULL, 1, -1), -EBADF);
	if (rows.count != 0)
		puts("wrong: rows where there is none");
}

/* The same whoever asks: the agent's thread, or after its end the caller. */
static void query(bool print)
{
	struct rows all = { .print = print }, one = { 0 }, three = { 0 };

	IS(profagent_query(NULL, 0, take_function, &all), all.count);
	IS(profagent_query(NULL, 1, take_function, &one), all.count);
	IS(profagent_query("^burn_(leaf|checkout|pay)$", 0, take_function,
			   &three), 3);
	IS(profagent_query("api:recurse$", 0, take_function, &three), 1);
	IS(profagent_query("^recurse$", 0, take_function, &three), 1);
	IS(profagent_show("^burn_(leaf|checkout|pay)$", 0, STDERR_FILENO), 3);
	if (one.count != preloaded || three.count != (preloaded ? 5 : 0))
		puts("wrong number of rows");
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int count = 0;

	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count - 2;		/* . and .. */
}

static void cancel(void)
{
	struct sigaction act;
	int i;

	IS(profagent_cancel(), 0);
	IS(profagent_cancel(), 0);
	for (i = 0; i < 10000 && count_threads() > 1; i++)
		usleep(1000);
	if (count_threads() != 1)
		puts("wrong: a thread is left");
	if (sigaction(SIGPROF, NULL, &act) != 0 || act.sa_handler != SIG_DFL)
		puts("wrong: SIGPROF is not as it was");
	IS(profagent_start(), -ESRCH);
	IS(profagent_pause(), -ESRCH);
	IS(profagent_fd(), -ESRCH);
	if (profagent_is_running())
		puts("wrong: it runs");
	IS(profagent_label_push("after", "it"), 0);
	IS(profagent_label_pop(), 0);
	burn_plain(20 * MS);
}

static void query_and_cancel(uint64_t ns)
{
	IS(profagent_launch(NULL), 0);
	burn_checkout(ns);
	burn_pay(ns / 2);
	recurse(10, ns);
	IS(profagent_stop(), 0);
	query(true);
	check_query_errors();
	cancel();
	query(false);
}

/* --- a child ---------------------------------------------------------------------------- */

static void fork_with_label(uint64_t ns)
{
	int status;
	pid_t pid;

	IS(profagent_label_push("route", "/forked"), 0);
	pid = fork();
	if (pid == 0) {
		burn_search(ns);
		IS(profagent_flush(), 0);
		IS(profagent_label_pop(), 0);
		IS(profagent_label_pop(), -ENOENT);
		fflush(stdout);
		_exit(0);
	}
	REQUIRE(waitpid(pid, &status, 0) == pid && status == 0);
	IS(profagent_label_pop(), 0);
}

int main(int argc, char **argv)
{
	uint64_t ns = truth_argument(argc, argv, 1, 400) * MS;

	setvbuf(stdout, NULL, _IOLBF, 0);
	preloaded = profagent_version() != NULL;
	printf("agent %s\n", preloaded ? "yes" : "no");
	errno = 4711;
	if (argc > 2 && strcmp(argv[2], "query") == 0) {
		query_and_cancel(ns);
		puts("done");
		return errno == 4711 ? 0 : 98;
	}
	steer();
	steer_from_threads();
	use_labels(ns);
	expect_labels();
	if (errno != 4711)
		puts("wrong errno");
	use_spans();
	fork_with_label(ns);
	if (argc > 2)
		loop();
	puts("done");
	return 0;
}
