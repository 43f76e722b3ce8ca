// Where a note to colleagues is written: nothing of it ever goes to the visitor, and its draft is not the answer's.
import { h } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { fit, isEnter } from './field.js';

const MOST = 4000;

export const noteDraft = talk => `note.${talk.channel}.${talk.id}`;

export function NoteBox({ desk, talk }) {
	const kept = noteDraft(talk);
	const [text, setText] = useState(() => desk.keep.get(kept) || '');
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const field = useRef();
	const over = Array.from(text.trim()).length - MOST;
	useLayoutEffect(() => field.current.focus(), []);
	useLayoutEffect(() => fit(field.current), [text]);

	function change(value) {
		setText(value);
		setError(null);
		desk.keep.set(kept, value);
	}

	async function add() {
		if (!text.trim() || over > 0 || busy)
			return;
		setBusy(true);
		setError(null);
		try {
			await talk.addNote(text.trim());
			change('');
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
		if (field.current)
			field.current.focus();
	}

	return <form class="answer as-note" onSubmit={event => {
		event.preventDefault();
		add();
	}}>
		{over > 0 && <p class="problem" role="alert">{t('characters', { n: over })}</p>}
		<Problem error={error} />
		<textarea ref={field} rows={1} dir="auto" value={text} placeholder={t('writeNote')} aria-label={t('writeNote')} readOnly={busy}
			onKeyDown={event => {
				if (isEnter(event)) {
					event.preventDefault();
					add();
				}
			}} onInput={event => change(event.target.value)} />
		<button type="submit" class="button keep-note" disabled={busy || !text.trim() || over > 0}>{t('keepNote')}</button>
	</form>;
}
