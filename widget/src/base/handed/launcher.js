// What of it the modules that are loaded later use.
export { FULL_SCREEN, addStyle, announce, answer, asks, bubble, close, config, host, isOpen, name, open, paint, paintSoon, root, shadow } from '../launcher.js';
