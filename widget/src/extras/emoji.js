// A picker for emoji, of those that people send most.

import style from '../../../build/widget/emoji.css';

let launcher, make, t;

const ALL = '😀 😃 😄 😁 😆 😅 😂 🤣 😊 😇 🙂 🙃 😉 😌 😍 🥰 😘 😋 😜 🤪 🤨 🧐 🤓 😎 🥳 😏 😒 😞 😔 😟 😕 🙁 😣 😖 😫 😩 🥺 😢 😭 😤 😠 😡 🤯 😳 🥵 🥶 😱 😨 😰 😥 🤗 🤔 🤭 🤫 😶 😐 😑 😬 🙄 😯 😴 🤒 🤕 🤢 🥴 👍 👎 👌 ✌️ 🤞 👏 🙌 🙏 💪 👋 🤝 👀 ❤️ 🧡 💛 💚 💙 💜 🖤 💔 ✨ ⭐ 🔥 🎉 🎁 🎂 🌹 ☀️ 🌈 ☕ 🍕 🍰 🚚 📦 💳 💰 🛒 📞 📷 ✅ ❌ ❓ ❗';

let box = null;
let button;
let insert;

export function start(core) {
	({ launcher, make, t } = core);
	launcher.addStyle(style);
	box = null;
	return { toggle, outside };
}

function show(yes) {
	box.hidden = !yes;
	button.setAttribute('aria-expanded', String(yes));
	if (yes)
		box.firstChild.focus();
}

// Arrows lead through it; one stop for Tab.
function key(event) {
	const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 8, ArrowUp: -8 }[event.key];
	if (event.key === 'Escape') {
		event.stopPropagation();
		show(false);
		button.focus();
	}
	if (!step)
		return;
	event.preventDefault();
	const all = [...box.children];
	const next = all[all.indexOf(event.target) + (getComputedStyle(box).direction === 'rtl' && step * step === 1 ? -step : step)];
	if (next)
		next.focus();
}

function toggle(by, form, then) {
	insert = then;
	button = by;
	if (!box) {
		box = make('div.emojis', { role: 'group', 'aria-label': t('emoji'), hidden: true, onkeydown: key },
			ALL.split(' ').map((one, n) => make('button', { type: 'button', tabindex: n ? -1 : 0, onclick: () => {
				show(false);
				insert(one);
			} }, one)));
		form.before(box);
	}
	show(box.hidden);
}

// Who clicks elsewhere does not want it.
function outside(event) {
	if (box && !box.hidden && !box.contains(event.target) && !button.contains(event.target))
		show(false);
}
