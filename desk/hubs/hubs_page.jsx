// Remote hubs: whether they answer, our webhooks at them, what was lost and came back.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Field, useForm } from '../shared/form.jsx';
import { Add, Facts, More, Sheet, useDeed } from '../shared/page.jsx';
import { usePages, useRead } from '../shared/read.js';
import { href, replace } from '../shared/route.js';
import { Confirm, Empty, Icon, Problem } from '../shared/ui.jsx';
import { fullOf, howLong, t } from '../shared/words.js';

const State = ({ of }) => <span class={of.state === 'active' ? 'tag' : 'tag warn'}>{t(`hub_${of.state}`)}</span>;

// How events come, in a few words.
function inboundOf(one) {
	if (one.link)
		return `${t('link')}: ${t(`link_${one.link.phase}`)}`;
	if (!one.webhooks.length)
		return t('hubNoWebhooks');
	return one.webhooks.every(w => w.state === 'verified' && w.desired === 'registered') ? t('hubWebhooksGood') : t('hubWebhooksSoon');
}

const queuedOf = one => one.queued > 0 && t('hubQueued', { n: one.queued, time: one.oldestQueued ? howLong(one.oldestQueued) : '' });

function List({ back }) {
	const list = usePages('hubs', 'hubs', { id: 'name', cursor: 'after' });
	const some = list.rows && list.rows.length > 0;
	return <Sheet title={t('hubs')} back={back} head={some && <Add to="hubs">{t('hubAdd')}</Add>} of={list} read={list.rows}>
		{some ? <ul class="things more">{list.rows.map(one => <li key={one.name}><a href={href('hubs', one.name)}><Icon name="hubs" />
			<span class="what"><b>{one.name}</b><small class="cut">{one.apiUrl}</small><small>{[inboundOf(one), queuedOf(one), one.reason].filter(Boolean).join(' · ')}</small></span>
			<State of={one} /></a></li>)}</ul>
			: <Empty icon="hubs" title={t('noHubs')}><p>{t('noHubsWhy')}</p><Add to="hubs">{t('hubAdd')}</Add></Empty>}
		<More of={list} />
	</Sheet>;
}

const FIELDS = { apiKey: /API key is|"apiKey"/, apiUrl: /URL/, name: /hub name|there is a hub|"name"|local is/ };

// known: it only gets another key, or URL.
function Connect({ known, onDone, children }) {
	const form = useForm({ name: known ? known.name : 'chatt2me', apiUrl: known ? known.apiUrl : 'https://api.chatt2.me', apiKey: '', inbound: known ? known.inbound : 'webhook' }, FIELDS, async values => {
		const answer = await call('connect_hub', { ...values, name: values.name.trim(), apiUrl: values.apiUrl.trim(), apiKey: values.apiKey.trim(), known: !!known });
		await onDone(answer);
		form.put('apiKey', '');
	});
	return <form class="form" noValidate onSubmit={form.submit}>
		{!known && <Field form={form} name="name" label={t('name')} hint={t('hubNameHint')} first />}
		<Field form={form} name="apiUrl" type="url" label={t('apiUrl')} />
		<Field form={form} name="apiKey" type="password" autocomplete="new-password" label={t('apiKey')} hint={t('apiKeyHint')} />
		<Field form={form} name="inbound" label={t('inbound')} hint={t(`inbound_${form.values.inbound}Why`)}>
			{['webhook', 'link'].map(one => <option key={one} value={one}>{t(`inbound_${one}`)}</option>)}</Field>
		<Problem error={form.rest} />
		<div class="buttons">{children}<button type="submit" class="button primary" disabled={form.busy}>{t(known ? 'save' : 'hubAdd')}</button></div>
	</form>;
}

function Webhook({ of }) {
	const state = of.desired === 'registered' ? of.state : of.desired;
	return <li><span class="what"><b>{t(of.eventType)}</b><small class="cut">{of.endpoint}</small>
		<small>{[of.verifiedAt && t('verifiedSince', { at: fullOf(of.verifiedAt) }), of.checkedAt && t('checked', { at: fullOf(of.checkedAt) })].filter(Boolean).join(' · ')}</small>
		{of.lastError && state !== 'verified' && <small class="problem">{fullOf(of.lastErrorAt)}: {of.lastError}</small>}</span>
	<span class={state === 'verified' ? 'tag' : 'tag warn'}>{t(`registered_${state}`)}</span></li>;
}

