// The admins' pages: webhooks with a real endpoint, API keys, a hub that answers, rejects, channels and sessions.
import http from 'node:http';
import { createHmac } from 'node:crypto';
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, like, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, quoted, rows, sql, theVisitor, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();
const EVIL = '<img src=x onerror=alert(1)>"\'';

await makeAgent('ana', 'Ana Sousa', 'admin');
await makeAgent('rui', 'Rui Dias');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

// An endpoint that takes events, or a hub: answer(method, path, headers, body) gives [status, what is sent as JSON].
async function serve(answer) {
	const server = http.createServer(async (request, response) => {
		let body = '';
		for await (const part of request)
			body += part;
		const [status, said] = answer(request.method, request.url, request.headers, body);
		response.writeHead(status, { 'content-type': 'application/json' });
		response.end(said === undefined ? '' : JSON.stringify(said));
	});
	await new Promise(done => server.listen(0, '127.0.0.1', done));
	return `http://127.0.0.1:${server.address().port}`;
}

async function visitor(text, name) {
	const channel = await makeChannel([site.origin], name);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line);
	await widget.open();
	await widget.say(text);
	return { channel, context, widget };
}

const field = (desk, name) => desk.page.getByLabel(name, { exact: true });
const button = (desk, name) => desk.page.getByRole('button', { name });
const dialog = desk => desk.page.getByRole('dialog');
const problem = desk => desk.page.locator('.problem').allInnerTexts();

test('more', async () => {
	const ana = await DeskPage.signedIn('ana');
	is(await ana.page.locator('nav.pages a > span:not(.badge)').allInnerTexts().then(all => all.at(-1)), 'More', 'the last of the bar leads to the others');
	await ana.page.locator('nav.pages').getByRole('link', { name: 'More' }).click();
	await comes(() => ana.page.locator('.more b').allInnerTexts().then(listed => ['Webhooks', 'API keys', 'Remote hubs', 'Rejects', 'You'].every(one => listed.includes(one))), 'which are listed');
	for (const page of ['Webhooks', 'API keys', 'Remote hubs', 'Rejects']) {
		await ana.go(page);
		await comes(() => ana.page.getByRole('heading', { level: 1 }).innerText(), `the page ${page} opens`, page);
		await comes(() => ana.page.locator('.empty').count(), 'and says what it is for while it is empty', 1);
		is(await ana.page.locator('nav.pages [aria-current]').innerText(), 'More', 'it belongs to More');
		await ana.page.getByRole('link', { name: 'Back' }).click();
		await ana.page.getByRole('heading', { name: 'More', level: 1 }).waitFor();
	}
	is(ana.errors, [], 'no errors on the page');
	await ana.close();
});

test('an agent', async () => {
	const rui = await DeskPage.signedIn('rui');
	for (const page of ['webhooks', 'keys', 'hubs', 'rejects', 'more']) {
		await rui.at(page);
		await comes(() => rui.page.getByText('Only admins may see this page.').count(), `sees no page ${page}`, 1);
	}
	for (const name of ['webhooks', 'webhook', 'create_webhook', 'alter_webhook', 'delete_webhook', 'redefine_webhook_secret', 'webhook_log', 'retry_webhook_log', 'api_keys', 'create_api_key', 'revoke_api_key',
		'hubs', 'hub', 'connect_hub', 'register_webhooks', 'unregister_webhooks', 'reconcile_webhooks', 'rotate_webhook_secret', 'rejects', 'reject', 'retry_reject', 'drop_reject',
		'add_channel', 'pause_newcomers', 'agent_sessions', 'end_agent_session'])
		is((await rui.call(name, {}))[0], 403, `nor calls ${name} by hand`);
	await rui.close();
});

