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
	read: 'M12 2a10 10 0 1 0 .01 0zM6 12.4l1.9-1.9 3 3 5.6-5.7 1.9 1.9-7.5 7.6z',
	failed: 'M12 7.5v5.5m0 3v.5M21 12a9 9 0 1 1 0-.1z',
	pin: 'M12 21s7-6 7-11.5A7 7 0 0 0 5 9.5C5 15 12 21 12 21zm0-9a2.5 2.5 0 1 0-.1 0z',
	file: 'M7 3h7l4 4v14H7V3zm7 0v4h4',
	clip: 'M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.4 3.4 0 0 1 4.8 4.8l-8.5 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.8',
	smile: 'M21 12a9 9 0 1 1 0-.1zM8.5 14.5a4.2 4.2 0 0 0 7 0M9 9.5v.5m6-.5v.5',
	save: 'M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14',
	bell: 'M6 10a6 6 0 0 1 12 0c0 5 2 6 2 6H4s2-1 2-6M10 20h4',
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

// Where an address may begin.  The text is gone through once, whatever is in it.
const BEGINS = /https?:\/\/|www\.|@(?=[\p{L}\p{N}])/giu;
const MOST_LINKS = 200;
const HOST = /(?:\[[\da-f:.]+\]|[\p{L}\p{N}\p{M}_-]+(?:\.[\p{L}\p{N}\p{M}_-]+)*)(?::\d{1,5})?/iuy;
const MAIL_HOST = /[\p{L}\p{N}\p{M}-]+(?:\.[\p{L}\p{N}\p{M}-]+)+/uy;
// A name before the @; not what a language without blanks writes before it.
const MAIL_NAME = /[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{M}\d._%+-]/u;
const MOST_MAIL_NAME = 64;
const MOST_MAIL_HOST = 255;
// Up to a blank, a quote, or what ends a sentence in Chinese and Japanese.
const REST = /[^\s\p{C}<>"`|\\^‘’“”„‟«»‹›\u3000-\u3004\u3008-\u3020\u30fb\uff01\uff02\uff07-\uff09\uff0c\uff0e\uff1a-\uff1c\uff1e\uff1f\uff3b\uff3d\uff5b\uff5d\uff5f-\uff65]*/uy;
const SENTENCE = '.,;:!?\'…·،؛؟।';
const OPENS = '([{';
const CLOSES = ')]}';
const MARKS = '*_~\'';

function match(pattern, text, at) {
	pattern.lastIndex = at;
	const found = pattern.exec(text);
	return found ? found[0] : '';
}

// A name that ends in Latin letters is not continued by those of a language that
// writes no blank behind it.
const hostAt = (pattern, text, at) => match(pattern, text, at)
	.replace(/(\.[a-z]{2,})[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}][^.:]*$/iu, '$1');

// The end without those characters before it.
function trimmed(text, from, end, characters) {
	while (end > from && characters.includes(text[end - 1]))
		end--;
	return end;
}

// Where the address ends that begins there, and whose host ends at "from".
function endOf(text, begin, from) {
	if (!/[/?#]/.test(text[from]))
		return from;
	const stop = from + match(REST, text, from).length;
	const open = [];
	// A mark before the address is closed by one behind it.
	const mark = begin && MARKS.includes(text[begin - 1]) ? text[begin - 1] : '';
	let end = from;
	for (; end < stop; end++) {
		const closes = CLOSES.indexOf(text[end]);
		if (closes >= 0 && (!open.length || text[open.pop()] !== OPENS[closes]))
			break;
		if (OPENS.includes(text[end]))
			open.push(end);
		if (',;'.includes(text[end]) && /^https?:\/\//i.test(text.substr(end + 1, 8)))
			break;
	}
	end = trimmed(text, from, open.length ? open[0] : end, SENTENCE);
	return mark ? trimmed(text, from, trimmed(text, from, end, mark), SENTENCE) : end;
}

function mailAt(text, from, at) {
	const host = hostAt(MAIL_HOST, text.substr(at + 1, MOST_MAIL_HOST), 0);
	if (!/\.[^.\d]{2,}$/.test(host))
		return null;
	let begin = at;
	while (begin > from && at - begin < MOST_MAIL_NAME && MAIL_NAME.test(text[begin - 1]))
		begin--;
	while (begin < at && '._%+-'.includes(text[begin]))
		begin++;
	return begin < at && text[at - 1] !== '.' ? [begin, at + 1 + host.length, 'mailto:'] : null;
}

function webAt(text, from, begin, scheme) {
	const www = scheme[0] === 'w' || scheme[0] === 'W';
	const host = hostAt(HOST, text, begin + scheme.length);
	// In the midst of a word it is none.
	if (!host || www && (!host.includes('.') || begin > from && /[a-z\d.@-]/i.test(text[begin - 1])))
		return null;
	return [begin, endOf(text, begin, begin + scheme.length + host.length), www ? 'https://' : ''];
}

// The text, with what a reader would take for addresses as links.
export function linkify(text) {
	const parts = [];
	let from = 0;
	BEGINS.lastIndex = 0;
	for (let found; parts.length < 2 * MOST_LINKS && (found = BEGINS.exec(text)) !== null;) {
		const range = found[0] === '@' ? mailAt(text, from, found.index) : webAt(text, from, found.index, found[0]);
		if (!range)
			continue;
		const [begin, end, scheme] = range;
		const word = text.slice(begin, end);
		parts.push(text.slice(from, begin), link(scheme + word, word));
		from = BEGINS.lastIndex = end;
	}
	parts.push(text.slice(from));
	return parts;
}
