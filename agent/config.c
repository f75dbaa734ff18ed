/* SPDX-License-Identifier: MIT */
/*
 * config: the PROFAGENT_* variables. Runs in the constructor; a table says what
 * there is, one small parser for each kind of value does the rest.
 */
#include "agent/config.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "agent/clock.h"
#include "agent/format.h"
#include "agent/log.h"
#include "agent/region.h"
#include "agent/sys.h"
#include "agent/unwind.h"
#include "agent/writer.h"

#define PREFIX "PROFAGENT_"

struct entry {
	const char *name;	/* behind PROFAGENT_ */
	/* Stores the value in *field. Returns 0 or -EINVAL. */
	int (*parse)(const struct entry *e, const char *text, void *field);
	size_t offset;		/* of the field in struct config */
	const char *preset;	/* the default, as a value; "" : leaves zero */
	const char *valid;	/* for the message and the help */
	const char *help;	/* NULL: internal */
	uint64_t min, max;	/* of numbers, in the unit of the field */
};

/* --- kinds of value ------------------------------------------------------- */

/* A letter or word that multiplies, and by how much. */
struct unit {
	const char *name;
	uint64_t factor;
};

/* Digits, at least one. Moves *text behind them. */
static int parse_digits(const char **text, uint64_t *n)
{
	const char *at = *text;
	unsigned digit;

	for (*n = 0; *at >= '0' && *at <= '9'; at++) {
		digit = (unsigned)(*at - '0');
		if (*n > (UINT64_MAX - digit) / 10)
			return -EINVAL;
		*n = *n * 10 + digit;
	}
	if (at == *text)
		return -EINVAL;
	*text = at;
	return 0;
}

/*
 * A decimal number in thousandths: 97.5 is 97500. Digits beyond the third after
 * the point must be zeros: nothing is rounded in silence.
 */
static int parse_thousandths(const char **text, uint64_t *n)
{
	uint64_t unit = 100;

	if (parse_digits(text, n) < 0 || *n > UINT64_MAX / 1000 - 1)
		return -EINVAL;
	*n *= 1000;
	if (**text != '.')
		return 0;
	(*text)++;
	if (**text < '0' || **text > '9')
		return -EINVAL;
	for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10) {
		if (unit == 0 && **text != '0')
			return -EINVAL;
		*n += (uint64_t)(**text - '0') * unit;
	}
	return 0;
}

static int parse_unit(const struct unit *units, size_t count, const char *text,
		      uint64_t *factor)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(units[i].name, text) == 0) {
			*factor = units[i].factor;
			return 0;
		}
	return -EINVAL;
}

static int store(const struct entry *e, uint64_t n, void *field)
{
	if (n < e->min || n > e->max)
		return -EINVAL;
	memcpy(field, &n, sizeof(n));
	return 0;
}

static int parse_number(const struct entry *e, const char *text, void *field)
{
	uint64_t n;

	if (parse_digits(&text, &n) < 0 || *text != '\0')
		return -EINVAL;
	return store(e, n, field);
}

static int parse_rate(const struct entry *e, const char *text, void *field)
{
	uint64_t n;

	if (parse_thousandths(&text, &n) < 0 || *text != '\0')
		return -EINVAL;
	return store(e, n, field);
}

/* Thousandths of a second are milliseconds; of a millisecond, too fine. */
static int parse_duration(const struct entry *e, const char *text, void *field)
{
	static const struct unit units[] = {
		{ "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "min", 60000 },
		{ "h", 3600000 },
	};
	uint64_t n, factor;

	if (parse_thousandths(&text, &n) < 0 ||
	    parse_unit(units, sizeof(units) / sizeof(units[0]), text,
		       &factor) < 0 ||
	    n > UINT64_MAX / factor || n * factor % 1000 != 0)
		return -EINVAL;
	return store(e, n * factor / 1000, field);
}

/* A duration, or 0 for none. */
static int parse_age(const struct entry *e, const char *text, void *field)
{
	const uint64_t none = 0;

	if (strcmp(text, "0") != 0)
		return parse_duration(e, text, field);
	memcpy(field, &none, sizeof(none));
	return 0;
}

static int parse_size(const struct entry *e, const char *text, void *field)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
		{ "k", 1 << 10 }, { "m", 1 << 20 }, { "g", 1 << 30 },
	};
	uint64_t n, factor;

	if (parse_digits(&text, &n) < 0 ||
	    parse_unit(units, sizeof(units) / sizeof(units[0]), text,
		       &factor) < 0 || n > UINT64_MAX / factor)
		return -EINVAL;
	if (n == 0) { /* no limit */
		memcpy(field, &n, sizeof(n));
		return 0;
	}
	return store(e, n * factor, field);
}

