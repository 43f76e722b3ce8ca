// A line that takes no WebSocket: nginx in front of the hub, which passes no Upgrade on.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { comes, is, ok, run, test, until } from './harness.mjs';
import { makeChannel, makeWorld, messages, newContext, send, sql, statusOf, tidy, Widget } from './world.mjs';

const { site, line } = await makeWorld();

const freePort = () => new Promise(done => {
	const server = net.createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => done(port));
	});
});

async function makeProxy() {
	const dir = mkdtempSync(`${tmpdir()}/webchatt-nginx-`);
	const port = await freePort();
	const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${dir}/${name};`).join('\n');
	writeFileSync(`${dir}/nginx.conf`, `daemon off;\npid ${dir}/nginx.pid;\nerror_log ${dir}/error.log;\nworker_processes 1;\nevents { worker_connections 512; }
		http { access_log off; ${temporary}
		server { listen 127.0.0.1:${port}; location / { proxy_pass ${process.env.WEBCHATT_URL}; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`);
	const start = () => spawn('nginx', ['-e', `${dir}/error.log`, '-p', dir, '-c', `${dir}/nginx.conf`], { stdio: 'ignore' });
	let child = start();
	const up = () => until(() => new Promise(done => net.connect(port, '127.0.0.1').on('connect', function () {
		this.destroy();
		done(true);
	}).on('error', () => done(false))));
	await up();
	return {
		line: { url: `ws://127.0.0.1:${port}/communication/web-chatt2me/ws` },
		stop: () => new Promise(done => child.on('exit', done) && child.kill('SIGTERM')),
		async again() {
			child = start();
			await up();
		}
	};
}

const proxy = await makeProxy();

test('behind a proxy that strips Upgrade', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, proxy.line, { query: { lax: '' } });
	const polls = [];
	widget.page.on('request', request => request.url().includes('/poll') && polls.push(request.postData()));
	await widget.open(false);
	await widget.say('can you hear me?');
	await comes(() => widget.state(), 'the line opens all the same', 'open');
	await comes(() => widget.mark('can you hear me?'), 'what was written is sent', 'sent');
	ok(polls.length > 0, 'by requests');
	const answer = await send(channel, { text: 'loud and clear' });
	await comes(() => widget.texts(), 'an answer comes', ['can you hear me?', 'loud and clear']);
	await comes(() => statusOf(answer), 'and is read', 'read');
	await context.close();
});

test('nothing is lost or doubled when the proxy goes away and comes back', async () => {
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, proxy.line, { query: { lax: '' } });
	await widget.open(false);
	await widget.say('before');
	await comes(() => widget.mark('before'), 'somebody is talking', 'sent');
	const wanted = ['before'];
	for (let n = 1; n <= 10; n++) {
		if (n === 4)
			await proxy.stop();
		await widget.say(`in ${n}`);
		await send(channel, { text: `out ${n}` });
		wanted.push(`in ${n}`, `out ${n}`);
	}
	await proxy.again();
	const sorted = async () => (await widget.texts()).sort();
	await comes(sorted, 'all is on the screen, once', [...wanted].sort());
	await comes(async () => (await messages(channel)).map(row => row[2]).sort(), 'and in the database, once', [...wanted].sort());
	const own = (await messages(channel)).filter(row => row[0] === 'in').map(row => row[2]);
	is(own, ['before', ...Array.from({ length: 10 }, (_, n) => `in ${n + 1}`)], 'in order');
	await sql(`DELETE FROM webchatt.visitors WHERE channel_id = '${channel.id}'`);
	await comes(() => widget.texts(), 'a visitor who is deleted begins anew here, too', []);
	await widget.say('somebody else');
	await comes(() => widget.mark('somebody else'), 'as somebody else', 'sent');
	is(widget.errors, [], 'no errors');
	await context.close();
});

test('where WebSockets go through nothing polls', async () => {
	line.open();
	const channel = await makeChannel([site.origin]);
	const context = await newContext();
	const widget = await Widget.visit(context, site, channel, line, { query: { lax: '' } });
	const polls = [];
	widget.page.on('request', request => /poll/.test(request.url()) && polls.push(request.url()));
	await widget.open();
	await widget.say('hello');
	await comes(() => widget.mark('hello'), 'sent', 'sent');
	line.cut();
	line.open();
	await widget.say('again');
	await comes(() => widget.mark('again'), 'also after a cut', 'sent');
	is(polls, [], 'no request, and no module for it');
	await context.close();
});

await run(async () => {
	await proxy.stop();
	await tidy();
});
