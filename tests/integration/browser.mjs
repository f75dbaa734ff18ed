/* SPDX-License-Identifier: MIT */
/*
 * browser: headless Chromium, driven through its DevTools protocol over a pipe:
 * no port, no package. Used by the tests of the pages.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const candidates = [process.env.CHROMIUM, "chromium", "chromium-browser",
		    "google-chrome", "google-chrome-stable"];

/* Path or name of a Chromium that starts, undefined without one. */
export function findBrowser()
{
	return candidates.find(name => name &&
		(existsSync(name) ||
		 spawnSync("sh", ["-c", `command -v "${name}"`]).status === 0));
}

export class Browser {
	constructor(name)
	{
		this.home = mkdtempSync(join(tmpdir(), "profagent-browser-"));
		this.child = spawn(name, ["--headless", "--no-sandbox",
			"--disable-gpu", "--disable-dev-shm-usage",
			"--no-first-run", "--disable-extensions",
			"--disable-background-networking",
			"--force-color-profile=srgb",
			`--user-data-dir=${this.home}`,
			"--remote-debugging-pipe", "about:blank"],
			{ stdio: ["ignore", "ignore", "ignore", "pipe",
				  "pipe"] });
		this.waiting = new Map();
		this.listeners = [];
		this.next = 1;
		this.text = "";
		this.child.stdio[4].setEncoding("utf8");
		this.child.stdio[4].on("data", data => this.receive(data));
		this.ended = new Promise(done => this.child.on("exit", done));
		this.child.on("error", error => this.fail(error));
		this.child.on("exit", () => this.fail(new Error("it ended")));
	}

	/* Messages are JSON, each ended by NUL. */
	receive(data)
	{
		const parts = (this.text + data).split("\0");

		this.text = parts.pop();
		for (const part of parts) {
			const message = JSON.parse(part);
			const waiter = this.waiting.get(message.id);

			this.waiting.delete(message.id);
			if (waiter && message.error)
				waiter.reject(new Error(message.error.message));
			else if (waiter)
				waiter.resolve(message.result);
			else
				this.listeners.forEach(f => f(message));
		}
	}

	fail(error)
	{
		for (const { reject } of this.waiting.values())
			reject(new Error("browser: " + error.message));
		this.waiting.clear();
	}

	send(method, params = {}, sessionId)
	{
		const id = this.next++;

		this.child.stdio[3].write(JSON.stringify(
			{ id, method, params, sessionId }) + "\0");
		return new Promise((resolve, reject) =>
			this.waiting.set(id, { resolve, reject }));
	}

	async open(url, width = 1400, height = 900, features = [])
	{
		const page = new Page(this);
		const { targetId } = await this.send("Target.createTarget",
						     { url: "about:blank" });
		const { sessionId } = await this.send("Target.attachToTarget",
			{ targetId, flatten: true });

		page.sessionId = sessionId;
		this.listeners.push(m => m.sessionId === sessionId &&
				    page.event(m));
		for (const domain of ["Page", "Runtime", "Network", "Log"])
			await page.send(domain + ".enable");
		await page.resize(width, height);
		await page.send("Emulation.setEmulatedMedia", { features });
		await page.load(url);
		return page;
	}

	async close()
	{
		await this.send("Browser.close").catch(() => {});
		await this.ended;
		rmSync(this.home, { recursive: true, force: true,
				    maxRetries: 5, retryDelay: 200 });
	}
}

class Page {
	constructor(browser)
	{
		this.browser = browser;
		this.errors = [];	/* exceptions, console errors */
		this.requests = [];	/* URLs asked for, but for the page */
	}

	send(method, params)
	{
		return this.browser.send(method, params, this.sessionId);
	}

	event({ method, params })
	{
		if (method === "Runtime.exceptionThrown")
			this.errors.push(params.exceptionDetails.exception
				?.description ?? params.exceptionDetails.text);
		else if (method === "Log.entryAdded" &&
			 params.entry.level === "error")
			this.errors.push(params.entry.text);
		else if (method === "Runtime.consoleAPICalled" &&
			 params.type === "error")
			this.errors.push(JSON.stringify(params.args));
		else if (method === "Network.requestWillBeSent" &&
			 params.request.url !== this.url &&
			 params.request.url !== "data:,")
			this.requests.push(params.request.url);
		else if (method === "Page.loadEventFired")
			this.loaded?.();
	}

	async load(url)
	{
		const loaded = new Promise(done => this.loaded = done);

		this.url = url;
		await this.send("Page.navigate", { url });
		await loaded;
	}

	resize(width, height)
	{
		return this.send("Emulation.setDeviceMetricsOverride",
			{ width, height, deviceScaleFactor: 1, mobile: false });
	}

	/* The value of a JavaScript expression; awaited if a promise. */
	async run(expression)
	{
		const { result, exceptionDetails } =
			await this.send("Runtime.evaluate", {
				expression, awaitPromise: true,
				returnByValue: true,
			});

		if (exceptionDetails)
			throw new Error(exceptionDetails.exception
				?.description ?? exceptionDetails.text);
		return result.value;
	}

	/* Until the expression is true, at most 30 s. */
	async until(expression)
	{
		for (let i = 0; i < 600; i++) {
			if (await this.run(`Boolean(${expression})`))
				return true;
			await new Promise(done => setTimeout(done, 50));
		}
		return false;
	}

	async key(key, modifiers = 0)
	{
		const text = key.length === 1 ? key
			: key === "Enter" ? "\r" : undefined;
		const codes = { Enter: 13, Escape: 27, Backspace: 8, Tab: 9,
				ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39,
				ArrowDown: 40 };
		const event = { key, text, modifiers,
				windowsVirtualKeyCode: codes[key] ?? 0 };

		await this.send("Input.dispatchKeyEvent",
				{ type: "keyDown", ...event });
		await this.send("Input.dispatchKeyEvent",
				{ type: "keyUp", ...event });
		await this.settle();
	}

	async type(text)
	{
		await this.send("Input.insertText", { text });
		await this.settle();
	}

	mouse(type, x, y, buttons = 0)
	{
		return this.send("Input.dispatchMouseEvent", {
			type, x, y, buttons, clickCount: 1,
			button: type === "mouseMoved" && !buttons ? "none"
				: "left",
		});
	}

	async click(x, y)
	{
		await this.mouse("mouseMoved", x, y);
		await this.mouse("mousePressed", x, y, 1);
		await this.mouse("mouseReleased", x, y);
		await this.settle();
	}

	async drag(x0, y0, x1, y1)
	{
		await this.mouse("mouseMoved", x0, y0);
		await this.mouse("mousePressed", x0, y0, 1);
		await this.mouse("mouseMoved", (x0 + x1) / 2, (y0 + y1) / 2, 1);
		await this.mouse("mouseMoved", x1, y1, 1);
		await this.mouse("mouseReleased", x1, y1);
		await this.settle();
	}

	/* After the next painting. */
	settle()
	{
		return this.run("new Promise(done => requestAnimationFrame(" +
				"() => requestAnimationFrame(done)))");
	}

	async screenshot(path)
	{
		const { data } = await this.send("Page.captureScreenshot",
						 { format: "png" });

		writeFileSync(path, Buffer.from(data, "base64"));
	}
}
