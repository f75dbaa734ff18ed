/* SPDX-License-Identifier: MIT */
/* describe: what is known of a box or a function, in words. */
import { element } from "./elements.js";
import { formatNumber, formatPoints, formatShare, formatValue }
	from "./format.js";
import { FRAME_GROUP, FRAME_INLINED, FRAME_TRUNCATED, FRAME_UNKNOWN,
	 FRAME_UNSAMPLED } from "./profile.js";
import { changeOf, shareOf } from "./stats.js";

const remarks = [
	[FRAME_INLINED, "Inlined: the compiler put this function into its " +
		"caller; it has no frame of its own."],
	[FRAME_UNKNOWN, "No symbol covers this address; shown as module and " +
		"offset."],
	[FRAME_UNSAMPLED, "CPU time that threads used without being sampled, " +
		"mostly by ending before their first sample."],
	[FRAME_TRUNCATED, "These stacks could not be followed to the start " +
		"of the thread; their outer callers are missing."],
	[FRAME_GROUP, "Not a function: the level you group by."],
];

export function remarksOn(flags)
{
	return remarks.filter(([bit]) => flags & bit).map(([, text]) => text);
}

/* "(11.2 – 13.5 %)" */
function interval({ low, high })
{
	return `(${formatShare(low)} – ${formatShare(high)})`;
}

function plainFacts({ grand }, { total, self }, unit)
{
	const row = (name, sum) => {
		const share = shareOf(sum, grand);

		return [name, formatShare(share.share), interval(share),
			formatValue(sum.value, unit)];
	};

	return [row("Total", total), row("Self", self),
		["Samples", formatNumber(total.taken), "", ""]];
}

function differenceFacts(sets, values, unit)
{
	const [before, after] = sets.map((one, k) =>
		shareOf(values[k].total, one.grand));
	const change = changeOf(before, after);

	return [
		["Before", formatShare(before.share), interval(before),
		 formatValue(values[0].total.value, unit)],
		["After", formatShare(after.share), interval(after),
		 formatValue(values[1].total.value, unit)],
		["Change", formatPoints(change.change) + " points",
		 `(${formatPoints(change.low)} to ` +
		 `${formatPoints(change.high)})`,
		 change.chance ? "may be chance" : "beyond chance"],
	];
}

/* `values`: {total, self}, which are sums, for each set. */
export function factsTable(counts, values, unit)
{
	const facts = counts.sets.length === 1
		? plainFacts(counts.sets[0], values[0], unit)
		: differenceFacts(counts.sets, values, unit);

	return element("table.facts", {}, element("tbody", {},
		...facts.map(([name, share, error, value]) => element("tr", {},
			element("th", { scope: "row" }, name),
			element("td", {}, share),
			element("td.error", {}, error),
			element("td", {}, value)))));
}

/* Where the function lies: "src/t_zset.c:1234 in redis-server". */
export function placeOf(profile, f)
{
	const module = profile.modules[f.module];
	const file = f.file ? f.file + (f.line > 0 ? ":" + f.line : "") : "";

	return [file, module ? (file ? "in " : "") +
		(module.path || module.name) : ""].filter(x => x).join(" ");
}
