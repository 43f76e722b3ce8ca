// What the admins' pages are made of: a page with its states, facts, a list by pages, a secret that is shown once.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { href } from './route.js';
import { Copy, Dialog, Head, Icon, Problem, Waiting } from './ui.jsx';
import { t } from './words.js';

// of: what useRead or usePages gave; read: it is there to be shown.
export function Sheet({ title, back, head, of = {}, read = true, children }) {
	return <section class="page" aria-label={title}>
		<Head title={title} back={back}>{head}</Head>
		<div class="scroll"><div class="sheet">
			<Problem error={of.error} />
			{!read && !of.error && <Waiting />}
			{read && children}
		</div></div>
	</section>;
}

export const Add = ({ to, children }) => <a class="button primary" href={href(to, 'new')}><Icon name="plus" />{children}</a>;

// [[word, value], ...]; what has no value is left out.
export function Facts({ of }) {
	return <dl class="facts">{of.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false).map(([word, value]) =>
		<Fragment key={word}><dt>{t(word)}</dt><dd dir="auto">{value}</dd></Fragment>)}</dl>;
}

export function More({ of }) {
	const [busy, setBusy] = useState(false);
	return of.rows && of.next !== null && <button type="button" class="button" disabled={busy} onClick={async () => {
		setBusy(true);
		await of.more();
		setBusy(false);
	}}>{t(busy ? 'loading' : 'moreRows')}</button>;
}

export function Once({ title, label, value, hint, onClose }) {
	return <Dialog title={title} onClose={onClose}>
		<Copy label={label} value={value} hint={hint} rows={2} />
		<p class="notice">{t('shownOnce')}</p>
		<div class="buttons"><button type="button" class="button primary" onClick={onClose}>{t('close')}</button></div>
	</Dialog>;
}

// Runs what a button does; gives [error, run, busy].
export function useDeed() {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	return [error, work => async () => {
		setBusy(true);
		setError(null);
		try {
			await work();
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
	}, busy];
}

// Which of a list are chosen: [ids, toggle, clear].
export function useChosen() {
	const [ids, setIds] = useState([]);
	return [ids, id => setIds(before => before.includes(id) ? before.filter(one => one !== id) : [...before, id]), () => setIds([])];
}
