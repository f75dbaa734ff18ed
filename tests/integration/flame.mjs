/* SPDX-License-Identifier: MIT */
/*
 * The page of `profagent flame` as a person uses it, in headless Chromium.
 * Called by flame.py: node flame.mjs PAGE DIRECTORY EXPECTED, where EXPECTED is
 * {total, function, share} of the profile that PAGE shows. The other documents
 * are made here, so that their truth is known, and put into the same page.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Browser, findBrowser } from "./browser.mjs";

const [, , pageFile, directory, expectedText] = process.argv;
const expected = JSON.parse(expectedText);
const pageText = readFileSync(pageFile, "utf8");
const MS = 1e6;
let browser, cases = 0;

/* --- saying what was seen ------------------------------------------------- */

function ok(good, name, ...diagnosis)
{
	console.log(`${good ? "ok" : "not ok"} ${++cases} - ${name}`);
	if (!good)
		for (const text of diagnosis)
			console.log("# " + String(text).replace(/\n/g, "\n# "));
}

function equal(got, wanted, name)
{
	ok(JSON.stringify(got) === JSON.stringify(wanted), name,
	   "got:      " + JSON.stringify(got),
	   "expected: " + JSON.stringify(wanted));
}

function near(got, wanted, tolerance, name)
{
	ok(Math.abs(got - wanted) <= tolerance, name, "got:      " + got,
	   "expected: " + wanted);
}

/* --- documents whose truth is known --------------------------------------- */

/* A document as tools/page-document.h describes it, built stack by stack. */
class Document {
	constructor(sets = ["one"])
	{
		this.texts = new Map([["", 0]]);
		this.frameKeys = new Map();
		this.nodeKeys = new Map();
		this.doc = {
			version: 1, title: "known truth", sets,
			types: [["samples", "count"], ["cpu", "nanoseconds"]],
			default_type: 1, notes: [],
			modules: [["prog", "/bin/prog"],
				  ["libc.so", "/lib/libc.so"]],
			frames: { name: [], file: [], module: [], line: [],
				  flags: [] },
			stacks: { parent: [], frame: [] },
			samples: { stack: [], thread: [], process: [], set: [],
				   count: [], spread: [], values: [[], []] },
			moments: { unit_ns: MS, count: [], delta: [] },
			threads: [], processes: [],
		};
	}

	text(s)
	{
		if (!this.texts.has(s))
			this.texts.set(s, this.texts.size);
		return this.texts.get(s);
	}

	/* "name", "name@libc.so", "!name" inlined, "?name" unknown */
	frame(spec)
	{
		const { frames } = this.doc;
		const [, mark, name, module] =
			/^([!?]?)([^]*?)(@libc\.so)?$/.exec(spec);

		if (!this.frameKeys.has(spec)) {
			this.frameKeys.set(spec, frames.name.length);
			frames.name.push(this.text(name));
			frames.file.push(this.text("src/" + name + ".c"));
			frames.module.push(module ? 1 : 0);
			frames.line.push(10);
			frames.flags.push(mark === "!" ? 1
				: mark === "?" ? 2 : 0);
		}
		return this.frameKeys.get(spec);
	}

	node(parent, frame)
	{
		const { stacks } = this.doc;
		const key = parent * 1e7 + frame;

		if (!this.nodeKeys.has(key)) {
			const made = stacks.parent.length + 1;

			this.nodeKeys.set(key, made);
			stacks.parent.push(made - parent);
			stacks.frame.push(frame);
		}
		return this.nodeKeys.get(key);
	}

	process(program, pid, more = {})
	{
		this.doc.processes.push({
			set: 0, pid, ppid: 1, program, command: program,
			host: "here", path: "x.pb.gz", clock: "cputime",
			unwind: "cfi", samples: 100, expirations: 100,
			handler_ns: 1000, flusher_cpu_ns: 1000, cpu_ns: 1e9,
			sampled_ns: 1e9, memory: 1e6, duration_ns: 1e9,
			asked_hz: 99, lost: [], truncated: [], done: true,
			foreign: false, salvaged: false, notes: [],
			skipped: [], ...more });
		return this.doc.processes.length - 1;
	}

	thread(name, tid, process = 0)
	{
		this.doc.threads.push({ process, tid, name });
		return this.doc.threads.length - 1;
	}

