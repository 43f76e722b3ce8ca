// A visitor and the database talk: what is on the screen and what is in the tables.
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, rows, send, sql, statusOf, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

const visitors = channel => sql(`SELECT count(*) FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);

// The order bot of the README, for one channel.
async function orderBot(channel) {
	const name = 'bot_' + channel.id.slice(0, 8);
	await sql(`CREATE TABLE IF NOT EXISTS orders (id text PRIMARY KEY, state text);
		INSERT INTO orders VALUES ('A-1', 'on its way') ON CONFLICT DO NOTHING;
		CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
		DECLARE state text := (SELECT o.state FROM orders o WHERE strpos(new.content ->> 'text', o.id) > 0);
		BEGIN
			IF state IS NOT NULL THEN
				PERFORM webchatt.send_message(new.channel_id, new.visitor, text => 'It is ' || state || '.');
			END IF;
			RETURN NULL;
		END $$;
		CREATE TRIGGER ${name} AFTER INSERT ON webchatt.messages FOR EACH ROW
			WHEN (new.direction = 'in' AND new.channel_id = '${channel.id}') EXECUTE FUNCTION ${name}();`);
}

test('the first message', async () => {
	const channel = await makeChannel([site.origin]);
	await orderBot(channel);
	const context = await newContext();
	const before = line.dials;
	const widget = await Widget.visit(context, site, channel, line);
	is(await widget.state(), 'idle', 'who only looks at a page is not connected');
	is(line.dials, before, 'nothing was dialled');
	is(await visitors(channel), '0', 'and is no visitor');
	await widget.open();
	is(await widget.root.getByRole('heading').innerText(), 'Tea & Co.', 'the panel has the channel\'s name');

	await widget.say('Where is order A-1?');
	await comes(() => messages(channel).then(all => all[0] && all[0].join(' ')), 'the message is a row', 'in received Where is order A-1?');
	await comes(() => widget.texts(), 'the trigger\'s reply is on the screen', ['Where is order A-1?', 'It is on its way.']);
	await comes(() => widget.mark('Where is order A-1?'), 'the message is marked as sent', 'sent');
	await comes(() => messages(channel).then(all => all[1] && all[1].join(' ')), 'the reply was read, says SQL', 'out read It is on its way.');
	await comes(() => rows(`SELECT locale, page_url FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'the visitor has the language and the page that the widget told', [['en-GB', site.origin + '/']]);

	await sql(`SELECT webchatt.mark_read('${channel.id}', '${await theVisitor(channel)}')`);
	await comes(() => widget.mark('Where is order A-1?'), 'mark_read() shows on the message', 'read');
	is(await widget.root.locator('.own .mark').innerText().then(text => text.trim()), 'Read', 'also for who cannot see it');

	await widget.page.reload();
	await widget.open();
	await comes(() => widget.shown(), 'a reload keeps the conversation', [['own', 'Where is order A-1?', 'read'], ['theirs', 'It is on its way.', '']]);
	await widget.say('Thanks');
	await comes(() => widget.mark('Thanks'), 'which goes on', 'sent');
	is(await visitors(channel), '1', 'as the same visitor');
	is(widget.errors, [], 'no errors on the page');
	await context.close();
});

test('while the panel is closed', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.page.evaluate(() => {
		window.seen = [];
		window.off = window.Chatt2me.on('unread', count => window.seen.push(count));
		window.Chatt2me.on('message', message => window.seen.push(message.text));
	});
	await widget.page.keyboard.press('Escape');
	const first = await send(channel, { text: 'Anything else?' });
	await comes(() => widget.badge(), 'an unread message is on the badge', '1');
	await comes(() => statusOf(first), 'it is delivered, not read', 'delivered');
	await send(channel, { text: 'Still there?' });
	await comes(() => widget.badge(), 'and another', '2');
	is(await widget.launcher.getAttribute('aria-label'), 'Open chat, 2 unread', 'the button says so');
	like(await widget.root.locator('[role=status].hush').textContent(), /Still there\?/, 'the live region has the last one');
	is(await widget.page.evaluate(() => window.seen), ['Anything else?', 1, 'Still there?', 2], 'the page is told');

	await widget.page.reload();
	await comes(() => widget.badge(), 'a reload keeps the count', '2');
	await widget.open();
	await comes(() => statusOf(first), 'opened, they are read', 'read');
	is(await widget.badge(), '', 'and the badge is gone');
	await context.close();
});

