// A note to colleagues in the log.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm, Icon } from '../shared/ui.jsx';
import { fullOf, t, timeOf } from '../shared/words.js';
import { Text } from './content_view.jsx';

export function Note({ desk, talk, note }) {
	const [asking, setAsking] = useState(false);
	const mine = note.author === desk.agent.name;
	const who = mine ? t('you') : note.author ? desk.nameOf(note.author) : '';
	return <li class="row note-row" data-note>
		<div class="bubble">
			<p class="note-head"><span class="note-label">{t('note')}</span>{who && <span dir="auto">{who}</span>}</p>
			<Text text={note.text} />
			<p class="meta"><time dateTime={note.at} title={fullOf(note.at)}>{timeOf(note.at)}</time>
				{(mine || desk.isAdmin) && <button type="button" class="plain" aria-label={t('deleteNote')} title={t('deleteNote')} onClick={() => setAsking(true)}><Icon name="bin" /></button>}</p>
		</div>
		{asking && <Confirm title={t('deleteNoteAsk')} why={note.text.slice(0, 200)} action={t('delete')} onClose={() => setAsking(false)} onDo={() => talk.deleteNote(note)} />}
	</li>;
}
