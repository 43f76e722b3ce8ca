// The pages that only admins have, but for channels and agents: in the list behind "More".
import { HubsPage } from '../hubs/hubs_page.jsx';
import { KeysPage } from '../keys/keys_page.jsx';
import { RejectsPage } from '../rejects/rejects_page.jsx';
import { WebhooksPage } from '../webhooks/webhooks_page.jsx';

export const ADMIN_PAGES = {
	webhooks: { in: 'more', admin: true, Shown: WebhooksPage },
	keys: { in: 'more', admin: true, Shown: KeysPage },
	hubs: { in: 'more', admin: true, Shown: HubsPage },
	rejects: { in: 'more', admin: true, Shown: RejectsPage }
};
