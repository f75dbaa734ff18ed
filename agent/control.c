/* SPDX-License-Identifier: MIT */
/*
 * control: see control.h and control-proto.h. Flusher only.
 *
 * A client is cut wherever it fails, also in the middle of a round; what follows
 * from that (verbs_watched) waits until the round is over, see settle().
 */
#include "agent/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/control-proto.h"
#include "agent/flusher.h"
#include "agent/format.h"
#include "agent/sys.h"
#include "agent/verbs.h"

/* From the kernel's headers; libc's hide them. */
#define FCNTL_SETSIG 10
#define FCNTL_SETOWN_EX 15
#define OWNER_TID 0

#define LAST_READS 16		/* of VERBS_ANSWER_MAX bytes */
#define NAMES_TRIED 16u		/* of sockets, where others live */

struct client {
	int fd;				/* -1: free */
	bool subscribed;
	uint64_t heard_ns;		/* when it last asked for something */
	uint32_t used;			/* bytes in line[] */
	char line[CONTROL_LINE];
	uint8_t *rest;			/* of a frame the socket did not take */
	size_t rest_size, rest_done;	/* bytes */
};

static struct {
	int listener;
	bool signals;			/* the listener does, who comes */
	bool away;			/* between control_leave() and the end */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client client[CONTROL_CLIENTS];
	bool ready;			/* client[] is initialized */
	unsigned told;			/* subscribers verbs.c knows of */
	uint64_t published;		/* frames so far */
	char answer[VERBS_ANSWER_MAX];
} c = { .listener = -1 };

/* --- clients ----------------------------------------------------------------- */

static unsigned subscribers(void)
{
	unsigned i, n = 0;

	for (i = 0; c.ready && i < CONTROL_CLIENTS; i++)
		n += c.client[i].fd >= 0 && c.client[i].subscribed;
	return n;
}

/* Says how many watch, when no round is under way. */
static void settle(void)
{
	if (subscribers() == c.told)
		return;
	c.told = subscribers();
	verbs_watched(c.told);
}

static void drop_rest(struct client *k)
{
	arena_block_free(k->rest, k->rest_size);
	k->rest = NULL;
	k->rest_size = k->rest_done = 0;
}

static void cut(struct client *k)
{
	if (k->fd < 0)
		return;
	sys_close(k->fd);
	drop_rest(k);
	memset(k, 0, sizeof(*k));
	k->fd = -1;
}