	/* `stack` root first; a sample of 10 ms at each of `moments`, in ms. */
	add(stack, { thread = 0, moments = [], count = moments.length,
		     set = 0 } = {})
	{
		const { samples, moments: all, threads } = this.doc;
		const node = stack.reduce((n, f) =>
			this.node(n, this.frame(f)), 0);

		samples.stack.push(node);
		samples.thread.push(thread);
		samples.process.push(threads[thread]?.process ?? -1);
		samples.set.push(set);
		samples.count.push(count);
		samples.spread.push(1);
		samples.values[0].push(count);
		samples.values[1].push(count * 10 * MS);
		all.count.push(moments.length);
		moments.forEach((t, i) =>
			all.delta.push(t - (moments[i - 1] ?? 0)));
	}

	/* The page with this document in it; its file. */
	save(name)
	{
		const start = pageText.indexOf("id=\"profile\">") + 13;
		const end = pageText.indexOf("</script>", start);
		const file = join(directory, name);

		this.doc.strings = [...this.texts.keys()];
		writeFileSync(file, pageText.slice(0, start) +
			JSON.stringify(this.doc).replace(/</g, "\\u003c") +
			pageText.slice(end));
		return file;
	}
}

const range = (from, to, step = 1) =>
	Array.from({ length: Math.ceil((to - from) / step) }, (_, i) =>
		from + i * step);

/*
 * 1000 ms in all:	main > parse > alloc@libc.so	300, 0 - 3 s, thread 0
 *			main > run > work > !fast	400, 3 - 7 s, worker-1
 *			main > run > work > ?prog+0x10	200, 7 - 9 s, worker-2
 *			main > run > alloc@libc.so	100, 9 - 10 s, other pid
 */
function knownDocument()
{
	const d = new Document();

	d.process("prog", 10, { notes: ["a note for the reader"],
				lost: [["ring-full", 1]] });
	d.process("other", 20);
	d.thread("prog", 10);
	d.thread("worker-1", 11);
	d.thread("worker-2", 12);
	d.thread("other", 20, 1);
	d.add(["main", "parse", "alloc@libc.so"],
	      { thread: 0, moments: range(0, 3000, 100) });
	d.add(["main", "run", "work", "!fast"],
	      { thread: 1, moments: range(3000, 7000, 100) });
	d.add(["main", "run", "work", "?prog+0x10"],
	      { thread: 2, moments: range(7000, 9000, 100) });
	d.add(["main", "run", "alloc@libc.so"],
	      { thread: 3, moments: range(9000, 10000, 100) });
	return d;
}

/* --- what the page shows -------------------------------------------------- */

const total = "profagent.counts.sets[0].grand.value";

async function open(file, ...features)
{
	const page = await browser.open("file://" + file, 1400, 900,
		features.map(value =>
			({ name: "prefers-color-scheme", value })));

	if (!await page.until("window.profagent?.counts"))
		throw new Error("the page did not start: " +
				page.errors.join("; "));
	await page.settle();
	return page;
}

async function quiet(page, name)
{
	equal(page.errors, [], name + ": no error on the page");
	equal(page.requests, [], name + ": no request to the network");
	await page.send("Page.close");
}

/* Names of the boxes of a row, from left to right. */
function rowNames(page, row, graph = "graph")
{
	return page.run(`(() => {
		const g = profagent.${graph}, r = g.rows[${row}];
		return r ? r.node.map(n => n < 0 ? "(merged)"
			: g.style.name(n)) : [];
	})()`);
}

/* The middle of the first box of that name, in px of the window. */
function boxPlace(page, name, graph = "graph")
{
	return page.run(`(() => {
		const g = profagent.${graph};
		const at = g.spacer.getBoundingClientRect();
		for (const [r, row] of g.rows.entries())
			for (let i = 0; i < row.x.length; i++)
				if (row.node[i] >= 0 && g.style.name(
				    row.node[i]) === ${JSON.stringify(name)})
					return { x: at.left + row.x[i] +
						 row.width[i] / 2,
						 y: at.top + g.top(r) + 9,
						 share: row.width[i] /
							g.laidOut };
		return null;
	})()`);
}

async function clickBox(page, name)
{
	const place = await boxPlace(page, name);

	await page.click(place.x, place.y);
}

const textOf = (page, id) =>
	page.run(`document.getElementById("${id}").innerText`);

async function clickElement(page, selector)
{
	const { x, y } = await page.run(`(() => {
		const e = document.querySelector(${JSON.stringify(selector)});
		const r = e.getBoundingClientRect();
		return { x: r.left + r.width / 2, y: r.top + r.height / 2 };
	})()`);

	await page.click(x, y);
}