test('typing', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	const visitor = await theVisitor(channel);
	await widget.field.pressSequentially('Hello');
	await comes(() => sql(`SELECT bool_or(typing) FROM webchatt.presence WHERE channel_id = '${channel.id}'`), 'SQL sees the visitor typing', 't');
	await sql(`SELECT webchatt.send_typing('${channel.id}', '${visitor}')`);
	await comes(() => widget.root.locator('#activity').innerText(), 'the visitor sees that somebody is typing', 'Tea & Co. is typing…');
	await send(channel, { text: 'Hi' });
	await comes(() => widget.root.locator('#activity').innerText(), 'until the message comes', '');
	await sql(`SELECT webchatt.send_typing('${channel.id}', '${visitor}')`);
	await comes(() => widget.root.locator('.typing').isVisible(), 'again');
	await comes(() => widget.root.locator('.typing').isHidden(), 'and by itself it ends');
	await context.close();
});

test('buttons and lists', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	const answer = () => sql(`SELECT content -> 'interactive' FROM webchatt.messages
		WHERE channel_id = '${channel.id}' AND direction = 'in' ORDER BY id DESC LIMIT 1`).then(text => text && JSON.parse(text));
	await send(channel, { type: 'interactive', interactive: { type: 'button', body: { text: 'Which one?' },
		action: { buttons: [{ type: 'reply', reply: { id: 'A-1', title: 'Order A-1' } }, { type: 'reply', reply: { id: 'A-2', title: 'Order A-2' } }] } } });
	await widget.root.getByRole('button', { name: 'Order A-2' }).click();
	await comes(answer, 'a button\'s answer is a row', { type: 'button_reply', button_reply: { id: 'A-2', title: 'Order A-2' } });
	ok(await widget.root.getByRole('button', { name: 'Order A-1' }).isDisabled(), 'the buttons cannot be used again');

	await send(channel, { interactive: { type: 'list', body: { text: 'And when?' },
		action: { button: 'Days', sections: [{ title: 'This week', rows: [{ id: 'thu', title: 'Thursday', description: 'until six' }, { id: 'fri', title: 'Friday' }] }] } } });
	await widget.root.getByText('Days', { exact: true }).click();
	await widget.root.getByRole('group', { name: 'This week' }).getByRole('button', { name: 'Thursday' }).click();
	await comes(answer, 'so is a list\'s', { type: 'list_reply', list_reply: { id: 'thu', title: 'Thursday', description: 'until six' } });
	await widget.page.reload();
	await widget.open();
	await comes(() => widget.root.locator('.option').evaluateAll(all => all.map(one => one.disabled + ' ' + one.getAttribute('aria-pressed'))),
		'a reload knows what was chosen', ['true false', 'true true', 'true true', 'true false']);
	is(await widget.texts(), ['Which one?', 'Order A-2', 'And when?', 'Thursday'], 'and shows the answers');
	await context.close();
});

test('a long conversation', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('first');
	await comes(() => widget.mark('first'), 'something was said', 'sent');
	const visitor = await theVisitor(channel);
	await widget.page.goto('about:blank');
	for (let n = 0; n < 130; n += 10)
		await sql(Array.from({ length: 10 }, (_, i) => `SELECT webchatt.send_message('${channel.id}', '${visitor}', text => 'n${n + i}')`).join(';'));
	await widget.page.goBack();
	await widget.open();
	await comes(() => widget.texts().then(all => all[all.length - 1]), 'the newest message is there', 'n129');
	const wanted = ['first'].concat(Array.from({ length: 130 }, (_, i) => 'n' + i));
	await comes(async () => {
		await widget.root.locator('.log').evaluate(log => {
			log.scrollTop = log.scrollTop ? 0 : 1;
		});
		return (await widget.texts()).length >= wanted.length;
	}, 'scrolling up brings the older ones');
	is(await widget.texts(), wanted, 'all of them once and in order');
	await comes(() => widget.root.getByRole('button', { name: 'Earlier messages' }).isHidden(), 'and then there are no more');
	await widget.root.locator('.log').evaluate(log => {
		log.scrollTop = log.scrollHeight;
	});
	await comes(() => sql(`SELECT count(*) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'out' AND status <> 'read'`),
		'all were read, when the newest is before the visitor', '0');
	await context.close();
});

