/* SPDX-License-Identifier: MIT */
/*
 * live: what a served page has beside the picture: how the agent does, pausing,
 * the interval, what is looked back at, downloads. The picture follows the
 * program; it is held on request, and while a part of the time is selected.
 */
import { announce, byId, element } from "./elements.js";
import { formatNumber, formatShare } from "./format.js";
import { Profile } from "./profile.js";
import { Spans } from "./spans.js";

const windows = [10, 30, 60, 120, 300];
const recordings = [5, 10, 30, 60];

/* "200 Hz", "0.5 Hz" of a period in ns */
function rateText(ns)
{
	const hz = 1e9 / ns;

	return (hz >= 10 ? Math.round(hz) : +hz.toPrecision(2)) + " Hz";
}

/* The same as people write it: "5ms" where that is short, else "99Hz" */
function periodText(ns)
{
	return ns % 1e4 ? rateText(ns).replace(" ", "") : ns / 1e6 + "ms";
}

function counted(n, what)
{
	return `${formatNumber(n)} ${what}${n === 1 ? "" : "s"}`;
}

class Live {
	constructor(app, source)
	{
		const { process, role } = document.documentElement.dataset;

		this.app = app;
		this.source = source;
		this.process = process;
		this.mayControl = role === "control";
		this.held = false;
		this.waiting = null;		/* a document that is not shown */
		this.loading = this.again = false;
		this.steered = -Infinity;	/* when, ms; in flight: Infinity */
		this.typed = false;		/* an interval, not yet set */
		this.makeBar();
		this.spans = new Spans(this.process);
		this.listen();
	}

	/* --- the bar ------------------------------------------------------ */

	makeBar()
	{
		const button = (id, text, title, click) =>
			element("button", { id, title, type: "button",
					    on: { click } }, text);

		this.state = element("span.state", { id: "live-state",
						     role: "status" },
				     "connecting");
		this.facts = element("span.facts", { id: "live-facts" });
		this.message = element("span.message", { id: "live-message",
							 role: "alert" });
		this.run = button("live-run", "Pause",
			"Stop or go on with taking samples",
			() => this.steer(this.running ? "pause" : "resume"));
		this.hold = button("live-hold", "Hold picture",
			"Let the picture stand still while you look at it",
			() => this.setHeld(!this.held));
		byId("pickers").after(element("section.live", {
			id: "live", "aria-label": "The running program",
		}, this.state, this.facts, this.controls(), this.hold,
			this.windowPicker(), this.downloads(), this.message));
	}

	controls()
	{
		if (!this.mayControl)
			return element("span.quiet", {}, "you may look only");
		this.interval = element("input", {
			id: "live-interval", size: 7, autocomplete: "off",
			spellcheck: "false",
			title: "How often: 5ms, 250us, 99Hz",
			on: { input: () => { this.typed = true; } },
		});
		return element("form.steer", {
			on: { submit: e => {
				e.preventDefault();
				this.setInterval();
			} },
		}, this.run, element("label", {}, "Sample every ",
				     this.interval),
		element("button", { type: "submit", id: "live-set" }, "Set"));
	}

	windowPicker()
	{
		const select = element("select", {
			id: "live-window",
			on: { change: e => this.setWindow(+e.target.value) },
		}, ...windows.map(s => element("option",
			{ value: s, selected: s === 60 }, `${s} s`)));

		return element("label", {}, "Last ", select);
	}

	downloads()
	{
		const pprof = `/processes/${this.process}/debug/pprof/profile`;
		const api = `/api/processes/${this.process}/profile.pb.gz`;
		const table = `/api/processes/${this.process}/functions.csv` +
			"?limit=100000";

		return element("span.downloads", {},
			element("a", { id: "live-download", href: api,
				       download: "",
				       title: "What was seen so far, as pprof" },
				"Download"),
			" · ",
			element("a", { id: "live-table-csv", download: "",
				       href: table,
				       title: "The table of functions, of " +
					      "the last minute" },
				"Table as CSV"),
			" · Record ",
			...recordings.flatMap(s => [element("a", {
				href: `${pprof}?seconds=${s}`, download: "",
				title: `Profile for ${s} seconds and download`,
			}, `${s} s`), " "]),
			element("a", { href: "/processes" }, "All processes"));
	}

