// What outlives the page, shared by all tabs of a site: localStorage, and
// memory for what it will not take (blocked, or full).

function makeStore(webChatId) {
	const prefix = 'webchatt.' + webChatId + '.';
	const memory = new Map();

	function disk(work) {
		try {
			return work(window.localStorage);
		} catch (e) {
			return undefined;
		}
	}

	return {
		get(name) {
			if (memory.has(name))
				return memory.get(name);
			const text = disk(d => d.getItem(prefix + name));
			try {
				return text ? JSON.parse(text) : null;
			} catch (e) {
				return null;
			}
		},

		set(name, value) {
			const done = disk(d => {
				d.setItem(prefix + name, JSON.stringify(value));
				return true;
			});
			if (done)
				memory.delete(name);
			else
				memory.set(name, value);
		},

		remove(name) {
			memory.delete(name);
			disk(d => d.removeItem(prefix + name));
		},

		// All names that begin so, in order.
		names(start) {
			const found = new Set(memory.keys());
			disk(d => {
				for (let i = 0; i < d.length; i++)
					if (d.key(i).startsWith(prefix))
						found.add(d.key(i).slice(prefix.length));
			});
			return Array.from(found).filter(name => name.startsWith(start)).sort();
		},

		// Another tab changed something: its name is given.
		watch(changed) {
			window.addEventListener('storage', event => {
				if (event.key && event.key.startsWith(prefix))
					changed(event.key.slice(prefix.length));
			});
		}
	};
}

// An id that nobody can guess, also on a page without TLS.
function newId() {
	if (crypto.randomUUID)
		return crypto.randomUUID();
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => (byte + 256).toString(16).slice(1)).join('');
}

// How long a value is as JSON, as the hub counts it.
const bytes = value => new TextEncoder().encode(JSON.stringify(value)).length;

// Functions to be called when something of that name happens.
function makeEvents() {
	const listeners = {};
	return {
		on(name, listener) {
			const list = listeners[name] = listeners[name] || [];
			list.push(listener);
			return () => {
				const at = list.indexOf(listener);
				if (at >= 0)
					list.splice(at, 1);
			};
		},

		// A listener of the page that fails must not stop the widget.
		emit(name, value) {
			for (const listener of (listeners[name] || []).slice()) {
				try {
					listener(value);
				} catch (e) {
					setTimeout(() => {
						throw e;
					});
				}
			}
		}
	};
}
