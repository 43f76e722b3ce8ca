// The line to the hub: dials, says hello, sends what is queued one at a time,
// repeats receipts until they are confirmed, and notices when the line is dead
// (doc/protocol.md).

import * as conversation from './conversation.js';
import { emit, every, listen } from './events.js';
import * as identity from './identity.js';
import { has, load } from './loader.js';
import * as store from './store.js';
import { bytes, isId, isObject, json, newId, string } from './values.js';

const PROTOCOL = 'web-chatt2me.v1';
const WELCOME_IN = 20000;
const ACK_IN = 20000;
// After four silent beats the hub is asked; after two more the line is dead.
const BEAT = 10000;
const ASK_AT = 4;
const STEADY = 10000;
// How often it is looked whether this is another page by now; and whether the store was emptied.
const LOOK = 5000;
const CHECK = 1000;
// Older messages that could not be read are asked for again.
const OLDER_AGAIN = 5000;
// A tab whose place was taken while it was on the screen takes one again, but not at once.
const REST = 60000;
// How long a tab that sends for another one may need before the next tries.
const HELP_IN = 30000;
const LOCK_FOR = 1000;
const SLOWEST = 60000;
const CLOSED_FOR_GOOD = [4001, 4003];
const CLOSED_FOR_LATER = [1013, 4029];
// For a frame that it cannot read: not UTF-8, not JSON, too large.
const CLOSED_FOR_FRAME = [1007, 1008, 1009];
const CLOSED_ENDED = 4011;
const CLOSED_GAVE_WAY = 4012;
const CLOSED_IDENTITY = 4013;
const CLOSED_AGAIN = 4014;
// What a message may cost: each line that ended before its ack one, by such a code half of it. Without such a code
// it may be the line's fault, so it has to go on for a while.
const MOST_STRIKES = 8;
const BAD_LINE = 120000;
// What the widget itself puts in front of the page's title (extras/notices.js).
export const MARK = /^\(\d+\+?\)\u2060 /;

export let state = 'idle';
// Whoever answers has closed the conversation.
export let closed = false;
let config;
let socket = null;
// When, by a clock that nobody sets; 0: not now.
let welcomed = 0;
let wasWelcomed = false;
let tries = 0;
let redial = 0;
// Whether a WebSocket ever opened on this page; what polls in its place, where it does not.
let opened = false;
let poll = null;
let deadline = 0;
let heartbeat = 0;
let silent = 0;
let token = null;
// One that the hub has ended, or that was forgotten.
let dead = null;
let release = null;
let sending = null;
let strikes = new Map();
let restedAt = 0;
let helping = false;
let ackTimer = 0;
let asked = false;
// Older messages could not be read; it is tried again.
export let late = false;
let lateTimer = 0;
let told = new Map();
let receiptTimer = 0;
let repeatTimer = 0;
let repeatWait = 0;
let limit = 16384;
let toldPage = '';
let toldUser = '';
let saidLate = false;
let saidHave = 0;
// The secret of a link that opens a conversation on this device (doc/unread.md), until the hub has answered it: what of it the
// hello had; one that is another conversation's, until the visitor has said which one it is to be; and that they have.
export let link = '';
let offered = '';
export let other = '';
let chosen = false;

