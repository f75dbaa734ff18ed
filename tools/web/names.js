/* SPDX-License-Identifier: MIT */
/* names: function names cut to the room there is, the telling part kept. */

const operators =
	/\boperator\s*(?:<=>|<<=|>>=|->\*|<<|>>|<=|>=|->|<|>|\(\)) ?/g;
const masked = 0xe000;		/* of private use: nobody's letters */

/* Without what stands in <> and (), nested or not; operators stay whole. */
function stripArguments(name)
{
	const found = name.match(operators) ?? [];
	let out = "", depth = 0, count = 0;

	name = name.replace(operators,
			    () => String.fromCharCode(masked + count++));
	for (const c of name) {
		if (c === "<" || c === "(")
			depth++;
		if (!depth)
			out += c;
		if ((c === ">" || c === ")") && depth)
			depth--;
	}
	out = out.replace(/[\ue000-\uf8ff]/g,
			  c => found[c.charCodeAt(0) - masked] ?? c).trim();
	return out || name;
}

const longest = 1000;		/* characters; what nobody would read */

/*
 * As it is shown: control characters and such would be invisible, or turn the
 * line around.
 */
export function cleanName(name)
{
	const clean = name.slice(0, longest)
		.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, c =>
			"\\u" + c.codePointAt(0).toString(16)
				.padStart(4, "0"));

	return name.length > longest
		? `${clean}… (${name.length} characters)` : clean;
}

/* The longest form of `name` that has at most `room` characters, or "". */
export function boxLabel(name, room)
{
	if (name.length <= room)
		return name;
	const plain = stripArguments(name);
	const forms = [plain, plain.split("::").slice(-2).join("::"),
		       plain.split("::").pop()];
	const fits = forms.find(form => form && form.length <= room);

	if (fits)
		return fits;
	return room >= 3 ? forms[2].slice(0, room - 1) + "…" : "";
}
