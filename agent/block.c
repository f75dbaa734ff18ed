/* SPDX-License-Identifier: MIT */
#include "agent/block.h"

#include <string.h>
#include <sys/mman.h>

#include "agent/sys.h"

#define FIRST_CAPACITY 16384u

void *block_map(size_t size)
{
	void *at = sys_mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at != NULL)
		sys_madvise(at, size, MADV_DONTFORK);
	return at;
}

void *block_push(struct block *b, size_t size)
{
	size_t capacity = b->capacity ? b->capacity : FIRST_CAPACITY;
	void *data;

	while (capacity < b->size + size)
		capacity *= 2;
	if (capacity != b->capacity) {
		data = block_map(capacity);
		if (data == NULL)
			return NULL;
		if (b->data != NULL) {
			memcpy(data, b->data, b->size);
			sys_munmap(b->data, b->capacity);
		}
		b->data = data;
		b->capacity = capacity;
	}
	data = (char *)b->data + b->size;
	b->size += size;
	return data;
}
