/* SPDX-License-Identifier: MIT */
/*
 * serve-routes: the table of all routes, and the way of a request through it:
 * found, let in, its origin looked at, handled. tools/web/openapi.json says the
 * same for people; a test holds one against the other.
 */
#include <string.h>

#include "tools/serve.h"

#define API "/api/processes/{pid}"

const ServeRoute serve_routes[] = {
	{ "GET", "/", ROLE_VIEW, serve_list },
	{ "GET", "/api/openapi.json", ROLE_VIEW, serve_api_description },
	{ "GET", "/api/processes", ROLE_VIEW, serve_list },
	{ "GET", API, ROLE_VIEW, serve_api_status },
	{ "GET", API "/events", ROLE_VIEW, serve_view_events },
	{ "POST", API "/flush", ROLE_CONTROL, serve_api_steer },
	{ "GET", API "/functions", ROLE_VIEW, serve_view_table },
	{ "GET", API "/functions.csv", ROLE_VIEW, serve_view_table },
	{ "POST", API "/interval", ROLE_CONTROL, serve_api_interval },
	{ "POST", API "/pause", ROLE_CONTROL, serve_api_steer },
	{ "GET", API "/profile.json", ROLE_VIEW, serve_view_document },
	{ "GET", API "/profile.pb.gz", ROLE_VIEW, serve_view_file },
	{ "POST", API "/reset", ROLE_CONTROL, serve_api_steer },
	{ "POST", API "/resume", ROLE_CONTROL, serve_api_steer },
	{ "GET", API "/snapshot", ROLE_VIEW, serve_api_snapshot },
	{ "GET", API "/spans", ROLE_VIEW, serve_api_spans },
	{ "GET", API "/spans.csv", ROLE_VIEW, serve_api_spans },
	{ "POST", API "/start", ROLE_CONTROL, serve_api_steer },
	{ "POST", API "/stop", ROLE_CONTROL, serve_api_steer },
	{ "GET", "/healthz", ROLE_NONE, serve_health },
	{ "GET", "/metrics", ROLE_VIEW, serve_metrics },
	{ "GET", "/processes", ROLE_VIEW, serve_list },
	{ "GET", "/processes/{pid}/", ROLE_VIEW, serve_view_page },
	{ "GET", "/processes/{pid}/debug/pprof/", ROLE_VIEW,
	  serve_pprof_index },
	{ "GET", "/processes/{pid}/debug/pprof/cmdline", ROLE_VIEW,
	  serve_pprof_cmdline },
	{ "GET", "/processes/{pid}/debug/pprof/profile", ROLE_VIEW,
	  serve_pprof_profile },
	{ "GET", "/processes/{pid}/debug/pprof/wall", ROLE_VIEW,
	  serve_pprof_wall },
	{ "GET", "/web/{name}", ROLE_VIEW, serve_view_part },
	{ NULL }
};

/* --- finding ------------------------------------------------------------------------ */

/* One part of a path against one of a pattern. */
static gboolean match_part(ServeRequest *r, const char *pattern,
			   const char *part)
{
	guint64 n;

	if (strcmp(pattern, "{pid}") == 0) {
		if (!g_ascii_string_to_unsigned(part, 10, 1, G_MAXINT32, &n,
						NULL))
			return FALSE;
		r->pid = (gint32)n;
		return TRUE;
	}
	if (strcmp(pattern, "{name}") == 0) {
		g_free(r->name);
		r->name = g_strdup(part);
		return part[0] != '\0';
	}
	return strcmp(pattern, part) == 0;
}

static gboolean match(ServeRequest *r, const char *pattern, char **parts)
{
	g_auto(GStrv) wanted = g_strsplit(pattern, "/", -1);
	guint i, k = 0;

	r->tree = FALSE;
	for (i = 0; wanted[i]; i++, k++) {
		if (!parts[k] || !match_part(r, wanted[i], parts[k]))
			return FALSE;
		if (strcmp(wanted[i], "{pid}") == 0 && parts[k + 1] &&
		    strcmp(parts[k + 1], "tree") == 0) {
			r->tree = TRUE;
			k++;
		}
	}
	return parts[k] == NULL;
}

/* "GET, POST" of the routes of a path; NULL: there is none. */
static char *methods_of(ServeRequest *r, char **parts)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	const ServeRoute *route;

	for (route = serve_routes; route->method; route++)
		if (match(r, route->path, parts))
			g_ptr_array_add(list, (gpointer)route->method);
	if (list->len == 0)
		return NULL;
	g_ptr_array_add(list, NULL);
	return g_strjoinv(", ", (char **)list->pdata);
}

static void refuse_unknown(ServeRequest *r, const char *path, char **parts)
{
	g_autofree char *methods = methods_of(r, parts);
	g_autofree char *with_slash = g_strconcat(path, "/", NULL);
	g_auto(GStrv) others = g_strsplit(with_slash, "/", -1);
	g_autofree char *redirect = methods_of(r, others);

	if (methods) {
		serve_header(r, "Allow", methods);
		serve_refuse(r, SOUP_STATUS_METHOD_NOT_ALLOWED,
			     "%s is not for %s, which takes %s",
			     soup_server_message_get_method(r->msg), path,
			     methods);
	} else if (redirect) {
		serve_redirect(r, with_slash);
	} else {
		serve_refuse(r, SOUP_STATUS_NOT_FOUND, "there is no %s here; "
			     "/processes lists the processes, by number", path);
	}
}

