/* SPDX-License-Identifier: MIT */
/* names: function names cut to the room there is, the telling part kept. */

const operators =
	/\boperator\s*(?:<=>|<<=|>>=|->\*|<<|>>|<=|>=|->|<|>|\(\)) ?/g;
const masked = 0xe000;		/* of private use: nobody's letters */

const deepest = 3;		/* types within types that are looked at */

/* Where the '<' at `at` is closed; -1: nowhere. The '>' of "->" closes nothing. */
function closing(name, at)
{
	let depth = 0;

	for (let i = at; i < name.length; i++) {
		if (name[i] === "<" || name[i] === "(")
			depth++;
		else if ((name[i] === ">" && name[i - 1] !== "-") ||
			 name[i] === ")")
			depth--;
		if (!depth)
			return i;
	}
	return -1;
}

/* Where `word` stands in no brackets; -1: nowhere. */
function outside(text, word)
{
	let depth = 0;

	for (let i = 0; i < text.length; i++) {
		if (!depth && text.startsWith(word, i))
			return i;
		if ("<([".includes(text[i]))
			depth++;
		else if (">)]".includes(text[i]) && text[i - 1] !== "-")
			depth--;
	}
	return -1;
}

/* Rust's "T as a::Trait", "impl a::Trait for T", "impl T" and "a::T", as the
 * part of a path that it is: Trait, T. */
function typeName(text, level)
{
	const type = text.replace(/^impl /, "");
	const trait = outside(type, " as ");
	const others = outside(type, " for ");

	return strip(trait >= 0 ? type.slice(trait + 4)
		     : others >= 0 ? type.slice(0, others) : type, level + 1)
		.split("::").pop();
}

/* `before` with what stands in <> behind it: a part of the name in Rust's
 * "<T as Trait>::f" and "m::<impl T>::f", arguments elsewhere. */
function addAngles(before, inner, level)
{
	if (level > deepest)
		return before;
	if (!before || /[ &]$/.test(before))
		return before + typeName(inner, level);
	if (!before.endsWith("::"))
		return before;
	return /^(impl |lambda\b)/.test(inner) || outside(inner, " as ") >= 0
		? before + typeName(inner, level) : before.slice(0, -2);
}

/* Without what stands in <> and (), nested or not. */
function strip(name, level = 0)
{
	let out = "", depth = 0;

	for (let i = 0; i < name.length; i++) {
		const c = name[i];
		const end = c === "<" && !depth ? closing(name, i) : -1;

		if (end > 0) {
			out = addAngles(out, name.slice(i + 1, end), level);
			i = end;
			continue;
		}
		if (c === "<" || c === "(")
			depth++;
		if (!depth)
			out += c;
		if ((c === ">" || c === ")") && depth)
			depth--;
	}
	return out;
}

/* The same; operators stay whole, and the T of Go's "pkg.(*T).f"; of C++'s
 * "(anonymous namespace)::f" stays f. */
function stripArguments(name)
{
	const found = name.match(operators) ?? [];
	let count = 0;
	const out = strip(name.replace(operators, () =>
		String.fromCharCode(masked + count++))
		.replace(/\(anonymous namespace\)::/g, "")
		.replace(/\.\(\*([^()]*)\)/g, ".$1"))
		.replace(/[\ue000-\uf8ff]/g,
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
	const parts = plain.includes("::") ? plain.split("::")
					   : [plain.split("/").pop()];
	const forms = [plain, parts.slice(-2).join("::"), parts.pop()];
	const fits = forms.find(form => form && form.length <= room);

	if (fits)
		return fits;
	return room >= 3 ? forms[2].slice(0, room - 1) + "…" : "";
}
