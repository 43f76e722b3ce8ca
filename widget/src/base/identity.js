// Who the visitor is, as the page says (doc/identity.md): told with each hello, and when it is said anew.

import { attributesOf } from './config.js';
import * as store from './store.js';
import { isObject, string } from './values.js';

const TEXTS = ['name', 'email', 'avatar'];

let said = {};

// Whom a token is of.  Nobody checks it here: the hub does.
function subject(token) {
	try {
		const { sub } = JSON.parse(decodeURIComponent(escape(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')))));
		// A number that is rounded here would be another user than the hub's.
		return typeof sub === 'number' && !Number.isSafeInteger(sub) ? '' : string(sub);
	} catch {
		return '';
	}
}

// What a hello has of it; attributes are those of the configuration, and over them what was said since.
export function inHello(config) {
	const { token, attributes, ...texts } = said;
	return { identity: token, ...texts, attributes: { ...config.attributes, ...attributes } };
}

// What an open line is told.
export const frame = () => ({ type: 'identify', ...said });

export const isSigned = () => !!said.token;

// The page says who it is.  True: somebody else than the store is of, who must not see what that has.
export function take(given) {
	const token = string(given.signature);
	const user = token && (subject(token) || string(given.userId));
	const before = string(store.get('user'));
	const other = !!user && !!before && user !== before;
	if (token && token !== said.token)
		said = { token };
	for (const name of TEXTS)
		if (string(given[name]))
			said[name] = string(given[name]);
	if (isObject(given.attributes))
		said.attributes = { ...said.attributes, ...attributesOf(given.attributes) };
	return other;
}

// It was a log-out.
export function forget() {
	said = {};
}

// The hub says who it is, or that nobody has signed it; true: it is somebody else than before.
export function told(frame) {
	const user = isObject(frame.user) ? string(frame.user.userId) : '';
	const before = string(store.get('user'));
	if (user === before)
		return false;
	if (user)
		store.set('user', user);
	else
		store.remove('user');
	return !!before;
}
