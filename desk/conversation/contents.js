// What is in a content: each kind of the hub contract (doc/hub-contract.md), with or without "type", in the
// short form ({"imageUrl"}) or the long one ({"image":{"link"}}).  Everything is a stranger's or an application's:
// nothing is taken for what it should be.
import { webAddress } from '../shared/links.js';
import { t } from '../shared/words.js';

const MOST_OPTIONS = 100;
const MEDIA = ['image', 'video', 'audio', 'document', 'sticker'];

const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);
export const string = value => typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
// Whether two contents say the same: the database keeps members in an order of its own.
const sorted = value => isObject(value) ? Object.keys(value).sort().map(key => [key, sorted(value[key])]) : Array.isArray(value) ? value.map(sorted) : value;
export const sameAs = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

const objects = value => (Array.isArray(value) ? value : []).filter(isObject).slice(0, MOST_OPTIONS);
const part = (content, name) => isObject(content[name]) ? content[name] : {};

export function textOf(content) {
	return string(content.text) || string(part(content, 'text').body) || string(content.caption);
}

// { kind, url, text, name } of an image and so on, or null.
function mediaOf(content) {
	for (const kind of MEDIA) {
		const long = part(content, kind);
		const url = string(content[kind + 'Url'] || long.link || long.url || (typeof content[kind] === 'string' ? content[kind] : ''));
		if (url)
			return {
				kind: kind === 'sticker' ? 'image' : kind,
				sticker: kind === 'sticker',
				url: webAddress(url),
				text: textOf(content) || string(long.caption),
				name: string(content.filename) || string(long.filename)
			};
	}
	return null;
}

// What can be chosen: { label, list, groups: [{ title, options: [{ id, title, description }] }] }, or null.
function choicesOf(interactive) {
	const action = part(interactive, 'action');
	const option = given => {
		const reply = isObject(given.reply) ? given.reply : given;
		return { id: string(reply.id), title: string(reply.title) || string(reply.id), description: string(reply.description) };
	};
	const options = list => objects(list).map(option).filter(one => one.id);
	if (Array.isArray(action.sections))
		return { list: true, label: string(action.button), groups: objects(action.sections).map(one => ({ title: string(one.title), options: options(one.rows) })) };
	if (Array.isArray(action.buttons))
		return { list: false, label: '', groups: [{ title: '', options: options(action.buttons) }] };
	return null;
}

// The option that the visitor chose, or null.
function chosenOf(interactive) {
	const reply = [interactive.button_reply, interactive.list_reply].find(isObject);
	return reply ? { title: string(reply.title) || string(reply.id), description: string(reply.description) } : null;
}

function interactiveOf(content) {
	const interactive = part(content, 'interactive');
	const header = part(interactive, 'header');
	const link = part(part(interactive, 'action'), 'parameters');
	return {
		media: mediaOf(header),
		head: string(header.text),
		text: string(part(interactive, 'body').text) || textOf(content),
		foot: string(part(interactive, 'footer').text),
		choices: choicesOf(interactive),
		link: webAddress(link.url) && { href: link.url, text: string(link.display_text) || string(link.url) }
	};
}

function locationOf(content) {
	const place = isObject(content.location) ? content.location : content;
	const at = [place.latitude, place.longitude].map(parseFloat);
	const known = !at.some(isNaN);
	return {
		href: known ? `https://www.openstreetmap.org/?mlat=${at[0]}&mlon=${at[1]}#map=16/${at.join('/')}` : '',
		title: string(place.name) || t('location'),
		more: string(place.address) || (known ? at.join(', ') : '')
	};
}

function contactOf(contact) {
	const name = isObject(contact.name) ? contact.name : {};
	const ways = (list, key, scheme) => (Array.isArray(list) ? list : []).slice(0, 10)
		.map(one => string(isObject(one) ? one[key] : one)).filter(Boolean)
		.map(value => ({ href: scheme + value.replace(/\s+/g, ''), text: value }));
	return {
		title: string(contact.name) || string(name.formatted_name) || string(name.first_name) || t('contact'),
		ways: [...ways(contact.phones || [contact.phone], 'phone', 'tel:'), ...ways(contact.emails || [contact.email], 'email', 'mailto:')]
	};
}

// A content as { kind, ... }, and what it speaks of another message as about (its id).
export function read(given) {
	const content = isObject(given) ? given : {};
	if (isObject(content.interactive)) {
		const chosen = chosenOf(content.interactive);
		return chosen ? { kind: 'chosen', ...chosen } : { kind: 'interactive', ...interactiveOf(content) };
	}
	if (content.reaction) {
		const reaction = isObject(content.reaction) ? content.reaction : { emoji: content.reaction };
		return { kind: 'text', about: string(reaction.message_id || reaction.messageId || content.messageId), text: string(reaction.emoji) || '–' };
	}
	if (isObject(content.reply)) {
		const { reply, ...rest } = content;
		const inner = read(textOf(rest) || !textOf(reply) ? rest : { ...rest, text: textOf(reply) });
		return { ...inner, about: string(reply.message_id || reply.messageId || reply.id) };
	}
	const media = mediaOf(content);
	if (media)
		return { kind: 'media', media, text: media.text };
	if (isObject(content.location) || 'latitude' in content)
		return { kind: 'location', place: locationOf(content), text: textOf(content) };
	if (Array.isArray(content.contacts))
		return { kind: 'contacts', contacts: objects(content.contacts).map(contactOf) };
	const text = textOf(content);
	return text ? { kind: 'text', text } : { kind: 'unknown' };
}

// A content in one line: for lists, quotes and the live region.
export function summary(content) {
	const it = read(content);
	const media = it.media ? it.media.name || t(it.media.kind) : '';
	return it.title || it.text || media || it.head || (it.place && it.place.title) ||
		(it.contacts && it.contacts.map(one => one.title).join(', ')) || t('unknown');
}

const KINDS = { image: 'image', sticker: 'image', video: 'video', audio: 'audio', document: 'document', location: 'location', latitude: 'location', contacts: 'contact', interactive: 'interactive' };

// The same of what the inbox knows: the text, and what is beside it (imageUrl, interactive, ...).
export function summaryOf(text, type) {
	const kind = string(type).replace(/Url$/, '');
	return string(text) || t(Object.hasOwn(KINDS, kind) ? KINDS[kind] : 'unknown');
}
