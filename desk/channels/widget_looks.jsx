// How the widget looks on every page of the channel, and what it does: webchatt.configure_widget(), with a preview.
import { Fragment, h } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Icon, Problem, Waiting } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { Preview } from './widget_preview.jsx';
import { changesOf, COLOUR, DAYS, formOf, settingsOf, SWITCHES } from './widget_values.js';

const PAUSE = 350;
const ACCENT = '#0c625c';
const LANGUAGES = [['en', 'English'], ['pt', 'Português'], ['es', 'Español'], ['fr', 'Français'], ['de', 'Deutsch'], ['it', 'Italiano'], ['ar', 'العربية'], ['he', 'עברית'], ['ja', '日本語']];
const SCENES = ['conversation', 'empty', 'closed'];

// Where in the settings a refusal is: "questions.2.label".
const placeOf = error => error && error.status === 400 ? (error.message.match(/^"([^"]+)"/) || [])[1] || '' : '';

// A value that does not change any more.
function useRested(value) {
	const [rested, setRested] = useState(value);
	useEffect(() => {
		const timer = setTimeout(() => setRested(value), PAUSE);
		return () => clearTimeout(timer);
	}, [value]);
	return rested;
}

// of: { form, put(name, value), at(place): the refusal that is there or below }
function Text({ of, name, place = name, value = of.form[name], onPut = text => of.put(name, text), label = t(`look_${name}`), rows, hint, ...more }) {
	const id = `look-${place.replace(/\./g, '-')}`;
	const error = of.at(place);
	const Field = rows ? 'textarea' : 'input';
	return <div class="field"><label for={id}>{label}</label>
		<Field id={id} value={value} rows={rows} autocomplete="off" dir="auto" aria-invalid={!!error} aria-describedby={error ? `${id}-error` : hint ? `${id}-hint` : undefined}
			onInput={event => onPut(event.target.value)} {...more} />
		<Problem error={error} id={`${id}-error`} />
		{hint && <p class="hint" id={`${id}-hint`}>{hint}</p>}</div>;
}

