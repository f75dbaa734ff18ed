/* SPDX-License-Identifier: MIT */
/* calls: see calls.h. Calls that may make a thread wait; a table by number. */
#include "agent/calls.h"

#include <stddef.h>
#include <sys/syscall.h>

#define CALL(name) [SYS_##name] = #name

static const char *const names[] = {
	CALL(read),
	CALL(write),
	CALL(open),
	CALL(close),
	CALL(poll),
	CALL(lseek),
	CALL(mmap),
	CALL(mprotect),
	CALL(munmap),
	CALL(brk),
	CALL(ioctl),
	CALL(pread64),
	CALL(pwrite64),
	CALL(readv),
	CALL(writev),
	CALL(select),
	CALL(sched_yield),
	CALL(mremap),
	CALL(msync),
	CALL(madvise),
	CALL(pause),
	CALL(nanosleep),
	CALL(sendfile),
	CALL(connect),
	CALL(accept),
	CALL(sendto),
	CALL(recvfrom),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(shutdown),
	CALL(clone),
	CALL(fork),
	CALL(vfork),
	CALL(execve),
	CALL(exit),
	CALL(wait4),
	CALL(semop),
	CALL(msgsnd),
	CALL(msgrcv),
	CALL(fcntl),
	CALL(flock),
	CALL(fsync),
	CALL(fdatasync),
	CALL(truncate),
	CALL(ftruncate),
	CALL(getdents),
	CALL(rename),
	CALL(mkdir),
	CALL(rmdir),
	CALL(creat),
	CALL(unlink),
	CALL(stat),
	CALL(lstat),
	CALL(fstat),
	CALL(access),
	CALL(chmod),
	CALL(chown),
	CALL(sync),
	CALL(mount),
	CALL(umount2),
	CALL(rt_sigsuspend),
	CALL(rt_sigtimedwait),
	CALL(semtimedop),
	CALL(futex),
	CALL(io_getevents),
	CALL(getdents64),
	CALL(restart_syscall),
	CALL(fadvise64),
	CALL(clock_nanosleep),
	CALL(exit_group),
	CALL(epoll_wait),
	CALL(mq_timedsend),
	CALL(mq_timedreceive),
	CALL(waitid),
	CALL(openat),
	CALL(newfstatat),
	CALL(unlinkat),
	CALL(renameat),
	CALL(pselect6),
	CALL(ppoll),
	CALL(splice),
	CALL(tee),
	CALL(sync_file_range),
	CALL(vmsplice),
	CALL(epoll_pwait),
	CALL(fallocate),
	CALL(accept4),
	CALL(preadv),
	CALL(pwritev),
	CALL(recvmmsg),
	CALL(sendmmsg),
	CALL(process_vm_readv),
	CALL(process_vm_writev),
	CALL(syncfs),
	CALL(getrandom),
	CALL(copy_file_range),
	CALL(preadv2),
	CALL(pwritev2),
	CALL(statx),
	CALL(io_pgetevents),
	CALL(io_uring_enter),
	CALL(userfaultfd),
	CALL(membarrier),
	CALL(rt_sigreturn),
	CALL(ptrace),
#ifdef SYS_futex_waitv
	CALL(futex_waitv),
#endif
#ifdef SYS_epoll_pwait2
	CALL(epoll_pwait2),
#endif
#ifdef SYS_process_madvise
	CALL(process_madvise),
#endif
#ifdef SYS_openat2
	CALL(openat2),
#endif
#ifdef SYS_futex_wait
	CALL(futex_wait),
#endif
};

const char *calls_name(int nr)
{
	if (nr < 0)
		return "page fault";
	if ((size_t)nr < sizeof(names) / sizeof(names[0]) && names[nr])
		return names[nr];
	return "system call";
}