test('webhooks', async () => {
	const state = { good: true, events: [], verifies: false };
	const base = await serve((method, path, headers, body) => {
		if (headers['x-validation-token'])
			return state.verifies ? [200, headers['x-validation-token']] : [500, 'not yet'];
		state.events.push({ headers, body, good: state.good });
		return state.good ? [200] : [500, { why: EVIL }];
	});
	const ana = await DeskPage.signedIn('ana');
	await ana.go('Webhooks');
	await ana.page.getByRole('link', { name: 'Add webhook' }).click();
	await field(ana, 'Endpoint').fill('ftp://example.com');
	await button(ana, 'Add webhook').click();
	await comes(() => problem(ana), 'a label is missing: the server says so, at the field', ['The label is not 1 to 200 characters in one line. Say in words whose webhook it is.']);
	is(await field(ana, 'Label').getAttribute('aria-invalid'), 'true', 'which is marked');
	await field(ana, 'Label').fill(`Till ${EVIL}`);
	await button(ana, 'Add webhook').click();
	await comes(() => problem(ana).then(all => all.length === 1 && /endpoint is not a URL/.test(all[0])), 'so is an endpoint');
	is(await field(ana, 'Endpoint').getAttribute('aria-invalid'), 'true', 'at its field');
	await field(ana, 'Endpoint').fill(`${base}/events`);
	await button(ana, 'Add header').click();
	await field(ana, 'Name of header 1').fill('Authorization');
	await field(ana, 'Value of header 1').fill('Bearer s3cret');
	await button(ana, 'Add webhook').click();
	const secret = await dialog(ana).getByRole('textbox').inputValue();
	like(secret, /^whsec_/, 'the signing secret is shown');
	await dialog(ana).getByRole('button', { name: 'Close', exact: true }).click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'it is not verified yet', 'not verified');
	await comes(() => ana.page.locator('.notice').innerText().then(text => /500/.test(text)), 'and says why');
	ok(!(await ana.page.content()).includes(secret), 'the secret is shown once');
	ok(!(await ana.page.content()).includes('s3cret'), 'and no header\'s value');
	state.verifies = true;
	await button(ana, 'Verify now').click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'it is verified when one asks for it', 'delivering');

	const { channel, context, widget } = await visitor('Hello, endpoint', 'Hooks');
	await comes(() => ana.page.locator('.lines li').count(), 'a delivery is in the log by itself', 1);
	is(await ana.page.locator('.lines .tag').innerText(), '200', 'with what was answered');
	const event = state.events[0];
	const [, at, signed] = /^t=(\d+),v1=([0-9a-f]+)$/.exec(event.headers['x-hub-signature']);
	is([signed, event.headers.authorization], [createHmac('sha256', secret).update(`${at}.${event.body}`).digest('hex'), 'Bearer s3cret'], 'signed with that secret, with the header');

	state.good = false;
	await widget.say('Not taken');
	await comes(() => ana.page.locator('.lines .tag.warn').count().then(n => n > 0), 'a failure is in the log');
	await comes(() => ana.page.locator('.head .tag').innerText(), 'and the webhook is failing', 'failing');
	await ana.page.locator('label.choice').filter({ hasText: 'Only those that failed' }).click();
	await comes(() => ana.page.locator('.lines .tag').allInnerTexts().then(all => all.length > 0 && all.every(one => one === '500')), 'those alone can be shown');
	await ana.page.locator('.lines summary').first().click();
	await comes(() => ana.page.locator('.lines pre').first().innerText().then(text => text.includes('<img src=x')), 'with what was answered, as text');
	// until it is given up it is tried anyway: so first let it get there, then ask for it once more
	state.good = true;
	await ana.page.getByRole('checkbox', { name: /^Choose/ }).first().check();
	await button(ana, 'Deliver again (1)').click();
	await comes(() => ana.page.getByText('1 to be delivered again.').count(), 'a failed delivery is asked for again', 1);
	await comes(() => state.events.filter(one => one.good && one.body.includes('Not taken')).length > 0, 'and it is made');
	await comes(() => ana.page.getByText('delivered since').count().then(n => n > 0), 'the line says that it got there since');
	await comes(() => ana.page.locator('.head .tag').innerText(), 'and the webhook delivers', 'delivering');

	await button(ana, 'Pause').click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'it can be paused', 'paused');
	await widget.say('Waits');
	await comes(() => ana.page.locator('.facts').first().innerText().then(text => /1 not delivered/.test(text)), 'and says what waits');
	await button(ana, 'Resume').click();
	await comes(() => state.events.some(one => one.body.includes('Waits')), 'and goes on');

	await button(ana, 'New signing secret…').click();
	await button(ana, 'New secret, drop the old one').click();
	await comes(() => dialog(ana).getByRole('textbox').count(), 'a new secret is shown', 1);
	const other = await dialog(ana).getByRole('textbox').inputValue();
	ok(/^whsec_/.test(other) && other !== secret, 'another one');
	await ana.page.keyboard.press('Escape');
	is(await field(ana, 'Value of header 1').inputValue(), '', 'the form has no header\'s value');
	await field(ana, 'Label').fill('Till');
	await button(ana, 'Save').click();
	await comes(() => ana.page.getByRole('heading', { level: 1 }).innerText(), 'the label is changed', 'Till');
	is(await sql(`SELECT headers FROM webchatt.webhooks`), '[{"key": "Authorization", "value": "Bearer s3cret"}]', 'and the header kept');
	await ana.page.getByRole('link', { name: 'Back' }).click();
	await comes(() => ana.page.locator('.things li').count(), 'the list has it', 1);
	await ana.page.locator('.things a').click();
	await button(ana, 'Delete…').click();
	await dialog(ana).getByRole('button', { name: 'Delete' }).click();
	await comes(() => ana.page.getByText('No webhook yet').count(), 'it is deleted, once one has said so', 1);
	is(ana.errors, [], 'no errors on the page');
	await Promise.all([context.close(), ana.close()]);
	await sql(`SELECT webchatt.regenerate_public_key('${channel.id}')`);
});

