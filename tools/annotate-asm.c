/* SPDX-License-Identifier: MIT */
/*
 * annotate-asm: a function's instructions, from objdump, with the time that each
 * took. The address of a sample above the leaf is that of its call, less one
 * byte: it belongs to the instruction that covers it.
 */
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/annotate-rows.h"
#include "tools/annotate.h"
#include "tools/code-parts.h"
#include "tools/elf-file.h"
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

static GArray *disassemble(const char *path, const CodePart *part,
			   GError **error)
{
	g_autofree char *program = g_find_program_in_path("objdump");
	g_autofree char *from = g_strdup_printf(
		"--start-address=0x%" G_GINT64_MODIFIER "x", part->start);
	g_autofree char *until = g_strdup_printf(
		"--stop-address=0x%" G_GINT64_MODIFIER "x", part->end);
	const char *argv[] = { program, "-dC", "--no-show-raw-insn", path, from,
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

/* --- the parts of a function -------------------------------------------------------- */

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

static GArray *find_parts(const Annotate *a, const Code *c,
			  const ElfFile *elf, CodeParts *known)
{
	GArray *parts = g_array_new(FALSE, FALSE, sizeof(CodePart));
	guint64 address;
	guint i;

	for (i = 0; i < c->items->len; i++)
		if (item_address(a, c, elf, i, &address))
			code_parts_add(known, address, parts);
	return parts;
}

/* The vdso is no file, so objdump gets one, to be removed; NULL: *error. */
static char *write_image(const ElfFile *elf, GError **error)
{
	size_t size = 0;
	const char *image = elf_rawfile(elf_file_elf(elf), &size);
	char *path = NULL;
	int fd = g_file_open_tmp("profagent-XXXXXX", &path, error);

	if (fd < 0)
		return NULL;
	close(fd);
	if (image && g_file_set_contents(path, image, (gssize)size, error))
		return path;
	g_unlink(path);
	g_free(path);
	return NULL;
}

/* The instructions of each part; NULL: *error. */
static GPtrArray *disassemble_file(const char *path, const GArray *parts,
				   GError **error)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_array_unref);
	guint i;

	for (i = 0; i < parts->len; i++) {
		GArray *rows = disassemble(path, &g_array_index(
			parts, CodePart, i), error);

		if (!rows) {
			g_ptr_array_unref(all);
			return NULL;
		}
		g_ptr_array_add(all, rows);
	}
	return all;
}

static GPtrArray *disassemble_all(const ElfFile *elf, const char *path,
				  const GArray *parts, GError **error)
{
	g_autofree char *image = NULL;
	GPtrArray *all;

	if (strcmp(elf_file_path(elf), "[vdso]") != 0)
		return disassemble_file(path, parts, error);
	image = write_image(elf, error);
	if (!image)
		return NULL;
	all = disassemble_file(image, parts, error);
	g_unlink(image);
	return all;
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
		    const GArray *parts, GPtrArray *all)
{
	guint lost = 0, i;

	for (i = 0; i < c->items->len; i++) {
		const CalltreeItem *item = g_array_index(
			c->items, const CalltreeItem *, i);
		guint part = CODE_PARTS_NONE;
		Instruction *at = NULL;
		guint64 address;

		if (item_address(a, c, elf, i, &address))
			part = code_parts_find(parts, address);
		if (part != CODE_PARTS_NONE)
			at = find_instruction(all->pdata[part], address);
		if (at)
			add_sum(&at->sum, item);
		else
			lost++;
	}
	return lost;
}

static void add_row(const Annotate *a, TextTable *t, const CalltreeItem *sum,
		    guint64 address, char *text, const char *style)
{
	annotate_add_shares(a->report, t, sum->total ? sum : NULL);
	text_table_cell(t, g_strdup_printf("%" G_GINT64_MODIFIER "x", address),
			text_dim);
	text_table_cell(t, text, style);
}

/* Of several parts: which it is, and what all of it took. */
static void add_part_row(const Annotate *a, TextTable *t, const char *symbol,
			 guint i, guint count, const CodePart *part,
			 const GArray *rows)
{
	g_autofree char *name = text_escape(symbol ? symbol : "");
	CalltreeItem sum = { 0 };
	StatsShare self;
	guint k;

	for (k = 0; k < rows->len; k++)
		add_sum(&sum, &g_array_index(rows, Instruction, k).sum);
	self = calltree_share(a->report->tree, sum.self, sum.self_square,
			      sum.self_exact);
	text_table_cell(t, sum.self ? report_share(&self) : NULL, text_bold);
	/* where it recurs, a sample is in the total of several places */
	text_table_cell(t, NULL, NULL);
	text_table_cell(t, g_strdup_printf("%" G_GINT64_MODIFIER "x",
					   part->start), text_dim);
	text_table_cell(t, g_strdup_printf("%s%spart %u of %u:", name,
					   name[0] ? ", " : "", i + 1, count),
			text_bold);
}

static void print_instructions(const Annotate *a, const CodeParts *known,
			       const GArray *parts, const GPtrArray *all,
			       FILE *to)
{
	static const TextColumn columns[] = {
		{ "self %", TRUE, 0, 2 }, { "total %", TRUE, 0, 0 },
		{ "address", TRUE, 0, 1 }, { "instruction", FALSE, 20, 0 },
	};
	g_autoptr(TextTable) t = text_table_new(columns,
						G_N_ELEMENTS(columns));
	guint i, k;

	for (i = 0; i < all->len; i++) {
		const CodePart *part = &g_array_index(parts, CodePart, i);
		const GArray *rows = all->pdata[i];

		if (all->len > 1)
			add_part_row(a, t, code_parts_symbol(known,
							     part->start),
				     i, all->len, part, rows);
		for (k = 0; k < rows->len; k++) {
			const Instruction *row = &g_array_index(
				rows, Instruction, k);

			add_row(a, t, &row->sum, row->address,
				text_escape(row->text), NULL);
		}
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
	g_autofree char *name = text_escape(a->function);
	g_autofree char *symbol = text_escape(profile_text(p, c->symbol));
	/* a binary that is not the one profiled is refused */
	g_autoptr(ElfFile) elf = elf_file_open(&search,
		profile_text(p, m->path), profile_text(p, m->build_id), 0,
		error);
	g_autoptr(CodeParts) known = NULL;
	g_autoptr(GPtrArray) all = NULL;
	g_autoptr(GArray) parts = NULL;
	guint lost;

	if (!elf)
		return FALSE;
	known = code_parts_new(elf);
	parts = find_parts(a, c, elf, known);
	all = disassemble_all(elf, path, parts, error);
	if (!all)
		return FALSE;
	lost = spread(a, c, elf, parts, all);
	fputs(name, to);
	if (symbol[0] && strcmp(symbol, name) != 0)
		fprintf(to, " (%s)", symbol);
	fprintf(to, " in %s\n", shown);
	print_instructions(a, known, parts, all, to);
	if (lost > 0)
		fprintf(to, "(outside what objdump shows: %u of %u "
			"addresses)\n", lost, c->items->len);
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
