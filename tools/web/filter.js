/* SPDX-License-Identifier: MIT */
/*
 * filter: which samples count. Everything that is drawn comes from the samples
 * that it keeps.
 */

/* What a person has chosen; a new object for each change. */
export function emptyFilter(profile)
{
	return {
		type: profile.defaultType,
		process: -1,		/* index, -1: all */
		thread: -1,		/* index, -1: all */
		pool: null,		/* name, null: all */
		label: -1,		/* index, -1: all */
		from: 0, to: 0,		/* seconds, to 0: all */
		patterns: [],		/* {source, regex, keep} */
	};
}

/* The same choice for a newer profile, where things have other indices. */
export function carryFilter(old, filter, profile)
{
	const process = old.processes[filter.process];
	const thread = old.threads[filter.thread];
	const pidOf = (p, t) => p.processes[t.process]?.pid;

	return {
		...filter,
		process: !process ? -1 : profile.processes.findIndex(p =>
			p.pid === process.pid && p.set === process.set),
		thread: !thread ? -1 : profile.threads.findIndex(t =>
			t.tid === thread.tid &&
			pidOf(profile, t) === pidOf(old, thread)),
		label: profile.labels.indexOf(old.labels[filter.label]),
		pool: profile.pools.some(p => p.name === filter.pool)
			? filter.pool : null,
	};
}

/* Per stack node: whether a frame of it or above it matches. */
function matchStacks(profile, regex)
{
	const { n, parent, frame } = profile.stacks;
	const match = matchFrames(profile, regex);
	const out = new Uint8Array(n);

	for (let i = 1; i < n; i++)
		out[i] = out[parent[i]] | match[frame[i]];
	return out;
}

/* Per frame: whether its function, file or module matches. */
export function matchFrames(profile, regex)
{
	const match = profile.functions.map(f =>
		regex.test(f.name) || regex.test(f.file) ||
		(f.module >= 0 && regex.test(profile.modules[f.module].name)));

	return Uint8Array.from(profile.frameFunction, f => match[f] ? 1 : 0);
}

/* Which samples pass all but the times. */
export function filterSamples(profile, filter)
{
	const { samples, threads } = profile;
	const keep = new Uint8Array(samples.n).fill(1);
	const patterns = filter.patterns.map(p =>
		({ keep: p.keep, stacks: matchStacks(profile, p.regex) }));

	for (let s = 0; s < samples.n; s++) {
		const thread = samples.thread[s];

		if ((filter.process >= 0 &&
		     samples.process[s] !== filter.process) ||
		    (filter.thread >= 0 && thread !== filter.thread) ||
		    (filter.pool !== null &&
		     threads[thread]?.pool !== filter.pool) ||
		    (filter.label >= 0 &&
		     !samples.labels[s].includes(filter.label)) ||
		    patterns.some(p =>
			    !!p.stacks[samples.stack[s]] !== p.keep))
			keep[s] = 0;
	}
	return keep;
}

/*
 * What of sample s lies in [from, to): share of its weight, sum of the squared
 * shares, and how many moments.
 */
function partInside({ first, time, weight }, s, from, to)
{
	let inside = 0, squares = 0, all = 0, taken = 0;

	for (let m = first[s]; m < first[s + 1]; m++) {
		all += weight[m];
		if (time[m] >= from && time[m] < to) {
			inside += weight[m];
			squares += weight[m] * weight[m];
			taken++;
		}
	}
	if (!all)
		return { share: 0, squares: 0, taken };
	return { share: inside / all, squares: squares / (all * all), taken };
}

/* add(sample, value, square, taken) for each sample kept; see Counts. */
export function eachKept(profile, filter, keep, add)
{
	const { samples, moments } = profile;
	const { count, spread } = samples;
	const value = samples.values[filter.type];

	for (let s = 0; s < samples.n; s++) {
		const v = value[s];

		if (!keep[s])
			continue;
		if (!filter.to) {
			add(s, v, count[s] ? spread[s] * v * v / count[s] : 0,
			    count[s]);
			continue;
		}
		const part = partInside(moments, s, filter.from, filter.to);

		if (part.taken)
			add(s, v * part.share, v * v * part.squares,
			    part.taken);
	}
}

/*
 * What was measured in each cell of a grid of `cells` equal times from 0 on,
 * `seconds` each.
 */
export function countCells(profile, filter, keep, seconds, cells)
{
	const { samples, moments } = profile;
	const value = samples.values[filter.type];
	const out = new Float64Array(cells);

	for (let s = 0; s < samples.n; s++) {
		const end = moments.first[s + 1];
		let all = 0;

		if (!keep[s])
			continue;
		for (let m = moments.first[s]; m < end; m++)
			all += moments.weight[m];
		for (let m = moments.first[s]; m < end; m++) {
			const cell = Math.floor(moments.time[m] / seconds);

			if (cell < cells && all)
				out[cell] += value[s] * moments.weight[m] / all;
		}
	}
	return out;
}
