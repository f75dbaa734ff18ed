/* SPDX-License-Identifier: MIT */
/*
 * foreign: threads that pthread_create did not make (raw clone), and threads
 * that ended without telling (raw exit). Flusher only.
 */
#ifndef PROFAGENT_AGENT_FOREIGN_H
#define PROFAGENT_AGENT_FOREIGN_H

/*
 * When the kernel counts another number of threads than the registry: gives
 * each unknown thread a slot and arms its clock from outside, and ends the
 * slots whose threads are gone.
 */
void foreign_scan(void);

#endif
