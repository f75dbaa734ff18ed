/* SPDX-License-Identifier: MIT */
/*
 * app: the page as a whole. What a person chose is in `state`; each change goes
 * one way: filter -> counts -> trees -> pictures, from the first step that it
 * concerns.
 */
import { BoxStyle, majorityPools, rankModules, rankPools } from "./boxes.js";
import { Palette } from "./colors.js";
import { factsTable, placeOf, remarksOn } from "./describe.js";
import { announce, byId, element, recall, remember } from "./elements.js";
import { carryFilter, eachKept, emptyFilter, filterSamples, matchFrames }
	from "./filter.js";
import { formatNumber, formatSeconds, formatShare, formatValue }
	from "./format.js";
import { Graph } from "./graph.js";
import { fillHealth } from "./health.js";
import { Heatmap } from "./heatmap.js";
import { openHelp } from "./help.js";
import { listenKeys } from "./keys.js";
import { fillLegend } from "./legend.js";
import { fillPath } from "./path.js";
import { fillLabels, fillProcesses, fillThreads, fillTypes, threadChoice,
	 typeLabel }
	from "./pickers.js";
import { Profile } from "./profile.js";
import { compilePattern } from "./search.js";
import { openSource } from "./source.js";
import { Table, sumOfFunction } from "./table.js";
import { currentTheme, startTheme, switchTheme } from "./theme.js";
import { Tooltip } from "./tooltip.js";
import { CalleesTree, CallersTree, Counts, TopDownTree, groupStacks }
	from "./tree.js";

const colorWays = ["module", "thread", "difference"];

class App {
	constructor(profile)
	{
		this.tooltip = new Tooltip(byId("tooltip"));
		this.graph = this.makeGraph("graph");
		this.callers = this.makeGraph("callers");
		this.heatmap = new Heatmap(byId("heatmap"), {
			select: (from, to) => this.setFilter({ from, to }),
			clear: () => this.setFilter({ from: 0, to: 0 }),
		});
		this.table = new Table(byId("rows"), {
			choose: f => this.choose(f),
			open: f => this.setView("around", f),
		});
		this.state = {
			view: recall("view") ?? "flame", group: "none",
			color: "module", chosen: -1, pattern: "",
			zoom: [], callersZoom: [],
		};
		this.setProfile(profile);
	}

	/* What was chosen stays when a newer profile comes (watching). */
	setProfile(profile)
	{
		this.keepChosen(profile);
		this.filter = this.profile
			? carryFilter(this.profile, this.filter, profile)
			: emptyFilter(profile);
		this.profile = profile;
		this.modules = rankModules(profile);
		this.pools = rankPools(profile);
		this.palette = new Palette(currentTheme());
		if (profile.isDifference)
			this.state.color = "difference";
		byId("color").querySelector("[value=difference]").hidden =
			!profile.isDifference;
		byId("timeline").hidden = profile.moments.n === 0;
		fillHealth(byId("health"), profile);
		this.setStacks();
	}

	/* The function chosen, by its name in the newer profile. */
	keepChosen(profile)
	{
		const f = this.stacks?.groups.functions[this.state.chosen];

		this.state.chosen = !f ? -1 : profile.functions.findIndex(g =>
			g.name === f.name &&
			profile.modules[g.module]?.path ===
			this.profile.modules[f.module]?.path);
	}

	/* --- steps, each followed by the next ----------------------------- */

	setStacks()
	{
		this.stacks = groupStacks(this.profile, this.state.group);
		this.findMatches();
		this.count();
	}

	count()
	{
		const { profile, filter } = this;

		this.keep = filterSamples(profile, filter);
		this.eachKept = add =>
			eachKept(profile, filter, this.keep, add);
		this.counts = new Counts(profile, this.stacks, this.eachKept);
		this.flat = this.counts.flat();
		this.majority = null;
		this.trees = {};
		this.showFilter();
		this.draw();
	}

	draw()
	{
		this.drawHeatmap();
		this.drawGraphs();
		this.drawTable();
		this.drawChosen();
	}

	/* --- pictures ----------------------------------------------------- */

	get unit()
	{
		return this.profile.types[this.filter.type].unit;
	}

	/* Trees are made when looked at, and live until the next count. */
	tree(kind, f)
	{
		const key = kind + (f ?? "");

		this.trees[key] ??= kind === "down"
			? new TopDownTree(this.counts)
			: kind === "callees" ? new CalleesTree(this.counts, f)
			: new CallersTree(this.counts, f);
		return this.trees[key];
	}

