import { Button, Stack } from '@mantine/core';
import { useState } from 'react';
import { destinations } from '../../api/destinations';
import { usePages } from '../../api/pages';
import { Icon } from '../../components/Icon';
import { ItemList } from '../../components/ItemList';
import { PageHeader } from '../../components/PageHeader';
import { SavedNotice } from '../../components/SavedNotice';
import { Tip } from '../../components/Tip';
import { useDialog } from '../../components/useDialog';
import { DestinationDialog, type DestinationDialogRequest } from './DestinationDialog';
import { DestinationRow } from './DestinationRow';

export default function Destinations() {
  const list = usePages(['destinations'], destinations.list);
  const dialog = useDialog<DestinationDialogRequest>();
  const [saved, setSaved] = useState<string>();
  return (
    <>
      <PageHeader
        title="Destinations"
        lead="Other places that get a copy of each backup. If the first storage is lost, the copies can be restored."
      >
        <Button leftSection={<Icon name="add" size={18} />} onClick={() => dialog.open({ kind: 'create' })}>
          Add a destination…
        </Button>
      </PageHeader>
      <Stack gap="md">
        <SavedNotice text={saved} onClose={() => setSaved(undefined)} />
        <ItemList
          list={list}
          one="destination"
          other="destinations"
          empty="There is no destination yet. All backups are in one place only."
        >
          {(destination) => (
            <DestinationRow
              key={destination.id}
              destination={destination}
              onSaved={setSaved}
              openDialog={dialog.open}
            />
          )}
        </ItemList>
        <Tip title="Use another place than this building">
          A fire or a theft can destroy the server together with a disk beside it. Cloud storage that refuses
          deletions also protects against an attacker who deletes everything.
        </Tip>
      </Stack>
      <DestinationDialog dialog={dialog} onSaved={setSaved} />
    </>
  );
}
