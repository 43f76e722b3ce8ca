// The forms for buttons, a list, a picture, a file, a place, with what the visitor will see beside them.
import { Fragment, h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Dialog, Icon, Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { contentOf, empty, idOf, KINDS, MOST, wrong } from './compose.js';
import { Content } from './content_view.jsx';

function Field({ form, name, label, value, hint, rows, onInput, ...more }) {
	const id = `compose-${name}`;
	const bad = form.shown && form.wrong && form.wrong.field === name;
	const Tag = rows ? 'textarea' : 'input';
	return <div class="field"><label for={id}>{label}</label>
		<Tag id={id} rows={rows} dir="auto" autocomplete="off" value={value} aria-invalid={bad ? 'true' : undefined} aria-describedby={bad || hint ? `${id}-hint` : undefined}
			onInput={event => onInput(event.target.value)} {...more} />
		{bad ? <p class="problem" role="alert" id={`${id}-hint`}>{t(form.wrong.word)}</p> : hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
	</div>;
}

function Options({ form, kind, values, put }) {
	const { options } = values;
	const change = (n, name, value) => put('options', options.map((one, at) => at === n ? { ...one, [name]: value } : one));
	const word = kind === 'list' ? 'row' : 'button';
	return <>{options.map((one, n) => <fieldset class="option-fields" key={n}>
		<legend>{t(`${word}N`, { n: n + 1 })}</legend>
		<Field form={form} name={`title${n}`} label={t('optionTitle')} value={one.title} onInput={value => change(n, 'title', value)} />
		{kind === 'list' && <Field form={form} name={`description${n}`} label={t('optionDescription')} value={one.description} onInput={value => change(n, 'description', value)} />}
		<Field form={form} name={`id${n}`} label={t('optionId')} value={one.id} placeholder={idOf(one)} spellcheck={false} onInput={value => change(n, 'id', value)} />
		{options.length > 1 && <button type="button" class="plain" aria-label={t('removeOption', { n: n + 1 })} title={t('removeOption', { n: n + 1 })}
			onClick={() => put('options', options.filter((_, at) => at !== n))}><Icon name="close" /></button>}
	</fieldset>)}
	{options.length < MOST[kind] && <button type="button" class="button small" onClick={() => put('options', [...options, { ...empty(kind).options[0] }])}>
		<Icon name="plus" />{t(`${word}Add`)}</button>}</>;
}

// form: { wrong, shown }, as of wrong(), and whether it is said already.
export function Fields({ kind, values, form, onChange }) {
	const put = (name, value) => onChange({ ...values, [name]: value });
	const one = (name, more) => <Field form={form} name={name} label={t(`compose_${name}`)} value={values[name]} onInput={value => put(name, value)} {...more} />;
	switch (kind) {
	case 'image': return <>{one('url', { type: 'url', inputMode: 'url', hint: t('urlHint') })}{one('text', { rows: 2 })}</>;
	case 'document': return <>{one('url', { type: 'url', inputMode: 'url', hint: t('urlHint') })}{one('name')}{one('text', { rows: 2 })}</>;
	case 'location': return <><div class="pair">{one('latitude', { inputMode: 'decimal' })}{one('longitude', { inputMode: 'decimal' })}</div>{one('name')}{one('address')}</>;
	default: return <>{one('text', { rows: 3 })}{kind === 'list' && one('label', { hint: t('labelHint') })}<Options form={form} kind={kind} values={values} put={put} /></>;
	}
}

export function Preview({ kind, values, content: given }) {
	const content = given || (wrong(kind, values) ? null : contentOf(kind, values));
	return <div class="preview" role="group" aria-label={t('preview')}>
		<p class="hint">{t('preview')}</p>
		{content ? <div class="row own"><div class="bubble"><Content content={content} find={() => null} /></div></div> : <p class="hint">{t('previewLater')}</p>}
	</div>;
}

// values: what is filled in already; content: one that no form makes is only looked at and sent.  onSend(content) throws
// the refusal, which is shown; onClose(whether it was sent).
export function Compose({ kind, values: given, content, onSend, onClose }) {
	const [values, setValues] = useState(given);
	const [shown, setShown] = useState(false);
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const form = useRef();
	const bad = content ? null : wrong(kind, values);
	useLayoutEffect(() => form.current.querySelector('input, textarea, .primary').focus(), []);
	async function send(event) {
		event.preventDefault();
		setShown(true);
		setError(null);
		if (bad) {
			form.current.querySelector(`#compose-${bad.field}`).focus();
			return;
		}
		setBusy(true);
		try {
			await onSend(content || contentOf(kind, values));
			onClose(true);
		} catch (failure) {
			setError(failure);
			setBusy(false);
		}
	}
	return <Dialog title={t(`kind_${kind || 'canned'}`)} onClose={() => onClose(false)}>
		<form class="compose" noValidate ref={form} onSubmit={send}>
			{!content && <Fields kind={kind} values={values} form={{ wrong: bad, shown }} onChange={value => {
				setValues(value);
				setError(null);
			}} />}
			<Preview kind={kind} values={values} content={content} />
			<Problem error={error} />
			<div class="buttons"><button type="button" class="button" onClick={() => onClose(false)}>{t('cancel')}</button>
				<button type="submit" class="button primary" disabled={busy}>{t(busy ? 'sending' : 'send')}</button></div>
		</form>
	</Dialog>;
}

// The button with a plus beside the field, and its menu.
export function PlusMenu({ onChoose }) {
	const [open, setOpen] = useState(false);
	const root = useRef();
	const items = () => [...root.current.querySelectorAll('[role=menuitem]')];
	useEffect(() => {
		if (!open)
			return undefined;
		items()[0].focus();
		const away = event => root.current.contains(event.target) || setOpen(false);
		addEventListener('pointerdown', away);
		return () => removeEventListener('pointerdown', away);
	}, [open]);
	function onKeyDown(event) {
		const all = items();
		const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
		if (event.key === 'Escape' || event.key === 'Tab') {
			setOpen(false);
			root.current.firstElementChild.focus();
		} else if (to) {
			all[(all.indexOf(document.activeElement) + to + all.length) % all.length].focus();
		} else if (event.key === 'Home' || event.key === 'End') {
			all.at(event.key === 'Home' ? 0 : -1).focus();
		} else {
			return;
		}
		event.preventDefault();
		event.stopPropagation();
	}
	return <div class="plus" ref={root}>
		<button type="button" class="icon-button" aria-haspopup="menu" aria-expanded={open} aria-label={t('moreKinds')} title={t('moreKinds')} onClick={() => setOpen(!open)}><Icon name="plus" /></button>
		{open && <div class="menu" role="menu" aria-label={t('moreKinds')} onKeyDown={onKeyDown}>
			{['file', ...KINDS, 'canned'].map(kind => <button key={kind} type="button" role="menuitem" tabIndex={-1} onClick={() => {
				setOpen(false);
				onChoose(kind);
			}}>{t(`kind_${kind}`)}</button>)}
		</div>}
	</div>;
}
