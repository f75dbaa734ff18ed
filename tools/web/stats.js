/* SPDX-License-Identifier: MIT */
/*
 * stats: how far a sampled share can be trusted. The same formulas as in
 * tools/stats.h.
 */

const z95 = 1.959963984540054; /* 97.5 % point of the normal distribution */

/*
 * Wilson's score interval (E. B. Wilson, 1927), 95 %, of a share found in n
 * samples. It stays within [0, 1] and is right for small n and shares near 0,
 * where the plain normal interval is not.
 */
export function wilsonInterval(share, n)
{
	if (!(n > 0))
		return [0, 1];
	const z2n = z95 * z95 / n;
	const middle = (share + z2n / 2) / (1 + z2n);
	const half = z95 / (1 + z2n) *
		Math.sqrt(share * (1 - share) / n + z2n / (4 * n));

	return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/*
 * Newcombe's hybrid score interval (R. G. Newcombe, 1998, method 10), 95 %, of
 * the difference of two independent shares: [difference, low, high].
 */
export function differenceInterval(before, n, after, m)
{
	const [lowBefore, highBefore] = wilsonInterval(before, n);
	const [lowAfter, highAfter] = wilsonInterval(after, m);
	const d = after - before;

	return [d, d - Math.hypot(after - lowAfter, highBefore - before),
		d + Math.hypot(highAfter - after, before - lowBefore)];
}
