/* SPDX-License-Identifier: MIT */
/*
 * writer: the output file. Runs on the flusher, but for writer_init().
 *
 * A member, as gzip documents it (RFC 1952) around deflate (RFC 1951):
 *
 *   1f 8b 08 00 | mtime 0 | 00 03 | blocks | crc32 | size mod 2^32
 *   block: last? | LEN | ~LEN | LEN bytes, stored
 */
#include "agent/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/arena.h"
#include "agent/crc32.h"
#include "agent/format.h"
#include "agent/sys.h"

#define SUFFIX ".pb.gz"
#define OLD ".old"
#define CLASHES_MAX 9999u
/* What a name may grow by: ".9999" and ".old.99". */
#define NAME_GROWTH 12u

#define GZIP_HEADER 10u		/* bytes */
#define GZIP_TRAILER 8u
#define BLOCK_HEADER 5u
#define BLOCK_MAX 65535u	/* LEN has 16 bits */
#define MEMBER_KEPT (1u << 20)	/* buffer kept between members */

#define OPEN_FLAGS (O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)

static struct {
	char base[PATH_MAX];		/* where a file should be */
	char fallback[PATH_MAX];	/* directory, "" if none */
	char path[PATH_MAX];		/* of the file in use */
	int fd;				/* -1: not open */
	bool begun;			/* there is a file to continue */
	bool fell_back;
	bool torn;			/* ends in a part of a member */
	dev_t device;			/* which file that is */
	ino_t inode;
	struct timespec modified;	/* when it was closed */
	uint64_t size;			/* bytes of whole members */
	uint64_t max_size;		/* 0: no limit */
	uint64_t max_age_ns;		/* the same */
	uint64_t begun_ns;		/* CLOCK_MONOTONIC: when it was made */
	unsigned keep;			/* renamed files that stay */
	uint8_t *member;
	size_t member_room;		/* bytes mapped */
	size_t member_size;		/* bytes in it */
} writer = { .fd = -1, .keep = 1 };

/* --- names ---------------------------------------------------------------- */

static void put_name(struct format *f, const char *name)
{
	for (; *name != '\0'; name++)
		format_char(f, *name == '/' ? '_' : *name);
}

/* What stands for a letter. False for one that is none. */
static bool put_letter(struct format *f, char letter,
		       const struct writer_names *names)
{
	switch (letter) {
	case 'e':
		put_name(f, names->program);
		return true;
	case 'h':
		put_name(f, names->host);
		return true;
	case 'p':
		format_signed(f, names->pid);
		return true;
	case 't':
		format_unsigned(f, names->start_unix_s);
		return true;
	case '%':
		format_char(f, '%');
		return true;
	}
	return false;
}

static int expand(struct format *f, const char *pattern,
		  const struct writer_names *names, char *bad)
{
	size_t size = strlen(pattern);

	if (size == 0 || pattern[size - 1] == '/') {
		*bad = '/';
		return -EINVAL;
	}
	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '%') {
			format_char(f, *pattern);
			continue;
		}
		pattern++;
		if (!put_letter(f, *pattern, names)) {
			*bad = *pattern != '\0' ? *pattern : '%';
			return -EINVAL;
		}
	}
	return 0;
}

int writer_check_pattern(const char *pattern, char *bad)
{
	static const struct writer_names none = { "", 0, "", 0 };
	char text[2];
	struct format f;

	format_init(&f, text, sizeof(text));
	return expand(&f, pattern, &none, bad);
}

static const char *last_part(const char *path)
{
	const char *at, *part = path;

	for (at = path; *at != '\0'; at++)
		if (*at == '/')
			part = at + 1;
	return part;
}

/* base + middle + ".pb.gz", where base has that suffix; else base + middle. */
static void insert_middle(char *path, const char *base, const char *middle)
{
	size_t size = strlen(base), suffix = strlen(SUFFIX);
	struct format f;

	if (size < suffix || memcmp(base + size - suffix, SUFFIX, suffix) != 0)
		suffix = 0;
	format_init(&f, path, PATH_MAX);
	format_bytes(&f, base, size - suffix);
	format_string(&f, middle);
	format_string(&f, base + size - suffix);
}

