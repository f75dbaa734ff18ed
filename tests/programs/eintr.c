/* SPDX-License-Identifier: MIT */
/*
 * Threads that wait in every kind of call that the kernel never restarts,
 * between short bursts of work. None may ever see EINTR.
 * eintr [SECONDS [THREADS-EACH]]
 */
#include "tests/programs/truth.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

BURNER(burn_between)

#define WAIT_MS 3
static const struct timespec wait_ts = { 0, WAIT_MS * 1000000 };
static double seconds;

static int in_nanosleep(int fd)
{
	(void)fd;
	return nanosleep(&wait_ts, NULL);
}

static int in_clock_nanosleep(int fd)
{
	(void)fd;
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &wait_ts, NULL);
	return errno ? -1 : 0;
}

static int in_usleep(int fd)
{
	(void)fd;
	return usleep(WAIT_MS * 1000);
}

static int in_poll(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, WAIT_MS);
}

static int in_ppoll(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, &wait_ts, &none);
}

static int in_select(int fd)
{
	struct timeval tv = { 0, WAIT_MS * 1000 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &tv);
}

static int in_pselect(int fd)
{
	sigset_t none;
	fd_set set;

	sigemptyset(&none);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	return pselect(fd + 1, &set, NULL, NULL, &wait_ts, &none);
}

static int wait_epoll(int fd, const sigset_t *mask)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ep = epoll_create1(0), ret, saved;

	REQUIRE(ep >= 0 && !epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	ret = mask ? epoll_pwait(ep, &event, 1, WAIT_MS, mask) :
		     epoll_wait(ep, &event, 1, WAIT_MS);
	saved = errno;
	close(ep);
	errno = saved;
	return ret;
}

static int in_epoll_wait(int fd)
{
	return wait_epoll(fd, NULL);
}

static int in_epoll_pwait(int fd)
{
	sigset_t none;

	sigemptyset(&none);
	return wait_epoll(fd, &none);
}

static int in_recv(int fd)
{
	char byte;

	return (int)recv(fd, &byte, 1, 0);	/* SO_RCVTIMEO is set */
}

static int in_semtimedop(int fd)
{
	static int id = -1;
	struct sembuf op = { 0, -1, 0 };

	(void)fd;
	if (id < 0) {
		id = semget(IPC_PRIVATE, 1, 0600);
		REQUIRE(id >= 0);
	}
	if (seconds < 0)	/* the end */
		return semctl(id, 0, IPC_RMID);
	return semtimedop(id, &op, 1, &wait_ts);
}

static int in_sem_timedwait(int fd)
{
	struct timespec until;
	sem_t sem;

	(void)fd;
	sem_init(&sem, 0, 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += WAIT_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return sem_timedwait(&sem, &until);
}

static int in_sigtimedwait(int fd)
{
	sigset_t set;

	(void)fd;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return sigtimedwait(&set, NULL, &wait_ts);
}

/* As runtimes wait that bring their own locks: Go's, Rust's. */
static int in_futex(int fd)
{
	uint32_t word = 0;

	(void)fd;
	return (int)syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &wait_ts,
			    NULL, 0);
}

static int in_io_getevents(int fd)
{
	static __thread aio_context_t context;
	struct io_event event;

	(void)fd;
	if (!context)
		REQUIRE(syscall(SYS_io_setup, 1, &context) == 0);
	return (int)syscall(SYS_io_getevents, context, 1L, 1L, &event,
			    &wait_ts);
}

/* Nobody connects. */
static int in_accept(int fd)
{
	static __thread int listener;
	struct timeval tv = { 0, WAIT_MS * 1000 };
	/* an address of the kernel's choice */
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	(void)fd;
	if (!listener) {
		listener = socket(AF_UNIX, SOCK_STREAM, 0);
		setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		REQUIRE(!bind(listener, (struct sockaddr *)&any,
			      sizeof(sa_family_t)) &&
			!listen(listener, 1));
	}
	return accept(listener, NULL, NULL);
}

/* The wait is inside libc; a byte comes from another thread. */
static int feeds[2];

static int in_fgetc(int fd)
{
	static FILE *file;
	int byte;

	(void)fd;
	if (!file)
		file = fdopen(feeds[0], "r");
	byte = fgetc(file);
	if (byte == EOF)
		clearerr(file);
	return byte == EOF ? -1 : 0;
}

static void *feeder_main(void *arg)
{
	for (;;) {
		nanosleep(&wait_ts, NULL);
		if (write(feeds[1], "x", 1) != 1)
			return arg;
	}
}

static struct wait {
	const char *name;
	int (*wait)(int fd);
	_Atomic long rounds, eintr;
} waits[] = {
	{ "nanosleep", in_nanosleep, 0, 0 },
	{ "clock_nanosleep", in_clock_nanosleep, 0, 0 },
	{ "usleep", in_usleep, 0, 0 },
	{ "poll", in_poll, 0, 0 },
	{ "ppoll", in_ppoll, 0, 0 },
	{ "select", in_select, 0, 0 },
	{ "pselect", in_pselect, 0, 0 },
	{ "epoll_wait", in_epoll_wait, 0, 0 },
	{ "epoll_pwait", in_epoll_pwait, 0, 0 },
	{ "recv", in_recv, 0, 0 },
	{ "semtimedop", in_semtimedop, 0, 0 },
	{ "sem_timedwait", in_sem_timedwait, 0, 0 },
	{ "sigtimedwait", in_sigtimedwait, 0, 0 },
	{ "futex", in_futex, 0, 0 },
	{ "io_getevents", in_io_getevents, 0, 0 },
	{ "accept", in_accept, 0, 0 },
	{ "fgetc", in_fgetc, 0, 0 },
};
#define WAITS (sizeof(waits) / sizeof(waits[0]))

static void *thread_main(void *arg)
{
	struct wait *w = arg;
	struct timeval tv = { 0, WAIT_MS * 1000 };
	uint64_t end = truth_clock_ns(CLOCK_MONOTONIC) +
		       (uint64_t)(seconds * 1e9);
	uint64_t seed = (uint64_t)(w - waits) + 1;
	int pair[2];

	REQUIRE(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	while (truth_clock_ns(CLOCK_MONOTONIC) < end) {
		if (w->wait(pair[0]) < 0)
			w->eintr += errno == EINTR;
		w->rounds++;
		burn_between(truth_random(&seed, 20, 400) * 1000);
	}
	close(pair[0]);
	close(pair[1]);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long each = truth_argument(argc, argv, 2, 1);
	pthread_t id[64][WAITS], feeder;

	seconds = (double)truth_argument(argc, argv, 1, 4);
	REQUIRE(each >= 1 && each <= 64 && !pipe(feeds));
	REQUIRE(!pthread_create(&feeder, NULL, feeder_main, NULL));
	for (size_t i = 0; i < each * WAITS; i++)
		REQUIRE(!pthread_create(&id[i / WAITS][i % WAITS], NULL,
					thread_main, &waits[i % WAITS]));
	for (size_t i = 0; i < each * WAITS; i++)
		pthread_join(id[i / WAITS][i % WAITS], NULL);
	for (size_t i = 0; i < WAITS; i++)
		printf("%-16s %s, EINTR %ld\n", waits[i].name,
		       waits[i].rounds > 10 ? "waited" : "hardly waited",
		       waits[i].eintr);
	seconds = -1;
	in_semtimedop(-1);
	puts("expect sampled-share burn_between 90 12");
	return 0;
}
