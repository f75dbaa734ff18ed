/* SPDX-License-Identifier: MIT */
/*
 * The live page as a person uses it, in headless Chromium. Called by
 * serve-browser.py: node serve-browser.mjs ORIGIN TOKEN PID DIRECTORY. Prints a
 * line "ok NAME" or "not ok NAME" for each case.
 */
import { readFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Browser, findBrowser } from "./browser.mjs";

const [, , origin, token, pid, directory] = process.argv;
let browser, page;

function ok(good, name, ...diagnosis)
{
	console.log(`${good ? "ok" : "not ok"} ${name}`);
	if (!good)
		for (const text of diagnosis)
			console.log("# " + String(text).replace(/\n/g, "\n# "));
}

/* The value of an expression of the page once `fits`; the last one else. */
async function until(expression, fits, seconds = 60)
{
	const end = Date.now() + seconds * 1000;
	let value;

	do {
		value = await page.run(expression);
		if (fits(value))
			return value;
		await new Promise(done => setTimeout(done, 100));
	} while (Date.now() < end);
	return value;
}

const samples = "window.profagent?.profile.samples.count" +
	".reduce((a, b) => a + b, 0) ?? 0";
const text = id => `document.getElementById("${id}")?.textContent ?? ""`;

async function center(selector)
{
	return page.run(`(() => {
		const box = document.querySelector(${JSON.stringify(selector)})
			.getBoundingClientRect();
		return { x: box.x + box.width / 2, y: box.y + box.height / 2,
			 left: box.x, width: box.width };
	})()`);
}

async function click(selector)
{
	const { x, y } = await center(selector);

	await page.click(x, y);
}

async function checkList()
{
	page = await browser.open(`${origin}/?token=${token}`);
	ok(!(await page.run("location.href")).includes(token),
	   "the token leaves the address bar");
	const link = `a[href="/processes/${pid}/"]`;

	ok(await page.run(`document.querySelector('${link}') !== null`),
	   "the list shows the program");
	await page.screenshot(join(directory, "list.png"));
	await page.load(`${origin}/processes/${pid}/`);
}

async function checkFollowing()
{
	const first = await until(samples, n => n > 20);

	ok(first > 20, "samples come", first);
	const more = await until(samples, n => n > first);

	ok(more > first, "the picture follows", first, more);
	ok((await page.run("document.querySelector('#rows tbody')" +
			   ".textContent")).includes("truth_burn"),
	   "the table names the function");
	const state = await until(text("live-state"), t => t === "running");

	ok(state === "running", "it says that the program runs", state);
	await page.screenshot(join(directory, "live.png"));
}

async function checkPause()
{
	await click("#live-run");
	const paused = await until(text("live-state"), t => t === "paused");

	ok(paused === "paused", "pause", paused, await page.run(
		text("live-message")));
	await click("#live-run");
	const running = await until(text("live-state"), t => t === "running");

	ok(running === "running", "resume", running);
}

async function setInterval(value)
{
	await page.run("document.getElementById('live-interval').select()");
	await click("#live-interval");
	await page.run("document.getElementById('live-interval').select()");
	await page.type(value);
	await click("#live-set");
}

async function checkInterval()
{
	await setInterval("2ms");
	const facts = await until(text("live-facts"), t =>
		t.includes("500 Hz"));

	ok(facts.includes("500 Hz"), "the interval is changed", facts);
	await setInterval("abc");
	const message = await until(text("live-message"), t =>
		t.includes("abc"));

	ok(message.includes("abc"), "a wrong interval is explained", message);
}

/* Drags over the last half of the heatmap. */
async function checkSelection()
{
	const map = await center("#heatmap canvas");

	await page.drag(map.left + map.width * 0.5, map.y,
			map.left + map.width * 0.95, map.y);
	const to = await until("window.profagent.filter.to", n => n > 0);

	ok(to > 0, "a part of the time is selected", to);
	const held = await until("window.profagentLive.waiting !== null",
				 w => w);

	ok(held && await page.run("window.profagent.filter.to") === to,
	   "the picture is held meanwhile");
	await page.screenshot(join(directory, "selected.png"));
	await click("#live-hold");
	const follows = await until("window.profagent.filter.to === 0 && " +
				    "window.profagentLive.waiting === null",
				    f => f);

	ok(follows, "and follows again");
}

async function checkDownload()
{
	await browser.send("Browser.setDownloadBehavior",
			   { behavior: "allow", downloadPath: directory });
	await click("#live-download");
	const path = join(directory, `${pid}.pb.gz`);

	for (let i = 0; i < 300 && !existsSync(path); i++)
		await new Promise(done => setTimeout(done, 100));
	ok(existsSync(path) && readFileSync(path).length > 100, "download",
	   readdirSync(directory).join(" "));
}

async function saved(link, file)
{
	const path = join(directory, file);

	await click(link);
	for (let i = 0; i < 300 && !existsSync(path); i++)
		await new Promise(done => setTimeout(done, 100));
	return existsSync(path) ? readFileSync(path, "utf8") : "";
}

async function checkSpans()
{
	const rows = await until(text("live-spans"), t =>
		t.includes("/small"));

	ok(rows.includes('/large, "<b>"') && rows.includes("p95"),
	   "the program's spans", rows);
	const csv = await saved("#live-spans-csv", `${pid}.spans.csv`);

	ok(csv.startsWith("name,n,total_ns,") &&
	   csv.includes('\r\n"/large, ""<b>""",'), "spans as CSV", csv);
	const table = await saved("#live-table-csv", `${pid}.csv`);

	ok(table.startsWith("name,module,") && table.includes("burn_large"),
	   "the table as CSV", table);
	await page.screenshot(join(directory, "spans.png"));
}

async function checkSecondViewer()
{
	const first = page;

	page = await browser.open(`${origin}/processes/${pid}/`);
	const seen = await until(samples, n => n > 0);

	ok(seen > 0, "a second viewer sees it too", seen);
	const facts = await until(text("live-state"), t => t === "running");

	ok(facts === "running", "and is told how it does", facts);
	await page.load("about:blank");
	page = first;
	const before = await page.run(samples);
	const after = await until(samples, n => n !== before);

	ok(after !== before, "its leaving changes nothing for the first");
}

const name = findBrowser();

if (!name) {
	console.log("skip no Chromium");
	process.exit(0);
}
browser = new Browser(name);
try {
	await checkList();
	await checkFollowing();
	await checkPause();
	await checkInterval();
	await checkSelection();
	await checkDownload();
	await checkSpans();
	await checkSecondViewer();
	/* the interval that was refused is one that the browser notes */
	const errors = page.errors.filter(e => !e.includes("400"));

	ok(errors.length === 0, "no error in the page", errors.join("\n"));
	console.log("ready to end");
	await new Promise(done => process.stdin.once("data", done));
	const end = await until(text("live-state"), t => t === "ended");

	ok(end === "ended", "the page says that the program ended", end);
	await page.screenshot(join(directory, "ended.png"));
} finally {
	await browser.close();
}
process.exit(0);