/* The name tried after `clash` others were found to exist. */
static void clash_name(char *path, const char *base, unsigned clash)
{
	char middle[16] = "";
	struct format f;

	format_init(&f, middle, sizeof(middle));
	if (clash > 0)
		format_printf(&f, ".%u", clash);
	insert_middle(path, base, middle);
}

int writer_init(const char *pattern, const char *cwd,
		const struct writer_names *names, const char *fallback,
		uint64_t max_size, char *bad)
{
	struct format f;
	int ret;

	format_init(&f, writer.base, sizeof(writer.base));
	if (pattern[0] != '/') {
		format_string(&f, cwd);
		format_char(&f, '/');
	}
	ret = expand(&f, pattern, names, bad);
	if (ret < 0)
		return ret;
	if (f.cut || f.used + NAME_GROWTH >= PATH_MAX ||
	    strlen(last_part(writer.base)) + NAME_GROWTH > NAME_MAX)
		return -ENAMETOOLONG;
	format_init(&f, writer.fallback, sizeof(writer.fallback));
	format_string(&f, fallback);
	/* The name is appended to it: without room it is of no use. */
	if (f.used + NAME_MAX + 2 >= PATH_MAX)
		writer.fallback[0] = '\0';
	writer.max_size = max_size;
	return 0;
}

/* --- opening -------------------------------------------------------------- */

/* Returns a descriptor with writer.path set, or -errno. */
static int create(const char *base)
{
	unsigned clash;
	int fd = -EEXIST;

	for (clash = 0; clash <= CLASHES_MAX && fd == -EEXIST; clash++) {
		clash_name(writer.path, base, clash);
		fd = sys_open(writer.path, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);
	}
	return fd;
}

