// The conversation that is open: its head, the log, the answer box, and what is known of the visitor.
import { Fragment, h } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useChanges, useClock } from '../shared/changes.js';
import { go, href, replace } from '../shared/route.js';
import { Avatar, Empty, Icon, Problem, Verified, Waiting, reasonOf } from '../shared/ui.jsx';
import { fullOf, howLong, t } from '../shared/words.js';
import { Assign } from './assign.jsx';
import { Details } from './details.jsx';
import { Log } from './log.jsx';
import { Write } from './write.jsx';
import { summary } from './contents.js';
import { givenName, Talk, visitorName } from './talk.js';
import { HereNow } from './whereabouts.jsx';

function CloseOrReopen({ talk }) {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const closed = talk.visitor.state === 'closed';
	async function run() {
		setBusy(true);
		setError(null);
		try {
			await (closed ? talk.reopen() : talk.close());
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
	}
	return <><button type="button" class="button" disabled={busy} onClick={run}>
		<Icon name={closed ? 'back' : 'done'} /><span class="label">{t(closed ? 'reopen' : 'closeConversation')}</span></button>
		<Problem error={error} /></>;
}

function TalkHead({ desk, talk, name, details, onDetails, back }) {
	useClock(30000);
	const { visitor } = talk;
	const channel = desk.channelOf(talk.channel);
	return <header class="head talk-head">
		<a class="icon-button back" href={href(back)} aria-label={t('back')}><Icon name="back" /></a>
		<Avatar name={givenName(visitor.attributes)} quiet />
		<div class="who">
			<h1 dir="auto">{name} <Verified of={visitor} /></h1>
			<p class="sub">
				{visitor.present && <HereNow visitor={visitor} />}
				{visitor.waitingSince && visitor.state !== 'closed' && <span class="waits" title={t('waitsLong', { at: fullOf(visitor.waitingSince) })}>
					{t('waitsSince', { time: howLong(visitor.waitingSince, '') })}</span>}
				<span dir="auto">{channel ? channel.displayName : ''}</span>
			</p>
		</div>
		<div class="actions">
			{!details && <Assign desk={desk} talk={talk} />}
			<CloseOrReopen talk={talk} />
			<button type="button" class="icon-button" aria-label={t('details')} aria-expanded={details} onClick={onDetails}><Icon name="info" /></button>
		</div>
	</header>;
}

// Colleagues who have it open, and whether one of them is answering.
function Colleagues({ desk, talk }) {
	const say = (names, one, many) => t(names.length > 1 ? many : one, { names: names.map(name => desk.nameOf(name)).join(', ') });
	const text = talk.answering.length ? say(talk.answering, 'colleagueTyping', 'colleaguesTyping')
		: talk.colleagues.length ? say(talk.colleagues, 'colleaguesHere', 'colleaguesHereMany') : '';
	return <p class={talk.answering.length ? 'colleagues answering' : 'colleagues'} role="status">{text}</p>;
}

// A screen reader hears what comes, and nothing of what is only read again.
function Heard({ talk, name, desk }) {
	const [text, setText] = useState('');
	useEffect(() => talk.arrivals.listen(message => {
		const who = message.direction === 'in' ? name : desk.nameOf(message.author || '');
		setText(message.note ? t('newNote', { name: who, text: message.text.slice(0, 200) }) : t('newMessage', { name: who, text: summary(message.content).slice(0, 200) }));
	}), [talk, name]);
	return <p class="hush" role="status" aria-live="polite">{text}</p>;
}

// Alt and an arrow: the next conversation in the list; Esc: back to the list.
function useKeys(desk, talk, back) {
	useEffect(() => {
		function onKey(event) {
			if (event.defaultPrevented || document.querySelector('dialog[open]'))
				return;
			const step = event.altKey && !event.ctrlKey && !event.metaKey && { ArrowDown: 1, ArrowUp: -1 }[event.key];
			const beside = step && desk.inbox.beside(talk.channel, talk.id, step);
			if (beside) {
				event.preventDefault();
				go('conversation', beside.channel, beside.visitor);
			} else if (event.key === 'Escape') {
				event.preventDefault();
				go(back);
			}
		}
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, [talk, back]);
}

// message: one that is looked for, by its id.
export function ConversationPage({ desk, channel, visitor, message }) {
	// Where it was opened from.
	const back = message ? 'search' : 'inbox';
	const talk = useMemo(() => new Talk(desk, channel, visitor), [channel, visitor]);
	const [details, setDetails] = useState(() => matchMedia('(min-width: 1400px)').matches);
	useChanges(talk, desk);
	useKeys(desk, talk, back);
	useEffect(() => {
		desk.show(talk);
		talk.lookFor(message);
		talk.ask();
		return () => desk.talk === talk ? desk.show(null) : talk.stop();
	}, [talk]);
	useEffect(() => talk.lookFor(message), [message]);
	// They turned out to be somebody else, whose conversation has all of it.
	const joinedTo = talk.visitor && talk.visitor.joinedTo;
	useEffect(() => {
		if (joinedTo)
			replace('conversation', channel, joinedTo);
	}, [joinedTo]);

	if (!talk.visitor) {
		const missing = talk.error && !talk.error.passes;
		return <section class="talk" aria-label={t('messages')}>
			<header class="head talk-head"><a class="icon-button back" href={href(back)} aria-label={t('back')}><Icon name="back" /></a></header>
			{talk.error ? <Empty icon="failed" title={t(missing ? 'conversationMissing' : 'conversationFailed')}>
				<p>{missing ? '' : reasonOf(talk.error)}</p>
				<button type="button" class="button" onClick={talk.ask.now}>{t('retry')}</button>
			</Empty> : <Waiting />}
		</section>;
	}
	const name = visitorName(talk.visitor.attributes, talk.id, t);
	return <>
		<section class="talk" aria-label={name}>
			<TalkHead back={back} desk={desk} talk={talk} name={name} details={details} onDetails={() => setDetails(!details)} />
			<Log key={`${channel} ${visitor}`} desk={desk} talk={talk} name={name} />
			<Colleagues desk={desk} talk={talk} />
			{talk.visitor.state === 'closed' && <p class="notice">{t('isClosed')}</p>}
			<Write key={`box ${channel} ${visitor}`} desk={desk} talk={talk} />
			<Heard talk={talk} name={name} desk={desk} />
		</section>
		{details && <Details desk={desk} talk={talk} name={name} onClose={() => setDetails(false)} />}
	</>;
}
