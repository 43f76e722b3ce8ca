// Every attempt to deliver an event, the newest first, and having chosen ones delivered again.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { Check } from '../shared/form.jsx';
import { Facts, More, useChosen, useDeed } from '../shared/page.jsx';
import { usePages } from '../shared/read.js';
import { Problem, Waiting } from '../shared/ui.jsx';
import { exactOf, t } from '../shared/words.js';

const codeOf = line => line.statusCode || t('noAnswer');

function Line({ line, chosen, onChoose }) {
	const at = exactOf(line.at);
	return <li>
		<input type="checkbox" checked={chosen} disabled={!line.kept} aria-label={t('chooseOf', { what: at })} onChange={onChoose} />
		<details class="what"><summary><b>{at}</b> <small>{t('attempt', { n: line.attempt })}{line.error ? ` · ${line.error}` : ''}</small></summary>
			<Facts of={[['messageId', line.messageId], ['deliveryId', line.deliveryId], ['endpoint', line.endpoint], ['took', `${line.durationMs} ms`], ['error', line.error]]} />
			{line.answer && <pre tabIndex={0} aria-label={t('answer')}>{line.answer}</pre>}
		</details>
		{line.retrying ? <span class="tag">{t('retrying')}</span> : line.delivered && <span class="tag">{t('deliveredSince')}</span>}
		<span class={line.good ? 'tag' : 'tag warn'}>{codeOf(line)}</span>
	</li>;
}

export function WebhookLog({ id, onAsked }) {
	const [failed, setFailed] = useState(false);
	const list = usePages('webhook_log', 'log', { args: { id, failed } });
	const [chosen, toggle, clear] = useChosen();
	const [error, run, busy] = useDeed();
	const [done, setDone] = useState('');
	const retry = run(async () => {
		setDone('');
		const { results } = await call('retry_webhook_log', { id, ids: chosen.slice(0, 100) });
		const good = results.filter(one => one.success).length;
		setDone(t('retriesAsked', { n: good }) + (good < results.length ? ` ${t('retriesLost', { n: results.length - good })}` : ''));
		clear();
		await Promise.all([list.read(), onAsked()]);
	});
	return <section class="block" aria-label={t('deliveries')}>
		<h2>{t('deliveries')}</h2>
		<Check checked={failed} onCheck={setFailed} label={t('onlyFailed')} />
		<Problem error={list.error || error} />
		{!list.rows && !list.error && <Waiting />}
		{list.rows && !list.rows.length && <p class="hint">{t(failed ? 'noneFailed' : 'noDeliveries')}</p>}
		{list.rows && list.rows.length > 0 && <ul class="things lines">{list.rows.map(one =>
			<Line key={one.id} line={one} chosen={chosen.includes(one.id)} onChoose={() => toggle(one.id)} />)}</ul>}
		<More of={list} />
		<div class="buttons"><span class="saved" role="status">{done}</span>
			{list.rows && list.rows.length > 0 && <button type="button" class="button" disabled={busy || !chosen.length} onClick={retry}>{t('deliverAgain', { n: chosen.length })}</button>}</div>
	</section>;
}
