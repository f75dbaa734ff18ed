/* SPDX-License-Identifier: MIT */
/*
 * pprof: the encoder. Runs on the flusher.
 *
 * What a member says goes straight into one buffer, in the order in which it is
 * met: a Location is written when a Sample first needs it, just before that
 * Sample. Ids are indices of arrays that only grow within a file, so that a
 * member which could not be written is undone by cutting the arrays back.
 */
#include "agent/pprof.h"

#include <string.h>

#include "agent/arena.h"
#include "agent/calls.h"
#include "agent/idtable.h"
#include "agent/labels.h"
#include "agent/modules.h"
#include "agent/spans.h"
#include "agent/stacks.h"
#include "agent/sys.h"
#include "agent/wire.h"

/* Buffer kept between members; a burst beyond it is given back. */
#define OUT_KEPT (1u << 20)
#define SCRATCH_KEPT (1u << 16)

/*
 * What is remembered between members at most: about 2.5 MiB. A program that
 * makes code or thread names as it runs would else fill our memory with them.
 * Beyond it we forget and begin anew with fresh ids; a location or string may
 * then be in a file twice, which means the same to every reader.
 */
#define LOCATIONS_MOST 65536u
#define STRINGS_MOST 8192u
#define TEXT_MOST (1u << 19)	/* bytes */

/* Strings every file begins with: the enumerator is the id. */
enum fixed_string {
	STR_EMPTY,
	STR_SAMPLES,
	STR_COUNT,
	STR_CPU,
	STR_NANOSECONDS,
	STR_WALL,
	STR_THREAD,
	STR_TID,
	STR_NOT_SAMPLED,
	STR_STATE,
	STR_CALL,
	STR_RUNNING,
	STR_RUNNABLE,
	STR_BLOCKED,
	FIXED_STRINGS
};

static const char *const fixed_strings[FIXED_STRINGS] = {
	[STR_EMPTY] = "",
	[STR_SAMPLES] = "samples",
	[STR_COUNT] = "count",
	[STR_CPU] = "cpu",
	[STR_NANOSECONDS] = "nanoseconds",
	[STR_WALL] = "wall",
	[STR_THREAD] = "thread",
	[STR_TID] = "tid",
	[STR_NOT_SAMPLED] = "[not sampled]",
	[STR_STATE] = "state",
	[STR_CALL] = "call",
	[STR_RUNNING] = "running",
	[STR_RUNNABLE] = "runnable",
	[STR_BLOCKED] = "blocked",
};

/* The module number of the location "[not sampled]"; its pc is 0. */
#define MODULE_NOT_SAMPLED UINT32_MAX
#define FUNCTION_NOT_SAMPLED 1u

struct text_record {
	uint32_t at, size;	/* bytes in `text` */
};

struct location_record {
	uint64_t pc;
	uint32_t module;	/* struct module's id, 0: in none */
	uint32_t reserved;
};

/* An array that grows: `size` bytes at `at`. */
struct records {
	void *at;
	size_t size;
};

/* How much of everything there is; ids are below these. */
struct marks {
	uint32_t strings, locations, mappings, functions, members;
	size_t text;
};

