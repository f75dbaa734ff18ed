/* SPDX-License-Identifier: MIT */
/* http-client: see http-client.h. The client is a thread of its own. */
#include "tests/unit/http-client.h"

#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int connect_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int connect_port(const char *address)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((guint16)atoi(strrchr(address, ':') + 1)),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

int http_send(const char *address, const char *line, const char *headers)
{
	g_autofree char *text = g_strdup_printf(
		"%s HTTP/1.1\r\nHost: " HTTP_HOST "\r\nConnection: close\r\n"
		"%s\r\n", line, headers);
	int fd = g_str_has_prefix(address, "unix:")
			 ? connect_unix(address + strlen("unix:"))
			 : connect_port(address);

	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 (gssize)strlen(text));
	return fd;
}

typedef struct {
	int fd, done;
	GString *answer;
} Reading;

static gpointer read_all(gpointer data)
{
	Reading *r = data;
	char part[4096];
	gssize n;

	while ((n = recv(r->fd, part, sizeof(part), 0)) > 0)
		g_string_append_len(r->answer, part, n);
	g_atomic_int_set(&r->done, 1);
	g_main_context_wakeup(NULL);
	return NULL;
}

char *http_ask(const char *address, const char *line, const char *headers)
{
	Reading r = { http_send(address, line, headers), 0,
		      g_string_new(NULL) };
	GThread *thread = g_thread_new("http-client", read_all, &r);

	while (!g_atomic_int_get(&r.done))
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
	close(r.fd);
	return g_string_free(r.answer, FALSE);
}

guint http_status(const char *answer)
{
	const char *space = strchr(answer, ' ');

	return space ? (guint)atoi(space) : 0;
}

char *http_header(const char *answer, const char *name)
{
	g_autofree char *wanted = g_strdup_printf("\r\n%s: ", name);
	const char *at = strstr(answer, wanted);

	if (!at || at > http_body(answer))
		return NULL;
	at += strlen(wanted);
	return g_strndup(at, strcspn(at, "\r\n"));
}

const char *http_body(const char *answer)
{
	const char *at = strstr(answer, "\r\n\r\n");

	return at ? at + 4 : answer + strlen(answer);
}
