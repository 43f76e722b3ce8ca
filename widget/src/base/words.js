// The words that the widget shows, and the choice of their language.  English is
// in here as far as the bubble needs it; the rest of it, or another language, is loaded.
// What is missing in English is its name: send, "Send".

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

let words = BASE;
let own = {};
let language;
let changed;
let asked = null;

// Dates follow the words: a language that config.strings brings, too.
export let locale;

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

// Then is called when words have come that the bubble shows.
export function chooseWords(config, then) {
	const tag = pickLanguage(config);
	language = baseOf(tag);
	locale = config.strings && tagOf(config.lang) || tag;
	own = config.strings || {};
	words = BASE;
	changed = then;
	asked = null;
	if (language !== 'en')
		ready().catch(() => 0);
}

// When all words are there: modules begin then.  Where another language does not come, they are English.
export function ready() {
	if (!asked) {
		const mine = asked = loadWords(language).catch(() => loadWords('en')).then(all => {
			if (asked === mine) {
				words = { ...BASE, ...all };
				changed();
			}
		});
		mine.catch(() => {
			if (asked === mine)
				asked = null;
		});
	}
	return asked;
}

export const rightToLeft = () => /^(ar|dv|fa|he|ps|sd|ug|ur|yi)\b/.test(locale);

const capital = text => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

// A word, its {holes} filled.  One that counts has a form for each kind of number, as { one, few, other }.
export function t(name, holes = {}) {
	let word = own[name] || words[name] || capital(name);
	if (isObject(word))
		word = Intl.PluralRules && word[new Intl.PluralRules(locale).select(holes.n)] || word.other;
	return String(word).replace(/\{(\w+)\}/g, (all, hole) => hole in holes ? hole === 'n' ? new Intl.NumberFormat(locale).format(holes.n) : holes[hole] : all);
}
