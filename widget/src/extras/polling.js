// For a line that takes no WebSocket, as a proxy strips Upgrade: the same frames by
// requests (doc/protocol.md, "Without WebSockets"), behind the face of a WebSocket.

const ANSWER_IN = 45000;
const AGAIN = 1000;
const MOST_FAILURES = 4;
// Frames and characters of one request.
const MOST_FRAMES = 20;
const MOST_CHARACTERS = 60000;

const pause = wait => new Promise(done => setTimeout(done, wait));

class Poll {
	constructor(address) {
		const url = new URL(address);
		url.protocol = url.protocol.replace('ws', 'http');
		url.pathname = url.pathname.replace(/ws$/, 'poll');
		this.url = url.href;
		this.readyState = 0;
		this.queue = [];
		this.taken = 0;
		this.heard = 0;
		this.failures = 0;
		this.sending = false;
		this.aborter = new AbortController();
		Promise.resolve().then(() => {
			if (this.readyState === 0) {
				this.readyState = 1;
				this.onopen();
			}
		});
	}

	send(frame) {
		this.queue.push(frame);
		this.speak();
	}

	close() {
		if (this.readyState < 2 && this.session)
			fetch(this.url, { ...this.request({ close: true }), keepalive: true }).catch(() => 0);
		this.readyState = 3;
		this.aborter.abort();
	}

	end(code) {
		if (this.readyState === 3)
			return;
		this.close();
		this.onclose({ code });
	}

	request(about, frames = []) {
		const head = { ...this.session && { session: this.session }, ack: this.heard, ...about };
		return { method: 'POST', credentials: 'omit', cache: 'no-store', body: [JSON.stringify(head), ...frames].join('\n') };
	}

	// What an answer says; null: there was none, and another try may be made.
	async ask(about, frames) {
		const late = setTimeout(() => this.aborter.abort(), ANSWER_IN);
		try {
			const answer = await fetch(this.url, { ...this.request(about, frames), signal: this.aborter.signal });
			const [head, ...lines] = (await answer.text()).split('\n');
			if (answer.ok) {
				this.failures = 0;
				this.take(JSON.parse(head), lines.filter(Boolean));
				return true;
			}
		} catch { /* as an answer that says that it could not be */ } finally {
			clearTimeout(late);
		}
		if (!this.session || ++this.failures > MOST_FAILURES)
			this.end(1006);
		else
			await pause(AGAIN * this.failures);
		return false;
	}

	take(head, lines) {
		this.queue.splice(0, head.taken - this.taken);
		this.taken = Math.max(this.taken, head.taken);
		if (head.session) {
			this.session = head.session;
			this.listen();
		}
		lines.forEach((line, n) => {
			if (head.first + n <= this.heard || this.readyState !== 1)
				return;
			this.heard = head.first + n;
			this.onmessage({ data: line });
		});
		if (head.close)
			this.end(head.close.code);
	}

	// One request at a time, so that nothing is overtaken.
	async speak() {
		if (this.sending)
			return;
		this.sending = true;
		while (this.readyState === 1 && this.queue.length) {
			const before = this.taken;
			const frames = this.queue.slice(0, MOST_FRAMES);
			while (frames.length > 1 && frames.join('').length > MOST_CHARACTERS)
				frames.pop();
			await this.ask({ first: this.taken + 1 }, frames);
			// There is no room for them: before the welcome, or while the hub is behind.
			if (this.taken === before)
				await pause(AGAIN / 2);
		}
		this.sending = false;
	}

	async listen() {
		while (this.readyState === 1) {
			const began = performance.now();
			const before = this.heard;
			await this.ask({ wait: true });
			// Answered with nothing at once: the hub has no place for who waits.
			if (this.heard === before && performance.now() - began < AGAIN)
				await pause(2 * AGAIN);
		}
	}
}

export const start = () => address => new Poll(address);
