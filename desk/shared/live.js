// The line on which the server says what changed (doc/desk-protocol.md).  It dials again by itself,
// later and later, and at once when the browser is back online or the tab is looked at.
import { Changes } from './changes.js';

const FIRST = 500;
const LATEST = 20000;
const SIGNED_OUT = 4401;

export class Live {
	constructor() {
		this.changes = new Changes();	// of state
		this.events = new Changes();	// what the server says
		this.state = 'connecting';	// connecting, open, stopped
		this.tries = 0;
		this.shown = '';	// what the server was told is on the screen
		this.dialSoon = () => {
			if (this.state === 'connecting' && !document.hidden && this.timer)
				this.dial();
		};
		// A line may be dead without anybody having said so: a call that reached nobody says it, too.
		this.redial = () => {
			const socket = this.socket;
			if (!socket || this.state !== 'open')
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
		this.timer = 0;
		const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/desk/socket`, 'web-chatt2me.desk.v1');
		this.socket = socket;
		socket.onopen = () => {
			if (this.socket !== socket)
				return;
			this.tries = 0;
			this.set('open');
			this.shown = '';
			// What was said while there was no line was not heard.
			this.events.tell({ type: 'connected' });
		};
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
				this.dialLater();
		};
	}

	dialLater() {
		const longest = Math.min(LATEST, FIRST * 2 ** this.tries++);
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
		if (event && typeof event.type === 'string')
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
