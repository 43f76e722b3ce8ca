// Canned answers: those there are, and the form for one.  All who answer may write them.
import { Fragment, h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { contentOf, empty, KINDS, valuesOf, wrong } from '../conversation/compose.js';
import { Fields, Preview } from '../conversation/compose.jsx';
import { Text } from '../conversation/content_view.jsx';
import { summary } from '../conversation/contents.js';
import { href, replace } from '../shared/route.js';
import { Confirm, Empty, Head, Icon, Problem, reasonOf, Waiting } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

const keyOf = one => one.channel ? `${one.name} ${one.channel}` : one.name;

// Pages of it, narrowed by the words: { answers, next, error, more() }.
function useAnswers(filter) {
	const [state, setState] = useState({ answers: null, next: null, error: null });
	const read = async (words, after) => {
		const page = await call('canned_answers', { limit: 100, ...words ? { filter: words } : {}, ...after ? { after } : {} });
		return before => ({ answers: after ? before.answers.concat(page.answers) : page.answers, next: page.next, error: null });
	};
	useEffect(() => {
		let gone = false;
		read(filter, null).then(next => gone || setState(next), error => gone || setState(before => ({ ...before, error })));
		return () => {
			gone = true;
		};
	}, [filter]);
	return { ...state, more: () => read(filter, state.next).then(setState, error => setState(before => ({ ...before, error }))) };
}

function ChannelTag({ desk, id }) {
	const channel = desk.channelOf(id);
	return id && <span class="tag" dir="auto">{channel ? channel.displayName : id}</span>;
}

function List({ desk, back }) {
	const [filter, setFilter] = useState('');
	const { answers, next, error, more } = useAnswers(filter.trim());
	return <section class="page" aria-label={t('kind_canned')}>
		<Head title={t('kind_canned')} back={back}><a class="button primary" href={href('answers', 'new')}><Icon name="plus" />{t('addAnswer')}</a></Head>
		<div class="scroll"><div class="sheet">
			<p class="hint">{t('answersHow')}</p>
			<div class="field"><input type="search" value={filter} placeholder={t('findAnswer')} aria-label={t('findAnswer')} onInput={event => setFilter(event.target.value)} /></div>
			<Problem error={error} />
			{!answers && !error && <Waiting />}
			{answers && !answers.length && <Empty icon="answers" title={t(filter.trim() ? 'cannedNone' : 'answersEmpty')}><p>{filter.trim() ? '' : t('answersEmptyWhy')}</p></Empty>}
			{answers && answers.length > 0 && <ul class="things">{answers.map(one => <li key={keyOf(one)}>
				<a href={href('answers', keyOf(one))}><span class="what"><b>/{one.name}</b><small class="cut" dir="auto">{one.text === null ? summary(one.content) : one.text}</small></span>
					<ChannelTag desk={desk} id={one.channel} /></a></li>)}</ul>}
			{next && <button type="button" class="button wide" onClick={more}>{t('moreAnswers')}</button>}
		</div></div>
	</section>;
}

// What the form begins with.
function begin(one) {
	const content = one && one.content;
	const form = content && valuesOf(content);
	return { name: one ? one.name : '', channel: one && one.channel || '', text: one && one.text || '', raw: content && !form ? content : null,
		kind: !content ? 'text' : form ? form.kind : 'raw', values: form ? form.values : null };
}

// Which field the server speaks of; '': of none.
const about = error => !error ? '' : /name|\/\S+ already/.test(error.message) ? 'name' : /text/.test(error.message) ? 'text' : '';

function Form({ desk, one }) {
	const [form, setForm] = useState(() => begin(one));
	const [error, setError] = useState(null);
	const [shown, setShown] = useState(false);
	const [deleting, setDeleting] = useState(false);
	const bad = form.values ? wrong(form.kind, form.values) : null;
	const put = more => {
		setError(null);
		setForm({ ...form, ...more });
	};
	const where = one ? { oldName: one.name, ...one.channel ? { oldChannel: one.channel } : {} } : {};
	async function save(event) {
		event.preventDefault();
		setShown(true);
		if (bad)
			return;
		try {
			await call('set_canned_answer', { name: form.name.trim(), ...form.channel ? { channel: form.channel } : {}, ...where,
				...form.kind === 'text' ? { text: form.text.trim() } : { content: form.raw || contentOf(form.kind, form.values) } });
			replace('answers');
		} catch (failure) {
			setError(failure);
		}
	}
	const field = about(error);
	const problem = name => field === name && <p class="problem" role="alert" id={`answer-${name}-problem`}>{reasonOf(error)}</p>;
	const mark = name => ({ 'aria-invalid': field === name ? 'true' : undefined, 'aria-describedby': field === name ? `answer-${name}-problem` : `answer-${name}-hint` });
	return <form class="form" noValidate onSubmit={save}>
		<div class="field"><label for="answer-name">{t('answerName')}</label>
			<input id="answer-name" autofocus={!one} autocomplete="off" autocapitalize="off" spellcheck={false} value={form.name} {...mark('name')} onInput={event => put({ name: event.target.value.replace(/^\//, '') })} />
			{problem('name') || <p class="hint" id="answer-name-hint">{t('answerNameHint', { name: form.name || 'hello' })}</p>}</div>
		<div class="field"><label for="answer-channel">{t('channel')}</label>
			<select id="answer-channel" value={form.channel} onChange={event => put({ channel: event.target.value })}>
				<option value="">{t('allChannels')}</option>
				{desk.channels.map(each => <option key={each.id} value={each.id}>{each.displayName}</option>)}</select></div>
		<div class="field"><label for="answer-kind">{t('answerKind')}</label>
			<select id="answer-kind" value={form.kind} onChange={event => put({ kind: event.target.value, raw: null, values: event.target.value === 'text' ? null : empty(event.target.value) })}>
				<option value="text">{t('kind_text')}</option>{KINDS.map(kind => <option key={kind} value={kind}>{t(`kind_${kind}`)}</option>)}
				{form.raw && <option value="raw">{t('kind_other')}</option>}</select></div>
		{form.kind === 'text' && <div class="field"><label for="answer-text">{t('compose_text')}</label>
			<textarea id="answer-text" rows={6} dir="auto" value={form.text} {...mark('text')} onInput={event => put({ text: event.target.value })} />
			{problem('text') || <p class="hint" id="answer-text-hint">{t('answerTextHint')}</p>}</div>}
		{form.values && <Fields key={form.kind} kind={form.kind} values={form.values} form={{ wrong: bad, shown }} onChange={values => put({ values })} />}
		{form.kind === 'text' ? form.text.trim() && <div class="preview" role="group" aria-label={t('preview')}><p class="hint">{t('preview')}</p><div class="row own"><div class="bubble"><Text text={form.text.trim()} /></div></div></div>
			: <Preview kind={form.kind} values={form.values} content={form.raw} />}
		{error && !field && <Problem error={error} />}
		<div class="buttons">
			{one && <button type="button" class="button danger quiet" onClick={() => setDeleting(true)}>{t('delete')}…</button>}
			<a class="button" href={href('answers')}>{t('cancel')}</a><button type="submit" class="button primary">{t('save')}</button></div>
		{deleting && <Confirm title={t('deleteAnswerAsk', { name: one.name })} why={t('deleteAnswerWhy')} action={t('delete')} onClose={() => setDeleting(false)}
			onDo={async () => {
				await call('delete_canned_answer', { name: one.name, ...one.channel ? { channel: one.channel } : {} });
				replace('answers');
			}} />}
	</form>;
}

// One of them; which: its name, and its channel where it has one.
function One({ desk, which }) {
	const [state, setState] = useState({});
	const [name, channel] = which.split(' ');
	useEffect(() => {
		call('canned_answers', { name, ...channel ? { channel } : {} }).then(
			({ answers }) => setState({ one: answers.find(each => keyOf(each) === which) || null }), error => setState({ error }));
	}, [which]);
	return <section class="page" aria-label={`/${name}`}>
		<Head title={`/${name}`} back={href('answers')} />
		<div class="scroll"><div class="sheet">
			<Problem error={state.error} />
			{state.one === undefined && !state.error && <Waiting />}
			{state.one === null && <Empty icon="failed" title={t('answerMissing')} />}
			{state.one && <Form desk={desk} one={state.one} />}
		</div></div>
	</section>;
}

export function AnswersPage({ desk, which, back }) {
	if (!which)
		return <List desk={desk} back={back} />;
	if (which !== 'new')
		return <One key={which} desk={desk} which={which} />;
	return <section class="page" aria-label={t('addAnswer')}><Head title={t('addAnswer')} back={href('answers')} />
		<div class="scroll"><div class="sheet"><Form desk={desk} one={null} /></div></div></section>;
}
