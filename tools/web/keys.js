/* SPDX-License-Identifier: MIT */
/* keys: the keyboard, wherever the focus is; help.js documents it. */
import { byId } from "./elements.js";
import { openHelp } from "./help.js";

const fields = ["INPUT", "SELECT", "TEXTAREA"];

function keyTable(app, switchColors)
{
	const focus = id => () => byId(id).focus();

	return {
		"?": () => openHelp(byId("help")),
		"/": () => byId("search").select(),
		"f": () => app.setView("flame"),
		"i": () => app.setView("icicle"),
		"b": () => app.setView("leaves"),
		"c": () => app.setView("around"),
		"t": focus("rows"),
		"g": focus("graph"),
		"w": () => byId("heatmap").querySelector("canvas").focus(),
		"a": () => app.setFilter({ from: 0, to: 0 }),
		"m": () => app.nextColor(),
		"d": switchColors,
		"0": () => app.zoomReset(),
		"Backspace": () => app.zoomOut(),
		"Escape": () => app.escape(),
	};
}

/* Arrows move along the tabs, as in any row of tabs. */
function moveTab(event)
{
	const tabs = [...document.querySelectorAll("[data-view]")];
	const at = tabs.indexOf(event.target);
	const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];

	if (at < 0 || !step)
		return;
	const to = tabs[(at + step + tabs.length) % tabs.length];

	to.click();
	to.focus();
}

export function listenKeys(app, switchColors)
{
	const table = keyTable(app, switchColors);

	document.addEventListener("keydown", event => {
		const typing = fields.includes(event.target.tagName);

		if (event.ctrlKey || event.metaKey || event.altKey ||
		    byId("help").open ||
		    (typing && event.key !== "Escape"))
			return;
		if (typing)
			event.target.blur();
		moveTab(event);
		if (!Object.hasOwn(table, event.key))
			return;
		event.preventDefault();
		table[event.key]();
	});
}
