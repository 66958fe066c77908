import { useSyncExternalStore } from 'react';
import { type Transfer, transfers } from './store';
import { type Upload, uploads } from './uploads';

export function useTransfers(): readonly Transfer[] {
  return useSyncExternalStore(transfers.subscribe, transfers.current);
}

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(uploads.subscribe, uploads.current);
}
