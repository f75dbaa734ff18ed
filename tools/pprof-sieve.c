/* SPDX-License-Identifier: MIT */
/*
 * pprof-sieve: see pprof-sieve.h. Messages are read here field by field: there
 * are tens of millions of them, and of each a number or two is wanted.
 */
#include "tools/pprof-sieve.h"

#include "agent/pprof.h"
#include "tools/numhash.h"
#include "tools/weights.h"
#include "tools/profile.h"

/* Ids below have a bit of their own, others one that chance says. */
#define SET_BITS (1u << 25)

typedef enum {
	WALK_PLACES,
	WALK_STACKS,
	WALK_STRINGS,
	WALKS,
} Walk;

typedef guint8 *Set;

struct _PprofSieve {
	Walk walk;
	Weights places, stacks;
	Set functions, mappings, strings;
	gboolean has_mapping;		/* the first: it names the program */

	/* of the sample that is looked at */
	GArray *ids;			/* guint64: locations */
	double weight;
	guint64 labels;			/* all of their bytes, hashed */

	guint64 place_count, kept_places, sample_count, kept_samples;
};

PprofSieve *pprof_sieve_new(guint places, guint stacks)
{
	PprofSieve *s = g_new0(PprofSieve, 1);

	s->functions = g_new0(guint8, SET_BITS / 8);
	s->mappings = g_new0(guint8, SET_BITS / 8);
	s->strings = g_new0(guint8, SET_BITS / 8);
	s->ids = g_array_new(FALSE, FALSE, sizeof(guint64));
	weights_init(&s->places, places);
	weights_init(&s->stacks, stacks);
	return s;
}

void pprof_sieve_free(PprofSieve *s)
{
	if (!s)
		return;
	weights_release(&s->places);
	weights_release(&s->stacks);
	g_free(s->functions);
	g_free(s->mappings);
	g_free(s->strings);
	g_array_free(s->ids, TRUE);
	g_free(s);
}

/* --- sets ------------------------------------------------------------------- */

static guint32 bit_of(guint64 id)
{
	return id < SET_BITS ? (guint32)id : numhash(&id) % SET_BITS;
}

static void set_add(Set set, guint64 id)
{
	guint32 bit = bit_of(id);

	set[bit / 8] |= (guint8)(1u << bit % 8);
}

static gboolean set_has(const guint8 *set, guint64 id)
{
	guint32 bit = bit_of(id);

	return set[bit / 8] >> bit % 8 & 1;
}

/* --- messages --------------------------------------------------------------- */

/* The last number of a field, as protobuf has it; 0 if there is none. */
static guint64 number_of(const Field *message, guint32 number)
{
	guint64 found = 0;
	Fields fields;
	Field f;

	fields_borrow(&fields, message);
	while (fields_next(&fields, &f) == FIELDS_FIELD)
		if (f.number == number && !f.bytes)
			found = f.value;
	return found;
}

/* The next number of a repeated field, packed or not; FALSE behind the last. */
static gboolean next_number(Field *f, guint64 *n)
{
	int used;

	if (!f->bytes)
		return FALSE;
	used = fields_varint(f->bytes, f->bytes + f->size, n);
	if (used <= 0)
		return FALSE;
	f->bytes += used;
	f->size -= (gsize)used;
	return TRUE;
}

static void take_ids(PprofSieve *s, Field *f)
{
	guint64 id;

	if (!f->bytes)
		g_array_append_val(s->ids, f->value);
	while (next_number(f, &id))
		g_array_append_val(s->ids, id);
}

/* Its values are of several kinds, of which the largest are times or bytes. */
static void take_value(PprofSieve *s, guint64 value)
{
	double weight = (double)(gint64)value;

	s->weight = MAX(s->weight, weight < 0 ? -weight : weight);
}

static void take_values(PprofSieve *s, Field *f)
{
	guint64 value;

	if (!f->bytes)
		take_value(s, f->value);
	while (next_number(f, &value))
		take_value(s, value);
}

static void take_label(PprofSieve *s, const Field *f)
{
	gsize i;

	for (i = 0; f->bytes && i < f->size; i++)
		s->labels = numhash_mix(s->labels, f->bytes[i]);
	s->labels = numhash_mix(s->labels, f->size);
}

