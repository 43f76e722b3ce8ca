// What a webhook is made of.  The desk never sees a header's value again: what is left empty stays as it is.
import { Fragment, h } from 'preact';
import { Check, Field, useForm } from '../shared/form.jsx';
import { Icon, Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

const FIELDS = { headers: /header/i, label: /label/i, endpoint: /endpoint/i, eventType: /event ?type/i };

function Headers({ form, known }) {
	const list = form.values.headers;
	const put = (at, more) => form.put('headers', list.map((one, other) => other === at ? { ...one, ...more } : one));
	return <fieldset class="field"><legend>{t('headers')}</legend>
		<p class="hint">{t('headersHint')}</p>
		{list.map((one, at) => <div class="with-button" key={at}>
			<input value={one.key} placeholder="Authorization" autocomplete="off" spellcheck={false} aria-label={t('headerName', { n: at + 1 })} onInput={event => put(at, { key: event.target.value })} />
			<input value={one.value} placeholder={known.includes(one.key) ? t('headerKept') : 'Bearer …'} autocomplete="off" spellcheck={false} aria-label={t('headerValue', { n: at + 1 })}
				onInput={event => put(at, { value: event.target.value })} />
			<button type="button" class="icon-button" aria-label={t('headerRemove', { n: at + 1 })} onClick={() => form.put('headers', list.filter((_, other) => other !== at))}><Icon name="close" /></button>
		</div>)}
		<Problem error={form.of('headers')} />
		{list.length < 20 && <button type="button" class="button small" onClick={() => form.put('headers', [...list, { key: '', value: '' }])}><Icon name="plus" />{t('headerAdd')}</button>}
	</fieldset>;
}

// onSave(args) throws the Refusal.
export function WebhookForm({ start, action, onSave, children }) {
	const known = start ? start.headers : [];
	const form = useForm(start ? { ...start, headers: known.map(key => ({ key, value: '' })) } : { label: '', endpoint: '', eventType: 'Message', headers: [], signed: true }, FIELDS,
		({ label, endpoint, eventType, signed, headers }) => onSave({
			label: label.trim(), endpoint: endpoint.trim(), signed, ...start ? {} : { eventType },
			headers: headers.filter(one => one.key || one.value).map(({ key, value }) => value || known.includes(key) ? { key, value: value || null } : { key, value: '' })
		}));
	return <form class="form" noValidate onSubmit={form.submit}>
		<Field form={form} name="label" label={t('label')} hint={t('webhookLabelHint')} first={!start} />
		<Field form={form} name="endpoint" type="url" label={t('endpoint')} placeholder="https://shop.example.com/events" hint={t(start ? 'endpointMoves' : 'endpointHint')} />
		{!start && <Field form={form} name="eventType" label={t('events')} hint={t(`${form.values.eventType}Hint`)}>
			{['Message', 'MessageStatus', 'Unread'].map(one => <option key={one} value={one}>{t(one)}</option>)}</Field>}
		<Headers form={form} known={known} />
		<Check checked={form.values.signed} onCheck={value => form.put('signed', value)} label={t('signed')} hint={t('signedHint')} />
		<Problem error={form.rest} />
		<div class="buttons">{children}<button type="submit" class="button primary" disabled={form.busy}>{action}</button></div>
	</form>;
}
