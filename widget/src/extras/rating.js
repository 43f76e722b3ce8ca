// How it was: asked once when the conversation is closed.

import style from '../../../build/widget/asked.css';

let launcher, conversation, line, element, setText, store, t;

const MOST = 5;
const LONGEST = 1000;

export function start(core) {
	({ launcher, conversation, line, make: element, setText, store, t } = core);
	launcher.addStyle(style);
	return { make };
}

function make(done) {
	let value = 0;
	const all = conversation.list();
	const stars = [];
	const comment = element('textarea', { rows: 2, 'aria-label': t('comment'), placeholder: t('comment'), maxlength: LONGEST, dir: 'auto' });
	const more = element('div.more', { hidden: true }, comment, element('button', { type: 'submit' }, t('send')));
	const end = () => {
		store.set('rated', all[all.length - 1].id);
		done();
	};
	for (let n = 1; n <= MOST; n++) {
		stars.push(element('button', { type: 'button', 'aria-label': t('stars', { n }), 'aria-pressed': 'false', onclick() {
			value = n;
			stars.forEach((star, at) => {
				star.setAttribute('aria-pressed', String(at + 1 === n));
				star.classList.toggle('lit', at < n);
			});
			more.hidden = false;
		} }, '★'));
	}
	const form = element('form.rating', {
		onsubmit(event) {
			event.preventDefault();
			if (!line.tell({ type: 'rating', value, comment: comment.value.trim() || undefined }))
				return;
			setText(form, t('thanks'));
			setTimeout(end, 2000);
		}
	}, element('p', { id: 'rate' }, t('rateIt')), element('div.stars', { role: 'group', 'aria-labelledby': 'rate' }, stars), more,
	element('button.skip', { type: 'button', onclick: end }, t('skip')));
	return form;
}
