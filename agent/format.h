/* SPDX-License-Identifier: MIT */
/*
 * format: puts text together without stdio.
 *
 * The text is always NUL-terminated; what does not fit is cut off and `cut`
 * says so. Everything here is async-signal-safe and allocates nothing.
 */
#ifndef PROFAGENT_AGENT_FORMAT_H
#define PROFAGENT_AGENT_FORMAT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct format {
	char *text;		/* the caller's buffer */
	size_t size, used;	/* bytes; used < size, the NUL not counted */
	bool cut;
};

/* Begins an empty text in `text`, of `size` > 0 bytes with the final NUL. */
void format_init(struct format *f, char *text, size_t size);

void format_char(struct format *f, char c);
void format_string(struct format *f, const char *s);	/* NULL: "(null)" */
void format_bytes(struct format *f, const char *s, size_t size);
void format_unsigned(struct format *f, uint64_t n);
void format_signed(struct format *f, int64_t n);

/* Lower-case hex digits, at least `digits` of them (at most 16). */
void format_hex(struct format *f, uint64_t n, unsigned digits);

/*
 * A string in double quotes, on one line whatever it holds: \n, \t, \\, \" and
 * \xNN for other control and non-ASCII bytes. Of a text longer than `most`
 * bytes the first ones are taken, and "..." follows the closing quote.
 */
void format_quoted(struct format *f, const char *s, size_t most);

/*
 * %s %c %d %u %ld %lu %x %lx %% as printf has them, without flags and widths; q
 * instead of s quotes and cuts at 64 bytes. Anything else is taken literally.
 */
void format_args(struct format *f, const char *format, va_list args);
void format_printf(struct format *f, const char *format, ...);

#endif
