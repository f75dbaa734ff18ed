/* SPDX-License-Identifier: MIT */
/*
 * heatmap: when it was measured. A column is a stretch of time, a second if
 * that suits; its cells, from the bottom up, are parts of that stretch, so that
 * what recurs within a second shows as a pattern. Cells taken, from the first
 * to the last, are a time range.
 */
import { announce } from "./elements.js";
import { formatSeconds, formatValue } from "./format.js";
import { countCells } from "./filter.js";

const stretches = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200,
		   3600, 7200, 21600, 86400];
const divisions = [25, 20, 10, 5, 4, 2, 1];	/* cells of a column */
const tick = 0.004;		/* s; a usual tick of the kernel, 250 Hz */
const margin = { left: 46, bottom: 18, top: 2 };

/* The shortest stretch whose columns can be seen; a second where it does. */
function chooseStretch(seconds, width)
{
	const fits = stretches.find(s => seconds / s <= width / 8) ??
		stretches.at(-1);

	return seconds >= 30 ? Math.max(1, fits) : fits;
}

/*
 * As many cells as can be told apart: each twice as long as the time from
 * sample to sample, else the two rhythms make a pattern of their own.
 */
function chooseDivision(stretch, processes)
{
	const hz = processes.reduce((most, p) => Math.max(most, p.asked_hz), 0);
	const least = 2 * Math.max(tick, hz ? 1 / hz : 0);

	return divisions.find(n => stretch / n >= least * 0.99) ?? 1;
}

/* Round numbers of seconds for the axis, at most `most` of them. */
function axisStep(seconds, most)
{
	const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60,
		       120, 300, 600, 1800, 3600, 7200, 21600];

	return steps.find(s => seconds / s <= most) ?? 86400;
}

export class Heatmap {
	/* `on` has select(from, to) in seconds, and clear(). */
	constructor(element, on)
	{
		this.element = element;
		this.canvas = element.querySelector("canvas");
		this.context = this.canvas.getContext("2d");
		this.tip = element.querySelector(".heattip");
		this.on = on;
		this.range = null;	/* [from, to) seconds */
		this.cursor = -1;	/* cell that the keyboard is on */
		this.listen();
	}

	listen()
	{
		const { canvas } = this;

		canvas.addEventListener("pointerdown", e => this.press(e));
		canvas.addEventListener("pointermove", e => this.move(e));
		canvas.addEventListener("pointerup", e => this.release(e));
		canvas.addEventListener("pointerleave", () =>
			this.tip.hidden = true);
		canvas.addEventListener("keydown", e => this.key(e));
		canvas.addEventListener("blur", () => {
			this.cursor = -1;
			this.paint();
		});
		new ResizeObserver(() => this.resize()).observe(this.element);
	}

	show(profile, filter, keep, palette, unit)
	{
		Object.assign(this, { profile, filter, keep, palette, unit });
		this.range = filter.to ? [filter.from, filter.to] : null;
		this.count();
		this.paint();
	}

	/* The grid: how long a column and a cell are, what is in them. */
	count()
	{
		const width = this.element.clientWidth - margin.left;

		if (!this.profile || width <= 0)
			return;
		const seconds = this.profile.seconds;

		this.stretch = chooseStretch(seconds, width);
		this.cellRows = chooseDivision(this.stretch,
					       this.profile.processes);
		this.columns = Math.floor(seconds / this.stretch) + 1;
		this.cellSeconds = this.stretch / this.cellRows;
		this.cells = countCells(this.profile, this.filter, this.keep,
					this.cellSeconds,
					this.columns * this.cellRows);
		this.most = this.cells.reduce((a, b) => Math.max(a, b), 0);
		this.columnPixels = Math.min(80, width / this.columns);
	}

	resize()
	{
		this.count();
		this.paint();
	}

	/* --- drawing ----------------------------------------------------- */

	paint()
	{
		const { canvas, context: c, element } = this;
		const ratio = window.devicePixelRatio || 1;
		const width = element.clientWidth;
		const height = element.clientHeight;

		if (!this.cells || !width)
			return;
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.width = width + "px";
		canvas.style.height = height + "px";
		c.setTransform(ratio, 0, 0, ratio, 0, 0);
		c.clearRect(0, 0, width, height);
		this.cellPixels = (height - margin.bottom - margin.top) /
			this.cellRows;
		this.paintCells(c);
		this.paintRange(c);
		this.paintCursor(c);
		this.paintAxes(c, width, height);
	}

	/* Left and top of a cell. */
	place(cell)
	{
		const column = Math.floor(cell / this.cellRows);
		const row = cell % this.cellRows;

		return [margin.left + column * this.columnPixels,
			margin.top +
			(this.cellRows - 1 - row) * this.cellPixels];
	}

	paintCells(c)
	{
		const gap = this.columnPixels > 5 ? 1 : 0;
		const bottom = this.cellPixels > 3 ? 0.5 : 0;

		c.fillStyle = this.palette.rest;
		c.fillRect(margin.left, margin.top,
			   this.columns * this.columnPixels - gap,
			   this.cellRows * this.cellPixels);
		for (let i = 0; i < this.cells.length; i++) {
			const [x, y] = this.place(i);

			if (!this.cells[i])
				continue;
			c.fillStyle = this.palette.heat(this.cells[i] /
							this.most);
			c.fillRect(x, y, this.columnPixels - gap,
				   this.cellPixels - bottom);
		}
	}

