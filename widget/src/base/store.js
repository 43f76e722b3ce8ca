// What outlives the page, shared by all tabs of a site: localStorage, and
// memory for what it will not take (blocked, or full).

const memory = new Map();
let prefix;

// Before all else: whose it is.
export function open(webChatId) {
	prefix = `webchatt.${webChatId}.`;
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

export function set(name, value) {
	const done = disk(d => {
		d.setItem(prefix + name, JSON.stringify(value));
		return true;
	});
	if (done)
		memory.delete(name);
	else
		memory.set(name, value);
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

// Another tab changed something: its name is given.
export function watch(changed) {
	window.addEventListener('storage', event => {
		if (event.key && event.key.startsWith(prefix))
			changed(event.key.slice(prefix.length));
	});
}
