// What the widget keeps in the browser and who it is for: log-out, another person, many tabs, odd texts,
// frames that are refused, messages that are taken away, pages that come back.
import { comes, is, ok, run, test, until } from './harness.mjs';
import { Line, makeChannel, makeWorld, messages, newContext, rows, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

const said = channel => messages(channel).then(all => all.filter(row => row[0] === 'in').map(row => row[2]));
const visitors = channel => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
const kept = widget => widget.page.evaluate(() => Object.keys(localStorage).filter(name => /^webchatt\..*\.(token|log|draft|out)/.test(name)).length);

async function talking(options = {}) {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	if (options.script)
		await context.addInitScript(options.script);
	const widget = await Widget.visit(context, site, channel, line, options);
	await widget.open();
	await widget.say('hello');
	await comes(() => widget.mark('hello'), 'somebody is talking', 'sent');
	return { channel, context, widget };
}

const visit = (context, channel, options) => Widget.visit(context, site, channel, line, options);

test('log-out by localStorage.clear(), then another person', async () => {
	const { channel, context, widget } = await talking();
	await send(channel, { text: 'for A only' });
	await comes(() => widget.texts(), 'A has an answer', ['hello', 'for A only']);
	await widget.page.evaluate(() => localStorage.clear());
	await widget.page.reload();
	is(await kept(widget), 0, 'what was cleared stays clear when the page is left');
	await widget.open();
	is(await widget.texts(), [], 'B sees nothing of A');
	await widget.say('I am B');
	await comes(() => widget.mark('I am B'), 'B writes', 'sent');
	is(await visitors(channel), '2', 'as somebody else');

	// In an application of one page nothing is loaded anew.
	const other = await visit(context, channel);
	await other.open();
	await comes(() => other.texts(), 'another tab is B, too', ['I am B']);
	await widget.field.fill('a secret that B began');
	await widget.page.evaluate(() => localStorage.clear());
	await comes(() => widget.texts(), 'without a reload the conversation goes', []);
	is(await widget.field.inputValue(), '', 'and what was begun');
	await comes(() => other.texts(), 'in the other tab as well', []);
	await widget.say('I am C');
	await comes(() => widget.mark('I am C'), 'C writes', 'sent');
	await comes(() => other.texts(), 'the other tab is the same person', ['I am C']);
	is(await visitors(channel), '3', 'a third one');
	is(await rows(`SELECT count(DISTINCT visitor) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'in' AND content ->> 'text' LIKE 'I am%'`),
		[['2']], 'each is somebody of their own');
	is(widget.errors.concat(other.errors), [], 'no errors');
	await context.close();
});

test('cleared while something waits to be sent', async () => {
	const { channel, context, widget } = await talking();
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	await widget.say('of A, not sent');
	// Written in the same moment as the clearing: it is of whoever writes now.
	await widget.page.evaluate(() => localStorage.clear());
	await widget.say('of B');
	await comes(() => widget.texts(), 'what A wrote is gone', ['of B']);
	line.open();
	await comes(() => widget.mark('of B'), 'B\'s is sent', 'sent');
	is(await said(channel), ['hello', 'of B'], 'A\'s is not');
	is(await visitors(channel), '2', 'they are two');
	await context.close();
});

test('Chatt2me.reset()', async () => {
	const { channel, context, widget } = await talking();
	const other = await visit(context, channel);
	await other.open();
	await comes(() => other.texts(), 'two tabs', ['hello']);
	await other.field.fill('begun');
	is(await widget.page.evaluate(() => {
		window.Chatt2me.reset();
		return [window.Chatt2me.isOpen(), window.Chatt2me.state()];
	}), [false, 'idle'], 'reset() closes the panel and the line: who never wrote is nobody yet');
	await comes(() => other.texts(), 'other tabs follow', []);
	await comes(() => other.field.inputValue(), 'with what was begun there', '');
	await widget.open();
	is(await widget.texts(), [], 'nothing is left');
	await widget.say('new');
	await comes(() => widget.mark('new'), 'whoever comes then is another one', 'sent');
	is(await visitors(channel), '2', 'says SQL');
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.texts(), 'also after a reload', ['new']);
	await context.close();
});

