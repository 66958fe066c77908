import { useState } from 'react';
import type { Archive } from '../../api/archives';

/** The selected backups, on all pages of the table. */
export function useSelection() {
  const [selected, setSelected] = useState<ReadonlyMap<string, Archive>>(new Map());
  return {
    selected,
    select: (archives: readonly Archive[], isSelected: boolean) => {
      const next = new Map(selected);
      for (const archive of archives) {
        if (isSelected) next.set(archive.id, archive);
        else next.delete(archive.id);
      }
      setSelected(next);
    },
    reset: () => setSelected(new Map()),
  };
}
