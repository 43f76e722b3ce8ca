// A conversation as it is on the screen: what the server has of it, and what is being sent.
import { call, Refusal } from '../shared/api.js';
import { Changes } from '../shared/changes.js';
import { paced } from '../shared/pace.js';
import { t } from '../shared/words.js';
import { sameAs, string, textOf } from './contents.js';

const PAGE = 50;
const MOST = 100;
// How many pages behind what is known are read one after the other; then the latest is read instead.
const CHASE = 5;
// How long somebody is shown as typing who does not go on; how often one's own typing is told.
const TYPING = 5000;
const TYPING_PAUSE = 3000;
// What becomes of a message that is none of these may change: what failed, too, by a retry or late evidence.
const FINAL = ['received', 'read', 'cancelled', 'retracted'];
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NONE = '00000000-0000-0000-0000-000000000000';

const newKey = () => crypto.randomUUID ? crypto.randomUUID()
	: Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => (byte + 256).toString(16).slice(1)).join('');

// What a visitor's attributes say that they are called; '': nothing.
export function givenName(attributes) {
	const given = attributes && typeof attributes === 'object' ? attributes : {};
	return (string(given.name) || string(given.email)).trim().slice(0, 80);
}

const byId = all => [...all].sort((a, b) => a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

export const visitorName = (attributes, id, t) => givenName(attributes) || t('visitor', { id: id.slice(-6) });

export class Talk {
	constructor(desk, channel, visitor) {
		this.desk = desk;
		this.channel = channel;
		this.id = visitor;
		this.changes = new Changes();
		this.arrivals = new Changes();	// each message that came from elsewhere
		this.messages = [];
		this.notes = [];	// to colleagues
		this.noteCount = 0;	// how many the server had when it was last asked
		this.more = false;
		this.archived = false;	// whether there may be some in an archive, before all that is here
		this.archiveAway = false;	// which could not be read
		// Whether there are newer ones behind those that are shown: then the newest are read when somebody wants them.
		this.newer = false;
		this.target = '';		// the message that was looked for
		this.arrivedAt = '';	// where that was read
		this.visitor = null;
		this.error = null;
		this.loadingEarlier = false;
		this.typingUntil = 0;
		this.colleagues = [];
		this.answering = [];
		this.markedRead = '';
		this.typed = -Infinity;
		this.kept = `sending.${channel}.${visitor}`;
		this.seenUpto = '';	// a colleague's answer that the server spoke of
		// { key, text or content, at, behind: last id that was there, id: once it is known; error, unsure, sending }
		this.pending = (desk.keep.get(this.kept) || []).map(one => ({ ...one, unsure: true }));
		this.ask = paced(() => this.reread());
		this.stopped = false;
	}

	get where() {
		return { channel: this.channel, visitor: this.id };
	}

	is(channel, visitor) {
		return this.channel === channel && this.id === visitor;
	}

	stop() {
		this.stopped = true;
		this.ask.stop();
		clearTimeout(this.typingTimer);
	}

	// --- reading ---

	async reread() {
		try {
			if (this.target && this.arrivedAt !== this.target)
				await this.readAround(this.target);
			else if (!this.visitor)
				await this.readLatest();
			else if (this.newer)
				await this.readVisitor();
			else
				await this.readOn();
			this.error = null;
			// The server believes only who has just read it.
			if (!this.stopped)
				this.desk.live.show(this.channel, this.id);
		} catch (error) {
			this.error = error;
			if (error.passes)
				throw error;
		} finally {
			if (!this.stopped)
				this.changes.tell();
		}
	}

	async readLatest() {
		const first = !this.visitor;
		const page = await call('conversation', { ...this.where, limit: PAGE });
		if (this.stopped)
			return;
		this.messages = [];
		this.notes = [];
		this.newer = false;
		this.take(page, !first);
		this.noteCount = page.noteCount;
		this.takeBounds(page);
	}

	// The page is to show that message, wherever it is.
	lookFor(id) {
		if (!UUID.test(id) || id === this.target)
			return;
		this.target = id;
		if (this.find(id)) {
			this.arrivedAt = id;
			this.changes.tell();
		} else
			this.ask.now();
	}

	// It may have been deleted: then what was around it.
	async readAround(id) {
		const before = await call('conversation', { ...this.where, before: id, limit: PAGE / 2 });
		const last = before.messages[before.messages.length - 1];
		const page = await call('conversation', { ...this.where, after: last ? last.id : NONE, limit: PAGE });
		// What a colleague answers from now on is not on the screen; all before is as good as seen.
		const { messages: [newest] } = await call('conversation', { ...this.where, limit: 1 });
		if (this.stopped)
			return;
		if (newest && newest.id > this.seenUpto)
			this.seenUpto = newest.id;
		this.messages = [];
		this.notes = [];
		this.take(before, false);
		this.take(page, false);
		this.noteCount = page.noteCount;
		this.takeBounds(before);
		this.newer = page.more;
		this.arrivedAt = id;
	}

	// While older messages are shown: what changes of the conversation itself.
	async readVisitor() {
		const page = await call('conversation', { ...this.where, limit: 1 });
		if (!this.stopped)
			this.visitor = page.visitor;
	}

	async later() {
		if (!this.newer || this.loadingLater)
			return;
		this.loadingLater = true;
		try {
			const page = await call('conversation', { ...this.where, after: this.messages[this.messages.length - 1].id, limit: PAGE });
			if (this.stopped)
				return;
			this.take(page, false);
			this.noteCount = page.noteCount;
			this.newer = page.more;
			this.error = null;
		} catch (error) {
			this.error = error;
		} finally {
			this.loadingLater = false;
			this.changes.tell();
		}
	}

	// Back to where the conversation goes on.
	async toLatest() {
		try {
			await this.readLatest();
			this.error = null;
		} catch (error) {
			this.error = error;
		}
		this.changes.tell();
	}

	// From the oldest message on whose status may still change.
	async readOn() {
		for (let pages = 0; pages < CHASE; pages++) {
			const after = this.readFrom(pages > 0);
			if (after === null)
				break;
			const page = await call('conversation', { ...this.where, after, limit: MOST });
			if (this.stopped)
				return;
			const known = this.notes.length;
			this.take(page, true);
			this.noteCount += this.notes.length - known;
			if (!page.more) {
				if (page.noteCount !== this.noteCount)
					await this.readNotes();
				this.noteCount = page.noteCount;
				return;
			}
		}
		await this.readLatest();
	}

	// One was deleted, or came in before what is here already: which of the last hundred there are.
	async readNotes() {
		const { notes, more } = await call('notes', { ...this.where, limit: MOST });
		const { items } = this;
		const oldest = this.more && items.length ? items[0].id : '';
		this.notes = this.notes.filter(one => more && one.id < notes[0].id).concat(notes.filter(one => one.id >= oldest).map(one => ({ ...one, note: true })));
	}

	// The id behind which is read; null: there is none.
	readFrom(onlyNew) {
		const last = this.messages.length - 1;
		if (onlyNew && this.items.length)
			return this.items[this.items.length - 1].id;
		if (last < 0)
			return null;
		let from = last;
		for (let at = last; at > last - MOST + 1 && at >= 0; at--)
			if (!FINAL.includes(this.messages[at].status))
				from = at - 1;
		return from >= 0 ? this.messages[from].id : null;
	}

	take(page, tell) {
		const known = new Map(this.messages.map(one => [one.id, one]));
		const last = this.messages.length ? this.messages[this.messages.length - 1].id : '';
		for (const one of page.messages) {
			this.recognise(one);
			if (tell && !known.has(one.id) && one.id > last)
				this.arrived(one);
			known.set(one.id, one);
		}
		// One that was read is not asked for again.
		for (const id of page.retracted || [])
			if (known.has(id))
				known.get(id).status = 'retracted';
		this.messages = byId(known.values());
		this.takeNotes(page.notes, tell);
		this.visitor = page.visitor;
		const there = this.pending.filter(one => !(one.id && known.has(one.id)));
		if (there.length !== this.pending.length)
			this.keepPending(there);
	}

	// What there is before the oldest of a page.
	takeBounds(page) {
		this.more = page.more;
		this.archived = page.archived;
		this.archiveAway = false;
	}

	takeNotes(notes, tell) {
		const known = new Map(this.notes.map(one => [one.id, one]));
		for (const one of notes) {
			const note = { ...one, note: true };
			if (tell && !known.has(one.id) && one.author !== this.desk.agent.name)
				this.arrivals.tell(note);
			known.set(one.id, note);
		}
		this.notes = byId(known.values());
	}

	// Messages and notes in their order.
	get items() {
		return this.notes.length ? byId([...this.messages, ...this.notes]) : this.messages;
	}

	// What was sent and not answered yet, or not answered at all, is known by its text.
	recognise(message) {
		const one = message.direction === 'out' && message.author === this.desk.agent.name &&
			this.pending.find(each => !each.id && message.id > each.behind && (each.content ? sameAs(each.content, message.content) : each.text === textOf(message.content)));
		if (one)
			one.id = message.id;
	}

	arrived(message) {
		if (message.direction === 'in')
			this.typingUntil = 0;
		// Who was answering has answered, whatever the line last said.
		this.answering = this.answering.filter(name => name !== message.author);
		if (!this.pending.some(one => one.id === message.id))
			this.arrivals.tell(message);
	}

	async earlier() {
		if (!this.more && !this.archived || this.loadingEarlier)
			return;
		this.loadingEarlier = true;
		this.changes.tell();
		try {
			await (this.more ? this.readEarlier() : this.readArchived());
			this.error = null;
		} catch (error) {
			this.error = error;
		} finally {
			this.loadingEarlier = false;
			this.changes.tell();
		}
	}

	async readEarlier() {
		const page = await call('conversation', { ...this.where, before: this.items[0].id, limit: PAGE });
		if (this.stopped)
			return;
		this.take(page, false);
		this.takeBounds(page);
	}

	// What has left for an archive: shown, and nothing can be done with it.
	async readArchived() {
		try {
			const page = await call('archived', { ...this.where, ...this.items.length ? { before: this.items[0].id } : {} });
			if (this.stopped)
				return;
			const known = [...page.messages.map(one => ({ ...one, archived: true })), ...this.messages];
			this.messages = byId(new Map(known.map(one => [one.id, one])).values());
			this.archived = page.more;
			this.archiveAway = false;
		} catch (error) {
			if (error.code !== 'archive_away')
				throw error;
			this.archiveAway = true;
		}
	}

	find(id) {
		return this.messages.find(one => one.id === id);
	}

	// --- what the line says of it ---

	hear(event) {
		switch (event.type) {
		case 'conversation':
		case 'unread':
			this.ask();
			return;
		case 'typing':
			this.typingUntil = Date.now() + TYPING;
			clearTimeout(this.typingTimer);
			this.typingTimer = setTimeout(() => this.changes.tell(), TYPING + 50);
			break;
		case 'colleagues': {
			const others = names => (Array.isArray(names) ? names : []).filter(name => name !== this.desk.agent.name);
			this.colleagues = others(event.agents);
			this.answering = others(event.typing);
			break;
		}
		default:
			return;
		}
		this.changes.tell();
	}

	get visitorTypes() {
		return this.typingUntil > Date.now();
	}

	// The agent types: colleagues and the visitor see it.
	typing() {
		if (performance.now() - this.typed < TYPING_PAUSE)
			return;
		this.typed = performance.now();
		this.desk.live.say({ type: 'typing' });
		call('typing', this.where).catch(() => 0);
	}

	// --- sending ---

	keepPending(pending) {
		this.pending = pending;
		this.desk.keep.set(this.kept, pending.filter(one => !one.id).map(({ key, text, content, at, behind }) => ({ key, text, content, at, behind })));
	}

	// what: { text } or { content }
	send(what) {
		const last = this.messages[this.messages.length - 1];
		const behind = last ? last.id : '';
		const one = { key: newKey(), ...what, at: Date.now(), behind, seen: behind > this.seenUpto ? behind : this.seenUpto };
		this.keepPending(this.pending.concat(one));
		this.typed = -Infinity;
		if (this.newer)
			this.toLatest();
		return this.dispatch(one);
	}

	// The same for a form that is still open: it throws what the server refused, and then nothing is there that was not sent.
	async sendContent(content) {
		const one = await this.send({ content });
		if (one.meanwhile)
			throw new Refusal(409, { errorMessage: t('meanwhileAgain', { name: this.desk.nameOf(one.meanwhile.author || t('somebody')) }) });
		if (!one.error || one.unsure)
			return;
		this.discard(one);
		throw one.error;
	}

	// Somebody else answered, and that was not on the screen yet: it was not sent, and goes back to where it was written.
	tooLate(one, other) {
		this.seenUpto = other.id;
		one.meanwhile = other;
		this.discard(one);
		this.ask.now();
		return one;
	}

	// Under its key once more: what came through the first time is not doubled.
	async dispatch(one) {
		one.error = null;
		one.unsure = false;
		one.sending = true;
		this.changes.tell();
		try {
			const answer = await call('send', { ...this.where, ...one.content ? { content: one.content } : { text: one.text }, key: one.key, ...one.seen ? { seen: one.seen } : {} });
			if (answer.meanwhile)
				return this.tooLate(one, answer.meanwhile);
			one.id = string(answer.id);
			this.keepPending(this.pending);
			this.ask.now();
		} catch (error) {
			one.error = error;
			one.unsure = error.status === 0 || error.status >= 500;
		}
		one.sending = false;
		this.changes.tell();
		return one;
	}

	discard(one) {
		this.keepPending(this.pending.filter(other => other !== one));
		this.changes.tell();
	}

	// --- other things to do with it: each throws the Refusal ---

	async do(name, args) {
		await call(name, { ...this.where, ...args });
		this.ask.now();
		this.desk.inbox.ask.now();
	}

	// Up to what is on the screen: what came meanwhile keeps it open.
	close() {
		const last = this.messages[this.messages.length - 1];
		return this.do('close', last ? { upto: last.id } : {});
	}

	reopen() {
		return this.do('reopen');
	}

	assign(assignee) {
		return this.do('assign', { assignee });
	}

	async retry(message) {
		await call('retry', { channel: this.channel, id: message.id });
		this.ask.now();
	}

	async takeBack(message) {
		await call('cancel', { channel: this.channel, id: message.id });
		this.ask.now();
	}

	async retract(message) {
		await call('retract', { channel: this.channel, id: message.id });
		// one that was read is not asked for again
		message.status = 'retracted';
		this.changes.tell();
		this.ask.now();
	}

	async addNote(text) {
		await call('add_note', { ...this.where, text });
		this.ask.now();
	}

	async deleteNote(note) {
		await call('delete_note', { id: note.id });
		this.ask.now();
	}

	// Everything of the visitor's that is here was seen.
	async seen() {
		const last = this.messages.reduce((found, one) => one.direction === 'in' ? one.id : found, '');
		if (!last || last <= this.markedRead)
			return;
		const before = this.markedRead;
		this.markedRead = last;
		try {
			await call('read', { ...this.where, upto: last });
		} catch {
			this.markedRead = before;
		}
	}
}
