// Elements, for the bubble and for what is loaded later.  What a message holds
// becomes text nodes and checked addresses only, never markup.

// An element: make('a.link', { href: … }, child, 'text', …).  Attributes that
// are null or false are left out; on… are listeners.
export function make(name, attributes, ...children) {
	const [tag, ...classes] = name.split('.');
	const element = document.createElement(tag);
	if (classes.length)
		element.className = classes.join(' ');
	for (const key of Object.keys(attributes || {})) {
		const value = attributes[key];
		if (key.startsWith('on'))
			element.addEventListener(key.slice(2), value);
		else if (value !== null && value !== false && value !== undefined)
			element.setAttribute(key, value === true ? '' : value);
	}
	append(element, children);
	return element;
}

export function append(element, children) {
	for (const child of children) {
		if (Array.isArray(child))
			append(element, child);
		else if (child !== null && child !== undefined && child !== '' && child !== false)
			element.append(child);
	}
	return element;
}

// Write into the element only what is not there yet.
export function setText(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

// A picture of one line.
export function draw(name, line) {
	const space = 'http://www.w3.org/2000/svg';
	const svg = document.createElementNS(space, 'svg');
	const path = document.createElementNS(space, 'path');
	svg.setAttribute('viewBox', '0 0 24 24');
	svg.setAttribute('aria-hidden', 'true');
	svg.setAttribute('class', `icon i-${name}`);
	path.setAttribute('d', line);
	svg.append(path);
	return svg;
}
