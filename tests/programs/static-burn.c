/* SPDX-License-Identifier: MIT */
/* A static program: it burns for a while, says so and exits with 5. */
#include "tests/programs/truth.h"

BURNER(burn_static)

int main(void)
{
	burn_static(300 * MS);
	puts("static program done");
	return 5;
}
