// The conversation: messages by id, those of the visitor that have no ack yet,
// and the receipts that the hub has not confirmed.  Nothing here knows of the
// network or the screen.

import { emit } from './events.js';
import * as store from './store.js';
import { bytes, isId, isObject, json, newId, string } from './values.js';

const KEEP_MESSAGES = 100;
const KEEP_BYTES = 500000;
const KEEP_RECEIPTS = 300;
const MOST_OUTGOING = 50;
const MOST_HAVE = 100;
const RANK = { sent: 1, received: 1, delivered: 2, read: 3 };

// A place in the order for a message that has no id of the hub: ids of the hub
// begin with the time, too.
function idOfTime(at) {
	const hex = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0');
	return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7000-8000-000000000000`;
}

const messages = new Map();
export const receipts = new Map();
export let outgoing = [];
// That which is under way on this tab's line.
let under = null;
let visitor = null;
let readUpto = '';
let sorted = null;
let saving = 0;
export let older = false;

// --- keeping --------------------------------------------------------------

// What is kept, over what this tab knows: another one may know more, or that a
// message is gone.
export function load() {
	const kept = store.get('log');
	if (isObject(kept) && Array.isArray(kept.messages)) {
		if (visitor !== null && visitor !== kept.visitor)
			forget();
		visitor = kept.visitor;
		const ids = kept.messages.map(message => message && message.id);
		retract(firm().map(message => message.id).filter(id => !(id < ids[0]) && !ids.includes(id)));
		if (!messages.size || ids[0] < oldest())
			older = !!kept.older;
		kept.messages.forEach(put);
		for (const [id, what] of Array.isArray(kept.receipts) ? kept.receipts : [])
			if (receipts.get(id) !== 'read' && !(messages.get(id) && messages.get(id).status === 'read'))
				receipts.set(id, what);
	}
	loadOutgoing();
}

function forget() {
	messages.clear();
	receipts.clear();
	older = false;
	sorted = null;
}

// It was somebody else's; what is kept may be, too.
export function clear(kept) {
	clearTimeout(saving);
	saving = 0;
	forget();
	outgoing = [];
	under = null;
	visitor = null;
	readUpto = '';
	if (kept)
		load();
	emit('changed');
}

// Each message has a name of its own in the store, so that tabs never
// overwrite each other's.
export function loadOutgoing() {
	const known = new Map(outgoing.map(item => [item.id, item]));
	// Another tab may have heard of it before this one has its ack: it is not gone.
	outgoing = [...new Set([under, ...store.names('out.').map(name => {
		const item = store.get(name);
		return item && Object.assign(known.get(item.id) || {}, item);
	})])].filter(item => item && typeof item.id === 'string' && isObject(item.content) && !byClient(item.id));
}

export function save() {
	clearTimeout(saving);
	saving = 0;
	if (visitor === null)
		return;
	const all = list();
	// Less and less, where much is long or the page has filled the store.
	for (let most = KEEP_MESSAGES; most >= 1; most = Math.floor(most / 4)) {
		const log = {
			visitor,
			older: older || most < all.length,
			messages: all.slice(-most),
			receipts: [...receipts].slice(-KEEP_RECEIPTS)
		};
		if (bytes(log) < KEEP_BYTES && store.set('log', log))
			return;
	}
}

function touch() {
	sorted = null;
	if (!saving)
		saving = setTimeout(save, 150);
	emit('changed');
}

// --- messages -------------------------------------------------------------

export function list() {
	if (!sorted)
		sorted = [...messages.values()].sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
	return sorted;
}

const firm = () => list().filter(message => !message.local);

export const oldest = () => (firm()[0] || {}).id;

export const byId = id => messages.get(id);

function byClient(client) {
	for (const message of messages.values())
		if (message.client === client)
			return message;
	return null;
}

function raise(message, status) {
	if ((RANK[status] || 0) > (RANK[message.status] || 0))
		message.status = status;
}

// The visitor's own messages up to that one have that status.
function seenTo(upto, status) {
	if (!isId(upto))
		return;
	if (status === 'read' && upto > readUpto)
		readUpto = upto;
	for (const message of messages.values())
		if (message.direction === 'in' && message.id <= upto)
			raise(message, status);
}

// Take a message of the hub; says whether it is new here.
function put(given) {
	if (!isObject(given) || !isId(given.id) || !isObject(given.content))
		return false;
	const known = messages.get(given.id);
	if (known) {
		raise(known, given.status);
		// Its content was replaced.
		if (json(known.content) !== json(given.content))
			Object.assign(known, { content: given.content, anew: '!' });
		if (known.status === 'read')
			receipts.delete(known.id);
		return false;
	}
	const own = given.direction === 'in';
	const message = {
		id: given.id,
		direction: own ? 'in' : 'out',
		at: given.at > 0 && given.at < 8e15 ? +given.at : Date.now(),
		status: String(given.status || 'sent'),
		content: given.content,
		author: given.author,
		local: given.local
	};
	let fresh = true;
	if (own && typeof given.client === 'string') {
		const twin = byClient(given.client);
		if (twin)
			messages.delete(twin.id);
		fresh = !twin && !outgoing.some(item => item.id === given.client);
		message.client = given.client;
		dropOutgoing(given.client);
	}
	if (own && message.id <= readUpto)
		message.status = 'read';
	messages.set(message.id, message);
	sorted = null;
	if (!own && !(RANK[message.status] > 1))
		receipts.set(message.id, 'delivered');
	return fresh;
}

// --- what the visitor writes ----------------------------------------------

const outName = item => `out.${String(item.at).padStart(15, '0')}.${item.id}`;

function dropOutgoing(client) {
	for (const item of outgoing)
		if (item.id === client)
			store.remove(outName(item));
	outgoing = outgoing.filter(item => item.id !== client);
}

// Queue a content; returns its item, or null when too many wait.
export function write(content) {
	store.check();
	if (outgoing.length >= MOST_OUTGOING)
		return null;
	const last = outgoing[outgoing.length - 1];
	const item = { id: newId(), at: Math.max(Date.now(), last ? last.at + 1 : 0), content };
	outgoing.push(item);
	store.set(outName(item), item);
	emit('changed');
	return item;
}

// What the hub said of it: "rate" and "busy" pass, the others stay.
export function refused(client, code, lasting) {
	const item = outgoing.find(one => one.id === client);
	if (!item)
		return;
	item[lasting ? 'error' : 'wait'] = code;
	if (lasting)
		store.set(outName(item), item);
	emit('changed');
}

export function discard(client) {
	dropOutgoing(client);
	emit('changed');
}

export function discardAll() {
	store.remove('log');
	store.remove('draft');
	for (const item of outgoing)
		dropOutgoing(item.id);
}

export const next = () => outgoing.find(item => !item.error);

// null: nothing is.
export const setUnderWay = item => {
	under = item;
};

export function ack(client, id, at) {
	const item = outgoing.find(one => one.id === client);
	if (!item)
		return;
	const when = typeof at === 'number' ? at : Date.now();
	// Refused by the application for now: shown, but the hub has no id for it.
	const local = !isId(id);
	put({ id: local ? idOfTime(when) : id, direction: 'in', at: when, status: 'received', client, content: item.content, local });
	dropOutgoing(client);
	touch();
	// At once: a tab without a line has it from the store only.
	save();
}

// Another tab queued a message, or has an ack for one: its own
// conversation tells this tab of it in a moment.
export function outgoingChanged(then) {
	setTimeout(() => {
		loadOutgoing();
		emit('changed');
		then();
	}, 300);
}

// --- what the hub says ----------------------------------------------------

// Ids for hello.
export const have = () => firm().slice(-MOST_HAVE).map(message => message.id);

// Is that somebody else than whose messages are here?
export const isOther = id => visitor !== null && visitor !== id && messages.size > 0;

// Messages of somebody else go; what is still to be sent stays, and is the other's.
export function drop() {
	forget();
	visitor = null;
	store.remove('log');
	emit('changed');
}

// Returns the messages that are new here.
export function welcome(frame) {
	if (visitor !== null && visitor !== frame.visitor)
		forget();
	visitor = frame.visitor;
	retract(frame.gone);
	const before = firm();
	const given = frame.messages.filter(message => isObject(message) && isId(message.id));
	let first = isId(frame.from) ? frame.from : '';
	// More was missed than the hub sends at once: what does not touch it is
	// loaded anew, by history, when the reader comes there.
	if (before.length && frame.more && first > before[before.length - 1].id) {
		before.forEach(message => messages.delete(message.id));
		before.length = 0;
	}
	if (before.length && before[0].id < first)
		first = before[0].id;
	else
		older = !!frame.more;
	// What is older than that would leave a gap.
	const fresh = given.filter(message => message.id >= first && put(message));
	seenTo(frame.read, 'read');
	touch();
	return fresh;
}

export function history(frame) {
	const fresh = frame.messages.filter(put);
	const lowest = frame.messages.reduce((low, message) => message.id < low ? message.id : low, 'g');
	if (!fresh.length || lowest <= firm()[0].id)
		older = !!frame.more && fresh.length > 0;
	touch();
	return fresh;
}

export function message(frame) {
	const fresh = put(frame);
	touch();
	return fresh;
}

// They are not there any more.
export function retract(ids) {
	for (const id of Array.isArray(ids) ? ids : []) {
		receipts.delete(id);
		if (messages.delete(id))
			touch();
	}
}

export function status(frame) {
	seenTo(frame.upto, frame.status);
	for (const id of Array.isArray(frame.ids) ? frame.ids : []) {
		if (messages.has(id))
			raise(messages.get(id), frame.status);
		if (frame.status === 'read' || receipts.get(id) === frame.status)
			receipts.delete(id);
	}
	touch();
}

// --- what the visitor sees ------------------------------------------------

export function isUnread(message) {
	return message.direction === 'out' && message.status !== 'read' && receipts.get(message.id) !== 'read';
}

// Who answers, where the channel shows it.
export const authorOf = message => isObject(message.author) ? string(message.author.name) : '';

export const unread = () => list().filter(isUnread).length;

// Those are before the visitor's eyes: in view, on a page that is on the screen.
export function seen(ids) {
	const unread = ids.map(byId).filter(message => message && isUnread(message));
	unread.forEach(message => receipts.set(message.id, 'read'));
	if (unread.length)
		touch();
}
