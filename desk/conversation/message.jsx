// One message: what is in it, who wrote it, and what became of it.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm, Icon, Problem, reasonOf } from '../shared/ui.jsx';
import { fullOf, t, timeOf } from '../shared/words.js';
import { Content, Text } from './content_view.jsx';

const MARKS = { queued: 'clock', held: 'clock', enqueued: 'clock', sent: 'sent', delivered: 'delivered', read: 'read' };
const FAILED = ['failed', 'expired'];
// What has not left yet can be taken back, and what the visitor has, too: then their pages lose it.
const WAITING = ['queued', 'held'];
const WITH_THEM = ['enqueued', 'sent', 'delivered', 'read'];
const TAKEN_BACK = ['cancelled', 'retracted'];

// Something that is asked of the server, with what it answers where it refuses.
function useAsk() {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const ask = work => async () => {
		setBusy(true);
		setError(null);
		try {
			await work();
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
	};
	return { error, busy, ask };
}

function Mark({ message }) {
	const icon = MARKS[message.status];
	return <span class={`mark ${message.status}`} title={`${t(message.status)}${message.statusAt ? `, ${fullOf(message.statusAt)}` : ''}`}>
		{icon && <Icon name={icon} />}
		<span class={message.status === 'held' || TAKEN_BACK.includes(message.status) ? '' : 'hush'}>{t(message.status)}</span>
	</span>;
}

function Trouble({ talk, message }) {
	const { error, busy, ask } = useAsk();
	const failed = FAILED.includes(message.status);
	if (!failed && message.status !== 'held')
		return null;
	const reason = message.errorMessage || message.errorCode;
	return <div class={failed ? 'trouble' : 'trouble quiet'}>
		{failed && <span dir="auto">{t(message.status)}{reason ? `: ${reason}` : ''}</span>}
		{failed && !message.archived && <button type="button" class="link" disabled={busy} onClick={ask(() => talk.retry(message))}>{t('retry')}</button>}
		{WAITING.includes(message.status) && <button type="button" class="link" disabled={busy} onClick={ask(() => talk.takeBack(message))}>{t('takeBack')}</button>}
		<Problem error={error} />
	</div>;
}

export function Message({ desk, talk, message, visitor, follows }) {
	const [asking, setAsking] = useState(false);
	const found = message.id === talk.target;
	const own = message.direction === 'out';
	const retractable = own && !message.archived && WITH_THEM.includes(message.status) && (message.author === desk.agent.name || desk.isAdmin);
	const who = own ? message.author === desk.agent.name ? t('you') : message.author ? desk.nameOf(message.author) : '' : visitor;
	return <li class={`row ${own ? 'own' : 'theirs'}${follows ? ' follows' : ''}${found ? ' found' : ''} ${message.status}`} aria-current={found ? 'true' : undefined}>
		<span class={own && !follows && who && message.author !== desk.agent.name ? 'author' : 'hush'} dir="auto">{who}</span>
		<div class="bubble">
			<Content content={message.content} find={id => talk.find(id)} />
			<p class="meta"><time dateTime={message.at} title={fullOf(message.at)}>{timeOf(message.at)}</time>{own && <Mark message={message} />}
				{retractable && <button type="button" class="plain" aria-label={t('retract')} title={t('retract')} onClick={() => setAsking(true)}><Icon name="bin" /></button>}</p>
		</div>
		{asking && <Confirm title={t('retractAsk')} why={t('retractWhy')} action={t('takeBack')} onClose={() => setAsking(false)} onDo={() => talk.retract(message)} />}
		{own && <Trouble talk={talk} message={message} />}
	</li>;
}

// One's own message that the server has not confirmed.
export function Pending({ talk, one }) {
	const trouble = !one.sending && !one.id;
	return <li class={trouble ? 'row own unsent' : 'row own pending'}>
		<span class="hush">{t('you')}</span>
		<div class="bubble">
			{one.content ? <Content content={one.content} find={() => null} /> : <Text text={one.text} />}
			<p class="meta"><time>{timeOf(one.at)}</time>{!trouble && <span class="mark"><Icon name="clock" /><span class="hush">{t('sending')}</span></span>}</p>
		</div>
		{trouble && <div class="trouble" role="alert">
			<span>{one.error && one.error.status !== 0 ? `${t('unsent')}: ${reasonOf(one.error)}` : t('unsentUnknown')}</span>
			<button type="button" class="link" onClick={() => talk.dispatch(one)}>{t('retry')}</button>
			<button type="button" class="link" onClick={() => talk.discard(one)}>{t('discard')}</button>
		</div>}
	</li>;
}
