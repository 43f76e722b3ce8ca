// The desk: who is signed in, and which page is shown to them.
import { Fragment, h, render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { AnswersPage } from './answers/answers_page.jsx';
import { ConversationPage } from './conversation/conversation_page.jsx';
import { InboxList, Pick } from './inbox/inbox_list.jsx';
import { forgetTitle, showWaiting } from './inbox/title.js';
import { AdminPage } from './more/later.jsx';
import { MorePage } from './more/more_page.jsx';
import { SearchPage, useSearchKeys } from './search/search_page.jsx';
import { useChanges } from './shared/changes.js';
import { Desk } from './shared/desk.js';
import { href, useRoute } from './shared/route.js';
import { startTheme } from './shared/theme.js';
import { Empty, Icon, Waiting } from './shared/ui.jsx';
import { startWords, t } from './shared/words.js';
import { AccountPage } from './sign-in/account_page.jsx';
import { begin, takeToken } from './sign-in/sign_in.js';
import { AskPage, SignInPage } from './sign-in/sign_in_page.jsx';

// The pages beside the inbox: in the bar or, for admins, in the list behind "More", in this order.  A page is named as in the
// address; its icon (shared/ui.jsx), its name and, with Why behind it, its line in the list are called the same.  What only
// admins have is shown by more/admin_pages.js.
const PAGES = {
	search: { in: 'bar', Shown: SearchPage },
	channels: { in: 'bar', admin: true },
	agents: { in: 'bar', admin: true },
	more: { in: 'bar', admin: true, Shown: MorePage },
	answers: { in: 'more', Shown: AnswersPage },
	webhooks: { in: 'more', admin: true },
	keys: { in: 'more', admin: true },
	hubs: { in: 'more', admin: true },
	rejects: { in: 'more', admin: true },
	status: { in: 'more', admin: true },
	settings: { in: 'more', admin: true },
	account: { in: 'more', Shown: AccountPage }
};
const names = Object.keys(PAGES);
const listed = names.filter(one => PAGES[one].in === 'more');

function Navigation({ desk, page }) {
	const pages = ['inbox', ...desk.isAdmin ? names.filter(one => PAGES[one].in === 'bar') : names.filter(one => !PAGES[one].admin)];
	const current = pages.includes(page) ? page : 'more';
	return <nav class="pages" aria-label={t('pages')}>{pages.map(one =>
		<a key={one} href={href(one)} aria-current={current === one ? 'page' : undefined}>
			<Icon name={one} /><span>{t(one)}</span>
			{one === 'inbox' && desk.inbox.waiting > 0 && <span class="badge"><span aria-hidden="true">{desk.inbox.waiting > 99 ? '99+' : desk.inbox.waiting}</span>
				<span class="hush">{t('waiting', { n: desk.inbox.waiting })}</span></span>}
		</a>)}</nav>;
}

// Whether what is shown is what there is.  A line that is back at once is not worth a word.
function Line({ desk }) {
	useChanges(desk.live, desk);
	const [late, setLate] = useState(false);
	const cut = desk.live.state !== 'open';
	useEffect(() => {
		setLate(false);
		const timer = cut && setTimeout(() => setLate(true), 1500);
		return () => clearTimeout(timer);
	}, [cut]);
	// Whoever goes on has seen as whom they came.
	useEffect(() => {
		const seen = () => desk.came && desk.arrived();
		addEventListener('hashchange', seen);
		return () => removeEventListener('hashchange', seen);
	}, [desk]);
	return <div class="line-state" role="status">
		{desk.came && <p class="came"><span dir="auto">{t('nowSignedInAs', { name: desk.agent.displayName })}</span> <button type="button" class="link" onClick={() => desk.arrived()}>{t('fine')}</button></p>}
		{cut && late && <p class="bar">{t(navigator.onLine ? 'connecting' : 'offline')}</p>}
		{!cut && desk.updated && <p class="bar">{t('updated')} <button type="button" class="link" onClick={() => location.reload()}>{t('reload')}</button></p>}
	</div>;
}

function Page({ desk, route, onLiking, onSignOut }) {
	const [page, ...rest] = route;
	const { admin, Shown = admin && AdminPage } = Object.hasOwn(PAGES, page) ? PAGES[page] : {};
	if (admin && !desk.isAdmin)
		return <section class="page"><Empty icon="failed" title={t('adminOnly')} /></section>;
	// back: the list that the page is in, where it is in one.
	if (Shown)
		return <Shown name={page} desk={desk} which={rest[0]} pages={listed} back={desk.isAdmin && listed.includes(page) ? href('more') : ''} onLiking={onLiking} onSignOut={onSignOut} />;
	const open = page === 'conversation' && rest[1] ? rest.slice(0, 2) : null;
	return <>
		<InboxList desk={desk} open={open} />
		{open ? <ConversationPage desk={desk} channel={open[0]} visitor={open[1]} message={rest[2]} /> : <Pick desk={desk} />}
	</>;
}

function Signed({ desk, onLiking, onSignOut }) {
	const route = useRoute();
	useChanges(desk, desk.inbox);
	useSearchKeys();
	useEffect(() => showWaiting(desk.inbox.waiting));
	const page = Object.hasOwn(PAGES, route[0]) ? route[0] : 'inbox';
	return <div class={`desk on-${route[0] === 'conversation' ? 'conversation' : 'page'}`}>
		<a class="skip" href="#main" onClick={event => {
			event.preventDefault();
			document.querySelector('main').focus();
		}}>{t('skip')}</a>
		<Line desk={desk} />
		<Navigation desk={desk} page={page} />
		<main id="main" tabIndex={-1}><Page desk={desk} route={route} onLiking={onLiking} onSignOut={onSignOut} /></main>
	</div>;
}

// state: { desk } of who is signed in, { ask } of who is and has opened a link, { error, token } of who is not, {} while
// that is not known.
function App({ token }) {
	const [state, setState] = useState({});
	const [, setLiking] = useState(0);
	const left = useRef(token);

	function enter(me, came) {
		const desk = new Desk(me);
		desk.came = came;
		desk.start(() => leave(desk));
		setState({ desk });
	}
	function leave(desk) {
		desk.stop();
		showWaiting(0);
		setState(before => before.desk === desk ? { error: null, token: '' } : before);
	}
	async function start(sure) {
		setState({});
		const { me, came, ask, error, token: tried } = await begin(left.current, sure === true);
		left.current = tried;
		if (me)
			enter(me, came);
		else
			setState(ask ? { ask } : { error, token: tried });
	}
	useEffect(() => {
		start();
	}, []);

	if (state.desk) {
		return <Signed desk={state.desk} onLiking={() => {
			forgetTitle();
			setLiking(Math.random());
		}} onSignOut={() => {
			state.desk.keep.clear();
			leave(state.desk);
		}} />;
	}
	if (state.ask)
		return <AskPage me={state.ask} onStay={() => enter(state.ask)} onSwitch={() => start(true)} />;
	if (state.error !== undefined)
		return <SignInPage {...state} onRetry={() => start(false)} onMe={me => enter(me)} />;
	return <main class="welcome">{token ? <p role="status">{t('signing')}</p> : <Waiting />}</main>;
}

// A link that is opened in a tab which has the desk already changes only what is behind #.
addEventListener('hashchange', () => location.hash.startsWith('#sign-in=') && location.reload());
const token = takeToken();
startTheme();
startWords().then(() => render(<App token={token} />, document.getElementById('desk')));
