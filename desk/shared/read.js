// What a page shows of the server: read when it is shown, and again every few seconds while somebody looks.
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from './api.js';

const PACE = 5000;

// take(answer) gets what the latest call answered.  Gives [error, read]; read() is a promise.
function useReading(name, args, take) {
	const [error, setError] = useState(null);
	const turn = useRef({ asked: 0, under: 0 }).current;
	async function read() {
		const mine = ++turn.asked;
		turn.under++;
		try {
			const answer = await call(name, args);
			if (mine === turn.asked) {
				setError(null);
				take(answer);
			}
		} catch (failure) {
			if (mine === turn.asked)
				setError(failure);
		}
		turn.under--;
	}
	useEffect(() => {
		read();
		const again = () => document.hidden || turn.under || read();
		const timer = setInterval(again, PACE);
		document.addEventListener('visibilitychange', again);
		return () => {
			turn.asked++;
			clearInterval(timer);
			document.removeEventListener('visibilitychange', again);
		};
	}, [name, JSON.stringify(args)]);
	return [error, read];
}

// { data (null: not read yet), error, read }
export function useRead(name, args = {}) {
	const [data, setData] = useState(null);
	const [error, read] = useReading(name, args, setData);
	return { data, error, read };
}

// The first page as it is now, and what was read behind it before, as long as they meet.
function joined(before, page, id) {
	const last = page.next === null ? -1 : before.rows.findIndex(one => one[id] === page.rows[page.rows.length - 1][id]);
	return last < 0 || last === before.rows.length - 1 ? page : { rows: [...page.rows, ...before.rows.slice(last + 1)], next: before.next };
}

// A list by pages: { rows (null: not read yet), next, error, read, more }.  list: where its rows are in the answer, which
// have an id.
export function usePages(name, list, { args = {}, id = 'id', cursor = 'before' } = {}) {
	const [state, setState] = useState({ rows: null, next: null });
	const [failure, setFailure] = useState(null);
	const pageOf = answer => ({ rows: answer[list], next: answer.next });
	const [error, read] = useReading(name, args, answer => setState(before => joined({ rows: [], ...before.rows && before }, pageOf(answer), id)));
	const about = JSON.stringify(args);
	useEffect(() => setState({ rows: null, next: null }), [about]);
	async function more() {
		setFailure(null);
		try {
			const page = pageOf(await call(name, { ...args, [cursor]: state.next }));
			setState(before => before.next === state.next ? { rows: [...before.rows, ...page.rows], next: page.next } : before);
		} catch (problem) {
			setFailure(problem);
		}
	}
	return { ...state, error: error || failure, read, more };
}
