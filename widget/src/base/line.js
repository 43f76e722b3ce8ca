// The line to the hub: dials, says hello, sends what is queued one at a time,
// repeats receipts until they are confirmed, and notices when the line is dead
// (doc/protocol.md).

import * as conversation from './conversation.js';
import { emit } from './events.js';
import * as store from './store.js';
import { bytes, isId, isObject, newId } from './values.js';

const PROTOCOL = 'web-chatt2me.v1';
const WELCOME_IN = 20000;
const ACK_IN = 20000;
// After four silent beats the hub is asked; after two more the line is dead.
const BEAT = 10000;
const ASK_AT = 4;
const STEADY = 10000;
// How often it is looked whether this is another page by now.
const LOOK = 5000;
const LOCK_FOR = 1000;
const SLOWEST = 60000;
const CLOSED_FOR_GOOD = [4001, 4003];
const CLOSED_FOR_LATER = [1013, 4029];
// For a frame that it cannot read: not UTF-8, not JSON, too large.
const CLOSED_FOR_FRAME = [1007, 1008, 1009];

export let state = 'idle';
let config;
let socket = null;
let welcomed = 0;
let wasWelcomed = false;
let tries = 0;
let redial = 0;
let deadline = 0;
let heartbeat = 0;
let silent = 0;
let token = null;
let release = null;
let sending = null;
let suspect = null;
let ackTimer = 0;
let asked = false;
let told = new Map();
let receiptTimer = 0;
let repeatTimer = 0;
let repeatWait = 0;
let typedAt = 0;
let limit = 16384;
let toldPage = '';

function become(next) {
	if (state !== next) {
		state = next;
		emit('state', state);
	}
}

function send(frame) {
	if (!socket || socket.readyState !== 1)
		return false;
	socket.send(JSON.stringify(frame));
	return true;
}

// --- dialling -------------------------------------------------------------

// Connect now, whatever was planned for later.
export function dial() {
	clearTimeout(redial);
	redial = 0;
	if (socket || release || state === 'gone')
		return;
	if (state === 'idle')
		become('connecting');
	token = store.get('token');
	if (token || !navigator.locks)
		return connect();
	// Two tabs that both say hello without a token would be two visitors: one
	// waits until the other has its token, and until the store shows it here.
	release = () => 0;
	navigator.locks.request(`webchatt.${config.webChatId}`, () => new Promise(done => {
		token = store.get('token');
		const wait = token ? 0 : LOCK_FOR;
		release = () => setTimeout(done, wait);
		if (token)
			unlock();
		connect();
	})).catch(() => {
		release = null;
		connect();
	});
}

function unlock() {
	if (release)
		release();
	release = null;
}

function connect() {
	let mine;
	try {
		const url = new URL(config.endpoint);
		url.searchParams.set('webChatId', config.webChatId);
		mine = socket = new WebSocket(url.href, PROTOCOL);
	} catch {
		return lost(0);
	}
	deadline = setTimeout(drop, WELCOME_IN);
	mine.onopen = () => {
		if (socket === mine)
			hello();
	};
	mine.onmessage = event => {
		if (socket === mine)
			receive(event.data);
	};
	mine.onclose = event => {
		if (socket === mine)
			lost(event.code);
	};
}

function hello() {
	toldPage = '';
	send({
		type: 'hello',
		have: conversation.have(),
		...token ? { token } : { attributes: config.attributes },
		locale: navigator.language,
		timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
		...page()
	});
}

// Where the visitor is, unless that was told last; without what may be a secret in the address.
function page() {
	const url = location.origin + location.pathname;
	const title = document.title.slice(0, 200);
	if (config.page !== false && !document.hidden && url + title !== toldPage) {
		toldPage = url + title;
		return { url, title };
	}
}

// An application of one page changes it without a word to us: so it is looked at.
function tellPage() {
	const now = welcomed && page();
	if (now)
		send({ type: 'page', ...now });
}

// The line is dead though the browser does not know it yet.
function drop() {
	if (!socket)
		return;
	const dead = socket;
	lost(0);
	dead.close();
}

function lost(code) {
	const steady = welcomed && Date.now() - welcomed > STEADY;
	const first = welcomed && (steady || tries === 0);
	unlock();
	[deadline, ackTimer, repeatTimer].forEach(clearTimeout);
	clearInterval(heartbeat);
	// Twice for the same message: it must not keep back those behind it.
	if (sending && CLOSED_FOR_FRAME.includes(code)) {
		if (sending === suspect)
			conversation.refused(sending, 'bad_content', true);
		suspect = sending;
	}
	socket = null;
	welcomed = 0;
	sending = null;
	repeatTimer = 0;
	asked = false;
	const gone = CLOSED_FOR_GOOD.includes(code);
	// A page is shown no status: a wrong origin is a line that never opens.
	if (gone || !wasWelcomed && tries === 1)
		console.error(`webchatt: closed with ${code}; is webChatId valid, and ${location.origin} in set_origins()?`);
	if (gone)
		return become('gone');
	if (steady)
		tries = 0;
	if (CLOSED_FOR_LATER.includes(code))
		tries = Math.max(tries, 5);
	// All clients of a hub that is started anew come back spread out.
	const wait = first && tries < 5 ? 500 + Math.random() * 1500
		: 300 + Math.random() * Math.min(SLOWEST, 1000 * Math.pow(2, tries));
	tries++;
	clearTimeout(redial);
	redial = setTimeout(dial, wait);
	become(tries > (wasWelcomed ? 3 : 1) ? 'failed' : 'reconnecting');
}

