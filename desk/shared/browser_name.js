// What a browser says of itself, in short.

// The first that is found counts: most claim to be others, too.
const BROWSERS = [['Edg', 'Edge'], ['OPR', 'Opera'], ['SamsungBrowser', 'Samsung Internet'], ['FxiOS', 'Firefox'], ['Firefox'], ['CriOS', 'Chrome'], ['Chrome'], ['Safari']];
const SYSTEMS = [['iPhone'], ['iPad'], ['Android'], ['Windows'], ['CrOS', 'ChromeOS'], ['Mac OS X', 'macOS'], ['Linux']];

// "Firefox, Android"; all that it says where nothing of that is in it.
export function browserName(agent) {
	const found = [BROWSERS, SYSTEMS].map(list => list.find(([word]) => (agent || '').includes(word)));
	return found.every(Boolean) ? found.map(([word, name]) => name || word).join(', ') : agent;
}
