// What is typed, scrolled and touched in the widget stays there.  Seen from the page, all of it happens to a bare
// element at the end of the document: shortcuts, carousels and dialogs that keep the focus would take it for
// their own.

import { launcher, listen } from '../core.js';

// These the page never sees.
const HELD = 'keydown keypress keyup focus blur focusin focusout';
// These it sees on their way in, since they cannot be sent again; but it cannot stop them.
const SHIELDED = 'wheel touchstart touchmove touchend pointerdown pointerup mousedown mouseup click dblclick contextmenu selectstart ' +
	'beforeinput input change compositionstart compositionupdate compositionend copy cut paste dragenter dragover drop';
const METHODS = ['preventDefault', 'stopPropagation', 'stopImmediatePropagation'];

export function guard() {
	const { host, shadow } = launcher;
	const inside = event => event.composedPath().includes(host);
	const twins = new WeakSet();
	let touchedAt = 0;

	// A plain event with what it says of the key: a KeyboardEvent Firefox lets out of any shadow, whatever it is told, and it would come
	// here again without end.
	function keyLike(type, said) {
		const event = new Event(type, said);
		for (const name in said)
			if (!(name in event))
				Object.defineProperty(event, name, { value: said[name] });
		return event;
	}

	function hold(event) {
		if (inside(event)) {
			const copy = {};
			for (const name in event)
				copy[name] = event[name];
			copy.composed = false;
			event.stopImmediatePropagation();
			const twin = /^key/.test(event.type) ? keyLike(event.type, copy) : new event.constructor(event.type, copy);
			twins.add(twin);
			const passed = event.composedPath()[0].dispatchEvent(twin);
			if (twins.has(twin) ? !passed : twin.refused)
				event.preventDefault();
		} else if (event.relatedTarget === host)
			// The focus has left the page, as when it goes to another window: nothing that can be fetched back.
			Object.defineProperty(event, 'relatedTarget', { value: null });
	}

	function shield(event) {
		if (inside(event))
			for (const name of METHODS)
				event[name] = () => 0;
	}

	function unshield(event) {
		for (const name of METHODS)
			delete event[name];
	}

	// What a browser does by itself, it does for the event itself: WebKit would press a button twice.
	function settle(event) {
		if (twins.delete(event)) {
			event.refused = event.defaultPrevented;
			event.preventDefault();
		}
	}

	// Can something between there and the container scroll that way?
	function scrolls(event, way) {
		for (const element of event.composedPath()) {
			if (element === shadow)
				return false;
			const room = element.scrollHeight - element.clientHeight;
			if (room > 0 && /auto|scroll/.test(getComputedStyle(element).overflowY) && (way < 0 ? element.scrollTop > 0 : element.scrollTop < room - 1))
				return true;
		}
	}

	function keepScroll(event) {
		const touches = event.touches;
		const y = touches ? touches[0].clientY : 0;
		const way = touches ? touchedAt - y : event.deltaY;
		touchedAt = y;
		// Two fingers, or Ctrl with the wheel, are for the size.
		if (event.cancelable && !event.ctrlKey && !(touches && touches.length > 1) && way && !scrolls(event, way))
			event.preventDefault();
	}

	listen(window, HELD, hold, true);
	listen(shadow, HELD, settle);
	listen(window, SHIELDED, shield, { capture: true, passive: true });
	listen(shadow, SHIELDED, unshield, { capture: true, passive: true });
	listen(shadow, SHIELDED, event => event.stopPropagation(), { passive: true });
	listen(shadow, 'touchstart', event => {
		touchedAt = event.touches[0].clientY;
	}, { passive: true });
	listen(shadow, 'wheel touchmove', keepScroll, { passive: false });
}
