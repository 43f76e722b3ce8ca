// Where the visitor is: the page, and what their browser says of language and time.  Strangers wrote all of it; the server
// lets in pages of the channel's own origins only, so a link leads to nobody else.
import { Fragment, h } from 'preact';
import { webAddress } from '../shared/links.js';
import { Out } from '../shared/ui.jsx';
import { fullOf, locale, t } from '../shared/words.js';

// What a browser does not know of it is shown as it came.
function attempt(work, otherwise) {
	try {
		return work() || otherwise;
	} catch {
		return otherwise;
	}
}

const languageOf = tag => attempt(() => new Intl.DisplayNames([locale], { type: 'language' }).of(tag), tag);
const timeIn = timeZone => attempt(() => new Intl.DateTimeFormat(locale, { timeZone, weekday: 'short', hour: 'numeric', minute: '2-digit' }).format(), '');

// The path alone, where it says which page it is.
function pathOf(url) {
	const { pathname, host } = new URL(url);
	return attempt(() => decodeURI(pathname), pathname) === '/' ? host : attempt(() => decodeURI(pathname), pathname);
}

export function PageLink({ page }) {
	return webAddress(page.url) ? <Out href={page.url} title={page.url} dir="auto">{page.title || pathOf(page.url)}</Out> : null;
}

// "here now, on Shoes"
export function HereNow({ visitor }) {
	return <>
		<span class="present">{t('presentNow')}</span>
		{visitor.page && <span class="on-page">{t('onPage')} <PageLink page={visitor.page} /></span>}
	</>;
}

// Rows for the list of what is known of the visitor.
export function Whereabouts({ visitor }) {
	const { page, timeZone } = visitor;
	return <>
		{page && <><dt>{t('attr_page')}</dt><dd dir="auto"><PageLink page={page} /><small>{page.url}<br />{t('sinceThen', { at: fullOf(page.at) })}</small></dd></>}
		{visitor.locale && <><dt>{t('attr_language')}</dt><dd dir="auto">{languageOf(visitor.locale)}</dd></>}
		{timeZone && <><dt>{t('timeZone')}</dt><dd dir="auto">{timeZone}{timeIn(timeZone) && <small>{t('timeThere', { time: timeIn(timeZone) })}</small>}</dd></>}
	</>;
}
