/* SPDX-License-Identifier: MIT */
/* tooltip: what is under the pointer, or under the keyboard's cursor. */
import { element, announce } from "./elements.js";
import { factsTable, placeOf, remarksOn } from "./describe.js";
import { formatNumber, formatShare } from "./format.js";

export class Tooltip {
	constructor(box)
	{
		this.box = box;
		this.node = null;
	}

	hide()
	{
		this.box.hidden = true;
		this.node = null;
	}

	/* The box of a graph (tools/web/graph.js) in the given look. */
	show(box, look, style, unit)
	{
		const node = box.merged ? "merged" + box.merged : box.node;

		if (this.node === node && !this.box.hidden &&
		    this.tree === look.tree)
			return;
		this.node = node;
		this.tree = look.tree;
		this.box.replaceChildren(...(box.merged ? this.fillMerged(box)
			: this.fill(box.node, look, style, unit)));
		this.box.hidden = false;
	}

	fillMerged(box)
	{
		return [element("div.title", {},
				`${formatNumber(box.merged)} more`),
			element("p", {}, "Each too narrow to draw, together " +
				`${formatShare(box.share)} of the width. ` +
				"Zoom in on the box they belong to.")];
	}

	fill(node, look, style, unit)
	{
		const { tree, counts, profile } = look;
		const f = style.groups.functions[style.functionIndex(node)];
		const values = counts.sets.map((_, set) => ({
			total: tree.total(node, set),
			self: tree.self(node, set),
		}));

		return [
			element("div.title", {}, style.name(node)),
			element("div.place", {}, f ? placeOf(profile, f)
				: "everything that is counted"),
			factsTable(counts, values, unit),
			...remarksOn(style.flags(node)).map(text =>
				element("p", {}, text)),
		];
	}

	/* Beside the pointer, within the window. */
	follow(event)
	{
		this.place(event.clientX + 14, event.clientY + 18,
			   event.clientY - 12);
	}

	beside(target)
	{
		const box = target.getBoundingClientRect();

		this.place(box.left + Math.min(box.width, 120) / 2,
			   box.bottom + 6, box.top - 6);
		announce(this.box.innerText.replace(/\s+/g, " "));
	}

	place(x, below, above)
	{
		const { offsetWidth: width, offsetHeight: height } = this.box;
		const left = Math.min(x, innerWidth - width - 8);
		const fits = below + height < innerHeight - 8;
		const top = fits ? below : Math.max(8, above - height);

		this.box.style.left = Math.max(8, left) + "px";
		this.box.style.top = top + "px";
	}
}
