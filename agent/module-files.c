/* SPDX-License-Identifier: MIT */
/*
 * module-files: paths and indexes that stay. Runs in the constructor and in the
 * flusher; no libc allocation.
 */
#include "agent/module-files.h"

#include <string.h>

#include "agent/block.h"
#include "agent/sys.h"

/* Loaded again, the same file has the same index: it is relative. */
struct index {
	uint64_t inode;
	uint32_t dev;
	uint8_t build_id_size, build_id[MODULE_BUILD_ID_MAX];
	uint64_t count;
	const int32_t *keys;
};

static struct {
	struct block paths;	/* const char *, each once */
	struct block names;	/* the last piece of memory for them */
	struct block indexes;	/* struct index */
} files;

void module_files_reset_after_fork(void)
{
	memset(&files, 0, sizeof(files));
}

static const char *path_new(const char *path, size_t size)
{
	struct block *b = &files.names;
	const char **entry;
	char *copy;

	/* Paths are pointed to: a full piece stays where it is. */
	if (b->size + size + 1 > b->capacity)
		*b = (struct block){ NULL, 0, 0 };
	copy = block_push(b, size + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, path, size);
	copy[size] = '\0';
	entry = block_push(&files.paths, sizeof(*entry));
	if (entry != NULL)
		*entry = copy;
	return copy;
}

const char *module_files_path(const char *path, size_t size)
{
	const char *const *all = files.paths.data;

	if (size == 0)
		return "";
	for (size_t i = 0; i < files.paths.size / sizeof(*all); i++)
		if (strlen(all[i]) == size && memcmp(all[i], path, size) == 0)
			return all[i];
	return path_new(path, size);
}

static bool index_is_of(const struct index *i, const struct module *m)
{
	return i->inode == m->inode && i->dev == m->dev &&
	       i->count == m->eh_table.count &&
	       i->build_id_size == m->build_id_size &&
	       memcmp(i->build_id, m->build_id, m->build_id_size) == 0;
}

static const int32_t *index_find(const struct module *m)
{
	const struct index *all = files.indexes.data;

	for (size_t i = 0; i < files.indexes.size / sizeof(*all); i++)
		if (index_is_of(&all[i], m))
			return all[i].keys;
	return NULL;
}

static const int32_t *index_new(const struct module *m, struct memory *memory)
{
	size_t size = eh_table_keys(&m->eh_table) * sizeof(int32_t);
	int32_t *keys = block_map(size);
	struct index *i = NULL;

	if (keys != NULL && eh_table_read_keys(&m->eh_table, memory, keys))
		i = block_push(&files.indexes, sizeof(*i));
	if (i == NULL) {
		if (keys != NULL)
			sys_munmap(keys, size);
		return NULL;
	}
	i->inode = m->inode;
	i->dev = m->dev;
	i->build_id_size = m->build_id_size;
	memcpy(i->build_id, m->build_id, m->build_id_size);
	i->count = m->eh_table.count;
	i->keys = keys;
	return keys;
}

void module_files_read_table(struct module *m)
{
	struct memory memory;
	struct dw_source source = { 0, 0, &memory };

	memory_init(&memory, 0, 0);
	if (!eh_table_init(&m->eh_table, &source,
			   (uint64_t)(uintptr_t)m->eh_frame_hdr)) {
		m->eh_table.count = 0;
		return;
	}
	if (m->resident || m->eh_table.count <= EH_TABLE_CHUNK)
		return;
	m->eh_table.index = index_find(m);
	if (m->eh_table.index == NULL)
		m->eh_table.index = index_new(m, &memory);
}
