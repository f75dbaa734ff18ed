/* SPDX-License-Identifier: MIT */
/* program: see program.h. */
#include "tools/program.h"

#include <fcntl.h>
#include <gelf.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define INTERPRETERS_MAX 4	/* scripts run by scripts, as the kernel has it */
#define SHEBANG_MAX 256

const char *program_trouble(ProgramKind kind)
{
	static const char *const texts[] = {
		[PROGRAM_STATIC] = "it is statically linked",
		[PROGRAM_SETUID] = "it is setuid, setgid or has capabilities",
		[PROGRAM_OTHER_ARCH] = "it is not a 64-bit x86 program",
	};

	return (gsize)kind < G_N_ELEMENTS(texts) ? texts[kind] : NULL;
}

char *program_find(const char *name)
{
	g_auto(GStrv) dirs = NULL;
	const char *path = g_getenv("PATH");
	guint i;

	if (strchr(name, '/'))
		return access(name, F_OK) == 0 ? g_strdup(name) : NULL;
	dirs = g_strsplit(path ? path : "/bin:/usr/bin", ":", -1);
	for (i = 0; dirs[i]; i++) {
		g_autofree char *full = g_build_filename(
			dirs[i][0] ? dirs[i] : ".", name, NULL);

		if (access(full, X_OK) == 0 &&
		    !g_file_test(full, G_FILE_TEST_IS_DIR))
			return g_steal_pointer(&full);
	}
	return NULL;
}

/* --- what the kernel thinks of it ---------------------------------------------- */

static gboolean is_secure(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return FALSE;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return TRUE;
	if ((st.st_mode & S_ISGID) && st.st_gid != getgid())
		return TRUE;
	return geteuid() != 0 &&
	       getxattr(path, "security.capability", NULL, 0) > 0;
}

/* The interpreter of a script, NULL if it is none. */
static char *read_shebang(const char *path)
{
	char line[SHEBANG_MAX] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	gssize got;
	char *at;

	if (fd < 0)
		return NULL;
	got = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (got < 3 || line[0] != '#' || line[1] != '!')
		return NULL;
	line[got] = '\0';
	at = line + 2 + strspn(line + 2, " \t");
	at[strcspn(at, " \t\r\n")] = '\0';
	return at[0] ? g_strdup(at) : NULL;
}

/* --- ELF --------------------------------------------------------------------------- */

static gboolean has_interpreter(Elf *elf)
{
	GElf_Phdr phdr;
	size_t n, i;

	if (elf_getphdrnum(elf, &n) != 0)
		return TRUE;
	for (i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &phdr) &&
		    phdr.p_type == PT_INTERP)
			return TRUE;
	return FALSE;
}

static char *asan_of_section(Elf *elf, Elf_Scn *section, const GElf_Shdr *shdr)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0, i;
	const char *needed;
	GElf_Dyn dyn;

	for (i = 0; data && i < n; i++) {
		if (!gelf_getdyn(data, (int)i, &dyn) || dyn.d_tag != DT_NEEDED)
			continue;
		needed = elf_strptr(elf, shdr->sh_link, dyn.d_un.d_val);
		if (needed && g_str_has_prefix(needed, "libasan.so"))
			return g_strdup(needed);
	}
	return NULL;
}

static char *find_asan(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr shdr;
	char *found;

	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &shdr) ||
		    shdr.sh_type != SHT_DYNAMIC)
			continue;
		found = asan_of_section(elf, section, &shdr);
		if (found)
			return found;
	}
	return NULL;
}

static void look_at_elf(Program *program, Elf *elf)
{
	GElf_Ehdr ehdr;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr)) {
		program->kind = PROGRAM_UNKNOWN;
	} else if (gelf_getclass(elf) != ELFCLASS64 ||
		   ehdr.e_machine != EM_X86_64) {
		program->kind = PROGRAM_OTHER_ARCH;
	} else if (!has_interpreter(elf)) {
		program->kind = PROGRAM_STATIC;
	} else {
		program->kind = PROGRAM_FINE;
		program->asan = find_asan(elf);
	}
}

static void look_at(Program *program, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	Elf *elf;

	program->kind = PROGRAM_UNKNOWN;
	if (fd < 0)
		return;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf)
		look_at_elf(program, elf);
	elf_end(elf);
	close(fd);
}

void program_init(Program *program, const char *path)
{
	g_autofree char *at = g_strdup(path);
	char *next;
	guint i;

	*program = (Program){ PROGRAM_UNKNOWN, NULL };
	for (i = 0; i < INTERPRETERS_MAX && (next = read_shebang(at)); i++) {
		g_free(at);
		at = next;
	}
	look_at(program, at);
	if (program->kind == PROGRAM_FINE && is_secure(at))
		program->kind = PROGRAM_SETUID;
}

void program_release(Program *program)
{
	g_clear_pointer(&program->asan, g_free);
}
