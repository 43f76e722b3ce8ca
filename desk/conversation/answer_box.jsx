// Where an answer is written.  Its draft is kept over a reload, for this agent and this conversation.
import { Fragment, h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { CannedList, filled, useCanned } from './canned.jsx';
import { empty, isPicture, pictureIn, valuesOf } from './compose.js';
import { Compose, PlusMenu } from './compose.jsx';
import { fit, isEnter } from './field.js';
import { UploadList } from './upload_list.jsx';
import { uploadsOf } from './uploads.js';

// As long as a call may be, less what stands around the text.
const MOST = 16000;
const narrow = matchMedia('(max-width: 760px)');

export function AnswerBox({ desk, talk }) {
	const kept = `draft.${talk.channel}.${talk.id}`;
	const [text, setText] = useState(() => desk.keep.get(kept) || '');
	const [composing, setComposing] = useState(null);	// { kind, values, otherwise: text that is put in where it is not sent }
	const [problem, setProblem] = useState('');
	const [over, setOver] = useState(false);
	const picker = useRef();
	const uploads = uploadsOf(desk, talk);
	// Who answered while this was being written; whether it was pressed to send since.
	const [other, setOther] = useState(null);
	const field = useRef();
	const canned = useCanned(talk, text);
	const excess = text.length - MOST;

	useLayoutEffect(() => fit(field.current), [text]);
	useLayoutEffect(() => {
		// On a phone its keyboard would hide what is to be read first; there the list, which had the focus, is gone.
		(narrow.matches ? document.querySelector('.talk-head .back') : field.current).focus();
	}, []);

	const latest = useRef('');
	latest.current = text;
	useEffect(() => talk.arrivals.listen(message => {
		if (message.direction === 'out' && message.final && message.author !== desk.agent.name && message.id > talk.seenUpto && latest.current.trim())
			setOther({ author: message.author, pressed: false });
	}), [talk]);

	function change(value) {
		setText(value);
		if (!value.trim())
			setOther(null);
		setProblem('');
		desk.keep.set(kept, value);
	}

	function send() {
		if (!text.trim() || excess > 0)
			return;
		field.current.focus();
		// What a colleague has just answered is to be seen before one's own goes out: by order, however fast one types.
		if (other && !other.pressed) {
			setOther({ ...other, pressed: true });
			return;
		}
		const sent = text.trim();
		change('');
		talk.send({ text: sent }).then(one => {
			if (!one.meanwhile)
				return;
			const back = latest.current.trim() ? `${sent}\n${latest.current}` : sent;
			desk.keep.set(kept, back);
			setText(back);
			setOther({ author: one.meanwhile.author, pressed: true });
		});
	}

	function choose(one) {
		if (one.text !== null) {
			change(filled(one.text, talk.visitor, desk.agent));
		} else {
			const form = valuesOf(filled(one.content, talk.visitor, desk.agent));
			change('');
			setComposing(form || { kind: '', content: filled(one.content, talk.visitor, desk.agent) });
		}
		field.current.focus();
	}

	function onListKey(event) {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (event.key === 'Escape')
			canned.close();
		else if (step && canned.answers.length)
			canned.move(step);
		else if ((isEnter(event) || event.key === 'Tab' && !event.shiftKey) && canned.chosen)
			choose(canned.chosen);
		else
			return false;
		event.preventDefault();
		return true;
	}

	function onKeyDown(event) {
		if (canned.open && !event.altKey && !event.ctrlKey && !event.metaKey && onListKey(event))
			return;
		if (isEnter(event)) {
			event.preventDefault();
			send();
		}
	}

	const attach = files => setProblem(uploads.add([...files]));

	// What is dropped or pasted: a picture of a page, or its address alone, becomes a message once somebody has looked at it; files
	// go at once.  A text that comes with a picture of itself, as from a table, is a text.
	function take(event) {
		setOver(false);
		const data = event.dataTransfer || event.clipboardData;
		const words = data.getData('text/plain').trim();
		const address = !text && isPicture(words) ? words : '';
		const url = pictureIn(data) || address;
		if (!url && (!data.files.length || event.type === 'paste' && words))
			return;
		event.preventDefault();
		if (url)
			setComposing({ kind: 'image', values: { ...empty('image'), url }, otherwise: address });
		else
			attach(data.files);
	}

	function closeCompose(sent) {
		if (!sent && composing.otherwise)
			change(composing.otherwise);
		setComposing(null);
		field.current.focus();
	}

	return <><form class={over ? 'answer dropping' : 'answer'} onSubmit={event => {
		event.preventDefault();
		send();
	}} onDragOver={event => {
		event.preventDefault();
		setOver(event.dataTransfer.types.includes('Files'));
	}} onDragLeave={event => event.currentTarget.contains(event.relatedTarget) || setOver(false)} onDrop={take}>
		<input type="file" multiple hidden ref={picker} onChange={event => {
			attach(event.target.files);
			// The same one can be picked again.
			event.target.value = '';
			field.current.focus();
		}} />
		{excess > 0 && <p class="problem" role="alert">{t('characters', { n: excess })}</p>}
		{problem && <p class="problem" role="alert">{problem}</p>}
		<UploadList uploads={uploads} onEmpty={() => field.current.focus()} />
		{other && <p class="meanwhile" role={other.pressed ? 'alert' : 'status'}>{t(other.pressed ? 'meanwhileAgain' : 'meanwhile', { name: other.author ? desk.nameOf(other.author) : t('somebody') })}</p>}
		{canned.open && <CannedList canned={canned} onChoose={choose} />}
		<PlusMenu onChoose={kind => {
			if (kind === 'canned')
				change('/');
			else if (kind === 'file')
				picker.current.click();
			else
				setComposing({ kind, values: empty(kind) });
			field.current.focus();
		}} />
		<textarea ref={field} rows={1} dir="auto" value={text} placeholder={t('write')} aria-label={t('write')} enterkeyhint="send" title={t('slashHint')}
			aria-autocomplete="list" aria-controls={canned.open ? 'canned-list' : undefined} aria-activedescendant={canned.open && canned.chosen ? `canned-${canned.at}` : undefined}
			onKeyDown={onKeyDown} onPaste={take} onInput={event => {
				change(event.target.value);
				if (event.target.value && !event.target.value.startsWith('/'))
					talk.typing();
			}} />
		<button type="submit" class="send" aria-label={t('send')} disabled={!text.trim() || excess > 0}><Icon name="send" /></button>
	</form>
	{composing && <Compose {...composing} onClose={closeCompose} onSend={content => talk.sendContent(content)} />}</>;
}
