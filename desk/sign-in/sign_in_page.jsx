// What is shown to those who are not signed in.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Icon } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

// A link that failed, of somebody who is signed in all the same.
function GoOn({ onMe }) {
	const [me, setMe] = useState(null);
	useEffect(() => {
		call('me').then(setMe, () => 0);
	}, []);
	return me && <button type="button" class="button primary" onClick={() => onMe(me)}>{t('goOnAs', { name: me.agent.displayName })}</button>;
}

export function SignInPage({ error, token, onRetry, onMe }) {
	const unreached = error && error.passes && error.status !== 429;
	const title = token ? t('linkFailed') : t('signedOut');
	const why = error && error.status === 429 ? 'linkTooMany' : unreached ? 'linkUnreached' : 'linkFailedWhy';
	return <main class="welcome">
		<Icon name="channels" />
		<h1>{unreached ? t('unreached') : title}</h1>
		{token ? <p role="alert">{t(why)}</p> : unreached ? null : <p>{t('howToSignIn')}</p>}
		{!unreached && <pre tabIndex={0}>SELECT webchatt.sign_in_link('ana');</pre>}
		{unreached && <button type="button" class="button primary" onClick={onRetry}>{t('retry')}</button>}
		{token && !unreached && <GoOn onMe={onMe} />}
	</main>;
}
