// The desk of somebody who is signed in: who they are, the line, the inbox, and the conversation that is open.
import { Inbox } from '../inbox/inbox_state.js';
import { Notifier } from '../notify/notify.js';
import { call, onCalls } from './api.js';
import { Changes } from './changes.js';
import { Keep } from './keep.js';
import { Live } from './live.js';
import { paced } from './pace.js';

// Read again also where nobody says that something changed.
const ANYWAY_OPEN = 60000;
const ANYWAY_CUT = 10000;

export class Desk {
	constructor(me) {
		this.changes = new Changes();
		this.take(me);
		this.keep = new Keep(this.agent.name);
		this.live = new Live();
		this.agents = [];
		this.talk = null;
		this.inbox = new Inbox(this);
		this.notifier = new Notifier(this);
		this.rereadMe = paced(async () => {
			const [again, agents] = await Promise.all([call('me'), call('agents')]);
			this.agents = Array.isArray(agents) ? agents : agents.agents || [];
			this.take(again);
			this.changes.tell();
		});
		this.ends = [this.live.events.listen(event => this.hear(event))];
		// Whether the version changed while the page stayed open.
		this.version = me.version;
		onCalls({ signedOut: () => this.whenSignedOut(), unreached: () => this.live.state === 'open' && this.live.redial() });
	}

	start(whenSignedOut) {
		this.whenSignedOut = whenSignedOut;
		this.rereadMe();
		this.inbox.ask();
		this.live.start();
		this.notifier.start();
		let waited = 0;
		this.timer = setInterval(() => {
			waited += ANYWAY_CUT;
			if (this.live.state !== 'open' || waited >= ANYWAY_OPEN) {
				waited = 0;
				this.reread();
			}
		}, ANYWAY_CUT);
		this.ends.push(() => clearInterval(this.timer));
	}

	stop() {
		this.ends.forEach(end => end());
		this.show(null);
		this.notifier.stop();
		this.inbox.stop();
		this.rereadMe.stop();
		this.live.stop();
		onCalls({ signedOut: () => 0, unreached: () => 0 });
	}

	// They have seen as whom they came.
	arrived() {
		this.came = false;
		this.changes.tell();
	}

	take(me) {
		this.agent = me.agent;
		this.channels = me.channels || [];
		this.updated = this.version !== undefined && me.version !== this.version;
	}

	get isAdmin() {
		return this.agent.role === 'admin';
	}

	// A colleague's name for people; the name itself where nobody is known by it.
	nameOf(name) {
		const known = this.agents.find(one => one.name === name);
		return known ? known.displayName : name;
	}

	agentOf(name) {
		return this.agents.find(one => one.name === name);
	}

	channelOf(id) {
		return this.channels.find(one => one.id === id);
	}

	reread() {
		this.inbox.ask.now();
		if (this.talk)
			this.talk.ask.now();
	}

	hear(event) {
		switch (event.type) {
		case 'ready':
			this.rereadMe.now();
			this.reread();
			break;
		case 'cut':
			this.inbox.ask();
			break;
		case 'changed':
			this.inbox.ask();
			this.notifier.changed();
			break;
		case 'signed_out':
			this.whenSignedOut();
			break;
		default:
			if (this.talk)
				this.talk.hear(event);
		}
	}

	// The conversation that is on the screen from now on; null: none.
	show(talk) {
		if (this.talk && this.talk !== talk) {
			this.talk.stop();
			this.live.show('');
		}
		this.talk = talk;
		this.notifier.tellEyes();
	}
}
