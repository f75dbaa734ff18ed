/* SPDX-License-Identifier: MIT */
/* query: see query.h. Runs on threads of the program. */
#include "agent/query.h"

#include <errno.h>
#include <gnu/libc-version.h>
#include <regex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/arena.h"
#include "agent/command.h"
#include "agent/cxx-name.h"
#include "agent/elfsym.h"
#include "agent/flusher.h"
#include "agent/format.h"
#include "agent/functions.h"
#include "agent/modules.h"
#include "agent/sys.h"

/* --- libc's regular expressions ------------------------------------------------- */

/* Not linked: a program's pcreposix or gnulib would be called instead. */
struct regex {
	int (*comp)(regex_t *re, const char *pattern, int flags);
	int (*exec)(const regex_t *re, const char *text, size_t n,
		    regmatch_t *match, int flags);
	void (*free)(regex_t *re);
	regex_t re;
	bool all;		/* no expression: everything matches */
};

/* Where the object that has gnu_get_libc_version() begins; NULL: unknown. */
static const void *libc_image(void)
{
	const struct module_table *table = modules_hold();
	const struct module *m;
	const void *image = NULL;

	if (!table)
		return NULL;
	m = modules_find(table, (uint64_t)(uintptr_t)gnu_get_libc_version);
	if (m && m->bias != 0)
		image = (const void *)(uintptr_t)m->bias;
	modules_drop(table);
	return image;
}

