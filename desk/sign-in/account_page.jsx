// Who is signed in, where else they are, and how the desk looks to them.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { browserName } from '../shared/browser_name.js';
import { chooseTheme, theme } from '../shared/theme.js';
import { Avatar, Head, Problem } from '../shared/ui.jsx';
import { chooseLanguage, fullOf, language, LANGUAGES, t } from '../shared/words.js';
import { PasskeyList } from './passkey_list.jsx';

function Sessions() {
	const [sessions, setSessions] = useState([]);
	const [error, setError] = useState(null);
	async function ask(work) {
		setError(null);
		try {
			await work();
			const answer = await call('sessions');
			setSessions(Array.isArray(answer) ? answer : answer.sessions);
		} catch (failure) {
			setError(failure);
		}
	}
	useEffect(() => {
		ask(() => 0);
	}, []);
	return <section class="block" aria-label={t('sessions')}>
		<h2>{t('sessions')}</h2>
		<Problem error={error} />
		<ul class="things">{sessions.map(one => <li key={one.id}>
			<span class="what"><b>{one.client || '?'}{one.current && ` (${t('thisOne')})`}</b>
				<small class="cut" title={one.userAgent}>{browserName(one.userAgent)}</small><small>{t('signedInAt', { at: fullOf(one.createdAt) })} · {t('lastSeen', { at: fullOf(one.lastSeen) })}</small></span>
			{!one.current && <button type="button" class="button small danger quiet" aria-label={t('endSessionOf', { client: one.client })}
				onClick={() => ask(() => call('end_session', { id: one.id }))}>{t('endSession')}</button>}
		</li>)}</ul>
	</section>;
}

function Choice({ label, value, options, onChoose }) {
	return <div class="field"><label>{label}
		<select value={value} onChange={event => onChoose(event.target.value)}>
			{options.map(([key, text]) => <option key={key} value={key}>{text}</option>)}</select></label></div>;
}

const KEYS = [['↑ ↓', 'key_move'], ['Enter', 'key_open'], ['Shift Enter', 'key_break'], ['Alt ↑ ↓', 'key_next'], ['Esc', 'key_back'], ['/', 'key_search']];

export function AccountPage({ desk, back, onLiking, onSignOut }) {
	const [error, setError] = useState(null);
	const { agent } = desk;
	async function signOut() {
		try {
			await call('sign_out');
		} catch (failure) {
			if (failure.status !== 401)
				return setError(failure);
		}
		return onSignOut();
	}
	const choose = how => async value => {
		await how(value);
		onLiking();
	};
	return <section class="page" aria-label={t('account')}>
		<Head title={t('account')} back={back} />
		<div class="scroll"><div class="sheet">
			<section class="block me">
				<Avatar name={agent.displayName} url={agent.avatarUrl} />
				<span class="what"><b dir="auto">{agent.displayName}</b><small>{agent.name} · {t(`role_${desk.isAdmin ? 'admin' : 'agent'}`)}</small></span>
				<button type="button" class="button" onClick={signOut}>{t('signOut')}</button>
			</section>
			<Problem error={error} />
			<p class="hint">{t('signOutWhy')}</p>
			<section class="block pair">
				<Choice label={t('language')} value={language()} options={[['', t('ofBrowser')], ...LANGUAGES]} onChoose={choose(chooseLanguage)} />
				<Choice label={t('theme')} value={theme()} options={[['', t('ofSystem')], ['light', t('light')], ['dark', t('dark')]]} onChoose={choose(chooseTheme)} />
			</section>
			<PasskeyList />
			<Sessions />
			<section class="block keys" aria-label={t('keyboard')}>
				<h2>{t('keyboard')}</h2>
				<dl>{KEYS.map(([keys, what]) => <div key={what}><dt>{keys.split(' ').map(key => <kbd key={key}>{key}</kbd>)}</dt><dd>{t(what)}</dd></div>)}</dl>
			</section>
		</div></div>
	</section>;
}
