/* SPDX-License-Identifier: MIT */
/*
 * dlsym is the oracle. It may be linked here, but not in what is tested.
 */
#define _GNU_SOURCE
#include "agent/elfsym.h"

#include <check.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/runner.h"

static const char *const libc_names[] = {
	"abort", "accept", "accept4", "access", "alarm", "atoi", "bind",
	"bsearch", "calloc", "chdir", "chmod", "chown", "chroot",
	"clearenv", "clock_getres", "clock_gettime", "clock_nanosleep",
	"clock_settime", "clone", "close", "closedir", "connect", "creat",
	"ctime", "daemon", "dlopen", "dlsym", "dlclose", "dl_iterate_phdr",
	"dup", "dup2", "dup3", "environ", "epoll_create", "epoll_ctl",
	"epoll_pwait", "epoll_wait", "execl", "execle", "execlp", "execv",
	"execve", "execveat", "execvp", "execvpe", "exit", "_exit", "_Exit",
	"fclose", "fcntl", "fdopen", "fexecve", "fflush", "fgets", "fopen",
	"fork", "fprintf", "fputs", "fread", "free", "fseek", "fstat",
	"fsync", "ftell", "ftruncate", "futimens", "fwrite", "getauxval",
	"getc", "getcontext", "getcwd", "getenv", "getgid", "getgroups",
	"gethostname", "getitimer", "getline", "getopt", "getpgid", "getpid",
	"getppid", "getpriority", "getpwnam", "getrandom", "getrlimit",
	"getrusage", "getsockopt", "gettimeofday", "getuid", "iconv",
	"initgroups", "ioctl", "isatty", "kill", "listen", "longjmp",
	"lseek", "madvise", "makecontext", "malloc", "malloc_usable_size",
	"memalign", "memchr", "memcmp", "memcpy", "memmove", "memset",
	"mincore", "mkdir", "mkstemp", "mlock", "mmap", "mprotect",
	"mremap", "munmap", "nanosleep", "nice", "open", "openat", "opendir",
	"pause", "perror", "pipe", "pipe2", "poll", "posix_memalign",
	"posix_spawn", "posix_spawnp", "ppoll", "prctl", "pread", "printf",
	"pselect", "pthread_atfork", "pthread_attr_getstack",
	"pthread_attr_init", "pthread_attr_setstacksize",
	"pthread_barrier_wait", "pthread_cancel", "pthread_cond_broadcast",
	"pthread_cond_init", "pthread_cond_signal", "pthread_cond_timedwait",
	"pthread_cond_wait", "pthread_create", "pthread_detach",
	"pthread_exit", "pthread_getattr_np", "pthread_getcpuclockid",
	"pthread_getname_np", "pthread_getspecific", "pthread_join",
	"pthread_key_create", "pthread_kill", "pthread_mutex_init",
	"pthread_mutex_lock", "pthread_mutex_unlock", "pthread_once",
	"pthread_rwlock_rdlock", "pthread_self", "pthread_setname_np",
	"pthread_setspecific", "pthread_sigmask", "pthread_sigqueue",
	"pthread_spin_lock", "puts", "pwrite", "qsort", "quick_exit",
	"raise", "read", "readlink", "readv", "realloc", "realpath", "recv",
	"recvmsg", "rename", "sched_yield", "select", "sem_post", "sem_wait",
	"send", "setenv", "setegid", "seteuid", "setgid", "setgroups",
	"setitimer", "setjmp", "_setjmp", "setns", "setpgid", "setregid",
	"setresgid", "setresuid", "setreuid", "setrlimit", "setsid",
	"setuid", "sigaction", "sigaltstack", "siglongjmp", "signal",
	"signalfd", "sigpending", "sigprocmask", "sigqueue", "sigsuspend",
	"sigtimedwait", "sigwait", "sigwaitinfo", "sleep", "snprintf",
	"socket", "socketpair", "stat", "stderr", "stdin", "stdout", "stpcpy",
	"strcasecmp", "strchr", "strcmp", "strcpy", "strdup", "strerror",
	"strlen", "strncmp", "strncpy", "strnlen", "strrchr", "strstr",
	"strtod", "strtol", "strtoul", "swapcontext", "symlink", "syscall",
	"sysconf", "system", "tcgetattr", "tgkill", "time", "timer_create",
	"timer_delete", "timer_gettime", "timer_settime", "times", "toupper",
	"truncate", "umask", "unlink", "unshare", "usleep", "vfork",
	"vprintf", "wait", "wait4", "waitid", "waitpid", "wcslen", "write",
	"writev", "__environ", "__libc_start_main", "__errno_location",
	"__cxa_atexit", "__libc_stack_end", "__tls_get_addr",
	"_dl_find_object", "_r_debug", "program_invocation_name",
	"no_such_symbol_anywhere", "clock_gettime64", "",
};

