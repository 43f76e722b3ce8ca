// What happens in the widget, by name: its parts listen to each other, and the
// page to them.  What the widget listens to ends with it.

export const listeners = Object.create(null);
const ends = [];

// Returns the function that ends it.
export function onForPage(name, listener) {
	const list = listeners[name] = listeners[name] || [];
	list.push(listener);
	return () => {
		const at = list.indexOf(listener);
		if (at >= 0)
			list.splice(at, 1);
	};
}

// Those of another build of the widget, whose place this one takes.
export const adopt = others => Object.assign(listeners, others);

// Something to be done when the widget leaves the page.
export const atEnd = work => ends.push(work);

export const on = (name, listener) => atEnd(onForPage(name, listener));

// Listen to the page or the browser.
export function listen(target, names, listener, options) {
	for (const name of names.split(' ')) {
		target.addEventListener(name, listener, options);
		atEnd(() => target.removeEventListener(name, listener, options));
	}
}

export function every(interval, work) {
	const timer = setInterval(work, interval);
	atEnd(() => clearInterval(timer));
}

export function end() {
	while (ends.length)
		ends.pop()();
}

// A listener of the page that fails must not stop the widget.
export function emit(name, value) {
	for (const listener of [...listeners[name] || []]) {
		try {
			listener(value);
		} catch (e) {
			setTimeout(() => {
				throw e;
			});
		}
	}
}