	drawHeatmap()
	{
		if (this.profile.moments.n)
			this.heatmap.show(this.profile, this.filter, this.keep,
					  this.palette, this.unit);
	}

	drawGraphs()
	{
		const { view, chosen } = this.state;
		const around = view === "around" && chosen >= 0;

		byId("callers").hidden = !around;
		this.showEmpty();
		if (around) {
			this.graph.setFlame(false);
			this.drawTree(this.graph, "callees", "zoom", chosen);
			this.drawTree(this.callers, "callers", "callersZoom",
				      chosen);
		} else {
			this.graph.setFlame(view === "flame");
			this.drawTree(this.graph, view === "leaves"
				? "callers" : "down", "zoom");
		}
		this.showViews();
		fillLegend(byId("legend"), this);
	}

	/* Zooming is by the names on the way, so that it outlives the tree. */
	drawTree(graph, kind, zoomKey, f)
	{
		const tree = this.tree(kind, f);
		const style = this.style(tree);
		const names = this.state[zoomKey];
		let node = tree.root, deep = 0;

		for (const name of names) {
			const next = tree.children(node)
				.find(c => style.name(c) === name);

			if (next === undefined)
				break;
			node = next;
			deep++;
		}
		this.state[zoomKey] = names.slice(0, deep);
		graph.zoomKey = zoomKey;
		graph.show(tree, node, style, graph.sameView === this.viewKey);
		graph.sameView = this.viewKey;
		if (graph === this.graph)
			fillPath(byId("path"), this, names.slice(0, deep));
	}

	/* What stands where the path would, while nothing is zoomed. */
	pathHint()
	{
		return {
			flame: "Callers below, what they call above them",
			icicle: "Callers above, what they call below them",
			leaves: "Where time is spent first; who called it " +
				"below",
			around: "Callers above the function, what it calls " +
				"below it",
		}[this.state.view];
	}

	get viewKey()
	{
		return this.state.view + this.state.chosen +
			this.state.zoom.join("\0");
	}

	style(tree)
	{
		const by = this.state.color;

		if (by === "thread" && !this.majority)
			this.majority = majorityPools(this.profile, this.counts,
				this.eachKept, this.pools);
		return new BoxStyle({
			profile: this.profile, counts: this.counts, tree,
			palette: this.palette, by, modules: this.modules,
			majority: tree instanceof TopDownTree ? this.majority
				: null,
			match: this.match, chosen: this.state.chosen,
		});
	}

	showEmpty()
	{
		const { view, chosen } = this.state;
		const nothing = !(this.counts.weightOfAll > 0);
		const ask = view === "around" && chosen < 0;

		byId("empty").hidden = !nothing && !ask;
		byId("empty").textContent = !this.profile.samples.n
			? "There is no sample: the program used no CPU time " +
			  "yet, or was not looked at."
			: nothing
			? "Nothing is left with this choice of process, " +
			  "thread, time and patterns."
			: "Choose a function, in the table or by a click on " +
			  "its box, to see who calls it and what it calls.";
	}

	showViews()
	{
		for (const tab of document.querySelectorAll("[data-view]")) {
			const on = tab.dataset.view === this.state.view;

			tab.setAttribute("aria-selected", on);
			tab.tabIndex = on ? 0 : -1;
		}
		byId("color").value = this.state.color;
		byId("group").value = this.state.group;
	}

	drawTable()
	{
		const { counts, profile, unit, flat, state } = this;

		this.table.show({ counts, profile, unit, flat,
				  match: this.matchedFunctions,
				  chosen: state.chosen });
	}

	/* The function that was chosen, or how to choose one. */
	drawChosen()
	{
		const f = this.stacks.groups.functions[this.state.chosen];
		const values = this.flat.map(one => ({
			total: sumOfFunction(one.total, this.state.chosen),
			self: sumOfFunction(one.self, this.state.chosen),
		}));

		byId("chosen").replaceChildren(...(f ? [
			element("div.title", {}, f.name),
			element("div.place", {}, placeOf(this.profile, f)),
			factsTable(this.counts, values, this.unit),
			...remarksOn(f.flags).map(t => element("p", {}, t)),
			this.chosenButtons(f),
		] : [element("div.intro", {},
			element("p", {}, "Each box is a function, as wide as " +
				"the time spent in it and in what it called. " +
				"Click a box to zoom in."),
			element("p", {}, "Below: all functions. Click one to " +
				"find it in the graph, twice to see who " +
				"calls it."))]));
	}

