// Keys of the REST API: made, shown once, revoked.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Check, Field, useForm } from '../shared/form.jsx';
import { Add, More, Once, Sheet } from '../shared/page.jsx';
import { usePages } from '../shared/read.js';
import { href, replace } from '../shared/route.js';
import { Confirm, Empty, Icon, Problem } from '../shared/ui.jsx';
import { fullOf, t } from '../shared/words.js';

const USUAL = ['send', 'webhooks', 'link'];
const SCOPES = [...USUAL, 'visitors'];

function linkOf(link) {
	if (!link)
		return '';
	return link.connectedSince ? t('keyConnected', { client: link.client || '?' }) : t('keyAway', { at: fullOf(link.leftAt) });
}

function Row({ desk, one, onRevoke }) {
	const channels = one.channels ? one.channels.map(id => (desk.channelOf(id) || { displayName: id }).displayName).join(', ') : t('allChannels');
	return <li class={one.revokedAt ? 'off' : ''}><Icon name="keys" />
		<span class="what"><b dir="auto">{one.label}</b><small>{one.scopes.map(scope => t(`scope_${scope}`)).join(', ')} · {channels}</small>
			<small>{[t('madeAt', { at: fullOf(one.createdAt) }), one.webhooks > 0 && t('keyWebhooks', { n: one.webhooks }), linkOf(one.link)].filter(Boolean).join(' · ')}</small></span>
		{one.revokedAt ? <span class="tag warn">{t('revokedAt', { at: fullOf(one.revokedAt) })}</span>
			: <button type="button" class="button small danger quiet" aria-label={t('revokeOf', { name: one.label })} onClick={onRevoke}>{t('revoke')}…</button>}
	</li>;
}

const toggled = (list, one) => list.includes(one) ? list.filter(other => other !== one) : [...list, one];

function Form({ desk, onMade }) {
	const form = useForm({ label: '', scopes: USUAL, channels: [] }, { label: /label|API key '/i, scopes: /scope/i, channels: /channel/i }, async ({ label, scopes, channels }) => {
		const answer = await call('create_api_key', { label: label.trim(), scopes, ...channels.length ? { channels } : {} });
		onMade({ value: answer.key, label: label.trim() });
	});
	const { scopes, channels } = form.values;
	const local = desk.channels.filter(one => one.local);
	return <form class="form" noValidate onSubmit={form.submit}>
		<Field form={form} name="label" label={t('label')} hint={t('keyLabelHint')} first />
		<fieldset class="field"><legend>{t('scopes')}</legend>
			{SCOPES.map(one => <Check key={one} checked={scopes.includes(one)} onCheck={() => form.put('scopes', toggled(scopes, one))} label={t(`scope_${one}`)} hint={t(`scope_${one}Why`)} />)}
			<Problem error={form.of('scopes')} /></fieldset>
		{local.length > 0 && <fieldset class="field"><legend>{t('channels')}</legend><p class="hint">{t('keyChannelsHint')}</p>
			{local.map(one => <Check key={one.id} checked={channels.includes(one.id)} onCheck={() => form.put('channels', toggled(channels, one.id))} label={one.displayName} />)}
			<Problem error={form.of('channels')} /></fieldset>}
		<Problem error={form.rest} />
		<div class="buttons"><a class="button" href={href('keys')}>{t('cancel')}</a><button type="submit" class="button primary" disabled={form.busy}>{t('keyAdd')}</button></div>
	</form>;
}

export function KeysPage({ desk, which, back }) {
	const list = usePages('api_keys', 'keys');
	const [made, setMade] = useState(null);
	const [revoking, setRevoking] = useState('');
	if (which === 'new') {
		return <Sheet title={t('keyAdd')} back={href('keys')}><Form desk={desk} onMade={key => {
			setMade(key);
			replace('keys');
			list.read();
		}} /></Sheet>;
	}
	const some = list.rows && list.rows.length > 0;
	return <Sheet title={t('keys')} back={back} head={some && <Add to="keys">{t('keyAdd')}</Add>} of={list} read={list.rows}>
		{some ? <ul class="things more">{list.rows.map(one => <Row key={one.id} desk={desk} one={one} onRevoke={() => setRevoking(one.label)} />)}</ul>
			: <Empty icon="keys" title={t('noKeys')}><p>{t('noKeysWhy')}</p><Add to="keys">{t('keyAdd')}</Add></Empty>}
		<More of={list} />
		{made && <Once title={t('keyOf', { name: made.label })} label={t('key')} value={made.value} hint={t('keyHint')} onClose={() => setMade(null)} />}
		{revoking && <Confirm title={t('revokeAsk', { name: revoking })} why={t('revokeWhy')} action={t('revoke')} onClose={() => setRevoking('')} onDo={async () => {
			await call('revoke_api_key', { label: revoking });
			await list.read();
		}} />}
	</Sheet>;
}