static ssize_t send_some(int fd, const void *data, size_t size)
{
	return sys_call(SYS_sendto, fd, data, size,
			MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

static void write_rest(struct client *k)
{
	ssize_t sent = send_some(k->fd, k->rest + k->rest_done,
				 k->rest_size - k->rest_done);

	if (sent == -EAGAIN)
		return;
	if (sent < 0) {
		cut(k);
		return;
	}
	k->rest_done += (size_t)sent;
	if (k->rest_done == k->rest_size)
		drop_rest(k);
}

/* Head and fragment in one block: what is left of it is sent later. */
static void send_frame(struct client *k, const uint8_t *fragment, size_t size,
		       uint64_t number)
{
	char head[64];
	struct format f;

	format_init(&f, head, sizeof(head));
	format_printf(&f, "{\"member\":%lu,\"number\":%lu}\n",
		      (unsigned long)size, (unsigned long)number);
	k->rest = arena_block(NULL, 0, f.used + size);
	if (!k->rest)
		return;		/* as if it had not read */
	k->rest_size = f.used + size;
	k->rest_done = 0;
	memcpy(k->rest, head, f.used);
	memcpy(k->rest + f.used, fragment, size);
	write_rest(k);
}

/* Behind a frame that was begun. */
static void queue_answer(struct client *k, const struct format *f)
{
	uint8_t *block = arena_block(k->rest, k->rest_size,
				     k->rest_size + f->used);

	if (!block) {
		cut(k);
		return;
	}
	memcpy(block + k->rest_size, f->text, f->used);
	k->rest = block;
	k->rest_size += f->used;
}

/* An answer is short: a client whose socket does not take it reads nothing. */
static void send_answer(struct client *k, const struct format *f)
{
	if (k->rest)
		queue_answer(k, f);
	else if (send_some(k->fd, f->text, f->used) != (ssize_t)f->used)
		cut(k);
}

/* What was said and not read would take our last words with it. */
static void refuse(struct client *k, const char *error)
{
	struct format f;
	int i;

	format_init(&f, c.answer, sizeof(c.answer));
	verbs_refuse(&f, error);
	send_answer(k, &f);
	for (i = 0; i < LAST_READS && k->fd >= 0; i++)
		if (sys_read(k->fd, c.answer, sizeof(c.answer)) <= 0)
			break;
	cut(k);
}

static void obey(struct client *k, char *line)
{
	struct verbs_reply r;

	format_init(&r.answer, c.answer, sizeof(c.answer));
	k->heard_ns = sys_clock_ns(CLOCK_MONOTONIC);
	/* a round may begin in here and find that this client is gone */
	verbs_obey(line, &r);
	if (k->fd >= 0 && r.frame)
		send_frame(k, r.frame, r.frame_size, 0);
	if (r.frame)
		arena_block_free(r.frame, r.frame_size);
	if (k->fd < 0)
		return;
	send_answer(k, &r.answer);
	if (k->fd >= 0 && r.subscribes)
		k->subscribed = true;
	settle();
}

/* --- sockets ------------------------------------------------------------------- */

static void obey_lines(struct client *k)
{
	char line[CONTROL_LINE];
	char *end;
	uint32_t size;

	/* an answer never falls into a frame: first the rest of that */
	while (k->fd >= 0 && !k->rest && k->used > 0 &&
	       (end = memchr(k->line, '\n', k->used))) {
		size = (uint32_t)(end - k->line) + 1;
		memcpy(line, k->line, size);
		line[size - 1] = '\0';
		if (size > 1 && line[size - 2] == '\r')
			line[size - 2] = '\0';
		k->used -= size;
		memmove(k->line, k->line + size, k->used);
		obey(k, line);
	}
	if (k->fd >= 0 && !k->rest && k->used == sizeof(k->line))
		refuse(k, "a request is one line of at most 256 bytes");
}

static void read_client(struct client *k)
{
	ssize_t got = sys_read(k->fd, k->line + k->used,
			       sizeof(k->line) - k->used);

	if (got == -EAGAIN || got == -EINTR)
		return;
	if (got <= 0) {
		cut(k);
		return;
	}
	k->used += (uint32_t)got;
	obey_lines(k);
}

static void serve_client(struct client *k)
{
	bool waited = k->rest;

	if (!waited) {
		read_client(k);
		return;
	}
	write_rest(k);
	if (k->fd >= 0 && !k->rest)
		obey_lines(k);
}

static bool may_enter(int fd)
{
	struct ucred peer;
	unsigned size = sizeof(peer);

	if (sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer,
		     &size) != 0)
		return false;
	return peer.uid == 0 ||
	       peer.uid == (uid_t)sys_call(SYS_geteuid);
}

static void greet(struct client *k)
{
	char text[256];
	struct format f;

	format_init(&f, text, sizeof(text));
	format_printf(&f, "{\"profagent\":%d,\"version\":\"%s\",\"pid\":%d,"
		      "\"run_id\":\"%s\"}\n", CONTROL_PROTOCOL,
		      PACKAGE_VERSION, agent_process.pid,
		      agent_process.run_id);
	send_answer(k, &f);
}

/*
 * Room for one more: a free place, else that of who has been silent for longest
 * and does not watch. NULL if all do.
 */
static struct client *find_place(void)
{
	struct client *silent = NULL;
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *k = &c.client[i];

		if (k->fd < 0)
			return k;
		if (!k->subscribed &&
		    (!silent || k->heard_ns < silent->heard_ns))
			silent = k;
	}
	return silent;
}