/* Percent, with or without the sign; thousandths of it are ten ppm. */
static int parse_percent(const struct entry *e, const char *text, void *field)
{
	uint64_t n;

	if (parse_thousandths(&text, &n) < 0 ||
	    (text[0] != '\0' && (text[0] != '%' || text[1] != '\0')))
		return -EINVAL;
	return store(e, n * 10, field);
}

static int parse_bool(const struct entry *e, const char *text, void *field)
{
	(void)e;
	if ((text[0] != '0' && text[0] != '1') || text[1] != '\0')
		return -EINVAL;
	*(bool *)field = text[0] == '1';
	return 0;
}

/* One of the words in e->valid, which are separated by ", ". */
static int parse_word(const struct entry *e, const char *text, void *field)
{
	size_t size = strlen(text);
	const char *at = e->valid;

	if (size >= CONFIG_WORD_MAX)
		return -EINVAL;
	for (;;) {
		const char *end = strchr(at, ',');

		if (end == NULL)
			end = at + strlen(at);
		if ((size_t)(end - at) == size && memcmp(at, text, size) == 0)
			break;
		if (*end == '\0')
			return -EINVAL;
		at = end + 2;
	}
	memcpy(field, text, size + 1);
	return 0;
}

static int parse_path(const struct entry *e, const char *text, void *field)
{
	size_t size = strlen(text) + 1;

	(void)e;
	if (size > PATH_MAX)
		return -EINVAL;
	memcpy(field, text, size);
	return 0;
}

static int parse_pattern(const struct entry *e, const char *text, void *field)
{
	char bad;

	if (writer_check_pattern(text, &bad) < 0)
		return -EINVAL;
	return parse_path(e, text, field);
}

static int parse_run_id(const struct entry *e, const char *text, void *field)
{
	(void)e;
	if (strlen(text) != REGION_RUN_ID)
		return -EINVAL;
	memcpy(field, text, REGION_RUN_ID + 1);
	return 0;
}

/* --- signals -------------------------------------------------------------- */

/* glibc keeps 32 and 33 for itself; its SIGRTMIN is 34 on every Linux. */
#define RTMIN 34
#define RTMAX 64

/*
 * signal(7), x86. Not here: those that cannot be caught, those that the kernel
 * raises for a fault, and STKFLT, which wakes our flusher.
 */
static const struct unit signals[] = {
	{ "HUP", 1 }, { "INT", 2 }, { "QUIT", 3 }, { "ABRT", 6 },
	{ "USR1", 10 }, { "USR2", 12 }, { "PIPE", 13 }, { "ALRM", 14 },
	{ "TERM", 15 }, { "CHLD", 17 }, { "CONT", 18 }, { "TSTP", 20 },
	{ "TTIN", 21 }, { "TTOU", 22 }, { "URG", 23 }, { "XCPU", 24 },
	{ "XFSZ", 25 }, { "VTALRM", 26 }, { "PROF", 27 }, { "WINCH", 28 },
	{ "IO", 29 }, { "POLL", 29 }, { "PWR", 30 }, { "SYS", 31 },
	{ "RTMIN", RTMIN }, { "RTMAX", RTMAX },
};

#define SIGNALS (sizeof(signals) / sizeof(signals[0]))

static bool is_usable_signal(uint64_t n)
{
	size_t i;

	for (i = 0; i < SIGNALS; i++)
		if (signals[i].factor == n)
			return true;
	return n >= RTMIN && n <= RTMAX;
}

