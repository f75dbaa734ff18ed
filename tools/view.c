/* SPDX-License-Identifier: MIT */
/* view: see view.h. */
#include "tools/view.h"

#include <signal.h>

#include "tools/cmd.h"
#include "tools/screen.h"

int view_end(int signo)
{
	screen_close();
	if (signo != 0 && signo != SIGINT) {
		signal(signo, SIG_DFL);
		raise(signo);
	}
	return CMD_DONE;
}
