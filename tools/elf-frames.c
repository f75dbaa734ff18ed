/* SPDX-License-Identifier: MIT */
/*
 * elfutils walks the section; what it leaves as bytes are the two numbers that
 * we are after. How they are encoded (LSB core, "DWARF Extensions") is said by
 * the common entry that many of them share.
 */
#include "tools/elf-frames.h"

#include <dwarf.h>
#include <gelf.h>
#include <string.h>

/* Of a pointer encoding: what the number is, and what it is relative to. */
#define FORMAT 0x0f
#define RELATIVE 0xf0

struct range {
	guint64 start, end;
};

struct _ElfFrames {
	GArray *ranges;			/* struct range, by start */
};

/* The section, and what was learned of it. */
struct reader {
	Elf_Data *data;
	const unsigned char *ident;
	guint64 address;		/* of the section's first byte */
	gsize word;			/* bytes of an address */
	GHashTable *encodings;		/* offset of a common entry: encoding */
};

/* --- numbers ------------------------------------------------------------- */

/* Bytes of a number so encoded; 0: not one that compilers use here. */
static gsize number_size(const struct reader *r, guint8 encoding)
{
	switch (encoding & FORMAT) {
	case DW_EH_PE_absptr:
		return r->word;
	case DW_EH_PE_udata2:
	case DW_EH_PE_sdata2:
		return 2;
	case DW_EH_PE_udata4:
	case DW_EH_PE_sdata4:
		return 4;
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return 8;
	}
	return 0;
}

static guint64 number_read(const guint8 *at, gsize size, gboolean is_signed)
{
	guint64 value = 0;
	guint unused = 64 - 8 * size;

	/* of our own byte order: others were refused */
	memcpy((guint8 *)&value + (G_BYTE_ORDER == G_BIG_ENDIAN ? 8 - size : 0),
	       at, size);
	if (is_signed)
		return (guint64)((gint64)(value << unused) >> unused);
	return value;
}

/* --- entries ------------------------------------------------------------- */

/*
 * The letters of a common entry's augmentation say what its data is; 'R' is
 * the encoding sought. DW_EH_PE_omit: not understood.
 */
static guint8 encoding_parse(const struct reader *r, const Dwarf_CIE *cie)
{
	const guint8 *at = cie->augmentation_data;
	const guint8 *end = at + cie->augmentation_data_size;
	const char *letter = cie->augmentation;
	gsize size;

	if (*letter == '\0')
		return DW_EH_PE_absptr;
	if (*letter++ != 'z')
		return DW_EH_PE_omit;
	for (; *letter; letter++) {
		if (*letter == 'S' || *letter == 'B')
			continue;
		if (at >= end || !strchr("RLP", *letter))
			return DW_EH_PE_omit;
		if (*letter == 'R')
			return *at;
		size = *letter == 'P' ? number_size(r, *at) : 0;
		if (*letter == 'P' && size == 0)
			return DW_EH_PE_omit;
		if ((gsize)(end - at) < 1 + size)
			return DW_EH_PE_omit;
		at += 1 + size;
	}
	return DW_EH_PE_absptr;
}

static guint8 encoding_of(struct reader *r, Dwarf_Off offset)
{
	gpointer key = GSIZE_TO_POINTER(offset), known;
	guint8 encoding = DW_EH_PE_omit;
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (g_hash_table_lookup_extended(r->encodings, key, NULL, &known))
		return GPOINTER_TO_UINT(known);
	if (dwarf_next_cfi(r->ident, r->data, true, offset, &next,
			   &entry) == 0 && dwarf_cfi_cie_p(&entry))
		encoding = encoding_parse(r, &entry.cie);
	g_hash_table_insert(r->encodings, key, GUINT_TO_POINTER(encoding));
	return encoding;
}

