/* SPDX-License-Identifier: MIT */
/*
 * annotate-asm: a function's instructions, from objdump, with the time that each
 * took. The address of a sample above the leaf is that of its call, less one
 * byte: it belongs to the instruction that covers it.
 */
#include <gio/gio.h>
#include <string.h>

#include "tools/annotate-rows.h"
#include "tools/annotate.h"
#include "tools/elf-file.h"
#include "tools/elf-frames.h"
#include "tools/text.h"

/* One symbol of one module, and the sampled addresses in it. */
typedef struct {
	guint32 mapping;
	ProfileString symbol;		/* linkage name of the outer function */
	GArray *items;			/* const CalltreeItem * */
} Code;

typedef struct {
	guint64 address;
	CalltreeItem sum;
	char *text;
} Instruction;

static void code_free(gpointer data)
{
	Code *c = data;

	g_array_free(c->items, TRUE);
	g_free(c);
}

static void instruction_clear(gpointer data)
{
	g_free(((Instruction *)data)->text);
}

/* --- which code ------------------------------------------------------------------- */

/* The function that all others of this location are inlined into. */
static ProfileString outer_symbol(const Profile *p, const ProfileLocation *l)
{
	const ProfileFunction *f;

	if (l->line_count == 0)
		return 0;
	f = profile_at(p->functions, ProfileFunction,
		       profile_at(p->lines, ProfileLine, l->first_line +
				  l->line_count - 1u)->function);
	return f->system_name ? f->system_name : f->name;
}

static Code *find_code(GPtrArray *all, const Profile *p,
		       const ProfileLocation *l)
{
	ProfileString symbol = outer_symbol(p, l);
	Code *c;
	guint i;

	for (i = 0; i < all->len; i++) {
		c = all->pdata[i];
		if (c->mapping == l->mapping && c->symbol == symbol)
			return c;
	}
	c = g_new0(Code, 1);
	c->mapping = l->mapping;
	c->symbol = symbol;
	c->items = g_array_new(FALSE, FALSE, sizeof(CalltreeItem *));
	g_ptr_array_add(all, c);
	return c;
}

static GPtrArray *collect_code(const Annotate *a)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(code_free);
	const Report *r = a->report;
	guint i;

	for (i = 0; i < r->tree->items->len; i++) {
		const CalltreeItem *item = &g_array_index(
			r->tree->items, CalltreeItem, i);
		const ProfileLocation *l;

		if (item->location == PROFILE_NONE ||
		    strcmp(profile_text(r->profile, item->name),
			   a->function) != 0)
			continue;
		l = profile_at(r->profile->locations, ProfileLocation,
			       item->location);
		if (l->mapping == PROFILE_NONE)
			continue;
		g_array_append_val(find_code(all, r->profile, l)->items, item);
	}
	return all;
}

/* --- objdump ------------------------------------------------------------------------ */

/* "  401136:\tmov    %rsp,%rbp" */
static gboolean parse_instruction(const char *line, Instruction *to)
{
	const char *at = line + strspn(line, " ");
	char *end;

	if (at == line || !g_ascii_isxdigit(at[0]))
		return FALSE;
	to->address = g_ascii_strtoull(at, &end, 16);
	if (end[0] != ':')
		return FALSE;
	to->text = g_strstrip(g_strdup(end + 1));
	g_strdelimit(to->text, "\t", ' ');
	return TRUE;
}

static GArray *parse_output(const char *text)
{
	GArray *all = g_array_new(FALSE, TRUE, sizeof(Instruction));
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint i;

	g_array_set_clear_func(all, instruction_clear);
	for (i = 0; lines[i]; i++) {
		Instruction row = { 0 };

		if (parse_instruction(lines[i], &row))
			g_array_append_val(all, row);
	}
	return all;
}

/* `from` and `until` say what of the file, until may be NULL. */
static GArray *disassemble(const char *path, const char *from,
			   const char *until, GError **error)
{
	g_autofree char *program = g_find_program_in_path("objdump");
	const char *argv[] = { program, "-d", "--no-show-raw-insn", path, from,
			       until, NULL };
	g_autofree char *out = NULL;

	if (!program) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
			    "objdump is not installed (binutils)");
		return NULL;
	}
	if (!g_spawn_sync(NULL, (char **)(guintptr)argv, NULL,
			  G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &out, NULL,
			  NULL, error))
		return NULL;
	return parse_output(out);
}

static GArray *disassemble_symbol(const char *path, const char *symbol,
				  GError **error)
{
	g_autofree char *of = g_strconcat("--disassemble=", symbol, NULL);

	return disassemble(path, of, NULL, error);
}

/* Bytes beyond the last place that was sampled. */
#define BEYOND 64

static gboolean item_address(const Annotate *a, const Code *c,
			     const ElfFile *elf, guint i, guint64 *address)
{
	const Profile *p = a->report->profile;
	const ProfileMapping *m = profile_at(p->mappings, ProfileMapping,
					     c->mapping);
	const CalltreeItem *item = g_array_index(c->items,
						 const CalltreeItem *, i);
	const ProfileLocation *l = profile_at(p->locations, ProfileLocation,
					      item->location);

	return elf_file_address(elf, l->address - m->start + m->offset,
				address);
}