test('a visitor who is deleted while online', async () => {
	const { channel, context, widget } = await talking();
	const other = await visit(context, channel);
	await other.page.evaluate(() => window.Chatt2me.open());
	await comes(() => other.texts(), 'two tabs', ['hello']);
	const visitor = await theVisitor(channel);
	await widget.field.fill('begun');
	is(await sql(`SELECT webchatt.end_sessions('${channel.id}', '${visitor}')`), '1', 'the sessions are ended');
	await comes(() => widget.texts(), 'everything of the old one is gone', []);
	await comes(() => other.texts(), 'in each tab', []);
	is(await widget.field.inputValue(), '', 'also what was begun');
	await comes(async () => [await widget.state(), await other.state()], 'they begin anew', ['open', 'open']);
	await widget.say('hello again');
	await comes(() => other.texts(), 'as one and the same', ['hello again']);
	is(await visitors(channel), '2', 'of whom there is one more');
	await context.close();
});

test('odd texts', async () => {
	const half = '\ud83d';
	const { channel, context, widget } = await talking({ config: { title: `T${half}`, attributes: { [`na${half}me`]: `half ${half}, nul \0.`, plain: 'x' } } });
	is(JSON.parse(await sql(`SELECT attributes FROM webchatt.visitors WHERE channel_id = '${channel.id}'`)),
		{ 'na\ufffdme': 'half \ufffd, nul \ufffd.', plain: 'x' }, 'attributes are mended');
	await widget.page.evaluate(title => {
		document.title = title;
	}, `Shop ${half}`);
	await widget.page.evaluate(text => {
		const field = document.querySelector('#chatt2me-widget').shadowRoot.querySelector('textarea');
		field.value = text;
		field.dispatchEvent(new Event('input'));
	}, `a ${half} and \0 by a script`);
	await widget.field.press('Enter');
	await comes(() => said(channel), 'what a script typed is mended', ['hello', 'a \ufffd and \ufffd by a script']);
	// As an old version of the widget kept it, and as a stored choice may have it.
	await widget.page.evaluate(half => {
		const token = Object.keys(localStorage).find(name => name.endsWith('.token'));
		const put = (n, content) => localStorage.setItem(token.replace(/token$/, `out.00000000000000${n}.kept${n}`), JSON.stringify({ id: `kept${n}`, at: n, content }));
		put(1, { type: 'text', text: `kept ${half}\0` });
		put(2, { type: 'interactive', interactive: { type: 'button_reply', button_reply: { id: `id${half}`, title: `Yes ${half}` } } });
		put(3, { type: 'text', text: '\u200b' });
		put(4, { type: 'text', text: 'behind' });
	}, half);
	await widget.page.reload();
	await widget.open();
	await comes(() => said(channel), 'what was kept, too; and what is refused keeps nothing back',
		['hello', 'a \ufffd and \ufffd by a script', 'kept \ufffd\ufffd', 'Yes \ufffd', 'behind']);
	const trouble = widget.root.locator('.trouble:visible');
	await comes(() => trouble.count(), 'one is refused', 1);
	is(await trouble.innerText(), 'This message cannot be sent.\nEdit\nDiscard', 'with Edit and Discard');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('a hub that takes less than it did', async () => {
	const { channel, context, widget } = await talking();
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	const long = 'x'.repeat(12000);
	await widget.say(long);
	await widget.say('behind it');
	await sql('ALTER SYSTEM SET webchatt.max_message_size = \'4kB\'');
	await sql('SELECT pg_reload_conf()');
	// Until new visitors are told so.
	const probe = await makeChannel([site.origin]);
	const context2 = await newContext();
	line.open();
	await comes(() => said(channel), 'what is too long now keeps nothing back', ['hello', 'behind it']);
	const trouble = widget.root.locator('.trouble:visible');
	await comes(() => trouble.innerText(), 'it is refused where it stands', 'The message is too long.\nEdit\nDiscard');

	// The same in a session that was there before.
	await sql('ALTER SYSTEM RESET webchatt.max_message_size');
	await sql('SELECT pg_reload_conf()');
	const second = await Widget.visit(context2, site, probe, line);
	await comes(async () => {
		await second.page.reload();
		await second.open();
		await second.say(long);
		return second.page.evaluate(() => document.querySelector('#chatt2me-widget').shadowRoot.querySelector('.problem').textContent);
	}, 'long ones are taken again', '');
	await comes(() => said(probe).then(all => all.length > 0 && all[all.length - 1] === long), 'and sent');
	await sql('ALTER SYSTEM SET webchatt.max_message_size = \'4kB\'');
	await sql('SELECT pg_reload_conf()');
	await comes(async () => {
		await second.say(long);
		await second.say('short');
		return second.root.locator('.trouble:visible').count();
	}, 'told less in the middle of a session, it refuses that one');
	await comes(() => said(probe).then(all => all[all.length - 1]), 'and sends the next', 'short');
	await comes(async () => [(await second.shown()).filter(row => row[2] === 'clock').length, await second.state()], 'nothing waits', [0, 'open']);
	await sql('ALTER SYSTEM RESET webchatt.max_message_size');
	await sql('SELECT pg_reload_conf()');
	await context.close();
	await context2.close();
});

test('many tabs', async () => {
	const { channel, context, widget } = await talking();
	const tabs = [widget];
	for (let i = 1; i < 18; i++)
		tabs.push(await visit(context, channel));
	const newest = tabs[17];
	await comes(() => newest.state(), 'the eighteenth tab has a line', 'open');
	const states = () => Promise.all(tabs.map(tab => tab.state()));
	// All of them are on the screen here: who gave way comes back once, and another one gives way.
	await comes(() => states().then(all => ['open', 'idle'].map(state => all.filter(one => one === state).length)), 'sixteen have one, and two rest', [16, 2]);
	await newest.page.evaluate(() => window.Chatt2me.open());
	await newest.say('from the newest');
	await comes(() => newest.mark('from the newest'), 'the newest can write', 'sent');
	let resting;
	await until(async () => resting = tabs[(await states()).indexOf('idle')]);
	await comes(() => resting.page.evaluate(() => Object.keys(localStorage).filter(name => name.includes('.out.')).length), 'nothing waits', 0);
	await resting.page.bringToFront();
	await resting.page.evaluate(() => {
		window.dispatchEvent(new Event('focus'));
		window.Chatt2me.open();
	});
	await comes(() => resting.texts(), 'one that rests has what was said', ['hello', 'from the newest']);
	await resting.say('from one that rested');
	await comes(() => resting.mark('from one that rested'), 'and writes', 'sent');
	await comes(() => newest.texts(), 'which the others see', ['hello', 'from the newest', 'from one that rested']);
	is(await visitors(channel), '1', 'all are one visitor');
	await context.close();
});

for (const locks of [true, false]) {
	test(`a tab without a line, ${locks ? 'with' : 'without'} locks`, async () => {
		const { channel, context, widget } = await talking({ script: locks ? '0' : () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined }) });
		const third = await visit(context, channel);
		await comes(() => third.state(), 'two tabs have a line', 'open');
		// A line of its own that is cut, as one that the hub has no room for.
		const cut = `ws://127.0.0.1:1/`;
		const alone = await visit(context, channel, { config: { endpoint: cut } });
		await alone.open(false);
		for (const text of ['one', 'two', 'three'])
			await alone.say(text);
		await comes(() => said(channel), 'what it writes is sent by one that has', ['hello', 'one', 'two', 'three']);
		await comes(() => alone.shown(), 'and it knows', [['own', 'hello', 'sent'], ['own', 'one', 'sent'], ['own', 'two', 'sent'], ['own', 'three', 'sent']]);
		await send(channel, { text: 'an answer' });
		await comes(() => alone.texts(), 'answers come there, too', ['hello', 'one', 'two', 'three', 'an answer']);
		await comes(() => widget.texts(), 'the tabs agree', await alone.texts());
		await context.close();
	});
}

