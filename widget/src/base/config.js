// What the widget is told: by the script tag that it came with, by a variable of
// the page, or by a call.

import { bytes, isObject, json } from './values.js';

const NAME = 'chat-widget';
// What is of another type is as if it were not there.
const TEXTS = ['webChatId', 'endpoint', 'lang', 'dir', 'theme', 'position', 'title', 'greeting', 'logo'];
const OBJECTS = ['strings', 'colors', 'attributes', 'hours', 'hideOn'];
const current = document.currentScript;

// This file's own address, as far as it can be known.
const source = () => {
	const own = current && current.src.includes(NAME) ? current : document.querySelector(`script[src*="${NAME}.umd"]`);
	return own ? own.src : '';
};

// The tag that has the configuration; some load tags anew, and then it is not the current script.
export const ownTag = () => current && current.hasAttribute('data-config') ? current
	: document.querySelector(`script[data-config][src*="${NAME}"]`);

// A tag manager may keep the script and lose its attributes.
export const wasTag = () => current && !current.hasAttribute('data-requiremodule');

export function tagConfig(tag) {
	try {
		return JSON.parse(tag.getAttribute('data-config'));
	} catch (e) {
		throw new Error(`data-config: ${e.message}`);
	}
}

// A copy of what was given, whole; throws where it cannot work.
export function readConfig(given) {
	const config = isObject(given) ? JSON.parse(json(given)) : {};
	const src = source();
	for (const name of Object.keys(config))
		if (TEXTS.includes(name) && typeof config[name] !== 'string' || OBJECTS.includes(name) && !isObject(config[name]))
			delete config[name];
	if (!/^[A-Za-z0-9_-]{1,64}$/.test(config.webChatId || ''))
		throw new Error('webChatId is missing, or is none');
	if (!config.endpoint && !src)
		throw new Error('endpoint is missing');
	config.endpoint = endpointOf(config.endpoint, src);
	config.attributes = attributesOf(config.attributes);
	// Where the modules are: beside this script; if that is not the hub's, beside the socket.
	config.base = src || config.endpoint.replace(/^ws/, 'http').replace(/communication\/.*/, `${NAME}.umd.js`);
	return config;
}

// The hub's WebSocket, by default on the server that this script came from; a
// page with TLS can only use one with TLS.
function endpointOf(given, src) {
	const url = new URL(given || 'communication/web-chatt2me/ws', given ? location.href : src);
	const secure = url.protocol === 'https:' || url.protocol === 'wss:' ||
		location.protocol === 'https:' && !/^(localhost|127\.|\[::1\])/.test(url.hostname);
	return url.href.replace(/^\w+:/, secure ? 'wss:' : 'ws:');
}

// What the hub keeps of a new visitor: at most 16 strings.
export function attributesOf(given) {
	const kept = {};
	for (const name of Object.keys(given || {}).slice(0, 16)) {
		kept[name] = given[name] === null ? null : String(given[name]);
		if (bytes(kept) > 1900)
			delete kept[name];
	}
	return kept;
}
