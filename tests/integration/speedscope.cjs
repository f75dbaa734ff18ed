// SPDX-License-Identifier: MIT
//
// Opens a profile with the importer of the speedscope package and prints what
// it found as JSON. The package ships its program as one script for browsers;
// its importer is taken from there, before it draws anything.
//
// node speedscope.cjs PACKAGE-DIRECTORY FILE
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const [, , directory, file] = process.argv;
const release = path.join(directory, "dist", "release");
const name = fs.readdirSync(release)
	.find((f) => /^speedscope.*\.js$/.test(f));
let script = fs.readFileSync(path.join(release, name), "utf8");
const found = script.match(
	/async function (\w+)\(\w+,\w+\)\{return\s?\(await \w+\)\.importProfilesFromArrayBuffer/);
const begin = script.lastIndexOf("console.log(`speedscope v");

if (!found || begin < 0) {
	console.error("this speedscope is built in another way");
	process.exit(77);
}
script = script.slice(0, begin) +
	`globalThis.importProfiles = ${found[1]};})();`;

const element = () => new Proxy(function () {}, {
	get: (_, key) => key === Symbol.toPrimitive ? () => "" : element(),
	set: () => true, apply: () => element(), construct: () => element(),
});
const world = {
	console: { log() {}, warn() {}, error: console.error },
	document: element(), navigator: { userAgent: "" },
	location: { hash: "", protocol: "file:" },
	matchMedia: () => ({ matches: false, addListener() {} }),
	localStorage: { getItem: () => null, setItem() {} },
	performance, setTimeout, clearTimeout, setInterval, clearInterval,
	TextDecoder, TextEncoder, URL, Blob, Promise, Uint8Array, ArrayBuffer,
	requestAnimationFrame() {}, addEventListener() {}, Math, Date,
};
world.window = world.self = world;
vm.createContext(world);
vm.runInContext(script, world);

(async () => {
	const bytes = fs.readFileSync(file);
	const data = bytes.buffer.slice(bytes.byteOffset,
		bytes.byteOffset + bytes.length);
	const group = await world.importProfiles(path.basename(file), data);
	const names = new Set();
	for (const profile of group ? group.profiles : [])
		profile.forEachFrame((f) => names.add(f.name));
	console.log(JSON.stringify({
		profiles: group ? group.profiles.length : 0,
		total: group ? group.profiles[0].getTotalWeight() : 0,
		unit: group ? group.profiles[0].getWeightUnit() : "",
		names: [...names],
	}));
})().catch((error) => {
	console.error(error);
	process.exit(1);
});
