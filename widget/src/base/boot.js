// The entry: finds the configuration in the widget's own script tag, puts the
// container into the page, and gives the page its small programming interface.

import { ownScript, readConfig } from './config.js';
import * as conversation from './conversation.js';
import { make } from './elements.js';
import { emit, on } from './events.js';
import * as launcher from './launcher.js';
import * as line from './line.js';
import { locate } from './loader.js';
import * as store from './store.js';
import { chooseWords, locale } from './words.js';

const CONTAINER = 'chatt2me-widget';
let there = false;

function boot(config) {
	let host = document.getElementById(CONTAINER);
	if (host && host.shadowRoot)
		return;
	if (!host) {
		host = make('div', { id: CONTAINER });
		document.body.append(host);
	}
	chooseWords(config, launcher.paintSoon);
	store.open(config.webChatId);
	conversation.load();
	line.start(config);
	host.lang = locale;
	launcher.start(host, config);
	there = true;
	// Who never wrote is nobody yet: looking at a page makes no visitor.
	if (line.known() || conversation.next()) {
		line.dial();
		// Who has a conversation is likely to look at it.
		(self.requestIdleCallback || setTimeout)(launcher.prepare);
	}
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
		// Beside the script; where that has no address of the hub, beside the socket's.
		locate(/chat-widget\.umd/.test(script.src) ? script.src : config.endpoint.replace(/^ws/, 'http').replace(/communication\/.*/, ''));
		whenReady(() => boot(config));
	}
	return {
		version: VERSION,
		open: () => whenReady(() => there && launcher.open()),
		close: () => there && launcher.close(),
		toggle: () => whenReady(() => there && launcher.toggle()),
		reset() {
			if (there) {
				launcher.close();
				line.reset();
			}
		},
		isOpen: launcher.isOpen,
		unread: () => there ? conversation.unread() : 0,
		state: () => line.state,
		on: (name, listener) => on(String(name), listener)
	};
}

// A page that has the script twice has one widget.
if (!self.Chatt2me || !self.Chatt2me.version)
	self.Chatt2me = start();
