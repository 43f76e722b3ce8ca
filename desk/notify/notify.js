// Telling of what visitors write: a notification of the browser's, a tone.  All of it is off until somebody turns it on,
// and what they chose is kept in this browser.
//
// Where the desk is open in several tabs, one of them tells (who holds a lock of the browser's), and knows by
// a channel between them which conversations the others have before somebody's eyes.
import { call } from '../shared/api.js';
import { Changes } from '../shared/changes.js';
import { liking } from '../shared/keep.js';
import { paced } from '../shared/pace.js';
import { href } from '../shared/route.js';
import { t, when } from '../shared/words.js';
import { summaryOf } from '../conversation/contents.js';
import { visitorName } from '../conversation/talk.js';
import { Tone } from './tone.js';

const MOST_MUTED = 200;
// Where the list shows something else, so much is read besides.
const PAGE = 100;
// A conversation that was not in the list before is new when its last message is not much older than the newest there, in milliseconds.
const SLACK = 10000;

const keyOf = one => `${one.channel} ${one.visitor}`;
export const canNotify = () => 'Notification' in window && isSecureContext;

export class Notifier {
	constructor(desk) {
		this.desk = desk;
		this.changes = new Changes();
		this.known = null;	// of each conversation that was seen: when its last message came; null: nothing was read yet
		this.upto = 0;	// the newest of those
		this.tone = new Tone();
		this.tab = Math.random();
		this.others = new Map();	// tabs: what each has before somebody's eyes
		this.leads = false;
		this.ask = paced(async () => this.take((await call('inbox', { filter: 'open', limit: PAGE })).conversations));
	}

	start() {
		this.ends = [this.desk.inbox.changes.listen(() => this.look())];
		this.tone.start(() => this.has('sound'));
		const hear = (target, name, work) => {
			target.addEventListener(name, work);
			this.ends.push(() => target.removeEventListener(name, work));
		};
		hear(window, 'storage', () => this.changes.tell());
		this.lead();
		if (!('BroadcastChannel' in window))
			return;
		this.channel = new BroadcastChannel('webchatt.desk.eyes');
		this.channel.onmessage = ({ data }) => {
			if (data.ask)
				this.tellEyes();
			else if (data.eyes)
				this.others.set(data.tab, data.eyes);
			else
				this.others.delete(data.tab);
		};
		for (const [target, name] of [[document, 'visibilitychange'], [window, 'focus'], [window, 'blur'], [window, 'hashchange']])
			hear(target, name, () => this.tellEyes());
		hear(window, 'pagehide', () => this.channel.postMessage({ tab: this.tab }));
		this.channel.postMessage({ ask: true });
	}

	stop() {
		if (this.stopped)
			return;
		this.stopped = true;
		this.ends.forEach(end => end());
		this.ask.stop();
		this.tone.stop();
		if (this.release)
			this.release();
		if (this.channel) {
			this.channel.postMessage({ tab: this.tab });
			this.channel.close();
		}
	}

	// The first tab holds the lock until it goes; where there are no locks each tab tells.
	lead() {
		if (!navigator.locks) {
			this.leads = true;
			return;
		}
		navigator.locks.request('webchatt.desk.tells', () => this.stopped ? null : new Promise(release => {
			this.leads = true;
			this.release = release;
		})).catch(() => 0);
	}

	// --- what was chosen ---

	has(choice) {
		return liking.get(choice) === 'yes';
	}

	choose(choice, wanted) {
		liking.set(choice, wanted ? 'yes' : '');
		if (choice === 'sound' && wanted)
			this.tone.play();
		this.changes.tell();
	}

	// Only when a button is pressed: browsers refuse what comes unasked, and people too.
	async askLeave() {
		const leave = await Notification.requestPermission();
		this.choose('notify', leave === 'granted');
	}

	get permission() {
		return canNotify() ? Notification.permission : 'none';
	}

	get muted() {
		return this.desk.keep.get('muted') || [];
	}

	isMuted(channel, visitor) {
		return this.muted.includes(keyOf({ channel, visitor }));
	}

	mute(channel, visitor, wanted) {
		const key = keyOf({ channel, visitor });
		const others = this.muted.filter(one => one !== key);
		this.desk.keep.set('muted', wanted ? [...others, key].slice(-MOST_MUTED) : others);
		this.changes.tell();
	}

	// --- what is new ---

	// The conversation that somebody has before their eyes in this tab, '': none.
	get eyes() {
		const { talk } = this.desk;
		return talk && !document.hidden && document.hasFocus() ? keyOf({ channel: talk.channel, visitor: talk.id }) : '';
	}

	tellEyes() {
		if (this.channel && !this.stopped)
			this.channel.postMessage({ tab: this.tab, eyes: this.eyes || 'nothing' });
	}

	get wanted() {
		return this.leads && !this.has('mute') && (this.has('sound') || this.has('notify'));
	}

	// The list shows all open conversations, so what it reads is enough.
	get sees() {
		const { inbox } = this.desk;
		return inbox.filter === 'open' && !inbox.channel;
	}

	// The server says that something changed somewhere.
	changed() {
		if (!this.sees && this.wanted)
			this.ask();
	}

	// The list was read again.
	look() {
		if (this.sees && this.desk.inbox.loaded)
			this.take(this.desk.inbox.conversations);
	}

	// Which of them have a message that was not there the last time; of the first time nothing is new.
	take(conversations) {
		const { known, upto } = this;
		this.known = new Map(conversations.map(one => [keyOf(one), one.lastAt]));
		this.upto = conversations.reduce((most, one) => Math.max(most, when(one.lastAt)), upto);
		if (!known)
			return;
		for (const one of conversations) {
			const last = known.get(keyOf(one));
			const isNew = last === undefined ? when(one.lastAt) > upto - SLACK : last !== one.lastAt;
			if (isNew && one.lastDirection === 'in' && one.unanswered && (!one.assignee || one.assignee === this.desk.agent.name))
				this.tell(one);
		}
	}

	tell(one) {
		const key = keyOf(one);
		if (!this.wanted || this.muted.includes(key) || this.eyes === key || [...this.others.values()].includes(key))
			return;
		if (this.has('sound'))
			this.tone.play();
		if (this.has('notify') && this.permission === 'granted')
			this.show(one, key);
	}

	// One for a conversation: the next one takes its place.
	show(one, key) {
		const withText = this.has('text');
		const title = withText ? visitorName(one.attributes, one.visitor, t) : t('notifyTitle');
		const body = withText ? summaryOf(one.lastText, one.lastType) : one.displayName;
		try {
			const shown = new Notification(title, { body, tag: `webchatt ${key}`, renotify: true, icon: '/desk/favicon.svg', silent: this.has('sound') });
			shown.onclick = () => {
				window.focus();
				location.hash = href('conversation', one.channel, one.visitor);
				shown.close();
			};
		} catch {
			// Phones show notifications of service workers only, and there is none.
		}
	}
}
