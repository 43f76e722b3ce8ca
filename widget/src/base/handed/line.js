// What of it the modules that are loaded later use.
export { MARK, closed, dial, fits, follow, late, loadOlder, other, pump, retry, state, tell, tellReceipts } from '../line.js';
