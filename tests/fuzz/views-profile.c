/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/views-profile.h"

#include <string.h>

#include "agent/pprof.h"

#define IDS 16u			/* of functions and locations: 0 to 15 */
#define FRAMES_DEEP 4096u
#define DEEP_MAX 2u		/* such stacks in a profile */
#define MESSAGES_MAX 100u
#define LONG_NAME 65536u		/* bytes of a long name; 1 MiB takes seconds */
#define LONG_NAMES 2u		/* such names in a profile */

struct maker {
	ViewsBytes *in;
	GByteArray *out;		/* the message */
	guint strings, long_names, deep; /* so far */
};

guint8 views_byte(ViewsBytes *b)
{
	if (b->left == 0)
		return 0;
	b->left--;
	return *b->at++;
}

guint64 views_number(ViewsBytes *b)
{
	static const guint64 ends[] = {
		G_MAXINT32, (guint64)G_MAXINT32 + 1, G_MAXUINT32,
		(guint64)G_MAXUINT32 + 1, G_MAXINT64, (guint64)G_MAXINT64 + 1,
		G_MAXUINT64, (guint64)-1000000, (guint64)1 << 53,
		(guint64)G_MAXINT64 / 2 + 2, 10000000, 1000000000,
	};
	guint8 k = views_byte(b);
	guint64 n = 0;

	if (k < 0xc0)
		return k;
	if (k < 0xf0)
		return ends[k % G_N_ELEMENTS(ends)];
	for (guint i = 0; i < sizeof(n); i++)
		n = n << 8 | views_byte(b);
	return n;
}

/* --- the wire ------------------------------------------------------------- */

static void put_varint(GByteArray *to, guint64 n)
{
	guint8 bytes[10];
	guint count = 0;

	do {
		bytes[count] = (guint8)(n | 0x80);
		n >>= 7;
		count++;
	} while (n != 0);
	bytes[count - 1] &= 0x7f;
	g_byte_array_append(to, bytes, count);
}

static void put_number(GByteArray *to, guint field, guint64 n)
{
	put_varint(to, (guint64)field << 3);
	put_varint(to, n);
}

static void put_bytes(GByteArray *to, guint field, const void *data, gsize size)
{
	put_varint(to, (guint64)field << 3 | 2);
	put_varint(to, size);
	g_byte_array_append(to, data, (guint)size);
}

/* Takes `part`. */
static void put_part(GByteArray *to, guint field, GByteArray *part)
{
	put_bytes(to, field, part->data, part->len);
	g_byte_array_unref(part);
}

/* --- names ---------------------------------------------------------------- */

static const struct {
	const char *text;
	gsize size;
} names[] = {
#define NAME(s) { s, sizeof(s) - 1 }
	NAME("main"), NAME("worker-7"), NAME("samples"), NAME("cpu"),
	NAME("nanoseconds"), NAME("thread"), NAME("tid"), NAME("bytes"),
	NAME("[not sampled]"), NAME("a;b c\td"), NAME("/lib/libc.so.6"),
	NAME("\0\x1b[31m</script><script>alert(1)</script>\r\n\"'&\x7f"),
	NAME("\xff\xfe\xc2\x9b" "1m\xe2\x80\xae\xe2\x80\xa8 ]]> --> \\"),
	NAME("=cmd|' /C calc'!A0"), NAME("%s%n"), NAME("\xf0\x9f\x94\xa5"),
#undef NAME
};

/* A new string of the file, or the number of one that may be there. */
static guint64 put_name(struct maker *m)
{
	guint8 k = views_byte(m->in), size;
	g_autofree char *big = NULL;

	if (k < 0x40)
		return k;
	if (k == 0xff && m->long_names++ < LONG_NAMES) {
		big = g_strnfill(LONG_NAME, (char)views_byte(m->in));
		put_bytes(m->out, PPROF_STRING_TABLE, big, LONG_NAME);
	} else if (k < 0xc0) {
		k %= G_N_ELEMENTS(names);
		put_bytes(m->out, PPROF_STRING_TABLE, names[k].text,
			  names[k].size);
	} else {
		size = (guint8)MIN(k & 0x1fu, m->in->left);
		put_bytes(m->out, PPROF_STRING_TABLE, m->in->at, size);
		m->in->at += size;
		m->in->left -= size;
	}
	return m->strings++;
}

