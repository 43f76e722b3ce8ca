// The line on which the server says what changed (doc/desk-protocol.md).  It dials again by itself,
// later and later, and at once when the browser is back online or the tab is looked at.
import { Changes } from './changes.js';

const FIRST = 500;
const LATEST = 20000;
// How long a line may take until it is ready; how long it has to hold to count as a good one.
const PATIENCE = 30000;
const HELD = 10000;
const TOO_MANY = 4029;
const SIGNED_OUT = 4401;

export class Live {
	constructor() {
		this.changes = new Changes();	// of state
		this.events = new Changes();	// what the server says
		this.state = 'connecting';	// connecting, open, stopped
		this.tries = 0;
		this.ready = Infinity;	// since when the line is open
		this.shown = '';	// what the server was told is on the screen
		this.dialSoon = () => {
			if (this.state === 'connecting' && !document.hidden && !this.socket)
				this.dial();
		};
		// A line may be dead without anybody having said so: a call that reached nobody says it, too.
		this.redial = () => {
			const socket = this.socket;
			if (!socket)
				return;
			this.socket = null;
			socket.close();
			this.dialLater();
		};
	}

	start() {
		addEventListener('online', this.dialSoon);
		addEventListener('offline', this.redial);
		document.addEventListener('visibilitychange', this.dialSoon);
		this.dial();
	}

	stop() {
		removeEventListener('online', this.dialSoon);
		removeEventListener('offline', this.redial);
		document.removeEventListener('visibilitychange', this.dialSoon);
		clearTimeout(this.timer);
		this.set('stopped');
		if (this.socket)
			this.socket.close();
		this.socket = null;
	}

	set(state) {
		if (this.state !== state) {
			this.state = state;
			this.changes.tell();
		}
	}

	dial() {
		clearTimeout(this.timer);
		const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/desk/socket`, 'web-chatt2me.desk.v1');
		this.socket = socket;
		socket.onmessage = message => {
			if (this.socket === socket)
				this.hear(message.data);
		};
		socket.onclose = event => {
			if (this.socket !== socket)
				return;
			this.socket = null;
			if (event.code === SIGNED_OUT)
				this.events.tell({ type: 'signed_out' });
			else
				this.dialLater(event.code === TOO_MANY);
		};
		this.timer = setTimeout(this.redial, PATIENCE);
	}

	// late: as late as ever.
	dialLater(late = false) {
		clearTimeout(this.timer);
		// A line that held has shown that there is a way.
		if (performance.now() - this.ready > HELD)
			this.tries = 0;
		this.ready = Infinity;
		const longest = late ? LATEST : Math.min(LATEST, FIRST * 2 ** this.tries++);
		this.set('connecting');
		this.timer = setTimeout(() => this.dial(), longest * (0.5 + Math.random() / 2));
		// No line may be what a proxy does: ask whether we are still signed in, and read what there is.
		this.events.tell({ type: 'cut' });
	}

	hear(text) {
		let event = null;
		try {
			event = JSON.parse(text);
		} catch {
			return;
		}
		if (!event || typeof event.type !== 'string')
			return;
		// From here on changes are told; what was told while there was no line was not heard.
		if (event.type === 'ready') {
			clearTimeout(this.timer);
			this.ready = performance.now();
			this.shown = '';
			this.set('open');
		} else if (event.type === 'unread') {
			this.shown = '';
		}
		this.events.tell(event);
	}

	say(message) {
		if (message && this.socket && this.socket.readyState === WebSocket.OPEN)
			this.socket.send(JSON.stringify(message));
	}

	// Which conversation is on the screen; the server believes it only of one that was just read.  '': none.
	show(channel, visitor = '') {
		const shown = channel && `${channel} ${visitor}`;
		if (shown === this.shown || this.state !== 'open')
			return;
		this.shown = shown;
		this.say(channel ? { type: 'open', channel, visitor } : { type: 'close' });
	}
}
