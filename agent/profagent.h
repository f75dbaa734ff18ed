/* SPDX-License-Identifier: MIT */
/*
 * profagent.h: what a program may ask the agent it runs under.
 *
 * Nothing needs to be linked: a program that is not preloaded finds the symbols
 * absent (declare them weak, or use dlsym).
 */
#ifndef PROFAGENT_H
#define PROFAGENT_H

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The agent's version, such as "0.1.0". A constant, never freed; may be called
 * anywhere, a signal handler included. Since 0.1.0.
 */
const char *profagent_version(void);

#ifdef __cplusplus
}
#endif

#endif
