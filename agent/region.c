/* SPDX-License-Identifier: MIT */
/*
 * region: see region.h. region_init() and region_grow() run in the constructor
 * or the flusher; the rest anywhere, the handler included: no libc but mem*.
 */
#include "agent/region.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "agent/fork.h"
#include "agent/format.h"
#include "agent/sys.h"

#define CHUNKS 16
#define FIRST_CHUNK 16u		/* slots; each further chunk doubles the total */

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23	/* Linux 5.14 */
#endif

const char *const lost_reason_names[LOST_REASONS] = {
	[LOST_RING_FULL] = "ring-full",
	[LOST_NO_STACK] = "no-stack",
	[LOST_NESTED] = "nested",
	[LOST_NO_SLOT] = "no-slot",
	[LOST_NO_MEMORY] = "no-memory",
	[LOST_DISK] = "disk",
	[LOST_STARTING] = "starting",
};

/*
 * Chunk 0 begins with the header page and labels; chunk k > 0 holds slots
 * [FIRST_CHUNK << (k - 1), FIRST_CHUNK << k).
 */
static struct {
	uint8_t *chunk[CHUNKS];		/* address of its first slot */
	struct region_header *header;
	int chunks;
	int fd;				/* of the flusher; -1: anonymous */
	int dir;			/* where it is, once the root may change;
					 * of the flusher, -1: path will do */
	char path[PATH_MAX];
} r = { .fd = -1, .dir = -1 };

static FORK_DATA _Atomic uint32_t slots_mapped;

static uint32_t chunk_first(int k)
{
	return k == 0 ? 0 : FIRST_CHUNK << (k - 1);
}

static uint32_t chunk_slots(int k)
{
	return k == 0 ? FIRST_CHUNK : FIRST_CHUNK << (k - 1);
}

static int chunk_of(uint32_t slot)
{
	if (slot < FIRST_CHUNK)
		return 0;
	return 32 - __builtin_clz(slot / FIRST_CHUNK);
}

uint32_t region_slots(void)
{
	/* acquire: pairs with the release in publish(); the chunk is mapped */
	return atomic_load_explicit(&slots_mapped, memory_order_acquire);
}

static uint8_t *slot_address(uint32_t slot)
{
	int k = chunk_of(slot);

	return r.chunk[k] + (size_t)(slot - chunk_first(k)) * REGION_SLOT_BYTES;
}

struct thread_record *region_record(uint32_t slot)
{
	if (slot >= region_slots())
		return NULL;
	return (struct thread_record *)(void *)slot_address(slot);
}

uint8_t *region_ring_buffer(uint32_t slot)
{
	if (slot >= region_slots())
		return NULL;
	return slot_address(slot) + REGION_PAGE;
}

/* --- memory ------------------------------------------------------------- */

/*
 * Before Linux 5.14: copies a byte of each page onto itself through the
 * kernel, which answers EFAULT where touching it would be a SIGBUS.
 */
static int populate_by_copy(uint8_t *at, size_t size)
{
	size_t done;

	for (done = 0; done < size; done += REGION_PAGE) {
		char byte = 0;
		struct iovec local = { &byte, 1 };
		struct iovec remote = { at + done, 1 };
		long got;

		got = sys_process_vm_readv(sys_getpid(), &local, 1, &remote, 1);
		if (got == 1)
			got = sys_call(SYS_process_vm_writev, sys_getpid(),
				       &local, 1, &remote, 1);
		if (got == -ENOSYS || got == -EPERM)
			return 0;	/* cannot be asked: hope */
		if (got != 1)
			return -ENOMEM;
	}
	return 0;
}

static int populate(uint8_t *at, size_t size)
{
	int err = sys_madvise(at, size, MADV_POPULATE_WRITE);

	return err == -EINVAL ? populate_by_copy(at, size) : err;
}

int region_populate(uint32_t slot, uint32_t bytes)
{
	if (bytes > RING_BYTES)
		return -EINVAL;
	return populate(region_ring_buffer(slot), bytes);
}

void region_keep_label(uint16_t set, uint16_t parent, const char *key,
		       const char *value)
{
	uint8_t *at, *page;
	struct region_label *l;

	/* with a slot there is the header */
	if (region_slots() == 0 || set >= REGION_LABELS)
		return;
	at = (uint8_t *)r.header + REGION_PAGE + set * sizeof(*l);
	page = at - ((uintptr_t)at & (REGION_PAGE - 1));
	if (populate(page, (size_t)(at + sizeof(*l) - page)) != 0)
		return;
	l = (struct region_label *)(void *)at;
	l->parent = parent;
	memcpy(l->key, key, strlen(key) + 1);
	memcpy(l->value, value, strlen(value) + 1);
	/* release: a reader that sees it sees the rest */
	atomic_store_explicit(&l->whole, 1, memory_order_release);
}

