// The panel's module: loaded when the chat is opened, or about to be.

import style from '../../../build/widget/panel.css';
import { addWords, launcher, take } from '../core.js';
import words from '../words/en.js';
import { makeView } from './view.js';

export function start(core) {
	take(core);
	addWords(words);
	launcher.addStyle(style);
	return makeView();
}