	/* Everything but the range steps back; lines bound it. */
	paintRange(c)
	{
		if (!this.range)
			return;
		const from = Math.round(this.range[0] / this.cellSeconds);
		const to = Math.round(this.range[1] / this.cellSeconds);

		c.fillStyle = this.palette.dark ? "rgba(20,21,24,0.72)"
			: "rgba(255,255,255,0.74)";
		for (let i = 0; i < this.cells.length; i++) {
			if (i >= from && i < to)
				continue;
			const [x, y] = this.place(i);

			c.fillRect(x, y, this.columnPixels, this.cellPixels);
		}
	}

	paintCursor(c)
	{
		if (this.cursor < 0)
			return;
		const [x, y] = this.place(this.cursor);

		c.strokeStyle = this.palette.text;
		c.lineWidth = 1.5;
		c.strokeRect(x - 1, y - 1, this.columnPixels + 1,
			     this.cellPixels + 1.5);
	}

	paintAxes(c, width, height)
	{
		const style = getComputedStyle(this.element);
		const below = height - margin.bottom + 12;
		const room = this.columns * this.columnPixels;
		const seconds = this.columns * this.stretch;
		const step = axisStep(seconds, Math.max(1, room / 70));

		c.fillStyle = style.color;
		c.font = "11px " + style.fontFamily;
		c.textAlign = "right";
		c.fillText(formatSeconds(this.stretch), margin.left - 6,
			   margin.top + 9);
		c.fillText("0", margin.left - 6, height - margin.bottom);
		c.textAlign = "left";
		for (let t = 0; t < seconds; t += step) {
			const x = margin.left + t / seconds * room;

			if (x + 40 < width)
				c.fillText(+t.toFixed(2) + "\u202fs", x,
					   below);
		}
	}

	/* --- pointer ----------------------------------------------------- */

	cellAt(event)
	{
		const box = this.canvas.getBoundingClientRect();
		const x = event.clientX - box.left - margin.left;
		const y = event.clientY - box.top - margin.top;
		const clamp = (v, most) => Math.max(0, Math.min(most, v));
		const column = clamp(Math.floor(x / this.columnPixels),
				     this.columns - 1);
		const row = clamp(this.cellRows - 1 -
				  Math.floor(y / this.cellPixels),
				  this.cellRows - 1);

		return column * this.cellRows + row;
	}

	press(event)
	{
		if (event.button !== 0 || !this.cells)
			return;
		this.canvas.setPointerCapture(event.pointerId);
		this.from = this.cellAt(event);
		this.moved = false;
	}

	move(event)
	{
		if (!this.cells)
			return;
		const cell = this.cellAt(event);

		this.showTip(event, cell);
		if (this.from === undefined || (cell === this.from &&
						!this.moved))
			return;
		this.moved = true;
		this.range = this.between(this.from, cell);
		this.paint();
	}

	/* A click takes a whole column, a drag from cell to cell. */
	release(event)
	{
		if (this.from === undefined)
			return;
		const first = this.from - this.from % this.cellRows;
		const [from, to] = this.moved
			? this.between(this.from, this.cellAt(event))
			: this.between(first, first + this.cellRows - 1);

		this.from = undefined;
		if (!this.moved && this.range && from === this.range[0] &&
		    to === this.range[1])
			this.on.clear();
		else
			this.on.select(from, to);
	}

	between(a, b)
	{
		return [Math.min(a, b) * this.cellSeconds,
			(Math.max(a, b) + 1) * this.cellSeconds];
	}

	describe(cell)
	{
		const from = cell * this.cellSeconds;
		const digits = this.cellSeconds < 1 ? 2 : 0;

		return `${from.toFixed(digits)} to ` +
			(from + this.cellSeconds).toFixed(digits) +
			"\u202fs: " + formatValue(this.cells[cell], this.unit);
	}

	showTip(event, cell)
	{
		const box = this.element.getBoundingClientRect();

		this.tip.textContent = this.describe(cell);
		this.tip.hidden = false;
		this.tip.style.left = Math.min(event.clientX - box.left + 14,
			box.width - this.tip.offsetWidth - 4) + "px";
	}

	/* --- keyboard ---------------------------------------------------- */

	key(event)
	{
		const steps = { ArrowUp: 1, ArrowDown: -1,
				ArrowRight: this.cellRows,
				ArrowLeft: -this.cellRows };

		if (!this.cells || event.ctrlKey || event.metaKey)
			return;
		if (event.key in steps) {
			this.step(steps[event.key], event.shiftKey);
		} else if (event.key === "Enter" && this.cursor >= 0) {
			const first = this.cursor - this.cursor % this.cellRows;
			const last = first + this.cellRows - 1;

			this.on.select(...this.between(first, last));
		} else if (event.key === "Escape" && this.range) {
			this.on.clear();
		} else {
			return;
		}
		event.preventDefault();
		event.stopPropagation();
	}

	step(by, extend)
	{
		const last = this.cells.length - 1;
		const to = this.cursor < 0 ? 0
			: Math.max(0, Math.min(last, this.cursor + by));

		if (!extend)
			this.anchor = to;
		this.cursor = to;
		if (extend)
			this.on.select(...this.between(this.anchor ?? to, to));
		else
			this.paint();
		announce(this.describe(to));
	}
}
