/* SPDX-License-Identifier: MIT */
/* help: how to read the page, and its keys. */
import { element } from "./elements.js";

const reading = [
	["The flame graph", "Each box is a function; the boxes on top of it " +
		"are what it called. The width is how much was measured in " +
		"it and everything it called. Left and right mean nothing: " +
		"the widest comes first. An icicle is the same upside down."],
	["Self and total", "Self is what a function spent itself, total " +
		"includes what it called. Look at self for what to speed up, " +
		"at total for where it comes from."],
	["Bottom-up", "Starts with the functions that spend, and leads to " +
		"who called them."],
	["Callers and callees", "One function, all its callers merged above, " +
		"all that it calls merged below."],
	["How sure", "The program was looked at now and then, so that each " +
		"share has an error. The interval in brackets, and the thin " +
		"line in the table, hold the true share in 95 of 100 cases."],
	["When", "Each column of the heatmap is a stretch of time, each cell " +
		"a part of it, from the bottom up. Drag over cells to count " +
		"only that time; click for one column."],
];

const keys = [
	["?", "this help"],
	["/", "search"],
	["Esc", "leave the search, the zoom, the time range, in this order"],
	["f  i  b  c", "flame graph, icicle, bottom-up, callers and callees"],
	["Tab", "from part to part"],
	["← ↑ → ↓", "in the graph: from box to box; in the table: rows"],
	["Enter", "zoom in; in the table: callers and callees"],
	["Backspace", "zoom out by one"],
	["0", "zoom out fully"],
	["t", "go to the table"],
	["g", "go to the graph"],
	["w", "go to the heatmap (when)"],
	["Shift ← → ↑ ↓", "in the heatmap: select time"],
	["a", "all the time"],
	["m", "next way of colouring"],
	["d", "light or dark"],
];

function keyCaps(text)
{
	return text.split(/\s+/).flatMap((key, i) =>
		[i ? " " : "", element("kbd", {}, key)]);
}

function readingPart()
{
	return element("div", {}, ...reading.flatMap(([name, text]) =>
		[element("h3", {}, name), element("p", {}, text)]));
}

function keysPart()
{
	return element("div", {}, element("h3", {}, "Keys"),
		element("table", {}, element("tbody", {},
			...keys.map(([key, text]) => element("tr", {},
				element("td", {}, ...keyCaps(key)),
				element("td", {}, text))))));
}

export function openHelp(dialog)
{
	if (!dialog.childElementCount)
		dialog.append(
			element("form", { method: "dialog" },
				element("button", {}, "Close")),
			element("h2", { id: "help-title" },
				"Where does the program spend its time?"),
			element("div.columns", {}, readingPart(), keysPart()));
	if (!dialog.open)
		dialog.showModal();
}