#define NAMES (sizeof(libc_names) / sizeof(libc_names[0]))

START_TEST(next_agrees_with_dlsym)
{
	const char *name = libc_names[_i];

	ck_assert_msg(elfsym_find_next(name) == dlsym(RTLD_NEXT, name),
		      "%s: %p, dlsym %p", name, elfsym_find_next(name),
		      dlsym(RTLD_NEXT, name));
}
END_TEST

START_TEST(first_agrees_with_dlsym)
{
	const char *name = libc_names[_i];

	ck_assert_msg(elfsym_find(name) == dlsym(RTLD_DEFAULT, name),
		      "%s: %p, dlsym %p", name, elfsym_find(name),
		      dlsym(RTLD_DEFAULT, name));
}
END_TEST

START_TEST(most_of_the_names_exist)
{
	size_t found = 0;

	for (size_t i = 0; i < NAMES; i++)
		found += elfsym_find_next(libc_names[i]) != NULL;
	ck_assert_uint_ge(found, 200); /* all of an old glibc too */
	ck_assert_ptr_nonnull(elfsym_find_next("pthread_create"));
	ck_assert_ptr_nonnull(elfsym_find_next("execve"));
}
END_TEST

/* All that libm defines: a thousand names, many of them indirect functions. */
START_TEST(a_whole_library_agrees_with_dlsym)
{
	void *lib = dlopen("libm.so.6", RTLD_NOW | RTLD_GLOBAL);
	const char *strings = NULL;
	const ElfW(Sym) *symbols = NULL;
	struct link_map *map;
	size_t compared = 0;

	ck_assert_ptr_nonnull(lib);
	ck_assert_int_eq(dlinfo(lib, RTLD_DI_LINKMAP, &map), 0);
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		if (d->d_tag == DT_STRTAB)
			strings = (const char *)d->d_un.d_ptr;
		if (d->d_tag == DT_SYMTAB)
			symbols = (const ElfW(Sym) *)d->d_un.d_ptr;
	}
	/* In files of every linker the strings follow the symbols. */
	for (const ElfW(Sym) *s = symbols + 1;
	     (const char *)(s + 1) <= strings; s++) {
		const char *name = strings + s->st_name;

		if (s->st_shndx == SHN_UNDEF ||
		    ELF64_ST_BIND(s->st_info) == STB_LOCAL ||
		    ELF64_ST_TYPE(s->st_info) == STT_TLS)
			continue;
		if (elfsym_find(name) != dlsym(RTLD_DEFAULT, name))
			ck_abort_msg("%s: %p, dlsym %p", name,
				     elfsym_find(name),
				     dlsym(RTLD_DEFAULT, name));
		compared++;
	}
	ck_assert_uint_gt(compared, 500);
	dlclose(lib);
}
END_TEST

START_TEST(the_vdso_has_a_clock)
{
	const void *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	int (*get)(clockid_t, struct timespec *);
	struct timespec before, got, after;

	if (vdso == NULL) {
		fprintf(stderr, "skipped: this kernel has no vdso\n");
		return;
	}
	get = (int (*)(clockid_t, struct timespec *))
		elfsym_find_in(vdso, "__vdso_clock_gettime");
	ck_assert_ptr_nonnull(get);
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &before), 0);
	ck_assert_int_eq(get(CLOCK_MONOTONIC, &got), 0);
	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &after), 0);
	ck_assert_int_ge(got.tv_sec, before.tv_sec);
	ck_assert_int_le(got.tv_sec, after.tv_sec);
	ck_assert_ptr_nonnull(elfsym_find_in(vdso, "__vdso_getcpu"));
	ck_assert_ptr_null(elfsym_find_in(vdso, "__vdso_no_such_call"));
	/* It is in the loader's list, but names are never found there. */
	ck_assert_ptr_null(elfsym_find("__vdso_clock_gettime"));
	ck_assert_ptr_ne(elfsym_find("clock_gettime"),
			 elfsym_find_in(vdso, "clock_gettime"));
}
END_TEST