	chosenButtons(f)
	{
		const button = (text, click) =>
			element("button", { type: "button", on: { click } },
				text);

		return element("div.buttons", {},
			button("Callers and callees", () =>
				this.setView("around")),
			button("Copy name", () =>
				navigator.clipboard?.writeText(f.name)),
			button("Done", () => this.choose(-1)));
	}

	/* --- graphs ------------------------------------------------------- */

	makeGraph(id)
	{
		const graph = new Graph(byId(id), {
			hover: (box, event) => {
				if (!box) {
					this.tooltip.hide();
					return;
				}
				this.tip(graph, box);
				this.tooltip.follow(event);
			},
			cursor: (box, target) => {
				this.tip(graph, box);
				this.tooltip.beside(target);
			},
			zoom: node => this.zoomTo(graph, node),
			out: () => this.zoomOut(graph.zoomKey),
		});

		byId(id).addEventListener("blur", () => {
			this.tooltip.hide();
			graph.cursor = null;
			graph.placeCursor();
		});
		return graph;
	}

	tip(graph, box)
	{
		this.tooltip.show(box, graph.style.look, graph.style,
				  this.unit);
	}

	zoomTo(graph, node)
	{
		const { tree, style } = graph;
		const names = [];

		for (let at = node; at !== tree.root && at >= 0;
		     at = tree.parent(at))
			names.unshift(style.name(at));
		this.tooltip.hide();
		this.state[graph.zoomKey] = names;
		if (this.state.view !== "around")
			this.state.chosen = style.functionIndex(node);
		this.drawGraphs();
		this.drawTable();
		this.drawChosen();
		announce(names.length ? `Zoomed to ${names.at(-1)}`
			 : "Zoomed out");
	}

	zoomOut(key = "zoom")
	{
		this.state[key] = this.state[key].slice(0, -1);
		this.drawGraphs();
	}

	zoomReset(depth = 0)
	{
		this.state.zoom = this.state.zoom.slice(0, depth);
		this.state.callersZoom = [];
		this.drawGraphs();
	}

	/* --- choices ------------------------------------------------------ */

	setView(view, chosen = this.state.chosen)
	{
		if (view !== this.state.view || chosen !== this.state.chosen) {
			const related = ["flame", "icicle"];

			if (!related.includes(view) ||
			    !related.includes(this.state.view))
				this.state.zoom = [];
			this.state.callersZoom = [];
		}
		this.state.view = view;
		this.state.chosen = chosen;
		remember("view", view === "around" ? "flame" : view);
		this.tooltip.hide();
		this.draw();
	}

	choose(f)
	{
		if (this.state.view === "around" && f !== this.state.chosen)
			this.state.zoom = this.state.callersZoom = [];
		this.state.chosen = f;
		announce(this.stacks.groups.functions[f]?.name ?? "");
		this.drawGraphs();
		this.drawTable();
		this.drawChosen();
	}

	setFilter(change)
	{
		this.filter = { ...this.filter, ...change };
		this.count();
	}

	setGroup(group)
	{
		this.state.group = group;
		this.state.zoom = [];
		this.state.chosen = -1;
		this.setStacks();
	}

	setColor(color)
	{
		this.state.color = color;
		this.drawGraphs();
	}

	nextColor()
	{
		const usable = colorWays.filter(c => c !== "difference" ||
						this.profile.isDifference);
		const at = usable.indexOf(this.state.color);

		this.setColor(usable[(at + 1) % usable.length]);
	}

	refreshTheme()
	{
		const dark = currentTheme() === "dark";

		this.palette = new Palette(currentTheme());
		byId("theme").textContent = dark ? "Light" : "Dark";
		this.draw();
	}

	/* --- search ------------------------------------------------------- */

	search(source)
	{
		const { regex, error } = compilePattern(source);

		this.state.pattern = source;
		this.regex = regex;
		byId("search").setAttribute("aria-invalid", Boolean(error));
		byId("matched").classList.toggle("bad", Boolean(error));
		this.findMatches();
		this.showMatched(error);
		this.drawGraphs();
		this.drawTable();
	}

	findMatches()
	{
		const { regex, profile } = this;
		const { frameFunction, functions } = this.stacks.groups;

		this.match = this.matchedFunctions = null;
		if (!regex)
			return;
		this.match = new Uint8Array(frameFunction.length);
		this.match.set(matchFrames(profile, regex));
		this.matchedFunctions = new Uint8Array(functions.length);
		this.match.forEach((on, frame) => {
			if (on)
				this.matchedFunctions[frameFunction[frame]] = 1;
		});
	}

	showMatched(error)
	{
		const found = this.match !== null;

		byId("matched").textContent = error ? error : !found ? ""
			: formatShare(this.counts.matchedShare(this.match)) +
			  " matched";
		byId("keep").hidden = byId("drop").hidden = !found;
	}

