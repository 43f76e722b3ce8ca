// Other conversations of who may be the same person: by what their pages said, which anybody can say.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { href } from '../shared/route.js';
import { fullOf, shortOf, t } from '../shared/words.js';

export function Related({ talk }) {
	const [others, setOthers] = useState([]);
	const said = JSON.stringify(talk.visitor.attributes);
	useEffect(() => {
		let gone = false;
		setOthers([]);
		// (Where it cannot be told now, the rest of the page says so.)
		call('related', talk.where).then(answer => gone || setOthers(answer), () => 0);
		return () => {
			gone = true;
		};
	}, [talk, said]);
	return others.length > 0 && <section class="related" aria-label={t('related')}>
		<h3>{t('related')}</h3>
		<ul>{others.map(one => <li key={`${one.channel} ${one.visitor}`}>
			<a href={href('conversation', one.channel, one.visitor)}><b dir="auto">{one.displayName}</b>
				<time dateTime={one.lastAt} title={fullOf(one.lastAt)}>{shortOf(one.lastAt)}</time>
				<span dir="auto">{one.lastText || t('unknown')}</span>
				<small>{t(one.by === 'email' ? 'sameEmail' : 'sameUser')}{one.state === 'closed' && ` · ${t('closed')}`}</small></a></li>)}</ul>
		<p class="hint">{t('attributesUnproved')}</p>
	</section>;
}
