// What the tests happen in: the cluster behind WEBCHATT_URL, asked with psql; two
// web sites of customers, one of which no channel lists; a line to the hub that
// can be cut; and Chromium.
import { execFile, execFileSync } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { PATIENCE, SLOW, slowness, until } from './harness.mjs';

const run = promisify(execFile);
const hub = new URL(process.env.WEBCHATT_URL);

export async function sql(text) {
	const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-c', text]);
	return stdout.trimEnd();
}

// Lines of columns.
export const rows = async text => (await sql(text)).split('\n').filter(Boolean).map(line => line.split('|'));

export const quoted = text => `'${text.replace(/'/g, "''")}'`;

// --- the line --------------------------------------------------------------

// A port that passes everything on to the hub, until it is told otherwise:
// cut (nothing connects), mute (nothing comes back), held (what comes back does so when it is open again), frozen (nothing moves).
export class Line {
	constructor() {
		this.mode = 'open';
		this.pairs = new Set();
		this.dials = 0;
		this.server = net.createServer(socket => this.take(socket));
	}

	async listen() {
		await new Promise(done => this.server.listen(0, '127.0.0.1', done));
		this.port = this.server.address().port;
		this.url = `ws://127.0.0.1:${this.port}/communication/web-chatt2me/ws`;
		return this;
	}

	take(socket) {
		this.dials++;
		socket.on('error', () => 0);
		if (this.mode === 'cut')
			return socket.destroy();
		const other = net.connect(hub.port, hub.hostname);
		const pair = { socket, other, held: [] };
		this.pairs.add(pair);
		const end = () => {
			socket.destroy();
			other.destroy();
			this.pairs.delete(pair);
		};
		other.on('error', end);
		socket.on('close', end);
		other.on('close', end);
		socket.on('data', data => this.mode !== 'frozen' && other.write(data));
		other.on('data', data => this.mode === 'open' ? socket.write(data) : this.mode === 'held' && pair.held.push(data));
	}

	cut() {
		this.mode = 'cut';
		for (const { socket, other } of [...this.pairs]) {
			socket.destroy();
			other.destroy();
		}
	}

	mute() {
		this.mode = 'mute';
	}

	freeze() {
		this.mode = 'frozen';
	}

	hold() {
		this.mode = 'held';
	}

	open() {
		this.mode = 'open';
		for (const { socket, held } of this.pairs)
			held.splice(0).forEach(data => socket.write(data));
	}
}

// --- sites -----------------------------------------------------------------

