/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "agent/elf-image.h"

#include <check.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/runner.h"

/* What the loader says of an object, to compare with. */
struct truth {
	uint64_t header;	/* address of the first segment */
	uint64_t bias, code, code_offset;
	uint64_t eh_frame_hdr, eh_frame_hdr_size;
	const uint8_t *note;
	size_t note_size;
};

static void describe(struct truth *t, const struct dl_phdr_info *info)
{
	memset(t, 0, sizeof(*t));
	t->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t page = p->p_vaddr & ~4095ull;

		if (p->p_type == PT_LOAD && p->p_offset == 0)
			t->header = t->bias + page;
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			t->code = t->bias + page;
			t->code_offset = p->p_offset & ~4095ull;
		}
		if (p->p_type == PT_GNU_EH_FRAME) {
			t->eh_frame_hdr = t->bias + p->p_vaddr;
			t->eh_frame_hdr_size = p->p_memsz;
		}
	}
}

static int check_object(struct dl_phdr_info *info, size_t size, void *count)
{
	struct module m = { .bias = 0 };
	struct truth t;

	(void)size;
	describe(&t, info);
	m.start = t.code;
	m.offset = t.code_offset;
	ck_assert_msg(elf_image_read(&m, t.header), "%s", info->dlpi_name);
	ck_assert_uint_eq(m.bias, t.bias);
	ck_assert_uint_eq((uint64_t)(uintptr_t)m.eh_frame_hdr,
			  t.eh_frame_hdr);
	ck_assert_uint_eq(m.eh_frame_hdr_size, t.eh_frame_hdr_size);
	++*(int *)count;
	return 0;
}

START_TEST(every_object_as_the_loader_has_it)
{
	int count = 0;

	dl_iterate_phdr(check_object, &count);
	ck_assert_int_ge(count, 3);	/* we, libc, the loader */
}
END_TEST

/* --- a made-up object --------------------------------------------------- */

struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[3];
	struct {
		Elf64_Nhdr nhdr;
		char name[4];
		uint8_t desc[20];
	} other, id;
};

static struct image *image;

static void setup(void)
{
	image = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(image != MAP_FAILED);
	memcpy(image->ehdr.e_ident, ELFMAG, SELFMAG);
	image->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	image->ehdr.e_machine = EM_X86_64;
	image->ehdr.e_phoff = offsetof(struct image, phdr);
	image->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	image->ehdr.e_phnum = 3;
	image->phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R,
				       .p_filesz = 4096 };
	image->phdr[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
				       .p_flags = PF_R | PF_X,
				       .p_offset = 0x1080, .p_vaddr = 0x3080,
				       .p_filesz = 0x2000 };
	image->phdr[2] = (Elf64_Phdr){ .p_type = PT_NOTE,
				       .p_vaddr = offsetof(struct image, other),
				       .p_filesz = sizeof(image->other) +
						   sizeof(image->id) };
	image->other.nhdr = (Elf64_Nhdr){ 4, 20, NT_GNU_ABI_TAG };
	memcpy(image->other.name, "GNU", 4);
	image->id.nhdr = (Elf64_Nhdr){ 4, 20, NT_GNU_BUILD_ID };
	memcpy(image->id.name, "GNU", 4);
	for (uint8_t i = 0; i < 20; i++)
		image->id.desc[i] = i;
}

static void teardown(void)
{
	munmap(image, 4096);
}

/* Read as if its code were mapped as its headers say. */
static bool read_image(struct module *m)
{
	*m = (struct module){
		.start = (uint64_t)(uintptr_t)image + 0x3000,
		.offset = 0x1000,
	};
	return elf_image_read(m, (uint64_t)(uintptr_t)image);
}

START_TEST(bias_and_build_id)
{
	struct module m;

	ck_assert(read_image(&m));
	ck_assert_uint_eq(m.bias, (uint64_t)(uintptr_t)image);
	ck_assert_ptr_null(m.eh_frame_hdr);
	ck_assert_uint_eq(m.build_id_size, 20);
	ck_assert_int_eq(memcmp(m.build_id, image->id.desc, 20), 0);
}
END_TEST

START_TEST(damaged_headers_are_no_object)
{
	struct module m;

	image->ehdr.e_ident[0] = 0;
	ck_assert(!read_image(&m));
	setup();
	image->ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	ck_assert(!read_image(&m));
	setup();
	image->ehdr.e_machine = EM_AARCH64;
	ck_assert(!read_image(&m));
	setup();
	image->ehdr.e_phentsize = 32;
	ck_assert(!read_image(&m));
	setup();
	image->ehdr.e_phoff = 1ull << 60;
	ck_assert(!read_image(&m));
	setup();
	image->phdr[1].p_flags = PF_R;	/* no code at that offset */
	ck_assert(!read_image(&m));
	m = (struct module){ .start = 1 };
	ck_assert(!elf_image_read(&m, 0));
	ck_assert(!elf_image_read(&m, 1ull << 46));
	ck_assert(!elf_image_read(&m, UINT64_MAX - 10));
}
END_TEST

START_TEST(damaged_notes_have_no_build_id)
{
	struct module m;

	image->other.nhdr.n_namesz = 0x7fffffff;
	ck_assert(read_image(&m));
	ck_assert_uint_eq(m.build_id_size, 0);
	setup();
	image->other.nhdr.n_descsz = 0xffffffff;
	ck_assert(read_image(&m));
	ck_assert_uint_eq(m.build_id_size, 0);
	setup();
	image->id.nhdr.n_descsz = 21;	/* one more than there is */
	ck_assert(read_image(&m));
	ck_assert_uint_eq(m.build_id_size, 0);
	setup();
	image->phdr[2].p_vaddr = 1ull << 50;
	ck_assert(read_image(&m));
	ck_assert_uint_eq(m.build_id_size, 0);
}
END_TEST

START_TEST(any_bytes_end)
{
	struct module m;

	srand(6);
	for (int round = 0; round < 20000; round++) {
		uint8_t *bytes = (uint8_t *)image;

		if (round % 100 == 0) {
			teardown();
			setup();
		}
		for (int i = 0; i < 3; i++)
			bytes[(size_t)rand() % sizeof(*image)] =
				(uint8_t)rand();
		read_image(&m);
		ck_assert_uint_le(m.build_id_size, MODULE_BUILD_ID_MAX);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("elf-image");
	TCase *tc = tcase_create("elf-image");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_object_as_the_loader_has_it);
	tcase_add_test(tc, bias_and_build_id);
	tcase_add_test(tc, damaged_headers_are_no_object);
	tcase_add_test(tc, damaged_notes_have_no_build_id);
	tcase_add_test(tc, any_bytes_end);
	suite_add_tcase(suite, tc);
	return runner_run(suite);
}
