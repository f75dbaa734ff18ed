/* SPDX-License-Identifier: MIT */
/*
 * tree: the stacks, counted under a filter.
 *
 * `Stacks` is the tree of all stacks as recorded (or with a level of threads
 * on top). `Counts` says what each of its nodes weighs under a filter, for one
 * set of samples or two. From both come the trees that are drawn; they share
 * one shape:
 *
 *	root			index of the root
 *	children(i)		indices, the heaviest first
 *	parent(i)		index, -1 above the root
 *	frame(i)		index of the frame, -1 for the root
 *	weight(i)		what the width stands for
 *	total(i, set) self(i, set)	sums: {value, square, ...}
 */
import { FRAME_GROUP } from "./profile.js";

/* Child lists of all nodes in two arrays: from[i]..from[i+1] of list. */
function linkChildren(n, parent)
{
	const from = new Int32Array(n + 1);
	const list = new Int32Array(Math.max(n - 1, 0));
	const at = new Int32Array(n);

	for (let i = 1; i < n; i++)
		from[parent[i] + 1]++;
	for (let i = 0; i < n; i++)
		from[i + 1] += from[i];
	at.set(from.subarray(0, n));
	for (let i = 1; i < n; i++)
		list[at[parent[i]]++] = i;
	return { from, list };
}

/*
 * 1 where the function has no other instance of itself above: totals add these
 * up, so that recursion counts once.
 */
function markOutermost(stacks)
{
	const { n, from, list, frameFunction, frame } = stacks;
	const outermost = new Uint8Array(n);
	const open = new Int32Array(stacks.functionCount);
	const next = from.slice(0, n);
	let node = 0;

	while (node >= 0) {
		if (next[node] < from[node + 1]) {
			node = list[next[node]++];
			if (open[frameFunction[frame[node]]]++ === 0)
				outermost[node] = 1;
		} else {
			if (node > 0)
				open[frameFunction[frame[node]]]--;
			node = stacks.parent[node];
		}
	}
	return outermost;
}

export class Stacks {
	/* parent[], frame[] of n nodes, parents first; node of each sample. */
	constructor(profile, { n, parent, frame }, sampleNode, groups)
	{
		this.n = n;
		this.parent = parent;
		this.frame = frame;
		this.sampleNode = sampleNode;
		this.groups = groups;
		this.frameFunction = groups.frameFunction;
		this.functionCount = groups.functions.length;
		Object.assign(this, linkChildren(n, parent));
		this.outermost = markOutermost(this);
	}
}

/* Names for frames and functions: the profile's, and those of the groups. */
function groupNames(profile, labels)
{
	const base = profile.functions.length;

	return {
		functions: profile.functions.concat(labels.map(name => ({
			name, module: -1, file: "", line: 0, flags: FRAME_GROUP,
		}))),
		frameFunction: Int32Array.from([...profile.frameFunction,
			...labels.map((_, i) => base + i)]),
		frameFlags: Uint8Array.from([...profile.frameFlags,
			...labels.map(() => FRAME_GROUP)]),
	};
}

/* The group of each sample, by what it belongs to. */
const groupings = {
	thread: (profile, s) => profile.threads[profile.samples.thread[s]]
		? threadLabel(profile.threads[profile.samples.thread[s]])
		: "no thread recorded",
	pool: (profile, s) =>
		profile.threads[profile.samples.thread[s]]?.pool ??
		"no thread recorded",
	process: (profile, s) =>
		profile.processes[profile.samples.process[s]]
		? processLabel(profile.processes[profile.samples.process[s]])
		: "no process recorded",
};

export function threadLabel(thread)
{
	return `${thread.name || "thread"} (${thread.tid})`;
}

export function processLabel(process)
{
	if (process.pid > 0)
		return `${process.program || "process"} (${process.pid})`;
	return process.program || process.path || "process";
}