/* RTMIN+n and RTMAX-n. Returns 0 or -EINVAL. */
static int parse_real_time(const char *text, uint64_t *n)
{
	bool from_min = memcmp(text, "RTMIN+", 6) == 0;

	text += 6;
	if (parse_digits(&text, n) < 0 || *text != '\0' || *n > RTMAX - RTMIN)
		return -EINVAL;
	*n = from_min ? RTMIN + *n : RTMAX - *n;
	return 0;
}

static int parse_signal(const struct entry *e, const char *text, void *field)
{
	uint64_t n;

	(void)e;
	if (text[0] >= '0' && text[0] <= '9') {
		if (parse_digits(&text, &n) < 0 || *text != '\0')
			return -EINVAL;
	} else {
		if (strlen(text) > 3 && memcmp(text, "SIG", 3) == 0)
			text += 3;
		if (strlen(text) > 6 && (memcmp(text, "RTMIN+", 6) == 0 ||
					 memcmp(text, "RTMAX-", 6) == 0)) {
			if (parse_real_time(text, &n) < 0)
				return -EINVAL;
		} else if (parse_unit(signals, SIGNALS, text, &n) < 0) {
			return -EINVAL;
		}
	}
	if (!is_usable_signal(n))
		return -EINVAL;
	memcpy(field, &n, sizeof(n));
	return 0;
}

/* --- the table ------------------------------------------------------------ */

#define FIELD(name) offsetof(struct config, name)

static const struct entry table[] = {
	{ "RATE", parse_rate, FIELD(rate_mhz), "99",
	  "1 to 10000 Hz, decimals allowed",
	  "samples a second of CPU time, each thread", 1000, 10000000 },
	{ "OUTPUT", parse_pattern, FIELD(output), "%e.%p.pb.gz",
	  "a file name; %e program, %p process id, %h host, %t start time, %%",
	  "where the profile is written", 0, 0 },
	{ "FLUSH", parse_duration, FIELD(flush_ms), "1s",
	  "10ms to 1h; a plain number is seconds",
	  "how often samples are written to the file", 10, 3600000 },
	{ "CLOCK", parse_word, FIELD(clock), "auto",
	  CLOCK_NAMES, "what makes a sample due", 0, 0 },
	{ "UNWIND", parse_word, FIELD(unwind), "cfi",
	  UNWIND_NAMES,
	  "how stacks are walked: unwind tables or frame pointers", 0, 0 },
	{ "DEPTH", parse_number, FIELD(depth), "4096",
	  "1 to 16384", "frames kept of a stack", 1, UNWIND_DEPTH_MAX },
	{ "SIGNAL", parse_signal, FIELD(signal), "PROF",
	  "a name such as PROF, SIGVTALRM or RTMIN+3, or a number; "
	  "not KILL, STOP, STKFLT, 32, 33 or a fault's (SEGV, BUS, TRAP ...)",
	  "the signal that takes samples", 0, 0 },
	{ "TOGGLE", parse_signal, FIELD(toggle), "",
	  "as PROFAGENT_SIGNAL, such as USR2; empty: none",
	  "a signal that starts and pauses, unless the program handles it",
	  0, 0 },
	{ "MAX_SIZE", parse_size, FIELD(max_size), "256M",
	  "at least 64K, suffixes K, M, G; 0: no limit",
	  "size of a file before it is renamed to NAME.old and a new one begun",
	  64 << 10, UINT64_MAX },
	{ "MAX_AGE", parse_age, FIELD(max_age_ms), "0",
	  "1s to 744h, as 30min; a plain number is seconds; 0: no limit",
	  "age of a file before it is renamed to NAME.old and a new one begun",
	  1000, 744u * 3600000u },
	{ "KEEP", parse_number, FIELD(keep), "1",
	  "1 to 99", "renamed files that are kept", 1, WRITER_KEEP_MAX },
	{ "BUDGET", parse_percent, FIELD(budget_ppm), "0",
	  "up to 100%, such as 0.5%; 0: no limit",
	  "the agent's own cost in percent of the program's CPU time; "
	  "the rate is lowered to keep it", 0, 1000000 },
	{ "START", parse_bool, FIELD(start), "1",
	  "1 or 0", "0 begins paused", 0, 0 },
	{ "CHILDREN", parse_bool, FIELD(children), "1",
	  "1 or 0", "0 leaves the programs that this one starts alone", 0, 0 },
	{ "SECCOMP", parse_word, FIELD(seccomp), "leave",
	  "leave, stay",
	  "when the program installs a seccomp filter: end the profile, or go "
	  "on under a filter that permits it", 0, 0 },
	{ "LOG", parse_path, FIELD(log), "stderr",
	  "stderr, off, or a file name",
	  "where messages go; stderr gets errors and warnings only", 0, 0 },
	{ "HELP", parse_bool, FIELD(help), "0",
	  "1 or 0", "1 prints this table; the program then runs unprofiled",
	  0, 0 },
	{ "PARENT_RUN", parse_run_id, FIELD(parent_run), "",
	  "16 hex digits", NULL, 0, 0 },
	{ "ROOT_RUN", parse_run_id, FIELD(root_run), "",
	  "16 hex digits", NULL, 0, 0 },
};

