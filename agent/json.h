/* SPDX-License-Identifier: MIT */
/*
 * json: answers of the control socket as JSON, into a struct format.
 *
 * Members are written with a comma before each, so they follow another one.
 * Async-signal-safe; a text that does not fit is cut, as format says.
 */
#ifndef PROFAGENT_AGENT_JSON_H
#define PROFAGENT_AGENT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/format.h"

/* A string in quotes. What is no UTF-8 becomes U+FFFD, byte by byte. */
void json_string(struct format *f, const char *s);

/* ,"key":value */
void json_text(struct format *f, const char *key, const char *value);
void json_number(struct format *f, const char *key, uint64_t value);
void json_bool(struct format *f, const char *key, bool value);

#endif
