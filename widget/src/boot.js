// Finds the configuration in the widget's own script tag, puts the container
// into the page, and gives the page its small programming interface.

const CONTAINER = 'chatt2me-widget';
const events = makeEvents();
let view = null;
let line = null;
let conversation = null;

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
		throw new Error('data-config: ' + e.message);
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
	const all = Object.assign({}, given, { language: navigator.language, page: location.origin + location.pathname }, given);
	const kept = {};
	for (const name of Object.keys(all).slice(0, 16)) {
		kept[name] = String(all[name]);
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
		sheet.replaceSync(STYLE);
		shadow.adoptedStyleSheets = [sheet];
	} catch (e) {
		shadow.append(make('style', null, STYLE));
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
	const t = makeWords(config);
	const store = makeStore(config.webChatId);
	const shadow = host.attachShadow({ mode: 'open' });
	host.lang = t.tag;
	addStyle(shadow);
	conversation = makeConversation(store, () => view && view.paintSoon());
	line = makeLine(config, store, conversation, events);
	view = makeView(host, shadow, config, t, conversation, line, events);
	// Who never wrote is nobody yet: looking at a page makes no visitor.
	if (store.get('token') || conversation.next())
		line.dial();
	events.emit('ready');
}

// Run now if the page is far enough, else when it is.
function whenReady(work) {
	if (document.readyState === 'loading')
		document.addEventListener('DOMContentLoaded', work);
	else
		work();
}

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
	unread: () => conversation ? conversation.unread() : 0,
	state: () => line ? line.state() : 'idle',
	on: (name, listener) => events.on(String(name), listener)
};
