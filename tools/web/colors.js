/* SPDX-License-Identifier: MIT */
/*
 * colors: what a box is filled with, in light and dark. Colours are made in
 * OKLCH, where equal steps look equal, so that no module shouts.
 */
import { FRAME_GROUP, FRAME_TRUNCATED, FRAME_UNKNOWN, FRAME_UNSAMPLED }
	from "./profile.js";

/* Hues in degrees for the modules or threads, the heaviest first. */
const hues = [62, 250, 155, 330, 95, 205, 22, 290, 125, 228];

/* Lightness and chroma of box, special box, text on both; by theme. */
const schemes = {
	light: { box: [0.845, 0.085], rest: [0.87, 0.025], grey: [0.86, 0.004],
		 text: "#1b1d22", faint: [0.955, 0.008], match: [0.66, 0.19] },
	dark: { box: [0.46, 0.075], rest: [0.40, 0.025], grey: [0.36, 0.005],
		text: "#f1f1ee", faint: [0.265, 0.006], match: [0.56, 0.20] },
};

const linearToByte = x => {
	const c = Math.min(1, Math.max(0, x));

	return Math.round(255 * (c <= 0.0031308 ? 12.92 * c
		: 1.055 * Math.pow(c, 1 / 2.4) - 0.055));
};

/* B. Ottosson's OKLab, inverse: lightness 0..1, chroma, hue in degrees. */
export function oklch(lightness, chroma, hue)
{
	const a = chroma * Math.cos(hue * Math.PI / 180);
	const b = chroma * Math.sin(hue * Math.PI / 180);
	const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
	const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
	const s = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3;
	const rgb = [
		4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
		-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
		-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
	];

	return "#" + rgb.map(x => linearToByte(x).toString(16)
		.padStart(2, "0")).join("");
}

/* A number in [0, 1) that a name always has. */
function hashName(name)
{
	let h = 0x811c9dc5;

	for (let i = 0; i < name.length; i++)
		h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
	return ((h ^ h >>> 15) >>> 0) / 2 ** 32;
}

/* Ranks keys by weight: Map of key to place, the heaviest 0. */
export function rankKeys(weights)
{
	return new Map([...weights].sort((a, b) => b[1] - a[1])
		.map(([key], place) => [key, place]));
}

/*
 * Blue: less than before, red: more, the stronger the larger the change;
 * without colour where chance alone would do it.
 */
const differenceHues = { less: 250, more: 30 };

export class Palette {
	constructor(theme)
	{
		this.scheme = schemes[theme];
		this.dark = theme === "dark";
		this.text = this.scheme.text;
		this.match = oklch(...this.scheme.match, 300);
		this.grey = oklch(...this.scheme.grey, 260);
		this.rest = oklch(...this.scheme.faint, 85);
		this.cache = new Map();
	}

	/* Place in the ranking, and the name that varies the shade. */
	ranked(place, name)
	{
		const key = place + "\0" + name;
		let made = this.cache.get(key);

		if (!made) {
			const [l, c] = place < hues.length ? this.scheme.box
				: this.scheme.rest;
			const hue = hues[place % hues.length];
			const shift = hashName(name) - 0.5;

			made = oklch(l + shift * 0.07, c, hue + shift * 12);
			this.cache.set(key, made);
		}
		return made;
	}

	/* Colour of frames that are no code; undefined for code. */
	special(flags)
	{
		if (flags & (FRAME_TRUNCATED | FRAME_UNSAMPLED | FRAME_GROUP))
			return this.grey;
		return undefined;
	}

	unknown(flags)
	{
		return (flags & FRAME_UNKNOWN) !== 0;
	}

	/* strength 0..1 of a change, 0 where it may be chance. */
	difference(strength, more)
	{
		const [l, c] = this.scheme.box;
		const k = Math.sqrt(Math.min(1, strength));
		const hue = more ? differenceHues.more : differenceHues.less;
		const base = this.dark ? 0.36 : 0.93;

		if (!strength)
			return oklch(base, 0.004, 260);
		return oklch(base + (l - (this.dark ? 0 : 0.14) - base) * k,
			     0.02 + (c + 0.07) * k, hue);
	}

	/* 0..1, for the heatmap. */
	heat(share)
	{
		const k = Math.sqrt(share);

		if (this.dark)
			return oklch(0.30 + 0.58 * k, 0.03 + 0.13 * k,
				     40 + 45 * k);
		return oklch(0.96 - 0.46 * k, 0.03 + 0.15 * k, 75 - 45 * k);
	}
}
