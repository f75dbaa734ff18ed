/* SPDX-License-Identifier: MIT */
/*
 * span-list: how long the pieces of work took that programs count, of one
 * process or several: the same name of several is one.
 */
#ifndef PROFAGENT_TOOLS_SPAN_LIST_H
#define PROFAGENT_TOOLS_SPAN_LIST_H

#include "tools/client.h"
#include "tools/json-out.h"
#include "tools/profile.h"

typedef struct _SpanList SpanList;

SpanList *span_list_new(void);
void span_list_free(SpanList *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SpanList, span_list_free)

void span_list_add(SpanList *l, const Profile *p);

/* Asks a running process; starts nothing in it. Waits for the answer. */
gboolean span_list_add_client(SpanList *l, Client *c, GError **error);

/* const ProfileSpan *, the most time first; the array is the caller's. */
GPtrArray *span_list_rows(const SpanList *l);

guint64 span_list_mean(const ProfileSpan *s);	/* ns */
guint64 span_list_quantile(const ProfileSpan *s, double share);

/* An array of objects; a table with titles. Times in ns. */
void span_list_put_json(const SpanList *l, JsonOut *out);
void span_list_put_csv(const SpanList *l, GString *text);

#endif