struct pprof {
	struct wire out;	/* the member */
	struct wire packed;	/* location ids of one sample */
	struct wire text;	/* bytes of all strings */
	struct records texts;	/* struct text_record, by id - first_string */
	struct records places;	/* struct location_record, the same way */
	uint32_t first_string, first_location; /* ids below are forgotten */
	struct records mapping_of; /* uint32_t mapping id, by module id */
	struct idtable strings, locations;
	struct marks now, begun;
	uint64_t start_mono_ns;	/* of the process */
	uint64_t file_start_ns;	/* of the file, since that; 0 for part 0 */
	bool cpu, wall;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

#define K0 0x452821e638d01377ull
#define K1 0xbe5466cf34e90c6dull

/* --- arrays --------------------------------------------------------------- */

/* Element `index` of `each` bytes, NULL without memory. New ones are zero. */
static void *records_get(struct records *r, size_t index, size_t each)
{
	size_t size = r->size > 0 ? r->size : 4096;
	void *at;

	while (size / each <= index)
		size *= 2;
	if (size > r->size) {
		at = arena_block(r->at, r->size, size);
		if (at == NULL)
			return NULL;
		r->at = at;
		r->size = size;
	}
	return (uint8_t *)r->at + index * each;
}

static void records_release(struct records *r)
{
	arena_block_free(r->at, r->size);
	r->at = NULL;
	r->size = 0;
}

static struct text_record *text_record(const struct pprof *p, uint32_t id)
{
	return (struct text_record *)p->texts.at + (id - p->first_string);
}

static struct location_record *location_record(const struct pprof *p,
					       uint32_t id)
{
	return (struct location_record *)p->places.at +
	       (id - p->first_location);
}

static void fail(struct pprof *p)
{
	p->out.failed = true;
	p->out.used = p->out.size;
}

/* --- strings -------------------------------------------------------------- */

static uint32_t hash_text(const char *text, size_t size)
{
	uint64_t hash = K0 ^ size, word;

	for (; size >= sizeof(word); size -= sizeof(word)) {
		memcpy(&word, text, sizeof(word));
		hash = mix(hash ^ word, K1);
		text += sizeof(word);
	}
	word = 0;
	memcpy(&word, text, size);
	return (uint32_t)mix(hash ^ word, K1);
}

static uint32_t find_string(const struct pprof *p, uint32_t hash,
			    const char *text, size_t size)
{
	uint32_t at = idtable_start(&p->strings, hash), id;
	const struct text_record *r;

	while ((id = idtable_probe(&p->strings, hash, &at)) != 0) {
		r = text_record(p, id);
		if (r->size == size &&
		    memcmp(p->text.data + r->at, text, size) == 0)
			return id;
		at++;
	}
	return 0;
}

/* Remembers the bytes of string `id`. False without memory. */
static bool keep_text(struct pprof *p, uint32_t id, const char *text,
		      size_t size)
{
	struct text_record *r = records_get(&p->texts, id - p->first_string,
					    sizeof(*r));

	if (r == NULL || p->text.used + size > UINT32_MAX ||
	    !wire_room(&p->text, size))
		return false;
	memcpy(p->text.data + p->text.used, text, size);
	r->at = (uint32_t)p->text.used;
	r->size = (uint32_t)size;
	p->text.used += size;
	p->now.text = p->text.used;
	return true;
}

/* The id of a string, written if it is new. */
static uint32_t string_n(struct pprof *p, const char *text, size_t size)
{
	uint32_t hash, id;

	if (size == 0)
		return STR_EMPTY;
	hash = hash_text(text, size);
	id = find_string(p, hash, text, size);
	if (id != 0)
		return id;
	id = p->now.strings;
	if (!keep_text(p, id, text, size) ||
	    !idtable_add(&p->strings, hash, id)) {
		fail(p);
		return STR_EMPTY;
	}
	p->now.strings++;
	wire_text(&p->out, PPROF_STRING_TABLE, text, size);
	return id;
}

static uint32_t string(struct pprof *p, const char *text)
{
	return text == NULL ? STR_EMPTY : string_n(p, text, strlen(text));
}

static void write_fixed_strings(struct pprof *p)
{
	uint32_t i;

	wire_text(&p->out, PPROF_STRING_TABLE, "", 0);
	for (i = 1; i < FIXED_STRINGS; i++)
		string(p, fixed_strings[i]);
}

/* --- mappings, locations -------------------------------------------------- */

static uint32_t build_id_string(struct pprof *p, const struct module *m)
{
	static const char digits[] = "0123456789abcdef";
	char hex[2 * MODULE_BUILD_ID_MAX];
	size_t i;

	for (i = 0; i < m->build_id_size && i < MODULE_BUILD_ID_MAX; i++) {
		hex[2 * i] = digits[m->build_id[i] >> 4];
		hex[2 * i + 1] = digits[m->build_id[i] & 15];
	}
	return string_n(p, hex, 2 * i);
}

static void write_mapping(struct pprof *p, uint32_t id, const struct module *m)
{
	uint32_t filename = string(p, m->path);
	uint32_t build_id = build_id_string(p, m);
	size_t mark = wire_open(&p->out, PPROF_MAPPING);

	wire_number(&p->out, PPROF_MAPPING_ID, id);
	wire_number(&p->out, PPROF_MAPPING_START, m->start);
	wire_number(&p->out, PPROF_MAPPING_LIMIT, m->end);
	wire_number(&p->out, PPROF_MAPPING_OFFSET, m->offset);
	wire_number(&p->out, PPROF_MAPPING_FILENAME, filename);
	wire_number(&p->out, PPROF_MAPPING_BUILD_ID, build_id);
	wire_close(&p->out, mark);
}

/* The mapping of a module, written if it is new; 0 for none. */
static uint32_t mapping(struct pprof *p, const struct module *m)
{
	uint32_t *id;

	if (m == NULL)
		return 0;
	id = records_get(&p->mapping_of, m->id, sizeof(*id));
	if (id == NULL) {
		fail(p);
		return 0;
	}
	if (*id == 0) {
		*id = p->now.mappings++;
		write_mapping(p, *id, m);
	}
	return *id;
}

static uint32_t hash_location(uint32_t module, uint64_t pc)
{
	return (uint32_t)mix(pc ^ K0, K1 ^ ((uint64_t)module << 32));
}

/* A new location's id, in the table but not written; 0 without memory. */
static uint32_t keep_location(struct pprof *p, uint32_t hash, uint32_t module,
			      uint64_t pc)
{
	uint32_t id = p->now.locations;
	struct location_record *r = records_get(&p->places,
						id - p->first_location,
						sizeof(*r));

	if (r == NULL || !idtable_add(&p->locations, hash, id)) {
		fail(p);
		return 0;
	}
	r->pc = pc;
	r->module = module;
	p->now.locations++;
	return id;
}

static uint32_t find_location(const struct pprof *p, uint32_t hash,
			      uint32_t module, uint64_t pc)
{
	uint32_t at = idtable_start(&p->locations, hash), id;
	const struct location_record *r;

	while ((id = idtable_probe(&p->locations, hash, &at)) != 0) {
		r = location_record(p, id);
		if (r->pc == pc && r->module == module)
			return id;
		at++;
	}
	return 0;
}

/* The location of an address, written if it is new. */
static uint32_t location(struct pprof *p, const struct module *m, uint64_t pc)
{
	uint32_t module = m != NULL ? m->id : 0;
	uint32_t hash = hash_location(module, pc);
	uint32_t id = find_location(p, hash, module, pc), mapping_id;
	size_t mark;

	if (id != 0)
		return id;
	mapping_id = mapping(p, m);
	id = keep_location(p, hash, module, pc);
	mark = wire_open(&p->out, PPROF_LOCATION);
	wire_number(&p->out, PPROF_LOCATION_ID, id);
	wire_number(&p->out, PPROF_LOCATION_MAPPING, mapping_id);
	wire_number(&p->out, PPROF_LOCATION_ADDRESS, pc);
	wire_close(&p->out, mark);
	return id;
}

static void write_not_sampled_function(struct pprof *p)
{
	size_t mark;

	if (p->now.functions > FUNCTION_NOT_SAMPLED)
		return;
	p->now.functions = FUNCTION_NOT_SAMPLED + 1;
	mark = wire_open(&p->out, PPROF_FUNCTION);
	wire_number(&p->out, PPROF_FUNCTION_ID, FUNCTION_NOT_SAMPLED);
	wire_number(&p->out, PPROF_FUNCTION_NAME, STR_NOT_SAMPLED);
	wire_number(&p->out, PPROF_FUNCTION_SYSTEM_NAME, STR_NOT_SAMPLED);
	wire_close(&p->out, mark);
}

static uint32_t not_sampled_location(struct pprof *p)
{
	uint32_t hash = hash_location(MODULE_NOT_SAMPLED, 0);
	uint32_t id = find_location(p, hash, MODULE_NOT_SAMPLED, 0);
	size_t mark, line;

	if (id != 0)
		return id;
	write_not_sampled_function(p);
	id = keep_location(p, hash, MODULE_NOT_SAMPLED, 0);
	mark = wire_open(&p->out, PPROF_LOCATION);
	wire_number(&p->out, PPROF_LOCATION_ID, id);
	line = wire_open(&p->out, PPROF_LOCATION_LINE);
	wire_number(&p->out, PPROF_LINE_FUNCTION, FUNCTION_NOT_SAMPLED);
	wire_close(&p->out, line);
	wire_close(&p->out, mark);
	return id;
}

/* --- life ----------------------------------------------------------------- */

static void start_counts(struct pprof *p)
{
	memset(&p->now, 0, sizeof(p->now));
	p->now.strings = p->now.locations = 1; /* 0 is "" and no location */
	p->now.mappings = p->now.functions = 1;
	p->begun = p->now;
	p->first_string = p->first_location = 1;
}

struct pprof *pprof_new(void)
{
	struct pprof *p = arena_block(NULL, 0, sizeof(*p));

