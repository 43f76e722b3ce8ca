// Where one chooses how the desk tells of new messages: behind the bell of the inbox.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { useChanges } from '../shared/changes.js';
import { Dialog, Icon } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

function Choice({ notifier, name, off }) {
	return <label class="choice tick"><input type="checkbox" checked={notifier.has(name)} disabled={off} onChange={event => notifier.choose(name, event.target.checked)} />
		<span><b>{t(`notify_${name}`)}</b><small>{t(`notify_${name}_hint`)}</small></span></label>;
}

function Notify({ notifier }) {
	switch (notifier.permission) {
	case 'granted': return <><Choice notifier={notifier} name="notify" /><Choice notifier={notifier} name="text" off={!notifier.has('notify')} /></>;
	case 'denied': return <p class="hint">{t('notifyDenied')}</p>;
	case 'none': return <p class="hint">{t('notifyNone')}</p>;
	default: return <><button type="button" class="button primary" onClick={() => notifier.askLeave()}>{t('notifyAsk')}</button><p class="hint">{t('notifyAskHint')}</p></>;
	}
}

export function Bell({ notifier }) {
	const [open, setOpen] = useState(false);
	useChanges(notifier);
	const muted = notifier.has('mute');
	return <>
		<button type="button" class="icon-button bell" aria-haspopup="dialog" aria-label={t(muted ? 'notifyMuted' : 'notifyOpen')} title={t(muted ? 'notifyMuted' : 'notifyOpen')} onClick={() => setOpen(true)}>
			<Icon name={muted ? 'mute' : 'bell'} /></button>
		{open && <Dialog title={t('notifyOpen')} onClose={() => setOpen(false)}>
			<div class="notices">
				<Notify notifier={notifier} />
				<Choice notifier={notifier} name="sound" />
				<Choice notifier={notifier} name="mute" />
				<p class="hint">{t('notifyWhich')}</p>
			</div>
			<div class="buttons"><button type="button" class="button primary" onClick={() => setOpen(false)}>{t('close')}</button></div>
		</Dialog>}
	</>;
}

// Of one conversation, among what is known of its visitor.
export function MuteOne({ notifier, talk }) {
	useChanges(notifier);
	return <label class="choice tick one"><input type="checkbox" checked={notifier.isMuted(talk.channel, talk.id)}
		onChange={event => notifier.mute(talk.channel, talk.id, event.target.checked)} /><span>{t('muteOne')}</span></label>;
}
