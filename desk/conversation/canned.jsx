// Canned answers where one writes: a list that opens with "/", is narrowed by what is typed behind it, and puts the
// chosen one into the field.
import { h } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { href } from '../shared/route.js';
import { reasonOf } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { summary } from './contents.js';
import { givenName } from './talk.js';

const SHOWN = 20;

// What is typed behind the slash; null: the text does not ask for a list.
export const asked = text => {
	const found = /^\/(\S{0,40})$/.exec(text);
	return found ? found[1].toLowerCase() : null;
};

// {name} and {agent} in all texts of it.  Who has not said a name is not greeted with a hole.
export function filled(value, visitor, agent) {
	if (typeof value === 'string') {
		const name = givenName(visitor.attributes);
		return (name ? value : value.replace(/,? ?\{name\}/g, '')).replace(/\{(name|agent)\}/g, (_, hole) => hole === 'name' ? name : agent.displayName);
	}
	if (Array.isArray(value))
		return value.map(one => filled(one, visitor, agent));
	return value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, visitor, agent)])) : value;
}

// The list for a text: { open, answers, at, error, close(), move(step) }.  The last answer that was asked for counts.
export function useCanned(talk, text) {
	const wanted = asked(text);
	const [state, setState] = useState({ answers: null, at: 0, error: null });
	const [closed, setClosed] = useState(false);
	const latest = useRef(0);
	useEffect(() => {
		const mine = ++latest.current;
		if (wanted === null) {
			setClosed(false);
			setState({ answers: null, at: 0, error: null });
			return;
		}
		call('canned_answers', { channel: talk.channel, filter: wanted, limit: SHOWN }).then(({ answers }) => {
			const begins = one => one.name.startsWith(wanted) ? 0 : 1;
			if (mine === latest.current)
				setState({ answers: [...answers].sort((a, b) => begins(a) - begins(b)), at: 0, error: null });
		}, error => mine === latest.current && setState({ answers: [], at: 0, error }));
	}, [wanted]);
	const { answers } = state;
	return { ...state, open: wanted !== null && !closed && answers !== null, chosen: answers && answers[state.at], close: () => setClosed(true),
		move: step => setState(before => ({ ...before, at: (before.at + step + before.answers.length) % before.answers.length })) };
}

export function CannedList({ canned, onChoose }) {
	const list = useRef();
	useEffect(() => {
		const chosen = list.current && list.current.querySelector('[aria-selected=true]');
		if (chosen)
			chosen.scrollIntoView({ block: 'nearest' });
	});
	return <div class="canned">
		<span class="hush" role="status">{t('cannedFound', { n: canned.answers.length })}</span>
		{canned.error ? <p class="problem">{reasonOf(canned.error)}</p> : !canned.answers.length && <p class="hint">{t('cannedNone')}</p>}
		<ul id="canned-list" role="listbox" aria-label={t('kind_canned')} ref={list}>{canned.answers.map((one, n) =>
			<li key={`${one.name} ${one.channel}`} id={`canned-${n}`} role="option" aria-selected={n === canned.at ? 'true' : 'false'}
				onPointerDown={event => event.preventDefault()} onClick={() => onChoose(one)}>
				<b>/{one.name}</b><span dir="auto">{one.text === null ? summary(one.content) : one.text}</span></li>)}</ul>
		<a class="hint" href={href('answers')} onPointerDown={event => event.preventDefault()}>{t('cannedEdit')}</a>
	</div>;
}
