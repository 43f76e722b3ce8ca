// Where an answer is written.  Its draft is kept over a reload, for this agent and this conversation.
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { fit, isEnter } from './field.js';

// As long as a call may be, less what stands around the text.
const MOST = 16000;
const narrow = matchMedia('(max-width: 760px)');

export function AnswerBox({ desk, talk }) {
	const kept = `draft.${talk.channel}.${talk.id}`;
	const [text, setText] = useState(() => desk.keep.get(kept) || '');
	const field = useRef();
	const over = text.length - MOST;

	useLayoutEffect(() => fit(field.current), [text]);
	useEffect(() => {
		// On a phone its keyboard would hide what is to be read first; there the list, which had the focus, is gone.
		(narrow.matches ? document.querySelector('.talk-head .back') : field.current).focus();
	}, []);

	function change(value) {
		setText(value);
		desk.keep.set(kept, value);
	}

	function send() {
		if (!text.trim() || over > 0)
			return;
		talk.send(text.trim());
		change('');
		field.current.focus();
	}

	function onKeyDown(event) {
		if (isEnter(event)) {
			event.preventDefault();
			send();
		}
	}

	return <form class="answer" onSubmit={event => {
		event.preventDefault();
		send();
	}}>
		{over > 0 && <p class="problem" role="alert">{t('characters', { n: over })}</p>}
		<textarea ref={field} rows={1} dir="auto" value={text} placeholder={t('write')} aria-label={t('write')} enterkeyhint="send"
			onKeyDown={onKeyDown} onInput={event => {
				change(event.target.value);
				if (event.target.value)
					talk.typing();
			}} />
		<button type="submit" class="send" aria-label={t('send')} disabled={!text.trim() || over > 0}><Icon name="send" /></button>
	</form>;
}