/*
 * Where the file has no symbol of that name, because it is stripped or the
 * function is known to its debug information alone, its unwind tables say where
 * it begins. Of one in parts that with the first place is shown.
 */
static GArray *disassemble_places(const Annotate *a, const Code *c,
				  const ElfFile *elf, const char *path,
				  GError **error)
{
	g_autoptr(ElfFrames) frames = elf_frames_new(elf);
	guint64 begin = 0, end = 0, start, address;
	g_autofree char *from = NULL, *until = NULL;
	guint i;

	for (i = 0; i < c->items->len; i++) {
		if (!item_address(a, c, elf, i, &address) ||
		    !elf_frames_find(frames, address, &start))
			continue;
		if (end == 0)
			begin = start;
		if (start == begin)
			end = MAX(end, address + BEYOND);
	}
	if (end == 0)
		return parse_output("");
	from = g_strdup_printf("--start-address=0x%" G_GINT64_MODIFIER "x",
			       begin);
	until = g_strdup_printf("--stop-address=0x%" G_GINT64_MODIFIER "x",
				end);
	return disassemble(path, from, until, error);
}

/* --- together -------------------------------------------------------------------------- */

/* The instruction that covers an address; they are in order of it. */
static Instruction *find_instruction(GArray *all, guint64 address)
{
	guint low = 0, high = all->len, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (g_array_index(all, Instruction, middle).address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? NULL : &g_array_index(all, Instruction, low - 1);
}

static void add_sum(CalltreeItem *to, const CalltreeItem *item)
{
	profile_add(&to->self, item->self);
	profile_add(&to->total, item->total);
	to->self_square += item->self_square;
	to->total_square += item->total_square;
	profile_add(&to->self_exact, item->self_exact);
	profile_add(&to->total_exact, item->total_exact);
}

/* How many of the addresses belong to none of the instructions. */
static guint spread(const Annotate *a, const Code *c, const ElfFile *elf,
		    GArray *all)
{
	guint lost = 0, i;

	for (i = 0; i < c->items->len; i++) {
		const CalltreeItem *item = g_array_index(
			c->items, const CalltreeItem *, i);
		Instruction *at = NULL;
		guint64 address;

		if (item_address(a, c, elf, i, &address))
			at = find_instruction(all, address);
		if (at)
			add_sum(&at->sum, item);
		else
			lost++;
	}
	return lost;
}

static void print_instructions(const Annotate *a, GArray *all, FILE *to)
{
	static const TextColumn columns[] = {
		{ "self %", TRUE, 0 }, { "total %", TRUE, 0 },
		{ "address", TRUE, 0 }, { "instruction", FALSE, 20 },
	};
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	guint i;

	for (i = 0; i < all->len; i++) {
		const Instruction *row = &g_array_index(all, Instruction, i);

		annotate_add_shares(a->report, t, row->sum.total ? &row->sum
								 : NULL);
		text_table_cell(t, g_strdup_printf(
			"%" G_GINT64_MODIFIER "x", row->address), text_dim);
		text_table_cell(t, text_escape(row->text), NULL);
	}
	text_table_print(t, to);
}

static gboolean print_code(const Annotate *a, const Code *c, FILE *to,
			   GError **error)
{
	const Profile *p = a->report->profile;
	const ProfileMapping *m = profile_at(p->mappings, ProfileMapping,
					     c->mapping);
	const ElfFileSearch search = { .sysroot = a->sysroot };
	g_autofree char *path = g_build_filename(
		a->sysroot ? a->sysroot : "", profile_text(p, m->path), NULL);
	g_autofree char *shown = text_escape(path);
	g_autofree char *symbol = text_escape(profile_text(p, c->symbol));
	/* a binary that is not the one profiled is refused */
	g_autoptr(ElfFile) elf = elf_file_open(&search,
		profile_text(p, m->path), profile_text(p, m->build_id), 0,
		error);
	g_autoptr(GArray) all = NULL;
	guint lost;

	if (!elf)
		return FALSE;
	all = disassemble_symbol(path, profile_text(p, c->symbol), error);
	if (all && all->len == 0) {
		g_array_unref(all);
		all = disassemble_places(a, c, elf, path, error);
	}
	if (!all)
		return FALSE;
	lost = spread(a, c, elf, all);
	fprintf(to, "%s in %s\n", symbol, shown);
	print_instructions(a, all, to);
	if (lost > 0)
		fprintf(to, "(%u addresses are outside what objdump shows)\n",
			lost);
	fputc('\n', to);
	return TRUE;
}

gboolean annotate_instructions(const Annotate *a, FILE *to, GError **error)
{
	g_autoptr(GPtrArray) all = collect_code(a);
	guint i;

	if (all->len == 0) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
			    "%s: it is in no file that could be disassembled",
			    a->function);
		return FALSE;
	}
	for (i = 0; i < all->len; i++)
		if (!print_code(a, all->pdata[i], to, error))
			return FALSE;
	return TRUE;
}