function Choice({ of, name, options }) {
	return <div class="field"><label for={`look-${name}`}>{t(`look_${name}`)}</label>
		<select id={`look-${name}`} value={of.form[name]} onChange={event => of.put(name, event.target.value)}>
			{options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select>
		<Problem error={of.at(name)} /></div>;
}

function Switch({ of, name, label = t(`look_${name}`) }) {
	return <Fragment><label class="check"><input type="checkbox" checked={of.form[name]} onChange={event => of.put(name, event.target.checked)} />{label}</label>
		<Problem error={of.at(name)} /></Fragment>;
}

function Accent({ of }) {
	const { accent } = of.form;
	const error = of.at('colors');
	return <div class="field"><label for="look-accent">{t('look_accent')}</label>
		<div class="with-button">
			<input id="look-accent" value={accent} placeholder={ACCENT} autocomplete="off" spellcheck={false} aria-invalid={!!error}
				aria-describedby={error ? 'look-accent-error' : undefined} onInput={event => of.put('accent', event.target.value)} />
			<input type="color" aria-label={t('pickColour')} value={COLOUR.test(accent) ? accent : ACCENT} onInput={event => of.put('accent', event.target.value)} />
		</div>
		<Problem error={error} id="look-accent-error" /></div>;
}

// A list of things with fields: children(one, place, set) gives those.
function List({ of, name, fresh, children }) {
	const list = of.form[name];
	const put = changed => of.put(name, changed);
	return <fieldset class="rows"><legend>{t(`look_${name}`)}</legend>
		<p class="hint">{t(`look_${name}Why`)}</p>
		{list.map((one, n) => <div key={n} class="row-of" role="group" aria-label={`${t(`look_${name}`)} ${n + 1}`}>
			{children(one, `${name}.${n + 1}`, (field, value) => put(list.map((each, at) => at === n ? { ...each, [field]: value } : each)))}
			<button type="button" class="button small danger quiet" onClick={() => put(list.filter((_, at) => at !== n))}><Icon name="bin" />{t('look_remove')}</button>
		</div>)}
		{of.at(name, true) && <Problem error={of.at(name, true)} />}
		<button type="button" class="button small" onClick={() => put([...list, fresh])}><Icon name="plus" />{t(`look_${name}Add`)}</button>
	</fieldset>;
}

function Questions({ of }) {
	return <List of={of} name="questions" fresh={{ name: '', label: '', type: 'text', required: false }}>{(one, place, set) => <Fragment>
		<div class="pair">
			<Text of={of} place={`${place}.label`} label={t('question_label')} value={one.label} onPut={text => set('label', text)} />
			<Text of={of} place={`${place}.name`} label={t('question_name')} value={one.name} spellcheck={false} onPut={text => set('name', text)} />
		</div>
		<div class="pair">
			<label class="check"><input type="checkbox" checked={one.type === 'email'} onChange={event => set('type', event.target.checked ? 'email' : 'text')} />{t('question_email')}</label>
			<label class="check"><input type="checkbox" checked={one.required} onChange={event => set('required', event.target.checked)} />{t('question_required')}</label>
		</div>
	</Fragment>}</List>;
}

function Proactive({ of }) {
	return <List of={of} name="proactive" fresh={{ after: '20', path: '', text: '' }}>{(one, place, set) => <Fragment>
		<Text of={of} place={`${place}.text`} label={t('proactive_text')} rows={2} value={one.text} onPut={text => set('text', text)} />
		<div class="pair">
			<Text of={of} place={`${place}.after`} label={t('proactive_after')} inputmode="numeric" value={one.after} onPut={text => set('after', text)} />
			<Text of={of} place={`${place}.path`} label={t('proactive_path')} placeholder="/pricing*" spellcheck={false} value={one.path} onPut={text => set('path', text)} />
		</div>
	</Fragment>}</List>;
}

const zones = () => Intl.supportedValuesOf ? Intl.supportedValuesOf('timeZone') : [];
const dayName = n => new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'long', timeZone: 'UTC' }).format(new Date(Date.UTC(2024, 0, 1 + n)));

function Hours({ of }) {
	const known = useMemo(zones, []);
	function turn(on) {
		of.put('open', on);
		if (on && !of.form.timeZone) {
			of.put('timeZone', Intl.DateTimeFormat().resolvedOptions().timeZone || '');
			DAYS.slice(0, 5).forEach(day => of.put(day, '09:00–17:00'));
		}
	}
	return <fieldset class="rows"><legend>{t('look_hours')}</legend>
		<p class="hint">{t('look_hoursWhy')}</p>
		<label class="check"><input type="checkbox" checked={of.form.open} onChange={event => turn(event.target.checked)} />{t('look_open')}</label>
		{of.form.open && <Fragment>
			<Text of={of} name="timeZone" place="hours.timeZone" list="look-zones" spellcheck={false} />
			<datalist id="look-zones">{known.map(zone => <option key={zone} value={zone} />)}</datalist>
			<div class="days">{DAYS.map((day, n) => <Text key={day} of={of} name={day} place={`hours.weekdays.${day}`} label={dayName(n)} placeholder={t('look_dayClosed')} spellcheck={false} />)}</div>
			<p class="hint">{t('look_daysHint')}</p>
			<Text of={of} name="holidays" place="hours.holidays" rows={2} placeholder="2026-12-25" />
			<Text of={of} name="offline" place="hours.text" rows={2} />
		</Fragment>}
		<Problem error={of.at('hours', true) || of.at('hours.weekdays', true)} />
	</fieldset>;
}

