// The line to the hub breaks in all the ways that lines break.
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, restartCluster, send, sql, tidy, Widget } from './world.mjs';

const { site, stranger, line } = await makeWorld();

const said = channel => messages(channel).then(all => all.filter(row => row[0] === 'in').map(row => row[2]));
const visitors = channel => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);

async function talking(options) {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, options);
	await widget.open();
	await widget.say('hello');
	await comes(() => widget.mark('hello'), 'somebody is talking', 'sent');
	return { channel, context, widget };
}

test('offline and back', async () => {
	const { channel, context, widget } = await talking();
	await context.setOffline(true);
	line.cut();
	await comes(() => widget.words(), 'being offline is said plainly', 'You are offline. Messages are sent when you are back.');
	for (const text of ['one', 'two', 'three'])
		await widget.say(text);
	is(await widget.shown().then(all => all.slice(1)), [['own', 'one', 'clock'], ['own', 'two', 'clock'], ['own', 'three', 'clock']], 'what is written waits');
	await send(channel, { text: 'meanwhile' });
	await sql(`SELECT webchatt.mark_read(channel_id, id::text) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	line.open();
	await context.setOffline(false);
	await comes(() => widget.words(), 'back, nothing is said', '', 30);
	await comes(() => said(channel), 'what waited is sent, once and in order', ['hello', 'one', 'two', 'three']);
	await comes(() => widget.texts(), 'what was missed is there', ['hello', 'meanwhile', 'one', 'two', 'three']);
	await comes(async () => [await widget.mark('hello'), await widget.mark('three')], 'and the marks are right, also of what was read meanwhile', ['read', 'sent']);
	await context.close();
});

test('unsent messages outlive a reload', async () => {
	const { channel, context, widget } = await talking();
	line.cut();
	await comes(() => widget.words(), 'a cut is said', 'Reconnecting…');
	await widget.say('kept');
	await widget.page.reload();
	await widget.open(false);
	is(await widget.shown(), [['own', 'hello', 'sent'], ['own', 'kept', 'clock']], 'a reload without a line keeps all of it');
	line.open();
	await comes(() => widget.mark('kept'), 'it is sent when the line is back', 'sent', 30);
	is(await said(channel), ['hello', 'kept'], 'once');
	await context.close();
});

test('a cut that hides the ack', async () => {
	const { channel, context, widget } = await talking();
	line.mute();
	await widget.say('only once');
	await comes(() => said(channel), 'the message is a row', ['hello', 'only once']);
	is(await widget.mark('only once'), 'clock', 'but the widget does not know');
	line.cut();
	line.open();
	await comes(() => widget.mark('only once'), 'after the cut it does', 'sent', 30);
	is(await said(channel), ['hello', 'only once'], 'and it is there once');
	is(await widget.texts(), ['hello', 'only once'], 'on the screen, too');
	await context.close();
});

test('a line that ends again and again', async () => {
	const { channel, context, widget } = await talking();
	await widget.page.evaluate(() => {
		const send = WebSocket.prototype.send;
		window.lossy = 12;
		WebSocket.prototype.send = function (data) {
			if (!lossy || !String(data).includes('patience'))
				return send.call(this, data);
			lossy--;
			this.close();
		};
	});
	await widget.say('patience');
	await comes(() => widget.page.evaluate(() => {
		window.dispatchEvent(new Event('online'));
		return lossy;
	}), 'twelve lines end with the same message under way', 0);
	await comes(() => widget.mark('patience'), 'the message goes by the next one', 'sent');
	is(await said(channel), ['hello', 'patience'], 'and is there once');
	await context.close();
});

test('a message that no hub can read', async () => {
	const { channel, context, widget } = await talking();
	await widget.page.evaluate(() => {
		const token = Object.keys(localStorage).find(name => name.startsWith('webchatt.') && name.endsWith('.token'));
		let deep = 1;
		for (let i = 0; i < 80; i++)
			deep = [deep];
		localStorage.setItem(token.replace(/token$/, 'out.000000000000001.poison'),
			JSON.stringify({ id: 'poison', at: 1, content: { type: 'text', text: 'poison', deep } }));
	});
	await widget.page.reload();
	await widget.open(false);
	await widget.say('behind it');
	await comes(() => said(channel), 'keeps none back that is behind it', ['hello', 'behind it'], 60);
	await comes(() => widget.mark('behind it'), 'which is sent', 'sent');
	await widget.say('half an emoji \ud83d');
	await comes(() => said(channel), 'half an emoji is sent as what it can be', ['hello', 'behind it', 'half an emoji \ufffd']);
	await context.close();
});

test('receipts are repeated until the hub confirms them', async () => {
	const { channel, context, widget } = await talking();
	const visitor = await sql(`SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	await widget.page.evaluate(() => window.Chatt2me.close());
	line.cut();
	const id = await send(channel, { text: 'for later' }, visitor);
	line.open();
	await comes(() => widget.badge(), 'a message that came while the line was cut is delivered', '1', 30);
	line.freeze();
	await widget.page.evaluate(() => window.Chatt2me.open());
	await comes(() => widget.badge(), 'it is read on a line that is dead', '');
	line.cut();
	line.open();
	await comes(() => sql(`SELECT status FROM webchatt.messages WHERE id = '${id}'`), 'on the next line SQL learns of it', 'read', 30);
	await context.close();
});

test('the cluster is restarted', async () => {
	const { channel, context, widget } = await talking();
	restartCluster();
	await widget.say('after the restart');
	await comes(() => widget.mark('after the restart').catch(() => ''), 'the widget comes back by itself', 'sent', 45);
	is(await said(channel), ['hello', 'after the restart'], 'nothing is lost or doubled');
	is(await visitors(channel), '1', 'it is the same visitor');
	await context.close();
});

test('a dead line is noticed', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const page = await context.newPage();
	await page.clock.install();
	await page.close();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	const dials = line.dials;
	line.freeze();
	await widget.page.clock.runFor(45000);
	is(line.dials, dials, 'for a while silence is nothing');
	line.mode = 'cut';
	await widget.page.clock.runFor(30000);
	await comes(() => line.dials > dials, 'then the widget dials anew');
	line.open();
	await comes(async () => {
		await widget.page.clock.runFor(3000);
		return widget.state();
	}, 'and is back', 'open');
	await context.close();
});

