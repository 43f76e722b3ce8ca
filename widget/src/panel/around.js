// Tools beside the field and in the head, and what is configured around the conversation
// (../extras/around.js); each is loaded when it is used.

import { conversation, launcher, line, listen, load, on, t } from '../core.js';
import { icon, make } from './dom.js';

const CONFIGURED = ['logo', 'questions', 'chips', 'hours', 'rating'];

// The view's own: { avatar, field, form, shut, write(content), grow() }.
export function makeAround(view) {
	const { config } = launcher;
	const { field, form, shut, grow } = view;
	const smile = make('button.tool', { type: 'button', 'aria-label': t('emoji'), title: t('emoji'), 'aria-expanded': 'false', onclick: pick }, icon('smile'));
	const save = make('button.shut.save', { type: 'button', 'aria-label': t('transcript'), title: t('transcript'), onclick: download }, icon('save'));
	let picker = null;
	let around = null;
	let asked = false;

	form.prepend(smile);
	shut.previousSibling.before(save);

	function pick() {
		load('emoji').then(module => {
			picker = module;
			module.toggle(smile, form, text => {
				field.setRangeText(text, field.selectionStart, field.selectionEnd, 'end');
				grow();
				field.focus({ preventScroll: true });
			});
		}, () => 0);
	}

	function download() {
		load('transcript').then(module => module.save(), () => 0);
	}

	// What is configured, that the conversation is closed, or that a link leads to another one.  Without it one can write.
	function loadAround() {
		if (asked || !(line.closed || line.other || CONFIGURED.some(name => config[name])))
			return;
		asked = true;
		form.hidden = launcher.asks();
		load('around').then(module => {
			around = module.makeAround(view);
			launcher.paintSoon();
		}, () => {
			form.hidden = false;
			if (line.state === 'idle')
				line.dial();
		});
	}

	// While the panel is open.
	function paint() {
		if (around)
			around.paint();
		else
			loadAround();
		smile.hidden = config.emoji === false || matchMedia('(pointer: coarse)').matches;
		smile.disabled = field.disabled;
		save.hidden = config.transcript === false || !conversation.list().length;
	}

	on('settings', launcher.paintSoon);
	on('conversation', launcher.paintSoon);
	listen(launcher.root, 'click', event => picker && picker.outside(event));
	return { paint };
}
