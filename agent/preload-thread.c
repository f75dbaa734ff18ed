/* SPDX-License-Identifier: MIT */
/*
 * preload-thread: pthread_create and fork.
 *
 * The functions of libpthread that we need moved into libc in 2.34 under a new
 * symbol version; they are looked up, not linked, so that the library loads
 * on older systems too.
 */
#include "agent/preload.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "agent/signals.h"
#include "agent/thread.h"

extern int __register_atfork(void (*prepare)(void), void (*parent)(void),
			     void (*child)(void), void *dso);

/* Handed from pthread_create to the new thread, which frees it. */
struct start {
	void *(*routine)(void *);
	void *arg;
	size_t stack_bytes;	/* of the attributes */
	size_t guard_bytes;
	signals_set settled;	/* see signals_inherit() */
};

static struct {
	int (*key_create)(pthread_key_t *, void (*)(void *));
	int (*setspecific)(pthread_key_t, const void *);
	int (*attr_getstacksize)(const pthread_attr_t *, size_t *);
	int (*attr_getguardsize)(const pthread_attr_t *, size_t *);
	int (*attr_getstack)(const pthread_attr_t *, void **, size_t *);
	int (*attr_destroy)(pthread_attr_t *);
	int (*getattr_default)(pthread_attr_t *);
	int (*getattr)(pthread_t, pthread_attr_t *);
} libc;

static pthread_key_t key;
static bool have_key;
static size_t default_stack, default_guard;

/* Bytes between the thread pointer and the end of the stack: same for all. */
static _Atomic size_t above_tp;

/*
 * Value of the key: slot and the round in which the destructor runs. glibc
 * calls destructors PTHREAD_DESTRUCTOR_ITERATIONS times as long as one sets
 * its value again; so ours runs after those of the program.
 */
#define KEY_ROUND(value) ((unsigned)((uintptr_t)(value) >> 32))
#define KEY_SLOT(value) ((uint32_t)(uintptr_t)(value))
#define KEY_VALUE(round, slot) \
	((void *)((uintptr_t)(round) << 32 | (uintptr_t)(slot)))

static void at_thread_end(void *value)
{
	unsigned round = KEY_ROUND(value);

	if (round < PTHREAD_DESTRUCTOR_ITERATIONS - 1)
		libc.setspecific(key, KEY_VALUE(round + 1, KEY_SLOT(value)));
	else if (agent_is_ours())
		agent_thread_end(KEY_SLOT(value));
}

static uint64_t thread_pointer(void)
{
	uint64_t tp;

	__asm__("mov %%fs:0x10, %0" : "=r"(tp));
	return tp;
}

/* Asks libc once where a stack ends, seen from the thread pointer. */
static size_t measure_above_tp(void)
{
	pthread_attr_t attr;
	void *low = NULL;
	size_t size = 0;

	if (!libc.getattr || libc.getattr(pthread_self(), &attr) != 0)
		return 0;
	libc.attr_getstack(&attr, &low, &size);
	libc.attr_destroy(&attr);
	return (uint64_t)low + size - thread_pointer();
}

/*
 * The thread pointer of glibc lies at the upper end of the thread's stack. The
 * lower end errs on the safe side: what is between is surely mapped.
 */
static void stack_bounds(const struct start *s, uint64_t *low, uint64_t *high)
{
	size_t above = atomic_load_explicit(&above_tp, memory_order_relaxed);
	size_t size = s->stack_bytes;

	if (above == 0) {
		above = measure_above_tp();
		atomic_store_explicit(&above_tp, above, memory_order_relaxed);
	}
	*high = thread_pointer();
	*low = 0;
	if (above > 0 && size > s->guard_bytes + above)
		*low = *high + above - size + s->guard_bytes;
	if (*low == 0)
		*high = 0;
}

/* Registers the new thread. Apart, so that nothing of it stays on the stack. */
__attribute__((noinline)) static void begin(struct start *s)
{
	uint64_t low, high;
	uint32_t slot;

	signals_inherit(s->settled);
	stack_bounds(s, &low, &high);
	slot = agent_thread_begin((uint64_t)s->routine, low, high);
	thread_expect_over();
	if (slot != THREAD_NO_SLOT && have_key)
		libc.setspecific(key, KEY_VALUE(0, slot));
}

/*
 * Ends in a jump to the program's routine: no frame of ours is in its stacks.
 */
static void *trampoline(void *p)
{
	struct start *s = p;
	void *(*routine)(void *) = s->routine;
	void *arg = s->arg;

	begin(s);
	free(s);
	return routine(arg);
}

PRELOAD_EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attr,
				  void *(*routine)(void *), void *arg)
{
	__typeof__(&pthread_create) real = PRELOAD_REAL(pthread_create);
	struct start *s;
	int err;

	if (!agent_is_ours() || agent_state() == AGENT_ENDED)
		return real(thread, attr, routine, arg);
	s = malloc(sizeof(*s));
	if (!s)
		return real(thread, attr, routine, arg);
	s->routine = routine;
	s->arg = arg;
	s->stack_bytes = default_stack;
	s->guard_bytes = default_guard;
	if (attr) {
		libc.attr_getstacksize(attr, &s->stack_bytes);
		libc.attr_getguardsize(attr, &s->guard_bytes);
	}
	s->settled = signals_settled();
	thread_expect();
	err = real(thread, attr, trampoline, s);
	if (err != 0) {
		thread_expect_over();
		free(s);
	}
	return err;
}

static void in_child(void)
{
	agent_forked();
}

static void find_libc(void)
{
	libc.key_create = elfsym_find("pthread_key_create");
	libc.setspecific = elfsym_find("pthread_setspecific");
	libc.attr_getstacksize = elfsym_find("pthread_attr_getstacksize");
	libc.attr_getguardsize = elfsym_find("pthread_attr_getguardsize");
	libc.attr_getstack = elfsym_find("pthread_attr_getstack");
	libc.attr_destroy = elfsym_find("pthread_attr_destroy");
	libc.getattr_default = elfsym_find("pthread_getattr_default_np");
	libc.getattr = elfsym_find("pthread_getattr_np");
}

void preload_threads_init(void)
{
	pthread_attr_t attr;

	find_libc();
	if (libc.getattr_default && libc.getattr_default(&attr) == 0) {
		libc.attr_getstacksize(&attr, &default_stack);
		libc.attr_getguardsize(&attr, &default_guard);
		libc.attr_destroy(&attr);
	}
	have_key = libc.key_create && libc.setspecific &&
		   libc.key_create(&key, at_thread_end) == 0;
	__register_atfork(NULL, NULL, in_child, NULL);
}
