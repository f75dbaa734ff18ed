/* SPDX-License-Identifier: MIT */
/*
 * source: where the page has its profile from. The page knows only this shape:
 *
 *	load()		Promise of the document (its format: tools/page.h)
 *	watch(changed)	calls changed(document) whenever there is a newer one;
 *			returns a function that ends the watching
 *	live		whether watch() will ever call
 *
 * A page that is a file carries its document; one that is served asks for it.
 */

/* The document is the text of an element of the page, of type JSON. */
export class EmbeddedSource {
	constructor(element)
	{
		this.element = element;
		this.live = false;
	}

	async load()
	{
		const text = this.element.textContent;

		this.element.remove();	/* large, and not needed again */
		return JSON.parse(text);
	}

	watch()
	{
		return () => {};
	}
}

/*
 * The document of `url`, again at each event of the stream `events` (an
 * EventSource; its events carry nothing, the document is what counts).
 */
export class ServedSource {
	constructor(url, events)
	{
		this.url = url;
		this.events = events;
		this.query = "";	/* "?window=60": seconds looked back */
		this.live = true;
	}

	async load()
	{
		const answer = await fetch(this.url + this.query);

		if (!answer.ok)
			throw new Error(`${this.url}: ${answer.status} ` +
					answer.statusText);
		return answer.json();
	}

	watch(changed)
	{
		const stream = new EventSource(this.events);

		stream.onmessage = async () => changed(await this.load());
		return () => stream.close();
	}
}

/* <html data-profile=URL data-events=URL>, else the page's own element. */
export function openSource(page)
{
	const { profile, events } = page.documentElement.dataset;

	if (profile)
		return new ServedSource(profile, events);
	return new EmbeddedSource(page.getElementById("profile"));
}
