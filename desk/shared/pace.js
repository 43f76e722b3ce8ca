// Re-reading what may have changed, however often one is told so: one read at a time, and at most two a
// second; fewer while the tab is hidden; after a failure later and later, until it is asked for again.

const SHOWN = 500;
const HIDDEN = 4000;
const LATEST = 30000;

// work() → promise.  Gives ask(): read, or read once more.  ask.stop() ends it.  shown: so many ms at least from one to the next.
export function paced(work, shown = SHOWN) {
	let wanted = false;
	let running = false;
	let stopped = false;
	let timer = 0;
	let began = -Infinity;
	let failures = 0;

	const pause = () => {
		const least = document.hidden ? Math.max(HIDDEN, shown) : shown;
		return failures ? Math.min(LATEST, Math.max(least, 1000 * 2 ** failures)) : least;
	};

	async function run() {
		timer = 0;
		wanted = false;
		running = true;
		began = performance.now();
		try {
			await work();
			failures = 0;
		} catch {
			failures++;
			wanted = true;
		}
		running = false;
		if (wanted)
			plan();
	}

	function plan() {
		if (stopped || running)
			return;
		clearTimeout(timer);
		const left = began + pause() - performance.now();
		if (left <= 0)
			run();
		else
			timer = setTimeout(run, left);
	}

	// At once when somebody looks again.
	const onShown = () => document.hidden || !wanted || plan();
	document.addEventListener('visibilitychange', onShown);

	const ask = () => {
		wanted = true;
		plan();
	};
	// Something changed for the better: the line is back, somebody asks by hand.
	ask.now = () => {
		failures = 0;
		ask();
	};
	ask.stop = () => {
		stopped = true;
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', onShown);
	};
	return ask;
}
