/* SPDX-License-Identifier: MIT */
/*
 * boxes: how the boxes of a tree look: colour by module, thread or difference,
 * marks for the search, the chosen function, inlined and unknown code.
 */
import { FRAME_INLINED, FRAME_UNKNOWN } from "./profile.js";
import { rankKeys } from "./colors.js";
import { changeOf, shareOf } from "./stats.js";

/*
 * Weight of each module's frames with what they called, whatever the filter:
 * colours do not jump.
 */
function weighModules(profile)
{
	const { samples, stacks, functions, frameFunction } = profile;
	const value = samples.values[profile.defaultType];
	const total = new Float64Array(stacks.n);
	const weights = new Map();

	for (let s = 0; s < samples.n; s++)
		total[samples.stack[s]] += value[s];
	for (let i = stacks.n - 1; i > 0; i--) {
		const { module } = functions[frameFunction[stacks.frame[i]]];

		total[stacks.parent[i]] += total[i];
		weights.set(module, (weights.get(module) ?? 0) + total[i]);
	}
	return weights;
}

export function rankModules(profile)
{
	const rank = rankKeys(weighModules(profile));

	for (let m = -1; m < profile.modules.length; m++)
		if (!rank.has(m))
			rank.set(m, rank.size);
	return rank;
}

/* What colours go by for a sample: its pool, where threads are pooled. */
export function rankPools(profile)
{
	const { samples, threads } = profile;
	const value = samples.values[profile.defaultType];
	const weights = new Map();

	for (let s = 0; s < samples.n; s++) {
		const pool = threads[samples.thread[s]]?.pool ?? "";

		weights.set(pool, (weights.get(pool) ?? 0) + value[s]);
	}
	return rankKeys(weights);
}

/*
 * The pool that more than half of each stack node's weight comes from, as its
 * place in `rank`; -1 if there is none. First the only candidate that can have
 * it (R. S. Boyer, J S. Moore: majority vote, by weight), then its real weight.
 */
export function majorityPools(profile, counts, kept, rank)
{
	const { stacks } = counts;
	const { threads, samples } = profile;
	const place = s => rank.get(threads[samples.thread[s]]?.pool ?? "");
	const vote = { who: new Int32Array(stacks.n).fill(-1),
		       by: new Float64Array(stacks.n) };
	const real = new Float64Array(stacks.n);

	kept((s, value) => castVote(vote, stacks.sampleNode[s], place(s),
				    value));
	for (let i = stacks.n - 1; i > 0; i--)
		castVote(vote, stacks.parent[i], vote.who[i], vote.by[i]);
	kept((s, value) => {
		for (let i = stacks.sampleNode[s]; i > 0; i = stacks.parent[i])
			if (vote.who[i] === place(s))
				real[i] += value;
	});
	return vote.who.map((who, i) =>
		2 * real[i] > totalOf(counts, i) ? who : -1);
}

function castVote(vote, i, who, by)
{
	if (vote.who[i] === who) {
		vote.by[i] += by;
	} else if (vote.by[i] >= by) {
		vote.by[i] -= by;
	} else {
		vote.who[i] = who;
		vote.by[i] = by - vote.by[i];
	}
}

function totalOf(counts, i)
{
	return counts.sets.reduce((sum, one) => sum + one.total.value[i], 0);
}

/* The change of a node between two sets: see changeOf(). */
function nodeChange(counts, tree, node)
{
	const [before, after] = counts.sets.map((one, set) =>
		shareOf(tree.total(node, set), one.grand));

	return changeOf(before, after);
}

const colorings = {
	module({ palette, modules, profile }, node, f) {
		return palette.ranked(modules.get(f.module), f.name);
	},
	thread({ palette, majority, tree }, node, f) {
		const place = majority && tree.root === 0 && majority[node];

		return place >= 0 ? palette.ranked(place, f.name)
			: palette.grey;
	},
	/* The strongest colour stands for a change by a tenth of all time. */
	difference({ palette, counts, tree }, node) {
		const { change, chance } = nodeChange(counts, tree, node);

		return palette.difference(chance ? 0 : Math.abs(change) / 0.1,
					  change > 0);
	},
};

/*
 * `look` has profile, counts, tree, palette, by ("module", "thread",
 * "difference"), modules (rankModules), majority (majorityPools), match (per
 * frame, or null) and chosen (function, or -1).
 */
export class BoxStyle {
	constructor(look)
	{
		this.look = look;
		this.groups = look.counts.stacks.groups;
		this.text = look.palette.text;
		this.rest = look.palette.grey;
		this.paint = colorings[look.by];
		this.cache = new Map();
	}

	functionIndex(node)
	{
		const frame = this.look.tree.frame(node);

		return frame < 0 ? -1 : this.groups.frameFunction[frame];
	}

	flags(node)
	{
		const frame = this.look.tree.frame(node);

		return frame < 0 ? 0 : this.groups.frameFlags[frame];
	}

	name(node)
	{
		const f = this.functionIndex(node);

		return f < 0 ? "all" : this.groups.functions[f].name;
	}

	color(node)
	{
		let made = this.cache.get(node);

		if (made === undefined) {
			made = this.pick(node);
			this.cache.set(node, made);
		}
		return made;
	}

	pick(node)
	{
		const { palette, match } = this.look;
		const f = this.functionIndex(node);

		if (f < 0)
			return palette.grey;
		if (match?.[this.look.tree.frame(node)])
			return palette.match;
		return palette.special(this.flags(node)) ??
			this.paint(this.look, node, this.groups.functions[f]);
	}

	/* Beside what a search has found, the rest steps back. */
	dim(node)
	{
		const { match, tree } = this.look;

		return match !== null && tree.frame(node) >= 0 &&
			!match[tree.frame(node)];
	}

	chosen(node)
	{
		const f = this.functionIndex(node);

		return f >= 0 && f === this.look.chosen;
	}

	inlined(node)
	{
		return (this.flags(node) & FRAME_INLINED) !== 0;
	}

	slanted(node)
	{
		return (this.flags(node) & (FRAME_INLINED | FRAME_UNKNOWN)) !==
			0;
	}
}
