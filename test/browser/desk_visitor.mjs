// On which page the visitor is, as the desk sees it; and who answers, as the visitor sees it.
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, rows, sql, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const AVATAR = 'https://pictures.example.net/ana.png';
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui <b>Dias</b>');
await sql(`UPDATE webchatt.agents SET avatar_url = '${AVATAR}' WHERE name = 'ana'`);
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

// A visitor of a new channel who has written something.
async function visitor(text, name, { config = {}, query = {} } = {}) {
	const channel = await makeChannel([site.origin], name);
	const context = await newContext();
	await context.route(`${new URL(AVATAR).origin}/**`, route => route.fulfill({ contentType: 'image/png', body: PIXEL }));
	const widget = await Widget.visit(context, site, channel, line, { config, query });
	await widget.open();
	await widget.say(text);
	await comes(() => messages(channel).then(all => all.length), 'a visitor wrote', 1);
	return { channel, widget, context };
}

// Where the visitor of a channel is, as the table has it.
const pageOf = channel => rows(`SELECT page_url, page_title FROM webchatt.visitors WHERE channel_id = '${channel.id}'`).then(all => all[0]);

// The page that the head names: [its words, its address, its safety].
const headPage = desk => desk.head.locator('.on-page a').evaluateAll(all => all.map(a => [a.textContent, a.getAttribute('href'), a.target, a.rel]));

test('on which page', async () => {
	const { channel, widget, context } = await visitor('Which size is it?', 'Shoes', { query: { secret: 'yes' } });
	await comes(() => pageOf(channel), 'the page is in the visitor\'s row, without its query', [`${site.origin}/`, 'Shop']);
	await comes(() => rows(`SELECT locale, time_zone, attributes FROM webchatt.visitors WHERE channel_id = '${channel.id}'`), 'and so are language and time zone', [['en-GB', 'Europe/Lisbon', '{}']]);
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Which size');
	await comes(() => headPage(rui), 'the head says on which page the visitor is', [['Shop', `${site.origin}/`, '_blank', 'noopener noreferrer']]);
	await comes(() => rui.head.locator('.who').innerText().then(text => /here now\s*on Shop/.test(text)), 'who is here now', true);

	await widget.page.evaluate(() => {
		history.pushState({}, '', '/shoes/red?token=secret#top');
		document.title = 'Red "shoes" <img src=x onerror="window.hacked=1">';
	});
	await comes(() => headPage(rui).then(all => all[0]), 'a page that is changed by script is followed',
		['Red "shoes" <img src=x onerror="window.hacked=1">', `${site.origin}/shoes/red`, '_blank', 'noopener noreferrer']);
	is(await sql(`SELECT count(*) FROM webchatt.visitors v WHERE v::text ~ 'secret'`), '0', 'its query and fragment are nowhere');
	await widget.page.evaluate(() => history.back());
	await comes(() => headPage(rui).then(all => all[0] && all[0][1]), 'and so is the way back', `${site.origin}/`);

	await rui.head.getByRole('button', { name: 'Details' }).click();
	const details = rui.page.locator('.details');
	like(await details.innerText(), /British English|English \(United Kingdom\)/, 'the details name the language');
	await comes(() => details.innerText().then(text => /Europe\/Lisbon\s+\w+.* there/.test(text)), 'and the time where the visitor is', true);
	await sql(`UPDATE webchatt.visitors SET page_url = 'javascript:window.hacked=1', page_title = '<img src=x onerror=window.hacked=1>', locale = '<b>', time_zone = '"><script>'
		WHERE channel_id = '${channel.id}'`);
	await rui.page.reload();
	await rui.field.waitFor();
	await rui.head.getByRole('button', { name: 'Details' }).click();
	await comes(() => details.innerText().then(text => text.includes('"><script>')), 'whatever else is in the tables is text', true);
	is(await rui.page.locator('a[href^="javascript"]').count(), 0, 'and no link');
	is(await rui.page.evaluate(() => window.hacked), undefined, 'nothing ran');
	is(await rui.page.locator('#desk').evaluate(poorContrast), [], 'and all of it can be read');
	await context.close();
	await comes(() => rui.head.locator('.on-page').count(), 'who has left is on no page', 0);
	is([rui.errors, widget.errors], [[], []], 'no errors on the pages');
	await rui.close();
});

