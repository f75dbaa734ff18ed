/* SPDX-License-Identifier: MIT */
/* pickers: sample type, process, thread or pool, label. */
import { element } from "./elements.js";
import { formatShare } from "./format.js";
import { processLabel, threadLabel } from "./tree.js";

const typeNames = {
	"samples": "Samples", "cpu": "CPU time", "wall": "Wall-clock time",
};

export function typeLabel({ type, unit })
{
	if (typeNames[type])
		return typeNames[type];
	return unit === "count" || !unit ? type : `${type} (${unit})`;
}

/* Sum of a sample type over what keyOf() tells of each sample. */
function weigh(profile, type, keyOf)
{
	const { samples } = profile;
	const value = samples.values[type];
	const sums = new Map();

	for (let s = 0; s < samples.n; s++) {
		const key = keyOf(s);

		sums.set(key, (sums.get(key) ?? 0) + value[s]);
	}
	return sums;
}

function option(value, label, share)
{
	return element("option", { value }, share === undefined ? label
		: `${label}  ·  ${formatShare(share)}`);
}

/* Options by weight, heaviest first; entries are [value, label, weight]. */
function rankedOptions(entries, all)
{
	return entries.filter(([, , weight]) => weight > 0)
		.sort((a, b) => b[2] - a[2])
		.map(([value, label, weight]) =>
			option(value, label, weight / (all || 1)));
}

export function fillTypes(select, profile, filter)
{
	select.replaceChildren(...profile.types.map((t, i) =>
		option(i, typeLabel(t))));
	select.value = filter.type;
	select.disabled = profile.types.length < 2;
}

export function fillProcesses(select, profile, filter)
{
	const sums = weigh(profile, filter.type, s =>
		profile.samples.process[s]);
	const all = [...sums.values()].reduce((a, b) => a + b, 0);
	const set = p => profile.isDifference
		? (p.set ? "after: " : "before: ") : "";

	select.replaceChildren(option(-1, "All processes"),
		...rankedOptions(profile.processes.map((p, i) =>
			[i, set(p) + processLabel(p), sums.get(i) ?? 0]), all));
	select.value = filter.process;
	select.disabled = profile.processes.length < 2;
}

/* Values: "t12" a thread, "p3" a pool, "" all. */
export function fillThreads(select, profile, filter)
{
	const { samples, threads, pools } = profile;
	const here = s => filter.process < 0 ||
		samples.process[s] === filter.process;
	const sums = weigh(profile, filter.type, s =>
		here(s) ? samples.thread[s] : -2);
	const poolSums = new Map();
	let all = 0;

	for (const [thread, sum] of sums) {
		const pool = threads[thread]?.pool;

		all += thread === -2 ? 0 : sum;
		poolSums.set(pool, (poolSums.get(pool) ?? 0) + sum);
	}
	const group = (label, options) => options.length
		? element("optgroup", { label }, ...options) : null;

	select.replaceChildren(option("", "All threads"), ...[
		group("Pools", rankedOptions(pools.map((p, i) =>
			["p" + i, `${p.name}  (${p.size})`,
			 poolSums.get(p.name) ?? 0]), all)),
		group("Threads", rankedOptions(threads.map((t, i) =>
			["t" + i, threadLabel(t), sums.get(i) ?? 0]), all)),
	].filter(x => x));
	select.value = filter.thread >= 0 ? "t" + filter.thread
		: filter.pool !== null
		? "p" + pools.findIndex(p => p.name === filter.pool) : "";
	if (select.selectedIndex < 0)
		select.value = "";
	select.disabled = threads.length < 2;
}

/* A sample counts for each label that it has. */
export function fillLabels(select, profile, filter)
{
	const { samples, labels } = profile;
	const value = samples.values[filter.type];
	const sums = labels.map(() => 0);
	let all = 0;

	select.parentElement.hidden = labels.length === 0;
	for (let s = 0; s < samples.n && labels.length; s++) {
		all += value[s];
		for (const label of samples.labels[s])
			sums[label] += value[s];
	}
	select.replaceChildren(option(-1, "All labels"),
		...rankedOptions(labels.map((name, i) =>
			[i, name, sums[i]]), all));
	select.value = filter.label;
	if (select.selectedIndex < 0)
		select.value = -1;
}

/* What a value of the thread picker means for the filter. */
export function threadChoice(profile, value)
{
	const index = Number(value.slice(1));

	return {
		thread: value[0] === "t" ? index : -1,
		pool: value[0] === "p" ? profile.pools[index].name : null,
	};
}
