// How many wait, in the title and on the sign of the tab.
import { t } from '../shared/words.js';

// Up to nine as a number; nobody reads two digits there.
const sign = waits => `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">' +
	'<rect width="32" height="32" rx="8" fill="#0c625c"/><path d="M16 7c5.5 0 10 3.7 10 8.4s-4.5 8.4-10 8.4c-1.1 0-2.2-.1-3.2-.4l-4.9 3 1-4.3C7 20.5 6 18.1 6 15.4 6 10.7 10.5 7 16 7z" fill="#fff"/>' +
	(waits ? '<circle cx="22" cy="10" r="10" fill="#d93025"/>' + (waits < 10 ? `<text x="22" y="15.5" font-family="sans-serif" font-size="16" font-weight="700" text-anchor="middle" fill="#fff">${waits}</text>` : '') : '') + '</svg>')}`;

let last = null;

export function showWaiting(count) {
	if (count === last)
		return;
	document.title = count ? `(${count > 999 ? '999+' : count}) ${t('desk')}` : t('desk');
	document.querySelector('link[rel=icon]').href = sign(Number(count));
	last = count;
}

// After another language was chosen.
export function forgetTitle() {
	last = null;
}
