// What a message looks like: each content of the hub contract becomes elements.
// Contents come as the application gave them, with or without "type", in the
// short form ({"imageUrl"}) or the long one ({"image":{"link"}}).

import { chosenOf, isObject, mediaOf, part, string, summary, t, textOf } from '../core.js';
import { icon, link, linkify, make, webAddress } from './dom.js';

const MOST_OPTIONS = 100;

const objects = value => (Array.isArray(value) ? value : []).filter(isObject).slice(0, MOST_OPTIONS);

// The buttons or rows that can be chosen: { kind, label, groups: [{ title, options: [{ id, title, description }] }] }.
export function choicesOf(content) {
	const interactive = part(content, 'interactive');
	const action = part(interactive, 'action');
	const option = given => {
		const reply = isObject(given.reply) ? given.reply : given;
		return { id: string(reply.id), title: string(reply.title) || string(reply.id), description: string(reply.description) };
	};
	const options = list => objects(list).map(option).filter(one => one.id);
	if (Array.isArray(action.sections)) {
		return {
			kind: 'list_reply',
			label: string(action.button),
			groups: objects(action.sections).map(section => ({ title: string(section.title), options: options(section.rows) }))
		};
	}
	if (Array.isArray(action.buttons))
		return { kind: 'button_reply', groups: [{ title: '', options: options(action.buttons) }] };
	return null;
}

// Elements for a content.  Context: find(id) → message, choose(content).
export function renderContent(content, context) {
	if (content.interactive)
		return renderInteractive(content, context);
	if (content.reaction)
		return renderReaction(content, context);
	if (isObject(content.reply))
		return renderReply(content, context);
	const media = mediaOf(content);
	if (media)
		return [renderMedia(media), renderText(media.text)];
	if (isObject(content.location) || 'latitude' in content)
		return [renderLocation(isObject(content.location) ? content.location : content), renderText(textOf(content))];
	if (Array.isArray(content.contacts))
		return objects(content.contacts).map(renderContact);
	return [renderText(textOf(content)) || make('p.note', null, t('unknown'))];
}

function renderText(text) {
	if (!text)
		return null;
	const emoji = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f\s]{1,12}$/u.test(text);
	return make(emoji ? 'p.text.emoji' : 'p.text', { dir: 'auto' }, linkify(text));
}

function renderMedia(media) {
	const label = t(media.kind);
	const url = webAddress(media.url);
	const file = () => card('file', url, media.name || label, media.name && label);

	if (!url)
		return make('p.note', null, `${label}: ${t('unknown')}`);
	// What does not load, or is kept out by the page's policy, is still a link.
	const fall = event => event.target.closest('.media').replaceWith(file());
	if (media.kind === 'image') {
		const image = make('img', {
			alt: media.text || label, loading: 'lazy', referrerpolicy: 'no-referrer', onerror: fall
		});
		image.src = url;
		return make(media.sticker ? 'div.media.sticker' : 'div.media.image', null, link(url, image));
	}
	if (media.kind === 'document')
		return file();
	const player = make(media.kind, { controls: true, preload: 'metadata', 'aria-label': media.text || label, onerror: fall });
	player.src = url;
	return make(`div.media.${media.kind}`, null, player);
}

function card(sign, href, title, more) {
	const inside = [icon(sign), make('span', null, make('b', { dir: 'auto' }, title), more ? make('small', null, more) : null)];
	const element = href ? link(href, inside) : make('div', null, inside);
	element.classList.add('card');
	return element;
}

function renderLocation(place) {
	const at = [place.latitude, place.longitude].map(parseFloat);
	const known = !at.some(isNaN);
	return card('pin',
		known && `https://www.openstreetmap.org/?mlat=${at[0]}&mlon=${at[1]}#map=16/${at.join('/')}`,
		string(place.name) || t('location'), string(place.address) || (known && at.join(', ')));
}