	/* The search becomes a filter: keep or drop stacks that match. */
	takePattern(keep)
	{
		const source = this.state.pattern;
		const patterns = [...this.filter.patterns,
				  { source, regex: this.regex, keep }];

		byId("search").value = "";
		this.regex = undefined;
		this.state.pattern = "";
		this.findMatches();
		this.setFilter({ patterns });
		byId("search").focus();
	}

	/* --- what the filter is, in words and pickers --------------------- */

	showFilter()
	{
		const { profile, filter } = this;

		fillTypes(byId("type"), profile, filter);
		fillProcesses(byId("process"), profile, filter);
		fillThreads(byId("thread"), profile, filter);
		fillLabels(byId("label"), profile, filter);
		this.showHeadline();
		this.showRange();
		this.showChips();
		this.showMatched();
	}

	showHeadline()
	{
		const { profile, counts } = this;
		const what = this.unit === "count" ? ""
			: " " + typeLabel(profile.types[this.filter.type]);
		const parts = counts.sets.map((one, k) =>
			(profile.isDifference ? profile.sets[k] + ": " : "") +
			formatValue(one.grand.value, this.unit) + what +
			" in " + formatNumber(one.grand.taken) + " samples");

		byId("title").textContent = profile.title;
		document.title = profile.title + " – profagent";
		byId("subtitle").textContent = parts.join("   →   ");
	}

	showRange()
	{
		const { from, to } = this.filter;

		byId("range-clear").hidden = !to;
		byId("range-text").textContent = to
			? `${formatSeconds(from)} to ${formatSeconds(to)}, ` +
			  `${formatSeconds(to - from)} of ` +
			  formatSeconds(this.profile.seconds)
			: "Drag over the heatmap to look at a part of the time";
	}

	showChips()
	{
		const { patterns } = this.filter;

		byId("chips").hidden = !patterns.length;
		byId("chips").replaceChildren(...patterns.map(p =>
			element("button.chip", {
				type: "button", title: "Remove this filter",
				on: { click: () => this.setFilter({
					patterns: patterns.filter(q => q !== p),
				}) },
			}, `${p.keep ? "only" : "without"} ${p.source}  ×`)));
	}

	/* --- leaving, one thing at a time --------------------------------- */

	escape()
	{
		if (this.state.pattern) {
			byId("search").value = "";
			this.search("");
		} else if (this.state.zoom.length ||
			   this.state.callersZoom.length) {
			this.zoomReset();
		} else if (this.state.chosen >= 0) {
			this.choose(-1);
		} else if (this.filter.to) {
			this.setFilter({ from: 0, to: 0 });
		}
	}
}

/* Elements of the page to what they do. */
function connect(app)
{
	const on = (id, event, f) => byId(id).addEventListener(event, f);
	const theme = () => {
		switchTheme();
		app.refreshTheme();
	};

	on("type", "change", e => app.setFilter({ type: +e.target.value }));
	on("process", "change", e =>
		app.setFilter({ process: +e.target.value, thread: -1,
				pool: null }));
	on("thread", "change", e =>
		app.setFilter(threadChoice(app.profile, e.target.value)));
	on("label", "change", e => app.setFilter({ label: +e.target.value }));
	on("group", "change", e => app.setGroup(e.target.value));
	on("color", "change", e => app.setColor(e.target.value));
	on("search", "input", e => app.search(e.target.value));
	on("keep", "click", () => app.takePattern(true));
	on("drop", "click", () => app.takePattern(false));
	on("range-clear", "click", () => app.setFilter({ from: 0, to: 0 }));
	on("theme", "click", theme);
	on("help-button", "click", () => openHelp(byId("help")));
	on("pickers", "submit", e => e.preventDefault());
	for (const tab of document.querySelectorAll("[data-view]"))
		tab.addEventListener("click", () =>
			app.setView(tab.dataset.view));
	listenKeys(app, theme);
}

async function start()
{
	const source = openSource(document);

	startTheme(() => window.profagent?.refreshTheme());
	try {
		const app = new App(new Profile(await source.load()));

		window.profagent = app;
		connect(app);
		app.refreshTheme();
		if (document.documentElement.dataset.process)
			window.profagentLive = (await import("./live.js"))
				.openLive(app, source);
		else
			source.watch(doc => app.setProfile(new Profile(doc)));
	} catch (error) {
		document.body.replaceChildren(element("p.failed", {},
			"The profile cannot be shown: " + error.message));
		throw error;
	}
}

start();
