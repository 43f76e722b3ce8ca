// What outlives the page, shared by all tabs of a site: localStorage, and
// memory for what it will not take (blocked, or full).
//
// Pages empty localStorage when somebody logs out.  So whoever writes leaves a
// mark of the time since it was last empty, the era: where that is missing, or
// another one, what this tab knows is somebody else's, and is not written.

import { listen } from './events.js';
import { json, newId } from './values.js';

const memory = new Map();
let prefix;
let era = null;
let ended = () => 0;
// Other hosts of the domain that have the same token (extras/domain.js), if any.
let others = null;

// Before all else: whose it is.
export function open(webChatId) {
	prefix = `webchatt.${webChatId}.`;
	others = null;
	era = disk(d => d.getItem(prefix + 'era')) || null;
	// What a tab that did not know yet wrote after the others were told to forget.
	if (!era)
		wipe();
}

function disk(work) {
	try {
		return work(window.localStorage);
	} catch {
		return undefined;
	}
}

export function get(name) {
	if (memory.has(name))
		return memory.get(name);
	const text = disk(d => d.getItem(prefix + name));
	try {
		return text ? JSON.parse(text) : null;
	} catch {
		return null;
	}
}

const otherEra = () => era !== null && disk(d => d.getItem(prefix + 'era') !== era);

function write(name, value) {
	return disk(d => {
		const mark = d.getItem(prefix + 'era') || newId();
		d.setItem(prefix + 'era', mark);
		era = mark;
		d.setItem(prefix + name, json(value));
		return true;
	});
}

// The log is the first to go where there is no room: the hub has it.
export function set(name, value) {
	if (otherEra())
		return false;
	const done = write(name, value) || name !== 'log' && disk(d => !d.removeItem(prefix + 'log')) && write(name, value);
	if (done)
		memory.delete(name);
	else
		memory.set(name, value);
	if (others && name === 'token')
		others.tell(value);
	return !!done;
}

export function remove(name) {
	memory.delete(name);
	disk(d => d.removeItem(prefix + name));
}

// All names that begin so, in order.
export function names(start) {
	const found = new Set(memory.keys());
	disk(d => {
		for (let i = 0; i < d.length; i++)
			if (d.key(i).startsWith(prefix))
				found.add(d.key(i).slice(prefix.length));
	});
	return [...found].filter(name => name.startsWith(start)).sort();
}

// Empty, for the other tabs, too.
export function wipe() {
	if (others)
		others.forget();
	names('').forEach(remove);
	era = null;
}

// The others of this host are told by the cookie, and each empties it: the era stays.
export function empty() {
	for (const name of names(''))
		if (name !== 'era')
			remove(name);
}

// The token is shared with other hosts.
export const join = given => others = given;

// Of this time; empty where nothing is kept.
export const mark = () => era || '';

// What is this tab's alone: read, or written if there is a value.
export function ofTab(name, value) {
	try {
		if (value !== undefined)
			sessionStorage.setItem(prefix + name, value);
		return sessionStorage.getItem(prefix + name);
	} catch {
		return null;
	}
}

// Has it been emptied since it was last looked at?  Then who was here has to go, and is told whether others write already.
export function check() {
	const moved = others && !otherEra() ? others.moved() : undefined;
	if (moved !== undefined) {
		empty();
		if (moved)
			set('token', moved);
		return ended(!!moved);
	}
	if (!otherEra())
		return;
	memory.clear();
	era = disk(d => d.getItem(prefix + 'era')) || null;
	if (others && !era)
		others.forget();
	ended(era !== null);
}

// Another tab changed something: its name is given.  Or it was emptied, by anybody.
export function watch(changed, emptied) {
	ended = emptied;
	listen(window, 'storage', event => {
		check();
		if (event.key && event.key.startsWith(prefix))
			changed(event.key.slice(prefix.length));
	});
}
