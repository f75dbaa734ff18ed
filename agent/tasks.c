/* SPDX-License-Identifier: MIT */
/* tasks: see tasks.h. */
#include "agent/tasks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/sys.h"

#define TASK_DIR "/proc/self/task"

/* What getdents64 fills in. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};

unsigned tasks_count(void)
{
	struct stat st;

	if (sys_call(SYS_stat, TASK_DIR, &st) != 0 || st.st_nlink < 2)
		return 0;
	return (unsigned)st.st_nlink - 2;	/* "." and ".." */
}

static int parse_tid(const char *name)
{
	int tid = 0;

	for (; *name >= '0' && *name <= '9'; name++)
		tid = tid * 10 + (*name - '0');
	return *name == '\0' ? tid : 0;
}

int tasks_scan(void (*visit)(int tid, void *arg), void *arg)
{
	char buffer[4096] __attribute__((aligned(8)));
	int fd = sys_open(TASK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	long got, at;

	if (fd < 0)
		return fd;
	while ((got = sys_call(SYS_getdents64, fd, buffer,
			       sizeof(buffer))) > 0) {
		for (at = 0; at < got;) {
			struct entry *e = (struct entry *)(void *)(buffer + at);
			int tid = parse_tid(e->name);

			if (tid > 0)
				visit(tid, arg);
			at += e->size;
		}
	}
	sys_close(fd);
	return (int)got;
}

/* "/proc/self/task/TID/FILE" */
static void task_path(char *path, int tid, const char *file)
{
	char digits[12];
	int n = 0;

	memcpy(path, TASK_DIR "/", sizeof(TASK_DIR));
	path += sizeof(TASK_DIR);
	do
		digits[n++] = (char)('0' + tid % 10);
	while ((tid /= 10) > 0);
	while (n > 0)
		*path++ = digits[--n];
	*path++ = '/';
	memcpy(path, file, strlen(file) + 1);
}

static ssize_t read_task_file(int tid, const char *file, char *buffer,
			      size_t size)
{
	char path[64];
	ssize_t got;
	int fd;

	task_path(path, tid, file);
	fd = sys_open(path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	got = sys_read(fd, buffer, size - 1);
	sys_close(fd);
	if (got >= 0)
		buffer[got] = '\0';
	return got;
}

bool tasks_name(int tid, char name[TASKS_NAME])
{
	ssize_t got = read_task_file(tid, "comm", name, TASKS_NAME);

	if (got <= 0)
		return false;
	if (name[got - 1] == '\n')
		name[got - 1] = '\0';
	return true;
}

/* What follows `key` at the beginning of a line of the file; NULL: nothing. */
static const char *read_status(int tid, const char *key, char *text,
			       size_t size)
{
	size_t len = strlen(key);
	const char *at = text;

	if (read_task_file(tid, "status", text, size - len) <= 0)
		return NULL;
	while ((at = strchr(at, '\n')) && memcmp(at + 1, key, len) != 0)
		at++;
	return at ? at + 1 + len : NULL;
}

uint64_t tasks_sleeps(int tid)
{
	char text[4096 + 32];
	const char *at = read_status(tid, "voluntary_ctxt_switches:\t", text,
				     sizeof(text));
	uint64_t n = 0;

	for (; at && *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	return n;
}

/* "5680885.463822", in ms, to ns. */
static uint64_t parse_ms(const char *at)
{
	uint64_t ms = 0, rest = 0;
	int digits = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		ms = ms * 10 + (uint64_t)(*at - '0');
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9' && digits < 6; digits++)
			rest = rest * 10 + (uint64_t)(*at++ - '0');
	for (; digits < 6; digits++)
		rest *= 10;
	return ms * 1000000u + rest;
}

uint64_t tasks_last_ran(int tid)
{
	static const char key[] = "\nse.exec_start ";
	char text[512 + sizeof(key)];	/* it is the first line of values */
	const char *at = text;

	if (read_task_file(tid ? tid : sys_gettid(), "sched", text, 512) <= 0)
		return 0;
	while ((at = strchr(at, '\n')) &&
	       memcmp(at, key, sizeof(key) - 1) != 0)
		at++;
	if (!at || !(at = strchr(at, ':')))
		return 0;
	for (at++; *at == ' '; at++)
		;
	return parse_ms(at);
}

/* A number, decimal or after 0x hexadecimal. Moves *at behind it. */
static uint64_t parse_number(const char **at)
{
	uint64_t n = 0;
	int digit, base = 10;

	if ((*at)[0] == '0' && (*at)[1] == 'x') {
		base = 16;
		*at += 2;
	}
	for (;; (*at)++) {
		digit = **at >= '0' && **at <= '9' ? **at - '0' :
			**at >= 'a' && **at <= 'f' ? **at - 'a' + 10 : base;
		if (digit >= base)
			break;
		n = n * (unsigned)base + (unsigned)digit;
	}
	return n;
}

/*
 * "running", or "NR ARG1 ... ARG6 SP PC" in a system call, or "-1 SP PC"
 * outside of one.
 */
enum tasks_state tasks_where(int tid, struct tasks_call *c)
{
	char text[256];
	const char *at = text;
	uint64_t numbers[9];
	unsigned n = 0;

	if (read_task_file(tid, "syscall", text, sizeof(text)) <= 0)
		return TASKS_GONE;
	if (text[0] == 'r')
		return TASKS_RUNNING;
	c->nr = text[0] == '-' ? -1 : 0;
	at += text[0] == '-';
	while (n < 9 && *at >= '0' && *at <= '9') {
		numbers[n++] = parse_number(&at);
		at += *at == ' ';
	}
	if (n != (c->nr < 0 ? 3u : 9u))
		return TASKS_GONE;
	if (c->nr == 0)
		c->nr = (int)numbers[0];
	c->sp = numbers[n - 2];
	c->pc = numbers[n - 1];
	return TASKS_BLOCKED;
}

uint64_t tasks_waited_ns(int tid)
{
	char text[96];
	const char *at = text;

	if (read_task_file(tid, "schedstat", text, sizeof(text)) <= 0)
		return 0;
	parse_number(&at);
	at += *at == ' ';
	return parse_number(&at);
}

bool tasks_is_running(int tid)
{
	struct tasks_call call;

	return tasks_where(tid, &call) == TASKS_RUNNING;
}

uint64_t tasks_pending(void)
{
	static const char hex[] = "0123456789abcdef";
	char text[4096 + 32];
	const char *at = read_status(sys_gettid(), "SigPnd:\t", text,
				     sizeof(text));
	const char *digit;
	uint64_t set = 0;

	if (!at)
		return UINT64_MAX;
	for (; *at && (digit = strchr(hex, *at)); at++)
		set = set << 4 | (uint64_t)(digit - hex);
	return set;
}

bool tasks_is_zombie(int tid)
{
	char text[512];
	const char *state;

	if (read_task_file(tid, "stat", text, sizeof(text)) <= 0)
		return false;
	/* the name before it may contain anything, ')' too */
	state = strrchr(text, ')');
	return state && state[1] == ' ' && (state[2] == 'Z' || state[2] == 'X');
}
