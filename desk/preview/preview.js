// The preview of the widget: the widget itself, on a page of its own without origin, storage or network, whose hub is a play
// (stub_socket.js).  The desk's page around it says how it is configured; from nobody else is anything taken, and of what it says
// nothing is run: it becomes the widget's data-config, and that is JSON.
import { given } from '../../widget/src/base/loader.js';
import { StubSocket } from './stub_socket.js';

const PAGE = `
	html { background: #fff; }
	html.dark { background: #202523; }
	body { margin: 0; padding: 28px; font: 15px/1.5 system-ui, sans-serif; }
	i { display: block; height: 12px; margin: 0 0 14px; border-radius: 6px; background: #8884; }
	i:nth-child(1) { width: 40%; height: 26px; }
	i:nth-child(3n) { width: 82%; }
	i:nth-child(4n) { width: 64%; }
`;

const LANGUAGES = {
	ar: () => import('../../widget/src/words/ar.js'),
	de: () => import('../../widget/src/words/de.js'),
	en: () => import('../../widget/src/words/en.js'),
	es: () => import('../../widget/src/words/es.js'),
	fr: () => import('../../widget/src/words/fr.js'),
	he: () => import('../../widget/src/words/he.js'),
	it: () => import('../../widget/src/words/it.js'),
	ja: () => import('../../widget/src/words/ja.js'),
	pt: () => import('../../widget/src/words/pt.js')
};

const EXTRAS = {
	around: () => import('../../widget/src/extras/around.js'),
	emoji: () => import('../../widget/src/extras/emoji.js'),
	questions: () => import('../../widget/src/extras/questions.js'),
	rating: () => import('../../widget/src/extras/rating.js'),
	transcript: () => import('../../widget/src/extras/transcript.js')
};

const tell = what => parent.postMessage({ webchattPreview: what }, '*');

// A page on which the widget is: lines where its texts would be.
function furnish(dark) {
	const sheet = new CSSStyleSheet();
	sheet.replaceSync(PAGE);
	document.adoptedStyleSheets = [sheet];
	document.documentElement.className = dark ? 'dark' : '';
	for (let n = 0; n < 12; n++)
		document.body.append(document.createElement('i'));
}

// What is typed in the form beside it must not lose the focus to the widget that opens.
function keepFocusOutside() {
	let touched = false;
	for (const event of ['pointerdown', 'keydown'])
		addEventListener(event, () => touched = true, true);
	const { focus } = HTMLElement.prototype;
	HTMLElement.prototype.focus = function (options) {
		if (touched)
			focus.call(this, options);
	};
}

// The widget keeps Tab in its panel; in the preview it leads on, to the rest of the desk's page.
function letTabOut() {
	addEventListener('keydown', event => event.key === 'Tab' && event.stopImmediatePropagation(), true);
}

async function show({ config, name, scene, language }) {
	const script = document.createElement('script');
	const all = { ...config, webChatId: 'preview', endpoint: 'wss://preview.invalid/', settings: false };
	// What is of a visitor, or of an address, which there is none of.
	for (const name of ['attributes', 'domain'])
		delete all[name];
	// A script of no type that is run: the widget looks for its configuration there.
	script.type = 'text/plain';
	script.setAttribute('src', 'chat-widget');
	script.setAttribute('data-config', JSON.stringify(all));
	document.documentElement.lang = language;
	document.head.append(script);
	furnish(config.theme === 'dark' || config.theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
	keepFocusOutside();
	letTabOut();
	StubSocket.play(name, scene, config.lang || language);
	self.WebSocket = StubSocket;
	given.panel = () => import('../../widget/src/panel/panel.js');
	Object.assign(given, LANGUAGES, EXTRAS);
	given.notices = () => import('../../widget/src/extras/notices.js');
	await import('../../widget/src/base/boot.js');
	if (scene !== 'closed')
		self.Chatt2me.open();
	tell('shown');
}

let shown = false;
addEventListener('message', event => {
	if (parent === self || event.source !== parent || event.origin !== location.origin || !event.data)
		return;
	if (event.data.webchattPreview === 'again')
		location.reload();
	if (event.data.webchattPreview !== 'show' || shown)
		return;
	shown = true;
	show(event.data).catch(error => {
		tell('failed');
		throw error;
	});
});
addEventListener('error', () => tell('failed'));
tell('ready');
