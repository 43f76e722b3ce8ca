// Small questions about values, asked everywhere.

export const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);

// An id of the hub.
export const isId = value => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);

export const string = value => typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

// An id that nobody can guess, also on a page without TLS.
export function newId() {
	if (crypto.randomUUID)
		return crypto.randomUUID();
	return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => (byte + 256).toString(16).slice(1)).join('');
}

// How long a value is as JSON, as the hub counts it.
export const bytes = value => new TextEncoder().encode(JSON.stringify(value)).length;
