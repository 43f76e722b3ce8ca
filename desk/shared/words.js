// The words that the desk shows, in each language that it knows, and the choice between them.
import { liking } from './keep.js';
import { EN } from './words_en.js';

export const LANGUAGES = [['en', 'English'], ['pt', 'Português']];

// Each part of the desk brings its English with it; another language is a module of its own.
const parts = [{ en: () => ({ EN }), pt: () => import('./words_pt.js') }];

let words = {};
let english = EN;
let base = 'en';
let formats = {};
export let locale = 'en';

const baseOf = tag => tag.toLowerCase().split(/[-_]/)[0];

// All that there is in a language; where it cannot be loaded the desk speaks English until it is asked again.
async function wordsOf(language) {
	const all = await Promise.all(parts.map(part => part[language]()));
	return Object.assign({}, ...all.map(module => module[language.toUpperCase()]));
}

async function read() {
	const wanted = base;
	english = await wordsOf('en');
	const found = wanted === 'en' ? english : await wordsOf(wanted).catch(() => null);
	if (wanted === base && found)
		words = found;
}

// A part that comes later: { language: () => its module, or the promise of it }.
export function addWords(part) {
	parts.push(part);
	return read();
}

// What was chosen here before, or the first of the browser's languages that there are words for.  Resolves when they are there.
export function startWords() {
	const chosen = liking.get('language');
	const wanted = [chosen, ...navigator.languages].filter(Boolean);
	base = wanted.map(baseOf).find(one => one in parts[0]) || 'en';
	// "en" was chosen: the browser knows which English.
	locale = wanted.find(one => baseOf(one) === base && one !== base) || base;
	formats = {
		time: new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' }),
		day: new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
		date: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' }),
		year: new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short', year: 'numeric' }),
		full: new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }),
		exact: new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }),
		relative: new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }),
		plural: new Intl.PluralRules(locale)
	};
	document.documentElement.lang = locale;
	return read();
}

// '': the browser's.
export function chooseLanguage(name) {
	liking.set('language', name);
	return startWords();
}

export const language = () => liking.get('language');

// A word, its {holes} filled.  Where it is said of n things, name + '.one' is for one.
export function t(name, holes = {}) {
	const one = 'n' in holes && formats.plural && formats.plural.select(holes.n) === 'one' && words[`${name}.one`];
	return String(one || words[name] || english[name] || name).replace(/\{(\w+)\}/g, (all, hole) => hole in holes ? holes[hole] : all);
}

// --- times: milliseconds, or what the server sends ---

export const when = at => typeof at === 'number' ? at : Date.parse(at);

const capital = text => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
const daysAgo = at => Math.round((new Date().setHours(12, 0, 0, 0) - new Date(at).setHours(12, 0, 0, 0)) / 86400000);

// 14:05
export const timeOf = at => formats.time.format(when(at));

// 29 Nov 2026, 14:05
export const fullOf = at => at ? formats.full.format(when(at)) : '–';

// 29 Nov 2026, 14:05:07
export const exactOf = at => formats.exact.format(when(at));

// "Today", "Yesterday", or a date.
export function dayOf(at) {
	const ago = daysAgo(when(at));
	return capital(ago === 0 || ago === 1 ? formats.relative.format(-ago, 'day') : formats.day.format(when(at)));
}

// As short as a list wants it: the time of today, yesterday, a date.
export function shortOf(at) {
	const ago = daysAgo(when(at));
	if (ago <= 0)
		return timeOf(at);
	if (ago === 1)
		return capital(formats.relative.format(-1, 'day'));
	return (new Date(when(at)).getFullYear() === new Date().getFullYear() ? formats.date : formats.year).format(when(at));
}

// How long it has been so: "4 min", "3 h", "2 days"; less than a minute: "now", or what is given for it.
export function howLong(since, now = t('now')) {
	const minutes = Math.floor((Date.now() - when(since)) / 60000);
	if (minutes < 1)
		return now;
	if (minutes < 60)
		return t('minutes', { n: minutes });
	if (minutes < 48 * 60)
		return t('hours', { n: Math.floor(minutes / 60) });
	return t('days', { n: Math.floor(minutes / 1440) });
}