test('two tabs', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const [one, two] = await Promise.all([Widget.visit(context, site, channel, line), Widget.visit(context, site, channel, line)]);
	await Promise.all([one.page, two.page].map(page => page.evaluate(() => window.Chatt2me.open())));
	await comes(async () => [await one.state(), await two.state()], 'two tabs connect', ['open', 'open']);
	is(await visitors(channel), '1', 'opened at the same time they are one visitor');
	await one.say('from one');
	await comes(() => two.shown(), 'what is written in one shows in the other', [['own', 'from one', 'sent']]);
	await two.say('from two');
	await comes(() => two.shown(), 'and goes out there', [['own', 'from one', 'sent'], ['own', 'from two', 'sent']]);
	await send(channel, { text: 'answer' });
	const all = ['from one', 'from two', 'answer'];
	await comes(() => one.texts(), 'the conversation is the same here', all);
	await comes(() => two.texts(), 'and there', all);

	await two.page.evaluate(() => window.Chatt2me.close());
	await one.page.evaluate(() => window.Chatt2me.close());
	await send(channel, { text: 'unread' });
	await comes(async () => [await one.badge(), await two.badge()], 'both have the badge', ['1', '1']);
	await one.page.bringToFront();
	await one.page.evaluate(() => window.Chatt2me.open());
	await comes(async () => [await one.badge(), await two.badge()], 'read in one, it is read in the other', ['', '']);

	line.cut();
	await one.say('while away');
	await two.page.evaluate(() => window.Chatt2me.open());
	await comes(() => two.mark('while away'), 'what waits to be sent shows in the other tab', 'clock');
	line.open();
	await comes(async () => [await one.mark('while away'), await two.mark('while away')], 'and is sent', ['sent', 'sent'], 40);
	is((await messages(channel)).filter(row => row[2] === 'while away').length, 1, 'once');
	is(await one.texts(), await two.texts(), 'the tabs agree');
	await context.close();
});

test('a message that is replaced', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	let widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('my card is 4111');
	await comes(() => widget.mark('my card is 4111'), 'somebody writes a card number', 'sent');
	const answer = await send(channel, { text: 'your card 4111 is fine' });
	await comes(() => widget.texts(), 'and hears it again', ['my card is 4111', 'your card 4111 is fine']);
	await sql(`SELECT webchatt.redact_message(channel_id, id) FROM webchatt.messages WHERE channel_id = '${channel.id}' AND direction = 'in'`);
	await comes(() => widget.texts(), 'the open page shows what stands there now', ['[removed]', 'your card 4111 is fine']);

	// What is replaced while no page is open.
	await widget.page.close();
	await sql(`SELECT webchatt.redact_message('${channel.id}', '${answer}', 'Your card is fine.')`);
	widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await comes(() => widget.texts(), 'one that comes back has it, too', ['[removed]', 'Your card is fine.']);
	await until(async () => !(await widget.page.evaluate(() => JSON.stringify(Object.entries(localStorage)))).includes('4111'), 60);
	is(await widget.page.evaluate(() => JSON.stringify(Object.entries(localStorage)).includes('4111')), false, 'and keeps nothing of it');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('older messages out of an archive', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say('today');
	await comes(() => widget.mark('today'), 'somebody writes today', 'sent');
	await sql(`SELECT webchatt.create_archive('public.years');
		INSERT INTO public.years (channel_id, id, visitor, direction, status, content, created_at)
		SELECT channel_id, (substr(webchatt._search_id(now() - interval '90 days')::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, visitor, 'in', 'received', '{"text": "last year"}', now() - interval '90 days'
		FROM webchatt.messages WHERE channel_id = '${channel.id}';
		UPDATE webchatt.visitors SET first_seen = now() - interval '99 days' WHERE channel_id = '${channel.id}';
		SELECT webchatt.set_retention('20 days', '${channel.id}', 'public.years');
		CREATE ROLE another; ALTER TABLE public.years OWNER TO another`);
	await comes(async () => {
		await widget.page.reload();
		await widget.open(false);
		return widget.root.getByRole('button', { name: 'Earlier messages', exact: true }).isVisible();
	}, 'there may be older ones');
	await widget.root.getByRole('button', { name: 'Earlier messages', exact: true }).click();
	await comes(() => widget.root.getByRole('button', { name: /^Earlier messages cannot be shown right now/ }).isVisible(), 'the archive cannot be read, and that is said');
	is(await widget.texts(), ['today'], 'beside what is here');
	await widget.say('and now');
	await comes(() => widget.mark('and now'), 'what is written goes on', 'sent');
	await sql('ALTER TABLE public.years OWNER TO CURRENT_USER; DROP ROLE another');
	await comes(() => widget.texts(), 'it is tried again by itself', ['last year', 'today', 'and now'], 60);
	await comes(() => widget.root.getByRole('button', { name: 'Earlier messages' }).isHidden(), 'and then there are no more');
	await sql(`SELECT webchatt.unset_retention('${channel.id}')`);
	await context.close();
});

await run(tidy);
