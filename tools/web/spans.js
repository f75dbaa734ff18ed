/* SPDX-License-Identifier: MIT */
/*
 * spans: on a served page, a table of what the program counts of its own pieces
 * of work, if it does. It is asked for while the page can be seen.
 */
import { byId, element } from "./elements.js";
import { formatNumber, formatValue } from "./format.js";

const everyMs = 2000, idleMs = 10000;
const columns = [
	["total_ns", "Total"], ["mean_ns", "Mean"], ["p50_ns", "p50"],
	["p95_ns", "p95"], ["p99_ns", "p99"], ["max_ns", "Max"],
];

export class Spans {
	/* `process` is a number, or that and "/tree" */
	constructor(process)
	{
		this.address = `/api/processes/${process}/spans`;
		this.body = element("tbody");
		this.panel = element("details.spans", {
			id: "live-spans", hidden: true, open: true,
		}, element("summary", {}, "Spans: how long the program's own " +
			   "pieces of work took"), element("table", {},
			element("caption", {}, element("a", {
				href: this.address + ".csv", download: "",
				id: "live-spans-csv",
			}, "As CSV")),
			element("thead", {}, element("tr", {},
				element("th", { scope: "col" }, "Name"),
				element("th.number", { scope: "col" }, "N"),
				...columns.map(([, title]) => element(
					"th.number", { scope: "col" },
					title)))),
			this.body));
		byId("live").after(this.panel);
		document.addEventListener("visibilitychange",
					  () => this.again(0));
		this.again(0);
	}

	again(ms)
	{
		clearTimeout(this.timer);
		this.timer = setTimeout(() => this.load(), ms);
	}

	stop()
	{
		clearTimeout(this.timer);
		this.stopped = true;
	}

	/* What cannot be had is the live bar's to say. */
	async load()
	{
		if (document.hidden || this.stopped)
			return;

		const answer = await fetch(this.address).catch(() => null);
		const rows = answer?.ok ? await answer.json() : null;

		if (rows)
			this.show(rows);
		if (!this.stopped)
			this.again(this.body.childElementCount ? everyMs
							       : idleMs);
	}

	show(rows)
	{
		this.panel.hidden = rows.length === 0;
		this.body.replaceChildren(...rows.map(row => element("tr", {},
			element("th", { scope: "row" }, row.name),
			element("td.number", {}, formatNumber(row.n)),
			...columns.map(([key]) => element("td.number", {},
				formatValue(row[key], "nanoseconds"))))));
	}
}