	say(text)
	{
		this.message.textContent = text;
		announce(text);
	}

	/* --- what comes ---------------------------------------------------- */

	listen()
	{
		const stream = new EventSource(this.source.events);

		stream.onopen = () => this.say("");
		stream.onmessage = () => this.load();
		stream.onerror = () => {
			if (!this.ended)
				this.say("No connection to the server; " +
					 "trying again. The picture is old.");
		};
		/* what was asked before a change says what was before it */
		stream.addEventListener("status", e => {
			if (performance.now() - this.steered > 1000)
				this.showStatus(JSON.parse(e.data));
		});
		stream.addEventListener("end", e => {
			stream.close();
			this.showEnd(JSON.parse(e.data).why);
		});
	}

	/* One at a time: what comes meanwhile is asked for once more. */
	async load()
	{
		if (this.loading) {
			this.again = true;
			return;
		}
		this.loading = true;
		do {
			this.again = false;
			try {
				this.show(await this.source.load());
			} catch (error) {
				if (!this.ended)
					this.say(error.message);
			}
		} while (this.again);
		this.loading = false;
	}

	show(doc)
	{
		this.waiting = doc;
		this.follow();
	}

	/* A part of the time that is selected would slide away. */
	follow()
	{
		const selected = this.app.filter.to > 0;

		this.hold.textContent = this.held || selected
			? "Follow" : "Hold picture";
		this.hold.classList.toggle("on", this.held || selected);
		if (!this.waiting || this.held || selected)
			return;
		this.app.setProfile(new Profile(this.waiting));
		this.waiting = null;
	}

	setHeld(held)
	{
		if (this.app.filter.to > 0) {
			held = false;
			this.app.setFilter({ from: 0, to: 0 });
		}
		this.held = held;
		this.follow();
	}

	setWindow(seconds)
	{
		this.source.query = `?window=${seconds}`;
		this.load();
	}

	showEnd(why)
	{
		this.ended = true;
		this.spans.stop();
		this.state.textContent = "ended";
		this.state.dataset.state = "ended";
		this.run.disabled = true;
		this.say(`Nothing more will come: ${why}. The picture is the ` +
			 "last there was.");
	}

	showStatus(all)
	{
		const sum = key => all.reduce((n, s) => n + s[key], 0);
		const cpu = sum("cpu_ns"), lost = sum("lost");
		const cost = sum("handler_ns") + sum("flusher_cpu_ns");

		if (!all.length || this.ended)
			return;
		this.running = all.some(s => s.state === "running");
		this.state.textContent = this.running ? "running" : "paused";
		this.state.dataset.state = this.state.textContent;
		this.run.textContent = this.running ? "Pause" : "Resume";
		this.facts.textContent = [
			all.length > 1 ? `${all.length} processes` : "",
			rateText(all[0].period_ns),
			counted(sum("threads"), "thread"),
			`${formatNumber(sum("samples"))} samples`,
			lost ? `${formatNumber(lost)} lost` : "none lost",
			cpu ? `cost ${formatShare(cost / cpu)}` : "",
			`${Math.max(...all.map(s => s.subscribers))} watching`,
		].filter(text => text).join(" · ");
		if (this.interval && !this.typed &&
		    document.activeElement !== this.interval)
			this.interval.value = periodText(all[0].period_ns);
	}

	/* --- steering ------------------------------------------------------- */

	async steer(verb)
	{
		this.steered = Infinity;

		const answer = await fetch(
			`/api/processes/${this.process}/${verb}`,
			{ method: "POST" }).catch(error => error);
		const body = answer.json ? await answer.json()
			: { error: answer.message };

		this.steered = performance.now();
		this.typed = false;
		if (body.error) {
			this.say(body.error);
			return;
		}
		this.say("");
		this.showStatus([body].flat());
	}

	setInterval()
	{
		const text = encodeURIComponent(this.interval.value.trim());

		this.interval.blur();
		this.steer(`interval?interval=${text}`);
	}
}

export function openLive(app, source)
{
	return new Live(app, source);
}
