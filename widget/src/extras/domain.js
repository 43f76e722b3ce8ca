// One conversation on all hosts of a domain: the visitor's secret is in a cookie
// of it.  (What that means for who can read it: SECURITY.md.)
//
// The cookie outlives localStorage.clear(), by which pages forget somebody at
// log-out.  So it says which hosts have taken it over: one of them that does not
// know it any more was cleared, and the cookie goes, too.

import { store, string, take } from '../core.js';

// As long as browsers keep one.
const KEEP = 34560000;
const MOST_HOSTS = 30;

// A short name for this host.
function nameOf(host) {
	let hash = 0;
	for (const letter of host)
		hash = (hash * 31 + letter.charCodeAt(0)) >>> 0;
	return hash.toString(36);
}

// Takes the configuration; before anything is read from the store.
function join(config) {
	const domain = string(config.domain);
	const name = `webchatt.${config.webChatId}`;
	const here = nameOf(location.host);
	const within = /^[a-z0-9.-]+$/.test(domain) && `.${location.hostname}`.endsWith(`.${domain}`);
	let mine = null;

	function read() {
		const found = document.cookie.split('; ').find(one => one.startsWith(`${name}=`));
		const [token, ...hosts] = found ? found.slice(name.length + 1).split('.') : [];
		return { token: /^[\w-]{1,64}$/.test(token || '') ? token : null, hosts };
	}

	function write(value) {
		document.cookie = `${name}=${value}; Domain=${domain}; Path=/; SameSite=Lax; Max-Age=${value ? KEEP : 0}${location.protocol === 'https:' ? '; Secure' : ''}`;
	}

	// This host has it.
	function tell(token) {
		const before = read();
		const hosts = before.token === token ? before.hosts.filter(one => one !== here) : [];
		mine = token;
		write([token, ...[...hosts, ...store.set('shared', true) ? [here] : []].slice(-MOST_HOSTS)].join('.'));
	}

	function forget() {
		const now = read().token;
		if (mine && now === mine)
			write('');
		mine = now === mine ? null : now;
	}

	if (!within)
		return console.error(`webchatt: domain: ${location.hostname} is not on ${domain}`);
	try {
		const local = store.get('token');
		let { token, hosts } = read();
		if (token && !store.get('shared') && hosts.includes(here)) {
			write('');
			token = null;
		}
		if (local && token !== local && (token || store.get('shared')))
			store.empty();
		if (token && token !== local)
			store.set('token', token);
		if (token || store.get('token'))
			tell(token || store.get('token'));
		// A browser that takes no such cookie shares nothing.
		if (mine && read().token !== mine)
			return;
		store.join({
			tell,
			forget,
			// Another host has somebody else by now, or nobody: who, if anybody.
			moved() {
				const now = read().token;
				if (now === mine)
					return undefined;
				mine = now;
				return now;
			}
		});
	} catch {
		// No cookies here.
	}
}

export function start(core) {
	take(core);
	return join;
}
