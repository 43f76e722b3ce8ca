// What all pages are made of.
import { h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { safeAddress } from './links.js';
import { t } from './words.js';

const ICONS = {
	inbox: 'M4 13l3-8h10l3 8v6H4v-6zm0 0h5l1 3h4l1-3h5',
	channels: 'M12 3c5 0 9 3.4 9 7.7s-4 7.7-9 7.7c-1 0-2-.1-2.9-.4L4.6 20.7l.9-3.9C4 15.2 3 13.1 3 10.7 3 6.4 7 3 12 3z',
	agents: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zm-6.5 9c.4-3.5 3-5.5 6.5-5.5s6.1 2 6.5 5.5M16 4.3a3.5 3.5 0 0 1 0 6.4M18 15c2 .8 3.2 2.5 3.5 5',
	account: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zm-7.5 8.5c.5-4 3.5-6 7.5-6s7 2 7.5 6',
	webhooks: 'M9 13a4 4 0 1 0 1 5h7M12 8a4 4 0 1 1 6.5 4L15 6m-6 7l3.5-5.5M18 21a3.5 3.5 0 1 0-2-6.5',
	keys: 'M14 10a4.5 4.5 0 1 0-2.6 4.1L13 16h2v2h2v2h3v-3l-6.4-6.4M8.5 9v.01',
	hubs: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3 12h18M12 3c5 5 5 13 0 18-5-5-5-13 0-18z',
	rejects: 'M4 13l3-8h10l3 8v6H4v-6zm0 0h5l1 3h4l1-3h5M10 7.5l4 4m0-4l-4 4',
	status: 'M3 12h4l3-7 4 14 3-7h4',
	settings: 'M4 7h9m5 0h2M4 17h2m5 0h9M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zm-7 10a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
	more: 'M5 12v.01M12 12v.01M19 12v.01',
	search: 'M10.5 17.5a7 7 0 1 0 0-14 7 7 0 0 0 0 14zm5-2l5 5',
	back: 'M15 5l-7 7 7 7',
	down: 'M6 9.5l6 6 6-6',
	close: 'M6 6l12 12M18 6L6 18',
	send: 'M5 12h13M12.5 6l6 6-6 6',
	plus: 'M12 5v14M5 12h14',
	copy: 'M9 9h10v11H9zM5 15V4h10',
	info: 'M12 11v6m0-10v.5M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
	clock: 'M12 7.5V12l3 2M20 12a8 8 0 1 1-16 0 8 8 0 0 1 16 0z',
	sent: 'M5 12.5l4.5 4.5L19 7.5',
	delivered: 'M1.5 12.5L6 17l9.5-9.5M11 15.5l1.5 1.5L22 7.5',
	read: 'M1.5 12.5L6 17l9.5-9.5M11 15.5l1.5 1.5L22 7.5',
	failed: 'M12 7.5v5.5m0 3v.5M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
	key: 'M15 8h.01M10.6 13.4a5 5 0 1 1 2.6 1.4L11 17H9v2H7v2H3v-4l7.6-7.6z',
	file: 'M7 3h7l4 4v14H7V3zm7 0v4h4',
	pin: 'M12 21s7-6 7-11.5A7 7 0 0 0 5 9.5C5 15 12 21 12 21zm0-9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
	answers: 'M5 4h14v11H10l-4 4v-4H5V4zm10.5 2.5l-3.5 6',
	bell: 'M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15L6 17zm4.5 4h3',
	mute: 'M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15L6 17zm4.5 4h3M3 3l18 18',
	bin: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
	done: 'M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0zM8 12l3 3 5-6'
};

export function Icon({ name }) {
	return <svg class={`icon i-${name}`} viewBox="0 0 24 24" aria-hidden="true"><path d={ICONS[name]} /></svg>;
}

// A link that leaves the desk and tells the other side nothing of it; text where the address is none.
export function Out({ href, children, ...rest }) {
	const safe = safeAddress(href);
	return safe ? <a {...rest} href={safe} target="_blank" rel="noopener noreferrer">{children}</a> : <span>{children}</span>;
}

// The site's server has signed which of its users that is.
export function Verified({ of }) {
	return of.verified ? <span class="verified" title={t('verifiedWhy')}><Icon name="done" /><span class="hush">{t('verified')}</span></span> : null;
}

// The first letters of up to two words.
export function Avatar({ name, url, quiet }) {
	const [broken, setBroken] = useState(false);
	const letters = Array.from(String(name).matchAll(/[\p{L}\p{N}]+/gu), word => Array.from(word[0])[0]).slice(0, 2).join('').toUpperCase();
	const picture = url && !broken && /^https:/.test(url);
	return <span class={quiet ? 'avatar quiet' : 'avatar'} aria-hidden="true">
		{picture ? <img src={url} alt="" referrerpolicy="no-referrer" onError={() => setBroken(true)} /> : letters || <Icon name="account" />}
	</span>;
}

// An empty page says what to do next.
export function Empty({ icon, title, children }) {
	return <div class="empty">{icon && <Icon name={icon} />}<h2>{title}</h2>{children}</div>;
}

export const Waiting = () => <p class="loading" role="status">{t('loading')}</p>;

// Messages begin small and end without a dot; what stands behind them does not.
function sentences(texts) {
	const all = texts.filter(Boolean).map(text => text.charAt(0).toUpperCase() + text.slice(1));
	return all.map((text, at) => at < all.length - 1 && !/[.!?]$/.test(text) ? `${text}.` : text).join(' ');
}

// What went wrong in a call, in the server's words where it has some.
export function reasonOf(error) {
	if (error.message && error.status !== 500)
		return sentences([error.message, error.detail, error.hint]);
	if (error.status === 0)
		return t('unreached');
	if (error.status === 403)
		return t('forbidden');
	if (error.status === 404)
		return t('missing');
	return t(error.passes && error.status !== 500 ? 'busy' : 'broken');
}

export function Problem({ error, id }) {
	return error ? <p class="problem" role="alert" id={id}>{reasonOf(error)}</p> : null;
}

async function toClipboard(text, field) {
	try {
		await navigator.clipboard.writeText(text);
	} catch {
		// Without TLS there is no clipboard but the old way.
		field.focus();
		field.select();
		return document.execCommand('copy');
	}
	return true;
}

// A value that is there to be taken elsewhere.
export function Copy({ label, value, hint, rows = 1 }) {
	const field = useRef();
	const [done, setDone] = useState(false);
	useEffect(() => {
		const timer = done && setTimeout(() => setDone(false), 3000);
		return () => clearTimeout(timer);
	}, [done]);
	useEffect(() => setDone(false), [value]);
	const id = `copy-${label.replace(/\W+/g, '-')}`;
	const Field = rows > 1 ? 'textarea' : 'input';
	return <div class="field copy">
		<label for={id}>{label}</label>
		<div class="with-button">
			<Field id={id} ref={field} readOnly value={value} rows={rows > 1 ? rows : undefined} spellcheck={false}
				aria-describedby={hint ? `${id}-hint` : undefined} onFocus={event => event.target.select()} />
			<button type="button" class="button" aria-label={t('copyOf', { what: label })}
				onClick={async () => setDone(await toClipboard(value, field.current))}>
				<Icon name={done ? 'sent' : 'copy'} />{t(done ? 'copied' : 'copy')}
			</button>
		</div>
		<span class="hush" role="status">{done ? t('copied') : ''}</span>
		{hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}
	</div>;
}

// A question that has to be answered first.  The browser keeps the focus inside, and Esc closes it.
export function Dialog({ title, children, onClose }) {
	const element = useRef();
	useLayoutEffect(() => {
		const dialog = element.current;
		dialog.showModal();
		// closed before it is gone, so that the browser gives the focus back
		return () => {
			dialog.addEventListener('close', event => event.stopImmediatePropagation(), true);
			dialog.close();
		};
	}, []);
	return <dialog ref={element} aria-label={title} onClose={onClose} onKeyDown={event => event.stopPropagation()}>
		<h2>{title}</h2>
		{children}
	</dialog>;
}

// A dialog that asks whether something that cannot be taken back is wanted.
export function Confirm({ title, why, action, onDo, onClose }) {
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	async function run() {
		setBusy(true);
		setError(null);
		try {
			await onDo();
			onClose();
		} catch (failure) {
			setError(failure);
			setBusy(false);
		}
	}
	return <Dialog title={title} onClose={onClose}>
		<p>{why}</p>
		<Problem error={error} />
		<div class="buttons">
			<button type="button" class="button" autofocus onClick={onClose}>{t('cancel')}</button>
			<button type="button" class="button danger" disabled={busy} onClick={run}>{action}</button>
		</div>
	</Dialog>;
}

// The head of a page; back: where the arrow leads on a phone.
export function Head({ title, back, children }) {
	return <header class="head">
		{back && <a class="icon-button back" href={back} aria-label={t('back')}><Icon name="back" /></a>}
		<h1>{title}</h1>
		{children}
	</header>;
}
