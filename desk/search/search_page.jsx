// Search over texts and visitors, as one types.  From the field the arrows go through what was found; Enter opens.
import { Fragment, h } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { givenName, visitorName } from '../conversation/talk.js';
import { useChanges } from '../shared/changes.js';
import { go, href } from '../shared/route.js';
import { Avatar, Empty, Head, Icon, Problem, Verified } from '../shared/ui.jsx';
import { fullOf, shortOf, t } from '../shared/words.js';
import { searchOf } from './search_state.js';

const VISITORS = 10;

// "/" from anywhere but a field, and Ctrl and K from everywhere: to the field of the search.
export function useSearchKeys() {
	useEffect(() => {
		function onKey(event) {
			const writes = event.target.closest && event.target.closest('input, textarea, select, [contenteditable]');
			const slash = event.key === '/' && !writes && !event.ctrlKey && !event.metaKey && !event.altKey;
			const k = event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
			if (event.defaultPrevented || !(slash || k) || document.querySelector('dialog[open]'))
				return;
			event.preventDefault();
			const field = document.getElementById('search');
			if (field) {
				field.focus();
				field.select();
			} else
				go('search');
		}
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, []);
}

// A text with places marked: of each the first character and how many.
function Marked({ text, places }) {
	const characters = Array.from(String(text));
	const parts = [];
	let at = 0;
	for (let i = 0; i + 1 < places.length; i += 2) {
		parts.push(characters.slice(at, places[i]).join(''));
		at = places[i] + places[i + 1];
		parts.push(<mark key={i}>{characters.slice(places[i], at).join('')}</mark>);
	}
	return <span dir="auto">{parts}{characters.slice(at).join('')}</span>;
}

function VisitorRow({ desk, one }) {
	const channel = desk.channelOf(one.channel);
	const email = one.attributes && typeof one.attributes.email === 'string' ? one.attributes.email : '';
	return <li><a class="hit" href={href('conversation', one.channel, one.visitor)} data-row>
		<Avatar name={givenName(one.attributes)} quiet />
		<span class="what">
			<span class="line"><b dir="auto">{visitorName(one.attributes, one.visitor, t)}</b><Verified of={one} />{one.lastSeen && <time dateTime={one.lastSeen} title={fullOf(one.lastSeen)}>{shortOf(one.lastSeen)}</time>}</span>
			<small dir="auto">{[email, channel && channel.displayName].filter(Boolean).join(' · ')}</small>
		</span>
	</a></li>;
}

function MessageRow({ desk, one }) {
	const channel = desk.channelOf(one.channel);
	const name = visitorName(one.attributes, one.visitor, t);
	const author = one.direction === 'in' ? '' : one.author === desk.agent.name ? t('you') : one.author ? desk.nameOf(one.author) : t('searchUs');
	return <li><a class="hit" href={href('conversation', one.channel, one.visitor, one.id)} data-row>
		<Avatar name={givenName(one.attributes)} quiet />
		<span class="what">
			<span class="line"><b dir="auto">{name}</b><time dateTime={one.at} title={fullOf(one.at)}>{shortOf(one.at)}</time></span>
			<span class="snippet">{author && <span class="by" dir="auto">{author}: </span>}<Marked text={one.snippet} places={one.places || []} /></span>
			{desk.channels.length > 1 && channel && <small dir="auto">{channel.displayName}</small>}
		</span>
	</a></li>;
}

function Found({ desk, search }) {
	const { found } = search;
	if (!found.messages.length && !found.visitors.length && !found.next && !search.busy) {
		return <Empty icon="search" title={t('searchNone')}>
			<p>{t(found.complete ? 'searchNoneWhy' : 'searchIncomplete', { at: fullOf(found.completeSince) })}</p></Empty>;
	}
	return <>
		{found.visitors.length > 0 && <section aria-label={t('searchVisitors')}><h2>{t('searchVisitors')}</h2>
			<ul class="things">{found.visitors.slice(0, VISITORS).map(one => <VisitorRow key={`${one.channel} ${one.visitor}`} desk={desk} one={one} />)}</ul>
			{found.visitors.length > VISITORS && <p class="note">{t('searchVisitorsMore')}</p>}
		</section>}
		{(found.messages.length > 0 || found.next) && <section aria-label={t('messages')}><h2>{t('messages')}</h2>
			<ul class="things">{found.messages.map(one => <MessageRow key={`${one.channel} ${one.id}`} desk={desk} one={one} />)}</ul>
			{found.next && <button type="button" class="button wide" disabled={search.busy} onClick={() => search.more()} data-row>
				{t(search.busy ? 'loading' : 'searchMore')}</button>}
		</section>}
		{!found.complete && <p class="note center">{t('searchIncomplete', { at: fullOf(found.completeSince) })}</p>}
	</>;
}

function Filters({ desk, search }) {
	return <div class="search-filters">
		{desk.channels.length > 1 && <select aria-label={t('channelFilter')} value={search.channel} onChange={event => search.want({ channel: event.target.value }, 'once')}>
			<option value="">{t('allChannels')}</option>
			{desk.channels.map(one => <option key={one.id} value={one.id}>{one.displayName}</option>)}
		</select>}
		<select aria-label={t('searchFrom')} value={search.direction} onChange={event => search.want({ direction: event.target.value }, 'once')}>
			<option value="">{t('searchFromAll')}</option>
			<option value="in">{t('searchFromVisitors')}</option>
			<option value="out">{t('searchFromUs')}</option>
		</select>
	</div>;
}

function said(search) {
	if (search.busy)
		return t('searchBusy');
	if (!search.found)
		return '';
	const n = search.found.messages.length + Math.min(VISITORS, search.found.visitors.length);
	return n ? t('searchFound', { n }) : t('searchNone');
}

// The arrows go through field and rows as through one list.
function onArrows(event) {
	const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
	if (!step || event.altKey || event.ctrlKey || event.metaKey || event.target.tagName === 'SELECT')
		return;
	const rows = [document.getElementById('search'), ...event.currentTarget.querySelectorAll('[data-row]:not(:disabled)')];
	const at = rows.indexOf(document.activeElement);
	if (at < 0 || !rows[at + step])
		return;
	event.preventDefault();
	rows[at + step].focus();
}

export function SearchPage({ desk }) {
	const search = searchOf(desk);
	const field = useRef();
	const list = useRef();
	useChanges(search, desk);
	useLayoutEffect(() => {
		field.current.focus();
		field.current.select();
		return () => search.scroll = list.current ? list.current.scrollTop : 0;
	}, []);
	useLayoutEffect(() => {
		list.current.scrollTop = search.scroll;
	}, []);
	const slow = search.error && search.error.code === 'too_slow';
	return <section class="page search" aria-label={t('search')} onKeyDown={onArrows}>
		<Head title={t('search')} />
		<form class="search-head" role="search" onSubmit={event => {
			event.preventDefault();
			search.want({}, 'once');
		}}>
			<div class="search-field"><Icon name="search" />
				<input id="search" type="search" ref={field} value={search.query} aria-label={t('searchFor')} placeholder={t('searchFor')} maxLength={500}
					autocomplete="off" autocapitalize="none" spellcheck={false} enterkeyhint="search" onInput={event => search.want({ query: event.target.value })} />
			</div>
			<Filters desk={desk} search={search} />
			<span class="hush" role="status">{said(search)}</span>
		</form>
		<div class="scroll" ref={list} aria-busy={search.busy}><div class="sheet">
			{slow ? <p class="problem" role="alert">{t('searchSlow')}</p> : <Problem error={search.error} />}
			{search.error && <button type="button" class="button" onClick={() => search.want({}, 'once')}>{t('retry')}</button>}
			{!search.found && !search.busy && !search.error && <Empty icon="search" title={t('searchEmpty')}><p>{t('searchEmptyWhy')}</p></Empty>}
			{!search.found && search.busy && <p class="loading">{t('searchBusy')}</p>}
			{search.found && <Found desk={desk} search={search} />}
		</div></div>
	</section>;
}