test('an ack that comes after another tab knows of it', async () => {
	const { channel, context, widget } = await talking();
	const others = await new Line().listen();
	const other = await visit(context, channel, { config: { endpoint: others.url } });
	await other.open();
	for (const tab of [widget, other])
		await tab.page.evaluate(() => {
			// behind the widget's own look at what waits
			window.addEventListener('storage', event => /\.out\./.test(event.key) && setTimeout(() => window.looked = event.newValue ? 'waits' : 'sent', 400));
		});
	line.hold();
	others.hold();
	await widget.say('slow');
	await comes(() => other.page.evaluate(() => window.looked), 'the other tab knows that it waits', 'waits');
	await comes(() => said(channel), 'the hub has it', ['hello', 'slow']);
	others.open();
	await comes(() => other.texts(), 'and the other tab', ['hello', 'slow']);
	await comes(() => widget.page.evaluate(() => window.looked), 'nothing waits to be sent any more', 'sent');
	is(await widget.texts(), ['hello', 'slow'], 'who wrote it still sees it');
	line.open();
	await comes(() => widget.shown(), 'and has the ack', [['own', 'hello', 'sent'], ['own', 'slow', 'sent']]);
	await widget.page.reload();
	await widget.open();
	is(await widget.texts(), ['hello', 'slow'], 'also after a reload');
	await context.close();
	others.server.close();
});