/*
 * Grows the tree of all groups, one group after the other: made[] has what has
 * become of each stack node in the group whose number is in within[].
 */
class GroupGrower {
	constructor(profile)
	{
		this.stacks = profile.stacks;
		this.frames = profile.frameFunction.length;
		this.parent = [-1];
		this.frame = [-1];
		this.made = new Int32Array(profile.stacks.n);
		this.within = new Int32Array(profile.stacks.n).fill(-1);
		this.path = [];
	}

	make(below, frame)
	{
		this.parent.push(below);
		this.frame.push(frame);
		return this.parent.length - 1;
	}

	/* The node for the stack that ends in `node`. */
	grow(group, node)
	{
		const { stacks, path, made, within } = this;
		let at = node;

		for (; at >= 0 && within[at] !== group; at = stacks.parent[at])
			path.push(at);
		while (path.length) {
			at = path.pop();
			within[at] = group;
			made[at] = at === 0 ? this.make(0, this.frames + group)
				: this.make(made[stacks.parent[at]],
					    stacks.frame[at]);
		}
		return made[node];
	}
}

function growGroups(profile, label)
{
	const { n, stack } = profile.samples;
	const grower = new GroupGrower(profile);
	const members = new Map();	/* label: samples */
	const sampleNode = new Int32Array(n);

	for (let s = 0; s < n; s++) {
		const name = label(profile, s);

		if (!members.has(name))
			members.set(name, []);
		members.get(name).push(s);
	}
	[...members.values()].forEach((samples, group) => {
		for (const s of samples)
			sampleNode[s] = grower.grow(group, stack[s]);
	});
	return { grower, sampleNode, labels: [...members.keys()] };
}

/* `by` is "none", "thread", "pool" or "process". */
export function groupStacks(profile, by)
{
	if (!groupings[by])
		return new Stacks(profile, profile.stacks,
				  profile.samples.stack,
				  groupNames(profile, []));
	const { grower, sampleNode, labels } =
		growGroups(profile, groupings[by]);

	return new Stacks(profile, {
		n: grower.parent.length,
		parent: Int32Array.from(grower.parent),
		frame: Int32Array.from(grower.frame),
	}, sampleNode, groupNames(profile, labels));
}

/*
 * What one set of samples amounts to, per stack node. A sum is {value, square,
 * taken, exact}: of the weights, of their squares (for the error,
 * tools/stats.h), how often a stack was taken, and what of the value no stack
 * was taken for.
 */
const sumParts = ["value", "square", "taken", "exact"];

const emptySum = () => ({ value: 0, square: 0, taken: 0, exact: 0 });

class SetCounts {
	constructor(n)
	{
		this.self = {};
		this.total = {};
		this.grand = emptySum();
		for (const part of sumParts)
			this.self[part] = new Float64Array(n);
	}

	add(node, value, square, taken)
	{
		const { self, grand } = this;

		self.value[node] += value;
		self.square[node] += square;
		self.taken[node] += taken;
		grand.value += value;
		grand.square += square;
		grand.taken += taken;
		if (!taken) {
			self.exact[node] += value;
			grand.exact += value;
		}
	}

	/* Self into total: children come after their parents. */
	sum(parent)
	{
		for (const part of sumParts) {
			const total = this.self[part].slice();

			for (let i = total.length - 1; i > 0; i--)
				total[parent[i]] += total[i];
			this.total[part] = total;
		}
	}
}

/* Element i of parallel arrays as a sum. */
function sumAt(parts, i)
{
	return { value: parts.value[i], square: parts.square[i],
		 taken: parts.taken[i], exact: parts.exact[i] };
}

/*
 * `kept` calls add(sample, value, square, taken) for what the filter keeps
 * (tools/web/filter.js).
 */