test('cuts at random moments', async () => {
	const { channel, context, widget } = await talking();
	const visitor = await sql(`SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	const pause = most => new Promise(done => setTimeout(done, Math.random() * most));
	const wanted = { in: ['hello'], out: [] };
	for (let i = 0; i < 40; i++) {
		if (Math.random() < 0.3)
			line.mute();
		if (Math.random() < 0.6) {
			wanted.in.push(`in ${i}`);
			await widget.say(`in ${i}`);
		}
		if (Math.random() < 0.6) {
			wanted.out.push(`out ${i}`);
			await send(channel, { text: `out ${i}` }, visitor);
		}
		await pause(60);
		line.cut();
		line.open();
		// The browser says that the network is back: the widget dials at once.
		await widget.page.evaluate(() => window.dispatchEvent(new Event('online')));
		await pause(150);
	}
	// After so many cuts the widget's pauses are long: who waits presses the button.
	const again = widget.root.getByRole('button', { name: 'Try again' });
	await comes(async () => {
		if (await again.isVisible())
			await again.click({ timeout: 1000 }).catch(() => 0);
		return said(channel);
	}, 'each message is there once, in order', wanted.in, 30);
	const table = await messages(channel).then(all => all.map(row => [row[0] === 'in' ? 'own' : 'theirs', row[2]]));
	is(table.filter(row => row[0] === 'theirs').map(row => row[1]), wanted.out, 'so are the answers');
	await comes(() => widget.shown().then(all => all.map(row => row.slice(0, 2))), 'and the screen has what the table has', table, 20);
	await comes(() => sql(`SELECT count(*) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'out' AND status <> 'read'`),
		'all answers were read', '0', 30);
	await context.close();
});

test('no hub', async () => {
	line.cut();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open(false);
	await comes(() => widget.words(), 'that it could not connect is said', 'Could not connect. Try again');
	await widget.say('anybody?');
	is(await widget.mark('anybody?'), 'clock', 'one can write all the same');
	line.open();
	await widget.root.getByRole('button', { name: 'Try again' }).click();
	await comes(() => widget.mark('anybody?'), 'the button tries again at once', 'sent', 5);
	is(await widget.words(), '', 'and then all is well');
	await context.close();
});

test('an origin that is not on the list', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, stranger, channel, line);
	await widget.open(false);
	await widget.say('let me in');
	await comes(() => widget.words(), 'the widget says that it could not connect', 'Could not connect. Try again');
	await comes(() => widget.console.some(text => text.includes(`webchatt: closed with 1006`) && text.includes(stranger.origin)), 'the console says which origin the page has, and where it belongs', true);
	is(widget.console.filter(text => text.includes('webchatt: closed')).length, 1, 'once');
	is(await visitors(channel), '0', 'there is no visitor');
	is(await said(channel), [], 'and no message');
	await context.close();
});

test('a key that is not valid any more', async () => {
	const { channel, context, widget } = await talking();
	const old = channel.key;
	channel.key = await sql(`SELECT webchatt.regenerate_public_key('${channel.id}')`);
	await comes(() => widget.words(), 'an open widget says that the chat is not available', 'This chat is not available.');
	ok(await widget.field.isDisabled(), 'nothing more can be written');
	await comes(() => widget.console.some(text => /webchatt: closed with 4001; is webChatId valid/.test(text)), 'and the console says why');
	ok(await widget.root.getByRole('button', { name: 'Try again' }).isHidden(), 'nor tried');
	const dials = line.dials;
	ok(!await until(() => line.dials > dials, 4), 'and it dials no more');
	is(await widget.texts(), ['hello'], 'what was said is still there');

	await widget.page.reload();
	await widget.open(false);
	await comes(() => widget.words(), 'a page with the old key learns it, too', 'This chat is not available.');
	const fresh = await Widget.visit(context, site, channel, line);
	ok(await fresh.open(), 'a page with the new key connects');
	ok(old !== channel.key, 'the keys differ');
	await context.close();
});

test('too much', async () => {
	const { channel, context, widget } = await talking();
	await widget.say('x'.repeat(40000));
	await comes(() => widget.root.getByRole('alert').innerText(), 'a text that is too long is not taken', 'The message is too long.');
	is((await widget.field.inputValue()).length, 40000, 'and can be shortened');
	await widget.say('\u2060');
	const trouble = widget.root.locator('.trouble:visible');
	await comes(() => trouble.innerText(), 'what the hub refuses is told where it stands', 'This message cannot be sent.\nEdit\nDiscard');
	await trouble.getByRole('button', { name: 'Edit' }).click();
	is([await widget.field.inputValue(), await widget.texts()], ['\u2060', ['hello']], 'it can be edited');
	await widget.say('\u2060');
	await widget.page.reload();
	await widget.open();
	await trouble.getByRole('button', { name: 'Discard' }).click();
	is(await widget.texts(), ['hello'], 'and discarded, also after a reload');

	const many = Array.from({ length: 45 }, (_, i) => `m${i}`);
	// At once, however long a slow page takes over each.
	await widget.field.evaluate((field, texts) => texts.forEach(text => {
		field.value = text;
		field.form.requestSubmit();
	}), many);
	await comes(() => trouble.first().innerText().catch(() => ''), 'that it was too many at a time is told, too', 'Too many messages at a time.');
	await comes(() => said(channel).then(all => all.filter(text => text.startsWith('m'))), 'many at a time all arrive, in order', many, 50);
	await comes(() => widget.mark('m44'), 'and are marked as sent', 'sent');
	await context.close();
});

test('a browser that keeps nothing', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	// As on a page without TLS, with storage blocked.
	await context.addInitScript(() => {
		Object.defineProperty(window, 'localStorage', {
			get() {
				throw new DOMException('no', 'SecurityError');
			}
		});
		Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
		Object.defineProperty(Crypto.prototype, 'randomUUID', { value: undefined });
	});
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('hello');
	await comes(() => widget.mark('hello'), 'works until the page is left', 'sent');
	line.cut();
	await widget.say('again');
	line.open();
	await comes(() => widget.mark('again'), 'over a cut, too', 'sent', 30);
	is(await visitors(channel), '1', 'as one visitor');
	like((await said(channel)).join(), /^hello,again$/, 'with each message once');
	await context.close();
});

test('a token that the hub does not know', async () => {
	const { channel, context, widget } = await talking();
	await widget.page.goto('about:blank');
	await sql(`DELETE FROM webchatt.messages WHERE channel_id = '${channel.id}'; DELETE FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	await widget.page.goBack();
	await widget.open();
	await comes(() => widget.texts(), 'makes a new visitor with an empty conversation', []);
	await widget.say('new here');
	await comes(() => said(channel), 'who can write', ['new here']);
	await context.close();
});

await run(tidy);