// --- is it alive ----------------------------------------------------------

// Counts beats, not time: timers of a page in the background come late, all at
// once, before what was received meanwhile.
function beat() {
	if (++silent === ASK_AT)
		ping();
	else if (silent > ASK_AT + 1)
		drop();
}

function ping() {
	silent = ASK_AT;
	send({ type: 'ping' });
}

// The network changed, or the page woke up.
function nudge() {
	if (redial)
		dial();
	else if (welcomed && silent < ASK_AT)
		ping();
}

// --- receiving ------------------------------------------------------------

function receive(text) {
	let frame;
	silent = 0;
	try {
		frame = JSON.parse(text);
	} catch {
		return;
	}
	if (isObject(frame) && handlers.hasOwnProperty(frame.type))
		handlers[frame.type](frame);
}

const handlers = {
	welcome(frame) {
		if (!Array.isArray(frame.messages))
			return;
		if (typeof frame.token === 'string' && frame.token) {
			token = frame.token;
			store.set('token', token);
		}
		unlock();
		clearTimeout(deadline);
		welcomed = Date.now();
		wasWelcomed = true;
		clearInterval(heartbeat);
		heartbeat = setInterval(beat, BEAT);
		if (isObject(frame.limits) && frame.limits.message > 0)
			limit = frame.limits.message;
		told = new Map();
		repeatWait = 0;
		const fresh = conversation.welcome(frame);
		become('open');
		emit('welcome', frame);
		emit('fresh', fresh);
		pump();
		tellReceipts();
	},

	message(frame) {
		if (conversation.message(frame))
			emit('fresh', [conversation.byId(frame.id)]);
		tellReceipts();
	},

	history(frame) {
		asked = false;
		if (!Array.isArray(frame.messages))
			return;
		frame.messages = frame.messages.filter(message => isObject(message) && isId(message.id));
		conversation.history(frame);
		emit('history');
		tellReceipts();
	},

	ack(frame) {
		conversation.ack(frame.id, frame.message, frame.at);
		next(frame.id);
	},

	status: conversation.status,

	typing: () => emit('typing'),

	// One without an id can be about anything that was sent.
	error(frame) {
		const later = frame.code === 'rate' || frame.code === 'busy';
		const wait = Math.min(SLOWEST, Math.max(300, Number(frame.retry_after) || 2000));
		if (frame.id)
			conversation.refused(frame.id, frame.code, !later);
		else {
			asked = false;
			if (later)
				repeatReceipts(wait);
		}
		if (later && sending) {
			clearTimeout(ackTimer);
			ackTimer = setTimeout(() => next(sending), wait);
		} else
			next(frame.id);
	}
};

// --- sending --------------------------------------------------------------

// One message at a time, so that one which has to wait is not overtaken.
export function pump() {
	const item = welcomed && !sending && conversation.next();
	if (!item)
		return;
	sending = item.id;
	clearTimeout(ackTimer);
	ackTimer = setTimeout(() => next(sending), ACK_IN);
	send({ type: 'message', id: item.id, content: item.content });
}

function next(id) {
	if (id === sending) {
		clearTimeout(ackTimer);
		sending = null;
	}
	pump();
}

// Receipts of one moment go together.
export function tellReceipts() {
	receiptTimer = receiptTimer || setTimeout(sendReceipts, 50);
}

// Those that were not told on this line yet; all of them again, less and less
// often, until the hub has confirmed them.
function sendReceipts() {
	receiptTimer = 0;
	if (!conversation.receipts.size)
		repeatWait = 0;
	if (!welcomed || !conversation.receipts.size)
		return;
	for (const kind of ['delivered', 'read']) {
		const ids = [];
		for (const [id, what] of conversation.receipts) {
			if (what !== kind || told.get(id) === kind)
				continue;
			told.set(id, kind);
			ids.push(id);
		}
		while (ids.length)
			send({ type: kind, ids: ids.splice(0, 100) });
	}
	if (!repeatTimer)
		repeatReceipts(repeatWait = Math.min(repeatWait * 2 || 5000, 300000));
}

function repeatReceipts(wait) {
	clearTimeout(repeatTimer);
	repeatTimer = setTimeout(() => {
		repeatTimer = 0;
		told.clear();
		sendReceipts();
	}, wait);
}

export function loadOlder() {
	if (!welcomed || asked || !conversation.oldest())
		return;
	asked = true;
	send({ type: 'history', before: conversation.oldest() });
}

export function retry() {
	become('connecting');
	dial();
}

// Does a message with that content fit into a frame?
export const fits = content => bytes({ type: 'message', id: newId(), content }) <= limit;

export function typing() {
	if (welcomed && Date.now() - typedAt > 3000) {
		typedAt = Date.now();
		send({ type: 'typing' });
	}
}

// --- the world outside ----------------------------------------------------

// Once, with the page's configuration; dials nothing yet.
export function start(given) {
	config = given;
	store.watch(name => {
		if (name.startsWith('out.'))
			conversation.outgoingChanged();
		// Another tab became a visitor: be the same one.
		if (name === 'token' && store.get('token') && store.get('token') !== token && !release) {
			drop();
			dial();
		}
	});
	addEventListener('online', nudge);
	addEventListener('offline', nudge);
	document.addEventListener('visibilitychange', () => {
		// Back from another tab: it is this page again.
		toldPage = '';
		if (!document.hidden)
			nudge();
	});
	setInterval(tellPage, LOOK);
	addEventListener('pagehide', conversation.save);
}