export class Counts {
	constructor(profile, stacks, kept)
	{
		const { set } = profile.samples;
		const { sampleNode } = stacks;

		this.stacks = stacks;
		this.sets = profile.sets.map(() => new SetCounts(stacks.n));
		kept((s, value, square, taken) =>
			this.sets[set[s]].add(sampleNode[s], value, square,
					      taken));
		for (const one of this.sets)
			one.sum(stacks.parent);
		/* Two sets weigh the same whatever their length. */
		this.scale = this.sets.length === 1 ? [1] : this.sets.map(one =>
			one.grand.value ? 0.5 / one.grand.value : 0);
	}

	/* Of each function, for each set: {self: sums, total: sums}. */
	flat()
	{
		return this.sets.map(one => ({
			self: this.flatSums(one.self, null),
			total: this.flatSums(one.total, this.stacks.outermost),
		}));
	}

	/* Arrays of sums by function, of the nodes that `only` marks. */
	flatSums(sums, only)
	{
		const { n, frame, frameFunction, functionCount } = this.stacks;
		const out = {};

		for (const part of sumParts) {
			const from = sums[part];
			const to = new Float64Array(functionCount);

			for (let i = 1; i < n; i++)
				if (!only || only[i])
					to[frameFunction[frame[i]]] += from[i];
			out[part] = to;
		}
		return out;
	}

	/* Share of the samples whose stack has a frame with match[frame]. */
	matchedShare(match)
	{
		const { n, frame, parent } = this.stacks;
		const below = new Uint8Array(n);
		let weight = 0;

		for (let i = 1; i < n; i++) {
			below[i] = below[parent[i]] | match[frame[i]];
			if (below[i])
				for (const [k, one] of this.sets.entries())
					weight += one.self.value[i] *
						this.scale[k];
		}
		return weight / (this.weightOfAll || 1);
	}

	get weightOfAll()
	{
		return this.sets.reduce((sum, one, k) =>
			sum + one.grand.value * this.scale[k], 0);
	}
}

/* Callees below callers: the stacks themselves. */
export class TopDownTree {
	constructor(counts)
	{
		this.counts = counts;
		this.stacks = counts.stacks;
		this.root = 0;
		this.sorted = new Map();
	}

	children(i)
	{
		let list = this.sorted.get(i);

		if (!list) {
			const { from, list: all } = this.stacks;

			list = Array.from(all.subarray(from[i], from[i + 1]))
				.filter(c => this.weight(c) > 0)
				.sort((a, b) => this.weight(b) - this.weight(a)
					|| a - b);
			this.sorted.set(i, list);
		}
		return list;
	}

	parent(i)
	{
		return this.stacks.parent[i];
	}

	frame(i)
	{
		return this.stacks.frame[i];
	}

	weight(i)
	{
		const { sets, scale } = this.counts;
		let sum = sets[0].total.value[i] * scale[0];

		if (sets.length > 1)
			sum += sets[1].total.value[i] * scale[1];
		return sum;
	}

	total(i, set)
	{
		return sumAt(this.counts.sets[set].total, i);
	}

	self(i, set)
	{
		return sumAt(this.counts.sets[set].self, i);
	}
}

function addSum(to, from)
{
	for (const part of sumParts)
		to[part] += from[part];
}

/*
 * Trees whose nodes merge many stack nodes, grown where somebody looks. An
 * entry of a node is a stack node to go on from, and what it brings there.
 */
class MergedTree {
	constructor(counts)
	{
		this.counts = counts;
		this.stacks = counts.stacks;
		this.nodes = [];
		this.root = 0;
	}

	/* A node of entries {node, total, self}, the last two a sum a set. */
	make(parent, frame)
	{
		const none = () => this.counts.sets.map(emptySum);

		this.nodes.push({ parent, frame, entries: [], children: null,
				  total: none(), self: none() });
		return this.nodes.length - 1;
	}

	enter(i, node, total, self)
	{
		const it = this.nodes[i];

		it.entries.push({ node, total, self });
		for (let k = 0; k < total.length; k++) {
			addSum(it.total[k], total[k]);
			if (self)
				addSum(it.self[k], self[k]);
		}
	}

