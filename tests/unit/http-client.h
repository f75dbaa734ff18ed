/* SPDX-License-Identifier: MIT */
/*
 * http-client: asks a server that runs in this process's own main loop, byte
 * by byte as the test wants it. Turns that loop until the answer is whole.
 */
#ifndef PROFAGENT_TESTS_HTTP_CLIENT_H
#define PROFAGENT_TESTS_HTTP_CLIENT_H

#include <glib.h>

#define HTTP_HOST "here"	/* what it takes the server for */

/*
 * `address`: HOST:PORT or unix:PATH; `line`: "GET /x"; `headers`: each ends in
 * "\r\n". The whole answer, g_free() it; "" if there was none.
 */
char *http_ask(const char *address, const char *line, const char *headers);

/* Of an answer. The value of a header is the caller's; NULL: it has none. */
guint http_status(const char *answer);
char *http_header(const char *answer, const char *name);
const char *http_body(const char *answer);

/* A connection that has just sent that; the caller closes it. */
int http_send(const char *address, const char *line, const char *headers);

#endif
