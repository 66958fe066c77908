import { isAnyPending } from '../requests/store';
import { isDownloading } from './store';
import { isUploading } from './uploads';

/** Has the browser ask before the page is left while something would break off or an answer would be missed. */
export function warnBeforeLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (isDownloading() || isUploading() || isAnyPending()) event.preventDefault();
  });
}
