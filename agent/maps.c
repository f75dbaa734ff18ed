/* SPDX-License-Identifier: MIT */
/*
 * maps: the lines of /proc/self/maps. Runs in the constructor and in the
 * flusher; no libc but mem* and str*.
 */
#include "agent/maps.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "agent/sys.h"

/* Text of about 700 mappings; it doubles as needed. */
#define FIRST_CAPACITY (64u * 1024u)

/* A process cannot have more (vm.max_map_count is 65530 lines) by far. */
#define CAPACITY_MAX (256u * 1024u * 1024u)

static int grow(struct maps_text *m)
{
	size_t capacity = m->capacity ? 2 * m->capacity : FIRST_CAPACITY;
	char *text;

	if (capacity > CAPACITY_MAX)
		return -EFBIG;
	text = sys_mmap(NULL, capacity, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (text == NULL)
		return -ENOMEM;
	sys_madvise(text, capacity, MADV_DONTFORK);
	if (m->text != NULL)
		memcpy(text, m->text, m->size);
	maps_release(m);
	m->text = text;
	m->capacity = capacity;
	return 0;
}

int maps_read(struct maps_text *m, const char *path)
{
	int fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	size_t size = 0;
	ssize_t got = 1;
	int ret = fd < 0 ? fd : 0;

	m->at = 0;
	m->size = 0;
	while (ret == 0 && got != 0) {
		m->size = size;
		if (size == m->capacity)
			ret = grow(m);
		if (ret != 0)
			break;
		got = sys_read(fd, m->text + size, m->capacity - size);
		if (got == -EINTR)
			continue;
		if (got < 0)
			ret = (int)got;
		else
			size += (size_t)got;
	}
	m->size = ret == 0 ? size : 0;
	if (fd >= 0)
		sys_close(fd);
	return ret;
}

void maps_release(struct maps_text *m)
{
	if (m->text != NULL)
		sys_munmap(m->text, m->capacity);
	m->text = NULL;
	m->capacity = 0;
}

/* A number up to the next byte that is no digit; stops at the line's end. */
static uint64_t number(const char **at, const char *end, unsigned base)
{
	uint64_t value = 0;

	for (; *at < end; ++*at) {
		char c = **at;
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (base == 16 && c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a' + 10);
		else
			break;
		value = value * base + digit;
	}
	return value;
}

static bool expect(const char **at, const char *end, char c)
{
	if (*at >= end || **at != c)
		return false;
	++*at;
	return true;
}

static uint32_t prot_bits(const char *perms)
{
	return (perms[0] == 'r' ? (uint32_t)MAPS_READ : 0) |
	       (perms[1] == 'w' ? (uint32_t)MAPS_WRITE : 0) |
	       (perms[2] == 'x' ? (uint32_t)MAPS_EXEC : 0);
}

/* "start-end rwxp offset major:minor inode     path" */
static bool parse(struct maps_entry *entry, const char *at, const char *end)
{
	entry->start = number(&at, end, 16);
	if (!expect(&at, end, '-'))
		return false;
	entry->end = number(&at, end, 16);
	if (!expect(&at, end, ' ') || end - at < 5)
		return false;
	entry->prot = prot_bits(at);
	at += 4;
	if (!expect(&at, end, ' '))
		return false;
	entry->offset = number(&at, end, 16);
	if (!expect(&at, end, ' '))
		return false;
	entry->dev = (uint32_t)number(&at, end, 16) << 20;
	if (!expect(&at, end, ':'))
		return false;
	entry->dev |= (uint32_t)number(&at, end, 16);
	if (!expect(&at, end, ' '))
		return false;
	entry->inode = number(&at, end, 10);
	while (expect(&at, end, ' '))
		;
	entry->path = at;
	entry->path_size = (uint32_t)(end - at);
	return entry->start < entry->end;
}

bool maps_next(struct maps_text *m, struct maps_entry *entry)
{
	while (m->at < m->size) {
		const char *line = m->text + m->at;
		const char *limit = m->text + m->size;
		const char *end = line;

		while (end < limit && *end != '\n')
			end++;
		m->at += (size_t)(end - line) + 1;
		if (parse(entry, line, end))
			return true;
	}
	return false;
}
