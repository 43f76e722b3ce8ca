// One channel: what is pasted elsewhere, each with Copy; its name and origins; a new public key.
import { h } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../shared/api.js';
import { useDeed } from '../shared/page.jsx';
import { href, parts } from '../shared/route.js';
import { Confirm, Copy, Head, Problem } from '../shared/ui.jsx';
import { t } from '../shared/words.js';
import { ChannelForm } from './channel_form.jsx';
import { ShowAuthor } from './show_author.jsx';
import { WidgetLooks } from './widget_looks.jsx';

function Widget({ channel, onChanged }) {
	const [asking, setAsking] = useState(false);
	const [done, setDone] = useState(false);
	async function regenerate() {
		await call('regenerate_public_key', { id: channel.id });
		await onChanged();
		setDone(true);
	}
	return <section class="block" aria-label={t('widgetScript')}>
		{channel.widgetScript ? <Copy label={t('widgetScript')} value={channel.widgetScript} rows={5} hint={t('widgetScriptHint')} />
			: <p class="notice">{t('noWidgetScript')}</p>}
		<Copy label={t('publicKey')} value={channel.publicKey} />
		<Copy label={t('channelId')} value={channel.id} />
		{done && <p class="notice" role="status">{t('regenerated')}</p>}
		<div class="buttons"><button type="button" class="button danger quiet" onClick={() => setAsking(true)}>{t('regenerate')}…</button></div>
		{asking && <Confirm title={t('regenerateAsk', { name: channel.displayName })} why={t('regenerateWhy')} action={t('regenerateDo')}
			onDo={regenerate} onClose={() => setAsking(false)} />}
	</section>;
}

// While strangers flood it, say.
function Newcomers({ channel, onChanged }) {
	const [error, run, busy] = useDeed();
	const paused = channel.newcomersPaused;
	return <section class="block" aria-label={t('newcomers')}>
		<h2>{t('newcomers')}</h2>
		<p class={paused ? 'notice' : 'hint'}>{t(paused ? 'newcomersPaused' : 'newcomersTaken')}</p>
		<Problem error={error} />
		<div class="buttons"><button type="button" class="button" disabled={busy} onClick={run(async () => {
			await call('pause_newcomers', { id: channel.id, paused: !paused });
			await onChanged();
		})}>{t(paused ? 'newcomersTake' : 'newcomersPause')}</button></div>
	</section>;
}

export function ChannelDetails({ channel, onChanged }) {
	const [saved, setSaved] = useState(0);
	const made = parts()[2] === 'made';
	async function save(values) {
		await call('set_channel', { id: channel.id, ...values });
		await onChanged();
		setSaved(saved + 1);
	}
	return <section class="page" aria-label={channel.displayName}>
		<Head title={channel.displayName} back={href('channels')}>{channel.newcomersPaused && <span class="tag warn">{t('paused')}</span>}
			{channel.local && <span class="tag">{t('local')}</span>}</Head>
		<div class="scroll"><div class="sheet">
			{made && <p class="notice" role="status">{t('channelMade')}</p>}
			{channel.local ? <Widget channel={channel} onChanged={onChanged} /> : <section class="block">
				<p class="notice">{t('remoteChannel', { hub: channel.hub })} <a href={href('hubs', channel.hub)}>{t('hub')}</a></p><Copy label={t('channelId')} value={channel.id} /></section>}
			{channel.local && <WidgetLooks channel={channel} />}
			{channel.local && <section class="block" aria-label={t('configure')}>
				<h2>{t('configure')}</h2>
				<ChannelForm key={saved} start={channel} action={t('save')} onSave={save}>{saved > 0 && <span class="saved" role="status">{t('saved')}</span>}</ChannelForm>
			</section>}
			{channel.local && <ShowAuthor channel={channel} onChanged={onChanged} />}
			{channel.local && <Newcomers channel={channel} onChanged={onChanged} />}
		</div></div>
	</section>;
}
