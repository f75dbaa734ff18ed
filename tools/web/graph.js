/* SPDX-License-Identifier: MIT */
/*
 * graph: a tree as boxes on a canvas, root below (flame) or above (icicle).
 *
 * The layout knows every box of at least a pixel; narrower neighbours become
 * one box that stands for all of them, so that it holds at most as many boxes
 * as the screen has pixels, whatever the tree. Only rows in sight are painted:
 * the canvas is as large as its window, a spacer gives the scroll bar.
 */
import { boxLabel } from "./names.js";

const rowHeight = 19;
const narrowest = 1;		/* px; narrower boxes are merged */
const textFrom = 26;		/* px a box needs before it gets a name */
const MERGED = -2;		/* node of a box that stands for many */

/* One row: x and width of its boxes from left to right, in px. */
class Row {
	constructor()
	{
		this.x = [];
		this.width = [];
		this.node = [];
		this.merged = [];	/* how many a MERGED box stands for */
	}

	add(x, width, node, merged)
	{
		const last = this.x.length - 1;

		if (node === MERGED && last >= 0 &&
		    this.node[last] === MERGED &&
		    x - this.x[last] - this.width[last] < 0.5) {
			this.width[last] = x + width - this.x[last];
			this.merged[last] += merged;
			return;
		}
		this.x.push(x);
		this.width.push(width);
		this.node.push(node);
		this.merged.push(merged);
	}

	/* Index of the box at x, -1 if none. */
	find(x)
	{
		let low = 0, high = this.x.length - 1;

		while (low <= high) {
			const at = (low + high) >> 1;

			if (x < this.x[at])
				high = at - 1;
			else if (x >= this.x[at] + this.width[at])
				low = at + 1;
			else
				return at;
		}
		return -1;
	}
}

function addChildren(tree, row, node, x, scale)
{
	let few = 0, merged = 0;

	for (const child of tree.children(node)) {
		const width = tree.weight(child) * scale;

		if (width >= narrowest) {
			row.add(x, width, child, 0);
			x += width;
		} else {	/* and so are all that follow */
			few += width;
			merged++;
		}
	}
	if (few >= 0.3)
		row.add(x, few, MERGED, merged);
}

/* Rows of boxes below `root`, which is as wide as `width`. */
export function layoutTree(tree, root, width)
{
	const weight = tree.weight(root);
	const rows = [new Row()];

	if (!(weight > 0))
		return rows;
	rows[0].add(0, width, root, 0);
	for (;;) {
		const above = rows[rows.length - 1];
		const row = new Row();

		for (let i = 0; i < above.x.length; i++)
			if (above.node[i] !== MERGED)
				addChildren(tree, row, above.node[i],
					    above.x[i], width / weight);
		if (!row.x.length)
			return rows;
		rows.push(row);
	}
}

export class Graph {
	/*
	 * `on` has hover(box, event), choose(node), zoom(node); a box is
	 * {node, merged, width, share}, null when nothing is under the pointer.
	 */
	constructor(element, on)
	{
		this.element = element;
		this.on = on;
		this.canvas = element.querySelector("canvas");
		this.spacer = element.querySelector(".spacer");
		this.frame = element.querySelector(".cursor");
		this.context = this.canvas.getContext("2d");
		this.flame = true;
		this.cursor = null;	/* {row, at} */
		this.below = 0;		/* px, see measureBelow() */
		this.seen = 0;		/* px, height when it was laid out */
		this.rows = [];
		this.listen();
	}

	listen()
	{
		const { element } = this;

		element.addEventListener("scroll", () => {
			/* else resize(), which follows, keeps the place */
			if (element.clientHeight === this.seen)
				this.below = this.measureBelow();
			this.paintSoon();
		});
		element.addEventListener("pointermove", e => this.hover(e));
		element.addEventListener("pointerleave", e =>
			this.on.hover(null, e));
		element.addEventListener("click", e => this.click(e));
		element.addEventListener("keydown", e => this.key(e));
		new ResizeObserver(() => this.resize()).observe(element);
	}

	/*
	 * `style`: how boxes look (BoxStyle of boxes.js). keepPlace: the view
	 * is the one that was shown before, so scrolling and cursor stay.
	 */
	show(tree, root, style, keepPlace)
	{
		const moved = this.tree !== tree || this.root !== root;

		this.tree = tree;
		this.root = root;
		this.style = style;
		this.layout();
		if (moved && !keepPlace)
			this.toRoot();
		else
			this.keepLowerEnd();
		this.placeCursor();
		this.paintSoon();
	}

