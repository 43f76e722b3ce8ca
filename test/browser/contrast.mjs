// The texts in an element, or in its shadow root, whose contrast is below 4.5, with it.  Runs in the page.
export function poorContrast(host) {
	const channels = text => (text.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4))
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = element => {
		for (let at = element; at; at = at.parentElement) {
			const color = channels(getComputedStyle(at).backgroundColor);
			if (color.length === 3 || color[3] === 1)
				return color;
		}
		return [255, 255, 255];
	};
	const poorly = [];
	for (const element of (host.shadowRoot || host).querySelectorAll('*')) {
		const own = Array.from(element.childNodes).some(node => node.nodeType === 3 && node.data.trim());
		if (!own || !element.getClientRects().length || element.closest('.hush'))
			continue;
		const [a, b] = [light(channels(getComputedStyle(element).color)), light(behind(element))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5)
			poorly.push(`${ratio.toFixed(2)} ${element.className} ${element.textContent}`);
	}
	return poorly;
}
