/* SPDX-License-Identifier: MIT */
/*
 * What the encoder writes is read back by two decoders that share nothing with
 * it: protobuf-c with tools/profile.proto, and go's pprof.
 */
#define _GNU_SOURCE
#include "agent/pprof.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/arena.h"
#include "agent/modules.h"
#include "agent/ring.h"
#include "agent/stacks.h"
#include "agent/writer.h"
#include "tests/unit/runner.h"
#include "tools/profile.pb-c.h"

typedef Profagent__Profile Decoded;

/* --- modules as the tests want them --------------------------------------- */

enum { MAIN, LIBC, OLD_PLUGIN, NEW_PLUGIN, MODULES };

static const struct module module[MODULES] = {
	[MAIN] = { .start = 0x400000, .end = 0x500000, .offset = 0x1000,
		   .id = 3, .path = "/bin/prog", .build_id_size = 20,
		   .build_id = { 0x01, 0x23, 0xab, 0xff, [19] = 0x99 } },
	[LIBC] = { .start = 0x7f0000000000, .end = 0x7f0000100000, .id = 1,
		   .path = "/lib/libc.so.6" },
	[OLD_PLUGIN] = { .start = 0x7e0000000000, .end = 0x7e0000001000,
			 .id = 700, .path = "/p/old.so", .unload_ns = 5000000 },
	[NEW_PLUGIN] = { .start = 0x7e0000000000, .end = 0x7e0000001000,
			 .id = 701, .path = "/p/new.so", .load_ns = 5000000 },
};

const struct module *modules_find_at(uint64_t pc, uint64_t time_ns)
{
	for (int i = 0; i < MODULES; i++)
		if (pc >= module[i].start && pc < module[i].end &&
		    time_ns >= module[i].load_ns &&
		    (module[i].unload_ns == 0 || time_ns < module[i].unload_ns))
			return &module[i];
	return NULL;
}

const struct module_table *modules_current(void)
{
	static const struct module_table table = { .generation = 1 };

	return &table;
}

const struct module *modules_find(const struct module_table *t, uint64_t pc)
{
	ck_assert_uint_eq(t->generation, 1);
	return modules_find_at(pc, UINT64_MAX);
}

const struct module *modules_main(void)
{
	return &module[MAIN];
}

/* --- helpers -------------------------------------------------------------- */

static const struct pprof_process process = {
	.pid = 4321, .ppid = 17, .run_id = "0123456789abcdef",
	.program = "prog", .exe = "/bin/prog", .host = "here",
	.region = "/dev/shm/x.region", .version = "0.1", .boot_id = "b-o-o-t",
	.parent_run_id = "fedcba9876543210",
	.root_run_id = "fedcba9876543211",
	.command = "prog\0-x\0\0last", .command_size = 14,
	.start_unix_ns = 1700000000123456789u, .start_mono_ns = 1000000,
	.pid_start = 99, .period_ns = 10101010, .cpu = true,
};

/* What a file would hold: fragments one behind the other. */
struct file {
	uint8_t *data;
	size_t size;
};

static void file_append(struct file *f, const uint8_t *fragment, size_t size)
{
	ck_assert_ptr_nonnull(fragment);
	f->data = realloc(f->data, f->size + size);
	memcpy(f->data + f->size, fragment, size);
	f->size += size;
}

static Decoded *decode(const void *data, size_t size)
{
	Decoded *d = profagent__profile__unpack(NULL, size, data);

	ck_assert_ptr_nonnull(d);
	return d;
}

static void decoded_free(Decoded *d)
{
	profagent__profile__free_unpacked(d, NULL);
}

/* ck_assert() for loops: it tells the parent process of failures only. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			ck_abort_msg("%s", #condition); \
	} while (0)

static const char *text(const Decoded *d, int64_t id)
{
	CHECK(id >= 0 && (uint64_t)id < d->n_string_table);
	return d->string_table[id];
}

static const Profagent__Location *location_of(const Decoded *d, uint64_t id)
{
	/* Ids are given one after the other, and all locations are there. */
	CHECK(id >= 1 && id <= d->n_location);
	CHECK(d->location[id - 1]->id == id);
	return d->location[id - 1];
}

/* Every reference leads somewhere, nothing is there twice. */
static void check_references(const Decoded *d)
{
	size_t values = d->n_sample_type, i, j;

	ck_assert_uint_ge(values, 1);
	ck_assert_str_eq(d->string_table[0], "");
	for (i = 0; i < d->n_mapping; i++) {
		CHECK(d->mapping[i]->id == i + 1);
		text(d, d->mapping[i]->filename);
		text(d, d->mapping[i]->build_id);
	}
	for (i = 0; i < d->n_location; i++) {
		CHECK(d->location[i]->id == i + 1);
		CHECK(d->location[i]->mapping_id <= d->n_mapping);
	}
	for (i = 0; i < d->n_sample; i++) {
		CHECK(d->sample[i]->n_value == values);
		for (j = 0; j < d->sample[i]->n_location_id; j++)
			location_of(d, d->sample[i]->location_id[j]);
		for (j = 0; j < d->sample[i]->n_label; j++) {
			text(d, d->sample[i]->label[j]->key);
			text(d, d->sample[i]->label[j]->str);
		}
	}
}

