/* SPDX-License-Identifier: MIT */
/* control: see control.h and control-proto.h. Flusher only. */
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
#include "agent/clock.h"
#include "agent/control-proto.h"
#include "agent/drain.h"
#include "agent/format.h"
#include "agent/pprof.h"
#include "agent/region.h"
#include "agent/sampler.h"
#include "agent/signals.h"
#include "agent/sys.h"
#include "agent/thread.h"
#include "agent/writer.h"

#define ANSWER_MAX 8192u	/* bytes of an answer: two paths, escaped */

struct client {
	int fd;				/* -1: free */
	bool subscribed;
	bool restart;			/* its next frame must be a first one */
	uint32_t used;			/* bytes in line[] */
	char line[CONTROL_LINE];
	uint8_t *rest;			/* of a frame the socket did not take */
	size_t rest_size, rest_done;	/* bytes */
};

static struct {
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client client[CONTROL_CLIENTS];
	bool ready;			/* client[] is initialized */
	bool runs_for_subscribers;	/* was paused before they came */
} c = { .listener = -1 };

/* --- JSON ------------------------------------------------------------------- */

static void json_string(struct format *f, const char *s)
{
	format_char(f, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			format_char(f, '\\');
			format_char(f, *s);
		} else if ((unsigned char)*s < ' ') {
			format_string(f, "\\u");
			format_hex(f, (unsigned char)*s, 4);
		} else {
			format_char(f, *s);
		}
	}
	format_char(f, '"');
}

static void json_text(struct format *f, const char *key, const char *value)
{
	format_printf(f, ",\"%s\":", key);
	json_string(f, value);
}

static void json_number(struct format *f, const char *key, uint64_t value)
{
	format_printf(f, ",\"%s\":%lu", key, (unsigned long)value);
}

/* --- clients ----------------------------------------------------------------- */

static unsigned subscribers(void)
{
	unsigned i, n = 0;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		n += c.client[i].fd >= 0 && c.client[i].subscribed;
	return n;
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
	if (c.runs_for_subscribers && subscribers() == 0) {
		c.runs_for_subscribers = false;
		agent_pause();
		drain_round(false);
	}
}

static ssize_t send_some(int fd, const void *data, size_t size)
{
	return sys_call(SYS_sendto, fd, data, size,
			MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
}

/* An answer is short: a client whose socket does not take it reads nothing. */
static void answer(struct client *k, const struct format *f)
{
	if (send_some(k->fd, f->text, f->used) != (ssize_t)f->used)
		cut(k);
}

static void answer_ok(struct client *k)
{
	char text[] = "{\"ok\":true}\n";
	struct format f = { text, sizeof(text), sizeof(text) - 1, false };

	answer(k, &f);
}

static void answer_error(struct client *k, const char *error)
{
	char text[ANSWER_MAX];
	struct format f;

	format_init(&f, text, sizeof(text));
	format_string(&f, "{\"ok\":false,\"error\":");
	json_string(&f, error);
	format_string(&f, "}\n");
	answer(k, &f);
}

/* --- verbs ------------------------------------------------------------------- */

static const char *state_name(void)
{
	switch (agent_state()) {
	case AGENT_RUNNING:
		return "running";
	case AGENT_PAUSED:
		return "paused";
	default:
		return "ended";
	}
}

static uint64_t sum(const uint64_t *n, unsigned count)
{
	uint64_t total = 0;

	while (count-- > 0)
		total += n[count];
	return total;
}

static void do_status(struct client *k, const char *arg)
{
	struct pprof_health h;
	char text[ANSWER_MAX];
	struct format f;

	(void)arg;
	drain_health(&h);
	format_init(&f, text, sizeof(text));
	format_string(&f, "{\"ok\":true");
	json_text(&f, "state", state_name());
	json_text(&f, "program", agent_process.program);
	json_number(&f, "start_unix_ns", agent_process.start_unix_ns);
	json_number(&f, "period_ns", clock_period_ns());
	json_text(&f, "clock", clock_name());
	json_text(&f, "unwind", sampler_unwind_name());
	json_number(&f, "signal", (uint64_t)signals_ours());
	json_number(&f, "threads", thread_count_live());
	json_number(&f, "samples", h.samples);
	json_number(&f, "lost", sum(h.lost, LOST_REASONS));
	json_number(&f, "truncated", sum(h.truncated, UNWIND_ENDS));
	json_number(&f, "cpu_ns", h.cpu_ns);
	json_number(&f, "sampled_ns", h.sampled_ns);
	json_number(&f, "handler_ns", h.handler_ns);
	json_number(&f, "flusher_cpu_ns", h.flusher_cpu_ns);
	json_text(&f, "output", writer_path());
	json_text(&f, "region", region_path());
	json_number(&f, "subscribers", subscribers());
	format_string(&f, "}\n");
	answer(k, &f);
}

static void answer_result(struct client *k, int err, const char *error)
{
	if (err == 0 || err == -EALREADY)
		answer_ok(k);
	else
		answer_error(k, error);
}

static void do_run(struct client *k, const char *arg)
{
	(void)arg;
	c.runs_for_subscribers = false;	/* asked for: it outlives them */
	answer_result(k, agent_run(), "the profiler has ended");
}

static void do_pause(struct client *k, const char *arg)
{
	int err = agent_pause();

	(void)arg;
	if (err == 0)
		drain_round(false);
	answer_result(k, err, "the profiler has ended");
}

static bool parse_number(const char *text, uint64_t *n)
{
	*n = 0;
	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (*n > UINT64_MAX / 16)
			return false;
		*n = *n * 10 + (uint64_t)(*text - '0');
	}
	return *text == '\0';
}

