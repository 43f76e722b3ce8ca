// A test runner that prints TAP: tests run one after the other, each with a time
// limit, and the points say what holds.
import { cpus, loadavg } from 'node:os';
import { isDeepStrictEqual, inspect } from 'node:util';

let count = 0;
let failed = 0;
const tests = [];
const LIMIT = 1500000;

// How long is waited for what must come, whatever a test says: no test fails because a
// machine is slow (BROWSER_PATIENCE=15 while a test is written).  Below 5 s: for what must not come.
export const PATIENCE = Number(process.env.BROWSER_PATIENCE) || 180;
const patient = seconds => seconds < 5 ? seconds : PATIENCE;
// BROWSER_SLOW=8: Chromium's pages run so many times slower and answers come late, as on a busy machine.  A look at what a
// page comes to a moment later fails then.
export const SLOW = Number(process.env.BROWSER_SLOW) || 0;
// How many times longer everything takes: the processes that want to run, for each two that a processor might well have.
export const slowness = () => Math.max(1, loadavg()[0] / (2 * cpus().length));

function point(good, what, ...details) {
	count++;
	if (!good)
		failed++;
	console.log(`${good ? 'ok' : 'not ok'} ${count} - ${what}`);
	if (!good)
		for (const line of details.join('\n').split('\n'))
			console.log(`# ${line}`);
	return good;
}

export const ok = (value, what, ...details) => point(!!value, what, ...details);

export const is = (got, wanted, what) =>
	point(isDeepStrictEqual(got, wanted), what, `got:    ${inspect(got, { depth: 5 })}`, `wanted: ${inspect(wanted, { depth: 5 })}`);

export const like = (got, pattern, what) => point(pattern.test(got), what, `got:    ${inspect(got)}`, `wanted: ${pattern}`);

// Ask until the answer is true; gives the last answer.
export async function until(ask, seconds = PATIENCE) {
	let left = patient(seconds) * 1000;
	for (let last = Date.now();;) {
		const answer = await ask();
		if (answer || left < 0)
			return answer;
		left -= (Date.now() - last) / (seconds < 5 ? 1 : slowness());
		last = Date.now();
		await new Promise(done => setTimeout(done, 50));
	}
}

// The same as a point; wanted is compared when it is given.
export async function comes(ask, what, wanted = undefined, seconds = PATIENCE) {
	let last;
	const good = await until(async () => {
		last = await ask();
		return wanted === undefined ? last : isDeepStrictEqual(last, wanted);
	}, seconds);
	return point(good, what, `in the end: ${inspect(last, { depth: 5 })}`, wanted === undefined ? '' : `wanted:     ${inspect(wanted, { depth: 5 })}`);
}

export function test(name, work) {
	tests.push({ name, work });
}

// Run them all; tidy is called at the end, whatever happened.  BROWSER_TEST=word
// runs only those whose name has it.
export async function run(tidy) {
	for (const { name, work } of tests) {
		if (process.env.BROWSER_TEST && !name.includes(process.env.BROWSER_TEST))
			continue;
		console.log(`# ${name}`);
		let timer;
		try {
			await Promise.race([work(), new Promise((_, fail) => {
				timer = setTimeout(() => fail(new Error(`not done after ${LIMIT / 1000} s`)), LIMIT);
			})]);
		} catch (error) {
			point(false, `${name}: runs to its end`, String(error.stack || error));
		}
		clearTimeout(timer);
	}
	await tidy();
	console.log(`1..${count}`);
	process.exit(failed ? 1 : 0);
}
