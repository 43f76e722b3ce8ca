// The list of messages: rows are made once and then only brought up to date, so
// that focus, players and the reader's place stay where they are.

import { chosenOf, conversation, isObject, launcher, line, t, textOf } from '../core.js';
import { choicesOf, renderContent } from './contents.js';
import { append, icon, make, setText, webAddress } from './dom.js';
import { initial, makeDates } from './signs.js';

const GROUP_WITHIN = 180000;
const NEAR_END = 60;

export function makeLogView(actions) {
	const { dayOf, timeOf } = makeDates();
	const list = make('div.list');
	const earlier = make('button.earlier', { type: 'button', onclick: line.loadOlder }, t('earlier'));
	const greeting = make('p.greeting', { dir: 'auto' });
	const dots = make('div.row.theirs.typing', { 'aria-hidden': 'true' },
		make('div.bubble', null, make('i'), make('i'), make('i')));
	const log = make('div.log', { role: 'log', tabindex: 0, 'aria-live': 'polite', 'aria-label': t('messages') }, earlier, greeting, list, dots);
	const latest = make('button.latest', { type: 'button', hidden: true, onclick: toEnd }, icon('down'), t('latest'));
	const rows = new Map();
	const context = { find: conversation.byId, choose: actions.choose };
	let quiet = 0;
	let firstKey = null;
	let lastKey = null;
	let followed = true;
	let place = 0;
	// Those whose end is on the screen now.
	const sight = new Set();
	const watch = new IntersectionObserver(changes => {
		for (const { target, isIntersecting } of changes)
			sight[isIntersecting ? 'add' : 'delete'](target.dataset.end);
		launcher.paintSoon();
	}, { threshold: .5 });

	dots.hidden = true;
	log.addEventListener('scroll', () => {
		followed = atEnd();
		place = log.scrollTop;
		if (followed)
			latest.hidden = true;
		askOlder();
	});
	// Pictures grow when they come, lists when they are opened.
	['load', 'loadedmetadata', 'toggle'].forEach(name => log.addEventListener(name, follow, true));
	// A keyboard comes, a text in the field grows, the page has hidden the chat and shows it again.
	if (self.ResizeObserver)
		new ResizeObserver(() => requestAnimationFrame(follow)).observe(log);

	function askOlder() {
		if (log.scrollTop < NEAR_END && conversation.older)
			line.loadOlder();
	}

	function atEnd() {
		return log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
	}

	function follow() {
		if (followed)
			toEnd();
	}

	function toEnd() {
		log.scrollTop = log.scrollHeight;
		followed = true;
		latest.hidden = true;
	}

	// Where what was not read yet begins, if all of it has no room.
	function toNews() {
		toEnd();
		const first = conversation.list().find(conversation.isUnread);
		const made = first && rows.get(first.id);
		if (!made)
			return;
		const above = log.getBoundingClientRect().top - made.row.getBoundingClientRect().top;
		if (above > 0) {
			log.scrollTop -= above + 12;
			followed = false;
			latest.hidden = false;
		}
	}

	// --- rows ------------------------------------------------------------

	// What the list shows, in order.
	function entries() {
		const entry = (key, own, from, mark) => ({ key, own, at: from.at, content: from.content, mark, from, used: null, author: conversation.authorOf(from) });
		const all = conversation.list().map(message => {
			const own = message.direction === 'in';
			const mark = own ? message.status === 'read' || message.status === 'delivered' ? message.status : 'sent' : '';
			return entry((own && message.client ? `c ${message.client}` : message.id) + (message.anew || ''), own, message, mark);
		});
		for (const item of conversation.outgoing)
			all.push(entry(`c ${item.id}`, true, item, item.error ? 'failed' : 'clock'));

		// A choice that was made is made in the newest message that offered it.
		const offers = new Map();
		for (const one of all) {
			if (!isObject(one.content.interactive))
				continue;
			const chosen = one.own && chosenOf(one.content);
			const choices = !one.own && choicesOf(one.content);
			if (chosen && offers.has(chosen.id))
				offers.get(chosen.id).used = chosen.id;
			if (choices)
				choices.groups.forEach(group => group.options.forEach(option => offers.set(option.id, one)));
		}
		return all;
	}

	// A content that nobody thought of must not take the others along.
	function rendered(content) {
		try {
			return renderContent(content, context);
		} catch {
			return make('p.note', null, t('unknown'));
		}
	}

	// The picture covers the letter, unless it does not come.
	function makeAuthor(name, url) {
		const picture = url.startsWith('https:') && make('img', { alt: '', referrerpolicy: 'no-referrer', src: url, onerror: () => picture.remove() });
		return make('p.meta.who', null, make('span.avatar', { 'aria-hidden': 'true' }, initial(name), picture), make('bdi', null, name));
	}

	function makeRow(entry) {
		const time = make('time', { datetime: new Date(entry.at).toISOString() }, timeOf(entry.at));
		const mark = make('span.mark');
		const end = make('div.meta', { 'data-end': entry.key }, time, mark);
		const trouble = make('div.trouble', { hidden: true });
		const bubble = make('div.bubble', null,
			entry.own ? make('span.hush', null, t('you') + ' ') : null,
			rendered(entry.content), end);
		const row = make(entry.own ? 'div.row.own' : 'div.row.theirs', { 'data-key': entry.key },
			entry.author && makeAuthor(entry.author, webAddress(entry.from.author.avatar)), bubble, trouble);
		let shown = '';

		watch.observe(end);
		if (bubble.querySelector('.media.image, .media.video'))
			bubble.classList.add('wide');
		return {
			row,
			end,
			update(now, state) {
				const wait = now.from.wait;
				const word = { clock: 'sending', failed: 'unsent' }[now.mark] || now.mark;
				const looks = [word, wait, now.from.error, now.used, state === 'gone'].join();
				if (looks === shown)
					return;
				shown = looks;
				mark.textContent = '';
				if (now.mark)
					append(mark, [icon(now.mark), make('span.hush', null, ' ' + t(word))]);
				mark.title = now.mark ? t(word) : '';
				showTrouble(trouble, now);
				for (const button of bubble.querySelectorAll('[data-option]')) {
					button.disabled = now.used !== null || state === 'gone';
					button.setAttribute('aria-pressed', button.dataset.option === now.used);
					button.classList.toggle('chosen', button.dataset.option === now.used);
				}
			}
		};
	}

	function showTrouble(trouble, entry) {
		const item = entry.from;
		const code = entry.mark === 'failed' ? item.error : entry.mark === 'clock' ? item.wait : '';
		trouble.textContent = '';
		trouble.hidden = !code;
		if (!code)
			return;
		const known = ['rate', 'busy', 'too_large', 'bad_content'].includes(code);
		append(trouble, [make('span', null, t(known ? code : 'unsent'))]);
		if (entry.mark !== 'failed')
			return;
		if (textOf(item.content))
			append(trouble, [make('button', { type: 'button', onclick: () => actions.edit(item) }, t('edit'))]);
		append(trouble, [make('button', { type: 'button', onclick: () => actions.discard(item) }, t('discard'))]);
	}

	// --- painting --------------------------------------------------------

	function paint() {
		const all = entries();
		const keys = new Set(all.map(entry => entry.key));
		const height = log.scrollHeight;
		const top = log.scrollTop;
		const grownAbove = firstKey !== null && all.length > 0 && all[0].key !== firstKey && keys.has(firstKey);
		const last = all[all.length - 1];
		const grownBelow = !!last && last.key !== lastKey;
		const stay = followed;

		for (const [key, made] of rows) {
			if (!keys.has(key)) {
				made.row.remove();
				rows.delete(key);
				watch.unobserve(made.end);
				sight.delete(key);
			}
		}
		let cursor = list.firstChild;
		const place = element => {
			if (element === cursor)
				cursor = cursor.nextSibling;
			else
				list.insertBefore(element, cursor);
		};
		let day = '';
		let before = null;
		for (const entry of all) {
			const today = new Date(entry.at).toDateString();
			if (today !== day) {
				if (cursor && cursor.dataset.day === today)
					setText(cursor, dayOf(entry.at));
				place(cursor && cursor.dataset.day === today ? cursor : make('p.day', { 'data-day': today }, dayOf(entry.at)));
				before = null;
			}
			day = today;
			if (!rows.has(entry.key))
				rows.set(entry.key, makeRow(entry));
			const made = rows.get(entry.key);
			place(made.row);
			made.update(entry, line.state);
			made.row.classList.toggle('next', !!before && before.own === entry.own && before.author === entry.author && entry.at - before.at < GROUP_WITHIN);
			before = entry;
		}
		while (cursor) {
			const stale = cursor;
			cursor = cursor.nextSibling;
			stale.remove();
		}
		firstKey = all.length ? all[0].key : null;
		lastKey = last ? last.key : null;
		earlier.hidden = !conversation.older;
		greeting.hidden = all.length > 0 || line.state === 'gone' || line.state === 'locked';

		if (grownBelow && last.own)
			toEnd();
		else if (stay)
			(grownBelow ? toNews : toEnd)();
		else if (grownAbove)
			log.scrollTop = top + log.scrollHeight - height;
		else if (grownBelow)
			latest.hidden = false;
	}

	return {
		log,
		latest,
		paint,
		// An element that was taken out and put back has lost its place.
		back: () => followed ? toEnd() : log.scrollTop = place,
		follow,
		toNews,

		// The messages up to the last one that is in sight: what is above it was, or can be.
		seen() {
			const ends = Array.from(list.querySelectorAll('[data-end]'), end => end.dataset.end);
			while (ends.length && !sight.has(ends[ends.length - 1]))
				ends.pop();
			return ends;
		},

		greet: text => setText(greeting, text),

		// They could not be read; or they can be asked for again, by whoever still looks there.
		older() {
			const was = earlier.textContent;
			setText(earlier, t(line.late ? 'older' : 'earlier'));
			if (!line.late && was !== earlier.textContent && log.clientHeight)
				askOlder();
		},

		// Old messages that appear are not news to be read aloud.
		hush() {
			clearTimeout(quiet);
			log.setAttribute('aria-live', 'off');
			quiet = setTimeout(() => log.setAttribute('aria-live', 'polite'), 800);
		},

		typing(yes) {
			dots.hidden = !yes;
			follow();
		}
	};
}