function renderContact(contact) {
	const name = isObject(contact.name) ? contact.name : {};
	const title = string(contact.name) || string(name.formatted_name) || string(name.first_name) || t('contact');
	const ways = (list, key, scheme) => (Array.isArray(list) ? list : []).slice(0, 10).map(one => {
		const value = string(isObject(one) ? one[key] : one);
		return value && make('div.way', null, link(scheme + value.replace(/\s+/g, ''), make('bdi', { dir: 'ltr' }, value)));
	});
	return make('div.contact', null, card('person', '', title),
		ways(contact.phones || [contact.phone], 'phone', 'tel:'),
		ways(contact.emails || [contact.email], 'email', 'mailto:'));
}

// The message that another one speaks of, if it is here.
function renderQuote(id, context) {
	const message = context.find(string(id));
	if (!message)
		return null;
	return make('blockquote', { dir: 'auto' }, summary(message.content));
}

function renderReaction(content, context) {
	const reaction = isObject(content.reaction) ? content.reaction : { emoji: content.reaction };
	return [
		renderQuote(reaction.message_id || reaction.messageId || content.messageId, context),
		make('p.text.emoji', null, string(reaction.emoji) || '–')
	];
}

function renderReply(content, context) {
	const { reply, ...rest } = content;
	if (!textOf(rest) && textOf(reply))
		rest.text = textOf(reply);
	return [renderQuote(reply.message_id || reply.messageId || reply.id, context), renderContent(rest, context)];
}

function renderInteractive(content, context) {
	const interactive = part(content, 'interactive');
	const chosen = chosenOf(content);
	if (chosen)
		return [renderText(string(chosen.title) || string(chosen.id)), chosen.description ? make('p.note', { dir: 'auto' }, string(chosen.description)) : null];

	const header = part(interactive, 'header');
	const media = mediaOf(header);
	const footer = string(part(interactive, 'footer').text);
	const parameters = part(part(interactive, 'action'), 'parameters');
	const choices = choicesOf(content);
	const body = string(part(interactive, 'body').text) || textOf(content);
	const parts = [
		media ? renderMedia(media) : null,
		header.text ? make('p.head', { dir: 'auto' }, string(header.text)) : null,
		renderText(body),
		footer ? make('p.note', { dir: 'auto' }, footer) : null
	];
	if (choices)
		parts.push(choices.kind === 'list_reply' ? renderList(choices, context) : renderButtons(choices, context));
	else if (webAddress(parameters.url))
		parts.push(make('div.choices', null, link(parameters.url, string(parameters.display_text) || parameters.url)));
	else if (!body)
		parts.push(make('p.note', null, t('unknown')));
	return parts;
}

// A button that answers with its option; the view finds it by data-option.
function renderOption(kind, option, context) {
	return make('button.option', {
		type: 'button',
		'data-option': option.id,
		onclick: () => {
			const answer = { id: option.id, title: option.title };
			if (kind === 'list_reply' && option.description)
				answer.description = option.description;
			context.choose({ type: 'interactive', interactive: { type: kind, [kind]: answer } });
		}
	}, make('span', { dir: 'auto' }, option.title), option.description ? make('small', { dir: 'auto' }, option.description) : null);
}

function renderButtons(choices, context) {
	const { options } = choices.groups[0];
	// Short answers stand beside each other.
	return make(options.every(one => one.title.length <= 24 && !one.description) ? 'div.choices.quick' : 'div.choices', { role: 'group' }, options.map(option => renderOption(choices.kind, option, context)));
}

// A list unfolds where it is.
function renderList(choices, context) {
	return make('details.choices', null,
		make('summary', null, make('span', { dir: 'auto' }, choices.label || t('choose')), icon('down')),
		choices.groups.map(group => make('div', { role: 'group', 'aria-label': group.title || null },
			group.title ? make('p.head', { dir: 'auto' }, group.title) : null,
			group.options.map(option => renderOption(choices.kind, option, context)))));
}
