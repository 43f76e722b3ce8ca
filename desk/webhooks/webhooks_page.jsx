// Webhooks of the local hub: where its events go to, how that goes, what to do about it.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Add, Facts, More, Once, Sheet, useDeed } from '../shared/page.jsx';
import { usePages, useRead } from '../shared/read.js';
import { href, replace } from '../shared/route.js';
import { Confirm, Empty, Icon, Problem } from '../shared/ui.jsx';
import { fullOf, howLong, t } from '../shared/words.js';
import { WebhookForm } from './webhook_form.jsx';
import { WebhookLog } from './webhook_log.jsx';

const WARNS = ['failing', 'paused', 'verifying'];

const State = ({ of }) => <span class={WARNS.includes(of.state) ? 'tag warn' : 'tag'}>{t(`hook_${of.state}`)}</span>;

const behindOf = one => one.behind > 0 && t('behind', { n: one.behind + (one.behindMore ? '+' : ''), time: howLong(one.behindSince) });
const lastOf = one => one.last && `${fullOf(one.last.at)}: ${one.last.statusCode || t('noAnswer')}`;

function Row({ one }) {
	return <li><a href={href('webhooks', one.id)}><Icon name="webhooks" />
		<span class="what"><b dir="auto">{one.label}</b><small class="cut">{one.endpoint}</small>
			<small>{[t(one.eventType), behindOf(one), lastOf(one)].filter(Boolean).join(' · ')}</small></span>
		<State of={one} /></a></li>;
}

function List({ back }) {
	const list = usePages('webhooks', 'webhooks');
	const some = list.rows && list.rows.length > 0;
	return <Sheet title={t('webhooks')} back={back} head={some && <Add to="webhooks">{t('webhookAdd')}</Add>} of={list} read={list.rows}>
		{some ? <><ul class="things more">{list.rows.map(one => <Row key={one.id} one={one} />)}</ul><More of={list} /></>
			: <Empty icon="webhooks" title={t('noWebhooks')}><p>{t('noWebhooksWhy')}</p><Add to="webhooks">{t('webhookAdd')}</Add></Empty>}
	</Sheet>;
}

const QUESTIONS = {
	delete: ['webhookDeleteAsk', 'webhookDeleteWhy', 'delete'],
	secret: ['secretAsk', 'secretWhy', 'secretDo']
};

function Deeds({ one, onSecret, onChanged }) {
	const [asking, setAsking] = useState('');
	const [error, run, busy] = useDeed();
	const alter = more => run(async () => {
		await call('alter_webhook', { id: one.id, ...more });
		await onChanged();
	});
	async function answer() {
		if (asking === 'secret')
			return onSecret(await call('redefine_webhook_secret', { id: one.id }), one.label);
		await call('delete_webhook', { id: one.id });
		return replace('webhooks');
	}
	const [title, why, action] = QUESTIONS[asking] || [];
	return <>
		<Problem error={error} />
		<div class="buttons">
			{one.state === 'verifying' && <button type="button" class="button" disabled={busy} onClick={alter({})}>{t('verifyNow')}</button>}
			<button type="button" class="button" disabled={busy} onClick={alter({ active: !one.active })}>{t(one.active ? 'pause' : 'resume')}</button>
			{one.signed && <button type="button" class="button" onClick={() => setAsking('secret')}>{t('secretNew')}…</button>}
			<button type="button" class="button danger quiet" onClick={() => setAsking('delete')}>{t('delete')}…</button>
		</div>
		{asking && <Confirm title={t(title, { name: one.label })} why={t(why)} action={t(action)} onDo={answer} onClose={() => setAsking('')} />}
	</>;
}

function Details({ id, onSecret }) {
	const { data: one, error, read } = useRead('webhook', { id });
	const [saved, setSaved] = useState(0);
	async function save(values) {
		const answer = await call('alter_webhook', { id, ...values });
		if (answer.secret)
			onSecret(answer, answer.label);
		await read();
		setSaved(saved + 1);
	}
	return <Sheet title={one ? one.label : t('webhooks')} back={href('webhooks')} head={one && <State of={one} />} of={{ error }} read={one}>
		{one && <>
			<section class="block" aria-label={t('state')}>
				{one.state !== 'delivering' && <p class="notice">{[t(`hook_${one.state}Why`), one.reason, one.state !== 'paused' && one.lastError].filter(Boolean).join(' – ')}</p>}
				<Facts of={[['endpoint', one.endpoint], ['events', t(one.eventType)], ['waits', behindOf(one)], ['lastDelivery', lastOf(one)], ['lastGood', one.lastSuccessAt && fullOf(one.lastSuccessAt)],
					['failingSince', one.failingSince && fullOf(one.failingSince)], ['lost', one.lost > 0 && one.lost], ['retries', one.retries > 0 && one.retries],
					['verifiedAt', one.verifiedAt && fullOf(one.verifiedAt)], ['madeBy', one.apiKey], ['scope', one.scope], ['createdAt', fullOf(one.createdAt)]]} />
				<Deeds one={one} onSecret={onSecret} onChanged={read} />
			</section>
			<WebhookLog id={id} onAsked={read} />
			<section class="block" aria-label={t('configureWebhook')}><h2>{t('configureWebhook')}</h2>
				<WebhookForm key={saved} start={one} action={t('save')} onSave={save}>{saved > 0 && <span class="saved" role="status">{t('saved')}</span>}</WebhookForm></section>
		</>}
	</Sheet>;
}

export function WebhooksPage({ which, back }) {
	const [secret, setSecret] = useState(null);
	const onSecret = (answer, label) => answer.secret && setSecret({ value: answer.secret, label });
	async function make(values) {
		const answer = await call('create_webhook', values);
		replace('webhooks', answer.id);
		onSecret(answer, answer.label);
	}
	return <>
		{which === 'new' ? <Sheet title={t('webhookAdd')} back={href('webhooks')}><WebhookForm action={t('webhookAdd')} onSave={make}>
			<a class="button" href={href('webhooks')}>{t('cancel')}</a></WebhookForm></Sheet>
			: which ? <Details key={which} id={which} onSecret={onSecret} /> : <List back={back} />}
		{secret && <Once title={t('secretOf', { name: secret.label })} label={t('secret')} value={secret.value} hint={t('secretHint')} onClose={() => setSecret(null)} />}
	</>;
}
