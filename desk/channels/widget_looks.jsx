// How the widget looks on a page, and what it says: a form whose values become the data-config of the widget script, and a preview,
// which is the widget itself in a frame that may do nothing but show it (desk/preview).
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Problem, reasonOf } from '../shared/ui.jsx';
import { language, locale, t } from '../shared/words.js';

const PAUSE = 350;
const PATIENCE = 10000;
const ACCENT = '#0c625c';

const COLOUR = /^#[0-9a-f]{6}$/i;

// How light a colour is, 0 to 1, as WCAG reckons.
const lightness = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
	.reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * (c <= 0.04 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4), 0);

// What goes with a colour: black or white on it, whichever is easier to read; links are that colour where it can be read on white.
function coloursOf(accent) {
	if (!COLOUR.test(accent))
		return { accent };
	return { accent, 'on-accent': lightness(accent) > 0.179 ? '#000000' : '#ffffff', ...lightness(accent) > 0.183 ? { link: 'var(--webchatt-text)' } : {} };
}

// Empty values are left out: the widget has its own.
function given({ accent, ...form }) {
	const config = Object.fromEntries(Object.entries(form).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
	return accent.trim() ? { ...config, colors: coloursOf(accent.trim()) } : config;
}

// Which field a refusal speaks of.
const fieldOf = error => error && error.status === 400 ? (error.message.match(/^"(\w+)"/) || [])[1] || '' : '';

// A value that does not change any more.
function useRested(value) {
	const [rested, setRested] = useState(value);
	useEffect(() => {
		const timer = setTimeout(() => setRested(value), PAUSE);
		return () => clearTimeout(timer);
	}, [value]);
	return rested;
}

// { form, set(name)(value), config (JSON), script, error }.  script: '' while it is not known, null: it cannot be made.
export function useLooks(channel) {
	const [form, setForm] = useState({ accent: '', title: '', greeting: '', position: '', theme: '', lang: '' });
	const [answer, setAnswer] = useState({});
	const now = JSON.stringify(given(form));
	const config = useRested(now);
	const of = `${channel.publicKey} ${config}`;
	useEffect(() => {
		if (config === '{}')
			return undefined;
		let late = false;
		const take = what => late || setAnswer({ of, ...what });
		call('widget_script', { id: channel.id, config: JSON.parse(config) }).then(({ script }) => take({ script }), error => take({ error }));
		return () => late = true;
	}, [of]);
	const known = answer.of === of && now === config;
	return {
		form, config, set: name => value => setForm(before => ({ ...before, [name]: value })), error: answer.of === of ? answer.error : null,
		script: now === '{}' ? channel.widgetScript : known ? answer.script || '' : ''
	};
}

// The frame says when it is there and when it shows the widget; a new configuration is a new page in it.
function Preview({ name, config, scene }) {
	const frame = useRef();
	const [state, setState] = useState('loading');
	const [tries, setTries] = useState(0);
	const latest = useRef();
	latest.current = { webchattPreview: 'show', name, scene, config: JSON.parse(config), language: locale };
	const say = what => frame.current && frame.current.contentWindow.postMessage(what, '*');
	useEffect(() => {
		const hear = event => {
			if (!frame.current || event.source !== frame.current.contentWindow || !event.data)
				return;
			const what = event.data.webchattPreview;
			if (what === 'ready')
				say(latest.current);
			else if (what === 'shown' || what === 'failed')
				setState(what);
		};
		addEventListener('message', hear);
		return () => removeEventListener('message', hear);
	}, []);
	useEffect(() => {
		const timer = setTimeout(() => setState(before => before === 'loading' ? 'failed' : before), PATIENCE);
		return () => clearTimeout(timer);
	}, [tries]);
	const first = useRef(true);
	useEffect(() => {
		if (!first.current)
			say({ webchattPreview: 'again' });
		first.current = false;
	}, [config, name, scene, language()]);
	return <div class="preview">
		{state === 'failed' && <p class="notice" role="alert">{t('previewFailed')} <button type="button" class="link" onClick={() => {
			setState('loading');
			setTries(tries + 1);
		}}>{t('retry')}</button></p>}
		<iframe key={tries} ref={frame} src="/desk/preview" sandbox="allow-scripts" title={t('widgetPreview')} />
	</div>;
}

function Choice({ name, form, set, options }) {
	return <div class="field"><label for={`look-${name}`}>{t(`look_${name}`)}</label>
		<select id={`look-${name}`} value={form[name]} onChange={event => set(name)(event.target.value)}>
			{options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select></div>;
}

function Text({ name, form, set, error, placeholder, rows }) {
	const Field = rows ? 'textarea' : 'input';
	return <div class="field"><label for={`look-${name}`}>{t(`look_${name}`)}</label>
		<Field id={`look-${name}`} value={form[name]} rows={rows} placeholder={placeholder} autocomplete="off" dir="auto" aria-invalid={!!error}
			aria-describedby={error ? `look-${name}-error` : undefined} onInput={event => set(name)(event.target.value)} />
		{error && <p class="problem" role="alert" id={`look-${name}-error`}>{reasonOf(error)}</p>}</div>;
}

function Accent({ form, set, error }) {
	return <div class="field"><label for="look-accent">{t('look_accent')}</label>
		<div class="with-button">
			<input id="look-accent" value={form.accent} placeholder={ACCENT} autocomplete="off" spellcheck={false} aria-invalid={!!error}
				aria-describedby={error ? 'look-accent-error' : undefined} onInput={event => set('accent')(event.target.value)} />
			<input type="color" aria-label={t('pickColour')} value={COLOUR.test(form.accent) ? form.accent : ACCENT} onInput={event => set('accent')(event.target.value)} />
		</div>
		{error && <p class="problem" role="alert" id="look-accent-error">{reasonOf(error)}</p>}</div>;
}

const SCENES = ['conversation', 'empty', 'closed'];

export function WidgetLooks({ channel, looks }) {
	const { form, set, config, error } = looks;
	const [scene, setScene] = useState('conversation');
	const wrong = fieldOf(error);
	const shared = { form, set };
	const at = name => wrong === name ? error : null;
	return <section class="block looks" aria-label={t('looks')}>
		<h2>{t('looks')}</h2>
		<p class="hint">{t('looksWhy')}</p>
		<div class="pair">
			<Accent {...shared} error={at('colors')} />
			<Text {...shared} name="title" placeholder={channel.displayName} error={at('title')} />
		</div>
		<Text {...shared} name="greeting" rows={2} error={at('greeting')} />
		<div class="pair">
			<Choice {...shared} name="position" options={[['', t('position_end')], ['left', t('position_left')]]} />
			<Choice {...shared} name="theme" options={[['', t('ofSystem')], ['light', t('light')], ['dark', t('dark')]]} />
			<Choice {...shared} name="lang" options={[['', t('lang_page')], ['en', 'English'], ['pt', 'Português']]} />
		</div>
		{!wrong && <Problem error={error} />}
		<div class="field"><label for="look-scene">{t('widgetPreview')}</label>
			<select id="look-scene" value={scene} onChange={event => setScene(event.target.value)}>
				{SCENES.map(one => <option key={one} value={one}>{t(`scene_${one}`)}</option>)}</select></div>
		<Preview name={channel.displayName} config={config} scene={scene} />
	</section>;
}