function Repair({ of }) {
	return <li><span class="what"><b>{t(of.eventType)}</b>
		<small>{t('repairCounts', { found: of.found, here: of.alreadyHere, back: of.repaired, waiting: of.waiting + of.asked, gone: of.givenUp })}</small>
		<small>{of.lastLook && t('looked', { at: fullOf(of.lastLook) })}</small>
		{of.lastError && <small class="problem">{fullOf(of.lastErrorAt)}: {of.lastError}</small>}</span></li>;
}

function Registered({ one, onChanged }) {
	const [asking, setAsking] = useState('');
	const [error, run, busy] = useDeed();
	const ask = async name => {
		await call(name, { name: one.name });
		await onChanged();
	};
	const some = one.webhooks.length > 0;
	const ours = one.webhooks.some(w => w.desired !== 'gone');
	return <section class="block" aria-label={t('registered')}><h2>{t('registered')}</h2>
		{some ? <ul class="things">{one.webhooks.map(w => <Webhook key={w.eventType} of={w} />)}</ul> : <p class="hint">{t(one.link ? 'registeredLink' : 'registeredNone')}</p>}
		<Problem error={error} />
		<div class="buttons">
			{!ours && <button type="button" class="button" disabled={busy} onClick={run(() => ask('register_webhooks'))}>{t('register')}</button>}
			{some && <button type="button" class="button" disabled={busy} onClick={run(() => ask('reconcile_webhooks'))}>{t('reconcile')}</button>}
			{ours && <button type="button" class="button" onClick={() => setAsking('rotate_webhook_secret')}>{t('rotate')}…</button>}
			{ours && <button type="button" class="button danger quiet" onClick={() => setAsking('unregister_webhooks')}>{t('unregister')}…</button>}
		</div>
		{one.repair.length > 0 && <><h2>{t('repair')}</h2><ul class="things">{one.repair.map(r => <Repair key={r.eventType} of={r} />)}</ul></>}
		{asking && <Confirm title={t(`${asking}Ask`, { name: one.name })} why={t(`${asking}Why`)} action={t(asking === 'unregister_webhooks' ? 'unregister' : 'rotate')}
			onDo={() => ask(asking)} onClose={() => setAsking('')} />}
	</section>;
}

function Details({ name }) {
	const { data: one, error, read } = useRead('hub', { name });
	const [saved, setSaved] = useState(0);
	return <Sheet title={name} back={href('hubs')} head={one && <State of={one} />} of={{ error }} read={one}>
		{one && <>
			<section class="block" aria-label={t('state')}>
				{one.reason && <p class="notice">{one.reason}</p>}
				<Facts of={[['apiUrl', one.apiUrl], ['since', one.since && fullOf(one.since)], ['pausedUntil', one.pausedUntil && fullOf(one.pausedUntil)], ['waits', queuedOf(one)],
					['link', one.link && [t(`link_${one.link.phase}`), one.link.since && fullOf(one.link.since), one.link.error].filter(Boolean).join(' · ')],
					['lost', one.link && one.link.lost > 0 && one.link.lost], ['channels', <a href={href('channels')}>{one.channels}</a>], ['createdAt', fullOf(one.createdAt)]]} />
			</section>
			<Registered one={one} onChanged={read} />
			<section class="block" aria-label={t('hubChange')}><h2>{t('hubChange')}</h2><p class="hint">{t('hubChangeWhy')}</p>
				<Connect key={saved} known={one} onDone={async () => {
					await read();
					setSaved(saved + 1);
				}}>{saved > 0 && <span class="saved" role="status">{t('saved')}</span>}</Connect></section>
		</>}
	</Sheet>;
}

export function HubsPage({ which, back }) {
	if (which === 'new') {
		return <Sheet title={t('hubAdd')} back={href('hubs')}><Connect onDone={answer => replace('hubs', answer.name)}>
			<a class="button" href={href('hubs')}>{t('cancel')}</a></Connect></Sheet>;
	}
	return which ? <Details key={which} name={which} /> : <List back={back} />;
}
