// Questions before the first message: the answers are the visitor's attributes, a name and an e-mail are told as such.

import style from '../../../build/widget/asked.css';

let isObject, launcher, line, element, setText, store, string, t;

const MOST = 5;
const LONGEST = 200;

export function start(core) {
	({ isObject, launcher, line, make: element, setText, store, string, t } = core);
	launcher.addStyle(style);
	return { make };
}

// A form; done is called when all is answered.
function make(done) {
	const { config } = launcher;
	const questions = config.questions.filter(one => isObject(one) && /^[a-z]\w{0,31}$/.test(one.name)).slice(0, MOST);
	const fields = questions.map(({ name, label, type, required }, n) => {
		const email = type === 'email';
		const trouble = element('p.wrong', { id: `wrong-${n}`, role: 'alert' });
		const input = element('input', {
			id: `question-${n}`, type: email ? 'email' : 'text', autocomplete: email ? 'email' : name === 'name' ? 'name' : 'on', maxlength: LONGEST, dir: 'auto',
			'aria-describedby': `wrong-${n}`, 'aria-required': required ? 'true' : null
		});
		input.value = string((config.attributes || {})[name]);
		const words = string(label) || t(name);
		return {
			name, input,
			rows: element('div.question', null, element('label', { for: `question-${n}`, dir: 'auto' }, required ? words : `${words} (${t('optional')})`), input, trouble),
			// Whether it will do; says so if not.
			check() {
				const value = input.value.trim();
				const problem = !value ? required ? 'needed' : '' : email && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? 'badEmail' : '';
				setText(trouble, problem && t(problem));
				input.setAttribute('aria-invalid', String(!!problem));
				return !problem;
			}
		};
	});
	return element('form.questions', {
		novalidate: true,
		onsubmit(event) {
			event.preventDefault();
			const wrong = fields.filter(field => !field.check());
			if (wrong.length)
				return wrong[0].input.focus();
			const answers = {};
			for (const { name, input } of fields)
				if (input.value.trim())
					answers[name] = input.value.trim();
			store.set('answers', answers);
			launcher.answer(answers);
			done();
		}
	}, fields.map(field => field.rows), element('button', { type: 'submit' }, t('begin')));
}