	children(i)
	{
		const it = this.nodes[i];

		if (!it.children) {
			it.children = this.grow(i).sort((a, b) =>
				this.weight(b) - this.weight(a) || a - b);
			it.entries = null;
		}
		return it.children;
	}

	/* Distributes what step() yields over one child a function. */
	grow(i)
	{
		const { frame, frameFunction } = this.stacks;
		const made = new Map();

		for (const entry of this.nodes[i].entries) {
			this.step(entry, (node, total, self) => {
				const f = frameFunction[frame[node]];

				if (!made.has(f))
					made.set(f, this.make(i, frame[node]));
				this.enter(made.get(f), node, total, self);
			});
		}
		return [...made.values()];
	}

	/* Sums of a stack node, for each set. */
	sums(kind, i)
	{
		return this.counts.sets.map(one => sumAt(one[kind], i));
	}

	/* Whether nothing of a stack node is left in any set. */
	isEmpty(kind, i)
	{
		return this.counts.sets.every(one => !(one[kind].value[i] > 0));
	}

	parent(i)
	{
		return this.nodes[i].parent;
	}

	frame(i)
	{
		return this.nodes[i].frame;
	}

	weight(i)
	{
		return this.nodes[i].total.reduce((sum, one, k) =>
			sum + one.value * this.counts.scale[k], 0);
	}

	total(i, set)
	{
		return this.nodes[i].total[set];
	}

	self(i, set)
	{
		return this.nodes[i].self[set];
	}
}

/*
 * Callers below callees. Of every leaf, or, with a function, of that function:
 * then its outermost instances are the root, with all that is below them.
 */
export class CallersTree extends MergedTree {
	constructor(counts, functionIndex)
	{
		super(counts);
		if (functionIndex === undefined)
			this.enterLeaves();
		else
			this.enterFunction(functionIndex);
	}

	enterLeaves()
	{
		const { n } = this.stacks;

		this.make(-1, -1);
		for (let i = 1; i < n; i++) {
			if (this.isEmpty("self", i))
				continue;
			const self = this.sums("self", i);

			this.enter(0, i, self, self);
		}
		this.first = true;
	}

	enterFunction(f)
	{
		const { n, frame, frameFunction, outermost } = this.stacks;

		this.make(-1, -1);
		for (let i = 1; i < n; i++) {
			if (!outermost[i] || frameFunction[frame[i]] !== f)
				continue;
			this.nodes[0].frame = frame[i];
			this.enter(0, i, this.sums("total", i),
				   this.sums("self", i));
		}
		this.first = false;
	}

	/* From the root of all leaves the first step is the leaf itself. */
	grow(i)
	{
		const { parent } = this.stacks;
		const here = i === 0 && this.first;

		this.step = ({ node, total, self }, yieldNode) => {
			const next = here ? node : parent[node];

			if (next > 0)
				yieldNode(next, total, here ? self : null);
		};
		return super.grow(i);
	}
}

/* What a function calls: everything below its outermost instances, merged. */
export class CalleesTree extends MergedTree {
	constructor(counts, functionIndex)
	{
		super(counts);
		const { n, frame, frameFunction, outermost } = this.stacks;

		this.make(-1, -1);
		for (let i = 1; i < n; i++) {
			if (!outermost[i] ||
			    frameFunction[frame[i]] !== functionIndex)
				continue;
			this.nodes[0].frame = frame[i];
			this.enterNode(0, i);
		}
	}

	enterNode(into, i)
	{
		this.enter(into, i, this.sums("total", i),
			   this.sums("self", i));
	}

	step({ node }, yieldNode)
	{
		const { from, list } = this.stacks;

		for (let at = from[node]; at < from[node + 1]; at++) {
			const i = list[at];

			if (!this.isEmpty("total", i))
				yieldNode(i, this.sums("total", i),
					  this.sums("self", i));
		}
	}
}
