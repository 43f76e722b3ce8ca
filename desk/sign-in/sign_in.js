// From a link to a session.  The token stands behind #, which no server's log and no link preview gets; it is
// taken out of the address before anything else happens, so that it is in no history either.
import { call } from '../shared/api.js';

const TOKEN = /^#sign-in=([A-Za-z0-9_-]+)$/;

export function takeToken() {
	const found = TOKEN.exec(location.hash);
	if (found)
		history.replaceState(null, '', location.pathname);
	return found ? found[1] : '';
}

// Gives { me } or { error }, and token: what is left to try again with.
export async function begin(token) {
	try {
		if (token)
			await call('sign_in', { token });
	} catch (error) {
		return { error, token };
	}
	try {
		return { me: await call('me'), token: '' };
	} catch (error) {
		return { error, token: '' };
	}
}
