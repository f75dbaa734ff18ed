/* SPDX-License-Identifier: MIT */
/*
 * calltree: see calltree.h. Each sample becomes a path of items, root first,
 * which is counted in the flat table and, unless that is all, in the tree.
 */
#include "tools/calltree.h"

#include <string.h>

#include "tools/calltree-frames.h"
#include "tools/tree-sieve.h"

#define BLOCK_NODES 1024u
#define NO_ITEM G_MAXUINT32

/* Nodes by parent and item: open addressing, half full at most. */
typedef struct {
	CalltreeNode **slots;
	gsize mask, used;
} NodeTable;

typedef struct {
	Calltree *t;
	Profile *p;
	const CalltreeOptions *o;
	CalltreeFrames frames;
	GArray *path;			/* CalltreeFrame, root first */
	guint32 thread;			/* item above the path, or NO_ITEM */
	guint32 *seen;			/* per item: the last sample it was in */
	gint samples_type;		/* index, -1: none */
	gboolean is_number;		/* samples are shown, beside which there
					 * is a time */
	guint32 turn;			/* of the sample, from 1 */
	gint8 *threads;			/* per thread: 1 kept, 0 not */
	GArray *labels;			/* LabelWish, all of which must hold */
	NodeTable table;
	TreeSieve *sieve;		/* NULL: all nodes are made */
	guint32 small;			/* item of what the sieve folds */
	CalltreeNode *block;
	guint block_used;
} Builder;

/* A label that samples must have. */
typedef struct {
	ProfileString key;
	const char *value;		/* NULL: any */
} LabelWish;

/* What one sample adds. */
typedef struct {
	gint64 value;
	guint64 taken;
	double square;
	gint64 exact;			/* the value, if no stack was taken */
} Sum;