test('a page that does not want it', async () => {
	const { channel, widget, context } = await visitor('Am I seen?', 'Quiet', { config: { page: false } });
	await widget.page.evaluate(() => history.pushState({}, '', '/elsewhere'));
	const rui = await DeskPage.signedIn('rui');
	await rui.open('Am I seen?');
	await comes(() => rui.head.getByText('here now').count(), 'somebody is here', 1);
	await widget.say('And now?');
	await comes(() => rui.texts(), 'and writes on', ['Am I seen?', 'And now?']);
	is(await pageOf(channel), ['', ''], 'but not on which page');
	is(await rui.head.locator('.on-page').count(), 0, 'says the desk');
	await Promise.all([context.close(), rui.close()]);
});

// The names above messages, as they are seen: [name, letter, whether there is a picture].
const authors = widget => widget.root.locator('.who').evaluateAll(all => all.filter(one => one.getClientRects().length)
	.map(one => [one.querySelector('bdi').textContent, one.querySelector('.avatar').textContent, one.querySelectorAll('img').length]));

test('who answers', async () => {
	const { channel, widget, context } = await visitor('Hello?', 'Names', { query: { lax: '' } });
	const ana = await DeskPage.signedIn('ana');
	const rui = await DeskPage.signedIn('rui');
	await ana.open('Hello?');
	await ana.say('One');
	await comes(() => widget.texts(), 'an answer comes', ['Hello?', 'One']);
	is(await widget.root.locator('.who').count(), 0, 'without a name, at first');

	await ana.go('Channels');
	await ana.page.getByRole('link', { name: /Names/ }).click();
	await ana.page.getByRole('checkbox', { name: /^Show visitors/ }).check();
	await comes(() => sql(`SELECT show_author FROM webchatt.channels WHERE id = '${channel.id}'`), 'an admin switches it on', 't');
	await comes(() => ana.page.locator('.block .saved').count(), 'and is told so', 1);
	await ana.page.goBack();
	await ana.page.goBack();
	await ana.go('Inbox');
	await ana.open('One');
	await ana.say('Two');
	await comes(() => authors(widget), 'then the next answer has the name and the picture', [['Ana Sousa', 'A', 1]]);
	is(await widget.root.locator('.who img').evaluate(img => [img.alt, img.getAttribute('referrerpolicy'), img.src]), ['', 'no-referrer', AVATAR], 'which tells nobody where it is shown');
	await ana.say('Three');
	await comes(() => widget.texts().then(all => all.length), 'one more', 4);
	is((await authors(widget)).length, 1, 'the name is above the first of several only');
	await rui.open('Three');
	await rui.say('Four');
	await comes(() => authors(widget), 'somebody else has a name of their own', [['Ana Sousa', 'A', 1], ['Rui <b>Dias</b>', 'R', 0]]);
	await sql(`SELECT webchatt.send_message('${channel.id}', (SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}'), text => 'Five', author => 'a-bot')`);
	await comes(() => widget.texts().then(all => all.length), 'a bot answers', 6);
	is((await authors(widget)).length, 2, 'whose name is shown to nobody');
	is(await widget.root.evaluate(poorContrast), [], 'names can be read');

	await widget.page.reload();
	await widget.open();
	await comes(() => authors(widget).then(all => all.map(one => one[0])), 'a reload keeps them', ['Ana Sousa', 'Rui <b>Dias</b>']);
	await widget.root.getByRole('button', { name: 'Close chat' }).first().click();
	await rui.say('Six');
	await comes(() => widget.root.locator('[role=status].hush').innerText(), 'a closed widget says who wrote', 'Rui <b>Dias</b>: Six');
	is([ana.errors, rui.errors, widget.errors], [[], [], []], 'no errors on the pages');
	await Promise.all([context.close(), ana.close(), rui.close()]);
});

test('a message that is taken back', async () => {
	const { widget, context } = await visitor('Which post office?', 'Post');
	const [ana, rui] = await Promise.all(['ana', 'rui'].map(name => DeskPage.signedIn(name)));
	for (const desk of [ana, rui])
		await desk.open('Which post office');
	await rui.say('A mistake');
	await comes(() => widget.texts(), 'an agent answers', ['Which post office?', 'A mistake']);
	for (const desk of [ana, rui])
		await comes(() => desk.status('A mistake'), 'it is read', 'read');
	const button = rui.log.getByRole('button', { name: 'Take back from the visitor' });
	const dialog = rui.page.getByRole('dialog');
	is([await button.count(), await ana.log.getByRole('button', { name: 'Take back from the visitor' }).count()], [1, 1], 'who wrote it can take it back, and an admin');
	await button.click();
	await dialog.getByText('The visitor sees it no more').waitFor();
	await rui.page.keyboard.press('Escape');
	await comes(() => dialog.count(), 'not without being asked', 0);
	is(await widget.texts(), ['Which post office?', 'A mistake'], 'who leaves it takes nothing back');
	await button.click();
	await dialog.getByRole('button', { name: 'Take back' }).click();
	await comes(() => widget.texts(), 'the visitor sees it no more', ['Which post office?']);
	await comes(() => rui.status('A mistake'), 'the agent sees what became of it', 'retracted');
	await comes(() => ana.status('A mistake'), 'so does a colleague, without a reload', 'retracted');
	is([await button.count(), await ana.log.getByRole('button', { name: 'Take back from the visitor' }).count()], [0, 0], 'once');
	is([...widget.errors, ...ana.errors, ...rui.errors], [], 'no errors');
	await Promise.all([ana, rui].map(desk => desk.close()));
	await context.close();
});

