// Messages that are more than a text, as small forms: what is filled in, and the content that it makes
// (doc/hub-contract.md has the shapes; the widget and contents.js read them).
import { webAddress } from '../shared/links.js';
import { read, string } from './contents.js';

// In the order of the menu.
export const KINDS = ['buttons', 'list', 'image', 'document', 'location'];
export const MOST = { buttons: 3, list: 10 };

const EMPTY = {
	buttons: { text: '', options: [{ title: '', id: '' }] },
	list: { text: '', label: '', options: [{ title: '', id: '', description: '' }] },
	image: { url: '', text: '' },
	document: { url: '', name: '', text: '' },
	location: { latitude: '', longitude: '', name: '', address: '' }
};

export const empty = kind => structuredClone(EMPTY[kind]);

// The least members: those that say something.
const said = object => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== ''));

// What the application reads when it is chosen: from the title, until somebody writes their own.
export const idOf = option => option.id.trim() ||
	option.title.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 100);

// The values with the ends of their texts cut off.
const trimmed = value => typeof value === 'string' ? value.trim() : Array.isArray(value) ? value.map(trimmed)
	: Object.fromEntries(Object.entries(value).map(([name, one]) => [name, trimmed(one)]));

// Which field is wrong: its name, and the word that says why; null: none.
export function wrong(kind, given) {
	const values = trimmed(given);
	const at = name => ({ field: name, word: 'needed' });
	if (kind === 'image' || kind === 'document')
		return webAddress(values.url) ? null : { field: 'url', word: 'needUrl' };
	if (kind === 'location') {
		for (const [name, most] of [['latitude', 90], ['longitude', 180]])
			if (values[name] === '' || !(Math.abs(Number(values[name].replace(',', '.'))) <= most))
				return { field: name, word: 'needDegrees' };
		return null;
	}
	if (!values.text)
		return at('text');
	if (kind === 'list' && !values.label)
		return at('label');
	const bare = values.options.findIndex(one => !one.title || !idOf(one));
	if (bare >= 0)
		return at(`title${bare}`);
	const ids = values.options.map(idOf);
	const twice = ids.findIndex((id, n) => ids.indexOf(id) < n);
	return twice >= 0 ? { field: `id${twice}`, word: 'idTwice' } : null;
}

export function contentOf(kind, given) {
	const values = trimmed(given);
	switch (kind) {
	case 'image': return said({ imageUrl: values.url, text: values.text });
	case 'document': return said({ documentUrl: values.url, filename: values.name, text: values.text });
	case 'location': return { location: { latitude: Number(values.latitude.replace(',', '.')), longitude: Number(values.longitude.replace(',', '.')),
		...said({ name: values.name, address: values.address }) } };
	case 'list': return { interactive: { type: 'list', body: { text: values.text }, action: { button: values.label,
		sections: [{ rows: values.options.map(one => said({ id: idOf(one), title: one.title, description: one.description })) }] } } };
	default: return { interactive: { type: 'button', body: { text: values.text },
		action: { buttons: values.options.map(one => ({ type: 'reply', reply: { id: idOf(one), title: one.title } })) } } };
	}
}

// The other way: { kind, values } of a content that such a form made; null: it is of another kind.
export function valuesOf(content) {
	const it = read(content);
	if (it.kind === 'media' && ['image', 'document'].includes(it.media.kind))
		return { kind: it.media.kind, values: { ...empty(it.media.kind), url: it.media.url, text: it.text, ...it.media.kind === 'document' ? { name: it.media.name } : {} } };
	if (it.kind === 'location') {
		const place = content.location || content;
		return { kind: 'location', values: Object.fromEntries(Object.keys(EMPTY.location).map(name => [name, string(place[name])])) };
	}
	if (it.kind === 'interactive' && it.choices && it.choices.groups.length) {
		const kind = it.choices.list ? 'list' : 'buttons';
		return { kind, values: { text: it.text, ...kind === 'list' ? { label: it.choices.label } : {},
			options: it.choices.groups.flatMap(group => group.options).slice(0, MOST[kind]).map(({ id, title, description }) => ({ id, title, ...kind === 'list' ? { description } : {} })) } };
	}
	return null;
}

// The address of a picture in what was dragged here or pasted: of a page's picture, or of a link to one; ''.
export function pictureIn(data) {
	// (Not as a document: what stands in it is a stranger's.  No part of a pattern runs over the next part's beginning, so
	// that its time grows with the length alone.)
	const image = /<img\b[^<>]*?\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(data.getData('text/html').slice(0, 100000));
	const list = data.getData('text/uri-list').split(/\r?\n/).find(one => one && !one.startsWith('#')) || '';
	return (image && webAddress((image[1] || image[2] || '').replace(/&amp;/g, '&'))) || (isPicture(list) ? webAddress(list) : '');
}

export const isPicture = text => /^https?:\/\/\S+\.(png|jpe?g|gif|webp|avif|svg)([?#]\S*)?$/i.test(text.trim().slice(0, 4096));