	if (p != NULL)
		start_counts(p);
	return p;
}

static void release(struct pprof *p)
{
	wire_release(&p->out);
	wire_release(&p->packed);
	wire_release(&p->text);
	records_release(&p->texts);
	records_release(&p->places);
	records_release(&p->mapping_of);
	idtable_release(&p->strings);
	idtable_release(&p->locations);
}

void pprof_free(struct pprof *p)
{
	if (p == NULL)
		return;
	release(p);
	arena_block_free(p, sizeof(*p));
}

void pprof_reset(struct pprof *p)
{
	release(p);
	start_counts(p);
}

/* The tables hold at most what they held before: adding cannot fail. */
static void refill_strings(struct pprof *p)
{
	const struct text_record *r;
	uint32_t id;

	idtable_clear(&p->strings);
	for (id = p->first_string; id < p->now.strings; id++) {
		r = text_record(p, id);
		idtable_add(&p->strings,
			    hash_text((char *)p->text.data + r->at, r->size),
			    id);
	}
}

static void refill_locations(struct pprof *p)
{
	const struct location_record *r;
	uint32_t id;

	idtable_clear(&p->locations);
	for (id = p->first_location; id < p->now.locations; id++) {
		r = location_record(p, id);
		idtable_add(&p->locations, hash_location(r->module, r->pc),
			    id);
	}
}

void pprof_undo(struct pprof *p)
{
	uint32_t *mapping_of = p->mapping_of.at;
	size_t n = p->mapping_of.size / sizeof(*mapping_of), i;

	p->now = p->begun;
	p->text.used = p->now.text;
	p->text.failed = false;
	for (i = 0; i < n; i++)
		if (mapping_of[i] >= p->now.mappings)
			mapping_of[i] = 0;
	refill_strings(p);
	refill_locations(p);
}

/* The fixed strings stay known, by their numbers. */
static void forget_strings(struct pprof *p)
{
	if (p->now.strings - p->first_string <= STRINGS_MOST &&
	    p->text.used <= TEXT_MOST)
		return;
	p->first_string = p->now.strings;
	p->now.text = 0;
	wire_release(&p->text);
	records_release(&p->texts);
	idtable_release(&p->strings);
}

static void forget_locations(struct pprof *p)
{
	if (p->now.locations - p->first_location <= LOCATIONS_MOST)
		return;
	p->first_location = p->now.locations;
	records_release(&p->places);
	idtable_release(&p->locations);
}

size_t pprof_memory(const struct pprof *p)
{
	return sizeof(*p) + p->out.size + p->packed.size + p->text.size +
	       p->texts.size + p->places.size + p->mapping_of.size +
	       idtable_memory(&p->strings) + idtable_memory(&p->locations);
}

/* --- a member ------------------------------------------------------------- */

static void write_value_type(struct pprof *p, unsigned field, uint32_t type,
			     uint32_t unit)
{
	size_t mark = wire_open(&p->out, field);

	wire_number(&p->out, PPROF_VALUE_TYPE, type);
	wire_number(&p->out, PPROF_VALUE_UNIT, unit);
	wire_close(&p->out, mark);
}

static void write_types(struct pprof *p, const struct pprof_process *process)
{
	uint32_t shown = process->cpu ? STR_CPU :
			 process->wall ? STR_WALL : STR_SAMPLES;

	write_value_type(p, PPROF_SAMPLE_TYPE, STR_SAMPLES, STR_COUNT);
	if (process->cpu)
		write_value_type(p, PPROF_SAMPLE_TYPE, STR_CPU,
				 STR_NANOSECONDS);
	if (process->wall)
		write_value_type(p, PPROF_SAMPLE_TYPE, STR_WALL,
				 STR_NANOSECONDS);
	write_value_type(p, PPROF_PERIOD_TYPE, STR_CPU, STR_NANOSECONDS);
	wire_number(&p->out, PPROF_PERIOD, process->period_ns);
	wire_number(&p->out, PPROF_TIME_NANOS,
		    process->start_unix_ns + p->file_start_ns);
	wire_number(&p->out, PPROF_DEFAULT_SAMPLE_TYPE, shown);
}

/* argv as the kernel shows it: each argument ends with a NUL. */
static void write_command(struct wire *w, const char *command, size_t size)
{
	const char *end = command + size, *next;

	while (command != NULL && command < end) {
		for (next = command; next < end && *next != '\0'; next++)
			;
		wire_text(w, PPROF_PROCESS_COMMAND, command,
			  (size_t)(next - command));
		command = next + 1;
	}
}

static void write_process(struct pprof *p, const struct pprof_process *c,
			  uint32_t part)
{
	struct wire *w = &p->out;
	size_t mark = wire_open(w, PPROF_PROCESS);

	wire_number(w, PPROF_PROCESS_PID, (uint64_t)c->pid);
	wire_number(w, PPROF_PROCESS_PPID, (uint64_t)c->ppid);
	wire_string(w, PPROF_PROCESS_RUN_ID, c->run_id);
	wire_string(w, PPROF_PROCESS_PROGRAM, c->program);
	wire_string(w, PPROF_PROCESS_EXE, c->exe);
	write_command(w, c->command, c->command_size);
	wire_string(w, PPROF_PROCESS_HOST, c->host);
	wire_number(w, PPROF_PROCESS_START_UNIX_NS, c->start_unix_ns);
	wire_number(w, PPROF_PROCESS_START_MONO_NS, c->start_mono_ns);
	wire_string(w, PPROF_PROCESS_REGION, c->region);
	wire_string(w, PPROF_PROCESS_VERSION, c->version);
	wire_number(w, PPROF_PROCESS_PART, part);
	wire_string(w, PPROF_PROCESS_BOOT_ID, c->boot_id);
	wire_string(w, PPROF_PROCESS_PARENT_RUN_ID, c->parent_run_id);
	wire_number(w, PPROF_PROCESS_PID_START, c->pid_start);
	wire_string(w, PPROF_PROCESS_ROOT_RUN_ID, c->root_run_id);
	wire_close(w, mark);
}

/*
 * All that are loaded, also those without a sample so far: what a reader finds
 * in the shared region of a killed process needs them.
 */
static void write_modules(struct pprof *p)
{
	const struct module_table *table = modules_current();
	uint32_t i;

	for (i = 0; i < table->count; i++)
		mapping(p, &table->module[i]);
}

void pprof_begin(struct pprof *p, const struct pprof_process *process,
		 uint32_t part)
{
	wire_clear(&p->out, OUT_KEPT);
	wire_clear(&p->packed, SCRATCH_KEPT);
	forget_strings(p);
	forget_locations(p);
	p->begun = p->now;
	p->cpu = process->cpu;
	p->wall = process->wall;
	p->start_mono_ns = process->start_mono_ns;
	if (p->now.members > 0) {
		write_modules(p);
		return;
	}
	p->file_start_ns = part == 0 || process->whole ? 0 :
			   sys_clock_ns(CLOCK_MONOTONIC) -
				   process->start_mono_ns;
	write_fixed_strings(p);
	write_types(p, process);
	mapping(p, modules_main());
	write_modules(p);
	write_process(p, process, part);
}

const uint8_t *pprof_end(struct pprof *p, uint64_t duration_ns, size_t *size)
{
	if (duration_ns > p->file_start_ns)
		wire_number(&p->out, PPROF_DURATION_NANOS,
			    duration_ns - p->file_start_ns);
	if (p->out.failed || p->packed.failed) {
		pprof_undo(p);
		return NULL;
	}
	p->now.members++;
	*size = p->out.used;
	return p->out.data;
}

/* --- samples -------------------------------------------------------------- */

static bool maps(const struct module *m, uint64_t pc)
{
	return m != NULL && pc >= m->start && pc < m->end;
}

/* Location ids of a stack, as varints in p->packed. */
static void pack_locations(struct pprof *p, const struct stacks_entry *e)
{
	uint64_t time_ns = e->first != NULL ? e->first->time_ns : 0;
	const struct module *m = NULL;
	uint32_t i;

	wire_clear(&p->packed, SCRATCH_KEPT);
	for (i = 0; i < e->frames; i++) {
		/* Neighbours are mostly of one module. */
		if (!maps(m, e->pcs[i]))
			m = modules_find_at(e->pcs[i], time_ns);
		wire_varint(&p->packed, location(p, m, e->pcs[i]));
	}
}

static void write_packed_locations(struct pprof *p)
{
	if (p->packed.failed)
		fail(p);
	else if (p->packed.used > 0)
		wire_bytes(&p->out, PPROF_SAMPLE_LOCATION, p->packed.data,
			   p->packed.used);
}

static void write_values(struct pprof *p, uint64_t count, uint64_t cpu_ns,
			 uint64_t wall_ns)
{
	size_t mark = wire_open(&p->out, PPROF_SAMPLE_VALUE);

	wire_varint(&p->out, count);
	if (p->cpu)
		wire_varint(&p->out, cpu_ns);
	if (p->wall)
		wire_varint(&p->out, wall_ns);
	wire_close(&p->out, mark);
}

static void write_label(struct pprof *p, uint32_t key, unsigned field,
			uint64_t value)
{
	size_t mark = wire_open(&p->out, PPROF_SAMPLE_LABEL);

	wire_number(&p->out, PPROF_LABEL_KEY, key);
	wire_number(&p->out, field, value);
	wire_close(&p->out, mark);
}

/* Differences of the rounded times: the rounding does not add up. */
static void write_times(struct pprof *p, const struct stacks_moment *m)
{
	size_t mark = wire_open(&p->out, PPROF_SAMPLE_TIMES);
	uint64_t before_us = 0, us;

	for (; m != NULL; m = m->next) {
		us = m->time_ns > p->start_mono_ns ?
		     (m->time_ns - p->start_mono_ns) / 1000 : 0;
		if (us < before_us)
			us = before_us;
		wire_varint(&p->out, us - before_us);
		before_us = us;
	}
	wire_close(&p->out, mark);
}

static void write_weights(struct pprof *p, const struct stacks_moment *first)
{
	const struct stacks_moment *m = first;
	size_t mark;

	while (m != NULL && m->cpu_ns == first->cpu_ns)
		m = m->next;
	if (m == NULL)
		return; /* all equal */
	mark = wire_open(&p->out, PPROF_SAMPLE_WEIGHTS);
	for (m = first; m != NULL; m = m->next)
		wire_varint(&p->out, m->cpu_ns);
	wire_close(&p->out, mark);
}

/* `call` is the id of its name. */
static void write_state(struct pprof *p, const struct stacks_entry *e,
			uint32_t call)
{
	static const uint32_t names[] = {
		[STACKS_RUNNING] = STR_RUNNING,
		[STACKS_RUNNABLE] = STR_RUNNABLE,
		[STACKS_BLOCKED] = STR_BLOCKED,
	};

	if (e->state == STACKS_UNSAID || e->state > STACKS_BLOCKED)
		return;
	write_label(p, STR_STATE, PPROF_LABEL_STR, names[e->state]);
	if (call != STR_EMPTY)
		write_label(p, STR_CALL, PPROF_LABEL_STR, call);
}

/* The program's labels as ids of strings. */
struct label_ids {
	unsigned count;
	struct {
		uint32_t key, value;
	} pair[LABELS_DEPTH];
};

static void find_labels(struct pprof *p, uint16_t set, struct label_ids *ids)
{
	struct label labels[LABELS_DEPTH];
	unsigned i;

	ids->count = set ? labels_get(set, labels) : 0;
	for (i = 0; i < ids->count; i++) {
		ids->pair[i].key = string(p, labels[i].key);
		ids->pair[i].value = string(p, labels[i].value);
	}
}

static void write_labels(struct pprof *p, const struct label_ids *ids)
{
	unsigned i;

	for (i = 0; i < ids->count; i++)
		write_label(p, ids->pair[i].key, PPROF_LABEL_STR,
			    ids->pair[i].value);
}

void pprof_add_stack(struct pprof *p, const struct stacks_entry *entry,
		     const char *thread_name, int tid)
{
	struct label_ids labels;
	uint32_t name = string(p, thread_name);
	uint32_t call = entry->state == STACKS_BLOCKED ?
			string(p, calls_name(entry->call)) : STR_EMPTY;
	size_t mark;

	find_labels(p, entry->label, &labels);
	pack_locations(p, entry);
	mark = wire_open(&p->out, PPROF_SAMPLE);
	write_packed_locations(p);
	write_values(p, entry->count, entry->cpu_ns, entry->wall_ns);
	if (name != STR_EMPTY)
		write_label(p, STR_THREAD, PPROF_LABEL_STR, name);
	write_label(p, STR_TID, PPROF_LABEL_NUM, (uint64_t)tid);
	write_state(p, entry, call);
	write_labels(p, &labels);
	if (entry->first != NULL)
		write_times(p, entry->first);
	wire_number(&p->out, PPROF_SAMPLE_END, entry->end);
	write_weights(p, entry->first);
	wire_close(&p->out, mark);
}

void pprof_add_unsampled(struct pprof *p, uint64_t start_routine,
			 uint64_t cpu_ns)
{
	const struct module *m;
	size_t mark;

	wire_clear(&p->packed, SCRATCH_KEPT);
	wire_varint(&p->packed, not_sampled_location(p));
	if (start_routine != 0) {
		m = modules_find(modules_current(), start_routine);
		wire_varint(&p->packed, location(p, m, start_routine));
	}
	mark = wire_open(&p->out, PPROF_SAMPLE);
	write_packed_locations(p);
	write_values(p, 0, cpu_ns, cpu_ns);
	wire_close(&p->out, mark);
}

void pprof_add_unsampled_wall(struct pprof *p, uint64_t wall_ns)
{
	size_t mark;

	wire_clear(&p->packed, SCRATCH_KEPT);
	wire_varint(&p->packed, not_sampled_location(p));
	mark = wire_open(&p->out, PPROF_SAMPLE);
	write_packed_locations(p);
	write_values(p, 0, 0, wall_ns);
	wire_close(&p->out, mark);
}

/* --- what pprof has no field for ------------------------------------------ */

void pprof_add_thread(struct pprof *p, const struct pprof_thread *t)
{
	struct wire *w = &p->out;
	size_t mark = wire_open(w, PPROF_THREAD);

	wire_number(w, PPROF_THREAD_TID, (uint64_t)t->tid);
	wire_string(w, PPROF_THREAD_NAME, t->name);
	wire_number(w, PPROF_THREAD_START_ROUTINE, t->start_routine);
	wire_number(w, PPROF_THREAD_START_NS, t->start_ns);
	wire_number(w, PPROF_THREAD_END_NS, t->end_ns);
	wire_number(w, PPROF_THREAD_CPU_NS, t->cpu_ns);
	wire_number(w, PPROF_THREAD_SAMPLED_NS, t->sampled_ns);
	wire_close(w, mark);
}

void pprof_add_span(struct pprof *p, uint32_t number,
		    const struct span_stats *s)
{
	struct wire *w = &p->out;
	size_t mark = wire_open(w, PPROF_SPAN), buckets;
	uint32_t i, last = UINT32_MAX;

	wire_number(w, PPROF_SPAN_NUMBER, number);
	wire_string(w, PPROF_SPAN_NAME, s->name);
	wire_number(w, PPROF_SPAN_SUM_NS, s->sum_ns);
	wire_number(w, PPROF_SPAN_MAX_NS, s->max_ns);
	buckets = wire_open(w, PPROF_SPAN_BUCKETS);
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		if (s->counts[i] == 0)
			continue;
		wire_varint(w, i - last);
		wire_varint(w, s->counts[i]);
		last = i;
	}
	wire_close(w, buckets);
	wire_close(w, mark);
}

