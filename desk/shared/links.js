// Addresses that strangers gave: only those whose scheme is harmless become links.

const SCHEMES = ['http:', 'https:', 'mailto:', 'tel:'];

function address(text, schemes) {
	try {
		const url = new URL(String(text).trim());
		return schemes.includes(url.protocol) ? url.href : '';
	} catch {
		return '';
	}
}

// The address, whole and normal; '' if it is no such address.
export const safeAddress = text => address(text, SCHEMES);
export const webAddress = text => address(text, ['http:', 'https:']);

// With bounds: a stranger's text is not to cost more than its length.
const FOUND = /(?:https?:\/\/|www\.)[^\s<>"]{1,2000}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/gi;

// The text in pieces: strings, and { href, text } for each address in it.
export function pieces(text) {
	const all = [];
	let from = 0;
	for (const found of text.matchAll(FOUND)) {
		// Punctuation behind an address is the sentence's, as is a bracket that was not opened in it.
		const word = found[0].replace(found[0].includes('(') ? /[.,;:!?'*_~…»”’]+$/ : /[.,;:!?'*_~…»”’)\]]+$/, '');
		const href = safeAddress(/^https?:/i.test(word) ? word : /^www\./i.test(word) ? `https://${word}` : `mailto:${word}`);
		if (!href)
			continue;
		if (found.index > from)
			all.push(text.slice(from, found.index));
		all.push({ href, text: word });
		from = found.index + word.length;
	}
	if (from < text.length)
		all.push(text.slice(from));
	return all;
}