async function pick(page, id, value)
{
	await page.run(`(() => {
		const s = document.getElementById("${id}");
		s.value = ${JSON.stringify(value)};
		s.dispatchEvent(new Event("change"));
	})()`);
	await page.settle();
}

/* Names in the table, from above. */
function tableNames(page)
{
	return page.run(`[...document.querySelectorAll(
		"#rows tbody .function")].map(e => e.textContent)`);
}

/* How many colours are on a canvas: 1 is an empty one. */
function colors(page, selector)
{
	return page.run(`(() => {
		const c = document.querySelector("${selector}");
		const d = c.getContext("2d").getImageData(0, 0, c.width,
			c.height).data;
		const seen = new Set();
		for (let i = 0; i < d.length; i += 4)
			seen.add(d[i] << 24 | d[i + 1] << 16 | d[i + 2] << 8 |
				 d[i + 3]);
		return seen.size;
	})()`);
}

/* --- cases ---------------------------------------------------------------- */

async function showsARealProfile()
{
	const page = await open(pageFile);

	ok(await colors(page, "#graph canvas") > 4, "real: boxes are painted");
	ok(await colors(page, "#heatmap canvas") > 4,
	   "real: the heatmap is painted");
	near(await page.run(total), expected.total, 0.5,
	     "real: the total is that of the report");
	const share = await page.run(`(() => {
		const a = profagent, f = a.stacks.groups.functions.findIndex(
			f => f.name === ${JSON.stringify(expected.function)});
		return a.flat[0].total.value[f] / a.counts.sets[0].grand.value;
	})()`);
	near(share, expected.share, 1e-6,
	     "real: a function has the share of the report");
	const health = await textOf(page, "health");
	ok(/\d samples/.test(health) && /lost/.test(health) &&
	   /Hz asked/.test(health), "real: the health line is there", health);
	await quiet(page, "real");
}

async function zooms()
{
	const page = await open(knownDocument().save("zoom.html"));

	equal(await rowNames(page, 0), ["all"], "zoom: it begins with all");
	equal(await rowNames(page, 2), ["run", "parse"],
	      "zoom: the widest box comes first");
	near((await boxPlace(page, "run")).share, 0.7, 0.001,
	     "zoom: a box is as wide as its share");
	await clickBox(page, "work");
	equal(await rowNames(page, 0), ["work"], "zoom: a click zooms in");
	equal(await rowNames(page, 1), ["fast", "prog+0x10"],
	      "zoom: what it calls is all there");
	ok(/main[^]*run[^]*work/.test(await textOf(page, "path")),
	   "zoom: the path is shown");
	await clickElement(page, "#path button:nth-of-type(2)");
	equal(await rowNames(page, 0), ["main"], "zoom: a step of the path");
	await page.key("Escape");
	equal(await rowNames(page, 0), ["all"], "zoom: Escape zooms out");
	ok(/work/.test(await textOf(page, "chosen")),
	   "zoom: the function clicked is described");
	await quiet(page, "zoom");
}

async function searches()
{
	const page = await open(knownDocument().save("search.html"));

	await page.key("/");
	await page.type("^ALLOC".toLowerCase());
	equal(await textOf(page, "matched"), "40.0\u202f% matched",
	      "search: the share of the stacks that match");
	equal(await tableNames(page), ["alloc"],
	      "search: the table shows what matches");
	await page.key("Escape");
	equal((await tableNames(page)).length, 7,
	      "search: Escape ends it");
	await page.key("/");
	await page.type("(");
	ok(await page.run("document.getElementById('search')" +
			  ".getAttribute('aria-invalid') === 'true'"),
	   "search: a bad pattern is said to be bad");
	await page.run("document.getElementById('search').value = ''");
	await page.type("alloc");
	await clickElement(page, "#keep");
	near(await page.run(total), 400 * MS, 1,
	     "filter: only stacks with a match are counted");
	equal(await rowNames(page, 2), ["parse", "run"],
	      "filter: the graph is of what is left");
	await page.run("document.getElementById('search').focus()");
	await page.type("parse");
	await clickElement(page, "#drop");
	near(await page.run(total), 100 * MS, 1,
	     "filter: stacks with a match are left out");
	await clickElement(page, "#chips button");
	near(await page.run(total), 700 * MS, 1, "filter: one is taken back");
	await quiet(page, "search");
}

