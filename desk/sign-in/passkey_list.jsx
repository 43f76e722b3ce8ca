// The passkeys of who is signed in: to see, to add, to remove.
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Confirm, Dialog, Icon, Problem, Waiting } from '../shared/ui.jsx';
import { fullOf, t } from '../shared/words.js';
import { addPasskey, canHavePasskeys, nameOfDevice } from './passkeys.js';

function AddPasskey({ onAdded, onClose }) {
	const [label, setLabel] = useState(nameOfDevice);
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	async function add(event) {
		event.preventDefault();
		if (busy)
			return;
		setBusy(true);
		setError(null);
		try {
			await addPasskey(label);
			await onAdded();
			onClose();
		} catch (failure) {
			setError(failure);
			setBusy(false);
		}
	}
	return <Dialog title={t('addPasskey')} onClose={onClose}>
		<form class="form" noValidate onSubmit={add}>
			<div class="field"><label for="passkey-label">{t('passkeyLabel')}</label>
				<input id="passkey-label" autofocus autocomplete="off" maxLength={50} value={label} aria-describedby="passkey-hint passkey-problem"
					aria-invalid={error ? 'true' : undefined} onInput={event => setLabel(event.target.value)} />
				<p class="hint" id="passkey-hint">{t('passkeyLabelHint')}</p>
				<Problem error={error} id="passkey-problem" /></div>
			<div class="buttons"><button type="button" class="button" onClick={onClose}>{t('cancel')}</button>
				<button type="submit" class="button primary" aria-disabled={busy}>{t('add')}</button></div>
		</form>
	</Dialog>;
}

function Passkey({ passkey, onRemove }) {
	return <li>
		<span class="what"><b class="cut" dir="auto">{passkey.label}</b>
			<small>{t('signedInAt', { at: fullOf(passkey.createdAt) })} · {passkey.lastUsed ? t('passkeyUsed', { at: fullOf(passkey.lastUsed) }) : t('passkeyUnused')}</small></span>
		<button type="button" class="button small danger quiet" aria-label={t('removePasskeyOf', { label: passkey.label })} onClick={() => onRemove(passkey)}>{t('removePasskey')}…</button>
	</li>;
}

export function PasskeyList() {
	const [state, setState] = useState(null);
	const [error, setError] = useState(null);
	const [adding, setAdding] = useState(false);
	const [removing, setRemoving] = useState(null);
	const section = useRef();
	async function read() {
		try {
			setState(await call('passkeys'));
			setError(null);
		} catch (failure) {
			setError(failure);
		}
	}
	useEffect(() => {
		read();
	}, []);
	function endRemoving() {
		setRemoving(null);
		// the button that was pressed may be gone
		requestAnimationFrame(() => document.activeElement === document.body && section.current && section.current.focus());
	}
	const possible = state && state.rpId && canHavePasskeys();
	return <section class="block" aria-label={t('passkeys')} ref={section} tabIndex={-1}>
		<h2>{t('passkeys')}</h2>
		<Problem error={error} />
		{!state && !error && <Waiting />}
		{state && <p class="hint">{t(possible ? 'passkeysWhy' : 'passkeysNowhere')}</p>}
		{state && state.passkeys.length > 0 && <ul class="things">{state.passkeys.map(one => <Passkey key={one.id} passkey={one} onRemove={setRemoving} />)}</ul>}
		{possible && <div class="buttons"><button type="button" class="button" onClick={() => setAdding(true)}><Icon name="plus" />{t('addPasskey')}</button></div>}
		{adding && <AddPasskey onAdded={read} onClose={() => setAdding(false)} />}
		{removing && <Confirm title={t('removePasskeyAsk', { label: removing.label })} why={t('removePasskeyWhy')} action={t('removePasskey')} onClose={endRemoving}
			onDo={async () => {
				await call('remove_passkey', { id: removing.id });
				await read();
			}} />}
	</section>;
}
