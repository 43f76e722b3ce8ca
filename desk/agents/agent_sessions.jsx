// Where somebody is signed in, for admins, who can end it.
import { Fragment, h } from 'preact';
import { call } from '../shared/api.js';
import { browserName } from '../shared/browser_name.js';
import { More, Sheet, useDeed } from '../shared/page.jsx';
import { usePages } from '../shared/read.js';
import { href } from '../shared/route.js';
import { Problem } from '../shared/ui.jsx';
import { fullOf, t } from '../shared/words.js';

export function AgentSessions({ name, displayName }) {
	const list = usePages('agent_sessions', 'sessions', { args: { name } });
	const [error, run, busy] = useDeed();
	const end = id => run(async () => {
		await call('end_agent_session', { id });
		await list.read();
	});
	return <Sheet title={t('sessionsOf', { name: displayName })} back={href('agents')} of={list} read={list.rows}>
		<Problem error={error} />
		{list.rows && !list.rows.length && <p class="hint">{t('noSessions')}</p>}
		{list.rows && list.rows.length > 0 && <ul class="things">{list.rows.map(one => <li key={one.id}>
			<span class="what"><b>{one.client || '?'}{one.current && ` (${t('thisOne')})`}</b>
				<small class="cut" title={one.userAgent}>{browserName(one.userAgent)}</small><small>{t('signedInAt', { at: fullOf(one.createdAt) })} · {t('lastSeen', { at: fullOf(one.lastSeen) })}</small></span>
			{!one.current && <button type="button" class="button small danger quiet" disabled={busy} aria-label={t('endSessionOf', { client: one.client })} onClick={end(one.id)}>{t('endSession')}</button>}
		</li>)}</ul>}
		<More of={list} />
	</Sheet>;
}
