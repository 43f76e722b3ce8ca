// The entry: finds the configuration in the widget's own script tag, puts the
// container into the page, and gives the page its small programming interface.

import style from '../../build/widget/style.css';
import * as conversation from './conversation.js';
import { make } from './dom.js';
import { emit, on } from './events.js';
import * as line from './line.js';
import * as store from './store.js';
import { chooseWords, locale } from './strings.js';
import { bytes, isObject } from './values.js';
import { makeView } from './view.js';

const CONTAINER = 'chatt2me-widget';
let view;

function ownScript() {
	const current = document.currentScript;
	if (current && current.hasAttribute('data-config'))
		return current;
	return document.querySelector('script[data-config][src*="chat-widget"]');
}

function readConfig(script) {
	let config;
	try {
		config = JSON.parse(script.getAttribute('data-config'));
	} catch (e) {
		throw new Error(`data-config: ${e.message}`);
	}
	if (!isObject(config) || !/^[A-Za-z0-9_-]{1,64}$/.test(config.webChatId))
		throw new Error('data-config: webChatId');
	config.endpoint = endpointOf(config.endpoint, script.src);
	config.attributes = attributesOf(config.attributes);
	return config;
}

// The hub's WebSocket, by default on the server that this script came from; a
// page with TLS can only use one with TLS.
function endpointOf(given, src) {
	const url = new URL(given || 'communication/web-chatt2me/ws', given ? location.href : src || location.href);
	const secure = url.protocol === 'https:' || url.protocol === 'wss:' ||
		location.protocol === 'https:' && !/^(localhost|127\.|\[::1\])/.test(url.hostname);
	return url.href.replace(/^\w+:/, secure ? 'wss:' : 'ws:');
}

// What the hub keeps of a new visitor: at most 16 strings.
function attributesOf(given) {
	const kept = {};
	for (const name of Object.keys(given || {}).slice(0, 16)) {
		kept[name] = String(given[name]);
		if (bytes(kept) > 1900)
			delete kept[name];
	}
	return kept;
}

// Constructed style sheets need no leave of the page's Content-Security-Policy;
// browsers without them get a style element.
function addStyle(shadow) {
	try {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(style);
		shadow.adoptedStyleSheets = [sheet];
	} catch {
		shadow.append(make('style', null, style));
	}
}

function boot(config) {
	let host = document.getElementById(CONTAINER);
	if (host && host.shadowRoot)
		return;
	if (!host) {
		host = make('div', { id: CONTAINER });
		document.body.append(host);
	}
	chooseWords(config);
	store.open(config.webChatId);
	conversation.load();
	line.start(config);
	const shadow = host.attachShadow({ mode: 'open' });
	host.lang = locale;
	addStyle(shadow);
	view = makeView(host, shadow, config);
	// Who never wrote is nobody yet: looking at a page makes no visitor.
	if (store.get('token') || conversation.next())
		line.dial();
	emit('ready');
}

// Run now if the page is far enough, else when it is.
function whenReady(work) {
	if (document.readyState === 'loading')
		document.addEventListener('DOMContentLoaded', work);
	else
		work();
}

function start() {
	const script = ownScript();
	if (script) {
		const config = readConfig(script);
		whenReady(() => boot(config));
	}
	return {
		version: VERSION,
		open: () => whenReady(() => view && view.open()),
		close: () => view && view.close(),
		toggle: () => whenReady(() => view && view.toggle()),
		isOpen: () => !!view && view.isOpen(),
		unread: () => view ? conversation.unread() : 0,
		state: () => line.state,
		on: (name, listener) => on(String(name), listener)
	};
}

// A page that has the script twice has one widget.
if (!self.Chatt2me || !self.Chatt2me.version)
	self.Chatt2me = start();
