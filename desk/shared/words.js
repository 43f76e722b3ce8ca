// The words that the desk shows, in each language that it knows, and the choice between them.
import { liking } from './keep.js';
import { EN } from './words_en.js';
import { PT } from './words_pt.js';

const WORDS = { en: EN, pt: PT };
export const LANGUAGES = [['en', 'English'], ['pt', 'Português']];

let words = EN;
let formats = {};
export let locale = 'en';

const baseOf = tag => tag.toLowerCase().split(/[-_]/)[0];

// What was chosen here before, or the first of the browser's languages that there are words for.
export function startWords() {
	const chosen = liking.get('language');
	const wanted = [chosen, ...navigator.languages].filter(Boolean);
	const base = wanted.map(baseOf).find(one => WORDS[one]) || 'en';
	// "en" was chosen: the browser knows which English.
	locale = wanted.find(one => baseOf(one) === base && one !== base) || base;
	words = WORDS[base];
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
}

// '': the browser's.
export function chooseLanguage(name) {
	liking.set('language', name);
	startWords();
}

export const language = () => liking.get('language');

// A word, its {holes} filled.  Where it is said of n things, name + '.one' is for one.
export function t(name, holes = {}) {
	const one = 'n' in holes && formats.plural && formats.plural.select(holes.n) === 'one' && words[`${name}.one`];
	return String(one || words[name] || EN[name] || name).replace(/\{(\w+)\}/g, (all, hole) => hole in holes ? holes[hole] : all);
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