test('API keys', async () => {
	const { channel, context, widget } = await visitor('Will a program answer?', 'Programs');
	await comes(() => messages(channel).then(all => all.length), 'a visitor is there', 1);
	const id = await theVisitor(channel);
	const ana = await DeskPage.signedIn('ana');
	await ana.go('API keys');
	await ana.page.getByRole('link', { name: 'Add API key' }).click();
	await button(ana, 'Add API key').click();
	await comes(() => problem(ana).then(all => all.length === 1 && /label/.test(all[0])), 'a label is needed');
	await field(ana, 'Label').fill('Till');
	for (const one of ['keep webhooks', 'open a link'])
		await ana.page.getByRole('checkbox', { name: one }).uncheck();
	await ana.page.getByRole('checkbox', { name: 'Programs' }).check();
	await button(ana, 'Add API key').click();
	const key = await dialog(ana).getByRole('textbox').inputValue();
	like(key, /^wck_/, 'the key is shown');
	await dialog(ana).getByRole('button', { name: 'Close', exact: true }).click();
	await comes(() => ana.page.locator('.things li').innerText().then(text => /Till/.test(text) && /send messages · Programs/.test(text.replace(/\n/g, ' '))), 'it is in the list, with what it may do');
	ok(!(await ana.page.content()).includes(key), 'but not itself');
	const post = (path, body) => fetch(`${process.env.WEBCHATT_URL}${path}`, { method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body: JSON.stringify(body) }).then(answer => answer.status);
	const message = { from: channel.id, to: id, content: { text: 'A program answers' } };
	is(await until(async () => await post('/v1/communication/web-chatt2me/message', message) < 300), true, 'a program sends with it');
	await comes(() => widget.texts().then(all => all.includes('A program answers')), 'the visitor sees that');
	is(await post('/v1/organization/webhook', {}), 403, 'more than it may it cannot');
	await button(ana, 'Revoke Till').click();
	await dialog(ana).getByRole('button', { name: 'Revoke' }).click();
	await comes(() => ana.page.getByText(/^revoked/).count(), 'it is revoked', 1);
	await comes(() => post('/v1/communication/web-chatt2me/message', message), 'and refused', 401);
	is(ana.errors, [], 'no errors on the page');
	await Promise.all([context.close(), ana.close()]);
});

