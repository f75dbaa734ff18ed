/* SPDX-License-Identifier: MIT */
/*
 * search: a regular expression over names, files and modules. Small letters
 * match capitals too; one capital letter in the pattern makes it exact.
 */

/* {regex} or {error}; neither for an empty pattern. */
export function compilePattern(source)
{
	if (!source)
		return {};
	try {
		const exact = /[A-Z]/.test(source.replace(/\\./g, ""));

		return { regex: new RegExp(source, exact ? "u" : "iu") };
	} catch {
		return compileLoosely(source);
	}
}

/* C++ names are full of what a regular expression means otherwise. */
function compileLoosely(source)
{
	try {
		return { regex: new RegExp(source, "i") };
	} catch (error) {
		return { error: error.message.replace(/^.*: /, "") };
	}
}
