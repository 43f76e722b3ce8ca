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
import * as site from './site.js';
import { json, string } from './values.js';
import { rightToLeft, t } from './words.js';

// There the panel is as large as the screen.
export const FULL_SCREEN = '(max-width: 480px), (max-height: 400px)';

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
let leave;
let panel = null;
let opened = false;
let painting = false;
export let unread = 0;
let returnTo = null;
let channelName = '';

export const isOpen = () => opened;
export const name = () => string(config.title) || channelName || string(config.channel) || 'Chat';

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

// Where something around the container is transformed or filtered, that is the screen to it: then it goes above
// the whole page, where the browser can do so.
function rise() {
	const { left, top, right, bottom } = host.getBoundingClientRect();
	const { clientWidth, clientHeight } = document.documentElement;
	// A phone's bars come and go at the bottom.
	const off = (a, b, most) => Math.abs(a - b) > most;
	if ((off(left, 0, 20) || off(top, 0, 1) || off(right, clientWidth, 20) || off(bottom, clientHeight, 150)) && host.showPopover && !host.matches(':popover-open')) {
		host.popover = 'manual';
		host.showPopover();
	}
}

// --- questions before the first message ----------------------------------------

// Nobody is made a visitor before they are answered.
export const asks = () => Array.isArray(config.questions) && config.questions.length > 0 && !store.get('answers') && !line.known() &&
	!conversation.list().length && !conversation.outgoing.length;

export const answer = answers => line.identify({ name: answers.name, email: answers.email, attributes: answers });

// --- the panel's module -----------------------------------------------------

const fetchPanel = () => load('panel').then(made => panel = made);

// Somebody is about to open it: what is not there yet, is on its way.
export function prepare() {
	fetchPanel().catch(() => 0);
}

// For who hears the page.
export const announce = text => setText(news, text);

// What tells of messages, and speaks by itself.
function withNotices(work) {
	load('notices').then(work).catch(() => 0);
}

function expectNotices() {
	if (conversation.unread() || Array.isArray(config.proactive) && config.proactive.length)
		withNotices();
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
		// Their language may have come since they were made.
		setText(said, t('missing'));
		setText(again, t('retry'));
		setText(leave, t('close'));
		again.hidden = false;
	}));
}

// --- opening and closing ----------------------------------------------------

// The focus goes there when it was the visitor who opened it, and not by typing: else what is
// typed next, a number of a card, would go to the shop.
export function open(byVisitor) {
	if (opened)
		return;
	store.check();
	let active = document.activeElement;
	while (active && active !== host && active.shadowRoot && active.shadowRoot.activeElement)
		active = active.shadowRoot.activeElement;
	const typing = active && (active.isContentEditable || active.matches('input:not([type=button]):not([type=submit]), textarea, select, iframe, frame, object, embed'));
	const { userActivation } = navigator;
	const focus = byVisitor || !typing && (userActivation ? userActivation.isActive : active !== document.body);
	returnTo = active && active !== document.body && active !== host ? active : null;
	opened = true;
	rise();
	root.classList.add('open');
	bubble.setAttribute('aria-expanded', 'true');
	if (line.state === 'idle' && !asks())
		line.dial();
	show(focus);
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

export function toggle(byVisitor) {
	if (opened)
		close();
	else
		open(byVisitor);
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
		setText(news, `${conversation.authorOf(last) || name()}: ${summary(last.content).slice(0, 500)}`);
	withNotices(notices => notices.tell(fresh));
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
	bubble = make('button.launcher', { type: 'button', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', 'aria-controls': 'panel', onclick: () => toggle(true) },
		draw('chat', 'M5.5 16.5l-.9 4.2 4.5-2.7a9 7.7 0 1 0-3.6-1.5z'), draw('down', 'M6 9.5l6 6 6-6'), badge);
	news = make('div.hush', { role: 'status' });
	said = make('p', { role: 'status' });
	again = make('button', { type: 'button', onclick: () => show(true) });
	leave = make('button', { type: 'button', onclick: close }, t('close'));
	waiting = make('div.wait', { tabindex: -1, hidden: true, onkeydown: event => event.key === 'Escape' && close() },
		said, again, leave);
	root = make('div.root', null, waiting, bubble, news);

	listen(bubble, 'pointerenter pointerdown focus', prepare);
	on('changed', paintSoon);
	on('state', paintSoon);
	on('welcome', frame => {
		channelName = string(frame.name);
	});
	on('fresh', tell);
	// For the next page, unless it is somebody else's.
	listen(window, 'pagehide', () => store.ofTab('open', opened ? store.mark() : ''));
	on('reset', () => setText(news, ''));
	on('linked', () => open());
	listen(document, 'visibilitychange', paintSoon);
	on('settings', expectNotices);
	atEnd(() => {
		opened = false;
		panel = null;
		unread = 0;
		channelName = '';
	});
	if (store.get('answers') && !line.known())
		answer(store.get('answers'));
	shadow.append(root);
	listen(window, 'resize', rise);
	site.start();
	paint();
	expectNotices();
}

// The container has come into a page, or another one.
export function settle() {
	root.dir = config.dir || (rightToLeft() ? 'rtl' : getComputedStyle(document.body).direction);
	rise();
	if (opened)
		emit('settled');
}
