/* SPDX-License-Identifier: MIT */
/*
 * preload-blocking: stubs before the functions in which threads wait.
 *
 * Who walks the stack of a waiting thread from outside knows pc and rsp, and
 * finds every other register in the unwind tables, but not rbp of a caller that
 * keeps its frame there if nothing below has saved it. So each stub stores rsp
 * and rbp in TLS and jumps on: no frame, no errno, no cancellation point and no
 * argument changes. Functions that save rbp themselves need no stub.
 *
 * Only functions that glibc has had since 2.28 are here: an older one must not
 * find out that we have what it has not.
 */
#include <errno.h>
#include <stdint.h>

#include "agent/preload.h"
#include "agent/thread.h"

_Static_assert(offsetof(struct thread_call_regs, rsp) == 0 &&
	       offsetof(struct thread_call_regs, rbp) == 8,
	       "the stubs store by offset");
_Static_assert(offsetof(struct preload_real, function) == 8,
	       "the stubs load by offset");

/* A function that this libc does not have. */
static long missing(void)
{
	errno = ENOSYS;
	return -1;
}

/* Called by the stubs below until the constructor has found all. */
__attribute__((used)) static void *find_for_stub(struct preload_real *real)
{
	void *found = preload_find(real);

	return found ? found : (void *)missing;
}

/*
 * r11 -> struct preload_real. Everything an argument may be in is kept; none
 * of the functions takes one in a vector register.
 */
__asm__(".pushsection .text\n"
	".type find_and_go, @function\n"
	"find_and_go:\n"
	"	.cfi_startproc\n"
	"	push %rax\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rdi\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rsi\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rdx\n	.cfi_adjust_cfa_offset 8\n"
	"	push %rcx\n	.cfi_adjust_cfa_offset 8\n"
	"	push %r8\n	.cfi_adjust_cfa_offset 8\n"
	"	push %r9\n	.cfi_adjust_cfa_offset 8\n"
	"	mov %r11, %rdi\n"
	"	call find_for_stub\n"
	"	mov %rax, %r11\n"
	"	pop %r9\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %r8\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rcx\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdx\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rsi\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rdi\n	.cfi_adjust_cfa_offset -8\n"
	"	pop %rax\n	.cfi_adjust_cfa_offset -8\n"
	"	jmp *%r11\n"
	"	.cfi_endproc\n"
	".size find_and_go, . - find_and_go\n"
	".popsection\n");

/* r11 belongs to nobody at a call (psABI 3.2.3). */
#define STUB(name) STUB_AFTER(name, "")

/* `first` is done before all. */
#define STUB_AFTER(name, first)                                           \
	__asm__(".pushsection .rodata.str1.1, \"aMS\", @progbits, 1\n"      \
		"name_" #name ": .asciz \"" #name "\"\n"                    \
		".popsection\n"                                             \
		".pushsection preload_reals, \"aw\", @progbits\n"           \
		".balign 8\n"                                               \
		"real_" #name ": .quad name_" #name ", 0\n"                 \
		".popsection\n"                                             \
		".pushsection .text\n"                                      \
		".globl " #name "\n"                                        \
		".type " #name ", @function\n"                              \
		".balign 16\n"                                              \
		#name ":\n"                                                 \
		"	.cfi_startproc\n"                                   \
		"	endbr64\n"                                          \
		first                                                       \
		"	movq thread_call_regs@gottpoff(%rip), %r11\n"       \
		"	movq %rsp, %fs:(%r11)\n"                            \
		"	movq %rbp, %fs:8(%r11)\n"                           \
		"	movq real_" #name "+8(%rip), %r11\n"                \
		"	testq %r11, %r11\n"                                 \
		"	jz 1f\n"                                            \
		"	jmp *%r11\n"                                        \
		"1:	leaq real_" #name "(%rip), %r11\n"                  \
		"	jmp find_and_go\n"                                  \
		"	.cfi_endproc\n"                                     \
		".size " #name ", . - " #name "\n"                          \
		".popsection\n");

/* time */
STUB(nanosleep)
STUB(clock_nanosleep)
STUB(usleep)
STUB(sleep)
STUB(pause)
STUB(sigsuspend)
/* descriptors */
STUB(poll)
STUB(ppoll)
STUB(select)
STUB(pselect)
STUB(epoll_wait)
STUB(epoll_pwait)
STUB(read)
STUB(readv)
STUB(pread)
STUB(pread64)
STUB(preadv)
STUB(write)
STUB(writev)
STUB(pwrite)
STUB(pwrite64)
STUB(pwritev)
STUB(fsync)
STUB(fdatasync)
STUB(flock)
STUB(ioctl)
/* sockets */
STUB(accept)
STUB(accept4)
STUB(connect)
STUB(recv)
STUB(recvfrom)
STUB(recvmsg)
STUB(recvmmsg)
STUB(send)
STUB(sendto)
STUB(sendmsg)
STUB(sendmmsg)
/* other threads and processes */
STUB(pthread_mutex_lock)
STUB(sem_wait)
STUB(sem_timedwait)
STUB(semop)
STUB(semtimedop)
STUB(msgrcv)
STUB(msgsnd)
STUB(wait)
STUB(wait3)
STUB(wait4)
STUB(waitid)
STUB(waitpid)
/*
 * What a runtime calls by number: futex, mostly. 157, 231 and 317 are prctl,
 * exit_group and seccomp (preload-rights.c), 59 and 322 are execve and execveat
 * (preload-exec.c).
 */
STUB_AFTER(syscall,
	   "	cmpl $59, %edi\n"
	   "	je exec_by_number\n"
	   "	cmpl $322, %edi\n"
	   "	je exec_by_number\n"
	   "	cmpl $157, %edi\n"
	   "	je syscall_by_number\n"
	   "	cmpl $231, %edi\n"
	   "	je syscall_by_number\n"
	   "	cmpl $317, %edi\n"
	   "	je syscall_by_number\n"
	   ".globl syscall_goes_on\n"
	   ".hidden syscall_goes_on\n"
	   "syscall_goes_on:\n")