static _Alignas(8) uint8_t storage[sizeof(struct ring_sample) + 16384 * 8];

static struct ring_sample *sample(uint64_t time_ns, uint64_t cpu_ns,
				  uint32_t frames)
{
	struct ring_sample *s = (struct ring_sample *)storage;

	memset(s, 0, sizeof(*s) + frames * 8);
	s->kind = RING_SAMPLE;
	s->count = 1;
	s->time_ns = time_ns;
	s->cpu_ns = cpu_ns;
	s->frames = frames;
	return s;
}

static void add(struct stacks *t, uint64_t time_ns, uint64_t cpu_ns,
		uint64_t leaf, uint64_t caller)
{
	struct ring_sample *s = sample(time_ns, cpu_ns, 2);

	s->pcs[0] = leaf;
	s->pcs[1] = caller;
	ck_assert_int_eq(stacks_add(t, 0, 1, s), 0);
}

static void encode_stacks(struct pprof *p, struct stacks *t)
{
	const struct stacks_entry *e;

	for (e = stacks_first(t); e != NULL; e = e->next)
		pprof_add_stack(p, e, "worker", 4322);
	stacks_clear(t);
}

static void end_to_file(struct pprof *p, struct file *f, uint64_t duration)
{
	const uint8_t *fragment;
	size_t size;

	fragment = pprof_end(p, duration, &size);
	file_append(f, fragment, size);
}

/* --- the first member ----------------------------------------------------- */

START_TEST(first_member_says_what_and_who)
{
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	Decoded *d;

	pprof_begin(p, &process, 0);
	end_to_file(p, &f, 77);
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->n_sample_type, 2);
	ck_assert_str_eq(text(d, d->sample_type[0]->type), "samples");
	ck_assert_str_eq(text(d, d->sample_type[0]->unit), "count");
	ck_assert_str_eq(text(d, d->sample_type[1]->type), "cpu");
	ck_assert_str_eq(text(d, d->sample_type[1]->unit), "nanoseconds");
	ck_assert_str_eq(text(d, d->period_type->type), "cpu");
	ck_assert_str_eq(text(d, d->period_type->unit), "nanoseconds");
	ck_assert_str_eq(text(d, d->default_sample_type), "cpu");
	ck_assert_int_eq(d->period, 10101010);
	ck_assert_int_eq(d->time_nanos, 1700000000123456789);
	ck_assert_int_eq(d->duration_nanos, 77);
	ck_assert_uint_eq(d->n_mapping, 1);
	ck_assert_uint_eq(d->mapping[0]->memory_start, 0x400000);
	ck_assert_uint_eq(d->mapping[0]->memory_limit, 0x500000);
	ck_assert_uint_eq(d->mapping[0]->file_offset, 0x1000);
	ck_assert_str_eq(text(d, d->mapping[0]->filename), "/bin/prog");
	ck_assert_str_eq(text(d, d->mapping[0]->build_id),
			 "0123abff00000000000000000000000000000099");
	decoded_free(d);
	free(f.data);
	pprof_free(p);
}
END_TEST

START_TEST(process_is_complete)
{
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	const Profagent__Process *c;
	Decoded *d;

	pprof_begin(p, &process, 0);
	end_to_file(p, &f, 77);
	d = decode(f.data, f.size);
	c = d->process;
	ck_assert_uint_eq(c->pid, 4321);
	ck_assert_uint_eq(c->ppid, 17);
	ck_assert_str_eq(c->run_id, process.run_id);
	ck_assert_str_eq(c->program, process.program);
	ck_assert_str_eq(c->exe, process.exe);
	ck_assert_str_eq(c->host, process.host);
	ck_assert_str_eq(c->region, process.region);
	ck_assert_str_eq(c->version, process.version);
	ck_assert_str_eq(c->boot_id, process.boot_id);
	ck_assert_str_eq(c->parent_run_id, process.parent_run_id);
	ck_assert_str_eq(c->root_run_id, process.root_run_id);
	ck_assert_uint_eq(c->start_unix_ns, process.start_unix_ns);
	ck_assert_uint_eq(c->start_mono_ns, process.start_mono_ns);
	ck_assert_uint_eq(c->pid_start, 99);
	ck_assert_uint_eq(c->part, 0);
	ck_assert_uint_eq(c->n_command, 4);
	ck_assert_str_eq(c->command[0], "prog");
	ck_assert_str_eq(c->command[1], "-x");
	ck_assert_str_eq(c->command[2], "");
	ck_assert_str_eq(c->command[3], "last");
	decoded_free(d);
	free(f.data);
	pprof_free(p);
}
END_TEST

