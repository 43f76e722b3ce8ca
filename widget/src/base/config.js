// What the widget is told: the configuration in its own script tag.

import { bytes, isObject } from './values.js';

export function ownScript() {
	const current = document.currentScript;
	if (current && current.hasAttribute('data-config'))
		return current;
	return document.querySelector('script[data-config][src*="chat-widget"]');
}

export function readConfig(script) {
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
