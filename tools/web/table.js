/* SPDX-License-Identifier: MIT */
/*
 * table: all functions with self and total, error bars drawn. Only the rows in
 * sight exist, so that 10^5 functions scroll as ten do.
 */
import { element } from "./elements.js";
import { changeOf, shareOf } from "./stats.js";
import { formatShare, formatPoints, formatValue } from "./format.js";
import { boxLabel } from "./names.js";

const rowPixels = 26;
const letterPixels = 7.3;	/* of a name, as style.css has it */
const spare = 12;		/* rows kept beyond what is seen */
const whiskerRoom = 1.15;	/* for the error of the longest bar */

/* `key` sorts and is shown; `share` draws the bar. */
const plainColumns = [
	{ key: "name", title: "Function",
	  hint: "The function, or the place in a module without symbols" },
	{ key: "self", title: "Self",
	  hint: "Spent in the function itself" },
	{ key: "total", title: "Total",
	  hint: "Spent in the function and in everything it called; " +
		"recursion counts once" },
];

const differenceColumns = [
	plainColumns[0],
	{ key: "before", title: "Before", hint: "Total share before" },
	{ key: "after", title: "After", hint: "Total share after" },
	{ key: "change", title: "Change",
	  hint: "Change of the total share, in percentage points; faint " +
		"where chance alone may be the reason" },
];

/* Sum of function i. */
export function sumOfFunction(sums, i)
{
	return { value: sums.value[i], square: sums.square[i],
		 taken: sums.taken[i], exact: sums.exact[i] };
}

/* Rows for sorting and drawing from Counts.flat(). */
function plainRows({ sets: [{ grand }] }, [{ self, total }])
{
	const rows = [];

	for (let i = 0; i < total.value.length; i++)
		if (total.value[i] > 0)
			rows.push({ index: i,
				self: self.value[i] / grand.value,
				total: total.value[i] / grand.value });
	return rows;
}

function differenceRows({ sets }, flat)
{
	const share = (k, i) => shareOf(sumOfFunction(flat[k].total, i),
					sets[k].grand);
	const rows = [];

	for (let i = 0; i < flat[0].total.value.length; i++) {
		if (!flat[0].total.value[i] && !flat[1].total.value[i])
			continue;
		const before = share(0, i), after = share(1, i);
		const change = changeOf(before, after);

		rows.push({ index: i, before: before.share, after: after.share,
			    ...change, size: Math.abs(change.change) });
	}
	return rows;
}

/* A number with a bar, and a whisker over its 95 % interval. */
function shareCell(sum, grand, widest, unit)
{
	const { share, low, high } = shareOf(sum, grand);
	const bar = element("span.bar", { "aria-hidden": "true" });
	const fill = element("i"), whisker = element("b");
	const percent = x => Math.min(100, 100 * x / (widest || 1)) + "%";

	fill.style.width = percent(share);
	whisker.style.left = percent(low);
	whisker.style.right = 100 - Math.min(100, 100 * high /
					     (widest || 1)) + "%";
	bar.append(fill, whisker);
	return element("td.share", {
		title: `${formatValue(sum.value, unit)}; 95 % interval ` +
			`${formatShare(low)} – ${formatShare(high)}`,
	}, element("span.figure", {}, formatShare(share)), bar);
}

function changeCell(row)
{
	return element(row.chance ? "td.share.chance" : row.change > 0
		? "td.share.more" : "td.share.less", {
		title: `95 % interval ${formatPoints(row.low)} to ` +
			`${formatPoints(row.high)} points` +
			(row.chance ? "; may be chance" : ""),
	}, element("span.figure", {}, formatPoints(row.change)));
}

export class Table {
	/* `on` has choose(index) and open(index): row taken, row entered. */
	constructor(scroller, on)
	{
		this.scroller = scroller;
		this.on = on;
		this.head = scroller.querySelector("thead");
		this.body = scroller.querySelector("tbody");
		this.table = scroller.querySelector("table");
		this.sort = null;
		this.rows = [];
		this.chosen = -1;
		scroller.addEventListener("scroll", () => this.drawSoon());
		scroller.addEventListener("keydown", e => this.key(e));
		new ResizeObserver(() => this.draw()).observe(scroller);
	}

	/* match: per function, or null when nothing is searched for. */
	show({ counts, profile, unit, match, chosen, flat })
	{
		const functions = counts.stacks.groups.functions;
		const two = profile.isDifference;
		const wanted = row => functions[row.index].module !== -1 ||
			!(functions[row.index].flags & 16);

		this.names = functions;
		this.grand = counts.sets[0].grand;
		this.flat = flat;
		this.modules = profile.modules;
		this.unit = unit;
		this.columns = two ? differenceColumns : plainColumns;
		if (!this.columns.some(c => c.key === this.sort?.key))
			this.sort = { key: two ? "change" : "self",
				      down: true };
		this.rows = (two ? differenceRows : plainRows)(counts, flat)
			.filter(row => wanted(row) &&
				(!match || match[row.index]));
		this.chosen = chosen;
		this.widest = {};
		for (const kind of two ? [] : ["self", "total"])
			this.widest[kind] = this.rows.reduce((most, row) =>
				Math.max(most, row[kind]), 0) * whiskerRoom;
		this.order();
	}

