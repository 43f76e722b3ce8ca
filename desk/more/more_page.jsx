// What does not fit into the bar of pages: a list of links.
import { h } from 'preact';
import { href } from '../shared/route.js';
import { Head, Icon } from '../shared/ui.jsx';
import { t } from '../shared/words.js';

export function MorePage({ pages }) {
	return <section class="page" aria-label={t('more')}>
		<Head title={t('more')} />
		<div class="scroll"><div class="sheet">
			<ul class="things more">{pages.map(one => <li key={one}><a href={href(one)}>
				<Icon name={one} /><span class="what"><b>{t(one)}</b><small>{t(`${one}Why`)}</small></span></a></li>)}</ul>
		</div></div>
	</section>;
}
