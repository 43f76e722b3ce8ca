// A channel of a remote hub: its dashboard has it, here it is only named.
import { h } from 'preact';
import { call } from '../shared/api.js';
import { Field, useForm } from '../shared/form.jsx';
import { Sheet } from '../shared/page.jsx';
import { useRead } from '../shared/read.js';
import { href, replace } from '../shared/route.js';
import { Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

const KINDS = ['web-chatt2me', 'whatsapp', 'instagram', 'messenger', 'telegram', 'sms'];
const FIELDS = { displayName: /display name/i, kind: /channel type/i, hub: /hub/i, id: /UUID|channel/i };

function Form({ hubs, onMade }) {
	const form = useForm({ hub: hubs[0].name, id: '', kind: KINDS[0], displayName: '' }, FIELDS, async values => {
		const made = await call('add_channel', { ...values, id: values.id.trim(), displayName: values.displayName.trim() });
		await onMade();
		replace('channels', made.id);
	});
	const options = list => list.map(one => <option key={one} value={one}>{one}</option>);
	return <form class="form" noValidate onSubmit={form.submit}>
		<Field form={form} name="hub" label={t('hub')}>{options(hubs.map(one => one.name))}</Field>
		<Field form={form} name="id" label={t('channelId')} hint={t('remoteIdHint')} first />
		<Field form={form} name="kind" label={t('kind')}>{options(KINDS)}</Field>
		<Field form={form} name="displayName" label={t('displayName')} hint={t('remoteNameHint')} />
		<Problem error={form.rest} />
		<div class="buttons"><a class="button" href={href('channels')}>{t('cancel')}</a><button type="submit" class="button primary" disabled={form.busy}>{t('addChannel')}</button></div>
	</form>;
}

export function AddRemoteChannel({ onMade }) {
	const { data, error } = useRead('hubs', { limit: 100 });
	return <Sheet title={t('addRemote')} back={href('channels', 'new')} of={{ error }} read={data}>
		{data && (data.hubs.length ? <Form hubs={data.hubs} onMade={onMade} />
			: <p class="notice">{t('noHubs')}. <a href={href('hubs', 'new')}>{t('hubAdd')}</a></p>)}
	</Sheet>;
}