test('a remote hub', async () => {
	const hooks = [];
	let key = 'the-k3y';
	const base = await serve((method, path, headers, body) => {
		if (headers['x-api-key'] !== key)
			return [401, { errorMessage: 'no' }];
		const of = id => hooks.find(one => one.id === id);
		const id = path.split('?')[0].split('/')[4];
		if (path.includes('webhook-log'))
			return [200, { data: [], pagination: { offset: 0, limit: 50, total: 0, totalPages: 0 } }];
		if (method === 'GET' && !id)
			return [200, { data: hooks, pagination: { offset: 0, limit: 50, total: hooks.length, totalPages: 1 } }];
		if (method === 'POST' && !id) {
			const made = { id: crypto.randomUUID(), active: true, isVerified: true, verifiedAt: new Date().toISOString(), authenticationProtocol: 'NoAuthentication', numberOfErrors: 0, ...JSON.parse(body) };
			hooks.push(made);
			return [201, { ...made, signingSecret: 'whsec_x' }];
		}
		if (method === 'PATCH' || path.endsWith('/signature')) {
			Object.assign(of(id), body ? JSON.parse(body) : {});
			return [200, { ...of(id), signingSecret: `whsec_${Math.random()}` }];
		}
		if (method === 'DELETE') {
			hooks.splice(hooks.indexOf(of(id)), 1);
			return [204];
		}
		return of(id) ? [200, of(id)] : [404, {}];
	});
	const ana = await DeskPage.signedIn('ana');
	await ana.go('Remote hubs');
	await ana.page.getByRole('link', { name: 'Connect hub' }).click();
	await field(ana, 'Name').fill('Not Good');
	await field(ana, 'URL').fill(base);
	await field(ana, 'API key').fill('wr0ng');
	await button(ana, 'Connect hub').click();
	await comes(() => problem(ana).then(all => all.length === 1 && /hub name 'Not Good'/i.test(all[0])), 'what is wrong with a name is said');
	await field(ana, 'Name').fill('other');
	is(await field(ana, 'API key').getAttribute('type'), 'password', 'the key is not to be read over one\'s shoulder');
	await button(ana, 'Connect hub').click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'a hub is connected', 'active');
	await button(ana, 'Register').click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'that refuses the key: it is stopped', 'stopped');
	ok(await ana.page.locator('.notice').count() > 0, 'and why is said', '');
	await field(ana, 'API key').fill(key);
	await button(ana, 'Save').click();
	await comes(() => ana.page.locator('.head .tag').innerText(), 'with another key it goes on', 'active');
	await comes(() => ana.page.locator('.block .tag').allInnerTexts(), 'and the webhooks there are verified', ['verified', 'verified']);
	ok(!(await ana.page.content()).includes('the-k3y'), 'the key is shown nowhere');
	is(await field(ana, 'API key').inputValue(), '', 'nor kept in its field');
	await button(ana, 'Compare now').click();
	const before = await sql(`SELECT secret FROM webchatt.hub_webhooks WHERE event_type = 'Message'`);
	await button(ana, 'New secrets…').click();
	await dialog(ana).getByRole('button', { name: 'New secrets' }).click();
	await comes(() => sql(`SELECT secret <> ${quoted(before)} FROM webchatt.hub_webhooks WHERE event_type = 'Message'`), 'new secrets are made', 't');

	await ana.go('Channels');
	await ana.page.getByRole('link', { name: 'Add channel' }).first().click();
	await ana.page.getByRole('link', { name: 'Add a channel of a remote hub' }).click();
	await field(ana, 'Application channel ID').fill('nonsense');
	await button(ana, 'Add channel').click();
	await comes(() => problem(ana), 'a channel\'s id is checked', ['"id" is not a UUID']);
	await field(ana, 'Application channel ID').fill('6cbd6789-1d2b-47e0-9391-5eb91d2839ea');
	await field(ana, 'Kind').selectOption('whatsapp');
	await field(ana, 'Display name').fill('Phone');
	await button(ana, 'Add channel').click();
	await comes(() => ana.page.getByRole('heading', { level: 1 }).innerText(), 'a remote hub\'s channel is added', 'Phone');
	is(await rows(`SELECT kind, display_name FROM webchatt.channels WHERE id = '6cbd6789-1d2b-47e0-9391-5eb91d2839ea'`), [['whatsapp', 'Phone']], 'as it was said');
	await ana.page.getByRole('link', { name: 'Hub', exact: true }).click();
	await button(ana, 'Remove…').click();
	await dialog(ana).getByRole('button', { name: 'Remove' }).click();
	await comes(() => ana.page.getByText('None: messages can be sent, events do not come.').count(), 'our webhooks there are removed', 1);
	is(hooks.length, 0, 'the hub says so, too');
	is(ana.errors, [], 'no errors on the page');
	await ana.close();
});

