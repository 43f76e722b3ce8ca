// The inbox as it is on the screen: its first page is read again when something changed, and what lies further down
// more seldom.  Its order is the server's.
import { call } from '../shared/api.js';
import { Changes } from '../shared/changes.js';
import { paced } from '../shared/pace.js';

const PAGE = 50;
// How much is read again at a time: of a list that is longer the rest at most so often (ms), down to a depth.
const AGAIN = 100;
const FURTHER_EVERY = 5000;
const DEPTH = 1000;

export const FILTERS = ['open', 'mine', 'closed'];
const keyOf = one => `${one.channel} ${one.visitor}`;

export class Inbox {
	constructor(desk) {
		this.desk = desk;
		this.changes = new Changes();
		this.filter = 'open';
		this.channel = '';
		this.waiting = 0;
		this.clear();
		this.ask = paced(() => this.reread());
		this.askFurther = paced(() => this.rereadFurther(), FURTHER_EVERY);
	}

	stop() {
		this.ask.stop();
		this.askFurther.stop();
	}

	clear() {
		this.conversations = [];
		this.next = null;
		this.loaded = false;
		this.error = null;
		this.loadingMore = false;
		this.extended = 0;
	}

	choose(filter, channel) {
		if (this.filter === filter && this.channel === channel)
			return;
		this.filter = filter;
		this.channel = channel;
		this.clear();
		this.changes.tell();
		this.ask.now();
	}

	read(after, limit) {
		const args = { filter: this.filter, limit };
		if (this.channel)
			args.channel = this.channel;
		if (after !== null)
			args.after = after;
		return call('inbox', args);
	}

	// Answers for a filter that is not chosen any more are dropped.
	get view() {
		return `${this.filter} ${this.channel}`;
	}

	async reread() {
		const view = this.view;
		const limit = this.conversations.length > PAGE ? AGAIN : PAGE;
		try {
			const page = await this.read(null, limit);
			if (view !== this.view)
				return;
			this.take(page, limit);
			if (this.conversations.length > limit)
				this.askFurther();
		} catch (error) {
			if (view === this.view) {
				this.error = error;
				this.changes.tell();
			}
			if (error.passes)
				throw error;
		}
	}

	take(page, limit) {
		const fresh = page.conversations;
		const keys = new Set(fresh.map(keyOf));
		// What was read further down stays behind it; where all of it came, nothing is further down.
		const further = page.next !== null && this.conversations.length > limit ? this.conversations.slice(limit).filter(one => !keys.has(keyOf(one))) : [];
		this.conversations = fresh.concat(further);
		if (!further.length)
			this.next = page.next;
		this.waiting = page.waiting;
		this.loaded = true;
		this.error = null;
		this.changes.tell();
	}

	// All of a long list, page by page, from the top, as what lies where has changed; shown when all of it is there, behind
	// the first page, which may be newer.  Deeper than DEPTH it ends, and can be gone on with from there.
	async rereadFurther() {
		const view = this.view;
		const wanted = Math.min(this.conversations.length, DEPTH);
		const extended = this.extended;
		const fresh = [];
		let page = { next: null };
		do {
			page = await this.read(page.next, Math.min(AGAIN, wanted - fresh.length));
			fresh.push(...page.conversations);
		} while (view === this.view && page.next !== null && fresh.length < wanted);
		if (view !== this.view)
			return;
		// Somebody goes on with the list just now, or has gone on with it meanwhile: what they see stays.
		if (this.loadingMore || extended !== this.extended) {
			this.askFurther();
			return;
		}
		const first = this.conversations.slice(0, AGAIN);
		const keys = new Set(first.map(keyOf));
		this.conversations = first.concat(fresh.filter(one => !keys.has(keyOf(one)) && keys.add(keyOf(one))));
		this.next = page.next;
		this.changes.tell();
	}

	async more() {
		if (this.loadingMore || this.next === null)
			return;
		const view = this.view;
		this.loadingMore = true;
		this.changes.tell();
		try {
			const page = await this.read(this.next, PAGE);
			if (view !== this.view)
				return;
			const keys = new Set(this.conversations.map(keyOf));
			this.conversations = this.conversations.concat(page.conversations.filter(one => !keys.has(keyOf(one))));
			this.next = page.next;
			this.extended++;
			this.error = null;
		} catch (error) {
			if (view === this.view)
				this.error = error;
		} finally {
			if (view === this.view)
				this.loadingMore = false;
			this.changes.tell();
		}
	}

	// The conversation before or behind that one in the list; null: there is none.
	beside(channel, visitor, step) {
		const at = this.conversations.findIndex(one => one.channel === channel && one.visitor === visitor);
		return this.conversations[at < 0 ? 0 : at + step] || null;
	}
}
