// The bubble and the panel: opening, closing, focus, what state the line is in,
// and the field to write in.

import { summary, textOf } from './contents.js';
import * as conversation from './conversation.js';
import { icon, make, setText } from './dom.js';
import { emit, on } from './events.js';
import * as line from './line.js';
import { makeLogView } from './log_view.js';
import { t } from './strings.js';
import { initial, string } from './values.js';

const FULL_SCREEN = '(max-width: 480px), (max-height: 400px)';
const TYPING_FOR = 5000;

export function makeView(host, shadow, config) {
	const badge = make('span.badge', { 'aria-hidden': 'true', hidden: true });
	const bubble = make('button.launcher', { type: 'button', 'aria-haspopup': 'dialog', 'aria-expanded': 'false', 'aria-controls': 'panel', onclick: toggle },
		icon('chat'), icon('down'), badge);
	const news = make('div.hush', { role: 'status' });
	const avatar = make('span.avatar', { 'aria-hidden': 'true' });
	const title = make('h2', { id: 'title', dir: 'auto' });
	const activity = make('p', { id: 'activity' });
	const shut = make('button.shut', { type: 'button', 'aria-label': t('close'), title: t('close'), onclick: close }, icon('close'));
	const words = make('span');
	const again = make('button', { type: 'button', onclick: line.retry }, t('retry'));
	const bar = make('div.bar', { role: 'status' }, words, again);
	const view = makeLogView({ choose, edit, discard });
	const problem = make('p.problem', { role: 'alert' });
	const field = make('textarea', {
		rows: 1, 'aria-label': t('write'), placeholder: t('write'), dir: 'auto', enterkeyhint: 'send', autocomplete: 'off',
		oninput: written, onkeydown: keyInField
	});
	const button = make('button.send', { type: 'submit', 'aria-label': t('send'), title: t('send') }, icon('send'));
	const form = make('form', { onsubmit: submit }, field, button);
	const panel = make('section.panel', { id: 'panel', role: 'dialog', 'aria-labelledby': 'title', tabindex: -1, hidden: true, onkeydown: keyInPanel },
		make('header', null, avatar, make('div', null, title, activity), shut),
		bar, make('div.middle', null, view.log, view.latest), problem, form);
	const root = make('div.root', null, panel, bubble, news);
	const fullScreen = matchMedia(FULL_SCREEN);
	const dark = matchMedia('(prefers-color-scheme: dark)');
	let painting = false;
	let unread = 0;
	let returnTo = null;
	let typing = 0;
	let channelName = '';

	const isOpen = () => !panel.hidden;
	const name = () => config.title || channelName || 'Chat';

	// --- opening and closing ---------------------------------------------

	function open() {
		if (isOpen())
			return;
		const active = document.activeElement;
		returnTo = active && active !== document.body && active !== host ? active : null;
		panel.hidden = false;
		root.classList.add('open');
		bubble.setAttribute('aria-expanded', 'true');
		setScreen();
		if (line.state === 'idle')
			line.dial();
		view.hush();
		paint();
		view.toEnd();
		// On a phone the keyboard comes when it is asked for.
		if (matchMedia('(pointer: coarse)').matches || field.disabled)
			panel.focus({ preventScroll: true });
		else
			field.focus({ preventScroll: true });
		emit('open');
	}

	function close() {
		if (!isOpen())
			return;
		const inside = panel.contains(shadow.activeElement);
		panel.hidden = true;
		root.classList.remove('open');
		bubble.setAttribute('aria-expanded', 'false');
		if (inside)
			(returnTo && returnTo.isConnected ? returnTo : bubble).focus({ preventScroll: true });
		paint();
		emit('close');
	}

	function toggle() {
		if (isOpen())
			close();
		else
			open();
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
		const stops = Array.from(panel.querySelectorAll('a[href], button, textarea, summary, audio, video, [tabindex="0"]'))
			.filter(element => !element.disabled && element.getClientRects().length);
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
		grow();
		if (field.value.trim())
			line.typing();
	}

	function grow() {
		field.style.height = 'auto';
		field.style.height = `${field.scrollHeight + 2}px`;
		form.classList.toggle('ready', !!field.value.trim());
	}

	function submit(event) {
		event.preventDefault();
		// Half a character, which a text cut in two leaves behind, is none.
		const text = field.value.replace(/[\0\p{Cs}]/gu, '\ufffd').trim();
		if (!text || !write({ type: 'text', text }))
			return;
		field.value = '';
		grow();
		field.focus({ preventScroll: true });
	}

	function write(content) {
		if (line.state === 'gone')
			return false;
		const why = !line.fits(content) ? 'too_large' : conversation.write(content) ? '' : 'rate';
		setText(problem, why && t(why));
		if (why)
			return false;
		if (line.state === 'idle')
			line.dial();
		line.pump();
		paint();
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

	// --- showing ---------------------------------------------------------

	function paint() {
		painting = false;
		if (isOpen()) {
			view.paint();
			if (!document.hidden) {
				conversation.seen();
				line.tellReceipts();
			}
		}
		paintUnread();
	}

	function paintUnread() {
		const count = conversation.unread();
		const spoken = count ? t('unread', { n: count }) : '';
		badge.hidden = !count;
		setText(badge, count > 99 ? '99+' : String(count));
		bubble.setAttribute('aria-label', isOpen() ? t('close') : t('open') + (spoken && `, ${spoken}`));
		if (count !== unread) {
			unread = count;
			emit('unread', count);
		}
	}

	function paintSoon() {
		if (!painting) {
			painting = true;
			Promise.resolve().then(paint);
		}
	}

	function paintState() {
		const state = line.state;
		const offline = navigator.onLine === false && (state === 'reconnecting' || state === 'failed');
		const quiet = state === 'open' || state === 'idle';
		bar.className = `bar ${state}`;
		setText(words, quiet ? '' : t(offline ? 'offline' : state));
		again.hidden = state !== 'failed';
		field.disabled = button.disabled = state === 'gone';
		setText(title, name());
		setText(avatar, initial(name()));
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
		// The part of the screen that the phone's keyboard leaves.
		const seen = window.visualViewport;
		if (seen && isOpen() && seen.scale === 1) {
			panel.style.setProperty('--seen', `${seen.height}px`);
			panel.style.setProperty('--above', `${seen.offsetTop}px`);
			view.paint();
		}
	}

	function setTheme() {
		host.dataset.theme = config.theme === 'dark' || config.theme !== 'light' && dark.matches ? 'dark' : 'light';
	}

	// --- what happens ----------------------------------------------------

	on('changed', paintSoon);
	on('state', paintState);
	on('welcome', frame => {
		channelName = string(frame.name);
		view.hush();
		paintState();
	});
	on('history', view.hush);
	on('typing', () => showTyping(true));
	on('fresh', messages => {
		const unreadOnes = messages.filter(conversation.isUnread);
		if (!unreadOnes.length)
			return;
		showTyping(false);
		const last = unreadOnes[unreadOnes.length - 1];
		if (!isOpen())
			setText(news, `${conversation.authorOf(last) || name()}: ${summary(last.content)}`);
		for (const message of unreadOnes)
			emit('message', { id: message.id, at: message.at, text: summary(message.content), content: JSON.parse(JSON.stringify(message.content)) });
	});
	document.addEventListener('visibilitychange', paintSoon);
	addEventListener('online', paintState);
	addEventListener('offline', paintState);
	dark.addEventListener('change', setTheme);
	fullScreen.addEventListener('change', setScreen);
	if (window.visualViewport)
		window.visualViewport.addEventListener('resize', setScreen);

	root.dir = config.dir || getComputedStyle(document.body).direction;
	root.classList.toggle('left', config.position === 'left');
	view.greet(string(config.greeting) || t('greeting'));
	setTheme();
	for (const name in config.colors)
		host.style.setProperty(`--webchatt-${name}`, config.colors[name]);
	shadow.append(root);
	paintState();
	return { open, close, toggle, isOpen };
}