test('rejects', async () => {
	await sql(`CREATE FUNCTION no_sundays(m webchatt.messages) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
			IF m.content ->> 'text' ~ 'Sunday' THEN RAISE EXCEPTION 'closed: %', m.content ->> 'text' USING HINT = 'Come again on Monday.'; END IF; END $$;
		SELECT webchatt.on_message('no_sundays(webchatt.messages)')`);
	const { channel, context, widget } = await visitor(`Sunday ${EVIL}`, 'Sundays');
	const ana = await DeskPage.signedIn('ana');
	await ana.go('Rejects');
	await comes(() => ana.page.locator('.lines li').count(), 'an event that is refused is there by itself', 1);
	for (const text of ['Sunday two', `Sunday ${'long '.repeat(200)}`])
		await widget.say(text);
	await comes(() => ana.page.locator('.lines li').count(), 'and the next ones', 3);
	await ana.page.locator('.lines summary').last().click();
	await comes(() => ana.page.locator('.lines pre').innerText().then(text => text.includes('<img src=x onerror=alert(1)>')), 'what was in it is shown as text');
	like(await ana.page.locator('.lines .facts').innerText(), /Come again on Monday/, 'with what to do');
	await ana.page.locator('.lines summary').first().click();
	await button(ana, /^Show all/).click();
	await comes(() => ana.page.locator('.lines pre').first().innerText().then(text => text.length > 1000), 'all of it, if one asks');
	await button(ana, 'Retry all 3').click();
	await comes(() => ana.page.getByText('0 written, 3 still refused.').count(), 'what is refused still stays', 1);
	await comes(() => ana.page.locator('.lines .problem').count(), 'with why', 3);
	await sql(`SELECT webchatt.remove_handler(id) FROM webchatt.handlers`);
	await ana.page.getByRole('checkbox', { name: /^Choose/ }).last().check();
	await button(ana, 'Retry (1)').click();
	await comes(() => ana.page.getByText('1 written, 0 still refused.').count(), 'one is retried', 1);
	await comes(() => messages(channel).then(all => all.map(one => one[2])), 'and is a message now', [`Sunday ${EVIL}`]);
	await ana.page.getByRole('checkbox', { name: /^Choose/ }).last().check();
	await button(ana, 'Drop (1)…').click();
	await dialog(ana).getByRole('button', { name: 'Drop' }).click();
	await comes(() => ana.page.locator('.lines li').count(), 'one is dropped, once one has said so', 1);
	await button(ana, 'Retry all 1').click();
	await comes(() => ana.page.getByText('Nothing was refused').count(), 'the last one is retried', 1);
	await comes(() => messages(channel).then(all => all.length), 'both are there', 2);
	is(ana.errors, [], 'no errors on the page, and nothing of it ran');
	await Promise.all([context.close(), ana.close()]);
});