/* FALSE: an entry that says nothing that we understand. */
static gboolean range_read(struct reader *r, const Dwarf_FDE *fde,
			   struct range *range)
{
	guint8 encoding = encoding_of(r, fde->CIE_pointer);
	gsize size = number_size(r, encoding);
	const guint8 *base = r->data->d_buf;

	if (size == 0 || encoding == DW_EH_PE_omit ||
	    (gsize)(fde->end - fde->start) < 2 * size)
		return FALSE;
	range->start = number_read(fde->start, size,
				   (encoding & DW_EH_PE_signed) != 0);
	if ((encoding & RELATIVE) == DW_EH_PE_pcrel)
		range->start += r->address + (gsize)(fde->start - base);
	else if ((encoding & RELATIVE) != DW_EH_PE_absptr)
		return FALSE;
	range->end = range->start + number_read(fde->start + size, size,
						FALSE);
	return range->end > range->start;
}

static void section_read(ElfFrames *e, struct reader *r)
{
	Dwarf_Off at = 0, next = 0;
	Dwarf_CFI_Entry entry;
	struct range range;
	int more;

	while ((more = dwarf_next_cfi(r->ident, r->data, true, at, &next,
				      &entry)) <= 0 && next > at) {
		if (more == 0 && !dwarf_cfi_cie_p(&entry) &&
		    range_read(r, &entry.fde, &range))
			g_array_append_val(e->ranges, range);
		at = next;
		next = 0;
	}
}

/* --- the object ---------------------------------------------------------- */

static Elf_Scn *section_find(Elf *elf, GElf_Shdr *header)
{
	size_t strings;
	Elf_Scn *scn = NULL;

	if (elf_getshdrstrndx(elf, &strings) != 0)
		return NULL;
	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, header) &&
		    header->sh_type != SHT_NOBITS &&
		    g_strcmp0(elf_strptr(elf, strings, header->sh_name),
			      ".eh_frame") == 0)
			return scn;
	return NULL;
}

static gint range_compare(gconstpointer a, gconstpointer b)
{
	const struct range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static gboolean order_is_ours(const unsigned char *ident)
{
	return ident[EI_DATA] == (G_BYTE_ORDER == G_LITTLE_ENDIAN ?
				  ELFDATA2LSB : ELFDATA2MSB);
}

ElfFrames *elf_frames_new(const ElfFile *f)
{
	ElfFrames *e = g_new0(ElfFrames, 1);
	Elf *elf = elf_file_elf(f);
	struct reader r = { 0 };
	GElf_Shdr header;
	Elf_Scn *scn = section_find(elf, &header);

	e->ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
	r.ident = (const unsigned char *)elf_getident(elf, NULL);
	r.data = scn ? elf_getdata(scn, NULL) : NULL;
	if (!r.data || !r.data->d_buf || !r.ident || !order_is_ours(r.ident))
		return e;
	r.address = header.sh_addr;
	r.word = r.ident[EI_CLASS] == ELFCLASS32 ? 4 : 8;
	r.encodings = g_hash_table_new(NULL, NULL);
	section_read(e, &r);
	g_hash_table_destroy(r.encodings);
	g_array_sort(e->ranges, range_compare);
	return e;
}

void elf_frames_free(ElfFrames *e)
{
	if (!e)
		return;
	g_array_free(e->ranges, TRUE);
	g_free(e);
}

gboolean elf_frames_range(const ElfFrames *e, guint64 address, guint64 *start,
			  guint64 *end)
{
	guint low = 0, high = e->ranges->len;
	const struct range *range;

	while (low < high) {
		guint middle = low + (high - low) / 2;

		if (g_array_index(e->ranges, struct range, middle).start <=
		    address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return FALSE;
	range = &g_array_index(e->ranges, struct range, low - 1);
	*start = range->start;
	*end = range->end;
	return address < range->end;
}

gboolean elf_frames_find(const ElfFrames *e, guint64 address, guint64 *start)
{
	guint64 end;

	return elf_frames_range(e, address, start, &end);
}
