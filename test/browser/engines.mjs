// The same page in three engines: Chromium and Firefox by puppeteer-core (Firefox over WebDriver BiDi), WebKitGTK by plain
// WebDriver.  A page is looked at and touched as a person does: what is where, a click at a point, keys.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { SLOW, until } from './harness.mjs';

const SIZE = { width: 1000, height: 760 };

// An engine by name: { page, close }; a page has goto, back, forward, reload, evaluate(function, ...values), click(x, y),
// press('Shift+Enter'), type(text), resize(width, height), which says whether it could, give(function that finds an input, paths),
// picture(path); where it cannot be resized, enter() goes into the page's first frame, until the next goto().
export function startEngine(name) {
	switch (name) {
		case 'chromium':
			return withPuppeteer({
				executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
				// With the page cache, which puppeteer turns off.
				ignoreDefaultArgs: ['--disable-back-forward-cache'],
				args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--disable-background-networking']
			});
		case 'firefox':
			return withPuppeteer({
				browser: 'firefox',
				executablePath: process.env.FIREFOX || '/usr/bin/firefox-esr',
				env: { ...process.env, MOZ_CRASHREPORTER_DISABLE: '1' }
			});
		case 'webkit':
			return withWebDriver();
		default:
			throw new Error(`no engine ${name}`);
	}
}

// --- puppeteer -------------------------------------------------------------

async function withPuppeteer(options) {
	const browser = await puppeteer.launch({ headless: true, timeout: 180000, defaultViewport: SIZE, ...options });
	const page = await browser.newPage();
	page.setDefaultTimeout(120000);
	if (SLOW && options.browser !== 'firefox')
		await page.emulateCPUThrottling(SLOW);
	return {
		page: {
			// As the page itself would: puppeteer waits for a load, which a page out of the page cache has not.
			goto: url => moved(page, url),
			back: () => moved(page, -1),
			forward: () => moved(page, 1),
			reload: () => page.reload({ waitUntil: 'load' }),
			evaluate: (work, ...values) => page.evaluate(work, ...values),
			click: (x, y) => page.mouse.click(x, y),
			async press(keys) {
				const all = keys.split('+');
				const last = all.pop();
				for (const key of all)
					await page.keyboard.down(key);
				await page.keyboard.press(last);
				for (const key of all)
					await page.keyboard.up(key);
			},
			type: text => page.keyboard.type(text),
			resize: (width, height) => page.setViewport({ width, height }).then(() => true),
			async give(find, paths) {
				const input = await page.evaluateHandle(find);
				await input.uploadFile(...paths);
			},
			picture: path => page.screenshot({ path })
		},
		close: () => browser.close()
	};
}

// Go to an address, or through the history, and wait until the other page is there.
async function moved(page, where) {
	const before = await page.evaluate(() => location.href);
	await page.evaluate(to => {
		setTimeout(() => typeof to === 'number' ? history.go(to) : location.assign(to));
	}, where);
	await until(() => page.evaluate(() => document.readyState === 'complete' && location.href)
		.then(now => now && now !== before).catch(() => false));
}

// --- WebDriver -------------------------------------------------------------

const KEYS = { Enter: '\ue007', Escape: '\ue00c', Tab: '\ue004', Shift: '\ue008', Space: ' ', ArrowUp: '\ue013', ArrowDown: '\ue015',
	Backspace: '\ue003', PageUp: '\ue00e', PageDown: '\ue00f' };
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

const freePort = () => new Promise(done => {
	const server = net.createServer();
	server.listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => done(port));
	});
});

function call(port, method, path, body) {
	return new Promise((done, fail) => {
		const request = http.request({ host: '127.0.0.1', port, method, path }, async response => {
			const parts = [];
			for await (const part of response)
				parts.push(part);
			let value;
			try {
				({ value } = JSON.parse(Buffer.concat(parts)));
			} catch (error) {
				return fail(error);
			}
			if (value && value.error)
				return fail(new Error(`${method} ${path}: ${value.error}: ${value.message}`));
			done(value);
		});
		request.on('error', fail);
		request.end(body && JSON.stringify(body));
	});
}

