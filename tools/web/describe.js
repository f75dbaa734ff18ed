/* SPDX-License-Identifier: MIT */
/* describe: what is known of a box or a function, in words. */
import { element } from "./elements.js";
import { formatNumber, formatPoints, formatShare, formatValue }
	from "./format.js";
import { FRAME_GROUP, FRAME_INLINED, FRAME_TRUNCATED, FRAME_UNKNOWN,
	 FRAME_UNSAMPLED } from "./profile.js";
import { differenceInterval, wilsonInterval } from "./stats.js";

const remarks = [
	[FRAME_INLINED, "Inlined: the compiler put this function into its " +
		"caller; it has no frame of its own."],
	[FRAME_UNKNOWN, "No symbol covers this address; shown as module and " +
		"offset."],
	[FRAME_UNSAMPLED, "CPU time that threads used without being sampled, " +
		"mostly by ending before their first sample."],
	[FRAME_TRUNCATED, "These stacks could not be followed to the start of " +
		"the thread; their outer callers are missing."],
	[FRAME_GROUP, "Not a function: the level you group by."],
];

export function remarksOn(flags)
{
	return remarks.filter(([bit]) => flags & bit).map(([, text]) => text);
}

/* "12.3 % (11.2 – 13.5 %)" of n samples. */
export function shareWithError(share, n)
{
	const [low, high] = wilsonInterval(share, n);

	return `${formatShare(share)}  (${formatShare(low)} – ` +
		`${formatShare(high)})`;
}

/* {total, self, count} of one set against all of it: rows of [name, text]. */
function plainFacts(one, { total, self, count }, unit)
{
	const { grand, grandCount } = one;

	return [
		["Total", formatValue(total, unit),
		 shareWithError(grand ? total / grand : 0, grandCount)],
		["Self", formatValue(self, unit),
		 shareWithError(grand ? self / grand : 0, grandCount)],
		["Samples", formatNumber(count), ""],
	];
}

function differenceFacts([a, b], [before, after], unit)
{
	const pa = a.grand ? before.total / a.grand : 0;
	const pb = b.grand ? after.total / b.grand : 0;
	const [d, low, high] = differenceInterval(pa, a.grandCount, pb,
						  b.grandCount);

	return [
		["Before", formatValue(before.total, unit),
		 shareWithError(pa, a.grandCount)],
		["After", formatValue(after.total, unit),
		 shareWithError(pb, b.grandCount)],
		["Change", formatPoints(d) + " points",
		 `(${formatPoints(low)} to ${formatPoints(high)})`],
		["", low <= 0 && high >= 0
			? "within what chance alone does" : "beyond chance",
		 ""],
	];
}

/* `values`: {total, self, count} for each set. */
export function factsTable(counts, values, unit)
{
	const facts = counts.sets.length === 1
		? plainFacts(counts.sets[0], values[0], unit)
		: differenceFacts(counts.sets, values, unit);

	return element("table.facts", {}, element("tbody", {},
		...facts.map(([name, value, error]) => element("tr", {},
			element("th", { scope: "row" }, name),
			element("td", {}, value),
			element("td.error", {}, error)))));
}

/* Where the function lies: "src/t_zset.c:1234 in redis-server". */
export function placeOf(profile, f)
{
	const module = profile.modules[f.module];
	const file = f.file ? f.file + (f.line > 0 ? ":" + f.line : "") : "";

	return [file, module ? (file ? "in " : "") +
		(module.path || module.name) : ""].filter(x => x).join(" ");
}
