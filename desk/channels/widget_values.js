// A channel's settings of the widget (widget/README.md) as a form has them, and back.

export const COLOUR = /^#[0-9a-f]{6}$/i;
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

// Which are on where nothing is said.
export const SWITCHES = { sound: false, titleFlash: true, emoji: true, transcript: true, rating: false, preview: true };

const TEXTS = ['title', 'greeting', 'logo', 'position', 'theme', 'lang', 'launcher', 'domain'];

// How light a colour is, 0 to 1, as WCAG reckons.
const lightness = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
	.reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * (c <= 0.04 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4), 0);

// What goes with a colour: black or white on it, whichever is easier to read; links are that colour where it can be read on white.
function coloursOf(accent, before) {
	const { accent: old, 'on-accent': on, link, ...others } = before;
	if (accent === (old || ''))
		return before;
	if (!accent)
		return others;
	if (!COLOUR.test(accent))
		return { ...others, accent };
	return { ...others, accent, 'on-accent': lightness(accent) > 0.179 ? '#000000' : '#ffffff', ...lightness(accent) > 0.183 ? { link: 'var(--webchatt-text)' } : {} };
}

const lines = text => text.split('\n').map(line => line.trim()).filter(Boolean);
const spansIn = text => text.split(/[,;]/).map(span => span.trim()).filter(Boolean).map(span => span.split(/\s*[-–—]\s*/));
const spansOf = day => (day || []).map(([opens, closes]) => `${opens}–${closes}`).join(', ');

export function formOf(settings) {
	const { hours = {}, hideOn = {} } = settings;
	return {
		...Object.fromEntries(TEXTS.map(name => [name, settings[name] || ''])),
		...Object.fromEntries(Object.entries(SWITCHES).map(([name, on]) => [name, name in settings ? settings[name] : on])),
		accent: (settings.colors || {}).accent || '',
		chips: (settings.chips || []).join('\n'),
		questions: (settings.questions || []).map(one => ({ type: 'text', required: false, ...one })),
		proactive: (settings.proactive || []).map(one => ({ path: '', ...one, after: String(one.after) })),
		open: 'hours' in settings,
		timeZone: hours.timeZone || '',
		...Object.fromEntries(DAYS.map(day => [day, spansOf((hours.weekdays || {})[day])])),
		holidays: (hours.holidays || []).join('\n'),
		offline: hours.text || '',
		paths: (hideOn.paths || []).join('\n'),
		phones: hideOn.phones === true
	};
}

function hoursOf(form) {
	const weekdays = Object.fromEntries(DAYS.map(day => [day, spansIn(form[day])]).filter(([, spans]) => spans.length));
	const holidays = lines(form.holidays);
	return { timeZone: form.timeZone.trim(), weekdays, ...holidays.length && { holidays }, ...form.offline.trim() && { text: form.offline.trim() } };
}

// What the form says, and nothing of what is left as it comes; before: what is set now, with what the form knows nothing of.
export function settingsOf(form, before) {
	const colors = coloursOf(form.accent.trim(), before.colors || {});
	const paths = lines(form.paths);
	const chips = lines(form.chips);
	const { strings } = before;
	const made = {
		...Object.fromEntries(TEXTS.map(name => [name, form[name].trim()]).filter(([, value]) => value)),
		...Object.fromEntries(Object.keys(SWITCHES).filter(name => form[name] !== SWITCHES[name]).map(name => [name, form[name]])),
		...Object.keys(colors).length && { colors },
		...strings && { strings },
		...chips.length && { chips },
		...form.questions.length && { questions: form.questions.map(({ name, label, type, required }) => ({ name: name.trim(), label: label.trim(), ...type !== 'text' && { type }, ...required && { required } })) },
		...form.proactive.length && { proactive: form.proactive.map(({ after, path, text }) => ({ after: /^\d+$/.test(after.trim()) ? Number(after) : after, ...path.trim() && { path: path.trim() }, text: text.trim() })) },
		...form.open && { hours: hoursOf(form) }
	};
	if (paths.length || form.phones)
		made.hideOn = { ...paths.length && { paths }, ...form.phones && { phones: true } };
	return made;
}

// The same value in the same words: the database keeps members in an order of its own.
const written = value => JSON.stringify(value, (key, one) => one && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort()) : one);

// What changes one into the other: null takes a member away.
export function changesOf(before, after) {
	const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
	return Object.fromEntries(names.filter(name => written(before[name]) !== written(after[name])).map(name => [name, name in after ? after[name] : null]));
}