	setFlame(flame)
	{
		this.flame = flame;
	}

	layout()
	{
		const width = this.spacer.clientWidth;

		this.rows = this.tree ? layoutTree(this.tree, this.root, width)
			: [];
		this.laidOut = width;
		this.fit();
	}

	/* The height that all rows need; the canvas never more than is seen. */
	fit()
	{
		const seen = this.element.clientHeight;

		this.seen = seen;
		this.height = Math.max(seen, this.rows.length * rowHeight + 6);
		this.spacer.style.height = this.height + "px";
		this.sizeCanvas(this.spacer.clientWidth, seen);
	}

	sizeCanvas(width, height)
	{
		const ratio = window.devicePixelRatio || 1;
		const { canvas } = this;

		canvas.style.width = width + "px";
		canvas.style.height = height + "px";
		if (canvas.width !== Math.round(width * ratio) ||
		    canvas.height !== Math.round(height * ratio)) {
			canvas.width = Math.round(width * ratio);
			canvas.height = Math.round(height * ratio);
		}
	}

	/* What is scrolled out of sight at the lower end, px. */
	measureBelow()
	{
		const { scrollTop, clientHeight } = this.element;

		return Math.max(0, this.height - scrollTop - clientHeight);
	}

	/* A flame stands on its root: the lower end stays where it is. */
	keepLowerEnd()
	{
		if (this.flame)
			this.element.scrollTop = this.height - this.below -
				this.element.clientHeight;
	}

	resize()
	{
		if (!this.tree)
			return;
		if (this.laidOut !== this.spacer.clientWidth)
			this.layout();
		else
			this.fit();
		this.keepLowerEnd();
		this.placeCursor();
		this.paint();
	}

	toRoot()
	{
		this.element.scrollTop = this.flame ? this.height : 0;
		this.below = this.measureBelow();
		this.cursor = null;
	}

	top(row)
	{
		return this.flame ? this.height - (row + 1) * rowHeight
			: row * rowHeight;
	}

	paintSoon()
	{
		if (this.painting)
			return;
		this.painting = requestAnimationFrame(() => {
			this.painting = 0;
			this.paint();
		});
	}

	paint()
	{
		const { context: c, element, canvas } = this;
		const ratio = window.devicePixelRatio || 1;
		const from = element.scrollTop;
		const height = element.clientHeight;

		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		c.clearRect(0, 0, canvas.width, canvas.height);
		c.font = this.font();
		c.textBaseline = "middle";
		this.charWidth = c.measureText("m").width;
		for (let r = 0; r < this.rows.length; r++) {
			const y = this.top(r) - from;

			if (y > -rowHeight && y < height)
				this.paintRow(c, this.rows[r], y);
		}
	}

	font(slant = "")
	{
		return slant + "11.5px ui-monospace, 'SF Mono', Menlo, " +
			"Consolas, 'DejaVu Sans Mono', monospace";
	}

	paintRow(c, row, y)
	{
		for (let i = 0; i < row.x.length; i++) {
			const x = row.x[i], width = row.width[i];
			const gap = width > 3 ? 1 : 0;

			if (row.node[i] === MERGED)
				this.paintMerged(c, x, y, width);
			else
				this.paintBox(c, row.node[i], x, y,
					      width - gap);
		}
	}

	/* Too many to draw: grey, so that it is not taken for a function. */
	paintMerged(c, x, y, width)
	{
		c.fillStyle = this.style.rest;
		c.fillRect(x, y + 1, Math.max(width - 0.5, 0.3), rowHeight - 2);
	}

	paintBox(c, node, x, y, width)
	{
		const { style } = this;
		const height = rowHeight - 1;

		c.globalAlpha = style.dim(node) ? 0.28 : 1;
		c.fillStyle = style.color(node);
		c.fillRect(x, y, width, height);
		if (style.inlined(node) && width > 6) {
			c.fillStyle = style.text;
			c.globalAlpha *= 0.35;
			c.fillRect(x, y, 2, height);
			c.globalAlpha = style.dim(node) ? 0.28 : 1;
		}
		if (width >= textFrom)
			this.paintText(c, node, x, y, width, height);
		c.globalAlpha = 1;
		if (style.chosen(node)) {
			c.strokeStyle = style.text;
			c.lineWidth = 1.5;
			c.strokeRect(x + 0.75, y + 0.75,
				     Math.max(width - 1.5, 0.5), height - 1.5);
		}
	}