static void do_interval(struct client *k, const char *arg)
{
	uint64_t ns;

	if (!parse_number(arg, &ns) || ns < CONTROL_INTERVAL_MIN ||
	    ns > CONTROL_INTERVAL_MAX) {
		answer_error(k, "interval takes a number of ns from 100000 to "
				"10000000000");
		return;
	}
	agent_set_period(ns);
	answer_ok(k);
}

static void do_flush(struct client *k, const char *arg)
{
	(void)arg;
	answer_result(k, drain_round(false), "could not be written");
}

static void do_reset(struct client *k, const char *arg)
{
	(void)arg;
	answer_result(k, drain_new_part(), "no new file could be begun");
}

static void do_subscribe(struct client *k, const char *arg)
{
	(void)arg;
	if (agent_state() == AGENT_PAUSED && agent_run() == 0)
		c.runs_for_subscribers = true;
	k->subscribed = k->restart = true;
	answer_ok(k);
}

static const struct verb {
	const char *name;
	void (*run)(struct client *k, const char *arg);
	bool takes_argument;
} verbs[] = {
	{ "status", do_status, false },
	{ "start", do_run, false },
	{ "resume", do_run, false },
	{ "stop", do_pause, false },
	{ "pause", do_pause, false },
	{ "interval", do_interval, true },
	{ "flush", do_flush, false },
	{ "reset", do_reset, false },
	{ "subscribe", do_subscribe, false },
};

static void obey(struct client *k, char *line)
{
	char *arg = strchr(line, ' ');
	unsigned i;

	if (arg)
		*arg++ = '\0';
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(verbs[i].name, line) != 0)
			continue;
		if (verbs[i].takes_argument == (arg != NULL))
			verbs[i].run(k, arg);
		else
			answer_error(k, arg ? "this verb takes no argument"
					    : "this verb takes an argument");
		return;
	}
	answer_error(k, "unknown verb; known are status, start, stop, pause, "
			"resume, interval, flush, reset, subscribe");
}

/* --- sockets ------------------------------------------------------------------- */

