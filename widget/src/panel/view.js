// The panel: what state the line is in, the messages, and the field to write in.
// Whether it is open, the bubble knows (../base/launcher.js).

import { conversation, isObject, launcher, line, listen, load, on, store, string, t, textOf } from '../core.js';
import { makeAround } from './around.js';
import { makeBell } from './bell.js';
import { icon, make, setText } from './dom.js';
import { guard } from './guard.js';
import { makeLogView } from './log_view.js';
import { initial } from './signs.js';

const SAVE_AFTER = 300;
const TYPING_FOR = 5000;
const TYPING_EVERY = 3000;
const MOST_DRAFT = 20000;

export function makeView() {
	const { close, config, host, isOpen, name, paintSoon, root, shadow } = launcher;
	const letter = make('span');
	const avatar = make('span.avatar', { 'aria-hidden': 'true' }, letter);
	const title = make('h2', { id: 'title', dir: 'auto' });
	const activity = make('p', { id: 'activity' });
	const shut = make('button.shut', { type: 'button', 'aria-label': t('close'), title: t('close'), onclick: close }, icon('close'));
	const said = make('span');
	const again = make('button', { type: 'button', onclick: line.retry }, t('retry'));
	const bar = make('div.bar', { role: 'status' }, said, again);
	const view = makeLogView({ choose, edit, discard });
	const problem = make('p.problem', { role: 'alert' });
	const field = make('textarea', {
		rows: 1, 'aria-label': t('write'), placeholder: t('write'), enterkeyhint: 'send', autocomplete: 'off',
		oninput: written, onkeydown: keyInField, onpaste: event => takeFiles(event, event.clipboardData)
	});
	const picker = make('input', { type: 'file', multiple: true, hidden: true, onchange: picked });
	const attach = make('button.attach', { type: 'button', 'aria-label': t('attach'), title: t('attach'), onclick: () => picker.click() }, icon('clip'));
	const button = make('button.send', { type: 'submit', 'aria-label': t('send'), title: t('send') }, icon('send'));
	// As high as its text: what it holds stands below it, unseen.
	const grown = make('div.grown', null, field);
	const form = make('form', { onsubmit: submit }, attach, picker, grown, button);
	const panel = make('section.panel', { id: 'panel', role: 'dialog', 'aria-labelledby': 'title', tabindex: -1, hidden: true, onkeydown: keyInPanel },
		make('header', null, avatar, make('div', null, title, activity), makeBell(), shut),
		bar, make('div.middle', null, view.log, view.latest), problem, form);
	const fullScreen = matchMedia(launcher.FULL_SCREEN);
	const around = makeAround({ avatar, field, form, shut, write, grow });
	let typing = 0;
	let typedAt = -TYPING_EVERY;
	let saving = 0;

	// --- opening and closing ---------------------------------------------

	function show(focus) {
		panel.hidden = false;
		setScreen();
		grow();
		view.hush();
		paint();
		view.toNews();
		if (!focus)
			return;
		// On a phone the keyboard comes when it is asked for.
		if (matchMedia('(pointer: coarse)').matches || field.disabled || form.hidden)
			panel.focus({ preventScroll: true });
		else
			field.focus({ preventScroll: true });
	}

	function hide() {
		panel.hidden = true;
		for (const name of ['--seen', '--above', '--below'])
			root.style.removeProperty(name);
	}

	// --- keys ------------------------------------------------------------

	// Esc closes, Tab stays in the panel.
	function keyInPanel(event) {
		if (event.key === 'Escape' && !event.isComposing) {
			event.stopPropagation();
			close();
		}
		if (event.key !== 'Tab')
			return;
		const stops = [...panel.querySelectorAll('a[href], button, input, textarea, summary, audio, video, [tabindex="0"]')]
			.filter(element => !element.disabled && element.tabIndex >= 0 && element.getClientRects().length);
		const at = stops.indexOf(shadow.activeElement);
		const edge = event.shiftKey ? at <= 0 : at === stops.length - 1;
		if (edge && stops.length) {
			event.preventDefault();
			stops[event.shiftKey ? stops.length - 1 : 0].focus();
		}
	}

	function keyInField(event) {
		if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
			event.preventDefault();
			submit(event);
		}
	}

	// --- writing ---------------------------------------------------------

	function written() {
		setText(problem, '');
		saveSoon();
		grow();
		if (field.value.trim() && performance.now() - typedAt > TYPING_EVERY && line.tell({ type: 'typing' }))
			typedAt = performance.now();
	}

	// What is begun is there again on the next page.
	function saveSoon() {
		saving = saving || setTimeout(save, SAVE_AFTER);
	}

	function save() {
		clearTimeout(saving);
		saving = 0;
		if (field.value)
			store.set('draft', field.value.slice(0, MOST_DRAFT));
		else if (store.get('draft') !== null)
			store.remove('draft');
	}

	function grow() {
		grown.dataset.text = field.value.slice(0, 2000);
		// Empty, it is written in from the side that the page is read from.
		field.dir = field.value ? 'auto' : root.dir;
		form.classList.toggle('ready', !!field.value.trim());
	}

	function submit(event) {
		event.preventDefault();
		// Half a character, which a text cut in two leaves behind, is none.
		const text = field.value.replace(/[\0\p{Cs}]/gu, '\ufffd').trim();
		if (!text || !write({ type: 'text', text }))
			return;
		field.value = '';
		save();
		grow();
		field.focus({ preventScroll: true });
	}

	function write(content) {
		if (line.state === 'gone' || line.state === 'locked')
			return false;
		const why = !line.fits(content) ? 'too_large' : conversation.write(content) ? '' : 'rate';
		setText(problem, why && t(why));
		if (why)
			return false;
		if (line.state === 'idle')
			line.dial();
		line.pump();
		launcher.paint();
		return true;
	}

	function choose(content) {
		if (write(content))
			view.log.focus({ preventScroll: true });
	}

	function edit(item) {
		conversation.discard(item.id);
		field.value = [textOf(item.content), field.value].filter(Boolean).join('\n');
		grow();
		field.focus();
	}

	function discard(item) {
		conversation.discard(item.id);
		field.focus({ preventScroll: true });
	}

	// --- files -----------------------------------------------------------

	const withFiles = () => isObject(config.files) && line.state !== 'gone';

	function showAttach() {
		attach.hidden = !withFiles();
		// A browser knows nothing of application/vnd.*, and would offer none of them.
		const types = withFiles() && Array.isArray(config.files.types) ? config.files.types.map(String) : [];
		picker.accept = types.every(type => /^((image|video|audio)\/\*|[^*]+)$/.test(type)) ? types.join() : '';
	}

	function attachFiles(files) {
		load('files').then(module => {
			if (!module.elements[0].isConnected) {
				module.use(field, content => line.state !== 'gone' && write(content));
				form.before(...module.elements);
			}
			setText(problem, module.add(files));
		}, () => setText(problem, t('missing')));
	}

	function picked() {
		const files = Array.from(picker.files);
		// The same one can be picked again.
		picker.value = '';
		field.focus({ preventScroll: true });
		attachFiles(files);
	}

	// What is pasted or dropped.  A text that comes with a picture of itself, as from a table, is a text.
	function takeFiles(event, data) {
		if (!withFiles() || !data.files.length || event.type === 'paste' && data.types.includes('text/plain'))
			return;
		event.preventDefault();
		attachFiles(Array.from(data.files));
	}

	// Something is dragged over the panel: a file can be dropped there.
	function drag(event) {
		const over = event.type === 'dragover' && withFiles() && event.dataTransfer.types.includes('Files');
		if (over)
			event.preventDefault();
		panel.classList.toggle('dropping', over);
		if (event.type === 'drop')
			takeFiles(event, event.dataTransfer);
	}

	// --- showing ---------------------------------------------------------

	// While it is open.
	function paint() {
		around.paint();
		view.paint();
		if (!document.hidden) {
			conversation.seen(view.seen());
			line.tellReceipts();
		}
	}

	function paintState() {
		const state = line.state;
		const offline = navigator.onLine === false && state !== 'open';
		const quiet = state === 'open' || state === 'idle';
		bar.className = `bar ${state}`;
		setText(said, quiet ? '' : t(offline && state !== 'gone' ? 'offline' : state));
		again.hidden = state !== 'failed';
		if (!quiet)
			showTyping(false);
		field.disabled = button.disabled = state === 'gone' || state === 'locked';
		showAttach();
		setText(title, name());
		setText(letter, initial(name()));
		paintSoon();
	}

	function showTyping(yes) {
		clearTimeout(typing);
		typing = yes ? setTimeout(showTyping, TYPING_FOR) : 0;
		setText(activity, yes ? t('typing', { name: name() }) : '');
		view.typing(!!yes);
	}

	function setScreen() {
		if (fullScreen.matches)
			panel.setAttribute('aria-modal', 'true');
		else
			panel.removeAttribute('aria-modal');
		// The part of the screen that the phone's keyboard leaves; who has made the page larger moves about in it.
		const seen = window.visualViewport;
		if (!seen || !isOpen())
			return;
		const whole = Math.abs(seen.scale - 1) > .01;
		const set = (name, value) => root.style.setProperty(name, whole ? '' : `${Math.max(0, value) / (host.currentCSSZoom || 1)}px`);
		set('--seen', seen.height);
		set('--above', seen.offsetTop);
		set('--below', innerHeight - seen.offsetTop - seen.height);
		view.follow();
	}

	// --- what happens ----------------------------------------------------

	on('state', paintState);
	on('welcome', () => {
		view.hush();
		paintState();
	});
	on('history', view.hush);
	on('older', view.older);
	function empty() {
		clearTimeout(saving);
		saving = 0;
		field.value = '';
		grow();
	}

	on('moved', empty);
	on('reset', () => {
		empty();
		if (isOpen() && !launcher.asks())
			line.dial();
	});
	on('settled', view.back);
	on('typing', () => showTyping(true));
	on('fresh', messages => {
		if (messages.some(conversation.isUnread))
			showTyping(false);
	});
	listen(window, 'online offline', paintState);
	on('settings', showAttach);
	listen(panel, 'dragover dragleave drop', drag);
	listen(fullScreen, 'change', setScreen);
	if (window.visualViewport)
		listen(window.visualViewport, 'resize scroll', setScreen);

	view.greet(string(config.greeting) || t('greeting'));
	on('greet', view.greet);
	listen(window, 'pagehide', () => saving && save());
	field.value = string(store.get('draft'));
	root.prepend(panel);
	guard();
	grow();
	paintState();
	if (withFiles() && store.get('uploads'))
		attachFiles([]);
	return { show, hide, paint };
}