const escape = text => text.replace(/&/g, '&amp;').replace(/'/g, '&#39;').replace(/</g, '&lt;');

// A page of a shop.  The query says what is special about it.
function page(query, line) {
	const tag = `<script src="${hub.origin}/chat-widget.umd.js" data-config='${escape(query.get('config'))}'></script>`;
	return `<!doctype html><html lang="${query.get('lang') || 'en'}" dir="${query.get('dir') || 'ltr'}"><head><meta charset="utf-8">
		<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Shop</title></head>
		<body><h1>A shop</h1><p><a href="#" id="before">A link before</a></p>${query.has('own') ? '<div id="chatt2me-widget"></div>' : ''}
		${tag}${query.has('twice') ? tag + tag : ''}</body></html>`;
}

export class Site {
	constructor() {
		this.server = http.createServer((request, response) => {
			const url = new URL(request.url, this.origin);
			response.setHeader('content-type', 'text/html; charset=utf-8');
			if (!url.searchParams.has('lax'))
				response.setHeader('content-security-policy',
					`default-src 'none'; script-src ${hub.origin}; style-src 'self'; img-src 'self' data:; connect-src ws://127.0.0.1:*`);
			if (url.pathname !== '/')
				response.statusCode = 404;
			response.end(url.pathname === '/' ? page(url.searchParams) : '');
		});
	}

	async listen() {
		await new Promise(done => this.server.listen(0, '127.0.0.1', done));
		this.origin = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}
}

// --- channels --------------------------------------------------------------

export async function makeChannel(origins, name = 'Tea & Co.') {
	const id = await sql(`SELECT webchatt.create_channel(${quoted(name)}, ARRAY[${origins.map(quoted).join(',')}])`);
	const key = await sql(`SELECT public_key FROM webchatt.channels WHERE id = '${id}'`);
	return { id, key };
}

// Messages of a channel in order, as [direction, status, text]; " / " is a new line.
export const messages = channel => rows(
	`SELECT direction, status, replace(coalesce(content ->> 'text', content #>> '{interactive,button_reply,title}', content ->> 'type'), E'\\n', ' / ')
	FROM webchatt.messages WHERE channel_id = '${channel.id}' ORDER BY id`);

export const theVisitor = channel => sql(`SELECT id FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);

export const send = async (channel, content, visitor = null) => sql(
	`SELECT webchatt.send_message('${channel.id}', '${visitor || await theVisitor(channel)}', content => ${quoted(JSON.stringify(content))}::jsonb)`);

export const statusOf = id => sql(`SELECT status FROM webchatt.messages WHERE id = '${id}'`);

// --- the browser -----------------------------------------------------------

let browser = null;

export async function newContext(options = {}) {
	if (!browser) {
		browser = await chromium.launch({
			executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
			timeout: PATIENCE * slowness() * 1000,
			args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking']
		});
	}
	const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Lisbon', viewport: { width: 1000, height: 760 }, ...options });
	context.setDefaultTimeout(PATIENCE * slowness() * 1000);
	if (SLOW)
		slowDown(context);
	return context;
}

// Its pages, whoever opens them.
function slowDown(context) {
	const { setOffline } = context;
	const all = [];
	const delay = (devtools, offline) => devtools.send('Network.emulateNetworkConditions', { offline, latency: 25 * SLOW, downloadThroughput: -1, uploadThroughput: -1 });
	const slow = async page => {
		const devtools = await context.newCDPSession(page);
		await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOW });
		await devtools.send('Network.enable');
		await delay(devtools, false);
		all.push(devtools);
	};
	context.on('page', page => slow(page).catch(() => 0));
	// What the two say of the network is one thing to the browser.
	context.setOffline = async offline => {
		await Promise.all(all.map(devtools => delay(devtools, offline).catch(() => 0)));
		await setOffline.call(context, offline);
	};
}

// The widget on a page, as somebody who looks at it sees it.
export class Widget {
	constructor(page) {
		this.page = page;
		this.errors = [];
		this.console = [];
		page.on('pageerror', error => this.errors.push(String(error)));
		page.on('console', message => {
			this.console.push(message.text());
			if (/Content.Security.Policy|Refused to/i.test(message.text()))
				this.errors.push(message.text());
		});
		this.root = page.locator('#chatt2me-widget');
		this.launcher = this.root.locator('.launcher');
		this.panel = this.root.getByRole('dialog');
		this.field = this.root.getByRole('textbox');
		this.bar = this.root.locator('.bar');
	}

	static async visit(context, site, channel, line, { config = {}, query = {} } = {}) {
		const widget = new Widget(await context.newPage());
		const all = { webChatId: channel.key, endpoint: line.url, ...config };
		await widget.page.goto(`${site.origin}/?${new URLSearchParams({ config: JSON.stringify(all), ...query })}`);
		await widget.launcher.waitFor();
		return widget;
	}

	// Open the panel; unless it is told not to, wait until the line is there.
	// It may be open already, as it was on the page before.
	async open(wait = true) {
		await this.launcher.waitFor();
		if (!await this.page.evaluate(() => window.Chatt2me.isOpen()))
			await this.launcher.click();
		await this.panel.waitFor();
		return !wait || until(async () => await this.state() === 'open');
	}

	state() {
		return this.page.evaluate(() => window.Chatt2me.state());
	}

	async say(text) {
		await this.field.fill(text);
		await this.field.press('Enter');
	}

	// What is on the screen: [own or theirs, text, mark] of each message.
	shown() {
		return this.root.locator('.log').evaluate(log => Array.from(log.querySelectorAll('.list .row'), row => {
			const mark = row.querySelector('.mark .icon');
			const text = row.querySelector('.text');
			return [row.classList.contains('own') ? 'own' : 'theirs', text ? text.textContent : '', mark ? mark.getAttribute('class').replace('icon i-', '') : ''];
		}));
	}

	texts() {
		return this.shown().then(all => all.map(one => one[1]));
	}

	async mark(text) {
		const found = (await this.shown()).filter(one => one[0] === 'own' && one[1] === text);
		return found.length === 1 ? found[0][2] : found.length;
	}

	async words() {
		return (await this.bar.innerText()).replace(/\s+/g, ' ').trim();
	}

	badge() {
		return this.root.locator('.badge').evaluate(badge => badge.hidden ? '' : badge.textContent);
	}
}

export async function makeWorld() {
	return { site: await new Site().listen(), stranger: await new Site().listen(), line: await new Line().listen() };
}

// Stop and start the cluster, as an administrator would.
export function restartCluster() {
	execFileSync('pg_ctl', ['-D', process.env.PGDATA, '-l', process.env.PGLOG, '-m', 'fast', '-w', 'restart'], { stdio: 'ignore' });
}

export async function tidy() {
	if (browser)
		await browser.close();
}
