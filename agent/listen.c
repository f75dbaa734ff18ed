/* SPDX-License-Identifier: MIT */
/* listen: see listen.h. Runs on threads of the program. */
#include "agent/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/control.h"
#include "agent/fork.h"
#include "agent/sys.h"

#define CHUNK 65536u	/* bytes read at once */

static const char head[] = "{\"member\":";

static FORK_DATA struct {
	_Atomic int busy;	/* one at a time */
	int fd_plus_1;		/* 0: none */
	uint64_t inode;		/* of the socket: the program may close it */
	uint8_t *data;		/* what came and was not handed on yet */
	size_t size, used;	/* bytes */
} l;

static bool enter(void)
{
	/* acquire, release: pairs with the other of who is in here */
	return atomic_exchange_explicit(&l.busy, 1, memory_order_acquire) == 0;
}

static void leave(void)
{
	atomic_store_explicit(&l.busy, 0, memory_order_release);
}

static bool is_open(void)
{
	struct stat st;

	return l.fd_plus_1 != 0 && sys_fstat(l.fd_plus_1 - 1, &st) == 0 &&
	       st.st_ino == l.inode && S_ISSOCK(st.st_mode);
}

static int subscribe(int fd)
{
	static const char request[] = "subscribe\n";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = control_path();
	long done;

	if (path[0] == '\0')
		return -ENOENT;
	memcpy(address.sun_path, path, strlen(path) + 1);
	done = sys_call(SYS_connect, fd, &address, sizeof(address));
	if (done == 0)
		done = sys_call(SYS_sendto, fd, request, sizeof(request) - 1,
				MSG_NOSIGNAL, NULL, 0);
	if (done > 0)
		done = sys_call(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
	return (int)done;
}

static int open_socket(void)
{
	int fd = (int)sys_call(SYS_socket, AF_UNIX,
			       SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	int err;

	if (fd < 0)
		return fd;
	err = subscribe(fd);
	if (err == 0)
		err = sys_fstat(fd, &st);
	if (err != 0) {
		sys_close(fd);
		return err;
	}
	l.fd_plus_1 = fd + 1;
	l.inode = st.st_ino;
	l.used = 0;
	return 0;
}

int listen_fd(void)
{
	int err = 0;

	if (!agent_has_flusher())
		return -ESRCH;
	if (!enter())
		return -EBUSY;
	if (!is_open())
		err = open_socket();
	leave();
	return err ? err : l.fd_plus_1 - 1;
}

/* -EAGAIN: there is no more; 0: the agent has ended. */
static long read_more(void)
{
	uint8_t *more;
	long got;

	if (l.size - l.used < CHUNK) {
		more = arena_block(l.data, l.size, 2 * l.size + CHUNK);
		if (!more)
			return -ENOMEM;
		l.data = more;
		l.size = 2 * l.size + CHUNK;
	}
	got = sys_read(l.fd_plus_1 - 1, l.data + l.used, l.size - l.used);
	if (got > 0)
		l.used += (size_t)got;
	return got;
}

/* Length of the message behind a line, 0: it is not one before a message. */
static size_t message_size(const uint8_t *line)
{
	size_t n = 0;

	if (memcmp(line, head, sizeof(head) - 1) != 0)
		return 0;
	for (line += sizeof(head) - 1; *line >= '0' && *line <= '9'; line++)
		n = n * 10 + (size_t)(*line - '0');
	return n;
}

/* Hands on what is whole, and moves the rest down. How many there were. */
static int hand_on(void (*batch)(const void *, size_t, void *), void *arg)
{
	size_t at = 0, line, size;
	const uint8_t *end;
	int count = 0;

	while (at < l.used &&
	       (end = memchr(l.data + at, '\n', l.used - at))) {
		line = (size_t)(end - (l.data + at)) + 1;
		size = line >= sizeof(head) ? message_size(l.data + at) : 0;
		if (at + line + size > l.used)
			break;
		if (size > 0) {
			batch(l.data + at + line, size, arg);
			count++;
		}
		at += line + size;
	}
	l.used -= at;
	memmove(l.data, l.data + at, l.used);
	return count;
}

int listen_dispatch(void (*batch)(const void *message, size_t size, void *arg),
		    void *arg)
{
	long got = 0;
	int count = 0;

	if (!batch)
		return -EINVAL;
	if (!enter())
		return -EBUSY;
	while (is_open() && (got = read_more()) > 0)
		count += hand_on(batch, arg);
	leave();
	return count > 0 || got == -EAGAIN ? count : got < 0 ? (int)got : -ESRCH;
}

FORK_CODE void listen_reset_after_fork(void)
{
	if (l.fd_plus_1 || l.busy)
		memset(&l, 0, sizeof(l));
}
