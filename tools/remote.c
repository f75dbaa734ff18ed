/* SPDX-License-Identifier: MIT */
/* remote: see remote.h. */
#include "tools/remote.h"

#include <string.h>

static gboolean is_url(const char *word)
{
	return g_str_has_prefix(word, "http://") ||
	       g_str_has_prefix(word, "https://");
}

/* What follows the last colon, up to a slash or question mark. */
static gboolean has_port(const char *word)
{
	gsize size = strcspn(word, "/?");
	g_autofree char *host = g_strndup(word, size);
	const char *colon = strrchr(host, ':');
	guint64 port;

	return colon && colon > host &&
	       g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port,
					  NULL);
}

gboolean remote_is_address(const char *word)
{
	return is_url(word) || has_port(word);
}

/* "" and "/": none; "/PID", "/processes/PID/", with more behind it. */
static gboolean parse_path(const char *path, gint32 *pid)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	guint at = parts[0] ? 1 : 0;
	guint64 n;

	*pid = 0;
	if (!parts[0] || !parts[at] || !parts[at][0])
		return TRUE;
	if (strcmp(parts[at], "processes") == 0)
		at++;
	if (!parts[at] || !parts[at][0])
		return TRUE;
	if (!g_ascii_string_to_unsigned(parts[at], 10, 1, G_MAXINT32, &n,
					NULL))
		return FALSE;
	*pid = (gint32)n;
	return TRUE;
}

static char *token_of(GUri *uri)
{
	const char *query = g_uri_get_query(uri);
	g_autoptr(GHashTable) all = NULL;

	if (!query)
		return NULL;
	all = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_NONE, NULL);
	return all ? g_strdup(g_hash_table_lookup(all, "token")) : NULL;
}

gboolean remote_init(Remote *r, const char *word, const char *token,
		     GError **error)
{
	g_autofree char *text = is_url(word) ? g_strdup(word)
					     : g_strconcat("http://", word,
							   NULL);
	g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);

	*r = (Remote){ 0 };
	if (!uri || !g_uri_get_host(uri) || !g_uri_get_host(uri)[0] ||
	    !parse_path(g_uri_get_path(uri), &r->pid)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "%s: an address is HOST:PORT, HOST:PORT/PID, or "
			    "what 'profagent serve' printed", word);
		return FALSE;
	}
	r->base = g_uri_join(G_URI_FLAGS_NONE, g_uri_get_scheme(uri), NULL,
			     g_uri_get_host(uri), g_uri_get_port(uri), "",
			     NULL, NULL);
	r->token = token_of(uri);
	if (!r->token && token && token[0])
		r->token = g_strdup(token);
	return TRUE;
}

void remote_release(Remote *r)
{
	g_free(r->base);
	g_free(r->token);
}
