/* SPDX-License-Identifier: MIT */
/* fake-agent: see fake-agent.h. A thread accepts, one more serves each client. */
#include "tests/unit/fake-agent.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING "{\"profagent\":1,\"version\":\"0\",\"pid\":4711," \
		 "\"run_id\":\"0123456789abcdef\"}"

struct _FakeAgent {
	int listener;
	GThread *thread;
	char *path, *greeting;
	GMutex lock;			/* guards all below */
	GCond changed;
	GArray *clients;		/* int: descriptors */
	GBytes *fragment;		/* NULL: "flushed N" */
	char *status;			/* NULL: as it says there */
	guint accepted, subscribed, asked, flushed;
};

typedef struct {
	FakeAgent *agent;
	int fd;
	gboolean subscribed;
} Client;

static void say_bytes(const Client *c, const char *data, gsize size)
{
	gsize done = 0;
	gssize n = 1;

	for (; done < size && n > 0; done += (gsize)MAX(n, 0))
		n = send(c->fd, data + done, size - done, MSG_NOSIGNAL);
}

static void say(const Client *c, const char *text)
{
	say_bytes(c, text, strlen(text));
}

static void say_fragment(const Client *c, GBytes *fragment, guint number)
{
	gsize size;
	const char *data = g_bytes_get_data(fragment, &size);
	g_autofree char *head = g_strdup_printf(
		"{\"member\":%zu,\"number\":%u}\n", size, number);

	say(c, head);
	say_bytes(c, data, size);
}

static guint count(FakeAgent *a, guint *n, int by)
{
	guint now;

	g_mutex_lock(&a->lock);
	now = *n += (guint)by;
	g_cond_broadcast(&a->changed);
	g_mutex_unlock(&a->lock);
	return now;
}

static void flush(Client *c)
{
	guint n = count(c->agent, &c->agent->flushed, 1);
	g_autofree char *text = g_strdup_printf("flushed %u", n);
	g_autoptr(GBytes) fragment = NULL;

	g_mutex_lock(&c->agent->lock);
	if (c->agent->fragment)
		fragment = g_bytes_ref(c->agent->fragment);
	else
		fragment = g_bytes_new(text, strlen(text));
	g_mutex_unlock(&c->agent->lock);
	if (c->subscribed)
		say_fragment(c, fragment, n);
	say(c, "{\"ok\":true}\n");
}

static void status(Client *c)
{
	guint n = count(c->agent, &c->agent->asked, 1);
	g_autofree char *text = NULL;

	g_mutex_lock(&c->agent->lock);
	text = c->agent->status ? g_strconcat(c->agent->status, "\n", NULL) :
	       g_strdup_printf("{\"ok\":true,\"state\":\"running\","
			       "\"n\":%u}\n", n);
	g_mutex_unlock(&c->agent->lock);
	say(c, text);
}

static void subscribe(Client *c)
{
	if (!c->subscribed)
		count(c->agent, &c->agent->subscribed, 1);
	c->subscribed = TRUE;
	say(c, "{\"ok\":true}\n");
}

/* FALSE: it is to be cut off. */
static gboolean obey(Client *c, const char *line)
{
	if (strcmp(line, "quit") == 0)
		return FALSE;
	if (strcmp(line, "flush") == 0) {
		flush(c);
	} else if (strcmp(line, "status") == 0) {
		status(c);
	} else if (strcmp(line, "subscribe") == 0) {
		subscribe(c);
	} else if (strcmp(line, "snapshot") == 0) {
		g_autoptr(GBytes) whole = g_bytes_new_static("whole", 5);

		say_fragment(c, whole, 0);
		say(c, "{\"ok\":true}\n");
	} else if (strcmp(line, "wrong") == 0) {
		say(c, "{\"ok\":false,\"error\":\"not so\"}\n");
	} else {
		say(c, "{\"ok\":true}\n");
	}
	return TRUE;
}

