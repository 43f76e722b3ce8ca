// The desk's API: POST /desk/api/<function> with a JSON object, answered with JSON (doc/desk-protocol.md).

// Longer than the server lets a statement run, so that its own answer comes first.
const PATIENCE = 20000;

// Why a call came to nothing.  status 0: the server was not reached, so what was asked may have been done all the same.
export class Refusal extends Error {
	constructor(status, answer = {}) {
		super(String(answer.errorMessage || ''));
		this.status = status;
		this.code = String(answer.errorCode || '');
		this.detail = String(answer.detail || '');
		this.hint = String(answer.hint || '');
	}

	// Whether the same call may be answered otherwise a little later.
	get passes() {
		return this.status === 0 || this.status === 429 || this.status >= 500;
	}
}

// What is called by those who are not signed in: 401 says something else there.
const OF_STRANGERS = ['sign_in', 'enter', 'passkey_challenge', 'passkey_sign_in'];

let tell = { signedOut: () => 0, unreached: () => 0 };

// signedOut(): an answer said that nobody is signed in; unreached(): there was no answer.
export function onCalls(listeners) {
	tell = listeners;
}

// When somebody last used keyboard or pointer.  What the page asks by itself long after that says so, and does not keep
// the session of somebody who has gone home.
const GONE = 300000;
let touched = performance.now();
for (const event of ['keydown', 'pointerdown', 'pointermove', 'wheel'])
	addEventListener(event, () => touched = performance.now(), { capture: true, passive: true });

const isAttended = () => performance.now() - touched < GONE;

export async function call(name, args = {}) {
	const patience = new AbortController();
	const timer = setTimeout(() => patience.abort(), PATIENCE);
	let response;
	let answer;
	try {
		response = await fetch(`/desk/api/${name}`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', 'X-Webchatt-Desk': isAttended() ? '1' : '2' },
			body: JSON.stringify(args),
			credentials: 'same-origin',
			cache: 'no-store',
			signal: patience.signal
		});
		answer = await response.json().catch(() => null);
	} catch {
		tell.unreached();
		throw new Refusal(0);
	} finally {
		clearTimeout(timer);
	}
	if (response.ok && answer !== null)
		return answer;
	if (response.status === 401 && !OF_STRANGERS.includes(name))
		tell.signedOut();
	throw new Refusal(response.ok ? 0 : response.status, answer || {});
}
