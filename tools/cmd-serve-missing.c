/* SPDX-License-Identifier: MIT */
/* profagent serve, where it was built without the library that it needs. */
#include "tools/cmd.h"

int cmd_serve(int argc, char **argv)
{
	(void)argc;
	return cmd_fail(argv[0], "this profagent was built without libsoup-3.0 "
			"(or libcrypt), which it needs for that");
}
