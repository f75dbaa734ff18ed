/* SPDX-License-Identifier: MIT */
/* An empty program. */
int main(void)
{
	return 0;
}
