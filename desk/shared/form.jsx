// Forms whose refusals stand at the field that they speak of.
import { h } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Problem } from './ui.jsx';

// words: { field: what a refusal of it says }, the first that fits counts.  send(values) throws the Refusal.
export function useForm(start, words, send) {
	const [values, setValues] = useState(start);
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const at = error && error.message && !error.passes && Object.keys(words).find(field => words[field].test(error.message));
	return {
		values, busy,
		put: (field, value) => {
			setError(null);
			setValues(before => ({ ...before, [field]: value }));
		},
		of: field => at === field ? error : null,
		rest: at ? null : error,
		async submit(event) {
			event.preventDefault();
			setBusy(true);
			setError(null);
			try {
				await send(values);
			} catch (failure) {
				setError(failure);
			}
			setBusy(false);
		}
	};
}

// first: it has the focus when the form appears (what autofocus does once in a document's life).
export function Field({ form, name, label, hint, first, children, ...rest }) {
	const id = useId();
	const element = useRef();
	useLayoutEffect(() => {
		if (first)
			element.current.focus();
	}, []);
	const error = form.of(name);
	const more = { id, ref: element, value: form.values[name], autocomplete: 'off', 'aria-invalid': !!error, 'aria-describedby': `${id}-hint`,
		onInput: event => form.put(name, event.target.value), ...rest };
	return <div class="field"><label for={id}>{label}</label>
		{children ? <select {...more}>{children}</select> : <input spellcheck={false} autocapitalize="off" {...more} />}
		<Problem error={error} />
		<p class="hint" id={`${id}-hint`}>{hint}</p></div>;
}

export function Check({ checked, onCheck, label, hint }) {
	return <label class="choice"><input type="checkbox" checked={checked} onChange={event => onCheck(event.target.checked)} />
		<span><b>{label}</b>{hint && <small>{hint}</small>}</span></label>;
}
