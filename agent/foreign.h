/* SPDX-License-Identifier: MIT */
/*
 * foreign: threads that pthread_create did not make (raw clone), and threads
 * that ended without telling (raw exit). Flusher only.
 */
#ifndef PROFAGENT_AGENT_FOREIGN_H
#define PROFAGENT_AGENT_FOREIGN_H

#include <stdint.h>

/*
 * When the kernel counts another number of threads than the registry: gives
 * each unknown thread a slot and arms its clock from outside, and ends the
 * slots whose threads are gone.
 */
void foreign_scan(void);

/*
 * CPU time of threads that had no slot at the last scan, ns; FOREIGN_UNKNOWN if
 * it did not meet all threads.
 */
#define FOREIGN_UNKNOWN UINT64_MAX
uint64_t foreign_cpu_ns(void);

#endif