static void read_sample(PprofSieve *s, const Field *message)
{
	Fields fields;
	Field f;

	g_array_set_size(s->ids, 0);
	s->weight = 0;
	s->labels = numhash_seed();
	fields_borrow(&fields, message);
	while (fields_next(&fields, &f) == FIELDS_FIELD) {
		if (f.number == PPROF_SAMPLE_LOCATION)
			take_ids(s, &f);
		else if (f.number == PPROF_SAMPLE_VALUE)
			take_values(s, &f);
		else if (f.number == PPROF_SAMPLE_LABEL)
			take_label(s, &f);
	}
}

/* Of the sample that was read: its labels and what is left of its stack. */
static guint64 stack_key(const PprofSieve *s)
{
	guint64 hash = s->labels;
	gboolean in_small = FALSE;
	guint i;

	for (i = 0; i < s->ids->len; i++) {
		guint64 id = g_array_index(s->ids, guint64, i);
		gboolean small = !pprof_sieve_has_place(s, id);

		if (!small)
			hash = numhash_mix(hash, id);
		else if (!in_small)
			hash = numhash_mix(hash, NUMHASH_MULTIPLIER);
		in_small = small;
	}
	/* all of them are shared out by chance, none by what it is */
	return hash | WEIGHTS_CELLS;
}

/* --- the walks -------------------------------------------------------------- */

static void weigh_places(PprofSieve *s, const Field *f)
{
	guint i;

	read_sample(s, f);
	s->sample_count++;
	for (i = 0; s->weight > 0 && i < s->ids->len; i++)
		weights_add(&s->places, g_array_index(s->ids, guint64,
							    i), s->weight);
}

static void count_place(PprofSieve *s, const Field *f)
{
	(void)f;
	s->place_count++;
}

static void weigh_stack(PprofSieve *s, const Field *f)
{
	read_sample(s, f);
	if (s->weight > 0)
		weights_add(&s->stacks, stack_key(s), s->weight);
}

/* What a kept location refers to is kept. */
static void mark_location(PprofSieve *s, const Field *message)
{
	Fields fields;
	Field f;

	if (!pprof_sieve_has_location(s, message))
		return;
	s->kept_places++;
	fields_borrow(&fields, message);
	while (fields_next(&fields, &f) == FIELDS_FIELD) {
		if (f.number == PPROF_LOCATION_MAPPING && !f.bytes)
			set_add(s->mappings, f.value);
		else if (f.number == PPROF_LOCATION_LINE && f.bytes)
			set_add(s->functions,
				number_of(&f, PPROF_LINE_FUNCTION));
	}
}

static void mark_first_mapping(PprofSieve *s, const Field *f)
{
	if (!s->has_mapping)
		set_add(s->mappings, number_of(f, PPROF_MAPPING_ID));
	s->has_mapping = TRUE;
}

/* Marks what the fields of these numbers, at most 4 of them, refer to. */
static void mark_strings(PprofSieve *s, const Field *message,
			 const guint32 numbers[4])
{
	Fields fields;
	Field f;
	int i;

	fields_borrow(&fields, message);
	while (fields_next(&fields, &f) == FIELDS_FIELD)
		for (i = 0; i < 4 && !f.bytes; i++)
			if (f.number == numbers[i])
				set_add(s->strings, f.value);
}

static void mark_of_function(PprofSieve *s, const Field *f)
{
	static const guint32 numbers[4] = {
		PPROF_FUNCTION_NAME, PPROF_FUNCTION_SYSTEM_NAME,
		PPROF_FUNCTION_FILENAME };

	if (pprof_sieve_has_function(s, f))
		mark_strings(s, f, numbers);
}

static void mark_of_mapping(PprofSieve *s, const Field *f)
{
	static const guint32 numbers[4] = { PPROF_MAPPING_FILENAME,
					    PPROF_MAPPING_BUILD_ID };

	if (pprof_sieve_has_mapping(s, f))
		mark_strings(s, f, numbers);
}

static void mark_of_type(PprofSieve *s, const Field *f)
{
	static const guint32 numbers[4] = { PPROF_VALUE_TYPE,
					    PPROF_VALUE_UNIT };

	mark_strings(s, f, numbers);
}