START_TEST(what_is_no_object_has_no_symbols)
{
	static _Alignas(16) char zeros[4096];

	ck_assert_ptr_null(elfsym_find_in(NULL, "x"));
	ck_assert_ptr_null(elfsym_find_in(zeros, "x"));
}
END_TEST

/* A library made for the test, with the hash tables it is asked to have. */
static void *load(const char *dir, const char *flags)
{
	char command[512], path[128];
	void *lib;

	snprintf(path, sizeof(path), "%s/lib.so", dir);
	snprintf(command, sizeof(command),
		 "cd %s && cc -shared -fPIC -o lib.so lib.c %s "
		 "-Wl,--version-script=lib.map 2>&1", dir, flags);
	ck_assert_int_eq(system(command), 0);
	lib = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	ck_assert_msg(lib != NULL, "%s", dlerror());
	return lib;
}

static const char library[] =
	"int es_old(void) { return 1; }\n"
	"int es_new(void) { return 2; }\n"
	"__asm__(\".symver es_old, es_versioned@V1\");\n"
	"__asm__(\".symver es_new, es_versioned@@V2\");\n"
	"int es_only_old_(void) { return 3; }\n"
	"__asm__(\".symver es_only_old_, es_only_old@V1\");\n"
	"int es_data = 4;\n"
	"static int chosen(void) { return 5; }\n"
	"static int (*choose(void))(void) { return chosen; }\n"
	"int es_indirect(void) __attribute__((ifunc(\"choose\")));\n"
	"__thread int es_tls;\n"
	"extern int es_missing(void) __attribute__((weak));\n"
	"int es_caller(void) { return es_missing ? es_missing() : 6; }\n"
	"static int hidden_here(void) { return 7; }\n"
	"int (*es_pointer)(void) = hidden_here;\n";

static const char versions[] =
	"V1 { global: es_only_old; es_versioned; };\n"
	"V2 { global: es_*; local: *; } V1;\n";

static const char *const hash_flags[] = {
	"-Wl,--hash-style=gnu", "-Wl,--hash-style=sysv",
	"-Wl,--hash-style=both",
};

static void write_file(const char *dir, const char *name, const char *content)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(content, f);
	fclose(f);
}

static int call(const char *name)
{
	int (*function)(void) = (int (*)(void))elfsym_find(name);

	ck_assert_msg(function != NULL, "%s", name);
	return function();
}

START_TEST(versions_indirection_and_both_hashes)
{
	char dir[] = "/tmp/test-elfsym.XXXXXX", command[64];
	void *lib;

	if (system("cc --version >/dev/null 2>&1") != 0) {
		fprintf(stderr, "skipped: there is no compiler\n");
		return;
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file(dir, "lib.c", library);
	write_file(dir, "lib.map", versions);
	lib = load(dir, hash_flags[_i]);
	ck_assert_int_eq(call("es_versioned"), 2);
	ck_assert_ptr_eq(elfsym_find("es_versioned"),
			 dlsym(lib, "es_versioned"));
	ck_assert_ptr_null(elfsym_find("es_only_old"));
	ck_assert_int_eq(*(int *)elfsym_find("es_data"), 4);
	ck_assert_int_eq(call("es_indirect"), 5);
	ck_assert_ptr_eq(elfsym_find("es_indirect"),
			 dlsym(lib, "es_indirect"));
	ck_assert_ptr_null(elfsym_find("es_tls"));
	ck_assert_ptr_null(elfsym_find("es_missing"));
	ck_assert_int_eq(call("es_caller"), 6);
	ck_assert_ptr_null(elfsym_find("hidden_here"));
	ck_assert_ptr_null(elfsym_find("es_nothing"));
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elfsym");
	TCase *tc = tcase_create("elfsym");

	tcase_add_loop_test(tc, next_agrees_with_dlsym, 0, NAMES);
	tcase_add_loop_test(tc, first_agrees_with_dlsym, 0, NAMES);
	tcase_add_test(tc, most_of_the_names_exist);
	tcase_add_test(tc, a_whole_library_agrees_with_dlsym);
	tcase_add_test(tc, the_vdso_has_a_clock);
	tcase_add_test(tc, what_is_no_object_has_no_symbols);
	tcase_add_loop_test(tc, versions_indirection_and_both_hashes, 0, 3);
	tcase_set_timeout(tc, 30);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
