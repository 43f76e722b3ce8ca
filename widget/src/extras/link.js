// A link leads to another conversation than the one that this device has: which one is it to be?

import style from '../../../build/widget/asked.css';

let launcher, line, element, t;

export function start(core) {
	({ launcher, line, make: element, t } = core);
	launcher.addStyle(style);
	return { make };
}

// Done is called when it is said.
function make(done) {
	const choose = yes => event => {
		event.preventDefault();
		line.follow(yes);
		done();
	};
	return element('div', { role: 'group', 'aria-labelledby': 'other' }, element('form.rating', { onsubmit: choose(true) },
		element('p', { id: 'other', role: 'alert', dir: 'auto' }, t('otherLink')), element('button', { type: 'submit' }, t('openLink')),
		element('button.skip', { type: 'button', onclick: choose(false) }, t('keepMine'))));
}
