// The list of conversations.  The arrows, Home and End go through it, Enter opens; Tab leaves it.
import { Fragment, h } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { summaryOf } from '../conversation/contents.js';
import { givenName, visitorName } from '../conversation/talk.js';
import { Bell } from '../notify/notices.jsx';
import { useChanges, useClock } from '../shared/changes.js';
import { href } from '../shared/route.js';
import { Avatar, Empty, Icon, Problem, Verified, Waiting } from '../shared/ui.jsx';
import { fullOf, howLong, shortOf, t } from '../shared/words.js';
import { FILTERS } from './inbox_state.js';

function Filters({ desk }) {
	const { inbox } = desk;
	return <div class="filters">
		<div class="segments" role="group" aria-label={t('filter')}>
			{FILTERS.map(one => <button type="button" key={one} aria-pressed={inbox.filter === one} onClick={() => inbox.choose(one, inbox.channel)}>
				{t(one)}{one === 'open' && inbox.waiting > 0 && <span class="count">{inbox.waiting > 999 ? '999+' : inbox.waiting}</span>}
			</button>)}
		</div>
		{desk.channels.length > 1 && <select aria-label={t('channelFilter')} value={inbox.channel} onChange={event => inbox.choose(inbox.filter, event.target.value)}>
			<option value="">{t('allChannels')}</option>
			{desk.channels.map(one => <option key={one.id} value={one.id}>{one.displayName}</option>)}
		</select>}
	</div>;
}

// The last message in one line.
function Last({ desk, one }) {
	const text = summaryOf(one.lastText, one.lastType);
	if (one.lastDirection === 'in')
		return <>{text}</>;
	const author = one.lastAuthor === desk.agent.name ? t('you') : one.lastAuthor ? desk.nameOf(one.lastAuthor) : '';
	return <>{['failed', 'expired'].includes(one.lastStatus) && <Icon name="failed" />}{author ? t('somebodyWrote', { name: author, text }) : text}</>;
}

function Row({ desk, one, current, first }) {
	const name = visitorName(one.attributes, one.visitor, t);
	const waits = one.unanswered && one.waitingSince;
	return <li>
		<a href={href('conversation', one.channel, one.visitor)} class={`conversation${waits ? ' waits' : ''}`} aria-current={current ? 'true' : undefined}
			tabIndex={current || first ? 0 : -1} data-row>
			<Avatar name={givenName(one.attributes)} quiet />
			<span class="what">
				<span class="line"><b dir="auto">{name}</b><Verified of={one} />{one.present && <span class="dot" title={t('presentNow')}><span class="hush">{t('presentNow')}</span></span>}
					<time dateTime={one.lastAt} title={fullOf(one.lastAt)}>{shortOf(one.lastAt)}</time></span>
				<span class="line"><span class="last" dir="auto"><Last desk={desk} one={one} /></span>
					{one.unread > 0 && <span class="unread"><span aria-hidden="true">{one.unread > 98 ? '99+' : one.unread}</span><span class="hush">{t('unread', { n: one.unread })}</span></span>}
					{waits && <span class="wait" title={t('waitsLong', { at: fullOf(one.waitingSince) })}><span class="hush">{t('waitsSince', { time: '' })}</span>{howLong(one.waitingSince)}</span>}</span>
				<span class="line small">{desk.channels.length > 1 && <span dir="auto">{one.displayName}</span>}
					{one.assignee && <span class="has" dir="auto"><Icon name="account" />{one.assignee === desk.agent.name ? t('you') : desk.nameOf(one.assignee)}</span>}</span>
			</span>
		</a>
	</li>;
}

function Nothing({ desk }) {
	const { inbox } = desk;
	if (!desk.channels.length) {
		return <Empty icon="channels" title={t('noChannel')}><p>{t('noChannelWhy')}</p>
			{desk.isAdmin ? <a class="button primary" href={href('channels', 'new')}>{t('addChannel')}</a> : <p>{t('noChannelAgent')}</p>}</Empty>;
	}
	const local = desk.isAdmin && inbox.filter === 'open' && desk.channels.find(one => one.local);
	return <Empty icon="inbox" title={t(`${inbox.filter}Empty`)}><p>{t(`${inbox.filter}EmptyWhy`)}</p>
		{local && <><p class="hint">{t('noVisitorWhy')}</p><a class="button" href={href('channels', local.id)}>{t('showScript')}</a></>}</Empty>;
}

// A row that has the focus keeps it when the order changes: an element that is moved loses it.
function useFocusKept(list) {
	const held = document.activeElement;
	useLayoutEffect(() => {
		if (document.activeElement === document.body && held !== document.body && list.current && list.current.contains(held))
			held.focus({ preventScroll: true });
	});
}

function onArrows(event) {
	const rows = [...event.currentTarget.querySelectorAll('[data-row]')];
	const at = rows.indexOf(document.activeElement);
	const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
	if (to === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey || !rows[to])
		return;
	event.preventDefault();
	rows[to].focus();
}

export function InboxList({ desk, open }) {
	const { inbox } = desk;
	const list = useRef();
	useFocusKept(list);
	useChanges(inbox, desk);
	useClock(20000);
	// Back from a conversation: the focus is on it again.
	const was = useRef('');
	useEffect(() => {
		const row = !open && was.current && list.current.querySelector(`[href="${CSS.escape(was.current)}"]`);
		if (row)
			row.focus();
		was.current = open ? href('conversation', ...open) : '';
	}, [open && open.join(' ')]);
	const currentAt = inbox.conversations.findIndex(one => open && one.channel === open[0] && one.visitor === open[1]);
	return <section class="inbox" aria-label={t('inbox')}>
		<header class="head"><h1>{t('inbox')}</h1>
			<span class="hush" role="status">{inbox.loaded && inbox.waiting > 0 ? t('waiting', { n: inbox.waiting > 999 ? '999+' : inbox.waiting }) : ''}</span><Bell notifier={desk.notifier} /></header>
		<Filters desk={desk} />
		<Problem error={inbox.error && (inbox.error.status !== 0 || !inbox.loaded) ? inbox.error : null} />
		<div class="scroll" ref={list}>
			{!inbox.loaded && !inbox.error && <Waiting />}
			{inbox.loaded && !inbox.conversations.length && <Nothing desk={desk} />}
			{inbox.conversations.length > 0 && <ul class="conversations" aria-label={t('conversations')} onKeyDown={onArrows}>
				{inbox.conversations.map((one, at) => <Row key={`${one.channel} ${one.visitor}`} desk={desk} one={one}
					current={at === currentAt} first={currentAt < 0 && at === 0} />)}
			</ul>}
			{inbox.next !== null && inbox.loaded && <button type="button" class="button wide" disabled={inbox.loadingMore} onClick={() => inbox.more()}>
				{t(inbox.loadingMore ? 'loading' : 'moreConversations')}</button>}
		</div>
	</section>;
}

// Beside the list where nothing is open.
export function Pick({ desk }) {
	useChanges(desk.inbox);
	return <section class="talk nothing" aria-label={t('messages')}>
		{desk.inbox.conversations.length > 0 && <Empty icon="channels" title={t('pick')}><p>{t('pickWhy')}</p></Empty>}
	</section>;
}
