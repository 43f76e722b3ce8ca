// The messages in their order, days apart, the newest below.
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon, reasonOf } from '../shared/ui.jsx';
import { dayOf, t } from '../shared/words.js';
import { Message, Pending } from './message.jsx';
import { Note } from './note.jsx';

// This near to the end counts as being at the end, in pixels.
const NEAR = 60;

// Keep the end in view where it was, and what was looked at where earlier messages come in above it.
function useScroll(log, talk, names) {
	const was = useRef({ atEnd: true, height: 0, first: '' });
	const [atEnd, setAtEnd] = useState(true);
	// It may be asked for when the log is just gone.
	const end = () => {
		if (log.current)
			log.current.scrollTop = log.current.scrollHeight;
	};
	useLayoutEffect(() => {
		const { current } = log;
		const first = names[0] || '';
		const found = talk.target !== was.current.target && current.querySelector('.row.found');
		if (found) {
			was.current.target = talk.target;
			was.current.atEnd = false;
			setAtEnd(false);
			found.scrollIntoView({ block: 'center' });
		} else if (was.current.atEnd)
			end();
		else if (was.current.first !== first)
			current.scrollTop += current.scrollHeight - was.current.height;
		was.current.height = current.scrollHeight;
		was.current.first = first;
	});
	// Pictures that load, the field that grows, a phone's keyboard.
	useEffect(() => {
		const watch = new ResizeObserver(() => was.current.atEnd && end());
		watch.observe(log.current);
		watch.observe(log.current.firstElementChild);
		return () => watch.disconnect();
	}, [talk]);
	function onScroll() {
		const { current } = log;
		const near = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR;
		was.current.atEnd = near && !talk.newer;
		was.current.height = current.scrollHeight;
		setAtEnd(was.current.atEnd);
		if (current.scrollTop < 200 && current.scrollHeight > current.clientHeight && !talk.archiveAway)
			talk.earlier();
		if (near)
			talk.later();
	}
	// Also where the end is not read yet.
	async function toEnd() {
		if (talk.newer) {
			was.current.atEnd = true;
			await talk.toLatest();
		}
		end();
	}
	return { atEnd: atEnd && !talk.newer, onScroll, end, toEnd };
}

// Read is what is on the screen of somebody who looks at it.
function useSeen(talk, atEnd) {
	useEffect(() => {
		const look = () => atEnd && !document.hidden && document.hasFocus() && talk.seen();
		look();
		addEventListener('focus', look);
		document.addEventListener('visibilitychange', look);
		return () => {
			removeEventListener('focus', look);
			document.removeEventListener('visibilitychange', look);
		};
	});
}

export function Log({ desk, talk, name }) {
	const log = useRef();
	const { pending, items } = talk;
	const { atEnd, onScroll, end, toEnd } = useScroll(log, talk, items.map(one => one.id));
	const newest = items.length ? items[items.length - 1].id : '';
	const [seen, setSeen] = useState(newest);
	useSeen(talk, atEnd);
	useEffect(() => {
		if (atEnd)
			setSeen(newest);
	}, [atEnd, newest]);
	// What one sends oneself is looked at.
	useEffect(() => {
		if (pending.length)
			end();
	}, [pending.length]);

	let day = '';
	let before = null;
	const rows = [];
	for (const message of items) {
		const itsDay = dayOf(message.at);
		if (itsDay !== day) {
			rows.push(<li key={`day ${itsDay}`} class="day">{itsDay}</li>);
			before = null;
		}
		day = itsDay;
		if (message.note) {
			rows.push(<Note key={message.id} desk={desk} talk={talk} note={message} />);
			before = null;
			continue;
		}
		const follows = before && before.direction === message.direction && before.author === message.author;
		rows.push(<Message key={message.id} desk={desk} talk={talk} message={message} visitor={name} follows={follows} />);
		before = message;
	}
	return <div class="middle">
		<div class="log" ref={log} tabIndex={0} role="log" aria-live="off" aria-label={t('messages')} onScroll={onScroll}>
			<div>
				{talk.archiveAway && <p class="problem" role="status">{t('archiveAway')}</p>}
				{talk.more || talk.archived ? <button type="button" class="button small earlier" disabled={talk.loadingEarlier} onClick={() => talk.earlier()}>
					{t(talk.loadingEarlier ? 'loading' : 'earlier')}</button> : <p class="note center">{t('beginning')}</p>}
				<ol>
					{rows}
					{pending.filter(one => !talk.find(one.id)).map(one => <Pending key={one.key} talk={talk} one={one} />)}
				</ol>
				{talk.visitorTypes && <p class="typing"><span class="dots" aria-hidden="true"><i /><i /><i /></span>{t('typing', { name })}</p>}
				{talk.error && talk.error.status !== 0 && <p class="problem">{reasonOf(talk.error)}</p>}
			</div>
		</div>
		{!atEnd && <button type="button" class={newest !== seen ? 'button small latest new' : talk.newer ? 'button small latest away' : 'button small latest'} onClick={toEnd}>
			<Icon name="down" />{talk.newer ? t('toNewest') : newest !== seen ? t('latest') : <span class="hush">{t('latest')}</span>}</button>}
	</div>;
}
