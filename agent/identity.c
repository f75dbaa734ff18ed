/* SPDX-License-Identifier: MIT */
/* identity: see identity.h. System calls alone: both sides may be anywhere. */
#include "agent/identity.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/sys.h"

#define GROUPS_MAX 4096

struct ids {
	unsigned real, effective, saved;
};

struct identity {
	struct ids user, group;
	int group_count;
	unsigned groups[GROUPS_MAX];
	unsigned long root_device, root_inode;
};

static struct identity captured;
static struct identity own;	/* of the flusher, while it adopts */

static int read_identity(struct identity *i)
{
	struct stat root;
	long n;

	sys_call(SYS_getresuid, &i->user.real, &i->user.effective,
		 &i->user.saved);
	sys_call(SYS_getresgid, &i->group.real, &i->group.effective,
		 &i->group.saved);
	n = sys_call(SYS_getgroups, GROUPS_MAX, i->groups);
	if (n < 0)
		return (int)n;
	i->group_count = (int)n;
	if (sys_call(SYS_stat, "/", &root) != 0)
		return -ENOENT;
	i->root_device = root.st_dev;
	i->root_inode = root.st_ino;
	return 0;
}

int identity_capture(void)
{
	return read_identity(&captured);
}

unsigned identity_user(void)
{
	return captured.user.effective;
}

unsigned identity_group(void)
{
	return captured.group.effective;
}

/*
 * /proc/self is the program's main thread, its root a link the kernel resolves:
 * it works from the old root, where /proc still is.
 */
static int adopt_root(void)
{
	int err;

	if (own.root_device == captured.root_device &&
	    own.root_inode == captured.root_inode)
		return 0;
	err = (int)sys_call(SYS_chroot, "/proc/self/root");
	if (err == 0)
		sys_call(SYS_chdir, "/");
	return err;
}

static bool same_ids(const struct ids *a, const struct ids *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static int adopt_groups(void)
{
	const struct ids *g = &captured.group;
	size_t bytes = (size_t)captured.group_count *
		       sizeof(captured.groups[0]);
	int err = 0;

	if (own.group_count != captured.group_count ||
	    memcmp(own.groups, captured.groups, bytes) != 0)
		err = (int)sys_call(SYS_setgroups, captured.group_count,
				    captured.groups);
	if (err == 0 && !same_ids(g, &own.group))
		err = (int)sys_call(SYS_setresgid, g->real, g->effective,
				    g->saved);
	return err;
}

int identity_adopt(void)
{
	const struct ids *u = &captured.user;
	int err = read_identity(&own);

	/* the user last: the rest needs the rights it takes away */
	if (err == 0)
		err = adopt_root();
	if (err == 0)
		err = adopt_groups();
	if (err == 0 && !same_ids(u, &own.user))
		err = (int)sys_call(SYS_setresuid, u->real, u->effective,
				    u->saved);
	return err;
}