static const ServeRoute *find(ServeRequest *r, char **parts)
{
	const char *method = soup_server_message_get_method(r->msg);
	const ServeRoute *route;

	for (route = serve_routes; route->method; route++)
		if (strcmp(route->method, method) == 0 &&
		    match(r, route->path, parts))
			return route;
	return NULL;
}

/* --- letting in ---------------------------------------------------------------------- */

/*
 * A page of another site may have a browser send requests here with the
 * browser's cookie or password; it cannot hide where they come from.
 */
static gboolean is_own_origin(ServeRequest *r)
{
	SoupMessageHeaders *headers =
		soup_server_message_get_request_headers(r->msg);
	const char *origin = soup_message_headers_get_one(headers, "Origin");
	const char *site = soup_message_headers_get_one(headers,
							"Sec-Fetch-Site");
	const char *host = soup_message_headers_get_one(headers, "Host");
	g_autofree char *own = g_strconcat(r->serve->scheme, "://",
					   host ? host : "", NULL);

	if (site && strcmp(site, "same-origin") != 0 &&
	    strcmp(site, "none") != 0)
		return FALSE;
	return !origin || strcmp(origin, own) == 0;
}

/*
 * The token goes from the address bar into a cookie. It is ours, not the one of
 * the address: who is let in by a header or a cookie may have followed a link
 * with anything in it.
 */
static gboolean take_cookie(ServeRequest *r)
{
	const char *token = auth_token(r->serve->auth);
	GUri *uri = soup_server_message_get_uri(r->msg);
	g_autofree char *cookie = NULL;

	if (!token || !serve_query(r, "token") || !serve_wants_html(r))
		return FALSE;
	cookie = g_strdup_printf("%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
				 auth_cookie(r->serve->auth), token,
				 strcmp(r->serve->scheme, "https") == 0
					 ? "; Secure" : "");
	serve_header(r, "Set-Cookie", cookie);
	serve_redirect(r, g_uri_get_path(uri));
	return TRUE;
}

static void refuse_entry(ServeRequest *r, const AuthResult *result)
{
	g_autofree char *wait = g_strdup_printf("%u", result->wait_s);

	r->serve->refused++;
	if (result->status == STATUS_TOO_MANY) {
		serve_header(r, "Retry-After", wait);
		serve_refuse(r, result->status, "too many wrong guesses; wait "
			     "%u seconds", result->wait_s);
	} else if (result->status == SOUP_STATUS_UNAUTHORIZED) {
		auth_challenge(r->serve->auth, r->msg);
		serve_refuse(r, result->status, auth_token(r->serve->auth)
			? "who are you? Open the address that the server "
			  "printed, or send 'Authorization: Bearer TOKEN'"
			: "who are you? A name and a password are needed");
	} else {
		serve_refuse(r, result->status, "only the user who runs this "
			     "server, and root, may use it");
	}
}

static void checked(gpointer data, const AuthResult *result)
{
	ServeRequest *r = data;
	Connection *c = connection_of(r->msg);

	if (result->status != SOUP_STATUS_OK) {
		refuse_entry(r, result);
	} else {
		r->role = result->role;
		r->user = g_strdup(result->name);
		if (c)
			connection_prove(c);
		if (r->role < r->route->role)
			serve_refuse(r, SOUP_STATUS_FORBIDDEN, "%s may look, "
				     "but not change anything", r->user);
		else if (!take_cookie(r))
			r->route->handle(r);
	}
	serve_request_unref(r);
}

/* --- the way through -------------------------------------------------------------------- */

static gboolean has_pid_like(char **parts)
{
	guint i;

	for (i = 0; parts[i] && parts[i + 1]; i++)
		if (strcmp(parts[i], "processes") == 0)
			return g_ascii_string_to_unsigned(parts[i + 1], 10, 1,
							  G_MAXINT32, NULL,
							  NULL) ||
			       parts[i + 1][0] == '\0';
	return TRUE;
}

/* Who is not let in does not learn what there is. */
static void handle_unknown(ServeRequest *r)
{
	const char *path = g_uri_get_path(soup_server_message_get_uri(r->msg));
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	if (!has_pid_like(parts))
		serve_refuse(r, SOUP_STATUS_BAD_REQUEST, "a process is named "
			     "by its number, such as /processes/1234/");
	else
		refuse_unknown(r, path, parts);
}

static const ServeRoute nowhere = { "", "", ROLE_VIEW, handle_unknown };

void serve_dispatch(ServeRequest *r)
{
	const char *path = g_uri_get_path(soup_server_message_get_uri(r->msg));
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);

	r->serve->requests++;
	r->route = find(r, parts);
	if (!r->route)
		r->route = &nowhere;
	if (r->route->role == ROLE_NONE) {
		r->route->handle(r);
		return;
	}
	if (r->route->role == ROLE_CONTROL && !is_own_origin(r)) {
		serve_refuse(r, SOUP_STATUS_FORBIDDEN,
			     "a page of another site may not change anything");
		return;
	}
	auth_check(r->serve->auth, r->msg, serve_query(r, "token"), checked,
		   serve_request_ref(r));
}
