// What is shown to those who are not signed in.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Icon, Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { canHavePasskeys, signInByPasskey } from './passkeys.js';

// A link that is opened where somebody is signed in already.
export function AskPage({ me, onStay, onSwitch }) {
	const name = me.agent.displayName;
	return <main class="welcome">
		<Icon name="account" />
		<h1 dir="auto">{t('alreadySignedInAs', { name })}</h1>
		<p>{t('linkSwitches')}</p>
		<button type="button" class="button primary" onClick={onStay}>{t('goOnAs', { name })}</button>
		<button type="button" class="button" onClick={onSwitch}>{t('useLink')}</button>
	</main>;
}

// Of somebody who is signed in all the same: a link failed, or it was in another tab.
function GoOn({ onMe }) {
	const [me, setMe] = useState(null);
	useEffect(() => {
		call('me').then(setMe, () => 0);
	}, []);
	return me && <button type="button" class="button primary" onClick={() => onMe(me)}>{t('goOnAs', { name: me.agent.displayName })}</button>;
}

// Whoever has a passkey of the desk needs no link.
function Passkey({ onMe }) {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	async function signIn() {
		// not disabled meanwhile: it would lose the focus
		if (busy)
			return;
		setBusy(true);
		setError(null);
		try {
			onMe(await signInByPasskey());
		} catch (failure) {
			setError(failure);
			setBusy(false);
		}
	}
	return <div class="by-passkey">
		<button type="button" class="button primary" aria-disabled={busy} onClick={signIn}><Icon name="key" />{t('byPasskey')}</button>
		<Problem error={error} />
	</div>;
}

export function SignInPage({ error, token, onRetry, onMe }) {
	const unreached = error && error.passes && error.status !== 429;
	const title = token ? t('linkFailed') : t('signedOut');
	const why = error && error.status === 429 ? 'linkTooMany' : unreached ? 'linkUnreached' : 'linkFailedWhy';
	return <main class="welcome">
		<Icon name="channels" />
		<h1>{unreached ? t('unreached') : title}</h1>
		{!token && !unreached && canHavePasskeys() && <Passkey onMe={onMe} />}
		{token ? <p role="alert">{t(why)}</p> : unreached ? null : <p>{t('howToSignIn')}</p>}
		{!unreached && <pre tabIndex={0}>SELECT webchatt.sign_in_link('ana');</pre>}
		{token && !unreached && canHavePasskeys() && <Passkey onMe={onMe} />}
		{unreached && <button type="button" class="button primary" onClick={onRetry}>{t('retry')}</button>}
		{!unreached && !token && error && !['not_signed_in', 'unauthorized'].includes(error.code) && <Problem error={error} />}
		{!unreached && <GoOn onMe={onMe} />}
	</main>;
}
