// What tells of a message while the panel is closed, or the page is in the
// background: the message beside the bubble, the page's title, a tone, and the
// system's notifications, for who wants them (../panel/bell.js); and what the shop says by itself, after a time or on a page.

import style from '../../../build/widget/notices.css';

let atEnd, conversation, draw, emit, every, launcher, line, listen, make,
	on, setText, site, store, string, summary, t;

const FLASH = 1500;
const LOOK = 1000;
const LATE = 1000;
const MOST_SAID = 50;

export function start(core) {
	({
		atEnd, conversation, draw, emit, every, launcher, line, listen, make, on, setText, site, store, string, summary, t
	} = core);
	launcher.addStyle(style);
	const { config } = launcher;
	const who = make('b', { dir: 'auto' });
	const what = make('span.what', { dir: 'auto' });
	const card = make('div.notice', { hidden: true },
		make('button.say', { type: 'button', onclick: answer }, who, what),
		make('button.no', { type: 'button', 'aria-label': t('dismiss'), title: t('dismiss'), onclick: dismiss }, draw('close', 'M6 6l12 12M18 6L6 18')));
	let shown = null;
	let flash = 0;
	let audio = null;

	const unseen = () => document.hidden || !document.hasFocus();
	const welcome = () => !site.away && config.launcher !== 'none';
	const asked = () => store.get('notify');

	// --- beside the bubble -----------------------------------------------------

	function show(id, name, text) {
		shown = id;
		setText(who, name);
		setText(what, text);
		card.hidden = false;
	}

	function hide() {
		shown = null;
		card.hidden = true;
	}

	function answer() {
		hide();
		launcher.open(true);
	}

	function dismiss() {
		hide();
		launcher.bubble.focus({ preventScroll: true });
	}

	// It was read in another tab, or is gone; or the visitor writes.
	function check() {
		const message = shown && shown !== true && conversation.byId(shown);
		if (shown && shown !== true && !(message && conversation.isUnread(message)))
			hide();
		title();
	}

	// --- the page's title ------------------------------------------------------

	function title() {
		const count = conversation.unread();
		const plain = document.title.replace(line.MARK, '');
		const on = count > 0 && config.titleFlash !== false;
		const marked = on && !(document.hidden && line.MARK.test(document.title));
		const wanted = marked ? `(${count > 99 ? '99+' : count})\u2060 ${plain}` : plain;
		if (document.title !== wanted)
			document.title = wanted;
		if (on && !flash)
			flash = setInterval(title, FLASH);
		else if (!on) {
			clearInterval(flash);
			flash = 0;
		}
	}

	// --- tone and notification -------------------------------------------------

	// Of several tabs one.
	function once(id, work) {
		if (navigator.locks)
			navigator.locks.request(`webchatt.${config.webChatId}.${id}`, { ifAvailable: true }, lock => lock && new Promise(done => {
				work();
				setTimeout(done, 5000);
			})).catch(() => 0);
		else
			work();
	}

	// Two short notes; a page that nobody has touched yet may not sound, and then does not.
	function tone() {
		try {
			audio = audio || new (self.AudioContext || self.webkitAudioContext)();
			const asked = performance.now();
			Promise.resolve(audio.resume()).then(() => performance.now() - asked < LATE && play());
		} catch {
			// None here.
		}
	}

	function play() {
		const begin = audio.currentTime;
		[660, 880].forEach((pitch, i) => {
			const at = begin + i * 0.14;
			const note = audio.createOscillator();
			const loud = audio.createGain();
			note.frequency.value = pitch;
			loud.gain.setValueAtTime(0.08, at);
			loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.25);
			note.connect(loud);
			loud.connect(audio.destination);
			note.start(at);
			note.stop(at + 0.25);
		});
	}

	function notify(message, name) {
		try {
			const told = new Notification(name, { body: summary(message.content), tag: message.id });
			told.onclick = () => {
				self.focus();
				launcher.open(true);
				told.close();
			};
		} catch {
			// A phone's browser shows them for service workers only.
		}
	}

	function tell(messages) {
		const last = messages[messages.length - 1];
		const name = conversation.authorOf(last) || launcher.name();
		if (!launcher.isOpen() && config.preview !== false && welcome())
			show(last.id, name, summary(last.content));
		title();
		if (launcher.isOpen() && !unseen())
			return;
		const answer = asked();
		if (config.sound && answer !== false)
			once(`tone.${last.id}`, tone);
		if (answer && unseen() && self.Notification && Notification.permission === 'granted')
			once(`notice.${last.id}`, () => notify(last, name));
	}

	// --- what the shop says by itself --------------------------------------------

	function say() {
		if (shown && !welcome())
			hide();
		const rules = Array.isArray(config.proactive) ? config.proactive : [];
		const said = store.get('said') || [];
		if (shown || launcher.isOpen() || !welcome() || document.hidden || conversation.list().length || conversation.outgoing.length)
			return;
		const rule = rules.find(one => !said.includes(string(one.text)) && (!one.path || site.isAt(one.path)) &&
			performance.now() - since() >= 1000 * (one.after || 0));
		if (!rule)
			return;
		store.set('said', said.concat(rule.text).slice(-MOST_SAID));
		config.greeting = string(rule.text);
		emit('greet', config.greeting);
		show(true, launcher.name(), config.greeting);
		launcher.announce(`${launcher.name()}: ${config.greeting}`);
	}

	// Since when the visitor is on that page of an application of one page.
	let path = location.pathname;
	let came = 0;
	function since() {
		if (location.pathname !== path) {
			path = location.pathname;
			came = performance.now();
		}
		return came;
	}

	on('open', hide);
	on('reset', hide);
	on('changed', check);
	on('unread', title);
	listen(document, 'visibilitychange', title);
	launcher.root.insertBefore(card, launcher.bubble);
	every(LOOK, say);
	atEnd(() => {
		clearInterval(flash);
		document.title = document.title.replace(line.MARK, '');
	});
	title();
	return { tell };
}
