/* SPDX-License-Identifier: MIT */
/* format: numbers as people read them. */

const timeUnits = [[3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"],
		   [1e3, "µs"], [1, "ns"]];
const nanoseconds = { nanoseconds: 1, microseconds: 1e3, milliseconds: 1e6,
		      seconds: 1e9 };
const byteUnits = [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"],
		   [1, "B"]];

/* Three significant digits, never an exponent. */
export function formatNumber(x)
{
	const a = Math.abs(x);

	if (a >= 1000 || Number.isInteger(x))
		return Math.round(x).toString()
			.replace(/\B(?=(\d{3})+$)/g, "\u2009");
	return x.toFixed(a >= 100 ? 0 : a >= 10 ? 1 : 2);
}

function formatScaled(x, units)
{
	const a = Math.abs(x);
	const [size, name] = units.find(([s]) => a >= s) ??
		units[units.length - 1];

	return formatNumber(x / size) + "\u202f" + name;
}

/* A value of a sample type, by the type's unit. */
export function formatValue(x, unit)
{
	if (Object.hasOwn(nanoseconds, unit))
		return formatScaled(x * nanoseconds[unit], timeUnits);
	if (unit === "bytes")
		return formatScaled(x, byteUnits);
	return formatNumber(x);
}

/* A share between 0 and 1. */
export function formatShare(x)
{
	const p = x * 100;

	if (p !== 0 && Math.abs(p) < 0.01)
		return p < 0 ? ">\u22120.01\u202f%" : "<0.01\u202f%";
	return p.toFixed(Math.abs(p) >= 10 ? 1 : 2) + "\u202f%";
}

/* A change of share: points, with its sign. */
export function formatPoints(x)
{
	return (x < 0 ? "\u2212" : "+") + Math.abs(x * 100).toFixed(2);
}

export function formatSeconds(s)
{
	return s.toFixed(s < 100 ? 2 : 1) + "\u202fs";
}
