// Modules that are loaded when they are needed.  They lie beside this file at the
// hub, under names that their content gives them (PARTS: the hash of each in
// this build), so a browser asks for each once.

import { core } from './core.js';
import { atEnd } from './events.js';
import { ready } from './words.js';

const PATIENCE = 20000;
// Those that show no words do not wait for them.
const WORDLESS = ['domain', 'polling'];
let started = {};
let home;
let tries = 0;

// Modules that are in the same file (the desk's preview): functions that import them.
export const given = {};

// Where this file is; they lie beside it.
export function locate(address) {
	home = address;
	atEnd(() => {
		started = {};
	});
}

// An address at the hub.
export const address = path => new URL(path, home).href;

export const has = name => !!(given[name] || PARTS[name]);

// A module.  A browser may keep in mind that an address failed, so another try asks for another one.
function fetchPart(name) {
	const waits = given[name] ? given[name]() : import(address(`chat-widget/${name}-${PARTS[name]}.js${tries ? `?${tries}` : ''}`));
	return Promise.race([waits, new Promise((done, fail) => setTimeout(fail, PATIENCE))]).catch(error => {
		tries++;
		throw error;
	});
}

// A language's words.
export const words = language => fetchPart(language).then(module => module.default);

// What a module's start() gives; it is started once, and not before its words are there.
export function load(name) {
	const all = started;
	if (!all[name]) {
		all[name] = Promise.all([fetchPart(name), WORDLESS.includes(name) || ready()]).then(([module]) => {
			// The widget may have left the page meanwhile.
			if (all !== started)
				throw new Error(name);
			return module.start(core());
		});
		all[name].catch(() => {
			delete all[name];
		});
	}
	return all[name];
}

// After an upgrade of the server this file, out of a browser's cache, asks for modules
// that are not there any more: the new one takes its place (boot.js).
export function renew() {
	self.Chatt2me.renewing = true;
	return import(`${home}?${Date.now()}`).then(() => {
		self.Chatt2me.renewing = false;
	});
}
