// The desk's page of a channel: the form of all that webchatt.configure_widget() sets.
import { poorContrast } from './contrast.mjs';
import { DeskPage, deskUrl, makeAgent } from './desk_page.mjs';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, quoted, sql, tidy } from './world.mjs';

const { site } = await makeWorld();

await makeAgent('ana', 'Ana Sousa', 'admin');
await until(() => fetch(`${deskUrl}/desk/`).then(answer => answer.status === 200, () => false));

const HACK = `<img src=x onerror="alert(1)">`;

async function opened(options = {}, name = 'Shop') {
	const channel = await makeChannel([site.origin, 'https://www.example.com'], name);
	const ana = await DeskPage.signedIn('ana', options);
	const open = async () => {
		await ana.page.goto('about:blank');
		await ana.page.goto(`${deskUrl}/desk/#/channels/${channel.id}`);
		await ana.page.locator('#look-title').waitFor();
	};
	await open();
	return { ana, open, set: async () => JSON.parse(await sql(`SELECT webchatt.widget_settings('${channel.id}')`)), put: settings => sql(`SELECT webchatt.configure_widget('${channel.id}', ${quoted(JSON.stringify(settings))})`) };
}

const save = ana => ana.page.getByRole('button', { name: /^(Save the widget|Salvar o widget)$/ }).click();
const saved = async ana => {
	await save(ana);
	await ana.page.locator('.looks .saved').waitFor();
};
const problem = (ana, id) => ana.page.locator(`#look-${id}-error`).innerText().catch(() => '');

