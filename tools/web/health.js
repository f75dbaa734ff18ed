/* SPDX-License-Identifier: MIT */
/*
 * health: whether the figures can be trusted: how much was sampled, lost, cut
 * short, and what the looking cost.
 */
import { element } from "./elements.js";
import { formatNumber, formatShare, formatValue } from "./format.js";
import { processLabel } from "./tree.js";

const sumOf = (list, of) => list.reduce((sum, one) => sum + of(one), 0);
const reasonsSum = reasons => sumOf(reasons, ([, n]) => n);

/* The same reasons of several processes added up: [["ring full", 3]]. */
function mergeReasons(lists)
{
	const sums = new Map();

	for (const [name, n] of lists.flat())
		sums.set(name, (sums.get(name) ?? 0) + n);
	return [...sums].sort((a, b) => b[1] - a[1]);
}

function listReasons(reasons)
{
	return reasons.map(([name, n]) => `${formatNumber(n)} ${name}`)
		.join(", ");
}

/* As health_begins_early() of tools/health.h. */
function beginsEarly(profile, own)
{
	const samples = sumOf(own, p => p.samples);
	const cpu = sumOf(own, p => p.cpu_ns);
	const sampled = sumOf(own, p => p.sampled_ns);
	const busy = new Set(profile.samples.thread).size;

	return sampled - cpu > cpu * 0.0005 &&
		sampled - cpu <= 4 * busy * sampled / (samples || 1);
}

function accountFact(early, sampled, cpu)
{
	const share = sampled / cpu;

	return [`${early ? "all" : formatShare(share)} of the CPU time ` +
		"accounted for", !early && Math.abs(share - 1) > 0.05];
}

/* Facts of processes that carry health counters, as [text, bad]. */
function healthFacts(own, early)
{
	const samples = sumOf(own, p => p.samples);
	const lost = mergeReasons(own.map(p => p.lost));
	const cut = mergeReasons(own.map(p => p.truncated));
	const cpu = sumOf(own, p => p.cpu_ns);
	const sampled = sumOf(own, p => p.sampled_ns);
	const cost = sumOf(own, p => p.handler_ns + p.flusher_cpu_ns);
	const lostSum = reasonsSum(lost);
	const lostShare = lostSum / ((samples + lostSum) || 1);
	const cutShare = reasonsSum(cut) / (samples || 1);
	const facts = [[`${formatNumber(samples)} samples`, false]];

	facts.push(lostSum
		? [`${formatShare(lostShare)} lost (${listReasons(lost)})`,
		   lostShare > 0.01] : ["none lost", false]);
	facts.push(reasonsSum(cut)
		? [`${formatShare(cutShare)} truncated (${listReasons(cut)})`,
		   cutShare > 0.05] : ["no stack truncated", false]);
	if (cpu)
		facts.push(accountFact(early, sampled, cpu));
	if (cpu && cost)
		facts.push([`profiling cost ${formatShare(cost / cpu)}`,
			    cost / cpu > 0.02]);
	return facts;
}

function rateFact(own, early)
{
	const asked = own[0].asked_hz;
	const cpu = sumOf(own, p => early ? p.sampled_ns : p.cpu_ns) / 1e9;
	const got = cpu ? sumOf(own, p => p.expirations || p.samples) / cpu : 0;
	const same = own.every(p => p.asked_hz === asked);

	if (!asked || !same || !got)
		return [];
	return [[`${formatNumber(asked)} Hz asked, ` +
		 `${formatNumber(Math.round(got * 10) / 10)} Hz achieved ` +
		 `(${own[0].clock})`, got < asked * 0.9]];
}

/* Sentences that a reader must know. */
function warnings(profile)
{
	const out = profile.notes.slice();

	for (const p of profile.processes) {
		const who = profile.processes.length > 1
			? processLabel(p) + ": " : "";

		out.push(...p.skipped.map(s => who + "left out: " + s),
			 ...p.notes.map(s => who + s));
		if (p.salvaged)
			out.push(who + "ended without warning; what it had " +
				 "not yet written was recovered from memory");
	}
	return [...new Set(out)];
}

function summarize(profile)
{
	const own = profile.processes.filter(p => !p.foreign);
	const early = beginsEarly(profile, own);

	if (!own.length)
		return [["No health figures: the file was made by another " +
			 "profiler", false]];
	return [...healthFacts(own, early), ...rateFact(own, early)];
}

function processTable(processes)
{
	const columns = ["Process", "Samples", "Lost", "Truncated", "CPU",
			 "Clock", "End"];
	const row = p => [processLabel(p), formatNumber(p.samples),
		formatNumber(reasonsSum(p.lost)),
		formatNumber(reasonsSum(p.truncated)),
		formatValue(p.cpu_ns, "nanoseconds"), p.clock,
		p.done ? "clean" : p.salvaged ? "salvaged" : "open"];

	return element("table.processes", {},
		element("thead", {}, element("tr", {}, ...columns.map(c =>
			element("th", { scope: "col" }, c)))),
		element("tbody", {}, ...processes.slice(0, 200).map(p =>
			element("tr", {}, ...row(p).map(cell =>
				element("td", {}, cell))))));
}

/* The line at the foot of the page, with what is behind it. */
export function fillHealth(details, profile)
{
	const said = warnings(profile);
	const own = profile.processes.filter(p => !p.foreign);
	const summary = element("summary", {},
		element("span.label", {}, "Health"),
		...summarize(profile).map(([text, bad]) =>
			element(bad ? "span.fact.bad" : "span.fact", {}, text)),
		said.length ? element("span.fact.bad", {},
			said.length === 1 ? "1 note"
			: `${said.length} notes`) : null);

	details.replaceChildren(summary,
		said.length ? element("ul", {}, ...said.map(text =>
			element("li", {}, text))) : null ?? "",
		own.length ? processTable(own) : "");
}
