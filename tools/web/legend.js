/* SPDX-License-Identifier: MIT */
/* legend: what the colours and marks of the graph mean. */
import { element } from "./elements.js";
import { FRAME_INLINED, FRAME_TRUNCATED, FRAME_UNKNOWN, FRAME_UNSAMPLED }
	from "./profile.js";

const most = 9;			/* modules or pools named */

function swatch(color, text)
{
	const mark = element("i", { "aria-hidden": "true" });

	mark.style.background = color;
	return element("span", {}, mark, text);
}

function ranked(palette, rank, nameOf)
{
	const names = [...rank].sort((a, b) => a[1] - b[1]).slice(0, most)
		.map(([key, place]) => [nameOf(key), place])
		.filter(([name]) => name);
	const items = names.map(([name, place]) =>
		swatch(palette.ranked(place, ""), name));

	if (rank.size > most)
		items.push(element("span", {}, `${rank.size - most} more`));
	return items;
}

const colorLegends = {
	module: ({ palette, modules, profile }) =>
		ranked(palette, modules, m => m < 0 ? ""
			: profile.modules[m].name),
	thread: ({ palette, pools, state }) =>
		state.view === "leaves" || state.view === "around"
		? [swatch(palette.grey, "threads are coloured in the flame " +
			  "graph and the icicle")]
		: [...ranked(palette, pools, name => name || "no thread"),
		   swatch(palette.grey, "no thread has half of it")],
	difference: ({ palette }) => [
		swatch(palette.difference(1, false), "less than before"),
		swatch(palette.difference(0, false),
		       "no change beyond chance (95 %)"),
		swatch(palette.difference(1, true), "more than before"),
	],
};

export function fillLegend(box, app)
{
	const flags = app.stacks.groups.frameFlags;
	const used = bit => flags.some(f => f & bit);
	const { palette } = app;
	const marks = [];

	if (app.match)
		marks.push(swatch(palette.match, "found"));
	if (used(FRAME_TRUNCATED | FRAME_UNSAMPLED))
		marks.push(swatch(palette.grey, "no code: truncated, not " +
				  "sampled, or too narrow to draw"));
	if (used(FRAME_INLINED))
		marks.push(element("span", {}, "▏", element("em", {},
			"slanted with a bar"), " inlined"));
	if (used(FRAME_UNKNOWN))
		marks.push(element("span", {}, element("em", {}, "slanted"),
				   " no symbol"));
	box.replaceChildren(...colorLegends[app.state.color](app), ...marks);
}
