// The bubble: what is on the page before anybody opens the chat.  It knows whether
// the chat is open, says what is unread, and has the panel loaded when it is about
// to be needed; until that is there, or when it does not come, it says so in the
// panel's place.

import style from '../../../build/widget/base.css';
import * as conversation from './conversation.js';
import { draw, make, setText } from './elements.js';
import { atEnd, emit, listen, on } from './events.js';
import * as line from './line.js';
import { load, renew } from './loader.js';
import * as store from './store.js';
import { summary } from './summary.js';
import { json, string } from './values.js';
import { rightToLeft, t } from './words.js';

export let host;
export let shadow;
export let config;
export let root;
export let bubble;
let badge;
let news;
let waiting;
let said;
let again;
let panel = null;
let opened = false;
let painting = false;
let unread = 0;
let returnTo = null;
let channelName = '';

export const isOpen = () => opened;
export const name = () => config.title || channelName || 'Chat';

// Constructed style sheets need no leave of the page's Content-Security-Policy;
// browsers without them get a style element.
export function addStyle(text) {
	try {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(text);
		shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
	} catch {
		shadow.append(make('style', null, text));
	}
}

// --- the panel's module -----------------------------------------------------

const fetchPanel = () => load('panel').then(made => panel = made);

// Somebody is about to open it: what is not there yet, is on its way.
export function prepare() {
	fetchPanel().catch(() => 0);
}

function show(focus) {
	if (panel)
		return panel.show(focus);
	setText(said, t('loading'));
	again.hidden = true;
	waiting.hidden = false;
	if (focus)
		waiting.focus({ preventScroll: true });
	fetchPanel().then(() => {
		const inside = focus && !waiting.hidden && (shadow.activeElement === bubble || waiting.contains(shadow.activeElement));
		waiting.hidden = true;
		if (opened)
			panel.show(inside);
	}, () => renew().catch(() => 0).then(() => {
		setText(said, t('missing'));
		again.hidden = false;
	}));
}

// --- opening and closing ----------------------------------------------------

export function open() {
	if (opened)
		return;
	store.check();
	const active = document.activeElement;
	returnTo = active && active !== document.body && active !== host ? active : null;
	opened = true;
	root.classList.add('open');
	bubble.setAttribute('aria-expanded', 'true');
	if (line.state === 'idle')
		line.dial();
	show(true);
	paint();
	emit('open');
}

export function close() {
	if (!opened)
		return;
	const inside = shadow.activeElement && shadow.activeElement !== bubble;
	opened = false;
	waiting.hidden = true;
	if (panel)
		panel.hide();
	root.classList.remove('open');
	bubble.setAttribute('aria-expanded', 'false');
	if (inside)
		(returnTo && returnTo.isConnected ? returnTo : bubble).focus({ preventScroll: true });
	paint();
	emit('close');
}

export function toggle() {
	if (opened)
		close();
	else
		open();
}

// --- showing ----------------------------------------------------------------

export function paint() {
	painting = false;
	if (opened && panel)
		panel.paint();
	const count = conversation.unread();
	const spoken = count ? t('unread', { n: count }) : '';
	badge.hidden = !count;
	setText(badge, count > 99 ? '99+' : String(count));
	bubble.setAttribute('aria-label', opened ? t('close') : t('open') + (spoken && `, ${spoken}`));
	if (count !== unread) {
		unread = count;
		emit('unread', count);
	}
}

export function paintSoon() {
	if (!painting) {
		painting = true;
		Promise.resolve().then(paint);
	}
}

// News for who does not see the panel, and for the page.
function tell(messages) {
	const fresh = messages.filter(conversation.isUnread);
	if (!fresh.length)
		return;
	const last = fresh[fresh.length - 1];
	if (!opened)
		setText(news, `${conversation.authorOf(last) || name()}: ${summary(last.content)}`);
	for (const message of fresh)
		emit('message', { id: message.id, at: message.at, text: summary(message.content), content: JSON.parse(json(message.content)) });
}

// --- making it --------------------------------------------------------------

export function start(container, given) {
	config = given;
	host = container;
	shadow = host.attachShadow({ mode: 'open' });
	addStyle(style);
	badge = make('span.badge', { 'aria-hidden': 'true', hidden: true });
	bubble = make('button.launcher', { type: 'button', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', 'aria-controls': 'panel', onclick: toggle },
		draw('chat', 'M5.5 16.5l-.9 4.2 4.5-2.7a9 7.7 0 1 0-3.6-1.5z'), draw('down', 'M6 9.5l6 6 6-6'), badge);
	news = make('div.hush', { role: 'status' });
	said = make('p', { role: 'status' });
	again = make('button', { type: 'button', onclick: () => show(true) }, t('retry'));
	waiting = make('div.wait', { tabindex: -1, hidden: true, onkeydown: event => event.key === 'Escape' && close() },
		said, again, make('button', { type: 'button', onclick: close }, t('close')));
	root = make('div.root', null, waiting, bubble, news);
	const dark = matchMedia('(prefers-color-scheme: dark)');
	const setTheme = () => {
		host.dataset.theme = config.theme === 'dark' || config.theme !== 'light' && dark.matches ? 'dark' : 'light';
	};

	listen(bubble, 'pointerenter pointerdown focus', prepare);
	on('changed', paintSoon);
	on('state', paintSoon);
	on('welcome', frame => {
		channelName = string(frame.name);
	});
	on('fresh', tell);
	on('reset', () => setText(news, ''));
	listen(document, 'visibilitychange', paintSoon);
	listen(dark, 'change', setTheme);
	root.classList.toggle('left', config.position === 'left');
	setTheme();
	atEnd(() => {
		opened = false;
		panel = null;
		unread = 0;
		channelName = '';
	});
	for (const name in config.colors)
		host.style.setProperty(`--webchatt-${name}`, config.colors[name]);
	shadow.append(root);
	paint();
}

// The container has come into a page, or another one.
export function settle() {
	root.dir = config.dir || (rightToLeft() ? 'rtl' : getComputedStyle(document.body).direction);
	if (opened)
		emit('settled');
}
