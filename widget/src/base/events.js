// What happens in the widget, by name: its parts listen to each other, and the
// page to them.

const listeners = Object.create(null);

// Returns the function that ends it.
export function on(name, listener) {
	const list = listeners[name] = listeners[name] || [];
	list.push(listener);
	return () => {
		const at = list.indexOf(listener);
		if (at >= 0)
			list.splice(at, 1);
	};
}

// Listen to the page or the browser.
export function listen(target, names, listener, options) {
	for (const name of names.split(' '))
		target.addEventListener(name, listener, options);
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
