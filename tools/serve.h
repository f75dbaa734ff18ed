/* SPDX-License-Identifier: MIT */
/*
 * serve: the server's parts, and what a route's handler gets.
 *
 * A request is looked up in the table of routes (serve-routes.c), let in or not
 * (serve-auth.h), and handled in the main loop. What takes long is done by
 * threads (serve-build.h, serve_find()), while the request waits. A client that
 * leaves meanwhile ends its own request and nothing else.
 */
#ifndef PROFAGENT_TOOLS_SERVE_H
#define PROFAGENT_TOOLS_SERVE_H

#include <libsoup/soup.h>

#include "tools/serve-auth.h"
#include "tools/serve-build.h"
#include "tools/serve-connections.h"
#include "tools/serve-feed.h"

typedef struct _Push Push;
typedef struct _Views Views;

typedef struct {
	SoupServer *soup;
	Connections *connections;
	Auth *auth;
	Feeds *feeds;
	Builder *builder;
	Views *views;			/* serve-view.h */
	Push *push;			/* serve-push.h; NULL: none */
	const char *scheme;		/* "http", "https" */
	guint64 requests, refused;
} Serve;

typedef struct _ServeRequest ServeRequest;

typedef struct {
	const char *method;
	/*
	 * {pid} stands for a number; behind it the path may have "tree", which
	 * means all that came from that process as well; {name} for a word.
	 */
	const char *path;
	ServeRole role;			/* ROLE_NONE: for everybody */
	void (*handle)(ServeRequest *r);
} ServeRoute;

/* All there are, ended by a NULL method. */
extern const ServeRoute serve_routes[];

struct _ServeRequest {
	Serve *serve;
	SoupServerMessage *msg;
	const ServeRoute *route;
	GHashTable *query;		/* char * -> char *; never NULL */
	gint32 pid;
	gboolean tree;
	char *name;			/* of {name} */
	char *user;			/* who it is, for the log */
	ServeRole role;
	/* Called when the client has left before it was answered. */
	void (*left)(ServeRequest *r);
	gpointer data;			/* the handler's */
	/* private */
	guint refs;
	gboolean is_answered, is_paused, is_gone;
	GSource *peek;
};

/* Lets all requests of the server come here. */
void serve_attach(Serve *s);

/* A request's way through the table. */
void serve_dispatch(ServeRequest *r);

/* Who goes on with it later holds a reference. */
ServeRequest *serve_request_ref(ServeRequest *r);
void serve_request_unref(ServeRequest *r);

/* It will be answered later. `left` may be NULL. */
void serve_wait(ServeRequest *r, void (*left)(ServeRequest *r));

/* Answers; once, and without effect when the client has left. */
void serve_answer(ServeRequest *r, const char *type, GBytes *body);
void serve_answer_text(ServeRequest *r, const char *type, const char *text);
/* One line; JSON {"error":"..."} below /api, plain text elsewhere. */
void serve_refuse(ServeRequest *r, guint status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* By what kind of error it is. */
void serve_refuse_error(ServeRequest *r, const GError *error);
void serve_redirect(ServeRequest *r, const char *to);

void serve_header(ServeRequest *r, const char *name, const char *value);

/* "attachment" of that name. */
void serve_as_file(ServeRequest *r, const char *filename);

/* Whether it asks for HTML rather than anything else. */
gboolean serve_wants_html(const ServeRequest *r);

const char *serve_query(const ServeRequest *r, const char *name);

/*
 * A number of the query, `preset` without one. FALSE: it was refused with a
 * line that says what is valid.
 */
gboolean serve_query_number(ServeRequest *r, const char *name, guint least,
			    guint most, guint preset, guint *n);

/* "/processes/123/tree", g_free() it. */
char *serve_process_path(const ServeRequest *r);

/* The processes that a request is about. */
typedef struct {
	guint count;
	gint32 *pids;
	char **paths;			/* of their sockets */
	char **programs;		/* "" where it is not known */
} ServeTargets;

/*
 * Looks for them in a thread while the request waits. Refuses the request if
 * there is none; else calls `found`, unless the client has left. The targets
 * live as long as the call.
 */
void serve_find(ServeRequest *r,
		void (*found)(ServeRequest *r, const ServeTargets *targets));

/* A line for whoever runs the server: who changed what. */
void serve_audit(const ServeRequest *r, const char *what);

/* What the routes call; each file says what its own do. */
void serve_list(ServeRequest *r);		/* serve-list.c */
void serve_health(ServeRequest *r);
void serve_metrics(ServeRequest *r);		/* serve-metrics.c */
void serve_pprof_index(ServeRequest *r);	/* serve-pprof.c */
void serve_pprof_cmdline(ServeRequest *r);
void serve_pprof_profile(ServeRequest *r);
void serve_pprof_wall(ServeRequest *r);
void serve_api_status(ServeRequest *r);		/* serve-api.c */
void serve_api_snapshot(ServeRequest *r);
void serve_api_spans(ServeRequest *r);
void serve_api_steer(ServeRequest *r);
void serve_api_interval(ServeRequest *r);
void serve_api_description(ServeRequest *r);
void serve_view_page(ServeRequest *r);		/* serve-view.c */
void serve_view_part(ServeRequest *r);
void serve_view_document(ServeRequest *r);
void serve_view_table(ServeRequest *r);
void serve_view_file(ServeRequest *r);
void serve_view_events(ServeRequest *r);	/* serve-events.c */

#endif
