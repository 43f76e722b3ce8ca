// What is known of the visitor.  Attributes are what their browser told: anybody can say anything.
import { Fragment, h } from 'preact';
import { MuteOne } from '../notify/notices.jsx';
import { webAddress } from '../shared/links.js';
import { Icon, Out, Verified } from '../shared/ui.jsx';
import { fullOf, t } from '../shared/words.js';
import { Assign } from './assign.jsx';
import { Related } from './related.jsx';
import { Whereabouts } from './whereabouts.jsx';

const KNOWN = ['name', 'email', 'page', 'title', 'referrer', 'language'];
const MOST = 40;

const shown = value => typeof value === 'string' ? value : JSON.stringify(value);

function Value({ value }) {
	const text = shown(value).slice(0, 2000);
	return webAddress(text) ? <Out href={text}>{text}</Out> : text;
}

function Rating({ value, comment, at }) {
	return <Fragment><dt>{t('rating')}</dt><dd dir="auto" title={fullOf(at)}><span aria-hidden="true">{'★'.repeat(value)}{'☆'.repeat(5 - value)}</span><span class="hush">{t('ratingOf', { value })}</span>{comment && <><br />{comment}</>}</dd></Fragment>;
}

export function Details({ desk, talk, name, onClose }) {
	const { visitor } = talk;
	const attributes = visitor.attributes && typeof visitor.attributes === 'object' ? visitor.attributes : {};
	const names = [...KNOWN.filter(one => one in attributes), ...Object.keys(attributes).filter(one => !KNOWN.includes(one))].slice(0, MOST);
	const channel = desk.channelOf(talk.channel);
	return <aside class="details" aria-label={t('aboutVisitor')}>
		<header class="head"><h2>{t('aboutVisitor')}</h2>
			<button type="button" class="icon-button" aria-label={t('close')} onClick={onClose}><Icon name="close" /></button></header>
		<Assign desk={desk} talk={talk} />
		<MuteOne notifier={desk.notifier} talk={talk} />
		<dl>
			<dt class="hush">{t('attr_name')}</dt><dd class="strong" dir="auto">{name} <Verified of={visitor} /></dd>
			{visitor.userId && <><dt>{t('userId')}</dt><dd class="mono" dir="auto">{visitor.userId}</dd></>}
			<dt>{t('channel')}</dt><dd dir="auto">{channel ? channel.displayName : talk.channel}</dd>
			<dt>{t('firstSeen')}</dt><dd>{fullOf(visitor.firstSeen)}</dd>
			<dt>{t('lastSeenAt')}</dt><dd>{visitor.present ? t('presentNow') : fullOf(visitor.lastSeen)}</dd>
			<Whereabouts visitor={visitor} />
			{visitor.rating && <Rating {...visitor.rating} />}
			{visitor.referrer && <><dt>{t('attr_referrer')}</dt><dd dir="auto"><Value value={visitor.referrer} /></dd></>}
			<dt>{t('visitorId')}</dt><dd class="mono">{talk.id}</dd>
		</dl>
		{names.length > 0 && <>
			<dl>{names.map(one => <Fragment key={one}>
				<dt dir="auto">{KNOWN.includes(one) ? t(`attr_${one}`) : one}</dt><dd dir="auto"><Value value={attributes[one]} />{(visitor.signed || []).includes(one) && <> <Verified of={visitor} /></>}</dd></Fragment>)}</dl>
			<p class="hint">{t((visitor.signed || []).length ? 'restUnproved' : 'attributesUnproved')}</p>
		</>}
		<Related talk={talk} />
	</aside>;
}
