// Events that the database refused: why, what was in them, and writing them again.  All of it a stranger may have written.
import { Fragment, h } from 'preact';
import { useState } from 'preact/hooks';
import { call, Refusal } from '../shared/api.js';
import { Facts, More, Sheet, useChosen, useDeed } from '../shared/page.jsx';
import { usePages } from '../shared/read.js';
import { href } from '../shared/route.js';
import { Confirm, Empty, Problem } from '../shared/ui.jsx';
import { exactOf, fullOf, t } from '../shared/words.js';

const MOST = 100;
const SHORT = 160;

function Body({ id, start }) {
	const [whole, setWhole] = useState(null);
	const [error, run] = useDeed();
	const { body, length, context } = whole || start;
	return <>
		{context && <Facts of={[['context', context]]} />}
		<pre tabIndex={0} aria-label={t('body')}>{body}</pre>
		{!whole && length > body.length && <button type="button" class="button small" onClick={run(async () => setWhole(await call('reject', { id })))}>{t('whole', { n: length })}</button>}
		{whole && length > body.length && <p class="hint">{t('cutOff', { n: body.length, all: length })}</p>}
		<Problem error={error} />
	</>;
}

function Reject({ one, chosen, onChoose, failure }) {
	const [open, setOpen] = useState(false);
	return <li>
		<input type="checkbox" checked={chosen} aria-label={t('chooseOf', { what: `${one.id}` })} onChange={onChoose} />
		<div class="what"><details onToggle={event => setOpen(event.target.open)}><summary><b dir="auto">{open || one.reason.length <= SHORT ? one.reason : `${one.reason.slice(0, SHORT)}…`}</b>
			<small>{[exactOf(one.lastAt), one.displayName || one.hub, t(one.eventType), one.tries > 1 && t('tries', { n: one.tries })].filter(Boolean).join(' · ')}</small></summary>
			{open && <>
				<Facts of={[['error', one.sqlstate], ['detail', one.detail], ['hint', one.hint], ['hub', one.hub], ['channel', one.displayName],
					['visitorWho', one.visitor && one.channel ? <a href={href('conversation', one.channel, one.visitor)}>{one.visitor}</a> : one.visitor],
					['firstAt', fullOf(one.firstAt)]]} />
				<Body id={one.id} start={one} /></>}
		</details>
		<Problem error={failure} /></div>
	</li>;
}

export function RejectsPage({ back }) {
	const list = usePages('rejects', 'rejects');
	const [chosen, toggle, clear] = useChosen();
	const [error, run, busy] = useDeed();
	const [failures, setFailures] = useState({});
	const [done, setDone] = useState('');
	const [dropping, setDropping] = useState(false);
	const rows = list.rows || [];
	// What is gone by now cannot be chosen any more.
	const ids = chosen.filter(id => rows.some(one => one.id === id)).slice(0, MOST);
	const retry = which => run(async () => {
		setDone('');
		const { results } = await call('retry_reject', { ids: which });
		setFailures(before => ({ ...before, ...Object.fromEntries(results.map(one => [one.id, one.result ? null : new Refusal(400, one)])) }));
		setDone(t('rejectsDone', { good: results.filter(one => one.result).length, bad: results.filter(one => !one.result).length }));
		clear();
		await list.read();
	});
	return <Sheet title={t('rejects')} back={back} of={list} read={list.rows}>
		<Problem error={error} />
		{rows.length > 0 ? <>
			<p class="hint">{t('rejectsHint')}</p>
			<ul class="things lines reasons">{rows.map(one => <Reject key={one.id} one={one} chosen={chosen.includes(one.id)} failure={failures[one.id]} onChoose={() => toggle(one.id)} />)}</ul>
			<More of={list} />
		</> : <Empty icon="done" title={t('noRejects')}><p>{t('noRejectsWhy')}</p></Empty>}
		<div class="buttons sticky"><span class="saved" role="status">{done}</span>
			{ids.length > 0 ? <>
				<button type="button" class="button danger quiet" disabled={busy} onClick={() => setDropping(true)}>{t('drop', { n: ids.length })}…</button>
				<button type="button" class="button primary" disabled={busy} onClick={retry(ids)}>{t('retryChosen', { n: ids.length })}</button>
			</> : rows.length > 0 && <button type="button" class="button primary" disabled={busy} onClick={retry(rows.slice(0, MOST).map(one => one.id))}>{t('retryAll', { n: Math.min(rows.length, MOST) })}</button>}</div>
		{dropping && <Confirm title={t('dropAsk', { n: ids.length })} why={t('dropWhy')} action={t('dropDo')} onClose={() => setDropping(false)} onDo={async () => {
			await call('drop_reject', { ids });
			clear();
			await list.read();
		}} />}
	</Sheet>;
}