void region_trim(uint32_t slot)
{
	struct thread_record *t = region_record(slot);
	struct ring *ring = &t->ring;
	uint64_t head;

	if (atomic_load_explicit(&ring->resident, memory_order_relaxed) <=
	    RING_RESIDENT)
		return;
	atomic_store_explicit(&ring->trimming, 1, memory_order_relaxed);
	/* seq_cst: before the read of busy; see handle() in sampler.c */
	atomic_store_explicit(&ring->resident, RING_RESIDENT,
			      memory_order_seq_cst);
	if (atomic_load_explicit(&t->busy, memory_order_seq_cst) == 0 &&
	    ring_oldest(ring, &head) == head)
		sys_madvise(region_ring_buffer(slot) + RING_RESIDENT,
			    RING_BYTES - RING_RESIDENT, MADV_REMOVE);
	/* release: a handler that may grow again does so after the removal */
	atomic_store_explicit(&ring->trimming, 0, memory_order_release);
}

uint64_t region_memory(void)
{
	uint32_t slots = region_slots(), i;
	uint64_t bytes = REGION_PAGE + (uint64_t)slots * REGION_PAGE;

	for (i = 0; i < slots; i++)
		bytes += atomic_load_explicit(
			&region_record(i)->ring.resident, memory_order_relaxed);
	return bytes;
}

/* --- chunks --------------------------------------------------------------- */

static size_t chunk_bytes(int k)
{
	return (k == 0 ? REGION_SLOTS_AT : 0) +
	       (size_t)chunk_slots(k) * REGION_SLOT_BYTES;
}

static off_t chunk_offset(int k)
{
	return k == 0 ? 0
		      : (off_t)REGION_SLOTS_AT +
				(off_t)chunk_first(k) * REGION_SLOT_BYTES;
}

/*
 * Makes the file long enough. Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ,
 * which ends a program: asked before.
 */
static int extend_file(uint64_t size)
{
	struct rlimit limit;

	if (sys_call(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) == 0 &&
	    size > limit.rlim_cur)
		return -EFBIG;
	return (int)sys_call(SYS_ftruncate, r.fd, size);
}

/* What the file has no room for is memory that does not outlive us. */
static uint8_t *map_chunk(int k)
{
	int flags = MAP_SHARED | MAP_NORESERVE, fd = r.fd;
	uint8_t *at;

	if (fd >= 0 && extend_file((uint64_t)chunk_offset(k) + chunk_bytes(k))) {
		if (k == 0)
			return NULL;	/* the whole region, then */
		fd = -1;
	}
	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	at = sys_mmap(NULL, chunk_bytes(k), PROT_READ | PROT_WRITE, flags, fd,
		      fd >= 0 ? chunk_offset(k) : 0);
	if (at)
		/* a forked child has a region of its own */
		sys_madvise(at, chunk_bytes(k), MADV_DONTFORK);
	return at;
}

/* The record pages get memory now, so that claiming a slot cannot fault. */
static int populate_records(uint8_t *slots, uint32_t count)
{
	uint32_t i;
	int err;

	for (i = 0; i < count; i++) {
		err = populate(slots + (size_t)i * REGION_SLOT_BYTES,
			       REGION_PAGE);
		if (err != 0)
			return err;
	}
	return 0;
}

static void publish(uint32_t slots)
{
	atomic_store_explicit(&r.header->slots, slots, memory_order_relaxed);
	/* release: pairs with the acquire in region_slots() */
	atomic_store_explicit(&slots_mapped, slots, memory_order_release);
}

int region_grow(void)
{
	uint8_t *at;
	int k = r.chunks;

	if (k == CHUNKS || chunk_first(k) + chunk_slots(k) > REGION_SLOTS_MAX)
		return -ENOSPC;
	at = map_chunk(k);
	if (!at)
		return -ENOMEM;
	if ((k == 0 && populate(at, REGION_PAGE) != 0) ||
	    populate_records(at + (k == 0 ? REGION_SLOTS_AT : 0),
			     chunk_slots(k)) != 0) {
		sys_munmap(at, chunk_bytes(k));
		return -ENOMEM;
	}
	if (k == 0)
		r.header = (struct region_header *)(void *)at;
	r.chunk[k] = k == 0 ? at + REGION_SLOTS_AT : at;
	r.chunks = k + 1;
	publish(chunk_first(k) + chunk_slots(k));
	return 0;
}

/* --- the file --------------------------------------------------------------- */

/* Makes `dir` if needed; true if it is a directory of ours that nobody else
 * may enter. */
static bool own_directory(const char *dir)
{
	struct stat st;

	sys_call(SYS_mkdir, dir, 0700);
	if (sys_call(SYS_lstat, dir, &st) != 0)
		return false;
	return S_ISDIR(st.st_mode) && (st.st_mode & 077) == 0 &&
	       st.st_uid == (uid_t)sys_call(SYS_geteuid);
}

