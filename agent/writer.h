/* SPDX-License-Identifier: MIT */
/*
 * writer: appends fragments to the output file, each as one gzip member.
 *
 * A member holds stored (uncompressed) deflate blocks: writing costs a copy
 * and a CRC. One write() a member, so that the file is at every moment a whole
 * number of members, save for a crash of the machine or a full disk, when it is
 * truncated back. Flusher only; descriptors are those of the flusher's own
 * table.
 */
#ifndef PROFAGENT_AGENT_WRITER_H
#define PROFAGENT_AGENT_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What %-letters of PROFAGENT_OUTPUT stand for. */
struct writer_names {
	const char *program;	/* %e: a '/' in it becomes '_' */
	int pid;		/* %p */
	const char *host;	/* %h */
	uint64_t start_unix_s;	/* %t */
};

/*
 * Sets the path for files to come: expands `pattern`, makes it absolute
 * against `cwd`. Creates nothing: no sample, no file. `fallback` is a
 * directory (may be "") used when the path cannot be written; it is made, 0700,
 * if only its last part is missing, and refused if others could write in it.
 * Ordinary context. Returns 0, -ENAMETOOLONG (the path, or its last part), or
 * -EINVAL: *bad is then the unknown letter behind a %, '%' for a lone one at
 * the end, or '/' when the pattern names no file.
 */
int writer_init(const char *pattern, const char *cwd,
		const struct writer_names *names, const char *fallback,
		uint64_t max_size, char *bad);

#define WRITER_KEEP_MAX 99u

/*
 * Files are also rotated when they are `max_age_ns` old (0: never), and `keep`
 * of the renamed ones stay: 1 to WRITER_KEEP_MAX, 1 until this is called.
 * Ordinary context.
 */
void writer_set_rotation(uint64_t max_age_ns, unsigned keep);

/* Checks a pattern's letters as writer_init() does, without side effects. */
int writer_check_pattern(const char *pattern, char *bad);

/*
 * Opens the file now, if it is not open: before set*id, chroot and the like.
 * O_CREAT|O_EXCL|O_APPEND|O_CLOEXEC|O_NOFOLLOW, 0600; a name that exists gets
 * ".1", ".2", ... before its ".pb.gz". After writer_close() it is the same file
 * again. Returns 0, -errno, or -ESTALE: that file is no longer there or may no
 * longer be written (see writer_abandon).
 */
int writer_open(void);

/*
 * Appends one member. Opens the file if needed. On a failed or short write the
 * file is truncated back to its last whole member. Returns 0 or -errno
 * (-ENOSPC, -EDQUOT, -EFBIG, -EIO ...): the caller keeps the fragment and tries
 * again later, or drops it and counts.
 */
int writer_append(const uint8_t *fragment, size_t size);

/* Is anything in the file that was begun? */
bool writer_has_members(void);

/*
 * The member that the last writer_append() wrote or tried to write, valid until
 * the next one: live subscribers get the same bytes.
 */
const uint8_t *writer_member(size_t *size);

/*
 * True when the next append would pass the maximal size, or the file is too
 * old: the caller calls writer_rotate() and starts a new file with pprof_reset().
 */
bool writer_is_full(size_t next_size);

/*
 * Closes the file, renames it from NAME.pb.gz to NAME.old.pb.gz and begins the
 * next under the first name. An older one becomes NAME.old.2.pb.gz and so on; the
 * last that may stay is replaced.
 * Returns 0 or -errno; on error the file stays open and keeps growing.
 */
int writer_rotate(void);

/* Path in use, "" before the first member. */
const char *writer_path(void);

/* Path that was asked for, whether there is a file or not. */
const char *writer_target(void);

/* True once the fallback directory had to be used. */
bool writer_fell_back(void);

/*
 * Closes the descriptor (the flusher ends). An empty file is removed; another
 * can be continued by the next writer_open() or writer_append().
 */
void writer_close(void);

/*
 * Closes the file and begins a new one with the next append, which must carry
 * the first member of a file (pprof_reset): what to do after -ESTALE.
 */
void writer_abandon(void);

/*
 * In a forked child: a new file, nothing inherited. writer_init() follows, so
 * that its name has the child's pid.
 */
void writer_reset_after_fork(void);

#endif