	paintText(c, node, x, y, width, height)
	{
		const { style } = this;
		const room = width - 8;
		const label = boxLabel(style.name(node),
				       Math.floor(room / this.charWidth));

		if (!label)
			return;
		if (style.slanted(node))
			c.font = this.font("italic ");
		c.fillStyle = style.text;
		/* Characters wider than the rest are pressed together. */
		c.fillText(label, x + 5, y + height / 2 + 0.5, room);
		if (style.slanted(node))
			c.font = this.font();
	}

	/* --- pointer ---------------------------------------------------- */

	at(event)
	{
		const box = this.spacer.getBoundingClientRect();
		const y = event.clientY - box.top;
		const r = this.flame
			? Math.floor((this.height - y) / rowHeight)
			: Math.floor(y / rowHeight);
		const row = this.rows[r];
		const i = row ? row.find(event.clientX - box.left) : -1;

		return i < 0 ? null : { row: r, at: i };
	}

	box(place)
	{
		const row = this.rows[place.row];

		return {
			node: row.node[place.at],
			merged: row.merged[place.at],
			share: row.width[place.at] / this.laidOut,
		};
	}

	hover(event)
	{
		const place = this.at(event);

		this.element.style.cursor = place ? "pointer" : "";
		this.on.hover(place && this.box(place), event);
	}

	click(event)
	{
		const place = this.at(event);

		if (!place || this.box(place).merged)
			return;
		this.cursor = null;
		this.on.zoom(this.box(place).node);
		this.placeCursor();
	}

	/* --- keyboard --------------------------------------------------- */

	/* Where each arrow leads: along the row, or between the rows. */
	key(event)
	{
		const away = this.flame ? "ArrowUp" : "ArrowDown";
		const back = this.flame ? "ArrowDown" : "ArrowUp";
		const moves = {
			ArrowLeft: () => this.along(-1),
			ArrowRight: () => this.along(1),
			[away]: () => this.deeper(),
			[back]: () => this.shallower(),
			Enter: () => this.enter(),
			" ": () => this.enter(),
		};

		if (event.ctrlKey || event.metaKey || event.altKey ||
		    !moves[event.key])
			return;
		event.preventDefault();
		if (!this.cursor && event.key.startsWith("Arrow"))
			this.cursor = { row: 0, at: 0 };
		else
			moves[event.key]();
		this.placeCursor(true);
	}

	along(step)
	{
		const row = this.rows[this.cursor.row];

		for (let at = this.cursor.at + step; row.x[at] !== undefined;
		     at += step) {
			this.cursor.at = at;
			return;
		}
	}

	/* The first box within this one. */
	deeper()
	{
		const { row, at } = this.cursor;
		const x = this.rows[row].x[at];
		const above = this.rows[row + 1];
		const found = above ? above.find(x + 0.01) : -1;

		if (found >= 0)
			this.cursor = { row: row + 1, at: found };
	}

	shallower()
	{
		const { row, at } = this.cursor;

		if (row === 0) {
			this.on.out();
			return;
		}
		const x = this.rows[row].x[at];

		this.cursor = { row: row - 1,
				at: this.rows[row - 1].find(x + 0.01) };
	}

	enter()
	{
		const box = this.cursor && this.box(this.cursor);

		if (box && !box.merged) {
			this.on.zoom(box.node);
			this.cursor = { row: 0, at: 0 };
		}
	}

	/* The frame around the box that the keyboard is on. */
	placeCursor(announce)
	{
		const { cursor, frame } = this;
		const row = cursor && this.rows[cursor.row];

		frame.hidden = !row || row.x[cursor.at] === undefined;
		if (frame.hidden) {
			this.cursor = null;
			return;
		}
		const y = this.top(cursor.row);

		frame.style.transform = `translate(${row.x[cursor.at]}px, ` +
			`${y}px)`;
		frame.style.width = Math.max(row.width[cursor.at], 3) + "px";
		this.scrollTo(y);
		if (announce)
			this.on.cursor(this.box(cursor), frame);
	}

	scrollTo(y)
	{
		const { element } = this;

		if (y < element.scrollTop)
			element.scrollTop = y;
		else if (y + rowHeight > element.scrollTop +
			 element.clientHeight)
			element.scrollTop = y + rowHeight -
				element.clientHeight;
	}
}
