// Small questions about values, asked everywhere.

export const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);

// An id of the hub.
export const isId = value => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);

export const string = value => typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

// An id that nobody can guess, also on a page without TLS: a UUID version 7, whose time keeps the hub's index in order.
export function newId() {
	const random = [...crypto.getRandomValues(new Uint8Array(9))].map(byte => (byte + 256).toString(16).slice(1)).join('');
	const time = Date.now().toString(16).padStart(12, '0');
	return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`;
}

// Half a character, which a text cut in two leaves behind, is none; nor is NUL one.
export const mended = text => text.replace(/[\0\p{Cs}]/gu, '\ufffd');

// JSON of a plain value, mended.  Not by JSON.stringify() as a whole: old libraries give arrays a toJSON of their own,
// which makes strings of them.
export function json(value) {
	if (Array.isArray(value))
		return `[${value.map(one => json(one)).join()}]`;
	if (isObject(value))
		return `{${Object.keys(value).filter(name => value[name] !== undefined).map(name => `${json(name)}:${json(value[name])}`).join()}}`;
	return JSON.stringify(typeof value === 'string' ? mended(value) : value) || 'null';
}

// How long a value is as JSON, as the hub counts it.
export const bytes = value => new TextEncoder().encode(json(value)).length;
