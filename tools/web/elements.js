/* SPDX-License-Identifier: MIT */
/*
 * elements: parts of the page, made without ever parsing text as HTML: names
 * come from strangers' programs.
 */

/* element("a.class", {title: "x", on: {click: f}}, "text", child, ...) */
export function element(kind, attributes = {}, ...children)
{
	const [tag, ...classes] = kind.split(".");
	const made = document.createElement(tag);

	made.classList.add(...classes);
	for (const [name, value] of Object.entries(attributes)) {
		if (name === "on")
			for (const [event, f] of Object.entries(value))
				made.addEventListener(event, f);
		else if (value === true)
			made.setAttribute(name, "");
		else if (value !== false && value !== null &&
			 value !== undefined)
			made.setAttribute(name, value);
	}
	made.append(...children.filter(c => c !== null && c !== undefined));
	return made;
}

export function byId(id)
{
	return document.getElementById(id);
}

/* Said to those who hear the page rather than see it. */
export function announce(text)
{
	byId("announce").textContent = text;
}

/* What the browser remembers between visits, if it wants to. */
export function remember(key, value)
{
	try {
		localStorage.setItem("profagent." + key, value);
	} catch {
		/* a file may have no storage: then it is for this visit */
	}
}

export function recall(key)
{
	try {
		return localStorage.getItem("profagent." + key);
	} catch {
		return null;
	}
}
