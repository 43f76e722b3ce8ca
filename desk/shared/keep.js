// What the browser keeps for an agent over a reload: drafts, and messages whose fate is not known.
// Kept under the agent's name, and gone when they sign out.  A browser that keeps nothing (private
// windows, a full store) costs the drafts, not the desk.

const PREFIX = 'webchatt.desk.';

function guarded(work, otherwise) {
	try {
		return work();
	} catch {
		return otherwise;
	}
}

export class Keep {
	constructor(agent) {
		// No name has a colon in it: ana is not the beginning of ana.b.
		this.prefix = `${PREFIX}${agent}:`;
	}

	get(name) {
		return guarded(() => JSON.parse(localStorage.getItem(this.prefix + name)), null);
	}

	// null, '' and [] are not kept.
	set(name, value) {
		const nothing = value === null || value === '' || (Array.isArray(value) && !value.length);
		guarded(() => nothing ? localStorage.removeItem(this.prefix + name) : localStorage.setItem(this.prefix + name, JSON.stringify(value)));
	}

	clear() {
		guarded(() => Object.keys(localStorage).filter(key => key.startsWith(this.prefix)).forEach(key => localStorage.removeItem(key)));
	}
}

// How this browser likes to be spoken to, whoever is signed in: language, theme.
export const liking = {
	get: name => guarded(() => localStorage.getItem(`${PREFIX}${name}`), null) || '',
	set: (name, value) => guarded(() => value ? localStorage.setItem(`${PREFIX}${name}`, value) : localStorage.removeItem(`${PREFIX}${name}`))
};
