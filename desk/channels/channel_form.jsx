// A channel's display name and origins.  What is wrong with them the server says, in its own words, at the field
// that it speaks of.
import { Fragment, h } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { call, Refusal } from '../shared/api.js';
import { href, replace } from '../shared/route.js';
import { Head, Icon, Problem, reasonOf } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

const MOST_CHARACTERS = 50;
const MOST_ORIGINS = 5;

const lengthOf = text => Array.from(text).length;

// Which field a refusal speaks of: 'name', an origin's number, 'origins', or '' for none.
function fieldOf(error, origins) {
	if (!error || !error.message || error.passes)
		return '';
	const text = error.message;
	// One may be the beginning of another.
	const longest = origins.filter(one => one && text.includes(one)).sort((a, b) => b.length - a.length)[0];
	const at = origins.indexOf(longest);
	if (/origin/i.test(text))
		return at >= 0 ? at : origins.length === 1 ? 0 : 'origins';
	return /display name/i.test(text) ? 'name' : '';
}

function Name({ name, onName, error, focus, onLeave }) {
	const characters = lengthOf(name);
	return <div class="field">
		<label for="channel-name">{t('displayName')}</label>
		<input id="channel-name" value={name} autocomplete="off" autofocus={focus} aria-invalid={!!error} aria-describedby="channel-name-hint channel-name-count"
			onInput={event => onName(event.target.value)} onBlur={onLeave} />
		{error && <p class="problem" role="alert">{reasonOf(error)}</p>}
		<p class="hint spread"><span id="channel-name-hint">{t('displayNameHint')}</span>
			<span id="channel-name-count" class={characters > MOST_CHARACTERS ? 'count over' : 'count'}>{t('counter', { n: characters, most: MOST_CHARACTERS })}</span></p>
	</div>;
}

function Origins({ origins, onOrigins, errors, error, onLeave }) {
	const last = useRef();
	const [added, setAdded] = useState(0);
	useLayoutEffect(() => {
		if (added)
			last.current.focus();
	}, [added]);
	const put = (at, text) => onOrigins(origins.map((one, other) => other === at ? text : one));
	return <fieldset class="field">
		<legend>{t('origins')}</legend>
		<p class="hint" id="origins-hint">{t('originsHint')}</p>
		{origins.map((origin, at) => <Fragment key={at}>
			<div class="with-button">
				<input type="url" ref={at === origins.length - 1 ? last : undefined} value={origin} placeholder="https://www.example.com" spellcheck={false} autocapitalize="off"
					autocomplete="off" aria-label={t('origin', { n: at + 1 })} aria-invalid={!!errors[at]} aria-describedby="origins-hint" onInput={event => put(at, event.target.value)}
					onBlur={() => onLeave(at)} />
				{origins.length > 1 && <button type="button" class="icon-button" aria-label={t('removeOrigin', { n: at + 1 })}
					onClick={() => onOrigins(origins.filter((one, other) => other !== at))}><Icon name="close" /></button>}
			</div>
			{errors[at] && <p class="problem" role="alert">{reasonOf(errors[at])}</p>}
		</Fragment>)}
		{error && <p class="problem" role="alert">{reasonOf(error)}</p>}
		{origins.length < MOST_ORIGINS && <button type="button" class="button small" onClick={() => {
			onOrigins([...origins, '']);
			setAdded(added + 1);
		}}><Icon name="plus" />{t('addOrigin')}</button>}
	</fieldset>;
}

const CHECK_PAUSE = 400;

// What the server says of each value while it is typed: { name, origins: [] } of Refusals or nulls.  What is empty is
// not wrong yet, nor what nobody has left yet (touched: 'name' and origins' numbers).
function useChecked(name, origins, touched) {
	const [said, setSaid] = useState({ of: null, name: null, origins: [] });
	const values = JSON.stringify([name, origins]);
	useEffect(() => {
		let late = false;
		const timer = setTimeout(async () => {
			const answer = await call('check_channel', { displayName: name, origins }).catch(() => null);
			const refused = one => one && new Refusal(400, one);
			if (answer && !late)
				setSaid({ of: values, name: refused(answer.displayName), origins: answer.origins.map(refused) });
		}, CHECK_PAUSE);
		return () => {
			late = true;
			clearTimeout(timer);
		};
	}, [values]);
	const known = said.of === values;
	return {
		name: known && name && touched.has('name') ? said.name : null,
		origins: origins.map((origin, at) => known && origin && touched.has(at) ? said.origins[at] : null)
	};
}

// onSave({ displayName, origins }) throws the Refusal.
export function ChannelForm({ start, action, onSave, children }) {
	const [name, setName] = useState(start.displayName || '');
	const [origins, setOrigins] = useState(start.origins && start.origins.length ? start.origins : ['']);
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const [touched, setTouched] = useState(new Set());
	const trimmed = origins.map(one => one.trim());
	const which = fieldOf(error, trimmed);
	const checked = useChecked(name.trim(), trimmed, touched);
	const touch = field => setTouched(before => new Set(before).add(field));
	const change = setter => value => {
		setter(value);
		setError(null);
	};

	async function save(event) {
		event.preventDefault();
		setBusy(true);
		setError(null);
		try {
			await onSave({ displayName: name.trim(), origins: origins.map(one => one.trim()).filter(Boolean) });
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
	}
	return <form class="form" noValidate onSubmit={save}>
		<Name name={name} onName={change(setName)} error={which === 'name' ? error : checked.name} focus={!start.id} onLeave={() => touch('name')} />
		<Origins origins={origins} onOrigins={change(setOrigins)} errors={trimmed.map((one, at) => which === at ? error : checked.origins[at])}
			error={which === 'origins' ? error : null} onLeave={touch} />
		{which === '' && <Problem error={error} />}
		<div class="buttons">{children}<button type="submit" class="button primary" disabled={busy}>{action}</button></div>
	</form>;
}

export function AddChannel({ onMade }) {
	async function make(values) {
		const answer = await call('create_channel', values);
		await onMade();
		replace('channels', String(answer.id || answer), 'made');
	}
	return <section class="page" aria-label={t('addChannel')}>
		<Head title={t('configure')} back={href('channels')} />
		<div class="scroll"><div class="sheet"><ChannelForm start={{}} action={t('addChannel')} onSave={make}>
			<a class="button" href={href('channels')}>{t('cancel')}</a>
		</ChannelForm>
		<p class="hint"><a href={href('channels', 'remote')}>{t('addRemote')}</a></p></div></div>
	</section>;
}
