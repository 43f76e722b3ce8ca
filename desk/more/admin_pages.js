// The pages that only admins have, and their words: a module of its own, which comes when the first of them is shown (later.jsx).
import { AgentsPage } from '../agents/agents_page.jsx';
import { ChannelsPage } from '../channels/channel_list.jsx';
import { HubsPage } from '../hubs/hubs_page.jsx';
import { KeysPage } from '../keys/keys_page.jsx';
import { RejectsPage } from '../rejects/rejects_page.jsx';
import { SettingsPage } from '../settings/settings_page.jsx';
import { addWords } from '../shared/words.js';
import { StatusPage } from '../status/status_page.jsx';
import { WebhooksPage } from '../webhooks/webhooks_page.jsx';
import { EN } from './admin_words_en.js';

export const PAGES = {
	channels: ChannelsPage,
	agents: AgentsPage,
	webhooks: WebhooksPage,
	keys: KeysPage,
	hubs: HubsPage,
	rejects: RejectsPage,
	status: StatusPage,
	settings: SettingsPage
};

// When they can be shown.
export const ready = addWords({ en: () => ({ EN }), pt: () => import('./admin_words_pt.js') });