test('pages by key', async () => {
	await sql(`INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, sqlstate, reason)
		SELECT gen_random_uuid(), 'Message', n, '{}', 'P0001', 'reason ' || n FROM generate_series(1, 120) n`);
	const ana = await DeskPage.signedIn('ana');
	await ana.page.goto(`${deskUrl}/desk/#/rejects`);
	await comes(() => ana.page.locator('.lines li').count(), 'a page is shown', 50);
	const main = ana.page.locator('main');
	await main.getByRole('button', { name: 'More', exact: true }).click();
	await comes(() => ana.page.locator('.lines li').count(), 'then the next', 100);
	await main.getByRole('button', { name: 'More', exact: true }).click();
	await comes(() => ana.page.locator('.lines li').count(), 'then the rest', 120);
	is(await main.getByRole('button', { name: 'More', exact: true }).count(), 0, 'there is no more');
	await sql(`INSERT INTO webchatt.rejects (channel_id, event_type, event_key, body, sqlstate, reason) VALUES (gen_random_uuid(), 'Message', 'new', '{}', 'P0001', 'reason new')`);
	await comes(() => ana.page.locator('.lines li').count(), 'a new one comes on top, and the others stay', 121);
	is(await ana.page.locator('.lines b').evaluateAll(all => [all[0], all[1], all.at(-1)].map(one => one.textContent)), ['reason new', 'reason 120', 'reason 1'], 'in their order');
	await sql('DELETE FROM webchatt.rejects');
	await comes(() => ana.page.getByText('Nothing was refused').count(), 'and go when they are gone', 1);
	await ana.close();
});

test('newcomers, and sessions', async () => {
	const channel = await makeChannel([site.origin], 'Quiet');
	const ana = await DeskPage.signedIn('ana');
	await ana.page.goto(`${deskUrl}/desk/#/channels/${channel.id}`);
	await button(ana, 'Take no new visitors').click();
	await comes(() => sql(`SELECT newcomers_paused FROM webchatt.channels WHERE id = '${channel.id}'`), 'a channel takes no new visitors', 't');
	await comes(() => ana.page.locator('.head .tag.warn').innerText(), 'and says so', 'takes no new visitors');
	await button(ana, 'Take new visitors again').click();
	await comes(() => sql(`SELECT newcomers_paused FROM webchatt.channels WHERE id = '${channel.id}'`), 'and takes them again', 'f');

	await sql(`DELETE FROM webchatt.agent_sessions WHERE agent = 'rui'`);
	const rui = await DeskPage.signedIn('rui');
	await ana.go('Agents');
	await ana.page.getByRole('link', { name: 'Sessions of Rui Dias' }).click();
	await comes(() => button(ana, /^End the session/).count(), 'another\'s sessions are listed', 1);
	await button(ana, /^End the session/).click();
	await comes(() => rui.page.getByRole('heading').allInnerTexts(), 'and ended: their page says so', ['You are not signed in']);
	await comes(() => ana.page.getByText('Nowhere signed in.').count(), 'and none is left', 1);
	is(ana.errors, [], 'no errors on the page');
	await Promise.all([rui.close(), ana.close()]);
});

