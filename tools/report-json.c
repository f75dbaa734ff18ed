/* SPDX-License-Identifier: MIT */
/*
 * report-json: the report as one JSON object. Members are only ever added:
 * scripts rely on them (profagent-report(1), "JSON").
 */
#include "tools/json-out.h"
#include "tools/report.h"
#include "tools/stats.h"
#include "tools/timeline.h"

static void json_text(const Report *r, JsonOut *out, const char *key,
		      ProfileString s)
{
	json_out_key(out, key);
	json_out_string(out, profile_text(r->profile, s));
}

static void json_int(JsonOut *out, const char *key, gint64 n)
{
	json_out_key(out, key);
	json_out_int(out, n);
}

static void json_double(JsonOut *out, const char *key, double x)
{
	json_out_key(out, key);
	json_out_double(out, x);
}

/* --- profile --------------------------------------------------------------------- */

static void json_process(const Report *r, JsonOut *out,
			 const ProfileProcess *process)
{
	json_out_open(out, '{');
	json_int(out, "pid", process->pid);
	json_int(out, "ppid", process->ppid);
	json_text(r, out, "program", process->program);
	json_text(r, out, "command", process->command);
	json_text(r, out, "exe", process->exe);
	json_text(r, out, "host", process->host);
	json_text(r, out, "run_id", process->run_id);
	json_text(r, out, "parent_run_id", process->parent_run_id);
	json_text(r, out, "path", process->path);
	json_int(out, "start_unix_ns", process->start_unix_ns);
	json_int(out, "duration_ns", (gint64)process->duration_ns);
	json_int(out, "cpu_ns", (gint64)process->cpu_ns);
	json_int(out, "sampled_ns", (gint64)process->sampled_ns);
	json_out_key(out, "done");
	json_out_bool(out, process->done);
	json_out_close(out, '}');
}

static void json_profile(const Report *r, JsonOut *out)
{
	const Profile *p = r->profile;
	const ProfileValueType *type = &p->type[r->options->type];
	gint64 all = r->tree->total;
	guint i;

	profile_add(&all, r->tree->dropped);
	json_out_open(out, '{');
	json_text(r, out, "type", type->type);
	json_text(r, out, "unit", type->unit);
	json_out_key(out, "types");
	json_out_open(out, '[');
	for (i = 0; i < p->type_count; i++)
		json_out_string(out, profile_text(p, p->type[i].type));
	json_out_close(out, ']');
	json_int(out, "total", all);
	json_int(out, "shown", r->tree->total);
	json_int(out, "samples", (gint64)r->tree->taken);
	json_int(out, "period", p->period);
	json_int(out, "time_unix_ns", p->time_nanos);
	json_int(out, "duration_ns", p->duration_nanos);
	json_out_key(out, "processes");
	json_out_open(out, '[');
	for (i = 0; i < p->processes->len; i++)
		json_process(r, out, profile_at(p->processes, ProfileProcess,
						i));
	json_out_close(out, ']');
	json_out_close(out, '}');
}

/* --- rows ------------------------------------------------------------------------- */

static void json_share(const Report *r, JsonOut *out, gint64 value,
		       double square, gint64 exact,
		       const char *const keys[5])
{
	StatsShare s = calltree_share(r->tree, value, square, exact);

	json_int(out, keys[0], value);
	json_double(out, keys[1], 100 * s.share);
	json_double(out, keys[2], 100 * s.error);
	json_double(out, keys[3], 100 * s.low);
	json_double(out, keys[4], 100 * s.high);
}

static const char *const self_keys[] = {
	"self_ns", "self_percent", "self_error", "self_low", "self_high",
}, *const total_keys[] = {
	"total_ns", "total_percent", "total_error", "total_low", "total_high",
};

static void json_where(const Report *r, JsonOut *out, const CalltreeItem *item)
{
	json_text(r, out, "name", item->name);
	json_text(r, out, "file", item->file);
	json_int(out, "line", item->line);
	json_text(r, out, "module", item->module);
}

