// What the panel is made of besides plain elements: pictures, checked addresses,
// and the links in a text.

import { draw, make } from '../core.js';

export { append, make, setText } from '../core.js';

const ICONS = {
	down: 'M6 9.5l6 6 6-6',
	close: 'M6 6l12 12M18 6L6 18',
	send: 'M5 12h13M12.5 6l6 6-6 6',
	clock: 'M12 7.5V12l3 2M20 12a8 8 0 1 1 0-.1z',
	sent: 'M5 12.5l4.5 4.5L19 7.5',
	delivered: 'M1.5 12.5L6 17l9.5-9.5M11 15.5l1.5 1.5L22 7.5',
	read: 'M1.5 12.5L6 17l9.5-9.5M11 15.5l1.5 1.5L22 7.5',
	failed: 'M12 7.5v5.5m0 3v.5M21 12a9 9 0 1 1 0-.1z',
	pin: 'M12 21s7-6 7-11.5A7 7 0 0 0 5 9.5C5 15 12 21 12 21zm0-9a2.5 2.5 0 1 0-.1 0z',
	file: 'M7 3h7l4 4v14H7V3zm7 0v4h4',
	clip: 'M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8',
	person: 'M12 12a4 4 0 1 0-.1 0zm-7.5 8.5c.5-4 3.5-6 7.5-6s7 2 7.5 6'
};

export const icon = name => draw(name, ICONS[name]);

// The address, whole and normal, if its scheme is one of those given; else ''.
function address(text, schemes) {
	try {
		const url = new URL(String(text).trim());
		return schemes.includes(url.protocol) ? url.href : '';
	} catch {
		return '';
	}
}

export const webAddress = text => address(text, ['http:', 'https:']);

// A link that leaves the page and tells the other side nothing of it.
export function link(href, ...children) {
	const safe = address(href, ['http:', 'https:', 'mailto:', 'tel:', 'geo:']);
	if (!safe)
		return make('span', null, children);
	return make('a', { href: safe, target: '_blank', rel: 'noopener noreferrer' }, children);
}

const LINKS = /(?:https?:\/\/|www\.)[^\s<>"]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+/gi;

// The text, with its addresses as links.
export function linkify(text) {
	const parts = [];
	let from = 0;
	for (let found; (found = LINKS.exec(text)) !== null;) {
		// Punctuation behind an address is the sentence's, as is a bracket that
		// was not opened in it.
		const word = found[0].replace(found[0].includes('(') ? /[.,;:!?'*_~…»”’]+$/ : /[.,;:!?'*_~…»”’)\]]+$/, '');
		const href = /^https?:/i.test(word) ? word : /^www\./i.test(word) ? `https://${word}` : `mailto:${word}`;
		if (found.index > from)
			parts.push(text.slice(from, found.index));
		parts.push(link(href, word));
		from = LINKS.lastIndex = found.index + word.length;
	}
	LINKS.lastIndex = 0;
	if (from < text.length)
		parts.push(text.slice(from));
	return parts;
}