static void mark_of_sample(PprofSieve *s, const Field *message)
{
	static const guint32 numbers[4] = { PPROF_LABEL_KEY, PPROF_LABEL_STR,
					    PPROF_LABEL_UNIT };
	Fields fields;
	Field f;

	if (!pprof_sieve_has_stack(s, message))
		return;
	s->kept_samples++;
	fields_borrow(&fields, message);
	while (fields_next(&fields, &f) == FIELDS_FIELD)
		if (f.number == PPROF_SAMPLE_LABEL && f.bytes)
			mark_strings(s, &f, numbers);
}

static const struct {
	Walk walk;
	guint32 number;
	void (*take)(PprofSieve *s, const Field *f);
} steps[] = {
	{ WALK_PLACES, PPROF_SAMPLE, weigh_places },
	{ WALK_PLACES, PPROF_LOCATION, count_place },
	{ WALK_STACKS, PPROF_SAMPLE, weigh_stack },
	{ WALK_STACKS, PPROF_LOCATION, mark_location },
	{ WALK_STACKS, PPROF_MAPPING, mark_first_mapping },
	{ WALK_STRINGS, PPROF_SAMPLE, mark_of_sample },
	{ WALK_STRINGS, PPROF_FUNCTION, mark_of_function },
	{ WALK_STRINGS, PPROF_MAPPING, mark_of_mapping },
	{ WALK_STRINGS, PPROF_SAMPLE_TYPE, mark_of_type },
	{ WALK_STRINGS, PPROF_PERIOD_TYPE, mark_of_type },
};

void pprof_sieve_field(PprofSieve *s, const Field *field)
{
	gsize i;

	if (!field->bytes) {
		if (field->number == PPROF_DEFAULT_SAMPLE_TYPE)
			set_add(s->strings, field->value);
		return;
	}
	for (i = 0; i < G_N_ELEMENTS(steps); i++)
		if (steps[i].walk == s->walk &&
		    steps[i].number == field->number)
			steps[i].take(s, field);
}

gboolean pprof_sieve_next(PprofSieve *s)
{
	if (s->walk == WALK_PLACES)
		weights_cut(&s->places);
	else if (s->walk == WALK_STACKS)
		weights_cut(&s->stacks);
	return ++s->walk < WALKS;
}

/* --- what is kept ----------------------------------------------------------- */

gboolean pprof_sieve_has_place(const PprofSieve *s, guint64 location)
{
	return weights_is_heavy(&s->places, location);
}

gboolean pprof_sieve_has_location(const PprofSieve *s, const Field *f)
{
	return pprof_sieve_has_place(s, number_of(f, PPROF_LOCATION_ID));
}

gboolean pprof_sieve_has_function(const PprofSieve *s, const Field *f)
{
	return set_has(s->functions, number_of(f, PPROF_FUNCTION_ID));
}

gboolean pprof_sieve_has_mapping(const PprofSieve *s, const Field *f)
{
	return set_has(s->mappings, number_of(f, PPROF_MAPPING_ID));
}

gboolean pprof_sieve_has_stack(PprofSieve *s, const Field *f)
{
	read_sample(s, f);
	return weights_is_heavy(&s->stacks, stack_key(s));
}

gboolean pprof_sieve_has_string(const PprofSieve *s, guint64 number)
{
	return set_has(s->strings, number);
}

char *pprof_sieve_describe(const PprofSieve *s)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (s->kept_places < s->place_count)
		g_string_append_printf(text, "of its %" G_GUINT64_FORMAT
			" places the %" G_GUINT64_FORMAT " heaviest are told "
			"apart, the others are " PROFILE_SMALL,
			s->place_count, s->kept_places);
	if (s->kept_samples < s->sample_count)
		g_string_append_printf(text, "%sof %" G_GUINT64_FORMAT " of its "
			"%" G_GUINT64_FORMAT " samples, whose stacks are rare, "
			"the innermost place alone is kept",
			text->len > 0 ? "; " : "",
			s->sample_count - s->kept_samples, s->sample_count);
	return text->len > 0 ? g_string_free(g_steal_pointer(&text), FALSE)
			     : NULL;
}