static void accept_client(void)
{
	struct client *k = find_place();
	int fd;

	if (!k)
		return;
	fd = (int)sys_call(SYS_accept4, c.listener, NULL, NULL,
			   SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	cut(k);
	k->fd = fd;
	k->heard_ns = sys_clock_ns(CLOCK_MONOTONIC);
	if (may_enter(fd))
		greet(k);
	else
		refuse(k, "only the user of the program, or root, may steer "
			  "it");
}

/* --- called by the flusher ------------------------------------------------------- */

static void init_clients(void)
{
	unsigned i;

	memset(c.client, 0, sizeof(c.client));
	for (i = 0; i < CONTROL_CLIENTS; i++)
		c.client[i].fd = -1;
	c.ready = true;
}

static int new_socket(void)
{
	return (int)sys_call(SYS_socket, AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/*
 * Does somebody listen there? Not a process of this name space, since we have
 * its number; another container may share the directory.
 */
static bool is_taken(const struct sockaddr_un *address)
{
	int fd = new_socket();
	long err;

	if (fd < 0)
		return false;
	err = sys_call(SYS_connect, fd, address, sizeof(*address));
	sys_close(fd);
	return err == 0 || err == -EAGAIN;	/* -EAGAIN: its queue is full */
}

static int bind_and_listen(const struct sockaddr_un *address)
{
	int fd = new_socket();
	long err;

	if (fd < 0)
		return fd;
	sys_call(SYS_unlink, address->sun_path);
	err = sys_call(SYS_bind, fd, address, sizeof(*address));
	if (err == 0)
		err = sys_call(SYS_chmod, address->sun_path, 0600);
	if (err == 0)
		err = sys_call(SYS_listen, fd, CONTROL_CLIENTS);
	if (err == 0)
		return fd;
	sys_close(fd);
	return (int)err;
}

/* Lets the socket send us our wake-up when it has something to read. */
static bool announce(int fd)
{
	const struct { int type, tid; } owner = { OWNER_TID, sys_gettid() };

	return sys_call(SYS_fcntl, fd, FCNTL_SETSIG,
			FLUSHER_WAKE_SIGNAL) == 0 &&
	       sys_call(SYS_fcntl, fd, FCNTL_SETOWN_EX, &owner) == 0 &&
	       sys_call(SYS_fcntl, fd, F_SETFL, O_ASYNC | O_NONBLOCK) == 0;
}

/* PID.sock, PID.1.sock, ... */
static int choose_name(struct sockaddr_un *address, const char *dir, int pid)
{
	struct format f;
	unsigned i;

	for (i = 0; i < NAMES_TRIED; i++) {
		format_init(&f, address->sun_path, sizeof(address->sun_path));
		format_printf(&f, "%s/%d", dir, pid);
		if (i > 0)
			format_printf(&f, ".%u", i);
		format_string(&f, ".sock");
		if (f.cut)
			return -ENAMETOOLONG;
		if (!is_taken(address))
			return 0;
	}
	return -EADDRINUSE;
}

int control_open(const char *dir, int pid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err;

	if (!c.ready)
		init_clients();
	if (dir[0] == '\0')
		return -ENOENT;
	err = choose_name(&address, dir, pid);
	if (err != 0)
		return err;
	c.listener = bind_and_listen(&address);
	if (c.listener < 0)
		return c.listener;
	memcpy(c.path, address.sun_path, sizeof(c.path));
	c.signals = announce(c.listener);
	return 0;
}

const char *control_path(void)
{
	return c.path;
}

void control_leave(void)
{
	if (c.listener < 0)
		return;
	sys_call(SYS_unlink, c.path);
	sys_close(c.listener);
	c.listener = -1;
	c.away = true;
}

void control_return(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (!c.away)
		return;
	c.away = false;
	memcpy(address.sun_path, c.path, sizeof(c.path));
	c.listener = is_taken(&address) ? -1 : bind_and_listen(&address);
	if (c.listener >= 0)
		c.signals = announce(c.listener);
	else
		c.path[0] = '\0';
}

void control_close(void)
{
	unsigned i;

	for (i = 0; c.ready && i < CONTROL_CLIENTS; i++)
		cut(&c.client[i]);
	control_leave();
	c.away = false;
	c.path[0] = '\0';
}

unsigned control_polls(struct pollfd *p)
{
	unsigned i, n = 0;

	settle();
	if (c.listener < 0)
		return 0;
	/* a full house: those at the door wait */
	p[n].fd = find_place() ? c.listener : -1;
	p[n].revents = 0;
	p[n++].events = POLLIN;
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		p[n].fd = c.client[i].fd;
		p[n].revents = 0;
		p[n++].events = c.client[i].rest ? POLLOUT : POLLIN;
	}
	return n;
}

bool control_signals(void)
{
	unsigned i;

	for (i = 0; c.ready && i < CONTROL_CLIENTS; i++)
		if (c.client[i].fd >= 0)
			return false;
	return c.listener < 0 || c.signals;
}

void control_serve(const struct pollfd *p, unsigned count)
{
	unsigned i;

	for (i = 1; i < count; i++) {
		struct client *k = &c.client[i - 1];

		if (p[i].fd >= 0 && k->fd == p[i].fd && p[i].revents)
			serve_client(k);
	}
	if (count > 0 && p[0].fd >= 0 && p[0].revents)
		accept_client();
}

bool control_wants_member(void)
{
	return subscribers() > 0;
}

void control_publish(const uint8_t *fragment, size_t size)
{
	unsigned i;

	c.published++;
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *k = &c.client[i];

		if (k->fd >= 0 && k->subscribed && !k->rest)
			send_frame(k, fragment, size, c.published);
	}
}

void control_reset_after_fork(void)
{
	c.listener = -1;
	c.path[0] = '\0';
	c.ready = false;
	c.away = false;
	c.told = 0;
	verbs_reset_after_fork();
}