// A screen that nobody sees, on a number that is free.
async function startScreen() {
	const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1400x1000x24', '-nolisten', 'tcp'],
		{ stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
	const [number] = await Promise.race([once(screen.stdio[3], 'data'), once(screen, 'exit').then(() => {
		throw new Error('Xvfb ended');
	})]);
	return { screen, display: `:${String(number).trim()}` };
}

async function withWebDriver() {
	const home = mkdtempSync(join(tmpdir(), 'webkit-'));
	const { screen, display } = await startScreen();
	const port = await freePort();
	const env = { ...process.env, DISPLAY: display, HOME: home, XDG_RUNTIME_DIR: home, GDK_BACKEND: 'x11', NO_AT_BRIDGE: '1', GIO_USE_VFS: 'local',
		LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_DMABUF_RENDERER: '1' };
	const driver = spawn('WebKitWebDriver', [`--port=${port}`], { env, stdio: 'ignore' });
	const stop = async () => {
		for (const child of [driver, screen]) {
			if (child.exitCode === null && child.signalCode === null) {
				const ended = once(child, 'exit');
				child.kill();
				await ended;
			}
		}
		rmSync(home, { recursive: true, force: true });
	};
	try {
		await until(() => call(port, 'GET', '/status').catch(() => false));
		const { sessionId } = await call(port, 'POST', '/session', { capabilities: { alwaysMatch: process.env.MINIBROWSER
			? { 'webkitgtk:browserOptions': { binary: process.env.MINIBROWSER, args: ['--automation'] } } : {} } });
		const path = `/session/${sessionId}`;
		const page = driverPage((method, what, body) => call(port, method, path + what, body));
		await page.resize(SIZE.width, SIZE.height);
		return {
			page,
			async close() {
				await call(port, 'DELETE', path).catch(() => 0);
				await stop();
			}
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

function driverPage(ask) {
	const post = (what, body = {}) => ask('POST', what, body);
	const actions = (type, list) => post('/actions', { actions: [{ type, id: type, actions: list,
		...(type === 'pointer' ? { parameters: { pointerType: 'mouse' } } : {}) }] });
	const run = (work, values) => post('/execute/async', {
		script: `const done = arguments[arguments.length - 1];
			Promise.resolve().then(() => (${work})(...arguments[0])).then(value => done({ value }), error => done({ error: String(error && error.stack || error) }));`,
		args: [values]
	}).then(({ value, error }) => {
		if (error)
			throw new Error(error);
		return value === null ? undefined : value;
	});
	const stroke = (down, key) => ({ type: down ? 'keyDown' : 'keyUp', value: KEYS[key] || key });
	return {
		goto: url => post('/url', { url }),
		back: () => post('/back'),
		forward: () => post('/forward'),
		reload: () => post('/refresh'),
		evaluate: (work, ...values) => run(work, values),
		click: (x, y) => actions('pointer', [{ type: 'pointerMove', x: Math.round(x), y: Math.round(y), duration: 0 },
			{ type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }]),
		press(keys) {
			const all = keys.split('+');
			return actions('key', [...all.map(key => stroke(true, key)), ...all.reverse().map(key => stroke(false, key))]);
		},
		type: text => actions('key', Array.from(text).flatMap(key => [stroke(true, key), stroke(false, key)])),
		// The window has more than the page in it.
		async resize(width, height) {
			const more = await run(() => [outerWidth - innerWidth, outerHeight - innerHeight], []);
			await post('/window/rect', { width: width + more[0], height: height + more[1] });
			return until(() => run(() => [innerWidth, innerHeight], []).then(now => now[0] === width && now[1] === height), 2);
		},
		enter: () => post('/frame', { id: 0 }),
		async give(find, paths) {
			const element = await post('/execute/sync', { script: `return (${find})()`, args: [] });
			await post(`/element/${element[ELEMENT]}/value`, { text: paths.join('\n') });
		},
		async picture(path) {
			writeFileSync(path, Buffer.from(await ask('GET', '/screenshot'), 'base64'));
		}
	};
}