async function selectsTime()
{
	const page = await open(knownDocument().save("time.html"));
	const box = await page.run(`(() => {
		const h = profagent.heatmap;
		const r = h.canvas.getBoundingClientRect();
		return { left: r.left + 46, top: r.top + 2,
			 column: h.columnPixels, stretch: h.stretch,
			 cell: h.cellPixels, rows: h.cellRows };
	})()`);
	const x = t => box.left + (t / box.stretch + 0.5) * box.column;
	const bottom = box.top + (box.rows - 0.5) * box.cell;
	const top = box.top + 0.5 * box.cell;

	await page.drag(x(3), bottom, x(7 - box.stretch), top);
	near(await page.run(total), 400 * MS, 1,
	     "time: only what was measured then is counted");
	equal(await rowNames(page, 4), ["fast"],
	      "time: the graph is of that time");
	ok(/3\.00\ss to 7\.00\ss/.test(await textOf(page, "range-text")),
	   "time: the range is said", await textOf(page, "range-text"));
	ok(!(await tableNames(page)).includes("parse"),
	   "time: the table is of that time");
	await clickElement(page, "#range-clear");
	near(await page.run(total), 1000 * MS, 1, "time: all of it again");
	await page.key("w");
	await page.key("ArrowRight");
	await page.key("Enter");
	near(await page.run(total), await page.run("10e6 * " +
		"profagent.profile.moments.time.filter(t => t < " +
		`${box.stretch}).length`), 1,
	     "time: a column by the keyboard");
	await quiet(page, "time");
}

async function picks()
{
	const page = await open(knownDocument().save("pick.html"));

	await pick(page, "process", "1");
	near(await page.run(total), 100 * MS, 1, "pick: one process");
	await pick(page, "process", "-1");
	await pick(page, "thread", "t1");
	near(await page.run(total), 400 * MS, 1, "pick: one thread");
	await pick(page, "thread", "p0");
	near(await page.run(total), 600 * MS, 1, "pick: a pool of threads");
	await pick(page, "thread", "");
	await pick(page, "type", "0");
	near(await page.run(total), 100, 1e-9, "pick: another sample type");
	await pick(page, "group", "pool");
	equal(await rowNames(page, 1), ["worker-*", "prog", "other"],
	      "group: by pool of threads");
	await pick(page, "group", "process");
	equal(await rowNames(page, 1), ["prog (10)", "other (20)"],
	      "group: by process");
	ok(!(await tableNames(page)).includes("prog (10)"),
	   "group: groups are no functions");
	await pick(page, "color", "thread");
	ok(await colors(page, "#graph canvas") > 4, "colour: by thread");
	await quiet(page, "pick");
}

async function picksLabels()
{
	const known = knownDocument();
	const { samples } = known.doc;

	known.doc.labels = ["user=<b>", "path=/x"];
	samples.labels = samples.stack.map((_, s) =>
		s === 0 ? [0, 1] : s === 1 ? [1] : []);
	const page = await open(known.save("label.html"));
	const of = s => samples.values[1][s];

	await pick(page, "label", "0");
	near(await page.run(total), of(0), 1, "label: one label");
	await pick(page, "label", "1");
	near(await page.run(total), of(0) + of(1), 1,
	     "label: a sample counts for each of its labels");
	ok(await page.run("document.getElementById('label').options[1]" +
			  ".text.includes('=')"), "label: named key=value");
	await quiet(page, "label");
	const plain = await open(knownDocument().save("plain.html"));

	ok(await plain.run("document.getElementById('label')" +
			   ".parentElement.hidden"),
	   "label: no picker where there are none");
	await quiet(plain, "label, none");
}

async function showsCallers()
{
	const page = await open(knownDocument().save("callers.html"));

	await page.key("b");
	equal(await rowNames(page, 1), ["alloc", "fast", "prog+0x10"],
	      "bottom-up: what spends, the most first");
	near((await boxPlace(page, "alloc")).share, 0.4, 0.001,
	     "bottom-up: all its callers together");
	equal((await rowNames(page, 2)).slice(0, 2), ["parse", "run"],
	      "bottom-up: who called it");
	await page.run(`profagent.choose(profagent.profile.functions
		.findIndex(f => f.name === "work"))`);
	await page.key("c");
	equal(await rowNames(page, 1, "callers"), ["run"],
	      "callers: who calls the function");
	equal(await rowNames(page, 1), ["fast", "prog+0x10"],
	      "callees: what it calls");
	near(await page.run("profagent.graph.tree.total(0, 0).value"),
	     600 * MS, 1, "callees: its total");
	await page.key("i");
	equal(await rowNames(page, 0), ["all"], "icicle: shows all");
	ok(await page.run("!profagent.graph.flame"), "icicle: hangs");
	await quiet(page, "callers");
}

