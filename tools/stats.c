/* SPDX-License-Identifier: MIT */
/* stats: see stats.h, which has the formulas and where they come from. */
#include "tools/stats.h"

#include <math.h>

void stats_wilson(double share, double n, double *low, double *high)
{
	double z2 = STATS_Z95 * STATS_Z95;
	double middle, half;

	if (!(n > 0)) {
		*low = 0;
		*high = 1;
		return;
	}
	middle = (share + z2 / (2 * n)) / (1 + z2 / n);
	half = STATS_Z95 / (1 + z2 / n) *
	       sqrt(share * (1 - share) / n + z2 / (4 * n * n));
	*low = fmax(0, middle - half);
	*high = fmin(1, middle + half);
}

static double effective(double p, double in, double all, double all_square)
{
	double out = fmax(0, all_square - in);
	double spread = (1 - p) * (1 - p) * in + p * p * out;

	if (all_square <= 0)
		return 0;
	if (p <= 0 || p >= 1 || spread <= 0)
		return all * all / all_square;
	return p * (1 - p) * all * all / spread;
}

StatsShare stats_share(double value, double square, double all,
		       double all_square)
{
	StatsShare s = { .share = all > 0 ? value / all : 0 };
	double p = fmin(fmax(s.share, 0), 1);

	s.n = effective(p, square, all, all_square);
	stats_wilson(p, s.n, &s.low, &s.high);
	s.error = (s.high - s.low) / 2;
	return s;
}

StatsShare stats_share_of(const StatsSum *part, const StatsSum *all)
{
	double sampled = all->value - all->exact;
	StatsShare s;

	if (!(all->value > 0) || !(all->exact > 0))
		return stats_share(part->value, part->square, all->value,
				   all->square);
	s = stats_share(part->value - part->exact, part->square, sampled,
			all->square);
	s.share = part->value / all->value;
	if (part->exact > 0 && part->exact >= part->value) {
		s.low = s.high = s.share;
		s.error = 0;
		return s;
	}
	s.low = (part->exact + sampled * s.low) / all->value;
	s.high = (part->exact + sampled * s.high) / all->value;
	s.error = (s.high - s.low) / 2;
	return s;
}
