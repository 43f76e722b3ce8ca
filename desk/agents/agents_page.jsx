// Those who answer: make one, give them a link, disable them.
import { Fragment, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { href, replace } from '../shared/route.js';
import { Avatar, Confirm, Copy, Dialog, Head, Icon, Problem, reasonOf, Waiting } from '../shared/ui.jsx';
import { fullOf, t } from '../shared/words.js';
import { AgentSessions } from './agent_sessions.jsx';

const linkOf = answer => typeof answer === 'string' ? answer : answer.link;

function Link({ name, link, made, onClose }) {
	return <Dialog title={t('newLinkFor', { name })} onClose={onClose}>
		<Copy label={t(made ? 'createAgentDone' : 'linkMade', { name })} value={link} hint={t('linkHint', { name })} rows={3} />
		<div class="buttons"><button type="button" class="button primary" onClick={onClose}>{t('close')}</button></div>
	</Dialog>;
}

function Agent({ desk, agent, onLink, onDisable, onChanged, onError }) {
	const mine = agent.name === desk.agent.name;
	const ask = work => async () => {
		onError(null);
		try {
			await work();
		} catch (error) {
			onError(error);
		}
	};
	return <li class={agent.disabledAt ? 'off' : ''}>
		<Avatar name={agent.displayName} url={agent.avatarUrl} />
		<span class="what"><b dir="auto">{agent.displayName}{mine && ` (${t('you')})`}</b>
			<small>{agent.name}{agent.lastSeen ? ` · ${t('agentSeen', { at: fullOf(agent.lastSeen) })}` : ''}{agent.passkeys > 0 ? ` · ${t('passkeysOf', { n: agent.passkeys })}` : ''}</small>
			{agent.sessions > 0 && <small><a href={href('agents', agent.name)}
				aria-label={`${t('sessionsOf', { name: agent.displayName })}: ${t('sessionCount', { n: agent.sessions })}`}>{t('sessionCount', { n: agent.sessions })}</a></small>}</span>
		<span class="tag">{t(`role_${agent.role === 'admin' ? 'admin' : 'agent'}`)}</span>
		{agent.disabledAt ? <><span class="tag warn">{t('disabled')}</span>
			<button type="button" class="button small" aria-label={t('enableOf', { name: agent.displayName })}
				onClick={ask(async () => onChanged(await call('enable_agent', { name: agent.name })))}>{t('enable')}</button></>
			: <><button type="button" class="button small" aria-label={t('newLinkFor', { name: agent.displayName })}
				onClick={ask(async () => onLink({ name: agent.displayName, link: linkOf(await call('sign_in_link', { name: agent.name })) }))}>{t('newLink')}</button>
			{!mine && <button type="button" class="button small danger quiet" aria-label={t('disableOf', { name: agent.displayName })} onClick={() => onDisable(agent)}>{t('disable')}…</button>}</>}
	</li>;
}

function useAgents() {
	const [state, setState] = useState({ agents: null, error: null });
	async function read() {
		try {
			const answer = await call('list_agents');
			setState({ agents: Array.isArray(answer) ? answer : answer.agents, error: null });
		} catch (error) {
			setState(before => ({ ...before, error }));
		}
	}
	useEffect(() => {
		read();
	}, []);
	return { ...state, read };
}

function AddAgent({ onMade, onClose }) {
	const [values, setValues] = useState({ displayName: '', name: '', role: 'agent', avatarUrl: '' });
	const [named, setNamed] = useState(false);
	const [error, setError] = useState(null);
	const put = (name, value) => {
		setError(null);
		const next = { ...values, [name]: value };
		// A name for the database from the one for people, until somebody writes their own.
		if (name === 'displayName' && !named)
			next.name = value.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '.').replace(/^\.+|\.+$/g, '').slice(0, 63);
		setValues(next);
	};
	async function make(event) {
		event.preventDefault();
		try {
			const answer = await call('create_agent', values);
			await onMade({ name: values.displayName, link: linkOf(answer), made: true });
		} catch (failure) {
			setError(failure);
		}
	}
	return <form class="form" noValidate onSubmit={make}>
		<div class="field"><label for="agent-display">{t('agentDisplayName')}</label>
			<input id="agent-display" autofocus autocomplete="off" value={values.displayName} aria-describedby="agent-display-hint" onInput={event => put('displayName', event.target.value)} />
			<p class="hint" id="agent-display-hint">{t('agentDisplayNameHint')}</p></div>
		<div class="field"><label for="agent-name">{t('agentName')}</label>
			<input id="agent-name" autocomplete="off" autocapitalize="off" spellcheck={false} value={values.name} aria-describedby="agent-name-hint" onInput={event => {
				setNamed(true);
				put('name', event.target.value);
			}} />
			<p class="hint" id="agent-name-hint">{t('agentNameHint')}</p></div>
		<div class="field"><label for="agent-picture">{t('agentPicture')}</label>
			<input id="agent-picture" type="url" autocomplete="off" autocapitalize="off" spellcheck={false} value={values.avatarUrl} aria-describedby="agent-picture-hint" onInput={event => put('avatarUrl', event.target.value.trim())} />
			<p class="hint" id="agent-picture-hint">{t('agentPictureHint')}</p></div>
		<fieldset class="field"><legend>{t('agentRole')}</legend>
			{['agent', 'admin'].map(role => <label class="choice" key={role}>
				<input type="radio" name="role" checked={values.role === role} onChange={() => put('role', role)} />
				<span><b>{t(`role_${role}`)}</b><small>{t(role === 'admin' ? 'roleAdminHint' : 'roleAgentHint')}</small></span></label>)}
		</fieldset>
		{error && <p class="problem" role="alert">{reasonOf(error)}</p>}
		<div class="buttons"><button type="button" class="button" onClick={onClose}>{t('cancel')}</button><button type="submit" class="button primary">{t('create')}</button></div>
	</form>;
}

export function AgentsPage({ desk, which }) {
	const { agents, error, read } = useAgents();
	const [failure, setFailure] = useState(null);
	const [link, setLink] = useState(null);
	const [disabling, setDisabling] = useState(null);
	const changed = async () => {
		desk.rereadMe.now();
		await read();
	};
	if (which === 'new') {
		return <section class="page" aria-label={t('addAgent')}><Head title={t('addAgent')} back={href('agents')} />
			<div class="scroll"><div class="sheet"><AddAgent onClose={() => replace('agents')} onMade={async made => {
				await changed();
				setLink(made);
				replace('agents');
			}} /></div></div></section>;
	}
	if (which)
		return <AgentSessions key={which} name={which} displayName={desk.nameOf(which)} />;
	return <section class="page" aria-label={t('agents')}>
		<Head title={t('agents')}><a class="button primary" href={href('agents', 'new')}><Icon name="plus" />{t('addAgent')}</a></Head>
		<div class="scroll"><div class="sheet">
			<Problem error={error || failure} />
			{!agents && !error && <Waiting />}
			{agents && <ul class="things">{agents.map(one => <Agent key={one.name} desk={desk} agent={one} onLink={setLink} onDisable={setDisabling} onChanged={changed} onError={setFailure} />)}</ul>}
			{agents && agents.length === 1 && <p class="hint center">{t('onlyYou')}</p>}
		</div></div>
		{link && <Link {...link} onClose={() => setLink(null)} />}
		{disabling && <Confirm title={t('disableAsk', { name: disabling.displayName })} why={t('disableWhy')} action={t('disable')} onClose={() => setDisabling(null)}
			onDo={async () => changed(await call('disable_agent', { name: disabling.name }))} />}
	</section>;
}