// What is on the pages while they are looked at: long names, states of all kinds.
async function fill() {
	await sql(`SELECT webchatt.connect_hub('x', 'http://127.0.0.1:1', 'away'), webchatt.create_channel('Sundays', ARRAY['https://example.com'])`);
	await sql(`SELECT webchatt.register_webhooks('away')`);
	await sql(`INSERT INTO webchatt.hubs (name, api_url, api_key, state, state_reason) VALUES ('stopped-hub', 'https://hub.example.com/a/long/path/of/an/address/that/does/not/end', 'x', 'stopped', 'the hub refused the API key (401)')`);
	await sql(`SELECT webchatt.create_webhook('A shop with quite a long name, ' || repeat('long ', 20), 'https://shop.example.invalid/' || repeat('path/', 30), 'Message', '[{"key": "Authorization", "value": "x"}]')`);
	await sql(`SELECT webchatt.create_api_key('another ' || repeat('long ', 15))`);
	await sql(`INSERT INTO webchatt.rejects (channel_id, event_type, event_key, visitor, body, sqlstate, reason, hint) SELECT id, 'Message', 'x' || n, '019a0000-0000-7000-8000-000000000001', repeat('{"a": "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"}', 20), 'P0001', repeat('a reason ', 8 * n), 'Mend it.'
		FROM webchatt.channels, generate_series(1, 3) n WHERE display_name = 'Sundays' AND NOT EXISTS (SELECT FROM webchatt.messages m WHERE m.channel_id = channels.id)`);
	const id = await sql('SELECT id FROM webchatt.webhooks');
	await sql(`INSERT INTO webchatt.webhook_log (webhook_id, id, seq, delivery_id, event_type, message_id, attempt, endpoint, good, status_code, answer, error, duration_us, sent_at)
		SELECT '${id}', gen_random_uuid(), n, gen_random_uuid(), 'Message', gen_random_uuid(), n, 'https://shop.example.invalid/', n % 3 = 0, CASE n % 3 WHEN 0 THEN 200 WHEN 1 THEN 500 ELSE 0 END,
			'an answer', CASE n % 3 WHEN 2 THEN 'the connection was refused: ' || repeat('why ', 20) END, 12345, now() FROM generate_series(1, 6) n`);
	return ['more', 'webhooks', `webhooks/${id}`, 'webhooks/new', 'keys', 'keys/new', 'hubs', 'hubs/away', 'hubs/stopped-hub', 'hubs/new', 'rejects', 'channels/remote', 'agents/ana'];
}

test('as it looks', async () => {
	const pages = await fill();
	const look = async (desk, name) => process.env.SCREENSHOTS && desk.page.screenshot({ path: `${process.env.SCREENSHOTS}/${name.replace(/\W+/g, '-').replace(/[0-9a-f]{8}-.*/, 'one')}.png` });
	const shown = desk => desk.page.locator('main .things, main .form').first().waitFor();
	for (const colorScheme of ['light', 'dark']) {
		const ana = await DeskPage.signedIn('ana', { colorScheme, reducedMotion: 'reduce' });
		for (const page of pages) {
			await ana.at(page);
			await shown(ana);
			for (const one of await ana.page.locator('main details').all())
				await one.evaluate(details => details.open = true);
			is(await ana.page.locator('#desk').evaluate(poorContrast), [], `${page.replace(/[0-9a-f-]{36}/, 'one')}, ${colorScheme}: all text has a contrast of at least 4.5`);
			await look(ana, `${colorScheme}-${page}`);
		}
		await ana.close();
	}
	const phone = await DeskPage.signedIn('ana', { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, locale: 'pt-BR' });
	for (const page of pages) {
		await phone.at(page);
		await shown(phone);
		ok(!await phone.isTooWide(), `${page.replace(/[0-9a-f-]{36}/, 'one')} fits on a phone`);
		await look(phone, `phone-${page}`);
	}
	is(phone.errors, [], 'no errors on the page');
	await phone.close();
});

test('by keyboard', async () => {
	const ana = await DeskPage.signedIn('ana');
	await ana.page.goto(`${deskUrl}/desk/#/webhooks`);
	await ana.page.locator('.things').waitFor();
	ok(await ana.tabTo('.things a'), 'a webhook is reached');
	await ana.page.keyboard.press('Enter');
	await button(ana, 'Delete…').waitFor();
	for (const one of ['.lines summary', 'input[type=url]', '.button.danger'])
		ok(await ana.tabTo(one), `so is ${one}`);
	await ana.page.keyboard.press('Enter');
	await dialog(ana).waitFor();
	is(await ana.focus(), 'Cancel', 'what cannot be taken back is not what has the focus');
	await ana.page.keyboard.press('Escape');
	await comes(() => dialog(ana).count(), 'Esc closes the question', 0);
	await ana.close();
});

await run(tidy);
