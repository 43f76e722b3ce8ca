// The entry: finds the configuration, puts the container into the page and keeps
// it there, and gives the page its small programming interface.

import { ownTag, readConfig, tagConfig, wasTag } from './config.js';
import * as conversation from './conversation.js';
import { make } from './elements.js';
import { adopt, atEnd, emit, end, listeners, onForPage } from './events.js';
import * as launcher from './launcher.js';
import * as line from './line.js';
import * as loader from './loader.js';
import * as settings from './settings.js';
import * as site from './site.js';
import * as store from './store.js';
import { isObject, json } from './values.js';
import { chooseWords, locale } from './words.js';

const CONTAINER = 'chatt2me-widget';
const BUILD = json(PARTS);
// A page that takes the container away again and again does not want it.
const MOST_RETURNS = 50;
const WAIT_FOR_INIT = 3000;

let host = null;
// What the page said of who the visitor is before the widget was there.
const waiting = [];
// And that before that, somebody else was to have it.
let wasReset = false;
// What is on the page, or will be when it is far enough: the configuration as it was given.
let shown = null;
let shownTag = null;
// What the page has asked for before the widget is there.
let later = [];

// --- in the page ------------------------------------------------------------

// A page may have a container; and a copy of a page that was kept has one without anything in it.
function place() {
	for (const other of document.querySelectorAll(`#${CONTAINER}`))
		if (other !== host && !host.isConnected)
			other.replaceWith(host);
		else if (other !== host)
			other.remove();
	// Not in the body: nothing that is done to that moves the widget, hides it or takes it away.
	if (!host.isConnected)
		document.documentElement.append(host);
	launcher.settle();
}

// Pages are exchanged under a script that stays: what was in the body goes, and the body itself.
function keepPlace() {
	let returns = 0;
	const look = () => {
		for (let node = host.parentNode; node; node = node.parentNode)
			observer.observe(node, { childList: true });
	};
	const observer = new MutationObserver(() => {
		if (host.isConnected || !document.body || ++returns > MOST_RETURNS)
			return;
		observer.disconnect();
		place();
		look();
	});
	look();
	atEnd(() => observer.disconnect());
}

// Before anything is shown it is known how, and whose conversation it is.
function prepare(config, then) {
	loader.locate(config.base);
	store.open(config.webChatId);
	settings.begin(config, () => {
		chooseWords(config, launcher.paintSoon);
		if (config.domain)
			loader.load('domain').then(join => join(config)).catch(() => 0).then(then);
		else
			then();
	});
}

function boot(config) {
	const own = document.getElementById(CONTAINER);
	host = own && !own.shadowRoot ? own : make('div', { id: CONTAINER });
	conversation.load();
	line.start(config);
	host.lang = locale;
	launcher.start(host, config);
	place();
	keepPlace();
	if (wasReset)
		line.reset();
	else if (isObject(config.identity))
		line.identify(config.identity);
	wasReset = false;
	waiting.splice(0).forEach(line.identify);
	// Who never wrote is nobody yet: looking at a page makes no visitor.
	if (line.known() || conversation.next() || line.link) {
		line.dial();
		// Who has a conversation is likely to look at it.
		(self.requestIdleCallback || setTimeout)(launcher.prepare);
	}
	emit('ready');
	later.splice(0).forEach(work => work());
	// The panel that was open on the page before; on a phone it would be in the way of this one.
	if (line.link || store.mark() && store.ofTab('open') === store.mark() && !site.away && !matchMedia(launcher.FULL_SCREEN).matches)
		launcher.open();
}

// Run now if the page is far enough, else when it is.
function whenReady(work) {
	if (document.readyState === 'loading')
		document.addEventListener('DOMContentLoaded', work);
	else
		work();
}

// --- what the page can do -----------------------------------------------------

// Twice with the same is once.
function init(given) {
	const config = readConfig(given);
	const text = json(given);
	if (shown === text)
		return host && place();
	destroy();
	shown = text;
	const wanted = work => () => shown === text && !host && work();
	whenReady(wanted(() => prepare(config, wanted(() => boot(config)))));
}

function destroy() {
	shown = null;
	later = [];
	wasReset = false;
	if (!host)
		return;
	conversation.save();
	line.stop();
	end();
	conversation.clear();
	host.remove();
	host = null;
}

const ready = work => () => whenReady(() => host ? work() : shown && later.push(work));

const api = {
	version: VERSION,
	// As they were before scripts of the page made others of them.
	natives: { JSON, Map, Math, Object, Promise, Set, URL },
	init,
	destroy,
	open: ready(() => launcher.open()),
	close: ready(launcher.close),
	toggle: ready(launcher.toggle),
	reset() {
		if (host) {
			launcher.close();
			line.reset();
		} else if (shown) {
			// The page may be left before the widget is there.
			store.open(JSON.parse(shown).webChatId);
			store.wipe();
			wasReset = true;
		}
		waiting.length = 0;
	},
	identify(given) {
		if (!isObject(given))
			return;
		if (host)
			line.identify(given);
		else
			waiting.push(given);
	},
	isOpen: launcher.isOpen,
	unread: () => host ? conversation.unread() : 0,
	state: () => line.state,
	on: (name, listener) => onForPage(String(name), listener)
};

// --- beginning ----------------------------------------------------------------

// What is wrong with a configuration is the page's, and no reason that its scripts fail.
function attempt(work) {
	try {
		work();
	} catch (e) {
		console.error(`webchatt: ${e.message}`);
	}
}

function begin(tag) {
	if (tag) {
		shownTag = tag;
		return attempt(() => init(tagConfig(tag)));
	}
	const look = () => isObject(self.chatt2meConfig) && !shown && attempt(() => init(self.chatt2meConfig));
	look();
	if (!shown && wasTag()) {
		whenReady(look);
		setTimeout(() => shown || console.warn('webchatt: the script tag has lost its data-config: set window.chatt2meConfig, or call Chatt2me.init()'), WAIT_FOR_INIT);
	}
}

// A page that has the script twice has one widget; one that brings it again, as its
// parts are exchanged, has it again.
api.again = tag => {
	if (!shown || !shownTag || !shownTag.isConnected)
		begin(tag);
};

// Another build of this file takes over, for the same page; the page keeps what it has of the old one.
api.renew = build => {
	if (build === BUILD || !host)
		return null;
	const left = { config: JSON.parse(shown), tag: shownTag, open: launcher.isOpen(), listeners };
	destroy();
	return left;
};

const before = self.Chatt2me;
const left = before && before.renewing && before.renew(BUILD);
if (left) {
	shownTag = left.tag;
	adopt(left.listeners);
	self.Chatt2me = Object.assign(before, api);
	init(left.config);
	if (left.open)
		api.open();
} else if (before && before.version)
	before.again(ownTag());
else {
	self.Chatt2me = api;
	begin(ownTag());
}