static int open_in(const char *dir, const char *run_id)
{
	struct format f;
	int fd;

	if (!own_directory(dir))
		return -EACCES;
	format_init(&f, r.path, sizeof(r.path));
	format_printf(&f, "%s/%s.region", dir, run_id);
	if (f.cut)
		return -ENAMETOOLONG;
	fd = sys_open(r.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC |
		      O_NOFOLLOW, 0600);
	if (fd < 0)
		r.path[0] = '\0';
	return fd;
}

static int open_file(const char *xdg, const char *run_id)
{
	static const char *const bases[] = { "/dev/shm", "/tmp" };
	char dir[PATH_MAX];
	struct format f;
	unsigned i;
	int fd;

	if (xdg && xdg[0] == '/') {
		format_init(&f, dir, sizeof(dir));
		format_printf(&f, "%s/profagent", xdg);
		fd = f.cut ? -ENAMETOOLONG : open_in(dir, run_id);
		if (fd >= 0)
			return fd;
	}
	for (i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		format_init(&f, dir, sizeof(dir));
		format_printf(&f, "%s/profagent-%u", bases[i],
			      (unsigned)sys_call(SYS_geteuid));
		fd = open_in(dir, run_id);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static void fill_header(const char *run_id, uint64_t pid_start)
{
	struct region_header *h = r.header;

	h->version = REGION_VERSION;
	h->header_bytes = REGION_SLOTS_AT;
	h->slot_bytes = REGION_SLOT_BYTES;
	h->ring_bytes = RING_BYTES;
	h->pid = sys_getpid();
	memcpy(h->run_id, run_id, REGION_RUN_ID);
	h->pid_start = pid_start;
	/* release: a reader that sees it sees the rest */
	atomic_store_explicit(&h->magic, REGION_MAGIC, memory_order_release);
}

int region_init(const char *runtime_dir, const char *run_id,
		uint64_t pid_start, int *fd)
{
	int err;

	r.fd = open_file(runtime_dir, run_id);
	if (r.fd < 0)
		r.fd = -1;
	err = region_grow();
	if (err != 0 && r.fd >= 0) {
		/* no room in the file system: memory that nobody can find */
		region_unlink();
		sys_close(r.fd);
		r.fd = -1;
		err = region_grow();
	}
	*fd = r.fd;
	if (err == 0)
		fill_header(run_id, pid_start);
	return err;
}

void region_set_fd(int fd)
{
	r.fd = fd;
}

const char *region_path(void)
{
	return r.path;
}

const char *region_directory(char *text)
{
	char *slash;

	memcpy(text, r.path, sizeof(r.path));
	slash = strrchr(text, '/');
	if (slash)
		*slash = '\0';
	return text;
}

/* From another root the path would lead nowhere. */
static void keep_directory(void)
{
	char dir[PATH_MAX];

	if (r.dir >= 0 || r.path[0] == '\0')
		return;
	r.dir = sys_open(region_directory(dir),
			 O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
}

/* The file as unlinkat() and renameat() want it. */
static const char *name_in(int *dir)
{
	*dir = r.dir >= 0 ? r.dir : AT_FDCWD;
	return r.dir >= 0 ? strrchr(r.path, '/') + 1 : r.path;
}

static int move_to(const char *path, unsigned user, unsigned group)
{
	const char *name;
	int dir;

	name = name_in(&dir);
	if (sys_call(SYS_renameat, dir, name, AT_FDCWD, path) != 0)
		return -EXDEV;
	memcpy(r.path, path, sizeof(r.path));
	if (r.dir >= 0)
		sys_close(r.dir);
	r.dir = -1;
	keep_directory();
	return (int)sys_call(SYS_fchown, r.fd, user, group);
}

void region_hand_over(unsigned user, unsigned group)
{
	char dir[PATH_MAX], path[PATH_MAX];
	const char *name = strrchr(r.path, '/');
	struct format f;
	struct stat st;

	keep_directory();
	if (!name || sys_fstat(r.fd, &st) != 0 || st.st_uid == user)
		return;
	format_init(&f, dir, sizeof(dir));
	format_printf(&f, "/dev/shm/profagent-%u", user);
	if (sys_mkdir(dir, 0700) == 0)
		sys_call(SYS_lchown, dir, user, group);
	format_init(&f, path, sizeof(path));
	format_printf(&f, "%s%s", dir, name);
	if (f.cut || sys_lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != user || move_to(path, user, group) != 0)
		region_unlink();
}

void region_unlink(void)
{
	const char *name;
	int dir;

	if (r.path[0] == '\0')
		return;
	name = name_in(&dir);
	sys_call(SYS_unlinkat, dir, name, 0);
	r.path[0] = '\0';
}

FORK_CODE void region_reset_after_fork(void)
{
	atomic_store_explicit(&slots_mapped, 0, memory_order_relaxed);
}

void region_begin_in_child(void)
{
	memset(&r, 0, sizeof(r));
	r.fd = r.dir = -1;
}
