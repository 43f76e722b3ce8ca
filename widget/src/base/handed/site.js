// What of it the modules that are loaded later use.
export { away, isAt } from '../site.js';
