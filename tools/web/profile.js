/* SPDX-License-Identifier: MIT */
/*
 * profile: a document (its format: tools/page.h) made ready for counting: typed
 * arrays, functions, pools of threads. Never changed once made.
 */

import { cleanName } from "./names.js";

export const FRAME_INLINED = 1;
export const FRAME_UNKNOWN = 2;		/* module+0xoffset */
export const FRAME_UNSAMPLED = 4;	/* CPU time that no sample stands for */
export const FRAME_TRUNCATED = 8;	/* stands for callers that are lost */
export const FRAME_GROUP = 16;		/* thread, pool, process: not code */

/* Thread names that differ in their number only belong to one pool. */
export function poolName(name)
{
	const found = /^(.*?[^\d])[-_ #:/.]?\d+$/.exec(name);

	return found ? found[1].replace(/[-_ #:/.]+$/, "") + "-*" : name;
}

function decodeStacks(coded)
{
	const n = coded.parent.length + 1;
	const parent = new Int32Array(n);
	const frame = new Int32Array(n);

	parent[0] = frame[0] = -1;
	for (let i = 1; i < n; i++) {
		parent[i] = i - coded.parent[i - 1];
		frame[i] = coded.frame[i - 1];
	}
	return { n, parent, frame };
}

function decodeSamples(coded)
{
	return {
		n: coded.stack.length,
		stack: Int32Array.from(coded.stack),
		thread: Int32Array.from(coded.thread),
		process: Int32Array.from(coded.process),
		set: Uint8Array.from(coded.set ?? coded.stack.map(() => 0)),
		count: Float64Array.from(coded.count),
		spread: Float64Array.from(coded.spread),
		labels: coded.labels ?? null,	/* indices, of each sample */
		values: coded.values.map(v => Float64Array.from(v)),
	};
}

/* first[s]..first[s+1] are the moments of sample s; time in seconds. */
function decodeMoments(coded, samples)
{
	const n = coded.delta.length;
	const first = new Int32Array(samples.n + 1);
	const time = new Float64Array(n);
	const weight = new Float64Array(n).fill(1);
	const unit = coded.unit_ns / 1e9;
	let at = 0;

	for (let s = 0; s < samples.n; s++) {
		first[s] = at;
		for (let k = 0, t = 0; k < coded.count[s]; k++, at++) {
			t += coded.delta[at];
			time[at] = t * unit;
			if (coded.weight)
				weight[at] = coded.weight[at];
		}
	}
	first[samples.n] = at;
	return { n, first, time, weight };
}

/* Frames of equal name and module are one function, inlined or not. */
function collectFunctions(frames, strings)
{
	const index = new Map();
	const functions = [];
	const of = new Int32Array(frames.name.length);

	for (let f = 0; f < of.length; f++) {
		const key = frames.name[f] + ":" + frames.module[f];
		let id = index.get(key);

		if (id === undefined) {
			id = functions.length;
			index.set(key, id);
			functions.push({
				name: cleanName(strings[frames.name[f]]),
				module: frames.module[f],
				file: cleanName(strings[frames.file[f]]),
				line: frames.line[f],
				flags: frames.flags[f],
			});
		}
		functions[id].flags &= frames.flags[f];
		of[f] = id;
	}
	return { functions, of };
}

/* The pools that have more than one thread, and whose each thread is. */
function collectPools(threads)
{
	const index = new Map();

	for (const thread of threads) {
		const pool = poolName(thread.name);

		index.set(pool, (index.get(pool) ?? 0) + 1);
		thread.pool = pool;
	}
	return [...index].filter(([, n]) => n > 1)
		.map(([name, size]) => ({ name, size }));
}

export class Profile {
	constructor(doc)
	{
		if (doc.version !== 1)
			throw new Error("this page cannot read version " +
					`${doc.version} of the data`);
		if (!doc.types.length)
			throw new Error("it does not say what was measured");
		this.title = doc.title;
		this.types = doc.types.map(([type, unit]) => ({ type, unit }));
		this.defaultType = doc.default_type;
		this.sets = doc.sets;
		this.processes = doc.processes;
		this.threads = doc.threads.map(t =>
			({ ...t, name: cleanName(t.name) }));
		this.labels = (doc.labels ?? []).map(cleanName);
		this.pools = collectPools(this.threads);
		this.modules = doc.modules.map(([name, path]) =>
			({ name: cleanName(name), path: cleanName(path) }));
		this.notes = doc.notes;
		this.stacks = decodeStacks(doc.stacks);
		this.samples = decodeSamples(doc.samples);
		this.moments = decodeMoments(doc.moments, this.samples);
		this.setFrames(doc);
	}

	setFrames(doc)
	{
		const { functions, of } =
			collectFunctions(doc.frames, doc.strings);

		this.functions = functions;
		this.frameFunction = of;
		this.frameFlags = Uint8Array.from(doc.frames.flags);
	}

	get isDifference()
	{
		return this.sets.length === 2;
	}

	/* Seconds from the first to the last moment, at least what was told. */
	get seconds()
	{
		let last = 0;

		for (const t of this.moments.time)
			last = Math.max(last, t);
		return Math.max(last, 0.001);
	}
}
