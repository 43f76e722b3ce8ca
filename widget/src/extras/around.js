// What is around the conversation where it is configured: the logo, questions before
// the first message, texts to begin with, hours, and what is said and asked when it is closed.

import style from '../../../build/widget/around.css';

let append, conversation, isObject, launcher, line, load, make, on, setText, store, string, t;

const MOST_CHIPS = 8;

export function start(core) {
	({ append, conversation, isObject, launcher, line, load, make, on, setText, store, string, t } = core);
	launcher.addStyle(style);
	return { makeAround };
}

// Is it closed by then?  Hours are { timeZone, weekdays: { mon: [["09:00", "17:00"]] }, holidays: ["2026-12-25"] }.
function isClosed(hours, at) {
	if (!isObject(hours) || !isObject(hours.weekdays))
		return false;
	const now = {};
	try {
		const format = new Intl.DateTimeFormat('en-US', {
			timeZone: hours.timeZone, hourCycle: 'h23', weekday: 'short', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit'
		});
		for (const { type, value } of format.formatToParts(at))
			now[type] = value;
	} catch {
		return false;
	}
	const spans = hours.weekdays[now.weekday.toLowerCase()];
	const time = `${now.hour}:${now.minute}`;
	return Array.isArray(hours.holidays) && hours.holidays.includes(`${now.year}-${now.month}-${now.day}`) ||
		!(Array.isArray(spans) && spans.some(span => Array.isArray(span) && span[0] <= time && time < span[1]));
}

// The view's own: { avatar, field, form, write(content) }.
function makeAround({ avatar, field, form, write }) {
	const { config } = launcher;
	const notes = make('div.notes', { role: 'status' });
	const chips = make('div.chips', { role: 'group', 'aria-label': t('suggestions') });
	const asked = make('div.asked');
	let what = '';
	let now = '';

	form.before(notes, asked, chips);
	on('settings', launcher.paintSoon);

	// What is asked in the place above the field, or instead of it.
	function ask(name) {
		if (what === name)
			return;
		what = name;
		asked.textContent = '';
		form.hidden = name === 'questions';
		if (!name)
			return;
		load(name).then(module => {
			if (what !== name)
				return;
			asked.append(module.make(done));
			// Whoever has opened it to write.
			if (form.hidden && launcher.shadow.activeElement && !matchMedia('(pointer: coarse)').matches)
				asked.querySelector('input').focus({ preventScroll: true });
		}, done);
	}

	function done() {
		asked.textContent = '';
		what = form.hidden ? '' : 'done';
		form.hidden = false;
		if (line.state === 'idle')
			line.dial();
		paint();
		field.focus({ preventScroll: true });
	}

	// --- showing ---------------------------------------------------------

	function paintLogo() {
		const url = string(config.logo);
		const old = avatar.querySelector('img');
		if (old && old.dataset.url !== url)
			old.remove();
		if (/^https:\/\//.test(url) && !(old && old.dataset.url === url)) {
			const picture = make('img', { alt: '', referrerpolicy: 'no-referrer', 'data-url': url, src: url, onerror: () => picture.remove() });
			avatar.append(picture);
		}
	}

	function paintChips(empty) {
		const texts = empty && Array.isArray(config.chips) ? config.chips.filter(text => text && typeof text === 'string').slice(0, MOST_CHIPS) : [];
		chips.hidden = !texts.length;
		if (String(texts) === now)
			return;
		now = String(texts);
		chips.textContent = '';
		append(chips, texts.map(text => make('button', { type: 'button', dir: 'auto', onclick: () => write({ type: 'text', text }) && field.focus({ preventScroll: true }) }, text)));
	}

	// While the panel is open.
	function paint() {
		const all = conversation.list();
		const asks = launcher.asks();
		const closed = line.closed && all.length > 0;
		const last = all.length ? all[all.length - 1].id : '';
		if (asks)
			ask('questions');
		else if (what === 'questions')
			done();
		else if (line.other)
			ask('link');
		else if (closed && config.rating && store.get('rated') !== last)
			ask('rating');
		else if (what && (!closed || what === 'link'))
			ask('');
		paintLogo();
		paintChips(!asks && !all.length && !conversation.outgoing.length && line.state !== 'gone');
		setText(notes, closed ? t('closed') : isClosed(config.hours, Date.now()) ? string(config.hours.text) || t('away') : '');
	}

	return { paint };
}
