// The button in the head of the panel by which messages are told: by the system's
// notifications and a tone (../extras/notices.js), while the page is in the background.

import { launcher, on, store, t } from '../core.js';
import { icon, make } from './dom.js';

export function makeBell() {
	const { config } = launcher;
	const bell = make('button.bell', { type: 'button', 'aria-label': t('notify'), title: t('notify'), onclick: toggle }, icon('bell'));
	const can = () => self.Notification && Notification.permission !== 'denied';
	const isOn = () => {
		const asked = store.get('notify');
		return asked !== false && !!config.sound || asked === true && can() && Notification.permission === 'granted';
	};

	function paint() {
		bell.hidden = !can() && !config.sound;
		bell.setAttribute('aria-pressed', isOn());
	}

	function toggle() {
		const mayAsk = can() && Notification.permission === 'default';
		const to = !isOn() || mayAsk;
		store.set('notify', to);
		paint();
		if (to && mayAsk)
			Promise.resolve(Notification.requestPermission()).then(paint, paint);
	}

	on('open', paint);
	on('settings', paint);
	paint();
	return bell;
}
