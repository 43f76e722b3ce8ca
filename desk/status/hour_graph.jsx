// The last hour as a graph: a minute each, messages in and out, visitors, what is queued.  One cursor goes through the minutes by
// pointer and by keyboard, and what it stands on is read out; the same as a table is below.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { t, timeOf } from '../shared/words.js';
import { number } from './figures.js';

const WIDE = 10;	// of a minute, in units of the drawing, which is as wide as there is room
const HIGH = 100;

// The least round number that is not below.
export function roundedUp(most) {
	if (most <= 5)
		return Math.max(most, 1);
	const power = 10 ** Math.floor(Math.log10(most));
	return [1, 2, 2.5, 5, 10].map(one => one * power).find(one => one >= most && Number.isInteger(one));
}

const known = minute => minute.in !== null;
const mostOf = (minutes, ...names) => roundedUp(Math.max(0, ...minutes.flatMap(minute => names.map(name => minute[name] || 0))));

// One for all minutes of a row.
function Gaps({ minutes }) {
	const runs = [];
	minutes.forEach((minute, at) => {
		if (known(minute))
			return;
		if (at > 0 && !known(minutes[at - 1]))
			runs[runs.length - 1].n++;
		else
			runs.push({ at, n: 1 });
	});
	return runs.map(run => <rect key={run.at} class="gap" x={run.at * WIDE} y="0" width={run.n * WIDE} height={HIGH} />);
}

// Bars from a line upwards or downwards.
function Bars({ minutes, name, most, from, down }) {
	const room = (down ? HIGH - from : from) - 2;
	return minutes.map((minute, at) => {
		const high = minute[name] ? Math.max(minute[name] / most * room, 2) : 0;
		return high > 0 && <rect key={at} class={`bar-${name}`} x={at * WIDE + 1} y={down ? from : from - high} width={WIDE - 2} height={high} />;
	});
}

// A line, broken where nothing is known.
function Line({ minutes, name, most }) {
	let pen = 'M';
	const path = minutes.map((minute, at) => {
		if (!known(minute)) {
			pen = 'M';
			return '';
		}
		const y = HIGH - 2 - minute[name] / most * (HIGH - 6);
		const piece = `${pen}${at * WIDE + (pen === 'M' ? 0 : WIDE / 2)} ${y}${pen === 'M' ? `H${at * WIDE + WIDE / 2}` : ''}`;
		pen = 'L';
		return piece;
	}).join('');
	return <path class={`line-${name}`} d={path} />;
}

function Panel({ minutes, cursor, title, most, high, children }) {
	return <div class={`panel ${high ? 'high' : ''}`}>
		<p class="panel-title"><span>{title}</span><span class="note">{t('upTo', { n: number(most) })}</span></p>
		<svg viewBox={`0 0 ${minutes.length * WIDE} ${HIGH}`} preserveAspectRatio="none" aria-hidden="true">
			<Gaps minutes={minutes} />
			<rect class="cursor" x={cursor * WIDE} y="0" width={WIDE} height={HIGH} />
			{children}
		</svg>
	</div>;
}

export function wordsOf(minute) {
	return known(minute) ? t('minuteSays', { at: timeOf(minute.at), in: number(minute.in), out: number(minute.out), visitors: number(minute.visitors), queued: number(minute.queued) })
		: t('minuteGap', { at: timeOf(minute.at) });
}

const STEPS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -Infinity, End: Infinity };

export function HourGraph({ minutes }) {
	const last = minutes.length - 1;
	// How many minutes ago, so that the cursor stays on "now".
	const [ago, setAgo] = useState(0);
	const cursor = Math.max(0, last - ago);
	const put = at => setAgo(last - Math.min(last, Math.max(0, at)));
	const point = event => {
		const box = event.currentTarget.querySelector('svg').getBoundingClientRect();
		put(Math.floor((event.clientX - box.left) / box.width * minutes.length));
	};
	const most = mostOf(minutes, 'in', 'out');
	const shared = { minutes, cursor };
	return <div class="hour">
		<div class="graph" role="slider" tabIndex={0} aria-label={t('minute')} aria-valuemin={0} aria-valuemax={last} aria-valuenow={cursor} aria-valuetext={wordsOf(minutes[cursor])}
			onPointerMove={point} onPointerDown={point} onPointerLeave={event => event.pointerType === 'mouse' && setAgo(0)}
			onKeyDown={event => {
				if (!(event.key in STEPS))
					return;
				event.preventDefault();
				put(cursor + STEPS[event.key]);
			}}>
			<Panel {...shared} title={t('messagesInOut')} most={most} high>
				<Bars minutes={minutes} name="in" most={most} from={HIGH / 2} />
				<Bars minutes={minutes} name="out" most={most} from={HIGH / 2} down />
				<path class="axis" d={`M0 ${HIGH / 2}H${minutes.length * WIDE}`} />
			</Panel>
			<Panel {...shared} title={t('graphVisitors')} most={mostOf(minutes, 'visitors')}><Line minutes={minutes} name="visitors" most={mostOf(minutes, 'visitors')} /></Panel>
			<Panel {...shared} title={t('graphQueued')} most={mostOf(minutes, 'queued')}><Line minutes={minutes} name="queued" most={mostOf(minutes, 'queued')} /></Panel>
			<p class="note spread" aria-hidden="true"><span>{timeOf(minutes[0].at)}</span><span>{timeOf(minutes[last].at)}</span></p>
		</div>
		<p class="readout">{wordsOf(minutes[cursor])}</p>
		{!minutes.every(known) && <p class="note gap-note">{t('gapsAre')}</p>}
	</div>;
}

const COLUMNS = ['in', 'out', 'statuses', 'failed', 'rejected', 'deliveries', 'visitors', 'queued', 'slowestMs'];

export function HourTable({ minutes }) {
	return <details class="hour-table">
		<summary>{t('asTable')}</summary>
		<div class="wide" tabIndex={0} role="region" aria-label={t('lastHour')}><table>
			<thead><tr><th scope="col">{t('minute')}</th>{COLUMNS.map(name => <th key={name} scope="col">{t(`hour_${name}`)}</th>)}</tr></thead>
			<tbody>{[...minutes].reverse().map(minute => <tr key={minute.at}>
				<th scope="row">{timeOf(minute.at)}</th>
				{known(minute) ? COLUMNS.map(name => <td key={name}>{number(minute[name])}</td>) : <td colSpan={COLUMNS.length}>{t('noWorker')}</td>}
			</tr>)}</tbody>
		</table></div>
	</details>;
}
