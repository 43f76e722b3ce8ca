// What is searched for, and what was found.  It stays while the desk is open, so that Back leads to it again.
import { call } from '../shared/api.js';
import { Changes } from '../shared/changes.js';

const PAUSE = 250;
const PAGE = 25;

const NOTHING = { messages: [], visitors: [], next: null, complete: true, completeSince: null };

export class Search {
	constructor() {
		this.changes = new Changes();
		this.query = '';
		this.channel = '';
		this.direction = '';
		this.found = null;	// null: nothing was searched for yet
		this.error = null;
		this.busy = false;
		this.scroll = 0;
		this.turn = 0;
	}

	// Something was typed or chosen.
	want(what, at = 'pause') {
		Object.assign(this, what);
		clearTimeout(this.timer);
		this.turn++;
		this.busy = this.query.trim() !== '';
		if (!this.busy) {
			this.found = null;
			this.error = null;
		} else if (at === 'once')
			this.run(null);
		else
			this.timer = setTimeout(() => this.run(null), PAUSE);
		this.changes.tell();
	}

	// Behind what there is.
	more() {
		if (this.busy)
			return;
		this.busy = true;
		this.changes.tell();
		this.run(this.found);
	}

	// The last one that was asked for is the one that counts.
	async run(behind) {
		const turn = ++this.turn;
		const args = { query: this.query, limit: PAGE };
		if (this.channel)
			args.channel = this.channel;
		if (this.direction)
			args.direction = this.direction;
		if (behind)
			args.after = behind.next;
		try {
			const page = { ...NOTHING, ...await call('search', args) };
			if (turn !== this.turn)
				return;
			this.found = behind ? { ...page, messages: behind.messages.concat(page.messages), visitors: behind.visitors } : page;
			this.error = null;
		} catch (error) {
			if (turn !== this.turn)
				return;
			this.error = error;
			if (!behind)
				this.found = null;
		}
		this.busy = false;
		this.changes.tell();
	}
}

const searches = new WeakMap();

export function searchOf(desk) {
	if (!searches.has(desk))
		searches.set(desk, new Search());
	return searches.get(desk);
}