test('what is gone', async () => {
	const { channel, context, widget } = await talking();
	await send(channel, { text: 'a mistake' });
	await send(channel, { text: 'right' });
	await comes(() => widget.texts(), 'three messages', ['hello', 'a mistake', 'right']);
	// The server's side is tested elsewhere: here it is a hub that says so.
	const ids = await rows(`SELECT id FROM webchatt.messages WHERE channel_id = '${channel.id}' ORDER BY id`);
	await widget.page.close();
	const page = await context.newPage();
	await page.addInitScript(gone => {
		const Real = window.WebSocket;
		window.WebSocket = class extends Real {
			set onmessage(work) {
				super.onmessage = event => {
					const frame = JSON.parse(event.data);
					if (frame.type === 'welcome' && gone)
						frame.gone = [gone, 7, 'nonsense'];
					work({ data: JSON.stringify(frame) });
				};
				window.say = frame => work({ data: JSON.stringify(frame) });
			}
		};
	}, ids[1][0]);
	const back = new Widget(page);
	await page.goto(`${site.origin}/?${new URLSearchParams({ lax: 1, config: JSON.stringify({ webChatId: channel.key, endpoint: line.url }) })}`);
	await back.open();
	await comes(() => back.texts(), 'what the hub says is gone is gone', ['hello', 'right']);
	const watching = await visit(context, channel, { config: { endpoint: 'ws://127.0.0.1:1/' } });
	await watching.open(false);
	await page.evaluate(ids => window.say({ type: 'retracted', ids }), [ids[2][0]]);
	await comes(() => back.texts(), 'also while it is looked at', ['hello']);
	await comes(() => watching.texts(), 'and in a tab without a line', ['hello']);
	is(back.errors, [], 'no errors');
	await context.close();
});

test('read is what was seen', async () => {
	const { channel, context, widget } = await talking();
	await widget.page.evaluate(() => {
		Object.defineProperty(document, 'hidden', { configurable: true, value: true });
		Object.defineProperty(document, 'visibilityState', { configurable: true, value: 'hidden' });
	});
	const id = await send(channel, { text: 'unseen' });
	await comes(() => statusOf(id), 'in a tab in the background it is delivered', 'delivered');
	ok(!await until(async () => await statusOf(id) === 'read', 2), 'and not read');
	await widget.page.evaluate(() => {
		delete document.hidden;
		delete document.visibilityState;
		document.dispatchEvent(new Event('visibilitychange'));
	});
	await comes(() => statusOf(id), 'in front it is', 'read');
	await context.close();
});

test('offline is said at once', async () => {
	const { context, widget } = await talking();
	await widget.page.clock.install();
	// No time goes by from here on: nothing is found out by waiting.
	await widget.page.clock.pauseAt(Date.now() + 3600000);
	line.freeze();
	await context.setOffline(true);
	await comes(() => widget.words(), 'that there is no network', 'You are offline. Messages are sent when you are back.');
	await context.setOffline(false);
	await context.close();
});

test('a store that is full', async () => {
	const { channel, context, widget } = await talking();
	const fill = () => widget.page.evaluate(() => {
		for (let size = 1 << 20; size >= 1; size >>= 1) {
			try {
				for (let i = 0; ; i++)
					localStorage.setItem(`shop${size}.${i}`, 'x'.repeat(size));
			} catch {
				// Full to that size.
			}
		}
	});
	await fill();
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	await widget.say('kept all the same');
	await widget.page.reload();
	await widget.open(false);
	await comes(() => widget.texts().then(all => all[all.length - 1]), 'what waits outlives a reload', 'kept all the same');
	line.open();
	await comes(() => widget.mark('kept all the same'), 'and is sent', 'sent');
	is(await said(channel), ['hello', 'kept all the same'], 'once');
	await fill();
	for (let i = 0; i < 5; i++)
		await widget.say(`m${i}`);
	await comes(() => widget.mark('m4'), 'with no room at all it goes on', 'sent');
	// (a line that takes long is tried by polling as well, which this page's policy refuses)
	is(widget.errors.filter(error => !error.includes('/poll?')), [], 'without errors');
	await context.close();
});