#define ENTRIES (sizeof(table) / sizeof(table[0]))

/* The value of a variable, NULL if unset or empty. */
static const char *value_of(char **envp, const char *name)
{
	size_t prefix = strlen(PREFIX), size = strlen(name);

	for (; *envp != NULL; envp++) {
		const char *v = *envp;

		if (strncmp(v, PREFIX, prefix) != 0 ||
		    strncmp(v + prefix, name, size) != 0 ||
		    v[prefix + size] != '=')
			continue;
		v += prefix + size + 1;
		return v[0] != '\0' ? v : NULL;
	}
	return NULL;
}

static void say_invalid(struct config_error *err, const struct entry *e,
			const char *value)
{
	struct format f;

	format_init(&f, err->text, sizeof(err->text));
	format_printf(&f, PREFIX "%s=%q is not valid (%s)", e->name, value,
		      e->valid);
}

int config_read(struct config *c, char **envp, struct config_error *err)
{
	const struct entry *e;
	const char *value;

	memset(c, 0, sizeof(*c));
	for (e = table; e < table + ENTRIES; e++) {
		char *field = (char *)c + e->offset;

		if (e->preset[0] != '\0')
			e->parse(e, e->preset, field);
		value = value_of(envp, e->name);
		if (value == NULL || e->parse(e, value, field) == 0)
			continue;
		if (e->help == NULL)
			continue; /* not the user's: not worth a word */
		say_invalid(err, e, value);
		return -EINVAL;
	}
	return 0;
}

/* --- words to the user ---------------------------------------------------- */

static bool is_known(const char *name, size_t size)
{
	size_t i;

	for (i = 0; i < ENTRIES; i++)
		if (strlen(table[i].name) == size &&
		    memcmp(table[i].name, name, size) == 0)
			return true;
	return false;
}

static void warn_unknown(const char *name, size_t size)
{
	char text[64];
	struct format f;

	format_init(&f, text, sizeof(text));
	format_string(&f, PREFIX);
	format_bytes(&f, name, size);
	log_line(LOG_WARNING, "unknown variable %q ignored; "
		 PREFIX "HELP=1 lists all", text);
}

void config_warn_unknown(char **envp)
{
	size_t prefix = strlen(PREFIX);

	for (; *envp != NULL; envp++) {
		const char *name = *envp + prefix, *end;

		if (strncmp(*envp, PREFIX, prefix) != 0)
			continue;
		end = strchr(name, '=');
		if (end != NULL && !is_known(name, (size_t)(end - name)))
			warn_unknown(name, (size_t)(end - name));
	}
}

static void help_entry(int fd, const struct entry *e)
{
	char text[512];
	struct format f;

	format_init(&f, text, sizeof(text));
	format_printf(&f, PREFIX "%s=%s\n    %s\n    valid: %s\n", e->name,
		      e->preset, e->help, e->valid);
	sys_write(fd, text, f.used);
}

void config_help(int fd)
{
	static const char head[] =
		"Environment variables of profagent, with their defaults:\n\n";
	size_t i;

	sys_write(fd, head, sizeof(head) - 1);
	for (i = 0; i < ENTRIES; i++)
		if (table[i].help != NULL)
			help_entry(fd, &table[i]);
}
