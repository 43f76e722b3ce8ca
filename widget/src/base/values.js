// Small questions about values, asked everywhere.

export const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);

// An id of the hub.
export const isId = value => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);

export const string = value => typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

export const initial = name => name.trim().slice(0, 1).toLocaleUpperCase();

// An id that nobody can guess, also on a page without TLS: a UUID version 7, whose time keeps the hub's index in order.
export function newId() {
	const random = Array.from(crypto.getRandomValues(new Uint8Array(9)), byte => (byte + 256).toString(16).slice(1)).join('');
	const time = Date.now().toString(16).padStart(12, '0');
	return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`;
}

// How long a value is as JSON, as the hub counts it.
export const bytes = value => new TextEncoder().encode(JSON.stringify(value)).length;