static void obey_lines(struct client *k)
{
	char line[CONTROL_LINE];
	char *end;
	uint32_t size;

	while (k->fd >= 0 && k->used > 0 &&
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
	if (k->fd >= 0 && k->used == sizeof(k->line)) {
		answer_error(k, "a request is one line of at most 256 bytes");
		cut(k);
	}
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
	answer(k, &f);
}

static struct client *free_client(void)
{
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		if (c.client[i].fd < 0)
			return &c.client[i];
	return NULL;
}

static void accept_client(void)
{
	struct client *k = free_client();
	int fd;

	fd = (int)sys_call(SYS_accept4, c.listener, NULL, NULL,
			   SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	memset(k, 0, sizeof(*k));
	k->fd = fd;
	if (may_enter(fd)) {
		greet(k);
		return;
	}
	answer_error(k, "only the user of the program, or root, may steer it");
	cut(k);
}

/* --- called by the flusher ------------------------------------------------------- */

static void init_clients(void)
{
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++)
		c.client[i].fd = -1;
	c.ready = true;
}

static int bind_and_listen(const struct sockaddr_un *address)
{
	int fd = (int)sys_call(SYS_socket, AF_UNIX,
			       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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

int control_open(const char *dir, int pid)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct format f;

	if (!c.ready)
		init_clients();
	if (dir[0] == '\0')
		return -ENOENT;
	format_init(&f, address.sun_path, sizeof(address.sun_path));
	format_printf(&f, "%s/%d.sock", dir, pid);
	if (f.cut)
		return -ENAMETOOLONG;
	c.listener = bind_and_listen(&address);
	if (c.listener < 0)
		return c.listener;
	memcpy(c.path, address.sun_path, sizeof(c.path));
	return 0;
}

void control_close(void)
{
	unsigned i;

	c.runs_for_subscribers = false;
	for (i = 0; c.ready && i < CONTROL_CLIENTS; i++)
		cut(&c.client[i]);
	if (c.listener < 0)
		return;
	sys_call(SYS_unlink, c.path);
	sys_close(c.listener);
	c.listener = -1;
}

unsigned control_polls(struct pollfd *p)
{
	unsigned i, n = 0;

	if (c.listener < 0)
		return 0;
	/* a full house: those at the door wait */
	p[n].fd = free_client() ? c.listener : -1;
	p[n].revents = 0;
	p[n++].events = POLLIN;
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		p[n].fd = c.client[i].fd;
		p[n].revents = 0;
		p[n++].events = (short)(POLLIN |
					(c.client[i].rest ? POLLOUT : 0));
	}
	return n;
}

void control_serve(const struct pollfd *p, unsigned count)
{
	unsigned i;

	for (i = 1; i < count; i++) {
		struct client *k = &c.client[i - 1];

		if (p[i].fd < 0 || k->fd != p[i].fd)
			continue;
		if (p[i].revents & POLLOUT)
			write_rest(k);
		if (k->fd >= 0 && (p[i].revents & ~POLLOUT))
			read_client(k);
	}
	if (count > 0 && p[0].fd >= 0 && p[0].revents)
		accept_client();
}

bool control_wants_member(bool *restart)
{
	unsigned i;
	bool any = false;

	*restart = false;
	for (i = 0; c.ready && i < CONTROL_CLIENTS; i++) {
		struct client *k = &c.client[i];

		if (k->fd < 0 || !k->subscribed)
			continue;
		any = true;
		*restart |= k->restart && !k->rest;
	}
	return any;
}

/* Head and fragment in one block: what is left of it is sent later. */
static void send_frame(struct client *k, const uint8_t *fragment, size_t size,
		       bool restart)
{
	char head[64];
	struct format f;

	format_init(&f, head, sizeof(head));
	format_printf(&f, "%s{\"member\":%lu}\n",
		      restart ? "{\"restart\":true}\n" : "",
		      (unsigned long)size);
	k->rest = arena_block(NULL, 0, f.used + size);
	if (!k->rest) {
		cut(k);
		return;
	}
	k->rest_size = f.used + size;
	k->rest_done = 0;
	memcpy(k->rest, head, f.used);
	memcpy(k->rest + f.used, fragment, size);
	write_rest(k);
}

void control_publish(const uint8_t *fragment, size_t size, bool restart)
{
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *k = &c.client[i];

		if (k->fd < 0 || !k->subscribed)
			continue;
		if (k->rest || (k->restart && !restart)) {
			k->restart = true;	/* it has missed one */
			continue;
		}
		k->restart = false;
		send_frame(k, fragment, size, restart);
	}
}

void control_reset_after_fork(void)
{
	memset(&c, 0, sizeof(c));
	c.listener = -1;
}
