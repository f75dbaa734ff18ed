/* SPDX-License-Identifier: MIT */
/* theme: light or dark, as the system has it until somebody chooses. */
import { recall, remember } from "./elements.js";

const wantsDark = matchMedia("(prefers-color-scheme: dark)");

export function currentTheme()
{
	return document.documentElement.dataset.theme ??
		(wantsDark.matches ? "dark" : "light");
}

export function switchTheme()
{
	const theme = currentTheme() === "dark" ? "light" : "dark";

	document.documentElement.dataset.theme = theme;
	remember("theme", theme);
}

/* Calls changed() when the system's wish changes what is seen. */
export function startTheme(changed)
{
	const kept = recall("theme");

	if (kept === "dark" || kept === "light")
		document.documentElement.dataset.theme = kept;
	wantsDark.addEventListener("change", changed);
}
