/* SPDX-License-Identifier: MIT */
/*
 * function-list: which functions the samples of running processes were in, as
 * their agents count them (the verb "functions" of agent/control-proto.h).
 */
#ifndef PROFAGENT_TOOLS_FUNCTION_LIST_H
#define PROFAGENT_TOOLS_FUNCTION_LIST_H

#include <glib.h>

typedef struct {
	char *symbol;		/* as the agent has it */
	char *name;		/* demangled: short, if no other function
				 * of its object is called so; else full */
	char *object;		/* path of its file, "" for none */
	guint64 self, total;	/* samples */
	guint64 self_ns, total_ns;
} FunctionCount;

typedef struct _FunctionList FunctionList;

/* `full`: names with their arguments. */
FunctionList *function_list_new(gboolean full);
void function_list_free(FunctionList *l);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FunctionList, function_list_free)

/*
 * Adds what an agent said; the same function of several is one. Any bytes are
 * safe: a line that is none is left out.
 */
void function_list_add(FunctionList *l, const char *text, gsize size);

/* Own samples of all. */
guint64 function_list_samples(const FunctionList *l);

/*
 * FunctionCount *, the most own time first, of those whose name or
 * "OBJECT:NAME" `filter` matches (NULL: all). They stay the list's.
 */
GPtrArray *function_list_select(const FunctionList *l, GRegex *filter);

#endif