function Form({ channel, saved, onSaved }) {
	const [form, setForm] = useState(() => formOf(saved));
	const [error, setError] = useState(null);
	const [done, setDone] = useState(false);
	const [busy, setBusy] = useState(false);
	const [scene, setScene] = useState('conversation');
	const place = placeOf(error);
	const made = settingsOf(form, saved);
	const changes = changesOf(saved, made);
	const config = useRested(JSON.stringify(made));
	let shown = false;
	const of = {
		form,
		put: (name, value) => {
			setDone(false);
			setForm(before => ({ ...before, [name]: value }));
		},
		at: (where, exactly) => {
			const here = error && place && (place === where || !exactly && place.startsWith(`${where}.`));
			shown = shown || !!here;
			return here ? error : null;
		}
	};
	async function save(event) {
		event.preventDefault();
		setBusy(true);
		setError(null);
		try {
			const { settings } = await call('configure_widget', { id: channel.id, settings: changes });
			onSaved(settings);
			setForm(formOf(settings));
			setDone(true);
		} catch (failure) {
			setError(failure);
		}
		setBusy(false);
	}
	const fields = <Fragment>
		<div class="pair"><Accent of={of} /><Text of={of} name="title" placeholder={channel.displayName} /></div>
		<Text of={of} name="greeting" rows={2} />
		<Text of={of} name="logo" type="url" placeholder="https://" spellcheck={false} />
		<div class="pair">
			<Choice of={of} name="position" options={[['', t('position_end')], ['left', t('position_left')]]} />
			<Choice of={of} name="theme" options={[['', t('ofSystem')], ['light', t('light')], ['dark', t('dark')]]} />
			<Choice of={of} name="lang" options={[['', t('lang_page')], ...LANGUAGES, ...form.lang && !LANGUAGES.some(([one]) => one === form.lang) ? [[form.lang, form.lang]] : []]} />
		</div>
		<Text of={of} name="chips" rows={2} hint={t('look_chipsWhy')} />
		<Questions of={of} />
		<Proactive of={of} />
		<Hours of={of} />
		<fieldset class="rows"><legend>{t('look_does')}</legend>{Object.keys(SWITCHES).map(name => <Switch key={name} of={of} name={name} />)}</fieldset>
		<fieldset class="rows"><legend>{t('look_where')}</legend>
			<Text of={of} name="paths" place="hideOn.paths" rows={2} placeholder="/checkout*" hint={t('look_pathsWhy')} spellcheck={false} />
			<Switch of={of} name="phones" />
			<div class="pair">
				<Text of={of} name="launcher" hint={t('look_launcherWhy')} spellcheck={false} />
				<Text of={of} name="domain" placeholder="example.com" hint={t('look_domainWhy')} spellcheck={false} />
			</div>
		</fieldset>
	</Fragment>;
	return <Fragment>
		<form class="form" noValidate onSubmit={save}>
			{fields}
			<Rest error={error} isShown={() => shown} />
			<div class="buttons">{done && <span class="saved" role="status">{t('saved')}</span>}
				<button type="submit" class="button primary" disabled={busy || !Object.keys(changes).length}>{t('look_save')}</button></div>
		</form>
		<div class="field"><label for="look-scene">{t('widgetPreview')}</label>
			<select id="look-scene" value={scene} onChange={event => setScene(event.target.value)}>
				{SCENES.map(one => <option key={one} value={one}>{t(`scene_${one}`)}</option>)}</select></div>
		<Preview name={channel.displayName} config={config} scene={scene} />
	</Fragment>;
}

// A refusal that no field showed: it is drawn behind them.
const Rest = ({ error, isShown }) => error && !isShown() ? <Problem error={error} /> : null;

export function WidgetLooks({ channel }) {
	const [saved, setSaved] = useState(null);
	const [error, setError] = useState(null);
	useEffect(() => {
		call('widget_settings', { id: channel.id }).then(({ settings }) => setSaved(settings), setError);
	}, [channel.id]);
	return <section class="block looks" aria-label={t('looks')}>
		<h2>{t('looks')}</h2>
		<p class="hint">{t('looksWhy')}</p>
		<Problem error={error} />
		{!saved && !error && <Waiting />}
		{saved && <Form channel={channel} saved={saved} onSaved={setSaved} />}
	</section>;
}