test('there and back', async () => {
	const { channel, context, widget } = await talking();
	await widget.page.evaluate(() => {
		window.kept = true;
	});
	const here = widget.page.url();
	await widget.page.goto('about:blank');
	await send(channel, { text: 'meanwhile' });
	await widget.page.goBack();
	await comes(() => widget.page.url(), 'back on the page', here);
	await comes(() => widget.page.evaluate(() => window.Chatt2me.isOpen() || (window.Chatt2me.open(), true)), 'its panel is open');
	await comes(() => widget.texts(), 'with what was missed', ['hello', 'meanwhile']);
	await widget.say('here I am');
	await comes(() => widget.mark('here I am'), 'and it goes on', 'sent');
	// Whoever comes back to a page that the browser has kept as it was.
	await widget.page.evaluate(() => {
		const event = (name, persisted) => window.dispatchEvent(new PageTransitionEvent(name, { persisted }));
		event('pagehide', true);
		window.between = window.Chatt2me.state();
		event('pageshow', true);
	});
	is(await widget.page.evaluate(() => window.between), 'idle', 'a page that is put aside has no line');
	await comes(() => widget.state(), 'and one when it comes back', 'open');
	await widget.page.evaluate(() => {
		const event = (name, persisted) => window.dispatchEvent(new PageTransitionEvent(name, { persisted }));
		event('pagehide', true);
		localStorage.clear();
		event('pageshow', true);
	});
	await comes(() => widget.texts(), 'cleared meanwhile, nothing is shown', []);
	await context.close();
});

test('a clock that jumps', async () => {
	const { channel, context, widget } = await talking();
	line.cut();
	await comes(() => widget.words(), 'the line is cut', 'Reconnecting…');
	await widget.say('first');
	const jump = ms => widget.page.evaluate(ms => {
		const real = window.realNow = window.realNow || Date.now;
		Date.now = () => real() + ms;
	}, ms);
	await jump(-86400000 * 400);
	await widget.say('second');
	await jump(86400000 * 400);
	await widget.say('third');
	await jump(0);
	await widget.say('fourth');
	const wanted = ['hello', 'first', 'second', 'third', 'fourth'];
	is(await widget.texts(), wanted, 'what is written stands in order');
	line.open();
	await comes(() => said(channel), 'and is sent so', wanted);
	await comes(() => widget.mark('fourth'), 'all of it', 'sent');
	is(await widget.texts(), wanted, 'and it is shown so');
	const typing = () => sql(`SELECT coalesce(bool_or(typing), false) FROM webchatt.presence WHERE channel_id = '${channel.id}'`);
	await widget.field.fill('a');
	await comes(typing, 'that the visitor types is told', 't');
	await comes(typing, 'for a while', 'f');
	await jump(-86400000);
	await widget.field.fill('ab');
	await comes(typing, 'also when the clock was set back', 't');
	await context.close();
});

test('libraries that change what the browser has', async () => {
	const { channel, context, widget } = await talking({ script: () => {
		// As Prototype.js 1.6 and MooTools did.
		Array.prototype.toJSON = function toJSON() {
			return `[${this.join()}]`;
		};
		String.prototype.toJSON = () => 'odd';
		Array.from = (given, each) => Array.prototype.map.call(given && given.length ? given : [], each || (one => one));
		Object.prototype.forAll = () => 0;
	} });
	await send(channel, { text: 'an answer' });
	await comes(() => widget.texts(), 'the widget talks', ['hello', 'an answer']);
	await comes(() => rows(`SELECT status FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'out'`), 'receipts go', [['read']]);
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.texts(), 'it keeps what it had', ['hello', 'an answer']);
	await widget.say('and on');
	await comes(() => widget.mark('and on'), 'and goes on', 'sent');
	is(await visitors(channel), '1', 'as the same visitor');
	is(widget.errors, [], 'no errors');
	await context.close();
});

await run(tidy);