static void write_counts(struct wire *w, unsigned field, const uint64_t *n,
			 size_t size)
{
	size_t mark, i;

	for (i = 0; i < size; i++) {
		if (n[i] == 0)
			continue;
		mark = wire_open(w, field);
		wire_number(w, PPROF_COUNT_WHAT, i);
		wire_number(w, PPROF_COUNT_N, n[i]);
		wire_close(w, mark);
	}
}

void pprof_add_health(struct pprof *p, const struct pprof_health *h)
{
	struct wire *w = &p->out;
	size_t mark = wire_open(w, PPROF_HEALTH);

	wire_number(w, PPROF_HEALTH_SAMPLES, h->samples);
	wire_number(w, PPROF_HEALTH_EXPIRATIONS, h->expirations);
	write_counts(w, PPROF_HEALTH_LOST, h->lost, LOST_REASONS);
	write_counts(w, PPROF_HEALTH_TRUNCATED, h->truncated, UNWIND_ENDS);
	wire_number(w, PPROF_HEALTH_ASKED_MHZ, h->asked_mhz);
	wire_string(w, PPROF_HEALTH_CLOCK, h->clock);
	wire_string(w, PPROF_HEALTH_UNWIND, h->unwind);
	wire_number(w, PPROF_HEALTH_SIGNAL, (uint64_t)h->signal);
	wire_number(w, PPROF_HEALTH_HANDLER_NS, h->handler_ns);
	wire_number(w, PPROF_HEALTH_FLUSHER_CPU_NS, h->flusher_cpu_ns);
	wire_number(w, PPROF_HEALTH_THREADS, h->threads);
	wire_number(w, PPROF_HEALTH_CPU_NS, h->cpu_ns);
	wire_number(w, PPROF_HEALTH_SAMPLED_NS, h->sampled_ns);
	wire_number(w, PPROF_HEALTH_FLUSHES, h->flushes);
	wire_number(w, PPROF_HEALTH_MEMORY, h->memory);
	wire_number(w, PPROF_HEALTH_DONE, h->done);
	wire_close(w, mark);
}

