// The words that the widget shows, in each language that it knows, and the
// choice between them.  What is missing in English is its name: send, "Send".

const WORDS = {
	en: {
		open: 'Open chat',
		close: 'Close chat',
		greeting: 'Write to us here. We answer as soon as we can.',
		write: 'Write a message…',
		earlier: 'Earlier messages',
		latest: 'New messages',
		unread: '{n} unread',
		you: 'You:',
		connecting: 'Connecting…',
		reconnecting: 'Reconnecting…',
		failed: 'Could not connect.',
		offline: 'You are offline. Messages are sent when you are back.',
		gone: 'This chat is not available.',
		retry: 'Try again',
		typing: '{name} is typing…',
		rate: 'Too many messages at a time.',
		busy: 'Not sent yet. Trying again…',
		too_large: 'The message is too long.',
		bad_content: 'This message cannot be sent.',
		unsent: 'Not sent.',
		unknown: 'This message cannot be shown here.'
	},
	pt: {
		open: 'Abrir o chat',
		close: 'Fechar o chat',
		greeting: 'Escreva para nós aqui. Respondemos assim que possível.',
		write: 'Escreva uma mensagem…',
		send: 'Enviar',
		messages: 'Mensagens',
		earlier: 'Mensagens anteriores',
		latest: 'Novas mensagens',
		unread: '{n} não lidas',
		you: 'Você:',
		connecting: 'Conectando…',
		reconnecting: 'Reconectando…',
		failed: 'Não foi possível conectar.',
		offline: 'Você está sem conexão. As mensagens serão enviadas quando ela voltar.',
		gone: 'Este chat não está disponível.',
		retry: 'Tentar de novo',
		typing: '{name} está digitando…',
		sending: 'Enviando',
		sent: 'Enviada',
		delivered: 'Entregue',
		read: 'Lida',
		rate: 'Muitas mensagens de uma vez.',
		busy: 'Ainda não enviada. Tentando de novo…',
		too_large: 'A mensagem é longa demais.',
		bad_content: 'Esta mensagem não pode ser enviada.',
		unsent: 'Não enviada.',
		edit: 'Editar',
		discard: 'Descartar',
		image: 'Imagem',
		video: 'Vídeo',
		audio: 'Áudio',
		document: 'Documento',
		location: 'Localização',
		contact: 'Contato',
		choose: 'Escolher',
		unknown: 'Esta mensagem não pode ser mostrada aqui.'
	}
};

let words;
let time;
let date;

// Dates follow the words: a language that config.strings brings, too.
export let locale;

const baseOf = tag => tag.toLowerCase().split('-')[0];

// The first of the wanted languages that there are words for: the
// configuration's, the page's, the browser's.
function pickLanguage(config) {
	const wanted = [config.lang, document.documentElement.lang].concat(navigator.languages)
		.map(tag => String(tag || '').replace('_', '-'));
	for (const tag of wanted) {
		const base = baseOf(tag);
		// A page says "en": the browser knows which English.
		if (WORDS[base])
			return wanted.find(one => one.startsWith(`${base}-`)) || base;
	}
	return 'en';
}

export function chooseWords(config) {
	const tag = pickLanguage(config);
	words = { ...WORDS[baseOf(tag)], ...config.strings };
	locale = config.strings && config.lang ? config.lang : tag;
	time = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
	date = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
}

const capital = text => text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);

// A word, its {holes} filled.
export const t = (name, holes) =>
	String(words[name] || capital(name)).replace(/\{(\w+)\}/g, (all, hole) => holes && hole in holes ? holes[hole] : all);

export const timeOf = at => time.format(at);

// "Today", "Yesterday", or a date.
export function dayOf(at) {
	const noon = when => new Date(when).setHours(12, 0, 0, 0);
	const ago = Math.round((noon(Date.now()) - noon(at)) / 86400000);
	const text = ago >= 0 && ago < 2 ? new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-ago, 'day') : date.format(at);
	return capital(text);
}
