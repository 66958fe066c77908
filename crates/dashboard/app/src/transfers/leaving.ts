import { isAnyPending } from '../requests/store';
import { isDownloading } from './store';
import { isUploading } from './uploads';

/** Lets the browser ask before the page is closed while a transfer or a request is running. */
export function warnBeforeLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (isDownloading() || isUploading() || isAnyPending()) event.preventDefault();
  });
}