/* A member of a file with wall time and the given types. */
START_TEST(wall_time_is_one_more_value)
{
	struct pprof_process both = process, wall = process;
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	Decoded *d;

	both.wall = wall.wall = true;
	wall.cpu = false;
	add(t, 2000000, 42, 0x400010, 0x400020);
	pprof_begin(p, &both, 0);
	encode_stacks(p, t);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->n_sample_type, 3);
	ck_assert_str_eq(text(d, d->sample_type[2]->type), "wall");
	ck_assert_int_eq(d->sample[0]->value[1], 42);
	ck_assert_int_eq(d->sample[0]->value[2], 0);
	decoded_free(d);

	pprof_reset(p);
	pprof_begin(p, &wall, 0);
	f.size = 0;
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	ck_assert_uint_eq(d->n_sample_type, 2);
	ck_assert_str_eq(text(d, d->sample_type[1]->type), "wall");
	ck_assert_str_eq(text(d, d->default_sample_type), "wall");
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

/* --- samples -------------------------------------------------------------- */

START_TEST(a_sample_holds_all_there_is)
{
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	const Profagent__Sample *s;
	const Profagent__Location *l;
	struct ring_sample *r;
	Decoded *d;

	for (int i = 0; i < 3; i++) { /* at 1.5, 3.5007 and 5.5014 ms */
		r = sample(2500000 + (uint64_t)i * 2000700, 10 + (i == 2), 3);
		r->pcs[0] = 0x7f0000000123;
		r->pcs[1] = 0x400456;
		r->pcs[2] = 0x123;		/* in no module */
		r->end = UNWIND_NO_MODULE;
		r->count = 2;
		ck_assert_int_eq(stacks_add(t, 5, 6, r), 0);
	}
	pprof_begin(p, &process, 0);
	encode_stacks(p, t);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->n_sample, 1);
	s = d->sample[0];
	ck_assert_int_eq(s->value[0], 6);
	ck_assert_int_eq(s->value[1], 31);
	ck_assert_uint_eq(s->end, UNWIND_NO_MODULE);
	ck_assert_uint_eq(s->n_times, 3);
	ck_assert_uint_eq(s->times[0], 1500);
	ck_assert_uint_eq(s->times[1], 2000);
	ck_assert_uint_eq(s->times[2], 2001);	/* rounding does not add up */
	ck_assert_uint_eq(s->n_weights, 3);
	ck_assert_uint_eq(s->weights[1], 10);
	ck_assert_uint_eq(s->weights[2], 11);
	ck_assert_uint_eq(s->n_label, 2);
	ck_assert_str_eq(text(d, s->label[0]->key), "thread");
	ck_assert_str_eq(text(d, s->label[0]->str), "worker");
	ck_assert_str_eq(text(d, s->label[1]->key), "tid");
	ck_assert_int_eq(s->label[1]->num, 4322);
	ck_assert_uint_eq(s->n_location_id, 3);
	l = location_of(d, s->location_id[0]);
	ck_assert_uint_eq(l->address, 0x7f0000000123);
	ck_assert_str_eq(text(d, d->mapping[l->mapping_id - 1]->filename),
			 "/lib/libc.so.6");
	l = location_of(d, s->location_id[1]);
	ck_assert_uint_eq(l->address, 0x400456);
	ck_assert_uint_eq(l->mapping_id, 1);
	l = location_of(d, s->location_id[2]);
	ck_assert_uint_eq(l->address, 0x123);
	ck_assert_uint_eq(l->mapping_id, 0);
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

