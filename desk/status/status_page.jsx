// How webchatt is doing: what there is to look at, worst first, and the last hour.  Read again every ten seconds while somebody looks.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { paced } from '../shared/pace.js';
import { Head, Icon, Problem, Waiting } from '../shared/ui.jsx';
import { t, timeOf } from '../shared/words.js';
import { Check } from './check.jsx';
import { duration, number } from './figures.js';
import { HourGraph, HourTable } from './hour_graph.jsx';

const AGAIN = 10000;
const ORDER = ['bad', 'warn', 'good'];

function useHealth() {
	const [state, setState] = useState({});
	useEffect(() => {
		const ask = paced(async () => {
			try {
				const [health, minutes] = await Promise.all([call('health'), call('last_hour')]);
				setState({ health, minutes });
			} catch (error) {
				setState(before => ({ ...before, error }));
				throw error;
			}
		});
		ask();
		const timer = setInterval(() => document.hidden || ask(), AGAIN);
		const shown = () => document.hidden || ask();
		document.addEventListener('visibilitychange', shown);
		return () => {
			clearInterval(timer);
			document.removeEventListener('visibilitychange', shown);
			ask.stop();
		};
	}, []);
	return state;
}

function Summary({ checks, now }) {
	const worst = ORDER.find(level => checks.some(check => check.level === level));
	const n = checks.filter(check => check.level !== 'good').length;
	return <p class={`summary ${worst}`} role="status"><Icon name={worst === 'good' ? 'done' : 'failed'} />
		<b>{n ? t('attention', { n }) : t('allGood')}</b><span class="note">{t('asOf', { at: timeOf(now) })}</span></p>;
}

const sum = (minutes, name) => minutes.reduce((all, minute) => all + (minute[name] || 0), 0);

function Hour({ minutes }) {
	const slowest = Math.max(0, ...minutes.map(minute => minute.slowestMs || 0));
	return <section class="block" aria-label={t('lastHour')}>
		<h2>{t('lastHour')}</h2>
		<dl class="totals">
			{['in', 'out', 'failed', 'rejected', 'deliveries'].map(name => <div key={name}><dt>{t(`hour_${name}`)}</dt><dd>{number(sum(minutes, name))}</dd></div>)}
			<div><dt>{t('hour_slowest')}</dt><dd>{duration(slowest)}</dd></div>
		</dl>
		<HourGraph minutes={minutes} />
		<HourTable minutes={minutes} />
	</section>;
}

export function StatusPage({ back, pages }) {
	const { health, minutes, error } = useHealth();
	const checks = health && [...health.checks].sort((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
	return <section class="page" aria-label={t('status')}>
		<Head title={t('status')} back={back} />
		<div class="scroll"><div class="sheet">
			<Problem error={error} />
			{!health && !error && <Waiting />}
			{health && <Summary checks={checks} now={health.now} />}
			{health && <ul class="checks">{checks.filter(one => one.level !== 'good').map(one => <Check key={one.what} check={one} pages={pages} />)}</ul>}
			{minutes && <Hour minutes={minutes} />}
			{health && <ul class="checks">{checks.filter(one => one.level === 'good').map(one => <Check key={one.what} check={one} pages={pages} />)}</ul>}
		</div></div>
	</section>;
}
