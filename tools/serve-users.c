/* SPDX-License-Identifier: MIT */
/* serve-users: see serve-users.h. */
#include "tools/serve-users.h"

#include <crypt.h>
#include <string.h>
#include <sys/stat.h>

#define METHOD "$y$"		/* yescrypt, what Debian's own passwords use */

typedef struct {
	char *hash;
	ServeRole role;
} User;

struct _Users {
	char *path;
	GHashTable *by_name;		/* User */
	struct stat seen;
	guint generation;
	char *nobody;			/* a hash that no password fits */
};

static void user_free(gpointer data)
{
	User *u = data;

	g_free(u->hash);
	g_free(u);
}

/* --- hashes ------------------------------------------------------------------------ */

static char *hash_password(const char *password, const char *setting)
{
	g_autofree struct crypt_data *room = g_new0(struct crypt_data, 1);
	const char *hash = crypt_r(password, setting, room);

	return hash && hash[0] != '*' ? g_strdup(hash) : NULL;
}

static char *make_hash(const char *password)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (!crypt_gensalt_rn(METHOD, 0, NULL, 0, setting, sizeof(setting)))
		return NULL;
	return hash_password(password, setting);
}

gboolean users_password_fits(const char *password, const char *hash)
{
	g_autofree char *got = hash_password(password, hash);
	gsize i, size = strlen(hash);
	guint8 differ = 0;

	if (!got || strlen(got) != size)
		return FALSE;
	for (i = 0; i < size; i++)
		differ |= (guint8)(got[i] ^ hash[i]);
	return differ == 0;
}

/* --- lines -------------------------------------------------------------------------- */

static gboolean wrong(GError **error, const char *what)
{
	g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
	return FALSE;
}

static ServeRole parse_role(const char *text)
{
	if (strcmp(text, "view") == 0)
		return ROLE_VIEW;
	return strcmp(text, "control") == 0 ? ROLE_CONTROL : ROLE_NONE;
}

static gboolean is_name(const char *name)
{
	const char *at;

	for (at = name; *at; at++)
		if (*at == ':' || (guchar)*at <= ' ' || *at == 0x7f)
			return FALSE;
	return name[0] != '\0' && g_utf8_validate(name, -1, NULL);
}

char *users_make_line(const char *name, const char *password, const char *role,
		      GError **error)
{
	g_autofree char *hash = NULL;

	if (!is_name(name))
		wrong(error, "a name has no colon, no space, and is not empty");
	else if (parse_role(role) == ROLE_NONE)
		wrong(error, "the role is view or control");
	else if (!password[0])
		wrong(error, "an empty password");
	else if (!(hash = make_hash(password)))
		wrong(error, "this system's crypt() knows no yescrypt");
	else
		return g_strdup_printf("%s:%s:%s", name, hash, role);
	return NULL;
}

static gboolean add_line(GHashTable *users, const char *line, GError **error)
{
	g_auto(GStrv) part = g_strsplit(line, ":", -1);
	User *u;
	int salt;

	if (g_strv_length(part) != 3 || !is_name(part[0]))
		return wrong(error, "it is not NAME:HASH:ROLE");
	salt = crypt_checksalt(part[1]);
	if (part[1][0] != '$' ||
	    (salt != CRYPT_SALT_OK && salt != CRYPT_SALT_TOO_CHEAP))
		return wrong(error, "its hash is none of a safe scheme of "
				    "crypt(5); 'profagent serve --new-user' "
				    "makes one");
	if (parse_role(part[2]) == ROLE_NONE)
		return wrong(error, "its role is neither view nor control");
	u = g_new(User, 1);
	*u = (User){ g_strdup(part[1]), parse_role(part[2]) };
	g_hash_table_replace(users, g_strdup(part[0]), u);
	return TRUE;
}

static GHashTable *parse(const char *path, const char *text, GError **error)
{
	g_autoptr(GHashTable) users = g_hash_table_new_full(
		g_str_hash, g_str_equal, g_free, user_free);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	guint i;

	for (i = 0; lines[i]; i++) {
		const char *line = g_strstrip(lines[i]);

		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (!add_line(users, line, error)) {
			g_prefix_error(error, "%s: line %u: ", path, i + 1);
			return NULL;
		}
	}
	if (g_hash_table_size(users) > 0)
		return g_steal_pointer(&users);
	wrong(error, "there is no user in it");
	g_prefix_error(error, "%s: ", path);
	return NULL;
}

/* --- the file ------------------------------------------------------------------------- */

static gboolean read_again(Users *u, GError **error)
{
	g_autofree char *text = NULL;
	GHashTable *users;
	struct stat st;

	if (!g_file_get_contents(u->path, &text, NULL, error))
		return FALSE;
	if (stat(u->path, &st) == 0 && st.st_mode & 07) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			    "%s: everybody may read it: chmod 600 it", u->path);
		return FALSE;
	}
	users = parse(u->path, text, error);
	if (!users)
		return FALSE;
	g_clear_pointer(&u->by_name, g_hash_table_unref);
	u->by_name = users;
	return TRUE;
}

/* What is wrong now was said when the server began, or is a file half written. */
static void refresh(Users *u)
{
	g_autoptr(GError) error = NULL;
	struct stat st;

	if (stat(u->path, &st) != 0)
		return;
	if (st.st_ino == u->seen.st_ino && st.st_size == u->seen.st_size &&
	    st.st_mtim.tv_sec == u->seen.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == u->seen.st_mtim.tv_nsec)
		return;
	u->seen = st;
	if (read_again(u, &error))
		u->generation++;
	else
		g_printerr("profagent serve: %s; the users stay as they were\n",
			   error->message);
}

Users *users_new(const char *path, GError **error)
{
	Users *u = g_new0(Users, 1);

	u->path = g_strdup(path);
	u->nobody = make_hash("nobody has this one");
	if (u->nobody && read_again(u, error)) {
		if (stat(path, &u->seen) != 0)
			memset(&u->seen, 0, sizeof(u->seen));
		/* its last character: no password makes it */
		u->nobody[strlen(u->nobody) - 1] ^= 1;
		return u;
	}
	if (!u->nobody)
		wrong(error, "this system's crypt() knows no yescrypt");
	users_free(u);
	return NULL;
}

void users_free(Users *u)
{
	g_clear_pointer(&u->by_name, g_hash_table_unref);
	g_free(u->nobody);
	g_free(u->path);
	g_free(u);
}

gboolean users_find(Users *u, const char *name, char **hash, ServeRole *role)
{
	const User *found;

	refresh(u);
	found = g_hash_table_lookup(u->by_name, name);
	*hash = g_strdup(found ? found->hash : u->nobody);
	*role = found ? found->role : ROLE_NONE;
	return found != NULL;
}

guint users_generation(Users *u)
{
	refresh(u);
	return u->generation;
}
