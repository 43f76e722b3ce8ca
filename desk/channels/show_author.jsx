// Are a channel's visitors shown who answers?  A change counts at once.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

export function ShowAuthor({ channel, onChanged }) {
	const [error, setError] = useState(null);
	const [saved, setSaved] = useState(false);
	async function change(event) {
		const { target } = event;
		setError(null);
		setSaved(false);
		try {
			await call('set_channel', { id: channel.id, showAuthor: target.checked });
			await onChanged();
			setSaved(true);
		} catch (failure) {
			target.checked = channel.showAuthor;
			setError(failure);
		}
	}
	return <section class="block" aria-label={t('whoAnswers')}>
		<h2>{t('whoAnswers')}</h2>
		<div class="field">
			<label class="check"><input type="checkbox" checked={channel.showAuthor} aria-describedby="show-author-hint" onChange={change} />{t('showAuthor')}</label>
			<p class="hint" id="show-author-hint">{t('showAuthorHint')}</p>
			{saved && <span class="saved" role="status">{t('saved')}</span>}
			<Problem error={error} />
		</div>
	</section>;
}
