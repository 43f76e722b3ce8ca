// The settings as the worker has them: read-only, with what changes them.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Empty, Head, Problem, Waiting } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

const SOURCES = ['default', 'configuration file', 'database', 'global', 'command line'];

// Where it has its value from, in words where there are some.
function sourceOf(setting) {
	if (setting.source === null)
		return t('sourceNone');
	return SOURCES.includes(setting.source) ? t(`source_${setting.source.replace(' ', '_')}`) : setting.source;
}

const valueOf = setting => setting.secret ? t(setting.source === 'default' ? 'empty' : 'notShown') : setting.value === null ? '–' : setting.value || t('empty');

// A number of something has its unit beside it; a time has it in the value.
const unitOf = setting => /^\d+$/.test(setting.value || '') && !/^(ms|s|kB)$/.test(setting.unit) ? ` ${setting.unit}` : '';

function Setting({ setting }) {
	const set = setting.source !== null && setting.source !== 'default';
	return <div class={set ? 'setting set' : 'setting'} data-setting={setting.name}>
		<p class="head-line"><span class="name">{setting.name}</span><span class="value">{valueOf(setting)}{unitOf(setting)}</span></p>
		<p>{setting.what}</p>
		{setting.pending && <p class="notice">{t('pending')}</p>}
		<details>
			<summary>{sourceOf(setting)} · {t('defaultIs', { value: setting.default || t('empty') })}</summary>
			{setting.more && <p>{setting.more}</p>}
			<p class="hint">{t('howToChange')}</p>
			<pre>{setting.change.replace('; ', ';\n')}</pre>
			<p class="hint">{t(`effect_${setting.effect}`)}</p>
		</details>
	</div>;
}

const FILTERS = ['all', 'changed', 'pending'];

function matches(setting, text, filter) {
	if (filter === 'changed' && (setting.source === null || setting.source === 'default') || filter === 'pending' && !setting.pending)
		return false;
	const all = [setting.name, setting.what, setting.more, setting.value, setting.section].join(' ').toLowerCase();
	return text.toLowerCase().split(/\s+/).every(word => all.includes(word));
}

export function SettingsPage({ back }) {
	const [settings, setSettings] = useState(null);
	const [error, setError] = useState(null);
	const [text, setText] = useState('');
	const [filter, setFilter] = useState('all');
	useEffect(() => {
		call('settings').then(setSettings, setError);
	}, []);
	const shown = (settings || []).filter(one => matches(one, text, filter));
	const sections = [...new Set(shown.map(one => one.section))];
	return <section class="page" aria-label={t('settings')}>
		<Head title={t('settings')} back={back} />
		<div class="scroll"><div class="sheet">
			<p class="hint">{t('settingsWhy')}</p>
			<Problem error={error} />
			{!settings && !error && <Waiting />}
			{settings && <div class="block pair">
				<div class="field"><label for="setting-filter">{t('filterSettings')}</label>
					<input id="setting-filter" type="search" value={text} autocomplete="off" spellcheck={false} onInput={event => setText(event.target.value)} /></div>
				<div class="field"><label for="setting-which">{t('which')}</label>
					<select id="setting-which" value={filter} onChange={event => setFilter(event.target.value)}>
						{FILTERS.map(one => <option key={one} value={one}>{t(`settings_${one}`)}</option>)}</select></div>
			</div>}
			{settings && <p class="hush" role="status">{t('settingsShown', { n: shown.length })}</p>}
			{settings && settings.every(one => one.source === null) && <p class="notice">{t('settingsNoWorker')}</p>}
			{settings && !shown.length && <Empty icon="info" title={t('noSettings')} />}
			{sections.map(section => <section key={section} class="block" aria-label={section}>
				<h2>{section}</h2>
				<div>{shown.filter(one => one.section === section).map(one => <Setting key={one.name} setting={one} />)}</div>
			</section>)}
		</div></div>
	</section>;
}
