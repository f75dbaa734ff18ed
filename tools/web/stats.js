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
 * How many equal samples would tell as much about a share as those there are:
 * value and square are the sums of the weights and of their squares in the
 * share, all and allSquare those of everything (tools/stats.h has the formula).
 */
function effectiveSamples(value, square, all, allSquare)
{
	const p = value / all;
	const outside = Math.max(0, allSquare - square);
	const spread = (1 - p) ** 2 * square + p ** 2 * outside;

	if (!(allSquare > 0))
		return 0;
	if (p <= 0 || p >= 1 || spread <= 0)
		return all * all / allSquare;
	return p * (1 - p) * all * all / spread;
}

/*
 * {share, low, high, n} of one thing within everything, 95 %; both are sums
 * {value, square, exact}. What was not sampled is exact: the interval is that
 * of the sampled part, at its place in the whole.
 */
export function shareOf(part, all)
{
	const share = all.value > 0 ? part.value / all.value : 0;
	const sampled = all.value - all.exact;
	const inside = sampled > 0 ? (part.value - part.exact) / sampled : 0;
	const n = sampled > 0 ? effectiveSamples(part.value - part.exact,
			part.square, sampled, all.square) : 0;
	const [low, high] = wilsonInterval(inside, n).map(end =>
		all.value > 0 ? (part.exact + sampled * end) / all.value : end);

	if (part.exact > 0 && part.exact >= part.value)
		return { share, low: share, high: share, n };
	/* Of what never or always occurs the end is exact. */
	return { share, low: share > 0 ? low : 0, high: share < 1 ? high : 1,
		 n };
}

/*
 * Newcombe's hybrid score interval (R. G. Newcombe, 1998, method 10), 95 %, of
 * the difference of two shares as shareOf() gives them: {change, low, high,
 * chance}; chance: no change is as likely.
 */
export function changeOf(before, after)
{
	const change = after.share - before.share;
	const low = change - Math.hypot(after.share - after.low,
					before.high - before.share);
	const high = change + Math.hypot(after.high - after.share,
					 before.share - before.low);

	return { change, low, high, chance: low <= 0 && high >= 0 };
}
