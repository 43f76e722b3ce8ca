// A channel's display name and origins.  What is wrong with them the server says, in its own words, at the field
// that it speaks of.
import { Fragment, h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
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

function Name({ name, onName, error, focus }) {
	const characters = lengthOf(name);
	return <div class="field">
		<label for="channel-name">{t('displayName')}</label>
		<input id="channel-name" value={name} autocomplete="off" autofocus={focus} aria-invalid={!!error} aria-describedby="channel-name-hint channel-name-count"
			onInput={event => onName(event.target.value)} />
		{error && <p class="problem" role="alert">{reasonOf(error)}</p>}
		<p class="hint spread"><span id="channel-name-hint">{t('displayNameHint')}</span>
			<span id="channel-name-count" class={characters > MOST_CHARACTERS ? 'count over' : 'count'}>{t('counter', { n: characters, most: MOST_CHARACTERS })}</span></p>
	</div>;
}

function Origins({ origins, onOrigins, error, which }) {
	const last = useRef();
	const [added, setAdded] = useState(0);
	useEffect(() => {
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
					autocomplete="off" aria-label={t('origin', { n: at + 1 })} aria-invalid={which === at} aria-describedby="origins-hint" onInput={event => put(at, event.target.value)} />
				{origins.length > 1 && <button type="button" class="icon-button" aria-label={t('removeOrigin', { n: at + 1 })}
					onClick={() => onOrigins(origins.filter((one, other) => other !== at))}><Icon name="close" /></button>}
			</div>
			{which === at && <p class="problem" role="alert">{reasonOf(error)}</p>}
		</Fragment>)}
		{which === 'origins' && <p class="problem" role="alert">{reasonOf(error)}</p>}
		{origins.length < MOST_ORIGINS && <button type="button" class="button small" onClick={() => {
			onOrigins([...origins, '']);
			setAdded(added + 1);
		}}><Icon name="plus" />{t('addOrigin')}</button>}
	</fieldset>;
}

// onSave({ displayName, origins }) throws the Refusal.
export function ChannelForm({ start, action, onSave, children }) {
	const [name, setName] = useState(start.displayName || '');
	const [origins, setOrigins] = useState(start.origins && start.origins.length ? start.origins : ['']);
	const [error, setError] = useState(null);
	const [busy, setBusy] = useState(false);
	const which = fieldOf(error, origins.map(one => one.trim()));
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
		<Name name={name} onName={change(setName)} error={which === 'name' ? error : null} focus={!start.id} />
		<Origins origins={origins} onOrigins={change(setOrigins)} error={error} which={which} />
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
		</ChannelForm></div></div>
	</section>;
}
