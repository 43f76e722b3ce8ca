// Channels → Add channel → Configure Web Chatt, as the published dashboard calls it.
import { h } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { href } from '../shared/route.js';
import { Avatar, Empty, Head, Icon, Problem, Waiting } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { ChannelDetails } from './channel_details.jsx';
import { AddChannel } from './channel_form.jsx';
import { AddRemoteChannel } from './remote_channel.jsx';

// The channels as admins see them: { channels (null: not read yet), error, read() }.
function useChannels() {
	const [state, setState] = useState({ channels: null, error: null });
	async function read() {
		try {
			const answer = await call('channels');
			setState({ channels: Array.isArray(answer) ? answer : answer.channels, error: null });
		} catch (error) {
			setState(before => ({ ...before, error }));
		}
	}
	useEffect(() => {
		read();
	}, []);
	return { ...state, read };
}

function List({ channels }) {
	if (!channels.length) {
		return <Empty icon="channels" title={t('noChannels')}><p>{t('noChannelsWhy')}</p>
			<a class="button primary" href={href('channels', 'new')}><Icon name="plus" />{t('addChannel')}</a></Empty>;
	}
	return <ul class="things">{channels.map(one => <li key={one.id}><a href={href('channels', one.id)}>
		<Avatar name={one.displayName} />
		<span class="what"><b dir="auto">{one.displayName}</b>
			<small>{one.local ? (one.origins || []).join(', ') : `${one.kind} · ${one.hub}`}</small></span>
		{one.local && <span class="tag">{t('local')}</span>}
		{one.newcomersPaused && <span class="tag warn">{t('paused')}</span>}
	</a></li>)}</ul>;
}

export function ChannelsPage({ desk, which }) {
	const { channels, error, read } = useChannels();
	// What is made or changed here is in the inbox's list of channels, too.
	const changed = async () => {
		desk.rereadMe.now();
		await read();
	};
	if (which === 'new')
		return <AddChannel onMade={changed} />;
	if (which === 'remote')
		return <AddRemoteChannel onMade={changed} />;
	const one = which && channels && channels.find(each => each.id === which);
	if (one)
		return <ChannelDetails key={one.id} channel={one} onChanged={changed} />;
	return <section class="page" aria-label={t('channels')}>
		<Head title={t('channels')} back={which ? href('channels') : ''}>
			{!which && channels && channels.length > 0 && <a class="button primary" href={href('channels', 'new')}><Icon name="plus" />{t('addChannel')}</a>}
		</Head>
		<div class="scroll"><div class="sheet">
			<Problem error={error} />
			{!channels && !error && <Waiting />}
			{channels && (which ? <Empty icon="failed" title={t('channelMissing')} /> : <List channels={channels} />)}
		</div></div>
	</section>;
}