/* Works on items and nodes alike. */
#define ADD(to, what, sum)						\
	do {								\
		profile_add(&(to)->what, (sum)->value);			\
		(to)->what##_count += (sum)->taken;			\
		(to)->what##_square += (sum)->square;			\
		profile_add(&(to)->what##_exact, (sum)->exact);		\
	} while (0)

/* --- which samples ------------------------------------------------------------ */

static void choose_threads(Builder *b)
{
	guint n = b->p->threads->len, i;

	if (!b->o->thread)
		return;
	b->threads = g_new0(gint8, n + 1);
	for (i = 0; i < n; i++)
		b->threads[i] = g_regex_match(
			b->o->thread, profile_text(b->p, profile_at(
				b->p->threads, ProfileThread, i)->name),
			0, NULL);
}

static void choose_labels(Builder *b)
{
	char **at = b->o->labels;

	b->labels = g_array_new(FALSE, FALSE, sizeof(LabelWish));
	for (; at && *at; at++) {
		const char *equals = strchr(*at, '=');
		LabelWish wish = {
			profile_string(b->p, *at, equals ? equals - *at : -1),
			equals ? equals + 1 : NULL,
		};

		g_array_append_val(b->labels, wish);
	}
}

static gboolean has_label(const Builder *b, const ProfileSample *s,
			  const LabelWish *wish)
{
	for (guint i = 0; i < s->label_count; i++) {
		const ProfileLabel *l = profile_at(b->p->labels, ProfileLabel,
						   s->first_label + i);
		g_autofree char *value = NULL;

		if (l->key != wish->key)
			continue;
		value = calltree_frames_label(b->p, l);
		if (!wish->value || strcmp(value, wish->value) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean has_labels(const Builder *b, const ProfileSample *s)
{
	for (guint i = 0; i < b->labels->len; i++)
		if (!has_label(b, s, &g_array_index(b->labels, LabelWish, i)))
			return FALSE;
	return TRUE;
}

/* The part of a sample that lies in the time asked for. */
static Sum sum_in_time(const Builder *b, const ProfileSample *s,
			       const Sum *all)
{
	Sum in = { 0, 0, 0, 0 };
	gint64 weight = 0, whole = 0;
	guint32 i;

	for (i = 0; i < s->moment_count; i++) {
		const ProfileMoment *m = profile_at(b->p->moments,
						    ProfileMoment,
						    s->first_moment + i);

		profile_add(&whole, m->weight_ns);
		if (m->time_ns < b->o->from_ns ||
		    (b->o->to_ns != 0 && m->time_ns >= b->o->to_ns))
			continue;
		profile_add(&weight, m->weight_ns);
		in.taken++;
		in.square += (double)m->weight_ns * (double)m->weight_ns;
	}
	if (whole == all->value)
		in.value = weight;
	else
		in.value = profile_part(all->value, (double)weight,
					(double)whole);
	return in;
}

static gboolean is_looked_at(const Builder *b, const ProfileSample *s,
			     Sum *sum)
{
	const CalltreeOptions *o = b->o;

	*sum = (Sum){ s->value[o->type], s->taken, s->square, 0 };
	if (s->taken == 0)
		sum->exact = sum->value;
	if (b->threads &&
	    (s->thread == PROFILE_NONE || !b->threads[s->thread]))
		return FALSE;
	if (o->pid != 0 && profile_at(b->p->processes, ProfileProcess,
				      s->process)->pid != o->pid)
		return FALSE;
	if (b->labels->len > 0 && !has_labels(b, s))
		return FALSE;
	if (o->from_ns != 0 || o->to_ns != 0)
		*sum = sum_in_time(b, s, sum);
	/* the weights are times; as a number each sample is as good */
	if (b->is_number && sum->taken > 0)
		sum->square = (double)sum->value * (double)sum->value /
			      (double)sum->taken;
	return sum->value != 0;
}

/* --- the path of a sample -------------------------------------------------------- */

/* Frames root first, as the file has them; all their flags together. */
static guint32 collect_frames(Builder *b, const ProfileSample *s)
{
	const CalltreeFrames *f = &b->frames;
	const guint32 *locations;
	guint32 flags = 0, i, k;

	g_array_set_size(b->path, 0);
	if (s->frame_count == 0)
		return 0;
	locations = &g_array_index(b->p->frames, guint32, s->first_frame);
	for (i = s->frame_count; i-- > 0;) {
		guint32 l = locations[i];

		for (k = f->first[l + 1]; k-- > f->first[l];) {
			flags |= g_array_index(f->frames, CalltreeFrame,
					       k).flags;
			g_array_append_val(b->path, g_array_index(
				f->frames, CalltreeFrame, k));
		}
	}
	return flags;
}

/* Cuts above the outermost match. */
static void cut_root(GArray *path)
{
	guint i = 0;

	while (i < path->len &&
	       !(g_array_index(path, CalltreeFrame, i).flags & FRAME_ROOT))
		i++;
	if (i > 0)
		g_array_remove_range(path, 0, i);
}

/* Cuts below the innermost match. */
static void cut_end(GArray *path)
{
	guint n = path->len;

	while (n > 0 &&
	       !(g_array_index(path, CalltreeFrame, n - 1).flags & FRAME_END))
		n--;
	g_array_set_size(path, n);
}

/* Leaves hidden frames out, and of a run of folded ones all but the first. */
static void thin_out(GArray *path)
{
	CalltreeFrame *f = (CalltreeFrame *)(void *)path->data;
	gboolean folding = FALSE;
	guint i, kept = 0;

	for (i = 0; i < path->len; i++) {
		if (f[i].flags & FRAME_HIDE)
			continue;
		if (!(f[i].flags & FRAME_FOLD) || !folding)
			f[kept++] = f[i];
		folding = (f[i].flags & FRAME_FOLD) != 0;
	}
	g_array_set_size(path, kept);
}

static void reverse(GArray *path)
{
	CalltreeFrame *f = (CalltreeFrame *)(void *)path->data, swap;
	guint i, n = path->len;

	for (i = 0; i < n / 2; i++) {
		swap = f[i];
		f[i] = f[n - 1 - i];
		f[n - 1 - i] = swap;
	}
}

/* FALSE: the sample is not shown. */
static gboolean make_path(Builder *b, const ProfileSample *s)
{
	const CalltreeOptions *o = b->o;
	guint32 flags = collect_frames(b, s);

	if ((o->focus && !(flags & FRAME_FOCUS)) || (flags & FRAME_IGNORE))
		return FALSE;
	if ((o->root_at && !(flags & FRAME_ROOT)) ||
	    (o->end_at && !(flags & FRAME_END)))
		return FALSE;
	if (o->end_at)
		cut_end(b->path);
	if (o->root_at)
		cut_root(b->path);
	if (flags & (FRAME_HIDE | FRAME_FOLD))
		thin_out(b->path);
	if (calltree_frames_is_whole(o)) {
		CalltreeFrame whole = { calltree_frames_of_sample(
			&b->frames, s), 0 };

		g_array_set_size(b->path, 0);
		g_array_append_val(b->path, whole);
	}
	b->thread = o->threads && !o->flat
			    ? calltree_frames_thread_of(&b->frames, s)
			    : NO_ITEM;
	return TRUE;
}

/* --- counting --------------------------------------------------------------------- */

static void count_items(Builder *b, const Sum *sum)
{
	const CalltreeFrame *f = (const CalltreeFrame *)(void *)b->path->data;
	CalltreeItem *items;
	guint i, n = b->path->len;

	if (n == 0)
		return;
	items = (CalltreeItem *)(void *)b->frames.items->data;
	ADD(&items[f[n - 1].item], self, sum);
	for (i = 0; i < n; i++) {
		if (b->seen[f[i].item] == b->turn)
			continue;
		b->seen[f[i].item] = b->turn;
		ADD(&items[f[i].item], total, sum);
	}
	if (b->thread != NO_ITEM && b->seen[b->thread] != b->turn) {
		b->seen[b->thread] = b->turn;
		ADD(&items[b->thread], total, sum);
	}
}

static gsize hash_node(const CalltreeNode *parent, guint32 item)
{
	guint64 h = (guint64)GPOINTER_TO_SIZE(parent) ^
		    (guint64)item * 0xff51afd7ed558ccdull;

	h *= 0x9e3779b97f4a7c15ull;
	return (gsize)(h >> 20);
}

static void table_grow(NodeTable *t)
{
	gsize old = t->slots ? t->mask + 1 : 0, i, at;
	gsize size = old ? old * 2 : 4096;
	CalltreeNode **slots = t->slots;

	t->slots = g_new0(CalltreeNode *, size);
	t->mask = size - 1;
	for (i = 0; i < old; i++) {
		if (!slots[i])
			continue;
		at = hash_node(slots[i]->parent, slots[i]->item) & t->mask;
		while (t->slots[at])
			at = (at + 1) & t->mask;
		t->slots[at] = slots[i];
	}
	g_free(slots);
}

static CalltreeNode *new_node(Builder *b, CalltreeNode *parent, guint32 item)
{
	CalltreeNode *node;

	if (!b->block || b->block_used == BLOCK_NODES) {
		b->block = g_new0(CalltreeNode, BLOCK_NODES);
		b->block_used = 0;
		g_ptr_array_add(b->t->blocks, b->block);
	}
	node = &b->block[b->block_used++];
	node->item = item;
	node->parent = parent;
	node->sibling = parent->child;
	parent->child = node;
	return node;
}

/* The slot of a node, or the free one where it belongs. */
static gsize find_slot(const NodeTable *t, const CalltreeNode *parent,
		       guint32 item)
{
	gsize at = hash_node(parent, item) & t->mask;

	while (t->slots[at] && (t->slots[at]->parent != parent ||
				t->slots[at]->item != item))
		at = (at + 1) & t->mask;
	return at;
}

static CalltreeNode *child_of(Builder *b, CalltreeNode *parent, guint32 item)
{
	NodeTable *t = &b->table;
	gsize at;

	if (!t->slots || t->used > t->mask / 2)
		table_grow(t);
	at = find_slot(t, parent, item);
	if (!t->slots[at]) {
		t->slots[at] = new_node(b, parent, item);
		t->used++;
	}
	return t->slots[at];
}

/* What is behind this node is one more. */
static CalltreeNode *small_child(Builder *b, CalltreeNode *node)
{
	gsize before = b->table.used;

	node = child_of(b, node, b->small);
	b->t->folded += b->table.used - before;
	b->seen[b->small] = b->turn;
	return node;
}

/* Whether the next node is made, or there. By chance more may be heavy than were
 * asked for: there is an end to that. */
static gboolean goes_on(const Builder *b, TreePath *at,
			const CalltreeNode *node, guint32 item)
{
	const NodeTable *t = &b->table;

	return !b->sieve || (tree_sieve_has(b->sieve, at, item) &&
			     (t->used < 2 * (gsize)b->sieve->weights.room ||
			      t->slots[find_slot(t, node, item)]));
}

static void count_nodes(Builder *b, const Sum *sum)
{
	CalltreeNode *node = &b->t->root;
	guint n = b->path->len, i;
	TreePath at = { 0 };

	if (b->o->inverted)
		reverse(b->path);
	ADD(node, total, sum);
	if (b->thread != NO_ITEM && n > 0) {
		node = child_of(b, node, b->thread);
		ADD(node, total, sum);
	}
	for (i = 0; i < n; i++) {
		guint32 item = g_array_index(b->path, CalltreeFrame, i).item;
		gboolean whole = goes_on(b, &at, node, item);

		node = whole ? child_of(b, node, item) : small_child(b, node);
		ADD(node, total, sum);
		if (i == (b->o->inverted ? 0 : n - 1) ||
		    (!whole && !b->o->inverted))
			ADD(node, self, sum);
		if (!whole)
			break;
	}
}

/* An item more than there were: of a thread, process or label. */
static void seen_grow(Builder *b, guint *room)
{
	guint n = b->frames.items->len;

	if (n <= *room)
		return;
	n = MAX(n, *room * 2);
	b->seen = g_renew(guint32, b->seen, n);
	memset(b->seen + *room, 0, (n - *room) * sizeof(guint32));
	*room = n;
}

static void keep_leaf(Builder *b, const ProfileSample *s)
{
	const ProfileSample *first = profile_at(b->p->samples, ProfileSample,
						0);
	guint n = b->path->len;

	if (b->t->leaves)
		b->t->leaves[s - first] = n == 0 ? CALLTREE_NO_FRAME :
			g_array_index(b->path, CalltreeFrame, n - 1).item;
}

static void count_sample(Builder *b, const ProfileSample *s, const Sum *sum,
			 guint *room)
{
	gint samples = b->samples_type;
	Calltree *t = b->t;

	t->taken += sum->taken;
	t->square += sum->square;
	profile_add(&t->exact, sum->exact);
	if (!make_path(b, s)) {
		profile_add(&t->dropped, sum->value);
		return;
	}
	profile_add(&t->total, sum->value);
	t->count += samples >= 0 ? (guint64)s->value[samples] : sum->taken;
	seen_grow(b, room);
	b->turn++;
	count_items(b, sum);
	keep_leaf(b, s);
	if (!b->o->flat)
		count_nodes(b, sum);
}

static void count_samples(Builder *b)
{
	guint room = 0, i;
	Sum sum;

	b->samples_type = profile_find_type(b->p, "samples");
	for (i = 0; i < b->p->samples->len; i++) {
		const ProfileSample *s = profile_at(b->p->samples,
						    ProfileSample, i);

		if (is_looked_at(b, s, &sum))
			count_sample(b, s, &sum, &room);
	}
}

/* --- trees that are too large ------------------------------------------------------ */

/* As many nodes as there may be, as every stack may share none with others. */
static gboolean is_crowded(const Builder *b, guint nodes)
{
	const Profile *p = b->p;
	guint64 frames = 0;
	guint i;

	for (i = 0; i < p->samples->len; i++)
		frames += profile_at(p->samples, ProfileSample, i)->frame_count;
	/* inlined calls are frames as well */
	if (p->locations->len > 0)
		frames = (guint64)((double)frames * b->frames.frames->len /
				   p->locations->len);
	return !b->o->flat && frames > 2 * (guint64)nodes;
}

static void weigh_sample(Builder *b, const Sum *sum)
{
	TreePath at = { 0 };
	guint i;

	if (b->o->inverted)
		reverse(b->path);
	for (i = 0; i < b->path->len; i++)
		tree_sieve_weigh(b->sieve, &at, g_array_index(
			b->path, CalltreeFrame, i).item,
			ABS((double)sum->value));
}

/* Threads, which stand above all that is weighed, have nodes always. */
static void sieve_samples(Builder *b, TreeSieve *sieve, guint nodes)
{
	Sum sum;
	guint i;

	if (!is_crowded(b, nodes))
		return;
	tree_sieve_init(sieve, nodes);
	b->sieve = sieve;
	b->small = calltree_frames_small(&b->frames);
	for (i = 0; i < b->p->samples->len; i++) {
		const ProfileSample *s = profile_at(b->p->samples,
						    ProfileSample, i);

		if (is_looked_at(b, s, &sum) && make_path(b, s))
			weigh_sample(b, &sum);
	}
	tree_sieve_cut(sieve);
}

/* --- order -------------------------------------------------------------------------- */

/* What items are sorted by, together: most of them differ only by name. */
typedef struct {
	gint64 total, self;
	const char *name;
	guint32 item;
} SortKey;

static gint compare_keys(gconstpointer a, gconstpointer b)
{
	const SortKey *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return strcmp(x->name, y->name);
}

static GArray *sort_keys(const Calltree *t, const guint32 *seen)
{
	GArray *keys = g_array_new(FALSE, FALSE, sizeof(SortKey));
	guint i;

	for (i = 0; seen && i < t->items->len; i++) {
		const CalltreeItem *item = &g_array_index(t->items,
							  CalltreeItem, i);
		SortKey key = { item->total, item->self,
				profile_text(t->profile, item->name), i };

		if (seen[i] != 0)
			g_array_append_val(keys, key);
	}
	g_array_sort(keys, compare_keys);
	return keys;
}

/*
 * Drops items that no sample is in (`seen` is 0, or NULL for all) and sorts the
 * rest: old index -> new.
 */
static guint32 *sort_items(Calltree *t, const guint32 *seen)
{
	g_autoptr(GArray) keys = sort_keys(t, seen);
	guint32 *place = g_new(guint32, t->items->len + 1);
	GArray *sorted;
	guint i;

	for (i = 0; i < t->items->len; i++)
		place[i] = NO_ITEM;
	sorted = g_array_sized_new(FALSE, TRUE, sizeof(CalltreeItem),
				   keys->len);
	for (i = 0; i < keys->len; i++) {
		guint32 old = g_array_index(keys, SortKey, i).item;

		g_array_append_val(sorted, g_array_index(
			t->items, CalltreeItem, old));
		place[old] = i;
	}
	g_array_free(t->items, TRUE);
	t->items = sorted;
	return place;
}

static void sort_leaves(Calltree *t, const guint32 *place)
{
	guint i;

	for (i = 0; t->leaves && i < t->profile->samples->len; i++)
		if (t->leaves[i] < CALLTREE_NO_FRAME)
			t->leaves[i] = place[t->leaves[i]];
}

static gint compare_nodes(gconstpointer a, gconstpointer b)
{
	const CalltreeNode *x = *(CalltreeNode *const *)a;
	const CalltreeNode *y = *(CalltreeNode *const *)b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	/* items are in order, of equal total by name */
	return x->item < y->item ? -1 : x->item > y->item;
}

static void sort_children(CalltreeNode *parent, GPtrArray *scratch)
{
	CalltreeNode *node;
	guint i;

	if (!parent->child || !parent->child->sibling)
		return;
	g_ptr_array_set_size(scratch, 0);
	for (node = parent->child; node; node = node->sibling)
		g_ptr_array_add(scratch, node);
	g_ptr_array_sort(scratch, compare_nodes);
	parent->child = NULL;
	for (i = scratch->len; i-- > 0;) {
		node = g_ptr_array_index(scratch, i);
		node->sibling = parent->child;
		parent->child = node;
	}
}

static guint nodes_of_block(const Builder *b, guint i)
{
	return i + 1 < b->t->blocks->len ? BLOCK_NODES : b->block_used;
}

static CalltreeNode *node_at(const Builder *b, guint block, guint i)
{
	return (CalltreeNode *)g_ptr_array_index(b->t->blocks, block) + i;
}

static void sort_nodes(Builder *b, const guint32 *place)
{
	g_autoptr(GPtrArray) scratch = g_ptr_array_new();
	guint i, k;

	/* all items first: children are compared by them */
	for (i = 0; i < b->t->blocks->len; i++)
		for (k = 0; k < nodes_of_block(b, i); k++)
			node_at(b, i, k)->item =
				place[node_at(b, i, k)->item];
	sort_children(&b->t->root, scratch);
	for (i = 0; i < b->t->blocks->len; i++)
		for (k = 0; k < nodes_of_block(b, i); k++)
			sort_children(node_at(b, i, k), scratch);
}

/* --- life ---------------------------------------------------------------------------- */

Calltree *calltree_new(Profile *p, const CalltreeOptions *options)
{
	return calltree_new_within(p, options, CALLTREE_NODES);
}

Calltree *calltree_new_within(Profile *p, const CalltreeOptions *options,
			      guint nodes)
{
	Calltree *t = g_new0(Calltree, 1);
	Builder b = { .t = t, .p = p, .o = options };
	TreeSieve sieve = { 0 };
	g_autofree guint32 *place = NULL;

	t->profile = p;
	t->by = options->by;
	t->blocks = g_ptr_array_new_with_free_func(g_free);
	calltree_frames_init(&b.frames, p, options);
	b.path = g_array_new(FALSE, FALSE, sizeof(CalltreeFrame));
	b.is_number = p->type_count > 1 &&
		      (gint)options->type == profile_find_type(p, "samples");
	if (options->leaves) {
		gsize bytes = p->samples->len * sizeof(guint32);

		t->leaves = g_malloc(bytes);
		memset(t->leaves, 0xff, bytes);	/* CALLTREE_NOT_SHOWN */
	}
	choose_threads(&b);
	choose_labels(&b);
	sieve_samples(&b, &sieve, nodes);
	count_samples(&b);
	tree_sieve_release(&sieve);
	t->items = b.frames.items;
	place = sort_items(t, b.seen);
	sort_nodes(&b, place);
	sort_leaves(t, place);
	calltree_frames_release(&b.frames);
	g_array_free(b.path, TRUE);
	g_free(b.seen);
	g_free(b.threads);
	g_array_free(b.labels, TRUE);
	g_free(b.table.slots);
	return t;
}

void calltree_free(Calltree *t)
{
	if (!t)
		return;
	g_array_free(t->items, TRUE);
	g_ptr_array_unref(t->blocks);
	g_free(t->leaves);
	g_free(t);
}

ProfileString calltree_place(const Calltree *t, const CalltreeItem *item)
{
	if (item->command)
		return item->command;
	return calltree_frames_place(t->profile, t->by, item);
}

StatsShare calltree_share(const Calltree *t, gint64 value, double square,
			  gint64 exact)
{
	const StatsSum part = { (double)value, square, (double)exact };
	const StatsSum all = { (double)t->total + (double)t->dropped,
			       t->square, (double)t->exact };

	return stats_share_of(&part, &all);
}

/* --- stacks ---------------------------------------------------------------------------- */

static void say_stack(const CalltreeNode *node, GArray *path,
		      CalltreeStackFunc each, gpointer data)
{
	const CalltreeNode *n;
	guint32 *items, swap;
	guint i;

	g_array_set_size(path, 0);
	for (n = node; n->parent; n = n->parent)
		g_array_append_val(path, n->item);
	items = (guint32 *)(void *)path->data;
	for (i = 0; i < path->len / 2; i++) {
		swap = items[i];
		items[i] = items[path->len - 1 - i];
		items[path->len - 1 - i] = swap;
	}
	each(data, items, path->len, node->self);
}

/* The next node of a walk: callees before siblings. */
static const CalltreeNode *next_node(const CalltreeNode *node)
{
	if (node->child)
		return node->child;
	while (node->parent && !node->sibling)
		node = node->parent;
	return node->sibling;
}

void calltree_stacks(const Calltree *t, CalltreeStackFunc each, gpointer data)
{
	g_autoptr(GArray) path = g_array_new(FALSE, FALSE, sizeof(guint32));
	const CalltreeNode *node;

	for (node = next_node(&t->root); node; node = next_node(node))
		if (node->self != 0)
			say_stack(node, path, each, data);
}
