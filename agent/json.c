/* SPDX-License-Identifier: MIT */
/* json: see json.h. Any thread; allocates nothing. */
#include "agent/json.h"

/* Bytes that may follow a first byte `c`: RFC 3629, section 3. */
static unsigned followers(unsigned char c)
{
	if (c >= 0xc2 && c <= 0xdf)
		return 1;
	if (c >= 0xe0 && c <= 0xef)
		return 2;
	if (c >= 0xf0 && c <= 0xf4)
		return 3;
	return 0;
}

/* Are these two the beginning of a character: no surrogate, none too long? */
static bool may_begin(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0;
	case 0xed:
		return second <= 0x9f;
	case 0xf0:
		return second >= 0x90;
	case 0xf4:
		return second <= 0x8f;
	default:
		return true;
	}
}

/* Bytes of the character beyond ASCII at `s`; 0: it is none. */
static unsigned character(const unsigned char *s)
{
	unsigned more = followers(s[0]), i;

	for (i = 1; i <= more; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return more > 0 && may_begin(s[0], s[1]) ? more + 1 : 0;
}

void json_string(struct format *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned size;

	format_char(f, '"');
	for (; *s; s += size) {
		size = 1;
		if (*s == '"' || *s == '\\') {
			format_char(f, '\\');
			format_char(f, (char)*s);
		} else if (*s < ' ' || *s == 0x7f) {
			format_string(f, "\\u");
			format_hex(f, *s, 4);
		} else if (*s < 0x80) {
			format_char(f, (char)*s);
		} else if ((size = character(s)) > 0) {
			format_bytes(f, (const char *)s, size);
		} else {
			format_string(f, "\\ufffd");
			size = 1;
		}
	}
	format_char(f, '"');
}

void json_text(struct format *f, const char *key, const char *value)
{
	format_printf(f, ",\"%s\":", key);
	json_string(f, value);
}

void json_number(struct format *f, const char *key, uint64_t value)
{
	format_printf(f, ",\"%s\":%lu", key, (unsigned long)value);
}

void json_bool(struct format *f, const char *key, bool value)
{
	format_printf(f, ",\"%s\":%s", key, value ? "true" : "false");
}
