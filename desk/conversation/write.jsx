// What is below the log: an answer to the visitor, or a note to colleagues.  Which of both is chosen before one
// writes, each has its own text, and they look different.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../shared/words.js';
import { AnswerBox } from './answer_box.jsx';
import { NoteBox } from './note_box.jsx';

export function Write({ desk, talk }) {
	const [note, setNote] = useState(false);
	return <div class={note ? 'write noting' : 'write'}>
		<div class="modes" role="group" aria-label={t('whatToWrite')}>
			<button type="button" aria-pressed={!note} onClick={() => setNote(false)}>{t('answer')}</button>
			<button type="button" aria-pressed={note} onClick={() => setNote(true)}>{t('note')}</button>
			{note && <span class="hint">{t('noteHint')}</span>}
		</div>
		{note ? <NoteBox desk={desk} talk={talk} /> : <AnswerBox desk={desk} talk={talk} />}
	</div>;
}