/* True if nobody but us can write in the fallback directory. */
static bool fallback_is_ours(void)
{
	struct stat st;
	int dir, ret;

	if (writer.fallback[0] == '\0')
		return false;
	sys_mkdir(writer.fallback, 0700);
	dir = sys_open(writer.fallback,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
	if (dir < 0)
		return false;
	ret = sys_fstat(dir, &st);
	sys_close(dir);
	return ret == 0 && st.st_uid == sys_geteuid() &&
	       (st.st_mode & 077) == 0;
}

static int create_in_fallback(void)
{
	char base[PATH_MAX];
	struct format f;

	if (!fallback_is_ours())
		return -EACCES;
	format_init(&f, base, sizeof(base));
	format_printf(&f, "%s/%s", writer.fallback, last_part(writer.base));
	return create(base);
}

/* Errors that another directory would not help, or that pass. */
static bool is_passing(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EMFILE ||
	       error == -ENFILE || error == -ENOMEM || error == -EINTR;
}

static int create_anywhere(void)
{
	int fd = -EACCES, there;

	if (!writer.fell_back)
		fd = create(writer.base);
	if (fd >= 0 || (is_passing(fd) && !writer.fell_back))
		return fd;
	there = create_in_fallback();
	if (there < 0)
		return writer.fell_back ? there : fd;
	writer.fell_back = true;
	return there;
}

/* True if the path still names the file that was begun. */
static bool path_is_ours(void)
{
	struct stat st;

	return sys_lstat(writer.path, &st) == 0 &&
	       st.st_dev == writer.device && st.st_ino == writer.inode;
}

/* Inode numbers are used again: the time and size say it is the same file. */
static bool is_as_closed(int fd)
{
	struct stat st;

	return sys_fstat(fd, &st) == 0 && st.st_dev == writer.device &&
	       st.st_ino == writer.inode &&
	       (uint64_t)st.st_size == writer.size &&
	       st.st_mtim.tv_sec == writer.modified.tv_sec &&
	       st.st_mtim.tv_nsec == writer.modified.tv_nsec;
}

static int reopen(void)
{
	int fd = sys_open(writer.path, OPEN_FLAGS, 0);

	if (fd < 0)
		return is_passing(fd) ? fd : -ESTALE;
	if (!is_as_closed(fd)) {
		sys_close(fd);
		return -ESTALE;
	}
	writer.fd = fd;
	return 0;
}

int writer_open(void)
{
	struct stat st;
	int fd;

	if (writer.fd >= 0)
		return 0;
	if (writer.begun)
		return reopen();
	fd = create_anywhere();
	if (fd < 0) {
		writer.path[0] = '\0';
		return fd;
	}
	sys_fstat(fd, &st);
	writer.device = st.st_dev;
	writer.inode = st.st_ino;
	writer.fd = fd;
	writer.size = 0;
	writer.torn = false;
	writer.begun = true;
	writer.begun_ns = sys_clock_ns(CLOCK_MONOTONIC);
	return 0;
}

/* --- members -------------------------------------------------------------- */

static size_t gzip_size(size_t size)
{
	size_t blocks = size == 0 ? 1 : (size + BLOCK_MAX - 1) / BLOCK_MAX;

	return GZIP_HEADER + blocks * BLOCK_HEADER + size + GZIP_TRAILER;
}

static uint8_t *put_little(uint8_t *at, uint32_t value, unsigned bytes)
{
	while (bytes-- > 0) {
		*at++ = (uint8_t)value;
		value >>= 8;
	}
	return at;
}

static uint8_t *put_blocks(uint8_t *at, const uint8_t *data, size_t size)
{
	size_t part;

	do {
		part = size < BLOCK_MAX ? size : BLOCK_MAX;
		*at++ = part == size; /* BFINAL; type 00: stored */
		at = put_little(at, (uint32_t)part, 2);
		at = put_little(at, ~(uint32_t)part, 2);
		if (part > 0)
			memcpy(at, data, part);
		at += part;
		data += part;
		size -= part;
	} while (size > 0);
	return at;
}

/* A buffer of at least `size` bytes; one far too large is made smaller. */
static bool make_room(size_t size)
{
	size_t room = MEMBER_KEPT;
	uint8_t *member;

	if (size <= writer.member_room && writer.member_room <= MEMBER_KEPT)
		return true;
	if (size > writer.member_room / 4 && size <= writer.member_room)
		return true;
	if (size < MEMBER_KEPT / 16 && writer.member_room == 0)
		room = MEMBER_KEPT / 16;
	while (room < size)
		room *= 2;
	member = arena_block(writer.member, writer.member_room, room);
	if (member == NULL)
		return size <= writer.member_room;
	writer.member = member;
	writer.member_room = room;
	return true;
}

static bool make_member(const uint8_t *fragment, size_t size)
{
	static const uint8_t header[GZIP_HEADER] = {
		0x1f, 0x8b,	/* gzip */
		8,		/* deflate */
		0, 0, 0, 0, 0,	/* no flags, no time */
		0, 3,		/* no level, Unix */
	};
	uint8_t *at;

	writer.member_size = 0;
	if (!make_room(gzip_size(size)))
		return false;
	if (!writer.begun)
		crc32_init();
	at = writer.member;
	memcpy(at, header, sizeof(header));
	at = put_blocks(at + sizeof(header), fragment, size);
	at = put_little(at, crc32_of(fragment, size), 4);
	at = put_little(at, (uint32_t)size, 4);
	writer.member_size = (size_t)(at - writer.member);
	return true;
}

/* Writes all of the member. Returns 0 or -errno; *done bytes went out. */
static int write_member(size_t *done)
{
	ssize_t n;

	*done = 0;
	while (*done < writer.member_size) {
		n = sys_write(writer.fd, writer.member + *done,
			      writer.member_size - *done);
		if (n == -EINTR)
			continue;
		if (n <= 0) /* 0 is no answer a file gives: not for ever */
			return n < 0 ? (int)n : -EIO;
		*done += (size_t)n;
	}
	return 0;
}

/*
 * Cuts off the last `extra` bytes of the file. Counted from its real end, which
 * need not be where we left it: someone may have truncated the file.
 */
static void cut_tail(size_t extra)
{
	struct stat st;

	writer.torn = true;
	if (sys_fstat(writer.fd, &st) != 0)
		return;
	writer.size = (uint64_t)st.st_size - extra;
	writer.torn = sys_ftruncate(writer.fd, (off_t)writer.size) != 0;
}

/* What an earlier attempt could not cut off. Returns 0 or -errno. */
static int repair(void)
{
	int ret;

	if (!writer.torn)
		return 0;
	ret = sys_ftruncate(writer.fd, (off_t)writer.size);
	writer.torn = ret != 0;
	return ret;
}

/* What is written now would vanish with the last descriptor. */
static bool is_removed(void)
{
	struct stat st;

	return sys_fstat(writer.fd, &st) == 0 && st.st_nlink == 0;
}

int writer_append(const uint8_t *fragment, size_t size)
{
	size_t done;
	int ret;

	if (!make_member(fragment, size))
		return -ENOMEM;
	ret = writer_open();
	if (ret == 0 && is_removed())
		ret = -ESTALE;
	if (ret == 0)
		ret = repair();
	if (ret < 0)
		return ret;
	ret = write_member(&done);
	if (ret == 0)
		writer.size += done;
	else if (done > 0)
		cut_tail(done);
	return ret;
}

const uint8_t *writer_member(size_t *size)
{
	*size = writer.member_size;
	return writer.member;
}

/* --- rotation, end -------------------------------------------------------- */

void writer_set_rotation(uint64_t max_age_ns, unsigned keep)
{
	writer.max_age_ns = max_age_ns;
	writer.keep = keep;
}

static bool is_too_old(void)
{
	return writer.max_age_ns > 0 && writer.size > 0 &&
	       sys_clock_ns(CLOCK_MONOTONIC) - writer.begun_ns >=
		       writer.max_age_ns;
}

bool writer_is_full(size_t next_size)
{
	if (is_too_old())
		return true;
	return writer.max_size > 0 && writer.size > 0 &&
	       writer.size + gzip_size(next_size) > writer.max_size;
}

static void forget_file(void)
{
	if (writer.fd >= 0)
		sys_close(writer.fd);
	writer.fd = -1;
	writer.begun = false;
	writer.torn = false;
	writer.size = 0;
}

/* The name of the renamed file that is the n-th from the newest. */
static void old_name(char *path, unsigned n)
{
	char middle[16] = OLD;
	struct format f;

	format_init(&f, middle, sizeof(middle));
	format_string(&f, OLD);
	if (n > 1)
		format_printf(&f, ".%u", n);
	insert_middle(path, writer.path, middle);
}

/* Each becomes one older; those that are not there are no matter. */
static void age_old_ones(void)
{
	char from[PATH_MAX], to[PATH_MAX];
	unsigned n;

	for (n = writer.keep; n > 1; n--) {
		old_name(from, n - 1);
		old_name(to, n);
		sys_rename(from, to);
	}
}

int writer_rotate(void)
{
	char old[PATH_MAX];
	int ret;

	if (!writer.begun)
		return 0;
	/* Removed or replaced by someone: nothing of ours to rename. */
	if (path_is_ours()) {
		age_old_ones();
		old_name(old, 1);
		ret = sys_rename(writer.path, old);
		if (ret < 0)
			return ret;
	}
	forget_file();
	return 0;
}

const char *writer_path(void)
{
	return writer.path;
}

bool writer_has_members(void)
{
	return writer.begun && writer.size > 0;
}

const char *writer_target(void)
{
	return writer.base;
}

bool writer_fell_back(void)
{
	return writer.fell_back;
}

void writer_close(void)
{
	struct stat st;

	if (writer.fd < 0)
		return;
	if (writer.size == 0) {
		if (path_is_ours())
			sys_unlink(writer.path);
		forget_file();
		writer.path[0] = '\0';
		return;
	}
	repair();
	if (sys_fstat(writer.fd, &st) == 0)
		writer.modified = st.st_mtim;
	sys_close(writer.fd);
	writer.fd = -1;
}

void writer_abandon(void)
{
	forget_file();
}

void writer_reset_after_fork(void)
{
	/* The parent's buffer and descriptor table are not in this process. */
	writer.fd = -1;
	writer.member = NULL;
	writer.member_room = writer.member_size = 0;
	writer.fell_back = false;
	writer.path[0] = '\0';
	forget_file();
}