START_TEST(equal_weights_are_left_out)
{
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	Decoded *d;

	for (int i = 0; i < 9; i++)
		add(t, 1000000, 10, 0x400010, 0x400020);
	pprof_begin(p, &process, 0);
	encode_stacks(p, t);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	ck_assert_uint_eq(d->sample[0]->n_times, 9);
	ck_assert_uint_eq(d->sample[0]->n_weights, 0);
	ck_assert_uint_eq(d->sample[0]->end, UNWIND_COMPLETE);
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

START_TEST(an_address_belongs_to_the_module_of_its_time)
{
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	Decoded *d;
	uint64_t old, new;

	pprof_begin(p, &process, 0);
	add(t, 4000000, 10, 0x7e0000000010, 0x400020);
	encode_stacks(p, t);
	pprof_add_unload(p, &module[OLD_PLUGIN]);
	pprof_add_unload(p, &module[LIBC]); /* in no sample: not mentioned */
	end_to_file(p, &f, 1);
	pprof_begin(p, &process, 0);
	add(t, 6000000, 10, 0x7e0000000010, 0x400020);
	encode_stacks(p, t);
	end_to_file(p, &f, 2);
	d = decode(f.data, f.size);
	check_references(d);
	old = location_of(d, d->sample[0]->location_id[0])->mapping_id;
	new = location_of(d, d->sample[1]->location_id[0])->mapping_id;
	ck_assert_str_eq(text(d, d->mapping[old - 1]->filename), "/p/old.so");
	ck_assert_str_eq(text(d, d->mapping[new - 1]->filename), "/p/new.so");
	ck_assert_uint_eq(d->sample[0]->location_id[1],
			  d->sample[1]->location_id[1]);
	ck_assert_uint_eq(d->n_unload, 1);
	ck_assert_uint_eq(d->unload[0]->mapping, old);
	ck_assert_uint_eq(d->unload[0]->ns, 5000000);
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

/* Name of the function that the file gives to a sample's leaf. */
static const char *leaf_function(const Decoded *d, size_t sample_index)
{
	const Profagent__Location *l =
		location_of(d, d->sample[sample_index]->location_id[0]);

	CHECK(l->n_line == 1 && l->line[0]->function_id == 1);
	CHECK(d->n_function == 1 && d->function[0]->id == 1);
	return text(d, d->function[0]->name);
}

START_TEST(unsampled_time_hangs_below_the_start_routine)
{
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	Decoded *d;

	for (int member = 0; member < 2; member++) {
		pprof_begin(p, &process, 0);
		pprof_add_unsampled(p, 0x400777, 123);
		pprof_add_unsampled(p, 0, 456);
		end_to_file(p, &f, 1);
	}
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->n_sample, 4);
	for (size_t i = 0; i < 4; i += 2) {
		ck_assert_uint_eq(d->sample[i]->n_location_id, 2);
		ck_assert_int_eq(d->sample[i]->value[0], 0);
		ck_assert_int_eq(d->sample[i]->value[1], 123);
		ck_assert_str_eq(leaf_function(d, i), "[not sampled]");
		ck_assert_uint_eq(location_of(d,
				  d->sample[i]->location_id[1])->address,
				  0x400777);
		ck_assert_uint_eq(d->sample[i + 1]->n_location_id, 1);
		ck_assert_int_eq(d->sample[i + 1]->value[1], 456);
	}
	ck_assert_uint_eq(d->n_location, 2);
	decoded_free(d);
	free(f.data);
	pprof_free(p);
}
END_TEST

/* Lengths that need one, two and three bytes of varint. */
START_TEST(long_stacks_and_strings)
{
	static char note[40000];
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	struct ring_sample *s = sample(1000000, 1, 16384);
	Decoded *d;

	for (uint64_t i = 0; i < 16384; i++)
		s->pcs[i] = 0x400000 + i * 3;
	ck_assert_int_eq(stacks_add(t, 0, 0, s), 0);
	pprof_begin(p, &process, 0);
	encode_stacks(p, t);
	memset(note, 'x', sizeof(note) - 1);
	for (size_t size = 120; size < sizeof(note); size *= 3) {
		note[size] = '\0';
		pprof_add_note(p, note);
		note[size] = 'x';
	}
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->sample[0]->n_location_id, 16384);
	for (uint64_t i = 0; i < 16384; i++)
		CHECK(location_of(d, d->sample[0]->location_id[i])->address ==
		      0x400000 + i * 3);
	ck_assert_uint_eq(d->health->n_note, 6);
	for (size_t i = 0, size = 120; i < 6; i++, size *= 3)
		ck_assert_uint_eq(strlen(d->health->note[i]), size);
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

/* --- what pprof has no field for ------------------------------------------ */

START_TEST(threads_and_rings)
{
	struct pprof_thread thread = {
		.tid = 55, .name = "io", .start_routine = 0x400999,
		.start_ns = 1, .end_ns = 2, .cpu_ns = 3, .sampled_ns = 4,
	};
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	Decoded *d;

	pprof_begin(p, &process, 0);
	pprof_add_thread(p, &thread);
	pprof_add_ring(p, 7, 8, (uint64_t)1 << 40);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	ck_assert_uint_eq(d->n_thread, 1);
	ck_assert_uint_eq(d->thread[0]->tid, 55);
	ck_assert_str_eq(d->thread[0]->name, "io");
	ck_assert_uint_eq(d->thread[0]->start_routine, 0x400999);
	ck_assert_uint_eq(d->thread[0]->start_ns, 1);
	ck_assert_uint_eq(d->thread[0]->end_ns, 2);
	ck_assert_uint_eq(d->thread[0]->cpu_ns, 3);
	ck_assert_uint_eq(d->thread[0]->sampled_ns, 4);
	ck_assert_uint_eq(d->n_ring, 1);
	ck_assert_uint_eq(d->ring[0]->slot, 7);
	ck_assert_uint_eq(d->ring[0]->generation, 8);
	ck_assert_uint_eq(d->ring[0]->position, (uint64_t)1 << 40);
	decoded_free(d);
	free(f.data);
	pprof_free(p);
}
END_TEST

START_TEST(health_counters_are_all_there)
{
	struct pprof_health h = {
		.samples = 1, .expirations = 2, .asked_mhz = 99000,
		.clock = "cputime", .unwind = "cfi", .signal = 27,
		.handler_ns = 3, .flusher_cpu_ns = 4, .threads = 5,
		.cpu_ns = 6, .sampled_ns = 7, .flushes = 8, .memory = 9,
		.done = true,
	};
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	const Profagent__Health *got;
	Decoded *d;

	h.lost[LOST_NESTED] = 11;
	h.truncated[UNWIND_NO_RULE] = 12;
	h.truncated[UNWIND_DEPTH] = 13;
	pprof_begin(p, &process, 0);
	pprof_add_health(p, &h);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	got = d->health;
	ck_assert_uint_eq(got->samples, 1);
	ck_assert_uint_eq(got->expirations, 2);
	ck_assert_uint_eq(got->n_lost, 1);
	ck_assert_uint_eq(got->lost[0]->what, LOST_NESTED);
	ck_assert_uint_eq(got->lost[0]->n, 11);
	ck_assert_uint_eq(got->n_truncated, 2);
	ck_assert_uint_eq(got->truncated[0]->what, UNWIND_DEPTH);
	ck_assert_uint_eq(got->truncated[1]->n, 12);
	ck_assert_uint_eq(got->asked_mhz, 99000);
	ck_assert_str_eq(got->clock, "cputime");
	ck_assert_str_eq(got->unwind, "cfi");
	ck_assert_uint_eq(got->signal, 27);
	ck_assert_uint_eq(got->handler_ns, 3);
	ck_assert_uint_eq(got->flusher_cpu_ns, 4);
	ck_assert_uint_eq(got->threads, 5);
	ck_assert_uint_eq(got->cpu_ns, 6);
	ck_assert_uint_eq(got->sampled_ns, 7);
	ck_assert_uint_eq(got->flushes, 8);
	ck_assert_uint_eq(got->memory, 9);
	ck_assert_uint_eq(got->done, 1);
	decoded_free(d);
	free(f.data);
	pprof_free(p);
}
END_TEST

static const struct {
	const char *raw, *written;
} texts[] = {
	{ "plain", "plain" },
	{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
	{ "cut in the mi\xc3", "cut in the mi\\xc3" },
	{ "\xff\xfe", "\\xff\\xfe" },
	{ "\xc0\x80", "\\xc0\\x80" },			/* overlong */
	{ "\xe0\x80\x80", "\\xe0\\x80\\x80" },
	{ "\xed\xa0\x80", "\\xed\\xa0\\x80" },		/* a surrogate */
	{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" },	/* > U+10FFFF */
	{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	{ "\xf0\x9f\x98", "\\xf0\\x9f\\x98" },
	{ "\xe2\x82\xacuro", "\xe2\x82\xacuro" },
};

START_TEST(bad_bytes_in_text_are_escaped)
{
	struct pprof_thread thread = { .tid = 1, .name = texts[_i].raw };
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	Decoded *d;

	pprof_begin(p, &process, 0);
	add(t, 1, 1, 0x400000, 0x400001);
	pprof_add_stack(p, stacks_first(t), texts[_i].raw, 1);
	pprof_add_stack(p, stacks_first(t), texts[_i].raw, 1);
	pprof_add_thread(p, &thread);
	end_to_file(p, &f, 1);
	d = decode(f.data, f.size);
	ck_assert_str_eq(d->thread[0]->name, texts[_i].written);
	ck_assert_str_eq(text(d, d->sample[0]->label[0]->str),
			 texts[_i].written);
	ck_assert_int_eq(d->sample[0]->label[0]->str,
			 d->sample[1]->label[0]->str);
	decoded_free(d);
	free(f.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

/* --- members of one file -------------------------------------------------- */

START_TEST(later_members_repeat_nothing)
{
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file all = { 0 }, one = { 0 };
	Decoded *d;

	for (uint64_t i = 0; i < 3; i++) {
		pprof_begin(p, &process, 0);
		add(t, 2000000, 10, 0x400010, 0x7f0000000020);
		add(t, 2000000, 10, 0x400010 + i, 0x7f0000000020);
		encode_stacks(p, t);
		one.size = 0;
		end_to_file(p, &one, i + 1);
		file_append(&all, one.data, one.size);
		if (i == 0)
			continue;
		d = decode(one.data, one.size);
		ck_assert_uint_eq(d->n_sample_type, 0);
		ck_assert_ptr_null(d->period_type);
		ck_assert_ptr_null(d->process);
		ck_assert_int_eq(d->period, 0);
		ck_assert_int_eq(d->time_nanos, 0);
		ck_assert_int_eq(d->default_sample_type, 0);
		ck_assert_int_eq(d->duration_nanos, (int64_t)i + 1);
		ck_assert_uint_eq(d->n_string_table, 0);
		ck_assert_uint_eq(d->n_mapping, 0);
		ck_assert_uint_eq(d->n_location, 1);
		decoded_free(d);
	}
	d = decode(all.data, all.size);
	check_references(d);
	ck_assert_int_eq(d->duration_nanos, 3);
	ck_assert_uint_eq(d->n_sample, 5);
	ck_assert_uint_eq(d->n_mapping, 2);
	decoded_free(d);
	free(one.data);
	free(all.data);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

static uint64_t mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

START_TEST(reset_begins_a_file_of_its_own)
{
	uint64_t now;
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	struct file f = { 0 };
	Decoded *d;

	for (uint32_t part = 0; part < 3; part++) {
		pprof_begin(p, &process, part);
		add(t, 2000000, 10, 0x400010 + part, 0x7f0000000020);
		encode_stacks(p, t);
		f.size = 0;
		now = mono_ns() - process.start_mono_ns;
		end_to_file(p, &f, now + 5000000000u);
		d = decode(f.data, f.size);
		check_references(d);
		ck_assert_uint_eq(d->process->part, part);
		/* A part's time and duration are those of the part. */
		ck_assert_uint_le((uint64_t)d->time_nanos -
				  process.start_unix_ns, part == 0 ? 0 : now);
		ck_assert_int_eq((uint64_t)d->time_nanos >
				 process.start_unix_ns, part > 0);
		ck_assert_uint_ge((uint64_t)d->time_nanos +
				  (uint64_t)d->duration_nanos,
				  process.start_unix_ns + now + 5000000000u);
		decoded_free(d);
		pprof_reset(p);
	}
	free(f.data);
	stacks_free(t);
	pprof_free(p);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

/* One member of `n` stacks, different ones for each `seed`. */
static const uint8_t *encode_many(struct pprof *p, uint64_t seed, uint64_t n,
				  size_t *size)
{
	char name[32];
	struct {
		struct stacks_entry entry;
		uint64_t pcs[20];
	} e = { .entry = { .frames = 20, .count = 1, .cpu_ns = 10 } };

	pprof_begin(p, &process, 0);
	for (uint64_t i = 0; i < n; i++) {
		for (uint64_t j = 0; j < 20; j++)
			e.entry.pcs[j] = j % 2 ? 0x400000 + seed * 64 + j :
					 0x7f0000000000 + i * 8 + j * 3;
		sprintf(name, "t%lu", (unsigned long)(seed * 31 + i % 50));
		pprof_add_stack(p, &e.entry, name, (int)i);
	}
	pprof_add_unsampled(p, 0x400000 + seed, 1);
	return pprof_end(p, seed, size);
}

START_TEST(undo_leaves_no_trace)
{
	struct pprof *p = pprof_new(), *q = pprof_new();
	const uint8_t *a, *b;
	size_t a_size, b_size;

	/* A first member undone, then a later one. */
	encode_many(p, 1, 300, &a_size);
	pprof_undo(p);
	for (uint64_t seed = 2; seed < 5; seed++) {
		a = encode_many(p, seed, 300, &a_size);
		b = encode_many(q, seed, 300, &b_size);
		ck_assert_uint_eq(a_size, b_size);
		ck_assert_int_eq(memcmp(a, b, a_size), 0);
		encode_many(p, seed + 100, 5000, &a_size);
		pprof_undo(p);
	}
	pprof_free(p);
	pprof_free(q);
}
END_TEST

/*
 * Memory runs out at every point in turn. Each time the encoder must be as if
 * the attempt had not been made.
 */
START_TEST(without_memory_nothing_is_lost_but_the_member)
{
	struct pprof *p = pprof_new(), *q = pprof_new();
	const uint8_t *a, *b = NULL;
	size_t a_size, b_size, refused = 0;

	for (size_t room = 0;; room += 4096 + room / 16) {
		arena_set_limit(arena_total() + room);
		a = encode_many(p, 9, 2000, &a_size);
		arena_set_limit(SIZE_MAX);
		if (a != NULL)
			break;
		refused++;
	}
	ck_assert_uint_gt(refused, 5);
	b = encode_many(q, 9, 2000, &b_size);
	ck_assert_uint_eq(a_size, b_size);
	ck_assert_int_eq(memcmp(a, b, a_size), 0);
	for (size_t room = 0;; room += 4096 + room / 16) {
		arena_set_limit(arena_total() + room);
		a = encode_many(p, 10, 20000, &a_size);
		arena_set_limit(SIZE_MAX);
		if (a != NULL)
			break;
		refused++;
	}
	b = encode_many(q, 10, 20000, &b_size);
	ck_assert_uint_eq(a_size, b_size);
	ck_assert_int_eq(memcmp(a, b, a_size), 0);
	pprof_free(p);
	pprof_free(q);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

START_TEST(what_is_known_is_not_written_again)
{
	struct pprof *p = pprof_new();
	const uint8_t *fragment;
	size_t size;
	Decoded *d;

	encode_many(p, 1, 5000, &size);
	fragment = encode_many(p, 1, 5000, &size);
	d = decode(fragment, size);
	ck_assert_uint_eq(d->n_sample, 5001);
	ck_assert_uint_eq(d->n_location, 0);
	ck_assert_uint_eq(d->n_mapping, 0);
	ck_assert_uint_eq(d->n_function, 0);
	ck_assert_uint_eq(d->n_string_table, 0);
	decoded_free(d);
	pprof_free(p);
}
END_TEST

START_TEST(a_hundred_thousand_distinct_stacks)
{
	struct pprof *p = pprof_new();
	const uint8_t *fragment;
	int64_t count = 0, cpu = 0;
	size_t size;
	Decoded *d;

	fragment = encode_many(p, 1, 100000, &size);
	ck_assert_ptr_nonnull(fragment);
	d = decode(fragment, size);
	check_references(d);
	for (size_t i = 0; i < d->n_sample; i++) {
		count += d->sample[i]->value[0];
		cpu += d->sample[i]->value[1];
	}
	ck_assert_int_eq(count, 100000);
	ck_assert_int_eq(cpu, 1000001);
	decoded_free(d);
	pprof_free(p);
}
END_TEST

/* Ever new code and thread names, as of a program that compiles as it runs. */
START_TEST(what_is_remembered_is_bounded)
{
	struct pprof *p = pprof_new();
	struct file f = { 0 };
	size_t most = 0, size;
	const uint8_t *fragment;
	char name[32];
	Decoded *d;
	struct {
		struct stacks_entry entry;
		uint64_t pc;
	} e = { .entry = { .frames = 1, .count = 1, .cpu_ns = 10 } };

	for (uint64_t m = 0; m < 40; m++) {
		pprof_begin(p, &process, 0);
		for (uint64_t i = 0; i < 10000; i++) {
			e.entry.pcs[0] = m * 10000 + i;
			sprintf(name, "n%u", (unsigned)(m * 1000 + i / 10));
			pprof_add_stack(p, &e.entry, name, 1);
		}
		pprof_add_unsampled(p, 0, 1);
		fragment = pprof_end(p, m, &size);
		if (m % 3 == 1) /* an undone one makes no difference */
			pprof_undo(p);
		else
			file_append(&f, fragment, size);
		if (pprof_memory(p) > most)
			most = pprof_memory(p);
	}
	ck_assert_uint_lt(most, 5u << 20);
	d = decode(f.data, f.size);
	check_references(d);
	ck_assert_uint_eq(d->n_sample, 27 * 10001);
	for (size_t i = 0; i < d->n_sample; i++) {
		uint64_t m = i / 10001 / 2 * 3 + (i / 10001 % 2) * 2;
		uint64_t n = i % 10001;

		if (n == 10000) {
			CHECK(strcmp(leaf_function(d, i), "[not sampled]") ==
			      0);
			continue;
		}
		sprintf(name, "n%u", (unsigned)(m * 1000 + n / 10));
		CHECK(location_of(d, d->sample[i]->location_id[0])->address ==
		      m * 10000 + n);
		CHECK(strcmp(text(d, d->sample[i]->label[0]->str), name) == 0);
		CHECK(strcmp(text(d, d->sample[i]->label[0]->key), "thread") ==
		      0);
	}
	decoded_free(d);
	free(f.data);
	pprof_free(p);
	ck_assert_uint_eq(arena_total(), 0);
}
END_TEST

/* --- go ------------------------------------------------------------------- */

struct totals {
	long long count, cpu;
	int samples;
};

/* What `go tool pprof -raw` makes of the file; it must not complain. */
static struct totals read_by_go(const char *path)
{
	struct totals t = { 0 };
	char command[256], line[4096];
	long long count, cpu;
	bool in_samples = false;
	FILE *out;

	snprintf(command, sizeof(command),
		 "go tool pprof -symbolize=none -raw '%s' 2>&1", path);
	out = popen(command, "r");
	ck_assert_ptr_nonnull(out);
	while (fgets(line, sizeof(line), out) != NULL) {
		ck_assert_msg(strstr(line, "rror") == NULL &&
			      strstr(line, "ailed") == NULL, "%s", line);
		if (strcmp(line, "Samples:\n") == 0)
			in_samples = true;
		else if (strcmp(line, "Locations\n") == 0)
			in_samples = false;
		else if (in_samples &&
			 sscanf(line, " %lld %lld: ", &count, &cpu) == 2) {
			t.count += count;
			t.cpu += cpu;
			t.samples++;
		}
	}
	ck_assert_int_eq(pclose(out), 0);
	return t;
}

static void copy_prefix(const char *from, const char *to, size_t size)
{
	char *data = malloc(size);
	FILE *f = fopen(from, "rb");

	ck_assert_uint_eq(fread(data, 1, size, f), size);
	fclose(f);
	f = fopen(to, "wb");
	ck_assert_uint_eq(fwrite(data, 1, size, f), size);
	fclose(f);
	free(data);
}

START_TEST(go_reads_every_prefix_of_members)
{
	static const struct writer_names names = { "t", 1, "h", 1 };
	enum { MEMBERS = 5 };
	struct pprof_health health = { .samples = 3, .clock = "cputime" };
	struct totals want[MEMBERS], got;
	char dir[] = "/tmp/test-pprof.XXXXXX", path[64], bad;
	struct pprof *p = pprof_new();
	struct stacks *t = stacks_new();
	size_t end[MEMBERS] = { 0 };
	long long count = 0, cpu = 0;

	if (system("go version >/dev/null 2>&1") != 0) {
		fprintf(stderr, "skipped: there is no go to read with\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	setenv("PPROF_TMPDIR", dir, 1);
	ck_assert_int_eq(writer_init("p.pb.gz", dir, &names, "", 0, &bad), 0);
	for (uint64_t m = 0; m < MEMBERS; m++) {
		const uint8_t *fragment;
		size_t size;

		pprof_begin(p, &process, 0);
		for (uint64_t i = 0; i < 40 * (m + 1); i++) {
			add(t, 1000000 + i, 10 + m, 0x400000 + i * 7,
			    i % 3 ? 0x7f0000000000 + m : 0x99);
			count += 1;
			cpu += (long long)(10 + m);
		}
		encode_stacks(p, t);
		pprof_add_unsampled(p, 0x400001, 1000);
		cpu += 1000;
		pprof_add_note(p, "a note");
		pprof_add_health(p, &health);
		pprof_add_ring(p, 0, 1, m);
		fragment = pprof_end(p, m + 1, &size);
		ck_assert_int_eq(writer_append(fragment, size), 0);
		writer_member(&size);
		end[m] = (m > 0 ? end[m - 1] : 0) + size;
		got = read_by_go(writer_path());
		ck_assert_int_eq(got.count, count);
		ck_assert_int_eq(got.cpu, cpu);
		want[m] = got;
	}
	snprintf(path, sizeof(path), "%s/prefix.pb.gz", dir);
	for (int m = 0; m < MEMBERS; m++) {
		copy_prefix(writer_path(), path, end[m]);
		got = read_by_go(path);
		ck_assert_int_eq(got.count, want[m].count);
		ck_assert_int_eq(got.cpu, want[m].cpu);
		ck_assert_int_eq(got.samples, want[m].samples);
	}
	unlink(path);
	unlink(writer_path());
	writer_abandon();
	ck_assert_int_eq(rmdir(dir), 0);
	stacks_free(t);
	pprof_free(p);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, first_member_says_what_and_who);
	tcase_add_test(tc, process_is_complete);
	tcase_add_test(tc, wall_time_is_one_more_value);
	tcase_add_test(tc, a_sample_holds_all_there_is);
	tcase_add_test(tc, equal_weights_are_left_out);
	tcase_add_test(tc, an_address_belongs_to_the_module_of_its_time);
	tcase_add_test(tc, unsampled_time_hangs_below_the_start_routine);
	tcase_add_test(tc, long_stacks_and_strings);
	tcase_add_test(tc, threads_and_rings);
	tcase_add_test(tc, health_counters_are_all_there);
	tcase_add_loop_test(tc, bad_bytes_in_text_are_escaped, 0,
			    sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tc, later_members_repeat_nothing);
	tcase_add_test(tc, reset_begins_a_file_of_its_own);
	tcase_add_test(tc, undo_leaves_no_trace);
	tcase_add_test(tc, without_memory_nothing_is_lost_but_the_member);
	tcase_add_test(tc, what_is_known_is_not_written_again);
	tcase_add_test(tc, a_hundred_thousand_distinct_stacks);
	tcase_add_test(tc, what_is_remembered_is_bounded);
	tcase_add_test(tc, go_reads_every_prefix_of_members);
}

int main(void)
{
	Suite *suite = suite_create("pprof");
	TCase *tc = tcase_create("pprof");

	add_tests(tc);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
