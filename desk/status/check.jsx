// One thing to look at: how it stands, and what to do when that is not well.  How bad it is the server says (webchatt.health).
import { h } from 'preact';
import { href } from '../shared/route.js';
import { Icon } from '../shared/ui.jsx';
import { fullOf, howLong, t } from '../shared/words.js';
import { duration, number, size } from './figures.js';

const ago = at => howLong(at, t('lessThanMinute'));

// What is said of it, a sentence or several: [text, ...]
const SAYS = {
	worker: (f, level) => [level === 'bad' ? t('worker_bad', { state: f.state }) : level === 'warn' ? t('worker_warn', { time: ago(f.alive_at) }) : t('worker_good', { at: fullOf(f.started_at) })],
	error: f => [f.error, fullOf(f.at)],
	network: (f, level) => [level === 'bad' ? t('network_bad') : t('network_good', { listening: f.listening }), level === 'warn' && t('network_warn'),
		f.restarts > 0 && t('network_restarts', { n: f.restarts }), f.turned_away > 0 && t('network_away', { n: f.turned_away })],
	version: f => [t('version_good', f), f.files !== f.installed && t('version_warn', f)],
	visitors: f => [t('visitors_good', { n: number(f.visitors), most: number(f.most) })],
	commits: f => [f.slowest_ms === null ? t('commits_none') : t('commits_good', { time: duration(f.slowest_ms) }), f.waiting > 0 && t('commits_waiting', { n: f.waiting })],
	queued: f => [f.queued > 0 ? t('queued_some', { n: f.queued, time: f.oldest ? ago(f.oldest) : '–' }) : t('queued_none')],
	held: f => [f.held > 0 ? t('held_some', { n: f.more ? `${number(10000)}+` : f.held, time: ago(f.oldest) }) : t('held_none')],
	overdue: f => [f.overdue > 0 ? t('overdue_some', { n: f.overdue }) : t('overdue_none')],
	hubs: (f, level) => [level === 'good' && t('hubs_good')],
	feeds: f => [!f.feeds.length && t('feeds_none')],
	rejects: f => [f.rejects > 0 ? t('rejects_some', { n: f.more ? `${number(1000)}+` : f.rejects }) : t('rejects_none')],
	budgets: f => [f.paused_channels > 0 && t('budgets_paused', { n: f.paused_channels })],
	disk: f => [t('disk_good', { free: size(f.free), size: size(f.size) }), f.database !== null && t('disk_database', { size: size(f.database) })]
};

// Lists of what it is made of: [{ name, note }]
const PARTS = {
	hubs: f => Object.entries(f.hubs || {}).sort(([, a], [, b]) => (a.state === 'active') - (b.state === 'active')).map(([name, hub]) => ({
		name, note: [t(`hub_${hub.state}`), hub.reason, hub.queued && t('queued_n', { n: hub.queued }), hub.link && `${t('feed_link')}: ${t(`link_${hub.link.phase}`)}`]
	})),
	feeds: f => f.feeds.map(feed => ({
		name: feed.label, note: [t(`feed_${feed.kind}`), feed.state, feed.behind > 0 && t('feed_behind', { n: feed.behind }), feed.lost > 0 && t('feed_lost', { n: feed.lost }), feed.error]
	})),
	budgets: f => Object.entries(f.budgets || {}).map(([name, one]) => {
		const said = name === 'bytes' ? size : number;
		return { name: t(`budget_${name}`), note: [one.an_hour === null ? t('budget_free', { used: said(one.used) }) : t('budget_used', { used: said(one.used), most: said(one.an_hour) }),
			one.refused > 0 && t('budget_refused', { n: one.refused })] };
	})
};

// Pages of the desk that go on from here.
const PAGES = { hubs: 'hubs', feeds: 'webhooks', rejects: 'rejects', budgets: 'channels', visitors: 'settings', network: 'settings' };

export function Check({ check, pages }) {
	const { what, level, figures } = check;
	const says = (SAYS[what] ? SAYS[what](figures, level) : [JSON.stringify(figures)]).filter(Boolean);
	const parts = PARTS[what] ? PARTS[what](figures) : [];
	const todo = level !== 'good' && t(`do_${what}`);
	const page = level !== 'good' && pages.includes(PAGES[what]) && PAGES[what];
	return <li class={`check ${level}`}>
		<Icon name={level === 'good' ? 'done' : level === 'warn' ? 'info' : 'failed'} />
		<div class="what">
			<h2>{t(`check_${what}`)} <span class="level">{t(`level_${level}`)}</span></h2>
			{says.map(text => <p key={text}>{text}</p>)}
			{parts.length > 0 && <ul>{parts.map(part => <li key={part.name}><strong dir="auto">{part.name}</strong>: {part.note.filter(Boolean).join(' · ')}</li>)}</ul>}
			{todo && <p class="todo">{todo}{figures.standbys && ` ${t('do_standbys', { names: figures.standbys })}`}</p>}
			{page && <p><a href={href(page)}>{t('goTo', { page: t(page) })}</a></p>}
		</div>
	</li>;
}