void pprof_add_note(struct pprof *p, const char *note)
{
	size_t mark = wire_open(&p->out, PPROF_HEALTH);

	wire_string(&p->out, PPROF_HEALTH_NOTE, note);
	wire_close(&p->out, mark);
}

void pprof_add_ring(struct pprof *p, uint32_t slot, uint32_t generation,
		    uint64_t position)
{
	size_t mark = wire_open(&p->out, PPROF_RING);

	wire_number(&p->out, PPROF_RING_SLOT, slot);
	wire_number(&p->out, PPROF_RING_GENERATION, generation);
	wire_number(&p->out, PPROF_RING_POSITION, position);
	wire_close(&p->out, mark);
}

void pprof_add_unload(struct pprof *p, const struct module *module)
{
	const uint32_t *id = p->mapping_of.at;
	size_t mark;

	/* A module that no location lies in is not in the file. */
	if (module->id >= p->mapping_of.size / sizeof(*id) ||
	    id[module->id] == 0)
		return;
	mark = wire_open(&p->out, PPROF_UNLOAD);
	wire_number(&p->out, PPROF_UNLOAD_MAPPING, id[module->id]);
	wire_number(&p->out, PPROF_UNLOAD_NS, module->unload_ns);
	wire_close(&p->out, mark);
}