// It leaves the address before another script of the page sees it.
function findLink() {
	let found = '';
	const address = location.href.replace(/(#.*?)&?chatt2me=(wcl_[\w-]+)/, (all, kept, secret) => {
		found = secret;
		return kept;
	});
	if (found) {
		link = found;
		other = '';
		chosen = false;
		history.replaceState(history.state, '', address.replace(/#$/, ''));
	}
	return found;
}
findLink();

function become(next) {
	if (state !== next) {
		state = next;
		emit('state', state);
	}
}

function send(frame) {
	if (!socket || socket.readyState !== 1)
		return false;
	socket.send(json(frame));
	return true;
}

// --- dialling -------------------------------------------------------------

// The visitor's secret, if there is one.
export function known() {
	const kept = store.get('token');
	return kept === dead ? null : kept;
}

// Connect now, whatever was planned for later.
export function dial() {
	store.check();
	clearTimeout(redial);
	redial = 0;
	if (socket || release || state === 'gone')
		return;
	if (state === 'idle')
		become('connecting');
	token = known();
	if (token || !navigator.locks)
		return connect();
	// Two tabs that both say hello without a token would be two visitors: one
	// waits until the other has its token, and until the store shows it here.
	const waiting = release = () => 0;
	navigator.locks.request(`webchatt.${config.webChatId}`, () => new Promise(done => {
		// It is somebody else's page by now.
		if (release !== waiting)
			return done();
		token = known();
		const wait = token ? 0 : LOCK_FOR;
		release = () => setTimeout(done, wait);
		if (token)
			unlock();
		connect();
	})).catch(() => {
		if (release === waiting) {
			release = null;
			connect();
		}
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
		mine = socket = poll ? poll(url.href) : new WebSocket(url.href, PROTOCOL);
	} catch {
		return lost(0);
	}
	deadline = setTimeout(drop, WELCOME_IN);
	mine.onopen = () => {
		opened = opened || !poll;
		if (socket === mine)
			hello();
	};
	mine.onmessage = event => {
		if (socket === mine)
			receive(event.data);
	};
	mine.onclose = event => {
		if (socket === mine)
			lost(event.code, event.reason);
	};
}

function hello() {
	const have = conversation.have();
	saidHave = have.length;
	saidLate = false;
	toldPage = '';
	// What was written here goes to the conversation that it was written in, before another one takes its place.
	offered = !conversation.next() || token && !chosen ? link : '';
	send({
		type: 'hello',
		have,
		...token ? { token } : {},
		link: offered || undefined,
		ask: offered && !chosen || undefined,
		...identity.inHello(config),
		referrer: token || config.page === false ? undefined : referrer(),
		locale: navigator.language,
		timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
		...page()
	});
}

// The page of another site that led here, without what may be a secret in its address.
function referrer() {
	const from = document.referrer.replace(/[?#].*/, '');
	return from && !from.startsWith(`${location.origin}/`) ? from : undefined;
}

// Where the visitor is, unless that was told last; without what may be a secret in the address.
function page() {
	const url = location.origin + location.pathname;
	const title = document.title.replace(MARK, '').slice(0, 200);
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
	if (socket)
		lost(0);
}

// Nothing of this line is waited for any more.
function letGo() {
	const old = socket;
	unlock();
	[deadline, ackTimer, repeatTimer, redial].forEach(clearTimeout);
	clearInterval(heartbeat);
	socket = null;
	welcomed = redial = repeatTimer = 0;
	sending = null;
	setLate(false);
	conversation.setUnderWay(null);
	if (old)
		old.close();
}

// Not again before somebody looks at it.
function rest() {
	letGo();
	become('idle');
}

function lost(code, reason) {
	const steady = welcomed && performance.now() - welcomed > STEADY;
	const first = welcomed && (steady || tries === 0);
	const own = token;
	const greeted = welcomed;
	// Again and again for the same message: it must not keep back those behind it.
	if (sending) {
		const blamed = CLOSED_FOR_FRAME.includes(code);
		const now = performance.now();
		const of = strikes.get(sending) || { since: now, count: 0 };
		of.count += blamed ? MOST_STRIKES / 2 : 1;
		strikes.set(sending, of);
		if (of.count >= MOST_STRIKES && (blamed || now - of.since > BAD_LINE))
			conversation.refused(sending, 'bad_content', true);
	}
	letGo();
	if (code === CLOSED_ENDED) {
		dead = own;
		// All tabs learn it at once: none removes the token, which may be a new one of another tab.
		if (!known())
			conversation.discardAll();
		setTimeout(() => state === 'idle' && store.get('token') === dead && store.wipe(), 2 * LOCK_FOR);
		return beginAnew(!!known());
	}
	if (code === CLOSED_GAVE_WAY) {
		rest();
		const now = performance.now();
		if (!document.hidden && (!restedAt || now - restedAt > REST))
			redial = setTimeout(dial, 1000 + Math.random() * 2000);
		restedAt = now;
		return;
	}
	// Nobody is let in of whom it is not signed who they are: once the page says so.
	if (code === CLOSED_IDENTITY) {
		become('locked');
		return emit('identity', { error: reason || 'identity' });
	}
	// They are a user now, in this tab or in another one, which has the token then.
	if (code === CLOSED_AGAIN) {
		redial = setTimeout(dial, LOCK_FOR + Math.random() * LOCK_FOR);
		return become('reconnecting');
	}
	const gone = CLOSED_FOR_GOOD.includes(code);
	// A page is shown no status: a wrong origin is a line that never opens.
	if (gone || !wasWelcomed && tries === 1)
		console.error(`webchatt: closed with ${code}; is webChatId valid, and ${location.origin} in set_origins()?`);
	if (gone)
		return become('gone');
	// A WebSocket never opens here: perhaps something between strips what it needs. What does not help either
	// is left again.
	if (poll && !greeted)
		poll = null;
	else if (!opened && !poll && tries && has('polling'))
		load('polling').then(make => {
			poll = opened ? null : make;
		}, () => 0);
	if (steady)
		tries = 0;
	if (CLOSED_FOR_LATER.includes(code))
		tries = Math.max(tries, 5);
	// All clients of a hub that is started anew come back spread out.
	const wait = first && tries < 5 ? 500 + Math.random() * 1500
		: 300 + Math.random() * Math.min(SLOWEST, 1000 * Math.pow(2, tries));
	tries++;
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
	if (redial || state === 'idle' && !document.hidden && known())
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

function heed({ limits }) {
	if (isObject(limits) && limits.message > 0)
		limit = limits.message;
}

const handlers = {
	limits: heed,


	welcome(frame) {
		if (!Array.isArray(frame.messages))
			return;
		// A link led from one conversation to another: nothing goes along.
		const moved = offered && token && frame.token;
		if (offered)
			link = '';
		if (typeof frame.token === 'string' && frame.token) {
			token = frame.token;
			store.set('token', token);
		}
		unlock();
		if (identity.told(frame) || moved)
			conversation.discardAll();
		if (moved)
			emit('moved');
		// The hub left out what the one before had, which is not shown any more.
		if (saidHave && conversation.isOther(frame.visitor)) {
			conversation.drop();
			letGo();
			return dial();
		}
		saidHave = 0;
		clearTimeout(deadline);
		welcomed = performance.now();
		wasWelcomed = true;
		clearInterval(heartbeat);
		heartbeat = setInterval(beat, BEAT);
		heed(frame);
		told = new Map();
		repeatWait = 0;
		closed = frame.conversation === 'closed';
		const fresh = conversation.welcome(frame);
		become('open');
		emit('welcome', frame);
		tellUser(frame);
		if (saidLate)
			tellIdentity();
		saidLate = false;
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
		setLate(false);
		if (!Array.isArray(frame.messages))
			return;
		frame.messages = frame.messages.filter(message => isObject(message) && isId(message.id));
		conversation.history(frame);
		emit('history');
		tellReceipts();
	},

	ack(frame) {
		strikes.delete(frame.id);
		conversation.ack(frame.id, frame.message, frame.at);
		next(frame.id);
	},

	status: conversation.status,

	settings: () => emit('ask'),

	retracted: frame => conversation.retract(frame.ids),

	conversation(frame) {
		closed = frame.state === 'closed';
		emit('conversation', frame.state);
	},

	typing: () => emit('typing'),

	// One without an id can be about anything that was sent.
	error(frame) {
		if (frame.code === 'link')
			emit('link', { error: string(frame.text) });
		// Whose conversation is empty has nothing to be asked about.
		if (frame.code === 'link_other') {
			other = offered;
			if (conversation.list().length || conversation.next() || store.get('draft'))
				return emit('conversation');
			follow(true);
		}
		if (frame.code === 'identity') {
			if (frame.retry_after > 0)
				setTimeout(tellIdentity, frame.retry_after);
			else
				emit('identity', { error: string(frame.text) });
			return;
		}
		const later = frame.code === 'rate' || frame.code === 'busy';
		const wait = Math.min(SLOWEST, Math.max(300, Number(frame.retry_after) || 2000));
		if (frame.id)
			conversation.refused(frame.id, frame.code, !later);
		else {
			if (asked && frame.code === 'busy')
				setLate(true);
			else
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

// The page hears once who somebody is.
function tellUser(frame) {
	const user = isObject(frame.user) ? string(frame.user.userId) : '';
	if (user && user !== toldUser)
		emit('identity', { userId: user, verified: true });
	toldUser = user;
}

function tellIdentity() {
	if (welcomed)
		send(identity.frame());
}

// The page says who the visitor is.
export function identify(given) {
	if (identity.take(given)) {
		store.wipe();
		beginAnew(false);
	}
	if (welcomed)
		tellIdentity();
	else if (socket)
		saidLate = true;
	else if (identity.isSigned() && state !== 'gone') {
		tries = 0;
		become('connecting');
		dial();
	}
}

// --- sending --------------------------------------------------------------

// One message at a time, so that one which has to wait is not overtaken.
export function pump() {
	let item;
	// It may have been written for a hub that took more.
	while ((item = welcomed && !sending && conversation.next()) && !fits(item.content))
		conversation.refused(item.id, 'too_large', true);
	if (!item)
		return welcomed && link && dialAnew();
	sending = item.id;
	conversation.setUnderWay(item);
	clearTimeout(ackTimer);
	ackTimer = setTimeout(() => next(sending), ACK_IN);
	send({ type: 'message', id: item.id, content: item.content });
}

function next(id) {
	if (id === sending) {
		clearTimeout(ackTimer);
		sending = null;
		conversation.setUnderWay(null);
	}
	pump();
}

function dialAnew() {
	letGo();
	dial();
}

// Is the conversation of the link to take the place of that which is here?
export function follow(yes) {
	if (yes) {
		link = other;
		chosen = true;
	}
	other = '';
	if (welcomed)
		pump();
}

// What another tab wrote and could not send itself: one of those that have a line does.
function help() {
	if (helping || !welcomed || !conversation.next())
		return;
	helping = true;
	const work = () => new Promise(done => {
		const end = performance.now() + HELP_IN;
		(function look() {
			conversation.loadOutgoing();
			pump();
			if (welcomed && conversation.next() && performance.now() < end)
				setTimeout(look, 500);
			else
				done();
		})();
	});
	const name = `webchatt.${config.webChatId}.send`;
	const turn = navigator.locks ? navigator.locks.request(name, work)
		: new Promise(done => setTimeout(done, 500 + Math.random() * 3000)).then(work);
	turn.catch(() => 0).then(() => {
		helping = false;
	});
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

// An archive that is away is not there again in a moment.
function setLate(is) {
	clearTimeout(lateTimer);
	asked = late = is;
	if (is)
		lateTimer = setTimeout(setLate, OLDER_AGAIN, false);
	emit('older');
}

export function loadOlder() {
	if (!welcomed || asked || !conversation.oldest())
		return;
	asked = true;
	send({ type: 'history', before: conversation.oldest() });
}

// Tell the hub something that nothing waits for; false: not now.
export const tell = frame => !!welcomed && send(frame);

export function retry() {
	become('connecting');
	dial();
}

// Does a message with that content fit into a frame?
export const fits = content => bytes({ type: 'message', id: newId(), content }) <= limit;

// --- the world outside ----------------------------------------------------

// Nothing of who was here stays; what the store has by now is who is here.
function beginAnew(kept) {
	rest();
	// That it is gone from the store may not have reached this tab yet.
	if (!kept && token)
		dead = token;
	tries = 0;
	token = null;
	link = other = '';
	closed = false;
	strikes.clear();
	told.clear();
	conversation.clear(kept);
	emit('reset');
	if (known())
		dial();
}

// Somebody else is to have this page, and all others of the site.
export function reset() {
	identity.forget();
	toldUser = '';
	store.wipe();
	beginAnew(false);
}

// The widget leaves the page, which may want another one.
export function stop() {
	rest();
	tries = 0;
	token = dead = null;
	closed = false;
	wasWelcomed = false;
	strikes.clear();
	told.clear();
}

// With the page's configuration; dials nothing yet.
export function start(given) {
	config = given;
	identity.forget();
	store.watch(name => {
		if (name.startsWith('out.'))
			conversation.outgoingChanged(help);
		// Without a line, what the others know.
		if (name === 'log' && !welcomed) {
			conversation.load();
			emit('changed');
		}
		// Another tab became a visitor: be the same one.
		if (name === 'token' && known() && known() !== token && !release) {
			drop();
			dial();
		}
	}, kept => {
		// Somebody has logged out in another tab, or by emptying the store.
		identity.forget();
		toldUser = '';
		beginAnew(kept);
	});
	listen(window, 'hashchange', () => {
		if (findLink()) {
			emit('linked');
			dialAnew();
		}
	});
	listen(window, 'online', nudge);
	// It is over, though it takes the browser long to say so.
	listen(window, 'offline', drop);
	listen(window, 'focus', nudge);
	listen(document, 'visibilitychange', wake);
	every(LOOK, tellPage);
	every(CHECK, store.check);
	listen(window, 'pagehide', () => {
		conversation.save();
		// A page with a line is not kept for "back".
		rest();
	});
	listen(window, 'pageshow', event => {
		if (event.persisted) {
			store.check();
			conversation.load();
			emit('changed');
			nudge();
		}
	});
}

function wake() {
	// Back from another tab: it is this page again.
	toldPage = '';
	store.check();
	if (!document.hidden)
		nudge();
}
