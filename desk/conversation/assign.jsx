// Whose conversation it is.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

// Who may be chosen; the one who has it is among them, also where they are no agent (any more).
export function Assign({ desk, talk }) {
	const [error, setError] = useState(null);
	const has = talk.visitor.assignee || '';
	// The one who has it is shown as that; among the others a name is enough.
	const named = (name, shown) => name === has ? `${t('assignee')}: ${shown}` : shown;
	const known = desk.agents.some(one => one.name === has) || has === desk.agent.name;
	async function choose(event) {
		setError(null);
		try {
			await talk.assign(event.target.value || null);
		} catch (failure) {
			setError(failure);
			event.target.value = has;
		}
	}
	return <>
		<label class="assign"><span class="hush">{t('assignee')}</span>
			<select value={has} onChange={choose} title={t('assignee')}>
				<option value="">{named('', t('nobody'))}</option>
				<option value={desk.agent.name}>{named(desk.agent.name, `${desk.agent.displayName} (${t('you')})`)}</option>
				{desk.agents.filter(one => one.name !== desk.agent.name).map(one => <option key={one.name} value={one.name}>{named(one.name, one.displayName)}</option>)}
				{has && !known && <option value={has}>{t('notAgent', { name: has })}</option>}
			</select>
		</label>
		<Problem error={error} />
	</>;
}