/* A string in the message itself. */
static void put_text(struct maker *m, GByteArray *to, guint field)
{
	guint8 k = views_byte(m->in);
	gsize size = MIN(k & 0x1fu, m->in->left);

	if (k < 0x80) {
		k %= G_N_ELEMENTS(names);
		put_bytes(to, field, names[k].text, names[k].size);
		return;
	}
	put_bytes(to, field, m->in->at, size);
	m->in->at += size;
	m->in->left -= size;
}

/* --- messages ------------------------------------------------------------- */

static void make_type(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	put_number(part, PPROF_VALUE_TYPE, put_name(m));
	put_number(part, PPROF_VALUE_UNIT, put_name(m));
	put_part(m->out, PPROF_SAMPLE_TYPE, part);
}

static void make_mapping(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	put_number(part, PPROF_MAPPING_ID, views_byte(m->in) % 4);
	put_number(part, PPROF_MAPPING_START, views_number(m->in));
	put_number(part, PPROF_MAPPING_LIMIT, views_number(m->in));
	put_number(part, PPROF_MAPPING_OFFSET, views_number(m->in));
	put_number(part, PPROF_MAPPING_FILENAME, put_name(m));
	put_part(m->out, PPROF_MAPPING, part);
}

static void make_function(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	put_number(part, PPROF_FUNCTION_ID, views_byte(m->in) % IDS);
	put_number(part, PPROF_FUNCTION_NAME, put_name(m));
	put_number(part, 4, put_name(m));	/* file */
	put_number(part, 5, views_number(m->in)); /* start line */
	put_part(m->out, PPROF_FUNCTION, part);
}

static void make_location(struct maker *m)
{
	GByteArray *part = g_byte_array_new();
	guint lines = views_byte(m->in) % 4;

	put_number(part, PPROF_LOCATION_ID, views_byte(m->in) % IDS);
	put_number(part, PPROF_LOCATION_MAPPING, views_byte(m->in) % 4);
	put_number(part, PPROF_LOCATION_ADDRESS, views_number(m->in));
	while (lines-- > 0) {
		GByteArray *line = g_byte_array_new();

		put_number(line, PPROF_LINE_FUNCTION,
			   views_byte(m->in) % IDS);
		put_number(line, 2, views_number(m->in));
		put_part(part, PPROF_LOCATION_LINE, line);
	}
	put_part(m->out, PPROF_LOCATION, part);
}

static void put_numbers(struct maker *m, GByteArray *to, guint field,
			guint count)
{
	GByteArray *packed = g_byte_array_new();

	while (count-- > 0)
		put_varint(packed, views_number(m->in));
	put_part(to, field, packed);
}

/* Few frames as the bytes have them, or thousands in a pattern. */
static void put_stack(struct maker *m, GByteArray *to, gboolean deep)
{
	GByteArray *packed = g_byte_array_new();
	guint8 k = views_byte(m->in);
	guint count = deep ? FRAMES_DEEP : k % 12;

	for (guint i = 0; i < count; i++)
		put_varint(packed, deep ? (i * k + i / IDS) % IDS :
			   views_byte(m->in) % IDS);
	put_part(to, PPROF_SAMPLE_LOCATION, packed);
}

static void put_label(struct maker *m, GByteArray *to)
{
	GByteArray *label = g_byte_array_new();

	put_number(label, PPROF_LABEL_KEY, put_name(m));
	if (views_byte(m->in) & 1)
		put_number(label, PPROF_LABEL_STR, put_name(m));
	else
		put_number(label, PPROF_LABEL_NUM, views_number(m->in));
	put_part(to, PPROF_SAMPLE_LABEL, label);
}

static void make_sample_of(struct maker *m, gboolean deep)
{
	GByteArray *part = g_byte_array_new();
	guint8 k = views_byte(m->in);

	put_stack(m, part, deep);
	put_numbers(m, part, PPROF_SAMPLE_VALUE, k & 7);
	if (k & 8)
		put_label(m, part);
	if (k & 16)
		put_label(m, part);
	if (k & 32) {
		put_numbers(m, part, PPROF_SAMPLE_TIMES, k >> 6);
		if (k & 64)
			put_numbers(m, part, PPROF_SAMPLE_WEIGHTS, k >> 6);
	}
	if (k & 128)
		put_number(part, PPROF_SAMPLE_END, views_number(m->in));
	put_part(m->out, PPROF_SAMPLE, part);
}