/* Another profiler's file, with nothing in it. */
async function showsNothing()
{
	const d = new Document();

	d.process("prog", 0, { foreign: true });
	const page = await open(d.save("empty.html"));

	ok(/no sample/.test(await textOf(page, "empty")),
	   "empty: it is said that there is nothing");
	ok(/another profiler/.test(await textOf(page, "health")),
	   "empty: no health figures are made up");
	await quiet(page, "empty");
	d.doc.types = [];
	const none = await browser.open("file://" + d.save("none.html"));
	ok(await none.until("document.querySelector('.failed')"),
	   "empty: a document without types is refused in words");
	await none.send("Page.close");
}

/* Recursion counts once; callers and callees of what calls itself add up. */
async function countsRecursionOnce()
{
	const d = new Document();

	d.process("prog", 10);
	d.thread("prog", 10);
	d.add(["main", "f", "g", "f", "g", "f"], { count: 30 });
	d.add(["main", "g"], { count: 70 });
	const page = await open(d.save("recursion.html"));
	const flat = await page.run(`Object.fromEntries(
		profagent.profile.functions.map((f, i) => [f.name,
			[profagent.flat[0].self.value[i] / 1e6,
			 profagent.flat[0].total.value[i] / 1e6]]))`);

	equal(flat, { main: [0, 1000], f: [300, 300], g: [700, 1000] },
	      "recursion: each counts once a stack");
	await page.run(`profagent.setView("around", profagent.profile.functions
		.findIndex(f => f.name === "f"))`);
	near(await page.run("profagent.callers.tree.total(0, 0).value"),
	     300 * MS, 1, "recursion: callers of the outermost");
	ok(await page.run("document.getElementById('timeline').hidden"),
	   "no times: no heatmap");
	await quiet(page, "recursion");
}

async function usesKeys()
{
	const page = await open(knownDocument().save("keys.html"));
	const active = "document.activeElement.id";

	await page.key("?");
	ok(await page.run("document.getElementById('help').open"),
	   "keys: ? helps");
	await page.key("Escape");
	ok(!await page.run("document.getElementById('help').open"),
	   "keys: Escape closes the help");
	await page.key("g");
	equal(await page.run(active), "graph", "keys: g goes to the graph");
	await page.key("ArrowUp");
	await page.key("ArrowUp");
	await page.key("ArrowUp");
	ok(/^run/.test(await textOf(page, "tooltip")),
	   "keys: arrows lead from box to box", await textOf(page, "tooltip"));
	ok(/run/.test(await page.run("document.getElementById('announce')" +
				     ".textContent")),
	   "keys: and it is said to those who listen");
	await page.key("ArrowRight");
	await page.key("Enter");
	equal(await rowNames(page, 0), ["parse"], "keys: Enter zooms in");
	await page.key("Backspace");
	equal(await rowNames(page, 0), ["main"], "keys: Backspace zooms out");
	await page.key("t");
	await page.key("Home");
	await page.key("ArrowDown");
	equal(await page.run("document.querySelector('tr.chosen .function')" +
			     ".textContent"), "fast",
	      "keys: arrows choose in the table");
	await page.key("Enter");
	equal(await page.run("profagent.state.view"), "around",
	      "keys: Enter shows the callers");
	await page.key("f");
	await page.key("Tab");
	ok(await page.run("document.activeElement.matches(':focus-visible')" +
			  " && getComputedStyle(document.activeElement)" +
			  ".outlineStyle === 'solid'"),
	   "keys: the focus is seen");
	await quiet(page, "keys");
}