static int regex_init(struct regex *r, const char *filter)
{
	const void *libc = filter ? libc_image() : NULL;

	r->all = !filter;
	if (!filter)
		return 0;
	*(void **)&r->comp = elfsym_find_in(libc, "regcomp");
	*(void **)&r->exec = elfsym_find_in(libc, "regexec");
	*(void **)&r->free = elfsym_find_in(libc, "regfree");
	if (!r->comp || !r->exec || !r->free)
		return -ENOSYS;
	switch (r->comp(&r->re, filter, REG_EXTENDED | REG_NOSUB)) {
	case 0:
		return 0;
	case REG_ESPACE:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

static void regex_release(struct regex *r)
{
	if (!r->all)
		r->free(&r->re);
}

static bool regex_matches(const struct regex *r, const char *text)
{
	return r->exec(&r->re, text, 0, NULL, 0) == 0;
}

/* --- the list ------------------------------------------------------------------ */

struct list {
	char *text;		/* a block, with a NUL at its end */
	size_t bytes;		/* of the block */
	char *next;		/* line */
};

/* The flusher has ended: one at a time asks in its place. */
static int take_left(struct list *l)
{
	static _Atomic int busy;
	size_t size = 0;

	/* acquire, release: pairs with the other of who was here before */
	if (atomic_exchange_explicit(&busy, 1, memory_order_acquire) != 0)
		return -EBUSY;
	l->text = functions_list(&size);
	l->bytes = size + 1;
	atomic_store_explicit(&busy, 0, memory_order_release);
	return l->text ? 0 : -ENOMEM;
}

static int take_list(struct list *l)
{
	uint8_t *frame = NULL;
	int err = command_do("functions", &frame, &l->bytes);

	l->text = (char *)frame;
	if (err == -ESRCH && agent_is_cancelled() && flusher_tid() == 0)
		err = take_left(l);
	l->next = l->text;
	return err;
}

static void give_back(struct list *l)
{
	if (l->text)
		arena_block_free(l->text, l->bytes);
}

static uint64_t take_number(char **at)
{
	uint64_t n = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		n = n * 10 + (uint64_t)(**at - '0');
	++*at;
	return n;
}

/* Ends at a tab or newline, which becomes a NUL. */
static const char *take_text(char **at, char end)
{
	char *text = *at, *stop = strchr(text, end);

	*stop = '\0';
	*at = stop + 1;
	return text;
}

static bool take_line(struct list *l, struct profagent_function *f)
{
	if (*l->next == '\0')
		return false;
	f->self = take_number(&l->next);
	f->total = take_number(&l->next);
	f->self_ns = take_number(&l->next);
	f->total_ns = take_number(&l->next);
	f->object = take_text(&l->next, '\t');
	f->name = take_text(&l->next, '\n');
	return true;
}

/* --- asking -------------------------------------------------------------------- */

static bool name_matches(const struct regex *r, const char *object,
			 const char *name)
{
	char both[2 * (FUNCTIONS_NAME_MAX + 1)];
	struct format s;

	if (r->all || regex_matches(r, name))
		return true;
	format_init(&s, both, sizeof(both));
	format_string(&s, object);
	format_char(&s, ':');
	format_string(&s, name);
	return regex_matches(r, both);
}

/* `readable`: the name as C++ has it; NULL: it is no mangled one. */
static bool matches(const struct regex *r, const struct profagent_function *f,
		    const char *readable)
{
	return name_matches(r, f->object, f->name) ||
	       (readable && name_matches(r, f->object, readable));
}

static int visit(struct list *l, const struct regex *r, size_t limit,
		 void (*row)(const struct profagent_function *function,
			     void *arg), void *arg)
{
	cxx_name_demangler *demangle = cxx_name_find();
	size_t count = 0, most = limit ? limit : SIZE_MAX;
	struct profagent_function f;

	while (take_line(l, &f)) {
		char *readable = cxx_name_of(demangle, f.name);

		if (matches(r, &f, readable) && ++count <= most) {
			f.name = readable ? readable : f.name;
			row(&f, arg);
		}
		free(readable);
	}
	return (int)count;
}

/* `prepare` sees the list before its first line is taken; NULL: none. */
static int ask(const char *filter, size_t limit,
	       void (*row)(const struct profagent_function *function,
			   void *arg), void *arg,
	       void (*prepare)(const struct list *l, void *arg))
{
	struct list l = { NULL, 0, NULL };
	struct regex r;
	int saved = errno, err = regex_init(&r, filter);

	if (err == 0) {
		err = take_list(&l);
		if (err == 0 && prepare)
			prepare(&l, arg);
		if (err == 0)
			err = visit(&l, &r, limit, row, arg);
		give_back(&l);
		regex_release(&r);
	}
	errno = saved;
	return err;
}

int query_do(const char *filter, size_t limit,
	     void (*row)(const struct profagent_function *function, void *arg),
	     void *arg)
{
	return row ? ask(filter, limit, row, arg, NULL) : -EINVAL;
}

/* --- as a table ------------------------------------------------------------------ */

#define NAME_COLUMNS 40u
#define NUMBER_COLUMNS 9u

struct table {
	int fd, err;		/* err: of a write, 0 or -errno */
	uint64_t samples;	/* of all functions */
};

static void write_all(struct table *t, const char *text, size_t size)
{
	ssize_t done;

	while (size > 0 && t->err == 0) {
		done = sys_write(t->fd, text, size);
		if (done == -EINTR)
			continue;
		if (done <= 0) {
			t->err = done < 0 ? (int)done : -EIO;
			break;
		}
		text += done;
		size -= (size_t)done;
	}
}

static void put_right(struct format *line, const struct format *cell)
{
	size_t i;

	for (i = cell->used; i < NUMBER_COLUMNS; i++)
		format_char(line, ' ');
	format_bytes(line, cell->text, cell->used);
}

static void put_number(struct format *line, uint64_t n)
{
	char text[24];
	struct format cell;

	format_init(&cell, text, sizeof(text));
	format_unsigned(&cell, n);
	put_right(line, &cell);
}

/* Per cent, with one digit behind the point. */
static void put_share(struct format *line, uint64_t n, uint64_t of)
{
	uint64_t permille = of ? (n * 1000 + of / 2) / of : 0;
	char text[24];
	struct format cell;

	format_init(&cell, text, sizeof(text));
	format_printf(&cell, "%lu.%lu%%", (unsigned long)(permille / 10),
		      (unsigned long)(permille % 10));
	put_right(line, &cell);
}

static void put_name(struct format *line, const char *name)
{
	size_t size = strlen(name), i;

	format_bytes(line, name, size < NAME_COLUMNS ? size : NAME_COLUMNS);
	for (i = size; i < NAME_COLUMNS; i++)
		format_char(line, ' ');
}

static void write_row(const struct profagent_function *f, void *arg)
{
	struct table *t = arg;
	char text[160];
	struct format line;

	format_init(&line, text, sizeof(text));
	put_name(&line, f->name);
	put_number(&line, f->self);
	put_share(&line, f->self, t->samples);
	put_number(&line, f->total);
	put_share(&line, f->total, t->samples);
	format_char(&line, '\n');
	write_all(t, text, line.used);
}

/* The head of the table, once it is known that there is one. */
static void write_head(const struct list *l, void *arg)
{
	static const char head[] =
		"FUNCTION                                "
		"      OWN        %     DEEP        %\n";
	struct table *t = arg;
	char *at = l->text;

	while (*at != '\0') {
		t->samples += take_number(&at);
		at = strchr(at, '\n') + 1;
	}
	write_all(t, head, sizeof(head) - 1);
}

int query_show(const char *filter, size_t limit, int fd)
{
	struct table t = { fd, 0, 0 };
	int count = ask(filter, limit, write_row, &t, write_head);

	return count >= 0 && t.err != 0 ? t.err : count;
}
