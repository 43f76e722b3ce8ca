// What stands for a person, a time and a day.

import { launcher } from '../core.js';

// The first letter, or picture, as a reader counts them.
export function initial(name) {
	const text = name.trim().slice(0, 40);
	const first = Intl.Segmenter ? (new Intl.Segmenter().segment(text)[Symbol.iterator]().next().value || {}).segment
		: (/^(?:[\u{1f1e6}-\u{1f1ff}]{2}|.(?:[\p{M}\p{Emoji_Modifier}]|\u200d.)*)/su.exec(text) || [])[0];
	return (first || '').toLocaleUpperCase();
}

// timeOf(at), and dayOf(at): "Today", "Yesterday", or a date.
export function makeDates() {
	const { lang } = launcher.host;
	const time = new Intl.DateTimeFormat(lang, { hour: 'numeric', minute: '2-digit' });
	const date = new Intl.DateTimeFormat(lang, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
	const noon = when => new Date(when).setHours(12, 0, 0, 0);
	return {
		timeOf: at => time.format(at),

		dayOf(at) {
			const ago = Math.round((noon(Date.now()) - noon(at)) / 86400000);
			const day = Intl.RelativeTimeFormat && (ago === 0 || ago === 1) ? new Intl.RelativeTimeFormat(lang, { numeric: 'auto' }).format(-ago, 'day') : date.format(at);
			return day.charAt(0).toLocaleUpperCase(lang) + day.slice(1);
		}
	};
}