	order()
	{
		const { key, down } = this.sort;
		const by = key === "change" ? "size" : key;
		const sign = down ? -1 : 1;

		this.rows.sort(key === "name"
			? (a, b) => sign * (this.names[a.index].name <
				this.names[b.index].name ? -1 : 1)
			: (a, b) => sign * (a[by] - b[by]) ||
				(b.total ?? 0) - (a.total ?? 0));
		this.drawHead();
		this.draw();
	}

	drawHead()
	{
		const { key, down } = this.sort;

		this.head.replaceChildren(element("tr", {},
			...this.columns.map(c => element("th", {
				scope: "col",
				"aria-sort": c.key === key
					? down ? "descending" : "ascending"
					: "none",
			}, element("button", {
				type: "button", title: c.hint,
				on: { click: () => this.sortBy(c.key) },
			}, c.title)))));
		this.table.setAttribute("aria-rowcount", this.rows.length + 1);
		this.table.classList.toggle("two", this.columns.length > 3);
	}

	sortBy(key)
	{
		const down = this.sort.key === key ? !this.sort.down
			: key !== "name";

		this.sort = { key, down };
		this.order();
		this.head.querySelector(`[aria-sort$="ing"] button`)?.focus();
	}

	drawSoon()
	{
		this.drawing ??= requestAnimationFrame(() => {
			this.drawing = null;
			this.draw();
		});
	}

	draw()
	{
		const { scroller, rows } = this;
		const from = Math.max(0, Math.floor(scroller.scrollTop /
						    rowPixels) - spare);
		const to = Math.min(rows.length, from + 2 * spare +
				    Math.ceil(scroller.clientHeight /
					      rowPixels));
		const gap = n => {
			const row = element("tr.gap",
					    { "aria-hidden": "true" });

			row.style.height = n * rowPixels + "px";
			return row;
		};

		this.room = Math.floor((this.head.querySelector("th")
			?.clientWidth ?? 0) / letterPixels);
		this.body.replaceChildren(gap(from),
			...rows.slice(from, to).map((row, k) =>
				this.makeRow(row, from + k)),
			gap(rows.length - to));
	}

	makeRow(row, place)
	{
		const f = this.names[row.index];
		const module = f.module >= 0 ? this.modules[f.module].name : "";
		const taken = row.index === this.chosen;

		return element(taken ? "tr.chosen" : "tr", {
			"aria-rowindex": place + 2,
			"aria-selected": taken ? "true" : "false",
			on: { click: () => this.on.choose(row.index),
			      dblclick: () => this.on.open(row.index) },
		}, element("td.name", { title: f.name + (module
			? "\n" + module : "") },
			element("span.function", {},
				boxLabel(f.name, Math.max(this.room, 16))),
			element("span.module", {}, module)),
		...this.makeFigures(row));
	}

	makeFigures(row)
	{
		const { widest, unit, grand, flat } = this;

		if (row.change === undefined)
			return ["self", "total"].map(kind => shareCell(
				sumOfFunction(flat[0][kind], row.index), grand,
				widest[kind], unit));
		return [element("td.share", {}, element("span.figure", {},
				formatShare(row.before))),
			element("td.share", {}, element("span.figure", {},
				formatShare(row.after))),
			changeCell(row)];
	}

	/* --- keyboard --------------------------------------------------- */

	key(event)
	{
		const page = Math.max(1, Math.floor(this.scroller.clientHeight /
						    rowPixels) - 2);
		const at = this.rows.findIndex(r => r.index === this.chosen);
		const targets = {
			ArrowDown: at + 1, ArrowUp: Math.max(at - 1, 0),
			PageDown: at + page, PageUp: at - page,
			Home: 0, End: this.rows.length - 1,
		};

		if (event.target !== this.scroller || !this.rows.length)
			return;
		if (event.key === "Enter" && at >= 0) {
			this.on.open(this.chosen);
		} else if (event.key in targets) {
			const to = Math.min(this.rows.length - 1,
					    Math.max(0, targets[event.key]));

			this.on.choose(this.rows[to].index);
			this.reveal(to);
		} else {
			return;
		}
		event.preventDefault();
	}

	reveal(place)
	{
		const { scroller } = this;
		const head = this.head.offsetHeight;
		const y = place * rowPixels;

		if (y < scroller.scrollTop)
			scroller.scrollTop = y;
		else if (y + rowPixels + head > scroller.scrollTop +
			 scroller.clientHeight)
			scroller.scrollTop = y + rowPixels + head -
				scroller.clientHeight;
	}
}