test('all that there is', async () => {
	const { ana, open, set } = await opened();
	const { page } = ana;
	await page.route('https://cdn.example.com/**', route => route.fulfill({ contentType: 'image/png', body: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==', 'base64') }));
	const field = name => page.locator(`#look-${name}`);
	await field('greeting').fill(HACK);
	await field('logo').fill('https://cdn.example.com/logo.png');
	await field('lang').selectOption('ja');
	await field('chips').fill('Where is my order?\n\n  Prices ');
	await page.getByRole('button', { name: 'Add a question' }).click();
	await page.getByLabel('Question', { exact: true }).fill('Your e-mail');
	await page.getByLabel('Kept as').fill('email');
	await page.getByLabel('It is an e-mail address').check();
	await page.getByLabel('It has to be answered').check();
	await page.getByRole('button', { name: 'Add a message' }).click();
	await page.getByLabel('Message', { exact: true }).fill('May we help?');
	await page.getByLabel('After so many seconds').fill('30');
	await page.getByLabel('On pages whose path is', { exact: true }).fill('/pricing*');
	await page.getByLabel('There are business hours').check();
	await field('hours-timeZone').fill('Europe/Lisbon');
	await field('hours-weekdays-mon').fill('09:00-12:30, 14:00 – 18:00');
	await field('hours-weekdays-fri').fill('');
	await field('hours-holidays').fill('2026-12-25\n2027-01-01');
	await field('hours-text').fill('We are back at nine.');
	await page.getByLabel('A tone for a new message').check();
	await page.getByLabel('Emoji to choose from').uncheck();
	await field('hideOn-paths').fill('/checkout*');
	await page.getByLabel('Not on phones').check();
	await field('launcher').fill('#help');
	await field('domain').fill('example.com');
	await saved(ana);
	const day = [['09:00', '17:00']];
	const all = { greeting: HACK, logo: 'https://cdn.example.com/logo.png', lang: 'ja', chips: ['Where is my order?', 'Prices'],
		questions: [{ name: 'email', label: 'Your e-mail', type: 'email', required: true }], proactive: [{ after: 30, path: '/pricing*', text: 'May we help?' }],
		hours: { timeZone: 'Europe/Lisbon', weekdays: { mon: [['09:00', '12:30'], ['14:00', '18:00']], tue: day, wed: day, thu: day }, holidays: ['2026-12-25', '2027-01-01'], text: 'We are back at nine.' },
		sound: true, emoji: false, hideOn: { paths: ['/checkout*'], phones: true }, launcher: '#help', domain: 'example.com' };
	const sorted = value => JSON.parse(JSON.stringify(value, (key, one) => one && typeof one === 'object' && !Array.isArray(one) ? Object.fromEntries(Object.entries(one).sort()) : one));
	is(sorted(await set()), sorted(all), 'what is typed is set');
	await open();
	is(await field('hours-weekdays-mon').inputValue(), '09:00–12:30, 14:00–18:00', 'and is there when the page is opened again');
	is([await field('greeting').inputValue(), await field('chips').inputValue(), await page.getByLabel('Kept as').inputValue()], [HACK, 'Where is my order?\nPrices', 'email'], 'as it was typed');
	ok(await page.getByRole('button', { name: 'Save the widget' }).isDisabled(), 'with nothing to be saved');

	await page.getByLabel('There are business hours').uncheck();
	await page.getByRole('group', { name: 'Questions before the first message 1' }).getByRole('button', { name: 'Take away' }).click();
	await field('greeting').fill('');
	await page.getByLabel('A tone for a new message').uncheck();
	await saved(ana);
	const left = await set();
	is(['hours', 'questions', 'greeting', 'sound'].filter(name => name in left), [], 'what is taken away is not set any more');
	is(left.domain, 'example.com', 'and the rest stays');
	is(ana.errors, [], 'and nothing of it is run');
	await ana.close();
});

test('what the server refuses', async () => {
	const { ana, set, put } = await opened({}, 'Refused');
	const { page } = ana;
	await page.locator('#look-domain').fill('example.org');
	await save(ana);
	await comes(() => problem(ana, 'domain').then(text => /None of the channel's origins is on it: .*https:\/\/www\.example\.com/.test(text)), 'a domain that fits no origin, at its field', true);
	await page.locator('#look-domain').fill('');
	await page.getByLabel('There are business hours').check();
	await page.locator('#look-hours-timeZone').fill('Europe/Lisboa');
	await save(ana);
	await comes(() => problem(ana, 'hours-timeZone').then(text => text.includes('Europe/Lisboa')), 'a time zone that is none', true);
	await page.locator('#look-hours-timeZone').fill('UTC');
	await page.locator('#look-hours-weekdays-wed').fill('17:00–09:00');
	await save(ana);
	await comes(() => problem(ana, 'hours-weekdays-wed').then(text => text.includes('from earlier than to')), 'hours of a day that cannot be', true);
	await page.locator('#look-hours-weekdays-wed').fill('nine to five');
	await save(ana);
	await comes(() => problem(ana, 'hours-weekdays-wed').then(text => text.includes('nine to five')), 'and what are none', true);
	await page.getByLabel('There are business hours').uncheck();
	await page.getByRole('button', { name: 'Add a message' }).click();
	await page.getByLabel('Message', { exact: true }).fill('Hello');
	await page.getByLabel('After so many seconds').fill('soon');
	await save(ana);
	await comes(() => problem(ana, 'proactive-1-after').then(text => text.includes('whole seconds')), 'a number that is none', true);
	is(await set(), {}, 'nothing of it is set');
	// what a colleague, or SQL, has set meanwhile stays
	await put({ strings: { write: 'Ask…' }, title: 'Help' });
	await page.getByLabel('After so many seconds').fill('5');
	await saved(ana);
	is(await set(), { strings: { write: 'Ask…' }, title: 'Help', proactive: [{ after: 5, text: 'Hello' }] }, 'only what was changed here is written');
	await ana.close();
});

test('no answer', async () => {
	const { ana } = await opened({}, 'Away');
	await ana.page.route('**/desk/api/configure_widget', route => route.abort());
	await ana.page.locator('#look-title').fill('Help');
	await save(ana);
	await comes(() => ana.page.locator('.looks .problem').innerText().catch(() => ''), 'where the server is not reached it is said, and what was typed stays', 'The server was not reached.');
	is(await ana.page.locator('#look-title').inputValue(), 'Help', 'in its field');
	await ana.close();
});

for (const colorScheme of ['light', 'dark']) {
	test(`contrast, ${colorScheme}`, async () => {
		const { ana, put, open } = await opened({ colorScheme, reducedMotion: 'reduce' }, `Colours ${colorScheme}`);
		await put({ hours: { timeZone: 'UTC', weekdays: { mon: [['09:00', '17:00']] } }, questions: [{ name: 'email', label: 'E-mail' }], proactive: [{ after: 1, text: 'Hi' }] });
		await open();
		is(await ana.page.locator('.looks form').evaluate(poorContrast), [], 'all text has a contrast of at least 4.5');
		if (process.env.SHOTS)
			await ana.page.locator('.looks').screenshot({ path: `${process.env.SHOTS}/desk_settings_${colorScheme}.png` });
		await ana.close();
	});
}

test('on a phone, Portuguese', async () => {
	const { ana, put, open, set } = await opened({ viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, locale: 'pt-BR' }, 'Phones');
	await put({ hours: { timeZone: 'America/Argentina/Buenos_Aires', weekdays: { mon: [['09:00', '12:00'], ['13:00', '17:00'], ['18:00', '24:00']] } }, questions: [{ name: 'email', label: 'E-mail' }] });
	await open();
	ok(!await ana.isTooWide(), 'the form fits');
	if (process.env.SHOTS)
		await ana.page.locator('.looks').screenshot({ path: `${process.env.SHOTS}/desk_settings_phone.png` });
	ok(await ana.page.getByText('Horário de atendimento').first().isVisible(), 'it speaks Portuguese');
	is(await ana.page.locator('.looks').evaluate(looks => [...looks.querySelectorAll('label, legend, button')].map(one => one.textContent).filter(text => /^(look|question|proactive)_/.test(text))), [], 'each word');
	await ana.page.locator('#look-title').fill('Ajuda');
	await saved(ana);
	is((await set()).title, 'Ajuda', 'and saves');
	await ana.close();
});

run(tidy);