static void make_sample(struct maker *m)
{
	make_sample_of(m, FALSE);
}

static void make_deep_sample(struct maker *m)
{
	make_sample_of(m, m->deep++ < DEEP_MAX);
}

/* As a list of fields: 's' a string, 'n' a number. */
static void make_message(struct maker *m, guint field, const char *kinds)
{
	GByteArray *part = g_byte_array_new();

	for (guint i = 0; kinds[i]; i++) {
		if (kinds[i] == 's')
			put_text(m, part, i + 1);
		else
			put_number(part, i + 1, views_number(m->in));
	}
	put_part(m->out, field, part);
}

static void make_process(struct maker *m)
{
	make_message(m, PPROF_PROCESS, "nnsssssnnssnssn");
}

static void make_thread(struct maker *m)
{
	make_message(m, PPROF_THREAD, "nsnnnnn");
}

static void make_health(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	for (guint field = 1; field <= PPROF_HEALTH_DONE; field++) {
		GByteArray *count = g_byte_array_new();

		put_number(count, PPROF_COUNT_WHAT, field);
		put_number(count, PPROF_COUNT_N, views_number(m->in));
		if (field == PPROF_HEALTH_LOST ||
		    field == PPROF_HEALTH_TRUNCATED)
			put_bytes(part, field, count->data, count->len);
		else if (field == PPROF_HEALTH_CLOCK ||
			 field == PPROF_HEALTH_UNWIND ||
			 field == PPROF_HEALTH_NOTE)
			put_text(m, part, field);
		else
			put_number(part, field, views_number(m->in));
		g_byte_array_unref(count);
	}
	put_part(m->out, PPROF_HEALTH, part);
}

static void make_span(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	put_number(part, PPROF_SPAN_NUMBER, views_number(m->in));
	put_text(m, part, PPROF_SPAN_NAME);
	put_number(part, PPROF_SPAN_SUM_NS, views_number(m->in));
	put_number(part, PPROF_SPAN_MAX_NS, views_number(m->in));
	put_numbers(m, part, PPROF_SPAN_BUCKETS, views_byte(m->in) % 8);
	put_part(m->out, PPROF_SPAN, part);
}

static void make_period(struct maker *m)
{
	GByteArray *part = g_byte_array_new();

	put_number(part, PPROF_VALUE_TYPE, put_name(m));
	put_number(part, PPROF_VALUE_UNIT, put_name(m));
	put_part(m->out, PPROF_PERIOD_TYPE, part);
	put_number(m->out, PPROF_PERIOD, views_number(m->in));
	put_number(m->out, PPROF_TIME_NANOS, views_number(m->in));
	put_number(m->out, PPROF_DURATION_NANOS, views_number(m->in));
	put_number(m->out, PPROF_DEFAULT_SAMPLE_TYPE, put_name(m));
}

/* "samples" and "cpu", which most views are about. */
static void make_usual(struct maker *m)
{
	static const guint8 types[] = { 2, 3, 3, 4 };	/* of names[] */

	for (guint i = 0; i < G_N_ELEMENTS(types); i += 2) {
		GByteArray *part = g_byte_array_new();

		for (guint k = 0; k < 2; k++) {
			put_bytes(m->out, PPROF_STRING_TABLE,
				  names[types[i + k]].text,
				  names[types[i + k]].size);
			put_number(part, k + 1, m->strings++);
		}
		put_part(m->out, PPROF_SAMPLE_TYPE, part);
	}
}

/* --- all of it ------------------------------------------------------------ */

GByteArray *views_profile(ViewsBytes *b)
{
	static void (*const makes[])(struct maker *) = {
		make_sample, make_location, make_function, make_mapping,
		make_type, make_usual, make_process, make_thread, make_health,
		make_span, make_period, make_deep_sample,
	};
	struct maker m = { b, g_byte_array_new(), 1, 0, 0 };

	put_bytes(m.out, PPROF_STRING_TABLE, "", 0);
	for (guint i = 0; b->left > 0 && i < MESSAGES_MAX; i++) {
		guint8 k = views_byte(b) & 0x1f;

		if (k == 0x1f)
			break;
		makes[k % G_N_ELEMENTS(makes)](&m);
	}
	return m.out;
}
