// What a message says in words: for the live region, quotes and the page's own
// listeners, whether or not the panel is there to show it.

import { isObject, string } from './values.js';
import { t } from './words.js';

const MEDIA = ['image', 'video', 'audio', 'document', 'sticker'];

export const part = (content, name) => isObject(content[name]) ? content[name] : {};

export function textOf(content) {
	return string(content.text) || string(part(content, 'text').body) || string(content.caption);
}

// { kind, sticker, url (unchecked), text, name } of an image and so on, or null.
export function mediaOf(content) {
	for (const kind of MEDIA) {
		const long = part(content, kind);
		const url = content[kind + 'Url'] || long.link || long.url || (typeof content[kind] === 'string' ? content[kind] : '');
		if (url) {
			return {
				kind: kind === 'sticker' ? 'image' : kind,
				sticker: kind === 'sticker',
				url,
				text: textOf(content) || string(long.caption),
				name: string(content.filename) || string(long.filename)
			};
		}
	}
	return null;
}

// The option that a visitor's own message chose, or null.
export function chosenOf(content) {
	const interactive = part(content, 'interactive');
	for (const kind of ['button_reply', 'list_reply'])
		if (isObject(interactive[kind]))
			return interactive[kind];
	return null;
}

// A message in one line: for the live region, quotes and listeners.
export function summary(content) {
	const media = mediaOf(content);
	const chosen = chosenOf(content);
	const interactive = part(content, 'interactive');
	const reaction = part(content, 'reaction');
	return (chosen ? string(chosen.title) : '') || textOf(content) || (media && media.text) ||
		string(part(interactive, 'body').text) || (media ? t(media.kind) : '') || string(reaction.emoji) ||
		textOf(part(content, 'reply')) || (content.location || content.latitude ? t('location') : '') ||
		(content.contacts ? t('contact') : t('unknown'));
}