static void json_row(const Report *r, JsonOut *out, const CalltreeItem *item)
{
	json_out_open(out, '{');
	json_where(r, out, item);
	json_text(r, out, "place", calltree_place(r->tree, item));
	json_share(r, out, item->self, item->self_square,
		   item->self_exact, self_keys);
	json_share(r, out, item->total, item->total_square,
		   item->total_exact, total_keys);
	json_int(out, "self_samples", (gint64)item->self_count);
	json_int(out, "total_samples", (gint64)item->total_count);
	json_out_close(out, '}');
}

static void json_rows(const Report *r, JsonOut *out)
{
	g_autoptr(GArray) rows = report_rows(r);
	guint n = r->limit ? MIN(r->limit, rows->len) : rows->len, i;

	json_out_open(out, '[');
	for (i = 0; i < n; i++)
		json_row(r, out, &g_array_index(
			r->tree->items, CalltreeItem,
			g_array_index(rows, guint32, i)));
	json_out_close(out, ']');
}

/* --- tree --------------------------------------------------------------------------- */

static void open_node(const Report *r, JsonOut *out, const CalltreeNode *node)
{
	json_out_open(out, '{');
	if (node->parent) {
		json_where(r, out, calltree_item(r->tree, node));
	} else {
		json_out_key(out, "name");
		json_out_string(out, "all");
	}
	json_int(out, "self_ns", node->self);
	json_int(out, "self_samples", (gint64)node->self_count);
	json_share(r, out, node->total, node->total_square,
		   node->total_exact, total_keys);
	json_int(out, "total_samples", (gint64)node->total_count);
	json_out_key(out, "children");
	json_out_open(out, '[');
}

static void close_node(JsonOut *out)
{
	json_out_close(out, ']');
	json_out_close(out, '}');
}

static const CalltreeNode *skip_small(const CalltreeNode *node, double least)
{
	/* heaviest first: what follows is smaller still */
	return node && (double)node->total < least ? NULL : node;
}

/* Without recursion: stacks are thousands deep. */
static void json_tree(const Report *r, JsonOut *out)
{
	double least = r->min_percent / 100 * report_whole(r);
	const CalltreeNode *node = &r->tree->root, *next;

	open_node(r, out, node);
	for (;;) {
		next = skip_small(node->child, least);
		while (!next) {
			close_node(out);
			if (!node->parent)
				return;
			next = skip_small(node->sibling, least);
			node = next ? node : node->parent;
		}
		node = next;
		open_node(r, out, node);
	}
}

/* --- timeline ----------------------------------------------------------------------- */

#define TIMELINE_PIECES 100

static void json_timeline(const Report *r, JsonOut *out)
{
	g_autoptr(GArray) pieces = timeline_new(r->profile, r->options,
						r->interval_ns,
						TIMELINE_PIECES);
	guint i;

	json_out_open(out, '[');
	for (i = 0; i < pieces->len; i++) {
		const TimelinePiece *piece = &g_array_index(
			pieces, TimelinePiece, i);

		json_out_open(out, '{');
		json_int(out, "from_ns", (gint64)piece->from_ns);
		json_int(out, "to_ns", (gint64)piece->to_ns);
		json_int(out, "total_ns", piece->value);
		json_int(out, "samples", (gint64)piece->taken);
		json_text(r, out, "top", piece->top);
		json_int(out, "top_self_ns", piece->top_self);
		json_out_close(out, '}');
	}
	json_out_close(out, ']');
}

void report_print_json(const Report *r, FILE *to)
{
	g_autoptr(GString) text = g_string_new(NULL);
	JsonOut out;

	json_out_init(&out, text);
	json_out_open(&out, '{');
	json_out_key(&out, "profile");
	json_profile(r, &out);
	json_out_key(&out, "health");
	health_json(r->health, &out);
	json_out_key(&out, "rows");
	json_rows(r, &out);
	if (r->with_tree) {
		json_out_key(&out, "tree");
		json_tree(r, &out);
	}
	if (r->with_timeline) {
		json_out_key(&out, "timeline");
		json_timeline(r, &out);
	}
	json_out_close(&out, '}');
	fwrite(text->str, 1, text->len, to);
	fputc('\n', to);
}
