/* SPDX-License-Identifier: MIT */
/*
 * format: text without stdio. Runs anywhere, handler included.
 */
#include "agent/format.h"

#include <string.h>

#define QUOTED_MOST 64

static const char hex_digits[] = "0123456789abcdef";

void format_init(struct format *f, char *text, size_t size)
{
	f->text = text;
	f->size = size;
	f->used = 0;
	f->cut = false;
	text[0] = '\0';
}

void format_bytes(struct format *f, const char *s, size_t size)
{
	size_t room = f->size - 1 - f->used;

	if (size > room) {
		size = room;
		f->cut = true;
	}
	memcpy(f->text + f->used, s, size);
	f->used += size;
	f->text[f->used] = '\0';
}

void format_char(struct format *f, char c)
{
	format_bytes(f, &c, 1);
}

void format_string(struct format *f, const char *s)
{
	if (s == NULL)
		s = "(null)";
	format_bytes(f, s, strlen(s));
}

static void format_base(struct format *f, uint64_t n, unsigned base,
			unsigned digits)
{
	char buf[20]; /* of 2^64 - 1 in base 10 */
	size_t at = sizeof(buf);

	do {
		buf[--at] = hex_digits[n % base];
		n /= base;
	} while (n > 0 || sizeof(buf) - at < digits);
	format_bytes(f, buf + at, sizeof(buf) - at);
}

void format_unsigned(struct format *f, uint64_t n)
{
	format_base(f, n, 10, 1);
}

void format_signed(struct format *f, int64_t n)
{
	if (n < 0)
		format_char(f, '-');
	format_unsigned(f, n < 0 ? -(uint64_t)n : (uint64_t)n);
}

void format_hex(struct format *f, uint64_t n, unsigned digits)
{
	format_base(f, n, 16, digits > 16 ? 16 : digits);
}

static void format_quoted_char(struct format *f, char c)
{
	static const char plain[] = "\n\t\"\\", letters[] = "nt\"\\";
	const char *escape = c == '\0' ? NULL : strchr(plain, c);
	char text[4] = { '\\', 'x', 0, 0 };

	if (escape != NULL) {
		text[1] = letters[escape - plain];
		format_bytes(f, text, 2);
	} else if (c < ' ' || c == 0x7f) { /* char is signed: >= 0x80 too */
		text[2] = hex_digits[(uint8_t)c >> 4];
		text[3] = hex_digits[c & 15];
		format_bytes(f, text, 4);
	} else {
		format_char(f, c);
	}
}

void format_quoted(struct format *f, const char *s, size_t most)
{
	size_t i;

	if (s == NULL) {
		format_string(f, NULL);
		return;
	}
	format_char(f, '"');
	for (i = 0; s[i] != '\0' && i < most; i++)
		format_quoted_char(f, s[i]);
	format_char(f, '"');
	if (s[i] != '\0')
		format_string(f, "...");
}

/*
 * One conversion, `c` behind the % and an l. False if it is none. A va_list
 * parameter may be an array, so that it is passed on inside a struct.
 */
struct arguments {
	va_list list;
};

static bool convert(struct format *f, char c, bool is_long,
		    struct arguments *args)
{
	switch (c) {
	case 's':
		format_string(f, va_arg(args->list, const char *));
		return true;
	case 'q':
		format_quoted(f, va_arg(args->list, const char *),
			      QUOTED_MOST);
		return true;
	case 'c':
		format_char(f, (char)va_arg(args->list, int));
		return true;
	case 'd':
		format_signed(f, is_long ? va_arg(args->list, long) :
					   va_arg(args->list, int));
		return true;
	case 'u':
		format_unsigned(f, is_long ? va_arg(args->list, unsigned long) :
					     va_arg(args->list, unsigned));
		return true;
	case 'x':
		format_hex(f, is_long ? va_arg(args->list, unsigned long) :
					va_arg(args->list, unsigned), 1);
		return true;
	case '%':
		format_char(f, '%');
		return true;
	}
	return false;
}

void format_args(struct format *f, const char *format, va_list list)
{
	struct arguments args;
	const char *start;

	va_copy(args.list, list);
	while (*format != '\0') {
		start = format;
		if (*format++ == '%') {
			bool is_long = *format == 'l';

			format += is_long;
			if (*format != '\0' &&
			    convert(f, *format, is_long, &args)) {
				format++;
				continue;
			}
		} else {
			while (*format != '\0' && *format != '%')
				format++;
		}
		format_bytes(f, start, (size_t)(format - start));
	}
	va_end(args.list);
}

void format_printf(struct format *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	format_args(f, format, args);
	va_end(args);
}
