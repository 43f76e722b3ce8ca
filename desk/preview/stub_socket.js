// A hub in the preview: plays a short conversation by the widget's protocol (doc/protocol.md), and never dials anybody.

const WORDS = {
	en: { asks: 'Hello! Do you ship to the Azores?', answers: 'We do. It takes about three days. What else would you like to know?', choices: ['What it costs', 'Where my order is'], replies: 'This is only a preview: nobody reads it.' },
	pt: { asks: 'Olá! Vocês entregam nos Açores?', answers: 'Entregamos. Leva uns três dias. O que mais gostaria de saber?', choices: ['Quanto custa', 'Onde está meu pedido'], replies: 'Isto é só uma prévia: ninguém lê.' }
};
const MINUTE = 60000;

let play = { name: '', scene: '', words: WORDS.en };
let made = 0;

// Ids of the hub begin with the time.
const idOf = at => {
	const hex = at.toString(16).padStart(12, '0');
	return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(++made).padStart(12, '0')}`;
};

const text = words => ({ type: 'text', text: words });

function opening() {
	const now = Date.now();
	if (play.scene !== 'conversation')
		return [];
	const buttons = play.words.choices.map((title, n) => ({ type: 'reply', reply: { id: `choice-${n}`, title } }));
	return [
		{ direction: 'in', at: now - 3 * MINUTE, status: 'read', content: text(play.words.asks) },
		{ direction: 'out', at: now - MINUTE, status: 'read', content: { type: 'interactive', interactive: { type: 'button', body: { text: play.words.answers }, action: { buttons } } } }
	].map(message => ({ id: idOf(message.at), ...message }));
}

export class StubSocket {
	constructor() {
		this.readyState = 0;
		setTimeout(() => {
			this.readyState = 1;
			this.onopen && this.onopen({});
		});
	}

	// What is played: the channel's name, whether there is a conversation, in which language.
	static play(name, scene, language) {
		play = { name, scene, words: WORDS[String(language).slice(0, 2).toLowerCase()] || WORDS.en };
	}

	say(frame, after = 0) {
		setTimeout(() => this.readyState === 1 && this.onmessage && this.onmessage({ data: JSON.stringify(frame) }), after);
	}

	send(data) {
		const frame = JSON.parse(data);
		if (frame.type === 'hello')
			this.say({ type: 'welcome', visitor: 'preview', name: play.name, messages: opening(), more: false, limits: { message: 16384 } });
		else if (frame.type === 'ping')
			this.say({ type: 'pong' });
		else if (frame.type === 'delivered' || frame.type === 'read')
			this.say({ type: 'status', status: frame.type, ids: frame.ids });
		else if (frame.type === 'message')
			this.answer(frame);
	}

	answer(frame) {
		const id = idOf(Date.now());
		this.say({ type: 'ack', id: frame.id, message: id, at: Date.now() }, 200);
		this.say({ type: 'status', status: 'read', upto: id }, 700);
		this.say({ type: 'typing' }, 900);
		setTimeout(() => {
			const at = Date.now();
			this.say({ type: 'message', id: idOf(at), direction: 'out', at, status: 'sent', content: text(play.words.replies) });
		}, 2200);
	}

	close() {
		this.readyState = 3;
	}
}
