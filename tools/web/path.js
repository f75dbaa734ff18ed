/* SPDX-License-Identifier: MIT */
/* path: the way down to what is zoomed, each step a button back. */
import { element } from "./elements.js";
import { boxLabel } from "./names.js";

const shown = 5;	/* steps; the middle of longer ways is left out */

function step(app, name, depth, current)
{
	return element("button", {
		type: "button", title: name,
		"aria-current": current ? "true" : null,
		on: { click: () => app.zoomReset(depth) },
	}, boxLabel(name, 40));
}

export function fillPath(nav, app, names)
{
	const last = names.length;
	const parts = [];

	if (!last) {
		nav.replaceChildren(element("span.hint", {}, app.pathHint()));
		return;
	}
	parts.push(element("button.reset", {
		type: "button", title: "Zoom out fully (0)",
		on: { click: () => app.zoomReset() },
	}, "Reset zoom"));
	names.forEach((name, i) => {
		if (last > shown && i === 1)
			parts.push(`› … ${last - shown} more `);
		if (last <= shown || i === 0 || i > last - shown)
			parts.push("›", step(app, name, i + 1, i === last - 1));
	});
	nav.replaceChildren(...parts);
}
