/* SPDX-License-Identifier: MIT */
/*
 * log: what the agent has to say of itself, safe anywhere.
 *
 * One line, one write(2), "profagent: " in front. Nothing is said on a stderr
 * that is not the one the program was started with (a program that closes
 * descriptor 2 may have a data file there), nothing that would block, and no
 * SIGPIPE reaches the program. All functions are async-signal-safe, keep errno
 * and may be called by any thread, the flusher included.
 */
#ifndef PROFAGENT_AGENT_LOG_H
#define PROFAGENT_AGENT_LOG_H

#include <stdint.h>

enum log_level {
	LOG_ERROR = 0,	/* the program runs unprofiled, or data is lost */
	LOG_WARNING,	/* something is weaker than was asked for */
	LOG_INFO,	/* only in a log file */
	LOG_DEBUG,	/* only in a log file */
};

#define LOG_LINE_MAX 512	/* bytes of a line, its newline included */

/*
 * `to` is "stderr" (errors and warnings), "off", or the path of a file that
 * is appended to, opened and closed for each line. The string stays the
 * caller's and must live on. Ordinary context, once, before the first line;
 * until then lines go to stderr.
 */
void log_init(const char *to);

/*
 * The flusher has a descriptor table of its own, in which 2 is not stderr:
 * lines said by thread `tid` go to descriptor 2 of the process instead. 0:
 * there is no such thread.
 */
void log_set_flusher(int tid);

/* See format_args() for what `format` may hold. A newline is added. */
void log_line(enum log_level level, const char *format, ...);

/* Says it the first time only. *said is the caller's flag, 0 at first. */
void log_once(unsigned char *said, enum log_level level, const char *format,
	      ...);

#endif
