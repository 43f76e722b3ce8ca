// Two short tones, made here: no file.  Browsers let a page sound only after somebody has touched it, so what
// plays is made at the first touch.

const NOTES = [[660, 0], [880, 0.12]];
const LOUD = 0.12;

export class Tone {
	constructor() {
		this.context = null;
		this.touch = () => this.isWanted() && this.wake();
	}

	start(isWanted) {
		this.isWanted = isWanted;
		addEventListener('pointerdown', this.touch, { passive: true });
		addEventListener('keydown', this.touch);
	}

	stop() {
		removeEventListener('pointerdown', this.touch);
		removeEventListener('keydown', this.touch);
		if (this.context)
			this.context.close();
		this.context = null;
	}

	wake() {
		const Context = window.AudioContext;
		if (!this.context && Context)
			this.context = new Context();
		if (this.context && this.context.state === 'suspended')
			this.context.resume().catch(() => 0);
	}

	play() {
		if (navigator.userActivation && !navigator.userActivation.hasBeenActive)
			return;
		this.wake();
		if (!this.context)
			return;
		const now = this.context.currentTime;
		for (const [pitch, after] of NOTES) {
			const tone = this.context.createOscillator();
			const volume = this.context.createGain();
			tone.frequency.value = pitch;
			volume.gain.setValueAtTime(0, now + after);
			volume.gain.linearRampToValueAtTime(LOUD, now + after + 0.02);
			volume.gain.exponentialRampToValueAtTime(0.0001, now + after + 0.3);
			tone.connect(volume).connect(this.context.destination);
			tone.start(now + after);
			tone.stop(now + after + 0.32);
		}
	}
}
