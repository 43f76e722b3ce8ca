// Who is signed in at the desk, in which tab, and what of it stays in the browser.
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, linkFor, makeAgent } from './desk_page.mjs';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, newContext, sql, tidy } from './world.mjs';

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('ana.b', 'Ana B.');
await makeAgent('rui', 'Rui Dias');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const headings = desk => () => desk.page.getByRole('heading', { level: 1 }).allInnerTexts();
const bar = desk => () => desk.page.locator('.line-state .came').allInnerTexts();
const button = (desk, name) => desk.page.getByRole('button', { name, exact: true });
const sessionsOf = name => sql(`SELECT count(*) FROM webchatt.agent_sessions WHERE agent = '${name}'`);
const me = async desk => (await desk.call('me'))[1].agent.name;

test('a link where somebody is signed in', async () => {
	const desk = await DeskPage.signedIn('ana');
	await comes(bar(desk), 'who comes by a link is told as whom', ['You are signed in as Ana Sousa. OK']);
	await button(desk, 'OK').click();
	await comes(bar(desk), 'until they have seen it', []);
	const other = new DeskPage(await desk.page.context().newPage());
	const link = await linkFor('rui');
	await other.page.goto(link);
	await comes(headings(other), 'in another tab somebody opens a link of another agent: they are asked', ['You are signed in as Ana Sousa']);
	ok(!other.page.url().includes('sign-in'), 'its token is gone from the address');
	is(await me(other), 'ana', 'and nothing has happened');
	is(await other.page.locator('#desk').evaluate(poorContrast), [], 'all of it can be read');

	await button(other, 'Go on as Ana Sousa').click();
	await other.page.locator('nav.pages').waitFor();
	is([await me(other), await sessionsOf('rui')], ['ana', '0'], 'no: they stay who they are');
	await other.page.goto('about:blank');
	await other.page.goto(link);
	await desk.page.evaluate(() => localStorage.setItem('webchatt.desk.ana:draft', '"x"'));
	await comes(headings(other), 'it can be opened again', ['You are signed in as Ana Sousa']);
	await button(other, 'Use the link').click();
	await comes(bar(other), 'yes: they are somebody else, and told whom', ['You are signed in as Rui Dias. OK']);
	is([await me(other), await sessionsOf('ana')], ['rui', '0'], 'the session before has ended');
	await comes(headings(desk), 'also in the tab before', ['You are not signed in']);
	await comes(() => desk.page.evaluate(() => Object.keys(localStorage).filter(key => key.includes('ana:'))), 'and her drafts are gone', []);
	await button(desk, 'Go on as Rui Dias').click();
	await desk.page.locator('nav.pages').waitFor();
	await desk.page.evaluate(at => location.assign(at), await linkFor('ana'));
	await button(desk, 'Use the link').waitFor();
	await comes(headings(desk), 'a link in a tab that has the desk asks as well', ['You are signed in as Rui Dias']);
	is(desk.errors.concat(other.errors), [], 'no errors on the page');
	await desk.close();
});

test('what is kept of two whose names begin alike', async () => {
	const desk = await DeskPage.signedIn('ana');
	const kept = () => desk.page.evaluate(() => Object.keys(localStorage).filter(key => key.startsWith('webchatt.desk.ana')).sort());
	await desk.page.evaluate(() => ['ana:draft.1', 'ana.b:draft.1', 'ana.b:unsent'].forEach(key => localStorage.setItem(`webchatt.desk.${key}`, '"x"')));
	await desk.go('You');
	await button(desk, 'Sign out').click();
	await comes(headings(desk), 'ana signs out', ['You are not signed in']);
	await comes(() => kept(), 'that of ana.b stays', ['webchatt.desk.ana.b:draft.1', 'webchatt.desk.ana.b:unsent']);
	await desk.close();
});

test('a proxy that says who it is', async () => {
	const context = await newContext({ extraHTTPHeaders: { 'X-Forwarded-User': 'rui' } });
	const desk = new DeskPage(await context.newPage());
	await desk.page.goto(`${deskUrl}/desk/`);
	await desk.page.locator('nav.pages').waitFor();
	is(await me(desk), 'rui', 'they are in, without a link');
	await context.setExtraHTTPHeaders({ 'X-Forwarded-User': 'ana' });
	await desk.page.reload();
	await desk.page.locator('nav.pages').waitFor();
	is(await me(desk), 'ana', 'who is somebody else at the proxy, is somebody else here');
	await context.setExtraHTTPHeaders({ 'X-Forwarded-User': 'eve' });
	await desk.page.reload();
	await comes(headings(desk), 'who is no agent is nobody', ['You are not signed in']);
	ok((await desk.page.getByRole('main').innerText()).includes('The proxy says that you are "eve", and no agent who may use the desk is called that.'), 'and hears as whom');
	is(desk.errors, [], 'no errors on the page');
	await desk.close();
});

test('further down in the inbox', async () => {
	const channel = await makeChannel(['https://shop.example.com']);
	await sql(`INSERT INTO webchatt.visitors (channel_id, id) SELECT '${channel.id}', 'v' || n FROM generate_series(1, 230) n`);
	await sql(`INSERT INTO webchatt.messages (channel_id, id, visitor, direction, status, content, created_at)
		SELECT '${channel.id}', ('01900000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'v' || n, 'in', 'received', jsonb_build_object('text', 'from ' || n), now() - interval '1 day' + n * interval '1 s' FROM generate_series(1, 230) n`);
	await comes(() => sql(`SELECT count(*) FROM webchatt.conversations WHERE channel_id = '${channel.id}' AND state = 'open'`), '230 wait', '230');
	const desk = await DeskPage.signedIn('rui');
	const more = button(desk, 'More conversations');
	for (const so of [50, 100, 150]) {
		await comes(() => desk.rows.count(), `${so} are shown`, so);
		await more.click();
	}
	await comes(() => desk.rows.count(), '200 are shown', 200);

	// The list is read again by itself, and the answer comes behind a page that somebody asked for meanwhile.
	const isFurther = request => request.url().endsWith('/inbox') && request.postDataJSON().after && request.postDataJSON().limit > 50;
	let held;
	await desk.page.route('**/desk/api/inbox', route => isFurther(route.request()) && !held ? held = route : route.continue());
	await sql(`SELECT webchatt.close_conversation('${channel.id}', 'v1')`);
	await comes(() => !!held, 'it is read again', true);
	await comes(() => desk.rows.count(), 'without the one that was closed', 199);
	await more.click();
	await comes(() => desk.rows.count(), 'all are shown', 229);
	const late = desk.page.waitForResponse(answer => isFurther(answer.request()));
	await held.continue();
	await (await late).finished();
	await desk.page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
	is(await desk.rows.count(), 229, 'and stay so');
	await sql(`SELECT webchatt.close_conversation('${channel.id}', 'v' || n) FROM generate_series(205, 214) n`);
	await comes(() => desk.rows.count(), 'what is closed far down goes by itself', 219);
	const texts = await desk.rows.evaluateAll(rows => rows.map(row => row.querySelector('.last').textContent));
	is(texts, [...Array(230).keys()].map(n => n + 1).filter(n => n > 1 && (n < 205 || n > 214)).map(n => `from ${n}`), 'the others are there, once, in their order');
	await desk.close();
});

await run(tidy);
