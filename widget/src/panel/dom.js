// Small tools for making elements.  What a message holds becomes text nodes and
// checked addresses only, never markup.

// An element: make('a.link', { href: … }, child, 'text', …).  Attributes that
// are null or false are left out; on… are listeners.
export function make(name, attributes, ...children) {
	const [tag, ...classes] = name.split('.');
	const element = document.createElement(tag);
	if (classes.length)
		element.className = classes.join(' ');
	for (const key of Object.keys(attributes || {})) {
		const value = attributes[key];
		if (key.startsWith('on'))
			element.addEventListener(key.slice(2), value);
		else if (value !== null && value !== false && value !== undefined)
			element.setAttribute(key, value === true ? '' : value);
	}
	append(element, children);
	return element;
}

export function append(element, children) {
	for (const child of children) {
		if (Array.isArray(child))
			append(element, child);
		else if (child !== null && child !== undefined && child !== '' && child !== false)
			element.append(child);
	}
	return element;
}

// Write into the element only what is not there yet.
export function setText(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

const ICONS = {
	chat: 'M5.5 16.5l-.9 4.2 4.5-2.7a9 7.7 0 1 0-3.6-1.5z',
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
	person: 'M12 12a4 4 0 1 0-.1 0zm-7.5 8.5c.5-4 3.5-6 7.5-6s7 2 7.5 6'
};

export function icon(name) {
	const space = 'http://www.w3.org/2000/svg';
	const svg = document.createElementNS(space, 'svg');
	const path = document.createElementNS(space, 'path');
	svg.setAttribute('viewBox', '0 0 24 24');
	svg.setAttribute('aria-hidden', 'true');
	svg.setAttribute('class', `icon i-${name}`);
	path.setAttribute('d', ICONS[name]);
	svg.append(path);
	return svg;
}

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
