// The conversation as a file of text: all of it, also what is not here yet.

let conversation, launcher, line, make, on, summary, t;

const MOST_PAGES = 100;
const PATIENCE = 10000;

let told = () => 0;

export function start(core) {
	({ conversation, launcher, line, make, on, summary, t } = core);
	on('history', () => told());
	return { save };
}

const next = () => new Promise(done => {
	told = done;
	setTimeout(done, PATIENCE);
	line.loadOlder();
});

async function save() {
	// What cannot be read now is not there.
	let tries = 0;
	for (let n = 0; n < MOST_PAGES && tries < 2 && conversation.older && line.state === 'open'; n++) {
		const had = conversation.list().length;
		await next();
		tries = conversation.list().length > had ? 0 : tries + 1;
	}
	const lines = conversation.list().map(message => {
		const who = message.direction === 'in' ? t('you').replace(/\s*[:：]$/, '') : conversation.authorOf(message) || launcher.name();
		return `[${new Date(message.at).toLocaleString(launcher.host.lang)}] ${who}: ${summary(message.content)}`;
	});
	// With its mark, or some programs take it for another encoding.
	const url = URL.createObjectURL(new Blob(['\ufeff', lines.join('\r\n'), '\r\n'], { type: 'text/plain;charset=utf-8' }));
	make('a', { href: url, download: `${launcher.name().replace(/[^\p{L}\p{N}]+/gu, '-')}.txt` }).click();
	setTimeout(() => URL.revokeObjectURL(url), PATIENCE);
}