async function switchesTheme()
{
	const file = knownDocument().save("theme.html");
	const ground = "getComputedStyle(document.body).backgroundColor";
	const dark = await open(file, "dark");
	const before = await dark.run(ground);

	ok(/rgb\((\d|[1-4]\d), /.test(before), "theme: dark as the system is",
	   before);
	await clickElement(dark, "#theme");
	ok(/rgb\(2\d\d, 2\d\d, /.test(await dark.run(ground)),
	   "theme: light on a click", await dark.run(ground));
	await dark.key("d");
	equal(await dark.run(ground), before, "theme: dark again by a key");
	await quiet(dark, "theme");
}

/* What a screen reader is told: everything that can be used has a name. */
async function hasNames()
{
	const page = await open(knownDocument().save("names.html"));

	await page.send("Accessibility.enable");
	const { nodes } = await page.send("Accessibility.getFullAXTree");
	const roles = ["button", "combobox", "searchbox", "tab", "application",
		       "img", "columnheader"];
	const used = nodes.filter(n => !n.ignored &&
				  roles.includes(n.role?.value));

	ok(used.length > 15, "names: the page has its parts",
	   used.length + " found");
	equal(used.filter(n => !n.name?.value).map(n => n.role.value), [],
	      "names: each of them has one");
	await quiet(page, "names");
}

async function survivesHostileNames()
{
	const bad = "</script><script>window.bad = 1</script>" +
		"<img src=x onerror='window.bad = 2'>\u202e\u0000\u001b[31m";
	const d = new Document();

	d.process(bad, 10, { notes: [bad], skipped: [bad] });
	d.thread(bad, 10);
	d.doc.title = bad;
	d.doc.modules[0] = [bad, bad];
	d.add([bad, "__proto__", "constructor", bad + "<b>"],
	      { moments: range(0, 1000, 10) });
	const page = await open(d.save("hostile.html"));

	await page.run("profagent.search('img')");
	await page.run("profagent.choose(0)");
	await page.run("document.getElementById('health').open = true");
	const { x, y } = await boxPlace(page, "constructor");
	await page.mouse("mouseMoved", x, y);
	await page.settle();
	ok(await page.run("window.bad === undefined"),
	   "hostile: nothing of it runs");
	ok((await textOf(page, "chosen")).includes("<img src=x"),
	   "hostile: it is shown as text", await textOf(page, "chosen"));
	ok(!(await textOf(page, "chosen")).includes("\u202e"),
	   "hostile: nothing turns the line around");
	equal(await page.run("document.images.length"), 0,
	      "hostile: no element is made of it");
	/* Even code within the page has no way out. */
	const blocked = await page.run(`new Promise(done => {
		addEventListener("securitypolicyviolation", e =>
			done(e.effectiveDirective));
		fetch("http://127.0.0.1:9/").catch(() => {});
	})`);
	equal(blocked, "connect-src", "hostile: the network is out of reach");
	await page.send("Page.close");
}

async function showsDifferences()
{
	const d = new Document(["before", "after"]);

	d.process("prog", 10);
	d.process("prog", 11, { set: 1 });
	d.thread("prog", 10);
	d.thread("prog", 11, 1);
	for (const [set, slow] of [[0, 200], [1, 600]]) {
		d.add(["main", "slow"], { set, thread: set, count: slow });
		d.add(["main", "gone"], { set, thread: set,
					  count: set ? 0 : 300 });
		d.add(["main", "same"], { set, thread: set,
					  count: set ? 1000 : 500 });
	}
	const page = await open(d.save("difference.html"));
	const rows = await page.run(`profagent.table.rows.map(r =>
		[profagent.table.names[r.index].name,
		 +r.change.toFixed(4), r.chance])`);

	equal(rows, [["gone", -0.3, false], ["slow", 0.175, false],
		     ["same", 0.125, false], ["main", 0, true]],
	      "difference: changes of the shares, the largest first");
	equal(await page.run("profagent.state.color"), "difference",
	      "difference: coloured by it");
	equal((await rowNames(page, 2)).sort(), ["gone", "same", "slow"],
	      "difference: what is gone is still seen");
	const color = await page.run(`(() => {
		const g = profagent.graph, out = {};
		for (const n of g.rows[2].node)
			out[g.style.name(n)] = g.style.color(n);
		return out;
	})()`);
	const part = (c, at) => parseInt(color[c].slice(at, at + 2), 16);
	ok(part("slow", 1) > part("slow", 5) + 30 &&
	   part("gone", 5) > part("gone", 1) + 30,
	   "difference: more is red, less is blue", JSON.stringify(color));
	await quiet(page, "difference");
}

/* A generator that gives the same numbers each time. */
function numbers(seed)
{
	return () => {
		seed = (seed + 0x6d2b79f5) | 0;
		let t = Math.imul(seed ^ seed >>> 15, 1 | seed);

		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
	};
}

function largeDocument(stacks)
{
	const random = numbers(7), d = new Document();

	d.process("prog", 10);
	for (let t = 0; t < 8; t++)
		d.thread("worker-" + t, 10 + t);
	for (let s = 0; s < stacks; s++) {
		const stack = ["main"];

		for (let depth = 4 + random() * 30; depth > 0; depth--)
			stack.push("f" + Math.floor(random() ** 3 * 2000));
		d.add(stack, { thread: s % 8,
			       moments: [Math.floor(random() * 60000)] });
	}
	return d;
}

/* 10^5 stacks: what is drawn depends on the screen, not on the stacks. */
async function drawsManyStacks()
{
	const d = largeDocument(1e5);
	const page = await open(d.save("large.html"));
	const seen = await page.run(`(() => {
		const g = profagent.graph;
		return { nodes: profagent.stacks.n, width: g.laidOut,
			 most: Math.max(...g.rows.map(r => r.x.length)) };
	})()`);

	ok(seen.nodes > 1e6, "many: there are many boxes", seen.nodes);
	ok(seen.most <= seen.width + 1,
	   "many: no row has more boxes than pixels", JSON.stringify(seen));
	near(await page.run(total), 1e5 * 10 * MS, 1, "many: all is counted");
	const times = await page.run(`(() => {
		const out = {}, time = (name, f) => {
			const t = performance.now();
			f();
			out[name] = Math.round(performance.now() - t);
		};
		time("paint", () => profagent.graph.paint());
		time("zoom", () => profagent.zoomTo(profagent.graph,
			profagent.graph.rows[1].node[0]));
		time("search", () => profagent.search("f1"));
		time("count", () => profagent.count());
		time("range", () => profagent.setFilter({ from: 10, to: 20 }));
		time("bottom-up", () => profagent.setView("leaves"));
		time("group", () => profagent.setGroup("thread"));
		return out;
	})()`);
	console.log("# ms at 10^5 stacks: " + JSON.stringify(times));
	await page.send("HeapProfiler.collectGarbage");
	const { usedSize, backingStorageSize = 0 } =
		await page.send("Runtime.getHeapUsage");
	console.log("# heap: " + Math.round((usedSize + backingStorageSize) /
					    2 ** 20) + " MiB");
	await quiet(page, "many");
}

async function scrollsDeepStacks()
{
	const d = new Document();

	d.process("prog", 10);
	d.thread("prog", 10);
	d.add(range(0, 4096).map(i => "f" + i % 50), { count: 10 });
	const page = await open(d.save("deep.html"));

	equal(await page.run("profagent.graph.rows.length"), 4097,
	      "deep: every frame has a row");
	await page.run("profagent.graph.element.scrollTop = 0");
	await page.settle();
	ok(await colors(page, "#graph canvas") > 2,
	   "deep: the far end is painted when scrolled to");
	await page.key("0");
	await page.run("profagent.graph.toRoot()");
	await page.resize(1300, 700);
	await page.settle();
	ok((await boxPlace(page, "all")).y < 700 - 30,
	   "deep: a smaller window keeps the root in sight");
	/* as the legend does that comes after the first drawing */
	await page.run(`(() => {
		const g = profagent.graph;
		g.setFlame(true);
		g.toRoot();
		document.getElementById("legend").style.minHeight = "84px";
		g.show(g.tree, g.root, g.style, true);
	})()`);
	await page.settle();
	near(await page.run(`(({ scrollTop, clientHeight, scrollHeight }) =>
		scrollHeight - scrollTop - clientHeight)
		(profagent.graph.element)`), 0, 1,
	     "deep: what takes room below leaves the root in sight");
	await pick(page, "group", "thread");
	equal(await page.run("profagent.graph.rows.length"), 4098,
	      "deep: grouped, too");
	await quiet(page, "deep");
}

/* The parts as they lie in tools/web/, the document from `current()`. */
function serveParts(current)
{
	const parts = join(dirname(fileURLToPath(import.meta.url)), "..", "..",
			   "tools", "web");
	const kinds = { ".js": "text/javascript", ".css": "text/css",
			".html": "text/html" };
	const streams = [];
	const server = createServer((request, answer) => {
		const name = request.url === "/" ? "index.html"
			: request.url.slice(1);

		if (name === "events") {
			answer.writeHead(200,
				{ "content-type": "text/event-stream" });
			answer.write(":\n\n");
			streams.push(answer);
		} else if (name === "profile.json") {
			answer.end(JSON.stringify(current()));
		} else {
			answer.setHeader("content-type", kinds[extname(name)]);
			answer.end(readFileSync(join(parts, name), "utf8")
				.replace("<html ", "<html data-profile=" +
					 "'profile.json' data-events='events' "));
		}
	});

	return { server, push: () =>
		streams.forEach(s => s.write("data: newer\n\n")),
		 close: () => {
			streams.forEach(s => s.end());
			server.close();
		} };
}

/* The same page, served, with a profile that grows while it is watched. */
async function followsALiveProfile()
{
	const first = knownDocument(), second = new Document();
	let current = first;
	const { server, push, close } = serveParts(() => {
		current.doc.strings = [...current.texts.keys()];
		return current.doc;
	});

	await new Promise(done => server.listen(0, "127.0.0.1", done));
	/* Other indices for the same things. */
	second.process("prog", 10);
	second.thread("worker-2", 12);
	second.thread("worker-1", 11);
	second.add(["main", "extra"], { thread: 0, count: 10 });
	second.add(["main", "run", "work", "!fast"], { thread: 1, count: 70 });
	const page = await browser.open("http://127.0.0.1:" +
		server.address().port + "/");

	ok(await page.until("window.profagent?.counts"),
	   "live: the parts make the page", page.errors.join("; "));
	await pick(page, "thread", "t1");
	await clickBox(page, "work");
	current = second;
	push();
	ok(await page.until(`${total} === 700e6`),
	   "live: it follows, and the thread is still the one chosen",
	   await page.run(total));
	equal(await rowNames(page, 0), ["work"], "live: the zoom stays");
	ok(/work/.test(await textOf(page, "chosen")),
	   "live: what was chosen stays");
	equal(page.errors, [], "live: no error on the page");
	await page.send("Page.close");
	close();
}

/* Small windows: nothing sticks out sideways. */
async function fitsSmallWindows()
{
	const page = await open(knownDocument().save("small.html"));

	for (const [width, height] of [[360, 640], [800, 500], [2560, 1300]]) {
		await page.resize(width, height);
		await page.settle();
		ok(await page.run("document.documentElement.scrollWidth <= " +
				  width), `small: ${width} px wide fits`);
		ok(await colors(page, "#graph canvas") > 4,
		   `small: ${width} px: boxes are painted`);
	}
	await quiet(page, "small");
}

/* What a box or a row has room for is what tells functions apart. */
async function shortensNames()
{
	const file = join(dirname(fileURLToPath(import.meta.url)), "..", "..",
			  "tools", "web", "names.js");
	const { boxLabel } = await import("data:text/javascript," +
		encodeURIComponent(readFileSync(file, "utf8")));
	const names = [
		["std::vector<int, std::allocator<int> >::push_back(int)",
		 "std::vector::push_back", "push_back"],
		["std::ostream& operator<< <char>(std::ostream&, char)",
		 "std::ostream& operator<<", "ostream& op…"],
		["(anonymous namespace)::run(int)", "run", "run"],
		["main::<lambda(int)>", "main::lambda", "main::lambda"],
		["<A as core::slice::cmp::SliceOrd>::compare",
		 "SliceOrd::compare", "compare"],
		["core::slice::<impl [T]>::sort", "core::slice::[T]::sort",
		 "[T]::sort"],
		["core::cmp::<impl core::cmp::Ord for [T]>::cmp",
		 "core::cmp::Ord::cmp", "Ord::cmp"],
		["<fn(u8) -> u16 as core::ops::Fn<A>>::call", "Fn::call",
		 "Fn::call"],
		["std::panicking::catch_unwind::<...>",
		 "std::panicking::catch_unwind", "catch_unwind"],
		["encoding/json.(*decodeState).object",
		 "encoding/json.decodeState.object", "json.decode…"],
	];

	for (const [name, shorter, shortest] of names)
		equal([boxLabel(name, 1000), boxLabel(name, name.length - 1),
		       boxLabel(name, 12)], [name, shorter, shortest],
		      "names: " + name);
	for (const text of ["<".repeat(1000), "<a as ".repeat(160),
			    "<".repeat(500) + ">".repeat(500), "(<->)>-"])
		ok(boxLabel(text, 6).length <= 6, "names: any brackets");
}

const all = [shortensNames, showsARealProfile, zooms, searches, selectsTime, picks,
	     picksLabels, showsCallers, showsNothing, countsRecursionOnce, usesKeys, switchesTheme,
	     hasNames, survivesHostileNames, showsDifferences, drawsManyStacks,
	     scrollsDeepStacks, followsALiveProfile, fitsSmallWindows];
const name = findBrowser();

if (!name) {
	console.log("skip no chromium");
	process.exit(0);
}
browser = new Browser(name);
try {
	for (const one of all)
		await one().catch(error => ok(false, one.name, error.stack));
} finally {
	await browser.close();
}