static void leave(Client *c)
{
	FakeAgent *a = c->agent;
	guint i;

	g_mutex_lock(&a->lock);
	for (i = 0; g_array_index(a->clients, int, i) != c->fd; i++)
		;
	g_array_remove_index(a->clients, i);
	a->subscribed -= c->subscribed;
	close(c->fd);
	g_cond_broadcast(&a->changed);
	g_mutex_unlock(&a->lock);
	g_free(c);
}

static gpointer serve(gpointer data)
{
	Client *c = data;
	FILE *in = fdopen(dup(c->fd), "r");
	char line[256];

	say(c, c->agent->greeting);
	say(c, "\n");
	while (fgets(line, sizeof(line), in) && obey(c, g_strchomp(line)))
		;
	fclose(in);
	shutdown(c->fd, SHUT_RDWR);
	leave(c);
	return NULL;
}

static gpointer accept_all(gpointer data)
{
	FakeAgent *a = data;
	Client *c;
	int fd;

	while ((fd = accept(a->listener, NULL, NULL)) >= 0) {
		c = g_new0(Client, 1);
		*c = (Client){ .agent = a, .fd = fd };
		g_mutex_lock(&a->lock);
		a->accepted++;
		g_array_append_val(a->clients, fd);
		g_mutex_unlock(&a->lock);
		g_thread_unref(g_thread_new("client", serve, c));
	}
	return NULL;
}

FakeAgent *fake_agent_new(const char *path, const char *greeting)
{
	FakeAgent *a = g_new0(FakeAgent, 1);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	a->path = g_strdup(path);
	a->greeting = g_strdup(greeting ? greeting : GREETING);
	a->clients = g_array_new(FALSE, FALSE, sizeof(int));
	g_mutex_init(&a->lock);
	g_cond_init(&a->changed);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	a->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(a->listener, (struct sockaddr *)&address,
			      sizeof(address)), 0);
	ck_assert_int_eq(listen(a->listener, 100), 0);
	a->thread = g_thread_new("fake-agent", accept_all, a);
	return a;
}

void fake_agent_cut(FakeAgent *a)
{
	guint i;

	g_mutex_lock(&a->lock);
	for (i = 0; i < a->clients->len; i++)
		shutdown(g_array_index(a->clients, int, i), SHUT_RDWR);
	g_mutex_unlock(&a->lock);
}

void fake_agent_free(FakeAgent *a)
{
	shutdown(a->listener, SHUT_RDWR);
	g_thread_join(a->thread);
	close(a->listener);
	fake_agent_cut(a);
	g_mutex_lock(&a->lock);
	while (a->clients->len > 0)
		g_cond_wait(&a->changed, &a->lock);
	g_mutex_unlock(&a->lock);
	unlink(a->path);
	g_array_unref(a->clients);
	g_clear_pointer(&a->fragment, g_bytes_unref);
	g_mutex_clear(&a->lock);
	g_cond_clear(&a->changed);
	g_free(a->path);
	g_free(a->greeting);
	g_free(a->status);
	g_free(a);
}

void fake_agent_send(FakeAgent *a, GBytes *fragment)
{
	g_mutex_lock(&a->lock);
	g_clear_pointer(&a->fragment, g_bytes_unref);
	a->fragment = fragment ? g_bytes_ref(fragment) : NULL;
	g_mutex_unlock(&a->lock);
}

void fake_agent_status(FakeAgent *a, const char *answer)
{
	g_mutex_lock(&a->lock);
	g_free(a->status);
	a->status = g_strdup(answer);
	g_mutex_unlock(&a->lock);
}

static guint get(FakeAgent *a, const guint *n)
{
	guint now;

	g_mutex_lock(&a->lock);
	now = *n;
	g_mutex_unlock(&a->lock);
	return now;
}

guint fake_agent_accepted(FakeAgent *a)
{
	return get(a, &a->accepted);
}

guint fake_agent_subscribed(FakeAgent *a)
{
	return get(a, &a->subscribed);
}
