// The words that the widget shows, and the choice of their language.  English is
// in here as far as the bubble needs it, and else comes with the panel; another
// language is loaded.  What is missing in English is its name: send, "Send".

import { has, words as loadWords } from './loader.js';
import { isObject } from './values.js';

const BASE = {
	open: 'Open chat',
	close: 'Close chat',
	unread: '{n} unread',
	retry: 'Try again',
	unknown: 'This message cannot be shown here.',
	loading: 'Loading…',
	missing: 'The chat could not be loaded.'
};

let english = BASE;
let foreign = {};
let own = {};
let time;
let date;

// Dates follow the words: a language that config.strings brings, too.
export let locale;

// When the language is there, or known not to come: modules that show words begin then.
export let ready;

const baseOf = tag => tag.toLowerCase().split('-')[0];

// A language's tag as Intl takes it: what a page, a configuration or a browser says
// is often none ("en-", "de_DE", "C.UTF-8"), but begins as one.
function tagOf(given) {
	let tag = String(given || '').split(/[.@]/)[0].replace(/_/g, '-');
	while (tag) {
		try {
			return Intl.getCanonicalLocales(tag)[0];
		} catch {
			tag = tag.replace(/-?[^-]*$/, '');
		}
	}
	return '';
}

// The first of the wanted languages that there are words for: the
// configuration's, the page's, the browser's.
function pickLanguage(config) {
	const wanted = [config.lang, document.documentElement.lang].concat(navigator.languages).map(tagOf);
	for (const tag of wanted) {
		const base = baseOf(tag);
		// A page says "en": the browser knows which English.
		if (base === 'en' || base && has(base))
			return wanted.find(one => one.startsWith(`${base}-`)) || base;
	}
	return 'en';
}

// Changed is called when words of another language have come.
export function chooseWords(config, changed) {
	const tag = pickLanguage(config);
	const base = baseOf(tag);
	own = config.strings || {};
	const none = foreign = {};
	locale = config.strings && tagOf(config.lang) || tag;
	time = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
	date = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
	ready = base === 'en' ? Promise.resolve() : loadWords(base).then(words => {
		if (foreign === none) {
			foreign = words;
			changed();
		}
	}, () => 0);
}

export const rightToLeft = () => /^(ar|dv|fa|he|ps|sd|ug|ur|yi)\b/.test(locale);

// English words that a module brings along.
export function addWords(more) {
	english = { ...english, ...more };
}

const capital = text => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

// A word, its {holes} filled.  One that counts has a form for each kind of number, as { one, few, other }.
export function t(name, holes = {}) {
	let word = own[name] || foreign[name] || english[name] || capital(name);
	if (isObject(word))
		word = Intl.PluralRules && word[new Intl.PluralRules(locale).select(holes.n)] || word.other;
	return String(word).replace(/\{(\w+)\}/g, (all, hole) => hole in holes ? hole === 'n' ? new Intl.NumberFormat(locale).format(holes.n) : holes[hole] : all);
}

export const timeOf = at => time.format(at);

// "Today", "Yesterday", or a date.
export function dayOf(at) {
	const noon = when => new Date(when).setHours(12, 0, 0, 0);
	const ago = Math.round((noon(Date.now()) - noon(at)) / 86400000);
	return capital(Intl.RelativeTimeFormat && (ago === 0 || ago === 1) ? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-ago, 'day') : date.format(at));
}
