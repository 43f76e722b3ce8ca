// The panel's module: loaded when the chat is opened, or about to be.

import style from '../../../build/widget/panel.css';
import { launcher, take } from '../core.js';
import { makeView } from './view.js';

export function start(core) {
	take(core);
	launcher.addStyle(style);
	return makeView();
}
