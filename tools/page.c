/* SPDX-License-Identifier: MIT */
/*
 * page: see page.h. The modules become one: they are put one after the other,
 * each after those it imports from, without their import and export words.
 * Their top-level names are therefore all different.
 */
#include "tools/page.h"

#include <string.h>

#include "tools/text.h"
#include "tools/web/resource.h"

/* Each after those it imports from. */
static const char *const modules[] = {
	"format.js", "stats.js", "names.js", "elements.js", "profile.js",
	"colors.js", "tree.js", "filter.js", "search.js", "source.js",
	"theme.js", "boxes.js", "describe.js", "tooltip.js", "graph.js",
	"table.js", "heatmap.js", "pickers.js", "health.js", "legend.js",
	"path.js", "help.js", "keys.js", "app.js",
};

/* What index.html has where something is put in. */
static const char style_mark[] = "<link rel=\"stylesheet\" href=\"style.css\">";
static const char script_mark[] = "<script type=\"module\" src=\"app.js\">"
	"</script>";
static const char title_mark[] = "<title>profagent</title>";

GBytes *page_part(const char *name)
{
	g_autofree char *path = g_strconcat("/profagent/web/", name, NULL);

	/* Named, so that the linker takes it out of the library. */
	return g_resource_lookup_data(profagent_web_get_resource(), path,
				      G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
}

static char *part_text(const char *name)
{
	g_autoptr(GBytes) part = page_part(name);
	gsize size;
	const char *data;

	g_assert(part != NULL);	/* it was compiled in */
	data = g_bytes_get_data(part, &size);
	return g_strndup(data, size);
}

/* Without "import ... ;" and "export ", which stand at the start of a line. */
static char *strip_module(const char *source)
{
	g_autoptr(GRegex) words = g_regex_new(
		"^(?:import [^;]*;\n|export )", G_REGEX_MULTILINE, 0, NULL);

	return g_regex_replace_literal(words, source, -1, 0, "", 0, NULL);
}

static char *bundle_modules(void)
{
	g_autoptr(GString) all = g_string_new("\n");

	for (gsize i = 0; i < G_N_ELEMENTS(modules); i++) {
		g_autofree char *source = part_text(modules[i]);
		g_autofree char *plain = strip_module(source);

		g_string_append(all, plain);
	}
	return g_string_free(g_steal_pointer(&all), FALSE);
}

/* "sha256-...": how a content security policy names an inline text. */
static char *policy_hash(const char *text)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize size = sizeof(digest);
	g_autofree char *base64 = NULL;

	g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text));
	g_checksum_get_digest(sum, digest, &size);
	base64 = g_base64_encode(digest, size);
	return g_strconcat("sha256-", base64, NULL);
}

static void append_head(GString *out, const char *title, const char *style,
			const char *script)
{
	g_autofree char *valid = text_escape(title);
	g_autofree char *name = g_markup_escape_text(valid, -1);
	g_autofree char *style_hash = policy_hash(style);
	g_autofree char *script_hash = policy_hash(script);

	g_string_append_printf(out,
		"<meta http-equiv=\"Content-Security-Policy\" content=\""
		"default-src 'none'; script-src '%s'; style-src '%s'; "
		"img-src data:; base-uri 'none'; form-action 'none'\">\n"
		"<title>%s – profagent</title>", script_hash, style_hash, name);
}

static void append_script(GString *out, const PageContent *content,
			  const char *script)
{
	g_string_append(out,
			"<script type=\"application/json\" id=\"profile\">");
	page_document_append(out, content);
	g_string_append(out, "</script>\n<script type=\"module\">");
	g_string_append(out, script);
	g_string_append(out, "</script>");
}

/* Appends `html` up to `mark`; what follows the mark. */
static const char *append_before(GString *out, const char *html,
				 const char *mark)
{
	const char *at = strstr(html, mark);

	g_assert(at != NULL);	/* the page was compiled in, and is tested */
	g_string_append_len(out, html, at - html);
	return at + strlen(mark);
}

GString *page_new(const PageContent *content)
{
	g_autofree char *html = part_text("index.html");
	g_autofree char *style = part_text("style.css");
	g_autofree char *script = bundle_modules();
	GString *out = g_string_sized_new(1 << 20);
	const char *rest;

	rest = append_before(out, html, title_mark);
	append_head(out, content->title, style, script);
	rest = append_before(out, rest, style_mark);
	g_string_append_printf(out, "<style>%s</style>", style);
	rest = append_before(out, rest, script_mark);
	append_script(out, content, script);
	g_string_append(out, rest);
	return out;
}
