// A content as the visitor sees it; buttons and lists only to look at.
import { Fragment, h } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { pieces } from '../shared/links.js';
import { Icon, Out } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { read, summary } from './contents.js';

const EMOJI = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f\s]{1,12}$/u;

export function Text({ text }) {
	const all = useMemo(() => pieces(text || ''), [text]);
	if (!text)
		return null;
	return <p class={EMOJI.test(text) ? 'text emoji' : 'text'} dir="auto">
		{all.map(piece => typeof piece === 'string' ? piece : <Out href={piece.href}>{piece.text}</Out>)}
	</p>;
}

function Card({ icon, href, title, more }) {
	const inside = <><Icon name={icon} /><span><b dir="auto">{title}</b>{more && <small dir="auto">{more}</small>}</span></>;
	return href ? <Out href={href} class="card">{inside}</Out> : <div class="card">{inside}</div>;
}

// A file of ours is at this address, too, which the page's policy lets in whatever name the hub has for the world.
const ownFile = url => {
	const [, id] = /^https?:\/\/[^/]+\/(?:[^?#]*\/)?files\/([\w-]{43})(?:\/|$)/.exec(url) || [];
	return id ? `/desk/files/${id}` : '';
};

// Pictures are shown where the page's policy lets them in (https, and our own); what does not load, and sound and film, is a link.
function Media({ media }) {
	const [broken, setBroken] = useState(false);
	const label = t(media.kind);
	if (!media.url)
		return <p class="note">{label}: {t('unknown')}</p>;
	const source = ownFile(media.url) || media.url;
	if (media.kind !== 'image' || broken || !/^https:|^\//.test(source))
		return <Card icon="file" href={media.url} title={media.name || label} more={media.name ? label : media.url} />;
	return <Out href={media.url} class={media.sticker ? 'picture sticker' : 'picture'}>
		<img src={source} alt={media.text || label} loading="lazy" referrerpolicy="no-referrer" onError={() => setBroken(true)} />
	</Out>;
}

function Choices({ choices }) {
	const inside = choices.groups.map(group => <ul aria-label={group.title || undefined}>
		{group.title && <li class="group" dir="auto">{group.title}</li>}
		{group.options.map(option => <li class="option" dir="auto">{option.title}{option.description && <small dir="auto">{option.description}</small>}</li>)}
	</ul>);
	return choices.list
		? <details class="choices"><summary><span dir="auto">{choices.label || t('choose')}</span><Icon name="down" /></summary>{inside}</details>
		: <div class="choices">{inside}</div>;
}

function Interactive({ it }) {
	return <>
		{it.media && <Media media={it.media} />}
		{it.head && <p class="title" dir="auto">{it.head}</p>}
		<Text text={it.text} />
		{it.foot && <p class="note" dir="auto">{it.foot}</p>}
		{it.choices && <Choices choices={it.choices} />}
		{it.link && <div class="choices"><Out href={it.link.href} class="option">{it.link.text}</Out></div>}
		{!it.text && !it.choices && !it.link && <p class="note">{t('unknown')}</p>}
	</>;
}

function Unknown({ content }) {
	return <details class="unknown"><summary>{t('unknown')}</summary>
		<pre tabIndex={0} aria-label={t('source')}>{JSON.stringify(content, null, 2)}</pre></details>;
}

function Inside({ it, content }) {
	switch (it.kind) {
	case 'chosen': return <><p class="text chosen" dir="auto"><Icon name="done" />{it.title}</p>{it.description && <p class="note" dir="auto">{it.description}</p>}</>;
	case 'interactive': return <Interactive it={it} />;
	case 'media': return <><Media media={it.media} /><Text text={it.text} /></>;
	case 'location': return <><Card icon="pin" {...it.place} /><Text text={it.text} /></>;
	case 'contacts': return it.contacts.map(one => <div class="contact"><Card icon="account" title={one.title} />
		{one.ways.map(way => <div class="way"><Out href={way.href}>{way.text}</Out></div>)}</div>);
	case 'text': return <Text text={it.text} />;
	default: return <Unknown content={content} />;
	}
}

// find(id) → the message of that id where it is on the screen.
export function Content({ content, find }) {
	const it = read(content);
	const about = it.about && find(it.about);
	return <>{about && <blockquote dir="auto">{summary(about.content)}</blockquote>}<Inside it={it} content={content} /></>;
}
