// Files on their way, above the field.
import { Fragment, h } from 'preact';
import { useChanges } from '../shared/changes.js';
import { Icon } from '../shared/ui.jsx';
import { locale, t } from '../shared/words.js';

function sizeOf(bytes) {
	const [unit, by] = bytes < 1048576 ? ['kilobyte', 1024] : ['megabyte', 1048576];
	return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: by === 1024 ? 0 : 1 }).format(bytes / by);
}

export function UploadList({ uploads, onEmpty }) {
	useChanges(uploads);
	const troubled = uploads.items.filter(item => item.problem || item.stuck);
	return <>
		<div class="hush" role="status">{troubled.map(item => `${item.name}: ${item.problem || t('fileWaits')}`).join(' ')}</div>
		{uploads.items.length > 0 && <ul class="uploads" aria-label={t('uploads')}>{uploads.items.map(item => <li key={item.key} class={item.problem ? 'bad' : undefined}>
			<span class="thumb" aria-hidden="true">{item.picture ? <img src={item.picture} alt="" /> : <Icon name="file" />}</span>
			<span class="upload"><b dir="auto">{item.name}</b>
				<small>{item.problem || (item.stuck ? t('fileWaits') : t('fileSize', { done: sizeOf(item.done), size: sizeOf(item.size) }))}</small>
				{!item.problem && <progress max={item.size} value={item.done} aria-label={item.name} />}</span>
			{item.problem && item.size > 0 && <button type="button" class="button small" onClick={() => uploads.redo(item)}>{t('retry')}</button>}
			<button type="button" class="plain" aria-label={t('cancelFile', { name: item.name })} title={t('cancel')} onClick={event => {
				const next = event.currentTarget.closest('li').nextElementSibling;
				uploads.remove(item);
				if (next)
					next.querySelector('.plain').focus();
				else
					onEmpty();
			}}><Icon name="close" /></button>
		</li>)}</ul>}
	</>;
}
