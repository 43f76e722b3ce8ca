// From a link to a session.  The token stands behind #, which no server's log and no link preview gets; it is
// taken out of the address before anything else happens, so that it is in no history either.
import { call } from '../shared/api.js';
import { Keep } from '../shared/keep.js';

const TOKEN = /^#sign-in=([A-Za-z0-9_-]+)$/;

export function takeToken() {
	const found = TOKEN.exec(location.hash);
	if (found)
		history.replaceState(null, '', location.pathname);
	return found ? found[1] : '';
}

// Whoever has sent a link to somebody who is signed in may want them to go on as somebody else without noticing, so they
// are asked first; sure: they were.  Gives { me, came } (came: by the link), { ask: me, token }, or { error, token }; token
// is what is left to try again with.
export async function begin(token, sure) {
	if (!token)
		return signedIn();
	const before = await call('me').catch(() => null);
	if (before && !sure)
		return { ask: before, token };
	try {
		await call('sign_in', { token });
	} catch (error) {
		return { error, token };
	}
	if (before)
		new Keep(before.agent.name).clear();
	return { ...await signedIn(), came: true };
}

// Who is signed in; or else whoever a proxy says it is.
async function signedIn() {
	try {
		return { me: await call('me'), token: '' };
	} catch (error) {
		if (error.status !== 401)
			return { error, token: '' };
	}
	try {
		await call('enter');
		return { me: await call('me'), token: '' };
	} catch (error) {
		return { error, token: '' };
	}
}
