/* SPDX-License-Identifier: MIT */
/*
 * stats: how far a share of samples can be trusted.
 *
 * A share is the value behind some samples divided by that of all. Where each
 * sample weighs the same, the number of samples in the share is binomial, and
 * the 95 % interval is Wilson's score interval (E. B. Wilson, "Probable
 * inference, the law of succession, and statistical inference", JASA 22, 1927,
 * p. 209-212; it keeps its coverage for small numbers and for shares near 0 and
 * 1, unlike p +- 1.96 sqrt(p (1 - p) / n)):
 *
 *	                z^2       /  p (1 - p)     z^2
 *	      p + ------ +- z  / ----------- + -------
 *	            2 n      \/       n         4 n^2
 *	     -------------------------------------------      z = 1.959964
 *	                  1 + z^2 / n
 *
 * Where weights differ, n is the number of equal samples that would have the
 * same variance. With weights w, W = sum w, S = sum w^2 over all samples and
 * S_in over those in the share, the variance of the ratio is (W. G. Cochran,
 * "Sampling techniques", 3rd ed. 1977, eq. 6.13, linearised ratio estimator)
 *
 *	((1 - p)^2 S_in + p^2 (S - S_in)) / W^2  =  p (1 - p) / n
 *
 * which is solved for n. If weights do not depend on being in the share it is
 * L. Kish's effective sample size W^2 / S ("Survey sampling", 1965, section
 * 8.2), which is also taken for p = 0 and p = 1.
 *
 * Value that no sample stands for ("[not sampled]": CPU time that is known from
 * the threads' clocks) is exact: it has no variance and takes none away. With E
 * of it in all and e in the share, the interval is that of the sampled part,
 * (v - e) / (W - E), stretched to its place in the whole:
 *
 *	(e + (W - E) x [low, high]) / W
 *
 * A share that is exact altogether has no error. With one formula over
 * everything a share near 1 would have almost none.
 */
#ifndef PROFAGENT_TOOLS_STATS_H
#define PROFAGENT_TOOLS_STATS_H

#define STATS_Z95 1.959963984540054	/* normal quantile of 0.975 */

typedef struct {
	double share;			/* 0 to 1 */
	double low, high;		/* 95 % interval */
	double error;			/* half its width */
	double n;			/* effective number of samples */
} StatsShare;

/*
 * Share of `value` (sum of its squared weights `square`) in `all` (`all_square`).
 * Nothing sampled: the interval is everything, [0, 1].
 */
StatsShare stats_share(double value, double square, double all,
		       double all_square);

typedef struct {
	double value;
	double square;			/* sum of squared weights of samples */
	double exact;			/* of value: what no sample stands for */
} StatsSum;

/* The same where a part of `all`, and maybe of `part`, was not sampled. */
StatsShare stats_share_of(const StatsSum *part, const StatsSum *all);

/* Wilson's interval of `share` seen in `n` samples of equal weight. */
void stats_wilson(double share, double n, double *low, double *high);

#endif
