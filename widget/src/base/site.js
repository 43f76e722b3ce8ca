// What of the page decides how the widget shows itself: its path, the phone it is
// on, an element of its own that opens the chat, and its colours.

import { atEnd, every, listen, on } from './events.js';
import * as launcher from './launcher.js';
import { isObject } from './values.js';

const LOOK = 1000;
const NAMES = /^[a-z-]+$/;
let phone;
let dark;
// The selector of the page's own launcher.
let own = '';
// The colours that are set now, by name.
let dressed = {};

// Is the page at such a path?  "*" stands for anything.
export function isAt(pattern) {
	const path = location.pathname;
	const parts = String(pattern).split('*');
	const last = parts.pop();
	let at = 0;
	if (!parts.length || !path.startsWith(parts[0]))
		return path === pattern;
	for (const part of parts) {
		const found = path.indexOf(part, at);
		if (found < 0)
			return false;
		at = found + part.length;
	}
	return path.length - last.length >= at && path.endsWith(last);
}

const hidden = hide => isObject(hide) && (hide.phones && phone.matches || Array.isArray(hide.paths) && hide.paths.some(isAt));

// The operator does not want it here.
export let away = false;

// An application of one page changes its path without a word.
function look() {
	away = !!hidden(launcher.config.hideOn);
	const none = away || !!launcher.config.launcher;
	if (launcher.bubble.hidden !== none)
		launcher.bubble.hidden = none;
}

const painted = element => {
	const parts = getComputedStyle(element).backgroundColor.match(/[\d.]+/g) || [];
	if (parts.length < 3 || parts[3] === '0')
		return '';
	return parts[0] * 0.3 + parts[1] * 0.59 + parts[2] * 0.11 < 100 ? 'dark' : 'light';
};

// The page's colours: as it says, or else as they are; a page that says nothing and paints nothing is white.
function pageTheme() {
	const meta = document.querySelector('meta[name="color-scheme"]');
	const said = getComputedStyle(document.documentElement).colorScheme;
	const scheme = said && said !== 'normal' ? said : meta ? meta.content : '';
	const known = /dark/.test(scheme) ? /light/.test(scheme) ? '' : 'dark' : /light/.test(scheme) ? 'light'
		: painted(document.body) || painted(document.documentElement) || 'light';
	return known || (dark.matches ? 'dark' : 'light');
}

export function setTheme() {
	const given = launcher.config.theme;
	const theme = /^(dark|light)$/.test(given) ? given : pageTheme();
	if (launcher.host.dataset.theme !== theme)
		launcher.host.dataset.theme = theme;
}

// How light a colour is, 0 to 1, as WCAG reckons.
const lightness = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16) / 255)
	.reduce((sum, c, i) => sum + [0.2126, 0.7152, 0.0722][i] * (c <= 0.04 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4)), 0);

// With an accent goes a text that can be read on it; links have that colour only where it can be read on white.
function coloursOf(given) {
	const light = /^#[\da-f]{6}$/i.test(given.accent) ? lightness(given.accent) : -1;
	return {
		...light < 0 ? {} : { 'on-accent': light > 0.179 ? '#000' : '#fff' },
		...light > 0.183 ? { link: 'var(--webchatt-text)' } : {},
		...given
	};
}

// As configured; again when the channel's settings have changed.
function dress() {
	const config = launcher.config;
	launcher.root.classList.toggle('left', config.position === 'left');
	// Those that were taken away go, too.
	const colours = { ...dressed, ...coloursOf(config.colors || {}) };
	dressed = {};
	for (const name of Object.keys(colours).filter(name => NAMES.test(name))) {
		launcher.host.style.setProperty(`--webchatt-${name}`, colours[name]);
		if (colours[name])
			dressed[name] = '';
	}
	own = '';
	if (config.launcher && config.launcher !== 'none') {
		try {
			document.querySelector(config.launcher);
			own = config.launcher;
		} catch {
			console.error(`webchatt: launcher: ${config.launcher} is no selector`);
			config.launcher = '';
		}
	}
	setTheme();
	look();
	tellOwn();
}

// The page's own launcher is told what the bubble shows.
function tellOwn() {
	for (const element of own ? document.querySelectorAll(own) : []) {
		element.setAttribute('aria-expanded', launcher.isOpen());
		element.dataset.unread = launcher.unread;
	}
}

export function start() {
	phone = matchMedia('(max-width: 600px) and (pointer: coarse), (max-width: 480px)');
	dark = matchMedia('(prefers-color-scheme: dark)');
	listen(dark, 'change', setTheme);
	const changes = new MutationObserver(setTheme);
	for (const element of [document.documentElement, document.body, document.head])
		changes.observe(element, { attributes: true, childList: element === document.head });
	listen(document, 'click', event => {
		if (own && event.target.closest && event.target.closest(own)) {
			event.preventDefault();
			launcher.toggle(true);
		}
	});
	atEnd(() => changes.disconnect());
	every(LOOK, look);
	on('settings', dress);
	on('open', tellOwn);
	on('close', tellOwn);
	on('unread', tellOwn);
	dress();
}