test('earlier messages out of an archive', async () => {
	const { channel, context } = await visitor('today', 'Old friends');
	const old = (n, direction, status, text) => `SELECT channel_id, (substr(webchatt._search_id(now() - interval '${90 - n} days')::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid, visitor,
		'${direction}', '${status}', jsonb_build_object('text', '${text}'), now() - interval '${90 - n} days', CASE '${direction}' WHEN 'out' THEN 'rui' END FROM webchatt.messages WHERE channel_id = '${channel.id}'`;
	await sql(`SELECT webchatt.create_archive('public.elsewhere');
		INSERT INTO public.elsewhere (channel_id, id, visitor, direction, status, content, created_at, author)
		${old(1, 'in', 'read', 'last year')} UNION ALL ${old(2, 'out', 'read', 'I answered')} UNION ALL ${old(3, 'out', 'failed', 'It failed')};
		UPDATE webchatt.visitors SET first_seen = now() - interval '99 days' WHERE channel_id = '${channel.id}';
		SELECT webchatt.set_retention('20 days', '${channel.id}', 'public.elsewhere'); GRANT SELECT ON public.elsewhere TO webchatt_agent;
		CREATE ROLE another; ALTER TABLE public.elsewhere OWNER TO another`);
	const rui = await DeskPage.signedIn('rui');
	await rui.open('today');
	const earlier = rui.log.getByRole('button', { name: 'Earlier messages' });
	await earlier.click();
	await comes(() => rui.log.getByText('Earlier messages are in an archive, which cannot be read right now.').isVisible(), 'it cannot be read, and that is said', true);
	is(await rui.texts(), ['today'], 'above what is here');
	await rui.say('Here I am');
	await comes(() => rui.texts(), 'and the agent goes on', ['today', 'Here I am']);
	await sql('ALTER TABLE public.elsewhere OWNER TO CURRENT_USER; DROP ROLE another');
	await comes(async () => {
		if (await earlier.count() && await earlier.isEnabled())
			await earlier.click();
		return rui.texts();
	}, 'when it can be read it is shown before', ['last year', 'I answered', 'It failed', 'today', 'Here I am']);
	ok(await rui.log.getByText('The conversation begins here.').isVisible(), 'and that is all');
	is(await rui.status('It failed'), 'failed', 'with what became of it');
	is(await rui.log.locator('.row', { hasText: /I answered|It failed/ }).getByRole('button').count(), 0, 'nothing can be done with it any more');
	is(rui.errors, [], 'no errors');
	await sql(`SELECT webchatt.unset_retention('${channel.id}')`);
	await Promise.all([context.close(), rui.close()]);
});

test('a page that forbids pictures', async () => {
	const { channel, widget, context } = await visitor('Anybody?', 'Strict', { config: { dir: 'rtl' } });
	await sql(`SELECT webchatt.set_show_author('${channel.id}')`);
	const ana = await DeskPage.signedIn('ana');
	await ana.open('Anybody?');
	await ana.say('I am');
	await comes(() => authors(widget), 'the first letter stands for the picture that may not be shown', [['Ana Sousa', 'A', 0]]);
	ok(widget.errors.every(text => text.includes(AVATAR)), 'and nothing else is wrong');
	const [name, bubble] = await Promise.all(['.who', '.theirs .bubble >> nth=0'].map(one => widget.root.locator(one).boundingBox()));
	ok(Math.abs(name.x + name.width - bubble.x - bubble.width) < 2, 'right to left it stands at the right');
	await sql(`SELECT webchatt.set_show_author('${channel.id}', false)`);
	await Promise.all([context.close(), ana.close()]);
});

run(tidy);
